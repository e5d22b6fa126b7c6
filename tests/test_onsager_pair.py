"""Drift in a temperature gradient and heat carried when dragged: exactly, and by samples."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope
from scipy.special import i0

from jaxneq import config, langevin, report, simulate, steady
from jaxneq.langevin import (
    CosineProfile,
    EulerMaruyama,
    FokkerPlanck,
    OnsagerPair,
    Overdamped,
    TiltedCosine,
    cross_coefficient,
)

EXACT = FokkerPlanck(cells=48, ends="periodic")
KEY = jax.random.key(0)


def ring(force=0.1, contrast=0.1, phase=1.2, amplitude=1.5, temperature=0.8, friction=2.0):
    return Overdamped(
        potential=TiltedCosine(amplitude=amplitude, force=force),
        temperature=temperature,
        friction=friction,
        temperature_profile=CosineProfile(amplitude=contrast, phase=phase),
    )


@jax.jit
def rates(force, contrast, phase, amplitude, temperature, friction):
    """Velocity, heat taken where it is hot, and entropy production, by Fokker and Planck."""
    found = steady(ring(force, contrast, phase, amplitude, temperature, friction), EXACT)
    x = found.position
    pull = (amplitude * jnp.sin(x) - force) * jnp.cos(x - phase)
    taken = jnp.mean(found.current) * 2 * jnp.pi * jnp.mean(pull)
    return jnp.stack([found.velocity, taken, found.entropy_production])


OTHERS = 1.2, 1.5, 0.8, 2.0


def test_both_ways_are_one_in_linear_response():
    """T_0 dv/d epsilon, T_0 dq/df and D <U' g>, to 1e-8."""
    by_force, by_contrast = jax.jit(jax.jacfwd(rates, argnums=(0, 1)))(0.0, 0.0, *OTHERS)
    exact = cross_coefficient(ring())
    assert abs(exact) > 0.05
    np.testing.assert_allclose(0.8 * by_contrast[0], exact, rtol=1e-8)
    np.testing.assert_allclose(0.8 * by_force[1], exact, rtol=1e-8)
    # drift and heat are proportional to each other: L_xx L_qq = L_xq L_qx
    np.testing.assert_allclose(by_force[0] * by_contrast[1], (exact / 0.8) ** 2, rtol=1e-8)


def test_the_two_forces_are_conjugate():
    """sigma = v f/T_0 + q epsilon/T_0 to second order: the rest is of third."""
    for size in (0.02, 0.01):
        velocity, taken, produced = rates(size, 2 * size, *OTHERS)
        expected = (velocity * size + taken * 2 * size) / 0.8
        assert produced > 0
        assert abs(produced / expected - 1) < 2 * size


def test_gradients_of_the_coefficient():
    at = [1.2, 1.5, 0.8, 2.0]

    def value(*x):
        return cross_coefficient(ring(0.1, 0.1, *x))

    slopes = jax.grad(value, argnums=(0, 1, 2, 3))(*at)
    for number, place in enumerate(at):

        def along(x, number=number):
            return value(*[x if i == number else v for i, v in enumerate(at)])

        np.testing.assert_allclose(slopes[number], slope(along, place), rtol=1e-6)


@pytest.fixture(scope="session")
def job():
    path = Path(__file__).parents[1] / "configs" / "onsager_pair.toml"
    values = "sweep={ 'system.temperature_profile.phase' = { values = [1.5707963267948966] } }"
    return config.execute(config.load(path, [values, "simulate.time=35.0"]))


def test_the_job_finds_both_coefficients_and_that_they_are_one(job):
    """Each as at its finite amplitude, by Fokker and Planck; their difference to 7 %."""
    named = ("drift_coefficient", "heat_coefficient", "asymmetry")
    found, error = (
        np.array([job.quantities[name + ending].values for name in named])
        for ending in ("", "_stderr")
    )
    there = np.pi / 2, 1.0, 1.0, 1.0
    drift = (rates(0.0, 0.2, *there) - rates(0.0, -0.2, *there))[0] / 0.4
    taken = (rates(0.15, 0.0, *there) - rates(-0.15, 0.0, *there))[1] / 0.3
    expected = np.array([drift, taken, drift - taken])
    assert np.all(np.abs(found[:, 0] - expected) < 5 * error[:, 0]), (found, expected, error)
    exact = job.quantities["exact_coefficient"].values
    np.testing.assert_allclose(exact, [0.5 / i0(1.0) ** 2], rtol=1e-12)
    assert np.all(error[:2] < 0.05 * exact) and np.all(error[2] < 0.07 * exact)
    z = job.quantities["asymmetry_z"].values
    np.testing.assert_allclose(z, found[2] / error[2], rtol=1e-9)


def test_the_figure_shows_both_and_the_exact_line(job):
    (ax,) = report.figure(job).axes
    assert ax.get_xlabel() == "Phase" and ax.get_ylabel() == "Drift coefficient"
    assert len(ax.lines) == 3


def few():
    return OnsagerPair(integrator=EulerMaruyama(dt=0.02, replicas=8))


@pytest.mark.slow
def test_sampled_gradients_against_differences():
    @jax.jit
    def computed(x):
        found = simulate(ring(*x), few(), key=KEY, time=0.4, burn_in=0.2)
        kept = found.entropy_production.value
        return found.drift_coefficient.value + found.heat_coefficient.value + kept

    at, step = jnp.asarray([0.1, 0.2, 1.2, 1.5, 0.8, 2.0]), 1e-5 * jnp.eye(6)
    differences = [(computed(at + one) - computed(at - one)) / 2e-5 for one in step]
    np.testing.assert_allclose(jax.jacfwd(computed)(at), differences, rtol=1e-6, atol=1e-7)


def test_fluxes_times_forces_is_the_entropy_production():
    found = simulate(ring(), few(), key=KEY, time=0.4)
    total = sum(jnp.sum(found.fluxes[name] * found.forces[name]) for name in found.fluxes)
    np.testing.assert_allclose(total, found.entropy_production.value, rtol=1e-12)
    assert found.stats["steps"] == 80


def test_what_cannot_be_measured_is_refused():
    profile = CosineProfile(amplitude=0.1)
    wrong = {
        "the force is 0": ring(force=0.0),
        "amplitude of the temperature profile is 0": ring(contrast=0.0),
        "temperature_profile is missing": Overdamped(potential=TiltedCosine(force=0.1)),
        "the potential is Harmonic": Overdamped(
            potential=langevin.Harmonic(), temperature_profile=profile
        ),
        "has the period 3": Overdamped(
            potential=TiltedCosine(force=0.1),
            temperature_profile=CosineProfile(amplitude=0.1, period=3.0),
        ),
        "has a friction_profile": Overdamped(
            potential=TiltedCosine(force=0.1),
            temperature_profile=profile,
            friction_profile=profile,
        ),
    }
    for words, system in wrong.items():
        with pytest.raises(ValueError, match=words):
            simulate(system, few(), key=KEY, time=0.4)


def test_in_float32_everything_is_float32():
    with jax.enable_x64(False):
        found = simulate(ring(), few(), key=KEY, time=0.4)
    kinds = {leaf.dtype for leaf in jax.tree.leaves(found)}
    assert kinds == {jnp.dtype("float32"), jnp.dtype("int32")}
    assert np.isfinite(found.drift_coefficient.value)
