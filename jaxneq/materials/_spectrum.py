"""A material known by what each range of mean free paths conducts."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import Scalar, is_concrete, parameter

from ._phonon import AbstractPhononMaterial, Number, PhononBands


class MeanFreePathSpectrum(AbstractPhononMaterial):
    r"""Contributions to the conductivity by mean free path, at every temperature.

    .. math:: \kappa = \sum_b \kappa_b, \qquad \alpha(\Lambda) = \frac1\kappa
        \sum_{\Lambda_b \le \Lambda} \kappa_b

    What films and wires tell of a material: their steady conduction depends on the contributions
    :math:`\kappa_b` at :math:`\Lambda_b` alone. The heat capacity of a band,
    :math:`3 \kappa_b / (v \Lambda_b)`, needs a group velocity v as well; it counts in time only.

    Source: Minnich, Phys. Rev. Lett. 109, 205901 (2012).

    **Raises:** `ValueError` for mean free paths that do not rise.
    """

    mean_free_path: Float[Array, " band"] = parameter(
        unit="m",
        range="(0, inf)",
        dims=("band",),
        doc="Mean free path of each band, rising",
        coordinate=True,
    )
    contribution: Float[Array, " band"] = parameter(
        unit="W/m/K",
        range="(0, inf)",
        dims=("band",),
        doc="Contribution of each band to the conductivity",
    )
    group_velocity: Scalar = parameter(
        unit="m/s", range="(0, inf)", doc="Group velocity of all bands", default=1000.0
    )

    def __check_init__(self):
        super().__check_init__()
        if is_concrete(self.mean_free_path) and np.any(
            np.diff(np.asarray(self.mean_free_path)) <= 0
        ):
            raise ValueError(
                "MeanFreePathSpectrum: mean_free_path must rise. Give each band once, in order."
            )

    @property
    def temperature_range(self) -> tuple[float, float]:
        return (0.0, float("inf"))

    def bands(self, temperature: Number) -> PhononBands:
        """The bands, of weight 1 at frequency 0 (a spectrum of paths resolves no frequency)."""
        one = jnp.ones_like(self.contribution)
        return PhononBands(
            angular_frequency=0 * one,
            group_velocity=self.group_velocity * one,
            relaxation_time=self.mean_free_path / self.group_velocity,
            spectral_heat_capacity=3
            * self.contribution
            / (self.group_velocity * self.mean_free_path),
            weight=one,
            temperature=jnp.asarray(temperature, one.dtype),
            branch=("spectrum",) * one.size,
        )
