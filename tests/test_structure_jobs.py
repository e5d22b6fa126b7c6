"""The jobs of structures, coarser than their files say."""

from pathlib import Path

import numpy as np

from jaxneq import config, report

CONFIGS = Path(__file__).parents[1] / "configs"


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
