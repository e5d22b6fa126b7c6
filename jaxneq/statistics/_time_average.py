"""Averages along a run, replica by replica."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxneq._core import AbstractObservable, Estimate


class Mean(eqx.Module):
    """A running mean of each replica. The count is an integer: a float would stop growing."""

    count: Int[Array, ""]
    mean: Float[Array, "... replicas"]


class TimeAverage(AbstractObservable):
    """The time average of ``function(sample)``, with the error over independent replicas.

    **Arguments:** `name`, under which it is found in the solution; `function`, from the sample of
    all replicas to one number each.
    """

    name: str = eqx.field(static=True)
    function: Callable[..., Array] = eqx.field(static=True)
    every: int = eqx.field(static=True, default=1, kw_only=True)

    def init(self, sample) -> Mean:
        value = jax.eval_shape(self.function, sample)
        return Mean(jnp.int32(0), jnp.zeros(value.shape, value.dtype))

    def update(self, accumulated: Mean, sample) -> Mean:
        count = accumulated.count + 1
        value = self.function(sample)
        return Mean(
            count, accumulated.mean + (value - accumulated.mean) / count.astype(value.dtype)
        )

    def merge(self, first: Mean, second: Mean) -> Mean:
        count = first.count + second.count
        dtype = first.mean.dtype
        share = second.count.astype(dtype) / jnp.maximum(count, 1).astype(dtype)
        return Mean(count, first.mean + share * (second.mean - first.mean))

    def join(self, blocks: Mean) -> Mean:
        mean = jnp.moveaxis(blocks.mean, 0, -2)
        return Mean(blocks.count[0], mean.reshape(*mean.shape[:-2], -1))

    def estimate(self, accumulated: Mean) -> Estimate:
        return Estimate.from_samples(jnp.moveaxis(accumulated.mean, -1, 0))
