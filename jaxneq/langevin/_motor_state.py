"""What the stationary state of a motor that runs on fuel has to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from jaxtyping import Array, Float

from jaxneq._core import AbstractSolution, Status, quantity


class MotorState(AbstractSolution):
    r"""The stationary state of a flashing ratchet, and what flows in it.

    With the velocity v against the load F and the fuel r used per time

    .. math:: T\sigma = r\,\Delta\mu - F v \ge 0, \qquad \eta = \frac{F v}{r\,\Delta\mu}
              \le \frac{1}{1 + v T/(F D)}, \qquad Q = \frac{2 D\sigma}{v^2} \ge 2

    where D is the effective diffusion of the position: the uncertainty relation (Barato and
    Seifert, Phys. Rev. Lett. 114, 158101, 2015) and what it says of the efficiency (Pietzonka,
    Barato and Seifert, J. Stat. Mech. 124004, 2016). Efficiency and its bound mean what they say
    where fuel is used and :math:`F v > 0`; without either they are 0. The product Q is infinite
    where the motor stalls, and :math:`\sigma \ge v^2/D` holds there too.
    """

    primary: ClassVar[str] = "velocity"

    position: Float[Array, " cell"] = quantity(
        doc="Position of the cell's centre", dims=("cell",), coordinate=True
    )
    face: Float[Array, " cell"] = quantity(
        doc="Position right of each cell", dims=("face",), coordinate=True
    )
    density: Float[Array, "state cell"] = quantity(
        doc="Probability density, off and on", dims=("state", "cell"), panel=True
    )
    current: Float[Array, "state cell"] = quantity(
        doc="Probability current through the face, off and on", dims=("state", "face"), panel=True
    )
    fuel_current: Float[Array, " cell"] = quantity(
        doc="Net switching on by fuel, per length", dims=("cell",)
    )
    thermal_current: Float[Array, " cell"] = quantity(
        doc="Net switching on by the bath, per length", dims=("cell",)
    )
    velocity: Float[Array, ""] = quantity(doc="Mean velocity v")
    diffusion: Float[Array, ""] = quantity(doc="Effective diffusion D of the position")
    turnover: Float[Array, ""] = quantity(doc="Fuel molecules r used per time")
    turnover_diffusion: Float[Array, ""] = quantity(
        doc="Variance of the fuel used over twice the time, at late times"
    )
    load_affinity: Float[Array, ""] = quantity(doc="Minus the load over the temperature")
    fuel_affinity: Float[Array, ""] = quantity(doc="Affinity of the fuel over the temperature")
    output: Float[Array, ""] = quantity(doc="Power F v delivered to the load")
    input: Float[Array, ""] = quantity(doc="Power r Delta mu taken from the fuel")
    efficiency: Float[Array, ""] = quantity(doc="Power delivered over power taken up")
    efficiency_bound: Float[Array, ""] = quantity(
        doc="Largest efficiency for this velocity and diffusion"
    )
    uncertainty_product: Float[Array, ""] = quantity(bound=2.0, doc="2 D sigma / v^2, at least 2")
    entropy_production: Float[Array, ""] = quantity(doc="Rate of entropy production sigma")
    conservation_residual: Float[Array, ""] = quantity(
        doc="Spread of the current of both states over the faces, relative to the flow one way"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"drift": self.velocity, "fuel": self.turnover}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"drift": self.load_affinity, "fuel": self.fuel_affinity}
