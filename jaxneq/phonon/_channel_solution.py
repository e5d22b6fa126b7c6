"""What is found of heat along a channel."""

from __future__ import annotations

from typing import Any, ClassVar

from jaxtyping import Array, Float

from jaxneq._core import Estimate, Status, quantity

from ._conduction import AbstractConduction, AbstractSizedConduction
from ._regimes import REGIMES


class ChannelSolution(AbstractSizedConduction):
    """Heat conduction along a channel. `print` shows what was found.

    Quantities that a method does not resolve are None.
    """

    primary: ClassVar[str] = "conductivity"

    conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Conductivity along the channel, mean heat flux over gradient"
    )
    bulk_conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Conductivity of the bulk", reference_for="conductivity"
    )
    knudsen_number: Float[Array, ""] = quantity(
        doc="Mean free path over the size, with the mean 3 conductivity / sum C v",
        regimes=REGIMES,
    )
    heat_flux: Float[Array, ""] = quantity(
        unit="W/m2", doc="Heat flux along the channel, mean over the cross-section"
    )
    mean_free_path: Float[Array, " band"] = quantity(
        unit="m", doc="Mean free path of each band, ascending", dims=("band",)
    )
    accumulation: Float[Array, " band"] = quantity(
        doc="Share of the conductivity carried by mean free paths up to this one",
        dims=("band",),
        scale="linear",
    )
    suppression: Float[Array, " band"] = quantity(
        doc="Contribution of each band relative to its contribution in the bulk", dims=("band",)
    )
    conductivity_by_band: Float[Array, " band"] = quantity(
        unit="W/m/K", doc="Contribution of each band to the conductivity", dims=("band",)
    )
    position: Float[Array, " node"] | None = quantity(
        unit="m", doc="Distance from a wall of a film", dims=("node",), default=None
    )
    heat_flux_profile: Float[Array, " node"] | None = quantity(
        unit="W/m2", doc="Heat flux along the film there", dims=("node",), default=None
    )
    force: Float[Array, ""] = quantity(
        unit="1/K/m", doc="Thermodynamic force, gradient over squared temperature"
    )
    entropy_production: Float[Array, ""] = quantity(
        unit="W/m3/K", doc="Entropy production per volume, bulk and walls"
    )
    entropy_production_bulk: Float[Array, ""] | None = quantity(
        unit="W/m3/K", doc="Entropy production by collisions, per volume", default=None
    )
    entropy_production_walls: Float[Array, ""] | None = quantity(
        unit="W/m3/K",
        doc="Entropy production at the walls, per volume of the channel",
        default=None,
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Entropy production of bulk and walls less flux times force, relative; 0 where the "
        "two are not resolved (energy is conserved by symmetry)"
    )
    status: Status
    stats: dict[str, Any]


class ChannelEnsemble(AbstractConduction):
    """Heat conduction along a channel from sampled paths."""

    primary: ClassVar[str] = "conductivity"

    observables: dict[str, Estimate]
    conductivity: Estimate = quantity(
        unit="W/m/K", doc="Conductivity along the channel, mean heat flux over gradient"
    )
    bulk_conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Conductivity of the bulk", reference_for="conductivity"
    )
    knudsen_number: Float[Array, ""] = quantity(
        doc="Mean free path over the size, with the mean 3 conductivity / sum C v",
        regimes=REGIMES,
    )
    heat_flux: Estimate = quantity(
        unit="W/m2", doc="Heat flux along the channel, mean over the cross-section"
    )
    mean_free_path: Float[Array, " band"] = quantity(
        unit="m", doc="Mean free path of each band, ascending", dims=("band",)
    )
    suppression: Estimate = quantity(
        doc="Contribution of each band relative to its contribution in the bulk", dims=("band",)
    )
    conductivity_by_band: Estimate = quantity(
        unit="W/m/K", doc="Contribution of each band to the conductivity", dims=("band",)
    )
    force: Float[Array, ""] = quantity(
        unit="1/K/m", doc="Thermodynamic force, gradient over squared temperature"
    )
    entropy_production: Estimate = quantity(
        unit="W/m3/K", doc="Entropy production per volume, bulk and walls"
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Share of the paths that were cut short before their end"
    )
    status: Status
    stats: dict[str, Any]
