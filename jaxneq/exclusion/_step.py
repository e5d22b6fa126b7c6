"""The totally asymmetric process from a step, and how far its current fluctuates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractMethod,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    evolve,
    parameter,
    quantity,
)

from ._state import AbstractLatticeSolution

PerTime = Float[Array, " time"]
_TIME = ("time",)


class StepASEP(AbstractSystem):
    r"""The totally asymmetric exclusion process on an infinite line, from a step.

    All sites up to the origin are filled and the others empty; a particle hops to the right with
    the given rate if that site is empty. The flux Q(t) through the origin then fluctuates as the
    height of an interface that grows from a seed, in the class of Kardar, Parisi and Zhang:

    .. math:: Q(t) \simeq \frac{t}{4} - 2^{-4/3}\, t^{1/3}\, \chi

    with :math:`\chi` of Tracy and Widom's law (Johansson, Commun. Math. Phys. 209, 437, 2000).
    """

    rate: Scalar = parameter(
        unit="1/time", range="(0, inf)", doc="Rate of hopping to the right", default=1.0
    )

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._last_passage import LastPassage  # the method names this class

        return LastPassage() if verb == "evolve" else None

    @classmethod
    def validation(cls) -> Iterable[Case]:
        yield Case(
            "mean flux from a step at t = 100",
            lambda: evolve(cls(), times=[100.0]).mean_flux[0],
            27.831336420149125471605,
            1e-11,
            "pivots of the Hankel matrix of incomplete gamma functions, in 500 digits",
        )


class StepFlux(AbstractLatticeSolution):
    r"""The law of the flux through the origin after a step start, beside that of Tracy and Widom.

    The scaled moments are those of :math:`\chi_t = (r t / 4 - Q) / (2^{-4/3} (r t)^{1/3})` at the
    hopping rate r. No hop has a reverse: the entropy production is infinite.
    """

    primary: ClassVar[str] = "scaled_variance"

    time: PerTime = quantity(unit="time", doc="Time after the start", dims=_TIME, scale="log")
    mean_flux: PerTime = quantity(doc="Mean number of particles that passed the origin", dims=_TIME)
    flux_variance: PerTime = quantity(doc="Variance of that number", dims=_TIME)
    current: PerTime = quantity(
        unit="1/time", doc="Momentary mean current through the origin", dims=_TIME
    )
    growth_exponent: PerTime = quantity(
        doc="Momentary exponent of growth: d ln(standard deviation) / d ln t",
        dims=_TIME,
        scale="linear",
    )
    growth_limit: Float[Array, ""] = quantity(
        doc="The exponent of Kardar, Parisi and Zhang", reference_for="growth_exponent"
    )
    scaled_mean: PerTime = quantity(doc="Mean of the scaled flux", dims=_TIME, scale="linear")
    mean_limit: Float[Array, ""] = quantity(
        doc="Mean of Tracy and Widom's law", reference_for="scaled_mean"
    )
    scaled_variance: PerTime = quantity(
        label="variance of the scaled flux",
        doc="Variance of the scaled flux",
        dims=_TIME,
        scale="linear",
    )
    variance_limit: Float[Array, ""] = quantity(
        doc="Variance of Tracy and Widom's law", reference_for="scaled_variance"
    )
    skewness: PerTime = quantity(
        doc="Skewness of chi, minus that of the flux", dims=_TIME, scale="linear"
    )
    skewness_limit: Float[Array, ""] = quantity(
        doc="Skewness of Tracy and Widom's law", reference_for="skewness"
    )
    kurtosis: PerTime = quantity(doc="Excess kurtosis of the scaled flux", dims=_TIME)
    kurtosis_limit: Float[Array, ""] = quantity(
        doc="Excess kurtosis of Tracy and Widom's law", reference_for="kurtosis"
    )
    count: Float[Array, " count"] = quantity(
        doc="Number of particles", dims=("count",), coordinate=True
    )
    probability: Float[Array, "time count"] = quantity(
        doc="Probability that so many have passed", dims=("time", "count"), panel=False
    )
    affinity: Float[Array, ""] = quantity(doc="Entropy produced by a hop: it has no reverse")
    entropy_production: PerTime = quantity(
        unit="1/time", doc="Rate of entropy production at the origin", dims=_TIME, panel=False
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Largest probability that more passed than are counted"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"hopping": self.current}

    @property
    def forces(self) -> Mapping[str, Any]:
        return {"hopping": self.affinity}
