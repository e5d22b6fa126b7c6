"""Doing a job: sweep, gradient and sampling, into one result."""

from __future__ import annotations

import dataclasses
import itertools
import time as clock
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxneq._core import AbstractSampler, Checkpointer, Outlook, Status, outlook, run
from jaxneq.store import Comparison, Dataset, Result, coordinate_of, datasets_of, provenance

from ._catalog import type_name
from ._derivatives import derivative_datasets, estimate_datasets
from ._ensemble import SampledDerivative, SweptSampler, sampled_derivatives
from ._grid import Plan, Progress, shapes_of, solve_points
from ._job import Job
from ._message import JobError, show
from ._promise import check_drawn, drawn_beside, drawn_of, plan_of
from ._sweep import SweepAxis


def execute(
    job: Job,
    progress: Progress | None = None,
    checkpointer: Checkpointer | None = None,
    checkpoint_interval: float = 30.0,
    announce: Callable[[Outlook], None] | None = None,
) -> Result:
    """Do a job.

    Elements of a sweep that fail keep their status and do not stop the others: see `failures`.

    **Arguments:** `progress(done, total)`, in points of the sweep or steps of a sampled run;
    `checkpointer`, for sampled runs, and every how many seconds of wall time it is used;
    `announce`, told the cost of a sampled run before it begins.

    **Raises:** `JobError` for what shows only now; `Interrupted` after Ctrl-C in a sampled run.
    """
    began = clock.monotonic()
    compared = job.compared | _computed_beside(job)
    progress = progress or (lambda done, total: None)
    with jax.enable_x64(job.precision == "float64"):
        _, method = job.at({})
        if job.verb == "simulate":
            driven = progress, checkpointer, checkpoint_interval, announce
            solution, found = _sampled(job, *driven)
        else:
            solution, found = _solved(job, progress)
    axes = {axis.path: _axis_dataset(axis) for axis in job.axes}
    quantities = datasets_of(solution, axes)
    if (wanted := job.derivatives) is not None:
        told: Any = estimate_datasets if job.verb == "simulate" else derivative_datasets
        quantities |= told(wanted, found, axes, quantities[wanted.of])
    check_drawn(job, quantities)
    facts = provenance(
        precision=job.precision,
        seed=job.simulate.seed if job.simulate is not None else None,
        wall_time=clock.monotonic() - began,
    )
    return Result(
        title=job.title,
        job=job.text,
        provenance=facts | {"overrides": list(job.overrides) or None},
        attributes={
            "solution": type(solution).__name__,
            "primary": drawn_of(job, solution)[0],
            "drawn": job.draw,
            "verb": job.verb,
            "system": type_name(type(job.system)),
            "method": type_name(type(method)),
            "identity": job.identity,
        },
        axes=axes,
        quantities=quantities,
        compared=compared,
    )


def _computed_beside(job: Job) -> dict[str, Comparison]:
    """The curves beside those of the job."""
    found = {}
    drawn = drawn_beside(job) if job.others else ()
    for name, other in job.others.items():
        result = execute(other)
        first, *more = [each for each in drawn if each in result.quantities]
        found[name] = _curve(job, name, other, result, first)
        found |= {f"{name}, {each}": _curve(job, name, other, result, each) for each in more}
    return found


def _curve(job: Job, name: str, other: Job, result: Result, quantity: str) -> Comparison:
    """What another gives along the axis of the job, or its own; NaN where it failed."""
    curve, stderr = (result.quantities.get(each) for each in (quantity, f"{quantity}_stderr"))
    assert curve is not None
    if job.axes:
        (own,), (axis,) = job.axes, other.axes
        along, x, where = own.path, _axis_dataset(own), f" along {axis.path}"
        name_of_x = along.rpartition(".")[2]
    else:
        (dim,) = [d for d, size in zip(curve.dims, curve.values.shape, strict=True) if size > 1]
        name_of_x, where, along = coordinate_of(result, dim) or dim, "", ""
        x = result.quantities.get(name_of_x, Dataset(np.arange(curve.values.size), (dim,)))
    failed = result.quantities["status"].values != 0
    values = np.where(failed, np.nan, curve.values.reshape(x.values.shape))
    spread = np.full_like(values, np.nan) if stderr is None else stderr.values.reshape(values.shape)
    lost = f"; {failed.sum()} of {failed.size} failed" if failed.any() else ""
    return Comparison(
        label=name,
        about=f"{result.attributes['system']}{where}{lost}",
        reference=f"Computed in this job with {result.attributes['method']}",
        confirmed=True,
        quantity=quantity,
        along=along,
        datasets={
            name_of_x: dataclasses.replace(x, dims=("point",)),
            quantity: Dataset(values, ("point",), curve.unit, curve.doc),
            "uncertainty": Dataset(spread, ("point",), curve.unit),
        },
        computed=True,
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
    """Solution and derivatives over the whole sweep, its axes leading, in the job's order."""
    dynamic = [axis for axis in job.axes if axis.dynamic]
    static = [axis for axis in job.axes if not axis.dynamic]
    points = _points(dynamic)
    plan = _plan(job)
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


def _plan(job: Job) -> Plan:
    wanted = job.derivatives
    return Plan(
        name=job.name,
        verb=job.verb,
        paths=tuple(axis.path for axis in job.axes if axis.dynamic),
        section=wanted.section if wanted is not None else "",
        of=wanted.of if wanted is not None else "",
        with_respect_to=wanted.paths if wanted is not None else (),
        compared=tuple((name, found.quantity) for name, found in job.compared.items()),
    )


def _sampled(
    job: Job,
    progress: Progress,
    checkpointer: Checkpointer | None,
    interval: float,
    announce: Callable[[Outlook], None] | None,
) -> tuple[Any, list[SampledDerivative]]:
    """Solution and derivatives over the whole sweep."""
    system, method = job.at({})
    assert isinstance(method, AbstractSampler)
    if job.axes:
        method = SweptSampler(
            sampler=method,
            points=jnp.asarray(_points(job.axes)),
            paths=tuple(axis.path for axis in job.axes),
            replicas=method.replicas,
        )
    plan = plan_of(job)
    if announce is not None:
        announce(outlook(system, method, **plan))
    solution = run(
        system,
        method,
        **plan,
        checkpointer=checkpointer,
        checkpoint_interval=interval,
        progress=progress,
        throw=False,
    )
    found = []
    if (wanted := job.derivatives) is not None:
        del plan["observables"]
        found = sampled_derivatives(system, method, wanted.of, wanted.paths, **plan)
    solution, found = jax.device_get((solution, found))
    shape = tuple(len(axis.values) for axis in job.axes)
    found = jax.tree.map(lambda leaf: _grid_shaped(leaf, shape), found)
    if shape:
        solution = jax.tree.map(lambda leaf: _grid_shaped(leaf, shape), solution)
    for each in found:  # its paths may fail where those of the run did not
        code = solution.status.code
        code = np.where(code == 0, each.status.code, code)
        solution = eqx.tree_at(lambda s: s.status.code, solution, code)
    return solution, found


def _grid_shaped(leaf: Any, shape: tuple[int, ...]) -> Any:
    """An array over the points, over the axes instead; what is not an array stays."""
    return leaf.reshape((*shape, *leaf.shape[1:])) if isinstance(leaf, np.ndarray) else leaf


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
