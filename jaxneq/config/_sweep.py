"""The axes of a sweep: which parameter, which values."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ._build import build_part
from ._message import JobError, dotted, show
from ._models import MOST_POINTS, Axis, accepts
from ._targets import Target


@dataclasses.dataclass(frozen=True, eq=False)
class SweepAxis:
    """One axis of a sweep.

    **Fields:** `target`, the parameter; `labels`, the values as the job file gives them;
    `values`, what the parameter takes (for a part, the objects); `dynamic`, whether they are
    numbers that run in one compiled call.
    """

    target: Target
    labels: tuple[Any, ...]
    values: tuple[Any, ...]
    dynamic: bool

    @property
    def path(self) -> str:
        """The parameter's dotted path."""
        return self.target.path


def numbers(axis: Axis) -> list[Any]:
    """The values of an axis."""
    if axis.values is not None:
        return axis.values
    assert axis.count is not None
    if axis.linear is not None:
        return np.linspace(axis.linear[0], axis.linear[1], axis.count).tolist()
    assert axis.geometric is not None
    return np.geomspace(axis.geometric[0], axis.geometric[1], axis.count).tolist()


def sweep_axis(target: Target, axis: Axis, where: str) -> SweepAxis:
    """One axis, every value checked against the parameter's declaration."""
    declared, at = target.declared, dotted(("sweep", target.path))
    labels = numbers(axis)
    if declared.kind in ("parts", "names"):
        raise JobError(f"{where}: {at}: {target.path} is a list; only single values are swept.")
    if declared.part is not None:
        path = (at, "values")
        values = [build_part(declared, label, where, path) for label in labels]
        return SweepAxis(target, tuple(labels), tuple(values), dynamic=False)
    if declared.kind == "integer" and axis.values is None:
        labels = [round(label) if abs(label - round(label)) < 1e-9 else label for label in labels]
    if declared.dims:
        raise JobError(f"{where}: {at}: {target.path} is an array; only single numbers are swept.")
    for label in labels:
        if isinstance(label, dict) or not accepts(target.owner, declared, label):
            raise JobError(
                f"{where}: {at}: {show(label)} is not allowed. Give {declared.allowed} for each "
                "value."
            )
    return SweepAxis(target, tuple(labels), tuple(labels), declared.kind == "number")


def check_size(axes: Iterable[SweepAxis], where: str) -> None:
    """Refuse grids that no machine would finish."""
    points = math.prod(len(axis.values) for axis in axes)
    if points > MOST_POINTS:
        raise JobError(
            f"{where}: the sweep has {points} points; {MOST_POINTS} are the most. "
            "Split it into several jobs."
        )


def samples(axes: Iterable[SweepAxis]) -> Iterable[Mapping[str, Any]]:
    """Points at which a bad combination of parameters shows before anything is computed.

    Numbers are traced when the sweep runs, so that objects cannot check them then: the corners
    of their box, and each value of every other axis.
    """
    dynamic = [axis for axis in axes if axis.dynamic]
    ends = [(min(axis.values), max(axis.values)) for axis in dynamic]
    for corner in itertools.product(*ends):
        yield {axis.path: value for axis, value in zip(dynamic, corner, strict=True)}
    for axis in axes:
        if not axis.dynamic:
            for value in axis.values:
                yield {axis.path: value}
