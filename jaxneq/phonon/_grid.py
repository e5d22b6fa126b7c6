"""The transport problem on a grid of boxes that structures lower themselves to, and its state."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Inexact

from jaxneq._core import AbstractSolution, AbstractSystem, Scalar, Status

from ._media import AtInterfaces, Media

Widths = tuple[Inexact[Array, " _"], ...]


class GridProblem(eqx.Module):
    r"""Linearised phonon transport in two or three dimensions, without dimensions.

    Lengths are in a unit of the system's choice, temperatures too; powers in units of both and
    :math:`\sum_b C_b v_b`. At a frequency all numbers are complex. A grid of d axes has
    :math:`2^d` nodes in each cell; node n lies at the upper end along axis k where bit k of n is
    set. Side 0 of a cell is the lower one.

    **Fields:** `width` of the cells along each axis; `solid`, 1 where there is material and 0 in
    voids; `transmission`, the share of the phonons that passes each side of a cell, and `specular`,
    that which a mirror sends back (the rest meets a diffuse wall); `held`, 1 for sides that a
    reservoir holds at the temperature of its `reservoir`; `source`, the power per volume; `fall`,
    the applied falls of temperature per length along each axis, one for each problem to solve;
    `mean_free_path`, `flux_share`, the part of :math:`\sum C v`, and `heat_share`, that of
    :math:`\sum C`, of each band; `periodic` axes; `mirrored` axes, at the ends of which there may
    be mirrors (nowhere else); whether diffuse walls keep the frequency (`elastic`); several
    `media`, each with such bands (then these have an axis of media first, and the units of
    :math:`\sum C v` and :math:`\sum C` are those of the first); whether rays run in the plane only
    (`planar`).
    """

    width: Widths
    solid: Inexact[Array, "*cells"]
    transmission: Inexact[Array, "*cells axis side"]
    specular: Inexact[Array, "*cells axis side"]
    held: Inexact[Array, "*cells axis side"]
    reservoir: Inexact[Array, "*cells axis side"]
    source: Inexact[Array, "*cells"]
    fall: Inexact[Array, "fall axis"]
    mean_free_path: Inexact[Array, "*medium band"]
    flux_share: Inexact[Array, "*medium band"]
    heat_share: Inexact[Array, "*medium band"]
    periodic: tuple[bool, ...] = eqx.field(static=True)
    mirrored: tuple[bool, ...] = eqx.field(static=True)
    elastic: bool = eqx.field(static=True)
    media: Media | None = None
    planar: bool = eqx.field(static=True, default=False)

    @property
    def dimensions(self) -> int:
        return len(self.width)

    @property
    def conducted(self) -> float:
        r"""The part of :math:`\sum C v \Lambda` that is the conductivity of the bulk."""
        return 1 / 2 if self.planar else 1 / 3

    @property
    def radiated(self) -> float:
        r"""The part of :math:`\sum C v` that black walls exchange per area."""
        return 1 / math.pi if self.planar else 1 / 4

    @property
    def cells(self) -> tuple[int, ...]:
        return tuple(width.shape[0] for width in self.width)

    @property
    def passing(self) -> Inexact[Array, "*cells axis side"]:
        """The share of what arrives at a side that goes on as rays."""
        return self.transmission + self.specular

    @property
    def groups(self) -> int:
        """Groups of rays that diffuse walls keep apart."""
        branches = 1 if self.media is None else self.media.branches
        return self.mean_free_path.shape[-1] // branches if self.elastic else 1

    def of_cells(self, values: Inexact[Array, "*medium"]) -> Inexact[Array, "*_"]:
        """A number of each medium, for each cell; where there is but one, the number."""
        return values if self.media is None else values[self.media.medium]

    @property
    def heat(self) -> Inexact[Array, "*cells"]:
        """The heat capacity of what fills each cell, per volume."""
        own = self.of_cells(jnp.sum(self.heat_share, axis=-1))
        return jnp.broadcast_to(own, self.cells)

    @property
    def capacity(self) -> Inexact[Array, "*cells node"]:
        """The heat that the nodes hold per temperature; voids hold none."""
        nodes = 1 << self.dimensions
        each = self.heat * self.volume * self.solid / nodes
        return jnp.repeat(each[..., None], nodes, axis=-1)

    @property
    def volume(self) -> Inexact[Array, "*cells"]:
        """Volumes of the cells."""
        return self.across(None)

    @property
    def node_power(self) -> Inexact[Array, "*cells node"]:
        """What sources release at each node."""
        nodes = 1 << self.dimensions
        each = self.source * self.volume * self.solid / nodes
        return jnp.repeat(each[..., None], nodes, axis=-1)

    def across(self, axis: int | None) -> Inexact[Array, "*cells"]:
        """The product of the widths of each cell along all axes but that one."""
        out = jnp.ones(self.cells, self.solid.dtype)
        for k, width in enumerate(self.width):
            if k != axis:
                out = out * self.along(k, width)
        return out

    def along(self, axis: int, values: Inexact[Array, " _"]) -> Array:
        """Values along one axis, shaped to be broadcast over the cells."""
        return values.reshape([-1 if k == axis else 1 for k in range(self.dimensions)])


class GridEntropy(eqx.Module):
    """Entropy production times the squared temperature, of all nodes of each cell, for one fall.

    `collisions` and the `mesh`, the jumps at faces, which vanish as it is refined; `walls` and
    `contacts` at each side. In the units of `GridProblem`: powers times temperatures.
    """

    collisions: Float[Array, "*cells"]
    mesh: Float[Array, "*cells"]
    walls: Float[Array, "*cells axis side"]
    contacts: Float[Array, "*cells axis side"]


class GridBallistic(eqx.Module):
    """What phonons not scattered since they were emitted make of temperature, flux and heat given.

    As in `GridState`.
    """

    temperature: Inexact[Array, "*_ node"]
    flux: Inexact[Array, "*_ axis"]
    given: Inexact[Array, "*_ axis side"]


class GridState(eqx.Module):
    r"""What a method finds on the grid, in the units of `GridProblem`, for each applied fall.

    `dissipation[i, j]`, the mean over the volume of the flux along fall i that fall j drives;
    at the nodes `pseudotemperature` and `temperature`, that of the energy density, less the
    applied fall; `flux` of each cell; `given`, the power that the reservoirs at the sides of cells
    give off; `flux_by_band[i]`, the mean flux along fall i that it drives itself, None where bands
    are not told apart. With reservoirs and sources the dissipation is the stationary value
    :math:`\sum r H - \sum s T`: the temperatures of reservoirs times what they give off, less
    what sources release times the temperature there. `entropy`, where it is made; None where
    no rays are followed. What is found at the `interface` of media, None if there is but one. What
    is `ballistic`, where it is told apart.
    """

    problem: GridProblem
    dissipation: Float[Array, "fall fall"]
    pseudotemperature: Float[Array, "fall *cells node"]
    temperature: Float[Array, "fall *cells node"]
    flux: Float[Array, "fall *cells axis"]
    given: Float[Array, "fall *cells axis side"]
    flux_by_band: Float[Array, "fall band"] | None
    status: Status
    stats: dict[str, Any]
    entropy: GridEntropy | None = None
    interface: AtInterfaces | None = None
    ballistic: GridBallistic | None = None


class GridHistory(eqx.Module):
    r"""What a method finds on the grid at each time, in the units of `GridProblem`.

    The unit of time is that of length times :math:`\sum C / \sum C v`. `start`, the temperature of
    the nodes at time 0; `temperature`, that of the energy density, and `pseudotemperature`, both at
    the nodes; `flux` of each cell; `given`, the power that the reservoirs at the sides of cells
    give off; `energy` that is held; `received`, from reservoirs and sources since time 0;
    `relaxation`, the rate at which :math:`\tfrac12 \sum C \langle g^2\rangle` falls; `coarse`, the
    temperature found with steps twice as long.
    """

    problem: GridProblem
    time: Float[Array, " time"]
    start: Float[Array, "*cells node"]
    temperature: Float[Array, "time *cells node"]
    pseudotemperature: Float[Array, "time *cells node"]
    flux: Float[Array, "time *cells axis"]
    given: Float[Array, "time *cells axis side"]
    energy: Float[Array, " time"]
    received: Float[Array, " time"]
    relaxation: Float[Array, " time"]
    coarse: Float[Array, "time *cells node"]
    status: Status
    stats: dict[str, Any]

    @property
    def residual(self) -> Float[Array, ""]:
        """What of the energy is not accounted for, relative."""
        initial = self.problem.capacity * self.start
        lost = self.energy - jnp.sum(initial) - self.received
        scale = jnp.max(jnp.abs(self.energy) + jnp.abs(self.received)) + jnp.sum(jnp.abs(initial))
        return jnp.max(jnp.abs(lost)) / jnp.where(scale > 0, scale, 1)


class AbstractGrid(AbstractSystem):
    """A system that is a grid to the methods: it lowers itself and reads the state back."""

    @property
    @abc.abstractmethod
    def length_unit(self) -> Scalar:
        """The unit of length of the problem (m)."""

    @property
    @abc.abstractmethod
    def regions(self) -> tuple[Any, ...]:
        """Parts of other materials."""

    @abc.abstractmethod
    def problem(self, cells: int | tuple[int, ...]) -> GridProblem:
        """The dimensionless problem, with so many cells along each side; 0: what suits it.

        Numbers for each axis come before those that the system itself may have.
        """

    @abc.abstractmethod
    def outline(self, cells: int | tuple[int, ...]) -> Any:
        """The `Outline` that the mesh of this problem has to hold."""

    def check_mesh(self, cells: int | tuple[int, ...], owner: str) -> None:
        """Refuse a mesh that loses a void or a gap, before anything is computed."""
        with jax.ensure_compile_time_eval():
            outline = self.outline(cells)
        outline.check(owner)

    def lost(self, problem: GridProblem) -> Bool[Array, ""]:
        """Whether the mesh of the problem lost a void, a gap or a region."""
        unresolved = self.outline(problem.cells).unresolved()
        if problem.media is None:
            return unresolved
        return unresolved | problem.media.lacks(len(self.regions))

    def filled(self, problem: GridProblem) -> Float[Array, "*cells"]:
        """How far each cell is filled."""
        return problem.solid

    @abc.abstractmethod
    def solution(self, state: GridState) -> AbstractSolution:
        """The physical answer."""

    @property
    @abc.abstractmethod
    def time_unit(self) -> Scalar:
        """The unit of time of the problem (s), that of length times sum C / sum C v."""

    def source_at(self, problem: GridProblem, time: Array) -> Float[Array, "*cells"]:
        """The power per volume at a time (s)."""
        return problem.source

    @abc.abstractmethod
    def transient(self, history: GridHistory) -> AbstractSolution:
        """The physical answer in time."""


def over_falls(function: Callable[[Any], Any], inputs: Any) -> Any:
    """`lax.map` over the applied falls, or no loop over a single one.

    JAX takes long to trace the derivatives of a loop.
    """
    if jax.tree.leaves(inputs)[0].shape[0] > 1:
        return lax.map(function, inputs)
    alone = function(jax.tree.map(lambda part: part[0], inputs))
    return jax.tree.map(lambda part: part[None], alone)


def check_one_medium(system: AbstractGrid, name: str) -> None:
    """Refuse regions of other materials, where a method does not know them."""
    if system.regions:
        raise ValueError(
            f"{name}: this system has regions of other materials, in which phonons are not "
            "sampled. Leave `regions` out, or take ordinates: DiscreteOrdinates, ImplicitOrdinates "
            "in time."
        )


def cell_counts(
    own: int | tuple[tuple[str, int], ...], asked: int | tuple[int, ...], dimensions: int
) -> tuple[int, ...]:
    """Cells along each axis: as asked for each, else the system's own; for 0, what suits."""
    if isinstance(asked, tuple):
        return asked
    if isinstance(own, tuple):
        return tuple(count for _, count in sorted(own))
    return (own or asked or (20 if dimensions == 2 else 10),) * dimensions


def box_mesh(
    parts: Sequence[Any], size: Float[Array, " axis"], counts: tuple[int, ...]
) -> tuple[Widths, Float[Array, "*cells axis"]]:
    """Widths of the cells along each axis, with faces at the edges of the parts, and middles."""
    width, middle = [], []
    for axis, count in enumerate(counts):
        edges = [part.edges(axis).astype(size.dtype) for part in parts]
        faces = mesh(jnp.concatenate([jnp.zeros(0, size.dtype), *edges]), size[axis], count)
        width.append(jnp.diff(faces))
        middle.append((faces[1:] + faces[:-1]) / 2)
    return tuple(width), jnp.stack(jnp.meshgrid(*middle, indexing="ij"), axis=-1)


def with_surfaces(
    transmission: Float[Array, "*cells axis side"],
    solid: Float[Array, "*cells"],
    axes: tuple[bool, ...],
    specularity: Float[Array, "axis side"],
) -> tuple[Float[Array, "*cells axis side"], Float[Array, "*cells axis side"]]:
    """Transmission and specular share of a grid that ends at surfaces along the `axes`."""
    specular = jnp.zeros_like(transmission)
    for axis, ends in enumerate(axes):
        if ends:
            for side, end in ((0, 0), (1, -1)):
                place = (*(slice(None),) * axis, end)
                rest = (Ellipsis, axis, side)
                at_end = specularity[axis, side] * solid[place]
                transmission = transmission.at[place].set(transmission[place].at[rest].set(0))
                specular = specular.at[place].set(specular[place].at[rest].set(at_end))
    return transmission, specular


def mesh(edges: Float[Array, " edges"], length: Array, cells: int) -> Float[Array, " faces"]:
    """Faces from 0 to `length`: nearly equal cells, with a face at each of the `edges`.

    The face next to each edge in the equal mesh is moved there, and the cells between two edges
    stay equal among each other. So the number of cells is static and the faces follow the edges
    smoothly, with derivatives.
    """
    inside = jnp.sort(jnp.clip(edges, 0, length))
    index = face_numbers(jnp, inside, length, cells)
    knots = jnp.concatenate([jnp.zeros(1, edges.dtype), index, jnp.full(1, cells, edges.dtype)])
    places = jnp.concatenate([jnp.zeros(1, edges.dtype), inside, jnp.reshape(length, (1,))])
    faces = jnp.interp(jnp.arange(cells + 1, dtype=edges.dtype), knots, places)
    return faces.at[0].set(0).at[-1].set(length)  # where an edge meets an end, that stays


def face_numbers(numpy: Any, places: Any, length: Any, cells: int) -> Any:
    """Which face of equal cells is next to each place."""
    return numpy.clip(numpy.round(places / length * cells), 0, cells)
