"""What each move of a lattice needs and does."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np


class Table(NamedTuple):
    """For each move: the site left, the site entered, and the sites `low` to `high` to be empty.

    Two sites beyond the last stand for the reservoirs: one that is always filled, from which
    particles enter, and one that is always empty, into which they go.
    """

    source: np.ndarray
    target: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclasses.dataclass(frozen=True)
class Geometry:
    """The shape of a lattice: `length` sites, and particles that cover `footprint` sites each.

    A particle stands at the first of the sites that it covers, and may reach beyond the last site.
    The moves are, in order: through each gate to the right; through each gate to the left;
    if `attaching`, attachment to each site and detachment from each.
    """

    length: int
    footprint: int = 1
    periodic: bool = False
    attaching: bool = False

    @property
    def gates(self) -> int:
        return self.length if self.periodic else self.length + 1

    @property
    def moves(self) -> int:
        return 2 * self.gates + 2 * self.length * self.attaching

    @property
    def filled(self) -> int:
        """The site that is always filled."""
        return self.length

    @property
    def empty(self) -> int:
        """The site that is always empty."""
        return self.length + 1

    @property
    def words(self) -> int:
        return -(-(self.length + 2) // 32)

    @property
    def table(self) -> Table:
        """What all moves need."""
        length, reach, gate = self.length, self.footprint, np.arange(self.gates)
        none, every = np.full(self.gates, self.empty), np.arange(length)
        if self.periodic:
            left, right = gate, (gate + 1) % length
            ahead, behind = (left + reach) % length, (right - reach) % length
            rightwards = (left, right, ahead, ahead)
            leftwards = (right, left, behind, behind)
        else:
            left, right = gate - 1, gate
            inside, first, last = right < length, gate == 0, gate == length
            ahead = np.where(left + reach < length, left + reach, self.empty)
            behind = np.where(right - reach >= 0, right - reach, self.empty)
            rightwards = (
                np.where(first, self.filled, left),
                np.where(inside, right, self.empty),
                np.where(first, 0, ahead),
                np.where(first, min(reach, length) - 1, ahead),
            )
            leftwards = (
                np.where(last, self.filled, right),
                np.where(first, self.empty, left),
                np.where(last, max(length - reach, 0), np.where(first, none, behind)),
                np.where(last, length - 1, np.where(first, none, behind)),
            )
        parts = [rightwards, leftwards]
        if self.attaching:
            nowhere, filled = np.full(length, self.empty), np.full(length, self.filled)
            around = np.maximum(every - reach + 1, 0), np.minimum(every + reach - 1, length - 1)
            parts += [(filled, every, *around), (every, nowhere, nowhere, nowhere)]
        return Table(*(np.concatenate(each).astype(np.int32) for each in zip(*parts, strict=True)))
