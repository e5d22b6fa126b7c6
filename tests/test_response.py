"""Green and Kubo, Onsager, Einstein, Harada and Sasa, against linear processes in closed form."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from differences import slope

from jaxneq import statistics
from jaxneq import thermodynamics as thermo
from jaxneq.statistics._validation import autoregression
from jaxneq.thermodynamics._validation import gyrator_heat

KEY = jax.random.key(0)


def linear_process(drift, dt, replicas, steps, seed=0):
    """Stationary dJ = -drift J dt + noise with unit covariance, sampled exactly."""
    n = len(drift)
    decay = scipy.linalg.expm(-np.asarray(drift) * dt)
    root = np.linalg.cholesky(np.eye(n) - decay @ decay.T)
    noise = np.random.default_rng(seed).normal(size=(steps, replicas, n))
    series = np.empty((steps, replicas, n))
    state = noise[0]
    for t in range(steps):
        series[t] = state
        state = state @ decay.T + noise[t] @ root.T
    return np.moveaxis(series, 0, 2)


def test_green_kubo_is_the_trapezoid_of_the_correlation():
    flux, other = np.random.default_rng(0).normal(size=(2, 3, 40))
    found = thermo.green_kubo(flux, 0.5, other=other, cutoff=2.0)
    direct = [np.mean(flux[:, k:] * other[:, : 40 - k], axis=1) for k in range(5)]
    integral = np.trapezoid(direct, dx=0.5, axis=0)
    assert found.cutoff == 2.0 and found.time[4] == 2.0
    np.testing.assert_allclose(found.correlation.value[:5], np.mean(direct, axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.coefficient.value, integral.mean(), rtol=1e-12)
    stderr = np.std(integral, ddof=1) / np.sqrt(3)
    np.testing.assert_allclose(found.coefficient.stderr, stderr, rtol=1e-12)
    np.testing.assert_allclose(found.running.value[4], integral.mean(), rtol=1e-12)


def test_diffusion_of_a_free_langevin_particle():
    """Velocities of the rate gamma = 2 at T = 1: D = T / gamma."""
    dt, gamma = 0.05, 2.0
    velocity = autoregression(KEY, math.exp(-gamma * dt), 160, 4001)
    found = thermo.green_kubo(velocity, dt)
    trapezoid = gamma * dt / 2 / math.tanh(gamma * dt / 2)  # over the integral: 1 + (gamma dt)^2/12
    assert trapezoid < 1.001
    assert found.coefficient.stderr < 0.02 and abs(found.coefficient.z_score(1 / gamma)) < 5
    assert 4 / gamma < found.cutoff < 12 / gamma


def test_an_oscillating_correlation_integrates_to_zero():
    """The velocity of an oscillator: it goes nowhere, and the cut-off is beyond the first zero."""
    dt, gamma = 0.1, 0.5
    flux = linear_process([[gamma, 1.0], [-1.0, 0.0]], dt, 64, 4000)[:, 0]
    found = thermo.green_kubo(flux, dt)
    assert found.cutoff > 3 * math.pi / 2
    assert found.coefficient.stderr < 0.02 and abs(found.coefficient.z_score(0.0)) < 5


def test_a_series_that_is_too_short_warns():
    flux = np.cumsum(np.random.default_rng(1).normal(size=(8, 64)), axis=1)
    with pytest.warns(UserWarning, match="green_kubo: the correlation has not decayed"):
        thermo.green_kubo(flux, 1.0)


def test_two_thousand_error_bars_cover():
    """68 +- 3 % of intervals of one error hold D = 1, the truncation included, at an error of 9 %.

    The step is a fifth of the relaxation time: the trapezoid is off by 0.3 %, a 25th of the error.
    """

    @jax.jit
    def experiments(keys):
        def one(key):
            found = thermo.green_kubo(autoregression(key, math.exp(-0.2), 32, 513), 0.2)
            return found.coefficient

        return jax.lax.map(one, keys, batch_size=20)

    found = experiments(jax.random.split(KEY, 2000))
    scatter = float(np.std(found.value))
    assert abs(np.mean(np.abs(found.z_score(1.0)) < 1) - 0.68) < 0.03
    assert np.mean(found.stderr) == pytest.approx(scatter, rel=0.07)
    assert abs(np.mean(found.value) - 1) < 0.15 * scatter


SYMMETRIC = np.asarray([[1.0, 0.4], [0.4, 0.8]])


@pytest.fixture(scope="module")
def equilibrium():
    return thermo.onsager_matrix(linear_process(SYMMETRIC, 0.1, 160, 4000), 0.1)


def test_onsager_matrix_of_a_reversible_process(equilibrium):
    """The integral of e^(-A t) is the inverse of A; it is symmetric."""
    z = equilibrium.matrix.z_score(np.linalg.inv(SYMMETRIC))
    assert np.all(equilibrium.matrix.stderr < 0.06) and np.all(np.abs(z) < 5)
    assert equilibrium.asymmetry < 5
    lowest = np.linalg.eigvalsh(np.linalg.inv(SYMMETRIC))[0]
    assert equilibrium.smallest_eigenvalue == pytest.approx(lowest, rel=0.1)


def test_dissipation_is_fluxes_times_forces(equilibrium):
    forces = np.asarray([0.3, -0.5])
    produced = equilibrium.entropy_production(forces)
    matrix = np.asarray(equilibrium.matrix.value)
    assert produced.value == pytest.approx((matrix @ forces) @ forces, rel=1e-12)
    exact = forces @ np.linalg.inv(SYMMETRIC) @ forces
    assert produced.stderr < 0.05 * exact and abs(produced.z_score(exact)) < 5


def test_an_irreversible_process_is_not_symmetric():
    w = 0.6
    found = thermo.onsager_matrix(linear_process([[1.0, w], [-w, 1.0]], 0.1, 48, 3000), 0.1)
    antisymmetric = found.antisymmetric
    assert found.asymmetry > 10
    exact = -w / (1 + w**2)
    estimate, stderr = antisymmetric.value[0, 1], antisymmetric.stderr[0, 1]
    assert stderr < 0.03 and abs(estimate - exact) < 5 * stderr
    np.testing.assert_allclose(antisymmetric.value, -antisymmetric.value.T)


def test_driven_runs_give_the_same_matrix(equilibrium):
    """Both ways agree; on fluxes without noise the fit is exact."""
    exact = np.linalg.inv(SYMMETRIC)
    forces = np.asarray([[0.2, 0.0], [-0.2, 0.0], [0.0, 0.2], [0.0, -0.2], [0.1, 0.1]])
    fluxes = forces @ exact.T
    found = thermo.onsager_from_driven(forces, np.stack([fluxes] * 3))
    np.testing.assert_allclose(found.matrix.value, exact, rtol=1e-12)
    noise = 0.02 * np.random.default_rng(2).normal(size=(200, *fluxes.shape))
    found = thermo.onsager_from_driven(forces, fluxes + noise)
    expected = np.sqrt(np.diag(np.linalg.inv(forces.T @ forces)) * 0.02**2 / 200)
    stderr = np.asarray(found.matrix.stderr)
    np.testing.assert_allclose(stderr, np.broadcast_to(expected, (2, 2)), rtol=0.2)
    assert np.all(np.abs(found.matrix.z_score(exact)) < 5) and found.asymmetry < 5
    difference = np.asarray(found.matrix.value - equilibrium.matrix.value)
    assert np.all(np.abs(difference) < 5 * np.hypot(stderr, equilibrium.matrix.stderr))


def test_einstein_relation():
    """Free particles, T = 0.7 and mobility 2, undriven and driven by F = 0.5."""
    temperature, mu, t, force = 0.7, 2.0, 10.0, 0.5
    noise = math.sqrt(2 * mu * temperature * t) * jax.random.normal(KEY, (2, 40_000))
    diffusion = thermo.diffusion(noise[0], t)
    mobility = thermo.mobility(mu * force * t + noise[1], t, force)
    traced = jax.jit(lambda moved: thermo.mobility(moved, t, force))(mu * force * t + noise[1])
    np.testing.assert_allclose(traced.value, mobility.value, rtol=1e-12)
    assert diffusion.stderr < 0.02 and abs(diffusion.z_score(mu * temperature)) < 5
    assert mobility.stderr < 0.01 and abs(mobility.z_score(mu)) < 5
    drifting = thermo.diffusion(noise[0] + 100.0, t)
    np.testing.assert_allclose(drifting.value, diffusion.value, rtol=1e-9)
    ratio = thermo.einstein_relation(diffusion, mobility, temperature)
    assert ratio.stderr < 0.02 and abs(ratio.z_score(1.0)) < 5
    assert abs(thermo.einstein_relation(diffusion, mobility, 1.1 * temperature).z_score(1.0)) > 5


def test_response_by_likelihood_ratio():
    """x = theta + noise: the score is the noise, d<x^2> = 2 theta, d<x^3> = 3 (theta^2 + 1)."""
    theta = 0.6
    noise = jax.random.normal(KEY, (100_000,))
    x = theta + noise
    found = thermo.linear_response_by_likelihood_ratio(jnp.stack([x**2, x**3]), noise)
    exact = np.asarray([2 * theta, 3 * (theta**2 + 1)])
    assert np.all(found.stderr < 0.05) and np.all(np.abs(found.z_score(exact)) < 5)
    each = np.cov(np.asarray(x**2), np.asarray(noise))[0, 1]
    np.testing.assert_allclose(found.value[0], each, rtol=1e-12)


def test_response_of_a_trap_to_a_force():
    """dx = (f - x) dt + noise from equilibrium: d<x(t)>/df = 1 - e^-t, from equilibrium paths."""
    dt, steps = 0.05, 20
    decay = math.exp(-dt)  # the exact step: mean decay x + (1 - decay) f, variance 1 - decay^2
    noise = np.random.default_rng(3).normal(size=(steps, 50_000))
    x, score = np.random.default_rng(4).normal(size=50_000), np.zeros((steps, 50_000))
    paths = np.empty_like(noise)
    weight = 0.0
    for t in range(steps):
        x = decay * x + math.sqrt(1 - decay**2) * noise[t]
        weight = weight + noise[t] * (1 - decay) / math.sqrt(1 - decay**2)
        paths[t], score[t] = x, weight
    found = thermo.linear_response_by_likelihood_ratio(paths, score)
    exact = 1 - np.exp(-dt * np.arange(1, steps + 1))
    assert np.all(found.stderr < 0.01) and np.all(np.abs(found.z_score(exact)) < 5)


def test_harada_sasa():
    """None in equilibrium; between two baths u^2 (T_y - T_x) / 2; gamma v^2 when dragged."""
    assert abs(gyrator_heat(0.5, 1.3, 1.3)) < 1e-8  # rounding, times the largest frequency, 1e6
    for u, hot, cold in ((0.5, 1.0, 2.0), (0.3, 3.0, 1.0)):
        assert gyrator_heat(u, hot, cold) == pytest.approx(u**2 * (cold - hot) / 2, rel=1e-5)
    frequency = np.linspace(0, 5, 11)
    response = 1 / (1 + frequency**2)
    spectrum = 2 * 0.7 * response + np.asarray([[0.1], [0.3]])
    found = thermo.harada_sasa(
        frequency, spectrum, response, temperature=0.7, friction=2.0, mean_velocity=1.5
    )
    assert found.value == pytest.approx(2.0 * (1.5**2 + 0.2 * 5 / math.pi))
    assert found.stderr == pytest.approx(2.0 * 0.1 * 5 / math.pi)


def test_harada_sasa_from_a_sampled_spectrum():
    """Fluctuations of a velocity with the correlation 1.5 e^-t, response that of T = 1."""
    dt = 0.1
    x = math.sqrt(1.5) * autoregression(KEY, math.exp(-dt), 200, 2001)
    frequency, spectrum = statistics.power_spectrum(x, dt)
    decay = math.exp(-dt)
    response = (
        dt * (1 - decay**2) / np.abs(1 - decay * np.exp(1j * np.asarray(frequency) * dt)) ** 2
    )
    found = thermo.harada_sasa(frequency, spectrum, response / 2, temperature=1.0, friction=1.0)
    assert found.stderr < 0.02 and abs(found.z_score(0.5)) < 5


def test_gradients():
    rng = np.random.default_rng(5)
    flux, other = rng.normal(size=(2, 4, 60))
    observable, score = rng.normal(size=(2, 30))
    frequency = jnp.arange(60.0)

    def each(theta):
        a, b = flux * jnp.exp(theta * other), jnp.sin(theta * flux) + other
        driven = thermo.onsager_from_driven(theta * np.eye(2), a[:, :4].reshape(4, 2, 2))
        ratio = thermo.einstein_relation(
            thermo.diffusion(a[0], theta), thermo.mobility(b[0], theta, theta**2), theta
        )
        heat = thermo.harada_sasa(
            frequency, a**2, b[0], temperature=theta, friction=theta, mean_velocity=theta
        )
        response = thermo.linear_response_by_likelihood_ratio(
            jnp.exp(theta * observable), score * theta
        )
        return {
            "green_kubo": thermo.green_kubo(a, theta, other=b, cutoff=None).coefficient.value,
            "onsager_matrix": thermo.onsager_matrix(jnp.stack([a, b], 1), theta).matrix.value[0, 1],
            "onsager_from_driven": driven.entropy_production(jnp.ones(2) * theta).value,
            "einstein": ratio.value,
            "harada_sasa": heat.value,
            "likelihood_ratio": response.value,
        }

    each = jax.jit(each)
    found = jax.jit(jax.jacfwd(each))(0.7)
    for name in found:
        difference = slope(lambda x, name=name: each(x)[name], 0.7)
        np.testing.assert_allclose(found[name], difference, rtol=1e-6, err_msg=name)


def test_single_precision_and_batches():
    flux = np.random.default_rng(6).normal(size=(5, 4, 2, 60)).astype(np.float32)
    found = jax.vmap(lambda f: thermo.onsager_matrix(f, 0.1).matrix)(flux)
    assert found.value.shape == (5, 2, 2) and found.value.dtype == np.float32
    single = thermo.onsager_matrix(flux[3].astype(np.float64), 0.1).matrix.value
    np.testing.assert_allclose(found.value[3], single, rtol=1e-3, atol=1e-5)


FLUX = np.random.default_rng(7).normal(size=(4, 20))


def sasa(frequency=None, spectrum=None, **changes):
    numbers = {"temperature": 1.0, "friction": 1.0} | changes
    frequency = np.arange(20.0) if frequency is None else frequency
    return thermo.harada_sasa(frequency, FLUX, FLUX[0] if spectrum is None else spectrum, **numbers)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: thermo.green_kubo(FLUX[0], 0.1), r"flux has shape \(20,\)"),
        (lambda: thermo.green_kubo(FLUX[:1], 0.1), "one replica has no error bar"),
        (lambda: thermo.green_kubo(FLUX, -0.1), "dt = -0.1 is not allowed"),
        (lambda: thermo.green_kubo(FLUX, 0.1, other=FLUX[:2]), r"other has shape \(2, 20\)"),
        (lambda: thermo.green_kubo(FLUX, 0.1, cutoff=1.5), r"cutoff = 1.5 is not in \[0.1, 0.9\]"),
        (lambda: thermo.green_kubo(FLUX * np.nan, 0.1), "80 of 80 values"),
        (lambda: thermo.onsager_matrix(FLUX, 0.1), r"Give an array of dimensions \(replicas, n"),
        (
            lambda: thermo.onsager_from_driven(np.ones((3, 2)), np.ones((2, 3, 2))),
            "span 1 of 2 directions",
        ),
        (
            lambda: thermo.onsager_from_driven(np.ones((3, 2)), np.ones((2, 2, 2))),
            r"forces has shape \(3, 2\)",
        ),
        (lambda: thermo.OnsagerMatrix(jnp.ones((3, 1, 1))).asymmetry, "one coefficient"),
        (
            lambda: thermo.OnsagerMatrix(jnp.ones((3, 2, 2))).entropy_production(jnp.ones(3)),
            "each of the 2 fluxes",
        ),
        (
            lambda: jax.jit(lambda dt: thermo.green_kubo(FLUX, dt, cutoff=0.5))(0.1),
            "cannot be traced",
        ),
        (lambda: thermo.diffusion(FLUX[0], 0.0), "duration = 0"),
        (lambda: thermo.mobility(FLUX[0], 1.0, 0.0), "force = 0"),
        (
            lambda: thermo.linear_response_by_likelihood_ratio(FLUX, FLUX[0, :5]),
            r"score has shape \(5,\)",
        ),
        (lambda: sasa(np.arange(20.0) + 1), "frequency must begin with 0"),
        (lambda: sasa(np.arange(19.0)), r"frequency has shape \(19,\)"),
        (lambda: sasa(spectrum=FLUX[:2]), r"response \(2, 20\)"),
        (lambda: sasa(friction=0.0), "friction = 0"),
    ],
)
def test_misuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()
