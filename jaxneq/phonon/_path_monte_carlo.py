"""Heat along channels by following phonons from wall to wall."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, UInt32

from jaxneq._core import (
    AbstractObservable,
    AbstractSampler,
    AbstractSystem,
    Case,
    Estimate,
    Schedule,
    Status,
    check_names,
    jumping,
    setting,
    simulate,
)
from jaxneq._kernels import noise
from jaxneq.statistics import EnsembleAverage

from ._channel import AbstractChannel
from ._channel_solution import ChannelEnsemble
from ._conduction import knudsen_number

_BUILT_IN = (EnsembleAverage("suppression", lambda flown: flown),)
_PLACE, _DIRECTION, _LENGTH, _WALLS = 0, 1, 2, 3  # what the noise of a path is used for


class PathState(eqx.Module):
    """Everything that a run needs to go on: also what a checkpoint holds."""

    key: tuple[UInt32[Array, ""], UInt32[Array, ""]]
    batch: Int[Array, ""]
    cut: Int[Array, ""]
    accumulated: tuple[Any, ...]


class Flight(eqx.Module):
    """Phonons on their way, all of which have met `wall` walls."""

    position: Float[Array, "axis lane"]
    direction: Float[Array, "axis lane"]
    flown: Float[Array, " lane"]
    alive: Bool[Array, " lane"]
    free: Float[Array, " lane"]  # the length to the next collision
    wavevector: Float[Array, " lane"] | None
    path: UInt32[Array, " lane"]
    wall: Int[Array, ""]


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
        check_names((*_BUILT_IN, *observables))
        path = system.bands().mean_free_path
        bands = path.shape[0]
        if bands * self.replicas * self.batches >= 2**31:
            raise ValueError(
                f"PathMonteCarlo: {bands} bands x {self.replicas} replicas x {self.batches} "
                "batches are more paths than can be counted, 2147483647. Take fewer."
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
            accumulated = tuple(each.update(s, flown) for each, s in pairs)
            return PathState(state.key, state.batch + 1, state.cut + cut, accumulated)

        return lax.fori_loop(0, steps, one_batch, state)

    def _follow(
        self, system: AbstractChannel, state: PathState
    ) -> tuple[Float[Array, "band path"], Int[Array, ""]]:
        """The relative length of every path of a batch, and how many were cut short."""
        bands = system.bands()
        section = _held(system.cross_section())
        knudsen = _held(bands.mean_free_path / system.size)
        shape, dtype = (knudsen.shape[0], self.replicas), knudsen.dtype
        band, path = jnp.divmod(jnp.arange(shape[0] * shape[1], dtype=jnp.int32), self.replicas)
        # Numbered band by band over the whole run, so that batches do not matter.
        path = path + self.replicas * (state.batch + self.batches * band)
        path = path.astype(jnp.uint32)

        def uniform(path: UInt32[Array, " lane"], use: int | Int[Array, ""]):
            words = jnp.stack(noise.bits(state.key, path, jnp.asarray(use, jnp.uint32)))
            unused = 9 if dtype == jnp.float32 else 0  # more digits would round to 1
            digits = (words >> np.uint32(unused)).astype(dtype)
            return (digits + 0.5) * np.asarray(2.0 ** (unused - 32), dtype)

        def to_next_wall(flight: Flight) -> Flight:
            length = section.flight(flight.position, flight.direction)
            reached = jnp.minimum(flight.flown + length, flight.free)
            position, direction, cosine = section.reflect(
                flight.position + length[None] * flight.direction, flight.direction
            )
            chance = _held(system.specularity_at(cosine, flight.wavevector))
            mirrored = uniform(flight.path, _WALLS + flight.wall)[0] < chance
            return Flight(
                position=position,
                direction=direction,
                flown=jnp.where(flight.alive, reached, flight.flown),
                alive=flight.alive & mirrored & (reached < flight.free),
                free=flight.free,
                wavevector=flight.wavevector,
                path=flight.path,
                wall=flight.wall + 1,
            )

        along, turn = uniform(path, _DIRECTION)
        sine = jnp.sqrt(1 - along ** (2 / 3))  # the cube of the cosine to the axis is uniform
        direction = sine[None] * jnp.stack([jnp.cos(2 * np.pi * turn), jnp.sin(2 * np.pi * turn)])
        position = section.start(uniform(path, _PLACE))
        start = Flight(
            position=position,
            direction=direction[: position.shape[0]],
            flown=jnp.zeros(path.shape, dtype),
            alive=jnp.ones(path.shape, bool),
            free=-jnp.log(uniform(path, _LENGTH)[0]) * knudsen[band],
            wavevector=None if bands.wavevector is None else bands.wavevector[band],
            path=path,
            wall=jnp.int32(0),
        )
        flown, cut = _to_the_end(start, to_next_wall, self.max_iterations)
        return flown.reshape(shape) / knudsen[:, None], cut

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
        by_band = suppression.scaled(bulk)
        paths = own.n_effective.sum()
        conductivity = Estimate(by_band.value.sum(), jnp.sqrt(jnp.sum(by_band.stderr**2)), paths)
        gradient = system.temperature_gradient
        force = gradient / system.temperature**2
        return ChannelEnsemble(
            observables=found,
            conductivity=conductivity,
            bulk_conductivity=bulk.sum(),
            knudsen_number=knudsen_number(bands, system.size),
            heat_flux=conductivity.scaled(gradient),
            mean_free_path=bands.mean_free_path[by_path],
            suppression=suppression,
            conductivity_by_band=by_band,
            force=force,
            entropy_production=conductivity.scaled(gradient * force),
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
            ("round wire", gray_wire(1.0), exact_forms.ROUND_WIRE[1.0, 0.0]),
        ):
            yield Case(
                f"gray {name}, Kn = 1, sampled: conductivity over that of the bulk",
                lambda channel=channel: _gray_suppression(channel, method),
                exact,
                5.0,
                "Fuchs and Sondheimer; Dingle",
                error="z",
            )


def _to_the_end(
    flight: Flight, to_next_wall: Callable[[Flight], Flight], most: int
) -> tuple[Float[Array, " lane"], Int[Array, ""]]:
    """The lengths flown, and how many paths were cut short after `most` walls.

    A few paths meet far more walls than the others: when one in 16 is left, these go on alone.
    """
    lanes = flight.alive.shape[0]
    few = lanes // 16 if lanes > 1024 else 0
    flight = lax.while_loop(
        lambda now: (jnp.sum(now.alive) > few) & (now.wall < most), to_next_wall, flight
    )
    left = jnp.sum(flight.alive, dtype=jnp.int32)
    if few == 0:
        return flight.flown, left
    (rest,) = jnp.nonzero(flight.alive, size=few, fill_value=lanes)
    fewer = jax.tree.map(lambda a: a.take(rest, axis=-1, mode="clip") if a.ndim else a, flight)
    fewer = eqx.tree_at(lambda each: each.alive, fewer, rest < lanes)
    flown, cut = _to_the_end(fewer, to_next_wall, most)
    whole = flight.flown.at[rest].set(flown, mode="drop")
    return whole, jnp.where(flight.wall < most, cut, left)


def _gray_suppression(channel: AbstractChannel, method: PathMonteCarlo) -> Estimate:
    found = simulate(channel, method, key=jax.random.key(0)).suppression
    return jax.tree.map(lambda leaf: leaf[0], found)


def _held(tree: Any) -> Any:
    """Sizes, mean free paths and specularities: a path changes with them in jumps."""
    return jumping(tree, "PathMonteCarlo", "ClosedForm")
