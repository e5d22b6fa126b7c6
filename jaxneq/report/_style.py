"""How figures look: one place for sizes, colours and fonts."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

# Okabe and Ito (2008): distinct for all common kinds of colour blindness.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"
INK, SOFT, HAIRLINE = "#1a1a1a", "#6b6b6b", "#c4cad3"
SHADES = ("#e6ecf4", "#f3f6fa", "#ffffff")

RC: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same figure everywhere
    "font.size": 8.5,
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.formatter.useoffset": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.major.size": 4,
    "ytick.major.size": 4,
    "xtick.minor.size": 2,
    "ytick.minor.size": 2,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "legend.title_fontsize": 8,
    "legend.handlelength": 1.6,
}
BESIDE = (VERMILLION, GREEN, PURPLE, ORANGE)  # curves of other systems
CROSS: dict[str, Any] = {"ls": "", "marker": "x", "color": VERMILLION, "ms": 5, "mew": 1.2}
DASHES = ((5, 2.5), (1.5, 1.6), (6, 2, 1.5, 2))
WIDTH, HEIGHT, MAP_HEIGHT, DPI = 5.4, 3.6, 2.4, 300
SOLID, VOID = "#ffffff", "#b8bec8"  # of what is there and what is not


def line_colors(count: int) -> np.ndarray:
    """One colour for one line; for more, a map that is even in lightness, yellow left out."""
    if count == 1:
        return np.array([to_rgba(BLUE)])
    return matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, count))


def new_figure(width: float, height: float) -> Figure:
    """An empty figure that needs no display."""
    new = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(new)
    return new
