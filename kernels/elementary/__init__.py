"""Elementary functions that XLA computes one element at a time on a CPU: sine and cosine.

In float32 they are polynomials after Cody and Waite (Software Manual for the Elementary Functions,
1980), in float64 those of JAX, with derivatives of any order in both. The logarithm, square root
and exponential of JAX are as fast as polynomials of our own would be.
"""

import jax.numpy as jnp

from .._registry import Operation
from . import reference
from .polynomial import cosine as cosine
from .polynomial import half_turn as half_turn
from .polynomial import sine as sine


def _example(reach):
    return (jnp.linspace(-reach, reach, 10001, dtype=jnp.float32),)


OPERATIONS = (
    Operation("elementary.sine", sine, reference.sine, lambda: _example(1e4), 1.3e-7),
    Operation("elementary.cosine", cosine, reference.cosine, lambda: _example(1e4), 1.3e-7),
    Operation("elementary.half_turn", half_turn, reference.half_turn, lambda: _example(0.5), 2e-7),
)
