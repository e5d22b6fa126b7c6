"""Two states of a population: the distribution between them, and the times of passage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from jaxneq._core import (
    AbstractSolution,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Status,
    quantity,
    setting,
    stationary_value,
    steady,
)

from ._reaction_network import ReactionNetwork

PerCount = Float[Array, " count"]


class TwoStates(AbstractSolution):
    r"""A population that changes by one at a time, and its two most probable numbers.

    Passage times are means, from one mode to the other. The relaxation rate is the smallest
    eigenvalue of the master equation but 0: where the barrier is high it is
    :math:`1/\tau_{up} + 1/\tau_{down}`. The entropy production is that of all reactions between
    neighbouring numbers; it is infinite where one has no reverse.
    """

    primary: ClassVar[str] = "probability"

    count: PerCount = quantity(
        label="number of molecules", doc="Number of molecules", dims=("count",)
    )
    probability: PerCount = quantity(doc="Probability", dims=("count",))
    mean: Float[Array, ""] = quantity(doc="Mean number")
    variance: Float[Array, ""] = quantity(doc="Variance of the number")
    low: Float[Array, ""] = quantity(doc="Lower mode")
    barrier: Float[Array, ""] = quantity(doc="Least probable number between the modes")
    high: Float[Array, ""] = quantity(doc="Upper mode")
    share: Float[Array, ""] = quantity(doc="Probability of more than at the barrier")
    passage_up: Float[Array, ""] = quantity(
        label="mean time from low to high",
        unit="time",
        doc="Mean time from the lower to the upper mode",
    )
    passage_down: Float[Array, ""] = quantity(
        label="mean time from high to low",
        unit="time",
        doc="Mean time from the upper to the lower mode",
    )
    relaxation_rate: Float[Array, ""] = quantity(
        unit="1/time", doc="Rate of the slowest relaxation"
    )
    rate: Float[Array, " reaction"] = quantity(
        unit="1/time", doc="Net events per time", dims=("reaction",)
    )
    affinity: Float[Array, " reaction"] = quantity(
        doc="Entropy produced per net event", dims=("reaction",), panel=False
    )
    entropy_production: Float[Array, ""] = quantity(unit="1/time", doc="Rate of entropy production")
    truncation: Float[Array, ""] = quantity(doc="Probability of the largest number")
    conservation_residual: Float[Array, ""] = quantity(doc="Net current between numbers, relative")
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"reaction": self.rate}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"reaction": self.affinity}


class Bistability(AbstractSteadyMethod):
    r"""The stationary distribution in closed form, of one species that changes by one at a time.

    With the total rates b up and d down, :math:`p_n = p_0 \prod_{m \le n} b_{m-1}/d_m`, and

    .. math:: \tau_{up} = \sum_{n=low}^{high-1} \frac{1}{b_n p_n} \sum_{m \le n} p_m

    (van Kampen, Stochastic Processes in Physics and Chemistry, XII.2), all sums of positive
    numbers. The relaxation rate is the Rayleigh quotient of the eigenvector, also a sum of
    positive numbers, so that it is accurate however slow.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (ReactionNetwork,)

    largest: int = setting(doc="Largest number of molecules", range="[2, inf)", default=200)

    def check(self, system: ReactionNetwork) -> None:
        if len(system.species) != 1 or any(abs(change) != 1 for (change,) in system.changes):
            raise ValueError(
                "Bistability: the network must have one species that changes by one at a time; it "
                f"has {', '.join(system.species)}. Hold others fixed, or use "
                "ChemicalMasterEquation."
            )

    def steady(self, system: ReactionNetwork) -> TwoStates:
        count = jnp.arange(self.largest + 1, dtype=system.dtype)
        rates = system.propensities([count])
        ups = [sign * system.changes[number][0] > 0 for number, sign in system.directions]
        none = jnp.zeros_like(count)
        up = sum((rate for rate, ahead in zip(rates, ups, strict=True) if ahead), none)
        down = sum((rate for rate, ahead in zip(rates, ups, strict=True) if not ahead), none)
        climb = jnp.log(up[:-1]) - jnp.log(down[1:])
        weight = jnp.concatenate([none[:1], jnp.cumsum(climb)])
        logs = weight - lax.cumlogsumexp(weight)[-1]
        probability = jnp.exp(logs)
        low, barrier, high = _landmarks(logs)
        index = jnp.arange(count.size)
        below = lax.cumlogsumexp(logs)[:-1] - jnp.log(up[:-1]) - logs[:-1]
        above = lax.cumlogsumexp(logs[::-1])[::-1][1:] - jnp.log(down[1:]) - logs[1:]
        between = (index[:-1] >= low) & (index[:-1] < high)
        mean = probability @ count
        net, produced = _per_reaction(system, rates, probability)
        flows = net != 0
        current = jnp.abs(probability[:-1] * up[:-1] - probability[1:] * down[1:])
        parameters = up, down, logs
        slow = stationary_value(_dissipated, parameters, _slow_vector(up, down, logs))
        truncation = probability[-1]
        return TwoStates(
            count=count,
            probability=probability,
            mean=mean,
            variance=probability @ (count - mean) ** 2,
            low=low.astype(system.dtype),
            barrier=barrier.astype(system.dtype),
            high=high.astype(system.dtype),
            share=jnp.sum(jnp.where(index > barrier, probability, 0)),
            passage_up=jnp.sum(jnp.where(between, jnp.exp(below), 0)),
            passage_down=jnp.sum(jnp.where(between, jnp.exp(above), 0)),
            relaxation_rate=slow,
            rate=net,
            affinity=jnp.where(flows, produced / jnp.where(flows, net, 1), 0),
            entropy_production=jnp.sum(produced),
            truncation=truncation,
            conservation_residual=jnp.max(current) / jnp.max(probability * (up + down)),
            status=Status.first_true(
                not_finite=~jnp.all(jnp.isfinite(logs)),
                outside_domain=low == high,
                not_accurate=truncation > 1e-4,
            ),
            stats={},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        birth = ReactionNetwork(reactions=("0 <-> X : 6.0, 1.5",))
        yield Case(
            "birth and death: relaxation rate",
            lambda: steady(birth, cls(largest=60), throw=False).relaxation_rate,
            1.5,
            1e-10,
            "the death rate",
        )
        yield Case(
            "the model of Schloegl in equilibrium: mean",
            lambda: steady(schloegl(equilibrium=True), cls(largest=60), throw=False).mean,
            5.0,
            1e-10,
            "Poisson with the mean k_3 B / k_4",
        )


def schloegl(*, equilibrium: bool = False) -> ReactionNetwork:
    """The model of Schloegl (Z. Phys. 253, 147, 1972) with two states, or in equilibrium."""
    constants = {"k1": 0.014, "k2": 1e-4, "k3": 5.0, "k4": 0.5}
    if equilibrium:
        constants = {"k1": 0.5, "k2": 0.1, "k3": 10.0, "k4": 2.0}
    return ReactionNetwork(
        reactions=("A + 2 X <-> 3 X : k1, k2", "B <-> X : k3, k4"),
        constants=constants,
        fixed={"A": 1.0, "B": 1.0},
    )


def _landmarks(logs: PerCount) -> tuple[Array, Array, Array]:
    """The first and the last local maximum, and the least between them."""
    index = jnp.arange(logs.size)
    left = jnp.concatenate([jnp.full(1, -jnp.inf, logs.dtype), logs[:-1]])
    right = jnp.concatenate([logs[1:], jnp.full(1, -jnp.inf, logs.dtype)])
    top = (logs > left) & (logs >= right)
    low = jnp.argmax(top)
    high = logs.size - 1 - jnp.argmax(top[::-1])
    inner = (index >= low) & (index <= high)
    return low, jnp.argmin(jnp.where(inner, logs, jnp.inf)), high


def _per_reaction(
    system: ReactionNetwork, rates: list[Array], probability: PerCount
) -> tuple[Float[Array, " reaction"], Float[Array, " reaction"]]:
    """Net events of each reaction, ahead, and what they produce."""
    net, produced = [], []
    by_direction = dict(zip(system.directions, rates, strict=True))
    for number, (change,) in enumerate(system.changes):
        flux = {sign: probability * by_direction.get((number, sign), 0) for sign in (1, -1)}
        up, down = flux[change][:-1], flux[-change][1:]
        net.append(change * jnp.sum(up - down))
        if system.equations[number] in system.irreversible:
            produced.append(jnp.where(net[-1] == 0, 0, jnp.inf))
            continue
        both: Bool[Array, " step"] = (up > 0) & (down > 0)
        logs = jnp.log(jnp.where(both, up, 1)) - jnp.log(jnp.where(both, down, 1))
        produced.append(jnp.sum(jnp.where(both, (up - down) * logs, 0)))
    return jnp.stack(net), jnp.stack(produced)


def _slow_vector(up: PerCount, down: PerCount, logs: PerCount) -> PerCount:
    """The slowest left eigenvector over the probability, by the symmetric form of the chain."""
    off = jnp.sqrt(up[:-1] * down[1:])
    leaving = up.at[-1].set(0) + down
    matrix = jnp.diag(leaving) - jnp.diag(off, 1) - jnp.diag(off, -1)
    _, vectors = jnp.linalg.eigh(matrix)
    slow = vectors[:, 1] * jnp.exp(-logs / 2)
    # far out, where probabilities are below the rounding of the vector, it is taken as constant
    index, there = jnp.arange(logs.size), logs > jnp.max(logs) + np.log(jnp.finfo(up.dtype).eps)
    inner = jnp.where(there, index, 0)
    last = jnp.max(inner)
    first = jnp.argmax(there)
    return slow[jnp.clip(index, first, last)]


def _dissipated(parameters: tuple[PerCount, PerCount, PerCount], state: PerCount) -> Array:
    """The Rayleigh quotient: the rate at which a departure from stationarity decays."""
    up, _, logs = parameters
    weight = jnp.exp(logs)
    steps = jnp.sum(weight[:-1] * up[:-1] * (state[1:] - state[:-1]) ** 2)
    return steps / jnp.sum(weight * (state - weight @ state) ** 2)
