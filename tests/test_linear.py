"""The implicit solve and the envelope, against dense linear algebra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq._core import conjugate_gradients, linear_solve, stationary_value

N = 12
BASE = np.random.default_rng(0).normal(size=(N, N))
RHS = jnp.asarray(np.random.default_rng(1).normal(size=N))


def matrix(p):
    return jnp.asarray(BASE @ BASE.T) + jnp.exp(p) * jnp.eye(N)


def solve(p, tolerance=1e-13):
    return linear_solve(
        lambda x: matrix(p) @ x,
        RHS,
        preconditioner=lambda r: r / jnp.diag(matrix(0.0)),
        tolerance=jnp.asarray(tolerance),
        max_iterations=200,
    )


def dense(p):
    return jnp.linalg.solve(matrix(p), RHS)


def test_solution_and_reported_residual():
    x, stats = solve(0.3, 1e-9)
    true = np.linalg.norm(RHS - matrix(0.3) @ x) / np.linalg.norm(RHS)
    assert stats.status.ok
    assert true <= 1e-9
    np.testing.assert_allclose(stats.residual, true, rtol=1e-6)


@pytest.mark.parametrize("mode", [jax.jacfwd, jax.jacrev])
def test_first_and_second_derivatives(mode):
    first, exact = mode(lambda p: solve(p)[0])(0.3), jax.jacfwd(dense)(0.3)
    np.testing.assert_allclose(first, exact, rtol=1e-9)
    second = mode(jax.jacfwd(lambda p: solve(p)[0]))(0.3)
    np.testing.assert_allclose(second, jax.jacfwd(jax.jacfwd(dense))(0.3), rtol=1e-8)


def energy(p, x):
    return x @ (matrix(p) @ x) - 2 * RHS @ x


def test_envelope_gives_the_gradient_without_the_derivative_of_the_state():
    def value(p):
        return stationary_value(energy, p, solve(p)[0])

    def exact(p):
        return -RHS @ dense(p)

    np.testing.assert_allclose(value(0.3), exact(0.3), rtol=1e-12)
    np.testing.assert_allclose(jax.grad(value)(0.3), jax.grad(exact)(0.3), rtol=1e-10)
    for hessian in (jax.grad(jax.grad(value)), jax.jacfwd(jax.grad(value))):
        np.testing.assert_allclose(hessian(0.3), jax.grad(jax.grad(exact))(0.3), rtol=1e-9)

    # a value that is known is handed through; its derivatives are those of the functional
    known = lambda p: stationary_value(energy, p, solve(p)[0], jnp.asarray(7.0))  # noqa: E731
    assert known(0.3) == 7
    np.testing.assert_allclose(jax.grad(known)(0.3), jax.grad(exact)(0.3), rtol=1e-10)
    second = jax.grad(jax.grad(exact))(0.3)
    np.testing.assert_allclose(jax.grad(jax.grad(known))(0.3), second, rtol=1e-9)

    # and a wrong state shows: the envelope is not the total derivative away from the minimum
    frozen = jax.grad(lambda p: stationary_value(energy, p, dense(0.0)))(0.3)
    assert abs(frozen / jax.grad(exact)(0.3) - 1) > 1e-3


def test_failures_have_a_status_and_a_remedy():
    tolerance = jnp.asarray(1e-12)
    identity = lambda r: r  # noqa: E731
    _, stats = conjugate_gradients(lambda x: matrix(-3.0) @ x, RHS, identity, tolerance, 3)
    assert str(stats.status) == "max_iterations"
    with pytest.raises(RuntimeError, match="Raise `max_iterations`"):
        stats.status.check("test")

    indefinite = jnp.diag(jnp.where(jnp.arange(N) % 2, -1.0, 1.0))
    _, stats = conjugate_gradients(lambda x: indefinite @ x, RHS, identity, tolerance, 50)
    assert not stats.status.ok

    _, stats = conjugate_gradients(lambda x: x * jnp.nan, RHS, identity, tolerance, 50)
    assert str(stats.status) == "not_finite"


def test_zero_right_hand_side():
    x, stats = conjugate_gradients(
        lambda x: matrix(0.0) @ x, 0 * RHS, lambda r: r, jnp.asarray(1e-9), 9
    )
    assert stats.status.ok and not np.any(x)


def test_recurrence_that_lies_is_caught():
    """In float32 the recurrence falls on while the true residual stands still."""
    hilbert = 1 / (np.arange(N)[:, None] + np.arange(N)[None, :] + 1) + 1e-6 * np.eye(N)
    a, b = jnp.asarray(hilbert, jnp.float32), RHS.astype(jnp.float32)
    x, stats = conjugate_gradients(
        lambda x: a @ x, b, lambda r: r, jnp.asarray(1e-7, jnp.float32), 500
    )
    true = np.linalg.norm(np.asarray(b, float) - hilbert @ np.asarray(x, float)) / np.linalg.norm(b)
    assert not stats.status.ok
    assert stats.residual == pytest.approx(true, rel=0.5)


def test_batches_keep_their_own_status():
    def one(iterations_wanted):
        operator = lambda x: matrix(jnp.log(iterations_wanted)) @ x  # noqa: E731
        return conjugate_gradients(operator, RHS, lambda r: r, jnp.asarray(1e-12), 8)[1].status.code

    codes = jax.vmap(one)(jnp.array([1e-3, 1e6]))
    assert codes[0] != 0 and codes[1] == 0


def test_complex_symmetric():
    shift = jnp.asarray(np.random.default_rng(2).normal(size=(N, N)))
    right = RHS.astype(complex)

    def whole(p):
        return jax.lax.complex(matrix(p), p * (shift + shift.T))

    def solved(p):
        return linear_solve(
            lambda x: whole(p) @ x,
            right,
            preconditioner=lambda r: r / jnp.diag(whole(p)),
            tolerance=jnp.asarray(1e-13),
            max_iterations=200,
        )

    x, stats = solved(0.3)
    exact = jnp.linalg.solve(whole(0.3), right)
    assert stats.status.ok
    np.testing.assert_allclose(x, exact, rtol=1e-9)
    true = np.linalg.norm(right - whole(0.3) @ x) / np.linalg.norm(right)
    np.testing.assert_allclose(stats.residual, true, rtol=1e-2)
    slopes = jax.jacrev(lambda p: jnp.real(solved(p)[0]))(0.3)
    dense = jax.jacfwd(lambda p: jnp.real(jnp.linalg.solve(whole(p), right)))(0.3)
    np.testing.assert_allclose(slopes, dense, rtol=1e-8)
