"""Free energies from the work of one process, far from equilibrium."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from jaxneq._core import Estimate, as_number, as_samples

from ._exponential import log_mean_exp, warn_dominated


def jarzynski(work: Any, beta: Any) -> Estimate:
    r"""The difference of free energies from the work of processes that start in equilibrium.

    .. math:: \Delta F = -\frac1\beta \ln \Big\langle e^{-\beta W}\Big\rangle

    (Jarzynski, Phys. Rev. Lett. 78, 2690, 1997). The standard error follows from the variance of
    :math:`e^{-\beta W}`. The estimator is biased upwards by
    :math:`\mathrm{var}(e^{-\beta W})/(2 n \beta \langle e^{-\beta W}\rangle^2)`, which is
    ``beta * stderr**2 / 2`` (Zuckerman and Woolf, Phys. Rev. Lett. 89, 180602, 2002) and small
    against the error where that is smaller than 1/beta. Nothing is subtracted.

    **Arguments:** `work`, shape ``(samples,)``, in units of energy; `beta`, the inverse temperature
    of the start. Differentiable in both.

    **Returns:** an `Estimate`; `n_effective` is Kish's number of effective samples of the weights
    :math:`e^{-\beta W}`. For Gaussian work of mean dissipation :math:`W_d` it is
    :math:`n\,e^{-2\beta W_d}` once :math:`n` is large enough.

    **Raises:** `ValueError` for wrong shapes, NaN, `beta` not positive.

    **Warns** where fewer than 100 effective samples remain (concrete values only).
    """
    work = as_samples("jarzynski", "work", work)
    beta = as_number("jarzynski", "beta", beta, work)
    found = log_mean_exp(-beta * work)
    warn_dominated("jarzynski", found)
    return found.scaled(-1 / beta)


def cumulant_expansion(work: Any, beta: Any, order: int = 2) -> Estimate:
    r"""The difference of free energies from the first cumulants of the work.

    .. math:: \Delta F \approx \sum_{m=1}^{\mathrm{order}}
              \frac{(-\beta)^{m-1}}{m!}\,\kappa_m(W)

    (Jarzynski, Phys. Rev. Lett. 78, 2690, 1997). Order 2, the fluctuation-dissipation estimate
    :math:`\langle W\rangle - \beta\,\mathrm{var}(W)/2`, is exact for Gaussian work. The cumulants
    are unbiased (Fisher's k-statistics). The standard error is that of sampling, not of the
    cumulants that are left out.

    **Arguments:** `work`, shape ``(samples,)``; `beta`, the inverse temperature; `order`, 1 to 4.

    **Raises:** `ValueError` for wrong shapes, NaN, `beta` not positive, another order.
    """
    work = as_samples("cumulant_expansion", "work", work, least=5)
    beta = as_number("cumulant_expansion", "beta", beta, work)
    if order not in (1, 2, 3, 4):
        raise ValueError(f"cumulant_expansion: order = {order} is not allowed. Give 1, 2, 3 or 4.")
    n = float(work.shape[0])  # its powers are beyond 32-bit integers
    mean = jnp.mean(work)
    d = work - mean
    m2, m3, m4 = (jnp.mean(d**power) for power in (2, 3, 4))
    cumulants = (
        mean,
        m2 * n / (n - 1),
        m3 * n**2 / ((n - 1) * (n - 2)),
        n**2 * ((n + 1) * m4 - 3 * (n - 1) * m2**2) / ((n - 1) * (n - 2) * (n - 3)),
    )
    influences = (  # of one sample on each cumulant
        d,
        d**2 - m2,
        d**3 - m3 - 3 * m2 * d,
        d**4 - m4 - 4 * m3 * d - 6 * m2 * (d**2 - m2),
    )
    weights = [(-beta) ** (m - 1) / math.factorial(m) for m in range(1, order + 1)]
    value = sum(w * kappa for w, kappa in zip(weights, cumulants, strict=False))
    influence = sum(w * each for w, each in zip(weights, influences, strict=False))
    spread = Estimate.from_samples(jnp.asarray(influence))
    return Estimate(jnp.asarray(value), spread.stderr, spread.n_effective)


def transient_violations(work: Any, free_energy: Any) -> Estimate:
    r"""The share of trajectories that beat the second law, :math:`P(W < \Delta F)`.

    Jarzynski's equality bounds it: :math:`P(W < \Delta F - \zeta) \le e^{-\beta\zeta}` (Jarzynski,
    Annu. Rev. Condens. Matter Phys. 2, 329, 2011). The standard error is binomial, with one
    success and one failure added, so that it is not zero where none was seen. A count has no
    derivative in the work.

    **Arguments:** `work`, shape ``(samples,)``; `free_energy`, the difference.

    **Raises:** `ValueError` for wrong shapes and NaN.
    """
    work = as_samples("transient_violations", "work", work)
    bound = as_number("transient_violations", "free_energy", free_energy, work, "(-inf, inf)")
    n = work.shape[0]
    below = jnp.sum((work < bound).astype(work.dtype))
    share = (below + 1) / (n + 2)
    return Estimate(below / n, jnp.sqrt(share * (1 - share) / n), jnp.full_like(below, n))
