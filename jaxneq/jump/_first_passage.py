"""The time until a state is first reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractEvolveMethod,
    AbstractSolution,
    AbstractSystem,
    Case,
    Status,
    evolve,
    named,
    quantity,
)
from jaxneq.thermodynamics import first_passage_times, transition_probabilities

from ._network import AbstractJump
from ._network_in_time import check_size, start_of

_TIME = ("time",)


class PassageState(AbstractSolution):
    """When a state is first reached: mean, spread and distribution.

    Arriving ends the walk, a step without reverse, so the entropy production is infinite.
    """

    primary: ClassVar[str] = "density"

    time: Float[Array, " time"] = quantity(unit="time", doc="Time", dims=_TIME, coordinate=True)
    density: Float[Array, " time"] = quantity(
        label="density of the time of arrival",
        unit="1/time",
        doc="Density of the time of arrival",
        dims=_TIME,
    )
    survival: Float[Array, " time"] = quantity(
        label="probability of not having arrived",
        doc="Probability of not having arrived",
        dims=_TIME,
    )
    mean: Float[Array, ""] = quantity(unit="time", doc="Mean time of arrival", marks="time")
    variance: Float[Array, ""] = quantity(unit="time2", doc="Variance of the time of arrival")
    relative_variance: Float[Array, ""] = quantity(doc="Variance over the square of the mean")
    entropy_production: Float[Array, ""] = quantity(
        unit="1/time", doc="Infinite: arriving has no reverse"
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Largest growth of the survival between two times: 0"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"arrival": 1 / self.mean}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"arrival": self.entropy_production}


class FirstPassage(AbstractEvolveMethod):
    r"""The time in which a network that starts in `start` first reaches `target`.

    .. math:: S(t) = \pi\,e^{Q_{TT} t}\,1, \qquad f(t) = -\dot S(t)

    over the states T other than the target (a phase-type distribution: Neuts, Matrix-Geometric
    Solutions in Stochastic Models, 1981). Mean and variance do not depend on the times.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractJump,)

    start: str = named(doc="State at time 0")
    target: str = named(doc="State that is to be reached")

    def check(self, system: AbstractJump) -> None:
        network, owner = system.known_network, "FirstPassage"
        check_size(owner, network)
        start, target = (network.state(owner, name) for name in (self.start, self.target))
        if start == target:
            raise ValueError(f"{owner}: start and target are both {self.start!r}. Give two states.")
        network.check_reaches(owner, start, target)

    def evolve(
        self, system: AbstractJump, *, times: Float[Array, " time"], initial: Any
    ) -> PassageState:
        """`initial`, a distribution, takes the place of `start`."""
        network, owner = system.network, "FirstPassage"
        rates = network.edges.rates
        target = network.state(owner, self.target)
        times = times.astype(rates.dtype)
        first = start_of(owner, network, self.start, initial)
        ended = rates.at[target].set(0)
        p = lax.map(lambda t: first @ transition_probabilities(ended, t), times)
        rest = np.arange(rates.shape[0]) != target
        survival = jnp.sum(p[:, rest], axis=1)
        passage = first_passage_times(rates, (target,))
        mean = first @ passage.mean
        variance = first @ (passage.variance + passage.mean**2) - mean**2
        ordered = survival[jnp.argsort(times)]
        return PassageState(
            time=times,
            density=p @ ended[:, target],
            survival=survival,
            mean=mean,
            variance=variance,
            relative_variance=variance / mean**2,
            entropy_production=jnp.full_like(mean, jnp.inf),
            conservation_residual=jnp.max(jnp.diff(ordered, prepend=1.0), initial=0.0),
            status=Status.first_true(reducible=~jnp.isfinite(mean)),
            stats={},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._markov_network import MarkovNetwork

        steps = MarkovNetwork(np.diag([2.0, 2.0, 2.0], 1), states=("a", "b", "c", "d"))

        def found() -> Any:
            return evolve(steps, cls(start="a", target="d"), times=[1.0])

        source = "three steps of rate 2: Erlang's distribution"
        yield Case("mean", lambda: found().mean, 1.5, 1e-14, source)
        yield Case("variance", lambda: found().variance, 0.75, 1e-13, source)
        yield Case("density", lambda: found().density[0], 4 * np.exp(-2.0), 1e-13, source)
