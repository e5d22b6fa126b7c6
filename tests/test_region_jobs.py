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


def test_film_on_silicon():
    coarse = (
        "system.device.cells={x = 8, y = 1}",
        "system.device.size=[80.0, 100.0]",
        "method.angles=1",
        "method.polar_angles=2",
        'sweep={"system.frequency" = { geometric = [1e7, 3e10], count = 3 }}',
    )
    result = config.execute(config.load(CONFIGS / "film_on_silicon.toml", coarse))
    found = {name: each.values for name, each in result.quantities.items()}
    assert np.all(np.diff(found["phase"]) < 0) and found["phase"][-1] > -100
    share = found["ballistic_share"]
    assert 0.4 < share[0] < share[1] < 1.1  # thinner than a free path
    law = result.compared["Fourier's law, amplitude"].datasets["amplitude"].values
    assert found["amplitude"][0] > 1.3 * law[0]  # it knows no free paths
    # the film alone: 1 / (omega C thickness area)
    alone = 1 / (2 * np.pi * 3e10 * 2.4e6 * 20e-9 * 100e-9)
    np.testing.assert_allclose(found["amplitude"][-1], alone, rtol=0.1)
    axes = report.figure(result).axes
    assert axes[2].get_ylabel().startswith("Ballistic share")
