"""Cross-sections of channels as paths see them: where one starts, where it meets a wall."""

from __future__ import annotations

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Points = Float[Array, "axis lane"]
Lengths = Float[Array, " lane"]


class AbstractCrossSection(eqx.Module):
    """A region in one or two dimensions, with mirrors for walls."""

    @abc.abstractmethod
    def start(self, uniform: Float[Array, "2 lane"]) -> Points:
        """A point in the cross-section, uniform if the two numbers are uniform in (0, 1)."""

    @abc.abstractmethod
    def flight(self, position: Points, direction: Points) -> Lengths:
        """The length of path to the wall; `direction` is that part of the unit vector in space."""

    @abc.abstractmethod
    def reflect(self, position: Points, direction: Points) -> tuple[Points, Points, Lengths]:
        """At the wall: the position on it, the mirrored direction, the cosine of incidence."""


class Box(AbstractCrossSection):
    """An interval or a rectangle of these sides."""

    sides: Float[Array, " axis"]

    def start(self, uniform: Float[Array, "2 lane"]) -> Points:
        return uniform[: self.sides.shape[0]] * self.sides[:, None]

    def flight(self, position: Points, direction: Points) -> Lengths:
        return self._flights(position, direction).min(axis=0)

    def reflect(self, position: Points, direction: Points) -> tuple[Points, Points, Lengths]:
        # whichever wall in the direction of flight is nearest is the one that was met
        met = jnp.argmin(self._flights(position, direction), axis=0)
        hit = jnp.arange(self.sides.shape[0])[:, None] == met[None]
        wall = jnp.where(direction > 0, self.sides[:, None], 0)
        cosine = jnp.sum(jnp.where(hit, jnp.abs(direction), 0), axis=0)
        return jnp.where(hit, wall, position), jnp.where(hit, -direction, direction), cosine

    def _flights(self, position: Points, direction: Points) -> Points:
        wall = jnp.where(direction > 0, self.sides[:, None], 0)
        return jnp.maximum((wall - position) / direction, 0)


class Disc(AbstractCrossSection):
    """A disc of diameter one."""

    def start(self, uniform: Float[Array, "2 lane"]) -> Points:
        radius, angle = jnp.sqrt(uniform[0]) / 2, 2 * np.pi * uniform[1]
        return jnp.stack([radius * jnp.cos(angle), radius * jnp.sin(angle)])

    def flight(self, position: Points, direction: Points) -> Lengths:
        along = jnp.sum(position * direction, axis=0)
        speed = jnp.sum(direction**2, axis=0)
        room = jnp.maximum(0.25 - jnp.sum(position**2, axis=0), 0)
        return (jnp.sqrt(along**2 + speed * room) - along) / speed

    def reflect(self, position: Points, direction: Points) -> tuple[Points, Points, Lengths]:
        normal = position / jnp.sqrt(jnp.sum(position**2, axis=0))[None]
        cosine = jnp.sum(normal * direction, axis=0)
        return normal / 2, direction - 2 * cosine[None] * normal, jnp.abs(cosine)
