"""Markov chains in continuous time: rates in, stationary states, responses and passages out."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import custom_jvp

from ._elimination import Elimination, PerState, Rates


def gain(rates: Rates, probability: PerState) -> PerState:
    r"""What the master equation says, :math:`\sum_i (p_i w_{ij} - p_j w_{ji})` (rates from i to j).

    The diagonal of `rates` is not looked at.
    """
    rates = _off_diagonal(rates)
    return probability @ rates - probability * jnp.sum(rates, axis=1)


@custom_jvp
def stationary_distribution(rates: Rates) -> PerState:
    r"""The stationary probabilities of a chain, :math:`\sum_i (p_i w_{ij} - p_j w_{ji}) = 0`.

    **Arguments:** `rates`, ``rates[i, j]`` from i to j, not negative; the diagonal is not looked
    at. Every state must be reachable from every other; where not, an entry is 0 or not finite.

    By elimination without subtractions (Grassmann, Taksar and Heyman, Oper. Res. 33, 1107, 1985):
    each probability is good to some n units in the last place, however far the rates lie apart.
    Derivatives of any order, forward and reverse, take one more elimination each.
    """
    weight = Elimination.of(rates).null_vector()
    return weight / jnp.sum(weight)


@stationary_distribution.defjvp
def _stationary_jvp(primals, tangents):
    (rates,), (change,) = primals, tangents
    probability = stationary_distribution(rates)
    return probability, row_response(rates, probability, gain(change, probability))


def row_response(rates: Rates, probability: PerState, source: PerState) -> PerState:
    r"""The x with :math:`\sum_j x_j = 0` that balances a source that adds up to 0.

    .. math:: x_j \sum_k w_{jk} - \sum_i x_i w_{ij} = b_j

    This is b times the group inverse of the generator (Meyer, SIAM Rev. 17, 443, 1975). What the
    source adds up to is taken out of it in proportion to `probability`.
    """
    return _fundamental(rates, probability, source, False)


def column_response(rates: Rates, probability: PerState, source: PerState) -> PerState:
    r"""The y with :math:`\sum_i p_i y_i = 0` and a source of zero mean, Poisson's equation.

    .. math:: \sum_j w_{ij} (y_i - y_j) = b_i

    The mean of the source is taken out of it.
    """
    return _fundamental(rates, probability, source, True)


def _fundamental(rates: Rates, probability: PerState, rhs: PerState, columns: bool) -> PerState:
    """The group inverse on either side.

    What is solved is the generator with a term of rank one that makes it regular, so that the
    derivatives are those of a regular system.
    """
    known = Elimination.of(lax.stop_gradient(rates))
    p = lax.stop_gradient(probability)
    scale = jnp.max(jnp.sum(_off_diagonal(lax.stop_gradient(rates)), axis=1))

    def row(x: PerState) -> PerState:
        return jnp.sum(x) * scale * probability - gain(rates, x)

    def column(y: PerState) -> PerState:
        return climb(rates, y) + jnp.sum(probability * y) * scale

    def solve_row(_, b: PerState) -> PerState:
        total = jnp.sum(b)
        x = known.row(b - total * p)
        return x - jnp.sum(x) * p + total / scale * p

    def solve_column(_, b: PerState) -> PerState:
        mean = jnp.sum(p * b)
        y = known.column(b - mean)
        return y - jnp.sum(p * y) + mean / scale

    if columns:
        source = rhs - jnp.sum(probability * rhs)
        return lax.custom_linear_solve(column, source, solve_column, solve_row)
    source = rhs - jnp.sum(rhs) * probability
    return lax.custom_linear_solve(row, source, solve_row, solve_column)


def climb(rates: Rates, values: PerState) -> PerState:
    r""":math:`\sum_j w_{ij} (y_i - y_j)`: minus the mean change of y per time."""
    rates = _off_diagonal(rates)
    return jnp.sum(rates * (values[:, None] - values[None]), axis=1)


def absorbed_response(rates: Rates, absorption: PerState, source: PerState) -> PerState:
    r"""Solve :math:`a_i y_i + \sum_j w_{ij} (y_i - y_j) = b_i`: what is gathered until absorption.

    With :math:`b = 1` the mean time to absorption; subtraction-free for a source that is not
    negative.

    **Arguments:** `rates` among the transient states; `absorption`, the rate at which each is left
    for good; `source`, what is gathered per time in each.
    """
    size = absorption.size
    frozen = lax.stop_gradient(rates), lax.stop_gradient(absorption)
    known = Elimination.of(_with_cemetery(*frozen))

    def operator(y: PerState) -> PerState:
        return absorption * y + climb(rates, y)

    def solve(_, b: PerState) -> PerState:
        return known.column(jnp.pad(b, (1, 0)))[-size:]

    def solve_transpose(_, b: PerState) -> PerState:
        return known.row(jnp.pad(b, (1, 0)))[-size:]

    return lax.custom_linear_solve(operator, source, solve, solve_transpose)


def _with_cemetery(rates: Rates, absorption: PerState) -> Float[Array, "more more"]:
    """The chain with the state of those that are absorbed, as the first."""
    return jnp.pad(rates, ((1, 0), (1, 0))).at[1:, 0].set(absorption)


def _off_diagonal(rates: Rates) -> Rates:
    return jnp.where(jnp.eye(rates.shape[0], dtype=bool), 0, rates)
