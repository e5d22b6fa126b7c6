"""Newton's method for small nonlinear systems, differentiable by the implicit function theorem."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ._linear import SolveStats
from ._status import Status

Residual = Callable[[Float[Array, " n"]], Float[Array, " n"]]
LinearSolve = Callable[[Residual, Float[Array, " n"], Float[Array, " n"]], Float[Array, " n"]]


def dense_solve(function: Residual, x: Float[Array, " n"], rhs: Float[Array, " n"]) -> Array:
    """The solution of ``J y = rhs`` with the Jacobian J of `function` at `x`."""
    return jnp.linalg.solve(_jacobian(function, x), rhs)


def newton(
    residual: Residual,
    start: Float[Array, " n"],
    *,
    within: tuple[Array, Array],
    scale: Float[Array, " n"],
    tolerance: Float[Array, ""],
    max_iterations: int,
    linear_solve: LinearSolve = dense_solve,
    tangent_solve: LinearSolve | None = None,
    patience: int = 4,
) -> tuple[Array, SolveStats]:
    """A root of `residual` between the two bounds of `within`.

    `linear_solve(function, x, rhs)` solves with the Jacobian of a function at x: the dense one
    unless given, linear in `rhs`; `tangent_solve` does so for derivatives, where it must be closer.

    Converged is a residual that nowhere exceeds `tolerance` times `scale`; after `patience`
    iterations one that does not fall by a tenth ends it. Differentiable in
    whatever `residual` closes over, to any order, forward and reverse; that costs one more linear
    solve. Where the tolerance is missed by more than its root, the answer is NaN: the status
    tells.
    """

    def solve(function: Residual, guess: Array):
        def unfinished(carry):
            _, _, size, before, iterations = carry
            going = (size > tolerance) & (iterations < max_iterations)
            return going & ((size < 0.9 * before) | (iterations < patience))

        def step(carry):
            x, value, size, _, iterations = carry
            move = linear_solve(function, x, value)
            x = jnp.clip(x - move, *within)
            value = function(x)
            return x, value, jnp.max(jnp.abs(value) / scale), size, iterations + 1

        value = function(guess)
        size = jnp.max(jnp.abs(value) / scale)
        carry = (guess, value, size, jnp.full_like(size, jnp.inf), jnp.int32(0))
        x, _, size, _, iterations = lax.while_loop(unfinished, step, carry)
        status = Status.first_true(
            not_finite=~jnp.isfinite(size),
            max_iterations=(size > tolerance) & (iterations >= max_iterations),
            stagnation=size > tolerance,
        )
        hopeless = ~(size <= jnp.sqrt(tolerance))
        # numbers of one kind: `custom_root` cannot pass integers by
        report = [iterations.astype(x.dtype), size, status.code.astype(x.dtype)]
        return jnp.where(hopeless, jnp.nan, x), jnp.stack(report)

    def tangent(linear: Residual, rhs: Array) -> Array:
        return (tangent_solve or linear_solve)(linear, jnp.zeros_like(rhs), rhs)

    x, report = lax.custom_root(residual, start, solve, tangent, has_aux=True)
    iterations, size, code = lax.stop_gradient(report)
    status = Status(code.astype(jnp.int32))
    return x, SolveStats(iterations.astype(jnp.int32), size, status)


def _jacobian(function: Residual, x: Array) -> Float[Array, "n n"]:
    """Columns by forward mode, a few at a time: all at once would take the memory of n runs."""
    basis = jnp.eye(x.size, dtype=x.dtype)
    few = next(size for size in (20, 16, 12, 10, 8, 6, 5, 4, 3, 2, 1) if x.size % size == 0)
    push = jax.vmap(lambda v: jax.jvp(function, (x,), (v,))[1])
    columns = lax.map(push, jnp.reshape(basis, (-1, few, x.size)))
    return jnp.reshape(columns, (x.size, x.size)).T
