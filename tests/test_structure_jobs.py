"""The jobs of structures, coarser than their files say."""

from pathlib import Path

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
