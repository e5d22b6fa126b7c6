"""What a probe sees of a metal that a pump has heated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import AbstractSolution, Status, is_concrete, quantity

ROUGH = 0.02  # an estimated error of the signal, relative to its peak, that is told


class PumpProbeSolution(AbstractSolution):
    """Signal, temperatures and energies in time. Energies and entropy are per area.

    Flows are those of `TwoTemperatures`, by the names of `fluxes`, with the forces conjugate to
    them. Quantities of the substrate are None for a film without one.
    """

    primary: ClassVar[str] = "signal"

    time: Float[Array, " time"] = quantity(unit="s", doc="Time", dims=("time",))
    signal: Float[Array, " time"] = quantity(
        doc="Signal of the probe", dims=("time",), scale="linear"
    )
    electron_signal: Float[Array, " time"] = quantity(
        doc="Part of the signal by electrons", dims=("time",), reference_for="signal"
    )
    lattice_signal: Float[Array, " time"] = quantity(
        doc="Part of the signal by the lattice", dims=("time",), reference_for="signal"
    )
    signal_error: Float[Array, " time"] = quantity(
        doc="Estimated error of the signal, from half as many cells and steps",
        dims=("time",),
        panel=False,
    )
    surface_temperature: Float[Array, " time"] = quantity(
        unit="K",
        doc="Temperature of the electrons at the surface",
        dims=("time",),
        label="electrons at the surface",
    )
    lattice_surface_temperature: Float[Array, " time"] = quantity(
        unit="K",
        doc="Mean temperature of the lattice at the surface",
        dims=("time",),
        reference_for="surface_temperature",
    )
    band_surface_temperature: Float[Array, "band time"] = quantity(
        unit="K",
        doc="Temperature of each band of the lattice at the surface",
        dims=("band", "time"),
        panel=False,
    )
    depth: Float[Array, " depth"] = quantity(
        unit="m", doc="Depth of the cells of the film", dims=("depth",)
    )
    electron_temperature: Float[Array, "time depth"] = quantity(
        unit="K", doc="Temperature of the electrons", dims=("time", "depth"), panel=False
    )
    band_temperature: Float[Array, "time depth band"] = quantity(
        unit="K", doc="Temperature of the lattice", dims=("time", "depth", "band"), panel=False
    )
    absorbed: Float[Array, " time"] = quantity(
        unit="J/m2", doc="Heat that the pump has given", dims=("time",), panel=False
    )
    electron_energy: Float[Array, " time"] = quantity(
        unit="J/m2", doc="Heat in the electrons, above ambient", dims=("time",), panel=False
    )
    lattice_energy: Float[Array, " time"] = quantity(
        unit="J/m2", doc="Heat in the lattice of the film", dims=("time",), panel=False
    )
    substrate_energy: Float[Array, " time"] = quantity(
        unit="J/m2", doc="Heat in the substrate", dims=("time",), panel=False
    )
    entropy_production: Float[Array, " time"] = quantity(
        unit="W/m2/K", doc="Entropy production, of the coupling and of conduction", dims=("time",)
    )
    coupling_entropy_production: Float[Array, " time"] = quantity(
        unit="W/m2/K",
        doc="That of the coupling of electrons and lattice",
        dims=("time",),
        reference_for="entropy_production",
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Heat held less heat at the start and given since then, relative; the largest"
    )
    status: Status
    stats: dict[str, Any]
    flow: dict[str, Array] = eqx.field(kw_only=True)
    force: dict[str, Array] = eqx.field(kw_only=True)
    substrate_depth: Float[Array, " substrate"] | None = quantity(
        unit="m",
        doc="Depth of the cells of the substrate, below the interface",
        dims=("substrate_depth",),
        default=None,
    )
    substrate_temperature: Float[Array, "time substrate"] | None = quantity(
        unit="K",
        doc="Temperature of the substrate",
        dims=("time", "substrate_depth"),
        panel=False,
        default=None,
    )

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return self.flow

    @property
    def forces(self) -> Mapping[str, Array]:
        return self.force

    def caution(self) -> str:
        if not all(map(is_concrete, (self.signal, self.signal_error))):
            return ""
        peak, error = np.max(np.abs(self.signal)), np.max(np.asarray(self.signal_error))
        if not error > ROUGH * peak:
            return ""
        return (
            f"the estimated error of the signal is {error / peak:.2g} of its peak. Give more times "
            "near the pulse, or raise `steps` or `cells`."
        )
