"""How the power of a heater varies in time."""

from __future__ import annotations

import abc

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, parameter


class AbstractWaveform(AbstractDeclared):
    """A share of the power of a heater, by time."""

    @abc.abstractmethod
    def at(self, time: Scalar) -> Float[Array, ""]:
        """The share at a time (s)."""


class GaussianPulse(AbstractWaveform):
    r"""A pulse :math:`e^{-(t - t_0)^2 / 2 w^2}`."""

    center: Scalar = parameter(unit="s", doc="Time t0 of its maximum")
    width: Scalar = parameter(unit="s", range="(0, inf)", doc="Standard deviation w")

    def at(self, time: Scalar) -> Float[Array, ""]:
        return jnp.exp(-((time - self.center) ** 2) / (2 * self.width**2))


class RectangularPulse(AbstractWaveform):
    """The full power for some time. Steps should end where it begins and ends."""

    duration: Scalar = parameter(unit="s", range="(0, inf)", doc="How long it lasts")
    start: Scalar = parameter(unit="s", range="[0, inf)", doc="When it begins", default=0.0)

    def at(self, time: Scalar) -> Float[Array, ""]:
        on = (time > self.start) & (time <= self.start + self.duration)
        return on.astype(self.duration.dtype)
