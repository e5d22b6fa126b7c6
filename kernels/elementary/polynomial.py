"""Logarithm, sine and cosine as polynomials in float32, which vectorise and fuse into a loop."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

Values = Float[Array, "..."]

# pi in three parts: multiples of the first two by half-integers below 2^12 are exact
_PI = (3.140625, 9.67502593994140625e-4, 1.50995799097837643e-7)
# least largest error; relative: 3e-8 (of the whole logarithm), 6e-9, 5e-9; absolute: 5e-8
_LOG = (-0.5, 0.333339107394747, -0.250013370361227, 0.199630636976544, -0.165775847680211)
_LOG += (0.149147692222862, -0.142674862164264, 0.0870043057057044)
_SINE = (-0.16666659488873675, 0.008333064529683305, -1.980946852392618e-4, 2.605466564313424e-6)
_SINE_PI = (3.14159263690567, -5.16770968447507, 2.55006971059223, -0.598241987557752, 0.0775600469)
_COSINE_PI = (0.99999995352007, -4.93479286153631, 4.05841195547005, -1.3318803818947, 0.2196971913)


@jax.custom_jvp
def log(x: Values) -> Values:
    """Log x of positive, finite and normal numbers, which is not checked: `jnp.log` has the rest.

    In float32 to a relative error of 2e-7, also next to 1.
    """
    if x.dtype != np.float32:
        return jnp.log(x)
    least = np.int32(0x3F3504F3)  # the bits of the square root of 1/2
    above = lax.bitcast_convert_type(x, jnp.int32) - least
    exponent = (above >> np.int32(23)).astype(np.float32)
    mantissa = lax.bitcast_convert_type((above & np.int32(0x7FFFFF)) + least, jnp.float32)
    f = mantissa - np.float32(1)
    return exponent * np.float32(np.log(2)) + (f + f * f * _horner(f, _LOG))


@jax.custom_jvp
def sine(x: Values) -> Values:
    """Sin x. In float64 as JAX has it.

    In float32 to an absolute error of 1.3e-7 for |x| < 1e4, to 2 units in the last place for
    |x| < pi/2. Where neighbouring numbers are a tenth of a turn apart, from 1e7 on, it says nothing
    and grows without bound: wrap what winds. Under the fast-math option of XLA the subtractions
    become one, and the error is that of x rounded.
    """
    if x.dtype != np.float32:
        return jnp.sin(x)
    turns = jnp.round(x * np.float32(1 / np.pi))
    return _alternating(turns, x, turns)


@jax.custom_jvp
def cosine(x: Values) -> Values:
    """Cos x, as good as `sine`."""
    if x.dtype != np.float32:
        return jnp.cos(x)
    turns = jnp.floor(x * np.float32(1 / np.pi))
    return _alternating(turns + np.float32(1), x, turns + np.float32(0.5))


log.defjvp(lambda x, dx: (log(*x), dx[0] / x[0]))
sine.defjvp(lambda x, dx: (sine(*x), cosine(*x) * dx[0]))
cosine.defjvp(lambda x, dx: (cosine(*x), -sine(*x) * dx[0]))


def half_turn(t: Values) -> tuple[Values, Values]:
    """Cos and sin of pi t for |t| <= 1/2. In float32 to an absolute error of 2e-7."""
    if t.dtype != np.float32:
        return jnp.cos(np.pi * t), jnp.sin(np.pi * t)
    square = t * t
    return _horner(square, _COSINE_PI), t * _horner(square, _SINE_PI)


def _alternating(sign, x, turns):
    """(-1)^sign sin(x - pi turns), where what is left lies between -pi/2 and pi/2."""
    for part in _PI:
        x = x - turns * np.float32(part)
    square = x * x
    value = x + x * square * _horner(square, _SINE)
    flip = sign.astype(jnp.int32) << np.int32(31)
    return lax.bitcast_convert_type(lax.bitcast_convert_type(value, jnp.int32) ^ flip, jnp.float32)


def _horner(x, coefficients):
    value = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value * x + np.float32(coefficient)
    return value
