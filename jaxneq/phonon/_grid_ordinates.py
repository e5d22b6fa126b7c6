"""Discrete ordinates on a grid: the balance of nodes and walls, solved by conjugate gradients."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from jaxneq._core import SolveStats, linear_solve

from ._frames import rays
from ._grid import GridProblem
from ._grid_diffusion import preconditioner
from ._grid_transport import Response, Transport, Unknown


def solve(
    problem: GridProblem, angles: int, polar_angles: int, tolerance: Array, max_iterations: int
) -> tuple[Transport, Unknown, Response, SolveStats]:
    """The temperatures at which every node and diffuse wall gives off what it must."""
    transport = Transport.of(problem, rays(problem, angles, polar_angles))
    shapes = transport.zero()
    inner = tolerance / 10

    def residual(unknown: Unknown, driven: bool) -> Unknown:
        found = transport.respond(unknown, driven=driven, tolerance=inner)
        wall = found.wall_power * transport.diffuse[..., None]
        return Unknown(found.power + jnp.sum(wall, axis=(-3, -1)), wall)

    def operator(flat: Array) -> Array:
        return _flat(residual(_shaped(flat, shapes), driven=False))

    power = problem.source[..., None] * transport.node_volume * problem.solid[..., None]
    at_rest = residual(shapes, driven=True)
    rhs = _flat(Unknown(power - at_rest.temperature, -at_rest.wall))
    precondition = preconditioner(lax.stop_gradient(transport))
    flat, stats = linear_solve(
        operator,
        rhs,
        preconditioner=lambda r: _flat(precondition(_shaped(r, shapes))),
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    unknown = _shaped(flat, shapes)
    return transport, unknown, transport.respond(unknown, driven=True, tolerance=inner), stats


def _flat(unknown: Unknown) -> Array:
    return jnp.concatenate([unknown.temperature.ravel(), unknown.wall.ravel()])


def _shaped(flat: Array, like: Unknown) -> Unknown:
    count: Any = like.temperature.size
    return Unknown(
        flat[:count].reshape(like.temperature.shape), flat[count:].reshape(like.wall.shape)
    )
