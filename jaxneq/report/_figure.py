"""The figure of a result, drawn from its declarations."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxneq.store import Result

from ._axes import limits_of, set_axis
from ._map import draw_map, field_maps
from ._panel import Panel
from ._style import BLUE, DASHES, HEIGHT, INK, MAP_HEIGHT, RC, SOFT, WIDTH, new_figure
from ._view import (
    Curves,
    curves,
    derivative_words,
    drawn_derivatives,
    fixed_in_words,
    label_of,
    panels,
    primary_of,
    references,
    spread_of,
    words,
)


def figure(result: Result) -> Figure:
    """What was found, as a figure: nothing global is touched, and no display is needed.

    With a sweep, what is drawn over the first axis, a line for each value of the second,
    derivatives in panels below; without one, profiles of up to four quantities, or a lone number
    with its error bar, and derivatives beside, those that are numbers as bars. Then maps of fields.
    """
    with matplotlib.rc_context(RC):
        names = panels(result)
        told = drawn_derivatives(result, names)
        shown, more = ([c for n in each if (c := curves(result, n))] for each in (names, told))
        if result.axes and shown and all(found.along == shown[0].along for found in shown):
            return _stack(result, shown, more)
        bars: dict[str, list[str]] = {}  # by their unit
        for name in told:
            if result.quantities[name].values.ndim == 0:
                bars.setdefault(result.quantities[name].unit, []).append(name)
        return _grid(result, shown, more, list(bars.values()))


def _stack(result: Result, mains: list[Curves], below: list[Curves]) -> Figure:
    """What is drawn above, derivatives below, one x axis; then what has an x axis of its own."""
    alike = [main for main in mains if main.over is None]
    own = [main for main in mains if main.over is not None]
    heights = [0.8] * len(alike) + [0.5] * len(below) + [0.8] * len(own)
    heights[0] = 1.0
    whole = new = lower = new_figure(WIDTH, HEIGHT * sum(heights))
    if maps := field_maps(result):
        rows = -(-len(maps) // 2)
        tall = [whole.get_figheight(), rows * MAP_HEIGHT]
        whole.set_figheight(sum(tall))
        new, lower = whole.subfigures(2, 1, height_ratios=tall, squeeze=False).flat
    axes = list(new.subplots(len(heights), 1, height_ratios=heights, squeeze=False).flat)
    if maps:
        places = iter(lower.subplots(rows, min(len(maps), 2), squeeze=False).flat)
        for field in maps:
            draw_map(result, next(places), field)
        for ax in places:
            ax.set_axis_off()
    drawn = [Panel(result, ax, c) for ax, c in zip(axes, [*alike, *below, *own], strict=True)]
    together = axes[: len(alike) + len(below)]
    for ax in together[:-1]:
        ax.sharex(together[-1])
        ax.tick_params(axis="x", which="both", labelbottom=False)
        ax.set_xlabel("")
    first = next((panel for panel in drawn if panel.beside), drawn[0])
    first.key(together or axes)
    told = {first.shown.across, None}
    for panel in drawn:
        if panel.shown.across not in told:  # other lines than those above
            told.add(panel.shown.across)
            panel.key([panel.ax])
    new.align_ylabels(axes)
    if (main := drawn[0].shown).fixed:
        axes[0].set_title(
            fixed_in_words(result, main.fixed), loc="right", fontsize=8, color=SOFT, pad=16
        )
    _settle(whole, drawn)
    drawn[0].shade(together or axes)
    for panel in drawn:
        panel.name_guides()
    return whole


def _grid(result: Result, shown: list[Curves], more: list[Curves], bars: list[list[str]]) -> Figure:
    """Profiles, or a lone number; then derivatives, and maps."""
    maps = field_maps(result)
    count = max(len(shown), 1) + len(more) + len(bars) + len(maps)
    rows, columns = (1, count) if count < 3 else (-(-count // 2), 2)
    width, height = max(WIDTH, 3.7 * columns), 3.0 if rows == 1 else 2.7 * rows
    if count == 1 and not shown:
        width, height = 0.6 * WIDTH, 0.8 * HEIGHT
    new = new_figure(width, height)
    axes = iter(new.subplots(rows, columns, squeeze=False).flat)
    if not shown:
        _number(result, next(axes))
    drawn = [Panel(result, next(axes), found) for found in [*shown, *more]]
    for names in bars:
        _bars(result, next(axes), names)
    for field in maps:
        draw_map(result, next(axes), field)
    for ax in axes:
        ax.set_axis_off()
    for panel in drawn:
        panel.key([panel.ax])
    _settle(new, drawn)
    for panel in drawn:
        panel.shade([panel.ax])
        panel.name_guides()
    return new


def _settle(new: Figure, drawn: list[Panel]) -> None:
    """Settle the layout, legends out of the way of curves."""
    new.draw_without_rendering()
    if any([panel.lift_key() for panel in drawn]):
        new.draw_without_rendering()


def _number(result: Result, ax: Axes) -> None:
    """A number with its error bar beside what it is compared with."""
    name = primary_of(result)
    data = result.quantities[name]
    value = np.ravel(data.values)[:1].astype(float)
    error = spread_of(result, name)
    stderr = np.zeros(1) if error is None else np.ravel(error.values)[:1]
    levels = {n: np.ravel(q.values)[:1] for n, q in references(result, name).items()}
    ax.errorbar([0.0], value, stderr, fmt="o", color=BLUE, ms=5, capsize=4, elinewidth=1.2)
    for number, (its_name, level) in enumerate(levels.items()):
        ax.axhline(level[0], color=SOFT, lw=1.0, ls=(0, DASHES[number % len(DASHES)]))
        text = words(its_name.removesuffix(f"_{name}"))
        ax.annotate(text, (0.99, level[0]), xycoords=("axes fraction", "data"), ha="right",
                    xytext=(0, 2), textcoords="offset points", color=SOFT, fontsize=8)  # fmt: skip
    around = np.concatenate([value - 3 * stderr, value + 3 * stderr, *levels.values()])
    set_axis(ax, "y", label_of(result, name), limits_of(around, False, []), data.unit, False)
    ax.set(xlim=(-1, 1), xticks=[])


def _bars(result: Result, ax: Axes, names: list[str]) -> None:
    """Derivatives that are single numbers of one unit, with their error bars."""
    values = np.array([float(result.quantities[name].values) for name in names])
    spreads = [spread_of(result, name) for name in names]
    errors = np.array([0.0 if it is None else float(it.values) for it in spreads])
    ax.bar(range(len(names)), values, 0.6, yerr=errors, color=BLUE, ecolor=INK, capsize=3)
    ax.axhline(0.0, color=INK, lw=0.7)
    ax.set(xlim=(-0.6, len(names) - 0.4))
    ax.set_xticks(range(len(names)), [str(derivative_words(name)) for name in names])
    around = np.concatenate([values - errors, values + errors, [0.0]])
    set_axis(
        ax, "y", "derivative", limits_of(around, False, []), result.quantities[names[0]].unit, False
    )
