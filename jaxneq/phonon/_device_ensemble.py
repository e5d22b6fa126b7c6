"""What is found of a device from sampled phonons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import Estimate, Status, quantity

from ._conduction import CONSERVED
from ._device import Device
from ._device_batches import DeviceBatches, DeviceState
from ._grid_maps import AXES, AbstractPlaced, places


class AbstractSampledDevice(AbstractPlaced):
    """What sampled phonons find of a device, whenever."""

    primary: ClassVar[str] = "peak_temperature"

    observables: dict[str, Any] = eqx.field(kw_only=True)
    contact_heat: Estimate = eqx.field(kw_only=True)
    contact_force: Float[Array, " contact"] = quantity(
        unit="1/K",
        doc="Rise of each contact over squared temperature",
        dims=("contact",),
        panel=False,
    )
    truncation: Float[Array, ""] = quantity(
        doc="Share of the phonons that were given up after `max_steps`", panel=False
    )
    status: Status = eqx.field(kw_only=True)
    stats: dict[str, Any] = eqx.field(kw_only=True)
    heater_force: Float[Array, "*time heater"] | None = eqx.field(kw_only=True, default=None)
    heater_power: Float[Array, " heater"] | None = quantity(
        unit="W", doc="Power of each heater", dims=("heater",), panel=False, default=None
    )

    @property
    def fluxes(self) -> Mapping[str, Array]:
        heaters = {} if self.heater_power is None else {"heaters": self.heater_power}
        return {"contacts": self.contact_heat.value, **heaters}

    @property
    def forces(self) -> Mapping[str, Array]:
        heaters = {} if self.heater_force is None else {"heaters": self.heater_force}
        return {"contacts": self.contact_force, **heaters}

    def caution(self) -> str:
        return given_up(self.truncation)


class DeviceEnsemble(AbstractSampledDevice):
    """How warm a device gets and where its heat goes, from sampled phonons."""

    temperature: Estimate = quantity(
        unit="K",
        doc="Mean temperature of each cell, that of the energy density",
        dims=AXES,
        map=True,
        where="solid",
        arrows="heat_flux_field",
    )
    heat_flux_field: Estimate = quantity(
        unit="W/m2", doc="Mean heat flux of each cell", dims=(*AXES, "axis"), panel=False
    )
    pseudotemperature: Estimate = quantity(
        unit="K", doc="Temperature to which collisions relax the phonons", dims=AXES, panel=False
    )
    peak_temperature: Estimate = quantity(
        unit="K",
        doc="Temperature of the hottest cell: which one is told by half of the batches, and its "
        "temperature by the other half",
    )
    contact_heat: Estimate = quantity(
        unit="W",
        doc="Heat that each contact gives to the device",
        dims=("contact",),
        label="heat from contact",
    )
    entropy_production: Estimate = quantity(unit="W/K", doc="Entropy production, linearised")
    conservation_residual: Float[Array, ""] = quantity(
        doc="Heat from contacts and heaters that is not taken by contacts, relative: 0 for every "
        "phonon, but contacts and heaters emit as many as they should only within one a batch"
    )
    heater_rise: Estimate | None = quantity(
        unit="K",
        doc="Mean rise of the pseudo-temperature in each heater, weighed by its power",
        dims=("heater",),
        default=None,
    )
    thermal_resistance: Estimate | None = quantity(
        unit="K/W",
        doc="Rise of the peak above the coldest contact, over the power of all heaters",
        default=None,
    )
    conductance: Estimate | None = quantity(
        unit="W/K",
        doc="Heat from one contact to the other over their difference, where nothing else drives",
        default=None,
    )
    heater_force: Float[Array, " heater"] | None = quantity(
        unit="1/K",
        doc="Rise in each heater over squared temperature",
        dims=("heater",),
        panel=False,
        default=None,
    )


def given_up(truncation: Array) -> str:
    """What to say where phonons were given up."""
    if not np.any(np.asarray(truncation) > 0):
        return ""
    return (
        f"{np.max(np.asarray(truncation)):.2g} of the phonons were given up before their end: raise"
        " `max_steps`"
    )


def at_rest(system: Device, found: Estimate) -> Estimate:
    """Temperatures from rises."""
    return Estimate(system.temperature + found.value, found.stderr, found.n_effective)


def shaped(found: Estimate, *shape: int) -> Estimate:
    """The same numbers in another shape."""
    return jax.tree.map(lambda each: each.reshape(shape), found)


def sampled_status(
    system: Device, batches: DeviceBatches, heat: Estimate, truncation: Array
) -> Status:
    """Whether what was found is a good answer."""
    walk = batches.walk
    problem = walk.paths.problem
    nothing = jnp.any(walk.heaters.sum(axis=1) == 0)
    held = jnp.where(problem.held > 0, walk.contact, -1).ravel()
    held = jnp.any(held[None] == jnp.arange(walk.rise.size, dtype=held.dtype)[:, None], axis=1)
    return Status.first_true(
        not_finite=~jnp.all(jnp.isfinite(heat.value)),
        unresolved=nothing | jnp.any(~held) | system.lost(problem),
        not_conserved=truncation > CONSERVED,
    )


def device_ensemble(
    system: Device, batches: DeviceBatches, state: DeviceState, observables: dict[str, Any]
) -> DeviceEnsemble:
    """The physical answer for the steady state."""
    problem, watt = batches.walk.paths.problem, system.watt
    shape, dimensions = (*problem.cells, 1)[:3], problem.dimensions
    first = lambda found: jax.tree.map(lambda each: each[0], found)  # noqa: E731
    field = {name: first(batches.field(state, name)) for name in state.fields}
    heat = first(batches.heat(state)).scaled(watt)
    peak = at_rest(system, first(batches.peak(state)))
    given = jnp.stack([contact.temperature for contact in system.contacts])
    released = heat.value.sum() + system.powers.sum()
    scale = jnp.abs(heat.value).sum() + jnp.abs(system.powers).sum()
    squared, truncation = system.temperature**2, batches.given_up(state)
    heated: dict[str, Any] = {}
    if system.heaters:
        power = system.powers.sum()
        above = Estimate(peak.value - given.min(), peak.stderr, peak.n_effective)
        heated = {
            "heater_rise": field["rise"],
            "heater_force": field["rise"].value / squared,
            "heater_power": system.powers,
            "thermal_resistance": above.scaled(1 / power),
        }
    elif len(system.contacts) == 2:
        passed = jax.tree.map(lambda each: each[0], heat)
        heated = {"conductance": passed.scaled(1 / (given[0] - given[1]))}
    bands = system.material.bands(system.temperature)
    flux = field["flux"].scaled(jnp.sum(bands.heat_capacity * bands.group_velocity))
    return DeviceEnsemble(
        observables=observables,
        temperature=at_rest(system, shaped(field["temperature"], *shape)),
        heat_flux_field=shaped(flux, *shape, dimensions),
        pseudotemperature=at_rest(system, shaped(field["pseudotemperature"], *shape)),
        peak_temperature=peak,
        contact_heat=heat,
        contact_force=(given - system.temperature) / squared,
        entropy_production=field["dissipation"].scaled(watt / squared),
        conservation_residual=jnp.abs(released) / jnp.where(scale > 0, scale, 1),
        truncation=truncation,
        status=sampled_status(system, batches, heat, truncation),
        stats={"phonons": batches.phonons(state)},
        **places(system, problem),
        **heated,
    )
