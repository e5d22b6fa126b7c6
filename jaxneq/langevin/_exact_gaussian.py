"""Sampling an Ornstein-Uhlenbeck process without any error of the step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, UInt32

from jaxneq._core import (
    AbstractObservable,
    AbstractSampler,
    AbstractSystem,
    Case,
    Estimate,
    Scalar,
    Schedule,
    Status,
    is_concrete,
    parameter,
    setting,
    simulate,
)
from jaxneq._kernels import noise
from jaxneq.statistics import TimeAverage

from ._ornstein_uhlenbeck import OrnsteinUhlenbeck, TrapEnsemble

_BUILT_IN = (
    TimeAverage("mean_position", lambda position: position),
    TimeAverage("mean_square_position", lambda position: position**2),
)


class EnsembleState(eqx.Module):
    """Everything that a run needs to go on: also what a checkpoint holds."""

    key: tuple[UInt32[Array, ""], UInt32[Array, ""]]
    step: Int[Array, ""]
    position: Float[Array, " replicas"]
    start: Float[Array, " replicas"]
    accumulated: tuple[Any, ...]


class ExactGaussian(AbstractSampler):
    r"""The exact transition over one step: no bias of `dt`, which only sets how often one looks.

    .. math:: y' = m + (y - m)\,e^{-k\,dt/\gamma}
              + \sqrt{\tfrac{T}{k}\left(1 - e^{-2k\,dt/\gamma}\right)}\;\xi
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (OrnsteinUhlenbeck,)

    dt: Scalar = parameter(range="(0, inf)", doc="Time step", default=0.1)
    replicas: int = setting(doc="Independent replicas", range="[2, inf)", default=1024)

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        if time is None:
            raise ValueError("ExactGaussian: time is missing. Give the duration of the run.")
        if not all(map(is_concrete, (time, burn_in, self.dt))):
            raise ValueError(
                "ExactGaussian: time, burn_in and dt fix the number of steps and cannot be traced."
            )
        dt = float(self.dt)
        for name, duration in (("time", time), ("burn_in", burn_in)):
            steps = duration / dt
            if not (math.isfinite(steps) and abs(steps - round(steps)) < 1e-6 * max(steps, 1)):
                raise ValueError(
                    f"ExactGaussian: {name} = {duration:g} is no whole number of steps of dt = "
                    f"{dt:g}. Give a multiple of dt."
                )
        total, skipped = round(time / dt), round(burn_in / dt)
        if total >= 2**31:
            raise ValueError(
                f"ExactGaussian: {total} steps are more than the counter of the noise holds, "
                "2147483647. Take a longer dt, or more replicas for a shorter time."
            )
        if not 0 <= skipped < total:
            raise ValueError(
                f"ExactGaussian: time = {time:g} with burn_in = {burn_in:g} and dt = "
                f"{dt:g} leaves no step to count. Give 0 <= burn_in < time."
            )
        return Schedule(burn_in=skipped, total=total)

    def init(
        self,
        system: OrnsteinUhlenbeck,
        *,
        key: Array,
        schedule: Schedule,
        initial: Any,
        observables: tuple[AbstractObservable, ...],
    ) -> EnsembleState:
        """`initial` is a position, or one for each replica; by default equilibrium at rest."""
        names = [each.name for each in (*_BUILT_IN, *observables)]
        if len(set(names)) < len(names):
            raise ValueError(f"simulate: two observables have one name, among {names}. Rename one.")
        dtype = system.temperature.dtype
        if initial is None:
            replica = jnp.arange(self.replicas, dtype=jnp.uint32)
            start, _ = noise.normal_pair(noise.stream_key(key, 1), replica, jnp.uint32(0), dtype)
            position = start * jnp.sqrt(system.temperature / system.stiffness)
        else:
            position = jnp.asarray(initial, dtype)
            if position.shape not in ((), (self.replicas,)):
                raise ValueError(
                    f"ExactGaussian: initial has shape {position.shape}. Give one position, or "
                    f"one for each of the {self.replicas} replicas."
                )
            position = jnp.broadcast_to(position, (self.replicas,))
        return EnsembleState(
            start=position,
            key=noise.stream_key(key, 0),
            step=jnp.int32(0),
            position=position,
            accumulated=tuple(each.init(position) for each in (*_BUILT_IN, *observables)),
        )

    def advance(
        self,
        system: OrnsteinUhlenbeck,
        state: EnsembleState,
        steps: int | Int[Array, ""],
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> EnsembleState:
        dtype = state.position.dtype
        decay = jnp.exp(-system.rate * self.dt)
        width = jnp.sqrt(-jnp.expm1(-2 * system.rate * self.dt) / system.stiffness)
        width = width * jnp.sqrt(system.temperature)
        replica = jnp.arange(self.replicas, dtype=jnp.uint32)
        every = (*_BUILT_IN, *observables)

        def one_step(_, state: EnsembleState) -> EnsembleState:
            counter = state.step.astype(jnp.uint32)
            xi, _ = noise.normal_pair(state.key, replica, counter, dtype)
            position = system.lag + decay * (state.position - system.lag) + width * xi
            counted = state.step >= schedule.burn_in
            start = jnp.where(counted, state.start, position)
            pairs = zip(every, state.accumulated, strict=True)
            accumulated = tuple(each.update(sums, position, counted) for each, sums in pairs)
            return EnsembleState(state.key, state.step + 1, position, start, accumulated)

        return lax.fori_loop(0, steps, one_step, state)

    def finish(
        self,
        system: OrnsteinUhlenbeck,
        state: EnsembleState,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> TrapEnsemble:
        pairs = zip((*_BUILT_IN, *observables), state.accumulated, strict=True)
        found = {each.name: each.estimate(sums) for each, sums in pairs}
        mean = found.pop("mean_position")
        duration = self.dt * (schedule.total - schedule.burn_in)
        gained = system.stiffness * (state.position**2 - state.start**2) / (2 * duration)
        energy_rate = Estimate.from_samples(gained)
        exchange = system.rate * system.temperature + system.friction * system.velocity**2
        force = mean.scaled(-system.stiffness / system.temperature)
        return TrapEnsemble(
            mean_position=mean,
            mean_square_position=found.pop("mean_square_position"),
            power=mean.scaled(-system.stiffness * system.velocity),
            velocity=system.velocity,
            entropy_production=force.scaled(system.velocity),
            force=force,
            energy_rate=energy_rate,
            conservation_residual=jnp.abs(energy_rate.value) / exchange,
            status=Status.first_true(not_finite=~jnp.all(jnp.isfinite(state.position))),
            stats={"steps": state.step},
            observables=found,
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        trap = OrnsteinUhlenbeck(stiffness=2.0, temperature=0.5, velocity=0.8)
        method = cls(dt=0.2, replicas=4096)

        def sampled() -> TrapEnsemble:
            return simulate(trap, method, key=jax.random.key(0), time=20.0, burn_in=8.0)

        yield Case(
            "dragged trap, sampled: mean square position",
            lambda: sampled().mean_square_position,
            0.5 / 2.0 + (0.8 / 2.0) ** 2,
            5.0,
            "T/k + (gamma u/k)^2",
            error="z",
        )
        yield Case(
            "dragged trap, sampled: entropy production",
            lambda: sampled().entropy_production,
            0.8**2 / 0.5,
            5.0,
            "gamma u^2 / T",
            error="z",
        )
