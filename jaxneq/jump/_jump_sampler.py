"""What samplers of numbers share: windows between instants, blocks of replicas, what they tell."""

from __future__ import annotations

import abc
import dataclasses
import math
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Shaped, UInt32

from jaxneq import parallel
from jaxneq._core import (
    AbstractObservable,
    AbstractSampler,
    AbstractSystem,
    Schedule,
    durations,
    is_concrete,
    setting,
)
from jaxneq._kernels import noise

from ._jump_ensemble import JumpEnsemble, ensemble_of
from ._jumps import Jumps, jumps_of
from ._network import AbstractJump
from ._reaction_network import ReactionNetwork
from ._reactions import conservation_laws

PerSpecies = Shaped[Array, "species replica"]
PerDirection = Shaped[Array, "direction replica"]
Streams = tuple[UInt32[Array, " stream"], UInt32[Array, " stream"]]


@dataclasses.dataclass(frozen=True)
class Windows(Schedule):
    """A step is a window: the time from one instant to the next, of the burn-in and after."""

    lengths: tuple[float, float] = (0.0, 0.0)


class JumpState(eqx.Module):
    """Everything that a run needs to go on. Blocks come first.

    **Fields:** `fired`, events of each direction since time 0; `memory`, what the method carries
    from window to window; `initial`, the numbers at time 0; `fired_before`, the burn-in's share.
    """

    key: tuple[UInt32[Array, " stream"], UInt32[Array, " stream"]]
    step: Int[Array, ""]
    fired: Shaped[Array, "block direction replica"]
    memory: Shaped[Array, "block replica"]
    initial: Shaped[Array, "block species replica"]
    fired_before: Shaped[Array, "block direction replica"]
    frames: Shaped[Array, "block time species replica"]
    arrived: Bool[Array, " block"]


class AbstractJumpSampler(AbstractSampler):
    """A way to pass the time from one instant to the next; the rest is the same for all."""

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (ReactionNetwork, AbstractJump)

    replicas: int = setting(doc="Independent replicas", range="[2, inf)", default=4096)
    instants: int = setting(
        doc="Equally spaced instants at which numbers are looked at", range="[1, inf)", default=32
    )
    largest: int = setting(
        doc="Largest number of molecules whose probability is told; 0: none", default=0
    )
    block: int = setting(doc="Replicas stepped together; 0: what suits the device", default=0)

    @property
    def compiler_options(self) -> dict[str, Any]:
        if jax.default_backend() != "cpu":
            return {}
        return {"xla_cpu_prefer_vector_width": 512}

    def schedule(self, time: float | None, burn_in: float) -> Windows:
        time, burn_in = durations(type(self).__name__, time, burn_in)
        length = (time - burn_in) / self.instants
        before = math.ceil(burn_in / length - 1e-9)
        lengths = burn_in / max(before, 1), length
        return Windows(before, before + self.instants, lengths=lengths)

    def init(
        self,
        system: AbstractSystem,
        *,
        key: Array,
        schedule: Windows,
        initial: Any,
        observables: tuple[AbstractObservable, ...],
    ) -> JumpState:
        """`initial` is a number for each species, or (species, replica)."""
        if observables:
            raise ValueError(
                f"{type(self).__name__}: it shows nothing to observables. Take them out; `largest` "
                "gives distributions."
            )
        jumps = jumps_of(system)
        start = self._start(jumps, initial)
        blocks = parallel.block_count(self.replicas, self.block, 2)
        size, directions = self.replicas // blocks, len(jumps.directions)
        start = start.astype(self.number_dtype(jumps))
        fired = jnp.zeros((blocks, directions, size), start.dtype)
        start = jnp.moveaxis(start.reshape(len(jumps.species), blocks, size), 1, 0)
        return JumpState(
            key=noise.stream_key(key, jnp.arange(directions + 1)),
            step=jnp.int32(0),
            fired=fired,
            memory=jnp.zeros((blocks, size), self.memory_dtype(jumps)),
            initial=start,
            fired_before=fired,
            frames=jnp.zeros((blocks, self.instants, *start.shape[1:]), start.dtype),
            arrived=jnp.ones(blocks, bool),
        )

    def _start(self, jumps: Jumps, initial: Any) -> Int[Array, "species replica"]:
        """Whole numbers of each species in each replica."""
        shape = (len(jumps.species), self.replicas)
        numbers = jumps.start if initial is None else jnp.asarray(initial)
        given = numbers.shape
        if numbers.ndim == 1:
            numbers = numbers[:, None]
        if numbers.shape not in (shape, (shape[0], 1)):
            raise ValueError(
                f"{type(self).__name__}: initial has shape {given}. Give a number for "
                f"each of {', '.join(jumps.species)}, or an array {shape}: one for each replica."
            )
        return jnp.broadcast_to(jnp.round(numbers).astype(jnp.int32), shape)

    def check(self, system: AbstractSystem) -> None:
        if not isinstance(system, ReactionNetwork):
            return
        for name, number in system.initial.items():
            if is_concrete(number) and float(number) % 1:
                raise ValueError(
                    f"{type(self).__name__}: initial.{name} = {float(number):g} is no whole number "
                    "of molecules. Round it, or use RateEquations."
                )

    def check_initial(self, system: AbstractSystem, initial: Any) -> None:
        known = np.ravel(np.asarray(initial))
        wrong = known[~((known >= 0) & (known == np.round(known)))]
        if wrong.size:
            raise ValueError(
                f"{type(self).__name__}: initial = {wrong[0]:g} is no whole number of molecules, 0 "
                "or more. Round it, or use RateEquations."
            )

    def advance(
        self,
        system: AbstractSystem,
        state: JumpState,
        steps: int | Int[Array, ""],
        *,
        schedule: Windows,
        observables: tuple[AbstractObservable, ...],
    ) -> JumpState:
        jumps = jumps_of(system)
        counted = state.step >= schedule.burn_in
        before, after = (jnp.asarray(length, jumps.dtype) for length in schedule.lengths)
        length = jnp.where(counted, after, before)
        begins = state.step == schedule.burn_in
        size = state.memory.shape[1]

        def one_block(block: tuple[Any, ...]) -> tuple[Any, ...]:
            index, fired, memory, initial, fired_before, frames, arrived = block
            identity = parallel.members(index, size)
            fired_before = jnp.where(begins, fired, fired_before)

            def window(at: Array, carry: Any) -> Any:
                fired, memory, frames, arrived = carry
                fired, memory, done = self.pass_window(
                    jumps, initial, fired, memory, state.key, identity, length, state.step + at
                )
                place = jnp.maximum(state.step + at - schedule.burn_in, 0)
                now = numbers_of(jumps, initial, fired)
                frames = lax.dynamic_update_index_in_dim(frames, now, place, 0)
                return fired, memory, frames, arrived & done

            fired, memory, frames, arrived = lax.fori_loop(
                0, steps, window, (fired, memory, frames, arrived)
            )
            return fired, memory, fired_before, frames, arrived

        blocks = jnp.arange(state.memory.shape[0], dtype=jnp.uint32)
        whole = (blocks, state.fired, state.memory, state.initial)
        rest = (state.fired_before, state.frames, state.arrived)
        fired, memory, fired_before, frames, arrived = parallel.map_blocks(
            one_block, (*whole, *rest)
        )
        return JumpState(
            key=state.key,
            step=state.step + steps,
            fired=fired,
            memory=memory,
            initial=state.initial,
            fired_before=fired_before,
            frames=frames,
            arrived=arrived,
        )

    def number_dtype(self, jumps: Jumps) -> Any:
        """Of the numbers of molecules and of events."""
        return jnp.int32

    def memory_dtype(self, jumps: Jumps) -> Any:
        """Of what is carried from window to window, a number for each replica."""
        return jumps.dtype

    @abc.abstractmethod
    def pass_window(
        self,
        jumps: Jumps,
        initial: PerSpecies,
        fired: PerDirection,
        memory: Shaped[Array, " replica"],
        key: Streams,
        identity: UInt32[Array, " replica"],
        length: Float[Array, ""],
        number: Int[Array, ""],
    ) -> tuple[PerDirection, Shaped[Array, " replica"], Bool[Array, ""]]:
        """`fired` and `memory` at the end of window `number`, and whether all is well.

        **Arguments:** `key`, the words of as many streams as there are directions, and one more.
        """

    def finish(
        self,
        system: AbstractSystem,
        state: JumpState,
        *,
        schedule: Windows,
        observables: tuple[AbstractObservable, ...],
    ) -> JumpEnsemble:
        jumps = jumps_of(system)
        initial, before = _whole(state.initial), _whole(state.fired_before)
        return ensemble_of(
            jumps,
            _whole(state.frames),
            _whole(state.fired) - before,
            numbers_of(jumps, initial, before),
            conservation_laws(tuple(map(tuple, jumps.changes.tolist())))[0],
            jnp.asarray(schedule.lengths[1] * self.instants, jumps.dtype),
            self.largest,
            jnp.all(state.arrived),
        )


def rows_of(jumps: Jumps, initial: list[Array], fired: Any) -> list[Array]:
    """The number of each species after these events."""
    numbers = []
    for species, number in enumerate(initial):
        for direction, change in enumerate(jumps.steps[:, species].tolist()):
            if change:
                step = fired[direction]
                number = number + (step if change == 1 else np.asarray(change, step.dtype) * step)
        numbers.append(number)
    return numbers


def numbers_of(jumps: Jumps, initial: PerSpecies, fired: PerDirection) -> PerSpecies:
    """The numbers of molecules after these events."""
    return jnp.stack(rows_of(jumps, [*initial], [*fired]))


def _whole(array: Array) -> Array:
    """All replicas, from blocks of them."""
    block, *rest, replica = array.shape
    return jnp.moveaxis(array, 0, -2).reshape(*rest, block * replica)
