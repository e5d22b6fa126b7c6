"""The figure of a structure before it is computed."""

from __future__ import annotations

import itertools

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from jaxneq._core import Preview

from ._axes import set_axis
from ._style import INK, ORANGE, RC, SOFT, SOLID, VERMILLION, VOID, new_figure
from ._units import printed

_AXES = "xyz"
_FILLED = LinearSegmentedColormap.from_list("filled", [VOID, SOLID])
_HEATED = LinearSegmentedColormap.from_list("heated", [SOLID, ORANGE])


def geometry_figure(title: str, preview: Preview) -> Figure:
    """Solid, voids, contacts and heated cells: in three dimensions on cuts through the middle."""
    planes = list(itertools.combinations(range(len(preview.faces)), 2))
    with matplotlib.rc_context(RC):
        new = new_figure(0.6 + 2.9 * len(planes), 3.4)
        axes = list(new.subplots(1, len(planes), squeeze=False).flat)
        for ax, plane in zip(axes, planes, strict=True):
            _draw(ax, preview, plane)
        handles: list[Patch | Line2D] = [
            Patch(facecolor=SOLID, edgecolor=INK, label="solid"),
            Patch(facecolor=VOID, edgecolor=INK, label="void"),
        ]
        if preview.source.any():
            handles.append(Patch(facecolor=ORANGE, edgecolor=INK, label="heated"))
        if preview.held.any():
            handles.append(Line2D([], [], color=VERMILLION, lw=3, label="contact"))
        new.legend(handles=handles, loc="outside lower center", ncols=len(handles))
        new.suptitle(title, fontsize=9.5)
    return new


def _draw(ax: Axes, preview: Preview, plane: tuple[int, int]) -> None:
    cut = {
        axis: face.size // 2 - (face.size % 2 == 0)
        for axis, face in enumerate(preview.faces)
        if axis not in plane
    }
    at = tuple(cut.get(axis, slice(None)) for axis in range(len(preview.faces)))
    faces = [preview.faces[axis] for axis in plane]
    lines = {"edgecolors": "#0000001a", "linewidth": 0.3}  # of the cells
    ax.pcolormesh(*faces, preview.filled[at].T, cmap=_FILLED, vmin=0, vmax=1, **lines)
    source = preview.source[at]
    if source.any():
        shown = np.ma.masked_equal(np.abs(source), 0).T
        ax.pcolormesh(*faces, shown, cmap=_HEATED, vmin=0, vmax=np.abs(preview.source).max())
    held = preview.held[at][:, :, list(plane), :]
    ax.add_collection(LineCollection(_sides(faces, held), colors=VERMILLION, lw=3, clip_on=False))
    ax.set_aspect("equal")
    for which, axis, face in zip("xy", plane, faces, strict=True):
        set_axis(ax, which, _AXES[axis], (face[0], face[-1]), "m", False)
    said = [
        f"{_AXES[axis]} = {printed(float(preview.faces[axis][i : i + 2].mean()), 'm')}"
        for axis, i in cut.items()
    ]
    ax.set_title(", ".join(said), loc="left", fontsize=8, color=SOFT)


def _sides(faces: list[np.ndarray], held: np.ndarray) -> list[np.ndarray]:
    """The sides of cells that are held, as lines."""
    x, y = faces
    out = []
    for i, j, axis, side in np.argwhere(held):
        along = (
            [[x[i + side]] * 2, y[j : j + 2]] if axis == 0 else [x[i : i + 2], [y[j + side]] * 2]
        )
        out.append(np.transpose(along))
    return out
