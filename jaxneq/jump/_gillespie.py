"""Exact sampling of jump processes, all replicas in lock step."""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, UInt32

from jaxneq import parallel
from jaxneq._core import (
    AbstractObservable,
    AbstractSampler,
    AbstractSystem,
    Case,
    Estimate,
    Schedule,
    is_concrete,
    setting,
    simulate,
)
from jaxneq._kernels import jump as kernel
from jaxneq._kernels import noise

from ._jump_ensemble import JumpEnsemble, ensemble_of
from ._jumps import Jumps, jumps_of
from ._network import AbstractJump
from ._reaction_network import ReactionNetwork
from ._reactions import conservation_laws


@dataclasses.dataclass(frozen=True)
class Windows(Schedule):
    """A step is a window: the time from one instant to the next, of the burn-in and after."""

    lengths: tuple[float, float] = (0.0, 0.0)


class JumpState(eqx.Module):
    """Everything that a run needs to go on. Blocks come first.

    **Fields:** `fired`, events of each direction since time 0; `clock`, the time of the last one
    in its window; `initial`, the numbers at time 0; `fired_before`, the burn-in's share.
    """

    key: tuple[UInt32[Array, ""], UInt32[Array, ""]]
    step: Int[Array, ""]
    fired: Int[Array, "block direction replica"]
    clock: Float[Array, "block replica"]
    initial: Int[Array, "block species replica"]
    fired_before: Int[Array, "block direction replica"]
    frames: Int[Array, "block time species replica"]
    arrived: Bool[Array, " block"]


class AbstractJumpSampler(AbstractSampler):
    """What samplers of whole numbers share: windows, blocks of replicas, what they tell."""

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
        name = type(self).__name__
        if time is None:
            raise ValueError(f"{name}: time is missing. Give the duration of the run.")
        if not (is_concrete(time) and is_concrete(burn_in)):
            raise ValueError(f"{name}: time and burn_in are fixed and cannot be traced.")
        if not 0 <= burn_in < time < math.inf:
            raise ValueError(
                f"{name}: time = {time:g} with burn_in = {burn_in:g} leaves nothing to count. Give "
                "0 <= burn_in < time."
            )
        length = (float(time) - float(burn_in)) / self.instants
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
        fired = jnp.zeros((blocks, directions, size), jnp.int32)
        start = jnp.moveaxis(start.reshape(len(jumps.species), blocks, size), 1, 0)
        return JumpState(
            key=noise.stream_key(key, 0),
            step=jnp.int32(0),
            fired=fired,
            clock=jnp.zeros((blocks, size), jumps.dtype),
            initial=start,
            fired_before=fired,
            frames=jnp.zeros((blocks, self.instants, *start.shape[1:]), jnp.int32),
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
        size = state.clock.shape[1]

        def one_block(block: tuple[Any, ...]) -> tuple[Any, ...]:
            index, fired, clock, initial, fired_before, frames, arrived = block
            identity = index * jnp.uint32(size) + jnp.arange(size, dtype=jnp.uint32)
            fired_before = jnp.where(begins, fired, fired_before)

            def window(at: Array, carry: Any) -> Any:
                fired, clock, frames, arrived = carry
                fired, clock, done = self.pass_window(
                    jumps, initial, fired, clock, state.key, identity, length, state.step + at
                )
                place = jnp.maximum(state.step + at - schedule.burn_in, 0)
                now = numbers_of(jumps, initial, fired)
                frames = lax.dynamic_update_index_in_dim(frames, now, place, 0)
                return fired, clock, frames, arrived & done

            fired, clock, frames, arrived = lax.fori_loop(
                0, steps, window, (fired, clock, frames, arrived)
            )
            return fired, clock, fired_before, frames, arrived

        blocks = jnp.arange(state.clock.shape[0], dtype=jnp.uint32)
        whole = (blocks, state.fired, state.clock, state.initial)
        rest = (state.fired_before, state.frames, state.arrived)
        fired, clock, fired_before, frames, arrived = parallel.map_blocks(
            one_block, (*whole, *rest)
        )
        return JumpState(
            key=state.key,
            step=state.step + steps,
            fired=fired,
            clock=clock,
            initial=state.initial,
            fired_before=fired_before,
            frames=frames,
            arrived=arrived,
        )

    @abc.abstractmethod
    def pass_window(
        self,
        jumps: Jumps,
        initial: Int[Array, "species replica"],
        fired: Int[Array, "direction replica"],
        clock: Float[Array, " replica"],
        key: tuple[Array, Array],
        identity: UInt32[Array, " replica"],
        length: Float[Array, ""],
        number: Int[Array, ""],
    ) -> tuple[Array, Array, Array]:
        """`fired` and `clock` at the end of window `number`, and whether all is well."""

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


class Gillespie(AbstractJumpSampler):
    """The direct method: every event at its own time (Gillespie, J. Comput. Phys. 22, 403, 1976).

    Exact. An event of a replica is drawn from the noise of its number, so that neither the
    instants, nor blocks, devices or an interruption change a path. On a Markov network a replica
    is one walker, which begins in the first state.

    In float32 a reaction whose share of the events is below 6e-8 is not resolved.
    """

    max_iterations: int = setting(
        doc="Events of a replica between two instants before the run is given up",
        range="[1, 2000000000]",
        default=100_000_000,
    )

    def pass_window(
        self,
        jumps: Jumps,
        initial: Int[Array, "species replica"],
        fired: Int[Array, "direction replica"],
        clock: Float[Array, " replica"],
        key: tuple[Array, Array],
        identity: UInt32[Array, " replica"],
        length: Float[Array, ""],
        number: Int[Array, ""],
    ) -> tuple[Array, Array, Array]:
        def rates(rows: Any) -> list[Array]:
            numbers = _numbers(jumps, [*initial], rows)
            return jumps.propensities([each.astype(jumps.dtype) for each in numbers])

        limit = self.max_iterations
        fired, clock, arrived = kernel.advance(rates, fired, clock, key, identity, length, limit)
        return fired, clock - length, arrived

    @classmethod
    def validation(cls) -> Iterable[Case]:
        decay = ReactionNetwork(reactions=("A -> 0 : 0.5",), initial={"A": 20.0})
        method = cls(replicas=2048, instants=2)
        yield Case(
            "decay: mean number left",
            lambda: _last(simulate(decay, method, key=jax.random.key(0), time=2.0).mean_in_time),
            20 * math.exp(-1),
            5.0,
            "n exp(-k t)",
            error="z",
        )


def _last(found: Estimate) -> Estimate:
    """Of the first species at the last instant."""
    return jax.tree.map(lambda array: array[0, -1], found)


def _numbers(jumps: Jumps, initial: list[Array], fired: Any) -> list[Array]:
    """The number of each species after these events."""
    numbers = []
    for species, number in enumerate(initial):
        for direction, change in enumerate(jumps.steps[:, species].tolist()):
            if change:
                step = fired[direction]
                number = number + (step if change == 1 else np.int32(change) * step)
        numbers.append(number)
    return numbers


def numbers_of(
    jumps: Jumps, initial: Int[Array, "species replica"], fired: Int[Array, "direction replica"]
) -> Int[Array, "species replica"]:
    """The numbers of molecules after these events."""
    return jnp.stack(_numbers(jumps, [*initial], [*fired]))


def _whole(array: Array) -> Array:
    """All replicas, from blocks of them."""
    block, *rest, replica = array.shape
    return jnp.moveaxis(array, 0, -2).reshape(*rest, block * replica)
