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


@pytest.fixture(scope="session")
def bit():
    return done(
        "erasure",
        "system.protocol.factor=1.0",
        "simulate.time=4.5",
        "method.integrator.dt=0.0005",
    )


@pytest.mark.slow
def test_erasing_a_bit_costs_what_landauer_says(bit):
    """Confinement to one of two wells raises the free energy by T ln 2, by both directions."""
    close(bit, "free_energy", math.log(2), 0.05)
    close(bit, "creation_free_energy", math.log(2), 0.05)
    share = float(value(bit, "success"))
    assert share > 0.97
    mixed = -share * math.log(share) - (1 - share) * math.log(1 - share)
    assert value(bit, "landauer_bound") == pytest.approx(math.log(2) - mixed, rel=1e-9)
    # two wells at -1 and 1 into the one at 1, in a time of 4: W_2^2 = 2 but for the widths
    distance = 4.0 * (value(bit, "finite_time_bound") - value(bit, "landauer_bound"))
    assert 1.6 < distance < 2.0
    heat, error = value(bit, "heat"), value(bit, "heat_stderr")
    assert heat - 5 * error > value(bit, "finite_time_bound")
    # the protocol is a cycle, and the wells are alike: what is spent is given off
    assert abs(value(bit, "erasure_work") - heat) < 5 * np.hypot(error, 0.02)
    assert value(bit, "creation_work") > -math.log(2)


@pytest.mark.slow
def test_a_slow_erasure_nears_the_bound_and_creation_gains_work(bit):
    slow = done("erasure", "method.integrator.replicas=2048", "method.integrator.dt=0.002")
    spared = value(bit, "heat") - value(slow, "heat")
    assert spared > 5 * np.hypot(value(bit, "heat_stderr"), value(slow, "heat_stderr"))
    assert value(slow, "heat") > value(slow, "finite_time_bound")
    assert value(slow, "creation_work") < -10 * value(slow, "creation_work_stderr")


def test_a_hairpin_is_pulled_reversibly_by_both_directions_together():
    """Bennett's estimate against quadrature; Jarzynski's rests on too few paths, and says so."""
    short = "system.protocol.ramp_time=4.0", "simulate.time=6.0", "simulate.burn_in=2.0"
    coarse = "method.integrator.dt=0.005", "method.integrator.replicas=8000"
    found = done("hairpin", *short, *coarse)
    x = np.linspace(-5.0, 8.0, 20001)

    def free_energy(trap):
        molecule = 4 * ((x - 1) ** 2 - 1) ** 2 + 3 * x / 2
        return -np.log(np.sum(np.exp(-molecule - 2 * (x - trap) ** 2)))

    close(found, "free_energy", free_energy(2.5) - free_energy(0.0), 0.05)
    close(found, "crooks_slope", 1.0, 0.05)


def dragged(velocity, dt, time):
    """Work less energy of the mean of the Euler-Maruyama chain; k = 2, gamma = 1, T = 0.5."""
    x, trap, work = 0.0, 0.0, 0.0
    for now in [*velocity * np.arange(0.5, time / dt) * dt, velocity * time]:
        work += (x - now) ** 2 - (x - trap) ** 2
        trap = now
        x += 2 * dt * (now - x) if now < velocity * time else 0.0
    return (work - (x - trap) ** 2) / 0.5 / time


def test_a_dragged_bead_dissipates():
    """sigma = gamma v^2 / T, but for the start, the end and the step."""
    values = "sweep={ 'system.protocol.end' = { values = [0.0, 10.0, 20.0] } }"
    short = "system.protocol.ramp_time=10.0", "simulate.time=14.0", "method.dt=0.02"
    found = done("dragged_bead", values, *short)
    expected = np.array([dragged(v, 0.02, 10.0) for v in (0.0, 1.0, 2.0)])
    close(found, "entropy_production", expected, 0.05)
    np.testing.assert_allclose(expected, [0.0, 2.0, 8.0], rtol=0.12)
    assert dragged(1.0, 1e-3, 300.0) == pytest.approx(2.0, rel=5e-3)
    assert found.attributes["primary"] == "entropy_production"


def test_diffusion_is_giant_where_a_washboard_begins_to_slide():
    """Against the exact coefficients of Reimann et al. (2001) at T = 0.3 and F = 0.7, 0.1 and 1."""
    values = "sweep={ 'system.potential.force' = { values = [0.7] } }"
    found = done("washboard", values, "system.temperature=0.3", "simulate.time=100.0")
    close(found, "velocity", 0.20433264162548564, 0.005)
    close(found, "diffusion", 0.4382493484338396, 0.02)


@pytest.mark.slow
def test_a_gyrator_carries_heat_from_hot_to_cold():
    """u^2 (T_x - T_y) / 2 = 1/8, and the entropy production (1 - 1/2) / 8."""
    found = done("gyrator", "simulate.time=40.0")
    close(found, "heat_rate", np.array([-0.125, 0.125]), 0.005)
    close(found, "entropy_production", 0.0625, 0.005)
    (ax,) = report.figure(found).axes  # a number with its error bar, not what each replica did
    assert ax.get_ylabel() == "Entropy production"


def test_velocities_forget_as_they_respond():
    """Fluctuation and dissipation: <v(0) v(t)> is T/m times the velocity that is left of a kick.

    In a harmonic well with k = m = T = gamma = 1 that is 0.126193 after a time of 1.
    """
    well = langevin.Underdamped(potential=Harmonic(stiffness=1.0), friction=1.0)
    method = langevin.BAOAB(dt=0.05, replicas=20000, frames=10)
    found = simulate(well, method, key=KEY, time=15.0, burn_in=10.0)
    np.testing.assert_allclose(found.frame_time[:3], [0.5, 1.0, 1.5], rtol=1e-12)
    velocities = np.asarray(found.frame_velocities)
    lagged = velocities[0] * velocities[2]
    error = lagged.std(ddof=1) / math.sqrt(20000)
    w = math.sqrt(0.75)
    exact = math.exp(-0.5) * (math.cos(w) - math.sin(w) / (2 * w))
    assert abs(lagged.mean() - exact) < 5 * error and error < 0.01


def test_a_job_may_say_what_is_drawn():
    with pytest.raises(config.JobError, match=r"draw = \"heat_rat\" .* Did you mean heat_rate"):
        done("gyrator", "draw='heat_rat'", "simulate.time=10.02", "method.replicas=8")


FEW = EulerMaruyama(dt=0.02, replicas=40)
DERIVED = {
    "free energy": (
        ForwardAndReverse(integrator=FEW),
        {"potential": langevin.BreathingHarmonic(stiffness=1.0)},
        lambda end, scale: LinearRamp(end=end, ramp_time=0.2 * scale),
        lambda found: found.free_energy.value + found.entropy_production.value,
    ),
    "steady states": (
        langevin.HatanoSasa(integrator=FEW),
        {
            "potential": Harmonic(stiffness=1.0, dimension=2),
            "drive": langevin.Rotation(strength=0.5),
        },
        lambda end, scale: LinearRamp(end=end, ramp_time=0.2 * scale),
        lambda found: found.functional.value + found.jarzynski_average.value,
    ),
    "a bit": (
        langevin.BitErasure(integrator=FEW),
        {"potential": langevin.DoubleWell(barrier=2.0)},
        lambda end, scale: langevin.Together(
            Stretched(LinearRamp(end=end, ramp_time=0.2), factor=scale),
            LinearRamp(end=0.1, ramp_time=0.2),
        ),
        lambda found: found.free_energy.value + found.heat.value,
    ),
}


@pytest.mark.parametrize("name", DERIVED)
def test_derivatives_against_differences(name):
    """By the protocol's end and pace and by the temperature, at the same random numbers."""
    method, parts, protocol, wanted = DERIVED[name]

    @jax.jit
    def computed(parameters):
        end, scale, temperature = parameters
        system = Overdamped(**parts, temperature=temperature, protocol=protocol(end, scale))
        found = simulate(system, method, key=KEY, time=0.6, burn_in=0.4)
        return wanted(found)

    at = jnp.asarray([0.7, 1.3, 0.9])
    step = 1e-5 * jnp.eye(3)
    differences = [(computed(at + one) - computed(at - one)) / 2e-5 for one in step]
    np.testing.assert_allclose(jax.grad(computed)(at), differences, rtol=1e-6, atol=1e-8)


def test_in_float32_everything_is_float32():
    with jax.enable_x64(False):
        trap = Overdamped(
            potential=langevin.BreathingHarmonic(stiffness=1.0),
            protocol=LinearRamp(end=1.0, ramp_time=0.2),
        )
        method = ForwardAndReverse(integrator=EulerMaruyama(dt=0.02, replicas=400))
        found = simulate(trap, method, key=KEY, time=0.4, burn_in=0.2)
    kinds = {leaf.dtype for leaf in jax.tree.leaves(found)}
    assert kinds == {jnp.dtype("float32"), jnp.dtype("int32")}
    assert np.isfinite(found.free_energy.value)
