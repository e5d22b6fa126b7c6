"""Densities of cells: how far each is filled, for designs in two dimensions."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import is_concrete, parameter

Density = Float[Array, "x_cell y_cell"]

FILLED = "How far each cell is filled, below 1e-4 not at all; for designs in two dimensions"
_FACES = 24  # cells along the longest side where faces pass the filling itself; found by trial
_FAINT = 1e-4  # what lets less pass leaves its cell alone, up to rounding


def density_parameter() -> Any:
    """The declaration of a density, of a structure or device."""
    return parameter(dims=("x_cell", "y_cell"), range="[0, 1]", doc=FILLED, default=None)


def coarser(density: Density, counts: tuple[int, ...]) -> Float[Array, "_ _"]:
    """The means of its blocks, so many along each axis; 0 where they are faint."""
    blocks = [(count, size // count) for count, size in zip(counts, density.shape, strict=True)]
    (rows, height), (columns, width) = blocks
    filled = density.reshape(rows, height, columns, width).mean(axis=(1, 3))
    return jnp.where(filled > _FAINT, filled, 0)


def beside(filled: Float[Array, "*cells"]) -> Float[Array, "*cells axis side"]:
    """The harmonic mean of how far the cells at both sides are filled; 0 at an empty one."""
    axes = []
    for axis in range(filled.ndim):
        others = [jnp.roll(filled, shift, axis) for shift in (1, -1)]
        sides = [2 * filled * o / jnp.where(filled + o > 0, filled + o, 1) for o in others]
        axes.append(jnp.stack(sides, axis=-1))
    return jnp.stack(axes, axis=-2)


def transmission(
    filled: Float[Array, "*cells"], width: tuple[Float[Array, " _"], ...]
) -> Float[Array, "*cells axis side"]:
    r"""The share of the phonons that each side passes, between cells that are filled in part.

    .. math:: \frac{1 - t}{t} = 24\,\frac{h}{L}\,\frac{1 - \rho}{\rho}

    with the mean filling `beside` it, the width h of the cells across the side and the longest side
    L of the grid: on 24 cells that mean itself passes, and a medium that is filled in part is as
    opaque on any other mesh. All pass between full cells, none into empty ones.
    """
    longest = jnp.max(jnp.stack([jnp.sum(each) for each in width]))
    mean, finer = beside(filled), []
    for axis, along in enumerate(width):
        shape = [-1 if k == axis else 1 for k in range(filled.ndim)]
        apart = [(along + jnp.roll(along, shift)) / 2 for shift in (1, -1)]  # middles of cells
        sides = [(_FACES * each / longest).reshape(shape) for each in apart]
        finer.append(jnp.broadcast_to(jnp.stack(sides, axis=-1), (*filled.shape, 2)))
    refined = mean + jnp.stack(finer, axis=-2) * (1 - mean)
    return mean / jnp.where(mean > 0, refined, 1)


def check_coarser(density: Density, owner: str) -> None:
    """Refuse a layout that half as many cells cannot hold."""
    even = all(size % 2 == 0 for size in density.shape)
    if even and is_concrete(density):
        blocks = np.asarray(density).reshape(density.shape[0] // 2, 2, -1, 2)
        even = bool(np.all(blocks == blocks[:, :1, :, :1]))
    if not even:
        raise ValueError(
            f"{owner}: the error of cells is found with half as many, which cannot hold this "
            "density. Give each of its cells twice along both axes (`refinement = 2` of a "
            "design), or leave errors out."
        )
