"""Pairs of independent random numbers, one pair for each identity and step.

In float32 a number of an identity is that of float64, rounded: normals to 1e-4 next to zero, where
the radius has its coarsest steps, and to a relative 1e-6 in the tails.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, UInt32

from ..elementary import half_turn, log
from .threefry import Words, bits

Pair = tuple[Float[Array, "..."], Float[Array, "..."]]


def uniform_pair(
    key: Words, identity: UInt32[Array, "..."], step: UInt32[Array, "..."], dtype: np.dtype
) -> Pair:
    """Uniform in [0, 1): multiples of 2^-24 in float32, of 2^-32 in float64."""
    first, second = bits(key, identity, step)
    return _uniform(first, dtype), _uniform(second, dtype)


def exponential_pair(
    key: Words, identity: UInt32[Array, "..."], step: UInt32[Array, "..."], dtype: np.dtype
) -> Pair:
    """Exponential with mean 1, from all 32 bits: the largest is 22.18."""
    first, second = bits(key, identity, step)
    return _exponential(first, dtype), _exponential(second, dtype)


def exponential_and_uniform(
    key: Words,
    identity: UInt32[Array, "..."],
    step: UInt32[Array, "..."],
    dtype: np.dtype,
    rounds: int = 20,
) -> Pair:
    """One of `exponential_pair` and one of `uniform_pair`: when and which."""
    first, second = bits(key, identity, step, rounds)
    return _exponential(first, dtype), _uniform(second, dtype)


def normal_pair(
    key: Words, identity: UInt32[Array, "..."], step: UInt32[Array, "..."], dtype: np.dtype
) -> Pair:
    """Standard normal (Box and Muller 1958).

    All 32 bits of a word go into the radius, which reaches 6.66 standard deviations, and all of
    the other into the angle: two of its bits choose a half turn, the rest is the angle within.
    """
    first, second = bits(key, identity, step)
    radius = jnp.sqrt(2 * _exponential(first, dtype))
    doubled = second << np.uint32(1)
    signed = lax.bitcast_convert_type(doubled, jnp.int32).astype(dtype)
    cosine, sine = half_turn(signed * np.asarray(2.0**-32, dtype))
    beyond = (second ^ doubled) >= np.uint32(2**31)
    radius = jnp.where(beyond, -radius, radius)
    return radius * cosine, radius * sine


def _uniform(word, dtype):
    drop = np.uint32(8 if dtype == np.float32 else 0)  # what would round to one
    return (word >> drop).astype(dtype) * np.asarray(2.0 ** (int(drop) - 32), dtype)


def _exponential(word, dtype):
    """Minus the logarithm of a multiple of 2^-32 in (0, 1]."""
    return -log((word.astype(dtype) + 1) * np.asarray(2.0**-32, dtype))
