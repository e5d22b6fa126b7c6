"""The step start: exact laws at finite time, their limit, and a sampled step."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from differences import slope

from jaxneq import config, evolve, simulate
from jaxneq._core import SolveError
from jaxneq.exclusion import (
    Gillespie,
    LastPassage,
    OpenASEP,
    StepASEP,
    last_passage,
    passage_time,
    tracy_widom,
)
from jaxneq.exclusion._tracy_widom import TRACY_WIDOM, airy

KEY = jax.random.key(0)
CONFIGS = Path(__file__).parents[1] / "configs"

# Mean and variance of the flux: pivots of the Hankel matrix of incomplete gamma functions, computed
# with 500 digits.
EXACT = {
    100.0: (27.831336420149125471605, 2.92019496259782828164),
    200.0: (53.665773461004797906100, 4.54212314828026601049),
    400.0: (104.72306366979707246738, 7.11569212057937972758),
}


@pytest.fixture(scope="module")
def found():
    return evolve(StepASEP(), times=[0.0, 10.0, 20.0, *EXACT])


def test_the_flux_is_exact_at_finite_time(found):
    mean, variance = np.transpose(list(EXACT.values()))
    np.testing.assert_allclose(found.mean_flux[3:], mean, rtol=1e-11)
    np.testing.assert_allclose(found.flux_variance[3:], variance, rtol=1e-9)
    # Fredholm determinants of the Laguerre kernel
    np.testing.assert_allclose(found.mean_flux[1:3], [3.647700193217188, 6.518867837101074], 1e-11)
    variance = [0.7472475599143866, 1.0996699593409929]
    np.testing.assert_allclose(found.flux_variance[1:3], variance, rtol=1e-10)
    scaled = [1.0222202829331641, 0.9476668431960745]
    np.testing.assert_allclose(found.scaled_variance[1:3], scaled, rtol=1e-10)


def test_the_moments_are_those_of_the_probabilities(found):
    count, chance = np.asarray(found.count), np.asarray(found.probability)
    np.testing.assert_allclose(chance.sum(axis=1), 1, atol=1e-10)
    mean = chance @ count
    np.testing.assert_allclose(found.mean_flux, mean, rtol=1e-9, atol=1e-12)
    away = count[None] - mean[:, None]
    moment = {k: np.sum(chance * away**k, axis=1)[1:] for k in (2, 3, 4)}
    np.testing.assert_allclose(found.skewness[1:], -moment[3] / moment[2] ** 1.5, atol=1e-7)
    np.testing.assert_allclose(found.kurtosis[1:], moment[4] / moment[2] ** 2 - 3, atol=1e-6)
    assert mean[0] == 0 and found.current[0] == 1  # nothing passed; the first hop has the rate 1
    # one particle at most is due at the first instants: it waits for the time t
    early = evolve(StepASEP(rate=2.0), LastPassage(particles=8), times=[1e-3]).probability[0, 0]
    np.testing.assert_allclose(early, np.exp(-2e-3), rtol=1e-12)


def test_rates_of_change_are_derivatives():
    method, time = LastPassage(particles=16), 5.0

    @jax.jit
    def at(time, rate):
        found = evolve(StepASEP(rate=rate), method, times=jnp.stack([time]))
        return found.mean_flux[0], found.flux_variance[0], found

    def variance(rate):
        return at(jnp.asarray(time), rate)[1]

    one = jnp.ones(())
    found = at(jnp.asarray(time), one)[2]
    np.testing.assert_allclose(found.current[0], slope(lambda t: at(t, one)[0], time), rtol=1e-7)
    growth = time * slope(lambda t: at(t, one)[1], time) / (2 * found.flux_variance[0])
    np.testing.assert_allclose(found.growth_exponent[0], growth, rtol=1e-7)
    rate, gradient = jnp.asarray(0.9), jax.jit(jax.grad(variance))
    np.testing.assert_allclose(gradient(rate), slope(variance, rate), rtol=1e-6)
    curvature = jax.jit(lambda r: jax.jvp(gradient, (r,), (jnp.ones(()),))[1])(rate)
    np.testing.assert_allclose(curvature, slope(gradient, rate), rtol=1e-6)


def test_too_few_particles_are_told():
    with pytest.raises(SolveError, match="not_accurate"):
        evolve(StepASEP(), LastPassage(particles=20), times=[80.0])
    with pytest.raises(ValueError, match="the step is the initial state"):
        evolve(StepASEP(), times=[1.0], initial=1.0)


@pytest.mark.parametrize(
    ("particle", "mean", "variance"),
    [
        (1, 1.0, 1.0),  # an exponential
        (2, 3.5, 3.25),  # max of two and two exponentials around, by hand
        (8, 23.734940423406385, 15.04985042764963),  # Laguerre kernel
        (32, 114.23472698188414, 46.227318253088015),
    ],
)
def test_passage_times(particle, mean, variance):
    found = passage_time(particle)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-11)
    np.testing.assert_allclose(found.variance, variance, rtol=1e-9)


def test_passage_in_closed_form():
    t = 1.7  # P(G(1,1) < t) = 1 - e^-t, and by two Laguerre functions 1 - (2 + t^2) e^-t + e^-2t
    decay = np.exp(-t)
    exact = [1 - decay, 1 - (2 + t**2) * decay + decay**2]
    np.testing.assert_allclose(last_passage(4, jnp.asarray(t))[:2], exact, rtol=1e-12)


def test_airy_function():
    x = np.linspace(-11, 40, 60)
    exact = scipy.special.airy(x)[0]
    np.testing.assert_allclose(airy(jnp.asarray(x)), exact, rtol=1e-12, atol=1e-14)


def test_the_law_of_tracy_and_widom():
    np.testing.assert_allclose(tracy_widom(jnp.asarray(-2.0)), 0.41322414250512257, rtol=1e-13)
    node, weight = np.polynomial.legendre.leggauss(50)
    s, weight = jnp.asarray(8.5 * node - 0.5), 8.5 * weight
    slope_at = lambda s: jax.jvp(tracy_widom, (s,), (jnp.ones(()),))[1]  # noqa: E731
    density = jax.lax.map(slope_at, s) * weight
    s, density = np.asarray(s), np.asarray(density)
    mean = density @ s
    central = [density @ (s - mean) ** k for k in range(2, 5)]
    variance = central[0]
    found = mean, variance, central[1] / variance**1.5, central[2] / variance**2 - 3
    np.testing.assert_allclose(found, TRACY_WIDOM, atol=1e-8)


def test_a_sampled_step_has_the_same_flux():
    """On so many sites that no particle meets an end in this time."""
    half, replicas, time = 36, 4000, 10.0
    line = OpenASEP(length=2 * half, alpha=1.0, beta=1.0)
    start = np.arange(2 * half) < half
    found = simulate(line, Gillespie(replicas=replicas), key=KEY, time=time, initial=start)
    flux, error = found.gate_current.value[half] * time, found.gate_current.stderr[half] * time
    assert abs(flux - 3.647700193217188) < 5 * error and error < 0.02
    variance = float(error) ** 2 * replicas
    assert abs(variance / 0.7472475599143866 - 1) < 5 * np.sqrt(2 / replicas)


def test_the_job_draws_the_exact_curves_beside_their_limits():
    job = config.load(
        CONFIGS / "step.toml",
        ["method.particles=32", "evolve.times.geometric=[5.0, 20.0]", "evolve.times.count=3"],
    )
    result = config.execute(job)
    got = {name: each.values for name, each in result.quantities.items()}
    np.testing.assert_allclose(
        got["scaled_variance"][[1, 2]], [1.0222202829331641, 0.9476668431960745], rtol=1e-10
    )
    # the limits are approached from their own sides
    assert (
        np.all(np.diff(got["scaled_variance"]) < 0)
        and got["scaled_variance"][-1] > got["variance_limit"]
    )
    assert (
        np.all(np.diff(got["growth_exponent"]) > 0)
        and got["growth_exponent"][-1] < got["growth_limit"]
    )
    assert np.all(np.isinf(got["entropy_production"]))
