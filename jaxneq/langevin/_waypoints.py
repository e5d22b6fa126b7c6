"""A protocol of many controls."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import Scalar, parameter, setting

from ._protocols import AbstractProtocol, Control


class Waypoints(AbstractProtocol):
    """From some controls to others by way of others still, with a jump at either end.

    The controls are `start` until time 0 and `end` from `ramp_time` on. Between, they run straight
    from each row of `values` to the next, the first at time 0, the last just before the end, at
    equal times. Where `values` are not given, they are so many `rows` on the straight way.
    """

    start: Float[Array, " control"] = parameter(doc="Controls before", dims=("control",))
    end: Float[Array, " control"] = parameter(doc="Controls at the end", dims=("control",))
    ramp_time: Scalar = parameter(range="(0, inf)", doc="Duration")
    values: Float[Array, "row control"] | None = parameter(
        doc="Controls at equal times", dims=("row", "control"), default=None
    )
    rows: int = setting(range="[2, inf)", doc="Rows of values that are not given", default=21)

    def __post_init__(self):
        start, end = (jnp.asarray(each, float) for each in (self.start, self.end))
        if self.values is None and start.shape == end.shape:
            share = jnp.linspace(0, 1, self.rows)
            self.values = start[None] + share[:, None] * (end - start)[None]

    def __check_init__(self):
        super().__check_init__()
        if self._values.shape[0] < 2:
            raise ValueError("Waypoints: values has one row. Give at least two.")

    @property
    def _values(self) -> Float[Array, "row control"]:
        assert self.values is not None
        return self.values

    @property
    def duration(self) -> Float[Array, ""]:
        return self.ramp_time

    @property
    def knots(self) -> Float[Array, " knot"]:
        count = self._values.shape[0]
        return self.ramp_time * jnp.linspace(0, 1, count, dtype=self.ramp_time.dtype)[1:]

    @property
    def before(self) -> Control:
        return self.start

    def at(self, time: Float[Array, ""]) -> Control:
        last = self._values.shape[0] - 1
        place = jnp.clip(time / self.ramp_time, 0, 1) * last
        left = jnp.clip(jnp.floor(place), 0, last - 1)
        index = left.astype(jnp.int32)
        first, second = self._values[index], self._values[index + 1]
        return jnp.where(time < self.ramp_time, first + (second - first) * (place - left), self.end)
