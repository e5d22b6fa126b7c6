"""Fields over two coordinates, as images."""

from __future__ import annotations

import dataclasses

import numpy as np
from matplotlib.axes import Axes

from jaxneq.store import Dataset, Result

from ._axes import label_colorbar, set_axis
from ._style import INK, SOFT, VOID
from ._view import (
    NO_STATUS,
    capital,
    categories,
    dimension,
    dimension_label,
    fixed_in_words,
    label_of,
    slab,
)

_ARROWS = 12  # along each side


@dataclasses.dataclass(frozen=True, eq=False)
class FieldMap:
    """A field of a result over two of its dimensions.

    **Fields:** `name`; `dims`, the horizontal one first; `fixed`, the index of every other one;
    `values`, NaN where there is nothing; `along`, the quantity that `arrows` show, (axis, ...).
    """

    name: str
    dims: tuple[str, str]
    fixed: dict[str, int]
    values: np.ndarray
    along: str
    arrows: np.ndarray | None


def field_maps(result: Result) -> list[FieldMap]:
    """What is declared to be a map; with a sweep, that of its first point and that of its last.

    So it is of a dimension whose places have names, such as the start and the optimum of a design.
    """
    found = []
    for name, data in result.quantities.items():
        sizes = dict(zip(data.dims, data.values.shape, strict=True))
        swept = {dim: size for dim, size in sizes.items() if _is_swept(result, dim)}
        own = [dim for dim, size in sizes.items() if dim not in swept and size > 1]
        if not data.hints.get("map") or len(own) < 2:
            continue
        middle = {dim: sizes[dim] // 2 for dim in own[2:]}
        points = [dict.fromkeys(swept, 0), {dim: size - 1 for dim, size in swept.items()}]
        for point in points if points[0] != points[1] else points[:1]:
            fixed = point | middle
            if slab(result.quantities.get("status", NO_STATUS), (), fixed) == 0:
                found.append(_field_map(result, name, (own[0], own[1]), fixed))
    return found


def _is_swept(result: Result, dim: str) -> bool:
    if dim in result.axes:
        return True
    over = dimension(result, dim)[1]
    return over is not None and bool(categories(over))


def _field_map(result: Result, name: str, dims: tuple[str, str], fixed: dict[str, int]) -> FieldMap:
    data = result.quantities[name]
    values = slab(data, dims, fixed).astype(float)
    there = result.quantities.get(data.hints.get("where", ""))
    if there is not None:
        values = np.where(slab(there, dims, fixed) == 0, np.nan, values)
    along = str(data.hints.get("arrows", ""))
    vectors = result.quantities.get(along)
    arrows = None
    if vectors is not None:
        # the components along the dimensions that are drawn, which are the first of the field
        places = [dim for dim in data.dims if dim not in result.axes]
        arrows = slab(vectors, (vectors.dims[-1], *dims), fixed)[[places.index(d) for d in dims]]
    return FieldMap(name, dims, fixed, values, along, arrows)


def draw_map(result: Result, ax: Axes, field: FieldMap) -> None:
    """Colours with a bar, grey where there is nothing, and arrows."""
    data = result.quantities[field.name]
    middle, face = [], []
    for which, dim, count in zip("xy", field.dims, field.values.shape, strict=True):
        over = dimension(result, dim)[1] or Dataset(np.arange(count), (dim,))
        middle.append(slab(over, (dim,), field.fixed).astype(float))
        face.append(_faces(result, over, middle[-1], field.fixed))
        ends = face[-1][0], face[-1][-1]
        set_axis(ax, which, dimension_label(result, dim), ends, over.unit, False)
    mesh = ax.pcolormesh(*face, field.values.T, cmap="coolwarm", rasterized=True)
    ax.set_facecolor(VOID)
    ax.set_aspect("equal")
    if field.arrows is not None:
        few = np.ix_(*map(_few, face, middle))
        x, y = (part[few] for part in np.meshgrid(*middle, indexing="ij"))
        u, v = (np.where(np.isnan(field.values), np.nan, part)[few] for part in field.arrows)
        ax.quiver(x, y, u, v, color=INK, pivot="mid", width=0.006, minlength=0.2)
    beside = ax.inset_axes((1.03, 0.0, 0.05, 1.0))  # as high as the map, whatever its shape
    bar = ax.figure.colorbar(mesh, cax=beside)
    label_colorbar(bar, label_of(result, field.name), data.unit)
    if said := fixed_in_words(result, field.fixed):
        ax.set_title(capital(said), loc="left", fontsize=8, color=SOFT)


def _faces(result: Result, over: Dataset, middle: np.ndarray, fixed: dict[str, int]) -> np.ndarray:
    """The borders of the cells: those that the coordinate names, or halfway between."""
    known = result.quantities.get(over.hints.get("faces", ""))
    if known is not None:
        return slab(known, known.dims[-1:], fixed)
    half = np.diff(middle) / 2
    return np.concatenate([middle[:1] - half[0], middle[:-1] + half, middle[-1:] + half[-1]])


def _few(face: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Cells at places that are about equally far apart."""
    count = middle.size // -(-middle.size // _ARROWS)
    at = face[0] + (face[-1] - face[0]) * (np.arange(count) + 0.5) / count
    return np.unique(np.abs(middle[:, None] - at).argmin(axis=0))
