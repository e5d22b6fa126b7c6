"""What is found from sampled phonons as time goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractSolution, Estimate, Status, quantity

from ._conduction import CONSERVED
from ._device import Device
from ._device_batches import DeviceBatches, DeviceState
from ._device_ensemble import AbstractSampledDevice, at_rest, given_up, sampled_status, shaped
from ._grating import TransientGrating
from ._grating_walk import GratingBatches, GratingState
from ._grid_maps import AXES, places


class GratingEnsemble(AbstractSolution):
    """The decay of a grating from equilibrium at an amplitude of 1 K, from sampled phonons.

    The temperature varies as cos(qx) and the heat flux as sin(qx).
    """

    primary: ClassVar[str] = "temperature"

    observables: dict[str, Any]
    time: Float[Array, " time"] = quantity(unit="s", doc="Time after the pulse", dims=("time",))
    temperature: Estimate = quantity(
        unit="K", doc="Amplitude of the temperature of the energy density", dims=("time",)
    )
    heat_flux: Estimate = quantity(unit="W/m2", doc="Amplitude of the heat flux", dims=("time",))
    force: Float[Array, " time"] = quantity(
        unit="1/m/K",
        doc="Conjugate to the flux: half the amplitude of the gradient of 1/T",
        dims=("time",),
        panel=False,
    )
    entropy_production: Float[Array, " time"] = quantity(
        unit="W/m3/K",
        doc="Flux times force: entropy made by heat conduction, without that of the relaxation "
        "of the spread, which one phonon at a time cannot tell",
        dims=("time",),
        panel=False,
    )
    truncation: Float[Array, ""] = quantity(
        doc="Share of the phonons that were given up after `max_steps`", panel=False
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="0: every phonon keeps its energy; the share of those that were given up"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"heat": self.heat_flux.value}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"heat": self.force}

    def caution(self) -> str:
        return given_up(self.truncation)


class DeviceTransientEnsemble(AbstractSampledDevice):
    """How a device warms up, from sampled phonons, after all is switched on at time 0."""

    time: Float[Array, " time"] = quantity(
        unit="s", doc="Time since contacts and heaters are on", dims=("time",)
    )
    peak_temperature: Estimate = quantity(
        unit="K",
        doc="Temperature of the hottest cell: which one is told by half of the batches, and its "
        "temperature by the other half",
        dims=("time",),
    )
    contact_heat: Estimate = quantity(
        unit="W",
        doc="Heat that each contact gives to the device",
        dims=("time", "contact"),
        label="heat from contact",
    )
    stored_energy: Estimate = quantity(
        unit="J", doc="Energy in the device above that at rest", dims=("time",)
    )
    temperature: Estimate = quantity(
        unit="K",
        doc="Mean temperature of each cell, that of the energy density",
        dims=("time", *AXES),
        panel=False,
    )
    pseudotemperature: Estimate = quantity(
        unit="K",
        doc="Temperature to which collisions relax the phonons",
        dims=("time", *AXES),
        panel=False,
    )
    entropy_production: Estimate = quantity(
        unit="W/K",
        doc="Entropy that contacts and heaters pass on, linearised: what is produced, and, until "
        "the state is steady, what is stored as free energy over temperature",
        dims=("time",),
        panel=False,
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="0: every phonon keeps its energy; the share of those that were given up"
    )
    heater_rise: Estimate | None = quantity(
        unit="K",
        doc="Mean rise of the pseudo-temperature in each heater, weighed by its power",
        dims=("time", "heater"),
        default=None,
    )
    heater_force: Float[Array, "time heater"] | None = quantity(
        unit="1/K",
        doc="Rise in each heater over squared temperature",
        dims=("time", "heater"),
        panel=False,
        default=None,
    )


def grating_ensemble(
    system: TransientGrating,
    times: Array,
    batches: GratingBatches,
    state: GratingState,
    observables: dict[str, Any],
) -> GratingEnsemble:
    """The physical answer for a grating."""
    bands = system.material.bands(system.temperature)
    power = jnp.sum(bands.heat_capacity * bands.group_velocity)
    temperature = batches.found(state, "temperature")
    heat_flux = batches.found(state, "flux").scaled(power)
    force = jnp.pi / system.period / system.temperature**2 * temperature.value
    phonons = state.batch.astype(times.dtype) * batches.walks
    truncation = state.cut.astype(times.dtype) / phonons
    return GratingEnsemble(
        observables=observables,
        time=times,
        temperature=temperature,
        heat_flux=heat_flux,
        force=force,
        entropy_production=heat_flux.value * force,
        truncation=truncation,
        conservation_residual=truncation,
        status=Status.first_true(
            not_finite=~jnp.all(jnp.isfinite(temperature.value)),
            not_conserved=truncation > CONSERVED,
        ),
        stats={"phonons": phonons},
    )


def device_transient(
    system: Device,
    times: Array,
    batches: DeviceBatches,
    state: DeviceState,
    observables: dict[str, Any],
) -> DeviceTransientEnsemble:
    """The physical answer for a device."""
    problem, watt = batches.walk.paths.problem, system.watt
    shape = (times.size, *(*problem.cells, 1)[:3])
    heat, squared = batches.heat(state).scaled(watt), system.temperature**2
    given = jnp.stack([contact.temperature for contact in system.contacts])
    truncation = batches.given_up(state)
    heated: dict[str, Any] = {}
    if system.heaters:
        rise = batches.field(state, "rise")
        heated = {
            "heater_rise": rise,
            "heater_force": rise.value / squared,
            "heater_power": system.powers,
        }
    return DeviceTransientEnsemble(
        observables=observables,
        time=times,
        peak_temperature=at_rest(system, batches.peak(state)),
        contact_heat=heat,
        contact_force=(given - system.temperature) / squared,
        stored_energy=batches.field(state, "energy").scaled(watt * system.time_unit),
        temperature=at_rest(system, shaped(batches.field(state, "temperature"), *shape)),
        pseudotemperature=at_rest(
            system, shaped(batches.field(state, "pseudotemperature"), *shape)
        ),
        entropy_production=batches.field(state, "dissipation").scaled(watt / squared),
        truncation=truncation,
        conservation_residual=truncation,
        status=sampled_status(system, batches, heat, truncation),
        stats={"phonons": batches.phonons(state)},
        **places(system, problem),
        **heated,
    )
