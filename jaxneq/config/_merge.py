"""What was found at several settings, as one: the arrays that have one shape at all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxneq.store import Dataset


def merged(
    pieces: Sequence[Mapping[str, Dataset]], static: Mapping[str, Dataset], order: Sequence[str]
) -> tuple[dict[str, Dataset], list[str]]:
    """The datasets with the axes of the settings before their own, and the names left out.

    **Arguments:** `pieces`, in the order of the outer product of the axes `static`; `order`, the
    names of all axes of the sweep in the order that the arrays are to have.
    """
    found, left_out = {}, []
    sizes = [axis.values.size for axis in static.values()]
    for name in dict.fromkeys(name for piece in pieces for name in piece):
        each = [piece[name] for piece in pieces if name in piece]
        first = each[0]
        alike = all(_kind(one) == _kind(first) for one in each)
        if not alike or len(each) < len(pieces):
            left_out.append(name)
            continue
        same = all(np.array_equal(one.values, first.values) for one in each)
        if not static or (same and first.dims == (name,)):  # a coordinate that is no other
            found[name] = first
            continue
        values = np.stack([one.values for one in each])
        values = values.reshape((*sizes, *first.values.shape))
        dims = (*static, *first.dims)
        wanted = sorted(dims, key=lambda dim: order.index(dim) if dim in order else len(order))
        values = values.transpose([dims.index(dim) for dim in wanted])
        found[name] = Dataset(values, tuple(wanted), first.unit, first.doc, first.hints)
    return found, left_out


def _kind(data: Dataset) -> tuple:
    """What must agree: the rest are numbers."""
    flags = data.hints.get("flag_meanings")
    return data.dims, data.values.shape, data.values.dtype, data.unit, flags
