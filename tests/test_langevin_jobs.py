"""The jobs in configs/, reduced: work, free energy and entropy against what is known."""

import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import config, langevin, report, simulate
from jaxneq.langevin import (
    EulerMaruyama,
    ForwardAndReverse,
    Harmonic,
    LinearRamp,
    Overdamped,
    PiecewiseLinear,
    Reversed,
    Stretched,
)

KEY = jax.random.key(0)
CONFIGS = Path(__file__).parents[1] / "configs"


def done(name, *overrides):
    """The result of a job of configs/, with overrides."""
    return config.execute(config.load(CONFIGS / f"{name}.toml", overrides))


def value(result, name):
    return result.quantities[name].values


def close(result, name, expected, largest_error):
    """Within five standard errors, and these small enough to matter."""
    error = value(result, f"{name}_stderr")
    assert np.all(np.abs(value(result, name) - expected) < 5 * error), (value(result, name), error)
    assert np.all(error < largest_error), error


@pytest.fixture(scope="session")
def breathing():
    return done(
        "breathing_trap",
        "method.integrator.dt=0.005",
        "method.integrator.replicas=20000",
        "simulate.time=4.0",
        "simulate.burn_in=3.0",
    )


def mean_work(stiffness, dt):
    """Of the Euler-Maruyama chain in a breathing trap, by its variance, step by step."""
    k = stiffness(np.arange(0.5, 1 / dt) * dt)
    before, after = stiffness(0.0), stiffness(1.0)
    variance, work, last = 1 / before / (1 - before * dt / 2), 0.0, before
    for now in k:
        work += (now - last) * variance / 2
        variance, last = variance * (1 - now * dt) ** 2 + 2 * dt, now
    return work + (after - last) * variance / 2


def test_a_breathing_trap_obeys_jarzynski_and_crooks(breathing):
    free_energy = math.log(2) / 2  # T/2 ln(k_f/k_i)
    for name in ("free_energy", "jarzynski", "reverse_jarzynski"):
        close(breathing, name, free_energy, 0.005)
    close(breathing, "crossing", free_energy, 0.05)
    close(breathing, "crooks_slope", 1.0, 0.05)
    assert value(breathing, "crooks_p_value") > 1e-4
    close(breathing, "mean_work", mean_work(lambda t: 1 + t, 0.005), 0.005)
    close(breathing, "reverse_mean_work", mean_work(lambda t: 2 - t, 0.005), 0.005)
    # the moment equation of the continuous process, 0.41247; the step changes it by less than 1 %
    assert abs(mean_work(lambda t: 1 + t, 0.005) / 0.4124657985347547 - 1) < 0.01


def share_below(threshold, stiffness, dt):
    """P(W < threshold) of that chain: its characteristic function, inverted (Gil-Pelaez 1951)."""
    k = stiffness(np.arange(0.5, 1 / dt) * dt)
    steps = np.diff([stiffness(0.0), *k, stiffness(1.0)])
    omega = (np.arange(60000) + 0.5) * 0.02
    exponent, total = -1j * omega * steps[-1], np.ones_like(omega, complex)
    for now, step in zip(k[::-1], steps[-2::-1], strict=True):
        spread = 1 + 2 * dt * exponent
        total /= np.sqrt(spread)
        exponent = exponent * (1 - now * dt) ** 2 / spread - 1j * omega * step
    total /= np.sqrt(1 + exponent / stiffness(0.0) / (1 - stiffness(0.0) * dt / 2))
    return 0.5 - np.sum(np.imag(np.exp(-1j * omega * threshold) * total) / omega) * 0.02 / np.pi


def test_most_paths_of_a_breathing_trap_beat_the_second_law(breathing):
    exact = share_below(math.log(2) / 2, lambda t: 1 + t, 0.005)
    assert 0.5 < exact < 0.7
    close(breathing, "violations", exact, 0.005)
    assert value(breathing, "dissipated_work") > 5 * value(breathing, "dissipated_work_stderr")


def test_the_densities_of_work_cross_in_the_figure(breathing):
    density, work = value(breathing, "density"), value(breathing, "work")
    assert breathing.quantities["density"].dims == ("direction", "work")
    np.testing.assert_allclose(density.sum(axis=1) * (work[1] - work[0]), 1.0, atol=0.005)
    (ax, *_) = report.figure(breathing).axes
    forward, reverse, mark = (line.get_xdata() for line in ax.lines)
    assert np.array_equal(forward, work) and np.array_equal(reverse, work)
    assert mark[0] == value(breathing, "free_energy")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["forward", "reverse"]


@pytest.fixture(scope="session")
def optimal():
    """The protocol that takes the least work to move a trap, with its two jumps."""
    jumps = PiecewiseLinear(times=[0.0, 0.0, 1.0, 1.0], values=[0.0, 1 / 3, 2 / 3, 1.0])
    trap = Overdamped(potential=Harmonic(stiffness=1.0), protocol=jumps)
    method = ForwardAndReverse(integrator=EulerMaruyama(dt=0.01, replicas=20000))
    return simulate(trap, method, key=KEY, time=11.0, burn_in=10.0)


def test_jumps_count_in_both_directions(optimal):
    """W = l^2 / (2 + t) (Schmiedl and Seifert 2007), the same back; the free energy is 0."""
    for found in (optimal.mean_work, optimal.reverse_mean_work):
        assert abs(found.z_score(1 / 3)) < 5 and found.stderr < 0.01
    assert abs(optimal.free_energy.z_score(0.0)) < 5 and optimal.free_energy.stderr < 0.01


def test_fluxes_times_forces_is_the_entropy_production(optimal):
    total = sum(optimal.fluxes[name] * optimal.forces[name] for name in optimal.fluxes)
    np.testing.assert_allclose(total, optimal.entropy_production.value, rtol=1e-12)
    # a forward and a reverse process dissipate 1/3 each, in a time of 1 each
    assert abs(optimal.entropy_production.z_score(1 / 3)) < 5


def test_a_protocol_runs_backwards():
    forward = PiecewiseLinear(times=[0.0, 0.0, 1.0, 2.0, 2.0], values=[0.0, 1.0, 3.0, 4.0, 9.0])
    back = Reversed(forward)
    assert back.before == 9.0 and back.duration == 2.0
    times = jnp.asarray([0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
    seen = jax.vmap(back.at)(times)[:, 0]
    np.testing.assert_allclose(seen, [4.0, 3.5, 3.0, 2.0, 0.0, 0.0], rtol=1e-12)
    cut = Reversed(forward, time=1.0)
    assert cut.before == 3.0 and cut.at(jnp.asarray(0.5)) == pytest.approx(2.0)
    twice = jax.vmap(Reversed(back).at)(times)[:, 0]
    np.testing.assert_allclose(twice, jax.vmap(forward.at)(times)[:, 0], rtol=1e-12)
    slow = Stretched(forward, factor=2.0)
    assert slow.duration == 4.0 and slow.at(jnp.asarray(3.0)) == forward.at(jnp.asarray(1.5))


def test_a_work_experiment_needs_equilibrium_and_a_protocol():
    method = ForwardAndReverse(integrator=EulerMaruyama(dt=0.1, replicas=10))
    ramp = LinearRamp(end=1.0, ramp_time=1.0)
    flat = Harmonic(stiffness=1.0, dimension=2)
    wrong = {
        "no protocol": Overdamped(potential=flat),
        "is no gradient": Overdamped(
            potential=flat, protocol=ramp, drive=langevin.Rotation(strength=1.0)
        ),
        "more than one temperature": Overdamped(
            potential=flat,
            protocol=ramp,
            temperature_profile=langevin.PerCoordinate(factor=[1.0, 2.0]),
        ),
        "treats Overdamped, not Underdamped": langevin.Underdamped(potential=flat, protocol=ramp),
    }
    for words, system in wrong.items():
        with pytest.raises(ValueError, match=words):
            simulate(system, method, key=KEY, time=1.0)


def test_a_few_paths_that_dominate_are_warned_of():
    """A trap dragged fast: the dissipation is 15 T, and 200 paths know nothing of it."""
    trap = Overdamped(
        potential=Harmonic(stiffness=1.0), protocol=LinearRamp(end=6.0, ramp_time=0.2)
    )
    method = ForwardAndReverse(integrator=EulerMaruyama(dt=0.1, replicas=200))
    with pytest.warns(UserWarning, match="free_energy, jarzynski, reverse_jarzynski"):
        simulate(trap, method, key=KEY, time=2.2, burn_in=2.0)


@pytest.fixture(scope="session")
def stirred():
    return done("hatano_sasa", "sweep={}", "method.integrator.dt=0.01")


def jarzynski_from_a_steady_state(stirring):
    """<exp(-(W - dF)/T)> is the mean of p_start/p_eq over the reverse process from equilibrium.

    All densities are Gaussian of variance T/k = 1; the mean of the reverse process follows from
    dr/dt = -(1 - a J) r + l(t) e, here with l = 1 + 2 t for a time of 0.5, by midpoints.
    """
    slope = np.array([[-1.0, -stirring], [stirring, -1.0]])
    steady, trap = np.linalg.solve(-slope, [2.0, 0.0]), np.array([2.0, 0.0])
    mean = np.array([1.0, 0.0])
    for time in np.arange(0.5e-4, 0.5, 1e-4):
        mean = mean + 1e-4 * (slope @ mean + [1 + 2 * time, 0.0])
    apart = steady - trap
    return np.exp(mean @ apart + (apart @ apart + trap @ trap - steady @ steady) / 2)


def test_jarzynski_fails_from_a_driven_steady_state(stirred):
    """Of all the work; the equality of Hatano and Sasa holds."""
    close(stirred, "hatano_sasa", 1.0, 0.01)
    expected = jarzynski_from_a_steady_state(0.5)
    assert abs(expected - 1) > 0.6
    close(stirred, "jarzynski_average", expected, 0.05)
    assert value(stirred, "functional") > 5 * value(stirred, "functional_stderr")
    assert value(stirred, "free_energy") == pytest.approx(0.0, abs=1e-12)
