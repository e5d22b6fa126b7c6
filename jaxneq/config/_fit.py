"""A line or a power law through a quantity along the sweep."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxneq._core import Estimate
from jaxneq.statistics import linear_fit, power_law
from jaxneq.store import Dataset

from ._derivatives import per
from ._message import JobError
from ._models import Fit
from ._sweep import SweepAxis


def check_fit(said: Fit | None, axes: tuple[SweepAxis, ...], where: str) -> None:
    """A fit needs numbers along one axis."""
    if said is None:
        return
    if len(axes) != 1:
        raise JobError(f"{where}: [fit] goes along the axis of a sweep; give [sweep] one axis.")
    axis = axes[0]
    numeric = axis.target.declared.kind in ("number", "integer")
    if not numeric or len(set(axis.values)) < 2:
        raise JobError(
            f"{where}: [fit] needs an axis of at least two numbers; {axis.path} is none."
        )
    if said.form == "power" and not min(axis.values) > 0:
        raise JobError(
            f"{where}: [fit] of a power law needs positive values; {axis.path} begins with "
            f"{min(axis.values):g}."
        )


def fit_datasets(
    said: Fit, along: Dataset, quantities: Mapping[str, Dataset]
) -> dict[str, Dataset]:
    """What the fits find, and their curves; nothing where a point failed or has no logarithm."""
    found = {}
    for name in said.of:
        data, error = quantities.get(name), quantities.get(f"{name}_stderr")
        if data is None or data.dims != along.dims:
            continue
        able = np.all(np.isfinite(data.values))
        able &= error is None or bool(np.all(error.values > 0))
        if able and (said.form == "line" or np.all(data.values > 0)):
            found |= _fitted(said.form, name, along, data, error)
    return found


def _fitted(
    form: str, name: str, along: Dataset, data: Dataset, error: Dataset | None
) -> dict[str, Dataset]:
    """Values without errors have equal weight, for a power law in logarithms; none come out."""
    if error is None:
        equal = data.values if form == "power" else np.ones_like(data.values)
        fitted = _fitted(form, name, along, data, dataclasses.replace(data, values=equal))
        unknown = {f"{name}_p_value"} | {key for key in fitted if key.endswith("_stderr")}
        return {key: value for key, value in fitted.items() if key not in unknown}
    stderr = error.values
    x = along.values.astype(data.values.dtype)
    slope_unit, own = per(data.unit, along.unit), data.unit
    found: dict[str, tuple[Any, str, str]]
    if form == "line":
        fit = linear_fit(x, data.values, stderr)
        curve = fit.intercept.value + fit.slope.value * x
        found = {
            "slope": (fit.slope, slope_unit, "Slope"),
            "inverse_slope": (fit.inverse_slope, per("1", slope_unit), "One over the slope"),
            "intercept": (fit.intercept, own, "Value at 0"),
        }
    else:
        fit = power_law(x, data.values, stderr)
        curve = fit.prefactor.value * x**fit.exponent.value
        found = {
            "exponent": (fit.exponent, "1", "Exponent"),
            "prefactor": (fit.prefactor, own, "Value at 1"),
        }
    of = f"of the {'line' if form == 'line' else 'power law'} through {name}"
    datasets = {}
    for what, (estimate, unit, doc) in found.items():
        assert isinstance(estimate, Estimate)
        full, hints = f"{name}_{what}", {"told": True}
        datasets[full] = Dataset(np.asarray(estimate.value), (), unit, f"{doc} {of}", hints)
        spread = np.asarray(estimate.stderr)
        datasets[f"{full}_stderr"] = Dataset(spread, (), unit, f"standard error of {full}")
    verdict = f"Chance that the points scatter as much about {of[3:]}"
    p_value = np.asarray(fit.p_value)
    datasets[f"{name}_p_value"] = Dataset(p_value, (), "1", verdict, {"told": True})
    beside = {"reference_for": name}
    if form == "power":
        datasets[name] = dataclasses.replace(data, hints=data.hints | {"scale": "log"})
    datasets[f"{name}_fit"] = Dataset(np.asarray(curve), data.dims, own, f"The curve {of}", beside)
    return datasets
