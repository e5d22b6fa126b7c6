"""The figure shows the numbers of the file, the page stands alone, the summary tells the find."""

import base64
import dataclasses
import html
import re

import matplotlib
import numpy as np
import pytest
from fakes import BULK, MEAN_FREE_PATH, fake_result, with_failures, with_quantities
from matplotlib.colors import to_hex
from PIL import Image

from jaxneq import report
from jaxneq.store import Dataset, Result, read_result, write_result

BLUE, VERMILLION = "#0072b2", "#d55e00"


def with_gradient(result: Result, sign: float = 1.0) -> Result:
    data = result.quantities["conductivity"]
    values = sign * data.values**2 / 7e-6
    gradient = Dataset(values, data.dims, "W/m/K/(m)", "Derivative")
    return with_quantities(result, d_conductivity_d_thickness=gradient)


def curves_in(ax, color=BLUE):
    """Solid lines of a colour (of any but that of crosses for None) as (x, y)."""
    return [
        line.get_xydata().T
        for line in ax.lines
        if line.get_linestyle() == "-"
        and len(line.get_xdata()) > 2
        and (color is None or to_hex(line.get_color()) == color)
    ]


def texts_in(ax) -> dict:
    return {text.get_text(): text for text in ax.texts}


# ---- figures -------------------------------------------------------------------------------------


def test_a_sweep_is_drawn_on_log_axes():
    result = fake_result("thickness")
    drawn = report.figure(result)
    (ax,) = drawn.axes
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    ((x, y),) = curves_in(ax)
    assert np.array_equal(x, result.axes["system.thickness"].values)
    assert np.array_equal(y, result.quantities["conductivity"].values)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Thickness", "Conductivity (W m⁻¹ K⁻¹)")
    drawn.draw_without_rendering()
    shown = [tick.get_text().replace("\xa0", " ") for tick in ax.get_xticklabels()]
    assert {"10 nm", "100 nm", "1 µm", "10 µm"} <= set(shown)
    assert ax.get_legend() is None


def test_references_are_dashed_and_named():
    drawn = report.figure(fake_result("thickness"))
    (ax,) = drawn.axes
    dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert np.all(dashed[0].get_ydata() == BULK)
    expected = 0.75 * BULK * dashed[1].get_xdata() / MEAN_FREE_PATH
    np.testing.assert_allclose(dashed[1].get_ydata(), expected)
    texts = texts_in(ax)
    assert {"bulk", "ballistic"} <= set(texts)
    # The names stand in the axes, and no curve runs through them.
    points = [ax.transData.transform(line.get_xydata()) for line in ax.lines]
    for name in ("bulk", "ballistic"):
        text = texts[name]
        box = text.get_window_extent()
        assert ax.bbox.x0 <= box.x0 <= box.x1 <= ax.bbox.x1
        assert ax.bbox.y0 <= box.y0 <= box.y1 <= ax.bbox.y1
        if text.get_rotation() == 0:
            assert not any(box.contains(*p) for run in points for p in run)


@pytest.mark.parametrize(("slope", "right"), [(-0.5, True), (0.5, False)])
def test_names_keep_away_from_curves(slope, right):
    x = np.linspace(0.0, 1.0, 11)
    data = Dataset(np.where(slope < 0, 1.0, 0.5) + slope * x, ("force",))
    bound = Dataset(np.array(1.0), hints={"reference_for": "velocity"})
    quantities = {"velocity": data, "bound_velocity": bound}
    axes = {"force": Dataset(x, ("force",))}
    (ax,) = report.figure(Result("t", "", {}, {"primary": "velocity"}, axes, quantities)).axes
    assert (texts_in(ax)["bound"].get_position()[0] > 0.25) == right


def test_limits_follow_the_curve_and_take_in_near_references():
    (ax,) = report.figure(fake_result("thickness")).axes
    low, high = ax.get_ylim()
    assert 4 < low < 5.68
    assert BULK < high < 200  # the bulk is in, the diverging ballistic line is cut


def test_regimes_are_shaded_where_they_lie():
    (ax,) = report.figure(fake_result("thickness")).axes
    spans = sorted(
        (patch.get_x(), patch.get_x() + patch.get_width())
        for patch in ax.patches
        if patch.get_height() == 1
    )
    edges = [MEAN_FREE_PATH / 10, MEAN_FREE_PATH / 0.1]
    left, right = ax.get_xlim()
    np.testing.assert_allclose(
        np.ravel(spans), [left, edges[0], edges[0], edges[1], edges[1], right], rtol=4e-3
    )
    texts = texts_in(ax)
    named = sorted((texts[n].xy[0], n) for n in ("ballistic", "quasiballistic", "diffusive")
                   if n in texts and hasattr(texts[n], "xy"))  # fmt: skip
    assert [name for _, name in named][-2:] == ["quasiballistic", "diffusive"]
    for (start, stop), (middle, _) in zip(spans[1:], named[-2:], strict=True):
        np.testing.assert_allclose(middle, np.sqrt(start * stop), rtol=1e-6)


def test_two_decades_in_many_lines_are_log_too():
    axes = {
        "width": Dataset(np.geomspace(1.0, 50.0, 9), ("width",), "m"),
        "rate": Dataset(np.arange(3.0), ("rate",)),
    }
    data = Dataset(np.ones((9, 3)), tuple(axes))
    (ax,) = report.figure(Result("t", "", {}, {"primary": "k"}, axes, {"k": data})).axes
    assert ax.get_xscale() == "log"


def test_one_point_has_room_of_its_own_size():
    axes = {"width": Dataset(np.array([1e-7]), ("width",), "m")}
    data = Dataset(np.array([2.0]), tuple(axes))
    (ax,) = report.figure(Result("t", "", {}, {"primary": "k"}, axes, {"k": data})).axes
    assert 0 < ax.get_xlim()[0] < 1e-7 < ax.get_xlim()[1] < 2e-7


def test_a_linear_axis_stays_linear():
    (ax,) = report.figure(fake_result("temperature")).axes
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")
    assert ax.get_xlabel() == "Temperature (K)"


def test_a_second_axis_gives_lines_and_a_legend():
    result = fake_result("thickness", "temperature")
    (ax,) = report.figure(result).axes
    lines = curves_in(ax, color=None)
    values = result.quantities["conductivity"].values
    assert len(lines) == 4
    for i, (_, y) in enumerate(lines):
        assert np.array_equal(y, values[:, i])
    legend = ax.get_legend()
    assert legend.get_title().get_text() == "Temperature"
    shown = [text.get_text().replace("\xa0", " ") for text in legend.get_texts()]
    assert shown == ["150 K", "250 K", "350 K", "450 K"]
    assert len({to_hex(line.get_color()) for line in ax.lines if line.get_linestyle() == "-"}) == 4


def test_many_lines_get_a_colour_bar():
    drawn = report.figure(fake_result("temperature", "thickness"))
    ax, bar = drawn.axes
    assert len(curves_in(ax, color=None)) == 31
    assert ax.get_legend() is None
    assert (bar.get_ylabel(), bar.get_yscale()) == ("Thickness", "log")


def test_a_third_axis_is_held_and_said(tmp_path):
    result = fake_result("thickness", "temperature")
    third = Dataset(np.array([1.0, 2.0, 4.0]), ("method.order",), "1")
    data = result.quantities["conductivity"]
    cube = Dataset(data.values[..., None] * third.values, (*data.dims, "method.order"), data.unit)
    result = dataclasses.replace(result, axes=result.axes | {"method.order": third})
    drawn = report.figure(with_quantities(result, conductivity=cube))
    np.testing.assert_array_equal(curves_in(drawn.axes[0], None)[0][1], 2 * data.values[:, 0])
    assert drawn.axes[0].get_title(loc="right") == "order = 2"


def test_choices_are_named():
    choices = {"flag_values": np.arange(3), "flag_meanings": "Si Ge GaAs"}
    axis = Dataset(np.arange(3), ("system.material",), "1", "", choices)
    widths = Dataset(np.array([1.0, 2.0]), ("system.width",), "m")
    axes = {"system.material": axis, "system.width": widths}
    values = np.array([[3.0, 4.0], [1.0, 2.0], [5.0, 6.0]])
    result = Result("t", "", {}, {"primary": "k"}, axes, {"k": Dataset(values, tuple(axes))})
    (ax,) = report.figure(result).axes
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["Si", "Ge", "GaAs"]
    assert not curves_in(ax, None)  # no line leads from one material to another
    assert report.summary(result)[0] == (
        "k: 1 at material = Ge, width = 1 m ... 6 at material = GaAs, width = 2 m"
    )
    turned = dataclasses.replace(result, axes=dict(reversed(axes.items())))
    (ax,) = report.figure(turned).axes
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["Si", "Ge", "GaAs"]


@pytest.mark.parametrize(("sign", "scale"), [(1.0, "log"), (-1.0, "linear")])
def test_gradients_stand_below(sign, scale):
    result = with_gradient(fake_result("thickness"), sign)
    top, below = report.figure(result).axes
    assert top.get_shared_x_axes().joined(top, below)
    assert below.get_yscale() == scale
    assert below.get_title(loc="left") == "∂ conductivity / ∂ thickness"
    assert below.get_ylabel() == {"log": "MW m⁻² K⁻¹", "linear": "GW m⁻² K⁻¹"}[scale]
    ((_, y),) = curves_in(below)
    assert np.array_equal(y, result.quantities["d_conductivity_d_thickness"].values)
    assert below.get_xlabel() == "Thickness"
    assert len([p for p in below.patches if p.get_height() == 1]) == 3


def test_error_bars_are_one_standard_error():
    result = fake_result("thickness")
    data = result.quantities["conductivity"]
    result = with_quantities(
        result, conductivity_stderr=Dataset(0.1 * data.values, data.dims, data.unit)
    )
    (ax,) = report.figure(result).axes
    (bars,) = [c for c in ax.collections if hasattr(c, "get_segments")]
    ends = np.array(bars.get_segments())[..., 1]
    np.testing.assert_allclose(ends, np.outer(data.values, [0.9, 1.1]))


def test_error_band_where_points_are_many():
    x = np.linspace(0.0, 2.0, 200)
    result = Result(
        "t",
        "",
        {},
        {"primary": "velocity"},
        {"force": Dataset(x, ("force",))},
        {
            "velocity": Dataset(x**2, ("force",)),
            "velocity_stderr": Dataset(0 * x + 0.3, ("force",)),
        },
    )
    (ax,) = report.figure(result).axes
    (band,) = ax.collections
    edges = band.get_paths()[0].vertices
    at_end = edges[np.isclose(edges[:, 0], 2.0), 1]
    assert (at_end.min(), at_end.max()) == (3.7, 4.3)


def test_uncertainty_is_a_band_around_the_curve():
    result = fake_result("thickness")
    data = result.quantities["conductivity"]
    wide = Dataset(0.5 * data.values, data.dims, data.unit)
    result = with_quantities(result, conductivity_uncertainty=wide)
    (ax,) = report.figure(result).axes
    (band,) = ax.collections
    edges = band.get_paths()[0].vertices
    thinnest = edges[np.isclose(edges[:, 0], 10e-9, atol=0), 1]
    np.testing.assert_allclose(
        [thinnest.min(), thinnest.max()], data.values[0] * np.array([0.5, 1.5])
    )
    assert ax.get_ylim()[0] < 0.5 * data.values.min()  # all of it is in the figure
    assert "5.7 ± 2.8 W/m/K at thickness = 10 nm" in report.summary(result)[0]


def test_failed_points_are_crossed_out():
    result = with_failures(fake_result("thickness"))
    (ax,) = report.figure(result).axes
    ((_, y),) = curves_in(ax)
    assert np.flatnonzero(np.isnan(y)).tolist() == [5, 9]
    (crosses,) = [line for line in ax.lines if line.get_marker() == "x"]
    assert to_hex(crosses.get_color()) == VERMILLION
    assert crosses.get_ydata().tolist() == [result.quantities["conductivity"].values[5]]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["failed (2 of 31)"]


def test_without_a_sweep_profiles_are_drawn():
    result = fake_result()
    axes = report.figure(result).axes
    assert [ax.get_ylabel() for ax in axes] == ["Temperature (K)", "Heat flux profile (MW m⁻²)"]
    assert [ax.get_xlabel() for ax in axes] == ["Position (nm)"] * 2
    ((x, y),) = curves_in(axes[0])
    assert np.array_equal(x, result.quantities["position"].values)
    assert np.array_equal(y, result.quantities["temperature"].values)
    low, high = axes[1].get_ylim()
    assert (high - low) / high > 0.05  # a constant is shown as one, not its rounding errors


def test_time_dependence_is_drawn_over_time():
    times = np.linspace(0.0, 5e-9, 30)
    rates = Dataset(np.array([1e8, 5e8, 1e9]), ("system.rate",), "1/s")
    decay = Dataset(np.exp(-np.outer(rates.values, times)), ("system.rate", "time"))
    quantities = {"time": Dataset(times, ("time",), "s"), "survival": decay}
    attributes = {"primary": "survival"}
    result = Result("t", "", {}, attributes, {"system.rate": rates}, quantities)
    (ax,) = report.figure(result).axes
    assert ax.get_xlabel() == "Time (ns)"
    assert len(curves_in(ax, None)) == 3
    assert ax.get_legend().get_title().get_text() == "Rate"


def test_a_lone_number():
    quantities = {
        "velocity": Dataset(np.array(0.5), (), "m/s"),
        "velocity_stderr": Dataset(np.array(0.1), (), "m/s"),
        "exact_velocity": Dataset(np.array(0.55), (), "m/s", "", {"reference_for": "velocity"}),
    }
    result = Result("t", "", {}, {"primary": "velocity"}, {}, quantities)
    (ax,) = report.figure(result).axes
    assert ax.get_ylim()[0] < 0.2 < 0.8 < ax.get_ylim()[1]
    assert "exact" in texts_in(ax)
    assert report.summary(result)[0] == "velocity: 0.50 ± 0.10 m/s"


def lattice(**more: Dataset) -> Result:
    """A current over a rate, with what else there is."""
    rates = Dataset(np.linspace(0.1, 1.0, 10), ("alpha",), "1/time", "", {"label": "rate α"})
    hints = {"label": "generating function θ"}
    curve = Dataset(rates.values**2, ("alpha",), "1/time", "", hints)
    axes, facts = {"alpha": rates}, {"primary": "scgf"}
    return Result("t", "", {}, facts, axes, {"scgf": curve, **more})


def test_axes_have_the_labels_that_were_declared():
    (ax,) = report.figure(lattice()).axes
    assert ax.get_ylabel() == "Generating function θ (per unit time)"
    assert ax.get_xlabel() == "Rate α (per unit time)"
    assert report.summary(lattice())[0] == (
        "SCGF: 0.01 per unit time at alpha = 0.1 ... 1 per unit time at alpha = 1"
    )


@pytest.mark.parametrize("name", ["k4", "q"])
def test_symbols_are_not_made_capitals(name):
    axes = {f"system.constants.{name}": Dataset(np.linspace(0.0, 1.0, 4), ("x",))}
    drawn = Dataset(np.ones(4), tuple(axes))
    (ax,) = report.figure(Result("t", "", {}, {"primary": "rate"}, axes, {"rate": drawn})).axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == (name, "Rate")


def test_long_labels_take_two_lines():
    hints = {"label": "scaled cumulant generating function of the current through the last site"}
    result = lattice(scgf=Dataset(np.ones(10), ("alpha",), "1/time", "", hints))
    drawn = report.figure(result)
    (ax,) = drawn.axes
    drawn.draw_without_rendering()
    assert ax.get_ylabel().splitlines()[-1] == "(per unit time)"
    assert ax.yaxis.label.get_window_extent().height < ax.bbox.height


def test_curves_on_each_other_are_all_seen():
    names = {"flag_meanings": "a b c d", "coordinate": True}
    edges = Dataset(np.arange(4), ("edge",), "1", "", names)
    x = np.linspace(0.0, 1.0, 50)
    y = np.stack([x, 1 - x, x, x * (1 + 1e-9)], axis=1)
    axes = {"work": Dataset(x, ("work",))}
    found = {"current": Dataset(y, ("work", "edge")), "edge": edges}
    (ax,) = report.figure(Result("t", "", {}, {"primary": "current"}, axes, found)).axes
    dashes = [line._unscaled_dash_pattern for line in ax.lines]
    assert dashes == [(0, None), (0, None), (10.0, (5.0, 10.0)), (5.0, (5.0, 10.0))]
    starts = [(cycle - offset) % cycle for offset, (_, gap) in dashes[2:] for cycle in [5 + gap]]
    assert starts == [5.0, 10.0]  # each in a gap of the other, and the first line between them


def test_a_legend_that_covers_a_curve_stands_above():
    x = np.linspace(0.0, 1.0, 200)
    lines = Dataset(np.arange(3.0), ("rate",))
    axes = {"force": Dataset(x, ("force",)), "rate": lines}

    def place(y):
        data = Dataset(y, ("force", "rate"))
        drawn = report.figure(Result("t", "", {}, {"primary": "k"}, axes, {"k": data}))
        drawn.draw_without_rendering()
        (ax,) = drawn.axes
        names = [text.get_text() for text in ax.get_legend().get_texts()]
        assert names == ["0", "1", "2"] and ax.get_legend().get_title().get_text() == "Rate"
        return ax.get_legend().get_window_extent(), ax.bbox

    everywhere = np.sin(60 * x)[:, None] + 0.1 * np.arange(3)
    legend, box = place(everywhere)
    assert legend.y0 > box.y1
    legend, box = place(x[:, None] + 0.1 * np.arange(3))
    assert legend.y1 < box.y1


def test_a_bound_is_a_dashed_line():
    product = Dataset(np.linspace(2.1, 5.0, 10), ("alpha",), "1", "", {"bound": 2.0})
    result = lattice(scgf=product)
    (ax,) = report.figure(result).axes
    (dashed,) = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert np.all(dashed.get_ydata() == 2.0) and "bound" in texts_in(ax)
    assert "bound (reference): 2" in report.summary(result)


def test_a_function_over_another_quantity():
    """A rate function stands over its current, on an axis of its own."""
    x = lattice().axes["alpha"].values
    hints = {"over": "current", "label": "rate function I"}
    result = lattice(
        current=Dataset(2 * x, ("alpha",), "1/time", "", {"label": "current J"}),
        rate_function=Dataset(x**2, ("alpha",), "1/time", "", hints),
    )
    result.attributes["drawn"] = ["scgf", "rate_function"]
    above, below = report.figure(result).axes
    assert (above.get_xlabel(), below.get_xlabel()) == (
        "Rate α (per unit time)",
        "Current J (per unit time)",
    )
    ((drawn, y),) = curves_in(below)
    assert np.array_equal(drawn, 2 * x) and np.array_equal(y, x**2)
    assert not above.get_shared_x_axes().joined(above, below)


def test_derivatives_of_a_lone_number_are_bars():
    quantities = {
        "current": Dataset(np.array(0.25), (), "1/time"),
        "d_current_d_alpha": Dataset(np.array(0.4), (), "1/time/(1/time)"),
        "d_current_d_alpha_stderr": Dataset(np.array(0.1), (), "1/time/(1/time)"),
        "d_current_d_beta": Dataset(np.array(-0.2), (), "1/time/(1/time)"),
        "d_current_d_hopping": Dataset(np.linspace(0.0, 0.1, 5), ("bond",)),
    }
    result = Result("t", "", {}, {"primary": "current"}, {}, quantities)
    number, profile, bars, nothing = report.figure(result).axes
    assert number.get_ylabel() == "Current (per unit time)" and not nothing.axison
    assert profile.get_title(loc="left") == "∂ current / ∂ hopping"
    assert [bar.get_height() for bar in bars.patches] == [0.4, -0.2]
    assert [tick.get_text() for tick in bars.get_xticklabels()] == [
        "∂ current / ∂ alpha",
        "∂ current / ∂ beta",
    ]
    told = report.summary(result)[1:4]
    assert told[:2] == ["∂ current / ∂ alpha: 0.40 ± 0.10", "∂ current / ∂ beta: -0.2"]
    assert told[2].startswith("∂ current / ∂ hopping: 0 at bond = no. 0 ... 0.1")


def test_derivatives_of_all_that_is_drawn():
    slope = Dataset(np.linspace(1.0, 2.0, 10), ("alpha",))
    second = Dataset(np.linspace(3.0, 4.0, 10), ("alpha",))
    result = lattice(current=second, d_current_d_alpha=slope)
    assert len(report.figure(result).axes) == 1  # not of what is drawn, but told
    assert "∂ current / ∂ alpha: 1 at alpha = 0.1 ... 2 at alpha = 1" in report.summary(result)
    result.attributes["drawn"] = ["scgf", "current"]
    titles = [ax.get_title(loc="left") for ax in report.figure(result).axes]
    assert titles == ["", "", "∂ current / ∂ alpha"]


def test_drawing_leaves_no_trace():
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        before = dict(matplotlib.rcParams)
        report.figure(fake_result("thickness"))
        assert dict(matplotlib.rcParams) == before


# ---- the page ------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [(), ("thickness", "temperature")])
def test_the_page_stands_alone(tmp_path, names):
    result = fake_result(*names)
    write_result(tmp_path / "result.h5", result)
    png, page = report.build(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["figure.png", "report.html", "result.h5"]
    text = page.read_text("utf-8")
    assert base64.b64encode(png.read_bytes()).decode() in text
    assert not re.search(r"https?://|<script|<link|@import|url\(", text)
    assert re.findall(r'src="(.{22})', text) == ["data:image/png;base64,"]
    assert f"<pre><code>{html.escape(result.job)}" in text.replace("&#34;", "&quot;")
    for name in read_result(tmp_path / "result.h5").quantities:
        assert f"<code>{name}</code>" in text
    assert "W m⁻¹ K⁻¹" in text
    assert "float64" in text
    assert png.stat().st_size < 400_000
    with Image.open(png) as image:
        assert image.width >= 1500
        assert image.getextrema() != ((255, 255),) * 4


def test_title_and_job_cannot_break_the_page(tmp_path):
    evil = '<script>alert("x")</script>'
    result = dataclasses.replace(fake_result(), title=evil, job=f"# {evil}")
    write_result(tmp_path / "result.h5", result)
    _, page = report.build(tmp_path)
    assert "<script" not in page.read_text("utf-8")


def test_failures_are_on_the_page(tmp_path):
    write_result(tmp_path / "result.h5", with_failures(fake_result("thickness")))
    _, page = report.build(tmp_path)
    text = html.unescape(page.read_text("utf-8"))
    assert "max_iterations (1 of 31)" in text
    assert "Raise `max_iterations`" in text
    assert "(1 not finite)" in text


def test_no_result_to_report(tmp_path):
    with pytest.raises(ValueError, match=r"result\.h5: there is no such file"):
        report.build(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_finite_still_gives_a_page(tmp_path):
    result = fake_result("thickness")
    data = result.quantities["conductivity"]
    nothing = dataclasses.replace(data, values=np.full_like(data.values, np.nan))
    write_result(tmp_path / "result.h5", with_quantities(result, conductivity=nothing))
    _, page = report.build(tmp_path)
    assert "no finite value" in page.read_text("utf-8")
