"""The schemes as they are: exact moments, orders, and what a step does to work theorems."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.special
from transfer import (
    linear_step,
    propagated,
    ring_generator,
    ring_operator,
    stationary_covariance,
    stationary_mean,
    walker_at,
)

from jaxneq import langevin, simulate
from jaxneq.langevin._walker import Walker

RING = langevin.Overdamped(potential=langevin.TiltedCosine(amplitude=1.0), temperature=0.7)
TILTED = langevin.Overdamped(
    potential=langevin.TiltedCosine(amplitude=1.0, force=0.7), temperature=0.7
)


def slope(errors, steps):
    return np.log(errors[0] / errors[1]) / np.log(steps[0] / steps[1])


def at_all_points(values, operator):
    """A function of x as one of x and of what is remembered."""
    return np.repeat(values, operator.shape[0] // len(values))


@pytest.mark.parametrize(
    ("scheme", "order"),
    [("EulerMaruyama", 1), ("StochasticHeun", 2), ("LeimkuhlerMatthews", 2)],
)
def test_order_of_stationary_averages(scheme, order):
    r"""<cos x> = I_1(1/T)/I_0(1/T) in equilibrium on the ring (modified Bessel functions)."""
    exact = scipy.special.iv(1, 1 / 0.7) / scipy.special.iv(0, 1 / 0.7)
    steps, errors = (0.05, 0.025), []
    for dt in steps:
        x, _, operator = ring_operator(getattr(langevin, scheme)(dt=dt), RING, 24, 12)
        values = at_all_points(np.cos(x), operator)
        errors.append(abs(stationary_mean(operator, values) - exact))
    assert slope(errors, steps) == pytest.approx(order, abs=0.05)


@pytest.mark.parametrize(
    ("scheme", "order"),
    [("EulerMaruyama", 1), ("StochasticHeun", 2), ("LeimkuhlerMatthews", 1)],
)
def test_weak_order_at_finite_time(scheme, order):
    """<cos x> at t = 1, driven, against the exponential of the exact generator, from any start."""
    generator = ring_generator(lambda x: 0.7 - np.sin(x), 0.7, 24)
    steps, errors = (0.05, 0.025), []
    for dt in steps:
        x, weight, operator = ring_operator(getattr(langevin, scheme)(dt=dt), TILTED, 24, 12)
        values = at_all_points(np.cos(x), operator)
        after = np.linalg.matrix_power(operator, round(1 / dt)) @ values
        found = after.reshape(len(x), -1) @ weight  # the first remembered normal is random too
        exact = scipy.linalg.expm(generator) @ np.cos(x)
        errors.append(np.max(np.abs(found - exact)))
    assert slope(errors, steps) == pytest.approx(order, abs=0.05)


def harmonic_step(method, system):
    """`move` on columns of z = (x, v) or (x, m) or (x,)."""
    inertial, remembers = system.inertial, method.remember(system, jnp.zeros((1, 1))) is not None

    def step(z, normals, number):
        walker = walker_at(z[:1], z[1:] if inertial else None, z[1:] if remembers else None)
        rows = tuple(row[None] for row in normals)
        moved = method.move(system, walker, rows, jnp.zeros(system.controls))
        parts = (moved.position, moved.velocity, moved.memory)
        return jnp.concatenate([part for part in parts if part is not None])

    return step, 1 + inertial + remembers


# Stationary <x^2> and <v^2> at k = m = gamma = T = 1 in closed form, h = dt. In both splittings
# one is exact; Euler-Maruyama 1/(1 - h/2); Heun see its docstring.
VARIANCES = {
    "BAOAB": lambda h: (1, 1 - h**2 / 4),
    "OBABO": lambda h: (1 / (1 - h**2 / 4), 1),
    "EulerMaruyama": lambda h: (1 / (1 - h / 2),),
    "StochasticHeun": lambda h: ((4 - 2 * h) / (4 - 2 * h + h**2),),
    "LeimkuhlerMatthews": lambda h: (1,),
}


@pytest.mark.parametrize("dt", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("scheme", VARIANCES)
def test_stationary_variances_in_a_harmonic_well(scheme, dt):
    method = getattr(langevin, scheme)(dt=dt)
    kind = langevin.Underdamped if scheme in ("BAOAB", "OBABO") else langevin.Overdamped
    step, size = harmonic_step(method, kind(potential=langevin.Harmonic()))
    (a,), (b,), _ = linear_step(step, size, method.normals, jnp.arange(1))
    found = np.diag(stationary_covariance(a, b))
    expected = VARIANCES[scheme](dt)
    np.testing.assert_allclose(found[: len(expected)], expected, rtol=1e-11)


def dragged_trap(time, inertial):
    """A trap that moves at speed 1, k = m = gamma = T = 1."""
    kind = langevin.Underdamped if inertial else langevin.Overdamped
    ramp = langevin.LinearRamp(end=time, ramp_time=time)
    return kind(potential=langevin.Harmonic(), protocol=ramp)


def dragged(method, inertial=False, time=2.0):
    """Exact mean and variance of the work of dragging a trap, from equilibrium.

    The step of the engine itself, with its account of work, is taken as a linear map.
    """
    system = dragged_trap(time, inertial)
    count = round(time / float(method.dt))
    remembers = method.remember(system, jnp.zeros((1, 1))) is not None
    engine = method._step(system, jnp.asarray(True), ())

    def step(z, normals, number):
        walker = Walker(
            position=z[:1],
            velocity=z[1:2] if inertial else None,
            memory=z[1:2] if remembers else None,
            work=z[-1:],
            heat=None,
            entropy=None,
            accumulated=(),
        )
        moved = engine(walker, tuple(row[None] for row in normals), number)
        parts = (moved.position, moved.velocity, moved.memory, moved.work)
        return jnp.concatenate([part for part in parts if part is not None])

    size = 2 + inertial + remembers
    start = np.eye(size)  # <x^2> = T/k, <v^2> = T/m, and the first normal
    start[-1, -1] = 0  # no work yet
    maps = linear_step(step, size, method.normals, jnp.arange(count))
    mean, covariance = propagated((np.zeros(size), start), *maps)
    # the last half step of the protocol, at fixed x: U(x, l) - U(x, l - dt/2)
    half = float(method.dt) / 2
    row = np.zeros(size)
    row[0], row[-1] = -half, 1
    return row @ mean + half * (time - half / 2), row @ covariance @ row


def test_work_of_a_dragged_trap_as_euler_has_it():
    """Propagated by hand: x' = x - (x - l) dt + sqrt(2 dt) xi, work l' - l at fixed x."""
    mean, variance = dragged(langevin.EulerMaruyama(dt=0.01))
    assert mean == pytest.approx(1.132618227601254, rel=1e-12)
    assert variance == pytest.approx(2.272888346729633, rel=1e-12)


# The free energy of the trap does not change, and the work is Gaussian: <W> - var W / 2 is the
# error that the step makes in the work theorem, at dt = 0.01.
@pytest.mark.parametrize(
    ("scheme", "order", "error"),
    [
        ("EulerMaruyama", 1, -3.826e-3),
        ("LeimkuhlerMatthews", 1, -1.942e-3),
        ("StochasticHeun", 2, 1.913e-5),
        ("BAOAB", 2, -9.02e-6),
        ("OBABO", 2, -1.94e-5),
    ],
)
def test_error_of_the_work_theorem(scheme, order, error):
    steps, errors = (0.02, 0.01), []
    for dt in steps:
        mean, variance = dragged(getattr(langevin, scheme)(dt=dt), scheme in ("BAOAB", "OBABO"))
        errors.append(mean - variance / 2)
    assert errors[1] == pytest.approx(error, rel=1e-3)
    assert slope(np.abs(errors), steps) == pytest.approx(order, abs=0.03)


def test_work_of_a_dragged_trap_without_a_step():
    """<W> = t - 1 + exp(-t) and var W = 2 <W> (Mazonka and Jarzynski, cond-mat/9912121)."""
    exact = np.exp(-2) + 1
    errors = [dragged(langevin.StochasticHeun(dt=dt))[0] - exact for dt in (0.02, 0.01)]
    assert abs(errors[1] - errors[0] / 4) < 1e-7 and abs(errors[1]) < 2e-5


@pytest.mark.parametrize("scheme", ["EulerMaruyama", "LeimkuhlerMatthews", "BAOAB"])
def test_sampled_work_has_the_moments_of_its_scheme(scheme):
    inertial = scheme == "BAOAB"
    method = getattr(langevin, scheme)(dt=0.05, replicas=16384)
    system = dragged_trap(2.0, inertial)
    initial = jax.random.normal(jax.random.key(1), (method.replicas,))
    found = simulate(system, method, key=jax.random.key(2), time=2.0, initial=initial)
    mean, variance = dragged(method, inertial)
    assert abs(found.work.z_score(mean)) < 5
    assert found.work.stderr < 0.02  # of 1.1 or 1.6
    spread = np.var(found.path_work, ddof=1)
    assert abs(spread - variance) < 5 * variance * np.sqrt(2 / method.replicas)


@pytest.mark.parametrize("scheme", ["StochasticHeun", "LeimkuhlerMatthews"])
def test_noise_that_varies_in_space_is_refused(scheme):
    profile = langevin.CosineProfile(amplitude=0.5)
    system = langevin.Overdamped(potential=langevin.Harmonic(), friction_profile=profile)
    method = getattr(langevin, scheme)(replicas=2)
    with pytest.raises(ValueError, match=f"{scheme}.*vary in space.*Use EulerMaruyama"):
        simulate(system, method, key=jax.random.key(0), time=0.1)


def test_remembered_normals_survive_the_end_of_the_burn_in():
    """Without memory, the first step that is counted would have a smaller variance."""
    free = langevin.Overdamped(potential=langevin.TiltedCosine(amplitude=0.0), temperature=0.5)
    method = langevin.LeimkuhlerMatthews(dt=1.0, replicas=16384)
    for burn_in in (0.0, 2.0):
        found = simulate(free, method, key=jax.random.key(3), time=burn_in + 1, burn_in=burn_in)
        assert abs(found.diffusion.z_score(0.25)) < 5  # two normals halved: half of T/gamma
        assert found.diffusion.stderr < 0.004
