"""First passages, and how fast a chain forgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex

from ._elimination import PerState, Rates
from ._markov_chain import absorbed_response, column_response


class PassageTimes(eqx.Module):
    """Mean and variance of the time to reach a set of states, from each of the others.

    **Fields:** `mean` and `variance`, for all states, 0 in the set itself.
    """

    mean: PerState
    variance: PerState


@eqx.filter_jit
def first_passage_times(rates: Rates, targets: Sequence[int]) -> PassageTimes:
    r"""The time in which a chain first reaches one of `targets`.

    .. math:: \sum_j w_{ij} (\tau_i - \tau_j) = 1, \qquad
              \sum_j w_{ij} (m_i - m_j) = 2 \tau_i, \qquad \mathrm{var} = m - \tau^2

    with 0 at the targets (phase-type distributions: Neuts 1981). Without subtractions, so the means
    keep their relative accuracy. Infinite where the targets are not reached.
    """
    size = rates.shape[0]
    inside = np.isin(np.arange(size), np.asarray(targets, int))
    rest = np.flatnonzero(~inside)
    between = rates[np.ix_(rest, rest)]
    into = jnp.sum(rates[np.ix_(rest, np.flatnonzero(inside))], axis=1)
    mean = absorbed_response(between, into, jnp.ones(len(rest), rates.dtype))
    second = absorbed_response(between, into, 2 * mean)
    none = jnp.zeros(size, rates.dtype)
    return PassageTimes(none.at[rest].set(mean), none.at[rest].set(second - mean**2))


@eqx.filter_jit
def relaxation_spectrum(rates: Rates) -> Complex[Array, " state"]:
    r"""The rates of relaxation: minus the eigenvalues of the generator, slowest first.

    The first is 0, the real part of the second the gap. Complex where the chain circulates; then
    the imaginary part is an angular frequency. Good to rounding of the fastest rate.
    """
    size = rates.shape[0]
    generator = jnp.where(jnp.eye(size, dtype=bool), 0, rates)
    generator = generator - jnp.diag(jnp.sum(generator, axis=1))
    found = -jnp.linalg.eigvals(generator)
    return found[jnp.argsort(jnp.real(found))]


@eqx.filter_jit
def stationary_response(rates: Rates, probability: PerState, values: Any) -> Rates:
    r"""The derivative of a stationary average :math:`\sum_i p_i f_i` by every rate.

    .. math:: \frac{\partial\langle f\rangle}{\partial w_{ij}} = p_i (y_j - y_i), \qquad
              \sum_j w_{ij} (y_i - y_j) = f_i - \langle f\rangle

    One solve for all rates, also for those that are 0.
    """
    y = column_response(rates, probability, jnp.asarray(values, rates.dtype))
    return probability[:, None] * (y[None] - y[:, None])
