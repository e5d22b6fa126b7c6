"""Particles in single file: springs exactly, repulsion by the law of long times."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

from jaxneq import config, langevin, report, simulate
from jaxneq.langevin import (
    EulerMaruyama,
    ExponentialSpring,
    HarmonicSpring,
    MeanSquaredDisplacement,
    Overdamped,
    SingleFile,
    gap_variance,
    single_file_law,
)
from jaxneq.langevin._single_file import gaussian_file

KEY, NONE = jax.random.key(0), jnp.zeros(0)


def toda(strength, reach, spacing, temperature=1.0, particles=8):
    bond = ExponentialSpring(strength=strength, reach=reach)
    file = SingleFile(particles=particles, bond=bond, spacing=spacing)
    return Overdamped(potential=file, temperature=temperature)


def exact_variance(strength, reach, spacing, temperature):
    """Z(P) = l (T/epsilon)^(P l) Gamma(P l): mean l (ln(epsilon/T) - psi), variance l^2 psi'."""

    def excess(log_product):
        return reach * (np.log(strength / temperature) - digamma(np.exp(log_product))) - spacing

    product = np.exp(brentq(excess, -20.0, 20.0, xtol=1e-14))
    return reach**2 * polygamma(1, product)


def test_the_energy_and_its_gradient():
    file = SingleFile(particles=3, bond=ExponentialSpring(strength=2.0, reach=0.5), spacing=1.5)
    x = jnp.asarray([0.1, 0.4, -0.2])
    gaps = np.array([1.8, 0.9, 1.8])
    np.testing.assert_allclose(file(x, NONE), np.sum(2 * np.exp(-gaps / 0.5)), rtol=1e-12)
    along = jax.grad(lambda at: file(at, NONE))(x)
    np.testing.assert_allclose(file.gradient(x, NONE), along, rtol=1e-12, atol=1e-15)


VARIANCE = jax.jit(jax.value_and_grad(lambda x: gap_variance(toda(*x))))
CASES = [(5.0, 0.25, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0), (1.0, 0.2, 5.0, 1.0), (200.0, 0.1, 1.0, 2.0)]


@pytest.mark.parametrize("case", CASES)
def test_the_variance_of_a_gap(case):
    """From dilute to dense, the value and the derivatives by all four numbers."""
    found, slopes = VARIANCE(jnp.asarray(case))
    np.testing.assert_allclose(found, exact_variance(*case), rtol=1e-9)
    for number, value in enumerate(case):

        def along(x, number=number):
            return exact_variance(*[x if i == number else v for i, v in enumerate(case)])

        np.testing.assert_allclose(slopes[number], slope(along, value, 2e-3 * value), rtol=1e-6)


def test_springs_have_the_variance_of_equipartition():
    bond = HarmonicSpring(stiffness=3.0)
    ring = Overdamped(potential=SingleFile(particles=8, bond=bond), temperature=0.7)
    np.testing.assert_allclose(jax.jit(gap_variance)(ring), 0.7 / 3, rtol=1e-12)


def test_a_dilute_file_of_rods_obeys_harris():
    """Steep repulsion makes rods, a = l (ln(epsilon/T) + 0.5772): 2 (1/rho - a) sqrt(D t/pi)."""
    file = toda(np.exp(10.0), 0.02, 1.0)
    length = 0.02 * (10.0 + 0.5772156649)
    law = single_file_law(file, jnp.asarray([4.0]))[0]
    assert law == pytest.approx(2 * (1 - length) * np.sqrt(4.0 / np.pi), rel=2e-3)


def test_the_ring_of_springs_tends_to_free_diffusion_and_to_the_law():
    """At short times 2 D t; at long ones the law, less 1/(16 k t), which its sum of waves gives."""
    ring = Overdamped(potential=SingleFile(particles=400, bond=HarmonicSpring(stiffness=2.0)))
    times = jnp.asarray([1e-5, 10.0, 40.0])
    found, law = gaussian_file(ring, times), single_file_law(ring, times)
    assert found[0] == pytest.approx(2e-5, rel=1e-4)
    expected = 1 - 1 / (16 * 2 * np.array([10.0, 40.0]))
    np.testing.assert_allclose(found[1:] / law[1:], expected, atol=1e-4)

    def along(stiffness):
        bond = HarmonicSpring(stiffness=stiffness)
        ring = Overdamped(potential=SingleFile(particles=6, bond=bond))
        return gaussian_file(ring, jnp.asarray([0.7]))[0]

    np.testing.assert_allclose(jax.grad(along)(2.0), slope(along, 2.0), rtol=1e-6)


def rouse(particles, dt, burn_in, steps):
    """Of the Euler-Maruyama chain from the lattice, k = D = 1: each wave is x' = c x + noise."""
    rate = 4 * np.sin(np.pi * np.arange(particles) / particles) ** 2
    found = []
    for count in steps:
        total = 2 * dt * count  # the centre of mass
        for c in 1 - rate[1:] * dt:
            variance = 2 * dt * (1 - c ** (2 * burn_in)) / (1 - c**2)
            total += (1 - c**count) ** 2 * variance + 2 * dt * (1 - c ** (2 * count)) / (1 - c**2)
        found.append(total / particles)
    return np.array(found)


def test_springs_spread_as_rouse_says():
    ring = Overdamped(potential=SingleFile(particles=6, bond=HarmonicSpring()))
    method = MeanSquaredDisplacement(integrator=EulerMaruyama(dt=0.1, replicas=4096), points=8)
    found = simulate(ring, method, key=KEY, time=11.0, burn_in=1.0)
    steps = np.round(np.asarray(found.time) / 0.1).astype(int)
    assert steps[0] == 2 and steps[-1] == 100
    expected = rouse(6, 0.1, 10, steps)
    spread = found.mean_squared_displacement
    assert np.all(np.abs(spread.z_score(expected)) < 5), spread.z_score(expected)
    assert np.all(spread.stderr < 0.03 * expected)
    inner = np.log(expected[2:] / expected[:-2]) / np.log(steps[2:] / steps[:-2])
    exponent = jax.tree.map(lambda each: each[1:-1], found.exponent)
    assert np.all(np.abs(exponent.z_score(inner)) < 5) and np.all(exponent.stderr < 0.02)
    np.testing.assert_allclose(found.free_mean_squared_displacement, 2 * found.time, rtol=1e-12)
    total = sum(jnp.sum(found.fluxes[name] * found.forces[name]) for name in found.fluxes)
    np.testing.assert_allclose(total, found.entropy_production.value, atol=1e-12)


def test_displacements_of_any_system():
    """A particle that slides freely under a constant force: 2 D t + (v t)^2, in two blocks."""
    slide = Overdamped(potential=langevin.TiltedCosine(amplitude=0.0, force=1.5), friction=2.0)
    integrator = EulerMaruyama(dt=0.25, replicas=4096, block=2048)
    method = MeanSquaredDisplacement(integrator=integrator, points=5)
    found = simulate(slide, method, key=KEY, time=8.0)
    expected = found.time + (0.75 * found.time) ** 2
    assert np.all(np.abs(found.mean_squared_displacement.z_score(expected)) < 5)
    assert found.single_file_mean_squared_displacement is None
    last = (found.ensemble.position - found.ensemble.start) ** 2
    mean = found.mean_squared_displacement.value
    np.testing.assert_allclose(mean[-1], jnp.mean(last), rtol=1e-12)


@pytest.fixture(scope="session")
def job():
    path = Path(__file__).parents[1] / "configs" / "single_file.toml"
    smaller = (
        "system.potential.particles=32",
        "method.integrator.replicas=256",
        "method.points=16",
        "simulate.time=31.0",
        "simulate.burn_in=20.0",
    )
    return config.execute(config.load(path, smaller))


def test_repulsion_slows_to_the_root_of_the_time(job):
    """A sqrt(t) + B: the first correction is a constant, some 5 % at t = 1; A is the law's."""
    time = job.quantities["time"].values
    found = job.quantities["mean_squared_displacement"].values
    error = job.quantities["mean_squared_displacement_stderr"].values
    law = job.quantities["single_file_mean_squared_displacement"].values
    first, last = (int(np.argmin(np.abs(time - at))) for at in (1.0, 6.0))
    span = np.sqrt(time[last]) - np.sqrt(time[first])
    root = (found[last] - found[first]) / span
    spread = np.hypot(error[last], error[first]) / span
    expected = 2 * np.sqrt(exact_variance(8.0, 0.3, 1.0, 1.0) / np.pi)
    assert abs(root - expected) < 5 * spread and spread < 0.07 * expected, (root, expected, spread)
    np.testing.assert_allclose(law, expected * np.sqrt(time), rtol=1e-9)
    assert found[0] == pytest.approx(2 * time[0], rel=0.2)
    exponent = job.quantities["exponent"].values
    assert exponent[0] > 0.85 and abs(exponent[-4] - 0.5) < 0.1


def test_the_figure_has_logarithmic_axes_and_the_laws(job):
    axes = report.figure(job).axes
    spread = next(ax for ax in axes if ax.get_ylabel() == "Mean squared displacement")
    assert spread.get_xscale() == spread.get_yscale() == "log"
    assert len(spread.lines) == 4  # what was sampled, free, single file, gaussian


def test_sampled_gradients_against_differences():
    method = MeanSquaredDisplacement(integrator=EulerMaruyama(dt=0.01, replicas=8), points=4)

    @jax.jit
    def computed(x):
        found = simulate(toda(*x, particles=4), method, key=KEY, time=0.6, burn_in=0.2)
        return jnp.sum(found.mean_squared_displacement.value) + found.exponent.value[1]

    at, step = jnp.asarray([5.0, 0.25, 1.0, 0.8]), 1e-5 * jnp.eye(4)
    differences = [(computed(at + one) - computed(at - one)) / 2e-5 for one in step]
    np.testing.assert_allclose(jax.jacfwd(computed)(at), differences, rtol=1e-6, atol=1e-8)


def test_misuse_is_told():
    with pytest.raises(ValueError, match="the potential is Harmonic"):
        gap_variance(Overdamped(potential=langevin.Harmonic()))
    loose = SingleFile(particles=4, spacing=1.0, bond=langevin.CosineSpring())
    with pytest.raises(ValueError, match="a CosineSpring lets particles part"):
        gap_variance(Overdamped(potential=loose))
    method = MeanSquaredDisplacement(integrator=EulerMaruyama(dt=0.1, replicas=8))
    with pytest.raises(ValueError, match="leaves 4 steps to count, too few"):
        simulate(toda(1.0, 1.0, 1.0), method, key=KEY, time=0.4)


def test_in_float32_everything_is_float32():
    with jax.enable_x64(False):
        method = MeanSquaredDisplacement(integrator=EulerMaruyama(dt=0.01, replicas=8), points=4)
        found = simulate(toda(5.0, 0.25, 1.0), method, key=KEY, time=0.6)
        variance = jax.jit(gap_variance)(toda(5.0, 0.25, 1.0))
        assert variance == pytest.approx(0.40900, rel=1e-3)
    kinds = {leaf.dtype for leaf in jax.tree.leaves(found)}
    assert kinds == {jnp.dtype("float32"), jnp.dtype("int32")}
