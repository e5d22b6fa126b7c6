"""The steps of an optimisation: a state, one step, and what is left at the end."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PyTree

from jaxneq._core import Status

from ._lagrangian import Multipliers, violation_of
from ._optimizers import AbstractOptimizer, Taken
from ._problem import Evaluation, Problem, Vector

_PATIENCE = 50  # quiet steps of a noisy objective before it is at rest
_STUCK = 10  # steps without a decrease before an exact one is
_AVERAGING = 8.0  # exponent of the average over the last steps


class History(eqx.Module):
    """At each step, NaN where it was not taken."""

    objective: Float[Array, " step"]
    stderr: Float[Array, " step"]
    gradient_norm: Float[Array, " step"]
    violation: Float[Array, " step"]


class State(eqx.Module):
    """All that a step needs and leaves.

    **Fields:** `coordinates`; `inner`, of the optimiser; `multipliers`; `key`; `at_start`, the
    objective before the first step, and `scale`, its size; `best` coordinates so far with
    `best_value` and `best_violation`, of a noisy objective the average of the last steps; `quiet`
    and `stuck`, how many steps in a row; `taken`, steps; `code` of the status, once it is at rest.
    """

    coordinates: Vector
    inner: PyTree
    multipliers: Multipliers
    key: PyTree
    at_start: Float[Array, ""]
    scale: Float[Array, ""]
    best: Vector
    best_value: Float[Array, ""]
    best_violation: Float[Array, ""]
    quiet: Int[Array, ""]
    stuck: Int[Array, ""]
    taken: Int[Array, ""]
    at_rest: Bool[Array, ""]
    code: Int[Array, ""]
    history: History


def init(problem: Problem, method: AbstractOptimizer, key: PyTree) -> tuple[State, Array]:
    """The state before the first step, and the gradient there.

    All starts lie along a first axis where there are several.
    """
    at = problem.coordinates()
    if method.starts == 1:
        return _init(problem, method, at, key)
    own, noise = jax.random.split(key)
    half = jax.random.normal(noise, (method.starts // 2, at.size), at.dtype)
    # the start itself, and pairs on either side of it
    moved = jnp.concatenate([jnp.zeros((1, at.size), at.dtype), half, -half])[: method.starts]
    moved = moved * jnp.asarray(method.spread, at.dtype)
    keys = jax.random.split(own, method.starts)
    return jax.vmap(lambda away, one: _init(problem, method, at + away, one))(moved, keys)


def advance(
    problem: Problem, method: AbstractOptimizer, state: State, steps: Int[Array, ""]
) -> State:
    """The state some steps later, or at rest."""
    if method.starts == 1:
        return _advance(problem, method, state, steps)
    return jax.vmap(lambda one: _advance(problem, method, one, steps))(state)


def _init(
    problem: Problem, method: AbstractOptimizer, at: Vector, key: PyTree
) -> tuple[State, Vector]:
    loss = problem.at_start(_folded(problem, key, jnp.int32(0)))
    (_, found), gradient = method.value_and_gradient(loss, at)
    size = jnp.abs(lax.stop_gradient(found.value))
    zero, none = jnp.zeros_like(size), jnp.full(method.steps, jnp.nan, at.dtype)
    state = State(
        coordinates=at,
        # not of the weak types that optax begins with: steps would compile twice
        inner=jax.tree.map(lambda leaf: jnp.asarray(leaf, leaf.dtype), method.init(at)),
        multipliers=Multipliers.none(problem, at.dtype),
        key=key,
        at_start=lax.stop_gradient(found.value),
        scale=jnp.where(size > 0, size, jnp.ones_like(size)),
        best=at,
        best_value=zero + jnp.inf,
        best_violation=zero + jnp.inf,
        quiet=jnp.int32(0),
        stuck=jnp.int32(0),
        taken=jnp.int32(0),
        at_rest=~jnp.isfinite(found.value),
        code=Status.first_true(not_finite=~jnp.isfinite(found.value)).code,
        history=History(none, none, none, none),
    )
    return state, gradient


def _advance(problem: Problem, method: AbstractOptimizer, state: State, steps: Array) -> State:
    last = jnp.minimum(state.taken + steps, method.steps)

    def going(state: State) -> Array:
        return (state.taken < last) & ~state.at_rest

    return lax.while_loop(going, lambda state: _step(problem, method, state), state)


def _step(problem: Problem, method: AbstractOptimizer, state: State) -> State:
    # The first step sees other noise than the scale did: it would be small by construction.
    key = _folded(problem, state.key, state.taken + 1)

    progress = (state.taken + 1).astype(state.scale.dtype) / method.steps

    def loss(coordinates: Vector) -> tuple[Array, Evaluation]:
        found = problem.evaluate(coordinates, key, progress)
        return state.multipliers.penalised(problem, found, state.scale), found

    taken = method.step(loss, state.coordinates, state.inner, constrained=bool(problem.limits))
    found = taken.found
    if found is None:
        found = Evaluation(taken.loss * state.scale, jnp.zeros_like(taken.loss), {})
    violation = violation_of(problem, found)
    norm = jnp.sum(jnp.abs(taken.gradient))
    finite = jnp.isfinite(taken.loss) & jnp.all(jnp.isfinite(taken.gradient))

    tolerance = jnp.asarray(method.tolerance, norm.dtype)
    held = violation <= jnp.asarray(method.slack, norm.dtype)
    best, value, excess = _better(problem, method, state, taken, found, violation)
    fell = value < state.best_value - 1e-15 * jnp.abs(value)
    stuck = jnp.where(fell | (not method.monotone), 0, state.stuck + 1)
    quiet = jnp.where(taken.quiet, state.quiet + 1, 0)
    small = norm <= tolerance
    rested = (quiet >= _PATIENCE) if problem.noisy else small | (stuck >= _STUCK)
    row = state.taken
    history = History(
        state.history.objective.at[row].set(problem.sign * found.value),
        state.history.stderr.at[row].set(found.stderr),
        state.history.gradient_norm.at[row].set(norm),
        state.history.violation.at[row].set(violation),
    )
    after = State(
        coordinates=jnp.where(finite, taken.coordinates, state.coordinates),
        inner=taken.inner,
        multipliers=state.multipliers,
        key=state.key,
        at_start=state.at_start,
        scale=state.scale,
        best=best,
        best_value=value,
        best_violation=excess,
        quiet=quiet,
        stuck=stuck,
        taken=row + 1,
        at_rest=~finite | (rested & held),
        code=Status.first_true(
            not_finite=~finite, stagnation=~small & held & (stuck >= _STUCK)
        ).code,
        history=history,
    )
    if not problem.limits:
        return after
    due = ((row + 1) % method.update_every == 0) | (rested & ~after.at_rest)
    return lax.cond(due, lambda: _updated(problem, method, after, found), lambda: after)


def _better(
    problem: Problem,
    method: AbstractOptimizer,
    state: State,
    taken: Taken,
    found: Evaluation,
    violation: Array,
) -> tuple[Vector, Array, Array]:
    """The best so far: the lowest within the limits, else the least outside."""
    if problem.noisy:  # the lowest would be the luckiest
        weight = (_AVERAGING + 1) / (state.taken.astype(taken.at.dtype) + _AVERAGING + 1)
        average = (1 - weight) * state.best + weight * taken.at
        return average, found.value, violation
    slack = jnp.asarray(method.slack, violation.dtype)
    both = jnp.maximum(violation, state.best_violation) <= slack
    lower = jnp.where(both, found.value < state.best_value, violation < state.best_violation)
    lower = lower & jnp.isfinite(found.value)
    best = jnp.where(lower, taken.at, state.best)
    value = jnp.where(lower, found.value, state.best_value)
    return best, value, jnp.where(lower, violation, state.best_violation)


def _updated(problem: Problem, method: AbstractOptimizer, state: State, found: Evaluation) -> State:
    """With other multipliers the objective is another: the optimiser forgets what it knew."""
    slack = jnp.asarray(method.slack, found.value.dtype)
    return eqx.tree_at(
        lambda s: (s.multipliers, s.inner, s.stuck, s.quiet),
        state,
        (
            state.multipliers.updated(problem, found, slack if method.monotone else None),
            method.forget(state.inner, state.coordinates),
            jnp.int32(0),
            jnp.int32(0),
        ),
    )


def _folded(problem: Problem, key: PyTree, step: Array) -> PyTree:
    return jax.random.fold_in(key, step) if problem.noisy else None
