"""Correlations and responses of linear systems, and the velocity correlation in a job."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import config, steady
from jaxneq.langevin import (
    Chain,
    DoubleWell,
    EndBaths,
    Harmonic,
    HarmonicSpring,
    LinearCorrelations,
    LinearMoments,
    Overdamped,
    Rotation,
    SingleFile,
    TiltedCosine,
    Underdamped,
)

METHOD = LinearCorrelations(duration=3.0, points=7)
LAG = np.linspace(0.0, 3.0, 7)
MASS, FRICTION, STIFFNESS, TEMPERATURE = 1.5, 0.8, 2.0, 0.6


def particle(kind=Underdamped, **changes):
    given = {"potential": Harmonic(stiffness=STIFFNESS)} | changes
    given |= {"mass": MASS} if kind is Underdamped else {}
    return kind(**given, friction=FRICTION, temperature=TEMPERATURE)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_a_trap_with_inertia():
    """Uhlenbeck and Ornstein (1930): a damped oscillation."""
    found = steady(particle(), METHOD)
    decay = FRICTION / MASS / 2
    w = np.sqrt(STIFFNESS / MASS - decay**2)
    damped, cosine, sine = np.exp(-decay * LAG), np.cos(w * LAG), np.sin(w * LAG) * decay / w
    position = TEMPERATURE / STIFFNESS * damped * (cosine + sine)
    close(found.lag, LAG)
    close(found.position_correlation, position)
    close(found.velocity_correlation, TEMPERATURE / MASS * damped * (cosine - sine))
    # the derivative of the position's correlation is minus the integral of the velocity's
    moved = TEMPERATURE / MASS * damped * np.sin(w * LAG) / w
    close(found.velocity_correlation_integral, moved)
    close(found.fluctuation, (position[0] - position) / TEMPERATURE)
    close(found.response, found.fluctuation)
    close(found.entropy_production, 0.0)


def test_a_trap_without_inertia():
    found = steady(particle(Overdamped), METHOD)
    decay = np.exp(-STIFFNESS / FRICTION * LAG)
    close(found.position_correlation, TEMPERATURE / STIFFNESS * decay)
    close(found.response, (1 - decay) / STIFFNESS)
    close(found.fluctuation, found.response)
    assert found.velocity_correlation is None


@pytest.mark.parametrize("force", [0.0, 0.9])
def test_a_free_particle(force):
    """Einstein's relation, ballistic at first; a constant force only adds a drift."""
    flat = {"potential": TiltedCosine(amplitude=0.0, force=force)}
    found = steady(particle(**flat), METHOD)
    rate = FRICTION / MASS
    close(found.velocity_correlation, TEMPERATURE / MASS * np.exp(-rate * LAG))
    integral = TEMPERATURE / FRICTION * (1 - np.exp(-rate * LAG))
    close(found.velocity_correlation_integral, integral)
    spread = (LAG - (1 - np.exp(-rate * LAG)) / rate) / FRICTION
    close(found.response, spread)
    close(found.fluctuation, spread)
    assert np.all(np.isinf(found.position_correlation))
    for system in (particle(**flat), particle(Overdamped, **flat)):
        moving = steady(system, METHOD)
        close(moving.entropy_production, force**2 / FRICTION / TEMPERATURE)
        close(moving.fluxes["heat"] @ moving.forces["heat"], moving.entropy_production)
        close(moving.conservation_residual, 0.0)
    close(moving.fluctuation, LAG / FRICTION)
    close(moving.response, LAG / FRICTION)


STIRRED = Overdamped(potential=Harmonic(dimension=2), drive=Rotation(strength=0.7), temperature=0.5)


def test_a_stirred_trap_violates_the_relation():
    """C = T/k exp(-kt) cos(at), and the step response is the integral of exp(-ks) cos(as)."""
    found = steady(STIRRED, METHOD)
    turned = np.exp(LAG * (-1 + 0.7j))
    close(found.position_correlation, 0.5 * turned.real)
    close(found.fluctuation, 1 - turned.real)
    close(found.response, ((turned - 1) / (-1 + 0.7j)).real)
    assert np.max(np.abs(found.fluctuation - found.response)) > 0.2


@pytest.mark.parametrize("inertia", [False, True])
def test_the_violation_is_the_dissipation(inertia):
    """Harada and Sasa (2005): friction times the second derivative of the violation, summed.

    Their integral over all frequencies is the value at time 0 of C - T R, of the velocity, which
    is the second derivative of T (fluctuation - response).
    """
    system = STIRRED
    if inertia:
        system = Underdamped(potential=system.potential, drive=system.drive, temperature=0.5)

    total = jnp.zeros(2)
    for coordinate in range(2):
        found = steady(system, LinearCorrelations(coordinate=coordinate, duration=2e-3, points=3))
        violation = system.temperature * (found.fluctuation - found.response)[1:]
        total += 2 * system.friction * violation / found.lag[1:] ** 2
    heat = float(steady(system, METHOD).heat_rate.sum())
    assert heat > 0.4
    extrapolated = 2 * total[0] - total[1]  # to time 0
    np.testing.assert_allclose(extrapolated, heat, rtol=1e-5)


def test_a_chain_between_two_temperatures():
    """The start of the curves is the state that `LinearMoments` finds, and so is the heat."""
    chain = Chain(sites=3, bond=HarmonicSpring(), thermostat=EndBaths(left=2.0, right=1.0))
    state = steady(chain, LinearMoments())
    found = steady(chain, LinearCorrelations(coordinate=1, points=3))
    close(found.position_correlation[0], state.position_variance[1])
    close(found.velocity_correlation[0] * chain.mass, state.kinetic_temperature[1])
    close(found.heat_rate, state.heat_rate)
    close(found.entropy_production, state.entropy_production)


@pytest.mark.slow
def test_derivatives():
    def computed(parameters):
        stiffness, friction, mass = parameters
        trap = Underdamped(potential=Harmonic(stiffness=stiffness), friction=friction, mass=mass)
        found = steady(trap, LinearCorrelations(duration=1.3, points=3))
        return found.velocity_correlation[1] + found.response[2] + 2 * found.fluctuation[1]

    at = jnp.asarray([2.0, 0.8, 1.5])
    differences = [(computed(at + h) - computed(at - h)) / 2e-5 for h in 1e-5 * jnp.eye(3)]
    np.testing.assert_allclose(jax.grad(computed)(at), differences, rtol=1e-6)


def test_misuse():
    with pytest.raises(ValueError, match=r"coordinate = 1 is not one of the 1 of Overdamped"):
        steady(particle(Overdamped), LinearCorrelations(coordinate=1))
    with pytest.raises(ValueError, match=r"LinearCorrelations: the forces .* are not linear"):
        steady(particle(Overdamped, potential=DoubleWell()), METHOD)


def test_what_moves_freely_together_has_no_covariance():
    """The centre of a ring of springs: rounding alone decides what the equation gives."""
    file = SingleFile(particles=4, spacing=1.0, bond=HarmonicSpring())
    for method in (LinearMoments(), METHOD):
        assert not steady(Overdamped(potential=file), method, throw=False).status.ok


def test_in_float32():
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), particle())
    found = steady(single, LinearCorrelations(duration=jnp.float32(3.0), points=7))
    assert found.velocity_correlation.dtype == jnp.float32
    exact = steady(particle(), METHOD).velocity_correlation
    np.testing.assert_allclose(found.velocity_correlation, exact, atol=1e-5)


def test_the_velocity_correlation_of_a_free_particle_and_einstein():
    """T/m exp(-gamma t/m), whose integral is T/gamma: here 1, 2 and 0.5."""
    job = Path(__file__).parents[1] / "configs" / "velocity_correlation.toml"
    short = "simulate.time=40.0", "method.replicas=1024", "observables.velocity_correlation.lags=41"
    result = config.execute(config.load(job, short))
    lag = 0.05 * np.arange(41)
    drawn = {
        "velocity_correlation": np.exp(-2 * lag),
        "velocity_correlation_integral": (1 - np.exp(-2 * lag)) / 2,
    }
    for (name, exact), beside in zip(drawn.items(), result.compared.values(), strict=True):
        assert beside.quantity == name and beside.along == ""
        np.testing.assert_allclose(beside.datasets[name].values[:41], exact, atol=1e-12)
        found, error = (result.quantities[name + end].values for end in ("", "_stderr"))
        # the trapezoidal sum is too large by (0.05 * 2)^2 / 12, less than a tenth of a per cent
        assert np.all(np.abs(found - exact) <= 5 * error + 1e-3 * exact)
        assert np.all(error < 0.02)
    assert list(result.attributes["drawn"]) == list(drawn)
