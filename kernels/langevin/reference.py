"""The loop as one would write it down: one step after the other."""

from __future__ import annotations

import jax.numpy as jnp

from .. import noise


def march(step, carry, key, identity, steps):
    """As `stepping.march` with one normal for a coordinate, from step 0."""
    for number in range(steps):
        pair = noise.normal_pair(key, identity[None], jnp.uint32(number // 2), carry.dtype)
        carry = step(carry, (pair[number % 2],), jnp.int32(number))
    return carry
