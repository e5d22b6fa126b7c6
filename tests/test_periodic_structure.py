"""Pores: sweeps through boxes of cells, their balance, and the conductivity of structures."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import phonon, steady
from jaxneq.phonon._frames import rays
from jaxneq.phonon._grid_diffusion import Diffusion, preconditioner
from jaxneq.phonon._grid_ordinates import grid_ordinates
from jaxneq.phonon._grid_transport import Transport, Unknown
from jaxneq.phonon._periodic_structure import transmission

GRAY = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
COARSE = phonon.DiscreteOrdinates(cells=6, angles=2, polar_angles=1)


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
    partly = transmission(jnp.asarray(np.random.default_rng(0).uniform(0.2, 1, problem.cells)))
    full = jnp.ones(problem.cells)
    problem = eqx.tree_at(lambda p: (p.transmission, p.solid), problem, (partly, full))
    return Transport.of(problem, rays(problem, 1, 1))


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
    np.testing.assert_allclose(
        np.tensordot(np.asarray(along.heat_flux_field)[..., 1], np.full((6, 6), 1 / 36), axes=2),
        along.heat_flux,
        rtol=1e-8,
    )
