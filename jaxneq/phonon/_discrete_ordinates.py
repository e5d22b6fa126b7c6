"""Discrete ordinates: angles, bands and cells, accelerated by diffusion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxneq import materials
from jaxneq._core import (
    AbstractSolution,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Scalar,
    linear_solve,
    parameter,
    setting,
    stationary_value,
    steady,
)
from jaxneq._kernels import sweep

from . import _exact as exact_forms
from ._diffusion import diffusion_preconditioner
from ._slab import WALLS, AbstractSlab, SlabDetail, SlabState


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
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractSlab,)

    cells: int = setting(doc="Cells across the film", range="[2, inf)", default=60)
    angles: int = setting(doc="Directions in each half range", range="[1, inf)", default=16)
    tolerance: Scalar | None = parameter(
        doc="Relative true residual; by default 1e-10 in float64 and 1e-5 in float32",
        range="(0, 1)",
        default=None,
    )
    max_iterations: int = setting(
        doc="Most iterations of conjugate gradients", range="[1, inf)", default=200
    )

    def steady(self, system: AbstractSlab) -> AbstractSolution:
        problem = system.problem()
        dtype = problem.flux_share.dtype
        mu, mu_weight = (jnp.asarray(part, dtype) for part in half_range_gauss(self.angles))
        mesh = graded_mesh(self.cells)
        face, width = jnp.asarray(mesh, dtype), jnp.asarray(np.diff(mesh), dtype)
        rays = (
            width,
            problem.mean_free_path[:, None] * mu[None, :],
            problem.flux_share[:, None] * (mu_weight * mu)[None, :] / 2,
        )
        tolerance = self.tolerance
        if tolerance is None:
            tolerance = 1e-10 if dtype == jnp.float64 else 1e-5
        tolerance = jnp.asarray(tolerance, dtype)

        walls = jnp.asarray(WALLS, dtype)
        nothing = jnp.zeros((self.cells, 2), dtype)
        theta, solve = linear_solve(
            lambda t: sweep.balance(t, 0 * walls, *rays)[0],
            -sweep.balance(nothing, walls, *rays)[0],
            preconditioner=diffusion_preconditioner(lax.stop_gradient(problem), width),
            tolerance=tolerance,
            max_iterations=self.max_iterations,
        )
        conductance = stationary_value(_dissipation, rays, theta)
        share = problem.heat_share[:, None] * mu_weight[None, :] / 2
        moments = sweep.moments(theta, walls, *rays, share)
        return system.solution(
            SlabState(
                position=jnp.ravel(jnp.stack([face[:-1], face[1:]], axis=1)),
                pseudotemperature=jnp.ravel(theta),
                conductance=conductance,
                mean_flux=jnp.sum(width[:, None] * moments.band_flux, axis=0),
                status=solve.status,
                stats={"iterations": solve.iterations, "residual": solve.residual},
                detail=SlabDetail(
                    temperature=jnp.ravel(theta + moments.departure),
                    spread=jnp.ravel(moments.spread - moments.departure**2),
                    face=face,
                    flux=moments.face_flux,
                    dissipation=moments.dissipation,
                    wall_dissipation=moments.wall_dissipation,
                ),
            )
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._films import CrossPlaneFilm, gray_film

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


def half_range_gauss(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre cosines and weights on (0, 1); exact to degree 2 order - 1 on each half."""
    point, weight = np.polynomial.legendre.leggauss(order)
    return (point + 1) / 2, weight / 2


def graded_mesh(cells: int) -> np.ndarray:
    """Faces from 0 to 1, the cells at the walls up to 20 times finer than the mean.

    Kinetic layers stand at the walls of a thick film; the grading costs a thin film nothing.
    """
    s = np.linspace(0, 1, cells + 1)
    return s - 0.95 * np.sin(2 * np.pi * s) / (2 * np.pi)


def _dissipation(rays: tuple[Array, Array, Array], theta: Float[Array, "cell 2"]) -> Array:
    """The dissipation of a temperature field: the heat flux where it is stationary."""
    return sweep.dissipation(theta, jnp.asarray(WALLS, theta.dtype), *rays)
