"""From the last state of an ensemble to what it has to say."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxneq._core import AbstractObservable, Estimate, Status

from ._ensemble import LangevinEnsemble
from ._systems import AbstractLangevin, Control, Ensemble
from ._walker import LangevinState, Sample


def ensemble_of(
    system: AbstractLangevin,
    state: LangevinState,
    observables: tuple[AbstractObservable, ...],
    steps: int,
    dt: Float[Array, ""],
) -> LangevinEnsemble:
    """The averages after `steps` steps of `dt` that were counted, and the paths' own account."""
    walker = state.walker
    position, velocity, work, heat, entropy = _whole(
        (walker.position, walker.velocity, walker.work, walker.heat, walker.entropy)
    )
    alive = state.diverged.reshape(-1) < 0
    start, start_velocity = _whole(state.start)
    time = jnp.asarray(steps * dt, system.dtype)
    before, after = system.control_at(-jnp.ones_like(time)), _last_control(system, time, dt)

    work = jnp.zeros_like(position[0]) if work is None else work[0]
    if system.protocol is not None:  # to the end of the last step, and a jump there
        work = work + system.work(position, system.control_at(time - dt / 2), after)
    change = _energy(system, position, velocity, after)
    change = change - _energy(system, start, start_velocity, before)
    heat = (work - change)[None] if heat is None else heat
    shadow = change - work + heat.sum(axis=0)
    if entropy is None:
        one = jnp.ones_like(start[:, :1])
        bath = system.baths(one * system.temperature_at(start[:, :1])) / system.baths(one)
        entropy = heat / bath
    of = partial(Estimate.from_samples, where=alive)
    each = partial(_per_coordinate, of, system.dimension)
    moved = position - start
    heat_rate, entropy_rate = of(heat.T / time), of(entropy.T / time)
    exchanged = jnp.abs(heat).sum(axis=0) + jnp.abs(work)
    kept = jnp.abs(_energy(system, start, start_velocity, before))
    exchanged = jnp.maximum(exchanged, kept)
    found = {
        one.name: one.estimate(one.join(sums))
        for one, sums in zip(observables, walker.accumulated, strict=True)
    }
    seen = Sample(system, position, velocity, position, before)
    reported: dict[str, tuple[Any, dict[str, Any]]] = {}
    for one in observables:
        told = one.report(found[one.name], seen, one.every * dt.astype(time.dtype))
        if taken := told.keys() & reported.keys():
            raise ValueError(
                f"simulate: {one.name} and another observable both tell {taken.pop()!r}. Rename "
                "one."
            )
        reported |= told
    squeeze = _squeeze(system.dimension)
    kinetic = None
    if velocity is not None:
        kinetic = each(system.inertia * squared_deviation(velocity, alive))
    frame_time, frames, frame_velocities = _frames(state, time)
    return LangevinEnsemble(
        dimension=system.dimension,
        observables=found,
        declared=tuple((name, tuple(said.items())) for name, (_, said) in reported.items()),
        reported={name: value for name, (value, _) in reported.items()},
        time=time,
        mean_position=each(position),
        position_variance=each(squared_deviation(position, alive)),
        velocity=each(moved / time),
        diffusion=each(squared_deviation(moved, alive) / (2 * time)),
        kinetic_temperature=kinetic,
        work=of(work),
        heat=of(heat.T),
        energy_change=of(change),
        shadow_work=of(shadow),
        heat_rate=heat_rate,
        inverse_temperature=jnp.where(heat_rate.value == 0, 0, entropy_rate.value)
        / jnp.where(heat_rate.value == 0, 1, heat_rate.value),
        entropy_production=of(entropy.sum(axis=0) / time),
        conservation_residual=jnp.abs(of(shadow).value)
        / jnp.maximum(of(exchanged).value, jnp.finfo(time.dtype).tiny),
        path_work=work,
        path_heat=heat,
        path_entropy=entropy.sum(axis=0),
        position=squeeze(position),
        start=squeeze(start),
        particle_velocity=None if velocity is None else squeeze(velocity),
        frame_time=frame_time,
        frames=None if frames is None else squeeze(frames),
        frame_velocities=None if frame_velocities is None else squeeze(frame_velocities),
        status=Status.first_true(diverged=~jnp.all(alive)),
        stats=_stats(state),
    )


def _last_control(system: AbstractLangevin, time: Array, dt: Array) -> Control:
    """The control at the end, a jump at the very end included."""
    if system.protocol is None:
        return system.control_at(time)
    duration = system.protocol.duration
    near = jnp.abs(time - duration) < 1e-3 * dt
    return system.control_at(jnp.where(near, jnp.maximum(time, duration), time))


def _frames(state: LangevinState, time: Array) -> Any:
    """Times, positions and velocities of the frames."""
    if state.frames is None:
        return None, None, None
    count = state.frames[0].shape[1]
    times = jnp.arange(1, count + 1, dtype=time.dtype) * (time / count)
    return times, *_whole(state.frames)


def _whole(tree: Any) -> Any:
    """Arrays of all replicas from those of the blocks, which come first."""

    def whole(array: Array) -> Array:
        block, *rest, replica = array.shape
        return jnp.moveaxis(array, 0, -2).reshape(*rest, block * replica)

    return jax.tree.map(whole, tree)


def _energy(
    system: AbstractLangevin, position: Ensemble, velocity: Ensemble | None, control: Control
) -> Float[Array, " replica"]:
    potential = system.energy(position, control)
    if velocity is None:
        return potential
    return potential + jnp.sum(system.inertia * velocity**2, axis=0) / 2


def squared_deviation(samples: Ensemble, alive: Bool[Array, " replica"]) -> Ensemble:
    """Whose mean is the unbiased variance."""
    count = jnp.sum(alive).astype(samples.dtype)
    weight = jnp.where(alive, 1, 0).astype(samples.dtype)
    mean = jnp.sum(samples * weight[None], axis=-1, keepdims=True) / count
    return (samples - mean) ** 2 * (count / (count - 1))


def _squeeze(dimension: int) -> Any:
    """One coordinate needs no axis."""
    return lambda array: jnp.squeeze(array, -2) if dimension == 1 else array


def _per_coordinate(of: Any, dimension: int, samples: Ensemble) -> Estimate:
    return of(samples[0]) if dimension == 1 else of(samples.T)


def _stats(state: LangevinState) -> dict[str, Any]:
    """Which replica diverged first, and when; -1 where all is well."""
    marked = state.diverged.reshape(-1)
    first = jnp.argmin(jnp.where(marked < 0, jnp.iinfo(jnp.int32).max, marked))
    return {
        "steps": state.step,
        "diverged": jnp.sum(marked >= 0),
        "diverged_first_replica": jnp.where(marked[first] < 0, -1, first),
        "diverged_first_step": marked[first],
    }
