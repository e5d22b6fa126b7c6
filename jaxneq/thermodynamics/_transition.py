"""Transition probabilities of a chain in a given time."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ._elimination import Rates

_TERMS = 16  # of the exponential of 1/2: the next is 2e-20
_MOST_SQUARINGS = 64  # times up to 1e19 of the shortest stay


@eqx.filter_jit
def transition_probabilities(rates: Rates, time: Float[Array, ""]) -> Rates:
    r"""The matrix :math:`e^{Q t}`, from the row's to the column's state.

    Uniformization, :math:`e^{Q h} = e^{-\Lambda h} \sum_k (\Lambda h)^k P^k / k!` with the matrix
    :math:`P = 1 + Q/\Lambda` that is not negative, for a step h below half the shortest stay; then
    squaring. Nothing is subtracted and rows are made to add up to 1 each time, so the error is of
    rounding, times the number of squarings, in every entry (Xue and Ye, Math. Comput. 82, 1577,
    2013). Differentiable in rates and time, in forward and reverse.
    """
    size = rates.shape[0]
    identity = jnp.eye(size, dtype=rates.dtype)
    off = jnp.where(identity > 0, 0, rates)
    exits = jnp.sum(off, axis=1)
    fastest = lax.stop_gradient(jnp.max(exits))
    stays = jnp.maximum(lax.stop_gradient(time) * fastest, jnp.finfo(rates.dtype).tiny)
    squarings = jnp.clip(jnp.ceil(jnp.log2(stays)) + 1, 0, _MOST_SQUARINGS)
    step = time / 2**squarings
    jump = step * (off + jnp.diag(fastest - exits))
    total = identity
    for term in range(_TERMS, 0, -1):
        total = identity + jump @ total / term
    first = _stochastic(total * jnp.exp(-step * fastest))

    def square(matrix: Rates, level: Array) -> tuple[Rates, None]:
        squared = lax.cond(level < squarings, lambda m: _stochastic(m @ m), lambda m: m, matrix)
        return squared, None

    return lax.scan(square, first, jnp.arange(_MOST_SQUARINGS, dtype=rates.dtype))[0]


def _stochastic(matrix: Rates) -> Rates:
    return matrix / jnp.sum(matrix, axis=1, keepdims=True)
