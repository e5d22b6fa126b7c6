"""Densities of cells: how far each is filled, for designs in two dimensions."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import is_concrete, parameter

Density = Float[Array, "x_cell y_cell"]

FILLED = "How far each cell is filled, below 1e-4 not at all; for designs in two dimensions"
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
