"""Discrete ordinates on a grid: the balance of nodes and walls, solved by conjugate gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import SolveStats, linear_solve, stationary_value

from ._frames import Rays, rays
from ._grid import GridProblem, GridState
from ._grid_diffusion import preconditioner
from ._grid_transport import Ends, Response, Transport, Unknown


class Found(NamedTuple):
    """What one applied fall of temperature leads to, and what enters through periodic ends."""

    unknown: Unknown
    entering: Ends


def grid_ordinates(
    problem: GridProblem, angles: int, polar_angles: int, tolerance: Array, max_iterations: int
) -> GridState:
    """The state for each applied fall of temperature."""
    beams = rays(problem, angles, polar_angles)
    transport = Transport.of(problem, beams)

    def one(fall: Array) -> tuple[Found, Any, SolveStats]:
        unknown, response, stats = _solve(transport, fall, tolerance, max_iterations)
        flux = transport.heat_flux(response.moments)
        mean = jnp.tensordot(problem.volume, flux, axes=problem.dimensions) / problem.volume.sum()
        fields = (
            transport.temperature_of_energy(unknown, response),
            flux.sum(axis=-1),
            fall @ mean,
            response.change,
            response.passes,
        )
        return Found(unknown, response.left), fields, stats

    found, (temperature, flux, by_band, change, passes), stats = lax.map(one, problem.fall)
    dissipation = stationary_value(_dissipation, (problem, beams), found)
    worst = jnp.argmax(stats.residual)
    status = jax.tree.map(lambda x: x[worst], stats.status)
    status = status.unless("stagnation", jnp.max(change) > tolerance)
    return GridState(
        width=problem.width,
        dissipation=dissipation,
        pseudotemperature=found.unknown.temperature,
        temperature=temperature,
        flux=flux,
        flux_by_band=by_band if problem.elastic else None,
        status=status,
        stats={
            "iterations": jnp.max(stats.iterations),
            "residual": jnp.max(stats.residual),
            "passes": jnp.max(passes),
        },
    )


def _solve(
    transport: Transport, fall: Array, tolerance: Array, max_iterations: int
) -> tuple[Unknown, Response, SolveStats]:
    """The temperatures at which every node and diffuse wall gives off what it must."""
    problem = transport.problem
    nothing = transport.zero()
    inner = tolerance / 10

    def operator(flat: Array) -> Array:
        response = transport.respond(_shaped(flat, nothing), tolerance=inner)
        return _flat(transport.residual(response))

    power = problem.source[..., None] * transport.node_volume * problem.solid[..., None]
    at_rest = transport.residual(transport.respond(nothing, fall=fall, tolerance=inner))
    precondition = preconditioner(lax.stop_gradient(transport))
    rhs = _flat(Unknown(power - at_rest.temperature, -at_rest.wall))
    carried = jnp.sum(problem.flux_share * problem.mean_free_path) * jnp.max(jnp.abs(fall))
    rounding = 100 * jnp.finfo(rhs.dtype).eps * carried * jnp.linalg.norm(transport.node_area)
    flat, stats = linear_solve(
        operator,
        jnp.where(jnp.linalg.norm(rhs) > rounding, rhs, 0),
        preconditioner=lambda r: _flat(precondition(_shaped(r, nothing))),
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    unknown = _shaped(flat, nothing)
    return unknown, transport.respond(unknown, fall=fall, tolerance=inner), stats


def _dissipation(parameters: tuple[GridProblem, Rays], found: Found) -> Float[Array, "fall fall"]:
    """The bilinear form that all unknowns make stationary, per volume."""
    problem, beams = parameters
    transport = Transport.of(problem, beams)
    volume = problem.volume.sum()

    def one(inputs: tuple[Array, Found]) -> Any:
        fall, (unknown, entering) = inputs
        response = transport.respond(unknown, fall=fall, entering=entering)
        flux = transport.heat_flux(response.moments).sum(axis=-1)
        mean = jnp.tensordot(problem.volume, flux, axes=problem.dimensions)
        return mean, transport.residual(response), response.left

    mean, residual, left = lax.map(one, (problem.fall, found))
    unknown, entering = found
    rows = []
    for i in range(problem.fall.shape[0]):
        row = []
        for j in range(problem.fall.shape[0]):
            ith, jth = (jax.tree.map(lambda x, k=k: x[k], (left, entering)) for k in (i, j))
            value = problem.fall[i] @ mean[j]
            value = value + jnp.sum(unknown.temperature[i] * residual.temperature[j])
            value = value + jnp.sum(unknown.wall[i] * residual.wall[j])
            row.append(value + transport.imbalance(
                unknown.temperature[i], ith[0], jth[1], jth[0]
            ))
        rows.append(jnp.stack(row))
    return jnp.stack(rows) / volume


def _flat(unknown: Unknown) -> Array:
    return jnp.concatenate([unknown.temperature.ravel(), unknown.wall.ravel()])


def _shaped(flat: Array, like: Unknown) -> Unknown:
    count: Any = like.temperature.size
    return Unknown(
        flat[:count].reshape(like.temperature.shape), flat[count:].reshape(like.wall.shape)
    )
