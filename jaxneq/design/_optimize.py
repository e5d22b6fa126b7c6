"""`optimize`: the parameters that make a number best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from jaxneq._core import Checkpointer, Schedule, drive, is_concrete, warn_if

from ._gradient_check import checked_start
from ._march import advance, init
from ._optimizers import LBFGS, AbstractOptimizer, Adam
from ._optimum import Optimum, finish
from ._problem import Problem


def optimize(
    objective: Callable,
    start: PyTree,
    method: AbstractOptimizer | None = None,
    *,
    space: Any = None,
    constraints: Mapping[str, Any] | None = None,
    maximize: bool = False,
    key: Any = None,
    noise: str = "fresh",
    check: bool = False,
    checkpointer: Checkpointer | None = None,
    checkpoint_interval: float = 30.0,
    progress: Callable[[int, int], None] | None = None,
) -> Optimum:
    """The parameters that make `objective` smallest, found by its gradient.

    It sees functions and arrays only, and works for every engine: let the objective build a system
    of the parameters, apply a verb and return what is wanted of the solution.

    **Arguments:**

    - `objective`, of the parameters to a scalar or an `Estimate`, or to a pair of that and a table
      of outcomes by name. With a `key` it is called with a key too.
    - `start`, the parameters, any pytree of floating-point arrays.
    - `method`, by default `LBFGS`, and `Adam` where there is noise.
    - `space`, where the parameters may lie: one such as `Positive()` for all, or a tree of them.
    - `constraints`, for each outcome by name the value that it must have, or its lower and upper
      limit, of which one may be None.
    - `maximize`, if large is good.
    - `key`, if the objective is noisy; `noise` is ``"fresh"`` for other noise at each step, or
      ``"common"`` for the same, which makes the objective exact but biased to that noise.
    - `check`, to compare the gradient with differences at the start, and refuse one that is wrong.
    - `checkpointer`, where the state is kept every `checkpoint_interval` seconds and from where
      an interrupted run goes on, bit for bit; `progress(steps_done, steps)`.

    Where `start` or the limits are traced (under `jit` and `vmap`, many at once), all steps are
    taken in one trace, and the last three do not apply.

    **Raises:** `ValueError` for a start outside its space, an objective that is no number there,
    limits that leave nothing, a gradient that there is not; `Interrupted` after Ctrl-C, once the
    state is kept. An optimum that is not proven is returned with a warning.
    """
    if noise not in ("fresh", "common"):
        raise ValueError(f'optimize: noise = {noise!r} is not allowed. Give "fresh" or "common".')
    if key is not None and noise == "common":
        objective, key = eqx.Partial(_with_key, objective, key), None
    if method is None:
        method = LBFGS() if key is None else Adam()
    if key is not None and isinstance(method, LBFGS):
        raise ValueError(
            "optimize: LBFGS takes the noise of an objective for its curvature. Give Adam(), or "
            'noise="common".'
        )
    problem = Problem.of(
        objective, start, space, constraints, maximize=maximize, noisy=key is not None
    )
    if key is None:
        key = jax.random.key(0)  # of the other starts
    if not all(map(is_concrete, jax.tree.leaves((problem.start, problem.limits, key)))):
        state, _ = init(problem, method, key)
        state = advance(problem, method, state, jnp.int32(method.steps))
        return finish(problem, method, state)

    state = drive(
        checked_start(problem, method, key, thorough=check),
        lambda state, steps: _advance(problem, method, state, steps),
        Schedule(0, method.steps),
        checkpointer=checkpointer,
        checkpoint_interval=checkpoint_interval,
        progress=progress,
        finished=lambda state: bool(jnp.all(state.at_rest)),
    )
    optimum = _finish(problem, method, state)
    warn_if(~optimum.status.ok, f"optimize: {optimum.caution()}")
    return optimum


def _with_key(objective: Callable, key: Any, design: PyTree) -> Any:
    return objective(design, key)


_advance = eqx.filter_jit(advance)
_finish = eqx.filter_jit(finish)
