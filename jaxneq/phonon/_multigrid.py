"""Conduction on a grid by multigrid: fine meshes and layouts of high contrast take no longer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import conjugate_gradients

from ._grid_diffusion import Diffusion

Cells = Float[Array, "*_"]

_ENOUGH = 1e-4  # relative residual: so small that it acts as a linear operator
_DAMPING = 0.7  # of what is taken by the diagonal before and after a coarser grid
_FEW = 64  # cells that are inverted as they are
_LOSS = 0.01  # K / L^2 lost everywhere, 1/4000 of what the longest wave loses


class Conduction:
    r"""An approximate inverse of `Diffusion`: symmetric, positive definite, of the cost of a few.

    .. math:: B = D^{-1} + P\,V\,P^\top

    D is the diagonal of the nodes. V is a cycle over ever coarser grids of finite volumes, one
    number a cell, whose conductances are half a cell, the face and half a cell in series; P carries
    their temperatures to the nodes by the same resistances, so that it is right where faces let all
    pass and where they hardly let anything pass. Two cells along each axis make a coarser one; its
    faces conduct half of what they are made of, for they are twice as far apart. The cycle takes
    the diagonal before and after, and the inverse on the coarsest grid. A little is lost
    everywhere, so that pieces which nothing holds have an inverse.

    Source: D. Braess, Computing 55, 379 (1995), for halving the conductances.
    """

    def __init__(self, diffusion: Diffusion):
        self.diffusion = diffusion
        self.loss = _loss(diffusion)
        self.diagonal = diffusion.diagonal + self.loss
        conductance, held, self.toward = _finite_volumes(diffusion)
        held = held + self.loss[..., 0] * (1 << held.ndim)
        self.grids = []
        while held.size > _FEW:
            self.grids.append((conductance, held, _diagonal(conductance, held)))
            conductance, held = _coarser(conductance, held)
        self.inverse = _inverse(conductance, held)

    def __call__(self, power: Float[Array, "*cells node"]) -> Float[Array, "*cells node"]:
        """Temperatures that would make the nodes give off so much."""
        shape = jax.ShapeDtypeStruct(power.shape[:-1], power.dtype)
        (of_cells,) = jax.linear_transpose(self._to_nodes, shape)(power)
        return power / self.diagonal + self._to_nodes(self._cycle(of_cells))

    def solve(self, power: Float[Array, "*cells node"]) -> Float[Array, "*cells node"]:
        """Those that do, but for 1e-4 of it."""
        flat = power.ravel()

        def given(nodes: Array) -> Array:
            return self.diffusion(nodes) + self.loss * nodes

        found, _ = conjugate_gradients(
            lambda nodes: given(nodes.reshape(power.shape)).ravel(),
            flat,
            lambda left: self(left.reshape(power.shape)).ravel(),
            jnp.asarray(_ENOUGH, flat.dtype),
            1000,
        )
        return found.reshape(power.shape)

    def _cycle(self, power: Cells, at: int = 0) -> Cells:
        if at == len(self.grids):
            return (self.inverse @ power.ravel()).reshape(power.shape)
        conductance, held, diagonal = self.grids[at]
        damped = _DAMPING / diagonal
        found = damped * power
        left = power - _given(conductance, held, found)
        found = found + _spread(self._cycle(_gathered(left), at + 1), power.shape)
        return found + damped * (power - _given(conductance, held, found))

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
    diffusion: Diffusion,
) -> tuple[list[Cells], Cells, list[tuple[Array, Array]]]:
    """Conductances to the next cell along each axis, conductance to what is held at 0, and shares.

    Those of the fall to the cells beyond that are met by the lower and by the upper end of each.
    """
    problem = diffusion.problem
    conductance, toward = [], []
    held = diffusion.lost * (1 << problem.dimensions)
    for axis, along in enumerate(diffusion.axes):
        half = _one_over(2 * along["slope"])  # the resistance of half a cell
        across, jump = problem.across(axis), along["through1"] * along["penalty1"]
        if problem.media is not None:
            jump = jump + along["interface1"]
        penalty = _one_over(along["penalty1"])  # which stands for both halves where all passes
        through = jnp.where(
            jump > 0, _one_over(_one_over(jump) + half + jnp.roll(half, -1, axis) - penalty), 0
        )
        conductance.append(across * through)
        shares = jnp.roll(through, 1, axis) * half, through * half
        toward.append(tuple(share[..., None] for share in shares))
        for side in (0, 1):
            outward = _one_over(_one_over(along[f"reservoir{side}"]) + half / 2)
            held = held + across * along[f"held{side}"] * outward
    return conductance, held, toward


def _given(conductance: Sequence[Cells], held: Cells, temperature: Cells) -> Cells:
    """The power that each cell gives off."""
    power = held * temperature
    for axis, each in enumerate(conductance):
        flux = each * (temperature - jnp.roll(temperature, -1, axis))
        power = power + flux - jnp.roll(flux, 1, axis)
    return power


def _diagonal(conductance: Sequence[Cells], held: Cells) -> Cells:
    """Of the operator; 1 where there is nothing."""
    total = held
    for axis, each in enumerate(conductance):
        total = total + each + jnp.roll(each, 1, axis)
    return jnp.where(total > 0, total, 1)


def _coarser(conductance: Sequence[Cells], held: Cells) -> tuple[list[Cells], Cells]:
    """The same of cells twice as long along each axis."""
    out = []
    for axis, each in enumerate(conductance):
        count = each.shape[axis]
        last = np.minimum(2 * np.arange((count + 1) // 2) + 1, count - 1)  # of each pair
        others = tuple(k for k in range(each.ndim) if k != axis)
        out.append(_gathered(jnp.take(each, last, axis=axis) / 2, others))
    return out, _gathered(held)


def _gathered(values: Cells, axes: Sequence[int] | None = None) -> Cells:
    """Sums over pairs along all axes, or those given; an odd one stays alone."""
    for axis in range(values.ndim) if axes is None else axes:
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


def _inverse(conductance: Sequence[Cells], held: Cells) -> Float[Array, "_ _"]:
    size: Any = held.size
    unit = jnp.eye(size, dtype=held.dtype).reshape(size, *held.shape)
    matrix = jax.vmap(lambda each: _given(conductance, held, each).ravel())(unit)
    empty = jnp.diagonal(matrix) == 0
    return jnp.linalg.inv(matrix + jnp.diag(empty.astype(matrix.dtype)))


def _one_over(values: Array) -> Array:
    """0 of 0."""
    return jnp.where(values != 0, 1 / jnp.where(values != 0, values, 1), 0)
