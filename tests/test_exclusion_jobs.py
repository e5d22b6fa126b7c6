"""The jobs of exact exclusion processes, reduced, against what is known."""

from pathlib import Path

import numpy as np
import pytest

from jaxneq import config, report

CONFIGS = Path(__file__).parents[1] / "configs"


def done(name, *overrides):
    return config.execute(config.load(CONFIGS / f"{name}.toml", overrides))


def value(result, name):
    return result.quantities[name].values


def test_the_three_phases():
    """alpha (1 - alpha), beta (1 - beta) or 1/4, whichever limits; 1/L^2 from the edges."""
    result = done(
        "tasep_phases",
        "sweep={ 'system.alpha' = { values = [0.1, 0.25, 0.7, 0.95] },"
        " 'system.beta' = { values = [0.15, 0.3, 0.8] } }",
    )
    entry = np.array([0.1, 0.25, 0.7, 0.95])[:, None]
    exit_ = np.array([0.15, 0.3, 0.8])
    least = np.minimum(np.minimum(entry, exit_), 0.5)
    np.testing.assert_allclose(value(result, "current"), least * (1 - least), rtol=0.01)
    assert report.figure(result).axes


def test_density_profiles_far_from_the_ends():
    result = done("tasep")
    density = value(result, "density")
    assert density.shape == (100,) and abs(density[49] - 0.5) < 0.01
    others = result.compared
    assert set(others) == {"low density", "high density", "shock"}
    (axes, *_) = report.figure(result).axes
    legend = axes.get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["open ASEP", "low density", "high density", "shock"]


def test_the_gap_falls_with_the_power_three_halves():
    result = done("exclusion_gap", "sweep={ 'system.length' = { values = [4, 8] } }")
    gap = value(result, "gap")
    exponent = np.log(gap[1] / gap[0]) / np.log(2)  # two points: the line through them
    np.testing.assert_allclose(value(result, "gap_exponent"), exponent, rtol=1e-12)
    assert -1.5 < exponent < -1.4
    assert "gap_exponent_stderr" not in result.quantities


def test_a_tilt_and_its_mirror_image():
    affinity = np.log(0.5 * 0.6 / (0.2 * 0.1 * 0.5**7))
    tilts = [-affinity - 0.5, -affinity / 2, 0.0, 0.5]
    few = f"sweep={{ 'method.tilt' = {{ values = {[float(tilt) for tilt in tilts]} }} }}"
    result = done("current_large_deviations", few)
    scgf, current = value(result, "scgf"), value(result, "current")
    np.testing.assert_allclose(scgf[0], scgf[3], rtol=1e-10)
    np.testing.assert_allclose(current[1], 0, atol=1e-10)
    assert scgf[2] == pytest.approx(0.0, abs=1e-12)
    *_, rate = report.figure(result).axes  # over the current, and not over the tilt
    assert (rate.get_xlabel(), rate.get_ylabel()) == (
        "Current J (per unit time)",
        "Rate function I (per unit time)",
    )
    np.testing.assert_array_equal(np.sort(current), rate.lines[0].get_xdata())
