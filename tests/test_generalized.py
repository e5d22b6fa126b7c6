"""Baths with memory and active particles, against closed forms and linear algebra."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from jaxneq import langevin, simulate
from jaxneq.langevin._gle_splitting import propagator

KEY = jax.random.key(3)
FREE = langevin.Harmonic(stiffness=1e-12)
STRENGTHS, RATES, FRICTION, MASS = np.array([1.0, 4.0]), np.array([0.5, 3.0]), 0.3, 2.0


class Coupled(langevin.AbstractPotential):
    """Two springs of stiffness 1 and a coupling."""

    dimension: ClassVar[int] = 2
    controls: ClassVar[int] = 0
    coupling: Any = 0.5

    def __call__(self, position, control):
        return (position**2).sum() / 2 + self.coupling * position[0] * position[1]


def remembering(potential=FREE, **changes):
    given = {"strengths": STRENGTHS, "rates": RATES, "friction": FRICTION, "mass": MASS}
    return langevin.GeneralizedLangevin(potential=potential, **(given | changes))


def generator():
    """Velocity and bath forces in physical units: dy = M y dt + noise of covariance D dt."""
    m = np.diag([-FRICTION / MASS, *-RATES])
    m[0, 1:], m[1:, 0] = 1 / MASS, -STRENGTHS
    d = np.diag([2 * FRICTION / MASS**2, *2 * RATES * STRENGTHS])
    return m, d


@pytest.mark.parametrize("dt", [1e-3, 0.7, 60.0])
def test_exchange_with_the_bath_is_exact(dt):
    m, d = generator()
    scale = np.sqrt([1 / MASS, *STRENGTHS])
    stationary = scipy.linalg.solve_continuous_lyapunov(m, -d)
    np.testing.assert_allclose(stationary, np.diag(scale**2), atol=1e-12)  # the bath is thermal
    mean, root = propagator(remembering(), jnp.asarray(dt))
    exact = scipy.linalg.expm(m * dt) * scale[None, :] / scale[:, None]
    np.testing.assert_allclose(mean, exact, rtol=1e-9, atol=1e-14)
    # the covariance by Van Loan's block exponential: no difference of close numbers
    if dt < 10:
        block = scipy.linalg.expm(np.block([[-m, d], [np.zeros_like(m), m.T]]) * dt)
        spread = block[3:, 3:].T @ block[:3, 3:]
    else:
        spread = stationary - scipy.linalg.expm(m * dt) @ stationary @ scipy.linalg.expm(m.T * dt)
    found = root @ root.T * np.outer(scale, scale)
    np.testing.assert_allclose(found, spread, rtol=1e-8, atol=1e-14)


def test_velocity_correlation_of_a_free_particle():
    r"""One exponential: :math:`C = T e^{-\nu t/2} (\cos wt + \frac{\nu}{2w} \sin wt)`, m = 1."""
    strength, rate, temperature = 2.0, 1.2, 0.6
    system = remembering(
        strengths=[strength], rates=[rate], friction=0.0, mass=1.0, temperature=temperature
    )
    method = langevin.GLESplitting(dt=0.25, replicas=20_000, frames=8)
    found = simulate(system, method, key=KEY, time=4.0)
    start = found.frame_velocities[0]
    lag = np.asarray(found.frame_time - found.frame_time[0])
    w = np.sqrt(strength - rate**2 / 4)
    exact = np.exp(-rate * lag / 2) * (np.cos(w * lag) + rate / (2 * w) * np.sin(w * lag))
    products = np.asarray(found.frame_velocities) * np.asarray(start)[None]
    error = products.std(axis=1, ddof=1) / np.sqrt(products.shape[1])
    assert np.all(error < 0.02 * temperature)
    assert np.all(np.abs(products.mean(axis=1) - temperature * exact) < 5 * error)
    assert exact.min() < -0.2  # it rings: no bath without memory does that here


def test_positions_in_a_well_are_exact_at_any_step():
    system = remembering(langevin.Harmonic(stiffness=2.0), temperature=0.5)
    method = langevin.GLESplitting(dt=1.0, replicas=20_000)  # omega dt = 1
    found = simulate(system, method, key=KEY, time=40.0)
    assert abs(found.position_variance.z_score(0.25)) < 5
    assert found.position_variance.stderr < 0.02 * 0.25
    # velocities as in BAOAB: T/m (1 - omega^2 dt^2 / 4)
    assert abs(found.kinetic_temperature.z_score(0.5 * 0.75)) < 5


def test_a_quick_bath_is_one_without_memory():
    """Kramers' equation in the limit: transient mean and variance of a released particle."""
    friction, rate = 1.5, 400.0
    well, start = langevin.Harmonic(stiffness=1.0), {"initial": 1.0, "key": KEY, "time": 1.0}
    quick = remembering(well, strengths=[friction * rate], rates=[rate], friction=0.0, mass=1.0)
    found = simulate(quick, langevin.GLESplitting(dt=0.05, replicas=20_000), **start)
    m = np.array([[0.0, 1.0], [-1.0, -friction]])
    moved = scipy.linalg.expm(m)
    spread = np.eye(2) - moved @ moved.T  # whatever its start, towards equilibrium
    variance = spread[0, 0] + moved[0, 1] ** 2
    # 1/rate away from the limit, dt^2 from the dynamics: both below the error
    assert abs(found.mean_position.z_score(moved[0, 0])) < 5
    assert abs(found.position_variance.z_score(variance)) < 5
    assert found.mean_position.stderr < 0.01


def test_two_baths_with_memory():
    """Heat between two coordinates at different temperatures, against a Lyapunov equation."""
    u, hot, cold = 0.5, 2.0, 1.0
    system = remembering(
        Coupled(),
        strengths=[1.5],
        rates=[0.8],
        friction=0.4,
        mass=1.0,
        temperature_profile=langevin.PerCoordinate([hot, cold]),
    )
    found = simulate(
        system, langevin.GLESplitting(dt=0.1, replicas=2048), key=KEY, time=120.0, burn_in=40.0
    )
    m, d = np.zeros((6, 6)), np.zeros((6, 6))  # x, y, vx, vy, zx, zy
    m[:2, 2:4], m[2:4, :2] = np.eye(2), -np.array([[1.0, u], [u, 1.0]])
    m[2:4, 2:4], m[2:4, 4:], m[4:, 2:4], m[4:, 4:] = (
        -0.4 * np.eye(2), np.eye(2), -1.5 * np.eye(2), -0.8 * np.eye(2),
    )  # fmt: skip
    for i, temperature in enumerate((hot, cold)):
        d[2 + i, 2 + i], d[4 + i, 4 + i] = 0.8 * temperature, 2 * 0.8 * 1.5 * temperature
    covariance = scipy.linalg.solve_continuous_lyapunov(m, -d)
    flux = -u * covariance[1, 2]  # power of the coupling on x: given by bath x, taken by bath y
    assert abs(flux) > 0.01
    z = found.heat_rate.z_score(np.array([1.0, -1.0]) * -abs(flux))
    assert np.all(np.abs(z) < 5) and np.all(found.heat_rate.stderr < 0.1 * abs(flux))
    assert abs(found.entropy_production.z_score(abs(flux) * (1 / cold - 1 / hot))) < 5


def central(function, at, step=1e-5):
    units = step * jnp.eye(at.size)
    return np.array([(function(at + u) - function(at - u)) / (2 * step) for u in units])


def test_gradients():
    method = langevin.GLESplitting(dt=0.1, replicas=4)
    active = langevin.ActiveHeun(dt=0.1, replicas=4)
    well = langevin.DoubleWell(barrier=1.0)

    def spread(p):
        given = {"temperature": p[0], "friction": p[1], "mass": p[2]}
        system = remembering(well, strengths=p[3:5], rates=p[5:], **given)
        return simulate(system, method, key=KEY, time=0.8).position_variance.value

    def work(p):
        system = langevin.ActiveParticle(
            potential=well, temperature=p[0], friction=p[1], active_diffusion=p[2], persistence=p[3]
        )
        return simulate(system, active, key=KEY, time=0.8).work.value

    for function, at in (
        (spread, jnp.array([0.8, 0.3, 1.2, 1.0, 2.0, 0.5, 1.5])),
        (work, jnp.array([0.8, 1.3, 1.2, 0.7])),
    ):
        gradient = jax.jit(jax.grad(function))(at)
        np.testing.assert_allclose(gradient, central(jax.jit(function), at), rtol=1e-6, atol=1e-9)


def test_active_particle_in_a_trap():
    """Variance, power and entropy production in closed form, for friction other than 1."""
    k, gamma, t, da, tau = 1.5, 2.0, 0.2, 0.7, 0.5
    system = langevin.ActiveParticle(
        potential=langevin.Harmonic(stiffness=k),
        friction=gamma,
        temperature=t,
        active_diffusion=da,
        persistence=tau,
    )
    method = langevin.ActiveHeun(dt=0.02, replicas=4096)
    found = simulate(system, method, key=KEY, time=30.0, burn_in=10.0)
    variance = t / k + da / (k / gamma * (1 + k * tau / gamma))
    power = gamma * da / tau / (1 + k * tau / gamma)
    assert abs(found.position_variance.z_score(variance)) < 5
    assert abs(found.work.z_score(20.0 * power)) < 5
    assert found.work.stderr < 0.01 * 20.0 * power
    assert abs(found.entropy_production.z_score(power / t)) < 5
    np.testing.assert_allclose(found.shadow_work.value, 0, atol=1e-9)


def test_what_has_no_meaning_is_refused():
    with pytest.raises(ValueError, match=r"rates has shape \(1,\).*with kernel = 2"):
        remembering(strengths=[1.0, 2.0], rates=[1.0])
    with pytest.raises(ValueError, match="fluctuation-dissipation"):
        remembering(friction_profile=langevin.PerCoordinate([2.0]))
    with pytest.raises(ValueError, match=r"rates = .* is not allowed"):
        remembering(rates=[0.5, -1.0])
    with pytest.raises(ValueError, match="must not vary in space"):
        langevin.ActiveParticle(
            potential=FREE, temperature_profile=langevin.CosineProfile(amplitude=0.5)
        )
    with pytest.raises(ValueError, match="BAOAB treats AbstractInertial, not Generalized"):
        simulate(remembering(), langevin.BAOAB(), key=KEY, time=1.0)
