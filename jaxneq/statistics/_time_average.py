"""Averages along a run, replica by replica."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractObservable, Estimate


class Mean(eqx.Module):
    """A weighted running mean of each replica (West, Commun. ACM 22, 532, 1979)."""

    weight: Float[Array, ""]
    mean: Float[Array, " replicas"]


class TimeAverage(AbstractObservable):
    """The time average of ``function(sample)``, with the error over independent replicas.

    **Arguments:** `name`, under which it is found in the solution; `function`, from the sample of
    all replicas to one number each.
    """

    name: str = eqx.field(static=True)
    function: Callable[..., Array] = eqx.field(static=True)

    def init(self, sample) -> Mean:
        value = jax.eval_shape(self.function, sample)
        return Mean(jnp.zeros((), value.dtype), jnp.zeros(value.shape, value.dtype))

    def update(self, accumulated: Mean, sample, weight: Float[Array, ""]) -> Mean:
        total = accumulated.weight + weight
        gain = weight / jnp.where(total > 0, total, 1)
        value = self.function(sample)
        return Mean(total, accumulated.mean + gain * (value - accumulated.mean))

    def merge(self, first: Mean, second: Mean) -> Mean:
        total = first.weight + second.weight
        gain = second.weight / jnp.where(total > 0, total, 1)
        return Mean(total, first.mean + gain * (second.mean - first.mean))

    def estimate(self, accumulated: Mean) -> Estimate:
        return Estimate.from_samples(accumulated.mean)
