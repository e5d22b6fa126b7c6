"""Special functions, vectorised and differentiable: exponential integrals and those of gratings.

`jax.scipy.special.expn` loops until the slowest element converges, which takes minutes on the
arrays needed here, and is wrong at zero (E_3(0) = 1/3).
"""

from __future__ import annotations

import math
from functools import partial

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import custom_jvp

_SERIES_TERMS = 26  # to rounding for arguments up to 2
_SUPPRESSION_TERMS = 20  # to rounding for arguments up to 0.4
_FRACTION_TERMS = 40  # to rounding for arguments from 2
_DECAY_TERMS = 18  # to rounding for arguments up to 1


@partial(custom_jvp, nondiff_argnums=(0,))
def exponential_integral(n: int, z: Float[Array, "..."]) -> Float[Array, "..."]:
    r""":math:`E_n(z) = \int_1^\infty t^{-n} e^{-zt}\,dt` for n > 1 and z >= 0.

    Series up to 2 (Abramowitz and Stegun 5.1.12), continued fraction beyond (5.1.22).
    """
    small = z < 2
    near, far = jnp.where(small, z, 1), jnp.where(small, 2, z)
    initial = [(-1) ** m / ((n - 1 - m) * math.factorial(m)) for m in range(n - 1)]
    series = _polynomial(initial, near) + exponential_integral_remainder(n, near)

    def convergent(index, tail):
        m = (_FRACTION_TERMS - index).astype(z.dtype)
        return m * (n - 1 + m) / (far + n + 2 * m - tail)

    tail = lax.fori_loop(0, _FRACTION_TERMS, convergent, jnp.zeros_like(far))
    return jnp.where(small, series, jnp.exp(-far) / (far + n - tail))


@exponential_integral.defjvp
def _exponential_integral_jvp(n, primals, tangents):
    (z,) = primals
    return exponential_integral(n, z), -exponential_integral(n - 1, z) * tangents[0]


@partial(custom_jvp, nondiff_argnums=(0,))
def exponential_integral_remainder(n: int, z: Float[Array, "..."]) -> Float[Array, "..."]:
    """E_n(z) less the polynomial of degree n - 2 that it starts with, for n > 1 and z up to 2."""
    digamma = -np.euler_gamma + sum(1 / m for m in range(1, n))
    leading = (-1) ** (n - 1) / math.factorial(n - 1)
    logarithm = jnp.log(jnp.where(z > 0, z, 1))
    terms = range(n, n + _SERIES_TERMS)
    rest = [-((-1) ** m) / ((m - n + 1) * math.factorial(m)) for m in terms]
    return z ** (n - 1) * (leading * (digamma - logarithm) + z * _polynomial(rest, z))


@exponential_integral_remainder.defjvp
def _exponential_integral_remainder_jvp(n, primals, tangents):
    (z,) = primals
    slope = -exponential_integral_remainder(n - 1, z)
    return exponential_integral_remainder(n, z), slope * tangents[0]


@custom_jvp
def ballistic_suppression(x: Array) -> Array:
    r""":math:`S(x) = \frac{3}{x^2}\left(1 - \frac{\arctan x}{x}\right)`, real or complex; S(0) = 1.

    The series :math:`\sum_n 3 (-x^2)^n / (2n + 3)` near 0. For complex x the cut joins the branch
    points :math:`\pm i` through infinity.
    """
    near, far, small = _near_and_far(x)
    series = _polynomial([3 / (2 * n + 3) for n in range(_SUPPRESSION_TERMS)], -(near**2))
    return jnp.where(small, series, 3 / far**2 * (1 - _arctan(far) / far))


@ballistic_suppression.defjvp
def _ballistic_suppression_jvp(primals, tangents):
    (x,) = primals
    value = ballistic_suppression(x)
    near, far, small = _near_and_far(x)
    rising = [6 * n / (2 * n + 3) for n in range(1, _SUPPRESSION_TERMS)]
    series = -near * _polynomial(rising, -(near**2))
    slope = jnp.where(small, series, 3 / far * (1 / (1 + far**2) - value))
    return value, slope * tangents[0]


def _near_and_far(x: Array) -> tuple[Array, Array, Array]:
    small = jnp.abs(x) < 0.4
    return jnp.where(small, x, 0), jnp.where(small, 1, x), small


def _arctan(x: Array) -> Array:
    if jnp.iscomplexobj(x):
        return jnp.log((1 + 1j * x) / (1 - 1j * x)) / 2j
    return jnp.arctan(x)


def spherical_bessel(y: Array) -> Array:
    """``j_1(y) = sin(y)/y^2 - cos(y)/y``."""
    small = y < 0.5
    near, far = jnp.where(small, y, 0), jnp.where(small, 1, y)
    series = 1.0
    for n in range(6, 0, -1):
        series = 1 - near**2 / (2 * n * (2 * n + 3)) * series
    return jnp.where(small, near / 3 * series, (jnp.sin(far) / far - jnp.cos(far)) / far)


def escaping_share(x: Array) -> Array:
    """1 - atan(x)/x without cancellation: of phonons emitted in a wave, those out of its phase."""
    return x**2 * ballistic_suppression(x) / 3


def _polynomial(coefficients: list[float], z: Array) -> Array:
    """Ascending coefficients, by Horner's rule in a loop: unrolled, it takes XLA seconds."""
    return jnp.polyval(jnp.asarray(coefficients[::-1], z.dtype), z)


@partial(custom_jvp, nondiff_argnums=(0,))
def moments_of_decay(count: int, z: Float[Array, "..."]) -> tuple[Float[Array, "..."], ...]:
    r""":math:`\int_0^1 u^n e^{-zu}\,du` for n = 0, 1, ... `count` - 1 and z >= 0.

    Without cancellation: the last by its series up to 1 and in closed form beyond, the others by
    downward recurrence, which only adds.
    """
    top = count - 1
    small = z < 1
    near, far = jnp.where(small, z, 1), jnp.where(small, 1, z)
    falling = np.cumprod(1 / np.arange(top + 1.0, top + 1 + _DECAY_TERMS))
    decay = jnp.exp(-z)
    series = jnp.full_like(near, float(falling[-1]))
    for coefficient in falling[-2::-1].tolist():  # unrolled: one fused pass over the rays
        series = series * near + coefficient
    series = decay * series
    start = _polynomial([1 / math.factorial(n) for n in range(count)], far)
    closed = math.factorial(top) * (1 - decay * start) / far**count
    moments = [jnp.where(small, series, closed)]
    for n in range(top, 0, -1):
        moments.insert(0, (z * moments[0] + decay) / n)
    return tuple(moments)


@moments_of_decay.defjvp
def _moments_of_decay_jvp(count, primals, tangents):
    moments = moments_of_decay(count + 1, primals[0])
    return moments[:-1], tuple(-higher * tangents[0] for higher in moments[1:])


def mean_decay(z: Float[Array, "..."]) -> Float[Array, "..."]:
    r""":math:`(1 - e^{-z})/z`, of either sign."""
    safe = jnp.where(z == 0, 1, z)
    return jnp.where(z == 0, 1 - z / 2, -jnp.expm1(-safe) / safe)
