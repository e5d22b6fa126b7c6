"""The implicit solve for operators that are not symmetric."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ._linear import Operator, SolveStats
from ._status import Status

SHADOWS = 4  # dimension of the shadow space: more need more memory, and hardly fewer products
ATTEMPTS = 8  # restarts that may fail to help while the tolerance is not reached


def general_solve(
    operator: Operator, rhs: Array, *, tolerance: Float[Array, ""], max_iterations: int
) -> tuple[Array, SolveStats]:
    """Solve ``A x = b`` for any regular `operator` on vectors by induced dimension reduction.

    IDR(4) of van Gijzen and Sonneveld (ACM Trans. Math. Softw. 38, 5, 2011): short recurrences,
    and about as many products with A as full GMRES. It restarts from the true residual while that
    helps, so that the solution is good to rounding; an iteration is one product with A.

    Differentiable in `rhs` and in whatever `operator` closes over, forward and reverse, to any
    order, by one more solve. A solution whose residual exceeds the root of `tolerance` is replaced
    by NaN; the status tells of the first solve.
    """

    def solve(matvec: Operator, b: Array):
        x, stats = induced_dimension_reduction(matvec, b, tolerance, max_iterations)
        hopeless = ~(stats.residual <= jnp.sqrt(tolerance))
        return jnp.where(hopeless, jnp.nan, x), stats

    return lax.custom_linear_solve(operator, rhs, solve, transpose_solve=solve, has_aux=True)


def induced_dimension_reduction(
    operator: Operator, rhs: Float[Array, " n"], tolerance: Float[Array, ""], max_iterations: int
) -> tuple[Array, SolveStats]:
    """IDR(4), restarted while that halves the true residual."""
    norm = jnp.linalg.norm(rhs)
    goal = 8 * jnp.finfo(rhs.dtype).eps * norm
    count = jnp.arange(SHADOWS)

    def forward(matrix: Array, right: Array) -> Array:
        """Forward substitution in the lower triangle."""
        found = jnp.zeros_like(right)
        for row in range(SHADOWS):
            value = right[row] - jnp.sum(matrix[row] * found)
            found = found.at[row].set(_over(value, matrix[row, row]))
        return found

    def direction(k: Any, carry: tuple) -> tuple:
        x, residual, projected, moves, images, matrix, omega, shadows = carry
        weights = forward(matrix, jnp.where(count >= k, projected, 0))
        move = weights @ moves + omega * (residual - weights @ images)
        image = operator(move)
        # make the image orthogonal to the shadows before k
        seen = jnp.where(count < k, forward(matrix, jnp.where(count < k, shadows @ image, 0)), 0)
        move, image = move - seen @ moves, image - seen @ images
        column = jnp.where(count >= k, shadows @ image, 0)
        step = _over(projected[k], column[k])
        return (
            x + step * move,
            residual - step * image,
            jnp.where(count > k, projected - step * column, 0),
            moves.at[k].set(move),
            images.at[k].set(image),
            matrix.at[:, k].set(column),
            omega,
            shadows,
        )

    def cycle(carry: tuple) -> tuple:
        before, residual, moves, images, matrix, omega, shadows, _, iterations = carry
        size = jnp.linalg.norm(residual)
        start = (before, residual, shadows @ residual, moves, images, matrix, omega, shadows)
        x, residual, _, moves, images, matrix, *_ = lax.fori_loop(0, SHADOWS, direction, start)
        image = operator(residual)
        overlap, square = jnp.sum(image * residual), jnp.sum(image * image)
        cosine = _over(jnp.abs(overlap), jnp.sqrt(square * jnp.sum(residual * residual)))
        omega = _over(overlap, square) * jnp.maximum(1, _over(0.7 * jnp.ones_like(cosine), cosine))
        x, residual = x + omega * residual, residual - omega * image
        # a step can divide by rounding errors, the last above all: begin again from before it
        broken = ~(jnp.linalg.norm(residual) < 1e3 * size)
        x, iterations = jnp.where(broken, before, x), iterations + SHADOWS + 1
        return x, residual, moves, images, matrix, omega, shadows, broken, iterations

    def unfinished(carry: tuple) -> Array:
        *_, broken, iterations = carry
        left = jnp.linalg.norm(carry[1])
        return (left > goal) & ~broken & (iterations < max_iterations)

    def restart(carry: tuple) -> tuple:
        best, residual, now, _, attempt, iterations = carry
        # others each time, and always the same: a solve is a function of its arguments
        key = jax.random.fold_in(jax.random.key(0), attempt)
        shadows = jax.random.normal(key, (SHADOWS, rhs.shape[0]), rhs.dtype)
        none = jnp.zeros_like(shadows)
        start = (best, residual, none, none, jnp.eye(SHADOWS, dtype=rhs.dtype))
        start = (*start, jnp.ones_like(norm), shadows, jnp.array(False), iterations)
        x, *_, iterations = lax.while_loop(unfinished, cycle, start)
        image = operator(x)
        after = jnp.linalg.norm(rhs - image)
        better = after < now
        x, residual = jnp.where(better, x, best), jnp.where(better, rhs - image, residual)
        return x, residual, jnp.where(better, after, now), now, attempt + 1, iterations

    def helping(carry: tuple) -> Array:
        _, _, now, before, attempt, iterations = carry
        retry = (now > tolerance * norm) & (attempt < ATTEMPTS)
        return (now > goal) & ((now < 0.5 * before) | retry) & (iterations < max_iterations)

    infinite = jnp.full_like(norm, jnp.inf)
    start = (jnp.zeros_like(rhs), rhs, norm, infinite, jnp.int32(0), jnp.int32(0))
    x, _, now, _, _, iterations = lax.while_loop(helping, restart, start)
    relative = _over(now, norm)
    status = Status.first_true(
        not_finite=~jnp.isfinite(norm),
        max_iterations=(relative > tolerance) & (iterations >= max_iterations),
        stagnation=~(relative <= tolerance),
    )
    return x, SolveStats(iterations, relative, status)


def _over(part: Array, whole: Array) -> Array:
    """Their ratio; 0 where the whole vanishes, as it does once a small problem is solved."""
    return jnp.where(whole == 0, 0, part / jnp.where(whole == 0, 1, whole))
