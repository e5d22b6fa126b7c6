"""Time cut where results are wanted and where the protocol jumps or bends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PyTree

from ._systems import AbstractLangevin, Control

Time = Float[Array, ""]


def control_and_speed(system: AbstractLangevin, time: Time) -> tuple[Control, Control]:
    """The control at a time, and its time derivative."""
    return jax.jvp(system.control_at, (time,), (jnp.ones_like(time),))


def just_after(system: AbstractLangevin, time: Time) -> Time:
    """A time later by rounding, where the control has its limit from the right."""
    if system.protocol is None:
        return time
    return time + 4 * jnp.finfo(time.dtype).eps * (time + system.protocol.duration)


def edges_of(system: AbstractLangevin, times: Float[Array, " time"]) -> Float[Array, " edge"]:
    """0, the times and the knots of the protocol up to the last of them, in order."""
    start = jnp.zeros_like(times[:1])
    knots = start if system.protocol is None else system.protocol.knots
    return jnp.sort(jnp.concatenate([start, times, jnp.clip(knots, 0, jnp.max(times))]))


def march(
    system: AbstractLangevin,
    times: Float[Array, " time"],
    state: PyTree,
    *,
    step: Callable[[PyTree, Callable[[Time], Time], Time], PyTree],
    jump: Callable[[PyTree, Control, Control], PyTree],
    substeps: int,
) -> PyTree:
    """The state at each of `times`, after a jump that happens then; `state` is before time 0.

    Time is cut at `times` and at the protocol's knots, each piece into `substeps` steps.
    ``step(state, stage, dt)`` makes one, where ``stage(share)`` is a time within the step that
    never lies on a knot; ``jump(state, before, after)`` changes the control at once.
    """
    dtype, edges = system.dtype, edges_of(system, times)
    before, first = system.control_at(-jnp.ones((), dtype)), system.control_at(edges[0])
    carry = jump(state, before, first), first

    def segment(carry: tuple[PyTree, Control], ends: tuple[Time, Time]) -> Any:
        (state, control), (left, right) = carry, ends
        dt = (right - left) / substeps
        margin = jnp.minimum(4 * jnp.finfo(dtype).eps * jnp.abs(right), (right - left) / 4)

        def one(state: PyTree, number: Array) -> tuple[PyTree, None]:
            begin = left + number * dt

            def stage(share: Time) -> Time:
                return jnp.clip(begin + share * dt, left + margin, right - margin)

            return step(state, stage, dt), None

        state, _ = lax.scan(one, state, jnp.arange(substeps, dtype=dtype))
        arriving = jnp.where(right > left, system.control_at(right - margin), control)
        after = system.control_at(right)
        carry = jump(state, arriving, after), after
        return carry, carry[0]

    _, states = lax.scan(segment, carry, (edges[:-1], edges[1:]))
    states = jax.tree.map(
        lambda begun, later: jnp.concatenate([begun[None], later]), carry[0], states
    )
    index = jnp.searchsorted(edges, times, side="right") - 1
    return jax.tree.map(lambda whole: whole[index], states)
