"""Stepping an ensemble: blocks of replicas, all steps inside, noise drawn some steps ahead."""

import jax
import jax.numpy as jnp

from .. import noise
from .._registry import Operation
from . import reference
from .march import loop as loop
from .march import march as march
from .march import unit_length as unit_length


def _step(position, normals, number):
    """A particle in a quartic well, pushed harder with every step."""
    return position - 0.05 * position**3 + 0.01 * number + 0.3 * normals[0]


def _walk(position, steps=21):
    """`march` by steps of known number, from step 0, in units that do not divide it."""
    key = noise.stream_key(jax.random.key(5), jnp.arange(2)[:, None])
    identity = jnp.arange(7, dtype=jnp.uint32)
    kind = {"normals": 1, "unit": 8, "dtype": position.dtype}
    return march(_step, position, key, identity, jnp.int32(0), steps, **kind)


def _plain_walk(position, steps=21):
    key = noise.stream_key(jax.random.key(5), jnp.arange(2)[:, None])
    return reference.march(_step, position, key, jnp.arange(7, dtype=jnp.uint32), steps)


OPERATIONS = (
    Operation("langevin.march", _walk, _plain_walk, lambda: (jnp.full((2, 7), 0.4),), 1e-12, True),
)
