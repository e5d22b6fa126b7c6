"""Tau-leaping and the chemical Langevin equation: within what they claim of what is known."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import evolve, simulate
from jaxneq._core import run
from jaxneq.jump import ChemicalLangevin, MarkovNetwork, ReactionNetwork, TauLeaping

KEY = jax.random.key(3)
PAIRS = ReactionNetwork(reactions=("2 A <-> B : 1e-4, 0.5",), initial={"A": 20000})


@pytest.mark.parametrize("error", [0.05, 0.01])
def test_leaps_have_the_error_that_they_are_allowed(error):
    method = TauLeaping(replicas=64, instants=2, error=error)
    found = simulate(PAIRS, method, key=KEY, time=1.0)
    # with so many molecules the mean is that of the rate equations to 1e-4
    expected = evolve(PAIRS, times=found.time).mean
    off = np.abs(found.mean_in_time.value / expected - 1)
    assert np.all(off < error) and np.all(found.mean_in_time.stderr < 0.002 * expected)
    assert found.conservation_residual == 0


def test_where_molecules_are_few_events_are_single_and_exact():
    birth = ReactionNetwork(reactions=("0 <-> X : 4.0, 1.0",), initial={"X": 4})
    found = simulate(birth, TauLeaping(replicas=1000, instants=8), key=KEY, time=24.0, burn_in=8.0)
    for estimate in (found.mean, found.variance):
        assert abs(estimate.z_score(4.0)[0]) < 5 and estimate.stderr[0] < 0.1


def test_no_number_falls_below_zero():
    decay = ReactionNetwork(reactions=("2 A -> 0 : 1.0",), initial={"A": 1001})
    found = simulate(decay, TauLeaping(replicas=64, instants=4, error=0.9), key=KEY, time=100.0)
    assert np.all(found.counts == 1)


@pytest.mark.parametrize(
    "method", [TauLeaping(replicas=64, instants=4), ChemicalLangevin(replicas=64, instants=4)]
)
def test_a_path_depends_on_its_seed_alone(method):
    arguments = {"key": KEY, "time": 0.6, "burn_in": 0.2}
    whole = simulate(PAIRS, method, **arguments)
    in_parts = dataclasses.replace(method, block=16)
    parts = run(PAIRS, in_parts, **arguments, chunk_duration=1e-9)
    assert np.array_equal(parts.counts, whole.counts)
    assert np.array_equal(parts.rate.value, whole.rate.value)


def test_gaussian_fluctuations_of_many_molecules():
    """Of pairs in equilibrium: the linear noise approximation, exact to 1/n, for these steps."""
    method = ChemicalLangevin(replicas=512, instants=16, steps=50)
    found = simulate(PAIRS, method, key=KEY, time=11.0, burn_in=3.0)
    a = float(evolve(PAIRS, times=[50.0]).mean[0, 0])
    ahead, slope = 1e-4 * a**2, 4e-4 * a + 0.5  # d(a_+ - a_-)/d xi, with a' = -2, b' = 1
    estimate = jax.tree.map(lambda each: each[1], found.variance)
    expected = ahead / slope / (1 - slope * (0.5 / 50) / 2)
    assert abs(estimate.z_score(expected)) < 5 and estimate.stderr < 0.03 * estimate.value
    assert found.conservation_residual < 1e-9 * 20000


def test_walkers_do_not_leap():
    network = MarkovNetwork(np.array([[0.0, 1.0], [1.0, 0.0]]))
    with pytest.raises(ValueError, match="treats ReactionNetwork"):
        simulate(network, TauLeaping(), key=KEY, time=1.0)


def test_the_diffusion_has_derivatives_where_nothing_is_there_yet():
    method = ChemicalLangevin(replicas=64, instants=2, steps=20)

    def mean(k):
        network = ReactionNetwork(reactions=("0 -> X : k", "X -> 0 : 1.0"), constants={"k": k})
        return simulate(network, method, key=KEY, time=1.0).mean_in_time.value[0, -1]

    k, eps = jnp.asarray(200.0), 1e-4
    slope, differences = jax.grad(mean)(k), (mean(k + eps) - mean(k - eps)) / (2 * eps)
    np.testing.assert_allclose(slope, differences, rtol=1e-6)
