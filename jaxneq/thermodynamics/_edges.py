"""The edges of a jump process: fluxes, affinities, cycles and entropy production."""

from __future__ import annotations

import functools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ._elimination import PerState, Rates
from ._markov_chain import column_response

PerEdge = Float[Array, " edge"]


class Edges(eqx.Module):
    r"""Pairs of states that exchange probability, each through one reservoir.

    Several edges may join one pair: what they carry stays apart, for entropy is produced on each
    (Esposito and Van den Broeck, Phys. Rev. E 82, 011143, 2010). Merged rates give a lower bound.

    **Fields:** `forward` and `backward`, the rates from `tail` to `head` and back; `size`, the
    number of states. A rate of 0 is a step that does not happen.
    """

    forward: PerEdge
    backward: PerEdge
    tail: tuple[int, ...] = eqx.field(static=True)
    head: tuple[int, ...] = eqx.field(static=True)
    size: int = eqx.field(static=True)

    @property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Tail and head of each edge."""
        return np.asarray(self.tail, int), np.asarray(self.head, int)

    @property
    def rates(self) -> Rates:
        """``rates[i, j]`` from i to j, all edges together."""
        return self._matrix(self.forward, self.backward)

    def tilted(self, counts: PerEdge) -> Rates:
        """The rates, each times the exponential of what its jump counts, + forward, - backward."""
        return self._matrix(self.forward * jnp.exp(counts), self.backward * jnp.exp(-counts))

    def _matrix(self, forward: PerEdge, backward: PerEdge) -> Rates:
        tail, head = self.ends
        none = jnp.zeros((self.size, self.size), forward.dtype)
        return none.at[tail, head].add(forward).at[head, tail].add(backward)

    def fluxes(self, probability: PerState) -> tuple[PerEdge, PerEdge]:
        """Jumps per time along each edge, and against it."""
        tail, head = self.ends
        return probability[tail] * self.forward, probability[head] * self.backward

    def current(self, probability: PerState) -> PerEdge:
        """Net jumps per time along each edge."""
        ahead, back = self.fluxes(probability)
        return ahead - back

    def affinity(self, probability: PerState) -> PerEdge:
        r"""The force conjugate to the current, :math:`\ln (p_i w_{ij} / p_j w_{ji})`."""
        return log_ratio(*self.fluxes(probability))

    @property
    def asymmetry(self) -> PerEdge:
        r""":math:`\ln (w_{ij}/w_{ji})`: what a jump adds to the entropy of its reservoir."""
        return log_ratio(self.forward, self.backward)

    def entropy_production(self, probability: PerState) -> PerEdge:
        r"""Of each edge, :math:`(p_i w_{ij} - p_j w_{ji}) \ln (p_i w_{ij} / p_j w_{ji})`.

        Not negative (Schnakenberg, Rev. Mod. Phys. 48, 571, 1976), and infinite for a step that
        has no reverse.
        """
        return self.current(probability) * self.affinity(probability)

    @property
    def one_way(self) -> Bool[Array, " edge"]:
        """Whether an edge has no reverse."""
        return (self.forward > 0) ^ (self.backward > 0)

    def divergence(self, along: PerEdge) -> PerState:
        """What leaves each state, less what enters it."""
        tail, head = self.ends
        return jnp.zeros(self.size, along.dtype).at[tail].add(along).at[head].add(-along)

    @property
    def cycles(self) -> np.ndarray:
        """A cycle for each edge outside a spanning tree, (cycle, edge), +1 along an edge."""
        return fundamental_cycles(self.tail, self.head, self.size)[0]

    @property
    def chords(self) -> np.ndarray:
        """The edges outside that tree, along each of which its cycle runs."""
        return fundamental_cycles(self.tail, self.head, self.size)[1]

    @property
    def cycle_affinities(self) -> Float[Array, " cycle"]:
        r"""Of each fundamental cycle, :math:`\ln \prod_c w_{ij}/w_{ji}`.

        Infinite for a cycle with steps without reverse, and 0 for one that cannot be run at all.
        """
        sign = jnp.asarray(self.cycles, self.forward.dtype)
        parts = jnp.where(sign == 0, 0, sign * jnp.where(sign == 0, 1, self.asymmetry[None]))
        barred = jnp.any(parts == jnp.inf, axis=1) & jnp.any(parts == -jnp.inf, axis=1)
        return jnp.sum(jnp.where(barred[:, None], 0, parts), axis=1)

    @property
    def kolmogorov(self) -> Float[Array, ""]:
        """The largest affinity of a cycle: 0 if and only if the chain has detailed balance.

        Kolmogorov's criterion (Math. Ann. 112, 155, 1936). A step without reverse breaks it, by an
        infinite amount, whatever its cycles are.
        """
        largest = jnp.max(jnp.abs(self.cycle_affinities), initial=0)
        return jnp.where(jnp.any(self.one_way), jnp.inf, largest)

    def increments(self, counts: PerEdge, probability: PerState) -> PerEdge:
        r"""What a jump adds to the martingale of a counted current: :math:`d_{ij} + g_j - g_i`.

        Here g solves Poisson's equation :math:`\sum_j w_{ij} (g_i - g_j) = r_i - \sum_k p_k r_k`
        for the mean rate of counting r in each state.
        """
        tail, head = self.ends
        rate = jnp.zeros(self.size, counts.dtype).at[tail].add(counts * self.forward)
        rate = rate.at[head].add(-counts * self.backward)
        g = column_response(self.rates, probability, rate)
        return counts + g[head] - g[tail]


def log_ratio(numerator: Array, denominator: Array) -> Array:
    """The logarithm of a ratio of numbers that are not negative; of 0 to 0 it is 0."""
    above, below = numerator > 0, denominator > 0
    both = above & below
    found = jnp.log(jnp.where(both, numerator, 1)) - jnp.log(jnp.where(both, denominator, 1))
    return jnp.where(both, found, jnp.where(above, jnp.inf, jnp.where(below, -jnp.inf, 0)))


@functools.cache
def fundamental_cycles(
    tail: tuple[int, ...], head: tuple[int, ...], size: int
) -> tuple[np.ndarray, np.ndarray]:
    """The cycles that each edge outside a spanning tree closes, and these edges.

    The tree is that of a breadth-first search (a forest, where not all states are connected).
    """
    to_root = np.zeros((size, len(tail)), int)  # the edges from a state to its root, signed
    seen, tree = np.zeros(size, bool), set()
    for root in range(size):
        if seen[root]:
            continue
        seen[root], queue = True, [root]
        for state in queue:
            for edge, pair in enumerate(zip(tail, head, strict=True)):
                if state not in pair:
                    continue
                other, sign = (pair[1], -1) if pair[0] == state else (pair[0], 1)
                if not seen[other]:
                    seen[other] = True
                    tree.add(edge)
                    to_root[other] = to_root[state]
                    to_root[other, edge] = sign
                    queue.append(other)
    chords = np.array([edge for edge in range(len(tail)) if edge not in tree], int)
    cycles = np.zeros((len(chords), len(tail)), int)
    for row, edge in enumerate(chords):
        cycles[row] = to_root[head[edge]] - to_root[tail[edge]]
        cycles[row, edge] += 1
    return cycles, chords


def reachable(rates: np.ndarray) -> np.ndarray:
    """Whether a state leads to another, ``[from, to]``, by Warshall's algorithm."""
    reach = (rates > 0) | np.eye(len(rates), dtype=bool)
    for k in range(len(rates)):
        reach |= reach[:, k, None] & reach[None, k]
    return reach


def classes_of(rates: np.ndarray) -> tuple[list[list[int]], list[bool]]:
    """The classes of states that reach each other, and which of them are never left."""
    reach = reachable(rates)
    mutual = reach & reach.T
    classes = [np.flatnonzero(row).tolist() for row in np.unique(mutual, axis=0)[::-1]]
    closed = [bool(np.all(reach[states[0]] == mutual[states[0]])) for states in classes]
    return classes, closed
