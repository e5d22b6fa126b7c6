"""Isotropic phonon dispersion with relaxation-time scattering."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import Scalar, is_concrete, parameter, part, setting

from ._branch import (
    FREQUENCY_UNIT,
    HBAR_OVER_KB,
    VELOCITY_UNIT,
    WAVEVECTOR_UNIT,
    Branch,
)
from ._phonon import AbstractPhononMaterial, MatchedBands, Number, PhononBands
from ._point_defects import PointDefects

KB_PER_VOLUME = 1.380649e-23 * WAVEVECTOR_UNIT**3  # J/K per cubic wavevector unit
ONE_DATA_SET = (
    "The dispersion and the rates of a data set belong together: with the rates of another set "
    "the conductivity is wrong by a factor of two to four."
)


class IsotropicDispersion(AbstractPhononMaterial):
    r"""Phonon branches that depend on the magnitude of the wavevector alone.

    .. math::
        C_b = k_B \left(\frac{x/2}{\sinh x/2}\right)^2 \frac{g k^2 dk}{2\pi^2},
        \qquad x = \hbar\omega / k_B T, \qquad
        \tau^{-1} = s_i\,\tau_i^{-1} + s_a \sum_j \tau_j^{-1} + v / L_b + \tau_d^{-1}

    Impurities (:math:`\tau_i`), phonons (:math:`\tau_j`), the boundary of the sample and point
    defects (:math:`\tau_d`, see `PointDefects`) scatter independently (Matthiessen);
    :math:`v/L_b` is Casimir's rate, Physica 5, 495 (1938). Each branch is cut where its scattering
    law changes and integrated piecewise by Gauss-Legendre quadrature in the wavevector; with a
    boundary, which bends the spectrum at long waves, in its cube root near the zone centre. The
    default nodes give the bulk conductivity to 1e-9, with a boundary to 1e-5; with
    `anharmonic_scale` far below 1, when long waves carry most, to 1e-3.

    **Raises:** `ValueError` if branches and rates come from different data sets, or if nothing
    limits the mean free path of long waves.
    """

    branches: tuple[Branch, ...]
    valid_temperature: tuple[float, float] = eqx.field(static=True)
    isotope_scale: Scalar = parameter(
        range="[0, inf)",
        doc="Factor of the impurity rates: 1 natural, 0 isotopically pure",
        default=1.0,
    )
    anharmonic_scale: Scalar = parameter(
        range="[0, inf)", doc="Factor of the phonon-phonon rates", default=1.0
    )
    normal_share: Scalar | None = parameter(
        range="[0, 1]",
        doc='Share of the rates called "normal and umklapp" that is normal, for the methods of '
        "Callaway; others do not use it",
        default=None,
    )
    boundary_length: Scalar | None = parameter(
        unit="m",
        range="(0, inf)",
        doc="Casimir length L of the sample, which adds v / L to every rate; none by default",
        default=None,
    )
    point_defects: PointDefects | None = part(
        PointDefects, doc="Mass disorder and vacancies; none by default", default=None
    )
    nodes: int = setting(doc="Quadrature nodes of each branch", range="[2, inf)", default=24)

    def __check_init__(self):
        super().__check_init__()
        self._check_one_data_set()
        scale = self.anharmonic_scale
        if self.boundary_length is None and is_concrete(scale) and np.asarray(scale) == 0:
            raise ValueError(
                "IsotropicDispersion: with anharmonic_scale = 0 long waves have no mean free path "
                "and the conductivity is infinite. Give a boundary_length, or a positive scale."
            )

    def _check_one_data_set(self) -> None:
        sets = {part.data_set for branch in self.branches for part in (branch, *branch.scattering)}
        if len(sets) > 1:
            raise ValueError(
                f"IsotropicDispersion: the branches and rates come from the data sets "
                f"{', '.join(map(repr, sorted(sets)))}. {ONE_DATA_SET} Take one set whole."
            )

    @property
    def temperature_range(self) -> tuple[float, float]:
        return self.valid_temperature

    def bands(self, temperature: Number) -> PhononBands:
        """The bands of all branches that scatter; NaN at traced temperatures without data."""
        self._check_one_data_set()  # again: `eqx.tree_at` builds without a check
        temperature = self._within_data(temperature)
        carriers = [branch for branch in self.branches if branch.scattering]
        parts = [self._bands_of(branch, temperature) for branch in carriers]
        counts = [part["weight"].size for part in parts]
        joined: dict[str, Any] = {
            name: jnp.concatenate([part[name] for part in parts]) for name in parts[0]
        }
        return PhononBands(
            **joined,
            temperature=temperature,
            branch=tuple(np.repeat([branch.name for branch in carriers], counts).tolist()),
            dimensions=3,
        )

    def specific_heat(self, temperature: Number = 300.0) -> Float[Array, ""]:
        """Volumetric heat capacity of all branches, carriers of heat or not (J/m3/K)."""
        temperature = self._within_data(temperature)
        rule = _quadrature((0.0, 1.0), self.nodes)
        heat = [_modes(branch, *rule, temperature)["heat"].sum() for branch in self.branches]
        return jnp.sum(jnp.stack(heat))

    def _within_data(self, temperature: Number) -> Float[Array, ""]:
        """The temperature in the material's precision; NaN if it is traced and without data."""
        self.check_temperature(temperature)
        temperature = jnp.asarray(temperature, self.branches[0].wavevector_range.dtype)
        low, high = self.temperature_range
        return jnp.where((low <= temperature) & (temperature <= high), temperature, jnp.nan)

    def _bands_of(self, branch: Branch, temperature: Float[Array, ""]) -> dict[str, Array]:
        edges = sorted({edge for term in branch.scattering for edge in term.wavevector_range})
        pieces = list(pairwise(edges))
        count = -(-self.nodes // len(pieces))
        gather = self.boundary_length is not None
        rules = [_quadrature(piece, count, gather) for piece in pieces]
        reduced, weight = (np.concatenate(part) for part in zip(*rules, strict=True))
        modes = _modes(branch, reduced, weight, temperature)
        velocity = modes["velocity"] * VELOCITY_UNIT
        at = (branch, modes["frequency"], reduced, temperature)
        rate = self._rate(*at)
        width = modes["velocity"] * modes["width"] * FREQUENCY_UNIT
        share = {}
        if self.normal_share is not None:
            share["resistive_share"] = self._rate(*at, normal_share=self.normal_share) / rate
        return {
            "angular_frequency": modes["frequency"] * FREQUENCY_UNIT,
            "group_velocity": velocity,
            "relaxation_time": 1 / rate,
            "spectral_heat_capacity": modes["heat"] / width,
            "weight": width,
            "wavevector": modes["wavevector"] * WAVEVECTOR_UNIT,
            **share,
        }

    def _rate(
        self,
        branch: Branch,
        frequency: Float[Array, " node"],
        reduced: np.ndarray | Float[Array, " node"],
        temperature: Float[Array, ""],
        normal_share: Scalar | None = None,
    ) -> Float[Array, " node"]:
        """Relaxation rate (1/s) at nodes of a branch; with a `normal_share`, that of the rest."""
        rate = jnp.zeros_like(frequency)
        for term in branch.scattering:
            if normal_share is not None and term.process == "normal":
                continue
            scale = self.isotope_scale if term.process == "impurity" else self.anharmonic_scale
            if normal_share is not None and term.process == "normal and umklapp":
                scale = scale * (1 - normal_share)
            rate = rate + scale * term.rate(frequency, reduced, temperature)
        if self.point_defects is not None:
            rate = rate + self.point_defects.rate(frequency)
        rate = rate * FREQUENCY_UNIT
        if self.boundary_length is not None:
            start, stop = branch.wavevector_range
            velocity = branch.velocity(start + (stop - start) * jnp.asarray(reduced, start.dtype))
            rate = rate + velocity * VELOCITY_UNIT / self.boundary_length
        return rate

    def spectral_edges(self) -> Float[Array, " edge"]:
        """Frequencies (rad/s) where branches that scatter begin, end, or change their law."""
        edges = []
        for branch in (branch for branch in self.branches if branch.scattering):
            start, stop = branch.wavevector_range
            cuts = sorted({edge for term in branch.scattering for edge in term.wavevector_range})
            edges.append(branch.frequency(start + (stop - start) * jnp.asarray(cuts, start.dtype)))
        return jnp.concatenate(edges) * FREQUENCY_UNIT

    def bands_at(
        self,
        frequency: Float[Array, " node"],
        width: Float[Array, " node"],
        temperature: Number,
    ) -> MatchedBands:
        """The bands at given frequencies (rad/s), with their quadrature weights `width`."""
        temperature = self._within_data(temperature)
        carriers = [branch for branch in self.branches if branch.scattering]
        frequency, width = frequency / FREQUENCY_UNIT, width / FREQUENCY_UNIT
        found = [self._branch_at(branch, frequency, width, temperature) for branch in carriers]
        return MatchedBands(
            **{name: jnp.ravel(jnp.stack([f[name] for f in found], axis=1)) for name in found[0]},
            branches=len(carriers),
        )

    def _branch_at(
        self, branch: Branch, frequency: Array, width: Array, temperature: Array
    ) -> dict[str, Array]:
        start, stop = branch.wavevector_range
        ends = branch.frequency(branch.wavevector_range)
        inside = (jnp.min(ends) < frequency) & (frequency < jnp.max(ends))
        frequency = jnp.where(inside, frequency, jnp.mean(ends))  # for derivatives without NaN
        k = branch.wavevector(frequency)
        velocity = branch.velocity(k)
        half = HBAR_OVER_KB * frequency / (2 * temperature)
        states = branch.degeneracy * k**2 / velocity * width / (2 * np.pi**2)
        heat = KB_PER_VOLUME * (half / jnp.sinh(half)) ** 2 * states
        rate = self._rate(branch, frequency, (k - start) / (stop - start), temperature)
        return {
            "heat_capacity": jnp.where(inside, heat, 0),
            "group_velocity": velocity * VELOCITY_UNIT,
            "mean_free_path": jnp.where(inside, velocity * VELOCITY_UNIT / rate, 1),
            "wavevector": k * WAVEVECTOR_UNIT,
        }


@cache
def _quadrature(
    interval: tuple[float, float], nodes: int, gather: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre points and weights; `gather` brings them closer to 0 where it is an end."""
    low, high = interval
    point, weight = np.polynomial.legendre.leggauss(nodes)
    u, du = (point + 1) / 2, weight / 2
    if gather and low == 0:
        return high * u**3, high * 3 * u**2 * du
    return low + (high - low) * u, (high - low) * du


def _modes(
    branch: Branch, reduced: np.ndarray, weight: np.ndarray, temperature: Float[Array, ""]
) -> dict[str, Any]:
    """Wavevector, its width, frequency, velocity (the module's units), heat (J/m3/K) of nodes."""
    start, stop = branch.wavevector_range
    k = start + (stop - start) * jnp.asarray(reduced, start.dtype)
    dk = (stop - start) * jnp.asarray(weight, start.dtype)
    frequency = branch.frequency(k)
    half = HBAR_OVER_KB * frequency / (2 * temperature)
    states = branch.degeneracy * k**2 * dk / (2 * np.pi**2)
    return {
        "wavevector": k,
        "width": dk,
        "frequency": frequency,
        "velocity": branch.velocity(k),
        "heat": KB_PER_VOLUME * (half / jnp.sinh(half)) ** 2 * states,
    }
