"""The loop over attempts of one block of replicas, in lock step."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, UInt32

from .. import noise
from ..elementary import log
from ..noise.threefry import Words
from .moves import Geometry

_UNIT = 8  # attempts whose noise is drawn together
_ALL = np.uint32(2**32 - 1)


class Moves(NamedTuple):
    """A table from which a move is drawn by one number.

    Walker's method of aliases (ACM Trans. Math. Softw. 3, 253, 1977).
    `chance` to take the move drawn and not the `other`; `total`, the rate of attempts.
    """

    chance: Float[Array, " move"]
    other: Int[Array, " move"]
    total: Float[Array, ""]


class Crowd(NamedTuple):
    """A block of replicas: bits of occupation, and the counters of each replica.

    `due`: the time until the next attempt; `attempt`: its number; `hops`: net hops to the right.
    """

    sites: UInt32[Array, "word replica"]
    due: Float[Array, " replica"]
    attempt: UInt32[Array, " replica"]
    hops: Int[Array, " replica"]


def alias(rates: Float[Array, " move"]) -> Moves:
    """The table for these rates, by filling the poorest from the richest."""
    total, count = jnp.sum(rates), rates.shape[0]
    share = rates / total * count

    def fill(_: Array, table: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        left, chance, other = table
        poor = jnp.argmin(left)
        rich = jnp.argmax(jnp.where(jnp.isinf(left), -1, left))
        has = left[poor]
        left = left.at[rich].add(has - 1).at[poor].set(jnp.inf)
        return left, chance.at[poor].set(has), other.at[poor].set(rich.astype(jnp.int32))

    start = share, jnp.ones_like(share), jnp.arange(count, dtype=jnp.int32)
    _, chance, other = lax.fori_loop(0, count - 1, fill, start)
    return Moves(chance, other, total)


def crowd(
    geometry: Geometry,
    moves: Moves,
    occupied: Bool[Array, "site replica"],
    key: Words,
    identity: UInt32[Array, " replica"],
) -> Crowd:
    """Replicas that stand at `occupied`, before their first attempt."""
    pad = ((0, 32 * geometry.words - geometry.length), (0, 0))
    bits = jnp.pad(occupied.astype(jnp.uint32), pad).reshape(geometry.words, 32, -1)
    place = jnp.arange(32, dtype=jnp.uint32)[None, :, None]
    sites = jnp.sum(bits << place, axis=1, dtype=jnp.uint32) | _bit(geometry.filled, geometry)
    _, due = _drawn(moves, key, identity, jnp.zeros((1, 1), jnp.uint32))
    one = jnp.ones(identity.shape, jnp.uint32)
    return Crowd(sites, due[0], one, jnp.zeros(identity.shape, jnp.int32))


def occupation(geometry: Geometry, crowd: Crowd) -> Bool[Array, "site replica"]:
    """Which sites are occupied."""
    place = jnp.arange(32, dtype=jnp.uint32)[None, :, None]
    bits = (crowd.sites[:, None] >> place) & np.uint32(1)
    return bits.reshape(32 * geometry.words, -1)[: geometry.length].astype(bool)


def advance(
    geometry: Geometry,
    moves: Moves,
    crowd: Crowd,
    key: Words,
    identity: UInt32[Array, " replica"],
    time: Float[Array, ""],
) -> Crowd:
    """The replicas after exactly that time."""
    table = geometry.table
    filled, empty = _bit(geometry.filled, geometry), _bit(geometry.empty, geometry)
    gates = geometry.gates
    ahead = jnp.arange(_UNIT, dtype=jnp.uint32)[:, None]

    def unfinished(now: Crowd) -> Bool[Array, ""]:
        return jnp.any(now.due <= time)

    def some(now: Crowd) -> Crowd:
        chosen, gap = _drawn(moves, key, identity, now.attempt[None] + ahead)

        def one(index: Array, now: Crowd) -> Crowd:
            move, wait = chosen[index], gap[index]
            active = now.due <= time
            source = _bits(jnp.asarray(table.source)[move], geometry)
            target = _bits(jnp.asarray(table.target)[move], geometry)
            if geometry.footprint == 1:
                void = target
            else:
                low, high = (jnp.asarray(each)[move] for each in (table.low, table.high))
                void = _below(high + 1, geometry) & ~_below(low, geometry)
            allowed = jnp.all((now.sites & (source | void)) == source, axis=0) & active
            moved = ((now.sites ^ (source | target)) | filled) & ~empty
            step = jnp.where(move < gates, 1, jnp.where(move < 2 * gates, -1, 0))
            return Crowd(
                jnp.where(allowed[None], moved, now.sites),
                jnp.where(active, now.due + wait, now.due),
                now.attempt + active.astype(jnp.uint32),
                now.hops + jnp.where(allowed, step, 0).astype(jnp.int32),
            )

        return lax.fori_loop(0, _UNIT, one, now)

    after = lax.while_loop(unfinished, some, crowd)
    return after._replace(due=after.due - time)


def _drawn(
    moves: Moves,
    key: Words,
    identity: UInt32[Array, " replica"],
    attempt: UInt32[Array, "attempt #replica"],
) -> tuple[Int[Array, "attempt replica"], Float[Array, "attempt replica"]]:
    """The moves of these attempts, and the time from each to the next."""
    dtype = moves.chance.dtype
    word, other = noise.bits(key, identity[None], attempt)
    drop = np.uint32(8 if dtype == np.float32 else 0)  # what would round to one
    scale = np.asarray(2.0 ** (int(drop) - 32) * moves.chance.shape[0], dtype)
    share = (word >> drop).astype(dtype) * scale
    first = share.astype(jnp.int32)
    move = jnp.where(share - first.astype(dtype) < moves.chance[first], first, moves.other[first])
    return move, -log((other.astype(dtype) + 1) * np.asarray(2.0**-32, dtype)) / moves.total


def _bits(site: Int[Array, " replica"], geometry: Geometry) -> UInt32[Array, "word replica"]:
    """The bit of each replica's site."""
    word = jnp.arange(geometry.words, dtype=jnp.int32)[:, None]
    bit = np.uint32(1) << (site & 31).astype(jnp.uint32)
    return jnp.where(word == (site >> 5)[None], bit[None], np.uint32(0))


def _below(site: Int[Array, " replica"], geometry: Geometry) -> UInt32[Array, "word replica"]:
    """The bits of all sites before each replica's."""
    word = jnp.arange(geometry.words, dtype=jnp.int32)[:, None]
    many = jnp.clip(site[None] - 32 * word, 0, 32)
    some = (np.uint32(1) << jnp.minimum(many, 31).astype(jnp.uint32)) - np.uint32(1)
    return jnp.where(many == 32, _ALL, some)


def _bit(site: int, geometry: Geometry) -> np.ndarray:
    """The bit of one site, for all replicas."""
    word = np.zeros((geometry.words, 1), np.uint32)
    word[site // 32] = np.uint32(1 << (site % 32))
    return word
