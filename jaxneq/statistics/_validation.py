"""Numbers with known answers, for ``jaxneq validate``."""

from __future__ import annotations

from collections.abc import Iterable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import Case

from ._blocking import blocking
from ._correlation import integrated_autocorrelation_time
from ._fit import linear_fit


def autoregression(
    key: Array, decay: float, replicas: int, steps: int
) -> Float[Array, "replicas steps"]:
    """Stationary series with the correlation ``decay**k`` and the variance 1."""
    noise = jax.random.normal(key, (steps, replicas))

    def step(x, xi):
        x = decay * x + jnp.sqrt(1 - decay**2) * xi
        return x, x

    return lax.scan(step, noise[0], noise[1:])[1].T


def validation() -> Iterable[Case]:
    """Cases with known answers."""

    def series() -> Array:
        return autoregression(jax.random.key(0), 0.8, 32, 2049)

    yield Case(
        "first-order autoregression: integrated time",
        lambda: integrated_autocorrelation_time(series()),
        (1 + 0.8) / (1 - 0.8),
        5.0,
        "(1 + a) / (1 - a)",
        error="z",
    )
    yield Case(
        "first-order autoregression: error of the mean by blocking",
        lambda: blocking(series()).estimate.stderr,
        (9 / (32 * 2048)) ** 0.5,
        0.1,
        "sqrt(tau / N)",
    )
    points = jnp.arange(1.0, 6.0)
    yield Case(
        "line through points of equal error: error of the slope",
        lambda: linear_fit(points, 2 * points - 1, jnp.full(5, 0.1)).slope.stderr,
        0.1 / 10**0.5,
        1e-12,
        "error / sqrt(sum (x - mean)^2)",
    )
