"""Potential energies ``U(position, control)``. A user's own is a subclass with one method."""

from __future__ import annotations

import abc
from typing import ClassVar

import equinox as eqx
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
    changes in time, all zero where there is none. The gradient is by differentiation, unless a
    subclass overrides it.

    >>> class Quartic(langevin.AbstractPotential):
    ...     strength: Scalar = parameter(doc="Strength")
    ...     dimension: ClassVar[int] = 1
    ...     controls: ClassVar[int] = 0
    ...     def __call__(self, position, control):
    ...         return self.strength * position[0] ** 4
    """

    dimension: eqx.AbstractVar[int]
    controls: eqx.AbstractClassVar[int]

    @abc.abstractmethod
    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        """The energy."""

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


class BreathingHarmonic(AbstractPotential):
    r"""A trap of changing stiffness, :math:`U = \tfrac12 (k + \lambda) |x|^2`."""

    controls: ClassVar[int] = 1

    stiffness: Scalar = parameter(range="(0, inf)", doc="Stiffness k at control 0", default=1.0)
    dimension: int = setting(range="[1, inf)", doc="Number of coordinates", default=1)

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        return (self.stiffness + control[0]) * jnp.sum(position**2) / 2


class Quadratic(AbstractPotential):
    r"""Coupled springs, :math:`U = \tfrac12 x^T K x`: a Brownian gyrator with two temperatures."""

    controls: ClassVar[int] = 0

    stiffness: Float[Array, "coordinate coordinate"] = parameter(
        doc="Symmetric positive stiffness matrix K", dims=("coordinate", "coordinate")
    )

    @property
    def dimension(self) -> int:
        return self.stiffness.shape[0]

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        rows = range(self.dimension)
        forces = (sum(self.stiffness[i, j] * position[j] for j in rows) for i in rows)
        return sum(position[i] * force for i, force in enumerate(forces)) / 2


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

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        x = position[0] / self.distance
        return self.barrier * ((x**2 - 1) ** 2 + control[1] * x**2) - control[0] * x


class TiltedCosine(AbstractPotential):
    r"""A washboard of period :math:`2\pi`, :math:`U = -V_0 \cos x - (F + \lambda) x`.

    On a ring it is the motion driven by a constant force.
    """

    dimension: ClassVar[int] = 1
    controls: ClassVar[int] = 1

    amplitude: Scalar = parameter(doc="Amplitude V_0", default=1.0)
    force: Scalar = parameter(doc="Constant force F", default=0.0)

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        x = position[0]
        return -self.amplitude * elementary.cosine(x) - (self.force + control[0]) * x
