"""Lines and power laws through sampled points."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import Estimate, as_samples, is_concrete


class LineFit(eqx.Module):
    r"""A line :math:`y = a + b x` through points.

    **Fields:** `slope` and `intercept`; `chi_squared`, the sum of the squared residuals in
    standard errors, and `p_value`, the chance of one at least as large where the points lie on a
    line (1 where there are but two).
    """

    slope: Estimate
    intercept: Estimate
    chi_squared: Float[Array, "..."]
    p_value: Float[Array, "..."]

    @property
    def inverse_slope(self) -> Estimate:
        """1 / b: the conductivity, where a resistance grows with the length."""
        slope = self.slope
        return Estimate(1 / slope.value, slope.stderr / slope.value**2, slope.n_effective)


class PowerLawFit(eqx.Module):
    r"""A power law :math:`y = A x^\alpha` through points, a line in logarithms.

    **Fields:** `exponent` and `prefactor`; `chi_squared` and `p_value` as of `LineFit`.
    """

    exponent: Estimate
    prefactor: Estimate
    chi_squared: Float[Array, "..."]
    p_value: Float[Array, "..."]


def linear_fit(x: Any, y: Any, stderr: Any) -> LineFit:
    r"""The line of least squares, each point weighted by its own error.

    .. math:: \chi^2 = \sum_i \frac{(y_i - a - b x_i)^2}{\sigma_i^2}, \qquad
              \sigma_b^{-2} = \sum_i \frac{(x_i - \bar x)^2}{\sigma_i^2}

    with :math:`\bar x` the weighted mean (Press et al., Numerical Recipes, section 15.2). The
    errors are those that the points' errors propagate, whatever the residuals; `p_value` tells
    whether a line will do.

    **Arguments:** `x`, shape ``(points,)``; `y` and `stderr`, its standard errors, shape
    ``(..., points)``; the points are independent.

    **Raises:** `ValueError` for wrong shapes, NaN, errors that are not positive, equal `x`.
    """
    return _line("linear_fit", x, y, stderr)


def power_law(x: Any, y: Any, stderr: Any) -> PowerLawFit:
    r"""The power law of least squares, :math:`\ln y = \ln A + \alpha \ln x`.

    The errors are :math:`\sigma_i / y_i`, to first order, so that `stderr` should be small against
    `y`: at a tenth a point lies too low by 0.005 in :math:`\ln y`.

    **Arguments:** as of `linear_fit`; `x` and `y` are positive.

    **Raises:** `ValueError` as `linear_fit`, and for `x` or `y` that are not positive.
    """
    x = as_samples("power_law", "x", x, ("points",))
    y = as_samples("power_law", "y", y, ("...", "points"))
    for name, values in (("x", x), ("y", y)):
        _check_positive("power_law", name, values)
    stderr = as_samples("power_law", "stderr", stderr, ("...", "points")).astype(y.dtype)
    found = _line("power_law", jnp.log(x), jnp.log(y), stderr / y)
    log = found.intercept
    prefactor = jnp.exp(log.value)
    return PowerLawFit(
        found.slope,
        Estimate(prefactor, prefactor * log.stderr, log.n_effective),
        found.chi_squared,
        found.p_value,
    )


def _line(owner: str, x: Any, y: Any, stderr: Any) -> LineFit:
    y = as_samples(owner, "y", y, ("...", "points"))
    x = as_samples(owner, "x", x, ("points",)).astype(y.dtype)
    stderr = as_samples(owner, "stderr", stderr, ("...", "points")).astype(y.dtype)
    if x.shape != y.shape[-1:] or stderr.shape != y.shape:
        raise ValueError(
            f"{owner}: x has shape {x.shape}, y {y.shape}, stderr {stderr.shape}. Give (points,), "
            "and twice (..., points)."
        )
    _check_positive(owner, "stderr", stderr)
    if is_concrete(x) and np.ptp(np.asarray(x)) == 0:
        raise ValueError(f"{owner}: all values of x are the same. Give some that vary.")

    weight = 1 / stderr**2
    x = jnp.broadcast_to(x, y.shape)
    whole = jnp.sum(weight, axis=-1)
    middle, level = (jnp.sum(weight * each, axis=-1) / whole for each in (x, y))
    apart = x - middle[..., None]
    spread = jnp.sum(weight * apart**2, axis=-1)
    slope = jnp.sum(weight * apart * y, axis=-1) / spread
    residual = y - level[..., None] - slope[..., None] * apart
    chi_squared = jnp.sum(weight * residual**2, axis=-1)
    freedom = y.shape[-1] - 2
    p_value = jnp.ones_like(chi_squared)
    if freedom:
        half = jnp.full_like(chi_squared, freedom / 2)
        p_value = jax.scipy.special.gammaincc(half, chi_squared / 2)
    count = jnp.full_like(slope, y.shape[-1])
    return LineFit(
        Estimate(slope, 1 / jnp.sqrt(spread), count),
        Estimate(level - slope * middle, jnp.sqrt(1 / whole + middle**2 / spread), count),
        chi_squared,
        p_value,
    )


def _check_positive(owner: str, name: str, values: Array) -> None:
    if is_concrete(values) and not np.all(np.asarray(values) > 0):
        least = float(np.min(np.asarray(values)))
        raise ValueError(f"{owner}: {name} = {least:g} is not positive. Leave such points out.")
