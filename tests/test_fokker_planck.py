"""The Fokker-Planck equation on a grid: rings, intervals, time, and the moments of work."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import SolveError, evolve, langevin, steady, store
from jaxneq._core import Scalar, parameter
from jaxneq.langevin import (
    BreathingHarmonic,
    CosineProfile,
    DoubleWell,
    FokkerPlanck,
    Harmonic,
    LinearMoments,
    LinearRamp,
    Overdamped,
    PiecewiseLinear,
    Quadratic,
    TiltedCosine,
    Underdamped,
)

RING = FokkerPlanck(cells=128, ends="periodic")


def washboard(amplitude, force, temperature, **more):
    potential = TiltedCosine(amplitude=amplitude, force=force)
    return Overdamped(potential=potential, temperature=temperature, **more)


@jax.jit
def drift(parameters, friction):
    """Velocity, diffusion and entropy production of a ring."""
    found = steady(washboard(*parameters, friction=friction), RING)
    return jnp.stack([found.velocity, found.diffusion, found.entropy_production])


class Push(langevin.AbstractDrive):
    """A constant force."""

    force: Scalar = parameter(doc="Force")

    def __call__(self, position, control):
        return jnp.full_like(position, self.force)


class Quartic(langevin.AbstractPotential):
    """Harmonic and quartic, with the control on both."""

    dimension = 1
    controls = 1

    def __call__(self, position, control):
        return (1 + control[0]) * (position[0] ** 2 / 2 + position[0] ** 4 / 4) - position[0] / 3


# (F, V0, T): velocity and diffusion by adaptive quadrature (Stratonovich; Reimann et al.).
WASHBOARDS = {
    (0.7, 1.0, 0.3): (0.20433264162548564, 0.4382493484338396, 10.008991269114484),
    (1.0, 1.0, 0.1): (0.36895324576207045, 0.41112993531973674, 22.286289118858438),
}


@pytest.mark.parametrize("force, amplitude, temperature", WASHBOARDS)
def test_a_tilted_washboard(force, amplitude, temperature):
    velocity, diffusion, uncertainty = WASHBOARDS[force, amplitude, temperature]
    found = drift(jnp.array([amplitude, force, temperature]), jnp.array(1.0))
    np.testing.assert_allclose(found[:2], [velocity, diffusion], rtol=1e-9)
    np.testing.assert_allclose(found[2], force * velocity / temperature, rtol=1e-9)
    np.testing.assert_allclose(2 * found[1] * found[2] / found[0] ** 2, uncertainty, rtol=1e-9)
    mirrored = drift(jnp.array([amplitude, -force, temperature]), jnp.array(1.0))
    np.testing.assert_allclose(mirrored, found * jnp.array([-1.0, 1.0, 1.0]), rtol=1e-12)
    slow = drift(jnp.array([amplitude, force, temperature]), jnp.array(4.0))
    np.testing.assert_allclose(slow, found / 4, rtol=1e-12)


def test_giant_diffusion_at_low_temperature():
    """F = 1, V0 = 1, T = 0.01, barriers of 200 T: v and D as above."""
    found = steady(washboard(1.0, 1.0, 0.01), FokkerPlanck(cells=512, ends="periodic"))
    np.testing.assert_allclose(found.velocity, 0.17136763140417996, rtol=1e-7)
    np.testing.assert_allclose(found.diffusion, 0.18181318500274832, rtol=1e-7)
    single = steady(
        jax.tree.map(lambda a: a.astype(jnp.float32), washboard(1.0, 1.0, 0.01)),
        FokkerPlanck(cells=512, ends="periodic"),
    )
    assert single.velocity.dtype == single.density.dtype == jnp.float32
    np.testing.assert_allclose(single.velocity, found.velocity, rtol=1e-3)


def test_without_tilt_nothing_flows():
    """Lifson and Jackson (1962): V0 = 1, T = 1/2."""
    found = drift(jnp.array([1.0, 0.0, 0.5]), jnp.array(1.0))
    np.testing.assert_allclose(found, [0, 0.0962184392458364, 0], rtol=1e-12, atol=1e-15)


def test_derivatives_on_a_ring():
    parameters, friction = jnp.array([1.0, 0.7, 0.3]), jnp.array(1.0)
    forward, reverse = (jax.jit(d(drift))(parameters, friction) for d in (jax.jacfwd, jax.jacrev))
    np.testing.assert_allclose(forward, reverse, rtol=1e-11)
    for output in range(3):
        for index in range(3):
            step = jnp.zeros(3).at[index].set(1.0)
            along = slope(lambda h, d=step, o=output: drift(parameters + h * d, friction)[o], 0.0)
            np.testing.assert_allclose(forward[output, index], along, rtol=1e-6)

    def mobility(force):
        return jax.grad(lambda f: drift(jnp.array([1.0, 0.0, 0.5]).at[1].set(f), friction)[0])(
            force
        )

    # Einstein: the mobility without tilt is D / T.
    np.testing.assert_allclose(mobility(0.0), 0.0962184392458364 / 0.5, rtol=1e-10)
    second = jax.jit(jax.grad(mobility))
    np.testing.assert_allclose(second(0.4), slope(jax.jit(mobility), 0.4), rtol=1e-6)


def test_a_batch_of_rings():
    forces = jnp.array([0.2, 0.7, 1.0])
    batch = jax.vmap(lambda f: drift(jnp.array([1.0, 0.0, 0.3]).at[1].set(f), jnp.array(1.0)))(
        forces
    )
    np.testing.assert_allclose(batch[1, 0], 0.20433264162548564, rtol=1e-10)
    assert np.all(np.diff(batch[:, 0]) > 0)


def test_a_drive_does_what_a_tilt_does():
    tilted = steady(washboard(1.0, 0.7, 0.3), RING)
    pushed = steady(washboard(1.0, 0.0, 0.3, drive=Push(force=0.7)), RING)
    for name in ("density", "current", "diffusion", "heat_rate", "entropy_production"):
        np.testing.assert_allclose(getattr(pushed, name), getattr(tilted, name), rtol=1e-10)
    np.testing.assert_allclose(pushed.work_rate, pushed.heat_rate, rtol=1e-10)
    np.testing.assert_allclose(pushed.work_rate, 0.7 * pushed.velocity, rtol=1e-10)


def test_friction_and_temperature_that_vary():
    r"""Buettiker (1987) and Landauer (1988): a hot side drives a current around a periodic force.

    With :math:`\phi' = U'/T`, T p = (J / (1 - e^{phi(L)})) e^{-phi(x)} times the integral over the
    next turn of gamma e^{phi}, here by rectangles on 4096 points.
    """
    friction, temperature = (
        CosineProfile(amplitude=0.4, phase=0.3),
        CosineProfile(amplitude=0.5, phase=1.7),
    )
    profiles = {"friction_profile": friction, "temperature_profile": temperature}
    found = steady(washboard(0.8, 0.0, 0.6, friction=2.0, **profiles), RING)
    n, turn = 4096, 2 * np.pi
    x = turn * np.arange(2 * n) / n
    gamma, hot = 2 * (1 + 0.4 * np.cos(x - 0.3)), 0.6 * (1 + 0.5 * np.cos(x - 1.7))
    modes = np.fft.rfft(0.8 * np.sin(x[:n]) / hot[:n]) / n
    waves = np.arange(1, modes.size)
    phi = modes[0].real * x + np.sum(
        np.real(
            2 * modes[1:40, None] / (1j * waves[:39, None]) * np.exp(1j * waves[:39, None] * x)
        ),
        axis=0,
    )
    resisted = gamma * np.exp(phi)
    # Trapezoids with the end correction of a function that is multiplied by e^{phi(L)} a turn on.
    cumulated = np.concatenate([[0], np.cumsum(resisted)])
    grown = np.exp(phi[n] - phi[0])
    rate = np.gradient(np.log(resisted), x[1])[:n]
    window = (cumulated[n : 2 * n] - cumulated[:n] + resisted[:n] * (grown - 1) / 2) * x[1]
    window -= x[1] ** 2 / 12 * resisted[:n] * rate * (grown - 1)
    density = np.exp(-phi[:n]) * window / hot[:n]
    current = (1 - grown) / (np.mean(density) * turn)
    np.testing.assert_allclose(found.velocity, turn * current, rtol=1e-7)
    assert abs(current) > 1e-3
    np.testing.assert_allclose(np.sum(found.current * found.affinity), found.entropy_production)
    assert found.entropy_production > 0


def test_diffusion_with_friction_that_varies():
    """Without tilt the resistances add: D = T / (<gamma e^{U/T}> <e^{-U/T}>)."""
    friction = CosineProfile(amplitude=0.6, phase=0.5)
    found = steady(washboard(1.0, 0.0, 0.5, friction_profile=friction), RING)
    x = 2 * np.pi * np.arange(200) / 200
    held, resisted = np.exp(np.cos(x) / 0.5), np.exp(-np.cos(x) / 0.5) * (1 + 0.6 * np.cos(x - 0.5))
    np.testing.assert_allclose(found.diffusion, 0.5 / (held.mean() * resisted.mean()), rtol=1e-11)


def test_equilibrium_between_walls_is_exact():
    well = Overdamped(potential=DoubleWell(barrier=5.0), temperature=0.8, friction=3.0)
    found = steady(well)
    x = found.position
    weight = np.exp(-5 * (x**2 - 1) ** 2 / 0.8)
    width = x[1] - x[0]
    np.testing.assert_allclose(found.density, weight / (weight.sum() * width), rtol=1e-10)
    assert np.all(found.current == 0) and found.entropy_production == 0
    np.testing.assert_allclose(found.mean_position, 0, atol=1e-12)
    assert found.conservation_residual < 1e-12 and found.diffusion is None


def test_relaxation_rates_converge_as_the_square_of_the_width():
    """The double well of 3 T: 0.2418595825512959 by a fine matrix; a harmonic well: n k / gamma."""

    @eqx.filter_jit
    def rates(potential, cells):
        system = Overdamped(potential=potential, friction=2.0)
        method = FokkerPlanck(cells=cells, lower=-6.0, upper=6.0, modes=3)
        return steady(system, method).relaxation_rates

    for potential, exact in (
        (DoubleWell(barrier=3.0, distance=2.0), np.array([0.2418595825512959 / 8])),
        (Harmonic(stiffness=1.5), np.array([0.75, 1.5, 2.25])),
    ):
        coarse, fine = (rates(potential, cells)[: exact.size] for cells in (150, 300))
        np.testing.assert_allclose((coarse - exact) / (fine - exact), 4.0, rtol=0.02)
        np.testing.assert_allclose((4 * fine - coarse) / 3, exact, rtol=3e-6)

    def lowest(stiffness):
        return rates(Harmonic(stiffness=stiffness), 100)[0]

    np.testing.assert_allclose(jax.grad(lowest)(1.5), slope(lowest, 1.5), rtol=1e-6)


def breathing(stiffness, end, duration, **more):
    ramp = LinearRamp(end=end - stiffness, ramp_time=duration)
    return Overdamped(potential=BreathingHarmonic(stiffness=stiffness), protocol=ramp, **more)


@eqx.filter_jit
def worked(system, cells=128, substeps=16, times=(0.0, 0.5, 1.0)):
    method = FokkerPlanck(cells=cells, lower=-7.0, upper=8.0, substeps=substeps)
    return evolve(system, method, times=jnp.array(times))


def test_a_breathing_trap_and_its_work():
    """Mean work from w' = 2 - 2 k w; its variance by two integrals over the correlation of x^2."""
    coarse, fine = (worked(breathing(1.0, 2.0, 1.0), cells=cells) for cells in (128, 256))

    def limit(name):
        return (4 * getattr(fine, name) - getattr(coarse, name)) / 3

    np.testing.assert_allclose(limit("work")[-1], 0.4124657985347547, rtol=1e-7)
    np.testing.assert_allclose(limit("work_variance")[-1], 0.17862875401876488, rtol=1e-5)
    np.testing.assert_allclose(fine.exponential_work[-1], 0.5**0.5, rtol=1e-8)
    exact = evolve(breathing(1.0, 2.0, 1.0), LinearMoments(), times=[0.0, 0.5, 1.0])
    for name in ("work", "work_variance", "heat", "position_variance", "entropy_production"):
        other = getattr(exact, name).reshape(3)
        np.testing.assert_allclose(limit(name), other, rtol=3e-5, atol=1e-9, err_msg=name)
    assert fine.conservation_residual < 1e-7
    np.testing.assert_allclose(
        np.sum(fine.fluxes["probability"] * fine.forces["probability"], axis=-1),
        fine.entropy_production,
        rtol=1e-12,
    )
    assert np.all(fine.entropy_production >= 0)


@pytest.mark.parametrize("times", [[0.0, 0.0, 0.4, 0.4, 1.0, 1.0], [0.0, 0.3, 0.6, 0.8, 0.9, 1.0]])
def test_the_work_theorem_holds_in_any_well(times):
    """Jarzynski (1997), with jumps: the mean of exp(-W / T) is the ratio of partition functions."""
    knots = PiecewiseLinear(times=times, values=[0.0, 0.6, 1.5, 0.2, 0.5, 1.0])
    system = Overdamped(potential=Quartic(), protocol=knots, temperature=0.7, friction=1.3)
    found = worked(system)
    x = np.linspace(-7, 8, 3001)
    energy = x**2 / 2 + x**4 / 4
    ratio = np.exp(-(2 * energy - x / 3) / 0.7).sum() / np.exp(-(energy - x / 3) / 0.7).sum()
    np.testing.assert_allclose(found.exponential_work[-1], ratio, rtol=2e-6)
    assert found.work[-1] > -0.7 * np.log(ratio)
    assert found.conservation_residual < 1e-5


def test_steps_are_of_fourth_order():
    def moments(substeps):
        found = worked(breathing(1.0, 5.0, 0.5), cells=64, substeps=substeps)
        return jnp.stack([found.work[-1], found.work_variance[-1], found.heat[-1]])

    coarse, middle, fine = map(moments, (6, 12, 48))
    slopes = np.log2(np.abs((coarse - fine) / (middle - fine)))
    assert np.all(slopes > 3.6) and np.all(slopes < 4.6), slopes


def test_derivatives_of_work():
    start = jnp.array([1.0, 2.0, 0.8, 0.7])

    @jax.jit
    def moments(p):
        found = worked(breathing(p[0], p[1], p[2], temperature=p[3]), cells=48, substeps=4)
        return jnp.stack([found.work[-1], found.work_variance[-1], found.exponential_work[-1]])

    direction = jnp.array([0.3, -0.4, 0.5, 0.2])
    along = jax.jit(lambda p: jax.jvp(moments, (p,), (direction,))[1])(start)
    reverse = jax.jit(jax.grad(lambda p: moments(p).sum()))(start)
    np.testing.assert_allclose(reverse @ direction, along.sum(), rtol=1e-10)
    for index in range(3):
        found = slope(lambda h, i=index: moments(start + h * direction)[i], 0.0)
        np.testing.assert_allclose(along[index], found, rtol=1e-6)


def test_a_density_relaxes():
    """From a Gaussian at 1 of variance 1/4: the mean falls as e^{-t}, the variance to 1."""
    trap = Overdamped(potential=Harmonic())
    times = jnp.array([0.2, 1.0, 3.0])

    @eqx.filter_jit
    def follow(cells):
        method = FokkerPlanck(cells=cells, lower=-8.0, upper=8.0, substeps=16)
        start = jnp.exp(-2 * (method.positions(trap) - 1) ** 2)
        found = evolve(trap, method, times=times, initial=start)
        return jnp.stack([found.mean_position, found.position_variance]), found

    (coarse, _), (fine, found) = follow(100), follow(200)
    exact = np.stack([np.exp(-times), 1 - 0.75 * np.exp(-2 * times)])
    np.testing.assert_allclose((4 * fine - coarse) / 3, exact, rtol=1e-5)
    np.testing.assert_allclose(found.work, 0, atol=1e-15)
    assert found.conservation_residual < 1e-7 and found.work_variance is None


def test_a_driven_ring_in_time():
    """From the stationary state it stays there; switched, it goes to the other one."""
    ramp = PiecewiseLinear(times=[0.0, 0.0, 1.0], values=[0.0, 0.3, 0.3])
    ring = washboard(1.0, 0.4, 0.3, protocol=ramp)
    method = FokkerPlanck(cells=64, ends="periodic", substeps=64)
    found = evolve(ring, method, times=[0.0, 20.0])
    before, after = (drift(jnp.array([1.0, force, 0.3]), jnp.array(1.0)) for force in (0.4, 0.7))
    np.testing.assert_allclose(found.velocity[-1], after[0], rtol=3e-3)
    rest = steady(ring, method)
    np.testing.assert_allclose(rest.velocity, before[0], rtol=1e-10)
    np.testing.assert_allclose(found.density[0], rest.density, rtol=1e-12)
    assert found.work is None and found.conservation_residual < 1e-12
    assert np.all(found.heat[1:] > 0)


def test_single_precision():
    system = jax.tree.map(lambda a: a.astype(jnp.float32), breathing(1.0, 2.0, 1.0))
    method = jax.tree.map(
        lambda a: a.astype(jnp.float32), FokkerPlanck(cells=128, lower=-7.0, upper=8.0, substeps=16)
    )
    found = evolve(system, method, times=jnp.array([0.0, 1.0], jnp.float32))
    assert found.work.dtype == found.density.dtype == jnp.float32
    np.testing.assert_allclose(found.work[-1], 0.41246580, rtol=2e-3)
    np.testing.assert_allclose(found.exponential_work[-1], 0.5**0.5, rtol=1e-4)


def test_solutions_are_stored_with_their_dimensions():
    still = store.datasets_of(steady(washboard(1.0, 0.7, 0.3), RING), {})
    assert still["density"].dims == ("cell",) and still["velocity"].dims == ()
    moving = store.datasets_of(worked(breathing(1.0, 2.0, 1.0)), {})
    assert moving["density"].dims == ("time", "cell") and moving["work"].dims == ("time",)


REFUSED = {
    "2 coordinates": lambda: steady(
        Overdamped(potential=Quadratic(stiffness=[[1.0, 0.0], [0.0, 1.0]])), FokkerPlanck()
    ),
    "does not confine": lambda: steady(washboard(1.0, 0.7, 0.3), FokkerPlanck()),
    "names no period": lambda: steady(Overdamped(potential=Harmonic()), RING),
    "differ between the ends": lambda: steady(
        washboard(1.0, 0.7, 0.3), FokkerPlanck(ends="periodic", upper=5.0)
    ),
    "rates may be complex": lambda: FokkerPlanck(ends="periodic", modes=1),
    "below cells": lambda: FokkerPlanck(cells=8, modes=8),
    "must lie below": lambda: FokkerPlanck(lower=1.0, upper=-1.0),
    "initial has shape": lambda: evolve(
        Overdamped(potential=Harmonic()), FokkerPlanck(cells=16), times=[1.0], initial=[1.0, 2.0]
    ),
    "treats Overdamped": lambda: steady(Underdamped(potential=Harmonic()), FokkerPlanck()),
}


@pytest.mark.parametrize("words", REFUSED)
def test_misuse_is_refused(words):
    with pytest.raises(ValueError, match=words):
        REFUSED[words]()


def test_steps_that_are_too_long_are_told():
    with pytest.raises(SolveError, match="not_accurate"):
        evolve(breathing(1.0, 40.0, 1.0), FokkerPlanck(cells=64, substeps=1), times=[1.0])


def test_what_does_not_fit_is_told_when_traced():
    status = jax.jit(lambda f: steady(washboard(1.0, f, 0.3), FokkerPlanck()).status.code)(0.7)
    assert langevin and status == 8  # outside_domain
