"""Poisson numbers from counter-based noise.

Below a mean of 10 by products of uniform numbers (Knuth, The Art of Computer Programming 2, 3.4.1),
else by transformed rejection (Hoermann, Insur. Math. Econ. 12, 39, 1993: PTRS).
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, UInt32

from .. import noise
from ..noise.threefry import Words

_ATTEMPTS = 64  # counters that one number has to itself
_SMALL = 10


def poisson(
    mean: Float[Array, "..."],
    key: Words,
    identity: UInt32[Array, "..."],
    number: UInt32[Array, "..."],
) -> Float[Array, "..."]:
    """A whole number for each mean, which may be 0; `number` counts those drawn of an identity."""
    dtype = mean.dtype
    large = mean >= _SMALL
    big, few = jnp.where(large, mean, _SMALL), jnp.where(large, 0, mean)
    b = 0.931 + 2.53 * jnp.sqrt(big)
    a = -0.059 + 0.02483 * b
    scale, quick = 1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2)
    least = jnp.exp(-few)
    first = number * np.uint32(_ATTEMPTS)

    def attempt(carry: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        turn, found, product, done = carry
        u, v = noise.uniform_pair(key, identity, first + turn, np.dtype(dtype))
        # of small means: how many uniform numbers until their product is below the least
        once = product * (1 - u)
        twice = once * (1 - v)
        small = found + (once > least).astype(dtype) + (twice > least).astype(dtype)
        # of large ones
        centred = u - 0.5
        edge = 0.5 - jnp.abs(centred)
        inside = edge > 0
        safe = jnp.where(inside, edge, 1)
        k = jnp.floor((2 * a / safe + b) * centred + big + 0.43)
        proposed = jnp.log(jnp.maximum(v, 1e-30) * scale / (a / safe**2 + b))
        fits = proposed <= _log_share(jnp.maximum(k, 0), big)
        tail = (edge < 0.013) & (v > edge)
        taken = inside & (k >= 0) & (((edge >= 0.07) & (v <= quick)) | (~tail & fits))
        fresh = jnp.where(large, jnp.where(taken, k, found), small)
        ends = jnp.where(large, taken, twice <= least)
        found = jnp.where(done, found, fresh)
        return turn + np.uint32(1), found, twice, done | ends

    def unfinished(carry: tuple[Array, Array, Array, Array]) -> Array:
        turn, _, _, done = carry
        return ~jnp.all(done) & (turn < _ATTEMPTS)

    zero = jnp.zeros_like(mean)
    start = jnp.uint32(0), zero, jnp.ones_like(mean), ~(mean > 0)
    return lax.while_loop(unfinished, attempt, start)[1]


def _log_share(k: Array, mean: Array) -> Array:
    """The logarithm of the probability of k, without differences of large numbers."""
    some = jnp.maximum(k, 1)
    off = (some - mean) / mean
    stirling = 1 / (12 * some) - 1 / (360 * some**3)
    share = mean * ((1 + off) * jnp.log1p(off) - off) + jnp.log(2 * np.pi * some) / 2 + stirling
    return -jnp.where(k > 0, share, mean)
