"""Fields of the cells of a structure, with their places: what files keep and figures draw."""

from __future__ import annotations

import abc
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractSolution, Scalar, quantity

from ._grid import AbstractGrid, GridProblem, GridState

AXES = ("x", "y", "z")


def _place(dim: str, doc: str, **more: Any) -> Any:
    return quantity(unit="m", doc=doc, dims=(dim,), coordinate=True, **more)


def _error(by: str) -> Any:
    doc = f"Estimated relative error by {by}, of conductivity, conductance or thermal resistance"
    return quantity(doc=doc, panel=False, default=None)


class AbstractPlaced(AbstractSolution):
    """A solution on cells. In two dimensions there is one along z, without a place."""

    x: Float[Array, " x"] = _place("x", "Middles of the cells along x", faces="x_face")
    y: Float[Array, " y"] = _place("y", "Middles of the cells along y", faces="y_face")
    z: Float[Array, " z"] | None = _place(
        "z", "Middles of the cells along z", faces="z_face", default=None
    )
    x_face: Float[Array, " x_face"] = _place("x_face", "Faces between the cells along x")
    y_face: Float[Array, " y_face"] = _place("y_face", "Faces between the cells along y")
    z_face: Float[Array, " z_face"] | None = _place(
        "z_face", "Faces between the cells along z", default=None
    )
    solid: Float[Array, "x y z"] = quantity(
        doc="How far each cell is filled", dims=AXES, panel=False
    )


class AbstractMapped(AbstractPlaced):
    """A solution with fields of cells."""

    temperature: Float[Array, "x y z"] = quantity(
        unit="K",
        doc="Mean temperature of each cell, that of the energy density",
        dims=AXES,
        map=True,
        where="solid",
        arrows="heat_flux_field",
    )
    heat_flux_field: Float[Array, "x y z axis"] = quantity(
        unit="W/m2", doc="Mean heat flux of each cell", dims=(*AXES, "axis"), panel=False
    )
    region: Float[Array, "x y z"] | None = quantity(
        doc="Number of the region that each cell belongs to, 0 in none",
        dims=AXES,
        panel=False,
        default=None,
    )


class AbstractSteadyMapped(AbstractMapped):
    """A solution with fields of cells that do not change in time."""

    entropy_production_density: Float[Array, "x y z"] | None = quantity(
        unit="W/m3/K",
        doc="Entropy made by collisions in each cell, per volume",
        dims=AXES,
        map=True,
        where="solid",
        label="entropy production",
        default=None,
    )
    region_conductivity: Float[Array, " region"] | None = quantity(
        unit="W/m/K",
        doc="Conductivity of the bulk of each region's material",
        dims=("region",),
        panel=False,
        default=None,
    )
    emitted_conductance: Float[Array, " region"] | None = quantity(
        unit="W/m2/K",
        doc="Of an interface between `material` and that of each region, for the temperatures of "
        "the phonons that arrive (Landauer)",
        dims=("region",),
        panel=False,
        default=None,
    )
    interface_flux: Float[Array, ""] | None = quantity(
        unit="W/m2", doc="Mean size of the heat flux through interfaces", default=None
    )
    interface_step: Float[Array, ""] | None = quantity(
        unit="K",
        doc="Mean size of the step of temperature, of the energy density, at interfaces",
        default=None,
    )
    interface_conductance: Float[Array, ""] | None = quantity(
        unit="W/m2/K",
        doc="Heat flux through interfaces over the step of temperature, of the energy density, "
        "by least squares",
        default=None,
    )
    cell_error: Float[Array, ""] | None = _error("cells")
    angle_error: Float[Array, ""] | None = _error("directions")
    path_error: Float[Array, ""] | None = _error("free paths and polar angles")

    @property
    @abc.abstractmethod
    def answer(self) -> Scalar:
        """The number to which the errors are relative."""


def maps(
    system: AbstractGrid, problem: GridProblem, temperature: Array, heat_flux: Array
) -> dict[str, Any]:
    """The fields of an `AbstractMapped`, from those of cells."""
    shape = (*problem.cells, 1)[:3]
    found = places(system, problem) | {
        "temperature": temperature.reshape(shape),
        "heat_flux_field": heat_flux.reshape(*shape, -1),
    }
    if problem.media is not None:
        medium = problem.media.medium.astype(problem.solid.dtype)
        found["region"] = jnp.reshape(medium, shape)
    return found


def places(system: AbstractGrid, problem: GridProblem) -> dict[str, Array]:
    """The fields of an `AbstractPlaced`."""
    found = {"solid": system.filled(problem).reshape((*problem.cells, 1)[:3])}
    for axis, width in zip(AXES, problem.width, strict=False):
        faces = system.length_unit * jnp.pad(jnp.cumsum(width), (1, 0))
        found |= {axis: (faces[1:] + faces[:-1]) / 2, f"{axis}_face": faces}
    return found


def at_collisions(state: GridState, density: Array) -> dict[str, Array]:
    """The entropy that collisions make in cells, from its unit per volume."""
    if state.entropy is None:
        return {}
    made = density * state.entropy.collisions[0] / state.problem.volume
    return {"entropy_production_density": made.reshape((*state.problem.cells, 1)[:3])}


def at_interfaces(state: GridState, power: Array, length: Array, kelvin: Array) -> dict[str, Any]:
    """What a solution says of regions, from the units of power, length and temperature."""
    problem, found, media = state.problem, state.interface, state.problem.media
    if media is None or found is None:
        return {}
    axes = range(problem.dimensions)
    area = jnp.stack([problem.across(k) for k in axes], axis=-1) * media.interface[..., 1]
    flux, step = found.flux[0], found.step[0]
    whole, square = jnp.sum(area), jnp.sum(area * step**2)
    safe, least = jnp.where(whole > 0, whole, 1), jnp.where(square > 0, square, 1)
    carried = jnp.sum(problem.flux_share * problem.mean_free_path, axis=-1) / 3
    return {
        "region_conductivity": power * length * carried[1:],
        "emitted_conductance": power / 4 * media.crossing[0, 1:] @ media.strength[0],
        "interface_flux": power * kelvin * jnp.sum(area * jnp.abs(flux)) / safe,
        "interface_step": kelvin * jnp.sum(area * jnp.abs(step)) / safe,
        "interface_conductance": power * jnp.sum(area * flux * step) / least,
    }
