"""The jobs of structures of several materials, coarser than their files say."""

from pathlib import Path

import numpy as np

from jaxneq import config, report, store

CONFIGS = Path(__file__).parents[1] / "configs"


def test_superlattice():
    coarse = (
        "system.cells={x = 4, y = 1}",
        "method.angles=1",
        'sweep={"system.period" = { geometric = [2e-9, 20e-6], count = 3 }}',
    )
    result = config.execute(config.load(CONFIGS / "superlattice.toml", coarse))
    conductivity = result.quantities["conductivity"].values
    emitted = result.quantities["emitted_conductance"].values[0, 0]
    # two interfaces a period, each emitting from both sides alike: at most the ballistic L h
    assert 0.9 < conductivity[0] / (2e-9 * emitted) < 1.05
    # below both layers in series, and near that where they are thick
    series = 2 / (1 / 145.86 + 1 / 51.88)
    assert conductivity[1] < 0.5 * series < 0.8 * series < conductivity[2] < series
    axes = report.figure(result).axes
    assert len(axes[0].lines) >= 2  # with that of Fourier's law


def test_hot_island(tmp_path):
    coarse = (
        "system.cells={x = 10, y = 12}",
        "method.angles=1",
        "method.polar_angles=2",
        'sweep={"system.length_unit" = { values = [1e-9, 1e-7] }}',
    )
    result = config.execute(config.load(CONFIGS / "hot_island.toml", coarse))
    store.write_result(tmp_path / "result.h5", result)
    found = store.read_result(tmp_path / "result.h5").quantities
    rise = found["peak_temperature"].values - 300
    assert rise[0] > rise[1] > 0
    area = 2 * (40 + 20) * 1e-9 * 1e-6  # of the island, and all heat leaves through it
    assert np.all(found["interface_conductance"].values > 0)
    np.testing.assert_allclose(found["interface_flux"].values[0] * area, 1e-4, rtol=1e-2)
    report.build(tmp_path)
