"""What an optimisation found, and how far it can be trusted."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from jaxneq._core import Estimate, Status

from ._lagrangian import violation_of
from ._march import History, State
from ._optimizers import AbstractOptimizer
from ._problem import Problem


class Optimum(eqx.Module):
    """The best parameters found.

    **Fields:** `design`, a pytree like the start; `objective`, there, an `Estimate` with fresh
    noise where it is noisy; `at_start`, the objective before the first step; `outcomes`, what
    constraints are on; `history`, at each step; `gradient_norm`, the sum of the absolute
    derivatives at the end, in coordinates of order one and units of the objective at the start;
    `violation`, the largest of the constraints, in units of their limits; `values`, the objective
    that each start ended with; `status`; `stats`.

    `status` is "success" where the gradient is below the tolerance (or, of a noisy objective,
    within its noise) and all constraints hold.
    """

    design: PyTree
    objective: Any
    at_start: Float[Array, ""]
    history: History
    gradient_norm: Float[Array, ""]
    violation: Float[Array, ""]
    outcomes: dict[str, Array]
    values: Float[Array, " start"]
    status: Status
    stats: dict[str, Any]

    def caution(self) -> str:
        """Why the optimum is to be read with care; concrete values only."""
        if bool(np.all(self.status.ok)):
            return ""
        code = int(self.status.code)
        steps, norm = int(self.stats["steps"]), float(self.gradient_norm)
        return (
            f"the optimum is not proven: {Status.names[code]} after {steps} steps, gradient "
            f"{norm:.2g}, violation {float(self.violation):.2g}. "
            f"{Status.remedies[code]}"
        )


def finish(problem: Problem, method: AbstractOptimizer, state: State) -> Optimum:
    """The best of all starts, evaluated once more."""
    values = jnp.atleast_1d(state.best_value)
    if method.starts > 1:
        excess = jnp.where(
            state.best_violation <= jnp.asarray(method.slack, values.dtype), 0, state.best_violation
        )
        order = jnp.lexsort((values, excess))
        best = order[0]
        state = jax.tree.map(lambda leaf: leaf[best], state)
    key = jax.random.fold_in(state.key, method.steps + 1) if problem.noisy else None
    end = jnp.ones((), state.best.dtype)
    found = problem.evaluate(state.best, key, end)
    last = jnp.maximum(state.taken - 1, 0)
    norm, violation = state.history.gradient_norm[last], violation_of(problem, found)
    objective: Any = problem.sign * found.value
    if problem.noisy:
        objective = Estimate(objective, found.stderr, jnp.ones_like(objective))
    held = violation <= jnp.asarray(method.slack, violation.dtype)
    status = Status(state.code).unless("infeasible", ~held).unless("unfinished", ~state.at_rest)
    return Optimum(
        design=problem.design(state.best, end),
        objective=objective,
        at_start=problem.sign * state.at_start,
        history=state.history,
        gradient_norm=norm,
        violation=violation,
        outcomes=found.outcomes,
        values=problem.sign * values,
        status=status,
        stats={"steps": state.taken},
    )
