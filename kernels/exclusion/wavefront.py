r"""Times of all hops of a totally asymmetric exclusion process, one wavefront after the other.

The n-th hop over gate i happens a waiting time after both the particle and the gap are there,

.. math:: G(n, i) = \max\{G(n, i-1),\; G(n-1, i+\ell)\} + w_i E_{n,i},

with the mean wait w of the gate, unit exponentials E, and particles that cover :math:`\ell` sites
(last-passage percolation: Johansson, Commun. Math. Phys. 209, 437, 2000). Hops of equal
:math:`k = (\ell + 1) n + i` do not wait for each other, and only for those with k - 1. With
:math:`i + \ell = (\ell + 1) r + c`, those of the *class* c = k mod (l + 1) are one array over
the rows r and the replicas; a *cycle* takes each class once, and lets one more particle in.

The longest way that ends at a hop, its geodesic, goes back one wavefront at a time. The time of
the hop is the sum of the waits on it, so it is linear in the mean waits as long as the geodesic
stays; one bit for each hop is enough to find it.

Each class has an array of its own, a row longer than it has rows, which is written in place: this
row is no gate and stays :math:`-\infty`, in front of the rows of the last class, behind those of
all others. So the hops behind those of a class, and those ahead of them, are the array of the class
before it without its last row, and without its first, and no row is ever moved.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Inexact, Int, UInt32

from .. import noise
from ..noise.threefry import Words

Waits = Float[Array, "class row 1"]
Front = Float[Array, "row replica"]
Clock = tuple[Front, Float[Array, "2 replica"]]
Classes = tuple[Inexact[Array, "longer replica"], ...]
Ways = tuple[
    Float[Array, "class row replica"], Int[Array, "way replica"], Bool[Array, "way replica"]
]


def lay_out(waits: Float[Array, " gate"], footprint: int) -> Waits:
    """The mean waits by class and row; 1 where there is no gate."""
    width = footprint + 1
    rows = row_count(waits.shape[0], footprint)
    after = rows * width - footprint - waits.shape[0]
    padded = jnp.pad(waits, (footprint, after), constant_values=1)
    return padded.reshape(rows, width).T[:, :, None]


def row_count(gates: int, footprint: int) -> int:
    """The rows of the arrays of classes."""
    return -(-(gates + footprint) // (footprint + 1))


def cycles_at_once(footprint: int) -> int:
    """The cycles between two moves of the origin of time, a power of 2.

    Their wavefronts have room in a word of bits, one bit each.
    """
    return 1 << ((32 // (footprint + 1)).bit_length() - 1)


def start(rows: int, replicas: int, dtype: Any) -> Clock:
    """Before the first hop, and the origin of time in two parts."""
    return jnp.full((rows, replicas), -jnp.inf, dtype), jnp.zeros((2, replicas), dtype)


def advance(
    waits: Float[Array, " gate"],
    key: Words,
    replica: UInt32[Array, " replica"],
    clock: Clock,
    first: Int[Array, ""],
    cycles: Any,
    *,
    footprint: int = 1,
) -> Clock:
    """The clock `cycles` cycles later, the first of them numbered `first`, into an empty lattice.

    Cycles are taken by `cycles_at_once`; only the last call for a clock may take another number.
    """
    lanes = _Lanes(waits, key, replica, footprint)
    unit = cycles_at_once(footprint)
    last = first + cycles

    def some_cycles(turn: Int[Array, ""], carry: tuple[Classes, Array]) -> tuple[Classes, Array]:
        begin, (classes, origin) = first + turn * unit, carry
        classes = lax.fori_loop(begin, jnp.minimum(begin + unit, last), lanes.cycle, classes)
        return _moved(classes, origin)

    begun = lanes.classes(clock[0]), clock[1]
    classes, origin = lax.fori_loop(0, -(-cycles // unit), some_cycles, begun)
    return classes[-1][1:], origin


def entry_time(clock: Clock) -> Float[Array, " replica"]:
    """When the last particle that is in came in."""
    front, origin = clock
    return front[0] + origin[0] + origin[1]


def geodesic_sums(
    waits: Float[Array, " gate"],
    key: Words,
    replica: UInt32[Array, " replica"],
    marked: int,
    cycles: int,
    *,
    footprint: int = 1,
) -> Float[Array, "gate replica"]:
    """The unit exponentials of each gate on the way from particle `marked` to number `cycles`.

    That is, on the geodesic of the last entry, less those of the geodesic of the entry of
    particle `marked` (0: none); where the two ways have met, nothing is left of either. Keeps one
    bit for each hop of the run.
    """
    lanes = _Lanes(waits, key, replica, footprint)
    unit, width = cycles_at_once(footprint), footprint + 1
    count, shared = -(-cycles // unit), -(-marked // unit)  # turns, and those of both ways

    def forth(classes: Classes, turn: Int[Array, ""]) -> tuple[Classes, UInt32[Array, "..."]]:
        def one(at: Int[Array, ""], carry: tuple[Classes, Array]) -> tuple[Classes, Array]:
            return lanes.recorded(turn * unit + at, at * width, *carry)

        bits = jnp.zeros((lanes.rows, 1), jnp.uint32) + lanes.zero
        classes, bits = lax.fori_loop(0, unit, one, (classes, bits))
        return _moved(classes, origin)[0], bits

    front, origin = start(lanes.rows, replica.shape[0], waits.dtype)
    _, record = lax.scan(forth, lanes.classes(front), jnp.arange(count, dtype=jnp.int32))

    def back(turn: Int[Array, ""], ways: Ways) -> Ways:
        bits = lax.dynamic_index_in_dim(record, turn, keepdims=False)
        last = np.array([cycles - 1, marked - 1][: ways[1].shape[0]], np.int32)

        def one(step: Int[Array, ""], ways: Ways) -> Ways:
            at = unit - 1 - step
            return lanes.traced_back(turn * unit + at, at * width, bits, last, ways)

        return lax.fori_loop(0, unit, one, ways)

    row = lanes.zero.astype(jnp.int32)
    sums = jnp.zeros((width, lanes.rows, 1), waits.dtype) + row[None].astype(waits.dtype)
    begun = sums, row, row > 0
    sums, *way = lax.fori_loop(0, count - shared, lambda n, ways: back(count - 1 - n, ways), begun)
    if marked:  # the second way begins
        begun = sums, *(jnp.concatenate([each, jnp.zeros_like(each)]) for each in way)
        sums, *_ = lax.fori_loop(0, shared, lambda n, ways: back(shared - 1 - n, ways), begun)
    in_order = jnp.swapaxes(sums, 0, 1).reshape(-1, replica.shape[0])
    return in_order[footprint : footprint + waits.shape[0]]


def _moved(classes: Classes, origin: Float[Array, "2 replica"]) -> tuple[Classes, Array]:
    """The origin of time moved to the last entry, with what rounding leaves of the sum."""
    *others, last = classes
    base = last[1]
    total = origin[0] + base
    kept = total - origin[0]
    lost = (origin[0] - (total - kept)) + (base - kept)
    return (*others, last - base[None]), jnp.stack([total, origin[1] + lost])


class _Lanes:
    """What the wavefronts of a block of replicas have in common."""

    def __init__(self, waits: Array, key: Words, replica: Array, footprint: int):
        self.footprint = footprint
        self.rows = row_count(waits.shape[0], footprint)
        self.waits = lay_out(waits, footprint)
        self.key = key
        self.replica = replica
        self.pairs = -(-(footprint + 1) // 2)  # draws of two numbers in a cycle
        # what loops carry differs between devices from the start
        self.zero = replica[None, :] * np.uint32(0)
        row = jnp.arange(self.rows, dtype=jnp.uint32)
        self.identity = replica[None, :] * np.uint32(self.rows) + row[:, None]
        gate = (footprint + 1) * np.arange(self.rows) + np.arange(footprint + 1)[:, None]
        self.exists = (gate >= footprint) & (gate < footprint + waits.shape[0])

    def drawn(self, cycle: Array, pair: int, identity: Array) -> noise.Pair:
        """Two unit exponentials of each identity, for two classes of a cycle."""
        counter = cycle.astype(jnp.uint32) * np.uint32(self.pairs) + np.uint32(pair)
        return noise.exponential_pair(self.key, identity, counter, jnp.dtype(self.waits.dtype))

    def classes(self, front: Front) -> Classes:
        """The arrays of all classes, the last of which has the last wavefront.

        Those of even classes have, as imaginary part, what those after them will have waited: one
        loop of XLA then draws both.
        """
        zero = self.zero.astype(front.dtype)
        none = jnp.full((self.rows + 1, 1), -jnp.inf, front.dtype) + zero
        others = (none if kind % 2 else lax.complex(none, none) for kind in range(self.footprint))
        return *others, jnp.concatenate([none[:1], front + zero])

    def wave(self, kind: int, cycle: Array, classes: Classes) -> Classes:
        """With the hops of class `kind`."""
        before, even, last = classes[kind - 1], kind % 2 == 0, kind == self.footprint
        pair = self.drawn(cycle, kind // 2, self.identity) if even else [jnp.imag(before)[:-1]]
        waited, *later = pair
        new = jnp.maximum(*_neighbours(before)) + waited * self.waits[kind]
        if not self.exists[kind].all():
            source = jnp.where(cycle == 0, 0, -jnp.inf).astype(new.dtype)
            reservoir = np.arange(self.rows)[:, None] == 0  # ready at time 0
            fill = jnp.where(reservoir & (not last), source, -jnp.inf)
            new = jnp.where(self.exists[kind][:, None], new, fill)
        if even and not last:
            new = lax.complex(new, *later)
        written = lax.dynamic_update_slice(classes[kind], new, (int(last), 0))
        return *classes[:kind], written, *classes[kind + 1 :]

    def cycle(self, cycle: Int[Array, ""], classes: Classes) -> Classes:
        """Every class once."""
        for kind in range(self.footprint + 1):
            classes = self.wave(kind, cycle, classes)
        return classes

    def recorded(
        self, cycle: Array, place: Array, classes: Classes, bits: UInt32[Array, "row replica"]
    ) -> tuple[Classes, UInt32[Array, "row replica"]]:
        """A cycle, with a bit from number `place` on after each wavefront.

        It says of the hops of the next one: will the gap come last?
        """
        for kind in range(self.footprint + 1):
            classes = self.wave(kind, cycle, classes)
            behind, ahead = _neighbours(classes[kind])
            position = place.astype(jnp.uint32) + np.uint32(kind)
            bits = bits | ((ahead > behind).astype(jnp.uint32) << position)
        return classes, bits

    def traced_back(
        self, cycle: Array, place: Array, bits: Array, last: np.ndarray, ways: Ways
    ) -> Ways:
        """One cycle of the ways back: to the later of two hops, whose wait is noted.

        A way begins with the hop into the lattice in the cycle `last`. Where two have met, nothing
        is noted.
        """
        sums, row, alive = ways
        lane = jnp.arange(self.replica.shape[0])[None, :]
        identity = self.replica[None, :] * np.uint32(self.rows)
        for kind in reversed(range(self.footprint + 1)):
            position = place.astype(jnp.uint32) + np.uint32(kind)
            ahead = (bits[row, lane] >> position) & np.uint32(1)
            moved = row + ahead.astype(jnp.int32) - int(kind == self.footprint)
            row = jnp.where(alive, jnp.clip(moved, 0, self.rows - 1), row)
            if kind == self.footprint:
                alive = alive | (cycle == last[:, None])
            else:  # in the reservoir, before the first row
                alive = alive & (row > 0)
            waited = self.drawn(cycle, kind // 2, identity + row.astype(jnp.uint32))[kind % 2]
            noted, sign = alive, 1
            if last.size == 2:
                noted = alive & ~(alive.all(0) & (row[0] == row[1]))[None]
                sign = np.array([[1], [-1]], waited.dtype)
            sums = sums.at[kind, row, lane].add(jnp.where(noted, sign * waited, 0))
        return sums, row, alive


def _neighbours(before: Inexact[Array, "longer replica"]) -> tuple[Front, Front]:
    """The hops behind those of a class and ahead of them, from the array of the class before."""
    times = jnp.real(before)
    return times[:-1], times[1:]
