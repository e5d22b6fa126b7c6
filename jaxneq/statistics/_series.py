"""A time series of each replica."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from jaxneq._core import AbstractObservable, setting


class Recording(eqx.Module):
    """The values kept so far, and how many samples have been seen."""

    count: Int[Array, ""]
    values: Float[Array, "time replica"]


class Series(AbstractObservable):
    """The values of ``function(sample)`` after every `every` steps, of each replica.

    What is found is an array (length, replica), for a correlation function say. Of all observables
    this one takes memory, ``length * replicas`` numbers. What comes after `length` values is not
    kept; what never came is NaN.

    **Arguments:** `name`, under which it is found in the solution; `function`, from the sample of
    all replicas to one number each; `length`, the number of values; `every`, in steps.
    """

    name: str = eqx.field(static=True)
    function: Callable[..., Array] = eqx.field(static=True)
    length: int = setting(doc="Values kept of each replica", range="[1, inf)")
    every: int = eqx.field(static=True, default=2, kw_only=True)

    def init(self, sample) -> Recording:
        value = jax.eval_shape(self.function, sample)
        return Recording(jnp.int32(0), jnp.full((self.length, *value.shape), jnp.nan, value.dtype))

    def update(self, accumulated: Recording, sample) -> Recording:
        values, count = accumulated.values, accumulated.count
        last = lax.dynamic_index_in_dim(values, count, keepdims=False)  # of the end if beyond
        fresh = jnp.where(count < self.length, self.function(sample), last)
        return Recording(count + 1, lax.dynamic_update_index_in_dim(values, fresh, count, 0))

    def merge(self, first: Recording, second: Recording) -> Recording:
        """The values of the second after those of the first."""
        later = jnp.arange(self.length, dtype=jnp.int32) - first.count
        moved = jnp.take(second.values, jnp.maximum(later, 0), axis=0)
        values = jnp.where((later < 0)[:, None], first.values, moved)
        return Recording(first.count + second.count, values)

    def join(self, blocks: Recording) -> Recording:
        values = jnp.moveaxis(blocks.values, 0, 1)
        return Recording(blocks.count[0], values.reshape(self.length, -1))

    def estimate(self, accumulated: Recording) -> Float[Array, "time replica"]:
        return accumulated.values
