"""What is found of heat along a film with normal collisions."""

from __future__ import annotations

from typing import Any, ClassVar

from jaxtyping import Array, Float

from jaxneq._core import Status, quantity

from ._conduction import AbstractSizedConduction
from ._regimes import REGIMES


class CallawayFilmSolution(AbstractSizedConduction):
    """Heat conduction along a film whose phonons drift. `print` shows what was found."""

    primary: ClassVar[str] = "conductivity"

    conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Conductivity along the film, mean heat flux over gradient"
    )
    bulk_conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Conductivity of the bulk", reference_for="conductivity"
    )
    conductivity_without_drift: Float[Array, ""] = quantity(
        unit="W/m/K",
        doc="Conductivity of the film if normal collisions were resistive (one relaxation time)",
        reference_for="conductivity",
    )
    conductivity_of_viscous_flow: Float[Array, ""] = quantity(
        unit="W/m/K",
        doc="That of a fluid of phonons which clings to the walls (Guyer and Krumhansl)",
        reference_for="conductivity",
    )
    conductivity_error: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Estimated error of the conductivity by the size of the cells"
    )
    conductivity_over_thickness: Float[Array, ""] = quantity(
        unit="W/m2/K", doc="Conductivity over thickness; it has Knudsen's minimum"
    )
    knudsen_number: Float[Array, ""] = quantity(
        doc="Mean free path of all collisions over thickness", regimes=REGIMES
    )
    heat_flux: Float[Array, ""] = quantity(
        unit="W/m2", doc="Heat flux along the film, mean over the thickness"
    )
    position: Float[Array, " node"] = quantity(unit="m", doc="Distance from a wall", dims=("node",))
    heat_flux_profile: Float[Array, " node"] = quantity(
        unit="W/m2", doc="Heat flux along the film there", dims=("node",)
    )
    drift_velocity: Float[Array, " node"] = quantity(
        unit="m/s", doc="Velocity at which the phonons drift there", dims=("node",)
    )
    mean_free_path: Float[Array, " band"] = quantity(
        unit="m", doc="Mean free path of each band, of all collisions, ascending", dims=("band",)
    )
    accumulation: Float[Array, " band"] = quantity(
        doc="Share of the conductivity carried by mean free paths up to this one",
        dims=("band",),
        scale="linear",
    )
    conductivity_by_band: Float[Array, " band"] = quantity(
        unit="W/m/K", doc="Contribution of each band to the conductivity", dims=("band",)
    )
    force: Float[Array, ""] = quantity(
        unit="1/K/m", doc="Thermodynamic force, gradient over squared temperature"
    )
    entropy_production: Float[Array, ""] = quantity(
        unit="W/m3/K", doc="Entropy production per volume, by collisions and at the walls"
    )
    entropy_production_resistive: Float[Array, ""] = quantity(
        unit="W/m3/K", doc="Entropy production by resistive collisions, per volume"
    )
    entropy_production_normal: Float[Array, ""] = quantity(
        unit="W/m3/K", doc="Entropy production by normal collisions, per volume"
    )
    entropy_production_walls: Float[Array, ""] = quantity(
        unit="W/m3/K", doc="Entropy production at the walls, per volume of the film"
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Entropy production by collisions and walls less flux times force, relative; it is "
        "small where normal collisions keep the momentum"
    )
    status: Status
    stats: dict[str, Any]
