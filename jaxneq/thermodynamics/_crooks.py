"""Crooks' theorem: the densities of work forward and in reverse have an exponential ratio."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import Estimate, as_number, check_varies, warn_if

from ._bennett import acceptance_ratio, both_directions
from ._exponential import RESOLVED
from ._logistic import LogRatio, fit_log_ratio, score_test


class RatioTest(eqx.Module):
    """A test of a straight line: the logarithm of the ratio of two densities.

    **Fields:** `slope` and, where there is one, `intercept`, fitted; `chi_squared`, with two
    degrees of freedom, of the theorem against another slope and against a curvature; `p_value`, the
    probability of a larger one if the theorem holds.
    """

    slope: Estimate
    intercept: Estimate | None
    chi_squared: Float[Array, ""]
    p_value: Float[Array, ""]


def crooks_crossing(forward: Any, reverse: Any) -> Estimate:
    r"""The work at which the densities forward and in reverse cross: the free energy.

    .. math:: \frac{p_F(W)}{p_R(-W)} = e^{\beta(W - \Delta F)}
              \quad\Rightarrow\quad p_F(\Delta F) = p_R(-\Delta F)

    (Crooks, Phys. Rev. E 60, 2721, 1999). The logarithm of the ratio is fitted by a straight line
    (logistic regression, no histogram), and its zero taken. The slope is free, so no temperature
    is needed; with the temperature `bar` is more precise.

    **Arguments:** `forward`, shape ``(n_F,)``; `reverse`, shape ``(n_R,)``, as in `bar`.

    **Returns:** an `Estimate`; `n_effective` is the number of samples in the overlap. The standard
    error is infinite where the two do not overlap.

    **Raises:** `ValueError` for wrong shapes and NaN. **Warns** where fewer than 100 overlap.
    """
    forward, reverse = both_directions("crooks_crossing", forward, reverse)
    line, centre, scale = _line("crooks_crossing", forward, reverse)
    intercept, slope = line.coefficients
    gradient = jnp.stack([-1 / slope, intercept / slope**2])
    return _combined(centre - scale * intercept / slope, line, scale * gradient)


def crooks_ratio_test(forward: Any, reverse: Any, beta: Any) -> RatioTest:
    r"""Whether the ratio of the densities of work is the exponential that it must be.

    .. math:: \ln\frac{p_F(W)}{p_R(-W)} = \beta W - \beta\,\Delta F

    Slope and intercept are fitted by logistic regression (Shirts et al., Phys. Rev. Lett. 91,
    140601, 2003), with the errors of samples whose numbers are given (Anderson, Biometrika 59,
    19, 1972): the slope must be `beta`, the intercept :math:`-\beta\,\Delta F`. `chi_squared` is
    Rao's score statistic at the slope `beta` with the free energy of `bar`.

    **Arguments:** as in `bar`. **Raises** and **warns** as `crooks_crossing`.
    """
    forward, reverse = both_directions("crooks_ratio_test", forward, reverse)
    beta = as_number("crooks_ratio_test", "beta", beta, forward)
    line, centre, scale = _line("crooks_ratio_test", forward, reverse)
    at_zero = jnp.stack([jnp.ones_like(centre), -centre / scale])
    intercept = _combined(at_zero @ line.coefficients, line, at_zero)
    per_unit = jnp.stack([jnp.zeros_like(scale), 1 / scale])
    slope = _combined(per_unit @ line.coefficients, line, per_unit)

    shift, _ = acceptance_ratio(beta * forward, -beta * reverse)
    level = beta * centre - shift + math.log(forward.shape[0] / reverse.shape[0])
    theory = jnp.stack([level, beta * scale, jnp.zeros_like(beta)])
    chi_squared = score_test(_signed(forward, reverse, centre, scale, 2), theory)
    return RatioTest(slope, intercept, chi_squared, jnp.exp(-chi_squared / 2))


def _signed(forward: Array, reverse: Array, centre: Array, scale: Array, degree: int) -> Array:
    """Powers of the reduced work up to `degree`, with the sign of the direction."""
    work = (jnp.concatenate([forward, -reverse]) - centre) / scale
    sign = jnp.concatenate([jnp.ones_like(forward), -jnp.ones_like(reverse)])
    return jnp.stack([sign * work**power for power in range(degree + 1)])


def _line(owner: str, forward: Array, reverse: Array) -> tuple[LogRatio, Array, Array]:
    """The straight line in the reduced work, as a ratio of densities (not of numbers)."""
    both = lax.stop_gradient(jnp.concatenate([forward, -reverse]))
    check_varies(owner, "forward and -reverse", both)
    centre, scale = jnp.mean(both), jnp.std(both)
    line = fit_log_ratio(_signed(forward, reverse, centre, scale, 1))
    warn_if(
        line.overlap < RESOLVED,
        f"{owner}: fewer than {RESOLVED} samples lie where the densities of W forward and -W in "
        "reverse overlap; the errors cannot be trusted. Take more samples or a slower protocol.",
    )
    n, m = forward.shape[0], reverse.shape[0]
    numbers = jnp.asarray([math.log(n / m), 0.0], both.dtype)
    given = jnp.asarray([[1 / n + 1 / m, 0.0], [0.0, 0.0]], both.dtype)
    density = LogRatio(line.coefficients - numbers, line.covariance - given, line.overlap)
    return density, centre, scale


def _combined(value: Array, line: LogRatio, gradient: Array) -> Estimate:
    variance = gradient @ line.covariance @ gradient
    stderr = jnp.where(jnp.isfinite(variance), jnp.sqrt(jnp.maximum(variance, 0)), jnp.inf)
    return Estimate(value, stderr, line.overlap)
