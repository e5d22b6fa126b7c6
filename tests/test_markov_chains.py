"""Chains in general: stationary states, responses, passages, transitions and counting."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from jaxneq import thermodynamics
from jaxneq.thermodynamics import Edges

RNG = np.random.default_rng(5)


def drawn(size, decades):
    """Rates between all states, over so many decades up and down."""
    rates = 10.0 ** RNG.uniform(-decades, decades, (size, size))
    return rates * (1 - np.eye(size))


def edges_of(rates):
    tail, head = np.triu_indices(len(rates), 1)
    forward, backward = jnp.asarray(rates[tail, head]), jnp.asarray(rates[head, tail])
    return Edges(forward, backward, tuple(tail.tolist()), tuple(head.tolist()), len(rates))


WILD = drawn(6, 4) * 10.0 ** np.linspace(-8, 8, 6)[:, None]
TAME = drawn(4, 0.5)


def stationary_fractions(rates):
    """By Gauss elimination in fractions: exact."""
    size = len(rates)
    rows: list[list[Fraction]] = [
        [Fraction(float(rates[i, j])) for i in range(size)] for j in range(size)
    ]
    for j in range(size):
        rows[j][j] = -sum(
            (Fraction(float(rates[j, k])) for k in range(size) if k != j), Fraction(0)
        )
    rows[-1] = [Fraction(1)] * size
    right = [Fraction(0)] * (size - 1) + [Fraction(1)]
    for k in range(size):
        pivot = next(row for row in range(k, size) if rows[row][k])
        rows[k], rows[pivot], right[k], right[pivot] = rows[pivot], rows[k], right[pivot], right[k]
        for row in range(size):
            if row != k and rows[row][k]:
                factor = rows[row][k] / rows[k][k]
                rows[row] = [a - factor * b for a, b in zip(rows[row], rows[k], strict=True)]
                right[row] -= factor * right[k]
    return np.array([float(right[k] / rows[k][k]) for k in range(size)])


def test_every_probability_keeps_its_digits_over_24_decades():
    found = thermodynamics.stationary_distribution(jnp.asarray(WILD))
    exact = stationary_fractions(WILD)
    assert exact.min() < 1e-12  # else plain elimination would do
    np.testing.assert_allclose(found, exact, rtol=1e-14)


def test_single_precision_is_enough_for_wild_rates():
    found = thermodynamics.stationary_distribution(jnp.asarray(WILD, jnp.float32))
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, stationary_fractions(WILD.astype(np.float32)), rtol=3e-6)


def test_response_to_every_rate_in_one_solve():
    values = jnp.asarray([1.0, -2.0, 0.5, 3.0])
    rates = jnp.asarray(TAME)

    def average(w):
        return thermodynamics.stationary_distribution(w) @ values

    slopes = np.asarray(jax.jit(jax.grad(average))(rates))
    p = thermodynamics.stationary_distribution(rates)
    response = np.asarray(thermodynamics.stationary_response(rates, p, values))
    off = ~np.eye(4, dtype=bool)
    np.testing.assert_allclose(response[off], slopes[off], rtol=1e-12)
    for i, j in ((0, 1), (3, 2)):
        step = np.zeros((4, 4))
        step[i, j] = 1e-6
        central = (average(rates + step) - average(rates - step)) / 2e-6
        np.testing.assert_allclose(slopes[i, j], central, rtol=1e-6)


@pytest.mark.parametrize("time", [1e-3, 0.7, 30.0])
def test_transitions_are_the_exponential(time):
    generator = TAME - np.diag(TAME.sum(axis=1))
    found = thermodynamics.transition_probabilities(jnp.asarray(TAME), jnp.asarray(time))
    np.testing.assert_allclose(found, scipy.linalg.expm(generator * time), rtol=1e-12, atol=1e-15)


def test_transitions_stay_accurate_where_rates_differ_by_fifteen_decades():
    """Two states in fast exchange, a third far away: p_2 = (b + a exp(-r t))/r as the first two
    are one, with a = 2e-3 back and b = 1e-3 / 2 ahead, up to 1e-15."""
    rates = np.array([[0, 1e12, 1e-3], [1e12, 0, 0], [2e-3, 0, 0]])
    found = thermodynamics.transition_probabilities(jnp.asarray(rates), jnp.asarray(500.0))
    total = 2.5e-3
    stays = (0.5e-3 + 2e-3 * np.exp(-total * 500)) / total
    np.testing.assert_allclose(found[2], [(1 - stays) / 2, (1 - stays) / 2, stays], rtol=1e-12)
    early = thermodynamics.transition_probabilities(jnp.asarray(rates), jnp.asarray(1e-3))
    np.testing.assert_allclose(early[0, 2], 0.5e-3 * 1e-3, rtol=1e-5)


def test_transitions_differentiate_in_reverse():
    rates, time = jnp.asarray(TAME), jnp.asarray(0.4)

    @jax.jit
    def chance(w, t):
        return thermodynamics.transition_probabilities(w, t)[0, 1]

    slopes, speed = jax.grad(chance, (0, 1))(rates, time)
    generator = TAME - np.diag(TAME.sum(axis=1))
    exact = (generator @ scipy.linalg.expm(generator * 0.4))[0, 1]
    np.testing.assert_allclose(speed, exact, rtol=1e-11)
    step = np.zeros((4, 4))
    step[2, 1] = 1e-5
    central = (chance(rates + step, time) - chance(rates - step, time)) / 2e-5
    np.testing.assert_allclose(slopes[2, 1], central, rtol=1e-6)


def test_passages_of_a_line_in_closed_form():
    """Up with a = 2, down with b = 0.5, reflected at 0: sums over the birth-death chain."""
    a, b, size = 2.0, 0.5, 5
    rates = np.diag(np.full(size - 1, a), 1) + np.diag(np.full(size - 1, b), -1)
    found = thermodynamics.first_passage_times(jnp.asarray(rates), (size - 1,))
    ups = [sum((b / a) ** (n - k) for k in range(n + 1)) / a for n in range(size - 1)]
    exact = [sum(ups[n:]) for n in range(size - 1)]
    np.testing.assert_allclose(found.mean[:-1], exact, rtol=1e-14)
    assert found.mean[-1] == 0 and found.variance[-1] == 0
    inner = (rates - np.diag(rates.sum(axis=1)))[:-1, :-1]
    inverse = np.linalg.inv(-inner)
    moments = inverse @ np.ones(size - 1), 2 * inverse @ inverse @ np.ones(size - 1)
    np.testing.assert_allclose(found.variance[:-1], moments[1] - moments[0] ** 2, rtol=1e-12)


def test_passage_over_a_barrier_of_twelve_decades():
    """From 0 over 1 to 2 with 1e-12 up, 1 down: tau = (1 + 1e-12 + 1)/1e-12 to all digits."""
    up, down, over = 1e-12, 1.0, 1.0
    rates = jnp.asarray([[0, up, 0], [down, 0, over], [0, 1.0, 0]])
    found = thermodynamics.first_passage_times(rates, (2,))
    np.testing.assert_allclose(found.mean[0], (up + down + over) / (up * over), rtol=1e-15)

    def mean(w):
        return thermodynamics.first_passage_times(w, (2,)).mean[0]

    slopes = jax.jit(jax.grad(mean))(rates)
    np.testing.assert_allclose(slopes[0, 1], -2 / up**2, rtol=1e-11)


def test_relaxation_of_a_uniform_ring():
    """Eigenvalues a (1 - e^{ik}) + b (1 - e^{-ik}) of a ring of four: the gap is a + b."""
    a, b = 3.0, 1.0
    ring = np.roll(np.eye(4), 1, axis=1) * a + np.roll(np.eye(4), -1, axis=1) * b
    found = thermodynamics.relaxation_spectrum(jnp.asarray(ring))
    np.testing.assert_allclose(jnp.real(found), [0, a + b, a + b, 2 * (a + b)], atol=1e-13)
    np.testing.assert_allclose(jnp.sort(jnp.imag(found)[1:3]), [-(a - b), a - b], rtol=1e-12)


def slope_and_curvature(function):
    """Both derivatives at a number, forward: they compile in the least time."""

    def slope(x):
        return jax.jvp(function, (x,), (1.0,))[1]

    return jax.jit(lambda x: jax.jvp(slope, (x,), (1.0,)))


THREE = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 3.0], [4.0, 0.5, 0.0]])
AFFINITY = np.log(48.0)


@pytest.fixture(scope="module")
def theta():
    edges, counts = edges_of(THREE), jnp.asarray([1.0, 0.0, 0.0])
    return jax.jit(lambda s: thermodynamics.scaled_cumulant_generating_function(edges, counts, s))


def test_the_generating_function_is_the_largest_eigenvalue(theta):
    np.testing.assert_allclose(theta(0.3), 0.21464689387993263, rtol=1e-13)
    assert abs(theta(0.0)) < 1e-15
    for s in (-6.0, 1.0, 12.0):
        tilted = THREE.copy()
        tilted[0, 1], tilted[1, 0] = 2 * np.exp(s), np.exp(-s)
        tilted -= np.diag(THREE.sum(axis=1))
        np.testing.assert_allclose(theta(s), np.linalg.eigvals(tilted).real.max(), rtol=1e-12)


def test_gallavotti_and_cohen(theta):
    for s in (0.3, 1.7, -0.4 * AFFINITY, -9.0):
        assert abs(theta(s) - theta(-s - AFFINITY)) < 1e-13 * max(1, abs(theta(s)))


def test_cumulants_are_derivatives_at_zero(theta):
    counts = np.eye(3)
    drift, covariance = thermodynamics.current_statistics(edges_of(THREE), counts)
    first, second = slope_and_curvature(theta)(0.0)
    np.testing.assert_allclose(first, drift[0], rtol=1e-13)
    np.testing.assert_allclose(second, covariance[0, 0], rtol=1e-12)
    # an eigenvalue of a finite difference in s, of another program: 0.40831297
    np.testing.assert_allclose(covariance[0, 0], 0.4083129728072752, rtol=1e-8)
    # along any cut of a cycle the same is counted
    np.testing.assert_allclose(np.abs(covariance), covariance[0, 0], rtol=1e-12)


def test_counting_everything_of_a_wild_chain_is_symmetric_in_entropy():
    edges = edges_of(drawn(5, 2))

    @jax.jit
    def generating(s):
        counts = edges.asymmetry
        return thermodynamics.scaled_cumulant_generating_function(edges, counts, s)

    scale = np.asarray(edges.rates).sum(axis=1).max()
    for s in (0.0, -0.2, 0.4):
        assert abs(generating(s) - generating(-1 - s)) < 1e-12 * scale


@pytest.fixture(scope="module")
def balanced():
    """Rates with detailed balance, and currents that are no eigenvectors of anything."""
    energy, mobility = np.array([0, 0.3, 1.0, 0.2]), TAME + TAME.T
    rates = mobility * np.exp((energy[:, None] - energy[None]) / 2) * (1 - np.eye(4))
    return edges_of(rates), np.random.default_rng(1).normal(size=(3, 6))


def test_kolmogorov(balanced):
    edges, _ = balanced
    assert edges.kolmogorov < 1e-14
    np.testing.assert_allclose(edges_of(THREE).kolmogorov, AFFINITY, rtol=1e-14)
    barred = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # no cycle can be run
    assert edges_of(barred).kolmogorov == np.inf


def test_onsager_from_response_and_from_fluctuations(balanced):
    edges, counts = balanced
    response = thermodynamics.onsager_by_response(edges, counts, np.asarray(0.5))
    scale = np.abs(response).max()
    np.testing.assert_allclose(response, response.T, atol=1e-12 * scale)
    fluctuations = thermodynamics.onsager_by_fluctuations(edges, counts)
    np.testing.assert_allclose(fluctuations, response, atol=1e-12 * scale)
    other = thermodynamics.onsager_by_response(edges, counts, np.asarray(0.1))
    np.testing.assert_allclose(other, response, atol=1e-12 * scale)
    # far from equilibrium neither holds
    away = thermodynamics.onsager_by_response(edges_of(TAME), counts, np.asarray(0.1))
    assert np.max(np.abs(away - away.T)) > 1e-2


def test_least_entropy_production_near_equilibrium(balanced):
    """With one force held, the other is free to choose the state of least entropy production: there
    its own flux vanishes, up to second order in the forces (Prigogine 1947)."""
    edges, counts = balanced
    pair = jnp.asarray(counts[:2])

    def state(held, free):
        moved = thermodynamics.driven(edges, pair, jnp.stack([held, free]))
        return moved, thermodynamics.stationary_distribution(moved.rates)

    def produced(held, free):
        moved, p = state(held, free)
        return jnp.sum(moved.entropy_production(p))

    slopes = jax.jit(lambda held, free: slope_and_curvature(lambda x: produced(held, x))(free))
    for held in (0.1, 0.05):
        free = 0.0
        for _ in range(4):
            slope, curvature = slopes(held, free)
            free = free - slope / curvature
        assert abs(slopes(held, free)[0]) < 1e-14
        moved, p = state(jnp.asarray(held), free)
        flux, own = pair @ moved.current(p)
        assert abs(own / flux) < 0.5 * held  # vanishes with the force
        total = jnp.sum(moved.entropy_production(p))
        np.testing.assert_allclose(total, held * flux + free * own, rtol=1e-10)
