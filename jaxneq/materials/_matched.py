"""The bands of two materials at common frequencies: what an interface between them needs."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxneq._core import is_concrete

from ._dispersion import IsotropicDispersion
from ._phonon import AbstractPhononMaterial, GrayMaterial, MatchedBands, Number, PhononBands

NODES = 10  # of each interval: bulk conductivities to 1e-6, from 50 to 1000 K


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
    if isinstance(first, IsotropicDispersion) and isinstance(second, IsotropicDispersion):
        frequency, width = _common_quadrature(first.spectral_edges(), second.spectral_edges())
        one = first.bands_at(frequency, width, temperature)
        two = second.bands_at(frequency, width, temperature)
        return _widened(one, two.branches), _widened(two, one.branches)
    own, other = first.bands(temperature), second.bands(temperature)
    _check_frequencies(own, other)
    return _tabulated(own), _tabulated(other)


def _common_quadrature(first: Array, second: Array) -> tuple[Array, Array]:
    """Gauss-Legendre in every interval between the frequencies where something changes.

    The nodes gather quadratically below the upper end of an interval, where a branch may end with
    a density of states that diverges like an inverse root.
    """
    edges = jnp.sort(jnp.concatenate([first, second, jnp.zeros(1, first.dtype)]))
    point, weight = np.polynomial.legendre.leggauss(NODES)
    u, du = (point + 1) / 2, weight / 2
    low, size = edges[:-1, None], jnp.diff(edges)[:, None]
    inner, width = (jnp.asarray(a, edges.dtype)[None, :] for a in (1 - u**2, 2 * u * du))
    return jnp.ravel(low + size * inner), jnp.ravel(size * width)


def _widened(bands: MatchedBands, branches: int) -> MatchedBands:
    """With empty branches added until there are as many as in the other material."""
    missing = branches - bands.branches
    if missing <= 0:
        return bands

    def fill(values: Array, value: float) -> Array:
        table = jnp.reshape(values, (-1, bands.branches))
        return jnp.ravel(jnp.pad(table, ((0, 0), (0, missing)), constant_values=value))

    return MatchedBands(
        heat_capacity=fill(bands.heat_capacity, 0.0),
        group_velocity=fill(bands.group_velocity, 1.0),
        mean_free_path=fill(bands.mean_free_path, 1.0),
        wavevector=None if bands.wavevector is None else fill(bands.wavevector, 1.0),
        branches=branches,
    )


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
