"""Diffusion along a corridor: two dimensions against one, and both against samples."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope
from jax.scipy.special import i0, i1

from jaxneq import config, langevin, report, simulate, steady
from jaxneq.langevin import Corridor, CorridorDiffusion, FokkerPlanck, Overdamped, fick_jacobs

RING = FokkerPlanck(cells=64, ends="periodic")
NONE = jnp.asarray([0.0])


def exact(width_squared, modulation, waves=18, order=20, time=np.inf):
    """D/D_0: the minimum of the dissipation over psi(x, y) = x + f, by Fourier times Hermite.

    psi is a martingale and the motion reversible, so after a time the variance over twice it has
    the variance of f over the time on top.

    With z = y / sigma(x) the density is sigma(x) times a normal one of z, and the derivative along
    x at fixed y is d/dx - z (sigma'/sigma) d/dz.
    """
    count = 2 * waves + 1
    x = 2 * np.pi * np.arange(count) / count
    sigma = np.sqrt(width_squared) * np.exp(-modulation * np.cos(x))
    number = np.fft.fftfreq(count, 1 / count)
    wave = np.fft.ifft(1j * number[:, None] * np.fft.fft(np.eye(count), axis=0), axis=0).real
    lower = np.diag(np.sqrt(np.arange(1, order)), 1)
    each = np.eye(order)
    along = np.kron(wave, each)
    along = along - np.kron(np.diag(modulation * np.sin(x)), (lower + lower.T) @ lower)
    across = np.kron(np.diag(1 / sigma), lower)
    weight = np.kron(sigma, np.ones(order))[:, None]
    unit = np.kron(np.ones(count), each[0])
    matrix = along.T @ (weight * along) + across.T @ (weight * across)
    pull = along.T @ (weight[:, 0] * unit)
    found = np.linalg.lstsq(matrix, pull, rcond=1e-13)[0]
    share = weight[:, 0] / (unit @ (weight[:, 0] * unit))
    variance = found @ (share * found) - (unit @ (share * found)) ** 2
    return 1 - pull @ found / (unit @ (weight[:, 0] * unit)) + variance / time


def reduced(corrected, stiffness, modulation, temperature=1.0, friction=1.0):
    corridor = Overdamped(
        potential=Corridor(stiffness=stiffness, modulation=modulation),
        temperature=temperature,
        friction=friction,
    )
    return steady(fick_jacobs(corridor, corrected), RING).diffusion


def test_the_energy_by_hand():
    corridor = Corridor(stiffness=2.0, modulation=0.5, force=0.3)
    place = jnp.asarray([np.pi / 3, 1.5])
    expected = 2.0 * np.exp(0.5) * 1.5**2 / 2 - 0.4 * np.pi / 3
    assert corridor(place, jnp.asarray([0.1])) == pytest.approx(expected, rel=1e-12)
    pull = [-0.3 - 2.0 * np.exp(0.5) * 0.5 * np.sin(np.pi / 3) * 1.5**2, 2.0 * np.exp(0.5) * 1.5]
    np.testing.assert_allclose(corridor.gradient(place, NONE), pull, rtol=1e-12)


def test_fick_and_jacobs_in_closed_form():
    """T / gamma over I_0(a)^2, and with the slope of the walls I_0^2 + (T/k) a I_0 I_1."""
    plain, corrected = (reduced(each, 4.0, 0.7, 0.5, 2.0) for each in (False, True))
    i_0, i_1 = i0(0.7), i1(0.7)
    np.testing.assert_allclose(plain, 0.25 / i_0**2, rtol=1e-12)
    np.testing.assert_allclose(corrected, 0.25 / (i_0**2 + 0.125 * 0.7 * i_0 * i_1), rtol=1e-10)
    quadrature = langevin.lifson_jackson(
        fick_jacobs(Overdamped(potential=Corridor(modulation=0.7)), corrected=False)
    )
    np.testing.assert_allclose(quadrature, 1 / i_0**2, rtol=1e-12)


def test_the_reduction_converges_with_its_order():
    """In T/k, the square of width over length: first order plain, from above; second corrected."""
    widths = 1 / np.array([16.0, 64.0, 256.0])
    truth = np.array([exact(width, 0.7, waves=14, order=10) for width in widths])
    error = np.array([[float(reduced(c, 1 / w, 0.7)) for w in widths] for c in (False, True)])
    error -= truth
    assert np.all(error[0] > 0)
    ratios = error[:, :-1] / error[:, 1:]
    assert np.all(np.abs(ratios[0] / 4 - 1) < [0.1, 0.03])
    assert np.all(np.abs(ratios[1] / 16 - 1) < [0.17, 0.06])


def test_gradients_of_the_reduction():
    """Of the corrected diffusion: by the closed form, and that by differences."""
    at = jnp.asarray([4.0, 0.7, 0.5, 2.0])

    def closed(x):
        k, a, temperature, friction = x
        i_0 = i0(a)
        return temperature / friction / (i_0**2 + temperature / k * a * i_0 * i1(a))

    solved = jax.jit(jax.jacfwd(lambda x: reduced(True, *x)))(at)
    np.testing.assert_allclose(solved, jax.grad(closed)(at), rtol=1e-8)
    for number, value in enumerate(at):
        along = lambda x, number=number: closed(at.at[number].set(x))  # noqa: E731
        np.testing.assert_allclose(solved[number], slope(along, float(value)), rtol=1e-6)


@pytest.fixture(scope="session")
def job():
    path = Path(__file__).parents[1] / "configs" / "corridor.toml"
    values = "sweep={ 'system.potential.modulation' = { values = [0.5, 1.0] } }"
    return config.execute(config.load(path, [values, "simulate.time=60.0"]))


@pytest.mark.slow
def test_the_job_samples_what_two_dimensions_give(job):
    found = job.quantities["diffusion"].values
    error = job.quantities["diffusion_stderr"].values
    truth = np.array([exact(0.25, each, time=50.0) for each in (0.5, 1.0)])
    assert np.all(np.abs(found - truth) < 5 * error), (found, truth, error)
    assert np.all(error < 0.027 * truth)
    plain = job.quantities["fick_jacobs_diffusion"].values
    corrected = job.quantities["corrected_diffusion"].values
    assert np.all(corrected < truth) and np.all(truth < plain)


def test_the_figure_shows_both_formulas(job):
    (ax,) = report.figure(job).axes
    names = {text.get_text() for text in ax.texts}
    assert ax.get_ylabel() == "Diffusion" and ax.get_xlabel() == "Modulation"
    assert {"fick jacobs", "corrected"} <= names


LOADED = Overdamped(potential=Corridor(stiffness=50.0, modulation=0.7, force=0.8))
FEW = langevin.LeimkuhlerMatthews(dt=0.005, replicas=512)


def test_a_load_pulls_particles_as_along_one_coordinate():
    """A narrow corridor; the reduction is off by about T/k, 2 %; work is force times way."""
    method = CorridorDiffusion(integrator=FEW)
    found = simulate(LOADED, method, key=jax.random.key(0), time=24.0, burn_in=4.0)
    error = found.velocity.stderr
    assert abs(found.velocity.value - found.fick_jacobs_velocity) < 5 * error + 0.02
    assert error < 0.02 and found.fick_jacobs_velocity < 0.75
    total = sum(jnp.sum(found.fluxes[name] * found.forces[name]) for name in found.fluxes)
    np.testing.assert_allclose(total, found.entropy_production.value, rtol=1e-12)
    unloaded = jax.vmap(Corridor(stiffness=50.0, modulation=0.7), in_axes=(1, None))
    ends = found.ensemble.start, found.ensemble.position
    start, end = (unloaded(position, jnp.zeros(1)) for position in ends)
    produced = 0.8 * found.velocity.value - jnp.mean(end - start) / found.ensemble.time  # T = 1
    np.testing.assert_allclose(found.entropy_production.value, produced, atol=1e-9)


def test_sampled_gradients_against_differences():
    """By modulation, stiffness and force at the same random numbers."""
    method = CorridorDiffusion(integrator=langevin.EulerMaruyama(dt=0.01, replicas=16))

    @jax.jit
    def computed(x):
        potential = Corridor(stiffness=x[0], modulation=x[1], force=x[2])
        system = Overdamped(potential=potential)
        found = simulate(system, method, key=jax.random.key(0), time=0.4)
        return found.diffusion.value + found.velocity.value

    at, step = jnp.asarray([4.0, 0.7, 0.5]), 1e-5 * jnp.eye(3)
    differences = [(computed(at + one) - computed(at - one)) / 2e-5 for one in step]
    np.testing.assert_allclose(jax.grad(computed)(at), differences, rtol=1e-6, atol=1e-9)


def test_what_has_no_reduction_is_refused():
    other = Overdamped(potential=langevin.Harmonic(dimension=2))
    with pytest.raises(ValueError, match="the potential is Harmonic"):
        fick_jacobs(other)
    stirred = Overdamped(potential=Corridor(), drive=langevin.Rotation(strength=1.0))
    with pytest.raises(ValueError, match="has a drive"):
        simulate(stirred, CorridorDiffusion(integrator=FEW), key=jax.random.key(0), time=1.0)


def test_in_float32_everything_is_float32():
    with jax.enable_x64(False):
        method = CorridorDiffusion(integrator=langevin.EulerMaruyama(dt=0.01, replicas=16))
        corridor = Overdamped(potential=Corridor(modulation=0.5))
        found = simulate(corridor, method, key=jax.random.key(0), time=0.4)
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} <= {
        jnp.dtype("float32"),
        jnp.dtype("int32"),
    }
    assert np.isfinite(found.corrected_diffusion)
