"""Protocols: what is done to a system from outside, as a function of time."""

from __future__ import annotations

import abc

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, is_concrete, parameter, part

Control = Float[Array, " control"]


class AbstractProtocol(AbstractDeclared):
    r"""The control :math:`\lambda(t)` of a potential, an array of shape (controls,).

    `before` is the control until time 0, where the system is prepared; a jump at time 0 leads from
    there to `at(0)`. From `duration` on the control rests at its last value.
    """

    @property
    @abc.abstractmethod
    def duration(self) -> Float[Array, ""]:
        """From this time on the control is constant."""

    @property
    def knots(self) -> Float[Array, " knot"]:
        """The times after 0 at which the control jumps or bends."""
        return self.duration[None]

    @property
    @abc.abstractmethod
    def before(self) -> Control:
        """The control before time 0."""

    @abc.abstractmethod
    def at(self, time: Float[Array, ""]) -> Control:
        """The control at a time, just after it where there is a jump."""


class AbstractRamp(AbstractProtocol):
    """From one value of a single control to another, in a given time."""

    end: Scalar = parameter(doc="Control at the end")
    ramp_time: Scalar = parameter(range="(0, inf)", doc="Duration of the ramp")
    start: Scalar = parameter(doc="Control at the start", default=0.0)

    @abc.abstractmethod
    def share(self, elapsed: Float[Array, ""]) -> Float[Array, ""]:
        """The share of the way behind at a share of the time, both from 0 to 1."""

    @property
    def duration(self) -> Float[Array, ""]:
        return self.ramp_time

    @property
    def before(self) -> Control:
        return self.start[None]

    def at(self, time: Float[Array, ""]) -> Control:
        share = self.share(jnp.clip(time / self.ramp_time, 0, 1))
        return (self.start + (self.end - self.start) * share)[None]


class LinearRamp(AbstractRamp):
    """From `start` to `end` at constant speed."""

    def share(self, elapsed: Float[Array, ""]) -> Float[Array, ""]:
        return elapsed


class SmoothRamp(AbstractRamp):
    r"""From `start` to `end` with no jump of speed or acceleration.

    The share of the way is :math:`s^3 (10 - 15 s + 6 s^2)` at :math:`s = t/\tau`.
    """

    def share(self, elapsed: Float[Array, ""]) -> Float[Array, ""]:
        return elapsed**3 * (10 - 15 * elapsed + 6 * elapsed**2)


class PiecewiseLinear(AbstractProtocol):
    """Straight lines between knots; a time given twice is a jump.

    The first time is 0. With ``times = [0, 0, 1, 1]`` the control jumps at the start and at the
    end, as the optimal protocols of Schmiedl and Seifert (Phys. Rev. Lett. 98, 108301, 2007) do.
    Values and times are differentiable.
    """

    times: Float[Array, " knot"] = parameter(
        range="[0, inf)",
        doc="Times of the knots, not falling, the first 0",
        dims=("knot",),
        label="time",
        coordinate=True,
    )
    values: Float[Array, " knot"] = parameter(
        doc="Control at the knots", dims=("knot",), label="control"
    )

    def __check_init__(self):
        super().__check_init__()
        if is_concrete(self.times):
            times = np.asarray(self.times)
            if times[0] != 0 or times.size < 2 or np.any(np.diff(times) < 0) or times[-1] == 0:
                raise ValueError(
                    f"PiecewiseLinear: times = {times.tolist()} must start at 0, never fall and "
                    "end later than 0. Give at least two knots; a time given twice is a jump."
                )

    @property
    def duration(self) -> Float[Array, ""]:
        return self.times[-1]

    @property
    def knots(self) -> Float[Array, " knot"]:
        return self.times

    @property
    def before(self) -> Control:
        return self.values[:1]

    def at(self, time: Float[Array, ""]) -> Control:
        last = self.times.shape[0] - 1
        right = jnp.clip(jnp.searchsorted(self.times, time, side="right"), 1, last)
        left = right - 1
        width = self.times[right] - self.times[left]
        share = jnp.where(width > 0, time - self.times[left], 1) / jnp.where(width > 0, width, 1)
        share = jnp.clip(share, 0, 1)
        rise = self.values[right] - self.values[left]
        return (self.values[left] + rise * share)[None]


class Together(AbstractProtocol):
    """Two protocols side by side: the controls of the first, then those of the second."""

    first: AbstractProtocol = part(AbstractProtocol, doc="Protocol of the first controls")
    second: AbstractProtocol = part(AbstractProtocol, doc="Protocol of the other controls")

    @property
    def duration(self) -> Float[Array, ""]:
        return jnp.maximum(self.first.duration, self.second.duration)

    @property
    def knots(self) -> Float[Array, " knot"]:
        return jnp.concatenate([self.first.knots, self.second.knots])

    @property
    def before(self) -> Control:
        return jnp.concatenate([self.first.before, self.second.before])

    def at(self, time: Float[Array, ""]) -> Control:
        return jnp.concatenate([self.first.at(time), self.second.at(time)])


class Reversed(AbstractProtocol):
    """Another protocol run backwards in time, its jumps too.

    It starts with the control in which the other one ends.
    """

    protocol: AbstractProtocol = part(AbstractProtocol, doc="Protocol to run backwards")
    time: Scalar | None = parameter(
        range="(0, inf)", doc="Its time at which to begin; by default its end", default=None
    )

    @property
    def duration(self) -> Float[Array, ""]:
        return self.protocol.duration if self.time is None else self.time

    @property
    def before(self) -> Control:
        return self.protocol.at(self.duration)

    def at(self, time: Float[Array, ""]) -> Control:
        left = self.duration - time
        known = lax.stop_gradient(left)
        just_before = left + (jnp.nextafter(known, -jnp.inf) - known)
        return jnp.where(left > 0, self.protocol.at(just_before), self.protocol.before)


class Stretched(AbstractProtocol):
    """Another protocol at another pace: `factor` times as long."""

    protocol: AbstractProtocol = part(AbstractProtocol, doc="Protocol to stretch")
    factor: Scalar = parameter(range="(0, inf)", doc="Its duration is multiplied by this")

    @property
    def duration(self) -> Float[Array, ""]:
        return self.factor * self.protocol.duration

    @property
    def before(self) -> Control:
        return self.protocol.before

    def at(self, time: Float[Array, ""]) -> Control:
        return self.protocol.at(time / self.factor)
