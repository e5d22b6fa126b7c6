"""The jobs of an active trap, a chain of rotors and a washboard's mobility, shorter."""

from pathlib import Path

import numpy as np
import pytest

from jaxneq import config, report

CONFIGS = Path(__file__).parents[1] / "configs"


def run(name, *changes):
    result = config.execute(config.load(CONFIGS / f"{name}.toml", changes))
    found = {name: quantity.values for name, quantity in result.quantities.items()}
    return result, found, report.figure(result).axes


def close(found, name, expected, largest_error):
    """Within five standard errors, and these small enough to matter."""
    error = found[f"{name}_stderr"]
    assert np.all(np.abs(found[name] - expected) < 5 * error), (found[name], expected, error)
    assert np.all(error < largest_error), error


def test_active_trap():
    """<x^2> = T + 1 / (1 + tau), and tau (1 + tau) T times the entropy production is 1."""
    _, found, axes = run(
        "active_trap",
        "simulate={time = 24.0, burn_in = 8.0}",
        'sweep={"system.persistence" = { values = [0.5, 2.0] }}',
    )
    persistence = np.array([0.5, 2.0])
    close(found, "position_variance", 0.2 + 1 / (1 + persistence), 0.05)
    produced = 1 / (persistence * (1 + persistence) * 0.2)
    close(found, "entropy_production", produced, 0.01 * produced.max())
    assert "variance" in axes[0].get_ylabel() and "Entropy" in axes[1].get_ylabel()


def test_chain_rotors():
    _, found, axes = run(
        "chain_rotors", "system.sites=8", "simulate={time = 400.0, burn_in = 100.0}"
    )
    temperature, current = found["temperature_profile"], found["current"]
    assert 0.6 > temperature[0] > temperature[3] > temperature[-1] > 0.4
    # the same through every bond, from the hot bath to the cold one
    assert current > 10 * found["current_stderr"] > 0
    close(found, "bond_current", current, 0.1 * current)
    close(found, "heat_rate", np.array([-current, current]), 0.1 * current)
    np.testing.assert_allclose(found["conductivity"], current * 8 / 0.2, rtol=1e-9)
    assert axes[0].get_xlabel() == "Site" and "emperature" in axes[0].get_ylabel()


@pytest.mark.slow
def test_washboard_gradient():
    """The mobility is the slope of the exact velocity beside it."""
    result, found, axes = run(
        "washboard_gradient",
        "method.replicas=4096",
        "simulate={time = 10.0, burn_in = 2.0}",
        'sweep={"system.potential.force" = { values = [1.1, 1.3] }}',
    )
    beside = result.compared["Fokker-Planck"].datasets
    forces, velocity = (beside[name].values for name in ("force", "velocity"))
    exact = np.interp([1.1, 1.3], forces, velocity)
    close(found, "velocity", exact, 0.01)
    slopes, errors = (found["d_velocity_d_force" + end] for end in ("", "_stderr"))
    chord = (exact[-1] - exact[0]) / 0.2
    assert abs(slopes.mean() - chord) < 5 * np.hypot(*errors) / 2
    assert np.all(errors < 0.04 * chord)
    assert np.all(found["d_velocity_d_amplitude"] < 0)  # barriers hold the particle back
    assert "Velocity" in axes[0].get_ylabel()
