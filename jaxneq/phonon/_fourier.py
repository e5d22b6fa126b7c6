"""Fourier's law on the grid of a structure or device."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractSolution,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    linear_solve,
    parameter,
    setting,
    stationary_value,
    steady,
    tolerance_or,
)
from jaxneq.materials import GrayMaterial

from ._filling import beside
from ._grid import AbstractGrid, GridProblem, GridState, over_falls
from ._grid_diffusion import Diffusion
from ._media import AtInterfaces, Interfaces
from ._multigrid import Multigrid


class Fourier(AbstractSteadyMethod):
    r"""Fourier's law with the conductivity of the bulk, on the same grid as the transport.

    .. math:: -\nabla\cdot(\kappa\nabla T) = Q

    with isothermal contacts, adiabatic walls and, between media, interfaces of the conductance that
    goes with it (`Media.conductance`): what remains where free paths are short. Cells
    are lumped multilinear, discontinuous, with an interior penalty (Wang and Ragusa, Nucl. Sci.
    Eng. 166, 145, 2010), of second order. What needs bands or free paths is None in the answer.

    A cell that is filled to :math:`\rho` conducts as that share of the bulk, and faces pass the
    harmonic mean of both sides, so that a uniform density has the conductivity
    :math:`\kappa\,\rho^2 (4 - \rho) / (1 + 2\rho)`, whatever the cells.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractGrid,)

    cells: int = setting(
        doc="Cells along each side; 0: 20 in two dimensions, 10 in three", default=0
    )
    tolerance: Scalar | None = parameter(
        doc="Relative true residual; by default 1e-10 in float64 and 1e-5 in float32",
        range="(0, 1)",
        default=None,
    )
    max_iterations: int = setting(
        doc="Most iterations of conjugate gradients", range="[1, inf)", default=10_000
    )

    def check(self, system: AbstractSystem) -> None:
        assert isinstance(system, AbstractGrid)
        system.check_mesh(self.cells, "Fourier")

    def steady(self, system: AbstractGrid) -> AbstractSolution:
        problem = system.problem(self.cells)
        tolerance = tolerance_or(self.tolerance, problem.solid.dtype)
        filled = system.filled(problem)
        return system.solution(conduct(problem, tolerance, self.max_iterations, filled))

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._periodic_structure import PeriodicStructure
        from ._regions import Region
        from ._shapes import Box

        gray = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
        slot = Box(name="slot", center=jnp.asarray([0.5, 0.5]), size=jnp.asarray([1.0, 0.4]))
        channel = PeriodicStructure(material=gray, period=1.0, voids=(slot,), temperature=1.0)
        yield Case(
            "channels between slots: conductivity",
            lambda: steady(channel, cls(cells=10)).conductivity,
            0.2,
            1e-9,
            "the share of the area times C v l / 3",
        )
        slow = GrayMaterial(heat_capacity=2.0, group_velocity=0.3, mean_free_path=0.1)
        half = Box(name="half", center=jnp.asarray([0.75, 0.5]), size=jnp.asarray([0.5, 1.0]))
        layers = PeriodicStructure(
            material=gray,
            period=1.0,
            regions=(Region(name="slow", material=slow, shape=half),),
            temperature=1.0,
        )
        yield Case(
            "two gray layers, diffuse mismatch: conductivity across",
            lambda: steady(layers, cls(cells=4)).conductivity,
            lambda: 1 / (1.5 * (1 + 1 / 0.06) + 2 * 2 * (1 + 1 / 0.6)),
            1e-9,
            "3 l / C v path of each layer, 2 / M1 + 2 / M2 of each interface, in series",
        )


def conduct(
    problem: GridProblem,
    tolerance: Array,
    max_iterations: int,
    filled: Float[Array, "*cells"] | None = None,
) -> GridState:
    """The state by Fourier's law, for each applied fall of temperature."""
    shape = (*problem.cells, 1 << problem.dimensions)
    filled = problem.solid if filled is None else filled
    law = _law(problem, filled)
    solid = problem.solid[..., None]
    inverse = Multigrid(_law(*lax.stop_gradient((problem, filled))))

    def one(fall: Array) -> Any:
        at_rest = jax.grad(law.energy)(jnp.zeros(shape, solid.dtype), fall, problem.reservoir)
        rhs = (problem.node_power - at_rest).ravel()
        area = sum(jnp.sum(along["area"] ** 2) for along in law.axes)
        largest = jnp.max(law.conductivity) * jnp.max(jnp.abs(fall))
        rounding = 100 * jnp.finfo(rhs.dtype).eps * largest
        flat, stats = linear_solve(
            lambda x: law(x.reshape(shape)).ravel(),
            jnp.where(jnp.linalg.norm(rhs) > rounding * jnp.sqrt(area), rhs, 0),
            preconditioner=lambda r: inverse(r.reshape(shape)).ravel(),
            tolerance=tolerance,
            max_iterations=max_iterations,
        )
        temperature = flat.reshape(shape) * solid
        given = jax.grad(law.energy, argnums=2)(temperature, fall, problem.reservoir)
        flux = _flux(problem, law, temperature, fall)
        return temperature, given, flux, _at_interfaces(problem, temperature), stats

    temperature, given, flux, interface, stats = over_falls(one, problem.fall)
    return GridState(
        problem=problem,
        dissipation=stationary_value(_dissipation, (problem, filled), temperature),
        pseudotemperature=temperature,
        temperature=temperature,
        flux=flux,
        given=given,
        flux_by_band=None,
        interface=interface,
        status=Status(jnp.max(stats.status.code)),
        stats={"iterations": jnp.max(stats.iterations), "residual": jnp.max(stats.residual)},
    )


def _flux(
    problem: GridProblem, law: Diffusion, temperature: Array, fall: Array
) -> Float[Array, "*cells axis"]:
    """The mean flux of each cell."""
    axes = []
    for axis, along in enumerate(law.axes):
        bit = along["ends"][axis]
        low, high = (temperature[..., bit == end].mean(axis=-1) for end in (0, 1))
        applied = law.conductivity * fall[axis] * problem.solid
        axes.append(applied - along["slope"] * (high - low))
    return jnp.stack(axes, axis=-1)


def _at_interfaces(problem: GridProblem, temperature: Array) -> AtInterfaces | None:
    if problem.media is None:
        return None
    none = jnp.zeros(
        (*problem.cells, problem.dimensions, 1 << problem.dimensions), temperature.dtype
    )
    step = Interfaces.of(problem.media).found(none, temperature).step
    return AtInterfaces(problem.media.conductance[..., 1] * step, step)


def _law(problem: GridProblem, filled: Float[Array, "*cells"]) -> Diffusion:
    carried = jnp.sum(problem.flux_share * problem.mean_free_path, axis=-1)
    conductivity = problem.of_cells(carried) * problem.conducted * filled
    passing = jnp.where(problem.transmission > 0, beside(filled), 0)
    return Diffusion(replace(problem, transmission=passing), 0.0, conductivity=conductivity)


def _dissipation(
    parameters: tuple[GridProblem, Array], temperature: Array
) -> Float[Array, "fall fall"]:
    """The bilinear form that the temperatures make stationary, per volume."""
    problem, filled = parameters
    law, power = _law(problem, filled), problem.node_power
    states = [(t, f, problem.reservoir) for t, f in zip(temperature, problem.fall, strict=True)]
    rows = []
    for first in states:
        row = []
        for second in states:
            _, dissipated = jax.jvp(law.energy, second, first)
            row.append(dissipated - jnp.sum(power * (first[0] + second[0])))
        rows.append(jnp.stack(row))
    return jnp.stack(rows) / problem.volume.sum()
