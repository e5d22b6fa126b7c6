"""Phonons that start at a crest of a grating, and where they are at given times."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, UInt32

from jaxneq._core import AbstractObservable, Estimate, check_names
from jaxneq._kernels import noise
from jaxneq.statistics import EnsembleAverage

from ._grating import TransientGrating
from ._grid import GridProblem
from ._phonon_paths import Key, Paths, Phonons, choose, cumulated, step_draws, uniform

_PERIODS = 16  # along each side of the cell that is repeated
_AVERAGES = {
    name: EnsembleAverage(name, lambda sample, row=row: sample[row])
    for row, name in enumerate(("temperature", "flux"))
}


class Travellers(eqx.Module):
    """Phonons on their way, each with its number of steps and its time."""

    phonons: Phonons
    step: Int[Array, " walk"]
    clock: Float[Array, " walk"]


class GratingState(eqx.Module):
    """Everything that a run needs to go on: also what a checkpoint holds."""

    key: tuple[UInt32[Array, ""], UInt32[Array, ""]]
    batch: Int[Array, ""]
    cut: Int[Array, ""]
    averages: dict[str, Any]
    accumulated: tuple[Any, ...]


class GratingBatches(eqx.Module):
    r"""All phonons may start at one crest, as a grating is the same there as at others.

    .. math::
        T(t) = \langle\cos q\,(x_t - x_0)\rangle, \qquad
        J(t) = C\,\langle v\,s_x \sin q\,(x_t - x_0)\rangle

    in bands by their heat capacity. Observables see the cosine: an array (time, walk).

    **Fields:** `times`, in periods over the mean velocity, which the `velocity` of each band is
    measured by as well; `started`, cumulated shares of the bands.
    """

    paths: Paths
    times: Float[Array, " time"]
    velocity: Float[Array, " band"]
    started: Float[Array, " band"]
    walks: int = eqx.field(static=True)
    most: int = eqx.field(static=True)

    @classmethod
    def of(cls, system: TransientGrating, times: Array, walks: int, most: int) -> GratingBatches:
        bands = system.material.bands(system.temperature)
        power = bands.heat_capacity * bands.group_velocity
        total, dtype = bands.heat_capacity.sum(), power.dtype
        sides = jnp.zeros((1, 1, 2, 2), dtype)
        problem = GridProblem(
            width=(jnp.full(1, _PERIODS, dtype),) * 2,
            solid=jnp.ones((1, 1), dtype),
            transmission=sides + 1,
            specular=sides,
            held=sides,
            reservoir=sides,
            source=jnp.zeros((1, 1), dtype),
            fall=jnp.zeros((1, 2), dtype),
            mean_free_path=bands.mean_free_path / system.period,
            flux_share=power / power.sum(),
            heat_share=bands.heat_capacity / total,
            periodic=(True, True),
            mirrored=(False, False),
            elastic=False,
        )
        mean = power.sum() / total
        return cls(
            paths=Paths.of(problem),
            times=times * mean / system.period,
            velocity=bands.group_velocity / mean,
            started=cumulated(bands.heat_capacity),
            walks=walks,
            most=most,
        )

    def init(self, key: Array, observables: tuple[AbstractObservable, ...]) -> GratingState:
        check_names(observables)
        sample = jnp.zeros((2, self.times.shape[0], self.walks), self.times.dtype)
        return GratingState(
            key=noise.stream_key(key, 0),
            batch=jnp.int32(0),
            cut=jnp.int32(0),
            averages={name: each.init(sample) for name, each in _AVERAGES.items()},
            accumulated=tuple(each.init(sample[0]) for each in observables),
        )

    def advance(
        self,
        state: GratingState,
        steps: int | Int[Array, ""],
        observables: tuple[AbstractObservable, ...],
    ) -> GratingState:
        def one_batch(_, state: GratingState) -> GratingState:
            last, found = self._follow(state.key, state.batch)
            late = last.clock < self.times[-1]
            pairs = zip(observables, state.accumulated, strict=True)
            return GratingState(
                key=state.key,
                batch=state.batch + 1,
                cut=state.cut + jnp.sum(late, dtype=jnp.int32),
                averages={
                    name: each.update(state.averages[name], found)
                    for name, each in _AVERAGES.items()
                },
                accumulated=tuple(each.update(s, found[0]) for each, s in pairs),
            )

        return lax.fori_loop(0, steps, one_batch, state)

    def found(self, state: GratingState, name: str) -> Estimate:
        """The cosine, or the sine times the velocity."""
        return _AVERAGES[name].estimate(state.averages[name])

    def _follow(self, key: Key, batch: Array) -> tuple[Travellers, Float[Array, "2 time walk"]]:
        """Phonons at the last time; at each, cosine of the place and sine times velocity."""
        walk = batch * self.walks + jnp.arange(self.walks, dtype=jnp.int32)

        def to_time(now: Travellers, end: Array) -> tuple[Travellers, Array]:
            moving = lambda now: (now.clock < end) & (now.step < self.most)  # noqa: E731
            now = lax.while_loop(
                lambda now: jnp.any(moving(now)),
                lambda now: self._step(key, walk, now, end, moving(now)),
                now,
            )
            phase = 2 * math.pi * now.phonons.place[0]
            speed = self.velocity[now.phonons.band] * now.phonons.direction[0]
            return now, jnp.stack([jnp.cos(phase), speed * jnp.sin(phase)])

        last, found = lax.scan(to_time, self._start(key, walk), self.times)
        return last, jnp.moveaxis(found, 0, 1)

    def _start(self, key: Key, walk: Array) -> Travellers:
        height, turn = uniform(key, walk, jnp.uint32(2**32 - 1), self.times)
        kind, _ = uniform(key, walk, jnp.uint32(2**32 - 2), self.times)
        up = 2 * height - 1
        flat = jnp.sqrt(1 - up**2)
        around = (flat * jnp.cos(2 * math.pi * turn), flat * jnp.sin(2 * math.pi * turn))
        middle, first = jnp.full_like(up, _PERIODS // 2), jnp.zeros(walk.shape, jnp.int32)
        return Travellers(
            phonons=Phonons(
                cell=(first,) * 2,
                place=(middle,) * 2,
                direction=jnp.stack([up, *around]),
                band=choose(self.started, kind).astype(jnp.int32),
            ),
            step=first,
            clock=jnp.zeros_like(up),
        )

    def _step(
        self, key: Key, walk: Array, now: Travellers, end: Array, moving: Array
    ) -> Travellers:
        """A step, no further than to the time `end`, of those that are not there yet."""
        velocity = self.velocity[now.phonons.band]
        draws = step_draws(key, walk, now.step, self.times)
        left = jnp.where(moving, (end - now.clock) * velocity, 0)
        after, flight = self.paths.step(now.phonons, draws, left)
        return Travellers(
            phonons=jax.tree.map(lambda new, old: jnp.where(moving, new, old), after, now.phonons),
            step=now.step + moving.astype(jnp.int32),
            clock=jnp.where(flight.paused & moving, end, now.clock + flight.flown / velocity),
        )
