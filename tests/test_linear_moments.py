"""Linear systems: stationary covariances, heat, and the moments of work, against closed forms."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import SolveError, evolve, langevin, steady, store
from jaxneq.langevin import (
    BreathingHarmonic,
    BulkBath,
    Chain,
    CosineProfile,
    DoubleWell,
    EndBaths,
    GeneralizedLangevin,
    Harmonic,
    HarmonicSpring,
    LinearMoments,
    LinearRamp,
    Overdamped,
    PerCoordinate,
    PiecewiseLinear,
    Quadratic,
    Rotation,
    TiltedCosine,
    Underdamped,
)


@jax.jit
def gyrator(parameters):
    """Heat into both baths, circulation, entropy production and covariance of a gyrator."""
    coupling, hot, cold, friction = parameters
    system = Overdamped(
        potential=Quadratic(stiffness=jnp.array([[1.0, 0.0], [0.0, 1.0]]) + coupling * SWAP),
        temperature_profile=PerCoordinate(factor=jnp.stack([hot, cold])),
        friction=friction,
    )
    found = steady(system, LinearMoments())
    return {
        "heat": found.heat_rate,
        "circulation": found.circulation[0, 1],
        "entropy": found.entropy_production,
        "covariance": found.covariance,
        "residual": found.conservation_residual,
    }


SWAP = jnp.array([[0.0, 1.0], [1.0, 0.0]])


def test_a_brownian_gyrator():
    """U = (x^2 + y^2) / 2 + u x y, T = 2 and 1: u^2 (Tx - Ty) / 2 gamma flows from hot to cold."""
    found = gyrator(jnp.array([0.5, 2.0, 1.0, 1.0]))
    np.testing.assert_allclose(found["heat"], [-0.125, 0.125], rtol=1e-12)
    np.testing.assert_allclose(found["circulation"], -0.5, rtol=1e-12)
    np.testing.assert_allclose(found["entropy"], 0.0625, rtol=1e-12)
    np.testing.assert_allclose(found["covariance"], [[2.5, -1.0], [-1.0, 1.5]], rtol=1e-12)
    assert found["residual"] < 1e-14
    other = gyrator(jnp.array([-0.3, 0.7, 1.9, 2.5]))
    np.testing.assert_allclose(other["heat"][1], 0.3**2 * (0.7 - 1.9) / 2 / 2.5, rtol=1e-12)


def test_derivatives_of_the_stationary_state():
    start, direction = jnp.array([0.5, 2.0, 1.0, 0.8]), jnp.array([0.3, -0.5, 0.4, 0.2])

    def heat(parameters):
        return gyrator(parameters)["heat"][1]

    gradient = jax.jit(jax.grad(heat))

    def exact(p):
        return p[0] ** 2 * (p[1] - p[2]) / 2 / p[3]

    np.testing.assert_allclose(gradient(start), jax.grad(exact)(start), rtol=1e-11)
    along = slope(lambda h: heat(start + h * direction), 0.0)
    np.testing.assert_allclose(gradient(start) @ direction, along, rtol=1e-6)
    forward = jax.jvp(heat, (start,), (direction,))[1]
    np.testing.assert_allclose(gradient(start) @ direction, forward, rtol=1e-11)
    curved = jax.jit(lambda p: jax.jvp(gradient, (p,), (direction,))[1])
    np.testing.assert_allclose(curved(start), jax.hessian(exact)(start) @ direction, rtol=1e-10)
    batch = jax.vmap(heat)(jnp.stack([start, start + direction]))
    np.testing.assert_allclose(batch, [exact(start), exact(start + direction)], rtol=1e-12)


def test_a_force_that_stirs():
    """Without inertia a^2 2 T / gamma k of heat; with it the orbit is wider: see the formula."""
    a, k, friction, mass, hot = 0.5, 2.0, 1.5, 0.8, 0.7
    common = {
        "potential": Harmonic(stiffness=k, dimension=2),
        "drive": Rotation(strength=a),
        "temperature": hot,
        "friction": friction,
    }
    found = steady(Overdamped(**common))
    np.testing.assert_allclose(found.heat_rate, [2 * a**2 * hot / (k * friction)], rtol=1e-12)
    np.testing.assert_allclose(found.work_rate, found.heat_rate[0], rtol=1e-12)
    np.testing.assert_allclose(found.circulation[0, 1], 2 * a * hot / (k * friction), rtol=1e-12)
    # <x^2> = s and <x v_y> = -<y v_x> = c:
    # k s = m <v^2>, gamma c = a s, gamma (m <v^2> - T) = m a c
    s = hot / (k - mass * a**2 / friction**2)
    found = steady(Underdamped(**common, mass=mass))
    np.testing.assert_allclose(found.position_variance, [s, s], rtol=1e-12)
    np.testing.assert_allclose(found.kinetic_temperature, [k * s, k * s], rtol=1e-12)
    np.testing.assert_allclose(found.work_rate, 2 * a**2 * s / friction, rtol=1e-12)
    np.testing.assert_allclose(found.entropy_production, 2 * a**2 * s / friction / hot, rtol=1e-12)


def chain(sites, friction):
    """Springs of 1 between sites and fixed ends, a bath at either end site, 2 and 1 hot."""
    baths = EndBaths(left=2.0, right=1.0, friction=friction)
    return Chain(sites=sites, bond=HarmonicSpring(), thermostat=baths)


# Rieder, Lebowitz and Lieb (1967), for friction 1/2 and 1, by solving for the covariance exactly.
FLUXES = {
    (2, 0.5): 1 / 6,
    (3, 0.5): 0.17142857142857,
    (8, 0.5): 0.17157287525062004,
    (2, 1.0): 1 / 6,
    (3, 1.0): 0.1875,
    (8, 1.0): 0.19098277608915715,
}


@pytest.mark.parametrize("sites, friction", FLUXES)
def test_a_harmonic_chain_conducts_without_a_gradient(sites, friction):
    found = steady(chain(sites, friction))
    flux = FLUXES[sites, friction]
    np.testing.assert_allclose(found.heat_rate, [-flux, flux], rtol=1e-10)
    np.testing.assert_allclose(found.kinetic_temperature.sum(), 1.5 * sites, rtol=1e-10)
    np.testing.assert_allclose(found.entropy_production, flux * (1 - 0.5), rtol=1e-10)


def test_a_long_chain():
    """64 sites: the limit, and 3/2 between the ends."""
    found = steady(chain(64, 1.0))
    np.testing.assert_allclose(found.heat_rate[1], langevin.ballistic_flux(2.0, 1.0), rtol=1e-9)
    np.testing.assert_allclose(found.kinetic_temperature[32], 1.5, rtol=1e-9)


def test_sites_without_a_bath():
    """The chain of three again, as a particle in three dimensions: the one between is free."""
    system = Underdamped(
        potential=Quadratic(stiffness=2 * np.eye(3) - np.eye(3, k=1) - np.eye(3, k=-1)),
        friction_profile=PerCoordinate(factor=[1.0, 0.0, 1.0]),
        temperature_profile=PerCoordinate(factor=[2.0, 1.0, 1.0]),
    )
    found = steady(system)
    np.testing.assert_allclose(found.heat_rate, [-0.1875, 0.0, 0.1875], rtol=1e-12, atol=1e-15)


def test_one_bath_for_a_whole_chain():
    bath = BulkBath(temperature=0.7, friction=0.3)
    found = steady(Chain(sites=5, bond=HarmonicSpring(), thermostat=bath))
    np.testing.assert_allclose(found.kinetic_temperature, 0.7, rtol=1e-12)
    np.testing.assert_allclose(found.inverse_temperature, [1 / 0.7], rtol=1e-12)
    np.testing.assert_allclose(found.heat_rate, 0, atol=1e-14)


TIMES = (0.5, 1.0)


@eqx.filter_jit
def worked(system, substeps=128, initial=None):
    return evolve(system, LinearMoments(substeps=substeps), times=jnp.array(TIMES), initial=initial)


def test_a_dragged_trap():
    """v = 1: mean work t - 1 + e^-t, its variance twice that, by any speed no free energy."""
    ramp = LinearRamp(end=1.0, ramp_time=1.0)
    found = worked(Overdamped(potential=Harmonic(), protocol=ramp))
    mean = np.array(TIMES) - 1 + np.exp(-np.array(TIMES))
    np.testing.assert_allclose(found.work, mean, rtol=1e-8)
    np.testing.assert_allclose(found.work_variance, 2 * mean, rtol=1e-8)
    np.testing.assert_allclose(found.exponential_work, 1, rtol=1e-9)
    np.testing.assert_allclose(found.velocity[0], 1 - np.exp(-0.5), rtol=1e-8)
    np.testing.assert_allclose(found.entropy_production[0], (1 - np.exp(-0.5)) ** 2, rtol=1e-8)


@pytest.mark.parametrize(
    "start, end, duration, mean, variance",
    [
        (1.0, 2.0, 1.0, 0.4124657985347547, 0.17862875401876488),
        (1.0, 5.0, 0.5, 1.3213036521508144, 2.3424188409790334),
    ],
)
def test_a_breathing_trap(start, end, duration, mean, variance):
    """Mean from w' = 2 - 2 k w; variance = k'^2 int int <x^2 x^2>, both by adaptive quadrature."""
    ramp = LinearRamp(end=end - start, ramp_time=duration)
    found = worked(Overdamped(potential=BreathingHarmonic(stiffness=start), protocol=ramp))
    np.testing.assert_allclose(found.work[-1], mean, rtol=1e-8)
    np.testing.assert_allclose(found.work_variance[-1], variance, rtol=1e-8)
    np.testing.assert_allclose(found.exponential_work[-1], (start / end) ** 0.5, rtol=1e-8)
    assert found.conservation_residual < 1e-12 and np.all(found.entropy_production >= 0)


KNOTS = PiecewiseLinear(times=[0.0, 0.0, 0.3, 0.3, 1.0, 1.0], values=[0.0, 0.6, 1.5, 0.2, 0.5, 1.0])


@pytest.mark.parametrize("kind", [Overdamped, Underdamped])
def test_the_work_theorem_with_jumps(kind):
    """Jarzynski (1997), in two dimensions: (k_0 / k_1)^(d / 2)."""
    trap = BreathingHarmonic(stiffness=1.0, dimension=2)
    found = worked(kind(potential=trap, protocol=KNOTS, friction=0.6, temperature=1.4))
    np.testing.assert_allclose(found.exponential_work[-1], 0.5, rtol=1e-8)
    assert found.work[-1] > 1.4 * np.log(2)
    assert found.conservation_residual < 1e-12
    production = found.heat_rate @ found.forces["heat"] + found.entropy_rate
    np.testing.assert_allclose(production, found.entropy_production, rtol=1e-12)


def test_an_oscillator_from_a_point():
    """At x = 1 with thermal velocities: the damped cosine, and the spread that it leaves."""
    mass, friction, k = 0.5, 0.8, 3.0
    system = Underdamped(potential=Harmonic(stiffness=k), mass=mass, friction=friction)
    found = worked(system, initial=1.0)
    damping = friction / (2 * mass)
    omega, t = np.sqrt(k / mass - damping**2), np.array(TIMES)
    mean = np.exp(-damping * t) * (np.cos(omega * t) + damping / omega * np.sin(omega * t))
    np.testing.assert_allclose(found.mean_position[:, 0], mean, rtol=1e-6)
    np.testing.assert_allclose(found.position_variance[:, 0], (1 - mean**2) / k, rtol=1e-6)
    both = found.position_variance[0], steady(system).covariance
    again = worked(system, initial=(jnp.zeros(2), jnp.diag(jnp.array([1 / k, 1 / mass]))))
    np.testing.assert_allclose(again.position_variance[0], 1 / k, rtol=1e-12)
    np.testing.assert_allclose(both[1], [[1 / k]], rtol=1e-12)
    start = evolve(system, times=[0.0], initial=[1.0])
    assert np.all(np.isinf(start.entropy_production))


def test_steps_are_of_fourth_order():
    ramp = LinearRamp(end=4.0, ramp_time=0.9)
    system = Overdamped(potential=BreathingHarmonic(stiffness=1.0), protocol=ramp)

    def moments(substeps):
        found = worked(system, substeps=substeps)
        return jnp.stack([found.work[-1], found.work_variance[-1], found.exponential_work[-1]])

    coarse, middle, fine = map(moments, (8, 16, 128))
    slopes = np.log2(np.abs((coarse - fine) / (middle - fine)))
    assert np.all(slopes > 3.5) and np.all(slopes < 4.7), slopes


@pytest.mark.slow
def test_derivatives_in_time():
    start, direction = jnp.array([1.0, 2.0, 0.8, 0.7]), jnp.array([0.3, -0.4, 0.5, 0.2])

    @jax.jit
    def moments(p):
        ramp = LinearRamp(end=p[1], ramp_time=p[2])
        trap = BreathingHarmonic(stiffness=p[0])
        found = worked(Underdamped(potential=trap, protocol=ramp, temperature=p[3]), substeps=8)
        return jnp.stack([found.work[-1], found.work_variance[-1], found.exponential_work[-1]])

    along = jax.jit(lambda p: jax.jvp(moments, (p,), (direction,))[1])(start)
    reverse = jax.jit(jax.grad(lambda p: moments(p).sum()))(start)
    np.testing.assert_allclose(reverse @ direction, along.sum(), rtol=1e-10)
    for index in range(3):
        found = slope(lambda h, i=index: moments(start + h * direction)[i], 0.0)
        np.testing.assert_allclose(along[index], found, rtol=1e-6)


def test_single_precision():
    ramp = LinearRamp(end=1.0, ramp_time=1.0)
    system = jax.tree.map(
        lambda a: a.astype(jnp.float32),
        Overdamped(potential=BreathingHarmonic(stiffness=1.0), protocol=ramp),
    )
    found = evolve(system, LinearMoments(), times=jnp.array([1.0], jnp.float32))
    assert found.work.dtype == found.covariance.dtype == jnp.float32
    np.testing.assert_allclose(found.work, 0.41246580, rtol=1e-5)
    still = steady(jax.tree.map(lambda a: a.astype(jnp.float32), chain(3, 1.0)))
    np.testing.assert_allclose(still.heat_rate[-1], 0.1875, rtol=1e-4)


def test_solutions_are_stored_with_their_dimensions():
    still = store.datasets_of(steady(chain(3, 1.0)), {})
    assert still["covariance"].dims == ("coordinate", "coordinate_2")
    moving = store.datasets_of(worked(Overdamped(potential=Harmonic(), protocol=KNOTS)), {})
    assert moving["heat"].dims == ("time", "bath") and moving["work"].dims == ("time",)


REFUSED = {
    "not linear": lambda: steady(Overdamped(potential=DoubleWell()), LinearMoments()),
    "of this Underdamped": lambda: steady(Underdamped(potential=TiltedCosine())),
    "varies in space": lambda: steady(
        Overdamped(potential=Harmonic(), friction_profile=CosineProfile(amplitude=0.1)),
        LinearMoments(),
    ),
    "LinearMoments treats": lambda: steady(
        GeneralizedLangevin(potential=Harmonic()), LinearMoments()
    ),
    "initial has a mean": lambda: evolve(
        Underdamped(potential=Harmonic()), times=[1.0], initial=[1.0, 2.0]
    ),
    "must be positive here": lambda: Overdamped(
        potential=Harmonic(), friction_profile=PerCoordinate(factor=[0.0])
    ),
}


@pytest.mark.parametrize("words", REFUSED)
def test_misuse_is_refused(words):
    with pytest.raises(ValueError, match=words):
        REFUSED[words]()


def test_failures_are_told():
    runaway = Overdamped(potential=Quadratic(stiffness=[[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(SolveError, match="diverged"):
        steady(runaway)
    with pytest.raises(SolveError, match="not_accurate"):
        evolve(
            Overdamped(potential=Harmonic(stiffness=100.0)), LinearMoments(substeps=1), times=[1.0]
        )

    def code(barrier):
        return steady(
            Overdamped(potential=DoubleWell(barrier=barrier)), LinearMoments()
        ).status.code

    assert jax.jit(code)(3.0) == 8  # outside_domain
