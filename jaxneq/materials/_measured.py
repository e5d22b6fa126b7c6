"""Measured conductivities by name, from data files in which every number has a source."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from functools import cache
from importlib import resources
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

_DATA = resources.files("jaxneq.materials").joinpath("measured")

SIZES = {
    "bulk": "",
    "in-plane film": "thickness",
    "cross-plane film": "thickness",
    "nanowire": "diameter",
}
UNITS = {"thickness": "m", "diameter": "m", "temperature": "K", "conductivity": "W/m/K"}


@dataclasses.dataclass(frozen=True, eq=False)
class Measured:
    """Conductivities that were measured, one entry for each sample and temperature.

    **Fields:** `size` (m), infinite for bulk; `temperature` (K); `conductivity` (W/m/K);
    `uncertainty` (W/m/K), NaN where none is stated; `confirmed`, whether the conductivities were
    read in the paper or in two independent places; `label`, author and year; `geometry`, one of
    "bulk", "in-plane film", "cross-plane film" and "nanowire".
    """

    name: str
    label: str
    material: str
    geometry: str
    method: str
    reference: str
    confirmed: bool
    size: Float[np.ndarray, " point"]
    temperature: Float[np.ndarray, " point"]
    conductivity: Float[np.ndarray, " point"]
    uncertainty: Float[np.ndarray, " point"]

    quantity: ClassVar[str] = "conductivity"
    units: ClassVar[dict[str, str]] = UNITS

    @property
    def coordinates(self) -> dict[str, Float[np.ndarray, " point"]]:
        """What the quantity was measured against, by the name that a parameter has."""
        size = SIZES[self.geometry]
        return ({size: self.size} if size else {}) | {"temperature": self.temperature}


def measured_names() -> tuple[str, ...]:
    """The measurements that come with the library."""
    files = (file.name for file in _DATA.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


@cache
def measured_record(name: str) -> dict[str, Any]:
    """The data file of a measurement: columns with unit, source and whether they were confirmed."""
    known = measured_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1, 0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"materials: no measurement {name!r}.{hint} There are {', '.join(known)}.")
    return tomllib.loads(_DATA.joinpath(f"{name}.toml").read_text("utf-8"))


def measured(name: str) -> Measured:
    """The measurement `name`, one of `measured_names`.

    **Raises:** `ValueError` for an unknown name.
    """
    record = measured_record(name)
    size = SIZES[record["geometry"]]
    conductivity = _column(record, "conductivity")
    stated = record.get("uncertainty", {"value": np.nan, "unit": "1"})
    scale = {"1": conductivity, UNITS["conductivity"]: 1.0}[stated["unit"]]

    def full(column: Any) -> np.ndarray:
        return np.broadcast_to(np.asarray(column, float), conductivity.shape)

    return Measured(
        name=name,
        label=record["label"],
        material=record["material"],
        geometry=record["geometry"],
        method=record["method"],
        reference=record["reference"],
        confirmed=record["conductivity"]["confirmed"],
        size=full(_column(record, size) if size else np.inf),
        temperature=full(_column(record, "temperature")),
        conductivity=conductivity,
        uncertainty=full(scale * np.asarray(stated["value"], float)),
    )


def _column(record: dict[str, Any], name: str) -> np.ndarray:
    column = record[name]
    if column["unit"] != UNITS[name]:
        raise ValueError(f"materials: expected {name} in {UNITS[name]}, found {column['unit']}.")
    return np.asarray(column["value"], float)
