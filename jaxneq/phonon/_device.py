"""Heat in a device: contacts, heaters and voids in a box."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractMethod,
    Case,
    Scalar,
    is_concrete,
    names,
    parameter,
    part,
    parts,
    setting,
    steady,
)
from jaxneq.materials import AbstractPhononMaterial, GrayMaterial

from ._ballistic import ballistic_parts
from ._conduction import CONSERVED, check_solid, mean_velocity
from ._device_solution import DeviceSolution
from ._device_transient import DeviceTransient, device_transient
from ._discrete_ordinates import DiscreteOrdinates
from ._filling import Density, coarser, density_parameter, transmission
from ._grid import (
    AbstractGrid,
    GridHistory,
    GridProblem,
    GridState,
    cell_counts,
    with_surfaces,
)
from ._grid_entropy import totals
from ._grid_maps import AXES, at_collisions, at_interfaces, maps
from ._heaters import SIDES, AbstractHeater, Contact, touched
from ._interfaces import AbstractDiffuseInterface, DiffuseMismatch
from ._outline import Outline
from ._regions import Region, bands_of, check_regions, composed, shares
from ._scanning_tip import ScanningTip, scanned
from ._shapes import AbstractShape, Points


class Device(AbstractGrid):
    r"""A rectangle or cuboid with contacts, heaters and voids, linearised about `temperature`.

    .. math::
        v_b\,\mathbf s\cdot\nabla g_b = \frac{T_p - g_b}{\tau_b}, \qquad
        \sum_b \frac{C_b}{\tau_b}\left(T_p - \langle g_b\rangle\right) = Q

    Lengths are in units of `length_unit`, the origin is the lower corner. Contacts are black:
    they absorb what meets them and emit at their temperature. Voids and the other sides are
    adiabatic and diffuse, but for those that are `periodic`, planes of `symmetry` (mirrors outside
    contacts) or in part specular. `regions` are of other materials, and phonons that meet their
    `interface` are scattered diffusely to either side, in detailed balance; what `walls` says of
    their frequency holds there too. Heat is released into the phonons as
    collisions do it, in proportion to :math:`C_b / \tau_b`.

    The dissipation, :math:`T^2` times the entropy production, is
    :math:`\sum_c (T_c - T) H_c + \int Q (T_p - T)`, of heat H from the contacts.

    A `density` sets the cells and says how far each is filled: between cells that are filled in
    part not all phonons pass. Cells under heaters are full.

    In time heaters follow their waveform; a steady state is heated with the full power for ever.

    **Raises:** `ValueError` without contacts, where nothing drives, and for shapes of other
    dimensions. Status `unresolved` where a contact, heater or region holds no cell.
    """

    material: AbstractPhononMaterial = part(
        AbstractPhononMaterial, doc="Material of the solid, by name or in full"
    )
    size: Float[Array, " axis"] = parameter(
        dims=("axis",), range="(0, inf)", doc="Lengths of its sides: two or three"
    )
    contacts: tuple[Contact, ...] = parts(Contact, doc="Sides at a temperature")
    heaters: tuple[AbstractHeater, ...] = parts(
        AbstractHeater, doc="Where heat is released", default=()
    )
    voids: tuple[AbstractShape, ...] = parts(AbstractShape, doc="What is cut out", default=())
    regions: tuple[Region, ...] = parts(
        Region,
        doc="Where other materials are; a later one takes the place of earlier ones",
        default=(),
    )
    interface: AbstractDiffuseInterface = part(
        AbstractDiffuseInterface, doc="What crosses between regions", default=DiffuseMismatch()
    )
    density: Density | None = density_parameter()
    tip: ScanningTip | None = part(
        ScanningTip, doc="A tip that scans it, of whose steady states", default=None
    )
    length_unit: Scalar = parameter(
        unit="m", range="(0, inf)", doc="Unit of all lengths of the device", default=1e-9
    )
    depth: Scalar | None = parameter(
        unit="m",
        range="(0, inf)",
        doc="Length along the third axis of a device in two dimensions; 1 m unless given",
        default=None,
    )
    temperature: Scalar = parameter(
        unit="K", range="(0, inf)", doc="Temperature about which is linearised", default=300.0
    )
    periodic: tuple[str, ...] = names(doc="Axes along which the device repeats itself", default=())
    symmetry: tuple[str, ...] = names(
        doc="Sides that are planes of symmetry: left, right, bottom, top, back, front", default=()
    )
    specularity: Scalar | None = parameter(
        range="[0, 1]",
        doc="Share of the phonons that the adiabatic sides of the box reflect like mirrors; voids "
        "are diffuse",
        default=None,
    )
    cells: tuple[tuple[str, int], ...] | int = setting(
        doc="Cells along each axis, x, y and z by name; 0: those of the method",
        default=0,
        by_name=True,
    )
    walls: str = setting(
        doc="What happens to the frequency of a phonon at a void or an adiabatic side",
        choices=("elastic", "thermalising"),
        default="elastic",
    )

    def __check_init__(self):
        super().__check_init__()
        self.material.check_temperature(self.temperature)
        dimensions = self.size.shape[0]
        if dimensions not in (2, 3):
            raise ValueError(f"Device: {dimensions} lengths in size. Give two or three.")
        if dimensions == 3 and self.depth is not None:
            raise ValueError("Device: depth goes with two lengths in size. Leave it out.")
        if not self.contacts:
            raise ValueError(
                "Device: there are no contacts, so no heat can leave. Give at least one."
            )
        axes = AXES[:dimensions]
        for axis in self.periodic:
            if axis not in axes:
                raise ValueError(
                    f"Device: periodic = {axis!r} is no axis. Give some of {', '.join(axes)}."
                )
        for side in self.symmetry:
            if side not in self._bounding:
                raise ValueError(
                    f"Device: symmetry = {side!r} is no side, or periodic. Give some of "
                    f"{', '.join(self._bounding)}."
                )
        check_regions(self)
        if self.density is not None and (dimensions == 3 or self.voids or self.regions):
            raise ValueError(
                "Device: a density goes with two dimensions and no voids or regions. Give either."
            )
        if dimensions == 3:
            check_solid(self.material, "Device")
        for each in (*self.voids, *self.regions, *self.heaters):
            if dimensions not in each.dimensions:
                raise ValueError(
                    f"Device: {each.name} is no shape in {dimensions} dimensions. Give its "
                    "middle and sides as many numbers as size has."
                )
        if self.tip is not None:
            self.tip.check(dimensions)
        for contact in self.contacts:
            contact.check(dimensions, self._bounding)
        if isinstance(self.cells, tuple) and sorted(dict(self.cells)) != list(axes):
            raise ValueError(f"Device: cells name other axes. Give one number for {list(axes)}.")
        given = [contact.temperature for contact in self.contacts]
        if not self.heaters and all(map(is_concrete, given)) and len(set(map(float, given))) == 1:
            raise ValueError(
                "Device: without heaters and with contacts of one temperature nothing is driven. "
                "Give heaters, or two contacts of different temperatures."
            )

    @property
    def _bounding(self) -> list[str]:
        """Sides at which the device ends."""
        sides = enumerate(SIDES[: 2 * self.size.shape[0]])
        return [side for k, side in sides if AXES[k // 2] not in self.periodic]

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._deviational import DeviationalMonteCarlo
        from ._implicit_ordinates import ImplicitOrdinates

        methods = {
            "steady": DiscreteOrdinates(),
            "evolve": ImplicitOrdinates(),
            "simulate": DeviationalMonteCarlo(),
        }
        return methods.get(verb)

    @property
    def time_unit(self) -> Scalar:
        return self.length_unit / mean_velocity(bands_of(self)[0])

    def source_at(self, problem: GridProblem, time: Array) -> Float[Array, "*cells"]:
        if not self.heaters:
            return problem.source
        powers = jnp.stack([heater.power_at(time) for heater in self.heaters])
        return jnp.tensordot(powers / self.watt, self.drives(problem)[1], axes=1)

    def transient(self, history: GridHistory) -> DeviceTransient:
        bands = bands_of(self)[0]
        power = (bands.heat_capacity * bands.group_velocity).sum()
        contacts, profiles = self.drives(history.problem)
        given = jnp.stack([contact.temperature for contact in self.contacts])
        heated: dict[str, Any] = {}
        if self.heaters:
            times = history.time * self.time_unit
            each = [jax.vmap(heater.power_at)(times) for heater in self.heaters]
            heated = {"profiles": profiles, "powers": jnp.stack(each)}
        units = {"flux": power, "watt": self.watt}
        return device_transient(self, self.temperature, history, contacts, given, **units, **heated)

    def problem(self, cells: int | tuple[int, ...]) -> GridProblem:
        bands = bands_of(self)
        power = jnp.sum(bands[0].heat_capacity * bands[0].group_velocity)
        dtype = power.dtype
        width, points = self.outline(cells).mesh()
        filled = self._filled(points).astype(dtype)
        solid = (filled > 0).astype(dtype)
        held_by = touched(self.contacts, points)
        held = held_by.sum(axis=0) * solid[..., None, None]
        bounded = tuple(name not in self.periodic for name in AXES[: len(width)])
        specularity = self._specularity(dtype)
        passing, specular = with_surfaces(transmission(filled, width), filled, bounded, specularity)
        passing, media = composed(self, bands, points, passing, self.walls == "elastic")
        rise = jnp.stack([contact.temperature for contact in self.contacts]) - self.temperature
        source = jnp.zeros_like(filled)
        if self.heaters:
            profiles = self._profiles(width, solid, points)
            source = jnp.tensordot(self.powers / self.watt, profiles, axes=1)
        return GridProblem(
            width=width,
            solid=solid,
            transmission=passing,
            specular=specular * (1 - held),
            held=held,
            reservoir=jnp.tensordot(rise, held_by, axes=1),
            source=source,
            fall=jnp.zeros((1, len(width)), dtype),
            periodic=tuple(not ends for ends in bounded),
            mirrored=tuple(
                ends
                and (
                    self.specularity is not None
                    or not {*SIDES[2 * axis : 2 * axis + 2]}.isdisjoint(self.symmetry)
                )
                for axis, ends in enumerate(bounded)
            ),
            elastic=self.walls == "elastic",
            planar=self.material.planar,
            media=media,
            **shares(bands, self.length_unit),
        )

    def _filled(self, points: Points) -> Float[Array, "*cells"]:
        """How far cells with these middles are filled."""
        filled = jnp.ones(points.shape[:-1], points.dtype)
        for shape in self.voids:
            filled = jnp.where(shape.inside(points), 0, filled)
        if self.density is not None:
            filled = coarser(self.density, points.shape[:-1])
            for heater in self.heaters:
                filled = jnp.maximum(filled, heater.profile(points).astype(filled.dtype))
        return filled

    def filled(self, problem: GridProblem) -> Float[Array, "*cells"]:
        if self.density is None:
            return problem.solid
        return self._filled(self.outline(problem.cells).mesh()[1])

    def _specularity(self, dtype: Any) -> Float[Array, "axis side"]:
        """Of each side of the box."""
        given = 0.0 if self.specularity is None else self.specularity
        sides = SIDES[: 2 * self.size.shape[0]]
        shares = [1.0 if side in self.symmetry else given for side in sides]
        return jnp.stack([jnp.asarray(share, dtype) for share in shares]).reshape(-1, 2)

    @property
    def powers(self) -> Float[Array, " heater"]:
        """The power of each heater (W)."""
        given = [heater.power for heater in self.heaters]
        return jnp.stack(given) if given else jnp.zeros(0, self.temperature.dtype)

    @property
    def watt(self) -> Array:
        """The unit of power of the problem (W/K)."""
        bands = bands_of(self)[0]
        return jnp.sum(bands.heat_capacity * bands.group_velocity) * self.area_unit

    @property
    def area_unit(self) -> Array:
        """The unit of areas (m2)."""
        depth = 1.0 if self.depth is None else self.depth
        return depth * self.length_unit ** (self.size.shape[0] - 1)

    def outline(self, cells: int | tuple[int, ...]) -> Outline:
        counts = cell_counts(self.cells, cells, self.size.shape[0])
        if self.density is not None and not isinstance(cells, tuple):
            counts = self.density.shape
        parts = (*self.regions, *self.heaters, *self.contacts)
        return Outline(self.voids, parts, self.size, counts)

    def _profiles(
        self, width: tuple[Array, ...], solid: Array, points: Array
    ) -> Float[Array, "heater *cells"]:
        """The power per volume of each heater, of power 1."""
        volume = jnp.prod(jnp.stack(jnp.meshgrid(*width, indexing="ij")), axis=0)
        out = []
        for heater in self.heaters:
            profile = heater.profile(points) * solid
            total = jnp.sum(profile * volume)
            out.append(profile / jnp.where(total > 0, total, 1))
        return jnp.stack(out)

    def drives(self, problem: GridProblem) -> tuple[Array, Array]:
        """The sides that each contact holds, and the power per volume of heaters of power 1."""
        width, points = self.outline(problem.cells).mesh()
        heaters = jnp.zeros((0, *problem.cells), problem.solid.dtype)
        if self.heaters:
            heaters = self._profiles(width, problem.solid, points)
        return touched(self.contacts, points), heaters

    def solution(self, state: GridState) -> DeviceSolution:
        return self.answer(state, lambda rise: rise / self.temperature**2)

    def answer(self, state: GridState, force: Callable[[Array], Array]) -> DeviceSolution:
        """The physical answer, with the thermodynamic force that goes with a rise."""
        bands = bands_of(self)[0]
        power = (bands.heat_capacity * bands.group_velocity).sum()
        watt = self.watt
        problem = state.problem
        width, points = self.outline(problem.cells).mesh()
        held_by = touched(self.contacts, points)
        heat = watt * jnp.tensordot(held_by, state.given[0], axes=state.given[0].ndim)
        given = jnp.stack([contact.temperature for contact in self.contacts])
        contact_force = force(given - self.temperature)
        temperature = self.temperature + state.temperature[0].mean(axis=-1)
        pseudo = state.pseudotemperature[0].mean(axis=-1)
        peak = jnp.max(jnp.where(problem.solid > 0, temperature, -jnp.inf))
        lost = jnp.any(jnp.tensordot(held_by, problem.held, axes=problem.held.ndim) == 0)
        if problem.media is not None:
            lost = lost | problem.media.lacks(len(self.regions))
        produced, released = jnp.sum(heat * contact_force), jnp.sum(heat)
        scale = jnp.sum(jnp.abs(heat))
        heated: dict[str, Any] = {}
        if self.heaters:
            profiles = self._profiles(width, problem.solid, points)
            volume, axes = problem.volume, pseudo.ndim
            lost = lost | jnp.any(jnp.tensordot(profiles, volume, axes=axes) == 0)
            rise = jnp.tensordot(profiles, pseudo * volume, axes=axes)
            heated = {
                "heater_rise": rise,
                "heater_force": jnp.tensordot(profiles, force(pseudo) * volume, axes=axes),
                "heater_power": self.powers,
                "thermal_resistance": (peak - given.min()) / self.powers.sum(),
            }
            produced = produced + jnp.sum(self.powers * heated["heater_force"])
            released = released + self.powers.sum()
            scale = scale + jnp.sum(jnp.abs(self.powers))
        elif len(self.contacts) == 2:
            dissipated = watt * state.dissipation[0, 0] * problem.volume.sum()
            conductance = dissipated / (given[0] - given[1]) ** 2
            heated = {"conductance": conductance, **self._bridged(conductance)}
        residual = jnp.abs(released) / jnp.where(scale > 0, scale, 1)
        status = state.status.unless("unresolved", lost | self.lost(problem))
        return DeviceSolution(
            peak_temperature=peak,
            contact_heat=heat,
            contact_force=contact_force,
            entropy_production=produced,
            conservation_residual=residual,
            status=status.unless("not_conserved", residual > CONSERVED),
            stats=state.stats,
            pseudotemperature=jnp.reshape(self.temperature + pseudo, (*problem.cells, 1)[:3]),
            **maps(self, problem, temperature, power * state.flux[0]),
            **at_collisions(state, power / self.length_unit / self.temperature**2),
            **totals(state.entropy, watt / self.temperature**2, contacts=True),
            **at_interfaces(state, power, self.length_unit, jnp.ones_like(power)),
            **scanned(self.tip, problem, state.temperature[0], self.temperature, self.length_unit),
            **ballistic_parts(state, held_by, heat, watt, power),
            **heated,
        )

    def _bridged(self, conductance: Array) -> dict[str, Array]:
        """The conductivity of a device between two whole sides that are opposite."""
        first, second = self.contacts
        if not (first.whole and second.whole) or first.axis != second.axis:
            return {}
        length = self.size[first.axis]
        area = jnp.prod(self.size) / length * self.area_unit
        return {"conductivity": conductance * length * self.length_unit / area}

    @classmethod
    def validation(cls) -> Iterable[Case]:
        gray = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
        thin = cls(
            material=gray,
            size=jnp.asarray([1e-6, 1e-6]),
            length_unit=1.0,
            contacts=(
                Contact(name="hot", side="left", temperature=1.1),
                Contact(name="cold", side="right", temperature=1.0),
            ),
            temperature=1.0,
            periodic=("y",),
            walls="thermalising",
        )
        fine = DiscreteOrdinates(cells=2, polar_angles=12)
        yield Case(
            "thin slab between contacts: conductance per area over C v / 4",
            lambda: np.asarray(steady(thin, fine).conductance) * 4e6,
            1.0,
            1e-3,
            "black-body exchange",
        )
        one = dataclasses.replace(thin, size=jnp.ones(2))
        split = DiscreteOrdinates(cells=32, polar_angles=12, contributions="apart")
        yield Case(
            "slab of one free path: heat that arrives unscattered, over C v and the difference",
            lambda: np.asarray(steady(one, split).ballistic_contact_heat)[1] / -0.1,
            0.05484598,
            2e-3,
            "half the exponential integral E_3(1)",
        )
