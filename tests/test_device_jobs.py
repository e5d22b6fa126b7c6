"""The jobs of devices, coarser than their files say."""

from pathlib import Path

import numpy as np

from jaxneq import config, report

CONFIGS = Path(__file__).parents[1] / "configs"


def run(name, tmp_path, *changes):
    result = config.execute(config.load(CONFIGS / name, changes))
    path = tmp_path / "figure.png"
    report.figure(result, path)
    assert path.stat().st_size > 10_000
    return result


def test_hot_spot(tmp_path):
    result = run(
        "hot_spot.toml",
        tmp_path,
        "method.cells=5",
        "method.angles=2",
        "method.polar_angles=2",
        'compare.systems."Fourier\'s law".method.cells=5',
        'sweep={"system.length_unit" = { geometric = [1e-10, 1e-6], count = 3 }}',
    )
    rise = result.quantities["peak_temperature"].values - 300
    assert np.all(np.diff(rise) < 0)
