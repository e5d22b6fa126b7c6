"""What a result is compared with: symbols or curves beside its own, and how far they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from jaxneq.store import Comparison, Result

from ._style import BESIDE, INK
from ._view import Curves

_MARKERS = ("s", "^", "D", "v", "o", "p", "h", "*")


@dataclasses.dataclass(frozen=True, eq=False)
class Symbols:
    """Points with error bars (NaN where not stated), or a curve, and how they look."""

    comparison: Comparison
    x: np.ndarray
    y: np.ndarray
    error: np.ndarray
    look: dict[str, Any]


def symbols_beside(result: Result, shown: Curves) -> list[Symbols]:
    """What stands beside these curves: of the same quantity, along the same axis."""
    axis, found = result.axes.get(shown.along), []
    if shown.over is not None:
        return found
    path = "" if axis is None else axis.hints.get("parameter", shown.along)
    markers, colors = cycle(_MARKERS), cycle(BESIDE)
    for comparison in result.compared.values():
        if comparison.quantity != shown.name or comparison.along != path:
            continue
        data = dict(comparison.datasets)
        y, error = data.pop(comparison.quantity), data.pop("uncertainty")
        x = data[comparison.along.rpartition(".")[2] or next(iter(data))]
        face = INK if comparison.confirmed else "white"
        if comparison.computed:
            look = {"color": next(colors), "lw": 1.6}
        else:
            look = {"marker": next(markers), "ms": 4.6, "mfc": face, "mec": INK, "mew": 0.9}
            look |= {"ls": "", "color": INK}
        found.append(Symbols(comparison, x.values, y.values, error.values, look))
    return found


def draw_symbols(ax: Axes, beside: Sequence[Symbols]) -> list[Line2D]:
    """Draw them; the answer is their handles for a legend."""
    for symbols in beside:
        x, y, error = symbols.x, symbols.y, symbols.error
        if np.any(np.isfinite(error)):
            look = {"ecolor": symbols.look["color"], "elinewidth": 0.8, "capsize": 1.8}
            ax.errorbar(x, y, error, fmt="none", zorder=4, **look)
        ax.plot(x, y, zorder=2.5 if symbols.comparison.computed else 5, **symbols.look)
    return [Line2D([], [], label=symbols.comparison.label, **symbols.look) for symbols in beside]


def deviation(shown: Curves, symbols: Symbols) -> float | None:
    """The root mean square of (curve - symbol) / symbol; None for several curves, or none there."""
    if not (np.all(symbols.x > 0) and np.all(symbols.y[np.isfinite(symbols.y)] >= 0)):
        return None  # across 0 there is no relative distance
    good = np.isfinite(shown.y[0]) & ~shown.failed[0] & (shown.y[0] > 0) & (shown.x[0] > 0)
    there = np.isfinite(symbols.y) & (symbols.y != 0)
    if len(shown.y) > 1 or good.sum() < 2 or not there.any():
        return None
    x, y = np.log(shown.x[0, good]), np.log(shown.y[0, good])
    order = np.argsort(x)
    curve = np.exp(np.interp(np.log(symbols.x[there]), x[order], y[order]))
    return float(np.sqrt(np.mean((curve / symbols.y[there] - 1) ** 2)))
