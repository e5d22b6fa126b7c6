"""Scales, ticks and labels of one axis, from its limits and their unit."""

from __future__ import annotations

import math
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.ticker import AutoMinorLocator, FuncFormatter, LogLocator, NullFormatter

from ._units import PREFIXES, prefix_for, printed, takes_prefix, typeset
from ._view import capital, is_logarithmic

_PER_INCH = 16  # letters of a label


def set_axis(
    ax: Axes, which: str, label: str, limits: tuple[float, float], unit: str, log: bool
) -> None:
    """Scale, limits, ticks and label of the x or y axis of `ax`.

    A log axis in a unit such as the metre has it at its ticks (10 nm, 1 µm); any other has one
    SI prefix for all its ticks, in the label.
    """
    axis: Any = getattr(ax, f"{which}axis")
    ax.set(**{f"{which}scale": "log" if log else "linear", f"{which}lim": limits})
    label = capital(label)
    if log:
        if limits[1] < 200 * limits[0]:
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=20))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_minor_locator(AutoMinorLocator())

    if log and takes_prefix(unit):
        axis.set_major_formatter(FuncFormatter(lambda v, _: printed(v, unit)))
        _write_label(ax, which, label, "")
        return
    power = prefix_for([math.sqrt(limits[0] * limits[1])] if log else limits, unit)
    scale, name = 10.0**power, PREFIXES[power] + typeset(unit)
    _write_label(ax, which, label, f"({name})" if name and label else name)
    if log:
        axis.set_major_formatter(FuncFormatter(lambda v, _: _decade(v / scale)))
    elif power:
        axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v / scale:.10g}".replace("-", "−")))


def limits_of(values: np.ndarray, log: bool, guides: list[np.ndarray]) -> tuple[float, float]:
    """Limits around the finite values, and around the guide lines that are near."""
    values = np.ravel(values)
    values = np.log10(values[values > 0]) if log else values
    values = values[np.isfinite(values)]
    if not values.size:
        return (0.1, 10.0) if log else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if not log and high - low <= 1e-6 * max(abs(low), abs(high)):
        # Constant to rounding: show it as constant, not its noise.
        room = 0.05 * max(abs(low), abs(high)) or 1.0
        return low - room, high + room
    reach = high - low
    for guide in guides:
        level = np.log10(guide) if log else guide
        near = reach if np.ptp(level) <= 0.02 * reach else 0.3 * reach
        if float(values.min()) - near < level.min() <= level.max() < float(values.max()) + near:
            low, high = min(low, float(level.min())), max(high, float(level.max()))
    room = 0.06 * (high - low) or 0.1
    if not log and 0 <= low < 0.3 * high:
        return 0.0, high + room  # near enough to zero to show it
    if log:
        return 10.0 ** (low - room), 10.0 ** (high + room)
    return low - room, high + room


def add_colorbar(
    axes: list[Axes], label: str, values: np.ndarray, unit: str, colors: np.ndarray
) -> None:
    """The colours of lines at `values`, as a bar beside `axes`."""
    values = np.asarray(values, float)
    log = is_logarithmic(values)
    norm = (LogNorm if log else Normalize)(values.min(), values.max())
    bar = axes[0].figure.colorbar(
        ScalarMappable(norm, ListedColormap(colors)), ax=axes, pad=0.02, aspect=30
    )
    label_colorbar(bar, label, unit, log)


def label_colorbar(bar: Colorbar, label: str, unit: str, log: bool = False) -> None:
    """What the colours of a bar mean."""
    set_axis(bar.ax, "y", label, bar.mappable.get_clim(), unit, log)
    bar.ax.tick_params(which="both", direction="out")
    bar.outline.set_linewidth(0.7)


def _write_label(ax: Axes, which: str, label: str, unit: str) -> None:
    """In as many lines as the length of the axis asks for."""
    pixels = ax.bbox.width if which == "x" else ax.bbox.height
    text, most = f"{label} {unit}".strip(), int(_PER_INCH * pixels / ax.figure.dpi)
    if len(text) > most:
        text = f"{fill(label, most)}\n{unit}".strip()
    getattr(ax, f"{which}axis").set_label_text(text)


def _decade(value: float) -> str:
    return f"{value:g}" if 1e-3 < value < 1e5 else printed(value, "1").removeprefix("1 × ")
