"""A time series of each replica."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from jaxneq._core import setting

from ._following import EVERY, AbstractFollowing, joined


class Recording(eqx.Module):
    """The values kept so far, and how many samples have been seen."""

    count: Int[Array, ""]
    values: Float[Array, "time ... replica"]


class Series(AbstractFollowing):
    """The values of a quantity after every `every` steps, of each replica.

    What is found is an array (length, ..., replica), for a correlation function say. Of all
    observables this one takes memory, ``length * replicas`` numbers. What comes after `length`
    values is not kept; what never came is NaN. For its arguments see `AbstractFollowing`.
    """

    length: int = setting(doc="Values kept of each replica", range="[1, inf)")
    every: int = setting(doc=EVERY, range="[1, inf)", default=2, kw_only=True)

    def init(self, sample) -> Recording:
        value = self.shape(sample)
        return Recording(jnp.int32(0), jnp.full((self.length, *value.shape), jnp.nan, value.dtype))

    def update(self, accumulated: Recording, sample) -> Recording:
        values, count = accumulated.values, accumulated.count
        last = lax.dynamic_index_in_dim(values, count, keepdims=False)  # of the end if beyond
        fresh = jnp.where(count < self.length, self.value(sample), last)
        return Recording(count + 1, lax.dynamic_update_index_in_dim(values, fresh, count, 0))

    def merge(self, first: Recording, second: Recording) -> Recording:
        """The values of the second after those of the first."""
        later = jnp.arange(self.length, dtype=jnp.int32) - first.count
        moved = jnp.take(second.values, jnp.maximum(later, 0), axis=0)
        kept = (later < 0).reshape(-1, *(1,) * (moved.ndim - 1))
        values = jnp.where(kept, first.values, moved)
        return Recording(first.count + second.count, values)

    def join(self, blocks: Recording) -> Recording:
        return Recording(blocks.count[0], joined(blocks.values))

    def estimate(self, accumulated: Recording) -> Float[Array, "time ... replica"]:
        return accumulated.values

    def report(self, found: Array, sample: Any, interval: Array) -> dict[str, Any]:
        at = {"time": jnp.arange(1, self.length + 1).astype(interval.dtype) * interval}
        values = jnp.moveaxis(found, 0, -2)
        return self.told(values, "{} along each path", sample, "time", "replica", at=at)
