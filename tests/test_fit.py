"""Weighted fits: against NumPy, closed forms, coverage over repeats, gradients, misuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxneq import statistics

X = np.array([1.0, 2.0, 4.0, 7.0, 11.0])
ERROR = np.array([0.3, 0.1, 0.5, 0.2, 0.4])
Y = 2.0 - 0.7 * X + ERROR * np.array([0.4, -1.1, 0.3, 0.9, -0.2])


def test_a_line_is_that_of_weighted_least_squares():
    found = statistics.linear_fit(X, Y, ERROR)
    (slope, intercept), covariance = np.polyfit(X, Y, 1, w=1 / ERROR, cov="unscaled")
    np.testing.assert_allclose(found.slope.value, slope, rtol=1e-12)
    np.testing.assert_allclose(found.intercept.value, intercept, rtol=1e-12)
    errors = [found.slope.stderr, found.intercept.stderr]
    np.testing.assert_allclose(errors, np.sqrt(np.diag(covariance)), rtol=1e-12)
    chi_squared = np.sum(((Y - intercept - slope * X) / ERROR) ** 2)
    np.testing.assert_allclose(found.chi_squared, chi_squared, rtol=1e-12)
    np.testing.assert_allclose(found.p_value, scipy.stats.chi2.sf(chi_squared, 3), rtol=1e-10)
    np.testing.assert_allclose(found.inverse_slope.value, 1 / slope, rtol=1e-12)
    relative = np.sqrt(covariance[0, 0]) / abs(slope)
    np.testing.assert_allclose(found.inverse_slope.stderr, relative / abs(slope), rtol=1e-12)


def test_two_points_give_a_line_without_a_verdict():
    found = statistics.linear_fit(X[:2], Y[:2], ERROR[:2])
    np.testing.assert_allclose(found.slope.value, Y[1] - Y[0], rtol=1e-12)
    np.testing.assert_allclose(found.slope.stderr, np.hypot(*ERROR[:2]), rtol=1e-12)
    assert found.p_value == 1


def test_a_power_law_without_noise_is_found():
    found = statistics.power_law(X, 3.0 * X**-0.4, 0.01 * X)
    np.testing.assert_allclose(found.exponent.value, -0.4, rtol=1e-12)
    np.testing.assert_allclose(found.prefactor.value, 3.0, rtol=1e-12)
    relative = 0.01 * X / (3.0 * X**-0.4)
    _, covariance = np.polyfit(np.log(X), np.zeros(5), 1, w=1 / relative, cov="unscaled")
    np.testing.assert_allclose(found.exponent.stderr, np.sqrt(covariance[0, 0]), rtol=1e-12)
    prefactor_error = 3.0 * np.sqrt(covariance[1, 1])
    np.testing.assert_allclose(found.prefactor.stderr, prefactor_error, rtol=1e-12)


@pytest.mark.parametrize("fit", [statistics.linear_fit, statistics.power_law])
def test_error_bars_cover(fit):
    """68.3 % of 10,000 repeats, and p values evenly spread; the error of the share is 0.005."""
    repeats = 10_000
    exact = 1.0 + 2.0 * X if fit is statistics.linear_fit else 1.5 * X**0.4
    error = 0.02 * exact
    noise = jax.random.normal(jax.random.key(0), (repeats, X.size))
    found = fit(X, exact + error * np.asarray(noise), np.broadcast_to(error, noise.shape))
    if fit is statistics.linear_fit:
        estimates = (found.slope, 2.0), (found.intercept, 1.0)
    else:
        estimates = (found.exponent, 0.4), (found.prefactor, 1.5)
    for estimate, value in estimates:
        share = np.mean(np.abs(np.asarray(estimate.z_score(value))) < 1)
        assert abs(share - 0.6827) < 5 * 0.005
    assert abs(np.mean(np.asarray(found.p_value) < 0.5) - 0.5) < 5 * 0.005


def test_gradients_against_differences():
    def wanted(y):
        line, law = statistics.linear_fit(X, y, ERROR), statistics.power_law(X, y, ERROR)
        values = line.inverse_slope.value, law.exponent.value, law.prefactor.value, line.p_value
        return jnp.sum(jnp.stack(values))

    at, step = jnp.asarray(6.0 + Y), 1e-6
    units = step * jnp.eye(X.size)
    differences = [(wanted(at + u) - wanted(at - u)) / (2 * step) for u in units]
    np.testing.assert_allclose(jax.grad(wanted)(at), differences, rtol=1e-6, atol=1e-9)


def test_single_precision_and_jit():
    x, y, error = (np.asarray(each, np.float32) for each in (X, Y, ERROR))
    found = jax.jit(statistics.linear_fit)(x, y, error)
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {jnp.dtype("float32")}
    exact = statistics.linear_fit(X, Y, ERROR).slope.value
    np.testing.assert_allclose(found.slope.value, exact, rtol=1e-5)


def test_misuse_is_told():
    with pytest.raises(ValueError, match=r"linear_fit: x has shape \(4,\), y \(5,\)"):
        statistics.linear_fit(X[:4], Y, ERROR)
    with pytest.raises(ValueError, match=r"stderr = 0 is not positive"):
        statistics.linear_fit(X, Y, 0 * ERROR)
    with pytest.raises(ValueError, match="all values of x are the same"):
        statistics.linear_fit(0 * X + 1, Y, ERROR)
    with pytest.raises(ValueError, match=r"power_law: y = -5.78 is not positive"):
        statistics.power_law(X, Y, ERROR)
    with pytest.raises(ValueError, match="linear_fit: y has 1 of 5 values that are NaN"):
        statistics.linear_fit(X, np.where(X == 1, np.nan, Y), ERROR)
