"""The transport problem on a grid of boxes that structures lower themselves to, and its state."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractSolution, AbstractSystem, Scalar, Status

from ._media import AtInterfaces, Media

Widths = tuple[Float[Array, " _"], ...]


class GridProblem(eqx.Module):
    r"""Linearised phonon transport in two or three dimensions, without dimensions.

    Lengths are in a unit of the system's choice, temperatures too; powers in units of both and
    :math:`\sum_b C_b v_b`. A grid of d axes has :math:`2^d` nodes in each cell; node n lies at the
    upper end along axis k where bit k of n is set. Side 0 of a cell is the lower one.

    **Fields:** `width` of the cells along each axis; `solid`, 1 where there is material and 0 in
    voids; `transmission`, the share of the phonons that passes each side of a cell (the rest meets
    a diffuse wall); `held`, 1 for sides that a reservoir holds at the temperature of its
    `reservoir`; `source`, the power per volume; `fall`, the applied falls of temperature per length
    along each axis, one for each problem to solve; `mean_free_path`, `flux_share`, the part of
    :math:`\sum C v`, and `heat_share`, that of :math:`\sum C`, of each band; `periodic` axes;
    whether diffuse walls keep the frequency (`elastic`); several `media`, each with such bands
    (then these have an axis of media first, and the unit of :math:`\sum C v` is the first's).
    """

    width: Widths
    solid: Float[Array, "*cells"]
    transmission: Float[Array, "*cells axis side"]
    held: Float[Array, "*cells axis side"]
    reservoir: Float[Array, "*cells axis side"]
    source: Float[Array, "*cells"]
    fall: Float[Array, "fall axis"]
    mean_free_path: Float[Array, "*medium band"]
    flux_share: Float[Array, "*medium band"]
    heat_share: Float[Array, "*medium band"]
    periodic: tuple[bool, ...] = eqx.field(static=True)
    elastic: bool = eqx.field(static=True)
    media: Media | None = None

    @property
    def dimensions(self) -> int:
        return len(self.width)

    @property
    def cells(self) -> tuple[int, ...]:
        return tuple(width.shape[0] for width in self.width)

    @property
    def groups(self) -> int:
        """Groups of rays that diffuse walls keep apart."""
        branches = 1 if self.media is None else self.media.branches
        return self.mean_free_path.shape[-1] // branches if self.elastic else 1

    def of_cells(self, values: Float[Array, "*medium"]) -> Float[Array, "*_"]:
        """A number of each medium, for each cell; where there is but one, the number."""
        return values if self.media is None else values[self.media.medium]

    @property
    def volume(self) -> Float[Array, "*cells"]:
        """Volumes of the cells."""
        return self.across(None)

    @property
    def node_power(self) -> Float[Array, "*cells node"]:
        """What sources release at each node."""
        nodes = 1 << self.dimensions
        each = self.source * self.volume * self.solid / nodes
        return jnp.repeat(each[..., None], nodes, axis=-1)

    def across(self, axis: int | None) -> Float[Array, "*cells"]:
        """The product of the widths of each cell along all axes but that one."""
        out = jnp.ones(self.cells, self.solid.dtype)
        for k, width in enumerate(self.width):
            if k != axis:
                out = out * self.along(k, width)
        return out

    def along(self, axis: int, values: Float[Array, " _"]) -> Array:
        """Values along one axis, shaped to be broadcast over the cells."""
        return values.reshape([-1 if k == axis else 1 for k in range(self.dimensions)])


class GridState(eqx.Module):
    r"""What a method finds on the grid, in the units of `GridProblem`, for each applied fall.

    `dissipation[i, j]`, the mean over the volume of the flux along fall i that fall j drives;
    at the nodes `pseudotemperature` and `temperature`, that of the energy density, less the
    applied fall; `flux` of each cell; `given`, the power that the reservoirs at the sides of cells
    give off; `flux_by_band[i]`, the mean flux along fall i that it drives itself, None where bands
    are not told apart; what is found at the `interface` of media. With reservoirs and sources the
    dissipation is the stationary value :math:`\sum r H - \sum s T`: the temperatures of reservoirs
    times what they give off, less what sources release times the temperature there.
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
    interface: AtInterfaces | None = None


class AbstractGrid(AbstractSystem):
    """A system that is a grid to the methods: it lowers itself and reads the state back."""

    @property
    @abc.abstractmethod
    def length_unit(self) -> Scalar:
        """The unit of length of the problem (m)."""

    @abc.abstractmethod
    def problem(self, cells: int) -> GridProblem:
        """The dimensionless problem, with so many cells along each side; 0: what suits it."""

    def filled(self, problem: GridProblem) -> Float[Array, "*cells"]:
        """How far each cell is filled."""
        return problem.solid

    @abc.abstractmethod
    def solution(self, state: GridState) -> AbstractSolution:
        """The physical answer."""


def cells_along(cells: int, dimensions: int) -> tuple[int, ...]:
    """So many cells along each side; for 0, what suits the dimensions."""
    return (cells or (20 if dimensions == 2 else 10),) * dimensions


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


def mesh(edges: Float[Array, " edges"], length: Array, cells: int) -> Float[Array, " faces"]:
    """Faces from 0 to `length`: nearly equal cells, with a face at each of the `edges`.

    The face next to each edge in the equal mesh is moved there, and the cells between two edges
    stay equal among each other. So the number of cells is static and the faces follow the edges
    smoothly, with derivatives.
    """
    inside = jnp.sort(jnp.clip(edges, 0, length))
    index = jnp.clip(jnp.round(inside / length * cells), 0, cells)
    knots = jnp.concatenate([jnp.zeros(1, edges.dtype), index, jnp.full(1, cells, edges.dtype)])
    places = jnp.concatenate([jnp.zeros(1, edges.dtype), inside, jnp.reshape(length, (1,))])
    return jnp.interp(jnp.arange(cells + 1, dtype=edges.dtype), knots, places)
