"""What methods share that follow a density on a line cut into cells."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractEvolveMethod,
    AbstractSystem,
    Scalar,
    is_concrete,
    parameter,
    setting,
)

from ._grid import Grid, around
from ._systems import Overdamped


class AbstractOnGrid(AbstractEvolveMethod):
    """Equal cells between two ends, which reflect unless the line is a `ring`."""

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (Overdamped,)
    ring = False

    cells: int = setting(range="[8, inf)", doc="Cells", default=256)
    lower: Scalar | None = parameter(doc="Lower end", default=None)
    upper: Scalar | None = parameter(doc="Upper end", default=None)
    substeps: int = setting(
        range="[1, inf)", doc="Time steps between neighbouring times", default=32
    )

    def __check_init__(self):
        super().__check_init__()
        if (
            self.lower is None
            or self.upper is None
            or not (is_concrete(self.lower) and is_concrete(self.upper))
        ):
            return
        lower, upper = float(self.lower), float(self.upper)
        if not lower < upper:
            raise ValueError(
                f"{type(self).__name__}: lower = {lower:g} must lie below upper = {upper:g}."
            )

    def check(self, system: Overdamped) -> None:
        if not all(map(is_concrete, jax.tree.leaves((system, self)))):
            return
        with jax.ensure_compile_time_eval():
            fits = bool(_fits(self, system))
        if not fits:
            raise ValueError(f"{type(self).__name__}: {self._misfit}")

    @property
    def _misfit(self) -> str:
        return (
            "the potential does not confine the particle between -1000 and 1000. Give lower and "
            "upper, or periodic ends."
        )

    def positions(self, system: Overdamped) -> Float[Array, " cell"]:
        """The centres of the cells, where the density stands."""
        return self.grid(system)[0].centers

    def grid(self, system: Overdamped) -> tuple[Grid, Array]:
        """The grid, and whether the system fits on it."""
        if system.dimension != 1:
            raise ValueError(
                f"{type(self).__name__}: the system has {system.dimension} coordinates; this "
                "method treats one. Use LinearMoments for quadratic energies, or simulate."
            )
        lower, upper, fits = around(system, self.ring, self.lower, self.upper)
        lower, upper = lower.astype(system.dtype), upper.astype(system.dtype)
        return Grid(lower, upper, self.cells, self.ring), fits


@eqx.filter_jit
def _fits(method: AbstractOnGrid, system: Overdamped) -> Array:
    return method.grid(system)[1]
