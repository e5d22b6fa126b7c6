"""Sampled Langevin ensembles: known averages, the laws along paths, and the host run."""

import os
import signal
import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import Interrupted, SolveError, langevin, run, simulate
from jaxneq.langevin import (
    BAOAB,
    OBABO,
    EulerMaruyama,
    Harmonic,
    LinearRamp,
    Overdamped,
    PerCoordinate,
    Quadratic,
    TiltedCosine,
    Underdamped,
)
from jaxneq.statistics import EnsembleAverage, Mean, TimeAverage

pytestmark = pytest.mark.optimised  # the same bits in blocks and chunks

KEY = jax.random.key(0)
RING = Overdamped(potential=TiltedCosine(amplitude=1.0, force=0.7), temperature=0.3)
DRAGGED = {"potential": Harmonic(stiffness=1.0), "protocol": LinearRamp(end=2.0, ramp_time=2.0)}
GYRATOR = Quadratic(stiffness=[[1.0, 0.5], [0.5, 1.0]])


def close(estimate, expected, largest_error):
    """Within five standard errors, and these small enough to matter."""
    assert np.all(np.abs(estimate.z_score(expected)) < 5), (str(estimate), expected)
    assert np.all(estimate.stderr < largest_error), estimate.stderr


def thermal(replicas, scale=1.0):
    return scale * jax.random.normal(jax.random.key(9), (replicas,))


@pytest.fixture(scope="session")
def ring():
    """After 16 steps of burn-in and two blocks: most of what a run can have."""
    cubed = TimeAverage("cubed", lambda sample: sample.position[0] ** 3)
    still = EnsembleAverage("still", lambda sample: sample.position - sample.previous)
    method = EulerMaruyama(dt=0.05, replicas=600, block=300)
    plan = {"key": KEY, "time": 3.0, "burn_in": 0.8, "observables": (cubed, still)}
    return method, plan, simulate(RING, method, **plan)


def test_a_dragged_trap_obeys_jarzynski():
    """The Euler-Maruyama chain's own work, control at mid-step: mean and variance by recursion."""
    method = EulerMaruyama(dt=0.01, replicas=40000)
    trap = Overdamped(**DRAGGED)
    found = simulate(trap, method, key=KEY, time=2.0, initial=thermal(40000))
    close(found.work, 1.132618227601254, 0.01)
    work = found.path_work
    variance = np.var(work, ddof=1)
    assert abs(variance - 2.272888346729633) < 5 * variance * np.sqrt(2 / 40000)
    np.testing.assert_allclose(
        found.energy_change.value,
        found.work.value - found.heat.value[0] + found.shadow_work.value,
        rtol=1e-12,
    )


@pytest.mark.parametrize("method", [BAOAB(dt=0.1, replicas=40000), OBABO(dt=0.1, replicas=40000)])
def test_work_with_inertia(method):
    """The linear response of the position gives the mean work, and Jarzynski the variance."""
    trap = Underdamped(**DRAGGED, friction=1.0)
    found = simulate(trap, method, key=KEY, time=2.0, initial=thermal(40000))
    # <W> = v^2 int_0^t (t - s) exp(-s/2) [cos ws + sin ws / 2w] ds, w^2 = 3/4, t = 2
    s, w = np.linspace(0, 2, 20001), np.sqrt(0.75)
    relaxing = np.exp(-s / 2) * (np.cos(w * s) + np.sin(w * s) / (2 * w))
    mean = np.trapezoid((2 - s) * relaxing, s)
    close(found.work, mean, 0.01)
    factor = jnp.exp(-found.path_work)
    assert abs((factor.mean() - 1) / (factor.std() / 200)) < 5
    assert found.shadow_work.value < 0.01
    close(found.kinetic_temperature, 1.0, 0.01)


def test_a_gyrator_turns():
    """Two temperatures: heat flows, and the trajectory encircles the origin."""
    system = Overdamped(
        potential=GYRATOR, temperature=1.0, temperature_profile=PerCoordinate(factor=[2.0, 1.0])
    )

    def angular(sample):
        (x, y), (dx, dy) = sample.position + sample.previous, sample.position - sample.previous
        return (x * dy - y * dx) / 2 / 0.01

    turning = TimeAverage("turning", angular)
    method = EulerMaruyama(dt=0.01, replicas=4000)
    found = simulate(system, method, key=KEY, time=30.0, burn_in=6.0, observables=(turning,))
    close(found.observables["turning"], -0.5, 0.02)
    close(found.heat_rate, np.array([-0.125, 0.125]), 0.01)
    close(found.entropy_production, 0.0625, 0.005)
    total = np.sum(found.fluxes["heat"] * found.forces["heat"])
    np.testing.assert_allclose(total, found.entropy_production.value, rtol=1e-12)


def test_a_torque_is_dissipated():
    """A stirring force in a round trap: power a^2 <r^2> / gamma, all of it heat."""
    trap = Overdamped(
        potential=Harmonic(stiffness=2.0, dimension=2), drive=langevin.Rotation(strength=1.0)
    )
    method = EulerMaruyama(dt=0.01, replicas=2000)
    found = simulate(trap, method, key=KEY, time=25.0, burn_in=5.0)
    # the stirring lets the spread be: <r^2> = 2 T / k
    close(found.work.scaled(1 / 20), 1.0, 0.02)
    close(found.heat_rate, np.array([1.0]), 0.02)


def test_friction_that_varies_leaves_equilibrium_alone():
    """Uniform temperature: the Boltzmann distribution, whatever the friction."""
    well = Overdamped(
        potential=Harmonic(stiffness=1.0),
        friction_profile=langevin.CosineProfile(amplitude=0.6, period=3.0, phase=0.7),
    )
    found = simulate(well, EulerMaruyama(dt=0.005, replicas=20000), key=KEY, time=8.0)
    close(found.position_variance, 1.0, 0.02)
    close(found.mean_position, 0.0, 0.01)


def test_temperature_that_varies_gathers_particles_in_the_cold():
    """No force on a ring: T p is constant, p = (1 - a^2)^(1/2) / (1 + a cos x) / 2 pi."""
    ring = Overdamped(
        potential=TiltedCosine(amplitude=0.0),
        temperature_profile=langevin.CosineProfile(amplitude=0.6),
    )
    start = jax.random.uniform(KEY, (20000,), maxval=2 * jnp.pi)
    found = simulate(
        ring, EulerMaruyama(dt=0.005, replicas=20000), key=KEY, time=8.0, initial=start
    )
    cosine = np.cos(found.position)
    expected = (np.sqrt(1 - 0.36) - 1) / 0.6
    assert abs((cosine.mean() - expected) / (cosine.std() / np.sqrt(20000))) < 5


def test_error_bars_are_honest():
    """z over independent keys has unit variance, within 4 standard errors of it."""
    method = EulerMaruyama(dt=0.1, replicas=100)
    well = Overdamped(potential=Harmonic(stiffness=1.0))

    def z(key):
        found = simulate(well, method, key=key, time=8.0)
        return found.mean_position.z_score(0.0)

    scores = jax.vmap(z)(jax.random.split(jax.random.key(7), 400))
    assert abs(np.mean(scores)) < 4 / 20
    assert abs(np.var(scores) - 1) < 4 * np.sqrt(2 / 400)


def test_frames_are_the_path():
    """Kept positions; a smaller ensemble is the first part of a larger one, bit for bit."""
    plan = {"key": KEY, "time": 2.0, "burn_in": 0.4}
    method = {"dt": 0.05, "frames": 4}
    few = simulate(RING, EulerMaruyama(**method, replicas=3), **plan)
    many = simulate(RING, EulerMaruyama(**method, replicas=6), **plan)
    np.testing.assert_allclose(few.frame_time, [0.4, 0.8, 1.2, 1.6], rtol=1e-12)
    assert few.frames.shape == (4, 3)
    assert np.array_equal(few.frames, many.frames[:, :3])
    assert np.array_equal(few.frames[-1], few.position)
    plain = simulate(RING, EulerMaruyama(dt=0.05, replicas=3), **plan)
    assert np.array_equal(plain.position, few.position)


def same_bits(first, second):
    leaves = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(np.array_equal(a, b) for a, b in leaves)


def paths(found):
    return found.position, found.path_work, found.path_heat, found.path_entropy


@pytest.mark.parametrize("block", [100, 600])
def test_blocks_do_not_change_a_path(ring, block):
    method, plan, found = ring
    other = EulerMaruyama(dt=method.dt, replicas=600, block=block)
    assert same_bits(paths(found), paths(simulate(RING, other, **plan)))


@pytest.mark.parametrize("devices", [2, 4])
def test_devices_do_not_change_a_path(ring, devices, tmp_path):
    """Nor does an interruption: the second run ends what the first has begun."""
    _, _, found = ring
    code = f"""
import os, signal
import jax
jax.config.update("jax_num_cpu_devices", {devices})
jax.config.update("jax_enable_x64", True)
import numpy as np
from jaxneq import Interrupted, langevin, run, simulate, store
ring = langevin.Overdamped(
    potential=langevin.TiltedCosine(amplitude=1.0, force=0.7), temperature=0.3)
method = langevin.EulerMaruyama(dt=0.05, replicas=600)
plan = dict(key=jax.random.key(0), time=3.0, burn_in=0.8)
found = simulate(ring, method, **plan)
signal.signal(signal.SIGINT, signal.default_int_handler)
plan["checkpointer"] = store.Checkpointer({str(tmp_path / "checkpoint.h5")!r}, identity="ring")
interrupt = lambda done, total: os.kill(os.getpid(), signal.SIGINT)
try:
    run(ring, method, **plan, chunk_duration=1e-9, progress=interrupt)
except Interrupted:
    assert plan["checkpointer"].path.exists()
again = run(ring, method, **plan)
assert np.array_equal(found.position, again.position), "resumed"
assert len(found.position.sharding.device_set) == {devices}, found.position.sharding
print(np.asarray(found.position).tobytes().hex())
"""
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == np.asarray(found.position).tobytes().hex()


class Memory:
    """A checkpointer that keeps the state in memory, and counts."""

    def __init__(self):
        self.kept, self.saved = None, 0

    def save(self, state, step):
        self.kept, self.saved = (jax.tree.map(np.asarray, state), step), self.saved + 1

    def load(self, template):
        return self.kept


def test_run_in_chunks_has_the_same_bits(ring):
    method, plan, found = ring
    steps = []
    chunked = run(
        RING,
        method,
        **plan,
        chunk_duration=1e-9,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(16, 60), (32, 60), (48, 60), (60, 60)]
    assert same_bits(found, chunked)


def test_interrupted_run_resumes_with_the_same_bits(ring):
    method, plan, found = ring
    memory = Memory()

    def interrupt(done, total):
        if done > total // 2:
            os.kill(os.getpid(), signal.SIGINT)

    plan = {**plan, "checkpointer": memory}
    handler = signal.getsignal(signal.SIGINT)  # ignored where the tests run in the background
    with pytest.raises(Interrupted, match="of 60"):
        run(RING, method, **plan, chunk_duration=1e-9, progress=interrupt)
    assert memory.saved == 1 and 30 < memory.kept[1] < 60
    assert signal.getsignal(signal.SIGINT) is handler
    assert same_bits(found, run(RING, method, **plan))


def test_run_outside_the_main_thread(ring):
    method, plan, found = ring
    done = []
    worker = threading.Thread(target=lambda: done.append(run(RING, method, **plan)))
    worker.start()
    worker.join()
    assert same_bits(done[0], found)


def test_accumulators_merge():
    """Parts in any order give the whole; the empty one changes nothing; blocks join."""
    observable = TimeAverage("y", lambda y: y)
    samples = jax.random.normal(KEY, (6, 5))

    def total(part):
        sums = observable.init(samples[0])
        for index in part:
            sums = observable.update(sums, samples[index])
        return sums

    whole = total(range(6))
    np.testing.assert_allclose(whole.mean, np.mean(samples, axis=0))
    for first, second in ((range(2), range(2, 6)), (range(2, 6), range(2)), (range(6), ())):
        merged = observable.merge(total(first), total(second))
        assert isinstance(merged, Mean)
        np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12)
        assert merged.count == whole.count == 6


def test_observables_see_every_step(ring):
    """The steps of all replicas add up to the displacement."""
    method, _, found = ring
    steps = 3.0 / 0.05 - 16
    displacement = found.velocity.value * found.time
    still = found.observables["still"].value[0]
    np.testing.assert_allclose(still * steps, displacement, rtol=1e-9)
    assert found.observables["cubed"].n_effective == method.replicas


def test_verbs_run_under_jit(ring):
    """Literals stay known while a function is traced: they fix steps, and are checked."""
    method, plan, found = ring

    @jax.jit
    def sampled(force):
        ring = Overdamped(potential=TiltedCosine(amplitude=1.0, force=force), temperature=0.3)
        return simulate(ring, method, **plan).velocity.value

    np.testing.assert_allclose(sampled(0.7), found.velocity.value, rtol=1e-12)
    with pytest.raises(ValueError, match=r"dt = -0\.1 is not allowed"):
        jax.jit(lambda: EulerMaruyama(dt=-0.1).dt)()


@pytest.mark.parametrize(
    "kind", ["Overdamped", pytest.param("Underdamped", marks=pytest.mark.slow)]
)
def test_derivatives_through_the_paths(kind):
    """Reverse, forward and differences agree, through burn-in, blocks, work and protocol."""
    system = getattr(langevin, kind)
    method = (EulerMaruyama if kind == "Overdamped" else BAOAB)(dt=0.05, replicas=8, block=4)

    def work(values, stiffness):
        protocol = langevin.PiecewiseLinear(times=[0.0, 0.0, 1.0, 1.0], values=values)
        trap = system(potential=Harmonic(stiffness=stiffness), protocol=protocol)
        found = simulate(trap, method, key=KEY, time=2.0, burn_in=1.0)
        return found.work.value + found.position_variance.value

    at = jnp.array([0.0, 0.3, 0.8, 1.0]), jnp.array(1.5)
    gradient = jax.grad(work, argnums=(0, 1))(*at)
    for index in range(4):
        step = jnp.zeros(4).at[index].set(1e-4)
        slope = (work(at[0] + step, at[1]) - work(at[0] - step, at[1])) / 2e-4
        np.testing.assert_allclose(gradient[0][index], slope, rtol=1e-6, atol=1e-9)
    slope = (work(at[0], at[1] + 1e-4) - work(at[0], at[1] - 1e-4)) / 2e-4
    np.testing.assert_allclose(gradient[1], slope, rtol=1e-6)
    tangent = jax.jvp(lambda k: work(at[0], k), (at[1],), (jnp.ones(()),))[1]
    np.testing.assert_allclose(tangent, gradient[1], rtol=1e-9)


def test_a_path_that_runs_away_ends_with_a_status():
    class Cliff(langevin.AbstractPotential):
        """Flat up to 1, and then ever steeper downwards."""

        dimension = 1
        controls = 0

        def __call__(self, position, control):
            return -(jnp.maximum(position[0] - 1, 0) ** 4)

    system = Overdamped(potential=Cliff())
    method = EulerMaruyama(dt=0.01, replicas=64)
    with pytest.raises(SolveError, match=r"diverged.*first was number \d+ .*smaller `dt`"):
        simulate(system, method, key=KEY, time=4.0)
    found = simulate(system, method, key=KEY, time=4.0, throw=False)
    lost = int(found.stats["diverged"])
    assert 0 < lost < 64 and 0 < found.stats["diverged_first_step"] < 400
    assert found.mean_position.n_effective == 64 - lost
    assert np.isfinite(found.mean_position.value)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"time": 3.0, "burn_in": 3.0}, "leaves nothing to count"),
        ({"time": 3.01}, r"time = 3\.01 is no whole number of steps of dt = 0\.05"),
        ({}, "time is missing"),
        ({"time": 1e9}, "of 2147483647 steps at most"),
        ({"time": 3.0, "initial": jnp.zeros((2, 5))}, r"initial has shape \(2, 5\)"),
        ({"time": 3.0, "key": 3}, "is no key"),
        ({"time": 3.0, "observables": (TimeAverage("x", jnp.sum),) * 2}, "have one name"),
    ],
)
def test_a_wrong_plan_is_refused(ring, plan, message):
    with pytest.raises(ValueError, match=message):
        simulate(RING, ring[0], **{"key": KEY, **plan})


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Overdamped(potential=Harmonic(), temperature=-1.0), "temperature = -1 is not"),
        (lambda: Overdamped(potential=Harmonic(), friction=0.0), "friction = 0 is not allowed"),
        (lambda: Overdamped(potential=GYRATOR, **{"protocol": DRAGGED["protocol"]}), "1 controls"),
        (
            lambda: Overdamped(potential=GYRATOR, temperature_profile=PerCoordinate(factor=[1.0])),
            r"temperature_profile gives an array of shape \(1,\)",
        ),
        (
            lambda: simulate(
                Overdamped(potential=Harmonic(stiffness=50.0)),
                EulerMaruyama(dt=0.05),
                key=KEY,
                time=1.0,
            ),
            "dt = 0.05 is not stable: .* relaxes at the rate 50",
        ),
        (
            lambda: simulate(
                Underdamped(potential=Harmonic(stiffness=400.0)), BAOAB(dt=0.1), key=KEY, time=1.0
            ),
            "oscillates at the rate 20",
        ),
        (
            lambda: simulate(RING, EulerMaruyama(dt=0.05, frames=7), key=KEY, time=1.0),
            "20 steps do not divide into 7 frames",
        ),
        (
            lambda: langevin.PiecewiseLinear(times=[0.0, 2.0, 1.0], values=[0.0, 1.0, 2.0]),
            "must start at 0, never fall",
        ),
    ],
)
def test_misuse_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
