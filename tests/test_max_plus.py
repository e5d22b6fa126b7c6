"""Max-plus dynamics: times of entry and their derivatives against the exact Markov chain."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from jaxneq import run, simulate
from jaxneq.exclusion import AbstractExclusion, Lattice, MaxPlus, OpenASEP, SplitStep

PHASES = {"LD": (0.3, 0.8), "HD": (0.8, 0.3), "MC": (1.0, 1.0)}
TIME, PARTICLES = 160.0, 40
METHOD = MaxPlus(replicas=4096, block=256)


def mean_entry_time(rates, particles, reach=1):
    """Of the last of so many particles of `reach` sites into an empty lattice, from the chain.

    A particle stands at the first of its sites and steps beyond the last site before it is gone.
    Between two entries the configuration follows the rates without entry, M; then
    p' = p (-M)^-1 A with the entries A, and the mean time until then is p (-M)^-1 1.
    """
    length = len(rates) - 1
    moves, entries = np.zeros((2**length,) * 2), np.zeros((2**length,) * 2)
    for state in range(2**length):
        if not state & ((1 << reach) - 1):
            entries[state, state | 1] += rates[0]
        for site in range(length - 1):
            here, there = 1 << site, 2 << site
            if state & here and not state & (1 << site + reach):
                moves[state, state & ~here | there] += rates[site + 1]
        if state >> (length - 1):
            moves[state, state ^ (1 << (length - 1))] += rates[-1]
    moves -= np.diag((moves + entries).sum(axis=1))
    p, time = np.eye(2**length)[0], 0.0
    for _ in range(particles):
        stayed = np.linalg.solve(-moves.T, p)
        time += stayed.sum()
        p = stayed @ entries
    return time


def slope(rates, gate, particles, h=1e-4):
    def at(step):
        moved = np.array(rates, float)
        moved[gate] += step
        return mean_entry_time(moved, particles)

    return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)


def parameters(system):
    return system.alpha, system.beta, system.hopping


@functools.lru_cache
def entered(phase):
    alpha, beta = PHASES[phase]
    chain = OpenASEP(length=4, alpha=alpha, beta=beta, hopping=[1.0, 0.7, 1.2])
    key = jax.random.key(4)
    found = simulate(chain, METHOD, key=key, time=TIME)
    plan = {"key": key, "time": TIME, "burn_in": 0.0, "initial": None}
    return found, METHOD.derivatives(chain, "duration", parameters, **plan)


@pytest.mark.parametrize("phase", PHASES)
def test_mean_times_and_their_derivatives_are_unbiased(phase):
    """In each phase, for the rates of all gates."""
    found, derivatives = entered(phase)
    rates = [PHASES[phase][0], 1.0, 0.7, 1.2, PHASES[phase][1]]
    assert abs(found.duration.z_score(mean_entry_time(rates, PARTICLES))) < 5
    assert found.duration.stderr < 2e-3 * found.duration.value
    alpha, beta, hopping = (derivative.estimate for derivative in derivatives)
    exact = [slope(rates, gate, PARTICLES) for gate in range(5)]
    assert abs(alpha.z_score(exact[0])) < 5
    assert abs(beta.z_score(exact[4])) < 5
    assert np.all(np.abs(hopping.z_score(np.array(exact[1:4]))) < 5)
    errors = np.array([alpha.stderr, *hopping.stderr, beta.stderr])
    assert np.all(errors < 0.01 * np.max(np.abs(exact)))


class Long(AbstractExclusion):
    """Particles of two sites between two reservoirs."""

    rates: Float[Array, " gate"]

    @property
    def lattice(self):
        none = jnp.zeros_like(self.rates)
        return Lattice(
            forward=self.rates[1:-1],
            backward=none[1:-1],
            alpha=self.rates[0],
            beta=self.rates[-1],
            gamma=none[0],
            delta=none[0],
            length=self.rates.shape[0] - 1,
            footprint=2,
        )

    def default_method(self, verb):
        return None

    @classmethod
    def validation(cls):
        return ()


def test_extended_particles():
    """Mean time and its derivative by the rate of entry, against the chain."""
    rates = [0.9, 1.0, 0.8, 1.2, 1.0, 0.6]
    system, plan = Long(jnp.asarray(rates)), {"key": jax.random.key(6), "time": 80.0}
    found = simulate(system, METHOD, **plan)
    assert abs(found.duration.z_score(mean_entry_time(rates, 20, 2))) < 5
    assert found.duration.stderr < 3e-3 * found.duration.value
    (slope,) = METHOD.derivatives(
        system, "duration", lambda s: (s.rates,), burn_in=0.0, initial=None, **plan
    )
    h = 1e-4
    moved = [[rate + side * h * (gate == 0) for gate, rate in enumerate(rates)] for side in (1, -1)]
    exact = np.subtract(*(mean_entry_time(each, 20, 2) for each in moved)) / (2 * h)
    assert abs((slope.estimate.value[0] - exact) / slope.estimate.stderr[0]) < 5
    assert slope.estimate.stderr[0] < 0.05 * abs(exact)


# dJ/dalpha of the stationary state at L = 10, from the matrix product.
SLOPES = {"LD": 0.40573359112430657, "HD": 0.001176905857128639, "MC": 0.01098901098901099}
CURRENTS = {"LD": 0.2101693913635629, "HD": 0.2101693913635629, "MC": 12 / 42}


@pytest.mark.parametrize("phase", PHASES)
def test_current_and_its_derivative(phase):
    """The mean over N = 450 particles after the burn-in; the bias is a millionth of the value."""
    alpha, beta = PHASES[phase]
    chain = OpenASEP(length=10, alpha=alpha, beta=beta)
    plan = {"key": jax.random.key(1), "time": 2000.0, "burn_in": 200.0}
    method = MaxPlus(replicas=512, block=256)
    found = simulate(chain, method, **plan)
    assert abs(found.current.z_score(CURRENTS[phase])) < 5
    assert found.current.stderr < 2e-3 * CURRENTS[phase]
    where = lambda s: (s.alpha,)  # noqa: E731
    (slope,) = method.derivatives(chain, "current", where, initial=None, **plan)
    assert abs(slope.estimate.z_score(SLOPES[phase])) < 5
    assert slope.estimate.stderr < 3e-3
    assert np.isinf(found.entropy_production) and found.entropy_production > 0


def test_late_fluctuations():
    """At L = 4 var(N) / t is 0.08352229780801275 (Derrida, Evans and Mallick 1995)."""
    chain = OpenASEP(length=4, alpha=1.0, beta=1.0)
    method = MaxPlus(replicas=4096, block=256)
    found = simulate(chain, method, key=jax.random.key(1), time=2000.0, burn_in=80.0)
    assert abs(found.current_variance.z_score(0.08352229780801275)) < 5
    assert found.current_variance.stderr < 0.03 * found.current_variance.value


SMALL = MaxPlus(replicas=8, block=8)


def duration(rates, method=SMALL):
    chain = OpenASEP(length=3, alpha=rates[0], beta=rates[3], hopping=rates[1:3])
    return simulate(chain, method, key=jax.random.key(7), time=80.0, burn_in=16.0).duration.value


def test_forward_reverse_and_second_derivatives():
    """At fixed noise the mean time is a smooth function between its kinks."""
    rates, direction = jnp.asarray([0.7, 1.1, 0.9, 0.6]), jnp.asarray([0.3, -0.2, 0.5, 0.4])
    value, gradient = jax.jit(jax.value_and_grad(duration))(rates)
    np.testing.assert_allclose(value, duration(rates), rtol=1e-12)
    _, tangent = jax.jvp(duration, (rates,), (direction,))
    np.testing.assert_allclose(tangent, gradient @ direction, rtol=1e-12)
    h = 1e-5
    moved = jax.jit(jax.vmap(jax.value_and_grad(duration)))(
        rates[None] + jnp.asarray([[h], [-h]]) * direction[None]
    )
    np.testing.assert_allclose(tangent, (moved[0][0] - moved[0][1]) / (2 * h), rtol=1e-6)
    _, product = jax.jvp(jax.grad(duration), (rates,), (direction,))
    np.testing.assert_allclose(product, (moved[1][0] - moved[1][1]) / (2 * h), rtol=1e-6)
    # a time: twice the rates, half of it
    np.testing.assert_allclose(gradient @ rates, -value, rtol=1e-12)


def test_the_same_in_chunks_and_in_blocks():
    chain = OpenASEP(length=6, alpha=0.5, beta=0.7)
    plan = {"key": jax.random.key(2), "time": 1000.0, "burn_in": 100.0}
    found = simulate(chain, MaxPlus(replicas=64, block=64), **plan).path_duration
    chunks = run(chain, MaxPlus(replicas=64, block=64), chunk_duration=1e-4, **plan)
    assert np.array_equal(found, chunks.path_duration)
    blocks = simulate(chain, MaxPlus(replicas=64, block=16), **plan)
    assert np.array_equal(found, blocks.path_duration)
    few = simulate(chain, MaxPlus(replicas=32, block=32), **plan)
    assert np.array_equal(found[:32], few.path_duration)


def test_single_precision():
    """A long run loses nothing: the origin of time moves along."""
    found = {}
    for dtype in (jnp.float32, jnp.float64):
        rates = jnp.asarray([0.5, 0.7], dtype)
        chain = OpenASEP(
            length=5,
            alpha=rates[0],
            beta=rates[1],
            gamma=0 * rates[0],
            delta=0 * rates[0],
            q=0 * rates[0],
        )
        method = MaxPlus(replicas=16, block=16)
        found[dtype] = simulate(chain, method, key=jax.random.key(3), time=2e5).path_duration
        assert found[dtype].dtype == dtype
    np.testing.assert_allclose(found[jnp.float32], found[jnp.float64], rtol=2e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"q": 0.5}, "gate 1 is passed to the left with rate 0.5.*or use Gillespie"),
        ({"gamma": 0.1}, "gate 0 is passed to the left"),
    ],
)
def test_what_it_refuses(change, message):
    chain = OpenASEP(**({"length": 3, "alpha": 1.0, "beta": 1.0} | change))
    for method in (SMALL, SplitStep(replicas=64)):
        with pytest.raises(ValueError, match=message):
            simulate(chain, method, key=jax.random.key(0), time=100.0)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({}, "time is missing"),
        ({"time": 10.0, "burn_in": 10.0}, "leaves nothing to count"),
        ({"time": 10.0, "initial": jnp.zeros(3)}, "starts empty"),
    ],
)
def test_plans_that_it_refuses(plan, message):
    chain = OpenASEP(length=3, alpha=1.0, beta=1.0)
    with pytest.raises(ValueError, match=message):
        simulate(chain, SMALL, key=jax.random.key(0), **plan)
