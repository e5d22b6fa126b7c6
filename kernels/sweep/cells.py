r"""The sweep through a box of cells, in two or three dimensions, as nested scans.

Cells are products of lumped linear elements: :math:`2^d` nodes, mass and faces lumped, upwind
faces. Along a ray with the reach :math:`\ell_k` along axis k and cells of the widths h the
departure from the local temperature obeys, in each cell,

.. math:: \Big(1 + \sum_k x_k (1 + J_k)\Big)\,\delta = \text{inflow} - \sum_k x_k\,\Delta_k T,
          \qquad x_k = \ell_k / h_k,

where :math:`J_k` turns the two nodes along axis k by a right angle. The turns commute and square
to -1, so the matrix is inverted in closed form (`inverse`). A stage of a step in time, or a
frequency, shortens the reach by :math:`1 + \sigma` and adds
:math:`\lambda\,(g_\text{old} - T)` at each node, :math:`\lambda = \sigma / (1 + \sigma)`: the
`lag`. Reach and lag may be complex; then all fields are.

Cells of one node are constant, with the same upwind faces: of first order (the step scheme), for
comparison. There are no J, and the departure is that of the cell.

Each ray is followed in its own frame, where it runs up all axes: the caller mirrors the fields
for each of the :math:`2^d` octants. Node n of a cell lies at its upper end along axis k where bit
k of n is set. The last axis is the fast one. If it is periodic, what enters a row is found
exactly, from two passes: the first tells what leaves if nothing enters. What enters across the
periodic ends of the other axes is iterated. Ends that mirror the rays go the same ways: what leaves
in one octant enters in that which differs in the axis' bit.

Reach, weight and lag of the rays may differ from medium to medium; then `Fields` tells the medium
of each cell, and the arrays have an axis of media first. The reach may also differ from cell to
cell by a factor for each group, the `stretch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Inexact, Int

from .turns import inverse, turn

Rays = Inexact[Array, "group ray"]
Nodes = tuple[Array, ...]


class Fields(NamedTuple):
    """What the cells do to the rays, in the frame of each octant.

    `source` is what the temperatures add to the right-hand side of each node, per x of each axis;
    `transmission` the share that passes the face through which rays enter along each axis;
    `wall` the departure with which rays enter there from a wall, for each of the nodes of the
    face and each group of rays, times the share that comes from the wall. Where rays lag, `behind`
    is the temperature of the past less that of now at each node, and `memory` the departure of
    each ray in the past from the temperature of the past, if there is any. `medium`, that of the
    cell, if there are several; `stretch`, by how much its reach is longer, if that differs.
    The source may have an axis of groups last.
    """

    source: Inexact[Array, "*_"]
    transmission: Inexact[Array, "*cells axis octant"]
    wall: Inexact[Array, "*cells axis face_node octant group"]
    medium: Int[Array, "*cells octant"] | None = None
    behind: Inexact[Array, "*cells node octant"] | None = None
    memory: Inexact[Array, "*cells node octant group ray"] | None = None
    stretch: Inexact[Array, "*cells octant group"] | None = None


class Swept(NamedTuple):
    """`moments` of the departures at the nodes; what `left` through the ends of each slow axis.

    `change` is how far what enters through periodic ends is from what leaves, relative, after so
    many `passes` through the box. Where asked for, `kept`, the departures themselves, and `squares`
    of them, with the first of the weights; then, with that of each axis, at an upper node of what
    leaves across it, at a lower one of the jump of the distribution where it enters.
    """

    moments: Inexact[Array, "*cells node octant group moment"]
    left: tuple[Nodes, ...]
    change: Float[Array, ""]
    passes: Int[Array, ""]
    kept: Inexact[Array, "*cells node octant group ray"] | None = None
    squares: Float[Array, "*cells node octant group square"] | None = None


def upper(dimensions: int, axis: int) -> list[int]:
    """The nodes at the upper end along an axis, in ascending order."""
    return [n for n in range(1 << dimensions) if n >> axis & 1]


def lower(dimensions: int, axis: int) -> list[int]:
    """The nodes at the lower end along an axis, in ascending order."""
    return [n for n in range(1 << dimensions) if not n >> axis & 1]


def through_cells(
    fields: Fields,
    width: tuple[Inexact[Array, "_ octant"], ...],
    reach: Inexact[Array, "*medium axis group ray"],
    weight: Inexact[Array, "*medium group ray moment"],
    entering: tuple[Nodes, ...] | None = None,
    rows: Array | None = None,
    *,
    lag: Inexact[Array, "*medium group ray"] | None = None,
    keep: bool = False,
    periodic: tuple[bool, ...],
    mirrored: tuple[int, ...] = (),
    tolerance: Any = 1e-10,
    size: Any = 0.0,
    max_passes: int = 500,
    squares: bool = False,
) -> Swept:
    """Follow all rays through all cells.

    **Arguments:** `width` of the cells along each axis, in the frame of each octant; `reach` of
    the rays along each axis, all positive; `weight` of each ray in each of the moments;
    `entering`, what enters through the ends of the slow axes, as `Swept.left` (then the box is
    gone through once); `rows`, what `row_transfer` found, if the fast axis is periodic;
    `lag` of each ray; whether to `keep` the departures (where the box is gone through once) and to
    sum `squares` (of linear cells); `periodic` axes; `mirrored`, for each axis the bit by which its
    ends turn the octant, 0 where they do not; `tolerance`, the change of what enters through such
    ends at which to stop, relative to it or, if that is more, to `size`.
    """
    mirrored = mirrored or (0,) * len(width)
    if rows is None and (periodic[-1] or mirrored[-1]):
        count = fields.source.shape[len(width) + 1]
        varying = (fields.medium, fields.stretch)
        rows = row_transfer(fields.transmission, width, reach, *varying, nodes=count)
    box = _Box(fields, width, reach, weight, rows, mirrored, lag, keep, squares)
    if entering is None and (any(periodic[:-1]) or any(mirrored[:-1])):
        return _around(box, periodic, tolerance, size, max_passes)
    sums, left = box.through(box.nothing() if entering is None else entering)
    once = jnp.zeros((), jnp.real(weight).dtype), jnp.int32(1)
    return Swept(sums.moments, left, *once, sums.kept, sums.squares)


def _around(
    box: _Box, periodic: tuple[bool, ...], tolerance: Any, size: Any, max_passes: int
) -> Swept:
    """What enters through periodic or mirrored ends is what left, found ray by ray.

    Each ray, with its mirror images, is a linear iteration of its own; where rays run far through
    open channels it hardly contracts, along few modes. So each is carried on along the secant of
    its last two steps (D. G. Anderson, J. ACM 12, 547, 1965, with a memory of one).
    """
    dtype = jnp.real(box.none).dtype
    least = jnp.maximum(jnp.asarray(size, dtype), jnp.finfo(dtype).tiny)

    def unfinished(carry: Any) -> Array:
        *_, change, passes = carry
        return (change > tolerance) & (passes < max_passes)

    def again(carry: Any) -> Any:
        _, ends, before, step_before, _, passes = carry
        sums, left = box.through(ends)
        after = [box.around(k, part, periodic[k]) for k, end in enumerate(left) for part in end]
        here = [part for end in ends for part in end]
        step = _less(after, here)
        turn = _less(step, step_before)
        square = box.together(_square(turn))
        usable = (square > 0) & (passes > 0)
        safe = jnp.where(usable, square, 1).astype(box.none.dtype)
        share = jnp.where(usable, box.together(_dot(turn, step)) / safe, 0)
        back = [a + b for a, b in zip(_less(here, before), turn, strict=True)]
        following = [
            new - share[(None,) * (new.ndim - 3)] * part
            for new, part in zip(after, back, strict=True)
        ]
        around = jnp.maximum(jnp.sqrt(jnp.sum(_square(after))), least)
        change = jnp.sqrt(jnp.sum(_square(step))) / around
        return sums, box.ends(following), here, step, change, passes + 1

    start = box.nothing()
    nothing = [part for end in start for part in end]
    shape = jax.eval_shape(lambda: box.through(start)[0])
    none = jax.tree.map(lambda part: jnp.zeros(part.shape, part.dtype), shape)
    first = (none, start, nothing, nothing, jnp.asarray(jnp.inf, dtype), jnp.int32(0))
    sums, ends, _, _, change, passes = lax.while_loop(unfinished, again, first)
    return Swept(sums.moments, ends, change, passes, sums.kept, sums.squares)


def _less(first: list[Array], second: list[Array]) -> list[Array]:
    return [a - b for a, b in zip(first, second, strict=True)]


def _dot(first: list[Array], second: list[Array]) -> Inexact[Array, "octant group ray"]:
    """The inner product of what enters, of each ray."""
    pairs = zip(first, second, strict=True)
    return sum(
        (jnp.sum(jnp.conj(a) * b, axis=tuple(range(a.ndim - 3))) for a, b in pairs),
        jnp.zeros(first[0].shape[-3:], first[0].dtype),
    )


def _square(parts: list[Array]) -> Float[Array, "octant group ray"]:
    """Its square."""
    return jnp.real(_dot(parts, parts))


class _Sums(NamedTuple):
    """Of `Swept`."""

    moments: Array
    kept: Array | None
    squares: Array | None


class _Box:
    """The cells and rays of one sweep."""

    def __init__(
        self,
        fields: Fields,
        width: Any,
        reach: Array,
        weight: Array,
        rows: Any,
        mirrored: tuple[int, ...],
        lag: Array | None,
        keep: bool,
        squares: bool,
    ):
        self.fields = fields
        self.width = width
        self.reach = reach
        self.weight = weight
        self.rows = rows
        self.mirrored = mirrored
        self.lag = lag
        self.keep = keep
        self.squares = squares
        self.dimensions = len(width)
        self.count = fields.source.shape[self.dimensions + 1]
        octants = fields.transmission.shape[-1]
        self.nodes = _nodes(self.dimensions, self.count)
        self.none = jnp.zeros((octants, *reach.shape[-2:]), weight.dtype)

    def nothing(self) -> tuple[Nodes, ...]:
        """Nothing enters."""
        cells = self.fields.source.shape[: self.dimensions]
        ends = []
        for axis in range(self.dimensions - 1):
            shape = (*cells[:axis], *cells[axis + 1 :], *self.none.shape)
            ends.append((jnp.zeros(shape, self.none.dtype),) * len(self.nodes[axis][0]))
        return tuple(ends)

    def around(self, axis: int, left: Array, periodic: bool) -> Array:
        """What enters along an axis, of what left along it."""
        if self.mirrored[axis]:
            return turned(left, self.mirrored[axis])
        return left if periodic else jnp.zeros_like(left)

    def together(self, product: Inexact[Array, "octant group ray"]) -> Array:
        """A ray and its mirror images count as one."""
        if not any(self.mirrored):
            return product
        return jnp.broadcast_to(jnp.sum(product, axis=0, keepdims=True), product.shape)

    def ends(self, parts: list[Array]) -> tuple[Nodes, ...]:
        """Parts of what enters, one after the other, by slow axes."""
        size = len(self.nodes[0][0])
        return tuple(
            tuple(parts[size * axis : size * (axis + 1)]) for axis in range(self.dimensions - 1)
        )

    def through(self, entering: tuple[Nodes, ...]) -> tuple[_Sums, tuple[Nodes, ...]]:
        """Sums over the rays, and what leaves, if that enters across the ends of slow axes."""
        return self._level(0, (), entering, (), (self.fields, self.rows))

    def _level(
        self, axis: int, across: tuple[Nodes, ...], entering: Any, widths: Any, fields: Any
    ) -> Any:
        """All cells from here on: slow axes before `axis` are at one place.

        `across` is what comes across the axes before, over the cells of those after; returns the
        sums and what leaves across the axes before, then through the ends of the others.
        """
        if axis == self.dimensions - 1:  # derivatives follow a row again, instead of storing it
            return jax.checkpoint(self._row)(across, widths, fields)

        def step(carry: Nodes, inputs: Any) -> Any:
            before, ends, width, here = inputs
            sums, out = self._level(axis + 1, (*before, carry), ends, (*widths, width), here)
            return out[axis], (sums, out[:axis] + out[axis + 1 :])

        inputs = (across, entering[1:], self.width[axis], fields)
        last, (sums, out) = lax.scan(step, entering[0], inputs)
        return sums, (*out[:axis], last, *out[axis:])

    def _row(self, across: tuple[Nodes, ...], widths: Any, along: Any) -> Any:
        """A row along the fast axis; what enters it is found if its ends hand rays on."""
        fields, transfer = along
        fast = self.dimensions - 1
        alike = fields.medium is None and fields.stretch is None
        slow = _over(widths, self.reach) if alike else []  # the same along the row

        def cell(carry: Nodes, inputs: Any) -> tuple[list[Array], Any]:
            before, width, here = inputs
            if alike:
                x = [*slow, self.reach[fast][None] / _ray(width)]
            else:
                x = _over((*widths, width), self.reach, here.medium, here.stretch)
            return self._cell(x, (*before, carry), here), None

        def outflow(carry: Nodes, inputs: Any) -> Any:
            out, _ = cell(carry, inputs)
            return tuple(out[n] for n in self.nodes[fast][1]), None

        def kept(carry: Nodes, inputs: Any) -> Any:
            out, _ = cell(carry, inputs)
            return tuple(out[n] for n in self.nodes[fast][1]), tuple(out)

        start = (self.none,) * len(self.nodes[fast][0])
        inputs = (across, self.width[fast], fields)
        if transfer is not None:
            left, _ = lax.scan(outflow, start, inputs)
            start = _solve(transfer, left, self.mirrored[fast])
        _, out = lax.scan(kept, start, inputs)
        moments = jnp.stack(
            [self._summed(part, self.weight, fields.medium) for part in out], axis=1
        )
        leaving = tuple(
            tuple(out[n] for n in self.nodes[axis][1]) for axis in range(self.dimensions - 1)
        )
        squares = self._squares((*across, start), out, fields) if self.squares else None
        return _Sums(moments, jnp.stack(out, axis=1) if self.keep else None, squares), leaving

    def _squares(
        self, entering: tuple[Nodes, ...], out: Nodes, fields: Fields
    ) -> Float[Array, "cell node octant group square"]:
        """The weighted sums of `Swept.squares` in a row."""
        parts = [[part] * (1 + self.dimensions) for part in out]
        for k, (low, high) in enumerate(self.nodes):
            for i, (n, m) in enumerate(zip(low, high, strict=True)):
                before = entering[k][i]
                if k == self.dimensions - 1:
                    before = jnp.concatenate([before[None], out[m][:-1]])
                step = (fields.source[:, k, n] - fields.source[:, k, m]) / 2
                come = (fields.wall[:, k, i] + step[..., None])[..., None]
                passing = fields.transmission[:, k, :, None, None]
                parts[n][1 + k] = out[n] - passing * before - come
        return jnp.stack(
            [
                jnp.concatenate(
                    [
                        self._summed(part**2, self.weight[..., m : m + 1], fields.medium)
                        for m, part in enumerate(of_node)
                    ],
                    axis=-1,
                )
                for of_node in parts
            ],
            axis=1,
        )

    def _summed(self, values: Array, weight: Array, medium: Array | None) -> Array:
        """Sums of the rays' values at one node of each cell of a row, with the weights."""
        if medium is None:
            return _products(values, weight)
        each = jnp.stack([_products(values, own) for own in weight])
        own = medium[None] == jnp.arange(each.shape[0])[:, None, None]
        return jnp.sum(jnp.where(own[..., None, None], each, 0), axis=0)

    def _cell(self, x: list[Array], entering: tuple[Nodes, ...], fields: Fields) -> list[Array]:
        """The departures at the nodes of one cell."""
        right = [
            sum((part * _ray(fields.source[k, n]) for k, part in enumerate(x)), self.none)
            for n in range(self.count)
        ]
        if self.lag is not None and fields.behind is not None:
            lag = self.lag[None] if fields.medium is None else self.lag[fields.medium]
            for n in range(self.count):
                past = _ray(fields.behind[n])
                past = past if fields.memory is None else past + fields.memory[n]
                right[n] = right[n] + lag * past
        for k, part in enumerate(x):
            passing = _ray(fields.transmission[k])
            for i, n in enumerate(self.nodes[k][0]):
                come = passing * entering[k][i] + fields.wall[k, i][:, :, None]
                right[n] = right[n] + _along(self.count) * part * come
        return turn(inverse(x, self.count), right)


def row_transfer(
    transmission: Inexact[Array, "*cells axis octant"],
    width: tuple[Inexact[Array, "_ octant"], ...],
    reach: Inexact[Array, "*medium axis group ray"],
    medium: Int[Array, "*cells octant"] | None = None,
    stretch: Inexact[Array, "*cells octant group"] | None = None,
    nodes: int = 0,
) -> Inexact[Array, "*rows face_node face_node octant group ray"]:
    """What leaves the rows along the fast axis per unit of what enters them.

    Cells have so many `nodes`, by default those of linear elements.
    """
    dimensions = len(width)
    count = nodes or 1 << dimensions
    fast = dimensions - 1
    begin, end = _nodes(dimensions, count)[fast]
    none = jnp.zeros((transmission.shape[-1], *reach.shape[-2:]), reach.dtype)

    def level(axis: int, slow: tuple[Array, ...], fields: Any) -> Array:
        if axis < fast:

            def one(_: None, inputs: Any) -> Any:
                size, here = inputs
                return None, level(axis + 1, (*slow, size), here)

            return lax.scan(jax.checkpoint(one), None, (width[axis], fields))[1]

        def cell(carry: Nodes, inputs: Any) -> Any:
            size, (passes, *here) = inputs
            x = _over((*slow, size), reach, *here)
            right = [none] * count
            for i, n in enumerate(begin):
                right[n] = _along(count) * x[fast] * _ray(passes[fast]) * carry[i]
            out = turn(inverse(x, count), right)
            return tuple(out[n] for n in end), None

        columns = []
        for i in range(len(begin)):
            unit = tuple(none + (1.0 if j == i else 0.0) for j in range(len(begin)))
            columns.append(jnp.stack(lax.scan(cell, unit, (width[fast], fields))[0]))
        return jnp.stack(columns, axis=1)

    return level(0, (), (transmission, medium, stretch))


def _nodes(dimensions: int, count: int) -> list[tuple[list[int], list[int]]]:
    """The nodes of a cell at its lower and its upper end along each axis."""
    if count == 1:
        return [([0], [0])] * dimensions
    return [(lower(dimensions, k), upper(dimensions, k)) for k in range(dimensions)]


def _along(count: int) -> int:
    """How many nodes a cell has along an axis; what enters meets the mass of one of them."""
    return min(count, 2)


def _products(
    values: Inexact[Array, "cell octant group ray"], weight: Inexact[Array, "group ray moment"]
) -> Inexact[Array, "cell octant group moment"]:
    """Sums over the rays. `jnp.einsum` would take the weight first, and transpose the values."""
    each = lax.dot_general(values, weight, (((3,), (1,)), ((2,), (0,))))
    return jnp.moveaxis(each, 0, 2)


def turned(rays: Inexact[Array, "*_ octant group ray"], bit: int) -> Array:
    """Those of the octants that differ in one bit."""
    return rays[..., np.arange(rays.shape[-3]) ^ bit, :, :]


def _solve(transfer: Array, left: Nodes, bit: int) -> Nodes:
    """U of ``u = transfer u + left``, by elimination; 1 - transfer has a dominant diagonal.

    Where ends mirror, u of an octant is what leaves in the one that differs in the bit.
    """
    size = len(left)
    if bit:
        other, back = turned(transfer, bit), [turned(part, bit) for part in left]
        left = tuple(
            back[i] + sum((other[i, k] * left[k] for k in range(size)), jnp.zeros_like(back[i]))
            for i in range(size)
        )
        transfer = jnp.einsum("ik...,kj...->ij...", other, transfer)
    rows = [
        [(1.0 if i == j else 0.0) - transfer[i, j] for j in range(size)] + [left[i]]
        for i in range(size)
    ]
    for i in range(size):
        for j in range(i + 1, size):
            factor = rows[j][i] / rows[i][i]
            rows[j] = [a - factor * b for a, b in zip(rows[j], rows[i], strict=True)]
    found: list[Array] = [left[0]] * size
    for i in reversed(range(size)):
        known = sum((rows[i][j] * found[j] for j in range(i + 1, size)), jnp.zeros_like(left[0]))
        found[i] = (rows[i][size] - known) / rows[i][i]
    return tuple(found)


def _over(
    widths: Sequence[Array],
    reach: Array,
    medium: Array | None = None,
    stretch: Array | None = None,
) -> list[Array]:
    """Reach over width along the first axes, in cells of each octant's own medium and stretch."""
    own = reach[:, None] if medium is None else jnp.moveaxis(reach[medium], 1, 0)
    if stretch is not None:
        own = own * stretch[None, ..., None]
    return [part / _ray(width) for width, part in zip(widths, own, strict=False)]


def _ray(values: Array) -> Array:
    """Values of octants, or of their groups, for all rays."""
    return values.reshape(*values.shape, *(1,) * (3 - values.ndim))
