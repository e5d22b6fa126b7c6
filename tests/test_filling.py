"""Structures and devices whose cells are filled in part: limits with known answers, gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import phonon, steady

GRAY = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
COARSE = phonon.DiscreteOrdinates(angles=2, polar_angles=2, paths=2)
HALVES = np.random.default_rng(3).uniform(0.2, 1, (4, 4))


def structure(density, **changes):
    fields = {"period": 1.0, "temperature": 1.0, "walls": "thermalising", "gradient": "all"}
    return phonon.PeriodicStructure(GRAY, density=density, **fields | changes)


def device(density=None, **changes):
    strip = phonon.Box(name="strip", center=jnp.array([0.5, 0.875]), size=jnp.array([1.0, 0.25]))
    fields = {
        "size": jnp.ones(2),
        "length_unit": 1.0,
        "temperature": 1.0,
        "walls": "thermalising",
        "contacts": (phonon.Contact(name="plate", side="bottom", temperature=1.0),),
        "heaters": (phonon.Heater(name="strip", shape=strip, power=1e-2),),
    }
    return phonon.Device(GRAY, density=density, **fields | changes)


def posts(width):
    """As many cells of posts as of gaps below a full strip, on 16 x 16 cells."""
    filled = np.kron((np.arange(16) // width + 1) % 2, np.ones((16, 1))).reshape(16, 16).T
    return jnp.asarray(filled)


@pytest.mark.parametrize(
    "method", [pytest.param(COARSE, marks=pytest.mark.slow), phonon.Fourier(cells=4)]
)
def test_a_density_of_0_and_1_is_a_void(method):
    pore = phonon.Box(name="pore", center=jnp.array([0.5, 0.375]), size=jnp.array([0.5, 0.25]))
    filled = jnp.ones((4, 4)).at[1:3, 1].set(0)
    cut = structure(None, voids=(pore,), cells=4)
    tensors = [steady(each, method).conductivity_tensor for each in (structure(filled), cut)]
    np.testing.assert_allclose(*tensors, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(tensors[0], tensors[0].T, atol=1e-10)


def test_a_full_device_is_one_without_density():
    full, without = (steady(device(each, cells=4), COARSE) for each in (jnp.ones((4, 4)), None))
    np.testing.assert_allclose(full.heater_rise, without.heater_rise, rtol=1e-12)


def test_cells_under_a_heater_are_full():
    found = device(jnp.full((4, 4), 0.5)).problem(0)
    filled = device(jnp.full((4, 4), 0.5)).filled(found)
    np.testing.assert_array_equal(filled[:, 3], 1)
    np.testing.assert_array_equal(filled[:, :3], 0.5)


@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_the_conductivity_of_a_uniform_density_by_fourier(share):
    found = steady(structure(jnp.full((3, 3), share)), phonon.Fourier())
    expected = share**2 * (4 - share) / (1 + 2 * share) / 3
    np.testing.assert_allclose(found.conductivity_tensor, expected * np.eye(2), atol=1e-10)


@pytest.mark.slow
def test_a_medium_that_is_filled_in_part_is_as_opaque_on_any_mesh():
    """By their filling alone, faces of cells half as wide would let half as much through."""
    tensors = [
        steady(structure(jnp.full((n, n), 0.5), gradient="x"), COARSE).conductivity
        for n in (24, 48)
    ]
    np.testing.assert_allclose(*tensors, rtol=0.05)


@pytest.mark.slow
def test_a_piece_apart_conducts_nothing():
    """Nothing holds its temperature."""
    strip = jnp.zeros((6, 6)).at[:, :2].set(1)
    alone, beside = (
        steady(structure(each), COARSE).conductivity_tensor
        for each in (strip, strip.at[2:4, 3:5].set(1))
    )
    np.testing.assert_allclose(beside, alone, atol=1e-9)


@pytest.mark.parametrize("method", [pytest.param(COARSE, marks=pytest.mark.slow), phonon.Fourier()])
def test_gradients_of_a_heaters_rise(method):
    @jax.jit
    def rise(filled):
        return steady(device(filled), method, throw=False).heater_rise[0]

    filled = jnp.asarray(HALVES)
    gradient = jax.grad(rise)(filled)
    for cell in ((0, 0), (1, 2)):
        expected = slope(lambda x, cell=cell: rise(filled.at[cell].set(x)), filled[cell])
        np.testing.assert_allclose(gradient[cell], expected, rtol=1e-5)


@pytest.mark.slow
def test_what_passes_in_part_is_in_series_in_the_preconditioner():
    """Cells far thinner than a free path: without it, 40 iterations."""
    noise = np.random.default_rng(0).uniform(0.01, 1, (12, 12))
    found = steady(structure(jnp.asarray(noise), gradient="x"), COARSE)
    assert int(found.stats["iterations"]) < 25


def test_phonons_and_fourier_want_other_posts():
    """Walls are diffuse: of posts as wide as a free path and of thin ones, as much material."""
    rises = {}
    for name, method in (("phonons", COARSE), ("Fourier", phonon.Fourier())):
        solve = jax.jit(lambda x, method=method: steady(device(x), method, throw=False).heater_rise)
        rises[name] = [float(solve(posts(width))[0]) for width in (2, 8)]
    assert rises["phonons"][1] < 0.9 * rises["phonons"][0]
    assert rises["Fourier"][0] < 0.9 * rises["Fourier"][1]


@pytest.mark.slow
def test_the_error_of_cells_of_a_layout():
    layout = np.repeat(np.repeat(HALVES > 0.4, 2, axis=0), 2, axis=1).astype(float)
    method = phonon.DiscreteOrdinates(angles=2, polar_angles=2, paths=2, errors="estimated")
    found = steady(structure(jnp.asarray(layout), gradient="x"), method)
    coarse = steady(structure(jnp.asarray(layout[::2, ::2]), gradient="x"), COARSE)
    expected = abs(coarse.conductivity / found.conductivity - 1)
    np.testing.assert_allclose(found.cell_error, expected, rtol=1e-6)
    with pytest.raises(ValueError, match="refinement = 2"):
        steady(structure(jnp.asarray(HALVES)), method)


def test_a_density_goes_without_voids():
    hole = phonon.Box(name="hole", center=jnp.full(2, 0.5), size=jnp.full(2, 0.5))
    with pytest.raises(ValueError, match="no voids"):
        device(jnp.ones((4, 4)), voids=(hole,))
