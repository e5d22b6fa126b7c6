"""The generator as JAX has it."""

from __future__ import annotations

import jax.numpy as jnp
from jax.extend.random import threefry_2x32


def bits(key, identity, step):
    """As `threefry.bits`."""
    count = jnp.concatenate([identity, jnp.broadcast_to(step, identity.shape)])
    words = threefry_2x32(jnp.stack(key), count)
    return words[: identity.size], words[identity.size :]
