"""The jobs of structures, coarser than their files say."""

from pathlib import Path

import numpy as np

from jaxneq import config, report

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
    assert report.figure(result).axes[0].get_xlabel() == "Period"
