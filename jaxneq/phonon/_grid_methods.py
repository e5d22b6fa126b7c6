"""What methods that follow all rays of a grid, or none, have in common."""

from __future__ import annotations

from jaxtyping import Array

from jaxneq._core import AbstractMethod, Scalar, parameter, setting, tolerance_or

from ._frames import Rays, all_rays
from ._grid import GridProblem


class AbstractGridMethod(AbstractMethod):
    """A method that solves for the temperatures of a grid in time or at a frequency."""

    cells: int = setting(
        doc="Cells along each side; 0: 20 in two dimensions, 10 in three", default=0
    )
    tolerance: Scalar | None = parameter(
        doc="Relative true residual, in time that of the change in a stage; by default 1e-9 in "
        "float64 and 1e-4 in float32",
        range="(0, 1)",
        default=None,
    )
    max_iterations: int = setting(
        doc="Most iterations of conjugate gradients, in time in a stage",
        range="[1, inf)",
        default=200,
    )

    def tolerance_for(self, problem: GridProblem) -> Array:
        """That given, or that of the precision."""
        return tolerance_or(self.tolerance, problem.solid.dtype, 1e-9, 1e-4)


class AbstractRayMethod(AbstractGridMethod):
    """One that follows all rays, because relaxation times matter as well."""

    angles: int = setting(
        doc="Directions between an axis and the diagonal; 0: 6 in two dimensions, 3 (times 3) in "
        "three",
        default=0,
    )
    polar_angles: int = setting(
        doc="Directions to the axis along which a two-dimensional structure does not change; 0: 3",
        default=0,
    )

    def beams(self, problem: GridProblem) -> Rays:
        """The rays in one octant of each frame."""
        return all_rays(problem, self.angles, self.polar_angles)
