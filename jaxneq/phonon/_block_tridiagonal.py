"""Linear systems of cells in a row, each coupled to its neighbours."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

Function = Callable[[Float[Array, " n"]], Float[Array, " n"]]


def block_tridiagonal_solve(
    function: Function, x: Float[Array, " n"], rhs: Float[Array, " n"], block: int
) -> Float[Array, " n"]:
    """The solution of ``J y = rhs`` with the Jacobian of `function` at `x`.

    A cell has `block` unknowns that follow each other. Blocks are eliminated from the first to the
    last, without pivots: each cell loses more than its neighbours gain. Linear in `rhs`, also for
    derivatives.
    """
    below, own, above = _blocks(function, x, block)
    zero = jnp.zeros_like(own[0])

    def factor(
        before: Array, blocks: tuple[Array, Array, Array]
    ) -> tuple[Array, tuple[Array, Array]]:
        low, middle, high = blocks
        inverse = _inverse(middle - low @ before)
        return inverse @ high, (inverse, inverse @ high)

    _, (inverse, upper) = lax.scan(factor, zero, (below, own, above))

    def forward(before: Array, row: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        low, inverse, value = row
        value = inverse @ (value - low @ before)
        return value, value

    def backward(after: Array, row: tuple[Array, Array]) -> tuple[Array, Array]:
        high, value = row
        value = value - high @ after
        return value, value

    none = jnp.zeros_like(rhs[:block])
    _, middle = lax.scan(forward, none, (below, inverse, rhs.reshape(-1, block)))
    _, found = lax.scan(backward, none, (upper, middle), reverse=True)
    return found.reshape(-1)


def _blocks(function: Function, x: Float[Array, " n"], block: int) -> tuple[Array, Array, Array]:
    """Of each cell how it depends on the one before, itself and the one after.

    Every third cell is moved at once: their neighbours do not overlap.
    """
    cell = np.arange(x.size // block)
    moved = cell % 3 == np.arange(3)[:, None]
    seeds = moved[:, None, :, None] & np.eye(block, dtype=bool)[:, None, :]
    push = jax.vmap(lambda v: jax.jvp(function, (x,), (v,))[1])
    changed = push(jnp.asarray(seeds.reshape(3 * block, -1), x.dtype))
    changed = changed.reshape(3, block, cell.size, block)
    below, own, above = (
        jnp.swapaxes(changed[(cell + shift) % 3, :, cell, :], 1, 2) for shift in (-1, 0, 1)
    )
    return below, own, above


def _inverse(matrix: Float[Array, "k k"]) -> Float[Array, "k k"]:
    """The inverse of a small matrix, by Gauss and Jordan."""
    size = matrix.shape[0]
    both = jnp.concatenate([matrix, jnp.eye(size, dtype=matrix.dtype)], axis=1)
    for k in range(size):
        row = both[k] / both[k, k]
        both = (both - jnp.outer(both[:, k], row)).at[k].set(row)
    return both[:, size:]
