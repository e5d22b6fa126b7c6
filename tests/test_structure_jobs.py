"""The jobs of structures, coarser than their files say."""

from pathlib import Path

import numpy as np

from jaxneq import config, report, store

CONFIGS = Path(__file__).parents[1] / "configs"


def test_pores(tmp_path):
    coarse = (
        "method.cells=6",
        "method.angles=2",
        "method.polar_angles=2",
        'sweep={"system.period" = { geometric = [10e-9, 10e-6], count = 2 }}',
    )
    result = config.execute(config.load(CONFIGS / "pores.toml", coarse))
    conductivity = result.quantities["conductivity"].values
    # between the ballistic start and what Fourier's law leaves of the bulk (Eucken: 2 / 3)
    assert 2 < conductivity[0] < 10 < 60 < conductivity[1] < 145.9 * 2 / 3 * 0.8 + 20
    assert np.all(np.diff(conductivity) > 0)
    path = tmp_path / "pores.png"
    report.figure(result, path)
    assert path.stat().st_size > 10_000


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
