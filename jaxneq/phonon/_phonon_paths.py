"""How phonons go through a grid: they fly, scatter, meet walls."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from jaxneq._kernels import noise

from ._grid import GridProblem

DRAWS = 3  # pairs of random numbers of a step
FIRST = 4  # pairs of random numbers of a start; numbered from the far end, where no step comes
Key = tuple[Any, Any]
Draws = tuple[noise.Pair, ...]


class Phonons(eqx.Module):
    """Where each is, which way it goes (always in three dimensions), and its band."""

    cell: tuple[Int[Array, " walk"], ...]
    place: tuple[Float[Array, " walk"], ...]
    direction: Float[Array, "3 walk"]
    band: Int[Array, " walk"]


class Flight(eqx.Module):
    """A step of each phonon: the length `flown`, in the cell where it was, and how that ended.

    `walled`, whether at a wall; `axis` and `side`, of the side of the cell that was ahead;
    `paused`, whether the step went to its limit, where nothing happens.
    """

    flown: Float[Array, " walk"]
    walled: Bool[Array, " walk"]
    axis: Int[Array, " walk"]
    side: Int[Array, " walk"]
    paused: Bool[Array, " walk"]


class Paths(eqx.Module):
    """The paths of phonons through a grid.

    **Fields:** `bands`, `scattered`: cumulated shares of the bands where they cross a surface and
    where they scatter.
    """

    problem: GridProblem
    bands: Float[Array, " band"]
    scattered: Float[Array, " band"]

    @classmethod
    def of(cls, problem: GridProblem) -> Paths:
        share = problem.flux_share
        return cls(problem, cumulated(share), cumulated(share / problem.mean_free_path))

    def start(
        self, starts: Float[Array, " start"], draws: Draws
    ) -> tuple[Phonons, Int[Array, " walk"]]:
        """Phonons that start anew, and at which of the `starts`, whose shares are cumulated.

        In each cell, in order: at a collision, or entering it through each side. The first of the
        `draws` chooses.
        """
        problem, dimensions = self.problem, self.problem.dimensions
        (which, turn), (first, second), (third, height), (kind, _) = draws
        start = choose(starts, which)
        entry = start % (1 + 2 * dimensions) - 1
        cell = jnp.unravel_index(start // (1 + 2 * dimensions), problem.cells)
        entered = entry >= 0
        axis, side = jnp.maximum(entry, 0) // 2, jnp.maximum(entry, 0) % 2
        at_side = side.astype(which.dtype)
        place = []
        for k, fraction in zip(range(dimensions), (first, second, third), strict=False):
            along = jnp.where(entered & (axis == k), at_side, fraction)
            place.append(along * problem.width[k][cell[k]])
        phonons = Phonons(
            cell=tuple(cell),
            place=tuple(place),
            direction=_leaving(entered, axis, 1 - 2 * at_side, height, turn),
            band=self._band(entered, kind),
        )
        return phonons, start

    def step(
        self,
        phonons: Phonons,
        draws: Draws,
        limit: Float[Array, " walk"] | None = None,
    ) -> tuple[Phonons, Flight]:
        """The phonons after a flight to the next collision, side of a cell, or `limit`."""
        problem, dimensions = self.problem, self.problem.dimensions
        (far, height), (turn, kind), (chance, _) = draws
        direction, band = phonons.direction, phonons.band
        free = -jnp.log1p(-far) * problem.mean_free_path[band]
        speed = jnp.maximum(jnp.abs(direction[:dimensions]), jnp.finfo(free.dtype).tiny ** 0.5)
        ahead = direction[:dimensions] > 0
        width = jnp.stack([problem.width[k][phonons.cell[k]] for k in range(dimensions)])
        place = jnp.stack(phonons.place)
        distance = jnp.where(ahead, width - place, place) / speed
        axis, reach = lax.argmin(distance, 0, jnp.int32), jnp.min(distance, axis=0)
        collides, flown = free < reach, jnp.minimum(free, reach)
        paused = jnp.zeros_like(collides)
        if limit is not None:
            paused, flown = limit < flown, jnp.minimum(limit, flown)
            collides = collides & ~paused
        side = jnp.take_along_axis(ahead, axis[None], axis=0)[0].astype(axis.dtype)
        arrives = ~collides & ~paused
        place_met = (*phonons.cell, axis, side)
        passes = arrives & (chance < problem.transmission[place_met])
        mirrored = arrives & ~passes & (chance < problem.passing[place_met])
        walled = arrives & ~passes & ~mirrored

        cell, moved = [], []
        for k in range(dimensions):
            own = arrives & (axis == k)
            end = jnp.where(ahead[k], width[k], 0)
            crossed = own & passes
            next_cell = phonons.cell[k] + jnp.where(crossed, 2 * side - 1, 0).astype(axis.dtype)
            next_cell = next_cell % problem.cells[k]
            start = jnp.where(ahead[k], 0, problem.width[k][next_cell])
            inside = jnp.clip(place[k] + flown * direction[k], 0, width[k])
            moved.append(jnp.where(crossed, start, jnp.where(own, end, inside)))
            cell.append(next_cell)

        inward = 1 - 2 * side.astype(free.dtype)
        fresh = _leaving(walled, axis, inward, height, turn)
        turned = mirrored[None] & (axis[None] == jnp.arange(3, dtype=axis.dtype)[:, None])
        kept = jnp.where(turned, -direction, direction)
        redrawn = collides if problem.elastic else collides | walled
        after = Phonons(
            cell=tuple(cell),
            place=tuple(moved),
            direction=jnp.where(collides | walled, fresh, kept),
            band=jnp.where(redrawn, self._band(walled, kind), band),
        )
        return after, Flight(flown, walled, axis, side, paused)

    def _band(self, at_surface: Array, kind: Array) -> Int[Array, " walk"]:
        """Of phonons that cross a surface, by C v; of those that scatter, by C v / path."""
        return jnp.where(at_surface, choose(self.bands, kind), choose(self.scattered, kind))


def cumulated(rates: Float[Array, " choice"]) -> Float[Array, " choice"]:
    """Cumulated shares, the last of which is 1."""
    sums = jnp.cumsum(rates)
    return sums / sums[-1]


def choose(cumulated: Float[Array, " choice"], at: Float[Array, " walk"]) -> Int[Array, " walk"]:
    """The first choice whose cumulated share exceeds a uniform number."""
    return jnp.minimum(jnp.searchsorted(cumulated, at, side="right"), cumulated.size - 1)


def uniform(key: Key, walk: Array, use: Array, like: Array) -> noise.Pair:
    """Two uniform numbers for each walk."""
    return noise.uniform_pair(key, walk.astype(jnp.uint32), use.astype(jnp.uint32), like.dtype)


def first_draws(key: Key, walk: Array, like: Array) -> Draws:
    """The pairs of a start."""
    return tuple(uniform(key, walk, jnp.uint32(2**32 - 1 - use), like) for use in range(FIRST))


def step_draws(key: Key, walk: Array, number: Array, like: Array) -> Draws:
    """The pairs of the step of that number, one for all walks or one for each."""
    base = number.astype(jnp.uint32) * np.uint32(DRAWS)
    return tuple(uniform(key, walk, base + np.uint32(use), like) for use in range(DRAWS))


def _leaving(
    surface: Array, axis: Array, inward: Array, height: Array, turn: Array
) -> Float[Array, "3 walk"]:
    """Directions by the cosine law from surfaces across `axis`, isotropic elsewhere."""
    up = jnp.where(surface, inward * jnp.sqrt(height), 2 * height - 1)
    flat = jnp.sqrt(1 - up**2)
    parts = jnp.stack([up, flat * jnp.cos(2 * math.pi * turn), flat * jnp.sin(2 * math.pi * turn)])
    which = (jnp.arange(3, dtype=axis.dtype)[:, None] - jnp.where(surface, axis, 0)[None]) % 3
    return jnp.take_along_axis(parts, which, axis=0)
