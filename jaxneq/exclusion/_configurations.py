"""All configurations of a short lattice, and the rates between them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ._lattice import Lattice

MOST = 2**18  # configurations
LONGEST = 24  # sites, for all 2^L numbers are written down first

State = Float[Array, " state"]
PerMove = Float[Array, "move state"]


class Table(NamedTuple):
    """Which move leads from which configuration to which.

    Moves are the passages of each gate, then attachment to each site. `way` is 1 where the
    configuration allows the move, -1 where it allows the reverse, 0 for neither; `partner` is the
    configuration that either leads to (its own number for neither).
    """

    occupied: np.ndarray  # (state, site)
    partner: np.ndarray  # (move, state)
    way: np.ndarray  # (move, state)


class Chain(eqx.Module):
    """The master equation of the configurations.

    **Fields:** `partner` and `way` as of `Table`; the rates of `leaving` each configuration by each
    move, and of `arriving` there from its partner; `gates`, how many moves pass a gate.
    """

    partner: Int[Array, "move state"]
    way: Int[Array, "move state"]
    leaving: PerMove
    arriving: PerMove
    gates: int = eqx.field(static=True)

    @property
    def escape(self) -> State:
        """The total rate of leaving each configuration."""
        return jnp.sum(self.leaving, axis=0)

    def flow(self, weights: State) -> State:
        """The rate of change of the weights of all configurations."""
        arriving = jnp.sum(self.arriving * weights[self.partner], axis=0)
        return arriving - self.escape * weights

    def passing(self, weights: State) -> Float[Array, " move"]:
        """The mean net rate of each move: currents through the gates, then net attachment."""
        return jnp.sum(self.way.astype(weights.dtype) * (self.leaving * weights[None]), axis=1)

    @property
    def counted(self) -> PerMove:
        """What leaving by a move adds to the particles that passed, mean over the gates."""
        gate = jnp.arange(self.way.shape[0]) < self.gates
        return jnp.where(gate[:, None], self.way, 0).astype(self.leaving.dtype) / self.gates

    def tilted(self, tilt: Float[Array, ""]) -> Chain:
        """With each move weighted by exp(s n), n the particles that pass, mean over the gates."""
        factor = jnp.exp(-tilt * self.counted)  # what arrives is counted the other way
        return eqx.tree_at(lambda chain: chain.arriving, self, self.arriving * factor)


def chain_of(lattice: Lattice) -> tuple[Chain, Float[Array, "state site"]]:
    """The master equation of a lattice, and which sites each configuration occupies."""
    attaching = lattice.attachment is not None
    table = _table(
        lattice.length, lattice.footprint, lattice.periodic, lattice.particles, attaching
    )
    ahead, back = lattice.passing
    gates = ahead.shape[0]
    if attaching:
        assert lattice.attachment is not None and lattice.detachment is not None
        ahead = jnp.concatenate([ahead, lattice.attachment])
        back = jnp.concatenate([back, lattice.detachment])
    way, ahead, back = jnp.asarray(table.way), ahead[:, None], back[:, None]
    leaving = jnp.where(way > 0, ahead, jnp.where(way < 0, back, 0))
    arriving = jnp.where(way > 0, back, jnp.where(way < 0, ahead, 0))
    chain = Chain(
        partner=jnp.asarray(table.partner),
        way=way,
        leaving=leaving,
        arriving=arriving,
        gates=gates,
    )
    return chain, jnp.asarray(table.occupied, ahead.dtype)


def check_size(owner: str, lattice: Lattice, remedy: str) -> None:
    """Refuse lattices with too many configurations, before any is written down."""
    length, count = lattice.length, _count(lattice)
    if count > MOST or length > LONGEST:
        said = f"more than {MOST}" if count > MOST else f"{count}"
        raise ValueError(
            f"{owner}: length = {length} has {said} configurations; {MOST} on {LONGEST} sites are "
            f"the most. {remedy}"
        )


def _count(lattice: Lattice) -> int:
    """How many configurations there are; it stops once there are more than `MOST`."""
    length, count = lattice.length, 1
    if lattice.particles is None:
        counts = [1] * lattice.footprint
        for _ in range(length):
            counts.append(counts[-1] + counts[-lattice.footprint])
            if counts[-1] > MOST:
                break
        return counts[-1]
    for i in range(min(lattice.particles, length - lattice.particles)):
        count = count * (length - i) // (i + 1)
        if count > MOST:
            break
    return count


@lru_cache(maxsize=32)
def _table(
    length: int, footprint: int, periodic: bool, particles: int | None, attaching: bool
) -> Table:
    """Configurations as binary numbers, site 1 the highest bit, that keep particles apart."""
    numbers = np.arange(2**length, dtype=np.int64)
    bits = [1 << (length - 1 - site) for site in range(length)]
    good = np.ones(numbers.shape, bool)
    for near in range(1, footprint):
        for site in range(length if periodic else length - near):
            pair = bits[site] | bits[(site + near) % length]
            good &= (numbers & pair) != pair
    if particles is not None:
        good &= sum((numbers & bit) > 0 for bit in bits) == particles
    numbers = numbers[good]
    place = np.full(2**length, -1, dtype=np.int64)
    place[numbers] = np.arange(numbers.size)
    filled = {site: (numbers & bit) > 0 for site, bit in enumerate(bits)}

    moves = []  # what must be filled and what empty for the move, by site

    def move(source: int | None, target: int | None) -> None:
        mask = sum(bits[site] for site in (source, target) if site is not None)
        ahead, back = np.ones(numbers.shape, bool), np.ones(numbers.shape, bool)
        if source is not None:
            ahead, back = ahead & filled[source], back & ~filled[source]
        if target is not None:
            ahead, back = ahead & ~filled[target], back & filled[target]
        end = place[numbers ^ mask]
        way = np.where(ahead, 1, np.where(back, -1, 0)) * (end >= 0)
        moves.append((np.where(way == 0, np.arange(numbers.size), end), way))

    if periodic:
        for site in range(length):
            move(site, (site + 1) % length)
    else:
        move(None, 0)
        for site in range(length - 1):
            move(site, site + 1)
        move(length - 1, None)
    if attaching:
        for site in range(length):
            move(None, site)
    partner, way = (np.stack(each).astype(np.int32) for each in zip(*moves, strict=True))
    return Table(np.stack([filled[site] for site in range(length)], axis=1), partner, way)
