"""Gillespie and cloning on exclusion lattices, against exact stationary states and laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import outlook, run, simulate, steady
from jaxneq.exclusion import (
    Cloning,
    Generator,
    Gillespie,
    LangmuirASEP,
    OpenASEP,
    RibosomeTraffic,
    RingASEP,
)

KEY = jax.random.key(0)
FOUR = OpenASEP(length=6, alpha=0.5, beta=0.6, gamma=0.2, delta=0.1, q=0.3)


def close(estimate, exact, largest_error):
    """Within five standard errors, and these small enough to matter."""
    assert np.all(np.abs(estimate.z_score(exact)) <= 5), estimate.z_score(exact)
    assert np.all(estimate.stderr < largest_error), np.max(estimate.stderr)


@pytest.fixture(scope="module")
def sampled():
    return simulate(FOUR, Gillespie(replicas=1024), key=KEY, time=120.0, burn_in=20.0)


def test_a_reversible_lattice(sampled):
    exact = steady(FOUR, Generator())
    close(sampled.density, exact.density, 0.005)
    close(sampled.gate_current, exact.gate_current, 0.002)
    close(sampled.current, exact.current, 0.001)
    close(sampled.entropy_production, exact.entropy_production, 0.01)
    upper = np.triu_indices(6)
    together = exact.correlation + exact.density[:, None] * exact.density[None]
    z = np.asarray(sampled.two_point.z_score(together))[upper]
    assert np.all(np.abs(z) <= 5) and np.max(sampled.two_point.stderr) < 0.02
    produced = sum(np.sum(sampled.fluxes[name] * sampled.forces[name]) for name in sampled.fluxes)
    np.testing.assert_allclose(sampled.entropy_production.value, produced, rtol=1e-12)
    assert sampled.irreversible == 0 and "reverse" not in str(sampled)


def test_the_variance_of_the_current():
    chain = OpenASEP(length=6, alpha=1.0, beta=1.0)
    found = simulate(chain, Gillespie(replicas=2048), key=KEY, time=220.0, burn_in=20.0)
    close(found.current, 8 / 26, 0.001)  # (L + 2) / (2 (2 L + 1))
    # 3 (4L+1)! [L! (L+2)!]^2 / (2 [(2L+1)!]^3 (2L+3)!), Derrida, Evans and Mallick (1995)
    close(found.current_variance, 0.062101546770723964, 0.003)
    assert found.entropy_production.value == np.inf and found.irreversible == 7
    assert "no reverse of hopping at gate 0, 1, 2, 3, 4, 5 and 1 more" in str(found)


def test_paths_depend_on_nothing_but_the_key(sampled):
    """Not on blocks, on how often one looks, nor on where a run is cut into pieces."""
    method = Gillespie(replicas=1024, interval=4.0, block=128)
    again = run(FOUR, method, key=KEY, time=120.0, burn_in=20.0, chunk_duration=1e-6)
    assert np.array_equal(again.path_current, sampled.path_current)
    assert np.array_equal(again.two_point.value, sampled.two_point.value)
    other = simulate(FOUR, method, key=jax.random.key(1), time=24.0, burn_in=20.0)
    assert not np.array_equal(other.path_current, sampled.path_current)


def test_a_ring_keeps_its_particles():
    hopping = jnp.linspace(0.5, 1.5, 8)
    ring = RingASEP(length=8, particles=3, q=0.4, hopping=hopping)
    found = simulate(ring, Gillespie(replicas=1024), key=KEY, time=120.0, burn_in=20.0)
    exact = steady(ring, Generator())
    assert abs(found.mean_density.value - 3 / 8) + found.mean_density.stderr < 1e-15
    close(found.density, exact.density, 0.005)
    close(found.current, exact.current, 0.001)
    close(found.entropy_production, exact.entropy_production, 0.02)


def test_every_gate_counts_what_passes_it():
    """From a block of three on a ring, at first only the foremost hops, through its own gate."""
    ring, start = RingASEP(length=8, particles=3), np.arange(8) < 3
    method = Gillespie(replicas=8000, interval=0.02)
    found = simulate(ring, method, key=KEY, time=0.02, initial=start)
    current = np.asarray(found.gate_current.value)
    assert abs(current[2] - 1) < 5 * found.gate_current.stderr[2] < 0.6
    far = [0, 4, 5, 6, 7]  # two hops or more away
    np.testing.assert_allclose(current[far], 0, atol=1e-12)
    np.testing.assert_allclose(np.mean(current), found.current.value, rtol=1e-12)


def test_attachment_and_extended_particles():
    filament = LangmuirASEP(length=8, alpha=0.3, beta=0.4, attachment=0.05, detachment=0.02)
    found, exact = (
        simulate(filament, Gillespie(replicas=1024), key=KEY, time=120.0, burn_in=30.0),
        steady(filament, Generator()),
    )
    close(found.density, exact.density, 0.01)
    close(found.gate_current, exact.gate_current, 0.003)
    close(found.net_attachment, exact.net_attachment, 0.001)
    assert found.entropy_production.value == np.inf
    message = RibosomeTraffic(
        elongation=jnp.linspace(1, 2.0, 9), initiation=0.3, termination=1.0, footprint=3
    )
    found = simulate(message, Gillespie(replicas=2048), key=KEY, time=120.0, burn_in=20.0)
    exact = steady(message, Generator())
    close(found.density, exact.density, 0.002)
    close(found.gate_current, exact.gate_current, 0.001)


def test_float32():
    single = jax.tree.map(lambda x: x.astype(jnp.float32), (FOUR, Gillespie(replicas=512)))
    found = simulate(*single, key=KEY, time=60.0, burn_in=20.0)
    assert found.density.value.dtype == jnp.float32
    close(found.current, steady(FOUR, Generator()).current.astype(jnp.float32), 0.002)


def test_misuse_of_the_samplers():
    method = Gillespie(replicas=4)
    with pytest.raises(ValueError, match="no whole number of steps of interval"):
        simulate(FOUR, method, key=KEY, time=10.5)
    with pytest.raises(ValueError, match="leaves nothing to count"):
        simulate(FOUR, method, key=KEY, time=5.0, burn_in=5.0)
    with pytest.raises(ValueError, match=r"occupations of 6 sites"):
        simulate(FOUR, method, key=KEY, time=5.0, initial=np.zeros(5))
    filament = LangmuirASEP(length=8, alpha=0.3, beta=0.4, attachment=0.05, detachment=0.02)
    with pytest.raises(ValueError, match="current differs from gate to gate"):
        simulate(filament, Cloning(), key=KEY, time=5.0)


RIBOSOMES = RibosomeTraffic(elongation=jnp.ones(6), initiation=0.3, termination=1.0, footprint=3)


@pytest.mark.parametrize(
    ("system", "initial", "message"),
    [
        (RingASEP(length=6, particles=2), [1, 0, 1, 0, 1, 1], "4 particles, and the lattice 2"),
        (RIBOSOMES, [0, 1, 0, 1, 0, 0, 0], "sites 2 and 4 overlap, as each covers 3"),
        (FOUR, [0.0, 0.5, 1.0, 0.0, 0.0, 0.0], "initial holds 0.5. Give 1 for an occupied"),
    ],
)
def test_starts_that_the_lattice_cannot_have(system, initial, message):
    for method in (Gillespie(replicas=4), Cloning(replicas=4)):
        for verb in (simulate, run, outlook):
            with pytest.raises(ValueError, match=message):
                verb(system, method, key=KEY, time=1.0, initial=jnp.asarray(initial))


def test_more_attempts_than_their_counters_hold_are_refused():
    """The rates of FOUR add up to 7.9."""
    for method in (Gillespie(replicas=4), Cloning(replicas=4)):
        with pytest.raises(ValueError, match=r"2\.37e\+09 attempts.* Give a time below 2\.72e\+08"):
            simulate(FOUR, method, key=KEY, time=3e8)


def test_nothing_moves_in_a_short_time():
    found = simulate(FOUR, Gillespie(replicas=2, interval=1e-9), key=KEY, time=1e-9)
    assert found.current.value == 0 and found.conservation_residual == 0


def generating_function(chain, tilt):
    """The largest eigenvalue of the generator that counts what enters, written down at once."""
    length, alpha, beta = chain.length, float(chain.alpha), float(chain.beta)
    matrix = np.zeros((2**length, 2**length))
    for state in range(2**length):
        moves = []
        if not state & 1:
            moves.append((state | 1, alpha, np.exp(tilt)))
        if state >> (length - 1):
            moves.append((state ^ (1 << (length - 1)), beta, 1.0))
        for site in range(length - 1):
            if (state >> site) & 3 == 1:
                moves.append((state ^ (3 << site), 1.0, 1.0))
        for after, rate, weight in moves:
            matrix[after, state] += rate * weight
            matrix[state, state] -= rate
    return np.max(np.linalg.eigvals(matrix).real)


@pytest.fixture(scope="module")
def cloned():
    @jax.jit
    def at(tilt, chain):
        return simulate(chain, Cloning(tilt=tilt), key=KEY, time=140.0, burn_in=40.0)

    return at


@pytest.mark.parametrize(
    ("alpha", "beta", "tilt"),
    [(1.0, 1.0, -1.0), (1.0, 1.0, 0.5), (0.3, 0.8, -0.5), (0.3, 0.8, 1.0)],
)
def test_cloning_finds_the_generating_function(cloned, alpha, beta, tilt):
    chain = OpenASEP(length=6, alpha=alpha, beta=beta)
    found = cloned(jnp.asarray(tilt), chain)
    close(found.scgf, generating_function(chain, tilt), 0.001)
    assert abs(found.population_bias) < found.scgf.stderr
    # along lines of descent, but for a short time before the end
    current = slope(lambda s: generating_function(chain, s), tilt)
    assert abs(found.current.value - current) < 5 * found.current.stderr + 0.002
    assert found.current.stderr < 0.002
    assert abs(current - slope(lambda s: generating_function(chain, s), 0.0)) > 0.02
    rate_function = tilt * current - generating_function(chain, tilt)
    np.testing.assert_allclose(found.rate_function, rate_function, atol=0.005)


@pytest.mark.slow
def test_cloning_ten_sites(cloned):
    chain = OpenASEP(length=10, alpha=0.3, beta=0.8)
    close(cloned(jnp.asarray(0.5), chain).scgf, 0.11496484038200805, 0.001)  # the same, 2^10


def test_untilted_clones_all_survive(cloned):
    found = cloned(jnp.zeros(()), OpenASEP(length=6, alpha=1.0, beta=1.0))
    assert found.scgf.value == 0 and found.survival == pytest.approx(1.0)
    close(found.current, 0.3076923076923081, 0.001)  # (L + 2) / (2 (2 L + 1))


@pytest.mark.slow
def test_the_bias_falls_with_the_population():
    """Few clones: the logarithm of an unbiased mean is too small, by what is reported."""
    chain, exact = OpenASEP(length=6, alpha=1.0, beta=1.0), -0.496256261479579

    def at(clones):
        method = Cloning(tilt=-2.0, replicas=clones, populations=512, interval=1.0)
        return simulate(chain, method, key=KEY, time=60.0, burn_in=10.0)

    few, more = at(8), at(64)
    bias = float(few.scgf.value) - exact
    assert bias < -5 * few.scgf.stderr  # seen, and of the size that is told
    assert abs(bias - few.population_bias) < 0.35 * abs(bias)
    assert abs(float(more.scgf.value) - exact) < 0.3 * abs(bias)
