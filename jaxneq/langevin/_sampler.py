"""What all integrators share: the plan, blocks of replicas, their noise, the way of a step."""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from jaxneq import parallel
from jaxneq._core import (
    AbstractObservable,
    AbstractSampler,
    Derivative,
    Scalar,
    Schedule,
    check_names,
    is_concrete,
    parameter,
    setting,
)
from jaxneq._kernels import langevin as kernel
from jaxneq._kernels import noise
from jaxneq.statistics import TimeAverage

from ._ensemble import LangevinEnsemble
from ._findings import ensemble_of
from ._systems import AbstractLangevin, Control, Ensemble, Noise
from ._walker import LangevinState, Sample, Walker

_START = 2  # the streams of the start; 0 and 1 are burn-in and what is counted


class AbstractIntegrator(AbstractSampler):
    """A scheme for one step; the rest of the way is the same for all.

    A subclass has the number of `normals` that a step uses for each coordinate, and `move`.
    Replicas are stepped in blocks of at most `block`; the answer does not depend on it.
    """

    normals: ClassVar[int]

    dt: Scalar = parameter(range="(0, inf)", doc="Time step", default=0.01)
    replicas: int = setting(doc="Independent replicas", range="[2, inf)", default=1024)
    frames: int = setting(doc="Instants at which all positions are kept", default=0)
    block: int = setting(
        doc="Replicas stepped together; 0: what suits the device", range="[0, inf)", default=0
    )
    arithmetic: str = setting(
        doc="Rounding as written, or in the order that is fastest",
        choices=("exact", "fast"),
        default="exact",
    )

    @property
    def compiler_options(self) -> dict[str, Any]:
        if jax.default_backend() != "cpu":
            return {}
        fast = {"xla_cpu_enable_fast_math": True} if self.arithmetic == "fast" else {}
        return {"xla_cpu_prefer_vector_width": 512} | fast

    @abc.abstractmethod
    def move(
        self,
        system: AbstractLangevin,
        walker: Walker,
        normals: tuple[Noise, ...],
        control: Control,
    ) -> Walker:
        """The walker one step later, with the heat of the step; `control` is fixed."""

    def mover(
        self, system: AbstractLangevin
    ) -> Callable[[Walker, tuple[Noise, ...], Control], Walker]:
        """`move` of one system; a scheme overrides it to compute what is the same in all steps."""
        return partial(self.move, system)

    def remember(self, system: AbstractLangevin, normals: Noise) -> Any:
        """What is carried from step to step beside position and velocity, at the start.

        The `normals`, (noises, replica) or more rows, are for its use alone.
        """
        return None

    def check(self, system: AbstractLangevin) -> None:
        """The step must be stable in the well where the system rests."""
        if not all(map(is_concrete, jax.tree.leaves((system, self, jnp.zeros(()))))):
            return
        fastest, dt = float(_fastest_rate(system)), float(self.dt)
        if fastest * dt >= 2:
            raise ValueError(
                f"{type(self).__name__}: dt = {dt:g} is not stable: where the system rests it "
                f"{'oscillates' if system.inertial else 'relaxes'} at the rate {fastest:g}. Give "
                f"dt well below {2 / fastest:.3g}."
            )

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        name = type(self).__name__
        plan = Schedule.of(name, time, burn_in, self.dt, name="dt", grain=kernel.unit_length())
        stride = self._stride(plan.total - plan.burn_in)
        if stride is None:
            return plan
        if plan.burn_in % stride:
            raise ValueError(
                f"{name}: burn_in takes {plan.burn_in} steps, no multiple of the {stride} between "
                "two frames. Change burn_in or frames."
            )
        return dataclasses.replace(plan, grain=stride)

    def _stride(self, steps: int) -> int | None:
        """Steps between two frames."""
        if not self.frames:
            return None
        stride, rest = divmod(steps, self.frames)
        if rest or stride % 2 or not stride:
            raise ValueError(
                f"{type(self).__name__}: {steps} steps do not divide into {self.frames} frames of "
                "an even number of steps. Change frames, time or dt."
            )
        return stride

    def init(
        self,
        system: AbstractLangevin,
        *,
        key: Array,
        schedule: Schedule,
        initial: Any,
        observables: tuple[AbstractObservable, ...],
    ) -> LangevinState:
        """`initial` is one position, or one for each replica, (coordinate, replica).

        By default where the system rests. Velocities start in equilibrium with the baths.
        """
        observables = self._observables(system, observables, schedule)
        dtype, shape = system.dtype, (system.dimension, self.replicas)
        initial = system.rest if initial is None else initial
        position = self._place(initial, shape).astype(dtype)
        width = max(system.dimension, system.noises)
        words = tuple(word[0] for word in _words(key, (_START,), width, width))
        identity = jnp.arange(self.replicas, dtype=jnp.uint32)[None, :]
        xi, other = noise.normal_pair(words, identity, jnp.uint32(0), jnp.dtype(dtype))
        velocity = None
        if system.inertial:
            thermal = jnp.sqrt(system.temperature_at(position) / system.inertia)
            velocity = xi[: system.dimension] * thermal
        memory = self.remember(system, other)
        blocks = parallel.block_count(self.replicas, self.block, system.dimension)

        def in_blocks(array: Array) -> Array:
            split = array.reshape(*array.shape[:-1], blocks, array.shape[-1] // blocks)
            return jnp.moveaxis(split, -2, 0)

        position, velocity, memory = jax.tree.map(in_blocks, (position, velocity, memory))
        begin = partial(self._begin, system, observables)
        walker = jax.vmap(begin)(position, velocity, memory)
        frames = None
        if self.frames:
            empty = jnp.zeros((position.shape[0], self.frames, *position.shape[1:]), dtype)
            frames = empty, (None if velocity is None else empty)
        return LangevinState(
            key=_words(key, (0, 1), width, system.noises),
            step=jnp.int32(0),
            walker=walker,
            start=(position, velocity),
            diverged=jnp.full(position[:, 0].shape, -1, jnp.int32),
            frames=frames,
        )

    def _observables(
        self,
        system: AbstractLangevin,
        observables: tuple[AbstractObservable, ...],
        schedule: Schedule,
    ) -> tuple[AbstractObservable, ...]:
        """What the system itself has followed, then what is asked for."""
        every = kernel.unit_length()
        own = (TimeAverage(name=name, of=name, every=every) for name in system.followed)
        found = (*own, *observables)
        check_names(found)
        if taken := {each.name for each in found} & LangevinEnsemble.__annotations__.keys():
            raise ValueError(
                f"simulate: {taken.pop()!r} is a quantity of every ensemble. Call the observable "
                "something else."
            )
        steps = schedule.total - schedule.burn_in
        for each in found:
            if each.every != 1 and not (0 < each.every <= steps and each.every % 2 == 0):
                raise ValueError(
                    f"simulate: the observable {each.name} asks for a sample every {each.every} "
                    f"steps, of {steps}. Give 1 or an even number, and a time that is as long."
                )
            each.check(steps // each.every)
        return found

    def _place(self, initial: Any, shape: tuple[int, int]) -> Array:
        position = jnp.asarray(initial)
        coordinates, replicas = shape
        if coordinates == 1 and position.shape in ((), (replicas,)):
            position = position.reshape(1, -1)
        elif position.shape == (coordinates,):
            position = position[:, None]
        if position.shape not in (shape, (coordinates, 1)):
            raise ValueError(
                f"{type(self).__name__}: initial has shape {jnp.shape(initial)}. Give one position "
                f"of {coordinates} coordinates, or an array {shape}: one for each replica."
            )
        return jnp.broadcast_to(position, shape)

    def _begin(
        self,
        system: AbstractLangevin,
        observables: tuple[AbstractObservable, ...],
        position: Ensemble,
        velocity: Ensemble | None,
        memory: Any,
    ) -> Walker:
        """A walker that has gathered nothing yet."""
        zero = jnp.zeros_like(position[0])
        baths = jnp.zeros_like(system.baths(position))
        # Without inertia a single bath takes what the energy loses while the control rests.
        followed = system.several_baths or (system.driven and system.inertial)
        control = jnp.zeros(system.controls, position.dtype)
        sample = Sample(system, position, velocity, position, control)
        return Walker(
            position=position,
            velocity=velocity,
            memory=memory,
            work=zero[None] if system.driven else None,
            heat=baths if followed else None,
            entropy=None if system.uniform else baths,
            accumulated=tuple(each.init(sample) for each in observables),
        )

    def advance(
        self,
        system: AbstractLangevin,
        state: LangevinState,
        steps: int | Int[Array, ""],
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> LangevinState:
        observables = self._observables(system, observables, schedule)
        if schedule.burn_in:
            here = state.step == schedule.burn_in
            fresh = self._count_from_here(system, state, observables)
            state = jax.tree.map(lambda new, old: jnp.where(here, new, old), fresh, state)
        counted = state.step >= schedule.burn_in
        first = jnp.where(counted, state.step - schedule.burn_in, state.step)
        phase = counted.astype(jnp.int32)
        words = state.key[0][phase], state.key[1][phase]
        stride = self._stride(schedule.total - schedule.burn_in)
        size = state.diverged.shape[1]
        apart = [each.every for each in observables if each.every > 1]
        unit = kernel.unit_length(math.gcd(stride or kernel.unit_length(), *apart))

        def one_block(block: tuple[Any, ...]) -> tuple[Any, ...]:
            index, walker, diverged, frames = block
            identity = parallel.members(index, size)
            step = self._step(system, counted, observables)

            def march(walker: Walker, diverged: Array, first: Array, steps: Any) -> Any:
                def check(old: Walker, new: Walker, mark: Array, number: Array) -> Any:
                    walker, diverged = _marked(old, new, mark, number)
                    done = number + unit
                    due = done <= first + steps
                    return _sampled(system, observables, walker, done, due), diverged

                return kernel.march(
                    step,
                    walker,
                    words,
                    identity,
                    first,
                    steps,
                    normals=self.normals,
                    unit=unit,
                    dtype=system.dtype,
                    mark=diverged,
                    check=check,
                )

            if stride is None:
                return *march(walker, diverged, first, steps), None

            def one_frame(at: Array, carry: Any, stride: int = stride) -> Any:
                walker, diverged, frames = carry
                walker, diverged = march(walker, diverged, first + at * stride, stride)
                place = jnp.where(counted, first // stride + at, 0)
                frames = tuple(
                    None if kept is None else lax.dynamic_update_index_in_dim(kept, now, place, 0)
                    for kept, now in zip(frames, (walker.position, walker.velocity), strict=True)
                )
                return walker, diverged, frames

            return kernel.loop(one_frame, (walker, diverged, frames), steps // stride)

        blocks = jnp.arange(state.diverged.shape[0], dtype=jnp.uint32)
        walker, diverged, frames = parallel.map_blocks(
            one_block, (blocks, state.walker, state.diverged, state.frames)
        )
        return LangevinState(state.key, state.step + steps, walker, state.start, diverged, frames)

    def _step(self, system: AbstractLangevin, counted: Array, observables: tuple) -> Any:
        """One step of a block: the control changes, then the replicas move."""
        move = self.mover(system)

        def control_at(half_step: Array) -> Control:
            time = (half_step.astype(system.dtype) - 0.5) * self.dt
            return system.control_at(jnp.where(counted, time, -1))

        def step(walker: Walker, normals: Any, number: Array) -> Walker:
            control = control_at(number + 1)
            if walker.work is not None and system.protocol is not None:
                done = system.work(walker.position, control_at(number), control)
                walker = eqx.tree_at(lambda w: w.work, walker, walker.work + done[None])
            fresh = move(walker, normals, control)
            sample = Sample(system, fresh.position, fresh.velocity, walker.position, control)
            accumulated = tuple(
                each.update(sums, sample) if each.every == 1 else sums
                for each, sums in zip(observables, walker.accumulated, strict=True)
            )
            return eqx.tree_at(lambda w: w.accumulated, fresh, accumulated)

        return step

    def _count_from_here(
        self, system: AbstractLangevin, state: LangevinState, observables: tuple
    ) -> LangevinState:
        """The state after burn-in, with nothing gathered yet."""
        position, velocity = state.walker.position, state.walker.velocity
        begin = partial(self._begin, system, observables)
        walker = jax.vmap(begin)(position, velocity, state.walker.memory)
        return dataclasses.replace(state, walker=walker, start=(position, velocity))

    def finish(
        self,
        system: AbstractLangevin,
        state: LangevinState,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> LangevinEnsemble:
        observables = self._observables(system, observables, schedule)
        return ensemble_of(system, state, observables, schedule.total - schedule.burn_in, self.dt)

    @classmethod
    def differentiable(cls, system: AbstractLangevin) -> tuple[str, ...]:
        from ._averages import samples_of  # which names this class

        return tuple(samples_of(system))

    def derivatives(
        self, system: AbstractLangevin, of: str, where: Any, **plan: Any
    ) -> list[Derivative]:
        from ._averages import derivatives

        return derivatives(self, system, of, where, **plan)


@eqx.filter_jit
def _fastest_rate(system: AbstractLangevin) -> Float[Array, ""]:
    """The largest eigenvalue of force constant over friction, or its root over mass.

    Exact for as many coordinates as Lanczos takes steps; beyond, up to a per cent too low.
    """
    rest = system.rest
    scale = system.inertia if system.inertial else system.friction_at(rest[:, None])
    scale = jnp.sqrt(jnp.broadcast_to(scale, (rest.size, 1)))[:, 0]

    def slope(position: Array, control: Control) -> Array:
        return jax.grad(lambda x: system.energy(x[:, None], control)[0])(position)

    rates = []
    for time in (0.0,) if system.protocol is None else (0.0, system.protocol.duration):
        control = system.control_at(jnp.asarray(time, system.dtype))
        pull = jax.linearize(partial(slope, control=control), rest)[1]
        rates.append(_largest(lambda x, pull=pull: pull(x / scale) / scale, rest))
    fastest = jnp.max(jnp.stack(rates))
    return jnp.sqrt(fastest) if system.inertial else fastest


def _largest(
    operator: Callable[[Array], Array], like: Float[Array, " n"], steps: int = 32
) -> Float[Array, ""]:
    """The largest eigenvalue of a symmetric operator, 0 if none is positive, by Lanczos's method.

    Vectors are made orthogonal to all before (Golub and Van Loan, Matrix Computations, 10.3).
    """
    steps = min(steps, like.size)
    first = jax.random.normal(jax.random.key(0), like.shape, like.dtype)

    def step(carry: Any, at: Array) -> Any:
        basis, vector = carry
        basis = lax.dynamic_update_index_in_dim(basis, vector, at, 0)
        image = operator(vector)
        rest = image
        for _ in range(2):  # once is not enough
            rest = rest - (basis @ rest) @ basis
        length = jnp.linalg.norm(rest)
        found = length > 1e3 * jnp.finfo(like.dtype).eps * jnp.linalg.norm(image)
        fresh = jnp.where(found, rest / jnp.where(found, length, 1), 0)
        return (basis, fresh), (vector @ image, jnp.where(found, length, 0))

    empty = jnp.zeros((steps, like.size), like.dtype)
    begin = empty, first / jnp.linalg.norm(first)
    _, (own, between) = lax.scan(step, begin, jnp.arange(steps))
    small = jnp.diag(own) + jnp.diag(between[:-1], 1) + jnp.diag(between[:-1], -1)
    return jnp.maximum(jnp.max(jnp.linalg.eigvalsh(small)), 0)


def _words(key: Array, phases: tuple[int, ...], width: int, noises: int) -> Any:
    """The words of the streams, (phase, noise, 1); a phase has `width` streams to itself."""
    streams = jnp.asarray(phases)[:, None] * width + jnp.arange(noises)[None, :]
    return tuple(word[..., None] for word in noise.stream_key(key, streams))


def _sampled(
    system: AbstractLangevin,
    observables: tuple[AbstractObservable, ...],
    walker: Walker,
    done: Array,
    active: Array,
) -> Walker:
    """The walker once the observables that are due after `done` steps have seen it."""
    sample = Sample(system, walker.position, walker.velocity, None, None)

    def shown(each: AbstractObservable, sums: Any) -> Any:
        if each.every == 1:
            return sums
        due = active & (done % each.every == 0)
        return lax.cond(due, lambda sums: each.update(sums, sample), lambda sums: sums, sums)

    seen = tuple(map(shown, observables, walker.accumulated))
    return eqx.tree_at(lambda w: w.accumulated, walker, seen)


def _marked(
    before: Walker, after: Walker, marked: Int[Array, " replica"], number: Int[Array, ""]
) -> tuple[Walker, Int[Array, " replica"]]:
    """A replica that diverges stays where it last was, and is marked with the step."""
    finite = jnp.all(jnp.isfinite(after.position), axis=0)
    if after.velocity is not None:
        finite = finite & jnp.all(jnp.isfinite(after.velocity), axis=0)

    def kept(fresh: Array, last: Array) -> Array:
        mine = fresh.shape[-1:] == finite.shape  # what is summed over replicas has no such axis
        return jnp.where(jnp.broadcast_to(finite, fresh.shape), fresh, last) if mine else fresh

    return jax.tree.map(kept, after, before), jnp.where(finite | (marked >= 0), marked, number)
