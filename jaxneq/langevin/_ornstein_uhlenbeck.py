"""A Brownian particle in a dragged harmonic trap: the smallest system out of equilibrium."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractMethod,
    AbstractSolution,
    AbstractSystem,
    Case,
    Estimate,
    Scalar,
    Status,
    parameter,
    quantity,
    steady,
)


class OrnsteinUhlenbeck(AbstractSystem):
    r"""An overdamped particle in a harmonic trap that moves at constant velocity.

    Reduced units, :math:`k_B = 1`. In the frame of the trap

    .. math:: \gamma\,dy = -(k y + \gamma u)\,dt + \sqrt{2\gamma T}\,dW

    with a Gaussian stationary state, :math:`\langle y\rangle = -\gamma u/k` and variance
    :math:`T/k`; the trap does work at the rate :math:`\gamma u^2`, all of it dissipated
    (van Zon and Cohen, Phys. Rev. E 67, 046102, 2003).
    """

    stiffness: Scalar = parameter(range="(0, inf)", doc="Stiffness k of the trap", default=1.0)
    temperature: Scalar = parameter(
        range="(0, inf)", doc="Temperature T, in units of energy", default=1.0
    )
    friction: Scalar = parameter(range="(0, inf)", doc="Friction coefficient gamma", default=1.0)
    velocity: Scalar = parameter(doc="Velocity u of the trap", default=0.0)

    @property
    def rate(self) -> Float[Array, ""]:
        """Relaxation rate k / gamma."""
        return self.stiffness / self.friction

    @property
    def lag(self) -> Float[Array, ""]:
        """Stationary mean of the position in the frame of the trap."""
        return -self.friction * self.velocity / self.stiffness

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._exact_gaussian import ExactGaussian
        from ._gaussian_moments import GaussianMoments

        return ExactGaussian() if verb == "simulate" else GaussianMoments()

    @classmethod
    def validation(cls) -> Iterable[Case]:
        trap = cls(stiffness=2.0, temperature=0.5, friction=1.5, velocity=0.8)
        yield Case(
            "dragged trap: entropy production of the steady state",
            lambda: steady(trap).entropy_production,
            1.5 * 0.8**2 / 0.5,
            1e-12,
            "work rate gamma u^2 over T (van Zon and Cohen 2003)",
        )


class TrapSteadyState(AbstractSolution):
    """The stationary Gaussian, in the frame of the trap."""

    primary: ClassVar[str] = "mean_position"

    mean_position: Float[Array, ""] = quantity(doc="Mean position in the frame of the trap")
    variance: Float[Array, ""] = quantity(doc="Variance of the position")
    power: Float[Array, ""] = quantity(doc="Work rate of the trap on the particle")
    velocity: Float[Array, ""] = quantity(doc="Velocity of the trap")
    force: Float[Array, ""] = quantity(doc="Drag over temperature")
    entropy_production: Float[Array, ""] = quantity(doc="Rate of entropy production")
    conservation_residual: Float[Array, ""] = quantity(
        doc="Work less heat, relative; zero, for the form is closed"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"drag": self.velocity}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"drag": self.force}


class TrapTransient(AbstractSolution):
    """The Gaussian on its way, in the frame of the trap.

    The second law in full: `entropy_production` is that of medium and system together.
    """

    primary: ClassVar[str] = "mean_position"

    time: Float[Array, " time"] = quantity(doc="Time", dims=("time",))
    mean_position: Float[Array, " time"] = quantity(
        doc="Mean position in the frame of the trap", dims=("time",)
    )
    variance: Float[Array, " time"] = quantity(doc="Variance of the position", dims=("time",))
    power: Float[Array, " time"] = quantity(
        doc="Work rate of the trap on the particle", dims=("time",)
    )
    heat_rate: Float[Array, " time"] = quantity(
        doc="Heat given to the medium per time", dims=("time",)
    )
    energy_rate: Float[Array, " time"] = quantity(
        doc="Rate of change of the potential energy", dims=("time",)
    )
    entropy_production: Float[Array, " time"] = quantity(
        doc="Rate of entropy production, medium and system", dims=("time",)
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="First law: largest power less heat rate less energy rate, relative"
    )
    mean_velocity: Float[Array, " time"] = quantity(
        unit="1", doc="Mean velocity in the frame of the medium", dims=("time",)
    )
    drag_force: Float[Array, " time"] = quantity(doc="Mean force over temperature", dims=("time",))
    spreading: Float[Array, " time"] = quantity(
        doc="Half the rate of change of the variance", dims=("time",)
    )
    spreading_force: Float[Array, " time"] = quantity(
        doc="Inverse variance less its value in equilibrium", dims=("time",)
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"drag": self.mean_velocity, "spreading": self.spreading}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"drag": self.drag_force, "spreading": self.spreading_force}


class TrapEnsemble(AbstractSolution):
    """Time averages over a sampled ensemble, in the frame of the trap.

    Power and entropy production are those of the steady state once `burn_in` exceeds several
    relaxation times; `energy_rate` and `conservation_residual` show whether it did.
    """

    primary: ClassVar[str] = "mean_position"

    observables: dict[str, Estimate]
    mean_position: Estimate = quantity(doc="Mean position in the frame of the trap")
    mean_square_position: Estimate = quantity(doc="Mean square position")
    power: Estimate = quantity(doc="Work rate of the trap on the particle")
    velocity: Float[Array, ""] = quantity(doc="Velocity of the trap")
    energy_rate: Estimate = quantity(
        doc="Potential energy gained per time; zero in the steady state"
    )
    entropy_production: Estimate = quantity(
        doc="Power over T: the rate of entropy production of the steady state"
    )
    force: Estimate = quantity(doc="Drag over temperature")
    conservation_residual: Float[Array, ""] = quantity(
        doc="Energy rate relative to the exchange of heat: how far from steady the time counted is"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"drag": self.velocity}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"drag": self.force.value}
