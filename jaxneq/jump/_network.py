"""What the methods see: states, and the edges between them."""

from __future__ import annotations

import abc
from collections.abc import Iterable

import equinox as eqx
import jax
import numpy as np

from jaxneq._core import AbstractMethod, AbstractSystem, is_concrete
from jaxneq.thermodynamics import Edges, classes_of, reachable


class Network(eqx.Module):
    """A Markov jump process on named states.

    **Fields:** `edges`, with their rates; `states` and `names`, of the states and of the edges;
    `reservoirs`, and `reservoir`, the index of that which drives each edge.
    """

    edges: Edges
    states: tuple[str, ...] = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    reservoirs: tuple[str, ...] = eqx.field(static=True)
    reservoir: tuple[int, ...] = eqx.field(static=True)

    def state(self, owner: str, name: str) -> int:
        """The index of a state by its name."""
        return _index(owner, "state", name, self.states)

    def counts(self, owner: str, name: str) -> np.ndarray:
        """What a jump along each edge counts, of an edge or a reservoir by its name."""
        if name in self.reservoirs and name not in self.names:
            wanted = self.reservoirs.index(name)
            return np.array([float(index == wanted) for index in self.reservoir])
        edge = _index(owner, "edge", name, self.names)
        return np.eye(len(self.names))[edge]

    def check_irreducible(self, owner: str) -> None:
        """Refuse concrete rates that do not lead from every state to every other."""
        if self._rates is None:
            return
        classes, closed = classes_of(self._rates)
        if len(classes) == 1:
            return
        told = [
            f"{self._told(states)} {_fate(self._rates, states, ended)}"
            for states, ended in zip(classes, closed, strict=True)
        ]
        raise ValueError(
            f"{owner}: the network is reducible: {'; '.join(told)}. So there is no one stationary "
            "state. Give rates that lead from every state to every other; for a state that "
            "absorbs, evolve in time or ask for the first passage."
        )

    def check_reaches(self, owner: str, start: int, target: int) -> None:
        """Refuse concrete rates by which a walk from `start` may end elsewhere than in `target`."""
        if self._rates is None:
            return
        reach = reachable(self._rates)
        lost = np.flatnonzero(reach[start] & ~reach[:, target])
        if lost.size:
            raise ValueError(
                f"{owner}: from {self._told(lost.tolist())}, which {self.states[start]} leads to, "
                f"there is no way to {self.states[target]}: the mean time is infinite. Give a "
                "target that is always reached."
            )

    def without_reverse(self) -> tuple[str, ...]:
        """The edges that are known to lead one way only."""
        if self._rates is None:
            return ()
        forward, backward = np.asarray(self.edges.forward), np.asarray(self.edges.backward)
        return tuple(self.names[edge] for edge in np.flatnonzero((forward > 0) ^ (backward > 0)))

    @property
    def _rates(self) -> np.ndarray | None:
        """Those between the states, if they are known now."""
        edges = self.edges
        if not (is_concrete(edges.forward) and is_concrete(edges.backward)):
            return None
        rates, (tail, head) = np.zeros((edges.size, edges.size)), edges.ends
        np.add.at(rates, (tail, head), np.asarray(edges.forward))
        np.add.at(rates, (head, tail), np.asarray(edges.backward))
        return rates

    def _told(self, states: Iterable[int]) -> str:
        return " and ".join(self.states[state] for state in states)


def _fate(rates: np.ndarray, states: list[int], closed: bool) -> str:
    if not closed:
        return "once left, not reached again"
    entered = rates[:, states].sum() > rates[np.ix_(states, states)].sum()
    if not entered:
        return "connected to no other state"
    return "absorbing, never left"


class AbstractJump(AbstractSystem):
    """A system whose states exchange probability by jumps: a Markov process in continuous time."""

    @property
    @abc.abstractmethod
    def network(self) -> Network:
        """The process that it is."""

    @property
    def known_network(self) -> Network:
        """The process, with concrete rates where all parameters are, also while traced."""
        if not all(map(is_concrete, jax.tree.leaves(self))):
            return self.network
        with jax.ensure_compile_time_eval():
            return _network_of(self)

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._gillespie import Gillespie
        from ._network_in_time import MasterEquation
        from ._stationary_state import StationaryState

        return {
            "steady": StationaryState(),
            "evolve": MasterEquation(),
            "simulate": Gillespie(),
        }.get(verb)


@eqx.filter_jit
def _network_of(system: AbstractJump) -> Network:
    return system.network


def _index(owner: str, kind: str, name: str, known: tuple[str, ...]) -> int:
    if name not in known:
        raise ValueError(
            f"{owner}: there is no {kind} {name!r}. Give one of {', '.join(map(repr, known))}."
        )
    return known.index(name)
