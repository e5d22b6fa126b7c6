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

from jaxneq._core import (
    AbstractMethod,
    AbstractSampler,
    AbstractSystem,
    Checkpointer,
    Outlook,
    Preview,
    Status,
    outlook,
    run,
)
from jaxneq.store import Comparison, Dataset, Result, coordinate_of, datasets_of, provenance

from ._catalog import type_name
from ._derivatives import derivative_datasets, estimate_datasets
from ._design import design_datasets, designed
from ._ensemble import (
    SampledDerivative,
    Several,
    SideBySide,
    SweptSampler,
    sampled_derivatives,
)
from ._fit import fit_datasets
from ._front import executed_front
from ._grid import Plan, Progress, solve_points
from ._job import Job
from ._merge import merged
from ._objective import Objective
from ._posterior import Fitted, data_beside, fit_of_design, fitted
from ._promise import check_asked, check_drawn, drawn_beside, drawn_of, plan_of
from ._sweep import SweepAxis, samples

_FINE = 60  # pieces of an exact curve beside samples


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
    if job.design is not None and job.design.front is not None:
        return executed_front(job, execute, progress or (lambda done, total: None))
    began = clock.monotonic()
    check_asked(job)
    compared = job.compared | _computed_beside(job)
    progress = progress or (lambda done, total: None)
    with jax.enable_x64(job.precision == "float64"):
        _, method = job.at({})
        begun, optimum = job.system, None
        fit: Fitted | str | None = None
        if job.design is not None:
            objective = objective_of(job)
            seed = 0 if job.simulate is None else job.simulate.seed
            kept = checkpointer, checkpoint_interval
            system, optimum = designed(job.design, objective, seed, progress, *kept)
            fit = fitted(job.design, objective, optimum)
            job = dataclasses.replace(job, system=system)
            checkpointer, progress = None, lambda done, total: None
        if job.verb == "simulate":
            driven = progress, checkpointer, checkpoint_interval, announce
            each = _sampled(job, *driven)
        else:
            each = _solved(job, progress)
    axes = {axis.path: _axis_dataset(axis) for axis in job.axes}
    together = {axis.path: axes[axis.path] for axis in job.together}
    apart = {path: axis for path, axis in axes.items() if path not in together}
    pieces, wanted = [], job.derivatives
    for solution, found in each:
        pieces.append(datasets_of(solution, together))
        if wanted is not None:
            told: Any = estimate_datasets if job.verb == "simulate" else derivative_datasets
            pieces[-1] |= told(wanted, found, together, pieces[-1][wanted.of])
    quantities, left_out = merged(pieces, apart, list(axes))
    if job.design is not None and optimum is not None:
        quantities |= design_datasets(job.design, begun, optimum, quantities)
        if isinstance(fit, Fitted):
            quantities |= fit_of_design(job.design, fit, axes, quantities)
    if job.fit is not None:
        quantities |= fit_datasets(job.fit, axes[job.axes[0].path], quantities)
    check_drawn(job, quantities)
    solution = each[0][0]
    primary = drawn_of(job, solution)[0].removesuffix("_history")
    if primary in left_out:
        primary = next(iter(quantities))
    remarks = dict.fromkeys(said for one, _ in each if (said := one.remark()))
    if isinstance(fit, str):
        remarks[fit] = None
    facts = provenance(
        precision=job.precision,
        seed=job.simulate.seed if job.simulate is not None else None,
        wall_time=clock.monotonic() - began,
    )
    result = Result(
        title=job.title,
        job=job.text,
        provenance=facts | {"overrides": list(job.overrides) or None},
        attributes={
            "solution": type(solution).__name__,
            "primary": primary,
            "drawn": drawn_of(job, solution) if job.design is not None else job.draw,
            "verb": job.verb,
            "system": type_name(type(job.system)),
            "method": type_name(type(method)),
            "identity": job.identity,
            "left_out": left_out or None,
            "remark": " ".join(remarks) or None,
        },
        axes=axes,
        quantities=quantities,
        compared=compared,
    )
    if job.design is None:
        return result
    return dataclasses.replace(result, compared=compared | data_beside(job.design, result))


def objective_of(job: Job) -> Objective:
    """What a job makes best, of the parameters that it varies."""
    design = job.design
    assert design is not None
    if design.method is not None:
        job = dataclasses.replace(job, method=design.method)
    system, method = job.at({})
    schedule = None
    if job.simulate is not None:
        assert isinstance(method, AbstractSampler)
        schedule = method.schedule(job.simulate.time, job.simulate.burn_in)
    return Objective(
        system=system,
        method=method,
        times=job.times,
        schedule=schedule,
        paths=tuple(axis.path for axis in job.axes),
        points=_points(job.axes),
        shape=tuple(len(axis.values) for axis in job.axes),
        weights=design.weights,
        over=design.over,
        maximize=design.maximize,
        matched=design.matched,
        known=design.known,
        held=tuple(design.limits),
        where=job.name,
    )


def look(job: Job) -> tuple[dict[str, str], Preview | None]:
    """A job before it is done: facts by name, and what its method shows of the first point."""
    check_asked(job)
    with jax.enable_x64(job.precision == "float64"):
        system, method = job.at(next(iter(samples(job.axes))))
        facts = {
            "verb": job.verb,
            "system": type_name(type(system)),
            "method": type_name(type(method)),
        }
        if job.axes:
            sizes = [f"{axis.path} at {len(axis.values)} values" for axis in job.axes]
            facts["sweep"] = ", ".join(sizes)
        if job.verb == "simulate":
            system, method, _, plan = _prepared(job)
            facts["cost"] = str(outlook(system, method, **plan))
        return facts, method.preview(system)


def _computed_beside(job: Job) -> dict[str, Comparison]:
    """The curves beside those of the job."""
    found = {}
    drawn = drawn_beside(job) if job.others else ()
    for name, coarse in job.others.items():
        other = _between(coarse) if job.verb == "simulate" else coarse
        result = execute(other)
        first, *more = [each for each in drawn if each in result.quantities]
        found[name] = _curve(job, name, other, result, first)
        found |= {f"{name}, {each}": _curve(job, name, other, result, each) for each in more}
    return found


def _between(job: Job) -> Job:
    """What is exact beside few samples: a curve through many more values of a number."""
    if job.verb == "simulate" or not job.axes or not job.axes[0].dynamic:
        return job
    (axis,) = job.axes
    gaps = len(axis.values) - 1
    if not 0 < gaps < _FINE:
        return job
    at = np.linspace(0, gaps, gaps * -(-_FINE // gaps) + 1)
    values = tuple(np.interp(at, range(gaps + 1), np.asarray(axis.values, float)).tolist())
    return dataclasses.replace(job, axes=(dataclasses.replace(axis, labels=values, values=values),))


def _curve(job: Job, name: str, other: Job, result: Result, quantity: str) -> Comparison:
    """What another gives along the axis of the job, or its own; NaN where it failed."""
    curve, stderr = (result.quantities.get(each) for each in (quantity, f"{quantity}_stderr"))
    assert curve is not None
    if job.axes:
        (own,), (axis,) = job.axes, other.axes
        x = _axis_dataset(dataclasses.replace(own, labels=axis.labels))
        along, where = own.path, f" along {axis.path}"
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


def _solved(job: Job, progress: Progress) -> list[tuple[Any, tuple]]:
    """Solution and derivatives at each setting, over the numbers that run together."""
    points = _points(job.together)
    shape = tuple(len(axis.values) for axis in job.together)
    plan = _plan(job)
    outer = list(_outer(job.apart))
    total, finished = len(outer) * len(points), 0

    def done(count: int) -> None:
        nonlocal finished
        finished += count
        progress(finished, total)

    solved = [solve_points(*job.at(point), points, job.times, plan, done) for point in outer]
    return jax.tree.map(lambda leaf: _grid_shaped(leaf, shape), solved)


def _plan(job: Job) -> Plan:
    wanted = job.derivatives
    return Plan(
        name=job.name,
        verb=job.verb,
        paths=tuple(axis.path for axis in job.together),
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
) -> list[tuple[Any, list[SampledDerivative]]]:
    """Solution and derivatives at each setting, over the numbers that run together."""
    system, method, members, plan = _prepared(job)
    key = plan.pop("key")
    if announce is not None:
        announce(outlook(system, method, key=key, **plan))
    solution = run(
        system,
        method,
        key=key,
        **plan,
        checkpointer=checkpointer,
        checkpoint_interval=interval,
        progress=progress,
        throw=False,
    )
    each, keys = (solution,), [key]
    if isinstance(solution, Several):
        each = solution.each
        keys = [jax.random.fold_in(key, index) for index in range(len(each))]
    return [
        _derived(job, found, *member, key=own, **plan)
        for found, member, own in zip(each, members, keys, strict=True)
    ]


def _prepared(job: Job) -> tuple[AbstractSystem, AbstractSampler, list, dict[str, Any]]:
    """What is run, the systems and samplers that this holds, one for each setting, and the plan."""
    members = [_swept(job, *job.at(point)) for point in _outer(job.apart)]
    system, method = members[0]
    if job.apart:
        replicas = sum(one.replicas for _, one in members)
        method = SideBySide(members=tuple(members), replicas=replicas)
    return system, method, members, plan_of(job)


def _swept(
    job: Job, system: AbstractSystem, method: AbstractMethod
) -> tuple[AbstractSystem, AbstractSampler]:
    """A system and what samples it at all points of the numbers that run together."""
    assert isinstance(method, AbstractSampler)
    if not job.together:
        return system, method
    paths = tuple(axis.path for axis in job.together)
    points = jnp.asarray(_points(job.together))
    swept = SweptSampler(sampler=method, points=points, paths=paths, replicas=method.replicas)
    return system, swept


def _derived(
    job: Job, solution: Any, system: AbstractSystem, method: AbstractSampler, **plan: Any
) -> tuple[Any, list[SampledDerivative]]:
    """The solution on the grid of the numbers that run together, and derivatives beside it."""
    found = []
    if (wanted := job.derivatives) is not None:
        del plan["observables"]
        found = sampled_derivatives(system, method, wanted.of, wanted.paths, **plan)
    solution, found = jax.device_get((solution, found))
    shape = tuple(len(axis.values) for axis in job.together)
    found = jax.tree.map(lambda leaf: _grid_shaped(leaf, shape), found)
    if shape:
        solution = jax.tree.map(lambda leaf: _grid_shaped(leaf, shape), solution)
    for one in found:  # its paths may fail where those of the run did not
        code = solution.status.code
        code = np.where(code == 0, one.status.code, code)
        solution = eqx.tree_at(lambda s: s.status.code, solution, code)
    return solution, found


def _grid_shaped(leaf: Any, shape: tuple[int, ...]) -> Any:
    """An array over the points, over the axes instead; what is not an array stays."""
    return leaf.reshape((*shape, *leaf.shape[1:])) if isinstance(leaf, np.ndarray) else leaf


def _points(axes: tuple[SweepAxis, ...]) -> np.ndarray:
    """The outer product of axes of numbers, a row for each point; one empty row without axes."""
    grids = np.meshgrid(*(np.asarray(axis.values, float) for axis in axes), indexing="ij")
    return np.stack([grid.ravel() for grid in grids], axis=1) if axes else np.zeros((1, 0))


def _outer(axes: tuple[SweepAxis, ...]) -> Iterator[Mapping[str, Any]]:
    for values in itertools.product(*(axis.values for axis in axes)):
        yield {axis.path: value for axis, value in zip(axes, values, strict=True)}


def _axis_dataset(axis: SweepAxis) -> Dataset:
    declared = axis.target.declared
    doc = declared.doc.rstrip(".")
    if declared.kind in ("number", "integer"):
        hints = {"label": declared.label} if declared.label else {}
        return Dataset(np.asarray(axis.labels), (axis.path,), declared.unit, doc, hints)
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
