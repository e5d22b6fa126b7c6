"""What drives a device: contacts at a temperature, heaters of a power."""

from __future__ import annotations

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, named, parameter, part, setting

from ._shapes import AbstractShape, Points
from ._waveforms import AbstractWaveform

WAVEFORM = "Its power in time, for `evolve`; on from time 0 unless given"
SIDES = ("left", "right", "bottom", "top", "front", "back")  # lower, upper along x, y, z


class Contact(AbstractDeclared):
    """A side of a device, or a part of it, that emits and absorbs all phonons at a temperature."""

    name: str = named(doc="Name of the contact")
    temperature: Scalar = parameter(unit="K", range="(0, inf)", doc="Its temperature")
    side: str = setting(
        doc="Where it is: left and right along x, bottom and top along y, front and back along z",
        choices=SIDES,
    )
    start: Float[Array, " along"] | None = parameter(
        dims=("along",),
        doc="Where it begins along the other axes, in order; with the side unless given",
        default=None,
    )
    stop: Float[Array, " along"] | None = parameter(
        dims=("along",),
        doc="Where it ends along the other axes, in order; with the side unless given",
        default=None,
    )

    @property
    def axis(self) -> int:
        """The axis across it."""
        return SIDES.index(self.side) // 2

    @property
    def end(self) -> int:
        """The end of the axis at which it is."""
        return SIDES.index(self.side) % 2

    def edges(self, axis: int) -> Float[Array, " edges"]:
        """Where the mesh should have faces along an axis."""
        if axis == self.axis:
            return jnp.zeros(0)
        at = axis - (axis > self.axis)
        ends = [place[at] for place in (self.start, self.stop) if place is not None]
        return jnp.stack(ends) if ends else jnp.zeros(0)

    @property
    def whole(self) -> bool:
        """Whether it holds all of its side."""
        return self.start is None and self.stop is None

    def check(self, dimensions: int, sides: list[str]) -> None:
        """Refuse a side that a device does not have, or ends of other dimensions."""
        if self.side not in sides:
            raise ValueError(
                f"Device: contact {self.name!r} has side = {self.side!r}, which is not there "
                f"or periodic. Give one of {', '.join(sides)}."
            )
        for place in (self.start, self.stop):
            if place is not None and place.shape[0] != dimensions - 1:
                raise ValueError(
                    f"Device: contact {self.name!r} begins or ends at {place.shape[0]} numbers. "
                    f"Give {dimensions - 1}, one for each axis along it."
                )

    def touches(self, points: Points) -> Float[Array, "*cells axis side"]:
        """1 for the sides of cells with these middles that it holds."""
        dimensions = points.shape[-1]
        there = jnp.ones(points.shape[:-1], bool)
        for at, axis in enumerate(k for k in range(dimensions) if k != self.axis):
            if self.start is not None:
                there = there & (points[..., axis] > self.start[at])
            if self.stop is not None:
                there = there & (points[..., axis] < self.stop[at])
        last = [slice(None)] * dimensions
        last[self.axis] = slice(-1, None) if self.end else slice(0, 1)
        place = (*last, self.axis, self.end)
        out = jnp.zeros((*points.shape[:-1], dimensions, 2), points.dtype)
        return out.at[place].set(there[tuple(last)].astype(points.dtype))


def touched(
    contacts: tuple[Contact, ...], points: Points
) -> Float[Array, "contact *cells axis side"]:
    """The sides that each contact holds; the first where several meet."""
    free: Any = 1
    held = []
    for contact in contacts:
        held.append(free * contact.touches(points))
        free = free - held[-1]
    return jnp.stack(held)


class AbstractHeater(AbstractDeclared):
    """A source of heat in a device."""

    name: eqx.AbstractVar[str]
    power: eqx.AbstractVar[Scalar]

    @property
    @abc.abstractmethod
    def waveform(self) -> AbstractWaveform | None:
        """Its power in time."""

    def power_at(self, time: Scalar) -> Float[Array, ""]:
        """Its power (W) at a time (s)."""
        return self.power if self.waveform is None else self.power * self.waveform.at(time)

    @abc.abstractmethod
    def profile(self, points: Points) -> Float[Array, "*cells"]:
        """Where the power goes, per volume, up to a factor."""

    def edges(self, axis: int) -> Float[Array, " edges"]:
        """Where the mesh should have faces along an axis."""
        return jnp.zeros(0)

    @property
    @abc.abstractmethod
    def dimensions(self) -> tuple[int, ...]:
        """The dimensions in which it can be used."""


class Heater(AbstractHeater):
    """A shape that is heated evenly. What of it lies in voids is left out, not the power."""

    name: str = named(doc="Name of the heater")
    shape: AbstractShape = part(AbstractShape, doc="What is heated")
    power: Scalar = parameter(unit="W", doc="Its power")
    waveform: AbstractWaveform | None = part(AbstractWaveform, doc=WAVEFORM, default=None)

    def profile(self, points: Points) -> Float[Array, "*cells"]:
        return self.shape.inside(points).astype(points.dtype)

    def edges(self, axis: int) -> Float[Array, " edges"]:
        return self.shape.edges(axis)

    @property
    def dimensions(self) -> tuple[int, ...]:
        return self.shape.dimensions


class GaussianHeater(AbstractHeater):
    r"""A power that falls off as :math:`e^{-r^2 / 2 w^2}`; what is outside is moved inside."""

    name: str = named(doc="Name of the heater")
    center: Float[Array, " axis"] = parameter(dims=("axis",), doc="Its middle")
    width: Scalar = parameter(range="(0, inf)", doc="Standard deviation w along each axis")
    power: Scalar = parameter(unit="W", doc="Its power")
    waveform: AbstractWaveform | None = part(AbstractWaveform, doc=WAVEFORM, default=None)

    def profile(self, points: Points) -> Float[Array, "*cells"]:
        away = points - jnp.reshape(self.center, (1,) * (points.ndim - 1) + (-1,))
        return jnp.exp(-jnp.sum(away**2, axis=-1) / (2 * self.width**2))

    @property
    def dimensions(self) -> tuple[int, ...]:
        return (self.center.shape[0],)
