"""Correlation in time: how much of a long series is new."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxneq._core import Estimate, as_samples, check_varies, warn_if

_SAFETY = 1.5  # the decay may be this many times slower than the integrated time (Wolff's S)


def correlation(
    first: Any, second: Any, *, lags: int | None = None
) -> Float[Array, "*replicas lags"]:
    r"""The correlation :math:`C_{ab}(k) = \langle a_{t+k}\,b_t\rangle`, by fast Fourier transform.

    .. math:: \hat C_{ab}(k) = \frac{1}{n - k} \sum_{t=0}^{n-k-1} a_{t+k}\,b_t

    No mean is taken off: subtract the known one, or that of all series, before. The estimate is
    unbiased. The order of a lag is `k = 0, 1, ...`; negative lags are ``correlation(b, a)``.

    **Arguments:** `first` and `second`, series along the last axis, of one shape
    ``(..., time)``; `lags`, how many, by default half the length of the series.

    **Raises:** `ValueError` for shapes that differ, NaN, or more lags than steps.
    """
    first = as_samples("correlation", "first", first, ("...", "time"))
    second = as_samples("correlation", "second", second, ("...", "time")).astype(first.dtype)
    if first.shape != second.shape:
        raise ValueError(
            f"correlation: the series have shapes {first.shape} and {second.shape}. Give two of "
            "one shape."
        )
    count = first.shape[-1]
    kept: int = max(count // 2, 1) if lags is None else lags
    if not 1 <= kept <= count:
        raise ValueError(f"correlation: lags = {lags} is not in [1, {count}], the length.")
    return _correlation(first, second, kept)


@partial(jax.jit, static_argnames="lags")
def _correlation(first: Array, second: Array, lags: int) -> Array:
    count = first.shape[-1]
    size = 1 << (count + lags - 1).bit_length()  # padded so that the ends do not meet
    product = jnp.fft.rfft(first, size) * jnp.conj(jnp.fft.rfft(second, size))
    pairs = jnp.arange(count, count - lags, -1).astype(first.dtype)
    sums = jnp.fft.irfft(product, size)[..., :lags]
    return sums / jnp.reshape(pairs, (1,) * (sums.ndim - 1) + pairs.shape)


def autocorrelation(
    series: Any, *, lags: int | None = None, normalized: bool = True
) -> Float[Array, "*replicas lags"]:
    r"""The autocorrelation of the deviation from the mean, one for each replica.

    .. math:: C(k) = \langle \delta x_{t+k}\,\delta x_t \rangle, \qquad \rho(k) = C(k)/C(0)

    The mean is that of all replicas and times.

    **Arguments:** `series`, shape ``(..., time)``; `lags`, how many, by default half the length;
    `normalized`, whether to divide by the variance ``C(0)`` of all replicas.

    **Raises:** `ValueError` for NaN or more lags than steps.
    """
    series = as_samples("autocorrelation", "series", series, ("...", "time"))
    deviation = series - jnp.mean(series)
    check_varies("autocorrelation", "series", series)
    found = correlation(deviation, deviation, lags=lags)
    return found / jnp.mean(deviation**2) if normalized else found


def power_spectrum(
    series: Any, dt: Any
) -> tuple[Float[Array, " frequency"], Float[Array, "*replicas frequency"]]:
    r"""Angular frequencies and the two-sided spectral density of a series (its periodogram).

    .. math:: S(\omega) = \int_{-\infty}^{\infty} C(t)\,e^{i\omega t}\,dt
              \approx \frac{dt}{n}\Big|\sum_t x_t\,e^{i\omega t\,dt}\Big|^2

    so that the integral of :math:`S\,d\omega/2\pi` over both signs is the mean square. The error of
    one series does not shrink with its length; average over replicas.

    **Arguments:** `series`, shape ``(..., time)``; `dt`, the time between two values.
    """
    series = as_samples("power_spectrum", "series", series, ("...", "time"))
    dt = jnp.asarray(dt, series.dtype)
    count = series.shape[-1]
    density = jnp.abs(jnp.fft.rfft(series)) ** 2 * dt / count
    steps = jnp.arange(density.shape[-1]).astype(series.dtype)
    return steps * (2 * jnp.pi / count) / dt, density


def window(
    normalized: Float[Array, " lags"], samples: int
) -> tuple[Int[Array, ""], Bool[Array, ""]]:
    r"""Where to cut the sum over a noisy correlation: the last lag to count, and if one was found.

    The lag :math:`W` minimises the sum of the truncation, :math:`e^{-W/\tau}`, and of the noise,
    :math:`2\sqrt{W/N}` (Wolff, Comput. Phys. Commun. 156, 143, 2004, after Madras and Sokal,
    J. Stat. Phys. 50, 109, 1988). The time :math:`\tau` is taken from the sum of
    :math:`|\rho|`, so that a correlation that oscillates is not cut at its first zero, and is
    stretched by 1.5. The truncation is then small against the noise for correlations that decay
    exponentially; a tail that is weak and far slower stays unseen.

    **Arguments:** `normalized`, :math:`\rho(k)` averaged over replicas; `samples`, the number of
    values behind it.
    """
    lags = jnp.arange(normalized.shape[0]).astype(normalized.dtype)
    integrated = jnp.cumsum(jnp.abs(normalized)) - 0.5
    ratio = (2 * integrated + 1) / jnp.maximum(2 * integrated - 1, 1e-3)
    tau = _SAFETY / jnp.log(ratio)
    noise = tau / jnp.sqrt(jnp.maximum(lags, 1) * samples)
    closed = (jnp.exp(-lags / tau) < noise) & (lags >= 1)
    found = jnp.any(closed)
    return jnp.where(found, jnp.argmax(closed), normalized.shape[0] - 1), found


def integrated_autocorrelation_time(series: Any) -> Estimate:
    r"""How many steps one independent sample takes.

    .. math:: \tau = 1 + 2\sum_{k=1}^{W} \rho(k), \qquad
              \mathrm{var}(\tau) \approx \frac{2(2W + 1)}{N}\,\tau^2

    with `W` from `window`; the error is that of Madras and Sokal (J. Stat. Phys. 50, 109,
    1988). White noise has 1. The deficit of :math:`(2W+1)/N` that comes of subtracting the mean of
    the same data is made good.

    For series that alternate, `tau` is a small difference and its error is understated;
    `n_effective` is at most ``N log10(N)`` (Vehtari et al., Bayesian Anal. 16, 667, 2021).

    **Arguments:** `series`, shape ``(time,)`` or ``(replicas, time)``; the correlation is averaged
    over replicas.

    **Warns** where the series is too short for the window to close, or for 50 times `tau`.
    """
    series = as_samples("integrated_autocorrelation_time", "series", series, ("...", "time"), 4)
    check_varies("integrated_autocorrelation_time", "series", series)
    tau, found = _integrated_time(series)
    warn_if(
        ~found | (series.shape[-1] < 50 * tau.value),
        "integrated_autocorrelation_time: the series is shorter than 50 correlation times, and "
        "the answer uncertain. Give longer series.",
    )
    return tau


@jax.jit
def _integrated_time(series: Array) -> tuple[Estimate, Array]:
    rho = autocorrelation(series)
    rho = jnp.mean(jnp.reshape(rho, (-1, rho.shape[-1])), axis=0)
    cut, found = window(rho, series.size)
    kept = jnp.where(jnp.arange(rho.shape[0]) <= cut, rho, 0)
    width = (2 * cut + 1).astype(rho.dtype) / series.size
    tau = (2 * jnp.sum(kept) - 1) * (1 + width)
    effective = series.size / jnp.maximum(tau, 1 / math.log10(series.size))
    return Estimate(tau, jnp.abs(tau) * jnp.sqrt(2 * width), effective), found


def effective_sample_size(series: Any) -> Float[Array, ""]:
    """The number of independent samples that a correlated series is worth: ``N / tau``.

    See `integrated_autocorrelation_time`.
    """
    return integrated_autocorrelation_time(series).n_effective


def series_mean(series: Any) -> Estimate:
    r"""The mean of a correlated, stationary series: ``stderr = sqrt(variance tau / N)``.

    Compare `Estimate.from_samples`, for independent samples, and `blocking`.

    **Arguments:** `series`, shape ``(time,)`` or ``(replicas, time)``.
    """
    series = as_samples("series_mean", "series", series, ("...", "time"), 4)
    effective = effective_sample_size(series)
    variance = jnp.var(series) / jnp.maximum(effective - 1, 0)  # infinite where all is one sample
    return Estimate(jnp.mean(series), jnp.sqrt(variance), effective)
