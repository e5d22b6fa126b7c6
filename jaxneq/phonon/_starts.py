"""Temperatures from which a structure or a device starts, in local equilibrium."""

from __future__ import annotations

import abc

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, parameter, setting

from ._grid import GridProblem
from ._grid_maps import AXES
from ._grid_transport import node_bits


class AbstractStart(AbstractDeclared):
    """A rise of the temperature at time 0."""

    @abc.abstractmethod
    def rise(
        self, place: Float[Array, "*cells node axis"], size: Float[Array, " axis"]
    ) -> Float[Array, "*cells node"]:
        """The rise (K) at places, in a box of this size; both in units of the system's lengths."""


class CosineRise(AbstractStart):
    r"""A grating, :math:`A \cos(2\pi n x / l)` along an axis of length l."""

    amplitude: Scalar = parameter(unit="K", doc="Its amplitude A", default=1.0)
    axis: str = setting(doc="The axis along which it varies", choices=AXES, default="x")
    waves: int = setting(doc="Number n of its periods in the box", range="[1, inf)", default=1)

    def rise(
        self, place: Float[Array, "*cells node axis"], size: Float[Array, " axis"]
    ) -> Float[Array, "*cells node"]:
        axis = AXES.index(self.axis)
        if axis >= size.shape[0]:
            raise ValueError(
                f"CosineRise: axis = {self.axis!r} in {size.shape[0]} dimensions. Give one of "
                f"{', '.join(AXES[: size.shape[0]])}."
            )
        return self.amplitude * jnp.cos(2 * np.pi * self.waves * place[..., axis] / size[axis])


class GaussianRise(AbstractStart):
    r"""A warm spot, :math:`A\, e^{-r^2 / 2 w^2}`."""

    center: Float[Array, " axis"] = parameter(dims=("axis",), doc="Its middle")
    width: Scalar = parameter(range="(0, inf)", doc="Standard deviation w along each axis")
    amplitude: Scalar = parameter(unit="K", doc="Its amplitude A", default=1.0)

    def rise(
        self, place: Float[Array, "*cells node axis"], size: Float[Array, " axis"]
    ) -> Float[Array, "*cells node"]:
        if self.center.shape != size.shape:
            raise ValueError(
                f"GaussianRise: its center has {self.center.shape[0]} numbers in {size.shape[0]} "
                "dimensions. Give one for each."
            )
        away = place - jnp.reshape(self.center, (1,) * (place.ndim - 1) + (-1,))
        return self.amplitude * jnp.exp(-jnp.sum(away**2, axis=-1) / (2 * self.width**2))


def node_places(problem: GridProblem) -> Float[Array, "*cells node axis"]:
    """Where the nodes of all cells lie."""
    dimensions = problem.dimensions
    axes = []
    for axis, (width, bit) in enumerate(zip(problem.width, node_bits(dimensions), strict=True)):
        upper = jnp.cumsum(width)
        ends = jnp.stack([upper - width, upper], axis=-1)[:, bit]
        shape = [-1 if k == axis else 1 for k in range(dimensions)]
        along = jnp.reshape(ends, (*shape, ends.shape[-1]))
        axes.append(jnp.broadcast_to(along, (*problem.cells, 1 << dimensions)))
    return jnp.stack(axes, axis=-1)
