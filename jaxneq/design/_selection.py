"""A choice of some among many, made by degrees."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import setting

from ._spaces import AbstractSpace
from ._threshold import threshold

Shares = Float[Array, " entry"]


class Selection(AbstractSpace):
    r"""Numbers from 0 (left out) to 1 (chosen) with a given sum.

    .. math:: x_i = \frac{1}{1 + e^{\theta - u_i}}, \qquad \sum_i x_i = n

    The threshold :math:`\theta` keeps the sum at every step. Most entries go to one of the ends;
    some stay between, where a mixture is better than any choice. At the end the n largest are
    chosen, which need not be the best choice of all. Where the parameter has no value, all of
    `among` numbers begin alike.
    """

    count: int = setting(range="[1, inf)", doc="How many are chosen, n")
    among: int = setting(
        range="[0, inf)", doc="Numbers to begin with, where the parameter has no value", default=0
    )

    def begin(self) -> Shares | None:
        if self.among <= self.count:
            return None
        return jnp.full(self.among, self.count / self.among, jnp.result_type(float))

    def coordinates(self, values: Shares) -> Shares:
        return jnp.log(values) - jnp.log1p(-values)

    def __call__(self, coordinates: Shares, start: Shares, progress: Array) -> Shares:
        return jax.nn.sigmoid(coordinates - self._threshold(coordinates))

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

    def _threshold(self, coordinates: Shares) -> Array:
        """Where the sum is the count."""
        share = self.count / coordinates.shape[0]
        offset = np.log(share) - np.log1p(-share)  # of all alike
        return threshold(
            lambda at: jnp.sum(jax.nn.sigmoid(coordinates - at)) - self.count,
            jnp.min(coordinates) - offset,
            jnp.max(coordinates) - offset,
        )
