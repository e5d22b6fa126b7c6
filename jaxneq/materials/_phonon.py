"""What a phonon material is to a transport solver: bands at a temperature."""

from __future__ import annotations

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, is_concrete, parameter, setting

Number = float | Float[Array, ""]
DIMENSIONS = "Dimensions of the directions in which phonons run: 3, or 2 in a sheet of atoms"


class AbstractPhononMaterial(AbstractDeclared):
    """A material that can say its phonon bands at a temperature."""

    @abc.abstractmethod
    def bands(self, temperature: Number) -> PhononBands:
        """The bands at `temperature` (K)."""

    @classmethod
    def named(cls, name: str, **changes: Any) -> AbstractPhononMaterial:
        """The material of that name, with changes, as in `jaxneq.materials.model`."""
        from ._data import model

        return model(name, **changes)

    @property
    def planar(self) -> bool:
        """Whether phonons run in a plane, as in a sheet of atoms, and not in all directions."""
        return False

    @property
    @abc.abstractmethod
    def temperature_range(self) -> tuple[float, float]:
        """Temperatures (K) for which the material's data hold."""

    def check_temperature(self, temperature: Number) -> None:
        """Raise `ValueError` where the data do not hold. Traced values pass."""
        low, high = self.temperature_range
        if not is_concrete(temperature):
            return
        asked = np.asarray(temperature)  # a comparison of arrays would be traced under jit
        if not np.all((low <= asked) & (asked <= high)):
            raise ValueError(
                f"{type(self).__name__}: temperature = {asked} K is outside "
                f"[{low:g}, {high:g}] K, where the material's data hold. Bands are evaluated at "
                "one temperature with materials.phonon(name, temperature=...); a material that "
                "follows the temperature is materials.model(name)."
            )

    def bulk_conductivity(self, temperature: Number = 300.0) -> Float[Array, ""]:
        """Conductivity of the infinite solid, ``sum C v mean_free_path / 3`` (W/m/K).

        In a plane, ``sum C v mean_free_path / 2``.
        """
        return self.bands(temperature).conductivity_by_band.sum()

    def specific_heat(self, temperature: Number = 300.0) -> Float[Array, ""]:
        """Volumetric heat capacity of all branches that the material has (J/m3/K)."""
        return self.bands(temperature).heat_capacity.sum()

    def accumulation(
        self, mean_free_path: Float[Array, " points"], temperature: Number = 300.0
    ) -> Float[Array, " points"]:
        """Share of the bulk conductivity carried by mean free paths below each of the given ones.

        A step function: exact for the bands that the material has.
        """
        bands = self.bands(temperature)
        below = bands.mean_free_path[None, :] <= mean_free_path[:, None]
        share = bands.conductivity_by_band / bands.conductivity_by_band.sum()
        return jnp.sum(jnp.where(below, share[None, :], 0), axis=1)

    def mean_free_path_at(
        self, share: Float[Array, " points"], temperature: Number = 300.0
    ) -> Float[Array, " points"]:
        """Mean free paths (m) up to which each `share` of the bulk conductivity is carried.

        The inverse of `accumulation`, one of the bands' own mean free paths.
        """
        bands = self.bands(temperature)
        order = jnp.argsort(bands.mean_free_path)
        carried = jnp.cumsum(bands.conductivity_by_band[order])
        index = jnp.searchsorted(carried, share * carried[-1])
        return bands.mean_free_path[order][jnp.minimum(index, order.size - 1)]


class PhononBands(AbstractPhononMaterial):
    r"""Phonon bands at one temperature: the nodes of a quadrature over the spectrum.

    A spectral integral is a sum, :math:`\int f(\omega)\,d\omega \to \sum_b w_b f_b`. The arrays
    may be built by hand, from a file or from a model; each is differentiable.
    """

    branch: tuple[str, ...] = eqx.field(static=True)
    angular_frequency: Float[Array, " band"] = parameter(
        unit="rad/s", range="[0, inf)", dims=("band",), doc="Angular frequency of each band"
    )
    group_velocity: Float[Array, " band"] = parameter(
        unit="m/s", range="(0, inf)", dims=("band",), doc="Magnitude of the group velocity"
    )
    relaxation_time: Float[Array, " band"] = parameter(
        unit="s", range="(0, inf)", dims=("band",), doc="Relaxation time"
    )
    spectral_heat_capacity: Float[Array, " band"] = parameter(
        unit="J s/m3/K",
        range="(0, inf)",
        dims=("band",),
        doc="Heat capacity per volume and angular frequency",
    )
    weight: Float[Array, " band"] = parameter(
        unit="rad/s", range="(0, inf)", dims=("band",), doc="Quadrature weight in angular frequency"
    )
    temperature: Scalar = parameter(
        unit="K", range="(0, inf)", doc="Temperature at which the bands were evaluated"
    )
    wavevector: Float[Array, " band"] | None = parameter(
        unit="1/m",
        range="(0, inf)",
        dims=("band",),
        doc="Magnitude of the wavevector, where it is known (rough surfaces, acoustic mismatch)",
        default=None,
    )
    resistive_share: Float[Array, " band"] | None = parameter(
        range="[0, 1]",
        dims=("band",),
        doc="Share of the collisions that are not normal: they take crystal momentum. Callaway's "
        "methods need it, others do not use it",
        default=None,
    )
    dimensions: int = setting(doc=DIMENSIONS, range="[2, 3]", default=3)

    @property
    def planar(self) -> bool:
        return self.dimensions == 2

    @property
    def heat_capacity(self) -> Float[Array, " band"]:
        """Heat capacity of each band (J/m3/K)."""
        return self.spectral_heat_capacity * self.weight

    @property
    def mean_free_path(self) -> Float[Array, " band"]:
        """``group_velocity * relaxation_time`` (m)."""
        return self.group_velocity * self.relaxation_time

    @property
    def conductivity_by_band(self) -> Float[Array, " band"]:
        """``C v mean_free_path / 3`` (W/m/K), in a plane over 2."""
        carried = self.heat_capacity * self.group_velocity * self.mean_free_path
        return carried / self.dimensions

    @property
    def conductivity_by_branch(self) -> dict[str, Float[Array, ""]]:
        """``sum C v mean_free_path / 3`` over the bands of each branch (W/m/K)."""
        names = dict.fromkeys(self.branch)
        return {name: jnp.sum(self.of_branch(name) * self.conductivity_by_band) for name in names}

    @property
    def temperature_range(self) -> tuple[float, float]:
        """The one temperature at which the bands were evaluated, to rounding."""
        if not is_concrete(self.temperature):
            return (0.0, float("inf"))
        own = float(self.temperature)
        return (own * (1 - 1e-6), own * (1 + 1e-6))

    def bands(self, temperature: Number) -> PhononBands:
        """These bands; they know no other temperature than their own."""
        self.check_temperature(temperature)
        return self

    @classmethod
    def from_modes(
        cls,
        *,
        heat_capacity: Float[Array, " band"],
        group_velocity: Float[Array, " band"],
        relaxation_time: Float[Array, " band"],
        temperature: Number = 300.0,
    ) -> PhononBands:
        """Bands from a list of modes, each with its heat capacity (J/m3/K)."""
        one = jnp.ones_like(heat_capacity)
        return cls(
            angular_frequency=0 * one,
            group_velocity=group_velocity,
            relaxation_time=relaxation_time,
            spectral_heat_capacity=heat_capacity,
            weight=one,
            temperature=jnp.asarray(temperature, one.dtype),
            branch=("mode",) * one.size,
        )

    def of_branch(self, name: str) -> Float[Array, " band"]:
        """1 for the bands of that branch, 0 for the others."""
        if name not in self.branch:
            there = ", ".join(sorted(set(self.branch)))
            raise ValueError(f"PhononBands: no branch {name!r}; there are {there}.")
        return jnp.asarray([own == name for own in self.branch], self.weight.dtype)


class MatchedBands(eqx.Module):
    """The bands of one of several materials, at the frequencies that all share.

    The index runs over the frequencies and, fastest, over `branches` branches. A branch without
    phonons at a frequency has no heat capacity there, and a mean free path of 1 m.
    """

    heat_capacity: Float[Array, " band"]
    group_velocity: Float[Array, " band"]
    mean_free_path: Float[Array, " band"]
    wavevector: Float[Array, " band"] | None
    branches: int = eqx.field(static=True)

    @property
    def conductivity_by_band(self) -> Float[Array, " band"]:
        """``C v mean_free_path / 3`` (W/m/K)."""
        return self.heat_capacity * self.group_velocity * self.mean_free_path / 3


class GrayMaterial(AbstractPhononMaterial):
    r"""One band for all phonons, at every temperature.

    .. math:: \kappa = C v \Lambda / d, \qquad d = 3, \text{ in a sheet } 2

    The heat capacity of a sheet is that per volume, with the thickness that areas of its edges
    have too (0.335 nm by convention for graphene).
    """

    heat_capacity: Scalar = parameter(
        unit="J/m3/K", range="(0, inf)", doc="Volumetric heat capacity"
    )
    group_velocity: Scalar = parameter(unit="m/s", range="(0, inf)", doc="Group velocity")
    mean_free_path: Scalar = parameter(unit="m", range="(0, inf)", doc="Mean free path")
    resistive_share: Scalar = parameter(
        range="(0, 1]",
        doc="Share of the collisions that are not normal; counts only in Callaway's methods",
        default=1.0,
    )
    dimensions: int = setting(doc=DIMENSIONS, range="[2, 3]", default=3)

    @property
    def planar(self) -> bool:
        return self.dimensions == 2

    @property
    def temperature_range(self) -> tuple[float, float]:
        return (0.0, float("inf"))

    def bands(self, temperature: Number) -> PhononBands:
        """One band of weight 1 at frequency 0 (a gray model resolves no frequency)."""
        one = jnp.ones_like(self.heat_capacity)[None]
        return PhononBands(
            angular_frequency=0 * one,
            group_velocity=self.group_velocity[None],
            relaxation_time=(self.mean_free_path / self.group_velocity)[None],
            spectral_heat_capacity=self.heat_capacity[None],
            weight=one,
            temperature=jnp.asarray(temperature, one.dtype),
            branch=("gray",),
            resistive_share=self.resistive_share[None],
            dimensions=self.dimensions,
        )
