"""What the Fokker-Planck equation has to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from jaxtyping import Array, Float

from jaxneq._core import AbstractSolution, Status, quantity

from ._timed import drop_time

_TIME = ("time",)


class FokkerPlanckSolution(AbstractSolution):
    r"""A density on a line, its current, and what flows with it.

    Stationary, or at each of the times, which then come first. The total entropy production is
    that of the baths and of the density itself,

    .. math:: \sigma = \int \frac{\gamma J^2}{T p}\,dx
              = \sum_{faces} J_i \left[\int\frac{F}{T}\,dx - \Delta\ln(T p)\right]_i .

    It has two parts, neither of them negative (Esposito and Van den Broeck, Phys. Rev. Lett. 104,
    090601, 2010). With the density :math:`p^s` that is stationary under the present control,

    .. math:: \sigma_a = \sum_{faces} J_i \left[\int\frac{F}{T}\,dx - \Delta\ln(T p^s)\right]_i,
              \qquad \sigma_{na} = -\sum_{faces} J_i\,\Delta\ln\frac{p}{p^s}

    the adiabatic part keeps up a steady state that flows, and is 0 with detailed balance; the
    nonadiabatic part is that of relaxing and being driven, and is 0 in a steady state.

    In time, the relative entropy :math:`\int p \ln(p/p^s) dx` tells how far the density is from
    :math:`p^s`; times T, without a drive, it is the free energy that is still to be dissipated if
    the control rests.

    Heat goes to the bath. Work is that of the protocol and of a force that is no gradient, counted
    from before time 0, jumps included, as along sampled paths; its moments are those of the paths'
    work. On a ring the work of a protocol depends on the windings and is left out.
    """

    primary: ClassVar[str] = "density"

    time: Float[Array, " time"] | None = quantity(
        doc="Time", dims=_TIME, coordinate=True, default=None
    )
    position: Float[Array, " cell"] = quantity(
        doc="Position of the cell's centre", dims=("cell",), coordinate=True
    )
    face: Float[Array, " cell"] = quantity(
        doc="Position right of each cell", dims=("face",), coordinate=True
    )
    density: Float[Array, "*time cell"] = quantity(doc="Probability density", dims=("time", "cell"))
    current: Float[Array, "*time cell"] = quantity(
        doc="Probability current through the face", dims=("time", "face")
    )
    affinity: Float[Array, "*time cell"] = quantity(
        doc="Entropy produced by one passage of the face", dims=("time", "face")
    )
    velocity: Float[Array, "*time"] = quantity(doc="Mean velocity", dims=_TIME)
    diffusion: Float[Array, ""] | None = quantity(
        doc="Effective diffusion coefficient around the ring", default=None
    )
    relaxation_rates: Float[Array, " mode"] | None = quantity(
        doc="Lowest rates of relaxation", dims=("mode",), default=None
    )
    mean_position: Float[Array, "*time"] | None = quantity(
        doc="Mean position", dims=_TIME, default=None
    )
    position_variance: Float[Array, "*time"] | None = quantity(
        doc="Variance of the position", dims=_TIME, default=None
    )
    heat_rate: Float[Array, "*time"] = quantity(doc="Heat given to the bath per time", dims=_TIME)
    work_rate: Float[Array, "*time"] | None = quantity(
        doc="Work done per time, without jumps", dims=_TIME, default=None
    )
    heat: Float[Array, " time"] | None = quantity(
        doc="Mean heat since the start", dims=_TIME, default=None
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
    relative_entropy: Float[Array, " time"] | None = quantity(
        doc="Relative entropy of the density to what would be stationary under the present control",
        dims=_TIME,
        default=None,
    )
    entropy_production: Float[Array, "*time"] = quantity(
        doc="Rate of entropy production, bath and density", dims=_TIME
    )
    adiabatic_entropy_production: Float[Array, "*time"] = quantity(
        doc="Rate of entropy production that keeps up the stationary flow", dims=_TIME
    )
    nonadiabatic_entropy_production: Float[Array, "*time"] = quantity(
        doc="Rate of entropy production of relaxing and being driven", dims=_TIME
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Stationary: spread of the current; in time: first law, or mass on a ring; relative"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"probability": self.current}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"probability": self.affinity}

    def quantities(self) -> dict[str, tuple[Any, dict[str, Any]]]:
        return drop_time(super().quantities(), self.time is None)
