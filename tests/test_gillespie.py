"""Sampled jumps against exact distributions, and paths that depend on nothing but the seed."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import simulate, steady
from jaxneq._core import run
from jaxneq._kernels import noise
from jaxneq._kernels.jump import advance
from jaxneq.jump import (
    ChemicalMasterEquation,
    Gillespie,
    MarkovNetwork,
    ReactionNetwork,
    TauLeaping,
)
from jaxneq.jump._jump_ensemble import _adding_up_to

KEY = jax.random.key(0)
RING = ReactionNetwork(
    reactions=("S + E <-> ES : 0.5, 0.2", "ES <-> E + P : 0.1, 0.03", "P <-> S : 0.1, 0.02"),
    initial={"E": 2, "S": 3},
)


BIRTH = ReactionNetwork(reactions=("0 <-> X : 4.0, 1.0",), initial={"X": 3})


@pytest.fixture(scope="module")
def sampled():
    method = Gillespie(replicas=4000, instants=16, largest=3)
    return simulate(RING, method, key=KEY, time=100.0, burn_in=50.0)


@pytest.fixture(scope="module")
def exact():
    return steady(RING, ChemicalMasterEquation(largest=3))


def close(estimate, value, largest):
    """Within five standard errors, and these small enough to matter."""
    error = np.asarray(estimate.stderr)
    off = np.abs(np.asarray(estimate.value) - np.asarray(value))
    assert np.all(off <= 5 * error + 1e-12) and np.all(error < largest), (off, error)


@pytest.mark.parametrize(
    "name, largest",
    [
        ("mean", 0.01),
        ("variance", 0.005),
        ("fano_factor", 0.01),
        ("rate", 0.001),
        ("marginal", 0.004),
    ],
)
def test_averages_are_those_of_the_master_equation(sampled, exact, name, largest):
    close(getattr(sampled, name), getattr(exact, name), largest)


def test_entropy_production_by_states_and_along_paths(sampled, exact):
    close(sampled.entropy_production, exact.entropy_production, 0.006)
    product = jnp.sum(sampled.fluxes["reaction"] * sampled.forces["reaction"])
    np.testing.assert_allclose(product, sampled.entropy_production.value, rtol=1e-12)
    assert sampled.conservation_residual == 0 and not sampled.remark()


def test_shares_add_up_to_the_whole():
    """What all vary by is taken off each, and the means stay."""
    means, weights = np.array([2.0, -1.0, 0.5]), np.array([1.0, 3.0, 0.0])
    noise = np.random.default_rng(0).normal(size=200)
    parts = jnp.asarray(means[:, None] + weights[:, None] * (noise - noise.mean()))
    found = _adding_up_to(jnp.full(200, 1.5), parts)
    np.testing.assert_allclose(found, np.broadcast_to(means[:, None], (3, 200)), atol=1e-13)
    even = _adding_up_to(jnp.full(200, 3.0), jnp.ones((3, 200)) * means[:, None])
    np.testing.assert_allclose(even.sum(axis=0), 3.0, rtol=1e-14)


def test_a_markov_network_is_one_walker():
    rates = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 3.0], [4.0, 0.5, 0.0]])
    network = MarkovNetwork(rates)
    found = simulate(network, Gillespie(replicas=4000), key=KEY, time=44.0, burn_in=4.0)
    known = steady(network)
    close(found.mean, known.probability, 0.01)
    close(found.rate, known.edge_current, 0.003)
    close(found.entropy_production, known.entropy_production, 0.02)
    # the variance per time has a correction of the relative order of relaxation over duration
    spread = found.rate_variance
    assert np.all(np.abs(spread.value / known.edge_current_variance - 1) < 0.1)


def test_a_path_depends_on_its_seed_alone():
    method = Gillespie(replicas=96, instants=6)
    arguments = {"key": KEY, "time": 9.0, "burn_in": 3.0}
    whole = simulate(BIRTH, method, **arguments)
    in_parts = dataclasses.replace(method, block=32)
    parts = run(BIRTH, in_parts, **arguments, chunk_duration=1e-9)
    other_instants = simulate(BIRTH, dataclasses.replace(method, instants=3), **arguments)
    for found in (parts, other_instants):
        assert np.array_equal(found.counts, whole.counts)
        assert np.array_equal(found.activity.value, whole.activity.value)
    assert np.array_equal(parts.mean_in_time.value, whole.mean_in_time.value)


def test_an_absorbing_state_ends_a_path():
    decay = ReactionNetwork(reactions=("2 A -> 0 : 0.3",), initial={"A": 9})
    found = simulate(decay, Gillespie(replicas=64), key=KEY, time=1e4)
    assert np.all(found.counts == 1)
    assert found.entropy_production.value == np.inf
    assert "no reverse of reaction 2 A -> 0" in str(found)
    np.testing.assert_allclose(found.rate.value, 4 / 1e4)


@pytest.mark.parametrize("method", [Gillespie, TauLeaping])
def test_a_formula_takes_no_molecules_that_are_not_there(method):
    eaten = ReactionNetwork(
        reactions=("2 X -> 0 : v / (1 + c)",), constants={"v": 2.0, "c": 0.0}, initial={"X": 5}
    )
    found = simulate(eaten, method(replicas=16, instants=2), key=KEY, time=40.0)
    assert np.all(found.counts == 1)  # one is too few for a pair


@pytest.mark.parametrize("method", [Gillespie, TauLeaping])
@pytest.mark.parametrize("law", ["k * (4.5 - X)", "k / (3 - X)"])  # negative, infinite
def test_a_rate_that_is_none_fails(method, law):
    growth = ReactionNetwork(reactions=(f"0 -> X : {law}",), constants={"k": 2.0})
    with pytest.raises(RuntimeError, match="not_finite"):
        simulate(growth, method(replicas=16, instants=2), key=KEY, time=20.0)
    with pytest.raises(RuntimeError, match="not_finite"):
        steady(growth, ChemicalMasterEquation(largest=8))


def test_events_are_counted_no_further_than_their_number_holds():
    fired = jnp.array([[2**31 - 1100], [1000]], jnp.int32)
    key = noise.stream_key(KEY, 0)
    replica, zero = jnp.zeros(1, jnp.uint32), jnp.zeros(1)

    def rates(rows):
        return 2 * [jnp.full(rows[0].shape, 50.0)]

    after, _, arrived = advance(rates, fired, zero, key, replica, jnp.asarray(1e3), 10**6)
    assert not arrived and np.all(after >= fired) and after.sum(dtype=np.int64) < 2**31
    # nor a second time
    again, _, arrived = advance(rates, after, zero, key, replica, jnp.asarray(1e3), 10**6)
    assert not arrived and np.array_equal(again, after)
    flood = ReactionNetwork(reactions=("0 <-> X : 1e9, 1.0",), initial={"X": 10**9})
    with pytest.raises(RuntimeError, match="max_iterations"):
        simulate(flood, TauLeaping(replicas=2, instants=2), key=KEY, time=5.0)


def test_an_edge_without_a_way_back():
    rates = np.array([[0.0, 2.0, 1.0], [0.0, 0.0, 3.0], [4.0, 0.5, 0.0]])
    network = MarkovNetwork(rates)
    found = simulate(network, Gillespie(replicas=64, instants=8), key=KEY, time=20.0)
    assert found.entropy_production.value == np.inf and found.entropy_production.stderr == 0
    assert found.affinity.tolist().count(np.inf) == 1 and "no reverse of reaction 0-1" in str(found)


def test_it_runs_in_float32_under_vmap():
    with jax.enable_x64(False):

        def mean(birth):
            network = ReactionNetwork(reactions=("0 <-> X : b, 1.0",), constants={"b": birth})
            method = Gillespie(replicas=512, instants=4)
            return simulate(network, method, key=KEY, time=12.0, burn_in=6.0).mean

        found = jax.vmap(mean)(jnp.asarray([2.0, 8.0], jnp.float32))
    assert found.value.dtype == np.float32
    close(found, [[2.0], [8.0]], 0.15)


def test_misuse_is_named():
    with pytest.raises(ValueError, match="no whole number"):
        simulate(dataclasses.replace(RING, initial={"E": 0.5}), Gillespie(), key=KEY, time=1.0)
    with pytest.raises(ValueError, match="leaves nothing to count"):
        simulate(RING, Gillespie(), key=KEY, time=1.0, burn_in=1.0)
    with pytest.raises(ValueError, match="time is missing"):
        simulate(RING, Gillespie(), key=KEY)
    with pytest.raises(ValueError, match="initial has shape"):
        simulate(RING, Gillespie(), key=KEY, time=1.0, initial=[1.0, 2.0])
    for start in ([3.5], jnp.array([-3]), [jnp.nan]):
        with pytest.raises(ValueError, match=r"initial = (3\.5|-3|nan) is no whole number"):
            simulate(BIRTH, Gillespie(), key=KEY, time=1.0, initial=start)
    few = Gillespie(replicas=2, max_iterations=10)
    explosive = ReactionNetwork(reactions=("X -> 2 X : 1.0",), initial={"X": 1000})
    with pytest.raises(RuntimeError, match="max_iterations"):
        simulate(explosive, few, key=KEY, time=10.0)
