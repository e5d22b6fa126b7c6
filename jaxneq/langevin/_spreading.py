"""How far particles get: the mean squared displacement at times that are spread out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from jaxneq._core import (
    AbstractObservable,
    AbstractSystem,
    Case,
    Estimate,
    Schedule,
    quantity,
    setting,
    simulate,
)

from ._experiment import AbstractExperiment, AbstractFindings
from ._lattice import CosineSpring, HarmonicSpring
from ._single_file import SingleFile, gaussian_file, single_file_law
from ._systems import PROFILES, AbstractInertial, AbstractLangevin, AbstractParticle, Overdamped
from ._walker import LangevinState, Sample

_TIME = ("time",)
_EVERY = 2  # steps between two looks, the fewest that there are

Kept = tuple[Float[Array, "..."], Float[Array, "..."], Int[Array, "..."]]


class Spreading(AbstractFindings):
    r"""The mean squared displacement, averaged over coordinates, and its exponent.

    .. math:: M(t) = \frac1d \sum_i \langle [x_i(t) - x_i(0)]^2\rangle, \qquad
              \alpha = \frac{d\ln M}{d\ln t}

    The exponent is that between the two neighbouring times: 1 for diffusion, 2 for drift. Error
    bars are over replicas. For a `SingleFile` the known curves stand beside. `ensemble` is the
    ensemble itself.
    """

    primary: ClassVar[str] = "mean_squared_displacement"

    time: Float[Array, " time"] = quantity(doc="Time", dims=_TIME, coordinate=True)
    mean_squared_displacement: Estimate = quantity(
        doc="Mean squared displacement of a coordinate", dims=_TIME
    )
    free_mean_squared_displacement: Float[Array, " time"] | None = quantity(
        doc="That of free diffusion, 2 D t",
        dims=_TIME,
        reference_for="mean_squared_displacement",
        default=None,
    )
    single_file_mean_squared_displacement: Float[Array, " time"] | None = quantity(
        doc="That in an endless single file, at long times",
        dims=_TIME,
        reference_for="mean_squared_displacement",
        default=None,
    )
    gaussian_mean_squared_displacement: Float[Array, " time"] | None = quantity(
        doc="That on a ring of springs with the same variance of the gaps",
        dims=_TIME,
        reference_for="mean_squared_displacement",
        default=None,
    )
    exponent: Estimate = quantity(
        doc="Logarithmic slope of the mean squared displacement", dims=_TIME, scale="linear"
    )


class MeanSquaredDisplacement(AbstractExperiment):
    """Displacements from the end of `burn_in` on, at times that are even on a logarithmic axis.

    Nothing but the displacements at these times is kept, `points` numbers for each replica. The
    first times are a few steps: `LeimkuhlerMatthews`, whose steps share their noise, is a fourth
    too low there.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractParticle, AbstractInertial)

    points: int = setting(range="[3, inf)", doc="Times, fewer where two would coincide", default=30)

    def own(self, system: AbstractLangevin, schedule: Schedule) -> tuple[AbstractObservable, ...]:
        return (_Displacements(jnp.asarray(self._stops(schedule), jnp.int32)),)

    def _stops(self, schedule: Schedule) -> np.ndarray:
        """How many times `_EVERY` steps each time is; the last may miss the end by one step."""
        last = (schedule.total - schedule.burn_in) // _EVERY
        return np.unique(np.round(np.geomspace(1, max(last, 1), self.points)).astype(int))

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        planned = super().schedule(time, burn_in)
        if self._stops(planned).size < 3:
            steps = planned.total - planned.burn_in
            raise ValueError(
                f"MeanSquaredDisplacement: time leaves {steps} steps to count, too few for three "
                "times. Give more time, or a smaller dt."
            )
        return planned

    def finish(
        self,
        system: AbstractLangevin,
        state: LangevinState,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> Spreading:
        found = self.ensemble(system, state, schedule=schedule, observables=observables)
        (own,) = self.own(system, schedule)
        _, squared, _ = own.join(state.walker.accumulated[-1])
        times = jnp.asarray(_EVERY * self._stops(schedule), system.dtype) * self.integrator.dt
        return Spreading.beside(
            found,
            time=times,
            mean_squared_displacement=Estimate.from_samples(squared.T),
            **_known(system, times),
            exponent=_exponent(times, squared),
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._stochastic_heun import StochasticHeun

        ring = Overdamped(potential=SingleFile(particles=8, bond=HarmonicSpring()))
        method = cls(integrator=StochasticHeun(dt=0.05, replicas=1024), points=9)

        def last() -> Any:
            found = simulate(ring, method, key=jax.random.key(0), time=24.0, burn_in=16.0)
            return jax.tree.map(lambda each: each[-1], found.mean_squared_displacement)

        source = "Rouse, J. Chem. Phys. 21, 1272 (1953): sum over waves"
        title = "ring of springs: mean squared displacement at t = 8"
        yield Case(title, last, 3.3046295112079083, 5.0, source, error="z")


class _Displacements(AbstractObservable):
    """The squared displacement, mean over coordinates, after each of `stops` looks."""

    name: ClassVar[str] = "squared_displacement"
    every: ClassVar[int] = _EVERY
    stops: Int[Array, " stop"]

    def init(self, sample: Sample) -> Kept:
        """Where it begins, what is kept, and the looks so far."""
        start = sample.position
        kept = jnp.zeros((self.stops.size, start.shape[1]), start.dtype)
        return start, kept, jnp.int32(0)

    def update(self, accumulated: Kept, sample: Sample) -> Kept:
        start, kept, count = accumulated
        count = count + 1
        place = jnp.minimum(jnp.searchsorted(self.stops, count), self.stops.size - 1)

        def keep(kept: Array) -> Array:
            squared = jnp.mean((sample.position - start) ** 2, axis=0)
            return lax.dynamic_update_index_in_dim(kept, squared, place, 0)

        return start, lax.cond(self.stops[place] == count, keep, lambda kept: kept, kept), count

    def merge(self, first: Kept, second: Kept) -> Kept:
        """Of two parts that count from one start."""
        return first[0], first[1] + second[1], first[2] + second[2]

    def join(self, blocks: Kept) -> Kept:
        start, kept = (jnp.moveaxis(each, 0, -2) for each in blocks[:2])
        start, kept = (each.reshape(each.shape[0], -1) for each in (start, kept))
        return start, kept, blocks[2][0]

    def estimate(self, accumulated: Kept) -> Estimate:
        return Estimate.from_samples(accumulated[1].T)


def _known(system: AbstractLangevin, times: Float[Array, " time"]) -> dict[str, Array]:
    """The curves that are known: free diffusion, and those of a single file."""
    if not isinstance(system, Overdamped) or not system.uniform:
        return {}
    rest = system.rest[:, None]
    known = {"free": 2 * jnp.mean(system.temperature_at(rest) / system.friction_at(rest)) * times}
    parts = system.drive, system.protocol, *(getattr(system, name) for name in PROFILES)
    file, plain = system.potential, all(part is None for part in parts)
    if plain and isinstance(file, SingleFile) and not isinstance(file.bond, CosineSpring):
        known |= {
            "single_file": single_file_law(system, times),
            "gaussian": gaussian_file(system, times),
        }
    return {f"{name}_mean_squared_displacement": curve for name, curve in known.items()}


def _exponent(times: Float[Array, " time"], squared: Float[Array, "time replica"]) -> Estimate:
    """The slope between the neighbours of each time, with the error of its linear form."""
    mean = jnp.mean(squared, axis=1)
    place = np.arange(times.size)
    ahead, behind = np.minimum(place + 1, times.size - 1), np.maximum(place - 1, 0)
    span = jnp.log(times[ahead] / times[behind])
    relative = squared / mean[:, None]
    spread = Estimate.from_samples(((relative[ahead] - relative[behind]) / span[:, None]).T)
    slope = jnp.log(mean[ahead] / mean[behind]) / span
    return Estimate(slope, spread.stderr, spread.n_effective)
