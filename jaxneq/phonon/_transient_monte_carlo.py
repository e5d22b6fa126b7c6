"""Gratings and devices in time, by phonons that carry the deviation from equilibrium."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxneq._core import (
    AbstractObservable,
    AbstractSampler,
    AbstractSystem,
    Case,
    Estimate,
    Schedule,
    is_concrete,
    jumping,
    parameter,
    setting,
    simulate,
)

from ._conduction import check_solid
from ._device import Device
from ._device_batches import DeviceBatches, DeviceState, check_phonons
from ._device_walk import DeviceWalk
from ._grating import TransientGrating, gray_grating
from ._grating_walk import GratingBatches, GratingState
from ._grid import check_one_medium
from ._transient_ensemble import (
    DeviceTransientEnsemble,
    GratingEnsemble,
    device_transient,
    grating_ensemble,
)


class TransientMonteCarlo(AbstractSampler):
    r"""What phonons with clocks have done by given times, without time steps.

    Linearised, they are independent and fly, scatter and meet walls as with
    `DeviationalMonteCarlo`. Of a grating all may start at one crest, and its amplitude is the mean
    cosine of how far they have come. A device is at rest, at its `temperature`, until at time 0
    contacts and heaters are switched on. As the laws do not change in time, one birth stands for
    all later ones,

    .. math::
        T(t) = \int_0^t T_\text{pulse}(t')\,dt' ,

    so that every flight up to the time t counts and no phonon is born in vain. The steady state is
    the one for which no time is too late.

    The noise is a function of key, phonon and step. Observables see the amplitude that every walk
    finds of a grating, an array (time, walk), or the heat that each contact gives to a device, an
    array (time, contact, walk), in W. Derivatives are refused.
    Source: J.-P. M. Peraud and N. G. Hadjiconstantinou, Phys. Rev. B 84, 205331 (2011) and Appl.
    Phys. Lett. 101, 153114 (2012).
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (TransientGrating, Device)
    differentiate_instead: ClassVar[str] = "LaplaceInversion or DiscreteOrdinates"

    times: Float[Array, " time"] = parameter(
        unit="s",
        dims=("time",),
        range="(0, inf)",
        doc="Times of which to tell, ascending",
        kw_only=True,
    )
    replicas: int = setting(doc="Phonons followed together", range="[2, inf)", default=4096)
    batches: int = setting(
        doc="How often: of a grating one phonon for each replica, of a device 16 phonons; at "
        "least 2",
        range="[1, inf)",
        default=64,
    )
    cells: int = setting(
        doc="Cells along each side of a device; 0: 20 in two dimensions, 10 in three", default=0
    )
    max_steps: int = setting(
        doc="Most steps of a phonon", range="[1, 1073741824]", default=1_000_000
    )

    def check(self, system: AbstractSystem) -> None:
        check_phonons("TransientMonteCarlo", self.replicas, self.batches)
        check_ascending(self.times)
        if isinstance(system, Device):
            check_one_medium(system, "TransientMonteCarlo")
            check_solid(system.material, "TransientMonteCarlo")
            late = [heater.name for heater in system.heaters if heater.waveform is not None]
            if late:
                raise ValueError(
                    f"TransientMonteCarlo: heater {late[0]!r} has a waveform, and heaters are on "
                    "from time 0 here. Leave it out, or take ImplicitOrdinates."
                )
            system.check_mesh(self.cells, "TransientMonteCarlo")

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        if time is not None or burn_in != 0:
            raise ValueError(
                "TransientMonteCarlo: phonons are followed up to the last of its `times`. Leave "
                "time and burn_in out; more `batches` make the error smaller."
            )
        return Schedule(burn_in=0, total=self.batches)

    def init(
        self,
        system: TransientGrating | Device,
        *,
        key: Array,
        schedule: Schedule,
        initial: Any,
        observables: tuple[AbstractObservable, ...],
    ) -> GratingState | DeviceState:
        """`initial` must be None: a grating of 1 K, or a device at rest."""
        if initial is not None:
            raise ValueError(
                "TransientMonteCarlo: a grating starts at 1 K and a device at rest; leave `initial`"
                " out."
            )
        return self._batches(system).init(key, observables)

    def advance(
        self,
        system: TransientGrating | Device,
        state: Any,
        steps: int | Int[Array, ""],
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> GratingState | DeviceState:
        return self._batches(system).advance(state, steps, observables)

    def finish(
        self,
        system: TransientGrating | Device,
        state: Any,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> GratingEnsemble | DeviceTransientEnsemble:
        pairs = zip(observables, state.accumulated, strict=True)
        seen = {each.name: each.estimate(sums) for each, sums in pairs}
        batches: Any = self._batches(system)
        if isinstance(system, Device):
            return device_transient(system, self.times, batches, state, seen)
        return grating_ensemble(system, self.times, batches, state, seen)

    def _batches(self, system: TransientGrating | Device) -> GratingBatches | DeviceBatches:
        system = jumping(system, "TransientMonteCarlo", self.differentiate_instead)
        times = jumping(self.times, "TransientMonteCarlo", self.differentiate_instead)
        if isinstance(system, TransientGrating):
            return GratingBatches.of(system, times, self.replicas, self.max_steps)
        walk = DeviceWalk.of(system, system.problem(self.cells), times / system.time_unit)
        return DeviceBatches(walk, system.watt, self.replicas, self.max_steps, steady=False)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        for reach, time, exact in (
            (0.1, 300.0, 0.368861937868318),
            (1.0, 3.0, 0.48230532127546966),
        ):
            method = cls(times=jnp.asarray([time * reach]), batches=4)
            yield Case(
                f"gray grating, q Lambda = {reach:g}: temperature after {time:g} relaxation times",
                lambda reach=reach, method=method: _last(reach, method),
                exact,
                5.0,
                "pole and branch cut, integrated independently",
                error="z",
            )


def check_ascending(times: Array) -> None:
    """Refuse times out of order; concrete values only."""
    if is_concrete(times) and not np.all(np.diff(np.asarray(times)) > 0):
        raise ValueError(
            f"TransientMonteCarlo: times = {np.asarray(times).tolist()} do not ascend. Sort them."
        )


def _last(reach: float, method: TransientMonteCarlo) -> Estimate:
    found = simulate(gray_grating(reach), method, key=jax.random.key(0)).temperature
    return jax.tree.map(lambda leaf: leaf[-1], found)
