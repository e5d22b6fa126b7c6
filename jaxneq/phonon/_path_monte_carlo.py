"""Heat along channels by following phonons from wall to wall."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, UInt32

from jaxneq._core import (
    AbstractObservable,
    AbstractSampler,
    AbstractSystem,
    Case,
    Estimate,
    Schedule,
    Status,
    custom_jvp,
    setting,
    simulate,
)
from jaxneq._kernels import noise
from jaxneq.statistics import EnsembleAverage

from ._channel import AbstractChannel
from ._channel_solution import ChannelEnsemble

_BUILT_IN = (EnsembleAverage("suppression", lambda flown: flown),)
_PLACE, _DIRECTION, _LENGTH, _WALLS = 0, 1, 2, 3  # what the noise of a path is used for


class PathState(eqx.Module):
    """Everything that a run needs to go on: also what a checkpoint holds."""

    key: tuple[UInt32[Array, ""], UInt32[Array, ""]]
    batch: Int[Array, ""]
    cut: Int[Array, ""]
    accumulated: tuple[Any, ...]


class PathMonteCarlo(AbstractSampler):
    r"""Phonons that fly, are mirrored by the walls and end where they lose their direction.

    A band's conductivity relative to the bulk is the mean length of its paths, up to the first
    collision or diffuse reflection, in mean free paths. Paths start anywhere in the cross-section
    and in directions weighted by :math:`\Omega_y^2`, as they carry heat; every band has the same
    number of them. They are traced through the true cross-section, mirror by mirror: independent
    of the formulas of `ClosedForm`. Observables see the relative length of every path, an array
    (band, path).

    The noise is a function of key, path and wall, so that a path is the same in whatever batches
    it is drawn. A path is no differentiable function of the size or the mean free path (walls
    come and go): derivatives are refused; take them from `ClosedForm`.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractChannel,)

    replicas: int = setting(
        doc="Paths of every band that are followed together", range="[2, inf)", default=4096
    )
    batches: int = setting(doc="How many times", range="[1, inf)", default=64)
    max_iterations: int = setting(
        doc="Most walls that a path may meet", range="[1, inf)", default=100_000
    )

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        if time is not None or burn_in != 0:
            raise ValueError(
                "PathMonteCarlo: paths are followed to their end and need neither time nor "
                "burn_in. Leave them out; more `batches` make the error smaller."
            )
        return Schedule(burn_in=0, total=self.batches)

    def init(
        self,
        system: AbstractChannel,
        *,
        key: Array,
        schedule: Schedule,
        initial: Any,
        observables: tuple[AbstractObservable, ...],
    ) -> PathState:
        """`initial` must be None: paths start everywhere."""
        if initial is not None:
            raise ValueError("PathMonteCarlo: paths start everywhere; leave `initial` out.")
        names = [each.name for each in (*_BUILT_IN, *observables)]
        if len(set(names)) < len(names):
            raise ValueError(f"simulate: two observables have one name, among {names}. Rename one.")
        path = system.bands().mean_free_path
        bands = path.shape[0]
        if bands * self.replicas * self.batches >= 2**31:
            raise ValueError(
                f"PathMonteCarlo: {bands} bands x {self.replicas} replicas x {self.batches} "
                "batches are more paths than can be counted, 2147483647. Take fewer, or several keys."
            )
        sample = jnp.zeros((bands, self.replicas), path.dtype)
        return PathState(
            key=noise.stream_key(key, 0),
            batch=jnp.int32(0),
            cut=jnp.int32(0),
            accumulated=tuple(each.init(sample) for each in (*_BUILT_IN, *observables)),
        )

    def advance(
        self,
        system: AbstractChannel,
        state: PathState,
        steps: int | Int[Array, ""],
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> PathState:
        every = (*_BUILT_IN, *observables)

        def one_batch(_, state: PathState) -> PathState:
            flown, cut = self._follow(system, state)
            pairs = zip(every, state.accumulated, strict=True)
            accumulated = tuple(each.update(s, flown, jnp.array(True)) for each, s in pairs)
            return PathState(state.key, state.batch + 1, state.cut + cut, accumulated)

        return lax.fori_loop(0, steps, one_batch, state)

    def _follow(
        self, system: AbstractChannel, state: PathState
    ) -> tuple[Float[Array, "band path"], Int[Array, ""]]:
        """The relative length of every path of a batch, and how many were cut short."""
        bands, section = system.bands(), system.cross_section()
        knudsen = _not_differentiable(bands.mean_free_path / system.size)[:, None]
        dtype, shape = knudsen.dtype, (knudsen.shape[0], self.replicas)
        lane = jnp.arange(shape[0] * shape[1], dtype=jnp.uint32).reshape(shape)
        # Numbered band by band over the whole run, so that batches do not matter.
        band, path = lane // self.replicas, lane % self.replicas
        path = path + state.batch.astype(jnp.uint32) * np.uint32(self.replicas)
        path = path + band * np.uint32(self.replicas * self.batches)

        def uniform(use: int | Int[Array, ""]) -> Float[Array, "2 band path"]:
            words = jnp.stack(noise.bits(state.key, path, jnp.asarray(use, jnp.uint32)))
            return (words.astype(dtype) + 0.5) * np.asarray(2.0**-32, dtype)

        position = section.start(uniform(_PLACE))
        along, turn = uniform(_DIRECTION)
        sine = jnp.sqrt(1 - along ** (2 / 3))  # cos^3 of the angle to the axis is uniform
        turn = 2 * np.pi * turn
        direction = jnp.stack([sine * jnp.cos(turn), sine * jnp.sin(turn)])[: position.shape[0]]
        free = -jnp.log(uniform(_LENGTH)[0]) * knudsen

        def flying(carry):
            _, _, _, alive, wall = carry
            return jnp.any(alive) & (wall < self.max_iterations)

        def to_next_wall(carry):
            position, direction, flown, alive, wall = carry
            flight = section.flight(position, direction)
            collided = flown + flight >= free
            flown = jnp.where(alive, jnp.minimum(flown + flight, free), flown)
            position, direction, cosine = section.reflect(
                position + flight[None] * direction, direction
            )
            chance = _not_differentiable(system.specularity_at(bands, cosine))
            mirrored = uniform(_WALLS + wall)[0] < chance
            return position, direction, flown, alive & ~collided & mirrored, wall + 1

        start = (position, direction, 0 * free, jnp.ones(shape, bool), jnp.int32(0))
        _, _, flown, alive, _ = lax.while_loop(flying, to_next_wall, start)
        return flown / knudsen, jnp.sum(alive, dtype=jnp.int32)

    def finish(
        self,
        system: AbstractChannel,
        state: PathState,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> ChannelEnsemble:
        pairs = zip((*_BUILT_IN, *observables), state.accumulated, strict=True)
        found = {each.name: each.estimate(sums) for each, sums in pairs}
        bands = system.bands()
        by_path = jnp.argsort(bands.mean_free_path)
        bulk = bands.conductivity_by_band[by_path]
        own = found.pop("suppression")
        suppression = Estimate(own.value[by_path], own.stderr[by_path], own.n_effective)
        by_band = Estimate(
            bulk * suppression.value, bulk * suppression.stderr, suppression.n_effective
        )
        paths = own.n_effective.sum()
        total = by_band.value.sum(), jnp.sqrt(jnp.sum(by_band.stderr**2)), paths
        gradient = system.temperature_gradient
        force = gradient / system.temperature**2
        return ChannelEnsemble(
            observables=found,
            conductivity=Estimate(*total),
            bulk_conductivity=bulk.sum(),
            knudsen_number=system.knudsen(bands),
            heat_flux=_scaled(total, gradient),
            mean_free_path=bands.mean_free_path[by_path],
            suppression=suppression,
            conductivity_by_band=by_band,
            force=force,
            entropy_production=_scaled(total, gradient * force),
            conservation_residual=state.cut.astype(paths.dtype) / paths,
            status=Status.first_true(
                not_finite=~jnp.all(jnp.isfinite(own.value)), max_iterations=state.cut > 0
            ),
            stats={"paths": paths},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from . import _exact as exact_forms
        from ._channels import gray_film, gray_wire

        method = cls(replicas=1 << 14, batches=16)
        for name, channel, exact in (
            ("film", gray_film(1.0, 0.5), exact_forms.IN_PLANE_FILM[1.0, 0.5]),
            ("round wire", gray_wire(1.0), exact_forms.ROUND_WIRE[1.0]),
        ):
            yield Case(
                f"gray {name}, Kn = 1, sampled: conductivity over that of the bulk",
                lambda channel=channel: _gray_suppression(channel, method),
                exact,
                5.0,
                "Fuchs and Sondheimer; Dingle",
                error="z",
            )


def _gray_suppression(channel: AbstractChannel, method: PathMonteCarlo) -> Estimate:
    found = simulate(channel, method, key=jax.random.key(0)).suppression
    return jax.tree.map(lambda leaf: leaf[0], found)


def _scaled(estimate: tuple[Array, Array, Array], factor: Float[Array, ""]) -> Estimate:
    value, stderr, count = estimate
    return Estimate(factor * value, factor * stderr, count)


@custom_jvp
def _not_differentiable(value: Array) -> Array:
    return value


@_not_differentiable.defjvp
def _refuse(primals, tangents):
    raise ValueError(
        "PathMonteCarlo has no derivative with respect to sizes, mean free paths and specularity: "
        "a path changes in jumps. Take the derivative of ClosedForm."
    )
