"""A sampled run driven from the host: the same numbers as `simulate`, in compiled chunks."""

from __future__ import annotations

import contextlib
import signal
import threading
import time as clock
from collections.abc import Callable, Iterator
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from ._abstract import AbstractMethod, AbstractObservable, AbstractSampler, AbstractSystem
from ._compile import compiled
from ._schedule import Schedule
from ._verbs import check_initial, check_key, checked, resolve_method


@runtime_checkable
class Checkpointer(Protocol):
    """Where a run keeps its state. `store.Checkpointer` is the one for files."""

    def save(self, state: PyTree, step: int) -> None:
        """Keep `state`, whole or not at all."""

    def load(self, template: PyTree) -> tuple[PyTree, int] | None:
        """The last state kept and its step, or None."""


class Interrupted(KeyboardInterrupt):
    """The run was stopped between two chunks; its state has been kept."""


def run(
    system: AbstractSystem,
    method: AbstractMethod | None = None,
    *,
    key: Any,
    time: float | None = None,
    burn_in: float = 0.0,
    initial: Any = None,
    observables: tuple[AbstractObservable, ...] = (),
    checkpointer: Checkpointer | None = None,
    checkpoint_interval: float = 30.0,
    chunk_duration: float = 0.5,
    progress: Callable[[int, int], None] | None = None,
    throw: bool | None = None,
) -> Any:
    """`simulate`, with progress, checkpoints and a clean Ctrl-C. Same numbers, bit for bit.

    **Arguments:** `checkpointer`, one for this run alone, where the state is kept every
    `checkpoint_interval` seconds of wall time and on interruption, and from where a run continues;
    `chunk_duration`, the wall time in seconds that one compiled chunk aims at;
    `progress(steps_done, steps_total)`, called after every chunk. Other arguments as in `simulate`.

    **Raises:** `Interrupted` after Ctrl-C, once the chunk at hand is finished and kept.
    """
    method = resolve_method(system, method, "simulate", AbstractSampler)
    check_key(key)
    schedule = method.schedule(time, burn_in)
    method.check_plan(system, schedule)
    plan = {"schedule": schedule, "observables": observables}

    check_initial(system, method, initial)
    state = drive(
        start(system, method, key, initial, plan),
        lambda state, steps: advance_once(system, method, state, steps, plan),
        schedule,
        checkpointer=checkpointer,
        checkpoint_interval=checkpoint_interval,
        chunk_duration=chunk_duration,
        progress=progress,
    )
    return checked(_finish(system, method, state, plan), throw, method)


def drive(
    state: PyTree,
    advance: Callable[[PyTree, Any], PyTree],
    schedule: Schedule,
    *,
    checkpointer: Checkpointer | None = None,
    checkpoint_interval: float = 30.0,
    chunk_duration: float = 0.5,
    progress: Callable[[int, int], None] | None = None,
    finished: Callable[[PyTree], bool] = lambda state: False,
) -> PyTree:
    """`state` after all steps of the schedule, or as soon as it is `finished`.

    `advance(state, steps)` is compiled once for any number of steps. Other arguments as in `run`.
    """
    done = 0
    if checkpointer is not None and (kept := checkpointer.load(state)) is not None:
        state, done = kept
    chunk, saved_at = 1, clock.monotonic()
    with _deferred_interrupt() as interrupted:
        while done < schedule.total and not finished(state):
            began = clock.monotonic()
            steps = schedule.next_stop(done, chunk)
            state = jax.block_until_ready(advance(state, jnp.int32(steps)))
            done += steps
            now = clock.monotonic()
            chunk = max(1, min(4 * steps, int(steps * chunk_duration / max(now - began, 1e-6))))
            if progress is not None:
                progress(done, schedule.total)
            due = now - saved_at > checkpoint_interval or interrupted.is_set()
            if checkpointer is not None and due and done < schedule.total:
                checkpointer.save(state, done)
                saved_at = now
            if interrupted.is_set() and done < schedule.total:
                raise Interrupted(f"stopped at step {done} of {schedule.total}")
    return state


@contextlib.contextmanager
def _deferred_interrupt() -> Iterator[threading.Event]:
    """Ctrl-C sets an event instead of raising, in the main thread; a second one raises."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def handler(signum, frame):
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    previous = signal.signal(signal.SIGINT, handler)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, previous)


@compiled
def start(system, method, key, initial, plan):
    """The state before the first step."""
    return method.init(system, key=key, initial=initial, **plan)


@compiled
def advance_once(system, method, state, steps, plan):
    """The state some steps later; the number of steps is an argument of the compiled program."""
    return method.advance(system, state, steps, **plan)


@compiled
def _finish(system, method, state, plan):
    return method.finish(system, state, **plan)
