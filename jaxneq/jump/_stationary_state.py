"""The stationary state of a network and its thermodynamics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxneq._core import AbstractSteadyMethod, AbstractSystem, Case, Status, steady
from jaxneq.thermodynamics import Edges, stationary_distribution

from ._network import AbstractJump, Network
from ._network_state import NetworkState


class StationaryState(AbstractSteadyMethod):
    r"""The stationary state by elimination of the states one by one, without subtractions.

    Each probability has the relative accuracy of the arithmetic, also with rates that differ by
    many orders of magnitude (Grassmann, Taksar and Heyman, Oper. Res. 33, 1107, 1985).

    The variance of a current at late times is that of the martingale which its count becomes with
    the solution g of Poisson's equation: :math:`\sum_{ij} p_i w_{ij} (d_{ij} + g_j - g_i)^2`.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractJump,)

    def check(self, system: AbstractJump) -> None:
        system.known_network.check_irreducible("StationaryState")

    def steady(self, system: AbstractJump) -> NetworkState:
        network = system.network
        edges = network.edges
        probability = stationary_distribution(edges.rates)
        ahead, back = edges.fluxes(probability)
        current = ahead - back
        produced = edges.entropy_production(probability)
        leaving = jnp.sum(edges.rates, axis=1) * probability
        residual = jnp.max(jnp.abs(edges.divergence(current)) / leaving)
        chords, affinities = edges.chords, edges.cycle_affinities
        by_cycles = jnp.where(
            jnp.any(edges.one_way), jnp.inf, jnp.sum(_finite(affinities) * current[chords])
        )
        increments = jax.vmap(edges.increments, (0, None))(
            jnp.eye(len(network.names), dtype=current.dtype), probability
        )
        given = current * edges.asymmetry
        reservoir = jnp.asarray(np.array(network.reservoir, int))
        flow = jnp.zeros(len(network.reservoirs), current.dtype).at[reservoir].add(given)
        reached = jnp.all((probability > 0) & jnp.isfinite(probability))
        return NetworkState(
            state=jnp.arange(edges.size),
            edge=jnp.arange(len(network.names)),
            probability=probability,
            edge_current=current,
            edge_traffic=ahead + back,
            edge_affinity=edges.affinity(probability),
            edge_entropy_production=produced,
            edge_current_variance=(ahead + back) @ increments.T**2,
            reservoir_entropy_flow=flow,
            cycle_affinities=affinities,
            cycle_currents=current[chords],
            entropy_production=jnp.sum(produced),
            cycle_entropy_production=by_cycles,
            conservation_residual=residual,
            status=Status.first_true(reducible=~reached),
            stats={},
            states=network.states,
            edges=network.names,
            cycles=_cycle_names(network, edges),
            reservoirs=network.reservoirs,
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._markov_network import MarkovNetwork

        ladder = 10.0 ** np.array([-12.0, 9.0, -3.0, 12.0])
        rates = np.diag(ladder, 1) + np.diag(np.ones(4), -1)
        exact = float(np.prod(ladder)) / float(np.sum(np.cumprod([1.0, *ladder])))
        yield Case(
            "a ladder with rates from 1e-12 to 1e12: probability of the last",
            lambda: steady(MarkovNetwork(rates), cls()).probability[-1],
            exact,
            1e-14,
            "detailed balance: products of ratios of rates",
        )


def _finite(values: Array) -> Array:
    return jnp.where(jnp.isfinite(values), values, 0)


def _cycle_names(network: Network, edges: Edges) -> tuple[str, ...]:
    """Each by the edge that closes it."""
    return tuple(network.names[chord] for chord in edges.chords)
