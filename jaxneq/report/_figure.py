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
    panels,
    primary_of,
    references,
    spread_of,
    words,
)

_MOST_GRADIENTS = 3


def figure(result: Result) -> Figure:
    """What was found, as a figure: nothing global is touched, and no display is needed.

    With a sweep, what is drawn over the first axis, a line for each value of the second,
    derivatives in panels below; without one, profiles of up to four quantities; for a lone
    number, the number with its error bar.
    """
    with matplotlib.rc_context(RC):
        names = panels(result)
        shown = [found for name in names if (found := curves(result, name)) is not None]
        if result.axes and shown and all(found.along == shown[0].along for found in shown):
            return _stack(result, shown)
        return _grid(result, shown) if shown else _single(result)


def _stack(result: Result, mains: list[Curves]) -> Figure:
    """What is drawn above, the derivatives of the first below, one x axis."""
    main, names = mains[0], gradients(result, mains[0].name)[:_MOST_GRADIENTS]
    shown = [*mains, *(c for name in names if (c := curves(result, name)) is not None)]
    heights = [1.0] + [0.8] * (len(mains) - 1) + [0.5] * (len(shown) - len(mains))
    new = new_figure(WIDTH, HEIGHT * sum(heights))
    axes = list(new.subplots(len(shown), 1, sharex=True, height_ratios=heights, squeeze=False).flat)
    drawn = [Panel(result, ax, c) for ax, c in zip(axes, shown, strict=True)]
    for ax in axes[:-1]:
        ax.label_outer()
    first = next((panel for panel in drawn if panel.beside), drawn[0])
    first.key(axes)
    told = {first.shown.across, None}
    for panel in drawn:
        if panel.shown.across not in told:  # other lines than those above
            told.add(panel.shown.across)
            panel.key([panel.ax])
    new.align_ylabels(axes)
    if main.fixed:
        axes[0].set_title(fixed_in_words(result, main), loc="right", fontsize=8, color=SOFT, pad=16)
    new.draw_without_rendering()  # settles the layout
    drawn[0].shade(axes)
    for panel in drawn[: len(mains)]:
        panel.name_guides()
    return new


def _grid(result: Result, shown: list[Curves]) -> Figure:
    rows, columns = (1, len(shown)) if len(shown) < 3 else (-(-len(shown) // 2), 2)
    new = new_figure(max(WIDTH, 3.7 * columns), 3.0 if rows == 1 else 2.7 * rows)
    axes = list(new.subplots(rows, columns, squeeze=False).flat)
    for ax in axes[len(shown) :]:
        ax.set_axis_off()
    drawn = [Panel(result, ax, found) for ax, found in zip(axes, shown, strict=False)]
    for panel in drawn:
        panel.key([panel.ax])
    new.draw_without_rendering()
    for panel in drawn:
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
