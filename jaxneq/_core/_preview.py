"""What is about to be computed, for a look before it is."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Preview:
    """A structure on the grid of a method.

    **Fields:** `facts`, sizes and costs in words, by name; `faces` of the cells along each axis
    (m); `filled`, how far each cell is filled; `source`, heat released per volume, in any unit;
    `held`, whether a contact holds a side of a cell, (cells, axis, side), side 0 the lower one.
    """

    facts: dict[str, str]
    faces: tuple[np.ndarray, ...]
    filled: np.ndarray
    source: np.ndarray
    held: np.ndarray
