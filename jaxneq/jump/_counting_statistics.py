"""All that is known at late times of a counted current."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractSolution,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    named,
    parameter,
    quantity,
    setting,
    steady,
)
from jaxneq.thermodynamics import (
    current_statistics,
    scaled_cumulant_generating_function,
    stationary_distribution,
)

from ._network import AbstractJump

ENTROPY = "entropy"


class CountingState(AbstractSolution):
    r"""A counted current: its mean and spread, and its large deviations.

    With the generating function :math:`\theta(s) = \lim \ln\langle e^{s N_t}\rangle / t`, the
    current under the tilt s is :math:`\theta'(s)`, and finding the mean current j over a long time
    t has the probability :math:`e^{-t I(j)}` with :math:`I = s j - \theta` there (Touchette, Phys.
    Rep. 478, 1, 2009).
    """

    primary: ClassVar[str] = "scgf"

    tilt: Float[Array, " tilt"] = quantity(
        label="tilt s", doc="Tilt s, conjugate to the count", dims=("tilt",), coordinate=True
    )
    scgf: Float[Array, " tilt"] = quantity(
        label="scaled cumulant generating function",
        unit="1/time",
        doc="Scaled cumulant generating function",
        dims=("tilt",),
    )
    tilted_current: Float[Array, " tilt"] = quantity(
        label="current under the tilt", unit="1/time", doc="Current under the tilt", dims=("tilt",)
    )
    rate_function: Float[Array, " tilt"] = quantity(
        over="tilted_current",
        label="rate function",
        unit="1/time",
        doc="Rate at which that current becomes improbable",
        dims=("tilt",),
    )
    current: Float[Array, ""] = quantity(unit="1/time", doc="Mean of what is counted, per time")
    variance: Float[Array, ""] = quantity(unit="1/time", doc="Its variance per time")
    fano_factor: Float[Array, ""] = quantity(label="Fano factor", doc="Variance over mean")
    uncertainty_product: Float[Array, ""] = quantity(
        bound=2.0, doc="Variance times entropy production over squared mean; at least 2"
    )
    entropy_production: Float[Array, ""] = quantity(unit="1/time", doc="Rate of entropy production")
    edge_current: Float[Array, " edge"] = quantity(
        unit="1/time", doc="Net jumps per time along each edge", dims=("edge",), panel=False
    )
    edge_affinity: Float[Array, " edge"] = quantity(
        doc="Force of each edge", dims=("edge",), panel=False
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Gallavotti and Cohen: asymmetry of the entropy's generating function; 0"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"edge": self.edge_current}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"edge": self.edge_affinity}


class CountingStatistics(AbstractSteadyMethod):
    r"""Full counting statistics of the jumps of an edge, of a reservoir, or of the entropy.

    `count` names an edge or a reservoir; all its jumps count, + forward and - backward. With
    ``"entropy"`` a jump counts :math:`\ln(w_{ij}/w_{ji})`, and the generating function has the
    symmetry :math:`\theta(s) = \theta(-1 - s)` of Gallavotti and Cohen (Phys. Rev. Lett. 74, 2694,
    1995; Lebowitz and Spohn, J. Stat. Phys. 95, 333, 1999). Mean and variance are exact.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractJump,)

    count: str = named(doc="Edge or reservoir to count, or entropy", default=ENTROPY)
    lower: Scalar = parameter(doc="Lowest tilt", default=-1.25)
    upper: Scalar = parameter(doc="Highest tilt", default=0.25)
    points: int = setting(range="[2, inf)", doc="How many tilts", default=61)

    def check(self, system: AbstractJump) -> None:
        network, owner = system.known_network, "CountingStatistics"
        network.check_irreducible(owner)
        if self.count != ENTROPY:
            network.counts(owner, self.count)
            return
        if steps := network.without_reverse():
            raise ValueError(
                f"{owner}: the entropy of steps without reverse is infinite: {', '.join(steps)}. "
                "Count an edge or a reservoir."
            )

    def steady(self, system: AbstractJump) -> CountingState:
        network = system.network
        edges = network.edges
        dtype = edges.forward.dtype
        entropy = edges.asymmetry
        counts = entropy
        if self.count != ENTROPY:
            counts = jnp.asarray(network.counts("CountingStatistics", self.count), dtype)
        (current,), ((variance,),) = current_statistics(edges, counts[None])
        tilt = jnp.linspace(self.lower.astype(dtype), self.upper.astype(dtype), self.points)

        # Beside the tilts, two that show the symmetry of the entropy
        finite = jnp.where(jnp.isfinite(entropy), entropy, 0)
        rows = [jnp.tile(counts, (self.points, 1)), jnp.tile(finite, (2, 1))]
        all_counts = jnp.concatenate(rows)
        tilts = jnp.concatenate([tilt, jnp.asarray([0.3, -1.3], dtype)])

        def generating(s: Array, of: Array) -> Array:
            return scaled_cumulant_generating_function(edges, of, s)

        values, slopes = jax.vmap(jax.value_and_grad(generating))(tilts, all_counts)
        value, slope = values[:-2], slopes[:-2]
        probability = stationary_distribution(edges.rates)
        produced = jnp.sum(edges.entropy_production(probability))
        # What rounding leaves of the gross flow is no current.
        ahead, back = edges.fluxes(probability)
        gross = jnp.sum(jnp.where(counts != 0, jnp.abs(counts), 0) * (ahead + back))
        flows = jnp.abs(current) > 256 * jnp.finfo(dtype).eps * gross
        known = jnp.where(flows, current, 1)
        asymmetry = jnp.abs(values[-2] - values[-1]) / jnp.max(jnp.sum(edges.rates, axis=1))
        return CountingState(
            tilt=tilt,
            scgf=value,
            tilted_current=slope,
            rate_function=tilt * slope - value,
            current=current,
            variance=variance,
            fano_factor=jnp.where(flows, variance / known, jnp.inf),
            uncertainty_product=jnp.where(flows, variance * produced / known**2, jnp.inf),
            entropy_production=produced,
            edge_current=edges.current(probability),
            edge_affinity=edges.affinity(probability),
            conservation_residual=jnp.where(jnp.any(edges.one_way), 0, asymmetry),
            status=Status.first_true(not_finite=~jnp.all(jnp.isfinite(value))),
            stats={},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._channel_network import ChannelNetwork
        from ._channels import Channel

        def turn(name: str, source: str, target: str) -> Channel:
            return Channel(name, source, target, forward=3.0, backward=1.0)

        ring = ChannelNetwork((turn("ab", "a", "b"), turn("bc", "b", "c"), turn("ca", "c", "a")))

        def found() -> Any:
            return steady(ring, cls(count="ab", lower=-1.0, upper=1.0, points=3))

        third = 1 / 3
        exact = 3 * (math.exp(third) - 1) + (math.exp(-third) - 1)
        source = "a ring of equal steps: a random walk, three steps a turn"
        yield Case("current", lambda: found().current, 2 / 3, 1e-13, source)
        yield Case("variance", lambda: found().variance, 4 / 9, 1e-13, source)
        yield Case("generating function", lambda: found().scgf[2], exact, 1e-13, source)
