"""Counter-based random numbers: the noise of (id, step) is a pure function of a key.

Threefry2x32 with 20 rounds, or 13 (Salmon, Moraes, Dror and Shaw, SC11, 2011). No state is carried,
so an ensemble is the same under any blocking, sharding and resume, and an adjoint regenerates it.
Everything is elementwise, so that it fuses into the loop that uses it; take both numbers of a pair,
for instance for two consecutive steps. `jax.random.threefry` in `reference` is the same function.
"""

import jax
import jax.numpy as jnp

from .._registry import Operation
from . import reference
from .draws import Pair as Pair
from .draws import exponential_and_uniform as exponential_and_uniform
from .draws import exponential_pair as exponential_pair
from .draws import normal_pair as normal_pair
from .draws import uniform_pair as uniform_pair
from .threefry import bits as bits
from .threefry import stream_key as stream_key


def _example():
    identity = jnp.arange(1000, dtype=jnp.uint32)
    return stream_key(jax.random.key(3), 1), identity, jnp.uint32(7)


OPERATIONS = (Operation("noise.bits", bits, reference.bits, _example),)
