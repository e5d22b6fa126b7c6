"""Discrete ordinates in time: structures and devices, step by step."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractEvolveMethod,
    AbstractSolution,
    AbstractSystem,
    Case,
    Preview,
    evolve,
    part,
    setting,
)
from jaxneq.materials import GrayMaterial

from ._frames import Rays
from ._grid import AbstractGrid, GridProblem
from ._grid_methods import AbstractRayMethod
from ._grid_preview import grid_preview
from ._grid_time import grid_history
from ._starts import AbstractStart, CosineRise, node_places

MOST = 16e9  # bytes: more memory than this is refused


class ImplicitOrdinates(AbstractRayMethod, AbstractEvolveMethod):
    r"""The distribution of all rays followed in time, by steps that need not be short.

    .. math::
        \frac{\partial g_b}{\partial t} + v_b\,\mathbf s\cdot\nabla g_b
            = \frac{T_p - g_b}{\tau_b}, \qquad
        \sum_b \frac{C_b}{\tau_b}\left(T_p - \langle g_b\rangle\right) = Q

    with the angles and cells of `DiscreteOrdinates`, from local equilibrium. Each step has two
    implicit stages (Alexander, SIAM J. Numer. Anal. 14, 1006, 1977): it is of second order, damps
    what is faster than it, and keeps the energy to the residual of the solves. The unknowns of a
    stage are the temperatures; its operator stays symmetric and positive definite, with diffusion
    with loss as the preconditioner. The answer of steps twice as long is found as well, and the
    error estimated from it. Cells are of second order in space.

    All free paths are followed, because relaxation times matter as well, and the distribution is
    stored: cells x 4^d x d x (directions and bands) numbers, several times (`--dry` tells).

    Where several materials meet, both sides emit what the interface makes of what arrives, at once.

    Reverse derivatives need boxes that repeat along no axis.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractGrid,)

    steps: int = setting(
        doc="Steps between two times that follow each other, even", range="[2, inf)", default=4
    )
    start: AbstractStart | None = part(
        AbstractStart, doc="The rise at time 0; none unless given", default=None
    )

    def __check_init__(self):
        super().__check_init__()
        if self.steps % 2:
            raise ValueError(
                f"ImplicitOrdinates: steps = {self.steps} is odd. Give an even number: half as "
                "many tell the error."
            )

    def check(self, system: AbstractSystem) -> None:
        if isinstance(system, AbstractGrid):
            size = _stored(*jax.eval_shape(lambda: self._lowered(system)))
            if size > MOST:
                raise ValueError(
                    f"ImplicitOrdinates: the distribution takes {size / 1e9:.3g} GB, of at most "
                    f"{MOST / 1e9:g} GB. Take fewer cells, angles or bands."
                )

    def check_initial(self, system: AbstractSystem, initial: Any) -> None:
        if self.start is not None:
            raise ValueError("ImplicitOrdinates: start and initial are both given. Give one.")
        if isinstance(system, AbstractGrid):
            cells = jax.eval_shape(lambda: self._lowered(system))[0].solid.shape
            if np.shape(initial) != cells:
                raise ValueError(
                    f"ImplicitOrdinates: initial has the shape {np.shape(initial)}. Give the rise "
                    f"(K) of each cell, of the shape {cells}."
                )

    def evolve(
        self, system: AbstractGrid, *, times: Float[Array, " time"], initial: Any
    ) -> AbstractSolution:
        """`initial`, the rise of each cell (K), in the place of `start`."""
        problem, beams = self._lowered(system)
        if self.start is None and initial is None and all(problem.periodic):
            raise ValueError(
                "ImplicitOrdinates: nothing drives this structure in time. Give method.start, such "
                'as { type = "phonon.CosineRise" }, or in Python `initial`.'
            )
        dtype = problem.solid.dtype
        start = jnp.zeros((*problem.cells, 1 << problem.dimensions), dtype)
        if self.start is not None:
            size = jnp.stack([jnp.sum(width) for width in problem.width])
            start = self.start.rise(node_places(problem), size)
        elif initial is not None:
            start = start + jnp.asarray(initial, dtype)[..., None]
        unit = system.time_unit
        history = grid_history(
            problem,
            beams,
            start,
            lambda time: system.source_at(problem, time * unit),
            times.astype(dtype) / unit,
            self.steps,
            self.tolerance_for(problem),
            self.max_iterations,
        )
        return system.transient(history)

    def preview(self, system: AbstractSystem) -> Preview | None:
        if not isinstance(system, AbstractGrid):
            return None
        problem, beams = self._lowered(system)
        shown = grid_preview(system, problem, beams)
        memory = f"about {_stored(problem, beams) / 1e6:.2g} MB for the distribution"
        return dataclasses.replace(shown, facts=shown.facts | {"memory": memory})

    def _lowered(self, system: AbstractGrid) -> tuple[GridProblem, Rays]:
        problem = system.problem(self.cells)
        return problem, self.beams(problem)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._periodic_structure import PeriodicStructure

        gray = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=0.1)
        grating = PeriodicStructure(
            material=gray,
            period=2 * np.pi,
            temperature=1.0,
            sides=jnp.asarray([1.0, 0.1]),
            cells=(("x", 48), ("y", 1)),
            walls="thermalising",
        )
        method = cls(angles=2, polar_angles=2, steps=8, start=CosineRise())
        yield Case(
            "gray grating, q Lambda = 0.1: temperature after 300 relaxation times",
            lambda: evolve(grating, method, times=jnp.asarray([10.0, 30.0])).amplitude[1],
            0.368861937868318,
            4e-3,
            "pole and branch cut, integrated independently",
        )


def _stored(problem: GridProblem, beams: Rays) -> int:
    """Bytes of the distributions that a step holds: of its begin, its stages and what is kept."""
    frames = problem.dimensions * 4**problem.dimensions * math.prod(problem.cells)
    return 5 * frames * math.prod(beams.emission.shape[-2:]) * problem.solid.dtype.itemsize
