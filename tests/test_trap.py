"""The dragged trap: exact moments, the sampler and the chunked host run."""

import os
import signal
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import Interrupted, evolve, langevin, run, simulate, steady
from jaxneq.statistics import Mean, TimeAverage

TRAP = langevin.OrnsteinUhlenbeck(stiffness=2.0, temperature=0.5, friction=1.5, velocity=0.8)
METHOD = langevin.ExactGaussian(dt=0.3, replicas=2000)
KEY = jax.random.key(0)
LAG, VARIANCE, POWER = -1.5 * 0.8 / 2.0, 0.5 / 2.0, 1.5 * 0.8**2


@pytest.fixture(scope="session")
def ensemble():
    cubed = TimeAverage("cubed", lambda y: y**3)
    return simulate(TRAP, METHOD, key=KEY, time=60.0, burn_in=12.0, observables=(cubed,))


def test_steady_state():
    state = steady(TRAP)
    assert float(state.mean_position) == pytest.approx(LAG)
    assert float(state.variance) == pytest.approx(VARIANCE)
    assert float(state.entropy_production) == pytest.approx(POWER / 0.5)


def test_samples_agree_with_the_exact_moments(ensemble):
    expected = {
        "mean_position": LAG,
        "mean_square_position": VARIANCE + LAG**2,
        "power": POWER,
        "entropy_production": POWER / 0.5,
    }
    for name, value in expected.items():
        estimate = getattr(ensemble, name)
        assert abs(estimate.z_score(value)) < 5
        assert estimate.stderr < 0.01 * abs(value)  # small enough to matter
    skewed = ensemble.observables["cubed"]
    assert abs(skewed.z_score(LAG**3 + 3 * LAG * VARIANCE)) < 5


def test_error_bars_are_honest():
    """z over independent keys has unit variance, within 4 standard errors of it."""
    method = langevin.ExactGaussian(dt=0.3, replicas=200)

    def z(key):
        sample = simulate(TRAP, method, key=key, time=21.0, burn_in=9.0)
        return sample.mean_position.z_score(LAG)

    scores = jax.vmap(z)(jax.random.split(jax.random.key(7), 400))
    assert abs(np.mean(scores)) < 4 / 20
    assert abs(np.var(scores) - 1) < 4 * np.sqrt(2 / 400)


def test_derivative_through_the_samples():
    """The lag is linear in the velocity: pathwise, the derivative is exact but for burn-in."""

    def lag(velocity):
        trap = langevin.OrnsteinUhlenbeck(stiffness=2.0, friction=1.5, velocity=velocity)
        method = langevin.ExactGaussian(dt=0.3, replicas=8)
        return simulate(trap, method, key=KEY, time=39.0, burn_in=30.0).mean_position.value

    assert float(jax.grad(lag)(0.8)) == pytest.approx(-1.5 / 2.0, rel=1e-9)
    assert float(jax.jvp(lag, (0.8,), (1.0,))[1]) == pytest.approx(-1.5 / 2.0, rel=1e-9)


def test_verbs_run_under_jit():
    """Literals stay known while a function is traced: they fix steps, and are checked."""
    method = {"dt": 0.1, "replicas": 4}

    @jax.jit
    def sampled(velocity):
        trap = langevin.OrnsteinUhlenbeck(velocity=velocity)
        return simulate(trap, langevin.ExactGaussian(**method), key=KEY, time=2.0).power.value

    trap = langevin.OrnsteinUhlenbeck(velocity=0.5)
    outside = simulate(trap, langevin.ExactGaussian(**method), key=KEY, time=2.0)
    np.testing.assert_allclose(sampled(0.5), outside.power.value, rtol=1e-12)
    with pytest.raises(ValueError, match=r"dt = -0\.1 is not allowed"):
        jax.jit(lambda: langevin.ExactGaussian(dt=-0.1).dt)()


def test_a_run_that_is_not_steady_says_so(ensemble):
    trap = langevin.OrnsteinUhlenbeck(velocity=3.0)
    method = langevin.ExactGaussian(dt=0.1, replicas=2000)
    early = simulate(trap, method, key=KEY, time=0.5)
    # from equilibrium at rest the mean lags by u (1 - exp(-t)): energy u^2 (1 - exp(-t))^2 / 2
    gained = 9 * (1 - np.exp(-0.5)) ** 2 / 2 / 0.5
    assert abs(early.energy_rate.z_score(gained)) < 5
    assert early.conservation_residual > 0.1
    assert ensemble.conservation_residual < 0.01


def test_relaxation_keeps_both_laws():
    times = jnp.linspace(0.0, 3.0, 601)
    found = evolve(TRAP, times=times, initial=(1.0, 0.1))
    assert found.conservation_residual < 1e-12
    products = sum(found.fluxes[name] * found.forces[name] for name in found.fluxes)
    np.testing.assert_allclose(found.entropy_production, products, rtol=1e-12)
    assert np.all(found.entropy_production > 0)
    slope = np.gradient(found.mean_position, 0.005, edge_order=2)
    np.testing.assert_allclose(slope, found.mean_velocity - 0.8, atol=1e-4)
    # the entropy of the Gaussian and of the medium add up to what is produced
    system = np.gradient(0.5 * np.log(found.variance), 0.005, edge_order=2)
    np.testing.assert_allclose(system + found.heat_rate / 0.5, products, atol=2e-3)


def same_bits(first, second):
    leaves = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(np.array_equal(a, b) for a, b in leaves)


class Memory:
    """A checkpointer that keeps the state in memory, and counts."""

    def __init__(self):
        self.kept, self.saved = None, 0

    def save(self, state, step):
        self.kept, self.saved = (jax.tree.map(np.asarray, state), step), self.saved + 1

    def load(self, template):
        return self.kept


def test_run_in_chunks_has_the_same_bits(ensemble):
    cubed = TimeAverage("cubed", lambda y: y**3)
    steps = []
    chunked = run(
        TRAP,
        METHOD,
        key=KEY,
        time=60.0,
        burn_in=12.0,
        observables=(cubed,),
        chunk_duration=1e-4,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert len(steps) > 5 and steps[-1] == (200, 200)
    assert same_bits(ensemble, chunked)


def test_interrupted_run_resumes_with_the_same_bits():
    whole = simulate(TRAP, METHOD, key=KEY, time=60.0, burn_in=12.0)
    memory = Memory()

    def interrupt(done, total):
        if done > total // 2:
            os.kill(os.getpid(), signal.SIGINT)

    plan = {"key": KEY, "time": 60.0, "burn_in": 12.0, "checkpointer": memory}
    handler = signal.getsignal(signal.SIGINT)  # ignored where the tests run in the background
    with pytest.raises(Interrupted, match="of 200"):
        run(TRAP, METHOD, **plan, chunk_duration=1e-4, progress=interrupt)
    assert memory.saved == 1 and 100 < memory.kept[1] < 200
    assert signal.getsignal(signal.SIGINT) is handler
    assert same_bits(whole, run(TRAP, METHOD, **plan))


def test_run_outside_the_main_thread():
    found = []
    plan = {"key": KEY, "time": 3.0}
    worker = threading.Thread(target=lambda: found.append(run(TRAP, METHOD, **plan)))
    worker.start()
    worker.join()
    assert same_bits(found[0], simulate(TRAP, METHOD, **plan))


def test_accumulators_merge():
    """Parts in any order give the whole; the empty one changes nothing."""
    observable = TimeAverage("y", lambda y: y)
    samples = jax.random.normal(KEY, (6, 5))
    counted = jnp.asarray([True, False, True, True, True, True])

    def total(part):
        sums = observable.init(samples[0])
        for index in part:
            sums = observable.update(sums, samples[index], counted[index])
        return sums

    whole = total(range(6))
    np.testing.assert_allclose(whole.mean, np.average(samples, axis=0, weights=counted))
    for first, second in ((range(2), range(2, 6)), (range(2, 6), range(2)), (range(6), ())):
        merged = observable.merge(total(first), total(second))
        assert isinstance(merged, Mean)
        np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12)
        assert merged.count == whole.count == 5


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"time": 3.0, "burn_in": 3.0}, "leaves no step"),
        ({"time": 0.0}, "leaves no step"),
        ({"time": 3.0, "burn_in": -3.0}, "0 <= burn_in < time"),
        ({"time": 1.0}, "time = 1 is no whole number of steps of dt = 0.3"),
        ({"time": float("nan")}, "time = nan"),
        ({}, "time is missing"),
        ({"time": 3.0e9}, "counter of the noise"),
    ],
)
def test_durations_are_checked(plan, message):
    with pytest.raises(ValueError, match=message):
        simulate(TRAP, METHOD, key=KEY, **plan)


def test_verbs_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="GaussianMoments cannot simulate"):
        simulate(TRAP, langevin.GaussianMoments(), key=KEY, time=1.0)
    for times in ([-1.0], [float("nan")]):
        with pytest.raises(ValueError, match="times must be numbers and not negative"):
            evolve(TRAP, times=times)
    with pytest.raises(ValueError, match="Give a list of times"):
        evolve(TRAP, times=[])
    with pytest.raises(ValueError, match=r"look at \.status"):
        jax.jit(lambda u: steady(langevin.OrnsteinUhlenbeck(velocity=u), throw=True))(1.0)
    mean = TimeAverage("mean_position", lambda y: y)
    with pytest.raises(ValueError, match=r"Give jax\.random\.key"):
        simulate(TRAP, METHOD, key=0, time=3.0)
    with pytest.raises(ValueError, match="two observables have one name"):
        simulate(TRAP, METHOD, key=KEY, time=3.0, observables=(mean,))
    with pytest.raises(ValueError, match="one for each of the 2000 replicas"):
        simulate(TRAP, METHOD, key=KEY, time=3.0, initial=jnp.zeros(3))
    from jaxneq import phonon

    with pytest.raises(ValueError, match="treats AbstractSlab, AbstractChannel, not"):
        steady(TRAP, phonon.DiscreteOrdinates())
    film = phonon.CrossPlaneFilm(material="Si", thickness=1e-7)
    with pytest.raises(ValueError, match="CrossPlaneFilm has no default method for this verb"):
        simulate(film, key=KEY, time=1.0)
