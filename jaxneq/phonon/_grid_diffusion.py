"""Diffusion on a grid: Fourier's law in the discretisation of the transport.

The modified interior penalty of Wang and Ragusa (Nucl. Sci. Eng. 166, 145, 2010) for lumped
multilinear cells is, along each axis, that of linear cells. It is written as an energy: half the
heat that would be dissipated; the operator is its derivative, so it is symmetric.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._grid import GridProblem
from ._grid_transport import node_bits


class Diffusion:
    """-div K grad on the grid, for one conductivity; cells in voids are left out.

    Penalties are no smaller than `least`, by default the exchange between black faces; then faces
    that let a part pass are in series with that, as for phonons. With a `loss` each volume gives
    off so much power per temperature; `conductivity` is by default that of the bulk.
    """

    def __init__(
        self, problem: GridProblem, least: Any = None, loss: Any = None, conductivity: Any = None
    ):
        self.problem = problem
        carried = jnp.sum(problem.flux_share * problem.mean_free_path, axis=-1)
        bulk = problem.of_cells(carried) * problem.conducted
        self.conductivity = bulk if conductivity is None else conductivity
        each = 0 if loss is None else loss * problem.volume * problem.solid
        self.lost = jnp.zeros_like(problem.solid) + each / (1 << problem.dimensions)
        black = problem.of_cells(jnp.sum(problem.flux_share, axis=-1)) * problem.radiated
        self.black, self.exchanging = black, least is None
        self.least = black if least is None else least
        self.axes = [self._axis(k) for k in range(problem.dimensions)]

    def _axis(self, axis: int) -> dict[str, Any]:
        """Slope, penalty and openness of the faces along an axis."""
        problem = self.problem
        slope = self.conductivity * problem.solid / problem.along(axis, problem.width[axis])
        area = problem.across(axis) * 2 / (1 << problem.dimensions)
        out: dict[str, Any] = {"slope": slope, "area": area, "ends": node_bits(len(problem.width))}
        for side in (0, 1):
            beyond = jnp.roll(slope, 1 - 2 * side, axis)
            penalty = jnp.maximum(2 * (slope + beyond), self.least)
            passing = problem.transmission[..., axis, side]
            if self.exchanging:
                passing = passing * self.black / (passing * self.black + (1 - passing) * penalty)
            out[f"through{side}"] = passing * problem.solid
            out[f"held{side}"] = problem.held[..., axis, side] * problem.solid
            out[f"penalty{side}"] = penalty
            out[f"reservoir{side}"] = jnp.maximum(4 * slope, self.least)
            if problem.media is not None:
                out[f"interface{side}"] = problem.media.conductance[..., axis, side]
        return out

    def energy(
        self,
        temperature: Float[Array, "*cells node"],
        fall: Float[Array, " axis"] | None = None,
        reservoir: Float[Array, "*cells axis side"] | None = None,
    ) -> Array:
        """Half the dissipation, with an applied fall and reservoirs; without, both are 0."""
        problem = self.problem
        total: Any = jnp.sum(self.lost[..., None] * temperature**2) / 2
        for axis, along in enumerate(self.axes):
            bit = along["ends"][axis]
            low, high = temperature[..., bit == 0], temperature[..., bit == 1]
            slope, area = along["slope"][..., None], along["area"][..., None]
            difference = high - low
            if fall is not None:
                applied = problem.along(axis, problem.width[axis] * fall[axis])
                difference = difference - applied[..., None]
            rise = slope * difference
            step = low - jnp.roll(high, 1, axis)
            mean = (rise + jnp.roll(rise, 1, axis)) / 2
            through = along["through0"][..., None]
            faces = through * (mean * step + along["penalty0"][..., None] / 2 * step**2)
            if problem.media is not None:
                faces = faces + along["interface0"][..., None] / 2 * step**2
            for side, end in ((0, low), (1, -high)):
                if reservoir is not None:
                    end = end - (1 - 2 * side) * reservoir[..., axis, side, None]
                held = along[f"held{side}"][..., None]
                penalty = along[f"reservoir{side}"][..., None]
                faces = faces + held * (rise * end + penalty / 2 * end**2)
            total = total + jnp.sum(area * (rise * difference / 2 + faces))
        return total

    def __call__(self, temperature: Float[Array, "*cells node"]) -> Float[Array, "*cells node"]:
        """The power that the nodes give off."""
        return jax.grad(self.energy)(temperature)

    @property
    def diagonal(self) -> Float[Array, "*cells node"]:
        """Of the operator; 1 in voids."""
        total: Any = self.lost[..., None]
        for axis, along in enumerate(self.axes):
            sides = []
            for side in (0, 1):
                through, held = along[f"through{side}"], along[f"held{side}"]
                own = along["slope"] * (1 - through - 2 * held)
                own = own + through * along[f"penalty{side}"] + held * along[f"reservoir{side}"]
                if self.problem.media is not None:
                    own = own + along[f"interface{side}"]
                sides.append(along["area"] * own)
            total = total + jnp.stack(sides, axis=-1)[..., along["ends"][axis]]
        return total + (1 - self.problem.solid[..., None])
