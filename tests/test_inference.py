"""Fits to data against linear regression, and designs under uncertainty."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import design

X = np.linspace(0.0, 2.0, 12)
SIGMA = 0.05
TRUE = {"offset": 0.7, "slope": 1.3}
DATA = TRUE["offset"] + TRUE["slope"] * X + SIGMA * np.random.default_rng(4).normal(size=X.size)


def line(p):
    return p["offset"] + p["slope"] * jnp.asarray(X)


def test_a_line_is_that_of_linear_regression():
    start = {"offset": jnp.array(1.0), "slope": jnp.array(1.0)}
    found = design.fit(line, DATA, SIGMA, start)
    matrix = np.stack([np.ones_like(X), X], axis=1)
    best, *_ = np.linalg.lstsq(matrix, DATA, rcond=None)
    np.testing.assert_allclose([found.design["offset"], found.design["slope"]], best, rtol=1e-6)
    exact = SIGMA**2 * np.linalg.inv(matrix.T @ matrix)
    np.testing.assert_allclose(found.covariance, exact, rtol=1e-6)
    np.testing.assert_allclose(found.stderr["slope"], np.sqrt(exact[1, 1]), rtol=1e-6)
    assert float(found.effective_parameters) == pytest.approx(2)
    assert float(found.chi_squared) == pytest.approx(np.sum((matrix @ best - DATA) ** 2) / SIGMA**2)
    value, spread = found.band(lambda p: p["offset"] + 3 * p["slope"])
    np.testing.assert_allclose(spread, np.sqrt([1, 3] @ exact @ [1, 3]), rtol=1e-6)
    np.testing.assert_allclose(value, best @ [1, 3], rtol=1e-6)


def test_a_space_changes_the_way_and_not_the_answer():
    start = {"offset": jnp.array(1.0), "slope": jnp.array(1.0)}
    free, positive = (
        design.fit(line, DATA, SIGMA, start, space=space) for space in (None, design.Positive())
    )
    np.testing.assert_allclose(positive.covariance, free.covariance, rtol=1e-4)


def test_a_prior_decides_what_the_data_leave_open():
    start = {"a": jnp.array(0.5), "b": jnp.array(0.2)}

    def both(p):
        return (p["a"] + p["b"]) * jnp.ones(4)

    data = jnp.full(4, 1.0)
    with pytest.raises(ValueError, match="undetermined"):
        design.fit(both, data, 0.1, start)
    found = design.fit(both, data, 0.1, start, prior=lambda p: p["a"] - p["b"])
    # along a + b the data know (0.1^2 / 4), along a - b the prior (1)
    np.testing.assert_allclose(found.information, [1, 0], atol=1e-9)
    np.testing.assert_allclose(found.design["a"], 0.5, rtol=1e-5)
    np.testing.assert_allclose(found.stderr["a"], np.sqrt(1 + 0.05**2) / 2, rtol=1e-6)


def test_coverage():
    """A 68 % interval holds the truth in 68 % of repetitions."""
    matrix = jnp.stack([jnp.ones(X.size), jnp.asarray(X)], axis=1)
    noise = jax.random.normal(jax.random.key(0), (400, X.size)) * SIGMA
    truth = matrix @ jnp.array([TRUE["offset"], TRUE["slope"]])
    stderr = design.fit(
        line, DATA, SIGMA, {"offset": jnp.array(1.0), "slope": jnp.array(1.0)}
    ).stderr["slope"]
    best = jnp.linalg.pinv(matrix) @ (truth[None, :] + noise).T
    held = jnp.mean(jnp.abs(best[1] - TRUE["slope"]) < stderr)
    assert abs(float(held) - 0.6827) < 5 * np.sqrt(0.6827 * 0.3173 / 400)


def test_expectation_and_worst_case():
    """Squared distances to points: the mean is best at their mean, the worst in the middle."""
    points = jnp.array([0.0, 0.0, 0.0, 1.0])

    def squared(x, point):
        return (x - point) ** 2

    mean = design.optimize(design.expectation(squared, points), jnp.array(0.8))
    np.testing.assert_allclose(mean.design, 0.25, rtol=1e-5)
    worst = design.optimize(design.worst_case(squared, points, sharpness=1e3), jnp.array(0.8))
    np.testing.assert_allclose(worst.design, 0.5, atol=2e-3)


def test_a_front_between_two_goals():
    """Distances to two points: on the front the roots of both add up to the distance between."""

    def both(x):
        return jnp.sum((x - 1) ** 2), {"other": jnp.sum(x**2)}

    levels = jnp.array([0.01, 0.25, 0.81, 4.0])
    found = design.front(both, jnp.array([0.3]), "other", levels)
    expected = np.where(levels < 1, (1 - np.sqrt(levels)) ** 2, 0)
    np.testing.assert_allclose(found.objective, expected, atol=2e-4)


BAD = {
    "shape": ((lambda p: p["a"] * jnp.ones(3), jnp.ones(4), 1.0), "shape"),
    "NaN": ((lambda p: p["a"] * jnp.ones(2), jnp.array([1.0, jnp.nan]), 1.0), "not finite"),
    "error": ((lambda p: p["a"] * jnp.ones(2), jnp.ones(2), 0.0), "must be positive"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data(name):
    arguments, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        design.fit(*arguments, {"a": jnp.array(1.0)})
