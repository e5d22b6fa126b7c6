"""The identities that the slab sweep must keep; `test_kernels` holds it to its reference."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxneq._kernels import sweep
from jaxneq._kernels.sweep import reference

RANDOM = np.random.default_rng(0)
CELLS, BANDS, ANGLES = 7, 3, 2
TEMPERATURE = jnp.asarray(RANDOM.normal(size=(CELLS, 2)))
INFLOW = jnp.asarray([0.7, -0.4])
WIDTH = jnp.asarray(RANDOM.uniform(0.05, 0.3, CELLS))
REACH = jnp.asarray(10.0 ** RANDOM.uniform(-3, 2, (BANDS, ANGLES)))  # thick and thin cells
WEIGHT = jnp.asarray(RANDOM.uniform(0.1, 1, (BANDS, ANGLES)))
RAYS = (WIDTH, REACH, WEIGHT)


def test_operator_is_symmetric_and_positive_definite():
    def stacked(u):
        nodes, walls = sweep.balance(u[:-2].reshape(CELLS, 2), u[-2:], *RAYS)
        return jnp.concatenate([jnp.ravel(nodes), walls])

    matrix = jax.jacfwd(stacked)(jnp.zeros(2 * CELLS + 2))
    scale = np.abs(matrix).max()
    assert np.abs(matrix - matrix.T).max() <= 1e-12 * scale
    # equal temperatures exchange nothing; between fixed walls the rest is definite
    assert np.abs(matrix.sum(axis=1)).max() <= 1e-12 * scale
    assert np.linalg.eigvalsh(matrix[:-2, :-2])[0] > 0


def test_dissipation_is_the_quadratic_form_and_its_parts():
    nodes, walls = sweep.balance(TEMPERATURE, INFLOW, *RAYS)
    form = jnp.sum(TEMPERATURE * nodes) + jnp.sum(INFLOW * walls)
    moments = sweep.moments(TEMPERATURE, INFLOW, *RAYS, WEIGHT)
    parts = jnp.sum(moments.dissipation) + jnp.sum(moments.wall_dissipation)
    np.testing.assert_allclose(sweep.dissipation(TEMPERATURE, INFLOW, *RAYS), form, rtol=1e-12)
    np.testing.assert_allclose(parts, form, rtol=1e-12)


def plain_dissipation(temperature, inflow, *rays):
    nodes, walls = sweep.balance(temperature, inflow, *rays)
    return jnp.sum(temperature * nodes) + jnp.sum(inflow * walls)


def test_derivative_rule_of_the_dissipation():
    arguments = (TEMPERATURE, INFLOW, *RAYS)
    every = tuple(range(5))
    rule = jax.grad(sweep.dissipation, every)(*arguments)
    automatic = jax.grad(plain_dissipation, every)(*arguments)
    for ours, theirs in zip(rule, automatic, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)

    direction = tuple(jnp.asarray(RANDOM.normal(size=a.shape)) * a for a in arguments)

    def product(function):
        return jax.jvp(jax.grad(function, every), arguments, direction)[1]

    for ours, theirs in zip(product(sweep.dissipation), product(plain_dissipation), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)


def test_fluxes_and_spread_are_those_of_the_distribution():
    share = WEIGHT / (2 * jnp.sum(WEIGHT))
    moments = sweep.moments(TEMPERATURE, INFLOW, *RAYS, share)
    psi = reference.distribution(*map(np.asarray, (TEMPERATURE, INFLOW, WIDTH, REACH)))
    local = np.asarray(TEMPERATURE)[None, :, :, None, None]
    w, s = np.asarray(WEIGHT), np.asarray(share)
    departure = np.sum(s * (psi - local), axis=(0, 3, 4))
    np.testing.assert_allclose(moments.departure, departure, rtol=1e-9, atol=1e-12)
    spread = np.sum(s * (psi - local) ** 2, axis=(0, 3, 4))
    np.testing.assert_allclose(moments.spread, spread, rtol=1e-9)
    rightward = np.concatenate([np.full((1, BANDS, ANGLES), INFLOW[0]), psi[0, :, 1]])
    leftward = np.concatenate([psi[1, :, 0], np.full((1, BANDS, ANGLES), INFLOW[1])])
    face = np.sum(w * (rightward - leftward), axis=(1, 2))
    np.testing.assert_allclose(moments.face_flux, face, rtol=1e-9, atol=1e-12)
    band = np.sum(w * (psi[0] - psi[1]).mean(axis=1), axis=-1)
    np.testing.assert_allclose(moments.band_flux, band, rtol=1e-8, atol=1e-12)
