"""Names inside a file: one name, one thing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._result import Dataset


def settle_names(
    axes: Mapping[str, Dataset], quantities: Mapping[str, Dataset]
) -> tuple[dict[str, Dataset], dict[str, Dataset]]:
    """Axes and quantities under names that do not collide in one group of a file.

    A sweep axis gets the last part of its dotted name (``system.thickness``: ``thickness``), or
    all of it (``system_temperature``) where a quantity or a dimension has that name already; its
    hint ``parameter`` keeps the dotted name. A dimension named like a quantity that is not its
    coordinate becomes ``<name>_index``.
    """
    own_dims = {dim for data in quantities.values() for dim in data.dims if dim not in axes}
    taken = {name.split("/")[-1] for name in quantities} | own_dims  # axes stand in every group
    new: dict[str, str] = {}
    for dotted in axes:
        whole = dotted.replace(".", "_")
        choices = (dotted.split(".")[-1], whole, f"sweep_{whole}")
        new[dotted] = next(name for name in choices if name not in taken)
        taken.add(new[dotted])
    for dim in own_dims:
        if dim in quantities and quantities[dim].dims != (dim,):
            new[dim] = f"{dim}_index"

    def renamed(dataset: Dataset) -> Dataset:
        return dataclasses.replace(dataset, dims=tuple(new.get(d, d) for d in dataset.dims))

    def with_path(dotted: str, axis: Dataset) -> Dataset:
        path = {"parameter": dotted} if "." in dotted else {}
        return dataclasses.replace(axis, hints=path | axis.hints)

    return (
        {new[name]: with_path(name, renamed(axis)) for name, axis in axes.items()},
        {name: renamed(dataset) for name, dataset in quantities.items()},
    )
