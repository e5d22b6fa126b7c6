"""Which of the numbers of a result belong to one of its dimensions."""

from __future__ import annotations

from ._result import Result

_KNOWN = ("position", "time", "frequency", "energy", "mean_free_path", "wavevector", "angle")


def coordinate_of(result: Result, dim: str) -> str | None:
    """The quantity that is the coordinate along a dimension that is not swept.

    That is one of the dimension's own name or with the hint ``coordinate``, or one that is known
    to be a coordinate by its name.
    """
    along = [
        name
        for name, data in result.quantities.items()
        if data.dims[-1:] == (dim,) and set(data.dims[:-1]) <= result.axes.keys()
    ]
    for name in along:
        if name == dim or result.quantities[name].hints.get("coordinate"):
            return name
    for known in _KNOWN:
        for name in along:
            if name == known or name.endswith(f"_{known}"):
                return name
    return None
