"""Elementary functions for hot loops: logarithm, sine and cosine.

XLA computes the sines of JAX one element at a time on a CPU; its logarithm is slower by what it
does for zero, infinity and their like. In float32 those here are polynomials after Cody and Waite
(Software Manual for the Elementary Functions, 1980), in float64 they are those of JAX. Derivatives
of any order in both.
"""

import jax.numpy as jnp

from .._registry import Operation
from . import reference
from .polynomial import cosine as cosine
from .polynomial import half_turn as half_turn
from .polynomial import log as log
from .polynomial import sine as sine


def _example(reach):
    return (jnp.linspace(-reach, reach, 10001, dtype=jnp.float32),)


def _magnitudes():
    return (jnp.exp2(jnp.linspace(-120, 120, 10001, dtype=jnp.float32)),)


OPERATIONS = (
    Operation("elementary.log", log, reference.log, _magnitudes, 1e-7),
    Operation("elementary.sine", sine, reference.sine, lambda: _example(1e4), 1.3e-7),
    Operation("elementary.cosine", cosine, reference.cosine, lambda: _example(1e4), 1.3e-7),
    Operation("elementary.half_turn", half_turn, reference.half_turn, lambda: _example(0.5), 2e-7),
)
