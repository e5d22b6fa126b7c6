"""What varies from place to place: friction and temperature; and forces that no energy has."""

from __future__ import annotations

import abc
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, parameter

Position = Float[Array, " coordinate"]
Control = Float[Array, " control"]


class AbstractProfile(AbstractDeclared):
    """How friction or temperature varies: the factor for each coordinate, at a position.

    `uniform` says that the factor does not depend on the position.
    """

    uniform: eqx.AbstractClassVar[bool]

    @abc.abstractmethod
    def __call__(self, position: Position) -> Float[Array, " factors"]:
        """The factor for each coordinate."""


class PerCoordinate(AbstractProfile):
    """A factor for each coordinate: several baths, such as those of a Brownian gyrator."""

    uniform: ClassVar[bool] = True

    factor: Float[Array, " coordinate"] = parameter(
        range="[0, inf)", doc="Factor of each coordinate", dims=("coordinate",)
    )

    def __call__(self, position: Position) -> Float[Array, " factors"]:
        return self.factor


class CosineProfile(AbstractProfile):
    r"""A factor that varies along the first coordinate, :math:`1 + a \cos(2\pi x/L - \varphi)`."""

    uniform: ClassVar[bool] = False

    amplitude: Scalar = parameter(range="(-1, 1)", doc="Amplitude a of the factor")
    period: Scalar = parameter(range="(0, inf)", doc="Period L", default=6.283185307179586)
    phase: Scalar = parameter(doc="Phase", default=0.0)

    def __call__(self, position: Position) -> Position:
        angle = 2 * jnp.pi * position[0] / self.period - self.phase
        return jnp.broadcast_to(1 + self.amplitude * jnp.cos(angle), position.shape)


class AbstractDrive(AbstractDeclared):
    """A force that is no gradient, such as a shear: it does work around closed loops."""

    @abc.abstractmethod
    def __call__(self, position: Position, control: Control) -> Position:
        """The force on each coordinate."""


class ConstantForce(AbstractDrive):
    r"""A force along the first coordinate, such as a load; on a ring it has no energy."""

    force: Scalar = parameter(doc="Force F along the first coordinate")

    def __call__(self, position: Position, control: Control) -> Position:
        return jnp.concatenate([self.force[None], jnp.zeros_like(position[1:])])


class Rotation(AbstractDrive):
    r"""A force that stirs the plane of the first two coordinates, :math:`f = a\,(-y, x)`."""

    strength: Scalar = parameter(doc="Strength a, a torque per squared distance")

    def __call__(self, position: Position, control: Control) -> Position:
        rest = jnp.zeros_like(position[2:])
        stirred = self.strength * jnp.stack([-position[1], position[0]])
        return jnp.concatenate([stirred, rest])
