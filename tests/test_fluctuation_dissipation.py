"""Fluctuation and response: one in equilibrium, apart where a system is driven."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import config, report, simulate, steady
from jaxneq.langevin import (
    BAOAB,
    CosineProfile,
    EulerMaruyama,
    FluctuationDissipation,
    Harmonic,
    LinearCorrelations,
    LinearRamp,
    Overdamped,
    Rotation,
    TiltedCosine,
    Underdamped,
)

KEY = jax.random.key(0)
CONFIG = Path(__file__).parents[1] / "configs" / "fluctuation_dissipation.toml"


def method(**changes):
    return FluctuationDissipation(
        integrator=EulerMaruyama(**{"dt": 0.05, "replicas": 8192, "frames": 5} | changes)
    )


def close(found, expected, largest_error):
    """Within five standard errors, and these small enough to matter."""
    assert np.all(np.abs(found.z_score(expected)) < 5), found.z_score(expected)
    assert np.all(found.stderr < largest_error), found.stderr


def test_a_trap_in_equilibrium():
    """Of the Euler-Maruyama chain with k = 2, T = 0.5: the step makes the two differ by k dt/2."""
    trap = Overdamped(potential=Harmonic(stiffness=2.0), temperature=0.5)
    found = simulate(trap, method(), key=KEY, time=4.0, burn_in=3.0)
    np.testing.assert_allclose(found.lag, [0.2, 0.4, 0.6, 0.8, 1.0], rtol=1e-12)
    kept = 0.9 ** (4 * np.arange(1, 6))
    np.testing.assert_allclose(found.response.value, (1 - kept) / 2, rtol=1e-9)
    close(found.fluctuation, (1 - kept) / 2 / 0.95, 0.01)
    close(found.violation, (1 - kept) / 2 * (1 / 0.95 - 1), 0.01)


def test_a_stirred_trap():
    """k = T = 1, torque a = 0.7: z = x + iy is multiplied by 1 - dt + i a dt at every step."""
    stirred = Overdamped(potential=Harmonic(dimension=2), drive=Rotation(strength=0.7))
    experiment = FluctuationDissipation(integrator=method().integrator, coordinate=1, force=0.2)
    found = simulate(stirred, experiment, key=KEY, time=8.0, burn_in=7.0)
    factor = 0.95 + 0.035j
    kept = factor ** (4 * np.arange(1, 6))
    variance = 2 * 0.05 / (1 - abs(factor) ** 2)
    response = (0.05 * (1 - kept) / (1 - factor)).real
    fluctuation = variance * (1 - kept.real)
    np.testing.assert_allclose(found.response.value, response, rtol=1e-9)
    close(found.fluctuation, fluctuation, 0.02)
    close(found.violation, fluctuation - response, 0.02)
    assert found.violation.z_score(0.0)[-1] > 5
    total = sum(found.fluxes[name] @ found.forces[name] for name in found.fluxes)
    np.testing.assert_allclose(total, found.entropy_production.value, rtol=1e-12)
    # a^2 <r^2> / T = 2 a^2, and at most 5 % more by the step
    produced = found.entropy_production
    assert produced.stderr < 0.03 and produced.z_score(0.98) > -5 and produced.z_score(1.03) < 5


def test_a_trap_with_inertia():
    """Against the exact curves; the step changes them by order dt^2."""
    trap = Underdamped(potential=Harmonic(stiffness=2.0), temperature=0.5, friction=0.6)
    integrator = BAOAB(dt=0.025, replicas=8192, frames=8)
    experiment = FluctuationDissipation(integrator=integrator)
    found = simulate(trap, experiment, key=KEY, time=11.2, burn_in=8.0)
    exact = steady(trap, LinearCorrelations(duration=3.2, points=9))
    np.testing.assert_allclose(found.lag, exact.lag[1:], rtol=1e-12)
    np.testing.assert_allclose(found.response.value, exact.response[1:], atol=2e-4)
    close(found.fluctuation, exact.fluctuation[1:], 0.02)
    close(found.violation, 0.0, 0.02)


@pytest.fixture(scope="module")
def washboard():
    coarse = "method.integrator.dt=0.02", "simulate.burn_in=6.0", "simulate.time=9.0"
    few = "method.integrator.replicas=8000", "method.integrator.frames=5"
    return config.execute(config.load(CONFIG, [*coarse, *few]))


def test_a_washboard_obeys_level_and_violates_tilted(washboard):
    values = {name: data.values for name, data in washboard.quantities.items()}
    score = values["violation"] / values["violation_stderr"]
    assert np.all(np.abs(score[0]) < 5) and np.all(values["violation_stderr"][0] < 0.03)
    assert np.all(values["fluctuation"][0] > 10 * values["violation_stderr"][0])
    assert np.all(score[1][2:] > 5)
    assert washboard.quantities["violation"].dims == ("system.potential.force", "lag")
    still, driven = values["entropy_production"] / values["entropy_production_stderr"]
    assert abs(still) < 5 and driven > 5


def test_the_response_is_dashed_beside_the_fluctuation(washboard):
    above, below = report.figure(washboard).axes
    assert (above.get_ylabel(), below.get_ylabel()) == ("Fluctuation", "Violation")
    dashed = [line for line in above.lines if line.get_linestyle() == "--"]
    drawn = np.stack([line.get_ydata() for line in dashed])
    np.testing.assert_array_equal(drawn, washboard.quantities["response"].values)


def test_derivatives():
    """Of fluctuation and response, with respect to tilt, temperature and force."""
    integrator = EulerMaruyama(dt=0.05, replicas=32, frames=2)

    def computed(parameters):
        tilt, temperature, force = parameters
        ring = Overdamped(potential=TiltedCosine(force=tilt), temperature=temperature)
        experiment = FluctuationDissipation(integrator=integrator, force=force)
        found = simulate(ring, experiment, key=KEY, time=1.6, burn_in=0.8)
        return jnp.sum(found.fluctuation.value) + jnp.sum(2 * found.response.value)

    at = jnp.asarray([0.5, 0.4, 0.3])
    differences = [(computed(at + h) - computed(at - h)) / 2e-5 for h in 1e-5 * jnp.eye(3)]
    np.testing.assert_allclose(jax.grad(computed)(at), differences, rtol=1e-6)


def test_misuse():
    trap = {"potential": Harmonic(stiffness=2.0)}
    wrong = {
        r"integrator.frames = 0 keeps no instants": (Overdamped(**trap), {"frames": 0}),
        "has a protocol": (Overdamped(**trap, protocol=LinearRamp(end=1.0, ramp_time=1.0)), {}),
        "a bath that varies in space": (
            Overdamped(**trap, temperature_profile=CosineProfile(amplitude=0.5)),
            {},
        ),
        "EulerMaruyama treats Overdamped, not Underdamped": (Underdamped(**trap), {}),
    }
    for words, (system, changes) in wrong.items():
        with pytest.raises(ValueError, match=words):
            simulate(system, method(**changes), key=KEY, time=1.0)
    with pytest.raises(ValueError, match="coordinate = 3 is not one of the 1 of Overdamped"):
        far = FluctuationDissipation(integrator=method().integrator, coordinate=3)
        simulate(Overdamped(**trap), far, key=KEY, time=1.0)
