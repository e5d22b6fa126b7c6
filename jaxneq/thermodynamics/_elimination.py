"""Elimination of states one by one, without a subtraction: every digit of every rate counts."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Rates = Float[Array, "state state"]
PerState = Float[Array, " state"]


class Elimination(eqx.Module):
    r"""A Markov chain reduced to its first state, from the last state on.

    To eliminate the state k is to send what enters it on at once, in the shares in which it would
    leave to those that remain (censoring):

    .. math:: w_{ij} \leftarrow w_{ij} + \frac{w_{ik} w_{kj}}{s_k}, \qquad
              s_k = \sum_{j<k} w_{kj} .

    The pivot is a sum, where Gauss takes a difference, so that probabilities keep their relative
    accuracy however far the rates lie apart (Grassmann, Taksar and Heyman, Oper. Res. 33, 1107,
    1985; O'Cinneide, Numer. Math. 65, 109, 1993).

    **Fields:** `reduced`, below the diagonal the rates :math:`w_{kj}`, above it
    :math:`w_{ik}/s_k`, each when k was eliminated; `exits`, :math:`s_k`, and 1 for the first.
    """

    reduced: Rates
    exits: PerState

    @classmethod
    def of(cls, rates: Rates) -> Elimination:
        """Of rates ``[from, to]``, whose diagonal is not looked at."""
        size = rates.shape[0]
        index = jnp.arange(size)

        def step(count, carry):
            reduced, exits = carry
            k = size - 1 - count
            left = index < k
            row = jnp.where(left, reduced[k], 0)
            exit_rate = jnp.sum(row)
            share = jnp.where(left, reduced[:, k], 0) / exit_rate
            column = jnp.where(left, share, reduced[:, k])
            reduced = reduced.at[:, k].set(column) + share[:, None] * row[None]
            return reduced, exits.at[k].set(exit_rate)

        start = rates, jnp.ones(size, rates.dtype)
        return cls(*lax.fori_loop(0, size - 1, step, start))

    def null_vector(self) -> PerState:
        """The stationary probabilities, up to a factor; the largest is about 1."""
        index = jnp.arange(self.exits.size)

        def step(k, weight):
            its = jnp.sum(jnp.where(index < k, weight * self.reduced[:, k], 0))
            return weight.at[k].set(its) / jnp.maximum(its, 1)

        first = (index == 0).astype(self.exits.dtype)
        return lax.fori_loop(1, self.exits.size, step, first)

    def column(self, rhs: PerState) -> PerState:
        r"""Solve :math:`\sum_j w_{ij} (y_i - y_j) = b_i` but for the first, where y is 0."""
        index, size = jnp.arange(self.exits.size), self.exits.size

        def forth(count, b):
            k = size - 1 - count
            return b + jnp.where(index < k, self.reduced[:, k], 0) * b[k]

        def back(k, y):
            reached = jnp.sum(jnp.where(index < k, self.reduced[k] * y, 0))
            return y.at[k].set((y[k] + reached) / self.exits[k])

        b = lax.fori_loop(0, size - 1, forth, rhs)
        return lax.fori_loop(1, size, back, b.at[0].set(0))

    def row(self, rhs: PerState) -> PerState:
        r"""Solve :math:`x_j \sum_k w_{jk} - \sum_i x_i w_{ij} = b_j` likewise."""
        index, size = jnp.arange(self.exits.size), self.exits.size

        def forth(count, b):
            k = size - 1 - count
            share = b[k] / self.exits[k]
            return b.at[k].set(share) + jnp.where(index < k, self.reduced[k], 0) * share

        def back(k, x):
            entered = jnp.sum(jnp.where(index < k, x * self.reduced[:, k], 0))
            return x.at[k].add(entered)

        b = lax.fori_loop(0, size - 1, forth, rhs)
        return lax.fori_loop(1, size, back, b.at[0].set(0))
