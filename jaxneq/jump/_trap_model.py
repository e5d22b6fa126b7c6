"""The trap model of a glass."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import AbstractMethod, Case, Scalar, evolve, parameter, setting, steady
from jaxneq.thermodynamics import Edges

from ._network import AbstractJump, Network

PerLevel = Float[Array, " level"]


class TrapModel(AbstractJump):
    r"""A glass as a walk between traps of exponentially distributed depths.

    .. math:: w_{ij} = \Gamma\,e^{-E_i/T}\,g_j, \qquad g_j \propto e^{-E_j/T_g},
              \qquad p^{eq}_j \propto g_j\,e^{E_j/T}

    (Bouchaud, J. Phys. I France 2, 1705, 1992): whatever its trap, a walker escapes at the rate of
    an activated process and falls into another, taken at random. Below the glass temperature
    :math:`T_g` the mean time in a trap diverges with the deepest, and the system ages. Depths are
    the centres of equal intervals up to the deepest; units are reduced, k_B = 1.
    """

    temperature: Scalar = parameter(unit="energy", range="(0, inf)", doc="Temperature T")
    glass_temperature: Scalar = parameter(
        unit="energy",
        range="(0, inf)",
        doc="Glass temperature T_g, the mean depth of a trap",
        default=1.0,
    )
    deepest: Scalar = parameter(
        unit="energy", range="(0, inf)", doc="Depth of the deepest trap", default=20.0
    )
    attempt_rate: Scalar = parameter(unit="1/time", range="(0, inf)", doc="Rate Gamma", default=1.0)
    levels: int = setting(range="[2, 256]", doc="How many depths there are", default=48)

    @property
    def depth(self) -> PerLevel:
        """Of the traps."""
        centres = jnp.asarray((np.arange(self.levels) + 0.5) / self.levels, self.temperature.dtype)
        return self.deepest * centres

    @property
    def share(self) -> PerLevel:
        """Of the traps that have each depth, g."""
        weight = jnp.exp(-self.depth / self.glass_temperature)
        return weight / jnp.sum(weight)

    def rates(self, temperature: Any) -> Float[Array, "level level"]:
        """At any temperature; the diagonal is of no account."""
        escape = self.attempt_rate * jnp.exp(-self.depth / temperature)
        return escape[:, None] * self.share[None]

    def equilibrium(self, temperature: Any) -> PerLevel:
        """The probability of each depth in equilibrium."""
        exponent = self.depth / temperature - self.depth / self.glass_temperature
        weight = jnp.exp(exponent - jnp.max(exponent))
        return weight / jnp.sum(weight)

    @property
    def network(self) -> Network:
        tail, head = np.triu_indices(self.levels, 1)
        rates = self.rates(self.temperature)
        states = tuple(map(str, range(self.levels)))
        return Network(
            edges=Edges(
                forward=rates[tail, head],
                backward=rates[head, tail],
                tail=tuple(tail.tolist()),
                head=tuple(head.tolist()),
                size=self.levels,
            ),
            states=states,
            names=tuple(f"{i}-{j}" for i, j in zip(tail, head, strict=True)),
            reservoirs=("bath",),
            reservoir=(0,) * len(tail),
        )

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._glass_memory import Ageing

        return Ageing() if verb == "evolve" else super().default_method(verb)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        glass = cls(temperature=2.0, levels=6, deepest=3.0)
        depth = np.arange(0.25, 3.0, 0.5)
        exact = np.exp(-depth / 2) / np.exp(-depth / 2).sum()
        yield Case(
            "probability of the deepest traps",
            lambda: steady(glass).probability[-1],
            float(exact[-1]),
            1e-13,
            "Boltzmann: p ~ exp(E/T - E/T_g)",
        )
        held = cls(temperature=1.0, levels=2, deepest=4.0)
        escape = math.exp(-1.0) / (1 + math.exp(2.0))

        def kept() -> Any:
            return evolve(held, times=[3.0]).correlation[0, 0]

        shallow = 1 / (1 + math.exp(-2.0))
        back = math.exp(-3.0) * shallow
        yield Case(
            "two depths: chance of staying from the start",
            kept,
            shallow * math.exp(-3 * escape) + (1 - shallow) * math.exp(-3 * back),
            1e-13,
            "each trap is left at its own rate",
        )
