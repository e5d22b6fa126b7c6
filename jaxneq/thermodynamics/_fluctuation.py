"""Fluctuation theorems for the entropy produced along single trajectories."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxneq._core import Estimate, as_samples, check_varies, warn_if

from ._crooks import RatioTest
from ._exponential import RESOLVED, log_mean_exp, warn_dominated
from ._logistic import fit_log_ratio, score_test


def integral_fluctuation_theorem(entropy: Any) -> Estimate:
    r"""The average that the integral fluctuation theorem says is one.

    .. math:: \big\langle e^{-\Delta s_{\mathrm{tot}}}\big\rangle = 1

    (Seifert, Phys. Rev. Lett. 95, 040602, 2005). ``z_score(1.0)`` of the answer is the test.

    **Arguments:** `entropy`, shape ``(samples,)``, the total entropy production of each
    trajectory, medium and system together, in units of k_B.

    **Raises:** `ValueError` for wrong shapes and NaN. **Warns** where fewer than 100 effective
    samples remain.
    """
    return _mean_exponential("integral_fluctuation_theorem", "entropy", entropy)


def hatano_sasa(functional: Any) -> Estimate:
    r"""The average that Hatano and Sasa's equality says is one, between steady states.

    .. math:: \big\langle e^{-Y}\big\rangle = 1, \qquad
              Y = \int \dot\lambda\,\frac{\partial\phi(x, \lambda)}{\partial\lambda}\,dt, \qquad
              \phi = -\ln p_{\mathrm{ss}}(x; \lambda)

    (Hatano and Sasa, Phys. Rev. Lett. 86, 3463, 2001). It holds from a driven steady state, where
    Jarzynski's equality does not. In discrete time `Y` is the sum of the changes of `phi` at fixed
    `x` when the control steps.

    **Arguments:** `functional`, `Y` of each trajectory, shape ``(samples,)``.

    **Raises** and **warns** as `integral_fluctuation_theorem`.
    """
    return _mean_exponential("hatano_sasa", "functional", functional)


def detailed_fluctuation_theorem(entropy: Any) -> RatioTest:
    r"""Whether the distribution of the entropy production has its symmetry.

    .. math:: \ln\frac{p(\Delta s)}{p(-\Delta s)} = \Delta s

    (Evans, Cohen and Morriss, Phys. Rev. Lett. 71, 2401, 1993; Seifert, Phys. Rev. Lett. 95,
    040602, 2005), at any time in a steady state, and for protocols that are symmetric in time.
    Given :math:`|\Delta s|`, the sign is positive with the probability
    :math:`1/(1 + e^{-|\Delta s|})`: the slope is fitted to the signs, without a histogram, and
    must be 1.

    **Arguments:** `entropy`, shape ``(samples,)``, in units of k_B.

    **Returns:** a `RatioTest` without intercept (the symmetry has none).

    **Raises:** `ValueError` for wrong shapes, NaN, or values that are all the same. **Warns** where
    fewer than 100 samples have values that could as well be negative.
    """
    owner = "detailed_fluctuation_theorem"
    entropy = as_samples(owner, "entropy", entropy)
    check_varies(owner, "entropy", entropy)
    scale = jax.lax.stop_gradient(jnp.std(entropy))
    reduced = entropy / scale
    fitted = fit_log_ratio(reduced[None])
    warn_if(
        fitted.overlap < RESOLVED,
        f"{owner}: fewer than {RESOLVED} trajectories are such that their reverse is not rare; the "
        "errors cannot be trusted. Take shorter or more trajectories.",
    )
    stderr = jnp.sqrt(fitted.covariance[0, 0])
    slope = Estimate(fitted.coefficients[0] / scale, stderr / scale, fitted.overlap)
    odd = jnp.stack([reduced, reduced * jnp.abs(reduced)])
    chi_squared = score_test(odd, jnp.stack([scale, jnp.zeros_like(scale)]))
    return RatioTest(slope, None, chi_squared, jnp.exp(-chi_squared / 2))


class EntropyTerm(eqx.Module):
    """A part of the entropy production: its mean, not negative, and its integral theorem, one."""

    mean: Estimate
    integral: Estimate


class EntropySplit(eqx.Module):
    """The entropy production and its two parts, each with a second law of its own."""

    total: EntropyTerm
    adiabatic: EntropyTerm
    nonadiabatic: EntropyTerm


def split_entropy(total: Any, nonadiabatic: Any) -> EntropySplit:
    r"""The three integral fluctuation theorems of a driven process between steady states.

    .. math:: \Delta s_{\mathrm{tot}} = \Delta s_a + \Delta s_{na}, \qquad
              \langle e^{-\Delta s_{\mathrm{tot}}}\rangle = \langle e^{-\Delta s_a}\rangle
              = \langle e^{-\Delta s_{na}}\rangle = 1

    (Esposito and Van den Broeck, Phys. Rev. Lett. 104, 090601, 2010). The non-adiabatic part is
    the excess heat over T plus the entropy change of the system; from a steady start to a
    steady end it is Hatano and Sasa's `Y` plus a boundary term. The adiabatic part is the
    housekeeping heat over T (Speck and Seifert, J. Phys. A 38, L581, 2005). The theorem of the
    latter needs variables that are even under time reversal, such as positions.

    **Arguments:** `total` and `nonadiabatic`, shape ``(samples,)``, of the same trajectories, in
    units of k_B.

    **Raises:** `ValueError` for wrong or different shapes and NaN. **Warns** where fewer than 100
    effective samples remain in one of the averages.
    """
    total = as_samples("split_entropy", "total", total)
    nonadiabatic = as_samples("split_entropy", "nonadiabatic", nonadiabatic).astype(total.dtype)
    if total.shape != nonadiabatic.shape:
        raise ValueError(
            f"split_entropy: total has shape {total.shape}, nonadiabatic {nonadiabatic.shape}. "
            "Give both for the same trajectories."
        )
    parts = {"total": total, "adiabatic": total - nonadiabatic, "nonadiabatic": nonadiabatic}
    return EntropySplit(
        **{
            name: EntropyTerm(
                Estimate.from_samples(part), _mean_exponential("split_entropy", name, part)
            )
            for name, part in parts.items()
        }
    )


def _mean_exponential(owner: str, name: str, exponent: Any) -> Estimate:
    exponent = as_samples(owner, name, exponent)
    found = log_mean_exp(-exponent)
    warn_dominated(owner, found)
    mean: Array = jnp.exp(found.value)
    return Estimate(mean, mean * found.stderr, found.n_effective)
