"""What a field of pseudo-temperatures does on a grid: powers, fluxes, exchange with the walls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Int

from jaxneq._kernels import sweep

from ._frames import Frame, Rays, frames
from ._grid import GridProblem
from ._media import AtInterfaces, Interfaces

Ends = tuple[tuple[tuple[Array, ...], ...], ...]  # through periodic ends, by frame


class Unknown(NamedTuple):
    """Pseudo-temperatures of the nodes, and departures of the diffuse walls from them there.

    The wall at the side of a cell across `axis` on which a node lies belongs to that node. At an
    interface, from the lower cell, that of the mean e that both sides emit from the mean of both
    nodes, and from the upper one that of the step z from theirs (see `_media`).
    """

    temperature: Inexact[Array, "*cells node"]
    wall: Inexact[Array, "*cells axis node group"]


class Emission(NamedTuple):
    """What is emitted where temperatures are far apart (see `_bose_einstein_grid`).

    The states of each group in equilibrium with nodes and with reservoirs, and by how much free
    paths are longer in each cell.
    """

    node: Float[Array, "*cells node group"]
    reservoir: Float[Array, "*cells axis side group"]
    stretch: Float[Array, "*cells group"]


class Past(NamedTuple):
    """What a stage of a step in time starts from.

    Temperatures of the nodes, and the departures of all rays from them, by frame.
    """

    temperature: Inexact[Array, "*cells node"]
    departure: tuple[Array, ...]


class Response(NamedTuple):
    """`power` given off by the nodes, `wall_power` by the walls; `moments` of the departures.

    `moments` are those of `Rays.weight`, axes in the order of the grid, over the nodes and, first,
    the octants of directions; `left` is what left through the ends of the slow axes, `change` how
    far what entered there is from it after so many `passes`; `exchanged`, the power through
    interfaces times f, at the lower cell; where asked for, `kept`, the departures of all rays, by
    frame, and `squares`, laid out as the moments, those of `Swept`.
    """

    power: Inexact[Array, "*cells node"]
    wall_power: Inexact[Array, "*cells axis node group"]
    moments: Inexact[Array, "octant *cells node group moment"]
    left: Ends
    change: Inexact[Array, ""]
    passes: Int[Array, ""]
    exchanged: Inexact[Array, "*cells axis node group"] | None = None
    kept: tuple[Array | None, ...] = ()
    squares: Inexact[Array, "octant *cells node group square"] | None = None


class Transport(eqx.Module):
    r"""Rays on a grid, with what about its walls and rows does not depend on temperatures.

    With a `rate` s the distribution g of each ray obeys :math:`s (g - g_\text{old})` in the place
    of its change in time.
    """

    problem: GridProblem
    rays: Rays
    rows: tuple[Array | None, ...]
    interfaces: Interfaces | None = None
    rate: Array | None = None

    @classmethod
    def of(cls, problem: GridProblem, rays: Rays, rate: Array | None = None) -> Transport:
        reach = cls.bare(problem, rays, rate).reach
        rows = tuple(
            sweep.row_transfer(
                _gather(problem.passing, frame.side),
                widths_of(problem, frame),
                reach,
                _medium(problem, frame),
            )
            if problem.periodic[frame.axes[-1]] or problem.mirrored[frame.axes[-1]]
            else None
            for frame in frames(problem.cells, problem.mirrored)
        )
        return replace(cls.bare(problem, rays, rate), rows=rows)

    @classmethod
    def bare(cls, problem: GridProblem, rays: Rays, rate: Array | None = None) -> Transport:
        """Without what rows do, for what follows no rays."""
        media = problem.media
        return cls(problem, rays, (), None if media is None else Interfaces.of(media), rate)

    @property
    def delay(self) -> Array:
        """The rate times the relaxation time of each ray."""
        assert self.rate is not None
        return self.rate * self.rays.relaxation_time

    @property
    def reach(self) -> Array:
        """How far rays come along each axis before they relax, or change in time."""
        if self.rate is None:
            return self.rays.reach
        return self.rays.reach / (1 + self.delay)[..., None, :, :]

    @property
    def lag(self) -> Array | None:
        """How far each ray stays in the past."""
        return None if self.rate is None else self.delay / (1 + self.delay)

    @property
    def nodes(self) -> int:
        return 1 << self.problem.dimensions

    @property
    def node_volume(self) -> Inexact[Array, "*cells 1"]:
        """The part of a cell's volume that belongs to each of its nodes."""
        return self.problem.volume[..., None] / self.nodes

    @property
    def node_area(self) -> Inexact[Array, "*cells axis 1"]:
        """The part of a side's area that belongs to each of its nodes."""
        axes = range(self.problem.dimensions)
        area = jnp.stack([self.problem.across(axis) for axis in axes], axis=-1)
        return area[..., None] * 2 / self.nodes

    @property
    def collisions(self) -> Inexact[Array, "*_"]:
        """What collisions emit per volume and temperature, to be broadcast over cells and nodes."""
        emitted = jnp.sum(self.rays.emission, axis=(-2, -1), keepdims=True)[..., 0]
        own = self.problem.of_cells(self.nodes * self.problem.dimensions * emitted)
        return own if self.problem.media is not None else own[0]

    @property
    def black(self) -> Inexact[Array, "*_ group"]:
        """What a black wall emits per area and temperature; in each medium, if they are several."""
        emission = self.rays.emission[..., None, :, :]
        return self.nodes / 2 * jnp.sum(self.rays.reach * emission, axis=(-3, -1))

    @property
    def emitted(self) -> Inexact[Array, "*_ group"]:
        """That of the walls of each cell, to be broadcast over cells, axes and nodes."""
        own = self.problem.of_cells(self.black)
        if self.problem.media is not None:
            return own[..., None, None, :]
        return own.reshape((1,) * (self.problem.dimensions + 2) + (-1,))

    @property
    def slowed(self) -> tuple[Array | None, Array | None]:
        """What a volume keeps in the past per temperature, and the conductivity of the rest."""
        if self.lag is None:
            return None, None
        kept = self.problem.dimensions * self.rays.emission * self.lag
        conducted = jnp.sum(self.reach**2, axis=-3) * self.rays.emission / (1 + self.delay)
        loss, rest = (self.nodes * jnp.sum(part, axis=(-2, -1)) for part in (kept, conducted))
        return self.problem.of_cells(loss), self.problem.of_cells(rest)

    def closed(
        self, side: Inexact[Array, "*cells axis side"]
    ) -> Inexact[Array, "*cells axis node"]:
        """A field of sides, at the nodes of each side."""
        bit = node_bits(self.problem.dimensions)
        return jnp.stack([side[..., k, bit[k]] for k in range(len(bit))], axis=-2)

    @property
    def diffuse(self) -> Inexact[Array, "*cells axis node"]:
        """The share of what meets a side that a diffuse wall sends back."""
        shut = (1 - self.problem.passing) * (1 - self.problem.held)
        return self.closed(shut * self.problem.solid[..., None, None])

    def departures(self, unknown: Unknown) -> tuple[Array, Array | None]:
        """Of what walls emit, from their nodes; and the steps of what arrives at interfaces."""
        if self.interfaces is None:
            return unknown.wall, None
        return self.interfaces.departures(*unknown)

    def base(
        self, temperature: Inexact[Array, "*cells node"]
    ) -> Inexact[Array, "*cells axis node _"]:
        """What the unknowns of diffuse walls are counted from."""
        own = jnp.where(self.diffuse > 0, temperature[..., None, :], 0)[..., None]
        return own if self.interfaces is None else self.interfaces.base(temperature, own)

    @property
    def stiffness(self) -> Inexact[Array, "*cells axis node group"]:
        """What a unit of each wall's unknown makes it give off itself."""
        emitted = (self.node_area * self.diffuse)[..., None] * self.emitted
        return emitted if self.interfaces is None else self.interfaces.stiffness(emitted)

    def zero(self) -> Unknown:
        problem = self.problem
        dtype = problem.solid.dtype
        groups = self.rays.emission.shape[-2]
        return Unknown(
            jnp.zeros((*problem.cells, self.nodes), dtype),
            jnp.zeros((*problem.cells, problem.dimensions, self.nodes, groups), dtype),
        )

    @eqx.filter_jit  # traced once, however often a program asks
    def respond(
        self,
        unknown: Unknown,
        *,
        fall: Inexact[Array, " axis"] | None = None,
        entering: Ends | None = None,
        tolerance: Any = 1e-10,
        like: Response | None = None,
        past: Past | None = None,
        emission: Emission | None = None,
        keep: bool = False,
        squares: bool = False,
    ) -> Response:
        """Follow the rays; with the reservoirs if with the applied `fall` of temperature.

        What goes around periodic ends is found to the `tolerance`, relative to itself or, if that
        is more, to what goes around in a response `like` it. The `past` is cold unless given; the
        departures of the rays can be kept where what enters is given, or nothing goes around. With
        an `emission` nodes and reservoirs emit that, in the place of their temperatures.
        """
        problem = self.problem
        temperature = unknown.temperature
        wall, step = self.departures(unknown)
        held = self.closed(problem.held)[..., None]
        cold = jnp.zeros_like(wall[..., 0])
        reservoir = (cold if fall is None else self.closed(problem.reservoir))[..., None]
        own = temperature[..., None]
        if emission is not None:
            own, reservoir = emission.node, jax.vmap(self.closed, -1, -1)(emission.reservoir)
        given = reservoir - own[..., None, :, :]
        inward = (1 - self.closed(problem.passing))[..., None] * (wall + held * (given - wall))
        total: Any = 0
        square: Any = 0 if squares else None
        left, kept, passes = [], [], jnp.int32(0)
        change = jnp.zeros((), jnp.real(wall).dtype)
        for index, frame in enumerate(frames(problem.cells, problem.mirrored)):
            fields = self._fields(frame, temperature, inward, fall)
            if emission is not None:
                fields = self._emitting(frame, fields, emission, inward)
            if self.rate is not None:
                fields = self._lagging(index, frame, fields, temperature, past)
            swept = sweep.through_cells(
                fields,
                widths_of(problem, frame),
                self.reach,
                self.rays.weight,
                None if entering is None else entering[index],
                None if emission is not None else self.rows[index],
                lag=self.lag,
                keep=keep,
                periodic=tuple(problem.periodic[k] for k in frame.axes),
                mirrored=tuple(problem.mirrored[k] << k for k in frame.axes),
                tolerance=tolerance,
                size=0.0 if like is None else size_of(like.left[index]),
                squares=squares,
            )
            total = total + self._unframed(frame, swept.moments)
            if swept.squares is not None:
                square = square + self._unframed(frame, swept.squares)
            left.append(swept.left)
            kept.append(swept.kept)
            change = jnp.maximum(change, swept.change)
            passes = jnp.maximum(passes, swept.passes)
        met = jnp.sum(total[..., 0], axis=0)  # by collisions, of each group
        if emission is not None:
            met = met / emission.stretch[..., None, :]
        power = -self.node_volume * jnp.sum(met, axis=-1)
        arriving = jnp.stack([self.outward(total, k) for k in range(problem.dimensions)], axis=-3)
        sent = (wall + held * (given - wall)) * self.emitted
        open_share = (1 - self.closed(problem.passing)) * problem.solid[..., None, None]
        wall_power = (self.node_area * open_share)[..., None] * (sent - arriving)
        solid = problem.solid[..., None]
        exchanged = None
        if step is not None and self.interfaces is not None:
            through = self.node_area[..., None] * self.emitted * self.interfaces.leave
            exchanged = through * self.interfaces.balance * step
        ends = tuple(left), change, passes, exchanged, tuple(kept), square
        return Response(power * solid, wall_power, total, *ends)

    def _emitting(
        self, frame: Frame, fields: sweep.Fields, emission: Emission, inward: Array
    ) -> sweep.Fields:
        """The fields of rays between nodes that emit by group."""
        cell = frame.here[..., 0, :] >> self.problem.dimensions
        source = jax.vmap(lambda own: self._fields(frame, own, inward, None).source, -1, -1)
        stretch = emission.stretch.reshape(-1, emission.stretch.shape[-1])[cell]
        return fields._replace(source=source(emission.node), stretch=stretch)

    def _lagging(
        self, index: int, frame: Frame, fields: sweep.Fields, temperature: Array, past: Past | None
    ) -> sweep.Fields:
        """The fields of rays that stay in the past."""
        behind = -temperature if past is None else past.temperature - temperature
        memory = None if past is None else past.departure[index]
        return fields._replace(behind=behind.ravel()[frame.here], memory=memory)

    def _fields(
        self, frame: Frame, temperature: Array, inward: Array, fall: Array | None
    ) -> sweep.Fields:
        """The fields of the sweep; all are differences of temperatures."""
        problem = self.problem
        dimensions = problem.dimensions
        flat = temperature.ravel()
        local = flat[frame.here]
        step = flat[frame.upstream]
        passing = _gather(problem.passing, frame.side)
        size = [
            width.reshape([-1 if q == k else 1 for q in range(dimensions)] + [1, self.nodes])
            for k, width in enumerate(widths_of(problem, frame))
        ]
        along = jnp.asarray(octant_signs(dimensions), temperature.dtype)  # of the grid's axes
        source = []
        for q, axis in enumerate(frame.axes):
            low, high = sweep.lower(dimensions, q), sweep.upper(dimensions, q)
            rise = local[..., high, :] - local[..., low, :]
            if fall is not None:
                slope = fall[axis] * along[axis]
                rise = rise - size[q] * slope.reshape((1,) * (dimensions + 1) + (-1,))
            entry = 2 * passing[..., q, None, :] * (step[..., q, :, :] - local[..., low, :]) - rise
            parts: list[Any] = [None] * self.nodes
            for i, (n, m) in enumerate(zip(low, high, strict=True)):
                parts[n], parts[m] = entry[..., i, :], -rise[..., i, :]
            source.append(jnp.stack(parts, axis=-2))
        walls = jnp.reshape(inward, (-1, inward.shape[-1]))[frame.wall]
        medium = _medium(problem, frame)
        return sweep.Fields(jnp.stack(source, axis=-3), passing, walls, medium)

    def _unframed(self, frame: Frame, moments: Array) -> Inexact[Array, "octant *cells node k m"]:
        """Moments by octant and node of the grid, those of axes in the grid's order."""
        dimensions = self.problem.dimensions
        tail = moments.shape[dimensions + 2 :]
        flat = jnp.reshape(moments, (-1, *tail))[frame.back]
        axes = (1 + frame.axes.index(k) for k in range(dimensions))
        order = [0, *axes, *range(1 + dimensions, tail[-1])]
        shape = (self.nodes, *self.problem.cells, self.nodes, *tail)
        return jnp.reshape(flat, shape)[..., np.asarray(order)]

    def outward(
        self, moments: Array, axis: int, toward: bool = True
    ) -> Inexact[Array, "*cells node group"]:
        """The flux of departures to the side across an axis on which each node lies, or from it."""
        along = (octant_signs(self.problem.dimensions)[axis] > 0) == toward
        there = along[:, None] == node_bits(self.problem.dimensions)[axis][None]
        shape = (self.nodes, *(1,) * self.problem.dimensions, self.nodes, 1)
        mask = jnp.asarray(there.reshape(shape), moments.dtype)
        return jnp.sum(mask * moments[..., 1 + axis], axis=0)

    def residual(self, response: Response) -> Unknown:
        """What nodes with their walls, and diffuse walls, give off."""
        adiabatic = 1 - self.closed(self.problem.held)[..., None]
        wall = response.wall_power * adiabatic
        if response.exchanged is None:
            return Unknown(response.power + jnp.sum(wall, axis=(-3, -1)), wall)
        (moved,) = jax.linear_transpose(self.departures, self.zero())((wall, response.exchanged))
        with_walls = response.power + jnp.sum(wall, axis=(-3, -1))
        return Unknown(with_walls + moved.temperature, moved.wall)

    def given(self, response: Response) -> Inexact[Array, "*cells axis side"]:
        """The power that reservoirs give off at each side."""
        return at_sides(jnp.sum(response.wall_power, axis=-1) * self.closed(self.problem.held))

    def temperature_of_energy(self, unknown: Unknown, response: Response) -> Array:
        """The temperature of the energy density at the nodes."""
        departure = jnp.sum(response.moments[..., -1], axis=(0, -1)) / self.problem.heat[..., None]
        return (unknown.temperature + departure) * self.problem.solid[..., None]

    def at_interfaces(self, unknown: Unknown, response: Response) -> AtInterfaces | None:
        """Flux and step of the temperature of the energy density, at the upper sides of cells."""
        if self.interfaces is None:
            return None
        arrived = -jnp.sum(response.wall_power, axis=-1) / self.node_area
        return self.interfaces.found(arrived, self.temperature_of_energy(unknown, response))

    def imbalance(
        self, temperature: Array, left: Ends, entering: Ends, also_left: Ends
    ) -> Inexact[Array, ""]:
        """What enters through periodic ends less what left, weighed by what the reversed rays are.

        With it the dissipation is stationary in what enters too.
        """
        flat = temperature.ravel()
        total: Any = jnp.zeros((), self.problem.solid.dtype)
        for index, frame in enumerate(frames(self.problem.cells, self.problem.mirrored)):
            passing = _gather(self.problem.passing, frame.side)
            widths = widths_of(self.problem, frame)
            for q, axis in enumerate(frame.axes[:-1]):
                mirror = self.problem.mirrored[axis] << axis
                if not self.problem.periodic[axis] and not mirror:
                    continue
                area = jnp.take(passing[..., q, :], 0, axis=q) * 2 / self.nodes
                others = [width for k, width in enumerate(widths) if k != q]
                for k, width in enumerate(others):
                    shape = [-1 if k == m else 1 for m in range(len(others))] + [self.nodes]
                    area = area * width.reshape(shape)
                beams = self.rays.reach[..., q, :, :] * self.rays.emission
                media = _medium(self.problem, frame)
                if media is None:
                    beams = beams[(None,) * area.ndim]
                else:
                    beams = beams[jnp.take(media, 0, axis=q)]
                weight = area[..., None, None] * beams
                ends = tuple(range(len(others) + 1))  # the cells of the end, and the octants
                last = jnp.take(flat[frame.here], -1, axis=q)
                high = sweep.upper(self.problem.dimensions, q)
                for i, (came, went) in enumerate(
                    zip(entering[index][q], also_left[index][q], strict=True)
                ):
                    whole = left[index][q][-1 - i] + last[..., high[-1 - i], :][..., None, None]
                    reverse = jnp.flip(whole, ends)
                    went = sweep.turned(went, mirror) if mirror else went
                    total = total + jnp.sum(weight * reverse * (came - went))
        return total

    def heat_flux(self, moments: Array) -> Inexact[Array, "*cells axis group"]:
        """The mean flux of each cell."""
        axes = []
        for axis, signs in enumerate(octant_signs(self.problem.dimensions)):
            shape = (self.nodes, *(1,) * (self.problem.dimensions + 2))
            sign = jnp.asarray(signs.reshape(shape), moments.dtype)
            axes.append(jnp.sum(sign * moments[..., 1 + axis], axis=(0, -2)) / self.nodes)
        return jnp.stack(axes, axis=-2) * self.problem.solid[..., None, None]


def octant_signs(dimensions: int) -> Int[np.ndarray, "axis octant"]:
    """1 or -1: the direction along each axis; mirrored where the octant's bit is set."""
    octants = np.arange(1 << dimensions)
    return np.stack([1 - 2 * (octants >> axis & 1) for axis in range(dimensions)])


def node_bits(dimensions: int) -> Int[np.ndarray, "axis node"]:
    """The end of each axis at which a node lies."""
    nodes = np.arange(1 << dimensions)
    return np.stack([nodes >> axis & 1 for axis in range(dimensions)])


def size_of(ends: tuple[tuple[Array, ...], ...]) -> Array:
    return jnp.sqrt(sum(jnp.sum(jnp.abs(part) ** 2) for end in ends for part in end))


def at_sides(nodes: Inexact[Array, "*cells axis node"]) -> Inexact[Array, "*cells axis side"]:
    """What belongs to the nodes of each side, together."""
    upper = node_bits(nodes.ndim - 2).astype(bool)
    axes = [
        jnp.stack([jnp.sum(nodes[..., k, at], axis=-1) for at in (~bit, bit)], axis=-1)
        for k, bit in enumerate(upper)
    ]
    return jnp.stack(axes, axis=-2)


def _medium(problem: GridProblem, frame: Frame) -> Int[Array, "*cells octant"] | None:
    """The medium of each cell, in the frame of each octant; None if there is but one."""
    if problem.media is None:
        return None
    return _gather(problem.media.medium, frame.here[..., 0, :] >> problem.dimensions)


def _gather(field: Array, place: np.ndarray) -> Array:
    return field.ravel()[place]


def widths_of(problem: GridProblem, frame: Frame) -> tuple[Inexact[Array, "_ octant"], ...]:
    """Widths along the axes of a frame, mirrored with the octant."""
    signs = octant_signs(problem.dimensions)
    return tuple(
        jnp.stack([problem.width[k][::sign] for sign in signs[k]], axis=-1) for k in frame.axes
    )
