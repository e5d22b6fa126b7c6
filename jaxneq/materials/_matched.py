"""The bands of several materials at common frequencies: what interfaces between them need."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from jaxneq._core import is_concrete

from ._dispersion import IsotropicDispersion
from ._phonon import AbstractPhononMaterial, GrayMaterial, MatchedBands, Number, PhononBands

NODES = 12  # of each interval: bulk conductivities to 1e-5, with a boundary to 3e-5

DIFFERENT = (
    "materials: two tables of bands have different frequencies, and phonons that cross an "
    "interface keep theirs. Give tables at the same frequencies."
)


def matched(
    materials: Sequence[AbstractPhononMaterial], temperature: Number
) -> tuple[MatchedBands, ...]:
    """The bands of several materials at the same frequencies.

    Tables of bands are taken as they are, one branch at each frequency.

    **Raises:** `ValueError` where they have no frequencies in common: a gray material with a
    spectral one, tables of different frequencies, or with a frequency twice (which branch meets
    which could not be told). Traced tables of different frequencies become NaN.
    """
    if len({isinstance(material, GrayMaterial) for material in materials}) == 2:
        raise ValueError(
            "materials: a gray material resolves no frequencies, a spectral one does; phonons "
            "that cross an interface keep their frequency. Give only gray or only spectral "
            "materials."
        )
    spectral = [each for each in materials if isinstance(each, IsotropicDispersion)]
    if len(spectral) == len(materials):
        frequency, width = _common_quadrature([each.spectral_edges() for each in spectral])
        found = [each.bands_at(frequency, width, temperature) for each in spectral]
        branches = max(bands.branches for bands in found)
        return tuple(_widened(bands, branches) for bands in found)
    tables = [material.bands(temperature) for material in materials]
    alike = [_check_frequencies(tables[0], other) for other in tables[1:]]
    same = jnp.all(jnp.stack(alike))
    return tuple(_tabulated(bands, same) for bands in tables)


def _common_quadrature(edges_of_all: Sequence[Array]) -> tuple[Array, Array]:
    """Gauss-Legendre in every interval between the frequencies where something changes.

    The nodes gather quadratically below the upper end of an interval, where a branch may end with
    a density of states that diverges like an inverse root, and cubically towards zero frequency,
    where paths are long.
    """
    edges = jnp.sort(jnp.concatenate(edges_of_all))
    low, size = edges[:-1, None], jnp.diff(edges)[:, None]
    node, weight = np.polynomial.legendre.leggauss(NODES)
    u, du = (node + 1) / 2, weight / 2
    rules = [(1 - (1 - u) ** 2, 2 * (1 - u) * du)]
    rules += [(1 - (1 - u**3) ** 2, 6 * u**2 * (1 - u**3) * du)]
    above, lowest = (jnp.asarray(rule, edges.dtype)[:, None, :] for rule in rules)
    point, width = jnp.where((low == 0)[None], lowest, above)
    return jnp.ravel(low + size * point), jnp.ravel(size * width)


def _widened(bands: MatchedBands, branches: int) -> MatchedBands:
    """With empty branches added until there are so many."""
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


def _check_frequencies(first: PhononBands, second: PhononBands) -> Bool[Array, ""]:
    """Whether two tables have the same frequencies; refused where they are known and have not."""
    one, two = first.angular_frequency, second.angular_frequency
    if one.shape != two.shape:
        raise ValueError(DIFFERENT)
    alike = jnp.all(jnp.abs(one - two) <= 1e-6 * jnp.abs(one))
    if is_concrete(one) and is_concrete(two):
        known = np.asarray(one)
        if not np.allclose(known, np.asarray(two), rtol=1e-6):
            raise ValueError(DIFFERENT)
        if np.unique(known).size < known.size:
            raise ValueError(
                "materials: two tables of bands have a frequency twice (or none is known), and "
                "which branch meets which at an interface cannot be told. Give every band a "
                "frequency of its own, or a material by name."
            )
    return alike


def _tabulated(bands: PhononBands, alike: Bool[Array, ""]) -> MatchedBands:
    return MatchedBands(
        heat_capacity=jnp.where(alike, bands.heat_capacity, jnp.nan),
        group_velocity=bands.group_velocity,
        mean_free_path=bands.mean_free_path,
        wavevector=bands.wavevector,
        branches=1,
    )
