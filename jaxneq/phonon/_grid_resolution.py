"""Whether the cells of a mesh can hold the geometry: told in words before, and by a status after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxneq._core import is_concrete

from ._grid_mesh import box_mesh, face_numbers
from ._shapes import AbstractShape

_MOST = 10_000  # cells along a side that are tried for an advice


@dataclass(frozen=True)
class Outline:
    """What a mesh has to hold: `voids`, other `parts`, the lengths of the sides, and cells along
    each of them.
    """

    voids: tuple[AbstractShape, ...]
    parts: tuple[Any, ...]
    size: Float[Array, " axis"]
    counts: tuple[int, ...]

    def mesh(self) -> tuple[tuple[Array, ...], Float[Array, "*cells axis"]]:
        """Widths of the cells along each axis, and their middles."""
        return box_mesh((*self.voids, *self.parts), self.size, self.counts)

    def unresolved(self) -> Bool[Array, ""]:
        """Whether a void or a gap between voids is lost."""
        _, points = self.mesh()
        lost = [~jnp.any(void.inside(points)) for void in self.voids]
        for axis, count in enumerate(self.counts):
            edges = self._limits(self.voids, axis)
            lost.append(jnp.any(_merged(edges, self.size[axis], count)))
        return jnp.any(jnp.stack(lost))

    def check(self, owner: str) -> None:
        """`ValueError` that names what is lost, and the cells that would do; concrete values only.
        """
        if not all(map(is_concrete, jax.tree.leaves((self.voids, self.parts, self.size)))):
            return
        for axis, (count, name) in enumerate(zip(self.counts, "xyz", strict=False)):
            length = self.size[axis]
            merged = lambda voids, cells, axis=axis, length=length: bool(  # noqa: E731
                jnp.any(_merged(self._limits(voids, axis), length, cells))
            )
            if not merged(self.voids, count):
                continue
            alone = next((void.name for void in self.voids if merged((void,), count)), None)
            what = "a gap between voids or at a side" if alone is None else f"void {alone!r}"
            enough = next((n for n in range(count + 1, _MOST) if not merged(self.voids, n)), None)
            remedy = "Make it larger." if enough is None else f"Give at least {enough} cells there."
            raise ValueError(
                f"{owner}: {count} cells along {name} are too few to tell the ends of {what} apart "
                f"from others or from the sides. {remedy}"
            )
        _, points = self.mesh()
        for void in self.voids:
            if not bool(jnp.any(void.inside(points))):
                told = " x ".join(map(str, self.counts))
                raise ValueError(
                    f"{owner}: void {void.name!r} holds the middle of none of {told} cells. Give "
                    "more cells, or make it larger."
                )

    def _limits(self, voids: tuple[AbstractShape, ...], axis: int) -> Float[Array, " edges"]:
        limits = [void.limits(axis).astype(self.size.dtype) for void in voids]
        return jnp.concatenate([jnp.zeros(0, self.size.dtype), *limits])
