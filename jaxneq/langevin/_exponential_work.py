"""How exp(-work/T) is spread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from jaxtyping import Array, Float

from jaxneq._core import AbstractSolution, Status, quantity

_TIME = ("time",)


class ExponentialWork(AbstractSolution):
    r"""Mean work, and the first two moments of exp(-work/T), at each of the times.

    Jarzynski's estimate :math:`-T \ln \frac1n \sum_i e^{-W_i/T}` from n paths has, for large n,
    the variance

    .. math:: \frac{T^2}{n} \left[\frac{\langle e^{-2W/T}\rangle}{\langle e^{-W/T}\rangle^2}
              - 1\right]
              = \frac{T^2}{n} \left(\mathrm{e}^D - 1\right)

    D is Renyi's divergence of order 2 of the reverse process, each path run backwards, from the
    forward one: 0 where work is reversible, and the variance of :math:`W/T` where that is Gaussian
    (Geiger and Dellago, Phys. Rev. E 81, 021127, 2010, choose protocols by it).

    Work is counted from before time 0, jumps included. `entropy_production` is that of the
    process and of the relaxation that would follow, over the time that has passed: infinite at
    time 0.
    """

    primary: ClassVar[str] = "divergence"

    time: Float[Array, " time"] = quantity(doc="Time", dims=_TIME, coordinate=True)
    work: Float[Array, " time"] = quantity(doc="Mean work since before time 0", dims=_TIME)
    free_energy: Float[Array, " time"] = quantity(
        doc="Free energy of equilibrium gained since before time 0", dims=_TIME
    )
    dissipated_work: Float[Array, " time"] = quantity(
        doc="Mean work less the free energy", dims=_TIME
    )
    divergence: Float[Array, " time"] = quantity(
        doc="ln of the mean of exp(-2 work/T) over the squared mean of exp(-work/T)", dims=_TIME
    )
    jarzynski_variance: Float[Array, " time"] = quantity(
        doc="Variance of exp(-work/T) over its squared mean", dims=_TIME
    )
    heat: Float[Array, " time"] = quantity(doc="Mean heat given to the bath", dims=_TIME)
    inverse_temperature: Float[Array, ""] = quantity(doc="Inverse temperature")
    entropy_production: Float[Array, " time"] = quantity(
        doc="Dissipated work over T and the time", dims=_TIME
    )
    conservation_residual: Float[Array, ""] = quantity(doc="First law, relative")
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"work": self.entropy_production / self.inverse_temperature}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"work": self.inverse_temperature}
