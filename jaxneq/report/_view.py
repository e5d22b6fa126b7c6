"""What of a result can be drawn against what, decided from its declarations alone."""

from __future__ import annotations

import dataclasses
import re

import numpy as np

from jaxneq.store import Dataset, Result, coordinate_of

from ._units import at_values, printed

NO_STATUS = Dataset(np.zeros((), np.int32))
_MOST_PANELS = 4
_MOST_DERIVATIVES = 3  # of each quantity
COMPANIONS = ("_stderr", "_n_effective", "_estimator")
_ACRONYMS = {"adp", "atp", "scgf"}


@dataclasses.dataclass(frozen=True, eq=False)
class Curves:
    """One quantity as lines over one coordinate.

    **Fields:** `x` and `y`, each (lines, points); `stderr`, of sampling, and `uncertainty`, of the
    inputs, alike or None; `failed`, whether a point's computation failed; `along` and `across`,
    the dimensions of the points and of the lines; `line_values`, the value of `across` on each
    line; `fixed`, the index of every other dimension; `over`, the quantity that is `x` where the
    coordinate of `along` is not.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    stderr: np.ndarray | None
    uncertainty: np.ndarray | None
    failed: np.ndarray
    along: str
    across: str | None
    line_values: np.ndarray
    fixed: dict[str, int]
    over: str | None


def primary_of(result: Result) -> str:
    """The name of the quantity to draw first."""
    name = result.attributes.get("primary")
    return name if name in result.quantities else next(iter(result.quantities))


def drawn_of(result: Result) -> list[str]:
    """What a report was told to draw, if it was."""
    return [name for name in result.attributes.get("drawn", ()) if name in result.quantities]


def words(name: str) -> str:
    """A name as words."""
    parts = name.split(".")[-1].split("_")
    return " ".join(part.upper() if part in _ACRONYMS else part for part in parts)


def label_of(result: Result, name: str) -> str:
    """The name of a quantity on its axis."""
    return words(str(result.quantities[name].hints.get("label", name)))


def capital(label: str) -> str:
    """With a capital, unless it begins with a symbol such as q or k4."""
    first = label.partition(" ")[0]
    symbol = len(first) < 2 or any(letter.isdigit() for letter in first)
    return label if symbol else label[0].upper() + label[1:]


def spaced(name: str) -> str:
    """The name of a class as words: "cross plane film" of `CrossPlaneFilm`, "open ASEP"."""
    words = re.findall(r"[A-Z]{2,}(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+", name)
    return " ".join(word if len(word) > 1 and word.isupper() else word.lower() for word in words)


def dimension(result: Result, dim: str) -> tuple[str, Dataset | None]:
    """The name in words and the values of a dimension's coordinate; None if it is but counted."""
    if dim in result.axes:
        return axis_words(result, dim), result.axes[dim]
    name = coordinate_of(result, dim)
    if name is None:
        return words(dim), None
    data = result.quantities[name]
    return label_of(result, name), data


def axis_words(result: Result, name: str) -> str:
    """A sweep axis in words: the last part of the parameter's path, if no other axis ends so."""
    lasts = [str(a.hints.get("parameter", n)).split(".")[-1] for n, a in result.axes.items()]
    last = lasts[list(result.axes).index(name)]
    return words(last if lasts.count(last) == 1 else name)


def horizontal(result: Result, shown: Curves) -> tuple[str, Dataset | None]:
    """The label and the values of the x axis."""
    if shown.over is not None:
        return label_of(result, shown.over), result.quantities[shown.over]
    return dimension_label(result, shown.along), dimension(result, shown.along)[1]


def dimension_label(result: Result, dim: str) -> str:
    """The name of a dimension in a figure: its label, unless two axes of the sweep have it."""
    labels = {name: axis.hints.get("label") for name, axis in result.axes.items()}
    own = labels.get(dim)
    return own if own and list(labels.values()).count(own) == 1 else dimension(result, dim)[0]


def fixed_in_words(result: Result, fixed: dict[str, int]) -> str:
    """Places along dimensions that are not drawn, as ``rate = 3``."""
    parts = []
    for dim, index in fixed.items():
        name, data = dimension(result, dim)
        value = f"no. {index}"
        if data is not None and data.values.ndim == 1:
            names = categories(data)
            value = (
                names[index] if names else printed(float(data.values[index]), at_values(data.unit))
            )
        parts.append(f"{name} = {value}")
    return ", ".join(parts)


def categories(data: Dataset) -> list[str]:
    """The names behind an axis of choices, which are numbered from 0; none for other axes."""
    names = str(data.hints.get("flag_meanings", "")).split()
    return names if len(names) == data.values.size else []


def is_logarithmic(values: np.ndarray) -> bool:
    """Whether the values ask for a log axis: geometric over a decade, or over three anyhow."""
    values = np.asarray(values, float).ravel()
    if values.size < 3 or not np.all(np.isfinite(values)) or np.min(values) <= 0:
        return False
    span = np.max(values) / np.min(values)
    ratios = values[1:] / values[:-1]
    return bool(span > 1000 or (span > 10 and np.allclose(ratios, ratios[0], rtol=1e-4)))


def curves(result: Result, name: str) -> Curves | None:
    """The quantity over its own last dimension or else the first sweep axis; None for a scalar.

    A few things with names, such as states, are lines over a sweep of numbers.
    """
    data = result.quantities[name]
    own = [dim for dim in data.dims if dim not in result.axes]
    swept = [dim for dim in result.axes if dim in data.dims]
    order = own[-1:] + swept + own[:-1]
    if swept and own and _has_names(result, own[-1]) and not _has_names(result, swept[0]):
        order = swept[:1] + own[-1:] + swept[1:] + own[:-1]
    if not order or data.values.dtype.kind == "c" or data.values.size == 0:
        return None
    along, across = order[0], order[1] if len(order) > 1 else None
    fixed = {dim: data.values.shape[data.dims.index(dim)] // 2 for dim in order[2:]}
    dims = (across, along)

    y = slab(data, dims, fixed)
    coordinate = dimension(result, along)[1]
    over = data.hints.get("over")
    over = over if over in result.quantities else None
    coordinate = coordinate if over is None else result.quantities[over]
    x = np.arange(y.shape[1])[None] if coordinate is None else slab(coordinate, dims, fixed)
    line_values = np.arange(y.shape[0])
    if across is not None and (lines := dimension(result, across)[1]) is not None:
        line_values = slab(lines, (None, across), fixed)[0]
    status = result.quantities.get("status", NO_STATUS)

    def alike(companion: str) -> np.ndarray | None:
        found = result.quantities.get(name + companion)
        return None if found is None else np.broadcast_to(slab(found, dims, fixed), y.shape)

    return Curves(
        name=name,
        x=np.broadcast_to(x, y.shape),
        y=y,
        stderr=alike("_stderr"),
        uncertainty=alike("_uncertainty"),
        failed=np.broadcast_to(slab(status, dims, fixed) != 0, y.shape),
        along=along,
        across=across,
        line_values=line_values,
        fixed=fixed,
        over=over,
    )


def _has_names(result: Result, dim: str) -> bool:
    over = dimension(result, dim)[1]
    return over is not None and bool(categories(over))


def slab(data: Dataset, dims: tuple[str | None, ...], fixed: dict[str, int]) -> np.ndarray:
    """The values over `dims` in this order (size 1 where absent), the others at `fixed` or 0."""
    values, names = data.values, list(data.dims)
    for dim in data.dims:
        if dim not in dims:
            values = np.asarray(np.take(values, fixed.get(dim, 0), axis=names.index(dim)))
            names.remove(dim)
    present = [dim for dim in dims if dim in names]
    values = np.transpose(values, [names.index(dim) for dim in present])
    for position, dim in enumerate(dims):
        if dim not in names:
            values = np.expand_dims(values, position)
    return values


def spread_of(result: Result, name: str) -> Dataset | None:
    """What stands behind a ±: the standard error of sampling, or else that of the inputs."""
    sampled = result.quantities.get(f"{name}_stderr")
    return result.quantities.get(f"{name}_uncertainty") if sampled is None else sampled


def references(result: Result, name: str) -> dict[str, Dataset]:
    """Quantities to be drawn as dashed lines beside `name`, and its bound."""
    found = {n: q for n, q in result.quantities.items() if q.hints.get("reference_for") == name}
    data = result.quantities[name]
    if (bound := data.hints.get("bound")) is not None:
        found["bound"] = Dataset(np.asarray(float(bound)), unit=data.unit)
    return found


def marks(result: Result, along: str) -> dict[str, float]:
    """Numbers to be drawn as vertical lines where `along` is the axis."""
    return {
        name: float(data.values)
        for name, data in result.quantities.items()
        if data.hints.get("marks") == along and data.values.ndim == 0
    }


def derivatives(result: Result) -> list[str]:
    """The names of all derivatives."""
    return [n for n in result.quantities if derivative_words(n) and not n.endswith(COMPANIONS)]


def drawn_derivatives(result: Result, names: list[str]) -> list[str]:
    """Those in a figure of `names`: of these on their dimensions, or without a sweep all."""
    told = {name: result.quantities[name].dims for name in derivatives(result)}
    if not result.axes:
        return [name for name, dims in told.items() if len(dims) < 2]
    found = []
    for of in names:
        own = set(result.quantities[of].dims)
        alike = [n for n, dims in told.items() if n.startswith(f"d_{of}_d_") and set(dims) <= own]
        found += alike[:_MOST_DERIVATIVES]
    return found


def derivative_words(name: str) -> str | None:
    """The name of a derivative as it is written, None for other names."""
    of, _, by = name.removeprefix("d_").partition("_d_")
    return f"∂ {words(of)} / ∂ {words(by)}" if name.startswith("d_") and by else None


def panels(result: Result) -> list[str]:
    """What has a panel of its own; nothing where the primary is a lone number.

    That is what a report was told to draw; else, with a sweep, the primary; and without one, up to
    four quantities of one dimension or declared so, the primary first.
    """
    told = drawn_of(result) or [primary_of(result)] * bool(result.axes)
    if told := [name for name in told if curves(result, name) is not None]:
        return told
    return _profiles(result)[:_MOST_PANELS]


def _profiles(result: Result) -> list[str]:
    dims = {dim for data in result.quantities.values() for dim in data.dims}
    coordinates = {coordinate_of(result, dim) for dim in dims}
    names = [
        name
        for name, data in result.quantities.items()
        if data.hints.get("panel", len(data.dims) == 1)
        and data.values.size > 2
        and data.values.dtype.kind in "iuf"
        and not data.hints.get("reference_for")
        and not derivative_words(name)
        and name not in coordinates
        and not name.startswith("stats/")
        and not name.endswith(COMPANIONS)
    ]
    return sorted(names, key=lambda name: name != primary_of(result))
