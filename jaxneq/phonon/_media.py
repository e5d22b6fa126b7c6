r"""Several media on a grid, and what crosses the interfaces between them.

An interface is diffuse: to the phonons of one frequency on either side it is a wall that emits at
a temperature :math:`E_i`. Of those that arrive at :math:`A_i`, a share :math:`t_{12}` crosses,

.. math:: E_1 = (1 - t_{12}) A_1 + t_{12} A_2, \qquad E_2 = t_{21} A_1 + (1 - t_{21}) A_2,
          \qquad X = M_1 t_{12} = M_2 t_{21}, \qquad M_i = \sum_p C_{ip} v_{ip}.

Without the :math:`A_i` these are two diffuse walls that exchange :math:`X (E_1 - E_2) / f` with
each other, :math:`f = 1 - t_{12} - t_{21}`. The unknowns are the mean e of both and the step z,
which is that of what arrives, :math:`A_1 - A_2`:

.. math:: E_1 = e + \frac{M_2}{M_1 + M_2} f z, \qquad E_2 = e - \frac{M_1}{M_1 + M_2} f z .

The exchange is then the derivative of :math:`\tfrac12 X f z^2`, which divides by nothing: by
diffuse mismatch f is 0, both sides emit alike and z drops out. The balance is positive definite
where f is not negative.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact, Int

ROUNDING = 64  # f below so many roundings is 0


class Media(eqx.Module):
    """Which medium fills each cell, and the share of phonons that crosses where two meet.

    **Fields:** `medium`, the number of each cell's; `crossing`, the share of each group that
    crosses from the first medium to the second; `strength`, the M of each group; `interface`, 1
    at sides of cells where two media meet; `branches`, how many successive bands share a frequency.
    """

    medium: Int[Array, "*cells"]
    crossing: Inexact[Array, "medium medium group"]
    strength: Inexact[Array, "medium group"]
    interface: Inexact[Array, "*cells axis side"]
    branches: int = eqx.field(static=True)

    @classmethod
    def of(
        cls,
        medium: Int[Array, "*cells"],
        transmission: Float[Array, "*cells axis side"],
        crossing: Float[Array, "medium medium group"],
        strength: Float[Array, "medium group"],
        branches: int,
    ) -> Media:
        """With interfaces between cells of different media that are open to each other."""
        own, beyond = _sides(medium)
        interface = jnp.where(own != beyond, transmission, 0)
        return cls(medium, crossing, strength, interface, branches)

    def lacks(self, regions: int) -> Bool[Array, ""]:
        """Whether one of so many regions, the media after the first, holds no cell."""
        number = jnp.arange(1, regions + 1).reshape(-1, *(1,) * self.medium.ndim)
        held = jnp.any(self.medium[None] == number, axis=tuple(range(1, self.medium.ndim + 1)))
        return ~jnp.all(held)

    @property
    def conductance(self) -> Float[Array, "*cells axis side"]:
        r"""Of each side, between media in which heat diffuses.

        .. math:: h = \frac14 \sum_\omega \frac{M_1 t_{12}}{1 - (t_{12} + t_{21}) / 2}

        Source: G. Chen, Phys. Rev. B 57, 14958 (1998).
        """
        own, beyond = _sides(self.medium)
        leave, come = self.crossing[own, beyond], self.crossing[beyond, own]
        each = self.strength[own] * leave / (1 - (leave + come) / 2)
        return jnp.sum(each, axis=-1) / 4 * self.interface


class AtInterfaces(eqx.Module):
    """At the upper sides of cells where media meet: mean flux outwards, step of temperature."""

    flux: Float[Array, "*fall *cells axis"]
    step: Float[Array, "*fall *cells axis"]


class Interfaces(eqx.Module):
    """The walls that interfaces are, at the nodes of the cells on both sides.

    **Fields:** `there`, 1 at nodes of interfaces; `lower`, 1 at those of lower cells, whose upper
    side it is; of each group `leave`, the share that crosses, `balance`, f, and `share`, the M of
    the other side over that of both. A wall's unknown is e at the lower cell and z at the upper
    one, as departures from what the temperatures of the two nodes make of them: the mean with
    the weights M, and the difference.
    """

    there: Inexact[Array, "*cells axis node 1"]
    lower: Inexact[Array, "*_ axis node 1"]
    leave: Inexact[Array, "*cells axis node group"]
    balance: Inexact[Array, "*cells axis node group"]
    share: Inexact[Array, "*cells axis node group"]

    @classmethod
    def of(cls, media: Media) -> Interfaces:
        dimensions = media.medium.ndim
        upper = _upper(dimensions)
        own, beyond = _sides(media.medium)
        leave, come = media.crossing[own, beyond], media.crossing[beyond, own]
        rest = 1 - leave - come
        both = media.strength[own] + media.strength[beyond]
        share = media.strength[beyond] / jnp.where(both > 0, both, 1)
        rounding = ROUNDING * jnp.finfo(rest.dtype).eps

        def at_nodes(side: Array) -> Array:
            return jnp.stack([side[..., k, upper[k], :] for k in range(dimensions)], axis=-3)

        return cls(
            there=at_nodes(media.interface[..., None]),
            lower=jnp.asarray(upper, rest.dtype)[(None,) * dimensions][..., None],
            leave=at_nodes(leave),
            balance=at_nodes(jnp.where(jnp.abs(rest) > rounding, rest, 0)),
            share=at_nodes(share),
        )

    def departures(
        self,
        temperature: Inexact[Array, "*cells node"],
        wall: Inexact[Array, "*cells axis node group"],
    ) -> tuple[Array, Array]:
        """Of what all walls emit, from their nodes; and the steps z, at the lower cells."""
        lower, jump, other = self.lower, self._jump(temperature), self._across(wall)
        mean, step = _either(lower, wall, other), _either(lower, other, wall)
        side = 2 * lower - 1
        step = step + side * jump
        emitted = mean + self.share * (side * self.balance * step - jump)
        return _either(self.there, emitted, wall), self.there * lower * step

    def base(
        self, temperature: Inexact[Array, "*cells node"], wall: Inexact[Array, "*cells axis node 1"]
    ) -> Inexact[Array, "*cells axis node _"]:
        """What departures of walls are counted from: at interfaces; elsewhere that of a `wall`."""
        jump = self._jump(temperature)
        own = temperature[..., None, :, None]
        return _either(self.there, _either(self.lower, own - self.share * jump, -jump), wall)

    def stiffness(
        self, emitted: Inexact[Array, "*cells axis node group"]
    ) -> Inexact[Array, "*cells axis node group"]:
        """What each wall's unknown makes it give off itself, from what each side emits."""
        mean = emitted + self._across(emitted)
        step = emitted * self.balance * (self.share * self.balance + self.leave)
        return _either(self.there, _either(self.lower, mean, step), emitted)

    def found(
        self,
        arrived: Inexact[Array, "*cells axis node"],
        temperature: Inexact[Array, "*cells node"],
    ) -> AtInterfaces:
        """Means over upper sides: what arrived and is not sent back, and the step."""
        there = self.there * self.lower * 2 / self.lower.shape[-2]
        step = there * self._jump(temperature)
        flux = there[..., 0] * arrived
        return AtInterfaces(jnp.sum(flux, axis=-1), jnp.sum(step[..., 0], axis=-1))

    def _jump(self, temperature: Array) -> Inexact[Array, "*cells axis node 1"]:
        """The temperature of the node less that of the one across, at interfaces."""
        every = jnp.stack([temperature] * self.lower.shape[-3], axis=-2)[..., None]
        return (every - self._across(every)) * self.there

    def _across(self, values: Inexact[Array, "*cells axis node _"]) -> Array:
        """The value of the node across the side."""
        dimensions = self.lower.shape[-3]
        upper = _upper(dimensions)
        axes = []
        for k in range(dimensions):
            opposite = values[..., k, np.arange(1 << dimensions) ^ 1 << k, :]
            below, above = jnp.roll(opposite, 1, k), jnp.roll(opposite, -1, k)
            at_end = upper[k].reshape((1,) * dimensions + (-1, 1))
            axes.append(jnp.where(at_end, above, below))
        return jnp.stack(axes, axis=-3)


def _sides(medium: Int[Array, "*cells"]) -> tuple[Array, Array]:
    """The media at this and at the other side of each side of a cell: (cells, axis, side)."""
    axes = [
        jnp.stack([jnp.roll(medium, shift, axis) for shift in (1, -1)], axis=-1)
        for axis in range(medium.ndim)
    ]
    beyond = jnp.stack(axes, axis=-2)
    return jnp.broadcast_to(medium[..., None, None], beyond.shape), beyond


def _upper(dimensions: int) -> np.ndarray:
    """1 for the nodes at the upper end of each axis."""
    return np.arange(1 << dimensions)[None] >> np.arange(dimensions)[:, None] & 1


def _either(which: Array, one: Array, other: Array) -> Array:
    return which * one + (1 - which) * other
