"""What a mesh has to hold, and whether it does: told in words before, by a status after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxneq._core import is_concrete

from ._grid import Widths, box_mesh, face_numbers
from ._shapes import AbstractShape

_MOST = 10_000  # cells along a side that are tried for an advice


@dataclass(frozen=True)
class Outline:
    """`voids`, other `parts`, the lengths of the sides, and how many cells are along each."""

    voids: tuple[AbstractShape, ...]
    parts: tuple[Any, ...]
    size: Float[Array, " axis"]
    counts: tuple[int, ...]

    def mesh(self) -> tuple[Widths, Float[Array, "*cells axis"]]:
        """Widths of the cells along each axis, and their middles."""
        return box_mesh((*self.voids, *self.parts), self.size, self.counts)

    def unresolved(self) -> Bool[Array, ""]:
        """Whether a void is lost, or a gap between voids or at a side."""
        _, points = self.mesh()
        lost = [jnp.zeros((), bool), *(~jnp.any(void.inside(points)) for void in self.voids)]
        for axis, count in enumerate(self.counts):
            limits = [jnp.zeros(0), *(void.limits(axis) for void in self.voids)]
            every = jnp.concatenate([each.astype(self.size.dtype) for each in limits])
            lost.append(_merged(jnp, every, self.size[axis], count))
        return jnp.any(jnp.stack(lost))

    def check(self, owner: str) -> None:
        """`ValueError` that names what is lost and how many cells do; concrete values only."""
        if not all(map(is_concrete, jax.tree.leaves((self.voids, self.parts, self.size)))):
            return
        with jax.ensure_compile_time_eval():  # what is known stays known while a function is traced
            self._check(owner)

    def _check(self, owner: str) -> None:
        for axis, (count, name) in enumerate(zip(self.counts, "xyz", strict=False)):
            length = np.asarray(self.size[axis])
            limits = [np.asarray(void.limits(axis)) for void in self.voids]
            every = np.concatenate([np.zeros(0, length.dtype), *limits])
            if not _merged(np, every, length, count):
                continue
            alone = [
                void.name
                for void, own in zip(self.voids, limits, strict=True)
                if _merged(np, own, length, count)
            ]
            what = f"void {alone[0]!r}" if alone else "a gap between voids"
            enough = [n for n in range(count + 1, _MOST) if not _merged(np, every, length, n)][:1]
            remedy = f"Give at least {enough[0]} there" if enough else "Make it larger"
            raise ValueError(
                f"{owner}: {count} cells along {name} cannot hold {what}, whose ends fall on one "
                f"face, or on that of a side. {remedy}, or let the ends coincide."
            )
        _, points = self.mesh()
        for void in self.voids:
            if not np.any(np.asarray(void.inside(points))):
                cells = " x ".join(map(str, self.counts))
                raise ValueError(
                    f"{owner}: void {void.name!r} holds the middle of none of {cells} cells. Give "
                    "more cells, or make it larger."
                )


def _merged(numpy: Any, limits: Any, length: Any, cells: int) -> Any:
    """Whether two places, or one and an end, fall on one face though they are not the same."""
    ends = numpy.stack([numpy.zeros_like(length), length])
    places = numpy.sort(numpy.clip(numpy.concatenate([ends, limits]), 0, length))
    apart = numpy.diff(places) > 1e-5 * length
    together = numpy.diff(face_numbers(numpy, places, length, cells)) == 0
    return numpy.any(apart & together)
