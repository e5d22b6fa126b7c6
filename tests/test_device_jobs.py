"""The jobs of devices, coarser than their files say."""

from pathlib import Path

import numpy as np
import pytest

from jaxneq import config, report, store

CONFIGS = Path(__file__).parents[1] / "configs"


def run(name: str, *changes: str):
    result = config.execute(config.load(CONFIGS / name, changes))
    (ax, *_) = report.figure(result).axes
    assert len(ax.lines) >= 2  # with what is drawn beside
    return result


def test_hot_spot():
    result = run(
        "hot_spot.toml",
        "method.cells=5",
        "method.angles=2",
        "method.polar_angles=2",
        'compare.systems."Fourier\'s law".method.cells=5',
        'sweep={"system.length_unit" = { geometric = [1e-10, 1e-6], count = 3 }}',
    )
    rise = result.quantities["peak_temperature"].values - 300
    assert np.all(np.diff(rise) < 0)


def test_hot_line():
    result = run(
        "hot_line.toml",
        "system.cells={x = 8, y = 4}",
        "method.angles=2",
        "method.polar_angles=2",
        'sweep={"system.heaters.line.width" = { values = [50.0, 100.0] }}',
    )
    resistance = result.quantities["thermal_resistance"].values
    # narrower lines are warmer, and phonons fly 200 nm more slowly than heat diffuses
    assert resistance[0] > resistance[1] > 200e-9 / (146 * 400e-9 * 1e-6)


@pytest.mark.slow
def test_entropy_map(tmp_path):
    coarse = ("method.cells=12", "method.angles=2", "method.polar_angles=2", "method.paths=2")
    result = config.execute(config.load(CONFIGS / "entropy_map.toml", coarse))
    store.write_result(tmp_path / "result.h5", result)
    found = store.read_result(tmp_path / "result.h5").quantities
    parts = [
        float(found[f"entropy_production_{name}"].values)
        for name in ("bulk", "walls", "contacts", "mesh")
    ]
    np.testing.assert_allclose(sum(parts), found["entropy_production"].values, rtol=1e-9)
    field = found["entropy_production_density"]
    assert field.unit == "W/m3/K" and field.dims == ("x", "y", "z")
    x, y, _ = np.unravel_index(np.argmax(field.values), field.values.shape)
    assert 40e-9 < found["x"].values[x] < 60e-9 < 70e-9 < found["y"].values[y] < 90e-9
    errors = [float(found[f"{name}_error"].values) for name in ("cell", "angle", "path")]
    assert all(0 < error < 0.3 for error in errors)
    assert [ax.get_ylabel() for ax in report.figure(result).axes].count("y (nm)") == 2


@pytest.mark.slow
def test_strong_hot_spot():
    result = run(
        "strong_hot_spot.toml",
        "system.material.nodes=2",
        "method.cells=5",
        "method.angles=1",
        "compare.systems.linearised.method.cells=5",
        "compare.systems.linearised.method.angles=1",
        'sweep={"system.heaters.drain.power" = { values = [1e-6, 3e-3] }}',
    )
    resistance = result.quantities["thermal_resistance"].values
    linear = result.compared["linearised"].datasets["thermal_resistance"].values
    np.testing.assert_allclose(resistance[0], linear[0], rtol=1e-3)
    np.testing.assert_allclose(linear[1], linear[0], rtol=1e-9)
    assert resistance[1] > 1.1 * linear[1]
