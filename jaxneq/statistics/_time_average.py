"""Averages along a run, replica by replica."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxneq._core import Estimate, setting

from ._following import EVERY, AbstractFollowing, joined


class Mean(eqx.Module):
    """A running mean of each replica. The count is an integer: a float would stop growing."""

    count: Int[Array, ""]
    mean: Float[Array, "... replicas"]


class TimeAverage(AbstractFollowing):
    """The time average of a quantity, with the error over independent replicas.

    For its arguments see `AbstractFollowing`.
    """

    every: int = setting(doc=EVERY, range="[1, inf)", default=1, kw_only=True)

    def init(self, sample) -> Mean:
        value = self.shape(sample)
        return Mean(jnp.int32(0), jnp.zeros(value.shape, value.dtype))

    def update(self, accumulated: Mean, sample) -> Mean:
        count = accumulated.count + 1
        value = self.value(sample)
        return Mean(
            count, accumulated.mean + (value - accumulated.mean) / count.astype(value.dtype)
        )

    def merge(self, first: Mean, second: Mean) -> Mean:
        count = first.count + second.count
        dtype = first.mean.dtype
        share = second.count.astype(dtype) / jnp.maximum(count, 1).astype(dtype)
        return Mean(count, first.mean + share * (second.mean - first.mean))

    def join(self, blocks: Mean) -> Mean:
        return Mean(blocks.count[0], joined(blocks.mean))

    def estimate(self, accumulated: Mean) -> Estimate:
        return Estimate.from_samples(jnp.moveaxis(accumulated.mean, -1, 0))

    def report(self, found: Estimate, sample: Any, interval: Array) -> dict[str, Any]:
        return self.told(found, "{}, average over time", sample)
