"""Averages over independent samples."""

from __future__ import annotations

import functools
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxneq._core import AbstractObservable, Estimate


class Moments(eqx.Module):
    """Count, mean and sum of squared deviations. The count is an integer: a float would stall."""

    count: Int[Array, ""]
    mean: Float[Array, "..."]
    deviation: Float[Array, "..."]


class EnsembleAverage(AbstractObservable):
    """The mean of ``function(sample)`` over samples that are independent of one another.

    **Arguments:** `name`, under which it is found in the solution; `function`, from a sample to
    an array whose last axis runs over independent replicas; `every`, in
    steps.
    """

    name: str = eqx.field(static=True)
    function: Callable[..., Array] = eqx.field(static=True)
    every: int = eqx.field(static=True, default=1, kw_only=True)

    def init(self, sample) -> Moments:
        value = jax.eval_shape(self.function, sample)
        zero = jnp.zeros(value.shape[:-1], value.dtype)
        return Moments(jnp.int32(0), zero, zero)

    def update(self, accumulated: Moments, sample) -> Moments:
        value = self.function(sample)
        count, mean = value.shape[-1], value.mean(axis=-1)
        deviation = jnp.sum((value - mean[..., None]) ** 2, axis=-1)
        return self.merge(accumulated, Moments(jnp.int32(count), mean, deviation))

    def join(self, blocks: Moments) -> Moments:
        return functools.reduce(
            self.merge, map(Moments, blocks.count, blocks.mean, blocks.deviation)
        )

    def merge(self, first: Moments, second: Moments) -> Moments:
        """As of Chan, Golub and LeVeque, Am. Stat. 37, 242 (1983)."""
        count = first.count + second.count
        dtype = first.mean.dtype
        share = second.count.astype(dtype) / jnp.maximum(count, 1).astype(dtype)
        step = second.mean - first.mean
        between = first.count.astype(dtype) * share * step**2
        return Moments(
            count, first.mean + share * step, first.deviation + second.deviation + between
        )

    def estimate(self, accumulated: Moments) -> Estimate:
        count = accumulated.count.astype(accumulated.mean.dtype)
        stderr = jnp.sqrt(accumulated.deviation / (count - 1) / count)
        return Estimate(accumulated.mean, stderr, jnp.broadcast_to(count, stderr.shape))
