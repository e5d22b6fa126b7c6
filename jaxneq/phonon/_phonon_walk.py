"""The walk of phonons through a grid: flights, collisions, walls, and what they score."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from jaxneq._kernels import noise

from ._grid import GridProblem

_DRAWS = 3  # pairs of random numbers of a step
Key = tuple[Any, Any]


class Phonons(eqx.Module):
    """Where each is, which way it goes (always in three dimensions), and its band."""

    cell: tuple[Int[Array, " walk"], ...]
    place: tuple[Float[Array, " walk"], ...]
    direction: Float[Array, "3 walk"]
    band: Int[Array, " walk"]


class Walk(eqx.Module):
    r"""The walk and its trial function :math:`a_b\,\mathbf s` (see `DeviationalMonteCarlo`).

    **Fields:** `cells`, `faces`: cumulated rates of collisions in each cell and of entering it
    through each side; `rate`, of all together, per volume of the grid; `bands`, `scattered`:
    cumulated shares of the bands where they cross a surface and where they scatter; `trial`, the
    a of each band; `returned`, that with which a wall sends phonons back; `known`, what the trial
    contributes to the conductivity.
    """

    problem: GridProblem
    fall: Float[Array, "fall axis"]
    starts: Float[Array, " start"]
    rate: Float[Array, ""]
    bands: Float[Array, " band"]
    scattered: Float[Array, " band"]
    trial: Float[Array, " band"]
    returned: Float[Array, " band"]
    known: Float[Array, "fall fall"]
    bulk: Float[Array, ""]

    @classmethod
    def of(cls, problem: GridProblem) -> Walk:
        share, path = problem.flux_share, problem.mean_free_path
        solid, dimensions = problem.solid, problem.dimensions
        filled = problem.volume * solid
        area = jnp.stack([problem.across(k) * solid for k in range(dimensions)], axis=-1)[..., None]
        crossing = jnp.broadcast_to(area / 4, problem.transmission.shape)
        met = crossing * (1 - problem.transmission)
        met = jnp.sum(met, axis=(*range(dimensions), dimensions + 1))  # at walls across each axis
        volume, whole = filled.sum(), problem.volume.sum()
        trial = 1 / (1 / path + met.sum() / volume)
        returned = trial if problem.elastic else jnp.full_like(trial, jnp.sum(share * trial))
        collisions = filled * jnp.sum(share / path)
        rates = jnp.concatenate(
            [collisions[..., None], crossing.reshape(*problem.cells, 2 * dimensions)], axis=-1
        ).ravel()
        # the trial with itself: along flights, and at walls by the cosine law
        flights = volume * jnp.sum(share * trial * (2 - trial / path)) / 3
        squared, mean = jnp.sum(share * trial**2), jnp.sum(share * trial * returned)
        along = flights - met.sum() * squared / 4 - met * (squared / 4 + 4 / 9 * mean)
        return cls(
            problem=problem,
            fall=problem.fall,
            starts=jnp.cumsum(rates) / rates.sum(),
            rate=rates.sum() / whole,
            bands=jnp.cumsum(share),
            scattered=jnp.cumsum(share / path) / jnp.sum(share / path),
            trial=trial,
            returned=returned,
            known=(problem.fall * along[None]) @ problem.fall.T / whole,
            bulk=jnp.sum(share * path) / 3,
        )

    def conductivity(
        self, scored: Float[Array, "fall fall walk"]
    ) -> Float[Array, "fall fall walk"]:
        """In units of the grid, from what a step contributes on average."""
        return self.known[..., None] + self.rate * scored

    def start(self, key: Key, walks: int) -> Phonons:
        """As after a step of the stationary walk: after a collision, or entering a cell."""
        problem, dimensions = self.problem, self.problem.dimensions
        # numbered from the far end, where no step comes
        (which, turn), (first, second), (third, height), (kind, _) = (
            self._uniform(key, walks, np.uint32(2**32 - 1 - use)) for use in range(4)
        )
        start = _choose(self.starts, which)
        entry = start % (1 + 2 * dimensions) - 1
        cell = jnp.unravel_index(start // (1 + 2 * dimensions), problem.cells)
        entered = entry >= 0
        axis, side = jnp.maximum(entry, 0) // 2, jnp.maximum(entry, 0) % 2
        at_side = side.astype(which.dtype)
        place = []
        for k, fraction in zip(range(dimensions), (first, second, third), strict=False):
            along = jnp.where(entered & (axis == k), at_side, fraction)
            place.append(along * problem.width[k][cell[k]])
        return Phonons(
            cell=tuple(cell),
            place=tuple(place),
            direction=_leaving(entered, axis, 1 - 2 * at_side, height, turn),
            band=self._band(entered, kind),
        )

    def step(
        self, key: Key, phonons: Phonons, number: Int[Array, ""]
    ) -> tuple[Phonons, Array, Array, Array]:
        """The phonons after a step, and for each fall (fall, walk) its scores.

        In order: along the flight, forward and backward; forward at its wall; backward there. A
        forward score is the mean over what follows, a backward score that over what was before,
        so that their products have the right mean and less noise.
        """
        problem, dimensions = self.problem, self.problem.dimensions
        draws = number.astype(jnp.uint32) * np.uint32(_DRAWS)
        walks = phonons.band.shape[0]
        (far, height), (turn, kind), (chance, _) = (
            self._uniform(key, walks, draws + np.uint32(use)) for use in range(_DRAWS)
        )
        direction, band = phonons.direction, phonons.band
        free = -jnp.log1p(-far) * problem.mean_free_path[band]
        speed = jnp.maximum(jnp.abs(direction[:dimensions]), jnp.finfo(free.dtype).tiny ** 0.5)
        ahead = direction[:dimensions] > 0
        width = jnp.stack([problem.width[k][phonons.cell[k]] for k in range(dimensions)])
        place = jnp.stack(phonons.place)
        distance = jnp.where(ahead, width - place, place) / speed
        axis, reach = lax.argmin(distance, 0, jnp.int32), jnp.min(distance, axis=0)
        collides = free < reach
        flown = jnp.minimum(free, reach)
        side = jnp.take_along_axis(ahead, axis[None], axis=0)[0].astype(axis.dtype)
        passes = ~collides & (chance < problem.transmission[(*phonons.cell, axis, side)])
        walled = ~collides & ~passes
        inward = 1 - 2 * side.astype(free.dtype)

        cell, moved = [], []
        for k in range(dimensions):
            own = ~collides & (axis == k)
            end = jnp.where(ahead[k], width[k], 0)
            crossed = own & passes
            next_cell = phonons.cell[k] + jnp.where(crossed, 2 * side - 1, 0).astype(axis.dtype)
            next_cell = next_cell % problem.cells[k]
            start = jnp.where(ahead[k], 0, problem.width[k][next_cell])
            inside = jnp.clip(place[k] + flown * direction[k], 0, width[k])
            moved.append(jnp.where(crossed, start, jnp.where(own, end, inside)))
            cell.append(next_cell)

        fresh = _leaving(walled, axis, inward, height, turn)
        redrawn = collides if problem.elastic else collides | walled
        after = Phonons(
            cell=tuple(cell),
            place=tuple(moved),
            direction=jnp.where(passes[None], direction, fresh),
            band=jnp.where(redrawn, self._band(walled, kind), band),
        )
        kept = (1 - self.trial[band] / problem.mean_free_path[band]) * flown
        flight = self.fall @ (kept[None] * direction[:dimensions])
        normal = self.fall[:, axis] * (2 / 3 * inward * self.returned[band])[None]
        met = normal - self.fall @ (self.trial[band][None] * direction[:dimensions])
        left = -normal - self.fall @ (self.trial[after.band][None] * fresh[:dimensions])
        at_wall = walled[None]
        return after, flight, jnp.where(at_wall, met, 0), jnp.where(at_wall, left, 0)

    def _band(self, at_surface: Array, kind: Array) -> Int[Array, " walk"]:
        """Of phonons that cross a surface, by C v; of those that scatter, by C v / path."""
        return jnp.where(at_surface, _choose(self.bands, kind), _choose(self.scattered, kind))

    def _uniform(self, key: Key, walks: int, use: Any) -> noise.Pair:
        walk = jnp.arange(walks, dtype=jnp.uint32)
        return noise.uniform_pair(key, walk, jnp.asarray(use, jnp.uint32), self.fall.dtype)


def _choose(cumulated: Float[Array, " choice"], at: Float[Array, " walk"]) -> Int[Array, " walk"]:
    """The first choice whose cumulated share exceeds a uniform number."""
    return jnp.minimum(jnp.searchsorted(cumulated, at, side="right"), cumulated.size - 1)


def _leaving(
    surface: Array, axis: Array, inward: Array, height: Array, turn: Array
) -> Float[Array, "3 walk"]:
    """Directions by the cosine law from surfaces across `axis`, isotropic elsewhere."""
    up = jnp.where(surface, inward * jnp.sqrt(height), 2 * height - 1)
    flat = jnp.sqrt(1 - up**2)
    parts = jnp.stack([up, flat * jnp.cos(2 * math.pi * turn), flat * jnp.sin(2 * math.pi * turn)])
    which = (jnp.arange(3, dtype=axis.dtype)[:, None] - jnp.where(surface, axis, 0)[None]) % 3
    return jnp.take_along_axis(parts, which, axis=0)
