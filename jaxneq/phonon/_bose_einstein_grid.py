r"""Grids between reservoirs of very different temperatures: nothing is linearised.

Every band is followed by its state u (`BandStates`), so that emission and the balance are

.. math:: \mathbf s\cdot\nabla u_b = \frac{u_b^0(T_p) - u_b}{\Lambda_b(T_p)}, \qquad
          \sum_b \frac{C_b v_b}{\Lambda_b(T_p)}\left(u_b^0(T_p) - \langle u_b\rangle\right) = Q.

What leaves a diffuse wall that keeps the frequency is linear in the states. The unknowns are those
of the linear problem: temperatures of nodes, and departures of the walls' states from their nodes'.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import Status, conjugate_residuals, newton

from ._bose_einstein_states import BandStates
from ._fourier import conduct
from ._frames import Rays
from ._grid import GridProblem, GridState
from ._grid_ordinates import flattened, shaped
from ._grid_preconditioner import preconditioner
from ._grid_transport import Emission, Response, Transport, Unknown

Operator = Callable[[Array], Array]

SOLVES = 200  # most iterations of a linear solve
COLDEST = 0.1  # no node is looked at below so much of the coldest reservoir's temperature
PATIENCE = 15  # steps of Newton's method while the residual may grow
STEP = 1e-3  # relative residual of the linear solve for a step of Newton's method
START = 1e-2  # that of Fourier's law, from whose temperatures it starts
DIFFUSES = 10_000  # most iterations for them


class HotGrid(eqx.Module):
    """The balance of a grid as a function of the temperatures of its nodes.

    `known` temperatures are those where the material's data hold; beyond them free paths go like
    the inverse temperature, so that there is an answer, which is marked.
    """

    transport: Transport
    states: BandStates
    known: tuple[float, float] = eqx.field(static=True)

    @classmethod
    def of(
        cls, problem: GridProblem, beams: Rays, states: BandStates, known: tuple[float, float]
    ) -> HotGrid:
        return cls(Transport.of(problem, beams), states, known)

    @property
    def problem(self) -> GridProblem:
        return self.transport.problem

    @property
    def middle(self) -> Array:
        """The temperature from which states are counted."""
        return self.states.bands.temperature

    @property
    def like(self) -> Unknown:
        return self.transport.zero()

    @property
    def rate(self) -> Float[Array, "*_ band"]:
        """What collisions of each band emit per volume and kelvin, before free paths change."""
        octants = self.transport.nodes * self.problem.dimensions
        return self._each(octants * jnp.sum(self.transport.rays.emission, axis=-1))

    def _each(self, of_bands: Float[Array, " band"]) -> Float[Array, "*_ band"]:
        """Of bands, to be broadcast over cells."""
        return of_bands.reshape((1,) * self.problem.dimensions + (-1,))

    def emission(self, rise: Float[Array, "*cells node"]) -> Emission:
        """Of nodes so much warmer than the middle temperature."""
        temperature = self.middle + rise
        reservoir = self.states.state(self.middle + self.problem.reservoir)
        return Emission(self.states.state(temperature), reservoir, self.stretch(rise))

    def stretch(self, rise: Float[Array, "*cells node"]) -> Float[Array, "*cells band"]:
        """Free paths at the temperature of each cell, over those at the middle temperature."""
        cell = self.middle + rise.mean(axis=-1)
        edge = jnp.clip(cell, *self.known)
        path = self.states.mean_free_path(edge.ravel())
        path = path.reshape(*cell.shape, -1) * (edge / cell)[..., None]
        return path / self._each(self.states.bands.mean_free_path)

    def respond(self, unknown: Unknown, tolerance: Array) -> Response:
        emission = self.emission(unknown.temperature)
        return self.transport.respond(unknown, emission=emission, tolerance=tolerance)

    def emitted(self, stretch: Float[Array, "*cells band"]) -> Float[Array, "*cells node"]:
        """The power that collisions emit at nodes, per kelvin of the states."""
        each = jnp.sum(self.rate / stretch, axis=-1, keepdims=True)
        return each * self.transport.node_volume + jnp.zeros_like(self.like.temperature)

    def imbalance(self, flat: Float[Array, " n"], tolerance: Array) -> Float[Array, " n"]:
        """Mean over collisions of the distribution less the emission, at each node (K).

        The power that a node keeps over what it emits per kelvin: as a function of temperature it
        falls, while the power alone need not, because the rates grow. For walls, the same.
        """
        unknown = shaped(flat, self.like)
        response = self.respond(unknown, tolerance)
        emitted = self.emitted(self.stretch(unknown.temperature))
        node = (response.power - self.problem.node_power) / emitted
        return flattened(Unknown(node, self._of_walls(self.transport.residual(response).wall)))

    def _of_walls(self, power: Float[Array, "*cells axis node band"]) -> Array:
        stiff = self.transport.stiffness
        return jnp.where(stiff > 0, power / jnp.where(stiff > 0, stiff, 1), 0)

    @property
    def most(self) -> Float[Array, ""]:
        """The power that would flow if nothing scattered phonons."""
        problem = self.problem
        held = (problem.held * problem.solid[..., None, None]) > 0
        coldest = jnp.min(jnp.where(held, problem.reservoir, jnp.inf))
        area = jnp.stack([problem.across(k) for k in range(problem.dimensions)], axis=-1)
        radiated = problem.radiated * area[..., None]
        emitted = jnp.where(held, radiated * (problem.reservoir - coldest), 0)
        return jnp.sum(emitted) + jnp.sum(jnp.abs(problem.node_power))

    def scale(self, flow: Array, unknown: Unknown) -> Float[Array, " n"]:
        """The imbalance (K) at which a node or wall would keep as much as flows."""
        stiff = self.transport.stiffness
        node = flow / self.emitted(self.stretch(unknown.temperature))
        return flattened(
            Unknown(node, jnp.where(stiff > 0, flow / jnp.where(stiff > 0, stiff, 1), 1))
        )

    def approximate_inverse(self, about: Unknown) -> tuple[Operator, Operator]:
        """Of the imbalance as a linear function, about some temperatures; and its transpose."""
        stretch = self.stretch(about.temperature)
        slope = self.states.slope(self.middle + about.temperature.mean(axis=-1))
        problem = self.problem
        carried = self._each(problem.flux_share * problem.mean_free_path * problem.conducted)
        conductivity = jnp.sum(carried * stretch * slope, axis=-1)
        collisions = jnp.sum(self.rate * slope / stretch, axis=-1, keepdims=True)
        diffuse = preconditioner(self.transport, conductivity, collisions)
        emitted = self.emitted(stretch)

        def power(flat: Array) -> Array:
            """What nodes with their walls, and walls, give off, from their imbalance."""
            node, wall = shaped(flat, self.like)
            wall = self.transport.stiffness * wall
            return flattened(Unknown(emitted * node + jnp.sum(wall, axis=(-3, -1)), wall))

        def respond(flat: Array) -> Array:
            return flattened(diffuse(shaped(flat, self.like)))

        transposed = jax.linear_transpose(power, flattened(self.like))
        return lambda flat: respond(power(flat)), lambda flat: transposed(respond(flat))[0]

    def state(self, unknown: Unknown, response: Response, status: Status, stats: Any) -> GridState:
        """What is found; the dissipation is the heat of reservoirs times their rise."""
        problem, transport, states = self.problem, self.transport, self.states
        warm = self.middle + unknown.temperature
        departure = jnp.sum(response.moments[..., -1], axis=0)
        departure = departure / self._each(problem.heat_share)[..., None, :]
        mean = states.temperature(states.state(warm) + departure, warm)
        given = transport.given(response)
        dissipated = jnp.sum(problem.reservoir * given) / problem.volume.sum()
        solid = problem.solid[..., None]
        outside = jnp.any((warm < self.known[0]) | (warm > self.known[1]))
        return GridState(
            problem=problem,
            dissipation=dissipated[None, None],
            pseudotemperature=unknown.temperature[None],
            temperature=(solid * (mean - self.middle))[None],
            flux=transport.heat_flux(response.moments).sum(axis=-1)[None],
            given=given[None],
            flux_by_band=None,
            status=status.unless("outside_data", outside),
            stats=stats,
        )


def bose_einstein_grid(grid: HotGrid, tolerance: Array, max_iterations: int) -> GridState:
    """The state, by Newton's method from the temperatures of Fourier's law."""
    dtype = grid.problem.solid.dtype
    inner = tolerance / 100
    diffused = lax.stop_gradient(conduct(grid.problem, jnp.asarray(START, dtype), DIFFUSES))
    start = grid.like._replace(temperature=diffused.pseudotemperature[0])
    flow = jnp.minimum(jnp.sum(jnp.abs(diffused.given)), grid.most)
    ahead, back = lax.stop_gradient(grid).approximate_inverse(start)

    def solution(way: Operator, accuracy: Any) -> Callable[[Operator, Array], Array]:
        return lambda operator, rhs: conjugate_residuals(
            operator, rhs, way, jnp.asarray(accuracy, dtype), SOLVES
        )

    def step(function: Operator, x: Array, rhs: Array) -> Array:
        return solution(ahead, STEP)(_jacobian(function, x), rhs)

    def tangent(function: Operator, x: Array, rhs: Array) -> Array:
        endless = any(grid.problem.periodic) or any(grid.problem.mirrored)
        reverse = None if endless else solution(back, tolerance)  # loops have no transpose
        return lax.custom_linear_solve(
            _jacobian(function, x), rhs, solution(ahead, tolerance), transpose_solve=reverse
        )

    coldest = jnp.min(jnp.where(grid.problem.held > 0, grid.problem.reservoir, jnp.inf))
    lowest = COLDEST * (grid.middle + coldest) - grid.middle
    least = Unknown(jnp.zeros_like(start.temperature) + lowest, jnp.full_like(start.wall, -jnp.inf))
    flat, found = newton(
        lambda x: grid.imbalance(x, inner),
        flattened(start),
        within=(flattened(least), jnp.asarray(jnp.inf, dtype)),
        scale=grid.scale(flow, start),
        tolerance=tolerance,
        max_iterations=max_iterations,
        linear_solve=step,
        tangent_solve=tangent,
        patience=PATIENCE,
    )
    unknown = shaped(flat, grid.like)
    response = grid.respond(unknown, inner)
    status = found.status.unless("stagnation", response.change > tolerance)
    stats = {"iterations": found.iterations, "residual": found.residual, "passes": response.passes}
    return grid.state(unknown, response, status, stats)


def _jacobian(function: Operator, x: Array) -> Operator:
    return lambda v: jax.jvp(function, (x,), (v,))[1]
