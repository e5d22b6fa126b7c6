"""Is the stationary state that of least entropy production?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxneq._core import (
    AbstractSolution,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Status,
    newton,
    quantity,
    steady,
)
from jaxneq.thermodynamics import stationary_distribution

from ._network import AbstractJump
from ._network_state import name_dimensions

_STATE = ("state",)
_FARTHEST = 700.0  # logarithms of probabilities that do not vanish


class LeastDissipationState(AbstractSolution):
    """A stationary state beside the probabilities that dissipate least."""

    primary: ClassVar[str] = "excess"

    state: Int[Array, " state"] = quantity(doc="State", dims=_STATE, coordinate=True)
    edge: Int[Array, " edge"] = quantity(doc="Edge", dims=("edge",), coordinate=True)
    excess: Float[Array, ""] = quantity(
        label="excess entropy production, relative",
        doc="Entropy production of the stationary state over the least, less 1",
    )
    distance: Float[Array, ""] = quantity(
        label="distance of the probabilities",
        doc="Half the sum of the differences of the probabilities",
    )
    probability: Float[Array, " state"] = quantity(doc="Stationary probability", dims=_STATE)
    least_probability: Float[Array, " state"] = quantity(
        doc="Probability that dissipates least", dims=_STATE
    )
    entropy_production: Float[Array, ""] = quantity(unit="1/time", doc="Rate of entropy production")
    least_entropy_production: Float[Array, ""] = quantity(
        unit="1/time", doc="Least rate of entropy production", reference_for="entropy_production"
    )
    edge_current: Float[Array, " edge"] = quantity(
        unit="1/time", doc="Net jumps per time along each edge", dims=("edge",), panel=False
    )
    edge_affinity: Float[Array, " edge"] = quantity(
        doc="Force of each edge: log ratio of the two fluxes", dims=("edge",), panel=False
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="What enters a state less what leaves it, over what leaves it; the largest"
    )
    status: Status
    stats: dict[str, Any]
    states: tuple[str, ...] = eqx.field(static=True, kw_only=True)
    edges: tuple[str, ...] = eqx.field(static=True, kw_only=True)

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"edge": self.edge_current}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"edge": self.edge_affinity}

    def quantities(self) -> dict[str, tuple[Any, dict[str, Any]]]:
        return name_dimensions(super().quantities(), {"state": self.states, "edge": self.edges})


class LeastDissipation(AbstractSteadyMethod):
    r"""The probabilities that dissipate least at the given rates.

    .. math:: \sigma(p) = \sum_e (p_i w_{ij} - p_j w_{ji}) \ln\frac{p_i w_{ij}}{p_j w_{ji}}

    is convex, so that there is one minimum: where all :math:`\partial\sigma/\partial p_i` are
    alike. It is found by Newton's method in the logarithms, from the stationary state. Near
    equilibrium the two are one (Prigogine's principle; for a chain of states Klein and Meijer,
    Phys. Rev. 96, 250, 1954): with affinities A they part as A^2, and the stationary state
    dissipates more than the least by a share of A^2. Far from it they have little in common.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractJump,)

    def check(self, system: AbstractJump) -> None:
        network = system.known_network
        network.check_irreducible("LeastDissipation")
        if steps := network.without_reverse():
            raise ValueError(
                f"LeastDissipation: there are steps without reverse, {', '.join(steps)}, so that "
                "all probabilities dissipate infinitely. Give them rates back."
            )

    def steady(self, system: AbstractJump) -> LeastDissipationState:
        network = system.network
        edges = network.edges
        stationary = stationary_distribution(edges.rates)
        exits = jnp.sum(edges.rates, axis=1)
        scale = jnp.full_like(exits, jnp.max(exits))

        def dissipation(p: Array) -> Array:
            return jnp.sum(edges.entropy_production(p))

        def uneven(x: Array) -> Array:
            slope = jax.grad(dissipation)(jnp.exp(x))
            return slope - slope @ jax.nn.softmax(x) + scale * jax.nn.logsumexp(x)

        ends = jnp.full_like(exits, -_FARTHEST), jnp.zeros_like(exits)
        found, stats = newton(
            uneven,
            jnp.log(stationary),
            within=ends,
            scale=scale,
            tolerance=jnp.asarray(1024 * jnp.finfo(exits.dtype).eps, exits.dtype),
            max_iterations=64,
        )
        least = jax.nn.softmax(found)
        current = edges.current(stationary)
        produced, fewest = dissipation(stationary), dissipation(least)
        above = jnp.where(fewest > 0, produced / jnp.where(fewest > 0, fewest, 1) - 1, 0)
        return LeastDissipationState(
            state=jnp.arange(edges.size),
            edge=jnp.arange(len(network.names)),
            excess=above,
            distance=jnp.sum(jnp.abs(least - stationary)) / 2,
            probability=stationary,
            least_probability=least,
            entropy_production=produced,
            least_entropy_production=fewest,
            edge_current=current,
            edge_affinity=edges.affinity(stationary),
            conservation_residual=jnp.max(
                jnp.abs(edges.divergence(current)) / (exits * stationary)
            ),
            status=stats.status,
            stats={"iterations": stats.iterations, "residual": stats.residual},
            states=network.states,
            edges=network.names,
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._markov_network import MarkovNetwork

        ring = MarkovNetwork([[0.0, 2.0, 1.0], [1.0, 0.0, 2.0], [2.0, 1.0, 0.0]])
        yield Case(
            "three equal states in a ring, driven",
            lambda: steady(ring, cls()).least_entropy_production,
            float(np.log(2.0)),
            1e-12,
            "uniform by symmetry: (2 - 1) ln 2",
        )
