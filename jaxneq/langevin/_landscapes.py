"""Potentials with a structure of their own: a molecule in a trap, a bond, straight pieces."""

from __future__ import annotations

from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import Scalar, is_concrete, parameter, setting

from ._potentials import AbstractPotential, Control, Position


class Hairpin(AbstractPotential):
    r"""A molecule that is folded or unfolded, held by a trap as in the pulling of RNA hairpins.

    .. math:: U = E_b \left[s^2 - 1\right]^2 + \epsilon\,\frac xL + \tfrac12 k (x - \lambda)^2,
              \qquad s = \frac{2x}{L} - 1

    The extension x is near 0 when folded and near L when unfolded; the control is the position of
    the trap. (A model of Liphardt et al., Science 296, 1832, 2002, with one coordinate.)
    """

    dimension: ClassVar[int] = 1
    controls: ClassVar[int] = 1

    barrier: Scalar = parameter(
        range="(0, inf)", doc="Barrier height E_b between equal wells", default=4.0
    )
    unfolding_energy: Scalar = parameter(doc="Energy epsilon of unfolding", default=3.0)
    unfolding_length: Scalar = parameter(
        range="(0, inf)", doc="Gain of extension L by unfolding", default=2.0
    )
    trap_stiffness: Scalar = parameter(
        range="(0, inf)", doc="Stiffness k of trap and handles together", default=1.0
    )

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        share = position[0] / self.unfolding_length
        molecule = self.barrier * ((2 * share - 1) ** 2 - 1) ** 2 + self.unfolding_energy * share
        return molecule + self.trap_stiffness * (position[0] - control[0]) ** 2 / 2


class LennardJones(AbstractPotential):
    r"""The distance vector of two particles that attract, and repel when they are close.

    .. math:: U = 4\epsilon\left[(\sigma/r)^{12} - (\sigma/r)^6\right] - \lambda\,x_1,
              \qquad r = |x|

    In one dimension it is a particle above a wall. The control is a force that pulls along the
    first axis. Nothing keeps the two together for ever.
    """

    controls: ClassVar[int] = 1

    depth: Scalar = parameter(range="(0, inf)", doc="Depth epsilon of the well", default=1.0)
    diameter: Scalar = parameter(
        range="(0, inf)", doc="Distance sigma at which the energy is 0", default=1.0
    )
    dimension: int = setting(range="[1, inf)", doc="Number of coordinates", default=1)

    @property
    def rest(self) -> Position:
        return (
            jnp.zeros(self.dimension, self.diameter.dtype).at[0].set(2 ** (1 / 6) * self.diameter)
        )

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        power = (self.diameter**2 / jnp.sum(position**2)) ** 3
        return 4 * self.depth * (power**2 - power) - control[0] * position[0]


class Polygon(AbstractPotential):
    r"""Straight lines between knots, :math:`U = P(x) - \lambda x`; the control is a force.

    ``ends = "straight"`` goes on with the first and the last slope, ``"periodic"`` repeats: a
    sawtooth has the knots 0, a, L and the energies 0, h, 0. The force jumps at the knots: no
    scheme is of higher than first order there.
    """

    dimension: ClassVar[int] = 1
    controls: ClassVar[int] = 1

    knots: Float[Array, " knot"] = parameter(
        doc="Positions where the slope changes, rising",
        dims=("knot",),
        label="position",
        coordinate=True,
    )
    energies: Float[Array, " knot"] = parameter(doc="Energy at the knots", dims=("knot",))
    ends: str = setting(
        doc="What is beyond the knots", choices=("straight", "periodic"), default="straight"
    )

    def __check_init__(self):
        super().__check_init__()
        if is_concrete(self.knots):
            knots = np.asarray(self.knots)
            if knots.size < 2 or np.any(np.diff(knots) <= 0):
                raise ValueError(
                    f"Polygon: knots = {knots.tolist()} must rise. Give at least two, sorted."
                )
        if self.ends == "periodic" and is_concrete(self.energies):
            first, last = np.asarray(self.energies)[[0, -1]]
            if first != last:
                raise ValueError(
                    f"Polygon: the energies at the ends of a period are {first:g} and {last:g}. "
                    "Give equal ones; for a slope on top use the control."
                )

    @property
    def rest(self) -> Position:
        return self.knots[jnp.argmin(self.energies)][None]

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        first, x = self.knots[0], position[0]
        if self.ends == "periodic":
            x = first + jnp.mod(x - first, self.knots[-1] - first)
        piece = jnp.searchsorted(self.knots[1:-1], x, side="right", method="compare_all")
        slope = jnp.diff(self.energies) / jnp.diff(self.knots)
        height = self.energies[piece] + slope[piece] * (x - self.knots[piece])
        return height - control[0] * position[0]
