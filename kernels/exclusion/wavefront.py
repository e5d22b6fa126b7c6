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
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, UInt32

from .. import noise
from ..noise.threefry import Words
from .apart import apart

Waits = Float[Array, "class row 1"]
Front = Float[Array, "row replica"]
Clock = tuple[Front, Float[Array, "2 replica"]]


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

    def some_cycles(turn: Int[Array, ""], clock: Clock) -> Clock:
        begin = first + turn * unit
        front = lax.fori_loop(begin, jnp.minimum(begin + unit, last), lanes.cycle, clock[0])
        return _moved(front, clock[1])

    return lax.fori_loop(0, -(-cycles // unit), some_cycles, clock)


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
    count = -(-cycles // unit)
    begun, origin = lanes.start()

    def forth(front: Front, turn: Int[Array, ""]) -> tuple[Front, UInt32[Array, "row replica"]]:
        def one(at: Int[Array, ""], carry: tuple[Front, Array]) -> tuple[Front, Array]:
            front, bits = carry
            return lanes.recorded(turn * unit + at, at * width, front, bits)

        bits = jnp.zeros(front.shape, jnp.uint32) + lanes.zero[None]
        front, bits = lax.fori_loop(0, unit, one, (front, bits))
        return _moved(front, origin)[0], bits

    turns = jnp.arange(count, dtype=jnp.int32)
    _, record = lax.scan(forth, begun, turns)

    sign = jnp.asarray([[1], [-1]], waits.dtype)
    start_at = jnp.asarray([[cycles - 1], [marked - 1]], jnp.int32)
    sums = jnp.zeros((width, lanes.rows, 1), waits.dtype) + lanes.zero[None, None].astype(
        waits.dtype
    )

    def back(carry: Any, turn_bits: tuple[Array, Array]) -> tuple[Any, None]:
        turn, bits = turn_bits

        def one(step: Int[Array, ""], carry: Any) -> Any:
            sums, row, alive = carry
            at = unit - 1 - step
            cycle = turn * unit + at
            alive = alive | (cycle == start_at)
            return lanes.traced_back(cycle, at * width, bits, sign, (sums, row, alive))

        return lax.fori_loop(0, unit, one, carry), None

    row = jnp.stack([lanes.zero, lanes.zero]).astype(jnp.int32)
    nowhere = (sums, row, row > 0)
    (sums, _, _), _ = lax.scan(back, nowhere, (turns, record), reverse=True)
    in_order = jnp.swapaxes(sums, 0, 1).reshape(-1, replica.shape[0])
    return in_order[footprint : footprint + waits.shape[0]]


def _moved(front: Front, origin: Float[Array, "2 replica"]) -> Clock:
    """The origin of time moved to the last entry, with what rounding leaves of the sum."""
    base = front[0]
    total = origin[0] + base
    kept = total - origin[0]
    lost = (origin[0] - (total - kept)) + (base - kept)
    return front - base[None], jnp.stack([total, origin[1] + lost])


class _Lanes:
    """What the wavefronts of a block of replicas have in common."""

    def __init__(self, waits: Array, key: Words, replica: Array, footprint: int):
        self.footprint = footprint
        self.rows = row_count(waits.shape[0], footprint)
        self.waits = lay_out(waits, footprint)
        self.key = key
        self.replica = replica
        self.pairs = -(-(footprint + 1) // 2)  # draws of two numbers in a cycle
        self.zero = replica * np.uint32(
            0
        )  # what loops carry differs between devices from the start
        # A row of -inf that XLA does not know: it would pad with it, one number at a time.
        self.never = -np.inf * (1 + replica).astype(waits.dtype)
        row = jnp.arange(self.rows, dtype=jnp.uint32)
        self.identity = replica[None, :] * np.uint32(self.rows) + row[:, None]
        gate = (footprint + 1) * np.arange(self.rows) + np.arange(footprint + 1)[:, None]
        self.exists = (gate >= footprint) & (gate < footprint + waits.shape[0])

    def start(self) -> Clock:
        """`start`, of these replicas."""
        front, origin = start(self.rows, self.replica.shape[0], self.waits.dtype)
        none = self.zero[None].astype(front.dtype)
        return front + none, origin + none

    def drawn(self, cycle: Array, pair: int, identity: Array) -> Array:
        """Two unit exponentials in one array, so that one loop computes both."""
        counter = cycle.astype(jnp.uint32) * np.uint32(self.pairs) + np.uint32(pair)
        both = noise.exponential_pair(self.key, identity, counter, jnp.dtype(self.waits.dtype))
        return lax.complex(*both)

    def neighbours(self, kind: int, cycle: Array, front: Front) -> tuple[Front, Front]:
        """The hops of the last wavefront behind and ahead of each of those of class `kind`."""
        shape, width = front.shape, front.shape[1]

        def shifted(flat: Callable[[Array], list[Array]]) -> Front:  # copies long rows faster
            return apart(lambda x: jnp.concatenate(flat(x.ravel())).reshape(shape), front, cycle)

        if kind == 0:  # its first row is no gate
            return shifted(lambda x: [self.never, x[:-width]]), front
        return front, shifted(lambda x: [x[width:], self.never])

    def wave(self, kind: int, cycle: Array, ready: Front, waited: Front) -> Front:
        """The hops of class `kind`, from the times at which they can begin to wait."""
        new = ready + waited * self.waits[kind]
        if self.exists[kind].all():
            return new
        source = jnp.where(cycle == 0, 0, -jnp.inf).astype(new.dtype)
        before = np.arange(self.rows)[:, None] == 0  # the reservoir, ready at time 0
        fill = jnp.where(before & (kind < self.footprint), source, -jnp.inf)
        return jnp.where(self.exists[kind][:, None], new, fill)

    def cycle(self, cycle: Int[Array, ""], front: Front) -> Front:
        """Every class once."""
        for kind in range(self.footprint + 1):
            if kind % 2 == 0:
                drawn = self.drawn(cycle, kind // 2, self.identity)
            ready = jnp.maximum(*self.neighbours(kind, cycle, front))
            front = self.wave(kind, cycle, ready, (jnp.real, jnp.imag)[kind % 2](drawn))
        return front

    def recorded(
        self, cycle: Array, place: Array, front: Front, bits: Array
    ) -> tuple[Front, Array]:
        """A cycle, with a bit from number `place` on for each wavefront: came the gap last?"""
        for kind in range(self.footprint + 1):
            if kind % 2 == 0:
                drawn = self.drawn(cycle, kind // 2, self.identity)
            behind, ahead = self.neighbours(kind, cycle, front)
            position = place.astype(jnp.uint32) + np.uint32(kind)
            bits = bits | ((ahead > behind).astype(jnp.uint32) << position)
            ready = jnp.maximum(behind, ahead)
            front = self.wave(kind, cycle, ready, (jnp.real, jnp.imag)[kind % 2](drawn))
        return front, bits

    def traced_back(
        self, cycle: Array, place: Array, bits: Array, sign: Array, carry: Any
    ) -> tuple[Array, Int[Array, "2 replica"], Bool[Array, "2 replica"]]:
        """One cycle of the ways back: at a hop, its wait is noted and the later of two is next."""
        sums, row, alive = carry
        lane = jnp.arange(self.replica.shape[0])[None, :]
        identity = self.replica[None, :] * np.uint32(self.rows)
        for kind in reversed(range(self.footprint + 1)):
            apart = alive & ~(alive.all(0) & (row[0] == row[1]))[None]
            drawn = self.drawn(cycle, kind // 2, identity + row.astype(jnp.uint32))
            waited = (jnp.real, jnp.imag)[kind % 2](drawn)
            sums = sums.at[kind, row, lane].add(jnp.where(apart, sign * waited, 0))
            position = place.astype(jnp.uint32) + np.uint32(kind)
            ahead = (bits[row, lane] >> position) & np.uint32(1)
            moved = row + ahead.astype(jnp.int32) - int(kind == 0)
            row = jnp.where(alive, jnp.clip(moved, 0, self.rows - 1), row)
            if 0 < kind <= self.footprint:  # in the reservoir, before the first row
                alive = alive & (row > 0)
        return sums, row, alive
