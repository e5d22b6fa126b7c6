"""Accuracy, derivatives and edge cases of the polynomials; `test_kernels` has their references."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq._kernels import elementary

FUNCTIONS = {"sine": (elementary.sine, np.sin), "cosine": (elementary.cosine, np.cos)}


@pytest.fixture(scope="module", params=FUNCTIONS)
def pair(request):
    fast, plain = FUNCTIONS[request.param]
    return jax.jit(fast), plain


@pytest.mark.parametrize("reach", [np.pi / 2, 30.0, 1e4])
def test_error_is_the_stated_one(pair, reach):
    fast, plain = pair
    x = np.random.default_rng(0).uniform(-reach, reach, 1 << 18).astype(np.float32)
    found, exact = np.asarray(fast(x)), plain(x.astype(float))
    assert found.dtype == np.float32
    assert np.max(np.abs(found - exact)) < 1.3e-7
    if reach < 2:
        assert np.max(np.abs(found - exact) / np.spacing(np.abs(exact).astype("f4"))) < 2


def test_half_turn_keeps_the_symmetries():
    t = jnp.linspace(0, 0.5, 10_001, dtype=jnp.float32)
    (cosine, sine), (same, minus) = map(jax.jit(elementary.half_turn), (t, -t))
    assert np.array_equal(cosine, same) and np.array_equal(sine, -minus)
    np.testing.assert_allclose(cosine**2 + sine**2, 1, rtol=0, atol=4e-7)


def test_infinity_is_told(pair):
    assert np.all(np.isnan(pair[0](jnp.asarray([np.inf, -np.inf, np.nan], jnp.float32))))


def test_log_of_all_magnitudes():
    """The relative error over the whole range, and where the logarithm is small."""
    random = np.random.default_rng(1)
    near, far = 1 + random.uniform(-0.3, 0.45, 1 << 18), 2.0 ** random.uniform(-126, 127, 1 << 18)
    ends = [np.finfo("f4").tiny, np.finfo("f4").max, np.nextafter(np.float32(1), 0), 1.0000001]
    x = np.concatenate([near, far, ends]).astype(np.float32)
    x = x[x != 1]
    np.testing.assert_allclose(jax.jit(elementary.log)(x), np.log(x.astype(float)), rtol=2e-7)
    assert float(elementary.log(jnp.float32(1))) == 0


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_derivatives_of_the_logarithm(dtype):
    x, first = jnp.linspace(0.1, 9, 101, dtype=dtype), jax.grad(elementary.log)
    exact, tolerance = np.asarray(x, float), 3e-7 if dtype == jnp.float32 else 1e-15
    np.testing.assert_allclose(jax.vmap(first)(x), 1 / exact, rtol=tolerance)
    np.testing.assert_allclose(jax.vmap(jax.grad(first))(x), -1 / exact**2, rtol=tolerance)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_derivatives_of_the_sines(dtype):
    """d sin = cos to second order, forward and reverse, batched: exact to the rounding."""
    x = jnp.linspace(-9, 9, 101, dtype=dtype)
    exact, tolerance = np.asarray(x, float), 3e-7 if dtype == jnp.float32 else 1e-15
    expected = {
        elementary.sine: (np.cos(exact), -np.sin(exact)),
        elementary.cosine: (-np.sin(exact), -np.cos(exact)),
    }
    for function, orders in expected.items():
        first = jax.grad(function)
        pushed = jax.jvp(function, (x,), (jnp.full_like(x, 2),))[1] / 2
        for found, order in (
            (jax.vmap(first)(x), orders[0]),
            (pushed, orders[0]),
            (jax.vmap(jax.grad(first))(x), orders[1]),
        ):
            assert found.dtype == dtype
            np.testing.assert_allclose(found, order, rtol=0, atol=tolerance)


def test_float64_derivative_against_differences():
    x, h = jnp.linspace(-3, 3, 7), 1e-5
    for function in (elementary.sine, elementary.cosine):
        central = (function(x + h) - function(x - h)) / (2 * h)
        np.testing.assert_allclose(jax.vmap(jax.grad(function))(x), central, rtol=1e-6, atol=1e-9)
