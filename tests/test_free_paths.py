"""Free paths of all bands and polar angles in few nodes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import materials, phonon, steady
from jaxneq.materials._lumped import film_suppression
from jaxneq.phonon._free_paths import FreePaths, fewer, film_error

SIZE = 1e-7


def of_silicon(scale=1.0):
    bands = materials.model("Si").bands(300.0)
    flux = bands.heat_capacity * bands.group_velocity
    path = bands.mean_free_path / SIZE * scale
    return FreePaths(path, flux / flux.sum(), bands.heat_capacity / bands.heat_capacity.sum())


@pytest.fixture(scope="module")
def twelve():
    return jax.jit(lambda scale: fewer(of_silicon(scale), 12))


def test_bulk_and_ballistic_limit_and_heat_stay(twelve):
    few, paths = twelve(1.0), of_silicon()
    np.testing.assert_allclose(few.flux.sum(), 1, rtol=1e-14)
    np.testing.assert_allclose(few.heat.sum(), 1, rtol=1e-12)
    np.testing.assert_allclose(few.flux @ few.path, paths.flux @ paths.path, rtol=1e-14)
    assert np.all(few.flux > 0)


def test_error_falls_geometrically_and_is_that_of_a_film():
    """The closed form of Fuchs and Sondheimer, of a film as thick as the unit of length."""
    paths = of_silicon()
    exact = phonon.InPlaneFilm(material=materials.model("Si"), thickness=SIZE, temperature=300.0)
    whole = steady(exact).conductivity / steady(exact).bulk_conductivity
    errors = []
    for count in (6, 12, 24):
        few = fewer(paths, count)
        share = few.flux * few.path / (paths.flux @ paths.path)
        kept = film_suppression(np.asarray(few.path))
        errors.append(abs(float(share @ kept / whole - 1)))
        assert errors[-1] < 2 * film_error(few, paths) + 2e-6  # rounding of the closed form
    assert errors[0] > 30 * errors[1]
    assert film_error(fewer(paths, 24), paths) < 1e-6 < film_error(fewer(paths, 12), paths) < 1e-3


def test_fewer_distinct_paths_than_nodes_are_found_exactly():
    few = fewer(FreePaths(*jnp.asarray([[0.1, 1.0, 3.0] * 4, [1 / 12] * 12, [1 / 12] * 12])), 6)
    np.testing.assert_allclose(few.path[:3], [0.1, 1, 3], rtol=1e-12)
    np.testing.assert_allclose(few.flux, [1 / 3] * 3 + [0] * 3, atol=1e-12)


def test_derivative_in_every_path(twelve):
    def probe(scale):
        path, flux, heat = twelve(scale)
        return jnp.sum(flux * jnp.tanh(path) + heat * jnp.exp(-path))

    np.testing.assert_allclose(jax.grad(probe)(1.1), slope(probe, 1.1, 1e-3), rtol=1e-6)


@pytest.mark.slow
def test_structure_with_fewer_paths_states_its_error():
    """Against all 48 bands x 4 polar angles followed each on their own."""
    pore = phonon.Box(name="pore", center=jnp.full(2, 0.5), size=jnp.full(2, 1 / 3))
    system = phonon.PeriodicStructure(
        material=materials.model("Si"), period=SIZE, voids=(pore,), walls="thermalising"
    )
    rough, fine = (
        steady(system, phonon.DiscreteOrdinates(cells=3, angles=2, polar_angles=4, paths=paths))
        for paths in (8, 192)
    )
    error = abs(float(rough.conductivity / fine.conductivity - 1))
    assert fine.stats["path_error"] == 0
    assert 1e-5 < error < rough.stats["path_error"] < 5e-3
