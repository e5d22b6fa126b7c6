"""Linear equations on a ring of cells with two unknowns in each."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Columns = Float[Array, "cell 2 column"]


class _Cut(NamedTuple):
    """The ring but its last cell, solved for a unit in that cell and for the right-hand side."""

    by_last: Float[Array, "inner 2 2"]
    by_rhs: Float[Array, "inner 2 column"]
    schur: Float[Array, "2 2"]  # what is left for the last cell
    rest: Float[Array, "2 column"]


class PairRing(eqx.Module):
    r"""The generator of a Markov chain on a ring of pairs, or its transpose.

    .. math:: l_i\,p_{i-1} + D_i\,p_i + r_i\,p_{i+1}

    with diagonal l and r. Elimination along the ring, cell by cell, takes a time proportional to
    the cells; it needs no pivots, for the diagonal dominates.
    """

    below: Float[Array, "cell 2"]
    diagonal: Float[Array, "cell 2 2"]
    above: Float[Array, "cell 2"]

    def null_vector(self) -> Float[Array, "cell 2"]:
        """What the generator makes zero, up to a factor; not negative."""
        cut = self._cut(jnp.zeros((*self.below.shape, 1), self.below.dtype))
        last = jnp.stack([cut.schur[0, 1], cut.schur[1, 0]])
        return jnp.concatenate([cut.by_last @ last, last[None]])

    def solve(self, rhs: Columns) -> Columns:
        """What the transpose makes `rhs`, up to a constant; that needs `rhs` without a mean."""
        cut = self._cut(rhs)
        second = cut.rest[0] / cut.schur[0, 1]
        last = jnp.stack([jnp.zeros_like(second), second])
        return jnp.concatenate([cut.by_rhs + cut.by_last @ last, last[None]])

    def _cut(self, rhs: Columns) -> _Cut:
        below, above = self.below[:, :, None], self.above[:, :, None]
        ends = jnp.zeros((*self.below.shape, 2), self.below.dtype)
        ends = ends.at[0].add(-jnp.diag(self.below[0])).at[-2].add(-jnp.diag(self.above[-2]))
        both = jnp.concatenate([ends, rhs], axis=2)

        def forth(carry, cell):
            solved_above, solved = carry
            left, middle, right, source = cell
            inverse = _inverse(middle - left * solved_above)
            solved = inverse @ (source - left * solved)
            solved_above = inverse * right.T
            return (solved_above, solved), (solved_above, solved)

        def back(later, cell):
            solved_above, solved = cell
            now = solved - solved_above @ later
            return now, now

        none = jnp.zeros_like(self.diagonal[0]), jnp.zeros_like(both[0])
        inner = below.at[0].set(0)[:-1], self.diagonal[:-1], above.at[-2].set(0)[:-1], both[:-1]
        _, halfway = lax.scan(forth, none, inner)
        _, found = lax.scan(back, none[1], halfway, reverse=True)
        by_last, by_rhs = found[:, :, :2], found[:, :, 2:]

        def reach(found):
            return below[-1] * found[-1] + above[-1] * found[0]

        return _Cut(by_last, by_rhs, self.diagonal[-1] + reach(by_last), rhs[-1] - reach(by_rhs))


def _inverse(matrix: Float[Array, "2 2"]) -> Float[Array, "2 2"]:
    (a, b), (c, d) = matrix
    return jnp.stack([jnp.stack([d, -b]), jnp.stack([-c, a])]) / (a * d - b * c)
