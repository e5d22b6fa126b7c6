"""The three verbs. A verb calls the method, so a new engine adds files and edits none."""

from __future__ import annotations

from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from ._abstract import (
    AbstractEvolveMethod,
    AbstractMethod,
    AbstractObservable,
    AbstractSampler,
    AbstractSolution,
    AbstractSteadyMethod,
    AbstractSystem,
)
from ._compile import compiled
from ._declare import is_concrete
from ._refusal import jumping
from ._samples import warn_if
from ._schedule import Schedule

Kind = TypeVar("Kind", bound=AbstractMethod)


def steady(
    system: AbstractSystem, method: AbstractMethod | None = None, *, throw: bool | None = None
) -> Any:
    """The stationary state of `system`, deterministic, differentiable by implicit solves.

    **Arguments:** `method`, by default the system's own choice; `throw`, whether a failure
    raises: by default yes on concrete values, and no under jit, vmap and grad, where one bad
    element must not end a batch (look at `.status` there).

    **Raises:** `ValueError` for misuse, `SolveError` with a remedy for a failed solve.
    """
    method = resolve_method(system, method, "steady", AbstractSteadyMethod)
    return checked(_steady(system, method), throw, method)


def evolve(
    system: AbstractSystem,
    method: AbstractMethod | None = None,
    *,
    times: Any,
    initial: Any = None,
    throw: bool | None = None,
) -> Any:
    """The deterministic time dependence of `system` at each of `times`.

    **Arguments:** `initial`, the state at time 0 (by default the system's own); others as in
    `steady`.
    """
    method = resolve_method(system, method, "evolve", AbstractEvolveMethod)
    times = jnp.asarray(times, jnp.result_type(float)) if not hasattr(times, "dtype") else times
    if jnp.ndim(times) != 1 or jnp.size(times) == 0:
        raise ValueError(f"evolve: times has shape {jnp.shape(times)}. Give a list of times.")
    if is_concrete(times) and not np.all(np.asarray(times) >= 0):
        raise ValueError(
            "evolve: times must be numbers and not negative; the initial state is at time 0."
        )
    check_initial(system, method, initial)
    return checked(_evolve(system, method, times, initial), throw, method)


def simulate(
    system: AbstractSystem,
    method: AbstractMethod | None = None,
    *,
    key: Any,
    time: float | None = None,
    burn_in: float = 0.0,
    initial: Any = None,
    observables: tuple[AbstractObservable, ...] = (),
    throw: bool | None = None,
) -> Any:
    """A stochastic ensemble of `system`; every number in the answer is an `Estimate`.

    **Arguments:** `key`, a `jax.random.key`; `time`, the duration, of which the first `burn_in`
    is not counted (a sampler of what has no duration, such as whole paths, takes none);
    `initial`, the state at time 0; `observables`, accumulated beside the built-in ones. The
    duration is fixed at trace time.
    """
    method = resolve_method(system, method, "simulate", AbstractSampler)
    check_key(key)
    schedule = method.schedule(time, burn_in)
    method.check_plan(system, schedule)
    check_initial(system, method, initial)
    solution = _simulate(system, method, key, schedule, initial, observables)
    return checked(solution, throw, method)


def resolve_method(
    system: AbstractSystem, method: AbstractMethod | None, verb: str, kind: type[Kind]
) -> Kind:
    """The method to use, checked against the verb and the system."""
    name = type(system).__name__
    if not isinstance(system, AbstractSystem):
        raise ValueError(f"{verb}: the first argument is a {name}, not a system.")
    if method is None:
        method = system.default_method(verb)
        if method is None:
            raise ValueError(f"{verb}: {name} has no default method for this verb; give one.")
    chosen = type(method).__name__
    if not isinstance(method, kind):
        raise ValueError(f"{verb}: {chosen} cannot {verb}; give a method that can.")
    if not isinstance(system, method.systems):
        able = ", ".join(cls.__name__ for cls in method.systems)
        raise ValueError(f"{verb}: {chosen} treats {able}, not {name}.")
    method.check(system)
    return method


def check_initial(system: AbstractSystem, method: AbstractMethod, initial: Any) -> None:
    """Let the method refuse a start that is given, and known now."""
    if initial is not None and all(map(is_concrete, jax.tree.leaves(initial))):
        method.check_initial(system, initial)


def check_key(key: Any) -> None:
    """Refuse what is no key of `jax.random`."""
    dtype = getattr(key, "dtype", None)
    typed = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    raw = dtype == jnp.uint32 and key.shape == (2,)
    if not (raw or (typed and key.shape == ())):
        raise ValueError(f"simulate: key = {key!r} is no key. Give jax.random.key(0), say.")


def checked(solution: AbstractSolution, throw: bool | None, method: AbstractMethod) -> Any:
    """The solution, unless it failed and failures are to raise (see `steady`)."""
    concrete = is_concrete(solution.status.code)
    if throw and not concrete:
        raise ValueError(
            "throw=True raises for concrete values only. Under jit, vmap and grad leave throw "
            "out and look at .status."
        )
    if concrete and throw is not False:
        failed = not np.all(np.asarray(solution.status.ok))
        detail = solution.where_it_failed() if failed else ""
        solution.status.check(type(method).__name__, detail)
    if concrete and (caution := solution.caution()):
        warn_if(True, f"{type(method).__name__}: {caution}")
    return solution


@compiled
def _steady(system, method):
    return method.steady(system)


@compiled
def _evolve(system, method, times, initial):
    return method.evolve(system, times=times, initial=initial)


def ensemble(
    system: AbstractSystem,
    method: Any,
    key: Any,
    schedule: Schedule,
    initial: Any = None,
    observables: tuple[AbstractObservable, ...] = (),
) -> Any:
    """What `simulate` does once the steps are known: pure and traceable, nothing is checked."""
    if method.differentiate_instead:
        system = jumping(system, type(method).__name__, method.differentiate_instead)
    plan = {"schedule": schedule, "observables": observables}
    state = method.init(system, key=key, initial=initial, **plan)
    for steps in schedule.phases:
        state = method.advance(system, state, steps, **plan)
    return method.finish(system, state, **plan)


_simulate = compiled(ensemble)
