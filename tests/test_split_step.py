"""Split steps against their own exact chain, and extrapolated against the continuous process."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import run, simulate
from jaxneq.exclusion import OpenASEP, RingASEP, SplitStep

CURRENT = {4: 1 / 3, 8: 10 / 34}  # (L + 2) / (2 (2 L + 1)) at alpha = beta = 1


def gates(chance, length, chosen):
    """The transition matrix of some gates in turn, and what passes gate 0 of each state."""
    size = 2**length
    whole, entering = np.eye(size), np.zeros(size)
    for gate in chosen:
        one = np.eye(size)
        for state in range(size):
            there = gate == 0 or state >> (gate - 1) & 1
            free = gate == length or not state >> gate & 1
            if there and free:
                moved = state ^ (1 << gate - 1 if gate else 0) ^ (1 << gate if gate < length else 0)
                one[state, state] -= chance[gate]
                one[state, moved] += chance[gate]
                entering[state] += chance[gate] * (gate == 0)
        whole = whole @ one
    return whole, entering


def null_vector(rows):
    """The probabilities that these rows map to zero."""
    system = np.vstack([rows.T, np.ones(len(rows))])
    return np.linalg.lstsq(system, np.eye(len(rows) + 1)[-1], rcond=None)[0]


def occupations(length):
    return np.array([[s >> site & 1 for site in range(length)] for s in range(2**length)])


def continuous(rates):
    """Current and density of the process in continuous time, from its generator."""
    length = len(rates) - 1
    each = [gates(rates, length, [gate]) for gate in range(length + 1)]
    state = null_vector(sum(matrix - np.eye(2**length) for matrix, _ in each))
    return state @ each[0][1], state @ occupations(length)


@functools.lru_cache
def chain(p, rates):
    """Current and density of the split steps themselves, from the stationary state of the chain."""
    length, dt = len(rates) - 1, -np.log1p(-p)
    chance = 1 - np.exp(-np.array(rates) * dt)
    halves = (gates(chance, length, range(parity, length + 1, 2)) for parity in (0, 1))
    (even, entering), (odd, _) = halves
    state, occupied = null_vector(even @ odd - np.eye(2**length)), occupations(length)
    return state @ entering / dt, (state @ occupied + state @ even @ occupied) / 2


def uniform(length):
    return (1.0,) * (length + 1)


@pytest.mark.parametrize(
    ("length", "p", "current"),
    [
        (4, 0.5, 0.32954962862945847),
        (4, 0.25, 0.33267740076973057),
        (4, 0.125, 0.33319186237516957),
        (8, 0.5, 0.29110382425064074),
        (8, 0.25, 0.29359365603766874),
    ],
)
def test_the_exact_chain_is_that_of_the_reference(length, p, current):
    """Values of an independent program."""
    assert abs(chain(p, uniform(length))[0] / current - 1) < 1e-12


def test_extrapolation_removes_the_second_order():
    """With p = 1/2 and 1/4 less than 3e-5 is left."""
    for length, exact in CURRENT.items():
        dt = -(np.log1p(-np.array([0.5, 0.25])) ** 2)
        coarse, fine = (chain(p, uniform(length))[0] for p in (0.5, 0.25))
        found = (fine * dt[0] - coarse * dt[1]) / (dt[0] - dt[1])
        assert abs(coarse / exact - 1) > 0.01
        assert abs(found / exact - 1) < 3e-5


RATES = {
    "even": (0.4, 1.0, 0.6, 1.3, 0.8),
    "odd": (0.7, 1.2, 0.5, 0.9, 1.0, 0.3),
    "uniform": uniform(4),
}


def lattice(rates):
    return OpenASEP(
        length=len(rates) - 1, alpha=rates[0], beta=rates[-1], hopping=list(rates[1:-1])
    )


@pytest.mark.parametrize("name", RATES)
def test_current_and_density_of_the_chain(name):
    """Any rates, exit in either half."""
    rates = RATES[name]
    method = SplitStep(replicas=4096, halvings=2, extrapolation="none")
    plan = {"key": jax.random.key(0), "time": 1000.0, "burn_in": 60.0}
    found = simulate(lattice(rates), method, **plan)
    current, density = chain(0.25, rates)
    assert abs(found.current.z_score(current)) < 5
    assert found.current.stderr < 1e-3 * current
    assert np.all(np.abs(found.density.z_score(density)) < 5)
    assert np.all(found.density.stderr < 2e-3)
    assert found.conservation_residual < 1e-3  # of finite samples
    assert np.isinf(found.entropy_production)
    # dt = ln(4/3); the chain of 8 sites is off by 0.18 %
    assert "order of dt^2 = 0.083" in str(found) and "by some 0.2 %" in str(found)
    assert found.remark().endswith("the entropy production is infinite: no reverse of hopping")


@pytest.mark.parametrize("name", ["even", "odd"])
def test_extrapolated_it_is_the_continuous_process(name):
    """Against the generator; the bias of a run without is more than 10 standard errors."""
    rates = RATES[name]
    method = SplitStep(replicas=8192)
    plan = {"key": jax.random.key(1), "time": 2000.0, "burn_in": 60.0}
    found, (current, density) = simulate(lattice(rates), method, **plan), continuous(rates)
    assert abs(found.current.z_score(current)) < 5
    assert found.current.stderr < abs(chain(0.5, rates)[0] - current) / 10
    assert "extrapolated" not in str(found)
    assert np.all(np.abs(found.density.z_score(density)) < 5)


def test_a_ring():
    """J = rho (1 - rho) L / (L - 1): all configurations are equally likely."""
    ring = RingASEP(length=10, particles=4)
    method = SplitStep(replicas=4096)
    found = simulate(ring, method, key=jax.random.key(2), time=1000.0, burn_in=40.0)
    assert abs(found.current.z_score(4 * 6 / (10 * 9))) < 5
    assert found.current.stderr < 1e-3
    assert np.all(np.abs(found.density.z_score(0.4)) < 5)
    np.testing.assert_allclose(found.mean_density.value, 0.4, rtol=1e-12)
    assert found.conservation_residual == 0


def test_the_same_in_chunks_and_in_blocks():
    chain = OpenASEP(length=7, alpha=0.5, beta=0.7)
    plan = {"key": jax.random.key(2), "time": 300.0, "burn_in": 50.0}
    change = {"replicas": 256}
    found = simulate(chain, SplitStep(block=8, **change), **plan)
    chunks = run(chain, SplitStep(block=8, **change), chunk_duration=1e-4, **plan)
    assert np.array_equal(found.path_current, chunks.path_current)
    assert np.array_equal(found.density.value, chunks.density.value)
    blocks = simulate(chain, SplitStep(block=2, **change), **plan)
    assert np.array_equal(found.path_current, blocks.path_current)
    np.testing.assert_allclose(found.density.value, blocks.density.value, rtol=1e-13)


def correlation(values):
    """Of two replicas of one group, (group, replica): the mean over all pairs, and its error."""
    groups, size = values.shape
    values = (values - values.mean()) / values.std()
    excess = values.sum(axis=1) ** 2 / size - 1
    return excess.mean() / (size - 1), excess.std() / np.sqrt(groups) / (size - 1)


def test_replicas_are_independent():
    """Those of one word, and those of one bit in neighbouring words: |rho| < 1e-3."""
    chain = OpenASEP(length=10, alpha=1.0, beta=1.0)
    method = SplitStep(replicas=2**20, extrapolation="none")
    found = simulate(chain, method, key=jax.random.key(5), time=60.0).path_current
    of_word = np.asarray(found).reshape(-1, 32)
    of_bit = of_word.reshape(-1, 32, 32).swapaxes(1, 2).reshape(-1, 32)
    for groups in (of_word, of_bit):
        rho, error = correlation(groups)
        assert error < 3e-4
        assert abs(rho) < min(1e-3, 5 * error)


def test_why_the_order_of_sites_is_not_shared():
    """Replicas that try the same gates at rate 1 become one: TASEP is attractive.

    From any two states, the same sequence of gates leads to the same state, so that 64 replicas are
    worth one. Split steps share the order, but not the chances: they stay apart.
    """
    length, replicas, random = 10, 64, np.random.default_rng(0)
    start = random.random((length, replicas)) < 0.5
    sites = np.vstack([np.ones((1, replicas), bool), start, np.zeros((1, replicas), bool)])
    for gate in random.integers(0, length + 1, 20_000):
        moves = sites[gate] & ~sites[gate + 1]
        sites[gate] ^= moves
        sites[gate + 1] ^= moves
        sites[0], sites[-1] = True, False
    assert (sites == sites[:, :1]).all()  # one trajectory

    chain = OpenASEP(length=length, alpha=1.0, beta=1.0)
    method = SplitStep(replicas=replicas, extrapolation="none")
    plan = {"key": jax.random.key(0), "time": 2000.0, "burn_in": 1000.0}
    found = simulate(chain, method, initial=start, **plan)
    assert np.unique(found.path_current).size > replicas // 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replicas": 100}, "replicas = 100 do not fill words of 32 bits. .* 96 or 128"),
        ({"replicas": 32}, "replicas = 32 is not allowed"),
        ({"halvings": 0}, "halvings = 0 is not allowed"),
    ],
)
def test_methods_that_it_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        SplitStep(**change)


@pytest.mark.parametrize(
    ("system", "plan", "message"),
    [
        (OpenASEP(length=3, alpha=1e-4, beta=1.0), {}, r"lie between 0.0001 and 1\. .* MaxPlus"),
        (RingASEP(length=5, particles=2), {}, "Give an even length, or use Gillespie"),
        (RingASEP(length=6, particles=2, q=0.5), {}, "gate 0 is passed to the left"),
        (OpenASEP(length=3, alpha=1.0, beta=1.0), {"time": None}, "time is missing"),
        (OpenASEP(length=3, alpha=1.0, beta=1.0), {"burn_in": 50.0}, "leaves nothing to count"),
        (OpenASEP(length=3, alpha=1.0, beta=1.0), {"initial": jnp.zeros(4)}, "of 3 sites"),
        (OpenASEP(length=3, alpha=1.0, beta=1.0), {"initial": jnp.full(3, 0.5)}, "holds 0.5"),
        (RingASEP(length=4, particles=1), {"initial": jnp.ones(4)}, "holds 4 particles"),
    ],
)
def test_plans_that_it_refuses(system, plan, message):
    with pytest.raises(ValueError, match=message):
        simulate(system, SplitStep(replicas=64), key=jax.random.key(0), **({"time": 50.0} | plan))
