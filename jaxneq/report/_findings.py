"""What was found, in words."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from jaxneq._core import Interval
from jaxneq.store import Result

from ._compared import Symbols, deviation, symbols_beside
from ._units import at_values, plain
from ._view import (
    COMPANIONS,
    NO_STATUS,
    Curves,
    categories,
    curves,
    derivative_words,
    derivatives,
    dimension,
    primary_of,
    references,
    spread_of,
    words,
)


@runtime_checkable
class Show(Protocol):
    """Writes a number with its unit, and its standard error if there is one."""

    def __call__(self, value: float, unit: str, stderr: float | None = None) -> str: ...


def summary(result: Result) -> list[str]:
    """The last lines that a command prints: what was found, and how far it can be trusted."""
    return [f"{label}: {text}" for label, text in findings(result, plain)]


def findings(result: Result, show: Show) -> list[tuple[str, str]]:
    """What was found, as (what, text); `show` writes a number with its unit."""
    primary = primary_of(result)
    good = _succeeded(result, primary)
    found = [(words(primary), _between(result, primary, good, show))]
    for name, data in references(result, primary).items():
        finite = data.values[np.isfinite(data.values)]
        if finite.size:
            found.append((f"{words(name)} (reference)", _range(finite, data.unit, show)))
    found += _told(result, show)
    found += _derivatives(result, show)
    found += _compared(result, primary, show)
    found += _regimes(result, show)
    found.append(("status", _status(result, "status")))
    if "design_status" in result.quantities:
        found.append(("design", _status(result, "design_status")))
    if remark := result.attributes.get("remark"):
        found.append(("remark", remark))
    found += _trust(result, primary, show)
    return found


def _between(result: Result, name: str, good: np.ndarray, show: Show) -> str:
    """The smallest and the largest value that can be trusted, and where they are."""
    data = result.quantities[name]
    if data.values.dtype.kind not in "iuf":
        return f"{data.values.dtype} of shape {data.values.shape}"
    values = np.where(good & np.isfinite(data.values), data.values, np.nan)
    if np.all(np.isnan(values)):
        return "no finite value"
    lowest = np.unravel_index(np.nanargmin(values), values.shape)
    highest = np.unravel_index(np.nanargmax(values), values.shape)
    ends = [_at(result, name, at, show) for at in dict.fromkeys((lowest, highest))]
    omitted = int(np.sum(np.isnan(values)))
    note = f" ({omitted} of {values.size} not counted: failed or not finite)" if omitted else ""
    return " ... ".join(ends) + note


def _at(result: Result, name: str, at: tuple, show: Show) -> str:
    """One value, with its standard error, and the place of it."""
    data = result.quantities[name]
    spread = spread_of(result, name)
    error = None if spread is None else float(spread.values[at])
    text = show(float(data.values[at]), data.unit, error)
    where = []
    for dim, index in zip(data.dims, at, strict=True):
        its_name, coordinate = dimension(result, dim)
        value = f"no. {index}"
        if coordinate is not None and set(coordinate.dims) <= set(data.dims):
            place = tuple(at[data.dims.index(d)] for d in coordinate.dims)
            names = categories(coordinate)
            number = coordinate.values[place]
            value = names[int(number)] if names else show(float(number), at_values(coordinate.unit))
        where.append(f"{its_name} = {value}")
    return text + (" at " + ", ".join(where) if where else "")


def _told(result: Result, show: Show) -> list[tuple[str, str]]:
    """Single numbers that say so, such as those of a fit; and what there is no room for."""
    told = [
        name for name, data in result.quantities.items() if data.hints.get("told") and not data.dims
    ]
    found = [(words(name), _at(result, name, (), show)) for name in told]
    if left_out := result.attributes.get("left_out"):
        names = ", ".join(words(name) for name in left_out if not name.endswith(COMPANIONS))
        found.append(("left out", f"{names}: another shape at other points of the sweep"))
    return found


def _compared(result: Result, primary: str, show: Show) -> list[tuple[str, str]]:
    """How far the curve lies from what it is compared with."""
    found = []
    if not result.compared or (shown := curves(result, primary)) is None:
        return found
    for symbols in symbols_beside(result, shown):
        if symbols.comparison.computed:
            good, unit = symbols.y[np.isfinite(symbols.y)], result.quantities[primary].unit
            text = _range(good, unit, show) if good.size else "no finite value"
            if (apart := _standard_errors(shown, symbols)) is not None:
                text += f", at most {apart:.1f} standard errors away"
            found.append((symbols.comparison.label, text))
            continue
        count, apart = symbols.y.size, deviation(shown, symbols)
        text = f"{count} value" + ("s" if count > 1 else "")
        if apart is not None:
            text += f", {100 * apart:.2g} % from the curve" + (" (rms)" if count > 1 else "")
        text += "" if symbols.comparison.confirmed else ", not confirmed"
        found.append((symbols.comparison.label, text))
    return found


def _standard_errors(shown: Curves, symbols: Symbols) -> float | None:
    """The largest distance of samples from a curve, in standard errors; None for other curves."""
    if shown.stderr is None or len(shown.y) > 1:
        return None
    at = np.argmin(np.abs(shown.x[0, :, None] - symbols.x), axis=1)
    exact, error = symbols.y[at], np.hypot(shown.stderr[0], np.nan_to_num(symbols.error[at]))
    good = (error > 0) & np.isfinite(exact) & ~shown.failed[0]
    if not good.any() or not np.allclose(shown.x[0], symbols.x[at], rtol=1e-6, atol=0):
        return None
    return float(np.max(np.abs(shown.y[0] - exact)[good] / error[good]))


def _derivatives(result: Result, show: Show) -> list[tuple[str, str]]:
    """The derivatives, and the estimators behind those that were sampled."""
    found = []
    for name in derivatives(result):
        text = _between(result, name, _succeeded(result, name), show)
        if (estimator := result.quantities.get(f"{name}_estimator")) is not None:
            known = str(estimator.hints["flag_meanings"]).split()
            text += f", {' or '.join(words(each) for each in known)}"
        found.append((derivative_words(name) or name, text))
    return found


def _regimes(result: Result, show: Show) -> list[tuple[str, str]]:
    found = []
    for name, data in result.quantities.items():
        regimes = data.hints.get("regimes", {})
        values = np.ravel(data.values)
        met = [
            regime
            for regime, text in regimes.items()
            if any(value in Interval.parse(text) for value in values)
        ]
        if met:
            text = ", ".join(met)
            found.append(("regime", f"{text} ({words(name)} {_range(values, data.unit, show)})"))
    return found


def _status(result: Result, name: str) -> str:
    """How often each status occurred; what to do about the failures."""
    data = result.quantities.get(name)
    if data is None:
        return "not recorded"
    names = str(data.hints.get("flag_meanings", "")).split()
    codes, counts = np.unique(data.values, return_counts=True)
    said = []
    for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
        name = names[code] if code < len(names) else f"code {code}"
        said.append(name if data.values.size == 1 else f"{name} ({count} of {data.values.size})")
    remedies = data.hints.get("remedies", [])
    remedy = [remedies[code] for code in codes.tolist() if 0 < code < len(remedies)]
    return ". ".join([", ".join(said), " ".join(remedy)]).rstrip(". ")


def _trust(result: Result, primary: str, show: Show) -> list[tuple[str, str]]:
    """The numbers by which the answer can be judged."""
    found = []
    for name in ("conservation_residual", "stats/residual"):
        if (values := _finite(result, name)).size:
            worst = show(float(np.max(np.abs(values))), result.quantities[name].unit)
            found.append((words(name.removeprefix("stats/")), f"at most {worst}"))
    if (values := _finite(result, "stats/iterations")).size:
        found.append(("iterations", _range(values, "1", show)))
    if (values := _finite(result, f"{primary}_n_effective")).size:
        found.append(("independent samples", f"at least {float(np.min(values)):.0f}"))
    return found


def _succeeded(result: Result, name: str) -> np.ndarray:
    """Whether the computation succeeded, for each element of the quantity."""
    data, status = result.quantities[name], result.quantities.get("status", NO_STATUS)
    if not set(status.dims) <= set(data.dims):
        return np.ones(data.values.shape, bool)
    order = [dim for dim in data.dims if dim in status.dims]
    ok = np.transpose(status.values, [status.dims.index(dim) for dim in order]) == 0
    for position, dim in enumerate(data.dims):
        if dim not in status.dims:
            ok = np.expand_dims(ok, position)
    return np.broadcast_to(ok, data.values.shape)


def _finite(result: Result, name: str) -> np.ndarray:
    if name not in result.quantities:
        return np.array([])
    values = result.quantities[name].values
    return values[np.isfinite(values)]


def _range(values: np.ndarray, unit: str, show: Show) -> str:
    low, high = float(np.min(values)), float(np.max(values))
    return show(low, unit) if low == high else f"{show(low, unit)} ... {show(high, unit)}"
