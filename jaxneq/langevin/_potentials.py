"""Potential energies ``U(position, control)``. A user's own is a subclass with one method."""

from __future__ import annotations

import abc
import math
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, parameter, setting
from jaxneq._kernels import elementary

Position = Float[Array, " coordinate"]
Control = Float[Array, " control"]


class AbstractPotential(AbstractDeclared):
    r"""A potential energy :math:`U(x, \lambda)` of one particle; called, it gives the energy.

    ``position`` has the shape (dimension,), ``control`` the shape (controls,): what a protocol
    changes in time, all zero where there is none; `controls` is 0 unless said otherwise. The
    gradient is by differentiation, unless a subclass overrides it.

    >>> class Quartic(langevin.AbstractPotential):
    ...     strength: Scalar = parameter(doc="Strength")
    ...     dimension = 1
    ...     def __call__(self, position, control):
    ...         return self.strength * position[0] ** 4
    """

    controls = 0
    period: ClassVar[float | None] = None  # of the force, in one dimension

    @property
    @abc.abstractmethod
    def dimension(self) -> int:
        """The number of coordinates: a property, a class variable or a setting."""

    @abc.abstractmethod
    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        """The energy."""

    def work(self, position: Position, before: Control, after: Control) -> Float[Array, ""]:
        """The work of a change of control at a fixed position: the difference of two energies.

        A subclass overrides it where the difference is simpler than both.
        """
        return self(position, after) - self(position, before)

    @property
    def rest(self) -> Position:
        """A minimum at control 0, or near one: where replicas start, and steps are judged."""
        return jnp.zeros(self.dimension)

    def gradient(self, position: Position, control: Control) -> Position:
        """The gradient of the energy: minus the force."""
        return jax.grad(self.__call__)(position, control)


class Harmonic(AbstractPotential):
    r"""An isotropic trap, :math:`U = \tfrac12 k |x - \lambda e|^2`; the control is its centre.

    It moves along the first axis, :math:`e = (1, 0, \dots)`.
    """

    controls: ClassVar[int] = 1

    stiffness: Scalar = parameter(range="(0, inf)", doc="Stiffness k", default=1.0)
    dimension: int = setting(range="[1, inf)", doc="Number of coordinates", default=1)

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        along = position[0] - control[0]
        across = jnp.sum(position[1:] ** 2)
        return self.stiffness * (along**2 + across) / 2

    def work(self, position: Position, before: Control, after: Control) -> Float[Array, ""]:
        moved, middle = after[0] - before[0], (after[0] + before[0]) / 2
        return self.stiffness * moved * (middle - position[0])


class BreathingHarmonic(AbstractPotential):
    r"""A trap of changing stiffness, :math:`U = \tfrac12 (k + \lambda) |x|^2`."""

    controls: ClassVar[int] = 1

    stiffness: Scalar = parameter(range="(0, inf)", doc="Stiffness k at control 0", default=1.0)
    dimension: int = setting(range="[1, inf)", doc="Number of coordinates", default=1)

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        return (self.stiffness + control[0]) * jnp.sum(position**2) / 2

    def work(self, position: Position, before: Control, after: Control) -> Float[Array, ""]:
        return (after[0] - before[0]) * jnp.sum(position**2) / 2


class Quadratic(AbstractPotential):
    r"""Coupled springs, :math:`U = \tfrac12 x^T K x`: a Brownian gyrator with two temperatures."""

    stiffness: Float[Array, "coordinate coordinate"] = parameter(
        doc="Symmetric positive stiffness matrix K", dims=("coordinate", "coordinate")
    )

    @property
    def dimension(self) -> int:
        return self.stiffness.shape[0]

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        energy = jnp.zeros_like(position[0])
        for i, row in enumerate(self.stiffness):
            for j, stiffness in enumerate(row):
                energy = energy + stiffness * position[i] * position[j] / 2
        return energy


class DoubleWell(AbstractPotential):
    r"""Two wells at :math:`\pm a` behind a barrier, with controls that tilt and lower it.

    .. math:: U = E_b \left[(x/a)^2 - 1\right]^2 - \lambda_1\,x/a + \lambda_2 E_b\,(x/a)^2

    At :math:`\lambda_2 = 2` the barrier is gone.
    """

    dimension: ClassVar[int] = 1
    controls: ClassVar[int] = 2

    barrier: Scalar = parameter(range="(0, inf)", doc="Barrier height E_b", default=5.0)
    distance: Scalar = parameter(
        range="(0, inf)", doc="Distance a of each well from the barrier", default=1.0
    )

    @property
    def rest(self) -> Position:
        return -self.distance[None]

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        x = position[0] / self.distance
        return self.barrier * ((x**2 - 1) ** 2 + control[1] * x**2) - control[0] * x

    def work(self, position: Position, before: Control, after: Control) -> Float[Array, ""]:
        x, (tilted, lowered) = position[0] / self.distance, after - before
        return self.barrier * lowered * x**2 - tilted * x


class TiltedCosine(AbstractPotential):
    r"""A washboard of period :math:`2\pi`, :math:`U = -V_0 \cos x - (F + \lambda) x`.

    On a ring it is the motion driven by a constant force.
    """

    dimension: ClassVar[int] = 1
    controls: ClassVar[int] = 1
    period: ClassVar[float | None] = 2 * math.pi

    amplitude: Scalar = parameter(doc="Amplitude V_0", default=1.0)
    force: Scalar = parameter(doc="Constant force F", default=0.0)

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        x = position[0]
        return -self.amplitude * elementary.cosine(x) - (self.force + control[0]) * x

    def work(self, position: Position, before: Control, after: Control) -> Float[Array, ""]:
        return (before[0] - after[0]) * position[0]


class Sawtooth(AbstractPotential):
    r"""A smooth sawtooth of period :math:`2\pi`, the potential of a ratchet.

    .. math:: U = V \left[\sin(x - \varphi) + \tfrac{a}{4} \sin 2(x - \varphi)\right]

    For positive a the slope that rises to the right is the shorter and steeper one (a = 1:
    Bartussek, Haenggi and Kissner, Europhys. Lett. 28, 459, 1994, up to sign and scale).
    """

    dimension: ClassVar[int] = 1
    period: ClassVar[float | None] = 2 * math.pi

    amplitude: Scalar = parameter(doc="Amplitude V", default=1.0)
    asymmetry: Scalar = parameter(doc="Asymmetry a; 0 is a sine", default=1.0)
    phase: Scalar = parameter(doc="Shift phi to the right", default=0.0)

    @property
    def rest(self) -> Position:
        return (self.phase - math.pi / 2)[None]

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        x = position[0] - self.phase
        bent = self.asymmetry / 4 * elementary.sine(2 * x)
        return self.amplitude * (elementary.sine(x) + bent)
