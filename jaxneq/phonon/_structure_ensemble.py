"""What is found of heat through a structure from sampled phonons."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import Estimate, Status, quantity

from ._conduction import AbstractConduction
from ._regimes import REGIMES


class StructureEnsemble(AbstractConduction):
    """Heat conduction through a periodic structure from sampled phonons."""

    primary: ClassVar[str] = "conductivity"

    observables: dict[str, Estimate]
    conductivity: Estimate = quantity(
        unit="W/m/K", doc="Effective conductivity along the gradient, voids included in the area"
    )
    bulk_conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Conductivity of the bulk", reference_for="conductivity"
    )
    conductivity_tensor: Estimate | None = quantity(
        unit="W/m/K",
        doc="Flux along the first axis per gradient along the second",
        dims=("flux_axis", "gradient_axis"),
        default=None,
        panel=False,
    )
    knudsen_number: Float[Array, ""] = quantity(
        doc="Mean free path over the period, with the mean 3 conductivity / sum C v",
        regimes=REGIMES,
    )
    heat_flux: Estimate = quantity(unit="W/m2", doc="Mean heat flux along the gradient")
    truncation: Estimate = quantity(
        unit="W/m/K",
        doc="What older steps than those remembered would add to the conductivity; 0 within its "
        "error where `memory` is long enough",
        panel=False,
    )
    force: Float[Array, ""] = quantity(
        unit="1/K/m", doc="Thermodynamic force, gradient over squared temperature"
    )
    entropy_production: Estimate = quantity(
        unit="W/m3/K", doc="Entropy production per volume, linearised"
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="0: every phonon keeps its energy and none is lost"
    )
    status: Status
    stats: dict[str, Any]

    def caution(self) -> str:
        beyond = np.abs(np.asarray(self.truncation.value))
        if not np.any(beyond > 5 * np.asarray(self.truncation.stderr)):
            return ""
        return (
            f"steps before those remembered still add {np.max(beyond):.2g} W/m/K to the "
            "conductivity: raise `memory` of DeviationalMonteCarlo"
        )
