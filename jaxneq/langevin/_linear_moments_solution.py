"""What the moments of a linear system have to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractSolution, Status, quantity

from ._timed import drop_time

_TIME = ("time",)
_COORDINATE = ("time", "coordinate")
_MATRIX = ("time", "coordinate", "coordinate")
_BATH = ("time", "bath")


class LinearMomentsSolution(AbstractSolution):
    r"""Mean and covariance of a linear system, and what flows through it.

    Stationary, or at each of the times, which then come first. Heat goes to the baths, one for all
    coordinates or one for each; work is that of the protocol and of forces that are no gradient,
    counted from before time 0, jumps included. The total entropy production is that of the baths
    and of the density of the state, :math:`\sigma = \sum_i \dot Q_i/T_i + \dot S`; out of a point
    it is infinite.
    """

    primary: ClassVar[str] = "mean_position"

    time: Float[Array, " time"] | None = quantity(
        doc="Time", dims=_TIME, coordinate=True, default=None
    )
    mean_position: Float[Array, "*time coordinate"] = quantity(
        doc="Mean position", dims=_COORDINATE
    )
    velocity: Float[Array, "*time coordinate"] = quantity(doc="Mean velocity", dims=_COORDINATE)
    covariance: Float[Array, "*time coordinate coordinate"] = quantity(
        doc="Covariance of the positions", dims=_MATRIX
    )
    position_variance: Float[Array, "*time coordinate"] = quantity(
        doc="Variance of the position", dims=_COORDINATE
    )
    kinetic_temperature: Float[Array, "*time coordinate"] | None = quantity(
        doc="Mass times mean square velocity", dims=_COORDINATE, default=None
    )
    circulation: Float[Array, "*time coordinate coordinate"] = quantity(
        doc="Probability angular momentum, mean of x_i v_j - x_j v_i", dims=_MATRIX
    )
    heat_rate: Float[Array, "*time bath"] = quantity(
        doc="Heat given to each bath per time", dims=_BATH
    )
    work_rate: Float[Array, ""] | None = quantity(
        doc="Stationary: work per time of the force that is no gradient", default=None
    )
    heat: Float[Array, "time bath"] | None = quantity(
        doc="Mean heat given to each bath since the start", dims=_BATH, default=None
    )
    work: Float[Array, " time"] | None = quantity(
        doc="Mean work since before time 0", dims=_TIME, default=None
    )
    work_variance: Float[Array, " time"] | None = quantity(
        doc="Variance of the work", dims=_TIME, default=None
    )
    exponential_work: Float[Array, " time"] | None = quantity(
        doc="Mean of exp(-work / T)", dims=_TIME, default=None
    )
    inverse_temperature: Float[Array, " bath"] = quantity(
        doc="Entropy gained per heat by each bath", dims=("bath",)
    )
    entropy_rate: Float[Array, "*time"] = quantity(
        doc="Rate at which the entropy of the state grows", dims=_TIME
    )
    entropy_production: Float[Array, "*time"] = quantity(
        doc="Rate of entropy production, baths and state", dims=_TIME
    )
    conservation_residual: Float[Array, ""] = quantity(doc="First law, relative")
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"heat": self.heat_rate, "density": self.entropy_rate}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"heat": self.inverse_temperature, "density": jnp.ones_like(self.entropy_rate)}

    def quantities(self) -> dict[str, tuple[Any, dict[str, Any]]]:
        return drop_time(super().quantities(), self.time is None)
