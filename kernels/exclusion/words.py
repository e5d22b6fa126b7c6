r"""Totally asymmetric exclusion in steps of time, a replica on each bit of a word.

The gates 0, 2, 4 ... are tried first, then 1, 3, 5 ...; no two of one half touch the same site, so
that a half is one operation on all words, and each try has a random bit of its own. A gate of rate
r passes a particle with the chance :math:`p = 1 - e^{-r\,dt}`: this is the exact motion over dt of
each half alone (a splitting of Trotter's; stationary averages err by :math:`O(dt^2)`).

Sites s_0, s_1 ... stand in two arrays: the even (s_0, s_2, ...) and the odd (s_1, s_3, ...), flat
over rows and words; between steps the even ones from s_2 on, so that each is beside the odd one
behind it. On an open lattice s_0 is no site but what the reservoir gives, and what lies behind the
last site is full unless the other takes. A chance is a multiple of 2^-32, and takes a random word
for each binary digit that it has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, UInt32

from .. import noise
from ..noise.threefry import Words

Row = UInt32[Array, " row"]
Flat = UInt32[Array, " lane"]
WIDTH = 32  # replicas in a word
LOOK = 8  # steps between two looks at the sites
ROUNDS = 13  # of the generator: noise is a third of the work
ALWAYS = np.uint32(2**32 - 1)  # a chance of 1


class Chances(NamedTuple):
    """Of the gates of each half by row, and of entry and exit; in units of 2^-32."""

    even: Row
    odd: Row
    edge: UInt32[Array, " 2"] | None


class Crowd(NamedTuple):
    """Where the particles are, and what was counted.

    **Fields:** the even sites from s_2 on and the odd ones; `passed`, particles through gate 0 of
    each replica; `visits`, the particles seen on each site of the even and the odd by the 32
    replicas of a word, twice a look: after the first half of a step and after the second.
    """

    ahead: Flat
    odd: Flat
    passed: Int[Array, "bit word"]
    visits: Any = None


def row_count(sites: int, periodic: bool) -> int:
    """The rows of both arrays."""
    return sites // 2 if periodic else sites // 2 + 1


def lay_out(chance: Float[Array, " gate"], periodic: bool, digits: int) -> Chances:
    """By half and row, rounded to so many binary digits."""
    scaled = jnp.round(chance * 2.0**digits)
    whole = jnp.clip(scaled, 0, 2.0**digits - 1).astype(jnp.uint32) << np.uint32(32 - digits)
    edge = None
    if not periodic:
        edge = jnp.stack([whole[0], whole[-1]])
        whole = whole.at[0].set(ALWAYS).at[-1].set(ALWAYS)  # what they give and take is drawn apart
        whole = jnp.pad(whole, (0, whole.shape[0] % 2))
    return Chances(whole[::2], whole[1::2], edge)


def bernoulli(
    key: Words,
    identity: UInt32[Array, "..."],
    counter: UInt32[Array, "..."],
    chance: tuple[UInt32[Array, "..."], UInt32[Array, "..."]],
    digits: Int[Array, ""],
) -> Array:
    """Two words, each bit of which is set with its chance; packed, so that one loop draws both.

    From the lowest digit up: with one more random bit, a digit 1 makes the chance p to (1 + p)/2,
    a digit 0 to p/2. Needs the counters up to 32 more. All digits 1 are a chance of 1.
    """

    def digit(turn: Array | int, before: tuple[Any, Any]) -> Array:
        place = jnp.maximum(digits - 1 - turn, 0).astype(jnp.uint32)
        words = []
        for random, known, number in zip(
            noise.bits(key, identity, counter + place, ROUNDS), before, chance, strict=True
        ):
            one = np.uint32(0) - ((number >> (np.uint32(31) - place)) & np.uint32(1))
            if known is None:
                words.append(jnp.where(number == ALWAYS, ALWAYS, random & one))
            else:
                words.append(random & (known | one) | known & one)
        return _packed(*words)

    def next_digit(turn: Int[Array, ""], packed: Array) -> Array:
        return digit(turn, unpacked(packed))

    return lax.fori_loop(1, digits, next_digit, digit(0, (None, None)))


def unpacked(packed: Array) -> tuple[Array, Array]:
    """The two words of each pair."""
    first, second = jnp.real(packed), jnp.imag(packed)
    return lax.bitcast_convert_type(first, jnp.uint32), lax.bitcast_convert_type(second, jnp.uint32)


def _packed(first: Array, second: Array) -> Array:
    """Two words as one number, which nobody computes with."""
    reals = (lax.bitcast_convert_type(word, jnp.float32) for word in (first, second))
    return lax.complex(*reals)


def _digits(chance: UInt32[Array, " number"]) -> Int[Array, ""]:
    """The binary digits that the numbers have, at most."""
    either = lax.reduce(chance, np.uint32(0), lax.bitwise_or, (0,))
    lowest = either & (~either + np.uint32(1))
    return 32 - lax.population_count(lowest - np.uint32(1)).astype(jnp.int32)


def start(sites: UInt32[Array, "site word"], periodic: bool) -> Crowd:
    """Particles on the sites of an open lattice (of a ring) whose bits are set; nothing counted."""
    count, width = sites.shape
    if not periodic:
        sites = jnp.pad(sites, ((1, 1 - count % 2), (0, 0)))
    ahead = jnp.roll(sites[::2], -1, axis=0)
    return fresh(Crowd(ahead.ravel(), sites[1::2].ravel(), jnp.zeros((WIDTH, width), jnp.int32)))


def fresh(crowd: Crowd) -> Crowd:
    """With nothing counted."""
    zero = jnp.zeros_like(crowd.ahead)
    return crowd._replace(passed=jnp.zeros_like(crowd.passed), visits=(zero, zero))


def advance(
    chances: Chances,
    key: Words,
    word: UInt32[Array, " word"],
    crowd: Crowd,
    first: Int[Array, ""],
    steps: Any,
    *,
    sites: int,
) -> Crowd:
    """The crowd `steps` steps later, the first of them numbered `first`.

    Looks come at every 8th step and at the last one.

    **Arguments:** `key`, whose words have the shape (2,): for the bonds and for the reservoirs;
    `word`, the number of each word of replicas; `sites`, of the lattice.
    """
    rows, width = chances.even.shape[0], word.shape[0]
    identity = (word[None] * np.uint32(rows) + jnp.arange(rows, dtype=jnp.uint32)[:, None]).ravel()
    bonds = jnp.repeat(chances.even, width), jnp.repeat(chances.odd, width)
    either = jnp.concatenate([chances.even, chances.odd])
    digits = _digits(jnp.where(either == ALWAYS, 0, either))
    bond_key, edge_key = ((key[0][kind], key[1][kind]) for kind in (0, 1))
    periodic, exit_first = chances.edge is None, sites % 2 == 0
    last = first + steps

    def drawn(begin: Array, edge: Array) -> Array:
        """What the reservoirs give and take, for as many steps as lie between two looks."""
        number = begin.astype(jnp.uint32) + jnp.arange(LOOK, dtype=jnp.uint32)[:, None]
        counter = number * np.uint32(32)
        return bernoulli(edge_key, word[None], counter, (edge[0], edge[1]), _digits(edge))

    def tries(number: Array) -> tuple[Array, Array]:
        counter = number.astype(jnp.uint32) * np.uint32(32)
        return unpacked(bernoulli(bond_key, identity, counter, bonds, digits))

    def first_half(number: Array, crowd: Crowd, go: Flat, edges: Any) -> tuple[Flat, Flat, Array]:
        """Both arrays of sites, and what passed gate 0."""
        odd = crowd.odd
        even = apart(
            lambda x: jnp.concatenate([x[-width:] if periodic else edges[0], x[:-width]]),
            crowd.ahead,
            number,
        )
        if exit_first and not periodic:
            odd = apart(lambda x: jnp.concatenate([x[:-width], ~edges[1]]), odd, number)
        passed = even[:width] & ~odd[:width] & go[:width]
        return even & (odd | ~go), odd | (even & go), passed

    def second_half(number: Array, halves: Any, go: Flat, edges: Any) -> tuple[Flat, Flat]:
        even, odd = halves
        taken = periodic or exit_first
        ahead = apart(
            lambda x: jnp.concatenate([x[width:], x[:width] if taken else ~edges[1]]), even, number
        )
        return ahead | (odd & go), odd & (ahead | ~go)

    def some_steps(turn: Int[Array, ""], crowd: Crowd) -> Crowd:
        begin = first + turn * LOOK
        reservoirs = None if chances.edge is None else drawn(begin, chances.edge)
        # By bytes, for a few steps; what loops carry differs between devices from the start.
        count = jnp.zeros((8, width), jnp.uint32) + np.uint32(0) * word[None]

        def halves(number: Array, crowd: Crowd, count: Array) -> Any:
            go, edges = tries(number), None
            if reservoirs is not None:
                here = lax.dynamic_index_in_dim(reservoirs, number - begin, keepdims=False)
                edges = unpacked(here)
            even, odd, passed = first_half(number, crowd, go[0], edges)
            bit = jnp.arange(8, dtype=jnp.uint32)[:, None]
            count = count + ((passed[None] >> bit) & np.uint32(0x01010101))
            return (even, odd), second_half(number, (even, odd), go[1], edges), count

        def step(number: Array, carry: tuple[Crowd, Array]) -> tuple[Crowd, Array]:
            crowd, count = carry
            _, (ahead, odd), count = halves(number, crowd, count)
            return crowd._replace(ahead=ahead, odd=odd), count

        end = jnp.minimum(begin + LOOK, last) - 1
        crowd, count = lax.fori_loop(begin, end, step, (crowd, count))
        between, after, count = halves(end, crowd, count)
        byte = jnp.arange(0, WIDTH, 8, dtype=jnp.uint32)[:, None, None]
        single = (count[None] >> byte) & np.uint32(0xFF)
        passed = crowd.passed + single.reshape(WIDTH, width).astype(jnp.int32)
        here = _unshifted(after, width)
        visits = tuple(
            visit + lax.population_count(one) + lax.population_count(other)
            for visit, one, other in zip(crowd.visits, between, here, strict=True)
        )
        return Crowd(after[0], after[1], passed, visits)

    return lax.fori_loop(0, -(-steps // LOOK), some_steps, crowd)


def sites_of(crowd: Crowd, sites: int, periodic: bool) -> UInt32[Array, "site word"]:
    """The sites in order."""
    width = crowd.passed.shape[1]
    return in_order(_unshifted((crowd.ahead, crowd.odd), width), width, sites, periodic)


def in_order(halves: tuple[Flat, Flat], width: int, sites: int, periodic: bool) -> Array:
    """What two arrays hold for each site, (site, word)."""
    rows = halves[0].shape[0] // width
    both = jnp.stack([half.reshape(rows, width) for half in halves], axis=1)
    ordered = both.reshape(2 * rows, width)
    return ordered if periodic else ordered[1 : sites + 1]


def _unshifted(after: tuple[Flat, Flat], width: int) -> tuple[Flat, Flat]:
    return jnp.roll(after[0], width), after[1]


def apart(function: Callable[[Any], Any], argument: Any, counter: Int[Array, ""]) -> Any:
    """`function(argument)`, of the same shape, in a loop of one turn on a CPU.

    XLA fuses a shift into what reads it, where the CPU then computes one number at a time, and
    the noise twice. A loop whose length it cannot know (`counter` is not negative) it leaves alone.
    """
    if jax.default_backend() != "cpu":
        return function(argument)
    return lax.fori_loop(0, jnp.minimum(counter + 1, 1), lambda _, x: function(x), argument)
