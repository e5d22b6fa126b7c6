r"""Transport on a grid in time: steps of second order that damp what is fast, and keep the energy.

Each step has two implicit stages with the same matrix (Alexander, SIAM J. Numer. Anal. 14, 1006,
1977), :math:`\gamma = 1 - 1/\sqrt 2`:

.. math::
    g_1 = g + \gamma\,\Delta t\,\dot g_1, \qquad
    g_2 = g + (1 - \gamma)\,\Delta t\,\dot g_1 + \gamma\,\Delta t\,\dot g_2 ,

and the pseudo-temperature balances the collisions in both. With :math:`s = 1/(\gamma \Delta t)` a
stage is the steady transport of rays that lag: :math:`s\,(g - g_\text{old})` takes the place of the
change in time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from jaxneq._core import SolveStats, Status, linear_solve

from ._frames import Rays, frames
from ._grid import GridHistory, GridProblem
from ._grid_preconditioner import preconditioner
from ._grid_transport import Past, Response, Transport, Unknown

GAMMA = 1 - 1 / math.sqrt(2)


class _State(NamedTuple):
    """Temperatures, walls and departures of all rays; the power that came in, and `falling`.

    The distribution is the temperature of its node and the departure; `falling` is the rate of
    `GridHistory.relaxation`.
    """

    unknown: Unknown
    departure: tuple[Array, ...]
    temperature: Array
    flux: Array
    given: Array
    power: Array
    falling: Array


class _Costs(NamedTuple):
    """The worst of all solves."""

    code: Array
    iterations: Array
    residual: Array
    change: Array


def grid_history(
    problem: GridProblem,
    beams: Rays,
    start: Float[Array, "*cells node"],
    source: Callable[[Array], Float[Array, "*cells"]],
    times: Float[Array, " time"],
    steps: int,
    tolerance: Array,
    max_iterations: int,
) -> GridHistory:
    """Follow all rays from local equilibrium at `start` to each of `times`, which may be any.

    **Arguments:** `source(time)`, the power per volume at a time; `steps` between two times that
    follow each other, even. All is done twice, the second time with half as many steps.
    """
    order = jnp.argsort(times)
    alive = jnp.where(beams.emission > 0, beams.relaxation_time, jnp.inf)
    shortest = lax.stop_gradient(jnp.min(alive))
    instant = math.sqrt(jnp.finfo(times.dtype).eps) * shortest  # nothing happens by then
    ends = jnp.concatenate([jnp.zeros(1, times.dtype), times[order]])
    start = start * problem.solid[..., None]
    begin = _at_rest(Transport.bare(problem, beams), start)

    def follow(count: Array) -> tuple[Any, Any]:
        def interval(carry: Any, bounds: tuple[Array, Array]) -> Any:
            length = jnp.maximum(bounds[1] - bounds[0], instant)
            dt = length / count.astype(length.dtype)
            transport = Transport.of(problem, beams, 1 / (GAMMA * dt))
            precondition = preconditioner(lax.stop_gradient(transport))

            @jax.checkpoint
            def step(carry: Any, now: Array) -> Any:
                state, received, costs = carry
                power = lambda share: source(now + share * dt)  # noqa: E731
                state, gained, costs = _step(
                    transport, precondition, state, power, dt, tolerance, max_iterations, costs
                )
                return state, received + gained, costs

            def maybe(carry: Any, index: Array) -> Any:
                now = bounds[0] + index.astype(dt.dtype) * dt
                return lax.cond(index < count, step, lambda c, _: c, carry, now), None

            carry, _ = lax.scan(maybe, carry, jnp.arange(steps))
            state, received, _ = carry
            unknown = state.unknown
            energy = jnp.sum(problem.capacity * state.temperature)
            shown = (unknown.temperature, *state[2:5], state.falling, energy, received)
            return carry, shown

        none = jnp.zeros((), times.dtype)
        costs = _Costs(jnp.int32(0), jnp.int32(0), none, none)
        (_, _, costs), shown = lax.scan(interval, (begin, none, costs), (ends[:-1], ends[1:]))
        return costs, shown

    costs, shown = lax.map(follow, jnp.asarray([steps, steps // 2]))
    worst = _Costs(*(jnp.max(each) for each in costs))
    back = jnp.argsort(order)
    pseudo, temperature, flux, given, falling, energy, received = (part[0][back] for part in shown)
    status = Status(worst.code).unless("stagnation", worst.change > tolerance)
    return GridHistory(
        problem=problem,
        time=times,
        start=start,
        temperature=temperature,
        pseudotemperature=pseudo,
        flux=flux,
        given=given,
        energy=energy,
        received=received,
        relaxation=falling,
        coarse=shown[1][1][back],
        status=status,
        stats={"iterations": worst.iterations, "residual": worst.residual},
    )


def _at_rest(transport: Transport, start: Array) -> _State:
    """Local equilibrium, in which nothing is known to move."""
    problem, rays = transport.problem, transport.rays
    departure = tuple(
        jnp.zeros((*frame.here.shape, *rays.emission.shape[-2:]), start.dtype)
        for frame in frames(problem.cells, problem.mirrored)
    )
    none = jnp.zeros((), start.dtype)
    axes = problem.dimensions
    return _State(
        transport.zero()._replace(temperature=start),
        departure,
        start,
        jnp.zeros((*problem.cells, axes), start.dtype),
        jnp.zeros((*problem.cells, axes, 2), start.dtype),
        none,
        none,
    )


def _step(
    transport: Transport,
    precondition: Callable[[Unknown], Unknown],
    begin: _State,
    source: Callable[[Any], Array],
    dt: Array,
    tolerance: Array,
    max_iterations: int,
    costs: _Costs,
) -> tuple[_State, Array, _Costs]:
    """The state a step on, and the energy that came in."""

    def stage(carry: Any, inputs: tuple[Array, Array]) -> Any:
        now, costs = carry
        share, at = inputs
        first, last = begin.unknown.temperature, now.unknown.temperature
        departure = tuple(
            a + share * (b - a) for a, b in zip(begin.departure, now.departure, strict=True)
        )
        past = Past(first + share * (last - first), departure)
        now, costs = _stage(
            transport, precondition, now, past, source(at), tolerance, max_iterations, costs
        )
        return (now, costs), now.power

    at = jnp.asarray([GAMMA, 1.0], dt.dtype)
    shares = jnp.asarray([0.0, 1 / GAMMA - 1], dt.dtype)
    (end, costs), power = lax.scan(stage, (begin, costs), (shares, at))
    return end, dt * ((1 - GAMMA) * power[0] + GAMMA * power[1]), costs


def _stage(
    transport: Transport,
    precondition: Callable[[Unknown], Unknown],
    guess: _State,
    past: Past,
    source: Array,
    tolerance: Array,
    max_iterations: int,
    costs: _Costs,
) -> tuple[_State, _Costs]:
    """The temperatures at which all nodes and diffuse walls give off what they must.

    What is solved for is the change since the stage before.
    """
    problem = eqx.tree_at(lambda p: p.source, transport.problem, source)
    shut, inner = jnp.zeros(problem.dimensions, source.dtype), tolerance / 100
    row, shaped = ravel_pytree(guess.unknown)

    def balance(unknown: Unknown, **given: Any) -> tuple[Array, Response]:
        response = transport.respond(unknown, tolerance=inner, **given)
        return ravel_pytree(transport.residual(response))[0], response

    unbalanced, _ = balance(guess.unknown, fall=shut, past=past)
    walls = jnp.zeros_like(guess.unknown.wall)
    rhs = ravel_pytree(Unknown(problem.node_power, walls))[0] - unbalanced
    loss, _ = transport.slowed
    assert loss is not None
    kept = (loss * problem.volume / transport.nodes)[..., None]
    held = jnp.linalg.norm(kept * past.temperature)
    rounding = 100 * jnp.finfo(rhs.dtype).eps * held
    change, solve = linear_solve(
        lambda x: balance(shaped(x))[0],
        jnp.where(jnp.linalg.norm(rhs) > rounding, rhs, 0),
        preconditioner=lambda r: ravel_pytree(precondition(shaped(r)))[0],
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    unknown = shaped(row + change)
    entering, off = None, jnp.zeros((), source.dtype)
    if any(problem.periodic) or any(problem.mirrored):
        _, around = balance(unknown, fall=shut, past=past)
        entering, off = around.left, around.change
    _, response = balance(unknown, fall=shut, past=past, entering=entering, keep=True)
    given = transport.given(response)
    departure = tuple(part for part in response.kept if part is not None)
    state = _State(
        unknown,
        departure,
        transport.temperature_of_energy(unknown, response),
        transport.heat_flux(response.moments).sum(axis=-1),
        given,
        jnp.sum(given) + jnp.sum(problem.node_power),
        _falling(transport, unknown.temperature, departure, past),
    )
    return state, _worse(costs, solve, off)


def _falling(
    transport: Transport, temperature: Array, departure: tuple[Array, ...], past: Past
) -> Array:
    """Minus the sum of energies times g times its change in time."""
    problem, heat = transport.problem, transport.rays.heat
    heat = heat.reshape(-1, *heat.shape[-2:])  # of one medium or several
    medium = jnp.zeros(problem.cells, int) if problem.media is None else problem.media.medium
    own = jnp.arange(heat.shape[0]).reshape(-1, *(1,) * medium.ndim) == medium[None]
    volume = jnp.broadcast_to(transport.node_volume, temperature.shape)
    volume = jnp.where(own[..., None], volume[None], 0).reshape(heat.shape[0], -1)
    total: Any = jnp.zeros((), temperature.dtype)
    places = zip(
        frames(problem.cells, problem.mirrored),
        departure,
        past.departure,
        strict=True,
    )
    for frame, now, before in places:
        local = temperature.ravel()[frame.here][..., None, None]
        changed = (temperature - past.temperature).ravel()[frame.here][..., None, None]
        product = (local + now) * (changed + now - before)
        total = total + jnp.einsum("...ogr,a...o,agr->", product, volume[:, frame.here], heat)
    assert transport.rate is not None
    return -transport.rate * total


def _worse(costs: _Costs, solve: SolveStats, change: Array) -> _Costs:
    return _Costs(
        jnp.maximum(costs.code, solve.status.code),
        jnp.maximum(costs.iterations, solve.iterations),
        jnp.maximum(costs.residual, solve.residual),
        jnp.maximum(costs.change, change),
    )
