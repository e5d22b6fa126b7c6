"""The stationary walk of phonons through a structure, and what it scores."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ._grid import GridProblem
from ._phonon_paths import Key, Paths, Phonons, cumulated, first_draws, step_draws


class Walk(eqx.Module):
    r"""The walk and its trial function :math:`a_b\,\mathbf s` (see `DeviationalMonteCarlo`).

    **Fields:** `starts`: cumulated shares of collisions in each cell and of entering it through
    each side; `rate`, of all together, per volume of the grid; `trial`, the a of each band;
    `returned`, that with which a wall sends phonons back; `known`, what the trial contributes to
    the conductivity.
    """

    paths: Paths
    fall: Float[Array, "fall axis"]
    starts: Float[Array, " start"]
    rate: Float[Array, ""]
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
        crossing = jnp.broadcast_to(area / 4, problem.passing.shape)
        met = crossing * (1 - problem.passing)
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
            paths=Paths.of(problem),
            fall=problem.fall,
            starts=cumulated(rates),
            rate=rates.sum() / whole,
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
        return self.paths.start(self.starts, first_draws(key, jnp.arange(walks), self.fall))[0]

    def step(
        self, key: Key, phonons: Phonons, number: Int[Array, ""]
    ) -> tuple[Phonons, Array, Array, Array]:
        """The phonons after a step, and for each fall (fall, walk) its scores.

        In order: along the flight, forward and backward; forward at its wall; backward there. A
        forward score is the mean over what follows, a backward score that over what was before,
        so that their products have the right mean and less noise.
        """
        dimensions, band = self.paths.problem.dimensions, phonons.band
        draws = step_draws(key, jnp.arange(band.shape[0]), number, self.fall)
        after, flight = self.paths.step(phonons, draws)
        kept = (1 - self.trial[band] / self.paths.problem.mean_free_path[band]) * flight.flown
        along = self.fall @ (kept[None] * phonons.direction[:dimensions])
        inward = 1 - 2 * flight.side.astype(kept.dtype)
        normal = self.fall[:, flight.axis] * (2 / 3 * inward * self.returned[band])[None]
        met = normal - self.fall @ (self.trial[band][None] * phonons.direction[:dimensions])
        left = -normal - self.fall @ (self.trial[after.band][None] * after.direction[:dimensions])
        walled = flight.walled[None]
        return after, along, jnp.where(walled, met, 0), jnp.where(walled, left, 0)
