"""A design at several levels of a limit: the front between two goals."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from jaxneq.store import Dataset, Result

from ._job import Job
from ._merge import merged


def executed_front(
    job: Job, execute: Callable[[Job, Callable], Result], progress: Callable
) -> Result:
    """One result of the designs at all levels, which are an axis before those of the sweep."""
    assert job.design is not None and job.design.front is not None
    front, results = job.design.front, []
    for number, level in enumerate(front.levels):

        def told(done: int, total: int, before: int = number) -> None:
            progress(before * total + done, len(front.levels) * total)

        results.append(execute(dataclasses.replace(job, design=job.design.at(level)), told))
    first = results[0]
    held = first.quantities.get(front.name.partition("[")[0])
    axis = Dataset(
        np.asarray(front.levels),
        (front.path,),
        "1" if held is None else held.unit,
        f"Limit of {front.name}",
        {"label": f"limit of {front.name}", "parameter": f"limit of {front.name}"},
    )
    axes = {front.path: axis, **first.axes}
    quantities, left_out = merged(
        [one.quantities for one in results], {front.path: axis}, list(axes)
    )
    drawn = [name for name in first.attributes["drawn"] if name in quantities]
    said = {
        "primary": "objective",
        "drawn": tuple(dict.fromkeys(("objective", *drawn))),
        "left_out": left_out or None,
    }
    wall_time = sum(one.provenance["wall_time"] for one in results)
    return dataclasses.replace(
        first,
        axes=axes,
        quantities=quantities,
        provenance=first.provenance | {"wall_time": wall_time},
        attributes=first.attributes | said,
    )
