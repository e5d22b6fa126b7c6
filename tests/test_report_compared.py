"""What a result is compared with, in the figure, in words and on the page."""

import dataclasses

import numpy as np
import pytest
from fakes import fake_result
from matplotlib.colors import to_hex

from jaxneq import report
from jaxneq.store import Comparison, Dataset, Result, read_result, write_result


def sample(thickness, conductivity, uncertainty, **changes) -> Comparison:
    columns = {
        "thickness": (thickness, "m"),
        "conductivity": (conductivity, "W/m/K"),
        "uncertainty": (uncertainty, "W/m/K"),
    }
    facts = {
        "label": "Someone 1999",
        "about": "glass, film: by hand",
        "reference": "Journal <1>, 2 (1999)",
        "confirmed": True,
        "quantity": "conductivity",
        "along": "system.thickness",
        "datasets": {
            name: Dataset(np.array(values), ("point",), unit, name)
            for name, (values, unit) in columns.items()
        },
    }
    return Comparison(**facts | changes)


def compared(*samples: Comparison, names=("thickness",)) -> Result:
    named = {f"sample-{number}": one for number, one in enumerate(samples)}
    return dataclasses.replace(fake_result(*names), compared=named)


MEASURED = (
    sample([30e-9, 2e-6], [300.0, 90.0], [20.0, np.nan]),
    sample([300e-9], [1.0], [np.nan], label="Other 2000", confirmed=False),
)


@pytest.mark.parametrize("from_file", [False, True])
def test_measured_points_stand_beside_the_curve(from_file, tmp_path):
    result = compared(*MEASURED)
    if from_file:
        write_result(tmp_path / "r.h5", result)
        result = read_result(tmp_path / "r.h5")
    (ax,) = report.figure(result).axes
    drawn = {
        line.get_marker(): (line.get_xydata().tolist(), to_hex(line.get_markerfacecolor()))
        for line in ax.lines
        if line.get_linestyle() == "None" and line.get_marker() in ("s", "^")
    }
    assert drawn["s"] == ([[30e-9, 300.0], [2e-6, 90.0]], "#1a1a1a")
    assert drawn["^"] == ([[300e-9, 1.0]], "#ffffff")  # not confirmed: open
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["Someone 1999", "Other 2000"]
    bars = [bar for c in ax.collections if hasattr(c, "get_segments") for bar in c.get_segments()]
    (stated,) = [bar for bar in bars if np.size(bar) and np.all(np.isfinite(bar))]
    assert stated.tolist() == [[30e-9, 280.0], [30e-9, 320.0]]
    low, high = ax.get_ylim()
    assert low < 1.0 and high > 320.0  # they are in the figure, error bars and all


def test_curves_of_other_systems_stand_beside():
    """A line, named in the legend after the system of the result itself."""
    x = [10e-9, 1e-6, 10e-6]
    other = sample(x, [3.0, 30.0, np.nan], [np.nan] * 3, label="wire", computed=True)
    result = compared(other, MEASURED[0])
    result.attributes["system"] = "fake.FakeFilm"
    (ax,) = report.figure(result).axes
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["fake film", "wire", "Someone 1999"]
    lines = [line for line in ax.lines if np.array_equal(line.get_xdata(), x)]
    assert [line.get_linestyle() for line in lines] == ["-"]
    assert "wire: 3 W/m/K ... 30 W/m/K" in report.summary(result)
    assert ax.get_ylim()[0] < 3.0


def test_how_far_the_curve_lies_from_what_was_measured():
    """Between two points of the sweep the curve is a power law, to a part in a thousand."""
    result = fake_result("thickness")
    x = result.axes["system.thickness"].values
    y = result.quantities["conductivity"].values
    between = sample(np.sqrt(x[3:5] * x[4:6]), np.sqrt(y[3:5] * y[4:6]) / [1.1, 0.8], [1.0, 1.0])
    rms = 100 * np.sqrt((0.1**2 + 0.2**2) / 2)
    assert f"Someone 1999: 2 values, {rms:.2g} % from the curve (rms)" in report.summary(
        compared(between)
    )
    on_it = sample(x[[7]], y[[7]] / 1.25, [1.0], confirmed=False)
    assert "Someone 1999: 1 value, 25 % from the curve, not confirmed" in report.summary(
        compared(on_it)
    )
    lost = sample(x[[7, 8]], [y[7] / 1.25, np.nan], [1.0, 1.0])  # a value that is missing
    assert "Someone 1999: 2 values, 25 % from the curve (rms)" in report.summary(compared(lost))
    several = compared(on_it, names=("thickness", "temperature"))
    assert "Someone 1999: 1 value, not confirmed" in report.summary(several)


def test_what_belongs_to_another_axis_is_not_drawn():
    elsewhere = sample([1e-7], [50.0], [np.nan], along="system.temperature")
    (ax,) = report.figure(compared(elsewhere)).axes
    assert ax.get_legend() is None


def test_sources_are_on_the_page(tmp_path):
    write_result(tmp_path / "result.h5", compared(*MEASURED))
    _, page = report.build(tmp_path)
    text = page.read_text("utf-8")
    assert "Journal &lt;1&gt;, 2 (1999)" in text and "Glass, film: by hand" in text
    assert "open where not confirmed" in text
