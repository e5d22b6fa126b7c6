"""Measurements that a job is compared with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxneq import materials
from jaxneq.store import Comparison, Dataset

from ._message import JobError
from ._sweep import SweepAxis

NEAR = 0.05  # relative distance up to which a sample's temperature, say, is that of the job


def comparison(name: str, system: Any, axes: Sequence[SweepAxis], at: str) -> Comparison:
    """The samples of the measurement `name` that belong into the figure of a sweep over `axes`.

    The figure runs along the first axis, within its ends. In every other coordinate of the
    measurement that the system has, a sample must be near a value of the job. `at` is the place in
    the job, for messages.

    **Raises:** `JobError` if the measurement is unknown, of another geometry or against another
    coordinate, or has no sample there.
    """
    try:
        data = materials.measured(name)
    except ValueError as error:
        raise JobError(f"{at}: {error}") from None
    geometry = "".join(part.capitalize() for part in data.geometry.replace("-", " ").split())
    kind = type(system).__name__
    if geometry not in ("Bulk", kind):
        raise JobError(
            f'{at}: "{name}" was measured on the geometry "{data.geometry}", and the system is a '
            f"{kind}. Compare with measurements on the same geometry, or on bulk."
        )
    first = axes[0].path if axes else ""
    paths = {f"system.{coordinate}": coordinate for coordinate in data.coordinates}
    if first not in paths:
        given = f"begins with {first}" if axes else "is missing"
        raise JobError(
            f'{at}: "{name}" has values against {" and ".join(paths)}, and the sweep {given}. '
            "Sweep one of them first."
        )
    chosen, conditions = np.ones(data.conductivity.shape, bool), []
    for path, coordinate in paths.items():
        values, wanted = data.coordinates[coordinate], _values_at(path, system, axes)
        if path == first:
            low, high = min(wanted), max(wanted)
            chosen &= (low <= values) & (values <= high)
            conditions.append(f"{path} from {low:g} to {high:g}")
        elif wanted:
            near = [np.abs(values - value) <= NEAR * abs(value) for value in wanted]
            chosen &= np.any(near, axis=0)
            conditions.append(f"{path} near {', '.join(f'{value:g}' for value in wanted)}")
    if not chosen.any():
        raise JobError(f'{at}: "{name}" has no value at {" and ".join(conditions)}. Leave it out.')

    columns = {**data.coordinates, data.quantity: data.conductivity}
    found = {
        key: Dataset(values[chosen], ("point",), data.units[key], f"Measured {key}")
        for key, values in columns.items()
    }
    found["uncertainty"] = Dataset(
        data.uncertainty[chosen], ("point",), data.units[data.quantity], "As stated, or NaN"
    )
    return Comparison(
        label=data.label,
        about=f"{data.material}, {data.geometry}: {data.method}",
        reference=data.reference,
        confirmed=data.confirmed,
        quantity=data.quantity,
        along=first,
        datasets=found,
    )


def _values_at(path: str, system: Any, axes: Sequence[SweepAxis]) -> tuple[float, ...]:
    """Every value that a number of the system takes in the job; none where it has none."""
    for axis in axes:
        if axis.path == path:
            return tuple(map(float, axis.values))
    value = getattr(system, path.removeprefix("system."), None)
    return () if value is None else (float(value),)


def measured_at(
    name: str, quantity: str, system: Any, axes: Sequence[SweepAxis], at: str
) -> Comparison:
    """The samples of the measurement `name` at the points of a sweep along one axis, in order.

    **Raises:** `JobError` if it is of another quantity, or has no sample or several at a point.
    """
    if len(axes) != 1:
        raise JobError(f"{at}: a measurement goes along one axis; give [sweep] one.")
    found = comparison(name, system, axes, at)
    if found.quantity != quantity:
        raise JobError(f'{at}: "{name}" gives {found.quantity}.')
    x = found.datasets[axes[0].path.rpartition(".")[2]].values
    order = []
    for value in axes[0].values:
        (there,) = np.nonzero(np.isclose(x, value, rtol=1e-6, atol=0))
        if there.size != 1:
            raise JobError(
                f'{at}: "{name}" has {there.size or "no"} value{"s" * (there.size > 1)} at '
                f"{axes[0].path} = {value:g}. Sweep values at which it has one, of "
                f"{', '.join(f'{one:g}' for one in x)}."
            )
        order.append(int(there[0]))
    datasets = {
        key: dataclasses.replace(data, values=data.values[order])
        for key, data in found.datasets.items()
    }
    return dataclasses.replace(found, datasets=datasets)
