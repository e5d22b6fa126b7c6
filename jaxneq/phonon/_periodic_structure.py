"""Heat through a structure that repeats itself: membranes with pores, superlattices of voids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractMethod,
    Case,
    Scalar,
    Status,
    names,
    parameter,
    part,
    parts,
    quantity,
    setting,
    steady,
)
from jaxneq.materials import AbstractPhononMaterial, GrayMaterial

from . import _exact as exact_forms
from ._conduction import (
    AbstractSizedConduction,
    check_solid,
    knudsen_number,
    mean_velocity,
    spectrum,
)
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
from ._grid_entropy import entropy_part, totals
from ._grid_maps import AXES, AbstractSteadyMapped, at_collisions, at_interfaces, maps
from ._interfaces import AbstractDiffuseInterface, DiffuseMismatch
from ._outline import Outline
from ._regimes import REGIMES
from ._regions import Region, bands_of, check_regions, composed, shares
from ._shapes import AbstractShape
from ._structure_transient import StructureTransient, structure_transient


class StructureSolution(AbstractSteadyMapped, AbstractSizedConduction):
    """Heat conduction through a periodic structure. `print` shows what was found.

    Fields of the cells and `entropy_production` belong to the first direction of the gradient.
    """

    primary: ClassVar[str] = "conductivity"

    conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Effective conductivity along the gradient, voids included in the area"
    )
    bulk_conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Conductivity of the bulk", reference_for="conductivity"
    )
    conductivity_tensor: Float[Array, "axis axis"] | None = quantity(
        unit="W/m/K",
        doc="Flux along the first axis per gradient along the second",
        dims=("flux_axis", "gradient_axis"),
        default=None,
        panel=False,
    )
    porosity: Float[Array, ""] = quantity(doc="Share of the volume that is void")
    knudsen_number: Float[Array, ""] = quantity(
        doc="Mean free path over the period, with the mean 3 conductivity / sum C v",
        regimes=REGIMES,
    )
    heat_flux: Float[Array, ""] = quantity(unit="W/m2", doc="Mean heat flux along the gradient")
    force: Float[Array, ""] = quantity(
        unit="1/K/m", doc="Thermodynamic force, gradient over squared temperature"
    )
    entropy_production: Float[Array, ""] = quantity(
        unit="W/m3/K", doc="Entropy production per volume, linearised"
    )
    entropy_production_bulk: Float[Array, ""] | None = entropy_part("bulk", "W/m3/K")
    entropy_production_walls: Float[Array, ""] | None = entropy_part("walls", "W/m3/K")
    entropy_production_mesh: Float[Array, ""] | None = entropy_part("mesh", "W/m3/K")
    mean_free_path: Float[Array, " band"] | None = quantity(
        unit="m", doc="Mean free path of each band, ascending", dims=("band",), default=None
    )
    accumulation: Float[Array, " band"] | None = quantity(
        doc="Share of the conductivity carried by mean free paths up to this one",
        dims=("band",),
        scale="linear",
        default=None,
    )
    suppression: Float[Array, " band"] | None = quantity(
        doc="Contribution of each band relative to its contribution in the bulk",
        dims=("band",),
        default=None,
    )
    conductivity_by_band: Float[Array, " band"] | None = quantity(
        unit="W/m/K",
        doc="Contribution of each band to the conductivity",
        dims=("band",),
        default=None,
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Largest power that a node or wall gives off too much, relative to all powers"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def answer(self) -> Scalar:
        return self.conductivity


class PeriodicStructure(AbstractGrid):
    r"""Heat along a gradient through a structure of voids that repeats itself in all directions.

    .. math::
        v_b\,\mathbf s\cdot\nabla g_b = \frac{T_p - g_b}{\tau_b}, \qquad
        \sum_b \frac{C_b}{\tau_b}\left(\langle g_b\rangle - T_p\right) = 0, \qquad
        \langle\mathbf q\rangle = -\kappa\,\langle\nabla T\rangle

    in two dimensions (a structure that does not change along the third) or three, linearised about
    `temperature`. The cell that is repeated has the `sides` and the `voids`, in units of the
    `period`; across `confined` axes it ends at surfaces, which may be specular in part. Phonons
    that meet a void are scattered diffusely and keep their frequency (`elastic`), or leave with the
    spectrum of a wall that is in equilibrium (`thermalising`; then bands are not told apart, and
    fewer rays need to be followed).

    `regions` are of other materials. Phonons that meet an `interface` are scattered diffusely as
    well, to either side, in detailed balance; what `walls` says of their frequency holds there too.
    Source: Q. Hao, G. Chen and M.-S. Jeng, J. Appl. Phys. 106, 114321 (2009); G. Romano and J. C.
    Grossman, J. Heat Transfer 137, 071302 (2015).
    """

    material: AbstractPhononMaterial = part(
        AbstractPhononMaterial, doc="Material of the solid, by name or in full"
    )
    period: Scalar = parameter(unit="m", range="(0, inf)", doc="Unit of length of the cell")
    voids: tuple[AbstractShape, ...] = parts(
        AbstractShape, doc="What is cut out, in units of the period", default=()
    )
    regions: tuple[Region, ...] = parts(
        Region,
        doc="Where other materials are; a later one takes the place of earlier ones",
        default=(),
    )
    interface: AbstractDiffuseInterface = part(
        AbstractDiffuseInterface, doc="What crosses between regions", default=DiffuseMismatch()
    )
    sides: Float[Array, " axis"] | None = parameter(
        dims=("axis",),
        range="(0, inf)",
        doc="Sides of the cell, in units of the period; all 1 unless given",
        default=None,
    )
    temperature: Scalar = parameter(
        unit="K", range="(0, inf)", doc="Mean temperature", default=300.0
    )
    temperature_difference: Scalar = parameter(
        unit="K",
        range="(0, inf)",
        doc="Fall along a period; the answer is linear in it",
        default=1.0,
    )
    density: Density | None = density_parameter()
    cells: tuple[tuple[str, int], ...] | int = setting(
        doc="Cells along each axis, x, y and z by name; 0: those of the method",
        default=0,
        by_name=True,
    )
    dimensions: int = setting(doc="2 or 3", range="[2, 3]", default=2)
    gradient: str = setting(
        doc="Direction of the gradient; `all` finds the conductivity tensor",
        choices=(*AXES, "all"),
        default="x",
    )
    confined: tuple[str, ...] = names(
        doc="Axes along which the structure ends at surfaces, as a membrane or ribbon does",
        default=(),
    )
    specularity: Scalar | None = parameter(
        range="[0, 1]",
        doc="Share of the phonons that these surfaces reflect like mirrors; voids are diffuse",
        default=None,
    )
    walls: str = setting(
        doc="What happens to the frequency of a phonon at a void or a surface",
        choices=("elastic", "thermalising"),
        default="elastic",
    )

    def __check_init__(self):
        super().__check_init__()
        self.material.check_temperature(self.temperature)
        name = type(self).__name__
        check_regions(self)
        if self.dimensions == 3:
            check_solid(self.material, name)
        for void in (*self.voids, *self.regions):
            if self.dimensions not in void.dimensions:
                raise ValueError(
                    f"{name}: {void.name} is no shape in {self.dimensions} dimensions. Give its "
                    "middle and sides as many numbers as there are `dimensions`."
                )
        if self.sides is not None and self.sides.shape[0] != self.dimensions:
            raise ValueError(
                f"{name}: {self.sides.shape[0]} sides in {self.dimensions} dimensions. Give one "
                "side for each."
            )
        if self.gradient in AXES[self.dimensions :]:
            raise ValueError(
                f"{name}: gradient = {self.gradient} in {self.dimensions} dimensions. Give one of "
                f"{', '.join(AXES[: self.dimensions])}, or dimensions = 3."
            )
        axes = AXES[: self.dimensions]
        crossed = set(axes if self.gradient == "all" else (self.gradient,))
        for axis in self.confined:
            if axis not in {*axes} - crossed:
                raise ValueError(
                    f"{name}: confined = {axis!r}, which is no axis or along the gradient. Give "
                    f"some of {', '.join(sorted({*axes} - crossed)) or 'none'}."
                )
        if self.specularity is not None and not self.confined:
            raise ValueError(
                f"{name}: specularity is that of the surfaces across `confined` axes, and there "
                "are none. Leave it out, or name an axis."
            )
        if isinstance(self.cells, tuple) and sorted(dict(self.cells)) != list(axes):
            raise ValueError(f"{name}: cells name other axes. Give one number for {list(axes)}.")
        if self.density is not None and (self.dimensions == 3 or self.voids or self.regions):
            raise ValueError(
                f"{name}: a density goes with two dimensions and no voids or regions. Give either."
            )

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
    def length_unit(self) -> Scalar:
        return self.period

    @property
    def time_unit(self) -> Scalar:
        return self.period / mean_velocity(bands_of(self)[0])

    def problem(self, cells: int | tuple[int, ...]) -> GridProblem:
        bands = bands_of(self)
        dtype = bands[0].heat_capacity.dtype
        dimensions = self.dimensions
        outline = self.outline(cells)
        counts = outline.counts
        width, points = outline.mesh()
        if self.density is not None:
            filled = coarser(self.density, counts)
            solid = (filled > 0).astype(dtype)
        else:
            void = jnp.zeros(counts, bool)
            for shape in self.voids:
                void = void | shape.inside(points)
            solid = filled = jnp.where(void, 0, 1).astype(dtype)
        none = jnp.zeros((*counts, dimensions, 2), dtype)
        confined = tuple(axis in self.confined for axis in AXES[:dimensions])
        specularity = 0.0 if self.specularity is None else self.specularity
        passing, specular = with_surfaces(
            transmission(filled, width),
            filled,
            confined,
            jnp.full((dimensions, 2), specularity, dtype),
        )
        passing, media = composed(self, bands, points, passing, self.walls == "elastic")
        directions = range(dimensions) if self.gradient == "all" else (AXES.index(self.gradient),)
        return GridProblem(
            width=width,
            solid=solid,
            transmission=passing,
            specular=specular,
            held=none,
            reservoir=none,
            source=jnp.zeros(counts, dtype),
            fall=jnp.asarray(np.eye(dimensions)[list(directions)], dtype),
            periodic=tuple(not ends for ends in confined),
            mirrored=tuple(ends and self.specularity is not None for ends in confined),
            elastic=self.walls == "elastic",
            planar=self.material.planar,
            media=media,
            **shares(bands, self.period),
        )

    def outline(self, cells: int | tuple[int, ...]) -> Outline:
        one = jnp.ones(self.dimensions, self.period.dtype)
        sides = one if self.sides is None else self.sides
        if self.density is not None:
            counts = cells if isinstance(cells, tuple) else self.density.shape
            return Outline((), (), sides, counts)
        counts = cell_counts(self.cells, cells, self.dimensions)
        return Outline(self.voids, self.regions, sides, counts)

    def solution(self, state: GridState) -> StructureSolution:
        bands = bands_of(self)[0]
        power = (bands.heat_capacity * bands.group_velocity).sum()
        to_conductivity = power * self.period
        conductivity = to_conductivity * state.dissipation[0, 0]
        slope = self.temperature_difference / self.period
        force = slope / self.temperature**2
        problem = state.problem
        along = 0 if self.gradient == "all" else AXES.index(self.gradient)
        width = problem.width[along]
        applied = problem.along(along, (jnp.sum(width) + width) / 2 - jnp.cumsum(width))
        relative = state.temperature[0].mean(axis=-1) + applied
        temperature = self.temperature + self.temperature_difference * relative
        flux = power * self.temperature_difference * state.flux[0]
        density = power / self.period * (self.temperature_difference / self.temperature) ** 2
        by_band = None
        if state.flux_by_band is not None:
            by_band = spectrum(bands, to_conductivity * state.flux_by_band[0])
        tensor = to_conductivity * state.dissipation if self.gradient == "all" else None
        return StructureSolution(
            conductivity=conductivity,
            bulk_conductivity=bands.conductivity_by_band.sum(),
            conductivity_tensor=tensor,
            porosity=1 - jnp.sum(problem.volume * self.filled(problem)) / problem.volume.sum(),
            knudsen_number=knudsen_number(bands, self.period),
            heat_flux=conductivity * slope,
            force=force,
            entropy_production=conductivity * slope * force,
            conservation_residual=state.stats["residual"],
            status=state.status.unless("unresolved", self.lost(problem)),
            stats=state.stats,
            **maps(self, problem, temperature, flux),
            **at_collisions(state, density),
            **totals(state.entropy, density / problem.volume.sum()),
            **at_interfaces(state, power, self.period, self.temperature_difference),
            **(by_band or {}),
        )

    def transient(self, history: GridHistory) -> StructureTransient:
        bands = bands_of(self)[0]
        return structure_transient(self, bands, self.temperature, history)

    def filled(self, problem: GridProblem) -> Float[Array, "*cells"]:
        return problem.solid if self.density is None else coarser(self.density, problem.cells)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        gray = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
        bulk = cls(material=gray, period=0.5, temperature=1.0, temperature_difference=0.1)
        yield Case(
            "no voids, gray: conductivity over that of the bulk",
            lambda: _share(steady(bulk, DiscreteOrdinates(cells=2, angles=2))),
            1.0,
            1e-8,
            "the bulk",
        )
        ribbon = cls(material=gray, period=1.0, temperature=1.0, confined=("y",), specularity=0.5)
        yield Case(
            "ribbon one mean free path wide, edges half specular: conductivity over the bulk",
            lambda: _share(steady(ribbon, DiscreteOrdinates(cells=16, angles=6, polar_angles=8))),
            exact_forms.IN_PLANE_FILM[1.0, 0.5],
            5e-4,
            "Fuchs and Sondheimer",
        )


def _share(solution: StructureSolution) -> np.ndarray:
    return np.asarray(solution.conductivity / solution.bulk_conductivity)
