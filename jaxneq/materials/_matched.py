"""The bands of two materials at common frequencies: what an interface between them needs."""

from __future__ import annotations

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import is_concrete

from ._phonon import AbstractPhononMaterial, GrayMaterial, Number, PhononBands


class MatchedBands(eqx.Module):
    """The bands of one of two materials, at the frequencies that both share.

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


def matched(
    first: AbstractPhononMaterial, second: AbstractPhononMaterial, temperature: Number
) -> tuple[MatchedBands, MatchedBands]:
    """The bands of two materials at the same frequencies.

    **Raises:** `ValueError` where they have no frequencies in common: a gray material with a
    spectral one, or tables of different frequencies.
    """
    if isinstance(first, GrayMaterial) != isinstance(second, GrayMaterial):
        raise ValueError(
            "materials: a gray material resolves no frequencies, a spectral one does; phonons "
            "that cross an interface keep their frequency. Give two gray or two spectral materials."
        )
    own, other = first.bands(temperature), second.bands(temperature)
    _check_frequencies(own, other)
    return _tabulated(own), _tabulated(other)


def _check_frequencies(first: PhononBands, second: PhononBands) -> None:
    one, two = first.angular_frequency, second.angular_frequency
    if one.shape == two.shape and not (is_concrete(one) and is_concrete(two)):
        return
    if one.shape != two.shape or not np.allclose(np.asarray(one), np.asarray(two), rtol=1e-6):
        raise ValueError(
            "materials: the two tables of bands have different frequencies, and phonons that "
            "cross an interface keep theirs. Give tables at the same frequencies."
        )


def _tabulated(bands: PhononBands) -> MatchedBands:
    return MatchedBands(
        heat_capacity=bands.heat_capacity,
        group_velocity=bands.group_velocity,
        mean_free_path=bands.mean_free_path,
        wavevector=bands.wavevector,
        branches=1,
    )
