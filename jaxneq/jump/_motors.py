"""Molecular motors: jump networks that walk against a load at the cost of fuel."""

from __future__ import annotations

import abc
import math
from collections.abc import Iterable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import AbstractMethod, Case, Scalar, parameter, steady
from jaxneq.thermodynamics import Edges

from ._network import AbstractJump, Network

BOLTZMANN = 1.380649e-23  # J/K, exact in the SI
Number = Float[Array, ""]


class AbstractMotor(AbstractJump):
    """A motor that takes steps against a load, and turns fuel over."""

    load: Scalar = parameter(
        label="load F", unit="N", doc="Load F against the motor", default=0.0, kw_only=True
    )
    step: Scalar = parameter(unit="m", range="(0, inf)", doc="Step d", default=8e-9, kw_only=True)
    temperature: Scalar = parameter(
        unit="K", range="(0, inf)", doc="Temperature", default=298.15, kw_only=True
    )

    @property
    @abc.abstractmethod
    def fuel_affinity(self) -> Number:
        """What the turnover of one fuel molecule supplies, in units of k_B T."""

    @property
    @abc.abstractmethod
    def steps(self) -> Sequence[float]:
        """How many steps ahead a jump along each edge is."""

    @property
    @abc.abstractmethod
    def turnovers(self) -> Sequence[float]:
        """How many fuel molecules a jump along each edge turns over; cycles add up to integers."""

    @property
    def reduced_load(self) -> Number:
        """The work of a step against the load over k_B T."""
        return self.load * self.step / (BOLTZMANN * self.temperature)

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._motor_cycle import MotorCycle

        return MotorCycle() if verb == "steady" else super().default_method(verb)


class TwoStateMotor(AbstractMotor):
    r"""A motor with two states and one cycle: each turnover of fuel is a step.

    .. math:: u_i(F) = u_i e^{-\theta^+_i F d / k_B T}, \qquad
              w_i(F) = w_i e^{\theta^-_i F d / k_B T}

    From state 0 it jumps to 1 with :math:`u_0`, from there to the next 0 with :math:`u_1`, and back
    with :math:`w_1` and :math:`w_0` (Fisher and Kolomeisky, Proc. Natl. Acad. Sci. 96, 6597, 1999).
    The four shares of the load add up to 1, so that a step takes the work F d: that of :math:`w_1`
    is what the others leave.
    """

    forward: Float[Array, " state"] = parameter(
        unit="1/s", range="(0, inf)", dims=("state",), doc="Rates u ahead without load"
    )
    backward: Float[Array, " state"] = parameter(
        unit="1/s", range="(0, inf)", dims=("state",), doc="Rates w back without load, of 0 and 1"
    )
    forward_shares: Float[Array, " state"] = parameter(
        dims=("state",), doc="Shares of the load in the rates ahead", default=(0.25, 0.25)
    )
    backward_share: Scalar = parameter(doc="Share of the load in the rate w_0", default=0.25)

    def __check_init__(self):
        super().__check_init__()
        if self.forward.shape != (2,):
            raise ValueError(
                f"TwoStateMotor: forward has {self.forward.shape[0]} rates. Give two, as the motor "
                "has states."
            )

    @property
    def fuel_affinity(self) -> Number:
        return jnp.sum(jnp.log(self.forward) - jnp.log(self.backward))

    @property
    def steps(self) -> Sequence[float]:
        return (0.5, 0.5)

    @property
    def turnovers(self) -> Sequence[float]:
        return (0.5, 0.5)

    @property
    def network(self) -> Network:
        rest = 1 - jnp.sum(self.forward_shares) - self.backward_share
        ahead = self.forward * jnp.exp(-self.forward_shares * self.reduced_load)
        back = self.backward * jnp.exp(jnp.stack([self.backward_share, rest]) * self.reduced_load)
        return Network(
            edges=Edges(ahead, back[::-1], tail=(0, 1), head=(1, 0), size=2),
            states=("waiting", "bound"),
            names=("first", "second"),
            reservoirs=("bath",),
            reservoir=(0, 0),
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        motor = cls(forward=jnp.array([180.0, 108.0]), backward=jnp.array([0.6, 6.0]))
        source = "d (u_0 u_1 - w_0 w_1) / (u_0 + u_1 + w_0 + w_1)"
        velocity = 8e-9 * (180 * 108 - 0.6 * 6) / 294.6
        yield Case("velocity", lambda: steady(motor).velocity, velocity, 1e-12, source)


class Kinesin(AbstractMotor):
    r"""Kinesin with two heads, six states and three cycles.

    The states are those of the two heads, 1 to 6 around a hexagon; from 2 to 5 the motor steps
    ahead. ATP is bound from 1 to 2 and from 4 to 5, ADP released from 2 to 3 and 5 to 6, phosphate
    from 3 to 4 and 6 to 1. The cycle (1 2 5 6) steps ahead, (4 5 2 3) back, both with one ATP; the
    outer cycle takes two ATP for no step. Under a load F, with :math:`f = F d / k_B T`,

    .. math:: k_{25} \propto e^{-\theta f}, \qquad k_{52} \propto e^{(1 - \theta) f}, \qquad
              k_{ij} \propto \frac{2}{1 + e^{\chi_{ij} f}}

    (Liepelt and Lipowsky, Phys. Rev. Lett. 98, 258102, 2007, fit to Carter and Cross; the numbers
    as in the open code of Altaner, Wachtel and Vollmer, Phys. Rev. E 92, 042133, 2015). The load
    cannot change the energy that ATP supplies, :math:`\ln(K [ATP]/[ADP][P])`, K = 4.9e11 uM.
    """

    atp: Scalar = parameter(unit="uM", range="(0, inf)", doc="Concentration of ATP", default=1000.0)
    adp: Scalar = parameter(unit="uM", range="(0, inf)", doc="Concentration of ADP", default=1.0)
    phosphate: Scalar = parameter(
        unit="uM", range="(0, inf)", doc="Concentration of phosphate", default=1.0
    )
    share: Scalar = parameter(
        range="[0, 1]", doc="Share theta of the load in the step ahead", default=0.65
    )
    binding_strain: Scalar = parameter(doc="chi of the edges where ATP is bound", default=0.25)
    strain: Scalar = parameter(doc="chi of the other chemical edges", default=0.15)
    step_rate: Scalar = parameter(
        unit="1/s", range="(0, inf)", doc="Rate k_25 of the step ahead", default=3e5
    )
    back_rate: Scalar = parameter(
        unit="1/s", range="(0, inf)", doc="Rate k_52 of the step back", default=0.24
    )
    binding_rate: Scalar = parameter(
        unit="1/(uM s)", range="(0, inf)", doc="Rates k_12 and k_45 of binding ATP", default=2.0
    )
    release_rate: Scalar = parameter(
        unit="1/s", range="(0, inf)", doc="Rates k_21, k_23, k_34, k_56 and k_61", default=100.0
    )
    equilibrium_constant: Scalar = parameter(
        unit="uM", range="(0, inf)", doc="[ADP][P]/[ATP] in equilibrium, K", default=4.9e11
    )
    phosphate_rate: Scalar = parameter(
        unit="1/(uM s)", range="(0, inf)", doc="Rates k_16 and k_43 of binding P", default=0.02
    )

    @property
    def fuel_affinity(self) -> Number:
        return (
            jnp.log(self.equilibrium_constant)
            + jnp.log(self.atp)
            - jnp.log(self.adp)
            - jnp.log(self.phosphate)
        )

    @property
    def steps(self) -> Sequence[float]:
        return (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)

    @property
    def turnovers(self) -> Sequence[float]:
        return (1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)

    @property
    def network(self) -> Network:
        f, release = self.reduced_load, self.release_rate
        slip = self.back_rate / self.step_rate
        strained = jnp.stack([self.binding_strain, self.strain, self.strain])
        slowed = jnp.tile(2 / (1 + jnp.exp(strained * f)), 2)
        # ADP binds such that the cycle (1 2 5 6) supplies the affinity of the fuel
        adp_rate = self.binding_rate * release / slip
        adp_rate = adp_rate / (self.phosphate_rate * self.equilibrium_constant)
        adp, phosphate = adp_rate * self.adp, self.phosphate_rate * self.phosphate
        atp = self.binding_rate * self.atp
        ahead = jnp.stack([atp, release, release, atp, release, release])
        back = jnp.stack([release, adp, phosphate, release * slip**2, adp, phosphate])
        step = self.step_rate * jnp.exp(-self.share * f)
        slide = self.back_rate * jnp.exp((1 - self.share) * f)
        return Network(
            edges=Edges(
                forward=jnp.append(ahead * slowed, step),
                backward=jnp.append(back * slowed, slide),
                tail=(0, 1, 2, 3, 4, 5, 1),
                head=(1, 2, 3, 4, 5, 0, 4),
                size=6,
            ),
            states=("1", "2", "3", "4", "5", "6"),
            names=("1-2", "2-3", "3-4", "4-5", "5-6", "6-1", "2-5"),
            reservoirs=("bath",),
            reservoir=(0,) * 7,
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        held = cls(load=4e-12, atp=1000.0)

        def fed() -> Any:
            found = steady(held)
            return found.entropy_production - found.turnover * held.fuel_affinity

        yield Case(
            "entropy production less that of the fuel: minus the work over k_B T",
            lambda: fed() / steady(held).velocity,
            -4e-12 / (BOLTZMANN * 298.15),
            1e-10,
            "first law: cycles with one ATP and one step",
        )
        yield Case(
            "energy of ATP over k_B T",
            lambda: held.fuel_affinity,
            math.log(4.9e14),
            1e-12,
            "ln(K [ATP]/[ADP][P])",
        )


def counted(motor: AbstractMotor, dtype: Any) -> Float[Array, "2 edge"]:
    """Steps and turnovers of a jump along each edge."""
    return jnp.asarray(np.array([motor.steps, motor.turnovers]), dtype)
