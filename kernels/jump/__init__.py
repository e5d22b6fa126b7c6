"""Jump processes, sampled event by event in lock step (Gillespie, J. Comput. Phys. 22, 403, 1976).

The event of one turn of the loop is carried into the next as one complex number, so that XLA on a
CPU computes it once; all replicas of a block take a turn together, in vector units.
"""

import jax
import jax.numpy as jnp

from .. import noise
from .._registry import Operation
from . import reference
from .lockstep import advance as advance
from .poisson import poisson as poisson

_UNTIL = 3.0


def _rates(rows):
    """Birth, death and pairing of a population that begins with 5."""
    births, deaths, pairs = rows
    count = (5 + births - deaths - 2 * pairs).astype(jnp.float64)
    return [4.0 + 0 * count, 1.0 * count, 0.1 * count * (count - 1)]


def _start(replicas):
    key = noise.stream_key(jax.random.key(2), 0)
    return jnp.zeros((3, replicas), jnp.int32), jnp.arange(replicas, dtype=jnp.uint32), key


def _fast(clock):
    fired, identity, key = _start(clock.size)
    return advance(_rates, fired, clock, key, identity, jnp.asarray(_UNTIL, clock.dtype), 1000)[:2]


def _plain(clock):
    fired, identity, key = _start(clock.size)
    return reference.advance(_rates, fired, clock, key, identity, _UNTIL)


def _poisson_example():
    mean = jnp.concatenate([jnp.zeros(1), jnp.geomspace(0.01, 1e5, 400)])
    identity = jnp.arange(mean.size, dtype=jnp.uint32)
    return mean, noise.stream_key(jax.random.key(4), 0), identity, identity * jnp.uint32(3)


OPERATIONS = (
    Operation("jump.poisson", poisson, reference.poisson, _poisson_example, 1e-12),
    Operation("jump.advance", _fast, _plain, lambda: (jnp.linspace(0, 0.5, 6),), 1e-12),
)
