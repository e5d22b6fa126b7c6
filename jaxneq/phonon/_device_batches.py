"""Batches of phonons in a device: what they find on average, and how well that is known."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, UInt32

from jaxneq._core import AbstractObservable, Estimate, check_names
from jaxneq._kernels import noise
from jaxneq.statistics import EnsembleAverage

from ._device_walk import EACH, DeviceWalk

_HEAT = EnsembleAverage("heat", lambda sample: sample.given)
_FIELDS = {
    name: EnsembleAverage(name, lambda sample, name=name: getattr(sample, name)[..., None])
    for name in ("temperature", "pseudotemperature", "flux", "rise", "dissipation", "energy")
}


class DeviceState(eqx.Module):
    """Everything that a run needs to go on: also what a checkpoint holds.

    `heat`, of every walk; `fields`, of every batch; `even`, the temperature of every other.
    """

    key: tuple[UInt32[Array, ""], UInt32[Array, ""]]
    batch: Int[Array, ""]
    cut: Int[Array, ""]
    heat: Any
    fields: dict[str, Any]
    even: Any
    accumulated: tuple[Any, ...]


class DeviceBatches(eqx.Module):
    """A walk, by how many phonons together, for how many steps at most.

    Observables see the heat that each contact gives to the device, in units of `watt`, as found by
    every walk in a batch.
    """

    walk: DeviceWalk
    watt: Float[Array, ""]
    walks: int = eqx.field(static=True)
    most: int = eqx.field(static=True)
    steady: bool = eqx.field(static=True)

    def init(self, key: Array, observables: tuple[AbstractObservable, ...]) -> DeviceState:
        check_names(observables)
        words = noise.stream_key(key, 0)
        sample = jax.eval_shape(lambda: self._batch(words, jnp.int32(0))[0])
        fields = {name: each.init(sample) for name, each in _FIELDS.items()}
        shown = jax.eval_shape(self._shown, sample)
        return DeviceState(
            key=words,
            batch=jnp.int32(0),
            cut=jnp.int32(0),
            heat=_HEAT.init(sample),
            fields=fields,
            even=fields["temperature"],
            accumulated=tuple(each.init(shown) for each in observables),
        )

    def advance(
        self,
        state: DeviceState,
        steps: int | Int[Array, ""],
        observables: tuple[AbstractObservable, ...],
    ) -> DeviceState:
        def one_batch(_, state: DeviceState) -> DeviceState:
            sample, cut = self._batch(state.key, state.batch)
            even = _FIELDS["temperature"].update(state.even, sample)
            kept = state.batch % 2 == 0
            pairs = zip(observables, state.accumulated, strict=True)
            return DeviceState(
                key=state.key,
                batch=state.batch + 1,
                cut=state.cut + cut,
                heat=_HEAT.update(state.heat, sample),
                fields={k: each.update(state.fields[k], sample) for k, each in _FIELDS.items()},
                even=jax.tree.map(lambda new, old: jnp.where(kept, new, old), even, state.even),
                accumulated=tuple(each.update(s, self._shown(sample)) for each, s in pairs),
            )

        return lax.fori_loop(0, steps, one_batch, state)

    def _batch(self, key: Any, number: Array) -> Any:
        lanes = self.walk.batch(key, number, self.walks, self.most)
        return self.walk.sample(lanes), lanes.cut

    def _shown(self, sample: Any) -> Array:
        heat = self.watt * sample.given
        return heat[0] if self.steady else heat

    def heat(self, state: DeviceState) -> Estimate:
        """Heat from the contacts, in units of the grid: (time, contact)."""
        return _HEAT.estimate(state.heat)

    def field(self, state: DeviceState, name: str) -> Estimate:
        """One of the fields, in units of the grid."""
        return _FIELDS[name].estimate(state.fields[name])

    def given_up(self, state: DeviceState) -> Float[Array, ""]:
        """The share of all phonons that were given up."""
        return state.cut.astype(self.watt.dtype) / self.phonons(state)

    def phonons(self, state: DeviceState) -> Float[Array, ""]:
        """How many were followed."""
        return state.batch.astype(self.watt.dtype) * (self.walks * EACH)

    def peak(self, state: DeviceState) -> Estimate:
        """The temperature of the hottest cell: (time).

        Where that is, is found in one half of the batches, and how hot it is there in the other.
        """
        whole, even = state.fields["temperature"], state.even
        count, some = (each.count.astype(whole.mean.dtype) for each in (whole, even))
        odd = (count * whole.mean - some * even.mean) / (count - some)
        times = whole.mean.shape[0]
        halves = [half.reshape(times, -1) for half in (even.mean, odd)]
        spread = whole.deviation.reshape(times, -1) / (count - 1) / count
        void = self.walk.paths.problem.solid.ravel() == 0
        value, variance = jnp.zeros(times, spread.dtype), jnp.zeros(times, spread.dtype)
        for seen, tried in (halves, halves[::-1]):
            place = jnp.argmax(jnp.where(void[None], -jnp.inf, seen), axis=1)[:, None]
            value = value + jnp.take_along_axis(tried, place, axis=1)[:, 0] / 2
            variance = variance + jnp.take_along_axis(spread, place, axis=1)[:, 0] / 2
        return Estimate(value, jnp.sqrt(variance), jnp.broadcast_to(count, value.shape))


def check_phonons(owner: str, replicas: int, batches: int) -> None:
    """Refuse too few batches for an error, and more phonons than the noise can number."""
    if batches < 2:
        raise ValueError(f"{owner}: one batch has no error bar. Give at least two batches.")
    if replicas * batches * EACH >= 2**31:
        raise ValueError(
            f"{owner}: {replicas} replicas x {batches} batches x {EACH} are more phonons than can "
            "be counted, 2147483647. Take fewer."
        )
