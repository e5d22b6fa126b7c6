"""Shapes from which structures are put together."""

from __future__ import annotations

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxneq._core import AbstractDeclared, Scalar, is_concrete, named, parameter, part

Points = Float[Array, "*cells axis"]


class AbstractShape(AbstractDeclared):
    """A part of space, in the unit of length of the structure that it belongs to."""

    name: eqx.AbstractVar[str]

    @abc.abstractmethod
    def inside(self, points: Points) -> Bool[Array, "*cells"]:
        """Which of the points it holds."""

    def edges(self, axis: int) -> Float[Array, " edges"]:
        """Where the mesh should have faces along an axis: at flat sides across it."""
        return jnp.zeros(0)

    def limits(self, axis: int) -> Float[Array, " ends"]:
        """Those of them where it begins and ends, which the mesh must tell apart."""
        edges = self.edges(axis)
        return jnp.stack([edges.min(), edges.max()]) if edges.size else edges

    @property
    @abc.abstractmethod
    def dimensions(self) -> tuple[int, ...]:
        """The dimensions in which it can be used."""


class Box(AbstractShape):
    """A rectangle or cuboid along the axes. The mesh has faces at its sides."""

    name: str = named(doc="Name of the box")
    center: Float[Array, " axis"] = parameter(dims=("axis",), doc="Its middle")
    size: Float[Array, " axis"] = parameter(
        dims=("axis",), range="(0, inf)", doc="Lengths of its sides"
    )

    def inside(self, points: Points) -> Bool[Array, "*cells"]:
        away = jnp.abs(points - jnp.reshape(self.center, (1,) * (points.ndim - 1) + (-1,)))
        return jnp.all(away < jnp.reshape(self.size, (1,) * (points.ndim - 1) + (-1,)) / 2, axis=-1)

    def edges(self, axis: int) -> Float[Array, " edges"]:
        half = self.size[axis] / 2
        return jnp.stack([self.center[axis] - half, self.center[axis] + half])

    @property
    def dimensions(self) -> tuple[int, ...]:
        return (self.center.shape[0],)


class Circle(AbstractShape):
    """A circle; in three dimensions a cylinder along the third axis. Meshes make it a staircase."""

    name: str = named(doc="Name of the circle")
    center: Float[Array, " axis"] = parameter(dims=("axis",), doc="Its middle: x and y")
    radius: Scalar = parameter(range="(0, inf)", doc="Its radius")

    def inside(self, points: Points) -> Bool[Array, "*cells"]:
        x, y = points[..., 0] - self.center[0], points[..., 1] - self.center[1]
        return x**2 + y**2 < self.radius**2

    @property
    def dimensions(self) -> tuple[int, ...]:
        return (2, 3)


class Sphere(AbstractShape):
    """A sphere, in three dimensions. A mesh makes it a staircase."""

    name: str = named(doc="Name of the sphere")
    center: Float[Array, " axis"] = parameter(dims=("axis",), doc="Its middle")
    radius: Scalar = parameter(range="(0, inf)", doc="Its radius")

    def inside(self, points: Points) -> Bool[Array, "*cells"]:
        away = points - jnp.reshape(self.center, (1,) * (points.ndim - 1) + (-1,))
        return jnp.sum(away**2, axis=-1) < self.radius**2

    @property
    def dimensions(self) -> tuple[int, ...]:
        return (3,)


class Polygon(AbstractShape):
    """A polygon of any shape; in three dimensions a prism along the third axis.

    A point is inside if a line from it crosses the boundary an odd number of times. A mesh makes
    sides that are not along an axis a staircase.
    """

    name: str = named(doc="Name of the polygon")
    corners: Float[Array, "corner axis"] = parameter(
        dims=("corner", "axis"), doc="Its corners, x and y of each, in order"
    )

    def inside(self, points: Points) -> Bool[Array, "*cells"]:
        x, y = points[..., 0][..., None], points[..., 1][..., None]
        shape = (1,) * (points.ndim - 1) + (-1,)
        x0, y0 = (self.corners[:, k].reshape(shape) for k in (0, 1))
        x1, y1 = (jnp.roll(self.corners[:, k], -1).reshape(shape) for k in (0, 1))
        crosses = (y0 > y) != (y1 > y)
        height = jnp.where(crosses, y1 - y0, 1)
        before = x < x0 + (y - y0) / height * (x1 - x0)
        return jnp.sum(crosses & before, axis=-1) % 2 == 1

    def edges(self, axis: int) -> Float[Array, " edges"]:
        return self.corners[:, axis] if axis < 2 else jnp.zeros(0)

    @property
    def dimensions(self) -> tuple[int, ...]:
        return (2, 3)


class Extrusion(AbstractShape):
    """A flat shape drawn along the third axis, from `low` to `high`: faces of the mesh."""

    name: str = named(doc="Name of the extrusion")
    base: AbstractShape = part(AbstractShape, doc="The flat shape")
    low: Scalar = parameter(doc="Where it begins along the third axis")
    high: Scalar = parameter(doc="Where it ends")

    def __check_init__(self):
        super().__check_init__()
        if 2 not in self.base.dimensions:
            raise ValueError(
                f"Extrusion: {self.base.name} is no flat shape. Give one with a middle and sides "
                "of two numbers each."
            )
        if is_concrete(self.low) and is_concrete(self.high):
            low, high = float(self.low), float(self.high)
            if not low < high:
                raise ValueError(
                    f"Extrusion: it ends at high = {high:g}, not above low = {low:g}. Give a "
                    "larger high."
                )

    def inside(self, points: Points) -> Bool[Array, "*cells"]:
        z = points[..., 2]
        return self.base.inside(points[..., :2]) & (z > self.low) & (z < self.high)

    def edges(self, axis: int) -> Float[Array, " edges"]:
        return jnp.stack([self.low, self.high]) if axis == 2 else self.base.edges(axis)

    @property
    def dimensions(self) -> tuple[int, ...]:
        return (3,)
