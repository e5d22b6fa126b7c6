"""What the methods see: states, and the edges between them."""

from __future__ import annotations

import abc
from collections.abc import Iterable

import equinox as eqx
import jax
import numpy as np

from jaxneq._core import AbstractMethod, AbstractSystem, is_concrete
from jaxneq.thermodynamics import Edges, classes_of


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
        if not all(map(is_concrete, jax.tree.leaves(self))):
            return
        classes, closed = classes_of(np.asarray(self.edges.rates))
        if len(classes) == 1:
            return
        told = [
            f"{self._told(states)} {_fate(self, states, ended)}"
            for states, ended in zip(classes, closed, strict=True)
        ]
        raise ValueError(
            f"{owner}: the network is reducible: {'; '.join(told)}. So there is no one stationary "
            "state. Give rates that lead from every state to every other; for a state that "
            "absorbs, evolve in time or ask for the first passage."
        )

    def _told(self, states: Iterable[int]) -> str:
        return " and ".join(self.states[state] for state in states)


def _fate(network: Network, states: list[int], closed: bool) -> str:
    if not closed:
        return "once left, not reached again"
    rates = np.asarray(network.edges.rates)
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

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._stationary_state import StationaryState

        return StationaryState() if verb == "steady" else None


def _index(owner: str, kind: str, name: str, known: tuple[str, ...]) -> int:
    if name not in known:
        raise ValueError(
            f"{owner}: there is no {kind} {name!r}. Give one of {', '.join(map(repr, known))}."
        )
    return known.index(name)
