"""A glass as a walk among traps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import Case, Scalar, parameter, setting, steady
from jaxneq.thermodynamics import Edges

from ._network import AbstractJump, Network

Levels = Float[Array, " level"]


class TrapModel(AbstractJump):
    r"""A system that hops from trap to trap, whose depths have an exponential distribution.

    A trap of depth E is left at the rate :math:`\Gamma = \Gamma_0 e^{-E/T}`, and all traps are
    entered alike: any depth is found with its density :math:`\rho(E) = e^{-E/T_g}/T_g`. Below the
    glass temperature T_g the mean stay is infinite, and the system ages (Bouchaud, J. Phys. I
    France 2, 1705, 1992; Monthus and Bouchaud, J. Phys. A 29, 3847, 1996).

    The depths are taken at the points of a Gauss-Legendre rule up to the `deepest`, which bounds
    the times that are those of the model: well below :math:`e^{E_{max}/T}/\Gamma_0`. Neighbouring
    depths should differ by less than T, or their stays are told apart. In reduced units, k_B = 1.
    """

    temperature: Scalar = parameter(range="(0, inf)", doc="Temperature T")
    glass_temperature: Scalar = parameter(
        range="(0, inf)", doc="Glass temperature T_g: the mean depth of a trap", default=1.0
    )
    attempt_rate: Scalar = parameter(range="(0, inf)", doc="Attempt rate Gamma_0", default=1.0)
    deepest: Scalar = parameter(range="(0, inf)", doc="Depth of the deepest trap", default=20.0)
    levels: int = setting(range="[2, 256]", doc="Depths that are told apart", default=64)

    @property
    def depth(self) -> Levels:
        """The depths E, from the shallowest."""
        return self.deepest * jnp.asarray(_rule(self.levels)[0], self.deepest.dtype)

    @property
    def share(self) -> Levels:
        """The probability to enter a trap of each depth."""
        weight = jnp.asarray(_rule(self.levels)[1], self.deepest.dtype)
        density = weight * jnp.exp(-self.depth / self.glass_temperature)
        return density / jnp.sum(density)

    @property
    def escape_rate(self) -> Levels:
        """The rate at which a trap of each depth is left, if only for another like it."""
        return self.attempt_rate * jnp.exp(-self.depth / self.temperature)

    @property
    def equilibrium(self) -> Levels:
        """The probability of each depth in equilibrium."""
        weight = self.share * jnp.exp((self.depth - self.deepest) / self.temperature)
        return weight / jnp.sum(weight)

    @property
    def rates(self) -> Float[Array, "level level"]:
        """From the row's to the column's depth."""
        between = self.escape_rate[:, None] * self.share[None]
        return jnp.where(np.eye(self.levels, dtype=bool), 0, between)

    @property
    def network(self) -> Network:
        tail, head = np.triu_indices(self.levels, 1)
        rates = self.rates
        return Network(
            edges=Edges(
                forward=rates[tail, head],
                backward=rates[head, tail],
                tail=tuple(map(int, tail)),
                head=tuple(map(int, head)),
                size=self.levels,
            ),
            states=tuple(map(str, range(self.levels))),
            names=tuple(f"{i}-{j}" for i, j in zip(tail, head, strict=True)),
            reservoirs=("bath",),
            reservoir=(0,) * len(tail),
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        warm = cls(temperature=2.0, deepest=16.0, levels=12)

        def depth() -> Any:
            return steady(warm).probability @ warm.depth

        # the density e^(-E/2) between 0 and 16
        exact = 2 - 16 / (np.exp(8.0) - 1)
        source = "Boltzmann: exp(-E/T_g + E/T), up to the deepest"
        yield Case("mean depth in equilibrium", depth, float(exact), 1e-9, source)


def _rule(levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of Gauss and Legendre on (0, 1)."""
    points, weights = np.polynomial.legendre.leggauss(levels)
    return (points + 1) / 2, weights / 2
