"""The correlation function of a quantity, gathered along a run."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from jaxneq._core import Estimate, setting

from ._following import EVERY, AbstractFollowing, joined


class Products(eqx.Module):
    """Of each replica: how many samples, their mean, and the mean product at every lag.

    `last` are the latest samples, the newest first, and `first` the earliest, the oldest first:
    with these two, parts of a run merge as if it had not been cut.
    """

    count: Int[Array, ""]
    mean: Float[Array, "... replica"]
    products: Float[Array, "lag ... replica"]
    last: Float[Array, "lag ... replica"]
    first: Float[Array, "lag ... replica"]


class CorrelationFunction(eqx.Module):
    """**Fields:** `value`, at each lag; `integral`, from lag 0, in units of the interval."""

    value: Estimate
    integral: Estimate


class Autocorrelation(AbstractFollowing):
    r"""The autocorrelation of a quantity, and its integral (Green and Kubo).

    .. math:: C_k = \langle a_{t+k}\,a_t \rangle - \langle a \rangle^2

    at the lags 0, 1, ... times `every` steps, in constant memory: the last samples of each replica
    are kept. Errors are those over independent replicas, of the integral too, which is a
    trapezoidal sum; the error of the mean is taken out, so that no bias is left. In a stationary
    state the integral of the velocity's is the diffusion coefficient (Green, J. Chem. Phys. 22,
    398, 1954; Kubo, J. Phys. Soc. Jpn. 12, 570, 1957). For its arguments see `AbstractFollowing`.
    """

    lags: int = setting(doc="Number of lags, 0 included", range="[1, inf)")
    every: int = setting(doc=EVERY, range="[1, inf)", default=16, kw_only=True)

    def check(self, samples: int) -> None:
        if self.lags > samples:
            raise ValueError(
                f"Autocorrelation: {self.name} has {samples} samples, too few for {self.lags} "
                "lags. Give fewer lags, a smaller every or a longer time."
            )

    def init(self, sample) -> Products:
        value = self.shape(sample)
        zero = jnp.zeros(value.shape, value.dtype)
        lagged = jnp.zeros((self.lags, *value.shape), value.dtype)
        return Products(jnp.int32(0), zero, lagged, lagged, lagged)

    def update(self, accumulated: Products, sample) -> Products:
        value, count = self.value(sample), accumulated.count + 1
        last = jnp.concatenate([value[None], accumulated.last[:-1]])
        share = _reciprocal(self._pairs(count), last)
        products = accumulated.products + share * (value[None] * last - accumulated.products)
        mean = accumulated.mean + (value - accumulated.mean) / count.astype(value.dtype)
        first = accumulated.first.at[accumulated.count].set(value, mode="drop")
        return Products(count, mean, products, last, first)

    def _pairs(self, count: Int[Array, ""]) -> Int[Array, " lag"]:
        """How many pairs of samples there are at each lag."""
        return jnp.maximum(count - jnp.arange(self.lags, dtype=jnp.int32), 0)

    def merge(self, first: Products, second: Products) -> Products:
        """The second part is taken to follow the first."""
        count = first.count + second.count
        dtype, lag = first.mean.dtype, jnp.arange(self.lags, dtype=jnp.int32)

        def crossing(k: Int[Array, ""]) -> Array:
            """Products of one sample of the first part with one, k later, of the second."""
            at = k - 1 - lag
            partner = jnp.take(second.first, jnp.maximum(at, 0), axis=0)
            return jnp.sum(jnp.where(_column(at >= 0, partner), first.last * partner, 0), axis=0)

        sums = sum(
            _column(self._pairs(one.count).astype(dtype), one.products) * one.products
            for one in (first, second)
        )
        sums = sums + lax.map(crossing, lag)
        share = second.count.astype(dtype) / jnp.maximum(count, 1).astype(dtype)
        return Products(
            count,
            first.mean + share * (second.mean - first.mean),
            sums * _reciprocal(self._pairs(count), sums),
            _continued(second.last, first.last, second.count),
            _continued(first.first, second.first, first.count),
        )

    def join(self, blocks: Products) -> Products:
        rest = (blocks.mean, blocks.products, blocks.last, blocks.first)
        return Products(blocks.count[0], *map(joined, rest))

    def estimate(self, accumulated: Products) -> CorrelationFunction:
        """Estimates of shape (..., lag)."""
        mean, replicas = accumulated.mean, accumulated.mean.shape[-1]
        whole = jnp.mean(mean, axis=-1, keepdims=True)
        spread = jnp.var(mean, axis=-1, keepdims=True, ddof=1) / replicas
        # To first order in the errors of the means, what one replica adds to the estimate.
        samples = accumulated.products - ((2 * mean - whole) * whole - spread)[None]
        samples = jnp.where(_column(self._pairs(accumulated.count) > 0, samples), samples, jnp.nan)
        samples = jnp.moveaxis(samples, (-1, 0), (0, -1))
        steps = (samples[..., 1:] + samples[..., :-1]) / 2
        integral = jnp.cumsum(jnp.concatenate([jnp.zeros_like(samples[..., :1]), steps], -1), -1)
        return CorrelationFunction(*map(Estimate.from_samples, (samples, integral)))

    def report(self, found: CorrelationFunction, sample: Any, interval: Array) -> dict[str, Any]:
        lags = jnp.arange(self.lags).astype(interval.dtype) * interval
        told = self.told(found.value, "{}: autocorrelation", sample, "lag", at={"lag": lags})
        if told:
            declared = told[self.name][1] | {"doc": f"Integral of {self.name} up to each lag"}
            told[f"{self.name}_integral"] = found.integral.scaled(interval), declared
        return told


def _column(values: Array, like: Array) -> Array:
    """Along the first axis of another array."""
    return values.reshape(-1, *(1,) * (like.ndim - 1))


def _reciprocal(pairs: Int[Array, " lag"], like: Array) -> Array:
    """One over each, 0 where there are none."""
    counted = jnp.maximum(pairs, 1).astype(like.dtype)
    return _column(jnp.where(pairs > 0, 1 / counted, 0), like)


def _continued(near: Array, far: Array, count: Int[Array, ""]) -> Array:
    """As many of the one as there are, then those of the other."""
    at = jnp.arange(near.shape[0], dtype=jnp.int32) - count
    moved = jnp.take(far, jnp.maximum(at, 0), axis=0)
    return jnp.where(_column(at < 0, near), near, moved)
