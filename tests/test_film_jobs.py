"""The jobs of films, wires and gratings, with fewer points than their files have."""

from pathlib import Path

import numpy as np
import pytest

from jaxneq import config, materials, report

CONFIGS = Path(__file__).parents[1] / "configs"


def run(name, *changes):
    result = config.execute(config.load(CONFIGS / f"{name}.toml", changes))
    figure = report.figure(result)
    return result, {name: found.values for name, found in result.quantities.items()}, figure.axes


def test_wire():
    """Between Casimir's limit, C v D / 3, and the bulk; thin wires in proportion to D."""
    ends = 'sweep={"system.diameter" = { values = [1e-11, 100e-9, 0.1] }}'
    _, found, axes = run("wire", ends)
    kappa, bulk = found["conductivity"], found["bulk_conductivity"]
    casimir = bulk / found["knudsen_number"]  # Kn = 3 kappa / (C v D)
    np.testing.assert_allclose(kappa[0], casimir[0], rtol=5e-3)
    np.testing.assert_allclose(kappa[2], bulk[2], rtol=1e-3)
    assert kappa[1] < bulk[1] and kappa[1] < casimir[1]
    np.testing.assert_allclose(found["d_conductivity_d_diameter"][0] * 1e-11, kappa[0], rtol=1e-2)
    assert "Conductivity" in axes[0].get_ylabel()


def test_hot_and_cold():
    _, found, axes = run("hot_and_cold", "method.cells=16", "method.angles=4")
    temperature, width = found["temperature"], np.diff(found["face_position"])
    assert np.all(np.diff(temperature[::2]) < 0)
    assert 400 > temperature[0] > temperature[-1] > 100
    np.testing.assert_allclose(found["force"], 1 / 100 - 1 / 400, rtol=1e-12)
    np.testing.assert_allclose(found["heat_flux_profile"], found["heat_flux"], rtol=1e-8)
    produced = found["heat_flux"] * found["force"]
    np.testing.assert_allclose(found["entropy_production"], produced, rtol=1e-9)
    inside = np.sum(found["entropy_production_density"] * width)
    parts = inside + found["entropy_production_walls"].sum()
    np.testing.assert_allclose(parts, produced, rtol=1e-6)
    assert np.all(found["entropy_production_density"] > 0)
    assert axes[0].get_xlabel().startswith("Position")


def test_grating_decay():
    """What the signal loses is what the flux carries away: dT/dt = -k^2 kappa(t) T / C."""
    times = (0.0, 4.99e-10, 5e-10, 5.01e-10, 1.5e-9)
    _, found, axes = run("grating_decay", f"evolve={{times = {list(times)}}}")
    signal, apparent = found["temperature"], found["apparent_conductivity"]
    heat = float(materials.model("Si").bands(300.0).heat_capacity.sum())
    rate = -np.log(signal[3] / signal[1]) / 2e-12
    np.testing.assert_allclose(apparent[2], rate * heat / (2 * np.pi / 1e-6) ** 2, rtol=1e-6)
    assert signal[0] == pytest.approx(1) and np.all(np.diff(signal) < 0)
    assert np.all(apparent < found["bulk_conductivity"])
    assert axes[0].get_xlabel().startswith("Time")


def test_measured_bulk():
    """Within three standard deviations of what was measured."""
    some = 'sweep={"system.temperature" = { values = [300.0, 400.0, 600.0] }}'
    result, found, axes = run("measured_bulk", some)
    data = result.compared["Si-bulk-Glassbrenner-1964"].datasets
    measured, error = (
        np.interp([300, 400, 600], data["temperature"].values, data[name].values)
        for name in ("conductivity", "uncertainty")
    )
    assert np.all(np.abs(found["conductivity"] - measured) < 3 * error)
    # in proportion to 1 / T or steeper: 2 % of T are at least 2 % of the conductivity
    share = found["conductivity_uncertainty"] / found["conductivity"]
    assert np.all((share > 0.02) & (share < 0.04))
    assert any("Glassbrenner" in text.get_text() for text in axes[0].get_legend().get_texts())


def test_measured_films():
    some = 'sweep={"system.thickness" = { values = [5e-9, 100e-9, 5e-6] }}'
    result, found, axes = run("measured_films", some)
    assert len(result.compared) == 6
    kappa = found["conductivity"]
    assert 0 < kappa[0] < kappa[1] < kappa[2] < 145.9
    parts = [
        found[f"conductivity_uncertainty_from_{name}"]
        for name in ("thickness", "temperature", "anharmonic_scale")
    ]
    whole = found["conductivity_uncertainty"]
    np.testing.assert_allclose(whole, np.sqrt(sum(part**2 for part in parts)), rtol=1e-9)
    # rates of 10 % more take up to 10 % off the bulk, and less the more walls limit
    share = parts[2] / kappa
    assert 0 < share[0] < share[1] < share[2] < 0.1
    assert axes[0].get_xlabel().startswith("Thickness")
