"""Fluctuation theorems and bounds on dissipation, against closed forms."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from works import KEY, gaussian_work

from jaxneq import thermodynamics as thermo

# --- fluctuation theorems


def test_integral_theorem():
    entropy = gaussian_work(10, (50_000,), 0.0)
    found = thermo.integral_fluctuation_theorem(entropy)
    assert found.value == pytest.approx(np.mean(np.exp(-np.asarray(entropy))), rel=1e-12)
    stderr = scipy.stats.sem(np.exp(-np.asarray(entropy)))
    assert found.stderr == pytest.approx(stderr, rel=1e-12) and stderr < 0.01
    assert abs(found.z_score(1.0)) < 5
    assert abs(thermo.integral_fluctuation_theorem(entropy + 0.1).z_score(1.0)) > 5


def test_detailed_theorem():
    entropy = gaussian_work(11, (1500, 300), 0.0)
    found = jax.jit(jax.vmap(thermo.detailed_fluctuation_theorem))(entropy)
    assert abs(np.mean(np.abs(found.slope.z_score(1.0)) < 1) - 0.683) < 0.035
    assert scipy.stats.kstest(found.p_value, "uniform").pvalue > 1e-3
    single = thermo.detailed_fluctuation_theorem(1.5 * entropy.ravel())
    assert abs(single.slope.z_score(1 / 1.5)) < 5 and single.p_value < 1e-6
    assert single.intercept is None
    # the integral theorem alone does not suffice: values 1 and -s with <e^-s> = 1
    share = 1 / 3
    other = -math.log((1 - share / math.e) / (1 - share))
    entropy = jnp.where(jax.random.uniform(KEY, (20_000,)) < share, 1.0, other)
    assert abs(thermo.integral_fluctuation_theorem(entropy).z_score(1.0)) < 5
    assert thermo.detailed_fluctuation_theorem(entropy).p_value < 1e-6


def test_hatano_sasa_repairs_jarzynski():
    """A trap in a steady state at velocity u is pulled at 2 u from one moment on.

    Positions are Gaussian about -u; Y is the change of (y + u)^2 / 2, its mean u^2 / 2.
    """
    u = 0.8
    y = -u + jax.random.normal(KEY, (50_000,))
    functional = ((y + 2 * u) ** 2 - (y + u) ** 2) / 2
    found = thermo.hatano_sasa(functional)
    assert found.stderr < 0.01 and abs(found.z_score(1.0)) < 5
    assert abs(functional.mean() - u**2 / 2) < 5 * u / np.sqrt(50_000)
    # moved by a instead, the work (y - a)^2 / 2 - y^2 / 2 tells nothing of the free energy, 0
    work = ((y - u) ** 2 - y**2) / 2
    assert thermo.jarzynski(work, 1.0).z_score(0.0) > 5


@pytest.fixture(scope="module")
def jumps():
    """Total and non-adiabatic entropy of a driven cycle of three states after a quench."""
    rng = np.random.default_rng(1)
    forward, backward = 0.45, 0.15

    def chain(energies):
        step = np.zeros((3, 3))
        for i in range(3):
            for j, rate in (((i + 1) % 3, forward), ((i - 1) % 3, backward)):
                step[i, j] = rate * np.exp((energies[i] - energies[j]) / 2) / 2
        return step + np.diag(1 - step.sum(axis=1))

    def stationary(step):
        return np.linalg.matrix_power(step, 4000)[0]

    step = chain(np.asarray([0.0, 0.7, -0.3]))
    before, after = stationary(chain(np.zeros(3))), stationary(step)
    n, steps = 40_000, 3
    first = state = rng.choice(3, size=n, p=before)
    adiabatic, excess = np.zeros(n), np.zeros(n)
    for _ in range(steps):
        new = (rng.random(n)[:, None] > np.cumsum(step, axis=1)[state]).sum(axis=1)
        flow = after[:, None] * step
        adiabatic += np.log(flow[state, new] / flow[new, state])
        excess += np.log(after[new] / after[state])
        state = new
    last = before @ np.linalg.matrix_power(step, steps)
    nonadiabatic = np.log(before[first] / last[state]) + excess
    return adiabatic + nonadiabatic, nonadiabatic


def test_split_entropy(jumps):
    split = thermo.split_entropy(*jumps)
    for part in (split.total, split.adiabatic, split.nonadiabatic):
        assert part.integral.stderr < 0.01
        assert abs(part.integral.z_score(1.0)) < 5
        assert part.mean.z_score(0.0) > 5
    total = split.adiabatic.mean.value + split.nonadiabatic.mean.value
    assert split.total.mean.value == pytest.approx(float(total), rel=1e-12)
    wrong = thermo.split_entropy(jumps[0], 0.5 * jumps[1])
    assert abs(wrong.nonadiabatic.integral.z_score(1.0)) > 5


# --- bounds


def test_uncertainty_of_a_flat_ring_is_two():
    """Displacement v t with the variance 2 D t; entropy v / D times the displacement."""
    v, d, t = 0.7, 0.4, 5.0
    moved = v * t + jnp.sqrt(2 * d * t) * jax.random.normal(KEY, (20_000,))
    for entropy in (v / d * moved, v**2 * t / d):
        found = thermo.uncertainty_relation(moved, entropy)
        assert found.product.stderr < 0.06 and abs(found.product.z_score(2.0)) < 5
        assert abs(found.entropy_bound.z_score(v**2 * t / d)) < 5


def test_uncertainty_of_a_biased_walk():
    """Hops at the rates p and q: (p + q) / (p - q) ln(p / q), above 2; errors are the scatter."""
    p, q, t = 3.0, 1.0, 4.0
    up, down = (np.random.default_rng(s).poisson(r * t, (2000, 400)) for s, r in ((2, p), (3, q)))
    hops = jnp.asarray(up - down, np.float64)
    relation = jax.jit(jax.vmap(thermo.uncertainty_relation))
    found = relation(hops, hops * math.log(p / q))
    exact = (p + q) / (p - q) * math.log(p / q)
    assert exact > 2.19
    for estimate, value in (
        (found.product, exact),
        (found.entropy_bound, 2 * t * (p - q) ** 2 / (p + q)),
    ):
        scatter = float(np.std(estimate.value))
        assert np.mean(estimate.stderr) == pytest.approx(scatter, rel=0.08)
        assert abs(np.mean(estimate.value) - value) < 0.2 * scatter  # a bias of order 1 / n


def test_landauer():
    """One bit, and W2^2 / tau between two boxes and between point wells (k T = gamma = 1)."""
    assert thermo.landauer_bound(1.0) == pytest.approx(math.log(2))
    boxes = thermo.wasserstein_squared(jnp.linspace(-1, 1, 3001), jnp.linspace(0, 1, 3001))
    for squared, tau, exact in (
        (boxes.value, 1.0, 1.0264805138932787),
        (2.0, 10.0, 0.8931471805599454),
    ):
        bound = thermo.landauer_bound(1.0, distance_squared=squared, duration=tau)
        assert bound == pytest.approx(exact, abs=1e-4)
    kept = thermo.shannon_entropy([0.9, 0.1])
    assert kept == pytest.approx(-0.9 * math.log(0.9) - 0.1 * math.log(0.1))
    assert thermo.shannon_entropy([1.0, 0.0]) == 0
    assert thermo.landauer_bound(0.5, kept) == pytest.approx(float(kept) / 2)


def test_distance_of_any_two_samples():
    """The integral over quantiles, with a number of samples that both numbers divide."""
    rng = np.random.default_rng(4)
    first, second = rng.normal(size=12), rng.gamma(2.0, size=20)
    dense = np.repeat(np.sort(first), 5) - np.repeat(np.sort(second), 3)
    found = thermo.wasserstein_squared(first, second)
    assert found.value == pytest.approx(np.mean(dense**2), rel=1e-13)
    assert thermo.wasserstein_squared(first, first).value == 0


def test_distance_of_gaussians():
    """(m - m')^2 + (s - s')^2, and the error is the scatter."""
    first = jax.random.normal(KEY, (1000, 400))
    second = 1.5 + 2 * jax.random.normal(jax.random.key(9), (1000, 600))
    found = jax.jit(jax.vmap(thermo.wasserstein_squared))(first, second)
    scatter = float(np.std(found.value))
    assert np.mean(found.stderr) == pytest.approx(scatter, rel=0.1)
    assert abs(np.mean(found.value) - (1.5**2 + 1)) < 0.2 * scatter
