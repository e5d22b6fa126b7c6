"""Stationary covariances."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Matrix = Float[Array, "state state"]

_ITERATIONS = 60  # convergence is quadratic, after about log2 of the spread of rates


def lyapunov(drift: Matrix, noise: Matrix) -> Matrix:
    r"""The covariance :math:`\Sigma` with :math:`A \Sigma + \Sigma A^T + N = 0`, N symmetric.

    By the iteration for the matrix sign function (Roberts, Int. J. Control 32, 677, 1980), with
    one step of refinement; differentiable to any order. Where A is not stable, NaN.
    """

    def operator(covariance: Matrix) -> Matrix:
        return drift @ covariance + covariance @ drift.T

    def refined(matrix: Matrix, rhs: Matrix) -> Matrix:
        first = _by_sign(matrix, rhs)
        return first + _by_sign(matrix, rhs - matrix @ first - first @ matrix.T)

    return lax.custom_linear_solve(
        operator,
        -noise,
        lambda _, rhs: refined(drift, rhs),
        transpose_solve=lambda _, rhs: refined(drift.T, rhs),
    )


def _by_sign(drift: Matrix, rhs: Matrix) -> Matrix:
    r"""The solution of :math:`A X + X A^T = R`."""
    size = drift.shape[0]
    identity = jnp.eye(size, dtype=drift.dtype)
    limit = jnp.sqrt(jnp.finfo(drift.dtype).eps)

    def unfinished(carry):
        sign, _, count = carry
        return (_largest(sign + identity) > limit) & (count < _ITERATIONS)

    def step(carry):
        sign, sum_, count = carry
        inverse = jnp.linalg.inv(sign)
        scale = jnp.sqrt(_largest(inverse) / _largest(sign))  # speeds up the beginning
        scale = jnp.where(_largest(sign + identity) < 0.1, 1, scale)
        sign = (scale * sign + inverse / scale) / 2
        sum_ = (scale * sum_ + inverse @ sum_ @ inverse.T / scale) / 2
        return sign, sum_, count + 1

    start = step((drift, rhs, jnp.int32(0)))
    sign, sum_, _ = step(lax.while_loop(unfinished, step, start))
    stable = _largest(sign + identity) <= limit
    return jnp.where(stable, -sum_ / 2, jnp.nan)


def _largest(matrix: Matrix) -> Float[Array, ""]:
    return jnp.max(jnp.sum(jnp.abs(matrix), axis=1))
