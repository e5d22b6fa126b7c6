"""Discrete ordinates on a grid: the balance of nodes and walls, solved by conjugate gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import SolveStats, Status, linear_solve, stationary_value

from ._ballistic import unscattered
from ._frames import Rays, rays
from ._free_paths import FreePaths
from ._grid import GridProblem, GridState, over_falls
from ._grid_entropy import entropy_made
from ._grid_preconditioner import preconditioner
from ._grid_transport import Ends, Response, Transport, Unknown

BLOCK = 10_000_000  # unknowns (nodes over 2^d, rays) that a derivative holds; some 200 bytes each


class Found(NamedTuple):
    """What one applied fall of temperature leads to, and what enters through periodic ends."""

    unknown: Unknown
    entering: Ends


def grid_ordinates(
    problem: GridProblem,
    angles: int,
    paths: FreePaths,
    tolerance: Array,
    max_iterations: int,
    *,
    apart: bool = False,
) -> GridState:
    """The state for each applied fall of temperature; with what is ballistic told `apart`."""
    beams = rays(problem, angles, paths)
    transport = Transport.of(problem, beams)
    precondition = preconditioner(lax.stop_gradient(transport))

    def one(fall: Array) -> tuple[Found, Any, SolveStats]:
        unknown, response, stats = _solve(transport, precondition, fall, tolerance, max_iterations)
        flux = transport.heat_flux(response.moments)
        ballistic = None
        if apart:
            ballistic = unscattered(transport, unknown, fall=fall, tolerance=tolerance / 100)
        mean = jnp.tensordot(problem.volume, flux, axes=problem.dimensions) / problem.volume.sum()
        fields = (
            transport.temperature_of_energy(unknown, response),
            flux.sum(axis=-1),
            transport.given(response),
            fall @ mean,
            entropy_made(transport, unknown, response),
            response.change,
            response.passes,
            transport.at_interfaces(unknown, response),
            ballistic,
            _Parts.of(transport, response),
        )
        return Found(unknown, response.left), fields, stats

    found, fields, stats = over_falls(one, problem.fall)
    temperature, flux, given, by_band, entropy, change, passes, interface, ballistic, parts = fields
    value = parts.form(problem, found) - _released(problem, found)
    dissipation = stationary_value(_dissipation, (problem, beams), found, value)
    status = Status(jnp.max(stats.status.code)).unless("stagnation", jnp.max(change) > tolerance)
    return GridState(
        problem=problem,
        dissipation=dissipation,
        pseudotemperature=found.unknown.temperature,
        temperature=temperature,
        flux=flux,
        given=given,
        flux_by_band=by_band if problem.elastic and problem.media is None else None,
        interface=interface,
        ballistic=ballistic,
        status=status,
        stats={
            "iterations": jnp.max(stats.iterations),
            "residual": jnp.max(stats.residual),
            "passes": jnp.max(passes),
        },
        entropy=entropy,
    )


def _solve(
    transport: Transport,
    precondition: Callable[[Unknown], Unknown],
    fall: Array,
    tolerance: Array,
    max_iterations: int,
) -> tuple[Unknown, Response, SolveStats]:
    """The temperatures at which every node and diffuse wall gives off what it must."""
    problem = transport.problem
    nothing = transport.zero()
    inner = tolerance / 100

    first = transport.respond(nothing, fall=fall, tolerance=inner)
    at_rest = transport.residual(first)

    def operator(flat: Array) -> Array:  # directions shrink: less and less exactly
        response = transport.respond(shaped(flat, nothing), tolerance=inner, like=first)
        return flattened(transport.residual(response))

    rhs = flattened(Unknown(problem.node_power - at_rest.temperature, -at_rest.wall))
    conducted = jnp.sum(problem.flux_share * problem.mean_free_path, axis=-1)
    carried = jnp.max(conducted) * jnp.max(jnp.abs(fall))
    rounding = 100 * jnp.finfo(rhs.dtype).eps * carried * jnp.linalg.norm(transport.node_area)
    flat, stats = linear_solve(
        operator,
        jnp.where(jnp.linalg.norm(rhs) > rounding, rhs, 0),
        preconditioner=lambda r: flattened(precondition(shaped(r, nothing))),
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    unknown = shaped(flat, nothing)
    response = transport.respond(unknown, fall=fall, tolerance=inner, squares=True)
    return unknown, response, stats


def _dissipation(parameters: tuple[GridProblem, Rays], found: Found) -> Float[Array, "fall fall"]:
    """The bilinear form that all unknowns make stationary, per volume.

    It is a sum over rays. Derivatives hold what a block of rays leaves in memory, no more.
    """
    problem, beams = parameters
    count = beams.emission.shape[-1]
    unknowns = found.unknown.temperature[0].size * beams.emission.size * problem.dimensions
    enough = min(-(-unknowns // BLOCK), count)
    blocks = next(b for b in range(enough, count + 1) if count % b == 0)

    def split(part: Array) -> Array:
        return jnp.moveaxis(part.reshape(*part.shape[:-1], blocks, -1), -2, 0)

    @jax.checkpoint
    def one(inputs: tuple[Rays, Ends]) -> Array:
        some, entering = inputs
        return _dissipation_of((problem, some), Found(found.unknown, entering))

    if blocks == 1:
        form = one((beams, found.entering))
    else:
        form = jnp.sum(lax.map(one, jax.tree.map(split, (beams, found.entering))), axis=0)
    return form - _released(problem, found)


def _dissipation_of(
    parameters: tuple[GridProblem, Rays], found: Found
) -> Float[Array, "fall fall"]:
    """What some of the rays add to it."""
    problem, beams = parameters
    transport = Transport.of(problem, beams)

    def one(inputs: tuple[Array, Found]) -> tuple[_Parts, Ends]:
        fall, (unknown, entering) = inputs
        response = transport.respond(unknown, fall=fall, entering=entering)
        return _Parts.of(transport, response), response.left

    parts, left = over_falls(one, (problem.fall, found))
    ends = [
        [jax.tree.map(lambda x, k=k: x[k], end) for k in range(problem.fall.shape[0])]
        for end in (left, found.entering)
    ]
    around = [
        [transport.imbalance(own, ith, came, went) for went, came in zip(*ends, strict=True)]
        for own, ith in zip(found.unknown.temperature, ends[0], strict=True)
    ]
    closed = jnp.stack([jnp.stack(row) for row in around])
    return parts.form(problem, found) + closed / problem.volume.sum()


class _Parts(NamedTuple):
    """What a response adds to the dissipation, for each applied fall of temperature.

    The integral of the heat flux, what reservoirs give off times their temperature, and what nodes
    and walls give off.
    """

    heat_flux: Float[Array, "*fall axis"]
    given: Float[Array, "*fall"]
    residual: Float[Array, "*fall unknown"]

    @classmethod
    def of(cls, transport: Transport, response: Response) -> _Parts:
        problem = transport.problem
        flux = transport.heat_flux(response.moments).sum(axis=-1)
        return cls(
            jnp.tensordot(problem.volume, flux, axes=problem.dimensions),
            jnp.sum(problem.reservoir * transport.given(response)),
            flattened(transport.residual(response)),
        )

    def form(self, problem: GridProblem, found: Found) -> Float[Array, "fall fall"]:
        unknown = jax.vmap(flattened)(found.unknown)
        value = problem.fall @ self.heat_flux.T + self.given[None] + unknown @ self.residual.T
        return value / problem.volume.sum()


def _released(problem: GridProblem, found: Found) -> Float[Array, "fall fall"]:
    """What the sources add to it."""
    axes = problem.dimensions + 1
    released = jnp.tensordot(found.unknown.temperature, problem.node_power, axes=axes)
    return (released[:, None] + released[None]) / problem.volume.sum()


def flattened(unknown: Unknown) -> Array:
    return jnp.concatenate([unknown.temperature.ravel(), unknown.wall.ravel()])


def shaped(flat: Array, like: Unknown) -> Unknown:
    count: Any = like.temperature.size
    return Unknown(
        flat[:count].reshape(like.temperature.shape), flat[count:].reshape(like.wall.shape)
    )
