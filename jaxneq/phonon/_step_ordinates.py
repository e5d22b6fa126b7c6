"""Discrete ordinates on constant cells: what `_grid_ordinates` does, by the step scheme."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from jaxneq._core import SolveStats, Status, linear_solve, stationary_value

from ._frames import Rays, rays
from ._free_paths import FreePaths
from ._grid import GridProblem, GridState, over_falls
from ._grid_transport import Ends
from ._step_cells import StepResponse, StepTransport, StepUnknown, step_preconditioner

Found = tuple[StepUnknown, Ends]  # what a fall leads to, and what enters through periodic ends


def step_ordinates(
    problem: GridProblem, angles: int, paths: FreePaths, tolerance: Array, max_iterations: int
) -> GridState:
    """The state for each applied fall of temperature."""
    beams = rays(problem, angles, paths)
    transport = StepTransport.of(problem, beams)
    nodes = 1 << problem.dimensions

    def one(fall: Array) -> Any:
        unknown, response, stats = _solve(transport, fall, tolerance, max_iterations)
        whole = (unknown.temperature + response.departure) * problem.solid
        fields = (
            jnp.repeat(unknown.temperature[..., None], nodes, axis=-1),
            jnp.repeat(whole[..., None], nodes, axis=-1),
            response.flux.sum(axis=-1),
            transport.given(response),
            fall @ transport.mean_flux(response),
        )
        return (unknown, response.left), fields, (response.change, response.passes), stats

    found, fields, (change, passes), stats = over_falls(one, problem.fall)
    pseudotemperature, temperature, flux, given, by_band = fields
    status = Status(jnp.max(stats.status.code)).unless("stagnation", jnp.max(change) > tolerance)
    return GridState(
        problem=problem,
        dissipation=stationary_value(_dissipation, (problem, beams), found),
        pseudotemperature=pseudotemperature,
        temperature=temperature,
        flux=flux,
        given=given,
        flux_by_band=by_band if problem.elastic else None,
        status=status,
        stats={
            "iterations": jnp.max(stats.iterations),
            "residual": jnp.max(stats.residual),
            "passes": jnp.max(passes),
        },
    )


def _solve(
    transport: StepTransport, fall: Array, tolerance: Array, max_iterations: int
) -> tuple[StepUnknown, StepResponse, SolveStats]:
    """The temperatures at which every cell and diffuse wall gives off what it must."""
    problem = transport.problem
    nothing = transport.zero()
    _, shaped = ravel_pytree(nothing)
    inner = tolerance / 100
    first = transport.respond(nothing, fall=fall, tolerance=inner)
    at_rest = transport.residual(first)

    def operator(flat: Array) -> Array:
        response = transport.respond(shaped(flat), tolerance=inner, like=first)
        return ravel_pytree(transport.residual(response))[0]

    precondition = step_preconditioner(lax.stop_gradient(transport))
    rhs, _ = ravel_pytree(
        StepUnknown(problem.node_power.sum(axis=-1) - at_rest.temperature, -at_rest.wall)
    )
    conducted = jnp.sum(problem.flux_share * problem.mean_free_path)
    carried = conducted * jnp.max(jnp.abs(fall))
    rounding = 100 * jnp.finfo(rhs.dtype).eps * carried * jnp.linalg.norm(transport.area)
    flat, stats = linear_solve(
        operator,
        jnp.where(jnp.linalg.norm(rhs) > rounding, rhs, 0),
        preconditioner=lambda r: ravel_pytree(precondition(shaped(r)))[0],
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    unknown = shaped(flat)
    return unknown, transport.respond(unknown, fall=fall, tolerance=inner), stats


def _dissipation(parameters: tuple[GridProblem, Rays], found: Found) -> Float[Array, "fall fall"]:
    """The bilinear form that all unknowns make stationary, per volume."""
    problem, beams = parameters
    transport = StepTransport.of(problem, beams)
    volume, power = problem.volume.sum(), problem.node_power.sum(axis=-1)
    each = [jax.tree.map(lambda part, k=k: part[k], found) for k in range(len(problem.fall))]
    responses = [
        transport.respond(unknown, fall=fall, entering=entering)
        for fall, (unknown, entering) in zip(problem.fall, each, strict=True)
    ]
    rows = []
    for (first, _), left, fall in zip(each, responses, problem.fall, strict=True):
        row = []
        for (second, entering), response in zip(each, responses, strict=True):
            residual = transport.residual(response)
            value = volume * jnp.sum(fall @ transport.mean_flux(response))
            value = value + jnp.sum(problem.reservoir * transport.given(response))
            value = value - jnp.sum(power * (first.temperature + second.temperature))
            value = value + jnp.sum(first.temperature * residual.temperature)
            value = value + jnp.sum(first.wall * residual.wall)
            ends = (left.left, entering, response.left)
            row.append(value + transport.imbalance(first.temperature, *ends))
        rows.append(jnp.stack(row))
    return jnp.stack(rows) / volume
