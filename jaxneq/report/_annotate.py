"""What is written into the axes: regimes above them, names along reference lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from jaxneq._core import Interval

from ._style import HAIRLINE, SHADES, SOFT

Span = tuple[str, float, float]
# Points spread over the square from -1 to 1, for the area that a text covers.
_SQUARE = np.stack(np.meshgrid(*[np.linspace(-1, 1, 15)] * 2), axis=-1).reshape(-1, 2)


def regime_spans(
    x: np.ndarray, value: np.ndarray, regimes: dict[str, str], log: bool
) -> list[Span]:
    """Where a quantity known at `x` lies in each interval: (name, from, to), by interpolation."""
    order = np.argsort(x)
    x, value = np.asarray(x, float)[order], np.asarray(value, float)[order]
    fine = (np.geomspace if log else np.linspace)(x[0], x[-1], 2001)
    at, known = (np.log(fine), np.log(x)) if log else (fine, x)
    positive = bool(np.all(value > 0))  # powers of x are straight lines in logarithms
    dense = np.interp(at, known, np.log(value) if positive else value)
    dense = np.exp(dense) if positive else dense
    spans = []
    for name, text in regimes.items():
        interval = Interval.parse(text)
        inside = np.array([False, *(v in interval for v in dense), False])
        starts, stops = np.flatnonzero(np.diff(inside.astype(int))).reshape(-1, 2).T
        for start, stop in zip(starts, stops, strict=True):
            spans.append((name, float(fine[start]), float(fine[min(stop, fine.size - 1)])))
    return sorted(spans, key=lambda span: span[1])


def shade_regimes(axes: list[Axes], spans: list[Span], ends: tuple[float, float]) -> None:
    """Tint the ranges in all of `axes`, which share x and data between `ends`.

    Their names stand above the first of the axes, where there is room.
    """
    left, right = sorted(axes[0].get_xlim())
    to_pixels = axes[0].get_xaxis_transform()
    shades = SHADES[-len(spans) :]  # the last range is white
    for number, (name, start, stop) in enumerate(spans):
        start = left if start <= ends[0] else start
        stop = right if stop >= ends[1] else stop
        for ax in axes:
            ax.axvspan(start, stop, color=shades[number % len(shades)], lw=0, zorder=-2)
            if start > left:
                ax.axvline(start, color=HAIRLINE, lw=0.6, zorder=-1)
        edges = to_pixels.transform([(start, 1.0), (stop, 1.0)])
        middle = to_pixels.inverted().transform(edges.mean(axis=0))[0]
        label = axes[0].annotate(
            name,
            (middle, 1.0),
            xycoords=to_pixels,
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=SOFT,
            fontsize=8,
        )
        if label.get_window_extent().width > 1.1 * (edges[1, 0] - edges[0, 0]):
            label.remove()


def label_line(
    ax: Axes, text: str, x: np.ndarray, y: np.ndarray, obstacles: list[np.ndarray], color: Any
) -> np.ndarray:
    """Write `text` along a line where it is farthest from the obstacles (arrays of pixels).

    The answer is the pixels that it covers: none if it fits nowhere and is left out.
    """
    label = ax.text(
        0.5,
        0.5,
        text,
        color=color,
        fontsize=8,
        ha="center",
        va="center",
        rotation_mode="anchor",
        transform=ax.transAxes,
    )
    label.set_in_layout(False)
    box = label.get_window_extent()
    half = np.array([box.width, box.height]) / 2
    gap = 0.35 * box.height
    best: tuple[float, Any] = (0.0, None)
    for centre, direction in _stations(trace(ax, x, y), half[0]):
        for side in (1.0, -1.0):
            normal = np.array([-direction[1], direction[0]])
            frame = np.stack([direction, normal])
            place = centre + side * normal * (half[1] + gap)
            covered = place + (_SQUARE * half) @ frame
            if not np.all(_inside(ax, covered, -gap)):
                continue
            away = [
                np.min(np.max(np.abs((obstacle - place) @ frame.T) - half, axis=1), initial=np.inf)
                for obstacle in obstacles
            ]
            score = min([*away, 12 * gap]) + (0.5 * gap if side > 0 else 0.0)
            if score > best[0]:
                best = score, (place, direction, covered)
    if best[1] is None:
        label.remove()
        return np.empty((0, 2))
    place, direction, covered = best[1]
    x_place, y_place = ax.transAxes.inverted().transform(place)
    label.set_position((float(x_place), float(y_place)))
    label.set_rotation(float(np.degrees(np.arctan2(direction[1], direction[0]))))
    return covered


def trace(ax: Axes, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The pixels of a polyline, evenly spaced, those in the axes only."""
    points = ax.transData.transform(np.column_stack([x, y]))
    points = points[np.all(np.isfinite(points), axis=1)]
    if len(points) < 2:
        return points
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.linspace(0.0, length[-1], max(2, int(length[-1] / 4)))
    dense = np.column_stack([np.interp(at, length, points[:, i]) for i in range(2)])
    return dense[_inside(ax, dense, 1.0)]


def cover(box: Bbox) -> np.ndarray:
    """Pixels spread over a box, as an obstacle."""
    corners = box.get_points()
    return corners.mean(axis=0) + _SQUARE * np.ptp(corners, axis=0) / 2


def _inside(ax: Axes, points: np.ndarray, margin: float) -> np.ndarray:
    box = ax.bbox.padded(margin)
    return np.all((points >= box.p0) & (points <= box.p1), axis=1)


def _stations(line: np.ndarray, reach: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Points of the line with room for half a text on both sides, and the direction there."""
    if len(line) < 3:
        return
    step = max(float(np.median(np.hypot(*np.diff(line, axis=0).T))), 1e-9)
    arms = max(1, int(reach / step))
    for i in range(arms, len(line) - arms, 2):
        chord = line[i + arms] - line[i - arms]
        if chord[0] != 0:
            yield line[i], chord * np.sign(chord[0]) / np.hypot(*chord)
