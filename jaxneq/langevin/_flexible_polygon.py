"""A landscape of which every height is a control."""

from __future__ import annotations

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import Scalar, is_concrete, parameter, setting

from ._potentials import AbstractPotential, Control, Position


class FlexiblePolygon(AbstractPotential):
    r"""Straight lines between equally spaced knots; the controls are the energies at the knots.

    The knots :math:`x_i = l + (i + \tfrac12)(u - l)/n` are the middles of n equal pieces of the
    line from `lower` to `upper`: the centres of a `FokkerPlanck` with as many cells between the
    same ends. Beyond the outer knots the first and the last slope go on.
    """

    dimension: ClassVar[int] = 1

    lower: Scalar = parameter(doc="Lower end", default=-1.0)
    upper: Scalar = parameter(doc="Upper end", default=1.0)
    pieces: int = setting(range="[2, inf)", doc="Pieces, and controls", default=32)

    def __check_init__(self):
        super().__check_init__()
        if not (is_concrete(self.lower) and is_concrete(self.upper)):
            return
        lower, upper = float(self.lower), float(self.upper)
        if not lower < upper:
            raise ValueError(
                f"FlexiblePolygon: lower = {lower:g} must lie below upper = {upper:g}."
            )

    @property
    def controls(self) -> int:
        return self.pieces

    @property
    def rest(self) -> Position:
        return (self.lower + self.upper)[None] / 2

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        place = (position[0] - self.lower) / (self.upper - self.lower) * self.pieces - 0.5
        left = jnp.clip(jnp.floor(place), 0, self.pieces - 2)
        # as a product, whose derivative is one too: picked entries are scattered back one by one
        knot = jnp.arange(self.pieces, dtype=place.dtype)
        share = place - left
        return jnp.where(knot == left, 1 - share, jnp.where(knot == left + 1, share, 0)) @ control

    def work(self, position: Position, before: Control, after: Control) -> Float[Array, ""]:
        return self(position, after - before)
