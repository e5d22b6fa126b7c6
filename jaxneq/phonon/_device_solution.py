"""What is found of a device: how warm it gets and where its heat goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from jaxtyping import Array, Float

from jaxneq._core import Scalar, Status, quantity

from ._ballistic import AbstractBallistic
from ._grid_entropy import entropy_part
from ._grid_maps import AXES
from ._scanning_tip import AbstractScanned


class DeviceSolution(AbstractScanned, AbstractBallistic):
    """How warm a device gets and where its heat goes. `print` shows what was found."""

    primary: ClassVar[str] = "peak_temperature"

    peak_temperature: Float[Array, ""] = quantity(unit="K", doc="Highest temperature of a cell")
    contact_heat: Float[Array, " contact"] = quantity(
        unit="W",
        doc="Heat that each contact gives to the device",
        dims=("contact",),
        label="heat from contact",
    )
    contact_force: Float[Array, " contact"] = quantity(
        unit="1/K",
        doc="1 / temperature less 1 / that of each contact; linearised, rise / temperature^2",
        dims=("contact",),
        panel=False,
    )
    entropy_production: Float[Array, ""] = quantity(
        unit="W/K", doc="Entropy production, of what is linearised the quadratic part"
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Heat from contacts and heaters that is not taken by contacts, relative"
    )
    pseudotemperature: Float[Array, "x y z"] = quantity(
        unit="K", doc="Temperature to which collisions relax the phonons", dims=AXES, panel=False
    )
    status: Status
    stats: dict[str, Any]
    entropy_production_bulk: Float[Array, ""] | None = entropy_part("bulk", "W/K")
    entropy_production_walls: Float[Array, ""] | None = entropy_part("walls", "W/K")
    entropy_production_mesh: Float[Array, ""] | None = entropy_part("mesh", "W/K")
    entropy_production_contacts: Float[Array, ""] | None = entropy_part("contacts", "W/K")
    heater_rise: Float[Array, " heater"] | None = quantity(
        unit="K",
        doc="Mean rise of the pseudo-temperature in each heater, weighed by its power",
        dims=("heater",),
        default=None,
    )
    thermal_resistance: Float[Array, ""] | None = quantity(
        unit="K/W",
        doc="Rise of the peak above the coldest contact, over the power of all heaters",
        default=None,
    )
    conductance: Float[Array, ""] | None = quantity(
        unit="W/K",
        doc="Heat from one contact to the other over their difference, where nothing else drives",
        default=None,
    )
    conductivity: Float[Array, ""] | None = quantity(
        unit="W/m/K",
        doc="Conductance times length over area, between two whole sides of the box",
        default=None,
    )
    heater_force: Float[Array, " heater"] | None = quantity(
        unit="1/K",
        doc="The same of the pseudo-temperature in each heater, as a mean over its power",
        dims=("heater",),
        panel=False,
        default=None,
    )
    heater_power: Float[Array, " heater"] | None = quantity(
        unit="W", doc="Power of each heater", dims=("heater",), panel=False, default=None
    )

    @property
    def answer(self) -> Scalar:
        for found in (self.conductance, self.thermal_resistance):
            if found is not None:
                return found
        return self.peak_temperature

    @property
    def fluxes(self) -> Mapping[str, Array]:
        heaters = {} if self.heater_power is None else {"heaters": self.heater_power}
        return {"contacts": self.contact_heat, **heaters}

    @property
    def forces(self) -> Mapping[str, Array]:
        heaters = {} if self.heater_force is None else {"heaters": self.heater_force}
        return {"contacts": self.contact_force, **heaters}
