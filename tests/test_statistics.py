"""Correlation in time, against direct sums and processes whose correlation is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import statistics
from jaxneq._core import is_concrete
from jaxneq.statistics._validation import autoregression

DECAY = 0.8
TAU = (1 + DECAY) / (1 - DECAY)


@pytest.fixture(scope="module")
def series():
    return autoregression(jax.random.key(0), DECAY, 32, 2049)


def test_correlation_is_the_direct_sum():
    first, second = np.random.default_rng(0).normal(size=(2, 3, 17))
    found = statistics.correlation(first, second, lags=17)
    for k in range(17):
        direct = np.mean(first[:, k:] * second[:, : 17 - k], axis=1)
        np.testing.assert_allclose(found[:, k], direct, atol=1e-14)
    assert statistics.correlation(first, second).shape == (3, 8)


def test_autocorrelation_of_an_autoregression(series):
    found = statistics.autocorrelation(series, lags=12, normalized=False)
    mean, stderr = found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(32)
    assert np.all(stderr < 0.02)
    assert np.all(np.abs(mean - DECAY ** np.arange(12)) < 5 * stderr)
    normalized = statistics.autocorrelation(series, lags=12)
    np.testing.assert_allclose(normalized, found / np.var(series), rtol=1e-12)


def test_spectrum():
    """Its integral is the mean square, and that of an autoregression is known."""
    dt, steps = 0.25, 512
    x = autoregression(jax.random.key(1), DECAY, 256, steps + 1)
    frequency, density = map(np.asarray, statistics.power_spectrum(x, dt))
    both = density.sum(axis=1) * 2 - density[:, 0] - density[:, -1]  # of even length
    np.testing.assert_allclose(both * frequency[1] / (2 * np.pi), np.mean(x**2, axis=1), rtol=1e-12)
    exact = dt * (1 - DECAY**2) / np.abs(1 - DECAY * np.exp(1j * frequency * dt)) ** 2
    z = (density.mean(axis=0) - exact) / (density.std(axis=0, ddof=1) / 16)
    assert frequency[-1] == pytest.approx(np.pi / dt)
    assert np.all(np.abs(z[4:]) < 5)  # below, the ends of a finite series leak


def test_integrated_time(series):
    tau = statistics.integrated_autocorrelation_time(series)
    assert tau.stderr < 0.06 * TAU and abs(tau.z_score(TAU)) < 5
    assert statistics.effective_sample_size(series) == series.size / tau.value
    white = jax.random.normal(jax.random.key(2), (20_000,))
    tau = statistics.integrated_autocorrelation_time(white)
    assert tau.stderr < 0.05 and abs(tau.z_score(1.0)) < 5


def test_an_alternating_series_keeps_a_safe_error():
    x = autoregression(jax.random.key(4), -0.9, 8, 2049)
    found = statistics.series_mean(x)
    exact = np.sqrt((1 - 0.9) / (1 + 0.9) / x.size)
    assert exact / 2 < found.stderr < 3 * exact
    assert found.n_effective <= x.size * np.log10(x.size)


def test_an_oscillation_is_not_cut_at_its_first_zero():
    """The autoregression x'' = 2 r cos(w) x' - r^2 x + noise has tau = S(0) / C(0)."""
    r, w = 0.9, 0.5
    first, second = 2 * r * np.cos(w), -(r**2)
    variance = (1 - second) / ((1 + second) * ((1 - second) ** 2 - first**2))
    exact = 1 / (1 - first - second) ** 2 / variance
    noise = np.random.default_rng(3).normal(size=(4200, 64))
    x = np.zeros((4200, 64))
    for t in range(2, 4200):
        x[t] = first * x[t - 1] + second * x[t - 2] + noise[t]
    tau = statistics.integrated_autocorrelation_time(x[200:].T)
    assert tau.stderr < 0.2 * exact and abs(tau.value - exact) < 5 * tau.stderr
    cut, found = statistics.window(statistics.autocorrelation(x[200:].T).mean(axis=0), 4000 * 64)
    assert found and float(cut) > 3 * np.pi / (2 * w)  # beyond the first zeros


@pytest.fixture(scope="module")
def repeated():
    """1000 short experiments, each with its mean and errors two ways."""
    keys = jax.random.split(jax.random.key(5), 1000)

    @jax.jit
    def experiments(keys):
        def one(key):
            x = autoregression(key, 0.6, 4, 513)
            tau = statistics.integrated_autocorrelation_time(x)
            return statistics.series_mean(x), statistics.blocking(x).estimate, tau

        return jax.vmap(one)(keys)

    return experiments(keys)


@pytest.mark.parametrize("which", [0, 1], ids=["series_mean", "blocking"])
def test_error_bars_cover(repeated, which):
    inside = np.mean(np.abs(repeated[which].z_score(0.0)) < 1)
    assert abs(inside - 0.683) < 3 * np.sqrt(0.68 * 0.32 / 1000)


def test_error_of_the_integrated_time(repeated):
    """The scatter over experiments is what each states; the bias is small against it."""
    tau = repeated[2]
    scatter = np.std(tau.value)
    assert np.mean(tau.stderr) == pytest.approx(scatter, rel=0.25)
    assert abs(np.mean(tau.value) - 4.0) < 0.3 * scatter


def test_blocking_is_the_error_of_block_means(series):
    series = np.asarray(series)
    found = statistics.blocking(series)
    for level, length in enumerate(found.length):
        blocks = np.reshape(series, (-1, length)).mean(axis=1)
        stderr = np.std(blocks, ddof=1) / np.sqrt(blocks.size)
        np.testing.assert_allclose(found.stderr[level], stderr, rtol=1e-10)
        own = stderr / np.sqrt(2 * (blocks.size - 1))
        np.testing.assert_allclose(found.stderr_error[level], own, rtol=1e-10)
    assert found.found and found.length[-1] == 2048
    exact = np.sqrt(TAU / series.size)
    level = found.plateau
    assert found.stderr[0] < 0.5 * exact
    # too short blocks leave (B^2 - 1) / B of a decay time; 5 of its own errors and 5 %
    assert abs(found.stderr[level] - exact) < 5 * found.stderr_error[level] + 0.05 * exact
    assert found.estimate.n_effective == pytest.approx(series.size / TAU, rel=0.3)


def test_gradients(series):
    short = np.asarray(series[:2, :300])
    bump = np.random.default_rng(6).normal(size=short.shape)

    def tau(theta):
        return statistics.integrated_autocorrelation_time(short + theta * bump).value

    def mean(theta):
        return statistics.series_mean(jnp.exp(theta * short)).value

    for function in (jax.jit(tau), jax.jit(mean)):
        np.testing.assert_allclose(jax.grad(function)(0.3), slope(function, 0.3), rtol=1e-6)


def test_single_precision(series):
    x = series.astype(np.float32)
    for found in (
        statistics.integrated_autocorrelation_time(x),
        statistics.series_mean(x),
        statistics.blocking(x).estimate,
    ):
        assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {np.dtype(np.float32)}
    tau = statistics.integrated_autocorrelation_time(series).value
    single = statistics.integrated_autocorrelation_time(x).value
    np.testing.assert_allclose(single, tau, rtol=1e-4)


def test_short_series_warn():
    slow = np.sin(np.arange(40) / 20)
    with pytest.warns(UserWarning, match="shorter than 50"):
        statistics.integrated_autocorrelation_time(slow)
    with pytest.warns(UserWarning, match="no plateau"):
        statistics.blocking(slow)


NAN = np.where(np.arange(20.0) == 7, np.nan, np.arange(20.0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: statistics.blocking(NAN), r"series has 1 of 20 .* index \(7,\)"),
        (lambda: statistics.blocking(np.ones(9)), "all values of series are the same"),
        (lambda: statistics.autocorrelation(np.ones((2, 9))), "all values of series are the same"),
        (lambda: statistics.series_mean(1.0), r"shape \(\)"),
        (lambda: statistics.series_mean(np.arange(3.0)), "has 3 time, too few"),
        (lambda: statistics.correlation(np.ones(4), np.ones(5)), r"\(4,\) and \(5,\)"),
        (lambda: statistics.correlation(np.ones(4), np.ones(4), lags=5), r"not in \[1, 4\]"),
    ],
)
def test_misuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_integers_are_numbers():
    assert statistics.autocorrelation(np.arange(8)).dtype == np.float64
    assert is_concrete(statistics.blocking(np.arange(8.0) % 3).estimate.value)
