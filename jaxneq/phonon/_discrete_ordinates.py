"""Discrete ordinates: angles, bands and cells, accelerated by diffusion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq import materials
from jaxneq._core import (
    AbstractSolution,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Preview,
    Scalar,
    linear_solve,
    parameter,
    setting,
    stationary_value,
    steady,
    tolerance_or,
)

from . import _exact as exact_forms
from ._ballistic import CHOICES, DOC
from ._channel import AbstractChannel
from ._channel_ordinates import sweep_channel
from ._diffusion import diffusion_preconditioner
from ._filling import check_coarser
from ._frames import angles_in, free_paths, rays
from ._free_paths import FreePaths, fewer, film_error
from ._grid import AbstractGrid, GridProblem
from ._grid_errors import halved, with_errors
from ._grid_ordinates import grid_ordinates
from ._grid_preview import grid_preview
from ._ordinates import coupling, ordinates, resolved, transport
from ._slab import AbstractSlab, SlabState
from ._step_ordinates import step_ordinates


class DiscreteOrdinates(AbstractSteadyMethod):
    r"""Sweep and average, solved for the pseudo-temperature alone.

    The unknown is the pseudo-temperature at the two nodes of every cell; the distribution is
    streamed and not stored (a gradient stores it once). Its balance, emission minus absorption,
    is a symmetric positive definite operator, solved by conjugate gradients with a diffusion
    preconditioner; the true residual is recomputed and reported. Cells are lumped linear
    discontinuous elements, finer towards the walls; angles are Gauss-Legendre on each half range.

    The heat flux is the minimum over all temperature fields of the dissipation

    .. math:: \mathcal F[T] = \tfrac12 \iint k(x, x')\,(T - T')^2 + \text{walls},

    so its error is quadratic in the error of T, and its gradient needs no further solve.

    In two and three dimensions the unknowns are the temperatures of the :math:`2^d` nodes of each
    cell and of the diffuse walls at it; what goes around a periodic cell is found exactly.

    Along films and round wires the temperature is known, so one sweep of the chords is the answer,
    with directions graded towards grazing incidence; up to Kn = 100 the default is good to 1e-4,
    of second order in the cells.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (
        AbstractSlab,
        AbstractChannel,
        AbstractGrid,
    )

    cells: int = setting(
        doc="Cells across each layer, along each side of a structure; 0: 60 across a layer, 20 "
        "along a side in two dimensions, 10 in three",
        default=0,
    )
    angles: int = setting(
        doc="Directions in each half range; of a structure, between an axis and the diagonal; 0: "
        "16 in a half range, 6 in two dimensions, 3 (times 3) in three",
        default=0,
    )
    polar_angles: int = setting(
        doc="Directions to the axis along which a two-dimensional structure does not change, at "
        "least 2; 0: 3, and 8 where `paths` are fewer than all",
        default=0,
    )
    paths: int = setting(
        doc="Free paths that stand for all bands and polar angles where walls are thermalising",
        range="[2, inf)",
        default=12,
    )
    tolerance: Scalar | None = parameter(
        doc="Relative true residual; by default 1e-10 in float64 and 1e-5 in float32",
        range="(0, 1)",
        default=None,
    )
    max_iterations: int = setting(
        doc="Most iterations of conjugate gradients", range="[1, inf)", default=200
    )

    scheme: str = setting(
        doc="Elements of a structure or device: lumped `linear` ones, or constant ones of first "
        "order with upwind faces, `step`, to compare with; `step` tells no entropy by place",
        choices=("linear", "step"),
        default="linear",
    )
    errors: str = setting(
        doc="Whether to estimate what cells, angles and paths leave out in a structure or device, "
        "each by another solve",
        choices=("none", "estimated"),
        default="none",
    )
    contributions: str = setting(doc=DOC, choices=CHOICES, default="together")

    def check(self, system: AbstractSystem) -> None:
        if isinstance(system, AbstractGrid):
            system.check_mesh(self.cells, "DiscreteOrdinates")
        if self.scheme == "step" and (not isinstance(system, AbstractGrid) or system.regions):
            raise ValueError(
                "DiscreteOrdinates: scheme = 'step' is for structures and devices of one material. "
                "Leave it out."
            )
        apart = self.contributions == "apart"
        if apart and (self.scheme == "step" or not getattr(system, "contacts", ())):
            raise ValueError(
                "DiscreteOrdinates: contributions are told apart in devices, where contacts and "
                "heaters emit, by linear elements. Leave contributions out."
            )
        if self.errors == "none":
            return
        if not isinstance(system, AbstractGrid):
            raise ValueError(
                "DiscreteOrdinates: errors are estimated in structures and devices, which can have "
                "other cells. Leave errors out."
            )
        if (density := getattr(system, "density", None)) is not None:
            check_coarser(density, "DiscreteOrdinates")
        fewer = halved(system.outline(self.cells).counts)
        system.check_mesh(fewer, "DiscreteOrdinates: for the error of cells, with half as many")

    def steady(self, system: AbstractSlab | AbstractChannel | AbstractGrid) -> AbstractSolution:
        if isinstance(system, AbstractGrid):
            return self._through_grid(system)
        cells, angles = self.cells or 60, self.angles or 16
        if isinstance(system, AbstractChannel):
            problem = system.problem(angles)
            return system.solution(sweep_channel(problem, cells))
        problem = system.problem()
        dtype = problem.emission.dtype
        layers = ordinates(problem, cells, angles)
        links = coupling(problem, layers)
        tolerance = tolerance_or(self.tolerance, dtype)

        width = jnp.concatenate([layer.width for layer in layers])
        source = jnp.repeat(problem.source * width[:, None] / 2, 2, axis=1)
        cold, dark = jnp.zeros_like(source), jnp.zeros_like(problem.emission)
        theta, solve = linear_solve(
            lambda t: transport(problem, layers, links, t, dark).power,
            source - transport(problem, layers, links, cold, problem.emission).power,
            preconditioner=diffusion_preconditioner(*lax.stop_gradient((problem, layers, links))),
            tolerance=tolerance,
            max_iterations=self.max_iterations,
        )
        dissipation = stationary_value(_dissipation, (problem, layers, links), theta)
        field = transport(problem, layers, links, theta, problem.emission)
        return system.solution(
            SlabState(
                position=jnp.concatenate([_nodes(layer.face) for layer in layers]),
                pseudotemperature=jnp.ravel(theta),
                dissipation=dissipation,
                status=solve.status,
                stats={"iterations": solve.iterations, "residual": solve.residual},
                **resolved(problem, layers, links, theta, field),
            )
        )

    def _through_grid(self, system: AbstractGrid) -> AbstractSolution:
        found = self.on_cells(system, self.cells)
        return found if self.errors == "none" else with_errors(self, system, found)

    def on_cells(self, system: AbstractGrid, cells: int | tuple[int, ...]) -> Any:
        """The answer on a grid with other cells than those of the method."""
        problem = system.problem(cells)
        paths, whole = self._paths(problem)
        solve: Any = step_ordinates
        if self.scheme == "linear":
            solve = partial(grid_ordinates, apart=self.contributions == "apart")
        state = solve(
            problem,
            self.angles or angles_in(problem),
            paths,
            tolerance_or(self.tolerance, problem.solid.dtype),
            self.max_iterations,
        )
        error = lax.stop_gradient(film_error(paths, whole))
        return system.solution(replace(state, stats=state.stats | {"path_error": error}))

    def preview(self, system: AbstractSystem) -> Preview | None:
        if not isinstance(system, AbstractGrid):
            return None
        problem = system.problem(self.cells)
        paths, _ = self._paths(problem)
        return grid_preview(
            system, problem, rays(problem, self.angles or angles_in(problem), paths)
        )

    def _paths(self, problem: GridProblem) -> tuple[FreePaths, FreePaths]:
        """The free paths that are followed, and all that they stand for."""
        whole = free_paths(problem, self.polar_angles_for(problem.elastic))
        return (whole if problem.elastic else fewer(whole, self.paths)), whole

    def polar_angles_for(self, elastic: bool) -> int:
        return self.polar_angles or (3 if elastic else 8)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._films import CrossPlaneFilm, gray_film
        from ._periodic_structure import PeriodicStructure

        def silicon(thickness: float):
            material = materials.model("Si")
            return steady(CrossPlaneFilm(material=material, thickness=thickness), cls())

        for thickness, exact in ((10e-9, 5.42528), (100e-9, 30.47955), (300e-9, 56.40026)):
            yield Case(
                f"silicon film of {thickness * 1e9:g} nm: conductivity (W/m/K)",
                lambda thickness=thickness: silicon(thickness).conductivity,
                exact,
                4e-5,
                "integral equation of the same bands, solved independently",
            )
        yield Case(
            "gray film, Kn = 1e4: ballistic less actual flux, over ballistic flux",
            lambda: 1 - steady(gray_film(1e-4), cls()).conductivity * 4,
            lambda: 1 - exact_forms.thin_film_flux(1e-4),
            1e-3,
            "one collision: the optical thickness, to first order",
        )
        gray = materials.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
        bulk = PeriodicStructure(material=gray, period=1.0, temperature=1.0)
        step = cls(cells=2, angles=4, polar_angles=8, scheme="step")
        yield Case(
            "gray bulk in constant cells of half a free path: conductivity",
            lambda: steady(bulk, step).conductivity,
            1 / 3 + 1 / 8,
            2e-4,
            "C v l / 3 + C v h / 4: upwind, the temperature steps from cell to cell",
        )


def _nodes(face: Float[Array, " face"]) -> Float[Array, " node"]:
    return jnp.ravel(jnp.stack([face[:-1], face[1:]], axis=1))


def _dissipation(parameters: Any, theta: Float[Array, "cell 2"]) -> Array:
    """The functional that the temperature makes stationary; between walls, the heat flux."""
    problem, layers, links = parameters
    field = transport(problem, layers, links, theta, problem.emission)
    width = jnp.concatenate([layer.width for layer in layers])[:, None]
    power = field.power - problem.source * width
    return jnp.sum(theta * power) + jnp.sum(problem.emission * field.wall_power)
