"""A result file: HDF5 that h5py and xarray read alike, every number with its unit."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ._atomic import write_bytes
from ._attributes import read_attributes, write_attributes
from ._names import settle_names

FORMAT = "jaxneq result"
VERSION = 2


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """An array with named dimensions, a unit ("1" if it has none) and its meaning.

    `hints` are for whoever draws it, see `jaxneq._core.quantity`.
    """

    values: np.ndarray
    dims: tuple[str, ...] = ()
    unit: str = "1"
    doc: str = ""
    hints: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "values", np.asarray(self.values))
        if self.values.ndim != len(self.dims):
            raise ValueError(
                f"Dataset: an array of shape {self.values.shape} cannot have the dimensions "
                f"{self.dims}. Name one dimension for each axis of the array."
            )


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """Values from elsewhere that a result is compared with, such as a measurement.

    **Fields:** `label`, for a legend; `about`, what was measured and how; `reference`, the source;
    `confirmed`, whether the values were read there; `quantity`, the result's that they stand
    beside; `along`, the sweep axis that they lie on, or nothing: then the quantity is a curve by
    itself; `datasets`, the values by name: the coordinates, by the last part of their path, the
    quantity, and ``uncertainty``, all over one dimension;
    `computed`, whether it is another system's curve and not measured points.
    """

    label: str
    about: str
    reference: str
    confirmed: bool
    quantity: str
    along: str
    datasets: dict[str, Dataset]
    computed: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """All that one job found, and what is needed to find it again.

    **Fields:** `job`, the TOML text verbatim; `provenance`, see `provenance`; `attributes`, facts
    in words (``primary`` names the quantity that a report draws first); `axes`, the sweep axes in
    order, each 1-D (a dotted name such as ``system.thickness`` is shortened in the file);
    `quantities`, what `datasets_of` gives; a name ``stats/...`` goes to the group of that name;
    `compared`, what it is compared with, by name.
    """

    title: str
    job: str
    provenance: dict[str, Any]
    attributes: dict[str, Any]
    axes: dict[str, Dataset]
    quantities: dict[str, Dataset]
    compared: dict[str, Comparison] = dataclasses.field(default_factory=dict)


def write_result(path: str | os.PathLike, result: Result) -> None:
    """Write `result` to `path`, whole or not at all (see `write_bytes`).

    The file is composed in memory, which takes as much again as the arrays, so that whatever the
    disk does is met by plain system calls and never by a half-open HDF5 file.
    """
    axes, quantities = settle_names(result.axes, result.quantities)
    groups: dict[str, dict[str, Dataset]] = {"solution": {}, "stats": {}}
    for name, dataset in quantities.items():
        group, _, short = name.rpartition("/")
        if group not in ("", "stats"):
            raise ValueError(f"write_result: {name!r} names no group of a result; use 'stats/'.")
        groups[group or "solution"][short] = dataset

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write_attributes(file, {"format": FORMAT, "format_version": VERSION, "title": result.title})
        write_attributes(file.create_group("job"), {"toml": result.job})
        write_attributes(file.create_group("provenance", track_order=True), result.provenance)
        for name, datasets in groups.items():
            _write_datasets(file.create_group(name, track_order=True), axes, datasets)
        write_attributes(file["solution"], result.attributes)
        compared = file.create_group("compared", track_order=True)
        for name, comparison in result.compared.items():
            facts = dict(vars(comparison))
            group = compared.create_group(name, track_order=True)
            _write_datasets(group, {}, facts.pop("datasets"))
            write_attributes(group, facts)
    with buffer.getbuffer() as whole:
        write_bytes(path, whole)


def read_result(path: str | os.PathLike) -> Result:
    """Read what `write_result` wrote.

    **Raises:** `ValueError` if there is no such file, or it is not a whole result of jaxneq.
    """
    path = Path(path)
    with open_hdf5(path, FORMAT, VERSION, remedy="Run the job again.") as file:
        axes, quantities = {}, {}
        for group, prefix in (("solution", ""), ("stats", "stats/")):
            for name, item in file[group].items():
                role, dataset = _read_dataset(name, item)
                if role == "quantity":
                    quantities[prefix + name] = dataset
                elif role == "axis":
                    axes.setdefault(name, dataset)
        compared = {}
        for name, group in file["compared"].items():
            items = {key: _read_dataset(key, item) for key, item in group.items()}
            datasets = {key: data for key, (role, data) in items.items() if role == "quantity"}
            compared[name] = Comparison(**read_attributes(group), datasets=datasets)
        return Result(
            title=read_attributes(file)["title"],
            job=read_attributes(file["job"])["toml"],
            provenance=read_attributes(file["provenance"]),
            attributes=read_attributes(file["solution"]),
            axes=axes,
            quantities=quantities,
            compared=compared,
        )


@contextlib.contextmanager
def open_hdf5(path: Path, format: str, version: int, remedy: str) -> Iterator[Any]:
    """Open one of our files; whatever is wrong with its content is a `ValueError`.

    It yields an `h5py.File`, whose static types do not tell groups from datasets.
    """
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file. {remedy}")
    with open(path, "rb") as raw:
        try:
            with h5py.File(raw, "r") as file:
                found = read_attributes(file)
                if found.get("format") != format:
                    raise ValueError(f"{path}: this is not a {format} file. {remedy}")
                if found["format_version"] != version:
                    raise ValueError(
                        f"{path}: this {format} has format version {found['format_version']}, and "
                        f"this version of jaxneq reads version {version}. {remedy}"
                    )
                yield file
        except (OSError, KeyError, RuntimeError) as error:
            raise ValueError(
                f"{path}: this is not a whole {format} file; it is truncated, damaged or "
                f"something else ({error}). {remedy}"
            ) from error


def _write_datasets(
    group: h5py.Group, axes: Mapping[str, Dataset], datasets: Mapping[str, Dataset]
) -> None:
    """The datasets of one group, with a dimension scale in the same group for each dimension.

    Scales in another group would be hidden from readers that open one group, as xarray does.
    """
    sizes = {name: dataset.values.size for name, dataset in axes.items()}
    for name, dataset in datasets.items():
        for dim, size in zip(dataset.dims, dataset.values.shape, strict=True):
            if sizes.setdefault(dim, size) != size:
                raise ValueError(
                    f"write_result: dimension {dim!r} of {name!r} has {size} entries, and "
                    f"{sizes[dim]} elsewhere. Give the two dimensions different names."
                )
    items = {}
    for dim, size in sizes.items():
        if dim in axes:
            items[dim] = _write_dataset(group, dim, axes[dim], role="axis")
        elif dim not in datasets:
            index = Dataset(np.arange(size, dtype=np.int32), (dim,), doc=f"index of the {dim}")
            items[dim] = _write_dataset(group, dim, index, role="index")
    for name, dataset in datasets.items():
        items[name] = _write_dataset(group, name, dataset, role="quantity")
    for dim in sizes:
        items[dim].make_scale(dim)
    for name, dataset in datasets.items():
        for position, dim in enumerate(dataset.dims):
            if dim != name:  # a scale is its own coordinate
                items[name].dims[position].attach_scale(items[dim])


def _write_dataset(group: h5py.Group, name: str, dataset: Dataset, role: str) -> h5py.Dataset:
    item = group.create_dataset(name, data=dataset.values)
    ours = {"units": dataset.unit, "long_name": dataset.doc, "role": role}
    if clash := ours.keys() & dataset.hints.keys():
        raise ValueError(f"write_result: {name!r} has a hint named {clash.pop()!r}; rename it.")
    write_attributes(item, ours | dataset.hints)
    return item


def _read_dataset(name: str, item: Any) -> tuple[str, Dataset]:
    attributes = read_attributes(item)
    dims = (name,) if item.is_scale else tuple(d[0].name.split("/")[-1] for d in item.dims)
    unit, doc, role = (attributes.pop(key) for key in ("units", "long_name", "role"))
    return role, Dataset(np.asarray(item[()]), dims, unit, doc, attributes)
