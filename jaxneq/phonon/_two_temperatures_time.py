r"""A film on a substrate in time: steps of second order that keep the energy.

Each step has two implicit stages (Alexander, SIAM J. Numer. Anal. 14, 1006, 1977), of the energy E
with the gains R and the heat Q given until then, :math:`\alpha = 1 - 1/\sqrt 2`:

.. math::
    E_1 = E + \alpha\,\Delta t\,R_1 + \tfrac12 \left[Q(t + 2\alpha\,\Delta t) - Q(t)\right], \qquad
    E_2 = E + (1 - \alpha)\,\Delta t\,R_1 + \alpha\,\Delta t\,R_2 + Q(t + \Delta t) - Q(t)

so that all the heat arrives, however short the pulse.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import SolveStats, newton

from ._block_tridiagonal import block_tridiagonal_solve
from ._grid_time import GAMMA
from ._two_temperatures import TwoTemperatures

Heat = Callable[[Array], Float[Array, " film"]]
LEAST = 1e-9  # rises below this share of the ambient temperature need not be found as exactly
ROUNDING = 10.0  # as many roundings of the largest flow are allowed
COLDEST = 0.001  # of the ambient temperature, where Newton's method stops


class Costs(NamedTuple):
    """The worst of all solves."""

    code: Array
    iterations: Array
    residual: Array


def follow(
    layers: TwoTemperatures,
    start: Float[Array, "cell carrier"],
    heat: Heat,
    times: Float[Array, " time"],
    steps: int,
    tolerance: Array,
    max_iterations: int,
) -> tuple[Float[Array, "time cell carrier"], Costs]:
    """The rises at each of `times`, which ascend, from `start` at time 0.

    **Arguments:** `heat(time)`, what cells of the film were given until then (J/m2); `steps`
    between two times.
    """
    none = jnp.zeros((), times.dtype)
    begin = jnp.concatenate([none[None], times[:-1]])

    def step(carry: Any, now: tuple[Array, Array]) -> Any:
        rise, costs = carry
        rise, costs = _step(layers, rise, heat, now, tolerance, max_iterations, costs)
        return (rise, costs), None

    def interval(carry: Any, bounds: tuple[Array, Array]) -> Any:
        dt = (bounds[1] - bounds[0]) / steps
        now = bounds[0] + dt * jnp.arange(steps, dtype=dt.dtype)
        carry, _ = lax.scan(step, carry, (now, jnp.broadcast_to(dt, now.shape)))
        return carry, carry[0]

    costs = Costs(jnp.int32(0), jnp.int32(0), none)
    (_, costs), rises = lax.scan(interval, (start, costs), (begin, times))
    return rises, costs


def _step(
    layers: TwoTemperatures,
    rise: Float[Array, "cell carrier"],
    heat: Heat,
    now: tuple[Array, Array],
    tolerance: Array,
    max_iterations: int,
    costs: Costs,
) -> tuple[Array, Costs]:
    time, dt = now
    held, before = layers.energy(rise), heat(time)
    given = jnp.stack([(heat(time + 2 * GAMMA * dt) - before) / 2, heat(time + dt) - before])
    lag, film = GAMMA * dt, layers.film_width.size

    def stage(carry: Any, inputs: tuple[Array, Array]) -> Any:
        guess, costs = carry
        share, warmed = inputs
        past = held + share * dt * layers.gained(layers.flows(guess))
        past = past.at[:film, 0].add(warmed)
        found, solve = _stage(layers, guess, past, lag, tolerance, max_iterations)
        return (found, _worse(costs, solve)), None

    shares = jnp.asarray([0.0, 1 - GAMMA], dt.dtype)
    carry, _ = lax.scan(stage, (rise, costs), (shares, given))
    return carry


def _stage(
    layers: TwoTemperatures,
    guess: Float[Array, "cell carrier"],
    past: Float[Array, "cell carrier"],
    lag: Array,
    tolerance: Array,
    max_iterations: int,
) -> tuple[Array, SolveStats]:
    """The rises whose energy is `past` and what is gained in the time `lag`."""
    width, eps = layers.width[:, None], jnp.finfo(past.dtype).eps
    densest = jnp.max(jnp.sum(jnp.abs(past / width), axis=1))
    least = LEAST * jnp.sum(layers.capacity) * layers.ambient
    rounding = ROUNDING * eps / tolerance * lag * layers.stiffness(guess)
    scale = lax.stop_gradient(densest + least + rounding)

    def residual(row: Float[Array, " n"]) -> Float[Array, " n"]:
        rise = row.reshape(layers.shape)
        missing = layers.energy(rise) - past - lag * layers.gained(layers.flows(rise))
        return jnp.where(layers.present, missing / (width * scale), rise / layers.ambient).ravel()

    row, stats = newton(
        residual,
        guess.ravel(),
        within=((COLDEST - 1) * layers.ambient, jnp.asarray(jnp.inf, past.dtype)),
        scale=jnp.ones_like(guess).ravel(),
        tolerance=tolerance,
        max_iterations=max_iterations,
        linear_solve=partial(block_tridiagonal_solve, block=layers.shape[1]),
    )
    return row.reshape(layers.shape), stats


def _worse(costs: Costs, solve: SolveStats) -> Costs:
    return Costs(
        jnp.maximum(costs.code, solve.status.code),
        jnp.maximum(costs.iterations, solve.iterations),
        jnp.maximum(costs.residual, solve.residual),
    )
