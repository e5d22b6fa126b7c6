"""Phonon branches: a dispersion law, and the terms of the relaxation rate that belong to it."""

from __future__ import annotations

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, parameter, setting

# Angular frequencies are kept in 1e12 rad/s, wavevectors in 1e9/m, rates in 1e12/s and velocities
# in 1e3 m/s: in SI, omega^4 overflows float32 and the coefficient of impurity scattering
# underflows it.
FREQUENCY_UNIT = 1e12
WAVEVECTOR_UNIT = 1e9
VELOCITY_UNIT = FREQUENCY_UNIT / WAVEVECTOR_UNIT
HBAR_OVER_KB = 1.054571817e-34 * FREQUENCY_UNIT / 1.380649e-23  # K per frequency unit, CODATA 2018


class AbstractDispersionLaw(eqx.Module):
    """Frequency as a function of the magnitude of the wavevector, in the module's units."""

    @abc.abstractmethod
    def frequency(self, wavevector: Float[Array, "..."]) -> Float[Array, "..."]:
        """Angular frequency (1e12 rad/s) at `wavevector` (1e9/m)."""

    @abc.abstractmethod
    def velocity(self, wavevector: Float[Array, "..."]) -> Float[Array, "..."]:
        """The derivative of the frequency (1e3 m/s), negative where the branch falls."""

    @abc.abstractmethod
    def wavevector(self, frequency: Float[Array, "..."]) -> Float[Array, "..."]:
        """The inverse of `frequency`, where it rises or falls as it does at the zone centre."""


class QuadraticDispersion(AbstractDispersionLaw):
    r"""A parabola, :math:`\omega = \omega_0 + v k + c k^2`."""

    coefficients: Float[Array, "3"]

    def frequency(self, wavevector: Float[Array, "..."]) -> Float[Array, "..."]:
        offset, slope, curvature = self.coefficients
        return offset + slope * wavevector + curvature * wavevector**2

    def velocity(self, wavevector: Float[Array, "..."]) -> Float[Array, "..."]:
        _, slope, curvature = self.coefficients
        return slope + 2 * curvature * wavevector

    def wavevector(self, frequency: Float[Array, "..."]) -> Float[Array, "..."]:
        offset, slope, curvature = self.coefficients
        rise = frequency - offset
        speed = jnp.sqrt(slope**2 + 4 * curvature * rise)
        rising = jnp.where(slope == 0, curvature, slope) >= 0
        return 2 * rise / (slope + jnp.where(rising, speed, -speed))  # no difference of equals


class SineDispersion(AbstractDispersionLaw):
    r"""The Born-von Karman chain, :math:`\omega = \tfrac{2}{\pi} v k_0 \sin(\pi k / 2 k_0)`.

    :math:`v` is the sound velocity (1e3 m/s) and :math:`k_0` the zone boundary (1e9/m).
    """

    sound_velocity: Float[Array, ""]
    zone_boundary: Float[Array, ""]

    def frequency(self, wavevector: Float[Array, "..."]) -> Float[Array, "..."]:
        return self._highest * jnp.sin(jnp.pi / 2 * wavevector / self.zone_boundary)

    def velocity(self, wavevector: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.sound_velocity * jnp.cos(jnp.pi / 2 * wavevector / self.zone_boundary)

    def wavevector(self, frequency: Float[Array, "..."]) -> Float[Array, "..."]:
        return 2 / jnp.pi * self.zone_boundary * jnp.arcsin(frequency / self._highest)

    @property
    def _highest(self) -> Float[Array, ""]:
        return 2 / jnp.pi * self.sound_velocity * self.zone_boundary


class Scattering(AbstractDeclared):
    r"""One term of a relaxation rate, :math:`B\,\omega^p\,T^q e^{-\Theta/T}`.

    It acts on a range of its branch, given in the reduced wavevector: 0 at the beginning of the
    branch, 1 at its end. With ``occupation="sinh"`` it is divided by
    :math:`\sinh(\hbar\omega/k_B T)`.
    """

    data_set: str = eqx.field(static=True)
    frequency_power: int = eqx.field(static=True)
    temperature_power: int = eqx.field(static=True)
    process: str = setting(
        doc="What scatters: impurities, or phonons by normal and umklapp processes",
        choices=("impurity", "normal", "umklapp", "normal and umklapp"),
    )
    coefficient: Scalar = parameter(
        unit="(1e12/s)^(1-p) K^-q", range="[0, inf)", doc="Coefficient B in the module's units"
    )
    activation: Scalar = parameter(
        unit="K",
        range="[0, inf)",
        doc="Temperature Theta below which the process dies",
        default=0.0,
    )
    occupation: str = setting(doc="Occupation factor", choices=("none", "sinh"), default="none")
    wavevector_range: tuple[float, float] = eqx.field(static=True, default=(0.0, 1.0))

    def rate(
        self,
        frequency: Float[Array, " node"],
        reduced_wavevector: np.ndarray | Float[Array, " node"],
        temperature: Float[Array, ""],
    ) -> Float[Array, " node"]:
        """The rate (1e12/s) at each node."""
        low, high = self.wavevector_range
        inside = (low <= reduced_wavevector) & (reduced_wavevector <= high)
        rate = self.coefficient * frequency**self.frequency_power
        rate = rate * temperature**self.temperature_power * jnp.exp(-self.activation / temperature)
        if self.occupation == "sinh":
            rate = rate / jnp.sinh(HBAR_OVER_KB * frequency / temperature)
        return jnp.where(inside, rate, 0)


class Branch(eqx.Module):
    """One polarisation between two wavevectors: its law, its states, its scattering.

    Frequencies are in 1e12 rad/s, wavevectors in 1e9/m, velocities in 1e3 m/s. A branch without
    scattering stores heat and carries none. `data_set` names where its numbers come from.
    """

    law: AbstractDispersionLaw
    wavevector_range: Float[Array, "2"]
    scattering: tuple[Scattering, ...]
    name: str = eqx.field(static=True)
    degeneracy: int = eqx.field(static=True)
    data_set: str = eqx.field(static=True)

    def frequency(self, wavevector: Float[Array, "..."]) -> Float[Array, "..."]:
        """Angular frequency at `wavevector`."""
        return self.law.frequency(wavevector)

    def velocity(self, wavevector: Float[Array, "..."]) -> Float[Array, "..."]:
        """Magnitude of the group velocity at `wavevector`."""
        return jnp.abs(self.law.velocity(wavevector))

    def wavevector(self, frequency: Float[Array, "..."]) -> Float[Array, "..."]:
        """Wavevector at `frequency`; beyond the branch's frequencies, that of its nearer end."""
        ends = self.frequency(self.wavevector_range)
        low, high = jnp.min(ends), jnp.max(ends)
        inside = (low < frequency) & (frequency < high)
        found = self.law.wavevector(jnp.where(inside, frequency, (low + high) / 2))
        beyond = (frequency >= high) == (ends[1] >= ends[0])
        end = jnp.where(beyond, self.wavevector_range[1], self.wavevector_range[0])
        return jnp.where(inside, found, end)
