"""Linear systems without symmetry, by conjugate residuals."""

import jax.numpy as jnp
import numpy as np

from jaxneq._core import conjugate_residuals

NOISE = np.random.default_rng(0).normal(size=(40, 40))
MATRIX = jnp.asarray(np.diag(np.geomspace(1, 1e3, 40)) + 0.3 * NOISE)
RHS = jnp.arange(1.0, 41.0)


def solve(tolerance, limit):
    scale = jnp.diag(MATRIX)
    return conjugate_residuals(
        lambda x: MATRIX @ x,
        RHS,
        lambda r: r / scale,
        jnp.asarray(tolerance),
        limit,
        memory=10,
    )


def test_any_regular_system_is_solved():
    found = solve(1e-11, 200)
    np.testing.assert_allclose(found, np.linalg.solve(MATRIX, RHS), rtol=1e-9)


def test_what_is_not_solved_is_nan():
    assert np.all(np.isnan(solve(1e-11, 1)))


def test_nothing_from_nothing():
    none = conjugate_residuals(lambda x: x, jnp.zeros(3), lambda r: r, jnp.asarray(1e-9), 5)
    np.testing.assert_array_equal(none, np.zeros(3))
