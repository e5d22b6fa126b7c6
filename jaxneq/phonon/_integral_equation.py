"""Milne's integral equation: no angles, no sweeps, no cells to march through."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq import materials
from jaxneq._core import (
    AbstractSolution,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Status,
    setting,
    steady,
)

from . import _exact as exact_forms
from ._films import CrossPlaneFilm, gray_film
from ._slab import WALLS, Layer, SlabState
from ._special import exponential_integral, exponential_integral_remainder


class IntegralEquation(AbstractSteadyMethod):
    r"""The distribution is eliminated exactly; a Galerkin method solves for the temperature.

    What a point emits is absorbed elsewhere with the kernel
    :math:`k(s) = \sum_b \tfrac{g_b}{2\Lambda_b^2} E_1(s/\Lambda_b)`, so the pseudo-temperature
    minimises

    .. math:: \mathcal F[T] = \tfrac12\iint k(|x-x'|)\,(T-T')^2\,dx\,dx'
              + \sum_{walls}\int k_w(x)\,(T-T_w)^2\,dx + \mathcal F_{direct}

    and the minimum is the heat flux. With continuous piecewise linear T every integral is a
    difference of exponential integrals, taken in closed form. Independent of `DiscreteOrdinates`
    in angles, cells and algebra; the error of the flux is quadratic in that of T. A dense solve:
    for checking, not for speed.

    Source: Heaslet and Warming, Int. J. Heat Mass Transfer 8, 979 (1965), for the equation.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (CrossPlaneFilm,)

    cells: int = setting(doc="Cells across the film", range="[2, inf)", default=64)

    def steady(self, system: CrossPlaneFilm) -> AbstractSolution:
        problem = system.problem()
        if not problem.plain:
            raise ValueError(
                "IntegralEquation treats black walls. Leave the walls out, or take "
                "DiscreteOrdinates."
            )
        (layer,) = problem.layers
        dtype = layer.flux_share.dtype
        node = jnp.asarray((1 - np.cos(np.pi * np.linspace(0, 1, self.cells + 1))) / 2, dtype)
        kernel = _Kernel(node, layer)
        exchange = kernel.exchange()
        hot, cold = kernel.wall_exchange()
        theta, residual = _solve(exchange, hot, cold)

        steps = theta[:, None] - theta[None, :]
        between = 0.5 * jnp.sum(exchange * steps**2)
        walls = jnp.sum(hot * (theta - WALLS[0]) ** 2 + cold * (theta - WALLS[1]) ** 2)
        status = Status.first_true(not_finite=~jnp.isfinite(between))
        return system.solution(
            SlabState(
                position=node,
                pseudotemperature=theta,
                dissipation=between + walls + kernel.direct(),
                mean_flux=kernel.mean_flux(theta)[None],
                status=status,
                stats={"residual": residual},
            )
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        def flux(optical_thickness: float):
            solution = steady(gray_film(optical_thickness), cls())
            return solution.conductivity / solution.ballistic_conductivity

        film = CrossPlaneFilm(material=materials.model("Si"), thickness=100e-9)
        for tau in (0.1, 1.0, 10.0):
            yield Case(
                f"gray film, Kn = {1 / tau:g}: flux over ballistic flux",
                lambda tau=tau: flux(tau),
                exact_forms.GRAY_FLUX[tau],
                1e-8,
                "the same equation solved by another discretisation, to 1e-10",
            )
        yield Case(
            "silicon film of 100 nm: conductivity (W/m/K)",
            lambda: steady(film, cls()).conductivity,
            30.47955,
            1e-6,
            "the same equation solved by another discretisation",
        )


def _solve(exchange: Array, hot: Array, cold: Array) -> tuple[Array, Array]:
    """Minimise the functional; also the relative residual of the linear system."""
    matrix = jnp.diag(exchange.sum(axis=1) + hot + cold) - exchange
    rhs = WALLS[0] * hot + WALLS[1] * cold
    theta = jnp.linalg.solve(matrix, rhs)
    left = jnp.linalg.norm(rhs - matrix @ theta) / jnp.linalg.norm(rhs)
    return theta, left


class _Kernel:
    r"""Integrals of the exchange kernel over pairs of hat functions.

    :math:`R_n` is the n-th derivative of :math:`R(s) = \tfrac12 g\Lambda^2 E_5(s/\Lambda)`, so
    that the kernel is :math:`R_4`. For bands with a mean free path beyond the thickness the cubic
    that E_5 starts with is taken out: it adds nothing to the kernel and would cancel badly.
    """

    def __init__(self, node: Float[Array, " node"], layer: Layer):
        self.node, self.width = node, jnp.diff(node)
        self.share, self.path = layer.flux_share, layer.mean_free_path
        self.long = layer.mean_free_path > 1
        distance = jnp.abs(node[:, None] - node[None, :])
        self.pairs = self._antiderivatives(distance)
        self.from_left = self._antiderivatives(node)

    def _antiderivatives(self, distance: Array) -> tuple[Array, Array, Array]:
        """R_0, R_1, R_2 at the distances, with the bands as last axis."""
        path, share = (jnp.expand_dims(a, range(distance.ndim)) for a in (self.path, self.share))
        long = jnp.expand_dims(self.long, range(distance.ndim))
        z = distance[..., None] / path
        e5, e4, e3 = (
            jnp.where(
                long,
                exponential_integral_remainder(n, jnp.where(long, z, 0.5)),
                exponential_integral(n, jnp.where(long, 0.5, z)),
            )
            for n in (5, 4, 3)
        )
        return share * path**2 * e5 / 2, -share * path * e4 / 2, share * e3 / 2

    def exchange(self) -> Float[Array, "node node"]:
        """Power exchanged by two hats per unit of their difference; its diagonal is not used."""
        r0, r1, r2 = self.pairs
        h = self.width[None, :, None]
        # over the right cell of each pair, hat falling (0) or rising (1) away from the gap
        g = [
            -r1[:, :-1] + (r0[:, 1:] - r0[:, :-1]) / h,
            r1[:, 1:] - (r0[:, 1:] - r0[:, :-1]) / h,
        ]
        slope = [
            -r2[:, :-1] + (r1[:, 1:] - r1[:, :-1]) / h,
            r2[:, 1:] - (r1[:, 1:] - r1[:, :-1]) / h,
        ]
        h = self.width[:, None, None]
        cells = self.width.shape[0]
        apart = jnp.triu(jnp.ones((cells, cells), h.dtype), 1)
        total = jnp.zeros((cells + 1, cells + 1), h.dtype)
        for far in (0, 1):  # node of the right cell: its left or its right one
            rise = (g[far][:-1] - g[far][1:]) / h
            near_left = jnp.sum(-slope[far][1:] + rise, axis=-1) * apart
            far_left = jnp.sum(slope[far][:-1] - rise, axis=-1) * apart
            columns = slice(far, cells + far)
            total = total.at[1:, columns].add(near_left).at[:-1, columns].add(far_left)
        total = total + total.T
        inside = self._within_cell()
        index = jnp.arange(cells)
        return total.at[index, index + 1].add(inside).at[index + 1, index].add(inside)

    def _within_cell(self) -> Float[Array, " cell"]:
        """Exchange between the two ends of one cell, less their common emission."""
        h = self.width[:, None]
        r0, r1, r2 = self._antiderivatives(self.width)
        start = self._antiderivatives(jnp.zeros_like(self.width))[0]
        emission = jnp.where(self.long, self.share / self.path, 0)[None, :]
        inner = 3 / h**3 * (h**2 * r2 - 2 * (h * r1 - (r0 - start)))
        return jnp.sum(h / 3 * (inner - emission / 2), axis=1)

    def wall_exchange(self) -> tuple[Float[Array, " node"], Float[Array, " node"]]:
        """Power exchanged by each hat with the hot and with the cold wall."""
        _, r1, r2 = self.from_left
        h = self.width[:, None]
        even = h / 2 * jnp.where(self.long, self.share / (2 * self.path), 0)[None, :]
        rise = (r1[1:] - r1[:-1]) / h
        hot = self._to_nodes(r2[:-1] - rise + even, -r2[1:] + rise + even)
        return hot, hot[::-1]  # the mesh is symmetric

    def direct(self) -> Float[Array, ""]:
        """Power from wall to wall without a collision."""
        return jnp.sum(self.share * exponential_integral(3, 1 / self.path)) / 2

    def mean_flux(self, theta: Float[Array, " node"]) -> Float[Array, " band"]:
        """Flux of each band, averaged over the film."""
        r0, r1, _ = self.from_left
        h = self.width[:, None]
        rise = (r0[1:] - r0[:-1]) / h
        poly = jnp.where(self.long, self.share / 2, 0)[None, :]
        near, far = -r1[:-1] + rise, r1[1:] - rise
        left, right = self.node[:-1, None], self.node[1:, None]
        inverse = poly / self.path[None, :]
        near = near + h / 2 * poly - inverse * h * (2 * left + right) / 6
        far = far + h / 2 * poly - inverse * h * (left + 2 * right) / 6
        zero = jnp.zeros_like(near[:1])
        rightward = jnp.concatenate([near, zero]) + jnp.concatenate([zero, far])
        emitted = jnp.sum(theta[:, None] * (rightward - rightward[::-1]), axis=0)
        return emitted + self.share * self.path / 2 * (
            1 / 3 - exponential_integral(4, 1 / self.path)
        )

    def _to_nodes(self, left: Array, right: Array) -> Float[Array, " node"]:
        left, right = left.sum(axis=1), right.sum(axis=1)
        zero = jnp.zeros((1,), left.dtype)
        return jnp.concatenate([left, zero]) + jnp.concatenate([zero, right])
