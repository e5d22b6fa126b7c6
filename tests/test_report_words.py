"""What is found, in words and numbers: the summary, units, numbers on the page."""

import pytest
from fakes import fake_result, with_failures

from jaxneq import report
from jaxneq.report._units import plain, printed, typeset
from jaxneq.store import read_result, write_result


def test_summary_of_a_sweep(tmp_path):
    write_result(tmp_path / "result.h5", fake_result("thickness"))
    for result in (fake_result("thickness"), read_result(tmp_path / "result.h5")):
        assert report.summary(result) == [
            "conductivity: 5.68 W/m/K at thickness = 10 nm ... 138.7 W/m/K at thickness = 10 um",
            "bulk conductivity (reference): 142 W/m/K",
            "ballistic conductivity (reference): 5.917 W/m/K ... 5917 W/m/K",
            "regime: ballistic, quasiballistic, diffusive (knudsen number 0.018 ... 18)",
            "status: success (31 of 31)",
            "conservation residual: at most 1.9e-11",
            "residual: at most 2e-11",
            "iterations: 17",
        ]


def test_summary_counts_only_what_succeeded():
    result = with_failures(fake_result("thickness"))
    data = result.quantities["conductivity"]
    data.values[5] = 1e9  # the largest, and wrong
    lines = report.summary(result)
    assert lines[0].endswith(
        "138.7 W/m/K at thickness = 10 um (2 of 31 not counted: failed or not finite)"
    )
    (status,) = [line for line in lines if line.startswith("status")]
    assert status.startswith("status: success (29 of 31), max_iterations (1 of 31), not_finite")
    assert "Raise `max_iterations`" in status


def test_summary_without_a_sweep():
    lines = report.summary(fake_result())
    assert lines[0] == "conductivity: 41.76 W/m/K"
    assert "status: success" in lines


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("1", ""),
        ("W/m/K", "W m⁻¹ K⁻¹"),
        ("W/m2/K/m", "W m⁻³ K⁻¹"),
        ("1/s", "s⁻¹"),
        ("m2/s", "m² s⁻¹"),
        ("J m^2/s", "J m² s⁻¹"),
        ("k_B", "k_B"),
        ("W/(m K)", "W m⁻¹ K⁻¹"),
        ("1/time", "per unit time"),
        ("kJ/mol/time", "kJ mol⁻¹ per unit time"),
        ("time", "reduced units"),
        ("1/time/(energy)", "reduced units"),
        ("1/time/(1/time)", ""),
        ("W/m/K/(m)", "W m⁻² K⁻¹"),
        ("1/(1/s)", "s"),
        ("J/(K", "J/(K"),
        ("per cent", "per cent"),
        ("10 dB", "10 dB"),
    ],
)
def test_units_are_typeset(unit, text):
    assert typeset(unit) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (10e-9, "m", "10 nm"),
        (1e-5, "m", "10 um"),
        (0.999999999999e-6, "m", "1 um"),
        (5.431, "W/m/K", "5.431 W/m/K"),
        (5917.0, "W/m/K", "5917 W/m/K"),
        (1.64e9, "W/m2", "1.64 GW/m2"),
        (30000.0, "K", "30000 K"),
        (0.002, "K", "2 mK"),
        (1e-9, "m2/s", "1e-09 m2/s"),
        (-0.25, "1", "-0.25"),
        (0.0, "m", "0 m"),
        (3.0, "kg", "3 kg"),
        (0.25, "1/time", "0.25 per unit time"),
        (0.25, "1/time/(1/time)", "0.25"),
    ],
)
def test_numbers_in_a_terminal(value, unit, text):
    assert plain(value, unit) == text


def test_numbers_on_the_page():
    assert printed(1e-5, "m") == "10\xa0µm"
    assert printed(2.5e-12, "1") == "2.5 × 10⁻¹²"
    assert printed(-3.0, "m/s") == "−3\xa0m s⁻¹"
