"""How often a quantity has which value."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Int

from jaxneq._core import Estimate, Scalar, is_concrete, parameter, setting

from ._following import EVERY, AbstractFollowing, joined


class Counts(eqx.Module):
    """Samples seen, and those in each bin."""

    count: Int[Array, ""]
    inside: Int[Array, "bin ... replica"]


class Histogram(AbstractFollowing):
    r"""The probability density of a quantity, averaged over each bin.

    .. math:: p_i = \frac{n_i}{n\,w}, \qquad w = \frac{b - a}{\text{bins}}

    The error is that over independent replicas, whatever the correlations in time and between
    bins. Samples outside the interval count in n alone. For its arguments see `AbstractFollowing`.
    """

    low: Scalar = parameter(doc="Lower end a of the first bin")
    high: Scalar = parameter(doc="Upper end b of the last bin")
    bins: int = setting(doc="Number of bins", range="[1, inf)", default=50)
    every: int = setting(doc=EVERY, range="[1, inf)", default=16, kw_only=True)

    def __check_init__(self):
        super().__check_init__()
        if not (is_concrete(self.low) and is_concrete(self.high)):
            return
        low, high = float(self.low), float(self.high)
        if not low < high:
            raise ValueError(
                f"Histogram: low = {low:g} is not below high = {high:g}. Exchange the two."
            )

    def init(self, sample) -> Counts:
        return Counts(jnp.int32(0), jnp.zeros((self.bins, *self.shape(sample).shape), jnp.int32))

    def update(self, accumulated: Counts, sample) -> Counts:
        value = self.value(sample)
        low, high = self.low.astype(value.dtype), self.high.astype(value.dtype)
        place = jnp.floor((value - low) / (high - low) * self.bins)
        bins = jnp.arange(self.bins).astype(value.dtype).reshape(-1, *(1,) * value.ndim)
        here = (place[None] == bins).astype(jnp.int32)
        return Counts(accumulated.count + 1, accumulated.inside + here)

    def merge(self, first: Counts, second: Counts) -> Counts:
        return Counts(first.count + second.count, first.inside + second.inside)

    def join(self, blocks: Counts) -> Counts:
        return Counts(blocks.count[0], joined(blocks.inside))

    def estimate(self, accumulated: Counts) -> Estimate:
        """Of shape (..., bin)."""
        width = (self.high - self.low) / self.bins
        share = accumulated.inside.astype(width.dtype) / accumulated.count.astype(width.dtype)
        return Estimate.from_samples(jnp.moveaxis(share / width, (-1, 0), (0, -1)))

    def report(self, found: Estimate, sample: Any, interval: Array) -> dict[str, Any]:
        middle = (jnp.arange(self.bins).astype(self.low.dtype) + 0.5) / self.bins
        places = self.low + (self.high - self.low) * middle
        told = self.told(found, "{}: probability density", sample, "value", at={"value": places})
        if told:
            told[f"{self.name}_value"][1]["label"] = self.of
        return told
