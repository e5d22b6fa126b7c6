"""The jobs of structures in time and at a frequency, coarser than their files say."""

from pathlib import Path

import numpy as np

from jaxneq import config, report, store

CONFIGS = Path(__file__).parents[1] / "configs"


def run(name: str, *changes: str):
    return config.execute(config.load(CONFIGS / name, changes))


def test_grating_membrane():
    result = run(
        "grating_membrane.toml",
        "method.angles=1",
        "system.material.nodes=2",
        "system.cells={x = 16, y = 4}",
        'compare.systems."without pores".system.cells={x = 16, y = 1}',
        "evolve={times = [0.0, 2e-10, 4e-10]}",
    )
    amplitude = result.quantities["amplitude"].values
    beside = result.compared["without pores"].datasets["amplitude"].values
    np.testing.assert_allclose(amplitude[0], 1, rtol=1e-6)
    assert np.all(np.diff(amplitude) < 0) and amplitude[-1] > 0.1
    assert beside[-1] < amplitude[-1]  # pores slow it down
    assert report.figure(result).axes[0].get_xlabel().startswith("Time")


def test_heat_pulse(tmp_path):
    result = run(
        "heat_pulse.toml",
        "method.angles=1",
        "system.material.nodes=2",
        "system.cells={x = 5, y = 5}",
        "evolve={times = [10e-12, 20e-12, 100e-12, 200e-12]}",
    )
    store.write_result(tmp_path / "result.h5", result)
    found = store.read_result(tmp_path / "result.h5").quantities
    peak, energy = found["peak_temperature"].values, found["energy"].values
    assert found["contact_heat"].dims == ("contact", "time")
    assert found["temperatures"].dims == ("time", "x", "y", "z")
    assert peak[0] < peak[1] > peak[2] > peak[3] > 300
    assert 20e-15 > energy[1] > energy[2] > energy[3] > 0  # the pulse is 20 fJ
    assert energy[1] > 0.95 * 20e-15  # little has left by then


def test_fdtr():
    result = run(
        "fdtr.toml",
        "method.angles=1",
        "system.device.material.nodes=2",
        "system.device.cells={x = 3, y = 4}",
        'sweep={"system.frequency" = { geometric = [1e7, 1e9], count = 2 }}',
    )
    phase, amplitude = (result.quantities[name].values for name in ("phase", "amplitude"))
    assert 0 > phase[0] > phase[1] > -90
    assert amplitude[0] > amplitude[1] > 0
    (ax, *_) = report.figure(result).axes
    assert len(ax.lines) >= 2  # with that of Fourier's law
