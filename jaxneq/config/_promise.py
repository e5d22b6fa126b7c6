"""What a job will find, known by shapes before anything is computed."""

from __future__ import annotations

from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxneq._core import AbstractSolution, Estimate, evolve, simulate, steady

from ._design import drawn_of_design
from ._job import Job
from ._message import JobError, hint, show


def promised(job: Job) -> AbstractSolution:
    """The solution at one point of the sweep, with shapes in place of numbers."""
    with jax.enable_x64(job.precision == "float64"):
        system, method = job.at({})
        verb: Any = partial(steady, system, method, throw=False)
        if job.times is not None:
            verb = partial(evolve, system, method, times=job.times, throw=False)
        if job.simulate is not None:
            verb = partial(simulate, system, method, **plan_of(job), throw=False)
        return eqx.filter_eval_shape(verb)


def plan_of(job: Job) -> dict[str, Any]:
    """What a sampled job asks for, as the verb takes it."""
    asked = job.simulate
    assert asked is not None
    return {
        "key": jax.random.key(asked.seed),
        "time": asked.time,
        "burn_in": asked.burn_in,
        "initial": None if asked.initial is None else jnp.asarray(asked.initial),
        "observables": job.observables,
    }


def drawn_of(job: Job, solution: AbstractSolution) -> tuple[str, ...]:
    """What the figure shows."""
    if job.draw:
        return job.draw
    if job.fit is not None:
        return tuple(job.fit.of)
    if job.design is not None:
        return drawn_of_design(job.design)
    return (solution.primary if job.derivatives is None else job.derivatives.of,)


def check_drawn(job: Job, known: Any) -> None:
    """What is to be drawn must be found."""
    for name in job.draw:
        if name not in known:
            near = hint(name, known)
            raise JobError(f"{job.name}: draw = {show(name)} is no quantity found.{near}")


def check_asked(job: Job) -> None:
    """What is to be drawn or fitted must be what will be found, before anything is computed."""
    if not job.draw and job.fit is None:
        return
    found = promised(job).quantities()
    if job.derivatives is None and job.fit is None and job.design is None:  # these find more
        check_drawn(job, found)
    numbers = [name for name, (value, _) in found.items() if _is_number(value)]
    for name in job.fit.of if job.fit is not None else ():
        if name not in numbers:
            raise JobError(
                f"{job.name}: fit.of: {name} is not one number at each point.{hint(name, numbers)}"
            )


def _is_number(value: Any) -> bool:
    value = value.value if isinstance(value, Estimate) else value
    return value.size == 1 and np.issubdtype(value.dtype, np.floating)


def drawn_beside(job: Job) -> tuple[str, ...]:
    """What the figure shows, where something stands beside: curves of one unit, all of them."""
    own = promised(job)
    check_drawn(job, own.quantities())
    wanted = {name: _outline(own, name) for name in drawn_of(job, own)}
    for name, (_, dimensions) in wanted.items():
        if dimensions + len(job.axes) != 1:
            many = f"has {dimensions} dimensions" if dimensions else "is one number"
            raise JobError(
                f"{job.name}: compare.systems are curves, and {name} {many}. Give [sweep] one axis "
                "for one number, and none for what is a curve by itself."
            )
    said = " and ".join(f"{name} in {unit}" for name, (unit, _) in wanted.items())
    for name, other in job.others.items():
        there = promised(other)
        shared = [each for each in wanted if each in there.quantities()]
        if not shared or any(_outline(there, each) != wanted[each] for each in shared):
            found = [f"{each} in {_outline(there, each)[0]}" for each in shared or [there.primary]]
            raise JobError(
                f"{job.name}: compare.systems.{name} finds {' and '.join(found)}, and the figure "
                f"draws {said}. Draw what both find (an observable may take the name of what is "
                "found there), or leave it out."
            )
    return tuple(wanted)


def _outline(solution: AbstractSolution, name: str) -> tuple[str, int]:
    """The unit of a quantity, and its dimensions, not counting those of one element."""
    value, declared = solution.quantities()[name]
    shape = jnp.shape(value.value if isinstance(value, Estimate) else value)
    return declared["unit"], sum(size > 1 for size in shape)
