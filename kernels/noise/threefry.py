"""Threefry2x32-20 as straight-line arithmetic, which fuses into the loop that uses it."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt32

Words = tuple[UInt32[Array, "..."], UInt32[Array, "..."]]

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def stream_key(key: Array, stream: Any) -> Words:
    """The two words of a key for one of several independent streams of noise."""
    stream = jnp.asarray(stream, jnp.uint32)
    keys = jax.vmap(lambda one: jax.random.fold_in(key, one))(stream.reshape(-1))
    words = jax.random.key_data(keys).reshape(*stream.shape, 2)
    return words[..., 0], words[..., 1]


def bits(
    key: Words, identity: UInt32[Array, "..."], step: UInt32[Array, ""]
) -> tuple[UInt32[Array, "..."], UInt32[Array, "..."]]:
    """64 random bits, as two words, for each identity at a step."""
    parity = np.uint32(0x1BD11BDA)
    schedule = (key[0], key[1], key[0] ^ key[1] ^ parity)
    x, y = jnp.broadcast_arrays(identity + key[0], step + key[1])
    for block in range(5):
        for rotation in _ROTATIONS[block % 2]:
            x = x + y
            y = (y << np.uint32(rotation)) | (y >> np.uint32(32 - rotation))
            y = x ^ y
        x = x + schedule[(block + 1) % 3]
        y = y + schedule[(block + 2) % 3] + np.uint32(block + 1)
    return x, y


def normal_pair(
    key: Words, identity: UInt32[Array, "..."], step: UInt32[Array, ""], dtype: np.dtype
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Two independent standard normals for each identity at a step (Box and Muller 1958).

    All 32 bits go into the radius, which reaches 6.66 standard deviations.
    """
    first, second = bits(key, identity, step)
    scale = np.asarray(2.0**-32, dtype)
    radius = jnp.sqrt(-2 * jnp.log((first.astype(dtype) + 1) * scale))
    angle = (2 * np.pi) * (second.astype(dtype) * scale)
    return radius * jnp.cos(angle), radius * jnp.sin(angle)
