"""Pores: sweeps through boxes of cells, their balance, and the conductivity of structures."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import phonon, steady
from jaxneq.phonon import _grid_ordinates
from jaxneq.phonon._filling import transmission
from jaxneq.phonon._frames import free_paths, rays
from jaxneq.phonon._grid_diffusion import Diffusion
from jaxneq.phonon._grid_transport import Transport, Unknown

GRAY = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
COARSE = phonon.DiscreteOrdinates(cells=6, angles=2, polar_angles=2)


def structure(period=1.0, size=(1 / 3, 1 / 3), **changes):
    pore = phonon.Box(name="pore", center=jnp.asarray([0.5, 0.5]), size=jnp.asarray(size))
    fields = {"material": GRAY, "period": period, "temperature": 1.0, "voids": (pore,)}
    fields |= {"temperature_difference": 0.1} | changes
    return phonon.PeriodicStructure(**fields)


def random_unknown(transport, seed):
    shapes, random = transport.zero(), np.random.default_rng(seed)
    there = transport.diffuse[..., None] > 0
    wall = jnp.where(there, random.normal(size=shapes.wall.shape), 0)
    return Unknown(jnp.asarray(random.normal(size=shapes.temperature.shape)), wall)


def inner(first, second):
    return sum(float(jnp.sum(a * b)) for a, b in zip(first, second, strict=True))


@pytest.fixture(scope="module")
def transport():
    problem = structure(walls="elastic").problem(4)
    filled = jnp.asarray(np.random.default_rng(0).uniform(0.2, 1, problem.cells))
    partly = transmission(filled, problem.width)
    full = jnp.ones(problem.cells)
    problem = eqx.tree_at(lambda p: (p.transmission, p.solid), problem, (partly, full))
    return Transport.of(problem, rays(problem, 1, free_paths(problem, 1)))


def test_balance_is_symmetric_and_positive(transport):
    operator = jax.jit(lambda u: transport.residual(transport.respond(u, tolerance=1e-14)))
    a, b = random_unknown(transport, 1), random_unknown(transport, 2)
    np.testing.assert_allclose(inner(a, operator(b)), inner(b, operator(a)), rtol=1e-11)
    assert inner(a, operator(a)) > 0


def test_diffusion_has_its_diagonal_and_is_symmetric(transport):
    diffusion = Diffusion(transport.problem)
    shape = (*transport.problem.cells, transport.nodes)
    matrix = jax.jacfwd(lambda x: diffusion(x.reshape(shape)).ravel())(jnp.zeros(np.prod(shape)))
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-13)
    np.testing.assert_allclose(jnp.diag(matrix), diffusion.diagonal.ravel(), rtol=1e-12)
    assert np.linalg.eigvalsh(matrix)[1] > 0  # but for the constant


def test_bulk_is_found_whatever_the_knudsen_number():
    for period in (1e-3, 1.0):
        found = steady(structure(period, voids=()), COARSE)
        np.testing.assert_allclose(found.conductivity, found.bulk_conductivity, rtol=1e-9)


@pytest.mark.slow
def test_tensor_is_symmetric_and_its_diagonal_that_of_one_direction():
    pore = phonon.Polygon(
        name="wedge", corners=jnp.asarray([[0.15, 0.15], [0.85, 0.15], [0.85, 0.5]])
    )
    whole = steady(structure(voids=(pore,), gradient="all"), COARSE)
    tensor = np.asarray(whole.conductivity_tensor)
    assert abs(tensor[0, 1]) > 1e-3 * tensor[0, 0]
    np.testing.assert_allclose(tensor[0, 1], tensor[1, 0], rtol=0, atol=1e-9 * tensor[0, 0])
    along = steady(structure(voids=(pore,), gradient="y"), COARSE)
    np.testing.assert_allclose(along.conductivity, tensor[1, 1], rtol=1e-9)
    volume = structure(voids=(pore,)).problem(6).volume
    mean = np.tensordot(volume, np.asarray(along.heat_flux_field)[..., 1], axes=2)
    np.testing.assert_allclose(mean, along.heat_flux, rtol=1e-8)


@pytest.fixture(scope="module")
def conductivity():
    return jax.jit(lambda system: steady(system, COARSE, throw=False).conductivity)


@pytest.mark.slow
def test_gradients_by_pore_and_period(conductivity):
    def of_size(x):
        return conductivity(structure(size=(x, 1 / 3)))

    def of_period(x):
        return conductivity(structure(period=x))

    for function, x in ((of_size, 0.31), (of_period, 0.7)):
        exact = jax.grad(function)(x)
        np.testing.assert_allclose(exact, slope(function, x, 1e-3 * x), rtol=1e-6)


@pytest.mark.slow
def test_every_cell_has_a_gradient():
    filled = jnp.asarray(np.random.default_rng(3).uniform(0.2, 1, (4, 4)))

    def function(filled):
        system = structure(voids=(), density=filled, walls="thermalising")
        return steady(system, COARSE, throw=False).conductivity

    value, gradient = jax.jit(jax.value_and_grad(function))(filled)
    assert 0 < value < 1 / 3
    compiled = jax.jit(function)
    for cell in ((0, 0), (1, 2)):
        expected = slope(lambda x, cell=cell: compiled(filled.at[cell].set(x)), filled[cell])
        np.testing.assert_allclose(gradient[cell], expected, rtol=1e-5)


@pytest.mark.slow
def test_thin_channels_between_pores_follow_the_limits():
    """A wall across the whole cell lets nothing pass; one along it leaves a film of its own."""
    across = steady(structure(size=(1 / 3, 1.0)), COARSE)
    np.testing.assert_allclose(across.conductivity, 0, atol=1e-9)
    fine = phonon.DiscreteOrdinates(cells=24, angles=6, polar_angles=8)
    along = steady(structure(size=(1.0, 0.5), period=0.5), fine)
    film = steady(phonon.InPlaneFilm(material=GRAY, thickness=0.25, temperature=1.0))
    np.testing.assert_allclose(along.conductivity, film.conductivity / 2, rtol=1e-3)


@pytest.mark.slow
def test_blocks_of_rays_add_up(monkeypatch):
    method = phonon.DiscreteOrdinates(cells=4, angles=2, polar_angles=2)

    def found():
        function = lambda x: steady(structure(x), method, throw=False).conductivity  # noqa: E731
        return jax.jit(jax.value_and_grad(function))(1.0)

    whole = found()
    monkeypatch.setattr(_grid_ordinates, "BLOCK", 300)
    np.testing.assert_allclose(found(), whole, rtol=1e-12)


def test_blocks_of_rays_count_sources_once(transport, monkeypatch):
    problem = eqx.tree_at(lambda p: p.source, transport.problem, transport.problem.solid)
    beams = rays(problem, 2, free_paths(problem, 2))
    unknown = random_unknown(transport, 0)
    entering = Transport.of(problem, beams).respond(unknown, fall=problem.fall[0]).left
    found = jax.tree.map(
        lambda part: jnp.stack([part] * len(problem.fall)), _grid_ordinates.Found(unknown, entering)
    )
    form = lambda: _grid_ordinates._dissipation((problem, beams), found)  # noqa: E731
    whole = form()
    monkeypatch.setattr(_grid_ordinates, "BLOCK", 1)  # each ray alone
    np.testing.assert_allclose(form(), whole, rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gradient": "z"}, "gradient = z in 2 dimensions"),
        ({"dimensions": 3}, "pore is no shape in 3 dimensions"),
        ({"sides": jnp.ones(3)}, "3 sides in 2 dimensions"),
        ({"density": jnp.ones((3, 3))}, "no voids"),
    ],
)
def test_bad_input_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        structure(**changes)
