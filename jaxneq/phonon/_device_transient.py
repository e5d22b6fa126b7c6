"""How a device warms up and cools down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import Scalar, Status, quantity

from ._conduction import CONSERVED
from ._grid import AbstractGrid, GridHistory
from ._grid_maps import AXES, AbstractMapped, maps


class DeviceTransient(AbstractMapped):
    """Temperatures and heat of a device in time; maps are those of the last time."""

    primary: ClassVar[str] = "peak_temperature"

    time: Float[Array, " time"] = quantity(unit="s", doc="Time", dims=("time",))
    peak_temperature: Float[Array, " time"] = quantity(
        unit="K", doc="Highest temperature of a cell", dims=("time",)
    )
    peak_error: Float[Array, " time"] = quantity(
        unit="K",
        doc="Estimated error of the peak by the steps, from steps twice as long",
        dims=("time",),
        panel=False,
    )
    contact_heat: Float[Array, "contact time"] = quantity(
        unit="W",
        doc="Heat that each contact gives to the device",
        dims=("contact", "time"),
        label="heat from contact",
        panel=True,
    )
    contact_force: Float[Array, " contact"] = quantity(
        unit="1/K",
        doc="Rise of each contact over squared temperature",
        dims=("contact",),
        panel=False,
    )
    energy: Float[Array, " time"] = quantity(
        unit="J", doc="Heat that the device holds, above its temperature", dims=("time",)
    )
    entropy_production: Float[Array, " time"] = quantity(
        unit="W/K", doc="Entropy production, linearised", dims=("time",)
    )
    relaxation: Float[Array, " time"] = quantity(
        unit="W K", doc="Rate at which half the sum of C g^2 falls", dims=("time",), panel=False
    )
    relaxation_force: Float[Array, ""] = quantity(
        unit="1/K2", doc="Conjugate to it: one over squared temperature"
    )
    temperatures: Float[Array, "time x y z"] = quantity(
        unit="K", doc="Mean temperature of each cell", dims=("time", *AXES), panel=False
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Heat held less what contacts and heaters gave since the start, relative"
    )
    status: Status
    stats: dict[str, Any]
    heater_rise: Float[Array, "heater time"] | None = quantity(
        unit="K",
        doc="Mean rise of the pseudo-temperature in each heater, weighed by its power",
        dims=("heater", "time"),
        default=None,
    )
    heater_force: Float[Array, "heater time"] | None = quantity(
        unit="1/K",
        doc="Rise in each heater over squared temperature",
        dims=("heater", "time"),
        panel=False,
        default=None,
    )
    heater_power: Float[Array, "heater time"] | None = quantity(
        unit="W", doc="Power of each heater", dims=("heater", "time"), panel=False, default=None
    )

    @property
    def fluxes(self) -> Mapping[str, Array]:
        heaters = {} if self.heater_power is None else {"heaters": self.heater_power}
        return {"contacts": self.contact_heat, "relaxation": self.relaxation, **heaters}

    @property
    def forces(self) -> Mapping[str, Array]:
        heaters = {} if self.heater_force is None else {"heaters": self.heater_force}
        return {
            "contacts": self.contact_force[:, None],
            "relaxation": self.relaxation_force,
            **heaters,
        }


def device_transient(
    system: AbstractGrid,
    temperature: Scalar,
    history: GridHistory,
    touched: Float[Array, "contact *cells axis side"],
    given: Float[Array, " contact"],
    *,
    flux: Array,
    watt: Array,
    profiles: Float[Array, "heater *cells"] | None = None,
    powers: Float[Array, "heater time"] | None = None,
) -> DeviceTransient:
    """The answer of a device.

    **Arguments:** the sides that its contacts hold, and their temperatures; the units of flux and
    power; of its heaters the power per volume at a power of 1, and the powers (W).
    """
    problem = history.problem
    solid, axes = problem.solid > 0, problem.solid.ndim
    sides, cells = tuple(range(1, axes + 3)), tuple(range(1, axes + 1))
    heat = watt * jnp.tensordot(touched, history.given, axes=(sides, sides))
    lost = jnp.any(jnp.tensordot(touched, problem.held, axes=problem.held.ndim) == 0)
    force = (given - temperature) / temperature**2
    relaxation, relaxation_force = watt * history.relaxation, 1 / temperature**2
    produced = force @ heat + relaxation * relaxation_force
    heated: dict[str, Any] = {}
    if profiles is not None and powers is not None:
        weight = profiles * problem.volume[None]
        lost = lost | jnp.any(jnp.sum(weight, axis=cells) == 0)
        rise = jnp.tensordot(weight, history.pseudotemperature.mean(axis=-1), axes=(cells, cells))
        forces = rise / temperature**2
        heated = {"heater_rise": rise, "heater_force": forces, "heater_power": powers}
        produced = produced + jnp.sum(powers * forces, axis=0)

    def peak(nodes: Float[Array, "time *cells node"]) -> Float[Array, " time"]:
        rise = jnp.where(solid[None], nodes.mean(axis=-1), -jnp.inf)
        return temperature + jnp.max(rise, axis=cells)

    rises, residual = history.temperature.mean(axis=-1), history.residual
    status = history.status.unless("unresolved", lost | system.lost(problem))
    highest = peak(history.temperature)
    return DeviceTransient(
        time=history.time * system.time_unit,
        peak_temperature=highest,
        peak_error=jnp.abs(highest - peak(history.coarse)) / 3,
        contact_heat=heat,
        contact_force=force,
        energy=watt * system.time_unit * history.energy,
        entropy_production=produced,
        relaxation=relaxation,
        relaxation_force=relaxation_force,
        temperatures=temperature + rises.reshape(-1, *(*problem.cells, 1)[:3]),
        conservation_residual=residual,
        status=status.unless("not_conserved", residual > CONSERVED),
        stats=history.stats,
        **maps(system, problem, temperature + rises[-1], flux * history.flux[-1]),
        **heated,
    )
