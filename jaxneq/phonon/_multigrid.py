"""Conduction on a grid by multigrid: fine meshes and layouts of high contrast take no longer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import conjugate_gradients

from ._grid_diffusion import Diffusion

Cells = Float[Array, "*_"]

_ENOUGH = 1e-4  # relative residual: so small that it acts as a linear operator
_MOST = 1000  # steps of conjugate gradients
_DAMPING = 0.7  # of what is taken by the diagonal before and after a coarser grid
_FEW = 64  # cells that are inverted as they are
_LOSS = 0.01  # K / L^2 lost everywhere, 1/4000 of what the longest wave loses


class Volumes(NamedTuple):
    """Finite volumes: `conductance` to the next cell along each axis, `held` to what is held at 0.

    Ends are joined, by a conductance of 0 where nothing repeats itself.
    """

    conductance: tuple[Cells, ...]
    held: Cells

    def given(self, temperature: Cells) -> Cells:
        """The power that each cell gives off."""
        power = self.held * temperature
        for axis, each in enumerate(self.conductance):
            flux = each * (temperature - jnp.roll(temperature, -1, axis))
            power = power + flux - jnp.roll(flux, 1, axis)
        return power

    @property
    def diagonal(self) -> Cells:
        """Of the operator; 1 where there is nothing."""
        total = self.held
        for axis, each in enumerate(self.conductance):
            total = total + each + jnp.roll(each, 1, axis)
        return jnp.where(total > 0, total, 1)

    @property
    def inverse(self) -> Float[Array, "_ _"]:
        """Of the operator, as a matrix."""
        size: Any = self.held.size
        unit = jnp.eye(size, dtype=self.held.dtype).reshape(size, *self.held.shape)
        matrix = jax.vmap(lambda each: self.given(each).ravel())(unit)
        empty = jnp.diagonal(matrix) == 0
        return jnp.linalg.inv(matrix + jnp.diag(empty.astype(matrix.dtype)))

    def coarser(self) -> Volumes:
        """Of cells twice as long along each axis."""
        out = []
        for axis, each in enumerate(self.conductance):
            count = each.shape[axis]
            last = np.minimum(2 * np.arange((count + 1) // 2) + 1, count - 1)  # of each pair
            others = [k for k in range(each.ndim) if k != axis]
            out.append(_gathered(jnp.take(each, last, axis=axis) / 2, others))
        return Volumes(tuple(out), _gathered(self.held, range(self.held.ndim)))


class Multigrid:
    r"""Conduction inverted: roughly by one cycle, or well enough by a few.

    .. math:: B = D^{-1} + P\,V\,P^\top

    D is the diagonal of the nodes. V is a cycle over ever coarser grids of finite volumes, one
    number a cell, whose conductances are half a cell, the face and half a cell in series; P carries
    their temperatures to the nodes by the same resistances, so that it is right where faces let all
    pass and where they hardly let anything pass. Two cells along each axis make a coarser one; its
    faces conduct half of what they are made of, for they are twice as far apart. The cycle takes
    the diagonal before and after, and the inverse on the coarsest grid. A little is lost
    everywhere, so that pieces which nothing holds have an inverse. B is symmetric and positive.

    Source: D. Braess, Computing 55, 379 (1995), for halving the conductances.
    """

    def __init__(self, diffusion: Diffusion):
        self.diffusion = diffusion
        self.loss = _loss(diffusion)
        self.diagonal = diffusion.diagonal + self.loss
        volumes, self.toward = _finite_volumes(diffusion, self.loss)
        self.grids = []
        while volumes.held.size > _FEW:
            self.grids.append((volumes, _DAMPING / volumes.diagonal))
            volumes = volumes.coarser()
        self.inverse = volumes.inverse

    def __call__(self, power: Float[Array, "*cells node"]) -> Float[Array, "*cells node"]:
        """The temperatures at which nodes give off about that power."""
        shape = jax.ShapeDtypeStruct(power.shape[:-1], power.dtype)
        (of_cells,) = jax.linear_transpose(self._to_nodes, shape)(power)
        return power / self.diagonal + self._to_nodes(self._cycle(of_cells))

    def solve(self, power: Float[Array, "*cells node"]) -> Float[Array, "*cells node"]:
        """Those at which they do, to a relative residual of 1e-4."""
        found, _ = conjugate_gradients(
            lambda row: self._given(row.reshape(power.shape)).ravel(),
            power.ravel(),
            lambda row: self(row.reshape(power.shape)).ravel(),
            jnp.asarray(_ENOUGH, power.dtype),
            _MOST,
        )
        return found.reshape(power.shape)

    def _given(self, temperature: Float[Array, "*cells node"]) -> Float[Array, "*cells node"]:
        return self.diffusion(temperature) + self.loss * temperature

    def _cycle(self, power: Cells, at: int = 0) -> Cells:
        if at == len(self.grids):
            return (self.inverse @ power.ravel()).reshape(power.shape)
        volumes, damped = self.grids[at]
        found = damped * power
        left = _gathered(power - volumes.given(found), range(power.ndim))
        found = found + _spread(self._cycle(left, at + 1), power.shape)
        return found + damped * (power - volumes.given(found))

    def _to_nodes(self, temperature: Cells) -> Float[Array, "*cells node"]:
        """At both ends of the cell along each axis, on the way to what lies beyond."""
        out = temperature[..., None]
        for axis, (low, high) in enumerate(self.toward):
            below, above = (jnp.roll(out, shift, axis) for shift in (1, -1))
            ends = out + low * (below - out), out + high * (above - out)
            out = jnp.concatenate(ends, axis=-1)
        return out


def _loss(diffusion: Diffusion) -> Float[Array, "*_ 1"]:
    """A little at each node."""
    problem = diffusion.problem
    longest = jnp.max(jnp.stack([jnp.sum(width) for width in problem.width]))
    conducted = diffusion.conductivity * problem.solid * problem.volume
    return (_LOSS * conducted / longest**2 / (1 << problem.dimensions))[..., None]


def _finite_volumes(
    diffusion: Diffusion, loss: Float[Array, "*_ 1"]
) -> tuple[Volumes, list[tuple[Array, ...]]]:
    """The volumes; and of the falls to the cells beyond, the shares at both ends of each cell."""
    problem = diffusion.problem
    conductance, toward = [], []
    held = (diffusion.lost + loss[..., 0]) * (1 << problem.dimensions)
    for axis, along in enumerate(diffusion.axes):
        half = one_over(2 * along["slope"])  # the resistance of half a cell
        across, jump = problem.across(axis), along["through1"] * along["penalty1"]
        if problem.media is not None:
            jump = jump + along["interface1"]
        penalty = one_over(along["penalty1"])  # which stands for both halves where all passes
        resistance = one_over(jump) + half + jnp.roll(half, -1, axis) - penalty
        through = jnp.where(jump > 0, one_over(resistance), 0)
        conductance.append(across * through)
        shares = jnp.roll(through, 1, axis) * half, through * half
        toward.append(tuple(share[..., None] for share in shares))
        for side in (0, 1):
            outward = one_over(one_over(along[f"reservoir{side}"]) + half / 2)
            held = held + across * along[f"held{side}"] * outward
    return Volumes(tuple(conductance), held), toward


def _gathered(values: Cells, axes: Sequence[int]) -> Cells:
    """Sums over pairs along the axes; an odd one stays alone."""
    for axis in axes:
        count = values.shape[axis]
        even = jnp.pad(values, [(0, count % 2 if k == axis else 0) for k in range(values.ndim)])
        pairs = even.reshape(*values.shape[:axis], -1, 2, *values.shape[axis + 1 :])
        values = pairs.sum(axis=axis + 1)
    return values


def _spread(values: Cells, shape: tuple[int, ...]) -> Cells:
    """To both of each pair: the transpose of gathering."""
    for axis, count in enumerate(shape):
        values = jnp.repeat(values, 2, axis=axis)
        values = values[(slice(None),) * axis + (slice(count),)]
    return values


def one_over(values: Array) -> Array:
    """The inverse; 0 of 0."""
    return jnp.where(values != 0, 1 / jnp.where(values != 0, values, 1), 0)
