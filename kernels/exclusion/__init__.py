"""Totally asymmetric exclusion: times of hops by wavefronts, and sites as the bits of words."""

import jax
import jax.numpy as jnp
import numpy as np

from .. import noise
from .._registry import Operation
from . import reference
from . import wavefront as wavefront

_PARTICLES = {1: 21, 3: 9}


def _key():
    return noise.stream_key(jax.random.key(11), 0)


def _entries(footprint):
    """The last entry of some particles, by waits, and its plain form."""
    replica, count = jnp.arange(3, dtype=jnp.uint32), _PARTICLES[footprint]

    def fast(waits):
        rows = wavefront.row_count(waits.shape[0], footprint)
        clock = wavefront.start(rows, 3, waits.dtype)
        first = jnp.int32(0)
        plan = {"footprint": footprint}
        clock = wavefront.advance(waits, _key(), replica, clock, first, count, **plan)
        return wavefront.entry_time(clock)

    def way(waits):
        known = _key(), replica, 0, count
        sums = wavefront.geodesic_sums(waits, *known, footprint=footprint)
        return jnp.sum(sums * waits[:, None], axis=0)

    def plain(waits):
        return reference.entry_times(waits, _key(), range(3), count, footprint)

    return fast, way, plain


def _waits(gates):
    return (jnp.asarray(np.random.default_rng(2).uniform(0.5, 2.0, gates)),)


_ONE, _THREE = _entries(1), _entries(3)

OPERATIONS = (
    Operation("exclusion.advance", _ONE[0], _ONE[2], lambda: _waits(6), 1e-13),
    Operation("exclusion.advance, 3 sites", _THREE[0], _THREE[2], lambda: _waits(8), 1e-13),
    Operation("exclusion.geodesic", _ONE[1], _ONE[2], lambda: _waits(7), 1e-13, True),
    Operation("exclusion.geodesic, 3 sites", _THREE[1], _THREE[2], lambda: _waits(8), 1e-13, True),
)
