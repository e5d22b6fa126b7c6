"""How a temperature evens out in a structure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import Scalar, Status, quantity
from jaxneq.materials import MatchedBands, PhononBands

from ._conduction import CONSERVED
from ._grid import AbstractGrid, GridHistory
from ._grid_maps import AXES, AbstractMapped, maps


class StructureTransient(AbstractMapped):
    """The relaxation of an initial temperature; maps are those of the last time."""

    primary: ClassVar[str] = "amplitude"

    time: Float[Array, " time"] = quantity(unit="s", doc="Time after the start", dims=("time",))
    amplitude: Float[Array, " time"] = quantity(
        doc="Share of the initial rise that is left, by its projection on that", dims=("time",)
    )
    amplitude_error: Float[Array, " time"] = quantity(
        doc="Estimated error of the amplitude by the steps, from steps twice as long",
        dims=("time",),
        panel=False,
    )
    entropy_production: Float[Array, " time"] = quantity(
        unit="W/m3/K", doc="Entropy production per volume, linearised", dims=("time",)
    )
    relaxation: Float[Array, " time"] = quantity(
        unit="W K/m3",
        doc="Rate at which half the sum of C g^2 falls, per volume",
        dims=("time",),
        panel=False,
    )
    relaxation_force: Float[Array, ""] = quantity(
        unit="1/K2", doc="Conjugate to it: one over squared temperature"
    )
    temperatures: Float[Array, "time x y z"] = quantity(
        unit="K", doc="Mean temperature of each cell", dims=("time", *AXES), panel=False
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Change of the energy, relative to the energies of all volumes at the start"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"relaxation": self.relaxation}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"relaxation": self.relaxation_force}


def structure_transient(
    system: AbstractGrid,
    bands: PhononBands | MatchedBands,
    temperature: Scalar,
    history: GridHistory,
) -> StructureTransient:
    """The answer of a structure of these bands, about a temperature."""
    problem, start = history.problem, history.start
    power = jnp.sum(bands.heat_capacity * bands.group_velocity)
    weight = problem.volume[..., None] * start
    whole = jnp.sum(weight * start)
    axes = start.ndim

    def projected(rise: Float[Array, "time *cells node"]) -> Float[Array, " time"]:
        return jnp.tensordot(rise, weight, axes=axes) / jnp.where(whole > 0, whole, 1)

    rises = history.temperature.mean(axis=-1)
    relaxation = history.relaxation / problem.volume.sum() * power / system.length_unit
    force = 1 / temperature**2
    amplitude = projected(history.temperature)
    residual = history.residual
    status = history.status.unless("unresolved", system.lost(problem))
    return StructureTransient(
        time=history.time * system.time_unit,
        amplitude=amplitude,
        amplitude_error=jnp.abs(amplitude - projected(history.coarse)) / 3,
        entropy_production=relaxation * force,
        relaxation=relaxation,
        relaxation_force=force,
        temperatures=temperature + rises.reshape(-1, *(*problem.cells, 1)[:3]),
        conservation_residual=residual,
        status=status.unless("not_conserved", residual > CONSERVED),
        stats=history.stats,
        **maps(system, problem, temperature + rises[-1], power * history.flux[-1]),
    )
