"""Totally asymmetric exclusion: times of hops by wavefronts, and sites as the bits of words."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import noise
from .._registry import Operation
from . import reference
from . import wavefront as wavefront
from . import words as words

_PARTICLES = {1: 21, 3: 9}


def _key():
    return noise.stream_key(jax.random.key(11), 0)


def _entries(footprint):
    """The last entry of some particles, by waits, and its plain form."""
    count = _PARTICLES[footprint]

    def replica():
        return jnp.arange(3, dtype=jnp.uint32)

    def fast(waits):
        rows = wavefront.row_count(waits.shape[0], footprint)
        clock = wavefront.start(rows, 3, waits.dtype)
        first = jnp.int32(0)
        plan = {"footprint": footprint}
        clock = wavefront.advance(waits, _key(), replica(), clock, first, count, **plan)
        return wavefront.entry_time(clock)

    def way(waits):
        known = lax.stop_gradient(waits), _key(), replica(), 0, count
        return waits @ wavefront.geodesic_sums(*known, footprint=footprint)

    def plain(waits):
        return reference.entry_times(waits, _key(), range(3), count, footprint)

    return fast, jax.jit(way), plain


def _waits(gates):
    return (jnp.asarray(np.random.default_rng(2).uniform(0.5, 2.0, gates)),)


def _crowd(sites, periodic):
    """The sites after a few steps and the particles that passed, of two words; plain beside."""
    width, steps = 2, 11

    def key():
        return noise.stream_key(jax.random.key(12), jnp.arange(2))

    def fast(chance, start):
        chances = words.lay_out(chance, periodic, 20)
        crowd, first = words.start(start, periodic), jnp.int32(0)
        number = jnp.arange(width, dtype=jnp.uint32)
        crowd = words.advance(chances, key(), number, crowd, first, steps, sites=sites)
        bit = jnp.arange(words.WIDTH, dtype=jnp.uint32)
        bits = words.sites_of(crowd, sites, periodic)[..., None] >> bit[None, None] & np.uint32(1)
        return bits.reshape(sites, -1).astype(jnp.int32), crowd.passed.T.ravel()

    def plain(chance, start):
        whole = np.round(chance * 2.0**20) * 2.0**12
        bits = (np.asarray(start)[..., None] >> np.arange(32) & 1).reshape(sites, -1)
        return reference.split_steps(whole, key(), width, bits, steps, periodic)

    return fast, plain


def _chances(sites, periodic):
    random = np.random.default_rng(3)
    chance = random.uniform(0.2, 0.9, sites if periodic else sites + 1)
    start = random.integers(0, 2**32, (sites, 2), dtype=np.uint32)
    return jnp.asarray(np.round(chance * 8) / 8), jnp.asarray(start)


def _split_step(name, sites, periodic):
    fast, plain = _crowd(sites, periodic)
    return Operation(
        f"exclusion.split_step, {name}", fast, plain, lambda: _chances(sites, periodic)
    )


_ONE, _THREE = _entries(1), _entries(3)

OPERATIONS = (
    Operation("exclusion.advance", _ONE[0], _ONE[2], lambda: _waits(6), 1e-13),
    Operation("exclusion.advance, 3 sites", _THREE[0], _THREE[2], lambda: _waits(8), 1e-13),
    Operation("exclusion.geodesic", _ONE[1], _ONE[2], lambda: _waits(7), 1e-13, True),
    Operation("exclusion.geodesic, 3 sites", _THREE[1], _THREE[2], lambda: _waits(8), 1e-13, True),
    _split_step("even", 4, False),
    _split_step("odd", 3, False),
    _split_step("ring", 4, True),
)
