"""A job: what a file asks for, checked and built."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxneq._core import (
    AbstractEvolveMethod,
    AbstractMethod,
    AbstractObservable,
    AbstractRead,
    AbstractSampler,
    AbstractSteadyMethod,
    AbstractSystem,
    resolve_method,
)
from jaxneq.store import Comparison

from ._build import build
from ._catalog import differentiating, treating
from ._compare import comparison
from ._derivatives import Derivatives, derivatives_of
from ._design import Designing, designing_of
from ._document import Document, place, read
from ._fit import check_fit
from ._message import JobError, hint, show
from ._models import Axis, Fit, Other, Simulate
from ._sweep import SweepAxis, check_size, numbers, samples, sweep_axis
from ._targets import find_target, replaced

KINDS: dict[str, type[AbstractMethod]] = {
    "steady": AbstractSteadyMethod,
    "evolve": AbstractEvolveMethod,
    "simulate": AbstractSampler,
}


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """What a job file asks for.

    **Fields:** `name`, of the file; `title`; `verb`; `draw`, the quantities to show (none: the
    solution's own); `precision`; `system` and `method` (None: the system's default), outside the
    sweep; `axes` of the sweep, in order; `derivatives`, if wanted;
    `design`, what is varied and what for, if wanted; `compared`, measurements by
    name, and `others`, jobs for what else is drawn beside; `fit`, curves along the sweep;
    `simulate`, the times and the seed; `observables` of sampled paths; `times` to evolve to;
    `text`, a job file of this very job: the file verbatim, then the overrides; `overrides` as
    ``key = value``; `identity`, the same for
    the same job and for no other.
    """

    name: str
    title: str
    verb: str
    draw: tuple[str, ...]
    precision: str
    system: AbstractSystem
    method: AbstractMethod | None
    axes: tuple[SweepAxis, ...]
    derivatives: Derivatives | None
    design: Designing | None
    compared: dict[str, Comparison]
    others: dict[str, Job]
    fit: Fit | None
    simulate: Simulate | None
    observables: tuple[AbstractObservable, ...]
    times: np.ndarray | None
    text: str
    overrides: tuple[str, ...]
    identity: str

    @property
    def together(self) -> tuple[SweepAxis, ...]:
        """The axes of numbers that run in one compiled call; those of a sampler are settings."""
        return tuple(
            axis
            for axis in self.axes
            if axis.dynamic and (self.verb != "simulate" or axis.path.startswith("system."))
        )

    @property
    def apart(self) -> tuple[SweepAxis, ...]:
        """The other axes, of settings: each may change the shape of the answer."""
        return tuple(axis for axis in self.axes if axis not in self.together)

    def at(self, point: Mapping[str, Any]) -> tuple[AbstractSystem, AbstractMethod]:
        """The system and the method at a point of the sweep, by dotted path."""
        system, method = self.system, self.method
        for path, value in point.items():
            if path.startswith("system."):
                system = replaced(system, path, value)
            else:
                method = replaced(method, path, value)
        return system, resolve_method(system, method, self.verb, KINDS[self.verb])


def load(source: str | Path, overrides: Sequence[str] = ()) -> Job:
    """Read, check and build a job.

    **Arguments:** `source`, a file, or the text of one (a `str` of several lines); `overrides`,
    such as ``"system.thickness=50e-9"``, the value in TOML.

    **Raises:** `JobError`, one line that says what to change.
    """
    document = read(source, overrides)
    with jax.enable_x64(document.sections.precision == "float64"):
        return _built(document)


def _built(document: Document) -> Job:
    where, said = document.name, document.sections
    system = build(AbstractSystem, said.system, where, ("system",))
    method = None
    if said.method is not None:
        method = build(AbstractMethod, said.method, where, ("method",))
    default = _resolved(system, method, said.verb, where)
    if any(path.startswith("method.") for path in said.sweep):
        method = default

    roots = {"system": system, "method": default}
    axes = tuple(
        sweep_axis(find_target(roots, path, f"{where}: sweep"), axis, where)
        for path, axis in said.sweep.items()
    )
    check_size(axes, where)
    check_fit(said.fit, axes, where)
    derivatives = derivatives_of(said.gradient, said.uncertainty, {"system": system}, where)
    names = said.compare.measured if said.compare is not None else []
    at = f"{where}: compare.measured"
    compared = {name: comparison(name, system, axes, at) for name in names}
    design = designing_of(said.design, system, axes, where)
    if design is not None and design.method is not None:
        _resolved(system, design.method, said.verb, f"{where}: design")
    times = None
    if said.evolve is not None:
        listed = said.evolve.times
        times = np.asarray(numbers(listed) if isinstance(listed, Axis) else listed, dtype=float)
    others = _others(document)
    job = Job(
        name=where,
        title=said.title or f"{type(system).__name__}, {said.verb}",
        verb=said.verb,
        draw=(said.draw,) if isinstance(said.draw, str) else tuple(said.draw or ()),
        precision=said.precision,
        system=system,
        method=method,
        axes=axes,
        derivatives=derivatives,
        design=design,
        compared=compared,
        others=others,
        fit=said.fit,
        simulate=said.simulate,
        observables=tuple(
            build(AbstractObservable, table, where, ("observables", name), name=name)
            for name, table in said.observables.items()
        ),
        times=times,
        text=document.text,
        overrides=document.overrides,
        identity=_identity(document, (system, *(other.system for other in others.values()))),
    )
    _check_points(job)
    _check_averages(job, default)
    _check_observables(job, default)
    return job


def _identity(document: Document, systems: tuple[AbstractSystem, ...]) -> str:
    """That of the document, and of what was read from files for its systems."""
    parts = jax.tree.leaves(systems, is_leaf=lambda part: isinstance(part, AbstractRead))
    digests = [part.digest for part in parts if isinstance(part, AbstractRead)]
    return " ".join([document.identity, *digests])


def _others(document: Document) -> dict[str, Job]:
    """A job for all that is drawn beside: along the axis of the sweep, if there is one."""
    where, said = document.name, document.sections
    if said.compare is None:
        return {}
    if len(said.sweep) > 1 and said.compare.systems:
        raise JobError(
            f"{where}: compare.systems are curves along one axis; give [sweep] one axis, or leave "
            "it out."
        )
    return {
        name: _other(document, other, f"{where}: compare.systems.{name}")
        for name, other in said.compare.systems.items()
    }


def _other(document: Document, other: Other, at: str) -> Job:
    said = document.sections
    verb = other.verb or said.verb
    if verb not in ("steady", said.verb):
        raise JobError(
            f'{at}: verb = "{verb}" is neither "steady" nor that of the job, "{said.verb}". Give '
            "one of these."
        )
    if other.along is not None and not said.sweep:
        raise JobError(f"{at}: along goes with a [sweep].")
    system = _changed(said.system, other.system or {})
    method = other.method and _changed(said.method or {}, other.method)
    sweep = {}
    for path, axis in said.sweep.items():
        along = other.along or path
        place({"system": system}, along, numbers(axis)[0], f"{at}: along")
        sweep[along] = axis
    alone = {
        "compare": None,
        "design": None,
        "gradient": None,
        "uncertainty": None,
        "fit": None,
        "draw": None,
    }
    own = {"verb": verb, "system": system, "method": method, "sweep": sweep}
    if verb != said.verb:
        own |= {"simulate": None, "evolve": None, "observables": {}}
    sections = said.model_copy(update=alone | own)
    return _built(dataclasses.replace(document, name=at, sections=sections))


def _changed(table: Any, changes: Mapping[str, Any]) -> Any:
    """A table with some entries changed, or the changes alone where they name a type."""
    if "type" in changes or not isinstance(table, dict):
        return copy.deepcopy(dict(changes))
    inner = {
        name: _changed(table.get(name), value) if isinstance(value, Mapping) else value
        for name, value in changes.items()
    }
    return copy.deepcopy(table | inner)


def _resolved(
    system: AbstractSystem, method: AbstractMethod | None, verb: str, where: str
) -> AbstractMethod:
    try:
        return resolve_method(system, method, verb, KINDS[verb])
    except ValueError as error:
        able = treating(type(system), KINDS[verb])
        remedy = f" For this system: {', '.join(able)}." if able else ""
        raise JobError(f"{where}: {error}{remedy}") from None


def _check_averages(job: Job, method: AbstractMethod) -> None:
    """Derivatives of samples need a method that finds them."""
    if job.derivatives is None or not isinstance(method, AbstractSampler):
        return
    of, known = job.derivatives.of, method.differentiable(job.system)
    if of in known:
        return
    if known:
        raise JobError(
            f'{job.name}: gradient.of = "{of}" is no average of one number on each path.'
            f"{hint(of, known)}"
        )
    able = differentiating(job.system)
    remedy = f"Those that do: {', '.join(able)}." if able else "No method for this system does."
    raise JobError(
        f"{job.name}: [gradient]: {type(method).__name__} finds no derivatives of what it "
        f"samples. {remedy}"
    )


def _check_observables(job: Job, method: AbstractMethod) -> None:
    """They must fit the system and the run, and be told by the method."""
    if not job.observables:
        return
    from ._promise import promised  # which names the class Job

    try:
        known = promised(job).quantities()
    except ValueError as error:
        raise JobError(f"{job.name}: [observables]: {error}") from error
    for observable in job.observables:
        if observable.name not in known:
            raise JobError(
                f"{job.name}: observables.{observable.name}: {type(method).__name__} does not tell "
                "what observables find. Take the method of single paths, or leave it out."
            )


def _check_points(job: Job) -> None:
    """Meet what only concrete parameters show, before anything is computed."""
    schedules = set()
    for point in samples(job.axes):
        try:
            _, method = job.at(point)
            if job.simulate is not None:
                assert isinstance(method, AbstractSampler)
                schedules.add(method.schedule(job.simulate.time, job.simulate.burn_in))
        except ValueError as error:
            values = ", ".join(f"{path} = {show(value)}" for path, value in point.items())
            raise JobError(f"{job.name}: {f'at {values}: ' if point else ''}{error}") from error
    if len(schedules) > 1:
        paths = ", ".join(axis.path for axis in job.apart)
        raise JobError(
            f"{job.name}: sweep: the points of {paths} take different numbers of steps, and cannot "
            "run together. Run one job for each value, with --set and --out."
        )
