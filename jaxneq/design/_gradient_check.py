"""The gradient of an objective against central differences."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from ._march import State, init
from ._optimizers import AbstractOptimizer
from ._problem import Problem, Vector

_DIRECTIONS = 3  # one where there is noise: each takes a hundred runs
_STEP = 1e-3  # in coordinates of order one
_KEYS = 16


def checked_start(
    problem: Problem, method: AbstractOptimizer, key: PyTree, *, thorough: bool
) -> State:
    """The state before the first step; refuses an objective without finite value and gradient.

    If `thorough`, also one whose gradient differs from central differences of fourth order by more
    than 1e-5, or five standard errors of a noisy one.

    **Raises:** `ValueError`.
    """
    try:
        state, gradients = _init(problem, method, key)
    except (TypeError, ValueError, NotImplementedError) as error:
        # of JAX: a loop or a solve that it cannot run backwards, or a primitive without a rule
        if "differentiation" not in str(error).lower():
            raise
        raise ValueError(
            "optimize: the objective has no reverse-mode derivative: something in it is a loop "
            f"of unknown length or has no rule ({str(error).splitlines()[0]}). Take a method "
            "whose answer has one (an exact one for a steady state, fixed steps in time), or "
            'for few parameters Adam(gradient="forward").'
        ) from error
    # of several starts, the first is that which was given
    value, gradient = np.ravel(state.at_start)[0], np.atleast_2d(gradients)[0]
    if not np.isfinite(value):
        raise ValueError(
            f"optimize: the objective is {float(value)} at the start. Start where it is a number."
        )
    if not np.all(np.isfinite(gradient)):
        count = int(np.sum(~np.isfinite(gradient)))
        raise ValueError(
            f"optimize: {count} of {gradient.size} derivatives are not finite at the start. Start "
            "away from kinks and from the ends of ranges."
        )
    if thorough:
        _compare(problem, method, problem.coordinates(), key, float(np.max(np.abs(gradient))))
    return state


def _compare(
    problem: Problem, method: AbstractOptimizer, at: Vector, key: PyTree, largest: float
) -> None:
    count = 1 if problem.noisy else _DIRECTIONS
    directions = np.random.default_rng(0).normal(size=(count, at.size))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    keys = jax.random.split(key, _KEYS if problem.noisy else 1)
    found = [
        [_along(problem, method, at, jnp.asarray(way, at.dtype), one) for one in keys]
        for way in directions
    ]
    derivative, coarse, fine = np.moveaxis(np.asarray(found, dtype=float), -1, 0)
    difference = (4 * fine - coarse) / 3
    error = np.abs(fine - coarse).max(axis=1) / 15
    allowed = 1e-5 * largest + error
    if problem.noisy:
        error = (derivative - difference).std(axis=1, ddof=1) / np.sqrt(_KEYS)
        allowed = 5 * error + 1e-5 * largest
    off = np.abs(derivative.mean(1) - difference.mean(1))
    if np.any(off > allowed):
        worst = int(np.argmax(off / allowed))
        raise ValueError(
            "optimize: along a random direction the gradient says "
            f"{derivative[worst].mean():.8g}, and central differences "
            f"{difference[worst].mean():.8g} +- {error[worst]:.1g}. Look for what has no "
            "derivative, such as an integer, a comparison, or a rule of your own."
        )


_init = eqx.filter_jit(init)


@eqx.filter_jit
def _along(
    problem: Problem, method: AbstractOptimizer, at: Vector, way: Vector, key: PyTree
) -> Array:
    """The derivative along a direction, and differences with the step and with half of it."""
    loss = problem.at_start(key)
    derivative = jnp.vdot(method.value_and_gradient(loss, at)[1], way)
    steps = jnp.asarray([_STEP, _STEP / 2], at.dtype)

    def difference(h: Array) -> Array:
        return (loss(at + h * way)[0] - loss(at - h * way)[0]) / (2 * h)

    return jnp.concatenate([derivative[None], jax.lax.map(difference, steps)])
