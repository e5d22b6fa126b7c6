"""Solutions that are stationary or have times."""

from __future__ import annotations

from typing import Any


def drop_time(present: dict[str, tuple[Any, dict[str, Any]]], stationary: bool) -> dict:
    """The declared quantities; those of a stationary state have no dimension of time."""
    if stationary:
        for _, declared in present.values():
            declared["dims"] = tuple(dim for dim in declared["dims"] if dim != "time")
    return present
