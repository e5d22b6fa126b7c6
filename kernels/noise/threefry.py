"""Threefry2x32 as straight-line arithmetic, which fuses into the loop that uses it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, UInt32

Words = tuple[UInt32[Array, "..."], UInt32[Array, "..."]]

_PARITY = np.uint32(0x1BD11BDA)
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def stream_key(key: Array, stream: int | Int[Array, "..."] | UInt32[Array, "..."]) -> Words:
    """The two words of a key for each of several independent streams of noise.

    **Arguments:** `key`: of `jax.random`. `stream`: a number, or an array of them, whose shape
    the words take: (dimension, 1) makes one stream for each component of a particle, to be
    broadcast against identities of shape (replicas,).
    """
    fold = jnp.vectorize(
        lambda number: jax.random.key_data(jax.random.fold_in(key, number)), signature="()->(n)"
    )
    words = fold(jnp.asarray(stream))
    return words[..., 0], words[..., 1]


def bits(
    key: Words, identity: UInt32[Array, "..."], step: UInt32[Array, "..."], rounds: int = 20
) -> Words:
    """64 random bits, as two words, for each identity, step and key, broadcast together.

    20 rounds are the default of the authors, with a margin of safety. 13 are the fewest that pass
    all their tests (table 2 of Salmon et al.); where noise is what takes the time, that is enough.
    """
    shape = jnp.broadcast_shapes(key[0].shape, identity.shape, step.shape)
    k0, k1, x, y = (jnp.broadcast_to(word, shape) for word in (*key, identity, step))
    schedule = (k0, k1, k0 ^ k1 ^ _PARITY)
    x, y = x + k0, y + k1
    for number in range(rounds):
        rotation = _ROTATIONS[number // 4 % 2][number % 4]
        x = x + y
        y = (y << np.uint32(rotation)) | (y >> np.uint32(32 - rotation))
        y = x ^ y
        if number % 4 == 3:
            block = number // 4
            x = x + schedule[(block + 1) % 3]
            y = y + schedule[(block + 2) % 3] + np.uint32(block + 1)
    return x, y
