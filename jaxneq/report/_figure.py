"""The figure of a result, drawn from its declarations."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from jaxneq.store import Result

from ._axes import limits_of, set_axis
from ._panel import Panel
from ._style import BLUE, DASHES, HEIGHT, RC, SOFT, WIDTH, new_figure
from ._units import printed
from ._view import (
    Curves,
    categories,
    curves,
    dimension,
    gradients,
    primary_of,
    profiles,
    references,
    spread_of,
    words,
)

MOST_PANELS = 4
_MOST_GRADIENTS = 3


def figure(result: Result) -> Figure:
    """What was found, as a figure: nothing global is touched, and no display is needed.

    With a sweep, the primary quantity over the first axis, a line for each value of the second,
    derivatives in panels below; without one, profiles of up to four quantities; for a lone
    number, the number with its error bar.
    """
    with matplotlib.rc_context(RC):
        if result.axes and (main := curves(result, primary_of(result))) is not None:
            return _stack(result, main)
        names = profiles(result)[:MOST_PANELS]
        return _grid(result, names) if names else _single(result)


def _stack(result: Result, main: Curves) -> Figure:
    """The primary above, its derivatives below, one x axis."""
    names = gradients(result, main.name)[:_MOST_GRADIENTS]
    shown = [main, *(c for name in names if (c := curves(result, name)) is not None)]
    heights = [1.0] + [0.5] * (len(shown) - 1)
    new = new_figure(WIDTH, HEIGHT * sum(heights))
    axes = list(new.subplots(len(shown), 1, sharex=True, height_ratios=heights, squeeze=False).flat)
    panels = [Panel(result, ax, c) for ax, c in zip(axes, shown, strict=True)]
    for ax in axes[:-1]:
        ax.label_outer()
    panels[0].key(axes)
    new.align_ylabels(axes)
    if main.fixed:
        axes[0].set_title(fixed_in_words(result, main), loc="right", fontsize=8, color=SOFT, pad=16)
    new.draw_without_rendering()  # settles the layout
    panels[0].shade(axes)
    panels[0].name_guides()
    return new


def _grid(result: Result, names: list[str]) -> Figure:
    rows, columns = (1, len(names)) if len(names) < 3 else (2, 2)
    new = new_figure(max(WIDTH, 3.7 * columns), 3.0 if rows == 1 else 2.7 * rows)
    axes = list(new.subplots(rows, columns, squeeze=False).flat)
    for ax in axes[len(names) :]:
        ax.set_axis_off()
    shown = [(ax, curves(result, name)) for ax, name in zip(axes, names, strict=False)]
    panels = [Panel(result, ax, c) for ax, c in shown if c is not None]
    for panel in panels:
        panel.key([panel.ax])
    new.draw_without_rendering()
    for panel in panels:
        panel.shade([panel.ax])
        panel.name_guides()
    return new


def _single(result: Result) -> Figure:
    """A number with its error bar beside what it is compared with."""
    name = primary_of(result)
    data = result.quantities[name]
    value = np.ravel(data.values)[:1].astype(float)
    error = spread_of(result, name)
    stderr = np.zeros(1) if error is None else np.ravel(error.values)[:1]
    levels = {n: np.ravel(q.values)[:1] for n, q in references(result, name).items()}
    new = new_figure(0.6 * WIDTH, 0.8 * HEIGHT)
    ax = new.subplots()
    ax.errorbar([0.0], value, stderr, fmt="o", color=BLUE, ms=5, capsize=4, elinewidth=1.2)
    for number, (its_name, level) in enumerate(levels.items()):
        ax.axhline(level[0], color=SOFT, lw=1.0, ls=(0, DASHES[number % len(DASHES)]))
        text = words(its_name.removesuffix(f"_{name}"))
        ax.annotate(text, (0.99, level[0]), xycoords=("axes fraction", "data"), ha="right",
                    xytext=(0, 2), textcoords="offset points", color=SOFT, fontsize=8)  # fmt: skip
    around = np.concatenate([value - 3 * stderr, value + 3 * stderr, *levels.values()])
    set_axis(ax, "y", words(name), limits_of(around, False, []), data.unit, False)
    ax.set(xlim=(-1, 1), xticks=[])
    return new


def fixed_in_words(result: Result, shown: Curves) -> str:
    """The dimensions that are not drawn, as ``rate = 3``."""
    parts = []
    for dim, index in shown.fixed.items():
        name, data = dimension(result, dim)
        value = f"no. {index}"
        if data is not None and data.values.ndim == 1:
            names = categories(data)
            value = names[index] if names else printed(float(data.values[index]), data.unit)
        parts.append(f"{name} = {value}")
    return ", ".join(parts)
