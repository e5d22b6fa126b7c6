import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import Estimate


def test_mean_and_standard_error():
    samples = jnp.asarray([1.0, 2.0, 3.0, 6.0])
    estimate = Estimate.from_samples(samples)
    assert estimate.value == 3.0
    np.testing.assert_allclose(estimate.stderr, np.std([1, 2, 3, 6], ddof=1) / 2)
    assert estimate.n_effective == 4
    np.testing.assert_allclose(estimate.z_score(2.0), 1 / estimate.stderr)


def test_a_multiple_has_the_multiple_of_the_error():
    samples = jnp.asarray([1.0, 2.0, 3.0, 6.0])
    scaled = Estimate.from_samples(samples).scaled(-2.0)
    direct = Estimate.from_samples(-2.0 * samples)
    for first, second in zip(jax.tree.leaves(scaled), jax.tree.leaves(direct), strict=True):
        np.testing.assert_allclose(first, second)


def test_coverage():
    """A 2-sigma interval holds the truth in 95 % of 4000 experiments, within 4 of its own sigma."""
    samples = jax.random.normal(jax.random.key(0), (50, 4000))
    z = Estimate.from_samples(samples).z_score(0.0)
    inside = np.mean(np.abs(z) < 2.0096)  # 95 % of Student's t with 49 degrees of freedom
    assert abs(inside - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 4000)


def test_gradient_flows_through_the_value():
    grad = jax.grad(lambda s: Estimate.from_samples(s * jnp.arange(4.0)).value)(2.0)
    assert grad == 1.5


def test_prints_itself():
    assert str(Estimate(jnp.float64(0.12345), jnp.float64(0.0021), jnp.float64(9.0))) == (
        "0.1235 ± 0.0021"
    )
    few = Estimate(jnp.array([0.12345, 2.0]), jnp.array([0.0021, 0.0]), jnp.ones(2))
    assert str(few) == "[0.1235 ± 0.0021, 2 ± 0]"
    assert str(Estimate(*[jnp.ones(7)] * 3)) == "Estimate of shape (7,)"


def test_one_sample_has_no_error_bar():
    with pytest.raises(ValueError, match="at least two"):
        Estimate.from_samples(jnp.ones(1))
