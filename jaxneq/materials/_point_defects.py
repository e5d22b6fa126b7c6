"""Scattering by point defects: mass disorder of alloys, and vacancies."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, parameter

from ._branch import VELOCITY_UNIT, WAVEVECTOR_UNIT


class PointDefects(AbstractDeclared):
    r"""Rayleigh scattering by point defects, a rate that adds to all others.

    .. math::
        \tau^{-1} = \frac{V \Gamma}{4\pi v^3}\,\omega^4, \qquad
        \Gamma = \Gamma_m + c \left(\frac{M_a}{\bar M} + 2\right)^2

    with :math:`\Gamma_m = \sum_i x_i (1 - M_i / \bar M)^2` (`mass_variance`), the volume :math:`V`
    of an atom and a mean velocity of sound :math:`v`. A vacancy lacks an atom of mass
    :math:`M_a`, and twice its potential energy in the bonds; in a crystal of one element the
    bracket is 3. For defects in small amounts, and frequencies below those where the branches
    bend. Sources: Klemens, Proc. Phys. Soc. A 68, 1113 (1955); for vacancies Ratsifaritana and
    Klemens, Int. J. Thermophys. 8, 737 (1987); reviewed by Gurunathan et al., Phys. Rev. Applied
    13, 034011 (2020).
    """

    sound_velocity: Scalar = parameter(
        unit="m/s", range="(0, inf)", doc="Mean velocity of sound v, with 3 / v^3 a sum over modes"
    )
    atomic_volume: Scalar = parameter(unit="m3", range="(0, inf)", doc="Volume V of an atom")
    mass_variance: Scalar = parameter(
        range="[0, inf)", doc="Variance Gamma_m of the masses over their mean", default=0.0
    )
    vacancies: Scalar = parameter(
        range="[0, 1]", doc="Share c of the sites that are empty", default=0.0
    )
    mass_ratio: Scalar = parameter(
        range="(0, inf)", doc="Missing mass over mean mass, M_a / M; 1 for one element", default=1.0
    )

    def rate(self, frequency: Float[Array, "..."]) -> Float[Array, "..."]:
        """The rate in 1e12/s at an angular frequency in 1e12 rad/s, so that float32 will do."""
        volume = self.atomic_volume * WAVEVECTOR_UNIT**3
        velocity = self.sound_velocity / VELOCITY_UNIT
        variance = self.mass_variance + self.vacancies * (self.mass_ratio + 2) ** 2
        return volume * variance / (4 * jnp.pi * velocity**3) * frequency**4


def mass_variance(shares: object, masses: object) -> float:
    r"""The variance of masses over their mean, :math:`\sum_i x_i (1 - M_i / \bar M)^2`.

    **Arguments:** `shares` of the kinds of atoms or isotopes, which add up to 1, and their
    `masses`, in any unit.

    **Raises:** `ValueError` for shares that do not add up to 1.
    """
    x, m = np.asarray(shares, float), np.asarray(masses, float)
    if abs(x.sum() - 1) > 1e-6:
        raise ValueError(f"mass_variance: the shares add up to {x.sum():g}. They must to 1.")
    return float(np.sum(x * (1 - m / np.sum(x * m)) ** 2))
