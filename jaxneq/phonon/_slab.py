"""The one-dimensional transport problem that films lower themselves to, and its state."""

from __future__ import annotations

import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from jaxneq._core import AbstractSolution, AbstractSystem, Status

WALLS = (0.5, -0.5)  # temperatures of the left and right wall, in the units of `SlabProblem`


class SlabProblem(eqx.Module):
    r"""Linearised phonon transport across a slab between two black walls, without dimensions.

    Lengths are in units of the thickness, temperatures in units of the difference between the
    walls, which are at `WALLS`, and powers in units of that difference times
    :math:`\sum_b C_b v_b`.

    **Fields:** `mean_free_path` of each band; `flux_share`, its part of :math:`\sum C v`;
    `heat_share`, its part of :math:`\sum C`.
    """

    mean_free_path: Float[Array, " band"]
    flux_share: Float[Array, " band"]
    heat_share: Float[Array, " band"]


class SlabDetail(eqx.Module):
    """What only a method that follows the distribution finds, in the units of `SlabProblem`.

    `temperature` is that of the energy density, `spread` the variance of the distribution about
    it; `flux` goes through each `face`; `dissipation` is that of each cell and of the two walls.
    """

    temperature: Float[Array, " node"]
    spread: Float[Array, " node"]
    face: Float[Array, " face"]
    flux: Float[Array, " face"]
    dissipation: Float[Array, " cell"]
    wall_dissipation: Float[Array, "2"]


class SlabState(eqx.Module):
    """What a method finds, in the units of `SlabProblem`.

    `pseudotemperature` is that of the distribution to which collisions relax; `conductance` the
    heat flux; `mean_flux` that of each band, averaged over the slab.
    """

    position: Float[Array, " node"]
    pseudotemperature: Float[Array, " node"]
    conductance: Float[Array, ""]
    mean_flux: Float[Array, " band"]
    status: Status
    stats: dict[str, Any]
    detail: SlabDetail | None = None


class AbstractSlab(AbstractSystem):
    """A system that is a slab to the methods: it lowers itself and reads the state back."""

    @abc.abstractmethod
    def problem(self) -> SlabProblem:
        """The dimensionless problem."""

    @abc.abstractmethod
    def solution(self, state: SlabState) -> AbstractSolution:
        """The physical answer."""
