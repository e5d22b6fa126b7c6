"""The master equation of a reaction network, in a box of numbers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from jaxneq._core import (
    AbstractSolution,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Status,
    quantity,
    setting,
    steady,
    why_infinite,
)
from jaxneq.thermodynamics import Edges, log_ratio, stationary_distribution

from ._network_state import name_dimensions
from ._reaction_network import ReactionNetwork

_MOST = 4096  # states whose matrix fits
_SPECIES = ("species",)
_REACTION = ("reaction",)


class CountDistribution(AbstractSolution):
    r"""The stationary distribution of the numbers of molecules.

    Rates are events per time; the entropy production, in units of k_B per time, is that of all
    pairs of states and all reactions between them, :math:`\sigma = \sum J \ln (p_i a_+/p_j a_-)`,
    and infinite where a reaction has no reverse. The affinity is what a net event produces on
    average. `truncation` is the share of all events that would leave the box.
    """

    primary: ClassVar[str] = "marginal"

    species_names: tuple[str, ...] = eqx.field(static=True)
    reaction_names: tuple[str, ...] = eqx.field(static=True)
    species: Int[Array, " species"] = quantity(doc="Species", dims=_SPECIES, coordinate=True)
    reaction: Int[Array, " reaction"] = quantity(doc="Reaction", dims=_REACTION, coordinate=True)
    count: Float[Array, " count"] = quantity(
        label="number of molecules", doc="Number of molecules", dims=("count",)
    )
    marginal: Float[Array, "species count"] = quantity(
        label="probability", doc="Probability of the number of molecules", dims=("species", "count")
    )
    mean: Float[Array, " species"] = quantity(doc="Mean number of molecules", dims=_SPECIES)
    variance: Float[Array, " species"] = quantity(
        doc="Variance of the number of molecules", dims=_SPECIES
    )
    fano_factor: Float[Array, " species"] = quantity(
        label="Fano factor", doc="Variance over mean", dims=_SPECIES
    )
    rate: Float[Array, " reaction"] = quantity(
        unit="1/time", doc="Net events per time", dims=_REACTION
    )
    velocity: Float[Array, ""] = quantity(
        label="rate of the last reaction",
        unit="1/time",
        doc="Net events per time of the last reaction",
    )
    affinity: Float[Array, " reaction"] = quantity(
        doc="Entropy produced per net event", dims=_REACTION, panel=False
    )
    entropy_production: Float[Array, ""] = quantity(unit="1/time", doc="Rate of entropy production")
    truncation: Float[Array, ""] = quantity(doc="Share of the events that leave the box")
    overflow: Float[Array, " species"] = quantity(
        doc="Share of the events that the limit of the species keeps from happening",
        dims=_SPECIES,
        panel=False,
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="What enters a state less what leaves it, over all events; the largest"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"reaction": self.rate}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"reaction": self.affinity}

    def remark(self) -> str:
        return why_infinite(("reaction", self.affinity, self.reaction_names))

    def where_it_failed(self) -> str:
        shares = np.asarray(self.overflow)
        most = int(np.argmax(shares))
        if not shares[most] > 0:
            return ""
        name = self.species_names[most]
        return (
            f"{shares[most]:.2g} of all events would make more {name} than `largest` allows: raise "
            f"`largest`, or largest.{name} alone. If {name} grows without bound there is no "
            "stationary state: give a reaction that takes it, hold it by `fixed`, or `evolve`."
        )

    def quantities(self) -> dict[str, tuple[Any, dict[str, Any]]]:
        names = {"species": self.species_names, "reaction": self.reaction_names}
        return name_dimensions(super().quantities(), names)


class ChemicalMasterEquation(AbstractSteadyMethod):
    r"""The stationary master equation, all states with at most `largest` molecules.

    `largest` is one number for all species, or a table with one for each, ``{"X": 300, "E": 2}``.
    Conservation laws are solved for one species each, which may be more numerous and may lack in
    the table; the states are all combinations of the others, those that the `initial` numbers
    cannot lead to included, with probability 0. By elimination without subtractions, so that each
    probability has the relative accuracy of the arithmetic, in the tails as well. Derivatives are
    implicit.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (ReactionNetwork,)

    largest: int | tuple[tuple[str, int], ...] = setting(
        doc="Largest number of molecules", range="[1, 4095]", default=100, by_name=True
    )

    def check(self, system: ReactionNetwork) -> None:
        free = _independent(system)
        if not isinstance(self.largest, int):
            known, wanted = dict(self.largest), [system.species[index] for index in free]
            strange = [name for name in known if name not in system.species]
            if strange or any(name not in known for name in wanted):
                raise ValueError(
                    f"ChemicalMasterEquation: largest is given for {', '.join(known)}. Give it for "
                    f"each of {', '.join(wanted)}, or one number for all."
                )
        limits = self._limits(system)
        if (states := math.prod(limits[index] + 1 for index in free)) > _MOST:
            told = ", ".join(f"{system.species[index]} up to {limits[index]}" for index in free)
            raise ValueError(
                f"ChemicalMasterEquation: {told} make {states} states, and {_MOST} are the most. "
                "Lower `largest`, for each species by a table, or use Gillespie."
            )

    def _limits(self, system: ReactionNetwork) -> list[int]:
        """The largest number of each species."""
        if isinstance(self.largest, int):
            return [self.largest] * len(system.species)
        known = dict(self.largest)
        return [known.get(name, 0) for name in system.species]

    def steady(self, system: ReactionNetwork) -> CountDistribution:
        limits = self._limits(system)
        box = _Box.of(system, limits)
        into = box.rates()
        reached = _reached(into, box.first)
        # States out of reach lead to the start, which changes nothing, and go last.
        order = jnp.arange(box.inside.size).at[0].set(box.first).at[box.first].set(0)
        rates = jnp.where(reached[:, None], into, 0)
        lost = (~reached)[:, None] & (jnp.arange(reached.size) == box.first)[None]
        rates = jnp.where(lost, jnp.max(into), rates)
        probability = stationary_distribution(rates[order][:, order])[order]
        probability = jnp.where(reached, probability, 0)
        numbers, names = box.numbers, system.equations
        mean = probability @ numbers
        variance = probability @ (numbers - mean[None]) ** 2
        there = mean > 0
        found = [box.edges(number) for number in range(len(names))]
        currents = [edges.current(probability) for edges in found]
        rate = jnp.stack([jnp.sum(current) for current in currents])
        produced = jnp.stack([_produced(edges, probability) for edges in found])
        flows = rate != 0
        endless = jnp.asarray([name in system.irreversible for name in names]) & flows
        produced = jnp.where(endless, jnp.inf, produced)
        affinity = jnp.where(flows, produced / jnp.where(flows, rate, 1), 0)
        change = sum(
            edges.divergence(current) for edges, current in zip(found, currents, strict=True)
        )
        events = sum(jnp.sum(sum(edges.fluxes(probability))) for edges in found)
        outside = probability @ box.leaving()
        overflow = box.overflowing() @ probability
        truncation = outside / (events + outside)
        count = jnp.arange(max(limits) + 1, dtype=system.dtype)
        same = numbers[:, :, None] == count[None, None]
        bad = ~jnp.all(jnp.isfinite(probability))
        unknown = jnp.any(reached & box.unknown)
        return CountDistribution(
            species_names=system.species,
            reaction_names=names,
            species=jnp.arange(len(system.species)),
            reaction=jnp.arange(len(names)),
            count=count,
            marginal=jnp.sum(jnp.where(same, probability[:, None, None], 0), axis=0),
            mean=mean,
            variance=variance,
            fano_factor=jnp.where(there, variance / jnp.where(there, mean, 1), 0),
            rate=rate,
            velocity=rate[-1],
            affinity=affinity,
            entropy_production=jnp.sum(produced),
            truncation=truncation,
            overflow=overflow / (events + outside),
            conservation_residual=jnp.max(jnp.abs(jnp.asarray(change))) / events,
            status=Status.first_true(
                not_finite=unknown, reducible=bad, not_accurate=truncation > 1e-4
            ),
            stats={"states": jnp.sum(reached)},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        isomers = ReactionNetwork(reactions=("A <-> B : 3.0, 1.0",), initial={"A": 12.0})
        yield Case(
            "isomers: variance",
            lambda: steady(isomers, cls(largest=12)).variance[0],
            12 * 3 / 16,
            1e-13,
            "binomial, n p (1 - p) with p = 1/4",
        )
        birth = ReactionNetwork(reactions=("0 <-> X : 6.0, 1.5",))
        yield Case(
            "birth and death: probability of 20",
            lambda: steady(birth, cls(largest=60)).marginal[0, 20],
            math.exp(-4) * 4.0**20 / math.factorial(20),
            1e-12,
            "Poisson",
        )


@dataclasses.dataclass(frozen=True, eq=False)
class _Box:
    """States by the numbers of the independent species, and the jumps between them.

    **Fields:** `numbers` of each state; whether it is `inside`, with no number below 0; the index
    of the `first`, the start; `propensities` (direction, state); `targets`, the index of the
    state that a direction leads to, -1 outside of the box; the limits of which species are
    `beyond` that state; where a rate is `unknown`: not finite or negative. There it is 0.
    """

    numbers: Float[Array, "state species"]
    inside: Bool[Array, " state"]
    first: Int[Array, ""]
    propensities: Float[Array, "direction state"]
    targets: np.ndarray
    beyond: Bool[np.ndarray, "direction species state"]
    unknown: Bool[Array, " state"]
    directions: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, system: ReactionNetwork, limits: list[int]) -> _Box:
        laws, follow = system.conserved
        free = _independent(system)
        shape = tuple(limits[index] + 1 for index in free)
        grid = np.indices(shape).reshape(len(free), -1).T
        numbers = jnp.zeros((len(grid), len(system.species)), system.dtype)
        numbers = numbers.at[:, np.array(free, int)].set(jnp.asarray(grid, system.dtype))
        for law, species in zip(laws, follow, strict=True):
            weight = jnp.asarray(law, system.dtype)
            rest = weight @ system.start - numbers @ weight  # its own number is still 0
            numbers = numbers.at[:, species].set(rest / int(law[species]))
        whole = jnp.all((numbers >= 0) & (numbers == jnp.round(numbers)), axis=1)
        start = jnp.round(system.start[np.array(free, int)]).astype(int)
        first = jnp.ravel_multi_index(tuple(start), shape, mode="clip")
        safe = jnp.where(whole[:, None], numbers, 0)
        rates = jnp.stack(system.propensities([*safe.T]))
        rates = jnp.where(whole[None], rates, 0)
        unknown = ~jnp.all(jnp.isfinite(rates), axis=0)
        rates = jnp.where(jnp.isfinite(rates), rates, 0)
        targets, beyond = [], np.zeros((len(rates), len(system.species), len(grid)), bool)
        for direction, (reaction, sign) in enumerate(system.directions):
            moved = grid + sign * np.array(system.changes[reaction])[free]
            beyond[direction, free] = (moved >= shape).T
            there = np.all((moved >= 0) & (moved < shape), axis=1)
            index = np.ravel_multi_index(tuple(np.where(there[:, None], moved, 0).T), shape)
            targets.append(np.where(there, index, -1))
        jumps = np.array(targets), beyond
        return cls(numbers, whole, first, rates, *jumps, unknown, system.directions)

    def _kept(self, direction: int) -> Float[Array, " state"]:
        """The rates of one direction, without those that leave the box or the possible."""
        target = self.targets[direction]
        stays = jnp.asarray(target >= 0) & self.inside[np.maximum(target, 0)]
        return jnp.where(stays, self.propensities[direction], 0)

    def leaving(self) -> Float[Array, " state"]:
        """The rate at which each state would leave."""
        kept = jnp.stack([self._kept(each) for each in range(len(self.directions))])
        return jnp.sum(self.propensities - kept, axis=0)

    def overflowing(self) -> Float[Array, "species state"]:
        """The rate at which each state would leave by the limit of each species."""
        return jnp.sum(jnp.where(self.beyond, self.propensities[:, None], 0), axis=0)

    def rates(self) -> Float[Array, "state state"]:
        """From the row's to the column's state."""
        size = self.inside.size
        total = jnp.zeros((size, size), self.numbers.dtype)
        for direction, target in enumerate(self.targets):
            column = np.maximum(target, 0)
            total = total.at[np.arange(size), column].add(self._kept(direction))
        return total

    def edges(self, reaction: int) -> Edges:
        """Those of one reaction: its direction back along the same edges."""
        directions = [
            self.directions.index((reaction, sign))
            for sign in (1, -1)
            if (reaction, sign) in self.directions
        ]
        ahead = directions[0]
        (tail,) = np.nonzero(self.targets[ahead] >= 0)
        head = self.targets[ahead][tail]
        forward = self._kept(ahead)[tail]
        backward = self._kept(directions[1])[head] if directions[1:] else 0 * forward
        ends = tuple(map(int, tail)), tuple(map(int, head))
        return Edges(forward, backward, *ends, self.inside.size)


def _independent(system: ReactionNetwork) -> list[int]:
    """The species whose numbers do not follow from the others."""
    follow = system.conserved[1]
    return [index for index in range(len(system.species)) if index not in follow]


def _produced(edges: Edges, probability: Array) -> Float[Array, ""]:
    """Entropy production of one reaction; what its steps without reverse make is left out."""
    ahead, back = edges.fluxes(probability)
    both = (ahead > 0) & (back > 0)
    flow = jnp.where(both, ahead - back, 0)
    force = log_ratio(jnp.where(both, ahead, 1), jnp.where(both, back, 1))
    return jnp.sum(flow * force)


def _reached(rates: Float[Array, "state state"], first: Int[Array, ""]) -> Bool[Array, " state"]:
    """The states to which the first one leads."""
    linked = lax.stop_gradient(rates) > 0
    index = jnp.arange(rates.shape[0])

    def spread(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        now, _ = carry
        return now | jnp.any(linked & now[:, None], axis=0), now

    start = index == first
    found, _ = lax.while_loop(
        lambda carry: jnp.any(carry[0] != carry[1]), spread, (start, jnp.zeros_like(start))
    )
    return found
