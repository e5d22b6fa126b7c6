"""The master equation in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from jaxneq._core import (
    AbstractEvolveMethod,
    AbstractSolution,
    AbstractSystem,
    Case,
    Status,
    as_samples,
    evolve,
    is_concrete,
    named,
    quantity,
    why_infinite,
)
from jaxneq.thermodynamics import (
    gain,
    log_ratio,
    stationary_distribution,
    transition_probabilities,
)

from ._network import AbstractJump, Network
from ._network_state import at_latest, name_dimensions

_TIME = ("time",)
_MOST_STATES = 512


class NetworkInTime(AbstractSolution):
    r"""The probabilities of a network at each of the times, and what they dissipate.

    .. math:: \sigma = \sum_e J_e \ln\frac{p_i w_{ij}}{p_j w_{ji}}
              = \underbrace{\sum_e J_e \ln\frac{p^s_i w_{ij}}{p^s_j w_{ji}}}_{\sigma_a}
              \;\underbrace{- \sum_i \dot p_i \ln\frac{p_i}{p^s_i}}_{\sigma_{na}}

    The adiabatic part keeps up the stationary state :math:`p^s`, the nonadiabatic part is that of
    relaxing to it; neither is negative (Esposito and Van den Broeck, Phys. Rev. Lett. 104, 090601,
    2010). The second is the rate at which the relative entropy :math:`\sum_i p_i \ln(p_i/p^s_i)`
    falls. Both are infinite where there is no one stationary state, and :math:`\sigma` where a
    state is empty, as all but one are at time 0 of a walk that starts in it.
    """

    primary: ClassVar[str] = "probability"

    time: Float[Array, " time"] = quantity(unit="time", doc="Time", dims=_TIME, coordinate=True)
    state: Int[Array, " state"] = quantity(doc="State", dims=("state",), coordinate=True)
    edge: Int[Array, " edge"] = quantity(doc="Edge", dims=("edge",), coordinate=True)
    probability: Float[Array, "state time"] = quantity(
        doc="Probability", dims=("state", "time"), panel=True, scale="linear"
    )
    edge_current: Float[Array, "edge time"] = quantity(
        unit="1/time", doc="Net jumps per time along each edge", dims=("edge", "time")
    )
    edge_affinity: Float[Array, "edge time"] = quantity(
        doc="Force of each edge: log ratio of the two fluxes", dims=("edge", "time")
    )
    entropy: Float[Array, " time"] = quantity(
        doc="Entropy of the probabilities", dims=_TIME, panel=False
    )
    relative_entropy: Float[Array, " time"] = quantity(
        doc="Relative entropy to the stationary state", dims=_TIME, panel=False
    )
    entropy_production: Float[Array, " time"] = quantity(
        unit="1/time", doc="Rate of entropy production", dims=_TIME
    )
    adiabatic_entropy_production: Float[Array, " time"] = quantity(
        unit="1/time",
        doc="Rate of entropy production that keeps up the stationary state",
        dims=_TIME,
    )
    nonadiabatic_entropy_production: Float[Array, " time"] = quantity(
        unit="1/time", doc="Rate of entropy production of relaxing", dims=_TIME
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Entropy production less its two parts, relative; the largest at finite ones"
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

    def remark(self) -> str:
        return why_infinite(("edge", at_latest(self.time, self.edge_affinity), self.edges))

    def quantities(self) -> dict[str, tuple[Any, dict[str, Any]]]:
        return name_dimensions(super().quantities(), {"state": self.states, "edge": self.edges})


class MasterEquation(AbstractEvolveMethod):
    r"""The probabilities :math:`p(t) = p(0)\,e^{Q t}` by squaring, without a subtraction.

    Accurate to rounding in every probability, however stiff (`transition_probabilities`); the cost
    of each time is :math:`n^3 \log_2 (\Lambda t)` for n states, up to 512 of them.

    The start is in the state `start`, by default in all alike. In `evolve`, `initial` is a
    distribution instead.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractJump,)

    start: str = named(doc="State at time 0; by default all states alike", default="")

    def check(self, system: AbstractJump) -> None:
        check_size("MasterEquation", system.known_network)
        if self.start:
            system.known_network.state("MasterEquation", self.start)

    def check_initial(self, system: AbstractJump, initial: Any) -> None:
        start_of("MasterEquation", system.known_network, "", initial)

    def evolve(
        self, system: AbstractJump, *, times: Float[Array, " time"], initial: Any
    ) -> NetworkInTime:
        network = system.network
        edges = network.edges
        times = times.astype(edges.forward.dtype)
        first = start_of("MasterEquation", network, self.start, initial)
        stationary = stationary_distribution(edges.rates)
        one = jnp.all((stationary > 0) & jnp.isfinite(stationary))
        p = lax.map(lambda t: first @ transition_probabilities(edges.rates, t), times)
        current = jax.vmap(edges.current)(p)
        affinity = jax.vmap(edges.affinity)(p)
        produced = jnp.sum(current * affinity, axis=1)
        held = jnp.broadcast_to(_safe(edges.affinity(stationary), one), current.shape)
        adiabatic = jnp.where(one, jnp.sum(current * held, axis=1), jnp.inf)
        ratio = log_ratio(p, jnp.broadcast_to(jnp.where(one, stationary, 1), p.shape))
        filling = jax.vmap(lambda row: gain(edges.rates, row))(p)
        # an empty state that does not fill adds nothing, one that fills an infinity
        fills = (p > 0) | (filling != 0)
        added = jnp.where(fills, filling * jnp.where(fills, ratio, 0), 0)
        relaxing = jnp.where(one, -jnp.sum(added, axis=1), jnp.inf)
        weighted = jnp.where(p > 0, p * jnp.where(p > 0, ratio, 0), 0)
        known = jnp.isfinite(produced) & jnp.isfinite(adiabatic) & jnp.isfinite(relaxing)
        gap = jnp.where(known, produced - adiabatic - relaxing, 0)
        gross = jnp.sum(jnp.abs(current * jnp.where(known[:, None], affinity, 1)), axis=1)
        gross = gross + jnp.sum(jnp.abs(current), axis=1)
        residual = jnp.max(jnp.abs(gap) / jnp.where(gross > 0, gross, 1))
        return NetworkInTime(
            time=times,
            state=jnp.arange(edges.size),
            edge=jnp.arange(len(network.names)),
            probability=p.T,
            edge_current=current.T,
            edge_affinity=affinity.T,
            entropy=jnp.sum(jax.scipy.special.entr(p), axis=1),
            relative_entropy=jnp.where(one, jnp.sum(weighted, axis=1), jnp.inf),
            entropy_production=produced,
            adiabatic_entropy_production=adiabatic,
            nonadiabatic_entropy_production=relaxing,
            conservation_residual=residual,
            status=Status.first_true(not_finite=~jnp.all(jnp.isfinite(p))),
            stats={},
            states=network.states,
            edges=network.names,
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._markov_network import MarkovNetwork

        switch = MarkovNetwork([[0.0, 3.0], [1.0, 0.0]], states=("closed", "open"))

        def found() -> Any:
            return evolve(switch, cls(start="closed"), times=[0.0, 0.5])

        filled = 0.75 * (1 - np.exp(-2.0))
        source = "a switch: p_2 = a (1 - exp(-(a + b) t)) / (a + b)"
        yield Case("open at a time", lambda: found().probability[1, 1], filled, 1e-14, source)
        current, ratio = 3 * (1 - filled) - filled, np.log(3 * (1 - filled) / filled)
        yield Case(
            "all entropy production is of relaxing",
            lambda: found().nonadiabatic_entropy_production[1],
            float(current * ratio),
            1e-12,
            "(p_1 a - p_2 b) ln(p_1 a / p_2 b)",
        )


def check_size(owner: str, network: Network) -> None:
    """Refuse networks that dense matrices are too many numbers for."""
    size = len(network.states)
    if size > _MOST_STATES:
        raise ValueError(
            f"{owner}: the network has {size} states; {_MOST_STATES} are the most. Sample it, or "
            "ask for the stationary state."
        )


def start_of(owner: str, network: Network, start: str, initial: Any) -> Float[Array, " state"]:
    """The distribution at time 0: given, in one state by its name, or all states alike."""
    size, dtype = len(network.states), network.edges.forward.dtype
    if initial is not None:
        return distribution_of(owner, initial, jnp.zeros(size, dtype))
    if start:
        return jnp.zeros(size, dtype).at[network.state(owner, start)].set(1)
    return jnp.full(size, 1 / size, dtype)


def distribution_of(owner: str, initial: Any, like: Array) -> Float[Array, " state"]:
    """`initial` as a distribution of the shape and dtype of `like`, or a refusal."""
    first = as_samples(owner, "initial", initial, ("state",), 1).astype(like.dtype)
    wrong = first.shape != like.shape
    if not wrong and is_concrete(first):
        known = np.asarray(first)
        wrong = not (np.all(known >= 0) and abs(known.sum() - 1) <= 1e-5)
    if wrong:
        raise ValueError(
            f"{owner}: initial has the shape {first.shape} or is no distribution. Give "
            f"{like.size} probabilities that add up to 1."
        )
    return first / jnp.sum(first)


def _safe(affinity: Array, known: Array) -> Array:
    return jnp.where(known, affinity, 0)
