"""Averages of exponentials, which a few samples may dominate."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import Estimate, warn_if

RESOLVED = 100  # effective samples; with fewer, error bars cover clearly less than 68 %


def log_mean_exp(exponent: Float[Array, " samples"]) -> Estimate:
    r"""The logarithm of the mean of exponentials, :math:`\ln\frac1n\sum_i e^{x_i}`.

    The standard error is that of the mean of :math:`w = e^x` by linearisation; with Kish's number
    of effective samples :math:`n_e = (\sum w)^2/\sum w^2` it is
    :math:`\sqrt{(n/n_e - 1)/(n - 1)}`.
    """
    count = float(exponent.shape[0])  # its square is beyond 32-bit integers
    total = jax.nn.logsumexp(exponent)
    share = jnp.exp(exponent - total)
    effective = 1 / jnp.sum(share**2)
    variance = jnp.sum((share * count - 1) ** 2) / (count * (count - 1))
    return Estimate(total - math.log(count), jnp.sqrt(variance), effective)


def warn_dominated(owner: str, estimate: Estimate) -> None:
    """Warn where an exponential average rests on too few samples for its error to be trusted."""
    warn_if(
        estimate.n_effective < RESOLVED,
        f"{owner}: the average rests on fewer than {RESOLVED} effective samples (n_effective) "
        "and a few rare ones dominate it. Value and error cannot be trusted. Take more samples or "
        "a slower protocol, or use both directions with bar.",
    )
