"""A choice of some among many, made by degrees."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import Scalar, parameter, setting

from ._spaces import AbstractSpace

Shares = Float[Array, " entry"]

_HALVINGS = 60  # of the interval of the threshold


class Selection(AbstractSpace):
    r"""Numbers from 0 (left out) to 1 (chosen) with a given sum, driven to these ends.

    .. math:: x_i = \frac{1}{1 + e^{-\beta (u_i - \theta)}}, \qquad \sum_i x_i = n

    The threshold :math:`\theta` keeps the sum at every step, and the sharpness :math:`\beta` rises
    over the steps from 1 to the one given, in equal ratios. At the end the n largest are chosen.
    Where the parameter has no value, all of `among` numbers begin alike.

    It is the threshold of `DensityField` for a choice without neighbours (F. Wang, B. S. Lazarov
    and O. Sigmund, Struct. Multidisc. Optim. 43, 767, 2011).
    """

    count: int = setting(range="[1, inf)", doc="How many are chosen, n")
    among: int = setting(
        range="[0, inf)", doc="Numbers to begin with, where the parameter has no value", default=0
    )
    sharpness: Scalar = parameter(range="[1, inf)", doc="Sharpness beta at the end", default=4.0)

    def begin(self) -> Shares | None:
        if self.among <= self.count:
            return None
        return jnp.full(self.among, self.count / self.among, jnp.result_type(float))

    def coordinates(self, values: Shares) -> Shares:
        return jnp.log(values) - jnp.log1p(-values)

    def __call__(self, coordinates: Shares, start: Shares, progress: Array) -> Shares:
        sharpness = self.sharpness.astype(start.dtype) ** progress.astype(start.dtype)
        steep = sharpness * coordinates
        return jax.nn.sigmoid(steep - self._threshold(steep))

    def check(self, name: str, values: Any) -> None:
        if np.ndim(values) != 1 or len(values) <= self.count:
            raise ValueError(
                f"Selection: {name} has shape {np.shape(values)}, of which {self.count} cannot be "
                "chosen. Give an array of more numbers."
            )
        if not np.all((np.asarray(values) > 0) & (np.asarray(values) < 1)):
            raise ValueError(
                f"Selection: {name} has numbers at 0 or 1 or outside, where nothing moves. Start "
                "with numbers between."
            )

    def settled(self, values: Shares) -> Shares:
        """1 for the largest, 0 for the others."""
        rank = jnp.argsort(jnp.argsort(-values))
        return jnp.where(rank < self.count, jnp.ones_like(values), jnp.zeros_like(values))

    def _threshold(self, steep: Shares) -> Array:
        """Where the sum is the count: by bisection, and a step of Newton for its derivative."""
        share = self.count / steep.shape[0]
        known = lax.stop_gradient(steep)
        offset = np.log(share) - np.log1p(-share)  # of all alike
        ends = jnp.min(known) - offset, jnp.max(known) - offset

        def halve(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = ends
            middle = (low + high) / 2
            above = jnp.sum(jax.nn.sigmoid(known - middle)) > self.count
            return jnp.where(above, middle, low), jnp.where(above, high, middle)

        low, high = lax.fori_loop(0, _HALVINGS, halve, ends)
        found = lax.stop_gradient((low + high) / 2)
        chosen = jax.nn.sigmoid(steep - found)
        slope = lax.stop_gradient(jnp.sum(chosen * (1 - chosen)))
        return found + (jnp.sum(chosen) - self.count) / slope
