r"""Constant cells on a grid, with upwind faces: the step scheme, of first order.

What `_grid_transport` does, with one temperature a cell and one departure for each of its diffuse
walls. It is there to compare with: in a gray bulk the steps between cells of the width h add
:math:`C v h / 4` to the conductivity, a share of :math:`3 h / 4 \Lambda`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact, Int

from jaxneq._kernels import sweep

from ._frames import Frame, Rays, frames
from ._grid import GridProblem
from ._grid_preconditioner import preconditioner
from ._grid_transport import Ends, Transport, Unknown, node_bits, octant_signs, size_of, widths_of


class StepUnknown(NamedTuple):
    """Pseudo-temperatures of the cells; departures of diffuse walls at their sides from them."""

    temperature: Inexact[Array, "*cells"]
    wall: Inexact[Array, "*cells axis side group"]


class StepResponse(NamedTuple):
    """`power` given off by cells, `wall_power` by their walls, as of `Response`.

    The `flux` is the mean of that through both sides of a cell; `departure`, that of the energy.
    """

    power: Inexact[Array, "*cells"]
    wall_power: Inexact[Array, "*cells axis side group"]
    flux: Inexact[Array, "*cells axis group"]
    departure: Inexact[Array, "*cells"]
    left: Ends
    change: Inexact[Array, ""]
    passes: Int[Array, ""]


class StepTransport(eqx.Module):
    """Rays through constant cells, with what about their rows does not depend on temperatures."""

    problem: GridProblem
    rays: Rays
    rows: tuple[Array | None, ...]

    @classmethod
    def of(cls, problem: GridProblem, rays: Rays) -> StepTransport:
        rows = tuple(
            sweep.row_transfer(
                problem.passing.ravel()[frame.side], widths_of(problem, frame), rays.reach, nodes=1
            )
            if problem.periodic[frame.axes[-1]] or problem.mirrored[frame.axes[-1]]
            else None
            for frame in frames(problem.cells, problem.mirrored)
        )
        return cls(problem, rays, rows)

    @property
    def octants(self) -> int:
        return 1 << self.problem.dimensions

    @property
    def black(self) -> Inexact[Array, "*_ group"]:
        """What a black wall emits per area and temperature, to be broadcast over all sides."""
        return Transport(self.problem, self.rays, ()).emitted

    @property
    def area(self) -> Inexact[Array, "*cells axis"]:
        """That of the sides across each axis."""
        axes = range(self.problem.dimensions)
        return jnp.stack([self.problem.across(axis) for axis in axes], axis=-1)

    def zero(self) -> StepUnknown:
        sides, groups = self.problem.transmission, self.rays.emission.shape[-2]
        return StepUnknown(
            jnp.zeros_like(self.problem.solid), jnp.zeros((*sides.shape, groups), sides.dtype)
        )

    def respond(
        self,
        unknown: StepUnknown,
        *,
        fall: Inexact[Array, " axis"] | None = None,
        entering: Ends | None = None,
        tolerance: Any = 1e-10,
        like: StepResponse | None = None,
    ) -> StepResponse:
        """Follow the rays; with the reservoirs if with the applied `fall` of temperature."""
        problem = self.problem
        temperature, wall = unknown
        held = problem.held[..., None]
        reservoir = jnp.zeros_like(problem.held) if fall is None else problem.reservoir
        given = (reservoir - temperature[..., None, None])[..., None]
        sent = wall + held * (given - wall)
        inward = (1 - problem.passing)[..., None] * sent
        moments: Any = 0
        left, passes, change = [], jnp.int32(0), jnp.zeros((), problem.solid.dtype)
        for index, frame in enumerate(frames(problem.cells, problem.mirrored)):
            swept = sweep.through_cells(
                self._fields(frame, temperature, inward, fall),
                widths_of(problem, frame),
                self.rays.reach,
                self.rays.weight,
                None if entering is None else entering[index],
                self.rows[index],
                periodic=tuple(problem.periodic[k] for k in frame.axes),
                mirrored=tuple(problem.mirrored[k] << k for k in frame.axes),
                tolerance=tolerance,
                size=0.0 if like is None else size_of(like.left[index]),
            )
            moments = moments + self._unframed(frame, swept.moments)
            left.append(swept.left)
            change = jnp.maximum(change, swept.change)
            passes = jnp.maximum(passes, swept.passes)
        solid = problem.solid[..., None, None, None]
        leaving = self._leaving(moments)
        closed = self.area[..., None, None] * (1 - problem.passing)[..., None] * solid
        wall_power = closed * (sent * self.black - leaving)
        return StepResponse(
            power=-problem.volume * problem.solid * jnp.sum(moments[..., 0], axis=(0, -1)),
            wall_power=wall_power,
            flux=self._flux(temperature, leaving, wall_power * held, fall),
            departure=jnp.sum(moments[..., -1], axis=(0, -1)),
            left=tuple(left),
            change=change,
            passes=passes,
        )

    def _fields(
        self, frame: Frame, temperature: Array, inward: Array, fall: Array | None
    ) -> sweep.Fields:
        """The fields of the sweep; all are differences of temperatures."""
        problem = self.problem
        flat, own = temperature.ravel(), _cells(frame.here[..., 0, :], problem)
        passing = problem.passing.ravel()[frame.side]
        signs = jnp.asarray(octant_signs(problem.dimensions), flat.dtype)
        source = []
        for q, axis in enumerate(frame.axes):
            step = flat[_cells(frame.upstream[..., q, 0, :], problem)] - flat[own]
            if fall is not None:
                width = widths_of(problem, frame)[q]
                apart = (width + jnp.roll(width, 1, axis=0)) / 2 * (fall[axis] * signs[axis])[None]
                others = tuple(k for k in range(problem.dimensions) if k != q)
                step = step + jnp.expand_dims(apart, others)
            source.append(passing[..., q, :] * step)
        walls = jnp.reshape(inward, (-1, inward.shape[-1]))[frame.side]
        source = jnp.stack(source, axis=-2)
        return sweep.Fields(source[..., None, :], passing, walls[..., None, :, :])

    def _unframed(self, frame: Frame, moments: Array) -> Inexact[Array, "octant *cells group m"]:
        """Moments by octant and cell of the grid, those of axes in the grid's order."""
        dimensions, octants = self.problem.dimensions, self.octants
        own = _cells(frame.here[..., 0, :], self.problem).reshape(-1, octants)
        back = np.stack([np.argsort(own[:, o]) * octants + o for o in range(octants)])
        order = [0, *(1 + frame.axes.index(k) for k in range(dimensions)), 1 + dimensions]
        flat = jnp.reshape(moments, (-1, *moments.shape[-2:]))[back]
        shape = (octants, *self.problem.cells, *moments.shape[-2:])
        return jnp.reshape(flat, shape)[..., np.asarray(order)]

    def _leaving(self, moments: Array) -> Inexact[Array, "*cells axis side group"]:
        """The flux of departures that leaves cells through each side."""
        axes = [
            [jnp.sum(moments[signs == way, ..., 1 + axis], axis=0) for way in (-1, 1)]
            for axis, signs in enumerate(octant_signs(self.problem.dimensions))
        ]
        return jnp.stack([jnp.stack(sides, axis=-2) for sides in axes], axis=-3)

    def _flux(
        self, temperature: Array, leaving: Array, given: Array, fall: Array | None
    ) -> Inexact[Array, "*cells axis group"]:
        """The mean of the fluxes through both sides, from reservoirs too."""
        problem = self.problem
        axes = []
        for k, width in enumerate(problem.width):
            step = jnp.roll(temperature, 1, k) - temperature
            if fall is not None:
                step = step + fall[k] * problem.along(k, width + jnp.roll(width, 1)) / 2
            below = jnp.roll(leaving[..., k, 1, :], 1, k)
            net = step[..., None] * self.black[0, 0] + below - leaving[..., k, 0, :]
            lower = problem.transmission[..., k, 0, None] * net
            held = (given[..., k, 0, :] - given[..., k, 1, :]) / self.area[..., k, None]
            axes.append((lower + jnp.roll(lower, -1, k) + held) / 2)
        return jnp.stack(axes, axis=-2)

    def residual(self, response: StepResponse) -> StepUnknown:
        """What cells with their walls, and diffuse walls, give off."""
        wall = response.wall_power * (1 - self.problem.held)[..., None]
        return StepUnknown(response.power + jnp.sum(wall, axis=(-3, -2, -1)), wall)

    def given(self, response: StepResponse) -> Inexact[Array, "*cells axis side"]:
        """The power that reservoirs give off at each side."""
        return jnp.sum(response.wall_power, axis=-1) * self.problem.held

    def mean_flux(self, response: StepResponse) -> Inexact[Array, " axis group"]:
        """That of the whole, with no contacts: through all faces, weighed by their distances."""
        problem = self.problem
        flux = jnp.tensordot(problem.volume, response.flux, axes=problem.dimensions)
        return flux / problem.volume.sum()

    def imbalance(
        self, temperature: Array, left: Ends, entering: Ends, also_left: Ends
    ) -> Inexact[Array, ""]:
        """As that of `Transport`."""
        total: Any = jnp.zeros((), self.problem.solid.dtype)
        for index, frame in enumerate(frames(self.problem.cells, self.problem.mirrored)):
            passing, size = self.problem.passing.ravel()[frame.side], widths_of(self.problem, frame)
            here = temperature.ravel()[_cells(frame.here[..., 0, :], self.problem)]
            for q, axis in enumerate(frame.axes[:-1]):
                mirror = self.problem.mirrored[axis] << axis
                if not self.problem.periodic[axis] and not mirror:
                    continue
                area = jnp.take(passing[..., q, :], 0, axis=q)
                others = [width for k, width in enumerate(size) if k != q]
                for k, width in enumerate(others):
                    apart = tuple(m for m in range(len(others)) if m != k)
                    area = area * jnp.expand_dims(width, apart)
                beams = self.rays.reach[q] * self.rays.emission
                (came,), (went,) = entering[index][q], also_left[index][q]
                went = sweep.turned(went, mirror) if mirror else went
                whole = left[index][q][0] + jnp.take(here, -1, axis=q)[..., None, None]
                reverse = jnp.flip(whole, tuple(range(area.ndim)))
                weight = area[..., None, None] * beams[(None,) * area.ndim]
                total = total + jnp.sum(weight * reverse * (came - went))
        return total


def step_preconditioner(transport: StepTransport) -> Callable[[StepUnknown], StepUnknown]:
    """That of the linear cells, where all nodes of a cell are one."""
    problem = transport.problem
    apply = preconditioner(Transport(problem, transport.rays, ()))
    bits = node_bits(problem.dimensions)
    nodes = bits.shape[1]

    def of_cells(residual: StepUnknown) -> StepUnknown:
        whole = jnp.repeat(residual.temperature[..., None] / nodes, nodes, axis=-1)
        walls = [residual.wall[..., k, bit, :] * 2 / nodes for k, bit in enumerate(bits)]
        found = apply(Unknown(whole, jnp.stack(walls, axis=-3)))
        sides = [
            jnp.stack([found.wall[..., k, bit == end, :].mean(axis=-2) for end in (0, 1)], axis=-2)
            for k, bit in enumerate(bits)
        ]
        return StepUnknown(found.temperature.mean(axis=-1), jnp.stack(sides, axis=-3))

    return of_cells


def _cells(nodes: np.ndarray, problem: GridProblem) -> np.ndarray:
    """The cells of nodes."""
    return nodes >> problem.dimensions
