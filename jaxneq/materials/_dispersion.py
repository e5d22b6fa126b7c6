"""Isotropic phonon dispersion with relaxation-time scattering."""

from __future__ import annotations

from itertools import pairwise

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, parameter

from ._phonon import AbstractPhononMaterial, Number, PhononBands

# Angular frequencies are kept in 1e12 rad/s, wavevectors in 1e9/m and rates in 1e12/s: in SI,
# omega^4 overflows float32 and the coefficient of impurity scattering underflows it.
FREQUENCY_UNIT = 1e12
WAVEVECTOR_UNIT = 1e9
HBAR_OVER_KB = 1.054571817e-34 * FREQUENCY_UNIT / 1.380649e-23  # K per frequency unit, CODATA 2018
KB_PER_VOLUME = 1.380649e-23 * WAVEVECTOR_UNIT**3  # J/K per cubic wavevector unit


class Scattering(AbstractDeclared):
    r"""One term of a relaxation rate, :math:`B\,\omega^p\,T^q` on a range of wavevectors.

    With ``occupation="sinh"`` the term is divided by :math:`\sinh(\hbar\omega/k_B T)`.
    """

    process: str = eqx.field(static=True)
    frequency_power: int = eqx.field(static=True)
    temperature_power: int = eqx.field(static=True)
    coefficient: Scalar = parameter(
        unit="(1e12/s)^(1-p) K^-q", range="[0, inf)", doc="Coefficient B in the module's units"
    )
    occupation: str = eqx.field(static=True, default="none")
    wavevector_range: tuple[float, float] = eqx.field(static=True, default=(0.0, 1.0))

    def rate(self, frequency: Array, reduced_wavevector: np.ndarray, temperature: Array) -> Array:
        """The rate (1e12/s) at each node."""
        low, high = self.wavevector_range
        inside = (low <= reduced_wavevector) & (reduced_wavevector <= high)
        rate = self.coefficient * frequency**self.frequency_power
        rate = rate * temperature**self.temperature_power
        if self.occupation == "sinh":
            rate = rate / jnp.sinh(HBAR_OVER_KB * frequency / temperature)
        return jnp.where(inside, rate, 0)


class Branch(eqx.Module):
    r"""One polarisation: :math:`\omega = \omega_0 + v k + c k^2` with its scattering.

    A branch without scattering stores heat and carries none.
    """

    dispersion: Float[Array, "3"]
    scattering: tuple[Scattering, ...]
    name: str = eqx.field(static=True)
    degeneracy: int = eqx.field(static=True)


class IsotropicDispersion(AbstractPhononMaterial):
    r"""Phonon branches that depend on the magnitude of the wavevector alone.

    .. math::
        C_b = k_B \left(\frac{x/2}{\sinh x/2}\right)^2 \frac{g k^2 dk}{2\pi^2},
        \qquad x = \hbar\omega / k_B T, \qquad \tau^{-1} = \sum_j B_j\,\omega^{p_j} T^{q_j}

    Each branch is cut where its scattering law changes and integrated piecewise by Gauss-Legendre
    quadrature in the wavevector.
    """

    branches: tuple[Branch, ...]
    nodes: int = eqx.field(static=True)
    valid_temperature: tuple[float, float] = eqx.field(static=True)
    zone_boundary: Scalar = parameter(unit="1e9/m", range="(0, inf)", doc="Largest wavevector")

    @property
    def temperature_range(self) -> tuple[float, float]:
        return self.valid_temperature

    def bands(self, temperature: Number) -> PhononBands:
        """The bands of all branches that scatter; NaN at traced temperatures without data."""
        self.check_temperature(temperature)
        temperature = jnp.asarray(temperature, self.zone_boundary.dtype)
        low, high = self.temperature_range
        inside = (low <= temperature) & (temperature <= high)
        temperature = jnp.where(inside, temperature, jnp.nan)
        carriers = [branch for branch in self.branches if branch.scattering]
        parts = [self._branch(branch, temperature) for branch in carriers]
        frequency, velocity, time, heat, weight, wavevector = map(
            jnp.concatenate, zip(*parts, strict=True)
        )
        counts = [part[0].shape[0] for part in parts]
        return PhononBands(
            angular_frequency=frequency,
            group_velocity=velocity,
            relaxation_time=time,
            spectral_heat_capacity=heat,
            weight=weight,
            temperature=temperature,
            wavevector=wavevector,
            branch=tuple(np.repeat([branch.name for branch in carriers], counts).tolist()),
        )

    def specific_heat(self, temperature: Number = 300.0) -> Float[Array, ""]:
        """Volumetric heat capacity of all branches, carriers of heat or not (J/m3/K)."""
        self.check_temperature(temperature)
        temperature = jnp.asarray(temperature, self.zone_boundary.dtype)
        total = jnp.zeros((), self.zone_boundary.dtype)
        for branch in self.branches:
            reduced, weight = self._quadrature((0.0, 1.0), self.nodes)
            _, _, heat = self._modes(branch, reduced, weight, temperature)
            total = total + heat.sum()
        return total

    def _quadrature(self, interval: tuple[float, float], nodes: int):
        low, high = interval
        point, weight = np.polynomial.legendre.leggauss(nodes)
        return low + (high - low) * (point + 1) / 2, (high - low) * weight / 2

    def _modes(self, branch: Branch, reduced: np.ndarray, weight: np.ndarray, temperature: Array):
        """Frequency (1e12 rad/s), velocity (m/s) and heat capacity (J/m3/K) at each node."""
        dtype = self.zone_boundary.dtype
        k = self.zone_boundary * jnp.asarray(reduced, dtype)
        dk = self.zone_boundary * jnp.asarray(weight, dtype)
        offset, slope, curvature = branch.dispersion
        frequency = offset + slope * k + curvature * k**2
        velocity = jnp.abs(slope + 2 * curvature * k) * (FREQUENCY_UNIT / WAVEVECTOR_UNIT)
        half = HBAR_OVER_KB * frequency / (2 * temperature)
        states = branch.degeneracy * k**2 * dk / (2 * np.pi**2)
        return frequency, velocity, KB_PER_VOLUME * (half / jnp.sinh(half)) ** 2 * states

    def _branch(self, branch: Branch, temperature: Array):
        edges = sorted({edge for term in branch.scattering for edge in term.wavevector_range})
        pieces = list(pairwise(edges))
        count = -(-self.nodes // len(pieces))
        rules = [self._quadrature(piece, count) for piece in pieces]
        reduced, weight = (np.concatenate(part) for part in zip(*rules, strict=True))
        frequency, velocity, heat = self._modes(branch, reduced, weight, temperature)
        rate = sum(term.rate(frequency, reduced, temperature) for term in branch.scattering)
        dk = self.zone_boundary * jnp.asarray(weight, heat.dtype)
        dw = velocity * (WAVEVECTOR_UNIT / FREQUENCY_UNIT) * dk * FREQUENCY_UNIT
        time = 1 / (rate * FREQUENCY_UNIT)
        wavevector = self.zone_boundary * WAVEVECTOR_UNIT * jnp.asarray(reduced, heat.dtype)
        return frequency * FREQUENCY_UNIT, velocity, time, heat / dw, dw, wavevector
