"""The points of a sweep, solved in equal chunks of one compiled call, with derivatives beside."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from jaxneq._core import AbstractMethod, AbstractSolution, AbstractSystem, evolve, steady

from ._message import JobError, hint
from ._targets import replaced, value_at

CHUNK = 16  # points in one compiled call: enough to fill vector units, few enough to see progress

Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is done at each point; static, so that it selects the compiled function.

    **Fields:** `name`, of the job, for messages; `verb`; `paths`, the swept numbers; `of` and
    `with_respect_to`, the derivatives (none where `with_respect_to` is empty), and the `section`
    that asks for them; `compared`, names of measurements and what they measured.
    """

    name: str
    verb: str
    paths: tuple[str, ...]
    section: str
    of: str
    with_respect_to: tuple[str, ...]
    compared: tuple[tuple[str, str], ...]


def solve_points(
    system: AbstractSystem,
    method: AbstractMethod,
    points: np.ndarray,
    times: np.ndarray | None,
    plan: Plan,
    done: Callable[[int], None],
) -> tuple[PyTree, tuple]:
    """Solution and derivatives as NumPy arrays, with a leading axis over the rows of `points`.

    Of each parameter, the derivative with respect to it and its own value. Without swept numbers
    `points` has one row without entries. `done(n)` is called when `n` more points are finished.
    """
    count = len(points)
    chunks = math.ceil(count / CHUNK)
    size = math.ceil(count / chunks)
    solved = []
    for start in range(0, count, size):
        rows = points[start : start + size]
        kept = len(rows)
        # Equal chunks: another shape would be compiled again.
        rows = np.concatenate([rows, np.repeat(rows[-1:], size - kept, axis=0)])
        answer = jax.device_get(_solve_rows(system, method, jnp.asarray(rows), times, plan))
        solved.append(jax.tree.map(lambda leaf, n=kept: np.asarray(leaf)[:n], answer))
        done(kept)
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *solved)


@eqx.filter_jit
def _solve_rows(system, method, rows, times, plan):
    if rows.shape[0] == 1:  # without vmap: branches stay branches
        answer = _solve_row(system, method, rows[0], times, plan)
        return jax.tree.map(lambda leaf: leaf[None], answer)
    return jax.vmap(lambda row: _solve_row(system, method, row, times, plan))(rows)


def _solve_row(
    system: Any, method: Any, row: Float[Array, " parameter"], times: Any, plan: Plan
) -> tuple[PyTree, tuple]:
    for path, value in zip(plan.paths, row, strict=True):
        if path.startswith("system."):
            system = replaced(system, path, value)
        else:
            method = replaced(method, path, value)

    def objective(leaves):
        moved = system
        for path, leaf in zip(plan.with_respect_to, leaves, strict=True):
            moved = replaced(moved, path, leaf)
        solution = _applied(moved, method, times, plan)
        return _number(solution, plan), _arrays(solution)

    if not plan.with_respect_to:
        return _arrays(_applied(system, method, times, plan)), ()
    leaves = tuple(value_at(system, path) for path in plan.with_respect_to)
    (_, solution), gradients = jax.value_and_grad(objective, has_aux=True)(leaves)
    return solution, tuple(zip(gradients, leaves, strict=True))


def _applied(system: Any, method: Any, times: Any, plan: Plan) -> AbstractSolution:
    if plan.verb == "evolve":
        return evolve(system, method, times=times, throw=False)
    solution = steady(system, method, throw=False)
    for name, quantity in plan.compared:
        if quantity != solution.primary:
            raise JobError(
                f'{plan.name}: compare.measured: "{name}" gives {quantity}, and the figure draws '
                f"{solution.primary}. Compare with measurements of that, or leave it out."
            )
    return solution


def _number(solution: AbstractSolution, plan: Plan) -> Array:
    """The quantity whose derivatives are wanted."""
    found = {name: value for name, (value, _) in solution.quantities().items()}
    able = [
        name
        for name, value in found.items()
        if isinstance(value, jax.Array)
        and value.ndim == 0
        and jnp.issubdtype(value.dtype, jnp.floating)
    ]
    if plan.of not in able:
        why = "is not one real number" if plan.of in found else "is no quantity of the solution"
        raise JobError(f'{plan.name}: {plan.section}.of = "{plan.of}" {why}.{hint(plan.of, able)}')
    return found[plan.of]


def _arrays(solution: AbstractSolution) -> Any:
    """The solution with its numbers as arrays and without what is no number (names in `stats`)."""

    def array(leaf):
        is_number = eqx.is_array(leaf) or isinstance(leaf, bool | int | float | complex)
        return jnp.asarray(leaf) if is_number else None

    return jax.tree.map(array, solution)
