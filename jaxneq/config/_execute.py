"""Doing a job: sweep, gradient and sampling, into one result."""

from __future__ import annotations

import itertools
import time as clock
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxneq._core import AbstractSampler, Checkpointer, Status, run
from jaxneq.store import Dataset, Result, datasets_of, provenance

from ._catalog import type_name
from ._ensemble import SweptSampler
from ._grid import Plan, Progress, shapes_of, solve_points
from ._job import GradientSpec, Job
from ._message import JobError, show
from ._sweep import SweepAxis


def execute(
    job: Job,
    progress: Progress | None = None,
    checkpointer: Checkpointer | None = None,
    checkpoint_interval: float = 30.0,
) -> Result:
    """Do a job.

    Elements of a sweep that fail keep their status and do not stop the others: see `failures`.

    **Arguments:** `progress(done, total)`, in points of the sweep or steps of a sampled run;
    `checkpointer`, for sampled runs, and every how many seconds of wall time it is used.

    **Raises:** `JobError` for what shows only now; `Interrupted` after Ctrl-C in a sampled run.
    """
    began = clock.monotonic()
    progress = progress or (lambda done, total: None)
    with jax.enable_x64(job.precision == "float64"):
        if job.verb == "simulate":
            solution, gradients = _sampled(job, progress, checkpointer, checkpoint_interval), ()
        else:
            solution, gradients = _solved(job, progress)
    axes = {axis.path: _axis_dataset(axis) for axis in job.axes}
    quantities = datasets_of(solution, axes)
    if job.gradient is not None:
        quantities |= _gradient_datasets(job.gradient, gradients, axes, quantities[job.gradient.of])
    facts = provenance(
        precision=job.precision,
        seed=job.simulate.seed if job.simulate is not None else None,
        wall_time=clock.monotonic() - began,
    )
    _, method = job.at({})
    return Result(
        title=job.title,
        job=job.text,
        provenance=facts | {"overrides": list(job.overrides) or None},
        attributes={
            "solution": type(solution).__name__,
            "primary": type(solution).primary,
            "verb": job.verb,
            "system": type_name(type(job.system)),
            "method": type_name(type(method)),
            "identity": job.identity,
        },
        axes=axes,
        quantities=quantities,
    )


def failures(result: Result) -> list[str]:
    """One line for each way in which elements of a result failed, with the remedy."""
    codes = np.ravel(result.quantities["status"].values)
    return [
        f"{np.sum(codes == code)} of {codes.size} failed: {Status.names[code]}. "
        f"{Status.remedies[code]}"
        for code in np.unique(codes)
        if code != 0
    ]


def _solved(job: Job, progress: Progress) -> tuple[Any, tuple]:
    """Solution and gradients over the whole sweep, its axes leading, in the job's order."""
    dynamic = [axis for axis in job.axes if axis.dynamic]
    static = [axis for axis in job.axes if not axis.dynamic]
    points = _points(dynamic)
    gradient = job.gradient
    plan = Plan(
        name=job.name,
        verb=job.verb,
        paths=tuple(axis.path for axis in dynamic),
        of=gradient.of if gradient is not None else "",
        with_respect_to=tuple(t.path for t in gradient.targets) if gradient is not None else (),
    )
    outer = list(_outer(static))
    if len(outer) > 1:
        _check_shapes(job, outer, plan)
    total, finished = len(outer) * len(points), 0

    def done(count: int) -> None:
        nonlocal finished
        finished += count
        progress(finished, total)

    solved = [solve_points(*job.at(point), points, job.times, plan, done) for point in outer]
    structure = jax.tree.structure(solved[0])
    leaves = zip(*map(jax.tree.leaves, solved), strict=True)
    shape = [len(axis.values) for axis in (*static, *dynamic)]
    order = np.argsort([job.axes.index(axis) for axis in (*static, *dynamic)])

    def ordered(pieces: tuple[np.ndarray, ...]) -> np.ndarray:
        whole = np.stack(pieces)
        own = whole.shape[2:]
        whole = whole.reshape((*shape, *own))
        return whole.transpose(*order, *range(len(shape), whole.ndim))

    return jax.tree.unflatten(structure, [ordered(pieces) for pieces in leaves])


def _sampled(
    job: Job, progress: Progress, checkpointer: Checkpointer | None, interval: float
) -> Any:
    system, method = job.at({})
    asked = job.simulate
    assert isinstance(method, AbstractSampler) and asked is not None
    if job.axes:
        method = SweptSampler(
            sampler=method,
            points=jnp.asarray(_points(job.axes)),
            paths=tuple(axis.path for axis in job.axes),
            replicas=method.replicas,
        )
    solution = run(
        system,
        method,
        key=jax.random.key(asked.seed),
        time=asked.time,
        burn_in=asked.burn_in,
        checkpointer=checkpointer,
        checkpoint_interval=interval,
        progress=progress,
        throw=False,
    )
    shape = tuple(len(axis.values) for axis in job.axes)
    if not shape:
        return jax.device_get(solution)
    return jax.tree.map(lambda leaf: _grid_shaped(leaf, shape), jax.device_get(solution))


def _grid_shaped(leaf: Any, shape: tuple[int, ...]) -> Any:
    """An array over the points, over the axes instead; what is not an array stays."""
    return leaf.reshape(*shape, *leaf.shape[1:]) if isinstance(leaf, np.ndarray) else leaf


def _points(axes: list[SweepAxis] | tuple[SweepAxis, ...]) -> np.ndarray:
    """The outer product of axes of numbers, a row for each point; one empty row without axes."""
    grids = np.meshgrid(*(np.asarray(axis.values, float) for axis in axes), indexing="ij")
    return np.stack([grid.ravel() for grid in grids], axis=1) if axes else np.zeros((1, 0))


def _outer(axes: list[SweepAxis]) -> Iterator[Mapping[str, Any]]:
    for values in itertools.product(*(axis.values for axis in axes)):
        yield {axis.path: value for axis, value in zip(axes, values, strict=True)}


def _check_shapes(job: Job, outer: list[Mapping[str, Any]], plan: Plan) -> None:
    """Settings that change the shape of the answer cannot share one result."""
    width = len(plan.paths)
    first, *others = [shapes_of(*job.at(point), job.times, plan, width) for point in outer]
    for point, shapes in zip(outer[1:], others, strict=True):
        if shapes != first:
            name = min(n for n in {**shapes, **first} if shapes.get(n) != first.get(n))
            said = ", ".join(f"{path} = {show(value)}" for path, value in point.items())
            raise JobError(
                f"{job.name}: sweep: at {said} the solution has another shape than at the first "
                f"value ({name}: {shapes.get(name)}, not {first.get(name)}), and one result cannot "
                "hold both. Run one job for each value, with --set and --out."
            )


def _axis_dataset(axis: SweepAxis) -> Dataset:
    declared = axis.target.declared
    doc = declared.doc.rstrip(".")
    if declared.kind in ("number", "integer"):
        return Dataset(np.asarray(axis.labels), (axis.path,), declared.unit, doc)
    # Names are numbered, as the CF conventions have it for flags.
    index = np.arange(len(axis.labels), dtype=np.int32)
    hints = {"flag_values": index, "flag_meanings": " ".join(map(_flag, axis.labels))}
    return Dataset(index, (axis.path,), "1", doc, hints)


def _flag(label: Any) -> str:
    """A label as one word: a table by its name or type, with what else it says."""
    if not isinstance(label, Mapping):
        return str(label)
    head, *rest = sorted(label, key=lambda key: key not in ("name", "type"))
    return f"{label[head]}({','.join(f'{key}={label[key]}' for key in rest)})".replace(" ", "")


def _gradient_datasets(
    spec: GradientSpec, gradients: tuple, axes: Mapping[str, Dataset], of: Dataset
) -> dict[str, Dataset]:
    found = {}
    for target, values in zip(spec.targets, gradients, strict=True):
        name = _short_name(target.path, [other.path for other in spec.targets])
        found[f"d_{spec.of}_d_{name}"] = Dataset(
            values,
            (*axes, *target.declared.dims),
            _per(of.unit, target.declared.unit),
            f"Derivative of {spec.of} with respect to {target.path}",
        )
    return found


def _short_name(path: str, paths: list[str]) -> str:
    """The shortest end of a dotted path that names it among `paths`."""
    parts = path.split(".")
    for length in range(1, len(parts)):
        end = parts[-length:]
        if sum(other.split(".")[-length:] == end for other in paths) == 1:
            return "_".join(end)
    return "_".join(parts)


def _per(unit: str, other: str) -> str:
    return unit if other == "1" else f"{unit}/({other})"
