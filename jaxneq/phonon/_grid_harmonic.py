r"""Transport and Fourier's law on a grid at a frequency.

With all fields in proportion to :math:`e^{i\omega t}` rays lag by :math:`\sigma = i\omega\tau`, as
in a stage of a step in time; the balance is complex and symmetric.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Complex, Float

from jaxneq._core import Status, linear_solve

from ._ballistic import unscattered
from ._frames import Rays
from ._grid import GridBallistic, GridProblem
from ._grid_diffusion import Diffusion
from ._grid_preconditioner import preconditioner
from ._grid_transport import Response, Transport, Unknown
from ._multigrid import Multigrid


class GridWave(eqx.Module):
    """Complex amplitudes on the grid, in the units of `GridProblem`; as in `GridState`."""

    problem: GridProblem
    temperature: Complex[Array, "*cells node"]
    pseudotemperature: Complex[Array, "*cells node"]
    given: Complex[Array, "*cells axis side"]
    energy: Complex[Array, ""]
    ballistic: GridBallistic | None
    status: Status
    stats: dict[str, Any]


def transport_wave(
    problem: GridProblem,
    beams: Rays,
    frequency: Array,
    tolerance: Array,
    max_iterations: int,
    *,
    apart: bool = False,
) -> GridWave:
    """The response to the sources at an angular frequency; reservoirs stay as they are.

    What is ballistic is told `apart` if asked for.
    """
    lag = lax.complex(0 * frequency, frequency)
    numbers, rest = eqx.partition((problem, beams), eqx.is_inexact_array)
    numbers = jax.tree.map(lambda part: part.astype(lag.dtype), numbers)
    whole, rays = eqx.combine(numbers, rest)
    transport = Transport.of(whole, rays, rate=lag)
    nothing = transport.zero()
    _, shaped = ravel_pytree(nothing)

    def balance(unknown: Unknown) -> tuple[Array, Response]:
        response = transport.respond(unknown, tolerance=tolerance / 100)
        return ravel_pytree(transport.residual(response))[0], response

    frozen = lax.stop_gradient((problem, beams, frequency))
    inverse = preconditioner(Transport.bare(*frozen))
    split = jax.vmap(lambda row: ravel_pytree(inverse(_like(row, nothing)))[0])

    def precondition(row: Array) -> Array:
        return lax.complex(*split(jnp.stack([row.real, row.imag])))

    row, stats = linear_solve(
        lambda x: balance(shaped(x))[0],
        ravel_pytree(Unknown(whole.node_power, nothing.wall))[0],
        preconditioner=precondition,
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    unknown = shaped(row)
    _, response = balance(unknown)
    temperature = transport.temperature_of_energy(unknown, response)
    ballistic = None
    if apart:
        ballistic = unscattered(transport, unknown, fall=None, tolerance=tolerance / 100)
    return GridWave(
        problem=problem,
        temperature=temperature,
        pseudotemperature=unknown.temperature,
        given=transport.given(response),
        energy=jnp.sum(whole.capacity * temperature),
        ballistic=ballistic,
        status=stats.status.unless("stagnation", response.change > tolerance),
        stats={"iterations": stats.iterations, "residual": stats.residual},
    )


def _like(row: Float[Array, " _"], nothing: Unknown) -> Unknown:
    """Real unknowns from a row of them."""
    size: Any = nothing.temperature.size
    parts = row[:size].reshape(nothing.temperature.shape), row[size:].reshape(nothing.wall.shape)
    return Unknown(*parts)


def diffusion_wave(
    problem: GridProblem, frequency: Array, tolerance: Array, max_iterations: int
) -> GridWave:
    """The same by Fourier's law."""
    shape = (*problem.cells, 1 << problem.dimensions)
    law, solid, held = Diffusion(problem, 0.0), problem.solid[..., None], problem.capacity
    lag = lax.complex(0 * frequency, frequency)
    loss = frequency * problem.heat
    frozen = lax.stop_gradient((problem, jnp.zeros_like(frequency), loss))
    lossy = Multigrid(Diffusion(*frozen))

    def both(function: Callable[[Array], Array], row: Array) -> Array:
        return lax.complex(*(function(part) for part in (row.real, row.imag)))

    def operator(row: Array) -> Array:
        nodes = row.reshape(shape)
        return (both(law, nodes) + lag * held.astype(row.dtype) * nodes).ravel()

    def near(part: Array) -> Array:
        return lossy.solve(part.reshape(shape)).ravel()

    power = problem.node_power
    row, stats = linear_solve(
        operator,
        lax.complex(power, 0 * power).ravel(),
        preconditioner=lambda r: both(near, r),
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    nodes = row.reshape(shape) * solid.astype(row.dtype)
    still = jnp.zeros(problem.dimensions, solid.dtype), jnp.zeros_like(problem.reservoir)
    exchange = jax.grad(law.energy, argnums=2)
    return GridWave(
        problem=problem,
        temperature=nodes,
        pseudotemperature=nodes,
        given=both(lambda part: exchange(part, *still), nodes),
        energy=jnp.sum(held.astype(row.dtype) * nodes),
        ballistic=None,
        status=stats.status,
        stats={"iterations": stats.iterations, "residual": stats.residual},
    )
