"""Bounds on dissipation: uncertainty relation, Landauer, speed."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import Estimate, as_number, as_samples, check_varies, is_concrete

ONE_BIT = math.log(2)  # in units of k_B


class UncertaintyRelation(eqx.Module):
    """`product`, at least 2, and `entropy_bound`, what the current alone says is dissipated."""

    product: Estimate
    entropy_bound: Estimate


def uncertainty_relation(current: Any, entropy_production: Any) -> UncertaintyRelation:
    r"""The thermodynamic uncertainty relation of a current.

    .. math:: Q = \frac{\mathrm{var}(J)}{\langle J\rangle^2}\,\langle\Delta s_{\mathrm{tot}}\rangle
              \ge 2, \qquad
              \langle\Delta s_{\mathrm{tot}}\rangle \ge \frac{2\langle J\rangle^2}{\mathrm{var}(J)}

    (Barato and Seifert, Phys. Rev. Lett. 114, 158101, 2015; at finite time Horowitz and Gingrich,
    Phys. Rev. E 96, 020103, 2017). It holds for overdamped or jump dynamics in a steady state
    without protocol and without magnetic field. Inertia, driving in time and relaxation break
    it.

    **Arguments:** `current`, the integrated current of each trajectory, odd under time reversal,
    shape ``(samples,)``; `entropy_production`, the total entropy production of the same
    trajectories, or one number, its known mean, in units of k_B.

    **Raises:** `ValueError` for wrong shapes and NaN.
    """
    owner = "uncertainty_relation"
    current = as_samples(owner, "current", current)
    check_varies(owner, "current", current)
    if jnp.ndim(entropy_production):
        entropy = as_samples(owner, "entropy_production", entropy_production)
        entropy = entropy.astype(current.dtype)
        if entropy.shape != current.shape:
            raise ValueError(
                f"{owner}: entropy_production has shape {entropy.shape}, current {current.shape}. "
                "Give both for the same trajectories, or one mean."
            )
    else:
        entropy = as_number(owner, "entropy_production", entropy_production, current, "[0, inf)")
        entropy = jnp.broadcast_to(entropy, current.shape)
    mean, variance, produced = jnp.mean(current), jnp.var(current, ddof=1), jnp.mean(entropy)
    n = current.shape[0]
    deviation = current - mean
    precision = deviation**2 / variance - 1 - 2 * deviation / mean  # of ln (var / mean^2)
    product = variance / mean**2 * produced
    spread = product * precision + variance / mean**2 * (entropy - produced)
    bound = 2 * mean**2 / variance

    def error(influence: Array) -> Array:
        return jnp.std(influence, ddof=1) / math.sqrt(n)

    effective = jnp.full_like(mean, n)
    return UncertaintyRelation(
        Estimate(product, error(spread), effective),
        Estimate(bound, error(bound * precision), effective),
    )


def shannon_entropy(probability: Any) -> Float[Array, ""]:
    r""":math:`-\sum_i p_i \ln p_i`, in units of k_B.

    **Raises:** `ValueError` for negative probabilities or a sum that is not 1.
    """
    probability = as_samples("shannon_entropy", "probability", probability, ("states",), 1)
    if is_concrete(probability):
        p = np.asarray(probability)
        if np.any(p < 0) or abs(p.sum() - 1) > 1e-5:
            raise ValueError(
                f"shannon_entropy: probability has the sum {p.sum():g} and the minimum "
                f"{p.min():g}. Give numbers that are not negative and add up to 1."
            )
    return jnp.sum(jax.scipy.special.entr(probability))


def landauer_bound(
    temperature: Any,
    entropy_decrease: Any = ONE_BIT,
    *,
    distance_squared: Any = 0.0,
    friction: Any = 1.0,
    duration: Any = None,
) -> Float[Array, ""]:
    r"""The least heat that erasing information gives to the medium, also in finite time.

    .. math:: Q \ge T\,(S_{\mathrm{initial}} - S_{\mathrm{final}})
              + \frac{\gamma\,\mathcal W_2^2}{\tau}

    in reduced units, :math:`k_B = 1` (Landauer, IBM J. Res. Dev. 5, 183, 1961; in finite time
    Aurell et al., J. Stat. Phys. 147, 487, 2012). The second term holds for overdamped particles
    between two given densities, and is reached by optimal transport.

    **Arguments:** `temperature`, in units of energy; `entropy_decrease`, in units of k_B, by
    default one bit, ln 2; `distance_squared`, the squared Wasserstein distance of the two densities
    (`wasserstein_squared`); `friction`; `duration`, by default without limit.

    **Raises:** `ValueError` for a temperature, friction or duration that is not positive.
    """
    temperature = jnp.asarray(temperature)
    if not jnp.issubdtype(temperature.dtype, jnp.floating):
        temperature = temperature.astype(jnp.result_type(float))
    owner = "landauer_bound"
    temperature = as_number(owner, "temperature", temperature, temperature)
    decrease = as_number(owner, "entropy_decrease", entropy_decrease, temperature, "(-inf, inf)")
    squared = as_number(owner, "distance_squared", distance_squared, temperature, "[0, inf)")
    friction = as_number(owner, "friction", friction, temperature)
    if duration is None:
        return temperature * decrease
    duration = as_number(owner, "duration", duration, temperature)
    return temperature * decrease + friction * squared / duration


def wasserstein_squared(first: Any, second: Any) -> Estimate:
    r"""The squared Wasserstein distance of two densities on a line, from samples.

    .. math:: \mathcal W_2^2 = \int_0^1 \big(q_1(u) - q_2(u)\big)^2\,du

    with the quantile functions of the samples, integrated exactly for any two numbers of samples.
    The standard error is the asymptotic one of del Barrio and Loubes (Ann. Probab. 47, 926,
    2019), from Kantorovich's potentials; it holds where the densities differ. The bias is positive
    and of the order of the variance over the number of samples.

    **Arguments:** `first` and `second`, shapes ``(n,)`` and ``(m,)``. Differentiable in both.

    **Raises:** `ValueError` for wrong shapes and NaN.
    """
    first = as_samples("wasserstein_squared", "first", first)
    second = as_samples("wasserstein_squared", "second", second).astype(first.dtype)
    n, m = first.shape[0], second.shape[0]
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)  # of n m quantiles
    width = jnp.asarray(np.diff(ends, prepend=0) / (n * m), first.dtype)
    own, other = (ends - 1) // m, (ends - 1) // n
    first, second = jnp.sort(first), jnp.sort(second)
    gap = first[own] - second[other]

    def variance(values: Array, index: np.ndarray, gap: Array) -> Array:
        """Of the mean of the potential, whose slope is twice the gap."""
        mean_gap = jnp.zeros_like(values).at[index].add(width * gap) * values.shape[0]
        slope = mean_gap[1:] + mean_gap[:-1]
        potential = jnp.cumsum(slope * jnp.diff(values))
        potential = jnp.concatenate([jnp.zeros_like(values[:1]), potential])
        return jnp.var(potential, ddof=1) / values.shape[0]

    stderr = jnp.sqrt(variance(first, own, gap) + variance(second, other, -gap))
    value = jnp.sum(width * gap**2)
    return Estimate(value, stderr, jnp.full_like(value, n * m / (n + m)))
