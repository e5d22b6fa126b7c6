"""How the fields of a grid look in the frame of each ray, and the rays of a grid."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact

from jaxneq._kernels import sweep

from ._free_paths import FreePaths
from ._grid import GridProblem


class Frame(NamedTuple):
    """Places of what the sweep needs, for the rays that run mostly along one axis, the last.

    `axes` of the grid in the order of the sweep. `here`: the node of the grid that is the node of
    a cell in the frame of an octant; `side`: that which rays enter along each axis; `wall`: place
    of the wall's node there; `upstream`: the node on the other side of it; `back`: for each octant
    and node of the grid its place among the moments.
    """

    axes: tuple[int, ...]
    here: np.ndarray
    side: np.ndarray
    wall: np.ndarray
    upstream: np.ndarray
    back: np.ndarray


@lru_cache(maxsize=64)
def frames(cells: tuple[int, ...], mirrored: tuple[bool, ...]) -> tuple[Frame, ...]:
    """One frame for each axis; `mirrored` axes have ends at which rays come from the same node."""
    return tuple(_frame(cells, mirrored, fast) for fast in range(len(cells)))


def _frame(cells: tuple[int, ...], mirrored: tuple[bool, ...], fast: int) -> Frame:
    dimensions = len(cells)
    count = 1 << dimensions
    axes = (*(k for k in range(dimensions) if k != fast), fast)
    shape = tuple(cells[k] for k in axes)
    place = np.indices(shape)  # of a cell, by axis of the frame
    here = np.empty((*shape, count, count), np.int32)
    side = np.empty((*shape, dimensions, count), np.int32)
    wall = np.empty((*shape, dimensions, count // 2, count), np.int32)
    upstream = np.empty((*shape, dimensions, count // 2, count), np.int32)

    def node(n: int, octant: int) -> int:
        """The node of the grid."""
        bits = sum((n >> q & 1) << axis for q, axis in enumerate(axes))
        return bits ^ octant

    def cell(at: np.ndarray, octant: int) -> np.ndarray:
        """The cell of the grid, as one index."""
        own = {
            axis: cells[axis] - 1 - at[q] if octant >> axis & 1 else at[q]
            for q, axis in enumerate(axes)
        }
        return np.asarray(np.ravel_multi_index(tuple(own[k] for k in range(dimensions)), cells))

    for octant in range(count):
        own = cell(place, octant)
        for n in range(count):
            here[..., n, octant] = own * count + node(n, octant)
        for q, axis in enumerate(axes):
            side[..., q, octant] = (own * dimensions + axis) * 2 + (octant >> axis & 1)
            before = list(place)
            before[q] = (before[q] - 1) % shape[q]
            behind = cell(np.asarray(before), octant)
            for i, n in enumerate(sweep.lower(dimensions, q)):
                wall[..., q, i, octant] = (own * dimensions + axis) * count + node(n, octant)
                beyond = behind * count + node(n | 1 << q, octant)
                same = (place[q] == 0) & mirrored[axis]
                upstream[..., q, i, octant] = np.where(same, here[..., n, octant], beyond)
    back = np.empty((count, math.prod(cells) * count), np.int32)
    order = np.arange(here.size).reshape(here.shape)
    for octant in range(count):
        back[octant, here[..., octant].ravel()] = order[..., octant].ravel()
    return Frame(axes, here, side, wall, upstream, back)


class Rays(NamedTuple):
    """Rays of one octant that run mostly along the last axis of a frame.

    `reach` along each axis of the frame; `emission`, the part of each ray in what collisions emit
    per volume; `heat`, its part in a mean over the energy. Groups are the bands where diffuse
    walls keep the frequency (of several media the frequencies), else all one. Several media come
    first.
    """

    reach: Inexact[Array, "*medium axis group ray"]
    emission: Inexact[Array, "*medium group ray"]
    heat: Inexact[Array, "*medium group ray"]

    @property
    def relaxation_time(self) -> Inexact[Array, "*medium group ray"]:
        """Heat over emission; 0 for rays that carry nothing."""
        there = self.emission != 0
        return jnp.where(there, self.heat / jnp.where(there, self.emission, 1), 0)

    @property
    def weight(self) -> Inexact[Array, "*medium group ray moment"]:
        """What the sweep sums: emission, the flux along each axis of the frame, and energy."""
        axes = range(self.reach.shape[-3])
        fluxes = [self.emission * self.reach[..., axis, :, :] for axis in axes]
        return jnp.stack([self.emission, *fluxes, self.heat], axis=-1)


def free_paths(problem: GridProblem, polar_angles: int) -> FreePaths:
    """Those of all bands; in two dimensions in the plane, at each of the polar angles if any."""
    path, flux, heat = problem.mean_free_path, problem.flux_share, problem.heat_share
    if problem.dimensions == 3 or problem.planar:
        return FreePaths(path, flux, heat)
    cosine, share = (jnp.asarray(part, path.dtype) for part in _gauss(polar_angles))
    sine = jnp.sqrt(1 - cosine**2)
    parts = ((path, sine), (flux, sine * share), (heat, share))
    each = (jnp.einsum("...b,a->...ba", of_band, of_angle) for of_band, of_angle in parts)
    return FreePaths(*(jnp.reshape(part, (*part.shape[:-2], -1)) for part in each))


def rays(problem: GridProblem, angles: int, paths: FreePaths) -> Rays:
    """The same rays for each frame; by symmetry their conductivity is isotropic exactly.

    In two dimensions `angles` azimuths between an axis and the diagonal, in three as many times
    as many directions between an axis and the diagonals of its neighbours; they gather
    quadratically at the axes, where free paths through open channels are long.
    """
    direction, weight = _azimuths(angles) if problem.dimensions == 2 else _directions(angles)
    dtype = problem.mean_free_path.dtype
    direction, weight = jnp.asarray(direction, dtype), jnp.asarray(weight, dtype)

    def grouped(part: Array) -> Array:
        return jnp.reshape(part, (*part.shape[:-2], problem.groups, -1))

    return Rays(
        grouped(jnp.einsum("...p,ad->...apd", paths.path, direction)),
        grouped(jnp.einsum("...p,d->...pd", paths.flux / paths.path, weight)),
        grouped(jnp.einsum("...p,d->...pd", paths.heat, weight)),
    )


def all_rays(problem: GridProblem, angles: int, polar_angles: int) -> Rays:
    """With all free paths, because relaxation times matter as well; for 0, what suits."""
    return rays(problem, angles or angles_in(problem), free_paths(problem, polar_angles or 3))


def angles_in(problem: GridProblem) -> int:
    """Directions that suit the dimensions."""
    return 6 if problem.dimensions == 2 else 3


def _gauss(order: int) -> tuple[np.ndarray, np.ndarray]:
    point, weight = np.polynomial.legendre.leggauss(order)
    return (point + 1) / 2, weight / 2


def _azimuths(angles: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions [slow, fast] in the plane, and weights; those of all 8 half quadrants sum to 1."""
    u, du = _gauss(angles)
    azimuth = np.pi / 4 * u**2
    return np.stack([np.sin(azimuth), np.cos(azimuth)]), 2 * u * du / 8


def _directions(angles: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions [slow, middle, fast] and weights; those of all 24 thirds of octants sum to 1.

    A third of an octant is the square of the two slopes against its axis.
    """
    u, du = _gauss(angles)
    angle, weight = np.pi / 4 * u**2, np.pi / 2 * u * du
    slope, weight = np.tan(angle), weight / np.cos(angle) ** 2
    a, b = (part.ravel() for part in np.meshgrid(slope, slope))
    length = np.sqrt(1 + a**2 + b**2)
    solid = np.outer(weight, weight).ravel() / length**3
    return np.stack([a, b, np.ones_like(a)]) / length, solid / solid.sum() / 24
