"""Derivatives of ensemble averages against exact values, by every estimator."""

import itertools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from transfer import central, euler_displacement, ring_displacement

from jaxneq import langevin, simulate

KEY = jax.random.key(0)
FORCE, AMPLITUDE, TEMPERATURE = 0.7, 1.0, 0.3
RING = langevin.Overdamped(
    potential=langevin.TiltedCosine(amplitude=AMPLITUDE, force=FORCE), temperature=TEMPERATURE
)


def force_and_amplitude(system):
    return system.potential.force, system.potential.amplitude


def final_position(solution):
    return solution.position


def chain_mean(force, amplitude):
    """<x> of the Euler-Maruyama chain at t = 10, dt = 0.01, from 0."""
    return euler_displacement(lambda x: force - amplitude * np.sin(x), TEMPERATURE, 0.01, 1000)[0][
        0
    ]


@pytest.fixture(scope="session")
def exact():
    return (
        central(lambda force: chain_mean(force, AMPLITUDE), FORCE, 1e-3),
        central(lambda amplitude: chain_mean(FORCE, amplitude), AMPLITUDE, 1e-3),
    )


@pytest.fixture(scope="session")
def position_gradients():
    """By estimator and mode; 16384 paths of 1000 steps."""
    method = langevin.EulerMaruyama(dt=0.01, replicas=16384)
    plan = {"key": KEY, "time": 10.0, "where": force_and_amplitude}

    def found(estimator, mode):
        return langevin.sensitivity(
            final_position, RING, method, gradient=estimator, mode=mode, **plan
        )

    kinds = [(e, m) for e in ("pathwise", "likelihood_ratio") for m in ("forward", "reverse")]
    return {kind: found(*kind) for kind in kinds}


def test_the_chain_without_sampling(exact):
    """The same from an independent transfer operator on the line, by differences."""
    u, w = euler_displacement(lambda x: FORCE - AMPLITUDE * np.sin(x), TEMPERATURE, 0.01, 1000)
    assert u[0] == pytest.approx(2.2007928683793847, rel=1e-9)
    assert w[0] - u[0] ** 2 == pytest.approx(6.144638358350369, rel=1e-8)
    assert exact == pytest.approx((7.2386971459772464, -4.876212490967369), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("estimator", ["pathwise", "likelihood_ratio"])
def test_position_against_the_chain(position_gradients, exact, estimator, mode):
    found = position_gradients[estimator, mode]
    assert abs(found.mean.z_score(chain_mean(FORCE, AMPLITUDE))) < 5
    for estimate, value in zip(found.gradient, exact, strict=True):
        assert abs(estimate.z_score(value)) < 5
        assert estimate.stderr < 0.05 * abs(value)
    assert found.estimator == (estimator, estimator)


@pytest.mark.slow
def test_likelihood_ratio_is_the_better_one_on_the_washboard(position_gradients):
    """About 6.5 times less variance at t = 10; the pathwise derivative has heavy tails."""
    pathwise, ratio = (
        position_gradients[estimator, "forward"].gradient
        for estimator in ("pathwise", "likelihood_ratio")
    )
    for first, second in zip(pathwise, ratio, strict=True):
        assert 3 < (first.stderr / second.stderr) ** 2 < 12


def test_the_choice_is_made_for_each_parameter(exact):
    """The score of a temperature sums one chi-squared a step: its variance is that of dt."""
    method = langevin.EulerMaruyama(dt=0.02, replicas=2048)
    found = langevin.sensitivity(
        final_position,
        RING,
        method,
        key=KEY,
        time=10.0,
        where=lambda system: {"force": system.potential.force, "bath": system.temperature},
    )
    assert found.estimator == {"force": "likelihood_ratio", "bath": "pathwise"}
    assert found.variance_ratio["force"] > 1 > found.variance_ratio["bath"]
    assert abs(found.gradient["force"].z_score(exact[0])) < 5
    assert found.gradient["force"].stderr < 0.05 * exact[0]  # the pathwise one has twice that


# A breathing trap with jumps at both ends: U = (k + l(t)) x^2 / 2.
BREATHING = langevin.Overdamped(
    potential=langevin.BreathingHarmonic(stiffness=1.0),
    temperature=0.8,
    friction=1.3,
    protocol=langevin.PiecewiseLinear(times=[0.0, 0.0, 1.0, 1.0], values=[0.0, 0.3, 1.2, 2.0]),
)
STEPS, DT = 50, 0.02


def mean_work(system):
    """Of the Euler-Maruyama chain, from x = 0.5: <x^2> step by step, controls at mid-steps."""
    at = system.protocol.at
    controls = [system.protocol.before, *(at(jnp.asarray((n + 0.5) * DT)) for n in range(STEPS))]
    controls = [float(each[0]) for each in (*controls, at(jnp.asarray(1.0)))]
    square, work = 0.25, 0.0
    for before, now in itertools.pairwise(controls):
        work += (now - before) * square / 2
        shrink = 1 - (system.potential.stiffness + now) * DT / system.friction
        square = shrink**2 * square + 2 * system.temperature * DT / system.friction
    return float(work)


@pytest.mark.slow
def test_work_in_a_breathing_trap():
    """Every parameter, the values of the protocol too, by both estimators."""
    method = langevin.EulerMaruyama(dt=DT, replicas=16384)

    def where(system):
        return (
            system.potential.stiffness,
            system.temperature,
            system.friction,
            system.protocol.values,
        )

    numbers, unravel = jax.flatten_util.ravel_pytree(where(BREATHING))

    def moved(numbers):
        return mean_work(eqx.tree_at(where, BREATHING, unravel(jnp.asarray(numbers))))

    units = np.eye(numbers.size)
    exact = [central(lambda h, d=d: moved(numbers + h * d), 0.0, 1e-3) for d in units]
    for estimator in ("pathwise", "likelihood_ratio"):
        found = langevin.sensitivity(
            lambda solution: solution.path_work,
            BREATHING,
            method,
            key=KEY,
            time=1.0,
            initial=0.5,
            where=where,
            gradient=estimator,
        )
        assert abs(found.mean.z_score(mean_work(BREATHING))) < 5
        for estimate, value in zip(
            jax.tree.leaves(found.gradient, is_leaf=lambda e: hasattr(e, "stderr")),
            jax.tree.leaves(unravel(jnp.asarray(exact))),
            strict=True,
        ):
            # the first jump meets a certain position: no error bar, but that of the differences
            assert np.all(np.abs(estimate.value - value) < 5 * estimate.stderr + 1e-10)
        stiffness, _, _, values = found.gradient
        assert stiffness.stderr < 0.02 and np.all(values.stderr < 0.02)


def test_velocity_and_diffusion_of_a_driven_ring():
    """At t = 4, from the generator, whose long times are those of Stratonovich and Reimann."""

    def moments(force, time, temperature=0.5):
        return ring_displacement(lambda x: force - np.sin(x), temperature, time)

    (early, narrow), (late, wide) = (moments(FORCE, time, TEMPERATURE) for time in (40, 60))
    assert (late - early) / 20 == pytest.approx(0.20433264162548564, rel=1e-8)
    assert (wide - narrow) / 40 == pytest.approx(0.4382493484338396, rel=1e-6)

    system = eqx.tree_at(lambda s: s.temperature, RING, jnp.asarray(0.5))
    method = langevin.StochasticHeun(dt=0.1, replicas=32768)
    exact = (
        central(lambda force: moments(force, 4.0)[0] / 4, FORCE, 1e-3),
        central(lambda force: moments(force, 4.0)[1] / 8, FORCE, 1e-3),
    )

    def spread(solution):
        moved = solution.position - solution.start
        return (moved - moved.mean()) ** 2 / (2 * solution.time)

    objectives = (lambda s: (s.position - s.start) / s.time), spread
    for objective, value, resolution in zip(objectives, exact, (0.03, 0.05), strict=True):
        found = langevin.sensitivity(
            objective,
            system,
            method,
            key=KEY,
            time=4.0,
            where=lambda s: s.potential.force,
        )
        assert abs(found.gradient.z_score(value)) < 5
        assert found.gradient.stderr < resolution
        assert found.estimator == "pathwise"  # the only one for this scheme


def test_probabilities_jump_and_the_likelihood_ratio_knows():
    """Free drift: P(x > 1) = Phi((F t - 1)/sqrt(2 T t)), exact at any step."""
    system = langevin.Overdamped(
        potential=langevin.TiltedCosine(amplitude=0.0, force=0.5), temperature=0.6
    )
    found = langevin.sensitivity(
        lambda solution: jnp.where(solution.position > 1, 1.0, 0.0),
        system,
        langevin.EulerMaruyama(dt=0.1, replicas=65536),
        key=KEY,
        time=2.0,
        where=lambda s: (s.potential.force, s.temperature),
    )
    assert found.estimator == ("likelihood_ratio",) * 2
    width = math.sqrt(2 * 0.6 * 2)
    argument = (0.5 * 2 - 1) / width
    density = math.exp(-(argument**2) / 2) / math.sqrt(2 * math.pi)
    exact = density * 2 / width, -density * argument / (2 * 0.6)
    for estimate, value in zip(found.gradient, exact, strict=True):
        assert abs(estimate.z_score(value)) < 5
        assert estimate.stderr < 0.02


SHEARED = {
    "potential": langevin.Harmonic(stiffness=1.7, dimension=2),
    "drive": langevin.Rotation(strength=0.4),
    "temperature": 0.7,
}
UNEVEN = SHEARED | {"friction_profile": langevin.CosineProfile(amplitude=0.3)}


@pytest.mark.parametrize(
    ("scheme", "parts"),
    [
        ("EulerMaruyama", UNEVEN),
        ("StochasticHeun", SHEARED),
        ("LeimkuhlerMatthews", SHEARED),
        ("BAOAB", UNEVEN),
    ],
)
def test_paths_are_differentiated_exactly(scheme, parts):
    """Forward, reverse and by differences at the same noise: work, heat and position."""
    kind = langevin.Underdamped if scheme == "BAOAB" else langevin.Overdamped
    system = kind(**parts)
    method = getattr(langevin, scheme)(dt=0.1, replicas=4)
    numbers, unravel = jax.flatten_util.ravel_pytree(eqx.filter(system, eqx.is_inexact_array))

    @jax.jit
    def value(numbers):
        found = simulate(
            eqx.combine(unravel(numbers), system), method, key=KEY, time=3.5, initial=[0.3, -0.2]
        )
        return found.path_work.sum() + found.path_heat.mean() + (found.position**2).sum()

    direction = jnp.cos(jnp.arange(numbers.size, dtype=float))
    _, forward = jax.jvp(value, (numbers,), (direction,))
    reverse = jax.jit(jax.grad(value))(numbers) @ direction
    differences = central(lambda h: value(numbers + h * direction), 0.0, 1e-3)
    assert float(forward) == pytest.approx(float(differences), rel=1e-6)
    assert float(reverse) == pytest.approx(float(forward), rel=1e-10)


def test_memory_of_the_reverse_pass_does_not_grow_with_time():
    method = langevin.EulerMaruyama(dt=jnp.float32(0.01), replicas=65536, block=1024)
    ring = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), RING)

    def memory(steps):
        def mean(system):
            found = simulate(system, method, key=KEY, time=steps * 0.01)
            return found.mean_position.value

        compiled = jax.jit(jax.value_and_grad(mean)).lower(ring).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert memory(100_000) <= 1.3 * memory(1000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gradient": "best"}, "gradient = 'best'.*'pathwise'"),
        ({"mode": "backward"}, "mode = 'backward'.*'reverse'"),
        ({"pilot": 1}, "pilot = 1"),
        ({"mode": "reverse"}, "replicas = 100 is no multiple of 64"),
        (
            {"system": langevin.Overdamped(potential=langevin.Quadratic(stiffness=np.eye(3)))},
            "in reverse mode.*replicas = 100",  # 11 numbers
        ),
        ({"where": lambda s: s.protocol}, "where finds no parameter"),
        ({"objective": lambda s: s.work.value}, r"shape \(\).*each of the 100 replicas"),
        (
            {"method": langevin.StochasticHeun(replicas=100), "gradient": "likelihood_ratio"},
            "StochasticHeun.*Use EulerMaruyama",
        ),
    ],
)
def test_misuse(change, message):
    plan = {
        "objective": final_position,
        "method": langevin.EulerMaruyama(replicas=100),
        "key": KEY,
        "time": 0.1,
        "system": RING,
    }
    with pytest.raises(ValueError, match=message):
        langevin.sensitivity(**(plan | change))
