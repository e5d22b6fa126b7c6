"""Particles that hop on a lattice and exclude each other: exact dynamics, event by event.

The moves of a lattice have fixed rates, and exclusion only forbids some. So moves are attempted at
the constant total rate, each with its share, and those that exclusion forbids do nothing: the same
process as without these null events (uniformization; Jensen 1953), at a cost that hardly depends on
the length. An attempt takes one word of noise for the move and one for the time to the next; its
counter is the number of the attempt of its replica. So neither blocks of replicas nor stops
change a path.

Occupations are bits: a word of 32 sites of every replica is one array, replicas on the minor axis.
"""

import jax
import jax.numpy as jnp
import numpy as np

from .. import noise
from .._registry import Operation
from . import reference
from .attempts import Crowd as Crowd
from .attempts import Moves as Moves
from .attempts import advance as advance
from .attempts import alias as alias
from .attempts import crowd as crowd
from .attempts import occupation as occupation
from .moves import Geometry as Geometry


def _example(geometry: Geometry, filled: int):
    random = np.random.default_rng(0)
    rates = jnp.asarray(random.uniform(0.2, 1.0, geometry.moves))
    start = np.zeros((geometry.length, 5), bool)
    start[: filled * geometry.footprint : geometry.footprint] = True
    return noise.stream_key(jax.random.key(1), 0), rates, jnp.asarray(start)


def _fast(geometry: Geometry):
    def run(key, rates, start):
        moves, identity = alias(rates), jnp.arange(start.shape[1], dtype=jnp.uint32)
        begun = crowd(geometry, moves, start, key, identity)
        time = jnp.asarray(3.0, rates.dtype)
        for _ in range(2):
            begun = advance(geometry, moves, begun, key, identity, time)
        return occupation(geometry, begun), begun.hops, begun.due

    return run


def _operation(name: str, geometry: Geometry, filled: int) -> Operation:
    return Operation(
        name,
        _fast(geometry),
        lambda key, rates, start: reference.run(geometry, key, rates, start, 6.0),
        lambda: _example(geometry, filled),
        tolerance=1e-12,
    )


OPERATIONS = (
    _operation("hopping.open", Geometry(40, attaching=True), 3),
    _operation("hopping.ring", Geometry(12, periodic=True), 5),
    _operation("hopping.extended", Geometry(35, footprint=3), 4),
)
