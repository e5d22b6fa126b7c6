"""Stochastic simulation in lock step: one event of every replica that still has one, each turn.

A replica is the number of times that each direction of each reaction has fired. Its next event, the
when and the which, is a function of these numbers and of the noise of (replica, number of the
event): where the run is cut into windows, and when it is interrupted, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, UInt32

from .. import noise
from ..noise.threefry import Words

Rows = Sequence[Array]
_TOGETHER = 32  # turns between two looks at whether all have arrived
ROUNDS = 13  # of the generator: noise is a third of the work


def advance(
    rates: Callable[[Rows], Rows],
    fired: Int[Array, "direction replica"],
    clock: Float[Array, " replica"],
    key: Words,
    identity: UInt32[Array, " replica"],
    until: Float[Array, ""],
    limit: int | Int[Array, ""],
) -> tuple[Int[Array, "direction replica"], Float[Array, " replica"], Bool[Array, ""]]:
    """All events up to the time `until`; the direct method of Gillespie (1976).

    A replica whose rates are not finite stays where it is. No replica has more than 2**31 - 1
    events in all, which is what `fired` holds: it stops before.

    **Arguments:** `rates`, from rows of `fired` to the rates of all directions, each (replica,);
    `clock`, the time of the last event of each replica; `limit`, the most turns.

    **Returns:** `fired`; the times of the last events; whether all replicas have arrived.
    """
    dtype, directions = clock.dtype, jnp.arange(fired.shape[0], dtype=clock.dtype)[:, None]
    none = np.asarray(-1, dtype)
    events = jnp.max(jnp.sum(fired.astype(jnp.uint32), axis=0)).astype(jnp.int32)
    limit = jnp.minimum(limit, np.int32(2**31 - 1 - _TOGETHER) - events)

    def turn(_: Int[Array, ""], carry: tuple[Array, Array]) -> tuple[Array, Array]:
        # XLA on a CPU computes all again for each array that a turn updates. So the event of this
        # turn is one complex number, its time and direction, and is counted in the next turn: that
        # is cheap to do twice.
        fired, event = carry
        fired = fired + (jnp.imag(event)[None] == directions).astype(jnp.int32)
        rows = [fired[row] for row in range(fired.shape[0])]
        number = sum(rows[1:], rows[0]).astype(jnp.uint32)
        sums = [*rates(rows)]
        for row in range(1, len(sums)):
            sums[row] = sums[row - 1] + sums[row]
        wait, share = noise.exponential_and_uniform(key, identity, number, dtype, ROUNDS)
        alive = (sums[-1] > 0) & (sums[-1] < np.inf)
        time = jnp.real(event) + wait / jnp.where(alive, sums[-1], 1)
        place, chosen = sums[-1] * share, jnp.zeros_like(wait)
        for row, bound in enumerate(sums[:-1]):
            chosen = jnp.where(place >= bound, np.asarray(row + 1, dtype), chosen)
        happens = alive & (time <= until)
        time = jnp.where(happens, time, jnp.real(event))
        return fired, lax.complex(time, jnp.where(happens, chosen, none))

    def unfinished(carry: tuple[Any, Array, Any]) -> Bool[Array, ""]:
        _, event, turns = carry
        return (jnp.any(jnp.imag(event) >= 0) | (turns == 0)) & (turns < limit)

    def turns(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        fired, event, count = carry
        fired, event = lax.fori_loop(0, _TOGETHER, turn, (fired, event))
        return fired, event, count + _TOGETHER

    start = fired, lax.complex(clock, jnp.full_like(clock, none)), jnp.int32(0)
    fired, event, _ = lax.while_loop(unfinished, turns, start)
    waiting = jnp.imag(event)
    fired = fired + (waiting[None] == directions).astype(jnp.int32)
    return fired, jnp.real(event), ~jnp.any(waiting >= 0) & (limit > 0)
