"""The jobs of structures, coarser than their files say."""

from pathlib import Path

import numpy as np
import pytest

from jaxneq import config, report, store

CONFIGS = Path(__file__).parents[1] / "configs"


@pytest.mark.slow
def test_pores():
    coarse = (
        "method.cells=6",
        "method.angles=2",
        "method.polar_angles=2",
        'sweep={"system.period" = { geometric = [10e-9, 10e-6], count = 2 }}',
    )
    result = config.execute(config.load(CONFIGS / "pores.toml", coarse))
    conductivity = result.quantities["conductivity"].values
    # below what Fourier's law leaves of the bulk; at 10 nm nearly ballistic, in proportion to it
    assert 0.8 * 145.9 > conductivity[1] > 10 * conductivity[0] > 0
    exponent = 10e-9 * result.quantities["d_conductivity_d_period"].values / conductivity
    assert 0.7 < exponent[0] < 1
    curve, *_ = report.figure(result).axes
    assert "conductivity" in curve.get_ylabel().lower()


def test_pore_paths():
    short = (
        "method.replicas=1024",
        "method.batches=4",
        'sweep={"system.period" = { geometric = [10e-9, 1e-6], count = 2 }}',
    )
    result = config.execute(config.load(CONFIGS / "pore_paths.toml", short))
    found, error = (result.quantities["conductivity" + end].values for end in ("", "_stderr"))
    # below what Fourier leaves of the bulk (Eucken: 2 / 3)
    assert 2 < found[0] < 10 < 40 < found[1] < 145.9 * 2 / 3
    assert np.all(error < 0.1 * found)
    assert report.figure(result).axes[0].get_xlabel().startswith("Period")


def test_pore_map(tmp_path):
    coarse = ("method.cells=6", "method.angles=2", "method.polar_angles=2")
    result = config.execute(config.load(CONFIGS / "pore_map.toml", coarse))
    store.write_result(tmp_path / "result.h5", result)
    found = store.read_result(tmp_path / "result.h5").quantities
    tensor = found["conductivity_tensor"].values
    np.testing.assert_allclose(tensor[0, 1], tensor[1, 0], rtol=0, atol=1e-9 * tensor[0, 0])
    assert tensor[0, 1] > 0.01 * tensor[0, 0]  # heat is turned along the slope
    assert found["temperature"].dims == found["solid"].dims == ("x", "y", "z")
    assert found["heat_flux_field"].dims == ("x", "y", "z", "axis")
    width = np.diff(found["x_face"].values)
    np.testing.assert_allclose(found["x_face"].values[[0, -1]], [0, 200e-9], atol=1e-20)
    np.testing.assert_allclose(found["x"].values, found["x_face"].values[:-1] + width / 2)
    area = (width[:, None] * np.diff(found["y_face"].values))[..., None]
    solid, flux = found["solid"].values, found["heat_flux_field"].values[..., 0]
    np.testing.assert_allclose(np.sum(area * (1 - solid)) / 4e-14, found["porosity"].values)
    np.testing.assert_allclose(np.sum(area * flux) / 4e-14, found["heat_flux"].values, rtol=1e-8)
    figure, page = report.build(tmp_path)
    assert figure.stat().st_size > 10_000
    assert "arrows along the heat flux" in page.read_text("utf-8")


@pytest.mark.slow
def test_fin():
    coarse = (
        "system.cells={ x = 5, y = 4, z = 1 }",
        'sweep={"system.length_unit" = { geometric = [1e-9, 8e-9], count = 2 }}',
    )
    result = config.execute(config.load(CONFIGS / "fin.toml", coarse))
    hot = result.quantities["peak_temperature"].values - 300
    law = result.compared["Fourier's law"].datasets["peak_temperature"].values - 300
    assert np.all(hot > 1.2 * law)
    assert hot[0] / law[0] > hot[1] / law[1]


@pytest.mark.slow
def test_ribbon():
    coarse = (
        "method.cells=6",
        "method.angles=2",
        'sweep={"system.specularity" = { linear = [0.0, 1.0], count = 2 }}',
    )
    result = config.execute(config.load(CONFIGS / "ribbon.toml", coarse))
    rough, smooth = result.quantities["conductivity"].values
    beside = result.compared["without pores"].datasets["conductivity"].values
    np.testing.assert_allclose(beside[1], 145.861, rtol=1e-5)  # the bulk of that material
    assert 0 < rough < 0.8 * smooth < 0.8 * 145.9 * 2 / 3
    assert report.figure(result).axes[0].get_xlabel() == "Specularity"
