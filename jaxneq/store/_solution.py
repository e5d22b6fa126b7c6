"""From a Solution's own declarations to datasets, for any engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from jaxneq._core import AbstractSolution, Estimate, Status

from ._result import Dataset


def datasets_of(solution: AbstractSolution, axes: Mapping[str, Dataset]) -> dict[str, Dataset]:
    """Every declared quantity of a solution, its status and its numeric `stats`.

    **Arguments:** `solution`, concrete; its arrays begin with one dimension for each of `axes`,
    the sweep axes in order. A quantity without these dimensions is taken as the same for all.

    An `Estimate` gives three datasets: ``name``, ``name_stderr`` and ``name_n_effective``. The
    status is an integer with the `flag_values` and `flag_meanings` of the CF conventions, and the
    entries of `stats` are named ``stats/...``.

    **Raises:** `ValueError` where the shape of a quantity contradicts its declaration.
    """
    batch = {name: axis.values.size for name, axis in axes.items()}
    found = {}
    for name, (value, declared) in solution.quantities().items():
        own = _distinct(batch, declared.pop("dims"))
        for part, array, unit, doc, hints in _parts(name, value, **declared):
            values, dims = _place(part, array, batch, own)
            found[part] = Dataset(values, dims, unit, doc, hints)
    code, dims = _place("status", solution.status.code, batch, ())
    found["status"] = status_dataset(code, dims, "what became of the computation")
    for name, value in solution.stats.items():
        if _is_numeric(value):
            own = tuple(f"{name}_{i}" for i in range(np.ndim(value) - len(batch)))
            values, dims = _place(f"stats[{name!r}]", value, batch, own)
            found[f"stats/{name}"] = Dataset(values, dims, "1", name.replace("_", " "))
    return found


def _parts(
    name: str, value: Any, unit: str, doc: str, **hints: Any
) -> Iterator[tuple[str, Any, str, str, dict[str, Any]]]:
    """The arrays behind one quantity: name, values, unit, doc, hints."""
    if not isinstance(value, Estimate):
        yield name, value, unit, doc, hints
        return
    shape = np.shape(value.value)
    count = np.asarray(value.n_effective)  # may be one number for a whole profile
    count = np.broadcast_to(count.reshape(count.shape + (1,) * (len(shape) - count.ndim)), shape)
    yield name, value.value, unit, doc, hints
    yield f"{name}_stderr", value.stderr, unit, f"standard error of the mean of {name}", {}
    yield f"{name}_n_effective", count, "1", f"independent samples behind {name}", {}


def _place(
    name: str, value: Any, batch: Mapping[str, int], own: tuple[str, ...]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The array and all its dimensions, those of the sweep included."""
    array, sizes = np.asarray(value), tuple(batch.values())
    if array.ndim == len(own):  # not swept
        return array, own
    if array.ndim != len(sizes) + len(own) or array.shape[: len(sizes)] != sizes:
        raise ValueError(
            f"datasets_of: {name} has shape {array.shape}, but is declared with the dimensions "
            f"{own} after the sweep axes {dict(batch)}. Correct `dims` in its declaration."
        )
    if own == (name,):
        # A coordinate, such as the times, that is the same all over the sweep stays 1-D.
        rows = array.reshape(-1, array.shape[-1])
        if np.array_equal(rows, np.broadcast_to(rows[:1], rows.shape)):
            return rows[0], own
    return array, (*batch, *own)


def _distinct(batch: Mapping[str, int], own: tuple[str, ...]) -> tuple[str, ...]:
    """Own dimensions, repeated names numbered: readers want those of one array distinct."""
    dims = [*batch, *own]
    counts = [dims[: i + 1].count(dim) for i, dim in enumerate(dims)]
    return tuple(
        dim if count == 1 else f"{dim}_{count}" for dim, count in zip(dims, counts, strict=True)
    )[len(batch) :]


def status_dataset(code: Any, dims: tuple[str, ...], doc: str) -> Dataset:
    """Codes of statuses, with what each of them means and its remedy."""
    hints = {
        "flag_values": np.arange(len(Status.names), dtype=np.int32),
        "flag_meanings": " ".join(Status.names),
        "remedies": list(Status.remedies),
    }
    return Dataset(np.asarray(code), dims, "1", doc, hints)


def _is_numeric(value: Any) -> bool:
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        return np.dtype(value.dtype).kind in "biufc"
    return isinstance(value, bool | int | float | complex)
