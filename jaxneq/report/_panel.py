"""One pair of axes with the curves of one quantity."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from jaxneq.store import Result

from ._annotate import cover, label_line, regime_spans, shade_regimes, trace
from ._axes import add_colorbar, limits_of, set_axis
from ._compared import draw_symbols, symbols_beside
from ._style import CROSS, DASHES, SOFT, line_colors
from ._units import at_values, printed, typeset
from ._view import (
    Curves,
    capital,
    categories,
    derivative_words,
    dimension,
    dimension_label,
    horizontal,
    is_logarithmic,
    label_of,
    marks,
    references,
    slab,
    spaced,
    words,
)

_MOST_MARKERS, _MOST_POINTS = 45, 120
_DASH = 5.0  # widths of the line
MOST_IN_LEGEND = 7


class Panel:
    """Draws at once; what needs settled pixels follows on demand."""

    def __init__(self, result: Result, ax: Axes, shown: Curves):
        self.result, self.ax, self.shown = result, ax, shown
        data = result.quantities[shown.name]
        self.colors = line_colors(len(shown.y))
        scale = data.hints.get("scale")
        both = scale == "log" and shown.x.min() > 0  # as a power law wants
        self.log_x = bool(both or is_logarithmic(shown.x[0]))
        name, coordinate = horizontal(result, shown)
        self.choices = categories(coordinate) if coordinate is not None else []
        self.guides = self._guides()
        self.beside = symbols_beside(result, shown)
        curves = any(it.comparison.computed for it in self.beside)
        self.points = curves and shown.stderr is not None  # beside a line
        self.marker, self.width = self._look()
        self.style = "" if self.choices or self.points else "-"
        self._draw_curves()
        self._draw_guides()
        self.handles = draw_symbols(ax, self.beside)

        x_unit = "1" if coordinate is None else coordinate.unit
        x_limits = limits_of(shown.x, self.log_x, []) if self.log_x else _tight(shown.x)
        set_axis(ax, "x", name, x_limits, x_unit, self.log_x)
        if self.choices:
            ax.set_xlim(-0.5, len(self.choices) - 0.5)
            ax.set_xticks(range(len(self.choices)), self.choices)
            ax.tick_params(axis="x", which="minor", bottom=False, top=False)
        y, finite = shown.y, shown.y[np.isfinite(shown.y)]
        positive = finite.size > 0 and finite.min() > 0
        spread = positive and finite.max() > 10 * finite.min()
        log_y = bool(self.log_x and positive and (spread or both) and scale != "linear")
        guides = [np.asarray(v, float) for _, v in self.guides if not log_y or np.min(v) > 0]
        label, derivative = label_of(result, shown.name), derivative_words(shown.name)
        if derivative:
            label = ""
            ax.set_title(derivative, loc="left", fontsize=8, color=SOFT, pad=4)
        spans = [(symbols.y, symbols.error) for symbols in self.beside]
        spreads = (shown.uncertainty, shown.stderr)
        spans += [(y, spread) for spread in spreads if spread is not None]
        reach = [y, *(part for v, error in spans for part in (v, v - error, v + error))]
        extent = np.concatenate([part.ravel() for part in reach])
        set_axis(ax, "y", label, limits_of(extent, log_y, guides), data.unit, log_y)

    def name_guides(self) -> None:
        """The names of the reference lines, along them, and of the marks beside theirs."""
        for name, value in marks(self.result, self.shown.along).items():
            place = {"xycoords": self.ax.get_xaxis_transform(), "textcoords": "offset points"}
            look = {"rotation": 90, "ha": "left", "va": "top", "color": SOFT, "fontsize": 8}
            self.ax.annotate(words(name), (value, 1.0), xytext=(2, -4), **place, **look)
        shown = self.shown
        taken = [trace(self.ax, x, y) for x, y in zip(shown.x, shown.y, strict=True)]
        for symbols in self.beside:
            taken.append(self.ax.transData.transform(np.column_stack([symbols.x, symbols.y])))
        if (legend := self.ax.get_legend()) is not None:
            taken.append(cover(legend.get_window_extent()))
        for name, rows in self.guides:
            others = [row for other, many in self.guides for row in many if other != name]
            traces = [trace(self.ax, shown.x[0], row) for row in [*others, *rows[:-1]]]
            text = words(name.removesuffix(f"_{shown.name}"))
            covered = label_line(self.ax, text, shown.x[0], rows[-1], taken + traces, SOFT)
            taken.append(covered)

    def shade(self, axes: list[Axes]) -> None:
        """Regimes over all of `axes`, which share x with this panel, the first of them."""
        x = self.shown.x
        if spans := self._regimes():
            shade_regimes(axes, spans, (float(x.min()), float(x.max())))

    def key(self, axes: list[Axes]) -> None:
        """What the colours of the lines in `axes` mean, and the symbols and crosses."""
        shown, handles, title = self.shown, [], ""
        many = len(self.colors) > MOST_IN_LEGEND
        if shown.across is not None:
            over = dimension(self.result, shown.across)[1]
            unit = "1" if over is None else over.unit
            title = dimension_label(self.result, shown.across)
            if many:
                add_colorbar(axes, title, shown.line_values, unit, self.colors)
                title = ""
            else:
                names, each = categories(over) if over is not None else [], at_values(unit)
                title = capital(title) + (f" ({typeset(unit)})" if each != unit else "")
                values = [printed(float(value), each) for value in shown.line_values]
                for color, text in zip(self.colors, names or values, strict=True):
                    handles.append(Line2D([], [], color=color, label=text, **self.marker))
        if shown.across is None and any(it.comparison.computed for it in self.beside):
            facts = self.result.attributes
            own = spaced(str(facts.get("system", "this system")).rpartition(".")[2])
            own += ", sampled" if facts.get("verb") == "simulate" else ""
            look = {"color": self.colors[0], "ls": self.style, **self.marker}
            handles.append(Line2D([], [], label=own, **look))
        handles += self.handles
        if shown.failed.any():
            text = f"failed ({np.sum(shown.failed)} of {shown.failed.size})"
            handles.append(Line2D([], [], label=text, **CROSS))
        if handles:
            self.ax.legend(handles=handles, title=title, alignment="left", loc="best")

    def lift_key(self) -> bool:
        """Put a legend that covers a curve above the axes; whether it had to be."""
        legend = self.ax.get_legend()
        if legend is None:
            return False
        box, lines = legend.get_window_extent(), [*zip(self.shown.x, self.shown.y, strict=True)]
        lines += [(symbols.x, symbols.y) for symbols in self.beside]
        if not any(box.contains(*p) for line in lines for p in trace(self.ax, *line)):
            return False
        columns = max(1, int(self.ax.bbox.width / box.width))
        handles, above = legend.legend_handles, {"bbox_to_anchor": (0.0, 1.0), "ncols": columns}
        look = {"title": legend.get_title().get_text(), "alignment": "left"}
        gap = 1.8 if self._regimes() else 0.3  # their names stand there
        self.ax.legend(handles=handles, loc="lower left", borderaxespad=gap, **above, **look)
        return True

    def _look(self) -> tuple[dict[str, Any], float]:
        """Markers where the points are few and each was computed by itself; the line width."""
        shown, count = self.shown, len(self.colors)
        apart = shown.along in self.result.axes or not dimension(self.result, shown.along)[1]
        few = shown.y.shape[1] <= _MOST_MARKERS and count <= MOST_IN_LEGEND
        if not (apart and few) and not self.choices and not self.points:
            return {}, 1.6 if count == 1 else 1.2
        return {"marker": "o", "ms": 3.6 if count == 1 else 2.8, "mec": "white", "mew": 0.4}, 1.4

    def _draw_curves(self) -> None:
        shown, ax = self.shown, self.ax
        shares = _shared(shown.y) if len(self.colors) <= MOST_IN_LEGEND else {}
        for i, color in enumerate(self.colors):
            x, y = shown.x[i], np.where(shown.failed[i], np.nan, shown.y[i])
            order = np.argsort(x, kind="stable")
            if self.points:
                order = order[:: -(-order.size // _MOST_POINTS)]
            look = {"color": color, "lw": self.width, "ls": self.style, **self.marker}
            rank, count = shares.get(i, (0, 1))
            if rank and self.style:  # in the gaps of its dashes others show
                look["ls"] = (_DASH * (count - rank), (_DASH, _DASH * (count - 1)))
                look["markevery"] = (rank, count)
            ax.plot(x[order], y[order], zorder=3, **look)
            if shown.stderr is not None and self.marker:
                bars = {"fmt": "none", "ecolor": color, "elinewidth": 0.9}
                ax.errorbar(x[order], y[order], shown.stderr[i][order], **bars)
            bands = [shown.uncertainty, None if self.marker else shown.stderr]
            for band in (band[i] for band in bands if band is not None):
                low, high = (y - band)[order], (y + band)[order]
                ax.fill_between(x[order], low, high, color=color, alpha=0.25, lw=0)
        bad = shown.failed & np.isfinite(shown.y)
        if bad.any():
            ax.plot(shown.x[bad], shown.y[bad], zorder=4, **CROSS)

    def _guides(self) -> list[tuple[str, np.ndarray]]:
        """Reference quantities as (name, rows): one row, or one for each line."""
        dims, count = (self.shown.across, self.shown.along), self.shown.y.shape[1]
        found = []
        for name, data in references(self.result, self.shown.name).items():
            rows = slab(data, dims, self.shown.fixed).astype(float)
            if np.allclose(rows, rows[:1], rtol=1e-6, atol=0, equal_nan=True):
                rows = rows[:1]
            elif len(self.colors) > MOST_IN_LEGEND:
                continue  # a thicket of dashes tells nothing
            found.append((name, np.broadcast_to(rows, (len(rows), count))))
        return found

    def _draw_guides(self) -> None:
        dims = (self.shown.across, self.shown.along)
        for number, (name, rows) in enumerate(self.guides):
            error = self.result.quantities.get(f"{name}_stderr")
            errors = None if error is None else slab(error, dims, self.shown.fixed)
            for i, row in enumerate(rows):
                color = SOFT if len(rows) == 1 else self.colors[i]
                style = (0, DASHES[number % len(DASHES)])
                self.ax.plot(self.shown.x[i], row, ls=style, color=color, lw=1.0, zorder=2)
                if errors is not None:
                    look = {"color": color, "alpha": 0.15, "lw": 0, "zorder": 1}
                    self.ax.fill_between(self.shown.x[i], row - errors[i], row + errors[i], **look)
        for value in marks(self.result, self.shown.along).values():
            self.ax.axvline(value, ls=(0, DASHES[0]), color=SOFT, lw=1.0, zorder=2)

    def _regimes(self) -> list[tuple[str, float, float]]:
        """Ranges of x by the first quantity that names regimes and is the same for all lines."""
        shown = self.shown
        for data in self.result.quantities.values():
            regimes = data.hints.get("regimes")
            if regimes and shown.along in data.dims and np.ptp(shown.x, axis=0).max() == 0:
                rows = slab(data, (shown.across, shown.along), shown.fixed)
                alike = np.allclose(rows, rows[:1], rtol=1e-6, atol=0)
                if alike and np.all(np.isfinite(rows)):
                    return regime_spans(shown.x[0], rows[0], regimes, self.log_x)
        return []


def _shared(y: np.ndarray) -> dict[int, tuple[int, int]]:
    """Curves that run on another: which of how many each of them is there."""
    y = np.where(np.isfinite(y), y, 0.0)
    near = 0.01 * np.abs(y) + 1e-6 * np.ptp(y)
    groups: list[list[int]] = []
    for i, row in enumerate(y):
        on = [group for group in groups if np.all(np.abs(row - y[group[0]]) <= near[i])]
        on[0].append(i) if on else groups.append([i])
    return {i: (rank, len(group)) for group in groups for rank, i in enumerate(group)}


def _tight(x: np.ndarray) -> tuple[float, float]:
    low, high = float(np.min(x)), float(np.max(x))
    room = 0.02 * (high - low) or 0.1 * abs(low) or 0.5
    return low - room, high + room
