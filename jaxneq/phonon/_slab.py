"""The one-dimensional transport problem that films lower themselves to, and its state."""

from __future__ import annotations

import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from jaxneq._core import AbstractSolution, AbstractSystem, Status
from jaxneq.materials import MatchedBands, PhononBands

from ._interfaces import AbstractInterface
from ._walls import AbstractWall, BlackWall

WALLS = (0.5, -0.5)  # temperatures of the left and right wall of a conducting film


class Layer(eqx.Module):
    r"""One homogeneous layer of a slab, without dimensions (see `SlabProblem`).

    **Fields:** `thickness`; `mean_free_path` of each band; `flux_share`, its :math:`C v`;
    `heat_share`, its part of the layer's :math:`\sum C`; `wavevector`, where an interface needs
    it (any unit).
    """

    thickness: Float[Array, ""]
    mean_free_path: Float[Array, " band"]
    flux_share: Float[Array, " band"]
    heat_share: Float[Array, " band"]
    wavevector: Float[Array, " band"] | None = None

    @classmethod
    def of(
        cls, bands: PhononBands | MatchedBands, power: Array, length: Array, thickness: Array
    ) -> Layer:
        """The layer of those bands, in units of a power and a length."""
        return cls(
            thickness=thickness / length,
            mean_free_path=bands.mean_free_path / length,
            flux_share=bands.heat_capacity * bands.group_velocity / power,
            heat_share=bands.heat_capacity / bands.heat_capacity.sum(),
            wavevector=bands.wavevector,
        )


class SlabProblem(eqx.Module):
    r"""Linearised phonon transport across layers between two walls, without dimensions.

    Lengths are in units of the whole thickness; temperatures in a unit of the system's choice;
    powers in units of that times :math:`\sum_b C_b v_b` of the first layer.

    **Fields:** one or two `layers`, with bands at the same frequencies; the `walls` at the left
    and right end and the `interface` between two layers; `emission`, the temperatures of the
    walls, band by band; `source`, the power per volume that collisions must carry off; `offset`,
    what a uniform source adds to the distribution of each band; `branches`, how many successive
    bands share a frequency (a diffuse interface mixes them).
    """

    layers: tuple[Layer, ...]
    walls: tuple[AbstractWall, AbstractWall]
    interface: AbstractInterface | None
    emission: Float[Array, "2 band"]
    source: Float[Array, ""]
    offset: Float[Array, " band"]
    branches: int = eqx.field(static=True)

    @property
    def plain(self) -> bool:
        """One layer between black walls."""
        return len(self.layers) == 1 and all(isinstance(wall, BlackWall) for wall in self.walls)


class SlabDetail(eqx.Module):
    """What only a method that follows the distribution finds, in the units of `SlabProblem`.

    `temperature` is that of the energy density, `spread` the variance of the distribution about
    it; `flux` goes through each `face`; `dissipation` is that of each cell, of the two walls and
    of the interface; `interface_exchange` what phonons exchange through it that arrive in
    equilibrium with temperatures that differ by one. Nodes and faces of successive layers follow
    one another.
    """

    temperature: Float[Array, " node"]
    spread: Float[Array, " node"]
    face: Float[Array, " face"]
    flux: Float[Array, " face"]
    dissipation: Float[Array, " cell"]
    wall_dissipation: Float[Array, "2"]
    interface_dissipation: Float[Array, ""]
    interface_exchange: Float[Array, ""]


class SlabState(eqx.Module):
    """What a method finds, in the units of `SlabProblem`.

    `pseudotemperature` is that of the distribution to which collisions relax; `dissipation` the
    value of the functional that it makes stationary: the heat flux between walls at `WALLS`;
    `mean_flux` the flux of each band, averaged over each layer.
    """

    position: Float[Array, " node"]
    pseudotemperature: Float[Array, " node"]
    dissipation: Float[Array, ""]
    mean_flux: Float[Array, "layer band"]
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
