"""The page: one file that needs no network."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from jaxneq.store import Dataset, Result

from ._findings import findings
from ._map import field_maps
from ._units import printed, typeset
from ._view import (
    capital,
    curves,
    derivative_words,
    dimension_label,
    drawn_derivatives,
    fixed_in_words,
    horizontal,
    label_of,
    panels,
    primary_of,
    references,
    words,
)

_PIXELS_PER_INCH = 124  # at which the letters of the figure are as large as those around it
_TEMPLATE = Path(__file__).with_name("page.html")


def page(result: Result, figure: bytes, width: float) -> str:
    """The HTML of the report; `figure` is a PNG, embedded, of a `width` in inches."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_TEMPLATE.read_text("utf-8"))
    primary = primary_of(result)
    names = sorted(result.quantities, key=lambda name: (name.startswith("stats/"), name != primary))
    return template.render(
        title=result.title or words(primary).capitalize(),
        about=_about(result),
        findings=[(label, text.replace("...", "…")) for label, text in findings(result, printed)],
        figure=base64.b64encode(figure).decode("ascii"),
        width=round(_PIXELS_PER_INCH * width),
        caption=caption(result),
        axes=[_row(result, name, data) for name, data in result.axes.items()],
        quantities=[_row(result, name, result.quantities[name]) for name in names],
        compared=result.compared.values(),
        job=result.job,
        provenance={words(k): _said(k, v) for k, v in result.provenance.items() if v is not None},
        attributes={words(k): _said(k, v) for k, v in result.attributes.items()},
    )


def caption(result: Result) -> str:
    """What the figure shows."""
    primary = primary_of(result)
    names = panels(result) or [primary]
    shown = curves(result, names[0]) if result.axes else None
    text = ", ".join(label_of(result, name) for name in names)
    if shown is not None:
        text += f" against {horizontal(result, shown)[0]}"
        if shown.across is not None:
            text += f", a line for each {dimension_label(result, shown.across)}"
        if shown.fixed:
            text += f", at {fixed_in_words(result, shown.fixed)}"
    parts = [capital(text)]
    if beside := [name for drawn in names for name in references(result, drawn)]:
        parts.append(f"Dashed: {', '.join(map(words, beside))}")
    if any(f"{name}_stderr" in result.quantities for name in names):
        parts.append("Error bars or bands: one standard error of the mean")
    if any(f"{name}_uncertainty" in result.quantities for name in names):
        parts.append("Band: one standard deviation, from those of the inputs")
    if measured := [it for it in result.compared.values() if not it.computed]:
        hollow = not all(comparison.confirmed for comparison in measured)
        parts.append("Symbols: measured" + (", open where not confirmed" if hollow else ""))
    if drawn := drawn_derivatives(result, panels(result)):
        parts.append("Then: " + ", ".join(str(derivative_words(name)) for name in drawn))
    if maps := field_maps(result):
        parts.append(f"Maps: {', '.join(dict.fromkeys(label_of(result, it.name) for it in maps))}")
        if along := [it.along for it in maps if it.arrows is not None]:
            parts[-1] += f", arrows along the {words(along[0])}"
    return ". ".join(parts) + "."


def _about(result: Result) -> str:
    """One line under the title."""
    facts = [str(result.attributes[k]) for k in ("system", "method", "verb") if _has(result, k)]
    date = str(result.provenance.get("date", ""))[:10]
    return " · ".join([*facts, *([date] if date else [])])


def _has(result: Result, key: str) -> bool:
    return bool(result.attributes.get(key))


def _row(result: Result, name: str, data: Dataset) -> dict[str, str]:
    swept = [dim for dim in data.dims if dim in result.axes]
    dims = [dim for dim in data.dims if dim not in result.axes]
    dims = ["sweep", *dims] if swept and len(swept) == len(result.axes) else list(data.dims)
    return {
        "name": name,
        "unit": typeset(data.unit),
        "dims": " × ".join(dims),
        "range": _range(data),
        "doc": data.doc[:1].upper() + data.doc[1:],
    }


def _range(data: Dataset) -> str:
    if data.values.dtype.kind not in "iuf" or data.values.size == 0:
        return f"{data.values.dtype}"
    finite = data.values[np.isfinite(data.values)]
    if not finite.size:
        return "not finite"
    low, high = float(finite.min()), float(finite.max())
    text = printed(low, "1") if low == high else f"{printed(low, '1')} … {printed(high, '1')}"
    lost = data.values.size - finite.size
    return text + (f" ({lost} not finite)" if lost else "")


def _said(name: str, value: Any) -> str:
    if name == "wall_time":
        return f"{float(value):.3g} s"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
