"""What a sampled run will cost, before it is begun."""

from __future__ import annotations

import dataclasses
import time as clock
from typing import Any

import jax
import jax.numpy as jnp

from ._abstract import AbstractMethod, AbstractObservable, AbstractSampler, AbstractSystem
from ._run import advance_once, start
from ._verbs import check_initial, check_key, resolve_method

_LONG_ENOUGH = 0.05  # seconds that a measurement should take


@dataclasses.dataclass(frozen=True)
class Outlook:
    """**Fields:** `replicas`; `steps` of each; wall time in `seconds`; `memory` in bytes."""

    replicas: int
    steps: int
    seconds: float
    memory: int

    def __str__(self) -> str:
        return (
            f"{self.replicas:,} replicas x {self.steps:,} steps: about {_duration(self.seconds)} "
            f"and {_size(self.memory)} of memory"
        )


def outlook(
    system: AbstractSystem,
    method: AbstractMethod | None = None,
    *,
    key: Any,
    time: float | None = None,
    burn_in: float = 0.0,
    initial: Any = None,
    observables: tuple[AbstractObservable, ...] = (),
) -> Outlook:
    """Wall time and memory of `run` with these arguments, from its first steps.

    The steps are compiled, as the run needs them, and a few are taken to see how long they last.
    Memory is three times the state: what goes into a chunk, what comes out, and the estimates made
    of it; it does not grow with the number of steps.
    """
    method = resolve_method(system, method, "simulate", AbstractSampler)
    check_key(key)
    schedule = method.schedule(time, burn_in)
    method.check_plan(system, schedule)
    check_initial(system, method, initial)
    plan = {"schedule": schedule, "observables": observables}
    first = jax.block_until_ready(start(system, method, key, initial, plan))
    memory = 3 * sum(leaf.nbytes for leaf in jax.tree.leaves(first) if hasattr(leaf, "nbytes"))

    def lasts(steps: int) -> float:
        began = clock.perf_counter()
        jax.block_until_ready(advance_once(system, method, first, jnp.int32(steps), plan))
        return clock.perf_counter() - began

    steps = schedule.next_stop(0, 1)
    lasts(steps)  # compiles
    while (taken := lasts(steps)) < _LONG_ENOUGH:
        more = schedule.next_stop(0, 4 * steps)
        if more <= steps:
            break
        steps = more
    return Outlook(method.replicas, schedule.total, taken * schedule.total / steps, memory)


def _duration(seconds: float) -> str:
    for length, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.2g} s"


def _size(size: int) -> str:
    for scale, unit in ((1e9, "GB"), (1e6, "MB")):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size / 1e3:.1f} kB"
