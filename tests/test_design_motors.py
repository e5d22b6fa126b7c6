"""Designed motors and clocks: against bounds that are reached, symmetries and the exact density."""

import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import config, jump, langevin, optimize, simulate, steady, thermodynamics

CONFIGS = Path(__file__).parents[1] / "configs" / "design"
COUNTED = jump.CountingStatistics(count="0-1", points=2)
RING = langevin.FokkerPlanck(cells=96, ends="periodic")


def run(name, *changes):
    return config.execute(config.load(CONFIGS / name, changes)).quantities


@pytest.mark.slow
def test_the_most_precise_clock_has_equal_steps():
    """Q = (A / N) coth(A / 2 N), Barato and Seifert, Phys. Rev. Lett. 114, 158101 (2015)."""
    found = run("cycle_precision.toml")
    assert float(found["objective"].values) == pytest.approx(8 / 5 / math.tanh(4 / 5), rel=1e-8)
    np.testing.assert_allclose(found["varied_rates"].values[1], np.ones(5), rtol=1e-3)
    np.testing.assert_allclose(found["varied_affinities"].values[1], np.full(5, 1.6), rtol=1e-3)


def test_no_cycle_is_more_precise():
    random = np.random.default_rng(0)
    logarithms, affinities = random.normal(size=(2, 200, 4))

    @jax.jit
    @jax.vmap
    def product(rates, affinities):
        return steady(jump.DrivenCycle(rates, affinities), COUNTED).uncertainty_product

    found = product(jnp.exp(jnp.asarray(2 * logarithms)), jnp.asarray(3 * affinities))
    total = 3 * affinities.sum(axis=1)
    bound = total / 4 / np.tanh(total / 8)
    assert np.all(found > bound * (1 - 1e-9)) and np.min(found / bound) < 1.2


def test_the_derivative_of_the_precision():
    def product(rate):
        rates = jnp.stack([rate, jnp.ones(()), 2 * jnp.ones(())])
        cycle = jump.DrivenCycle(rates, jnp.array([1.0, -0.5, 2.0]))
        return steady(cycle, COUNTED).uncertainty_product

    product, at = jax.jit(product), jnp.asarray(0.7)
    np.testing.assert_allclose(jax.jit(jax.grad(product))(at), slope(product, at), rtol=1e-6)


def test_a_cycle_has_two_states_or_more():
    with pytest.raises(ValueError, match="one state"):
        jump.DrivenCycle(jnp.ones(1), jnp.ones(1))


def test_fourier_series_are_the_potentials_that_they_should_be():
    x, none = jnp.array([0.7]), jnp.zeros(1)
    for same, cosines, sines in (
        (langevin.TiltedCosine(amplitude=1.3), [-1.3, 0.0, 0.0], [0.0, 0.0, 0.0]),
        (langevin.Sawtooth(amplitude=2.0, asymmetry=0.8), [0.0, 0.0, 0.0], [2.0, 0.4, 0.0]),
    ):
        series = langevin.FourierSeries(cosines=jnp.array(cosines), sines=jnp.array(sines))
        np.testing.assert_allclose(series(x, none[:0]), same(x, none[: same.controls]), rtol=1e-12)
        slopes = [each.gradient(x, none[: each.controls]) for each in (series, same)]
        np.testing.assert_allclose(*slopes, rtol=1e-12)
    cosines, sines = jnp.array([0.3, -0.2, 0.5]), jnp.array([1.0, 0.4, -0.7])
    series = langevin.FourierSeries(cosines=cosines, sines=sines)
    by_jax = jax.grad(lambda x: series(x, none[:0]))(x)
    np.testing.assert_allclose(series.gradient(x, none[:0]), by_jax, rtol=1e-12)


def hot_and_cold(numbers):
    """A ring that is hot at 0, with two harmonics of a potential."""
    return langevin.Overdamped(
        potential=langevin.FourierSeries(cosines=numbers[:2], sines=numbers[2:]),
        temperature_profile=langevin.CosineProfile(amplitude=0.5),
    )


@jax.jit
def state(numbers):
    return steady(hot_and_cold(numbers), RING)


def test_the_flow_turns_around():
    """U -> -U - T exchanges the two integrals of the current; so does a mirror."""
    numbers = jnp.array([0.3, -0.4, 0.8, 0.2])
    velocity = state(numbers).velocity
    turned = -numbers - jnp.array([0.5, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(state(turned).velocity, -velocity, rtol=1e-9)
    mirrored = numbers * jnp.array([1.0, 1.0, -1.0, -1.0])
    np.testing.assert_allclose(state(mirrored).velocity, -velocity, rtol=1e-9)


@pytest.fixture(scope="module")
def fastest():
    return optimize(
        lambda numbers: state(numbers).velocity,
        jnp.array([0.0, 0.0, 0.4, 0.0]),
        maximize=True,
        check=True,
    )


def test_the_fastest_ratchet_is_its_own_image(fastest):
    """U(x) + U(-x) = -T(x), up to a constant."""
    cosines, sines = np.split(np.asarray(fastest.design), 2)
    np.testing.assert_allclose(cosines, [-0.25, 0.0], atol=1e-5)
    np.testing.assert_allclose(sines, [1.0626, 0.1569], atol=1e-3)
    found = state(fastest.design)
    product = 2 * found.diffusion * found.entropy_production / found.velocity**2
    assert 2 < product < 2.4  # the uncertainty relation


@jax.jit
def sampled(numbers, key):
    method = langevin.EulerMaruyama(dt=0.02, replicas=2048)
    return simulate(hot_and_cold(numbers), method, key=key, time=10.0, burn_in=6.0)


def test_sampled_derivatives_are_those_of_the_density():
    numbers = jnp.array([-0.1, 0.1, 0.6, 0.1])
    derive = jax.jit(jax.jacfwd(lambda x, key: sampled(x, key).velocity.value))
    found = np.stack([derive(numbers, key) for key in jax.random.split(jax.random.key(0), 8)])
    exact = jax.grad(lambda x: state(x).velocity)(numbers)
    error = found.std(axis=0, ddof=1) / np.sqrt(8)
    assert np.all(error < 0.015) and np.all(np.abs(found.mean(axis=0) - exact) < 5 * error)


def test_the_uncertainty_relation_of_sampled_paths(fastest):
    found = sampled(fastest.design, jax.random.key(1))
    moved = found.position - found.start
    product = thermodynamics.uncertainty_relation(moved, found.path_entropy).product
    assert product.value > 2 - 5 * product.stderr and product.stderr < 0.5
    assert abs(found.velocity.z_score(state(fastest.design).velocity)) < 5


@pytest.mark.slow
def test_the_fastest_ratchet_from_samples(fastest):
    found = run("ratchet_sampled.toml")
    numbers = [found[f"varied_{name}"].values[1] for name in ("cosines", "sines")]
    velocity = state(jnp.asarray(np.concatenate(numbers))).velocity
    assert 0.98 < float(velocity / fastest.objective) <= 1
