"""Heat through structures by following phonons as they scatter and meet walls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, UInt32

from jaxneq._core import (
    AbstractObservable,
    AbstractSampler,
    AbstractSystem,
    Case,
    Estimate,
    Schedule,
    Status,
    check_names,
    jumping,
    setting,
    simulate,
)
from jaxneq._kernels import noise
from jaxneq.materials import GrayMaterial

from ._conduction import check_solid, knudsen_number
from ._device import Device
from ._device_batches import DeviceBatches, DeviceState, check_phonons
from ._device_ensemble import DeviceEnsemble, device_ensemble
from ._device_walk import DeviceWalk
from ._grid import check_one_medium
from ._heaters import Contact
from ._periodic_structure import PeriodicStructure
from ._phonon_paths import Phonons
from ._phonon_walk import Walk
from ._structure_ensemble import StructureEnsemble


class WalkState(eqx.Module):
    """Everything that a run needs to go on: also what a checkpoint holds.

    `older`, the scores of the two blocks before; `remembered` and `beyond`, the sums over all
    blocks of what steps within and before the memory contribute, of each walk.
    """

    key: tuple[UInt32[Array, ""], UInt32[Array, ""]]
    batch: Int[Array, ""]
    phonons: Phonons
    older: Float[Array, "2 fall walk"]
    remembered: Float[Array, "fall fall walk"]
    beyond: Float[Array, "fall fall walk"]
    accumulated: tuple[Any, ...]


class DeviationalMonteCarlo(AbstractSampler):
    r"""Phonons that carry the deviation from equilibrium, followed through a structure for long.

    Linearised, they are independent, each of one energy, and need no time step: they fly freely
    for exponential lengths, take a new band and direction where they scatter (by :math:`C/\tau`),
    and leave walls by the cosine law. No ordinates, no finite elements: the cells of the grid only
    tell where walls are. The walk starts in its stationary state, uniform and isotropic, and the
    conductivity is the integral of its velocity correlation over the length L flown,

    .. math::
        \kappa = \sum_b C_b v_b \int_0^\infty \langle s_x(0)\, s_x(L) \rangle\,dL .

    With a trial :math:`a_b s_x` for both factors only the remainder is sampled. As
    :math:`1/a_b = 1/\Lambda_b + A/4V`, Matthiessen's rule for walls of area A around a volume V,
    little remains of flights that nothing stops, and the bulk is exact. Steps (flights to the next
    collision, wall or side of a cell) are remembered for `memory` to twice that many steps;
    `truncation` tells what the ones before would add.

    In a `Device` phonons are born at contacts and heaters, each of the same power and the sign of
    the departure from the temperature of one contact, the one that makes their power least. Each is
    followed until a contact absorbs it, or for `max_steps`, so that no energy is lost. Lengths
    flown give the energy of cells and what their phonons are scattered by. Observables see the heat
    (W) that every walk finds each contact to give: an array (contact, walk).

    The noise is a function of key, walk and step. In a structure observables see the conductivity
    that every walk finds in a batch, relative to the bulk: an array (fall, fall, walk). A walk is
    no differentiable function of the parameters: derivatives are refused; take them from
    `DiscreteOrdinates`.
    Source: J.-P. M. Peraud and N. G. Hadjiconstantinou, Phys. Rev. B 84, 205331 (2011) and Appl.
    Phys. Lett. 101, 153114 (2012).
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (PeriodicStructure, Device)
    differentiate_instead: ClassVar[str] = "DiscreteOrdinates"

    replicas: int = setting(doc="Phonons followed together", range="[2, inf)", default=4096)
    batches: int = setting(
        doc="How often `memory` steps are taken; in a device, how often every replica follows 16 "
        "phonons to their ends, at least 2",
        range="[1, inf)",
        default=64,
    )
    memory: int = setting(
        doc="Steps after which a phonon may forget its past",
        range="[1, inf)",
        default=128,
    )
    cells: int = setting(
        doc="Cells along each side: boxes need few, round shapes many; 0: 20 in two dimensions, 10 "
        "in three",
        default=0,
    )
    max_steps: int = setting(
        doc="Most steps of a phonon in a device", range="[1, 1073741824]", default=1_000_000
    )

    def check(self, system: AbstractSystem) -> None:
        assert isinstance(system, PeriodicStructure | Device)
        check_one_medium(system, "DeviationalMonteCarlo")
        check_solid(system.material, "DeviationalMonteCarlo")
        system.check_mesh(self.cells, "DeviationalMonteCarlo")
        if isinstance(system, Device):
            check_phonons("DeviationalMonteCarlo", self.replicas, self.batches)

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        if time is not None or burn_in != 0:
            raise ValueError(
                "DeviationalMonteCarlo: the state is stationary from the start and needs neither "
                "time nor burn_in. Leave them out; more `batches` make the error smaller."
            )
        if (self.batches + 2) * self.memory > 2**30:
            raise ValueError(
                f"DeviationalMonteCarlo: {self.batches} batches of {self.memory} steps are more "
                "than the noise can number, 1073741824. Take fewer, and more replicas."
            )
        return Schedule(burn_in=0, total=self.batches)

    def init(
        self,
        system: PeriodicStructure | Device,
        *,
        key: Array,
        schedule: Schedule,
        initial: Any,
        observables: tuple[AbstractObservable, ...],
    ) -> WalkState | DeviceState:
        """`initial` must be None: the state is steady from the start."""
        if initial is not None:
            raise ValueError(
                "DeviationalMonteCarlo: the state is steady from the start; leave `initial` out."
            )
        if isinstance(system, Device):
            return self._batches(system).init(key, observables)
        check_names(observables)
        walk = self._walk(system)
        falls, dtype = walk.fall.shape[0], walk.fall.dtype
        none = jnp.zeros((falls, falls, self.replicas), dtype)
        words = noise.stream_key(key, 0)
        phonons = walk.start(words, self.replicas)
        older = jnp.zeros((2, falls, self.replicas), dtype)
        phonons, older = lax.fori_loop(
            jnp.int32(0),
            jnp.int32(2),
            lambda block, now: self._block(walk, words, now[0], now[1], block)[:2],
            (phonons, older),
        )
        return WalkState(
            key=words,
            batch=jnp.int32(0),
            phonons=phonons,
            older=older,
            remembered=none,
            beyond=none,
            accumulated=tuple(each.init(none) for each in observables),
        )

    def advance(
        self,
        system: PeriodicStructure | Device,
        state: Any,
        steps: int | Int[Array, ""],
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> WalkState | DeviceState:
        if isinstance(system, Device):
            return self._batches(system).advance(state, steps, observables)
        walk = self._walk(system)

        def one_batch(_, state: WalkState) -> WalkState:
            phonons, older, remembered, beyond = self._block(
                walk, state.key, state.phonons, state.older, state.batch + 2
            )
            sample = walk.conductivity(remembered / self.memory) / walk.bulk
            pairs = zip(observables, state.accumulated, strict=True)
            return WalkState(
                key=state.key,
                batch=state.batch + 1,
                phonons=phonons,
                older=older,
                remembered=state.remembered + remembered,
                beyond=state.beyond + beyond,
                accumulated=tuple(each.update(s, sample) for each, s in pairs),
            )

        return lax.fori_loop(0, steps, one_batch, state)

    def _block(
        self,
        walk: Walk,
        key: tuple[Array, Array],
        phonons: Phonons,
        older: Float[Array, "2 fall walk"],
        block: Int[Array, ""],
    ) -> tuple[Phonons, Array, Array, Array]:
        """`memory` steps; what they contribute, remembering this block and the last, and beyond."""
        zero = jnp.zeros_like(older[0])
        none = jnp.zeros((zero.shape[0], *zero.shape), zero.dtype)

        def step(index, carry):
            phonons, score, remembered, beyond = carry
            phonons, flight, met, left = walk.step(key, phonons, block * self.memory + index)
            before = score + older[1]
            remembered = remembered + flight[:, None] * (before + flight / 2)[None]
            remembered = remembered + met[:, None] * (before + flight)[None]
            beyond = beyond + (flight + met)[:, None] * older[0][None]
            return phonons, score + flight + left, remembered, beyond

        phonons, score, remembered, beyond = lax.fori_loop(
            jnp.int32(0), jnp.int32(self.memory), step, (phonons, zero, none, none)
        )
        return phonons, jnp.stack([older[1], score]), remembered, beyond

    def _batches(self, system: Device) -> DeviceBatches:
        problem = jumping(system.problem(self.cells), "DeviationalMonteCarlo", "DiscreteOrdinates")
        walk = DeviceWalk.of(system, problem)
        return DeviceBatches(walk, system.watt, self.replicas, self.max_steps, steady=True)

    def _walk(self, system: PeriodicStructure) -> Walk:
        problem = system.problem(self.cells)
        return Walk.of(jumping(problem, "DeviationalMonteCarlo", "DiscreteOrdinates"))

    def finish(
        self,
        system: PeriodicStructure | Device,
        state: Any,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> StructureEnsemble | DeviceEnsemble:
        if isinstance(system, Device):
            pairs = zip(observables, state.accumulated, strict=True)
            seen = {each.name: each.estimate(sums) for each, sums in pairs}
            return device_ensemble(system, self._batches(system), state, seen)
        walk = self._walk(system)
        bands = system.material.bands(system.temperature)
        unit = jnp.sum(bands.heat_capacity * bands.group_velocity) * system.period
        steps = state.batch.astype(unit.dtype) * self.memory
        found = walk.conductivity(state.remembered / steps)
        tensor = Estimate.from_samples(jnp.moveaxis(found, -1, 0)).scaled(unit)
        missing = walk.rate * jnp.moveaxis(state.beyond[0, 0] / steps, -1, 0)
        conductivity = jax.tree.map(lambda each: each[0, 0], tensor)
        slope = system.temperature_difference / system.period
        force = slope / system.temperature**2
        pairs = zip(observables, state.accumulated, strict=True)
        return StructureEnsemble(
            observables={each.name: each.estimate(sums) for each, sums in pairs},
            conductivity=conductivity,
            bulk_conductivity=bands.conductivity_by_band.sum(),
            conductivity_tensor=tensor if system.gradient == "all" else None,
            knudsen_number=knudsen_number(bands, system.period),
            heat_flux=conductivity.scaled(slope),
            truncation=Estimate.from_samples(missing).scaled(unit),
            force=force,
            entropy_production=conductivity.scaled(slope * force),
            conservation_residual=jnp.zeros_like(unit),
            status=Status.first_true(
                unresolved=system.lost(walk.paths.problem),
                not_finite=~jnp.all(jnp.isfinite(tensor.value)),
            ),
            stats={"steps": steps * self.replicas},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from . import _exact as exact_forms
        from ._shapes import Box

        gray = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
        slit = Box(name="slit", center=jnp.asarray([0.5, 0.5]), size=jnp.asarray([1.0, 0.5]))
        films = PeriodicStructure(
            material=gray, period=2.0, voids=(slit,), temperature=1.0, temperature_difference=0.1
        )
        method = cls(replicas=1 << 12, batches=16, memory=64, cells=4)
        yield Case(
            "diffuse films with as much void between, Kn = 1, sampled: conductivity over the bulk",
            lambda: _share(simulate(films, method, key=jax.random.key(0))),
            exact_forms.IN_PLANE_FILM[1.0, 0.0] / 2,
            5.0,
            "Fuchs and Sondheimer",
            error="z",
        )
        slab = Device(
            material=gray,
            size=jnp.ones(2),
            length_unit=1.0,
            contacts=(
                Contact(name="hot", side="left", temperature=1.1),
                Contact(name="cold", side="right", temperature=1.0),
            ),
            temperature=1.0,
            periodic=("y",),
        )
        few = cls(replicas=256, batches=16, cells=2)
        yield Case(
            "slab of a mean free path between contacts, sampled: conductance over C v / 4",
            lambda: simulate(slab, few, key=jax.random.key(0)).conductance.scaled(4.0),
            exact_forms.GRAY_FLUX[1.0],
            5.0,
            "discrete ordinates and the integral equation, to 1e-10",
            error="z",
        )


def _share(found: StructureEnsemble) -> Estimate:
    return found.conductivity.scaled(1 / np.asarray(found.bulk_conductivity))
