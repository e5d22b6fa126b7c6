"""The identities that the slab sweep must keep; `test_kernels` holds it to its reference."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxneq._kernels import sweep
from jaxneq._kernels.sweep import reference

RANDOM = np.random.default_rng(0)
CELLS, BANDS, ANGLES = 7, 3, 2
TEMPERATURE = jnp.asarray(RANDOM.normal(size=(CELLS, 2)))
ENTERING = jnp.asarray(RANDOM.normal(size=(2, BANDS, ANGLES)))
WIDTH = jnp.asarray(RANDOM.uniform(0.05, 0.3, CELLS))
REACH = jnp.asarray(10.0 ** RANDOM.uniform(-3, 2, (BANDS, ANGLES)))  # thick and thin cells
WEIGHT = jnp.asarray(RANDOM.uniform(0.1, 1, (BANDS, ANGLES)))
RAYS = (WIDTH, REACH, WEIGHT)


def between_walls(temperature, walls):
    """What enters from black walls, as departures from the first node."""
    ends = jnp.stack([temperature[0, 0], temperature[-1, 1]])
    return jnp.broadcast_to((walls - ends)[:, None, None], ENTERING.shape)


def test_operator_is_symmetric_and_positive_definite():
    def stacked(u):
        temperature, walls = u[:-2].reshape(CELLS, 2), u[-2:]
        entering = between_walls(temperature, walls)
        nodes, leaving = sweep.balance(temperature, entering, *RAYS)
        given = jnp.sum(WEIGHT[None] * (entering - leaving[::-1]), axis=(1, 2))
        return jnp.concatenate([jnp.ravel(nodes), given])

    matrix = jax.jacfwd(stacked)(jnp.zeros(2 * CELLS + 2))
    scale = np.abs(matrix).max()
    assert np.abs(matrix - matrix.T).max() <= 1e-12 * scale
    # equal temperatures exchange nothing; between fixed walls the rest is definite
    assert np.abs(matrix.sum(axis=1)).max() <= 1e-12 * scale
    assert np.linalg.eigvalsh(matrix[:-2, :-2])[0] > 0


def test_optical_depth_is_the_response_of_what_leaves():
    _, leaving = sweep.balance(TEMPERATURE, ENTERING, *RAYS)
    _, alone = sweep.balance(TEMPERATURE, 0 * ENTERING, *RAYS)
    through = jnp.exp(-sweep.optical_depth(WIDTH, REACH))[None] * ENTERING
    np.testing.assert_allclose(leaving - alone, through, rtol=1e-9, atol=1e-12)


def test_dissipation_balances_the_power():
    """Power times temperature, inside and at both ends, is what collisions and jumps dissipate."""
    nodes, leaving = sweep.balance(TEMPERATURE, ENTERING, *RAYS)
    moments = sweep.moments(TEMPERATURE, ENTERING, *RAYS, WEIGHT)
    ends = jnp.stack([TEMPERATURE[0, 0], TEMPERATURE[-1, 1]])[:, None, None]
    into, out = ends + ENTERING, ends + leaving[::-1]
    brought = jnp.sum(WEIGHT[None] * (into**2 - out**2)) / 2
    form = jnp.sum(TEMPERATURE * nodes) + brought
    np.testing.assert_allclose(jnp.sum(moments.dissipation), form, rtol=1e-11)


def test_fluxes_and_spread_are_those_of_the_distribution():
    share = WEIGHT / (2 * jnp.sum(WEIGHT))
    offset = jnp.asarray(RANDOM.normal(size=(BANDS, ANGLES)))
    moments = sweep.moments(TEMPERATURE, ENTERING, *RAYS, share, offset)
    psi = reference.distribution(*map(np.asarray, (TEMPERATURE, ENTERING, WIDTH, REACH)))
    local = np.asarray(TEMPERATURE)[None, :, :, None, None]
    w, s = np.asarray(WEIGHT), np.asarray(share)
    delta = psi - local + np.asarray(offset)
    np.testing.assert_allclose(moments.departure, np.sum(s * delta, axis=(0, 3, 4)), rtol=1e-9)
    np.testing.assert_allclose(moments.spread, np.sum(s * delta**2, axis=(0, 3, 4)), rtol=1e-9)
    first = np.array([TEMPERATURE[0, 0], TEMPERATURE[-1, 1]])[:, None, None] + ENTERING
    rightward = np.concatenate([first[:1], psi[0, :, 1]])
    leftward = np.concatenate([psi[1, :, 0], first[1:]])
    face = np.sum(w * (rightward - leftward), axis=(1, 2))
    np.testing.assert_allclose(moments.face_flux, face, rtol=1e-9, atol=1e-12)
    band = np.sum(w * (psi[0] - psi[1]).mean(axis=1), axis=-1)
    np.testing.assert_allclose(moments.band_flux, band, rtol=1e-8, atol=1e-12)


def test_bands_of_one_emission_are_the_common_sweep():
    """`distribution` with the same local state in every band and cell is `balance`."""
    emission = jnp.broadcast_to(TEMPERATURE[:, :, None], (CELLS, 2, BANDS))
    reach = jnp.broadcast_to(REACH, (CELLS, BANDS, ANGLES))
    delta = sweep.distribution(emission, ENTERING, WIDTH, reach)
    nodes, leaving = sweep.balance(TEMPERATURE, ENTERING, *RAYS)
    given = (
        -0.5
        * WIDTH[:, None]
        * jnp.sum((WEIGHT / REACH)[None, None] * (delta[0] + delta[1]), axis=(2, 3))
    )
    np.testing.assert_allclose(given, nodes, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(delta[0, -1, 1], leaving[0], rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(delta[1, 0, 0], leaving[1], rtol=1e-10, atol=1e-13)
