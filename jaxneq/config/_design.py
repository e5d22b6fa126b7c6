"""The design of a job: what is varied and what for, and the answer as datasets."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxneq._core import AbstractMethod, AbstractSystem, Checkpointer, Estimate, parameters_of
from jaxneq.design import AbstractOptimizer, AbstractSpace, Optimum, optimize
from jaxneq.store import Comparison, Dataset, status_dataset

from ._build import build
from ._compare import measured_at
from ._message import JobError
from ._models import Design, Match, Prior
from ._objective import Known, Matched, Objective
from ._sweep import SweepAxis, numbers
from ._targets import Target, find_target, replaced, short_name, value_at


@dataclasses.dataclass(frozen=True)
class Front:
    """The limit on the outcome `name` at several `levels`; `side`, which one of its limits."""

    name: str
    side: str
    levels: tuple[float, ...]

    @property
    def path(self) -> str:
        """In the job."""
        return f"design.constraints.{self.name}.{self.side}"


@dataclasses.dataclass(frozen=True)
class Designing:
    """What the section `design` of a job asks for.

    **Fields:** `targets`, the parameters that are varied, and the `spaces` that they lie in, by
    path; `weights`, of what is made small, by name, and what counts of it `over` a sweep;
    `matched`, values to be met, and the `sources` of those that were measured, by name; `known`,
    what is known without these; `limits` of outcomes; `front`, one that takes several levels;
    `method`, of the solutions on the way, None for that of the job; `optimizer`, None for the
    default; `maximize`, if large is good; `check` of the gradient.
    """

    targets: tuple[Target, ...]
    spaces: dict[str, AbstractSpace]
    weights: tuple[tuple[str, float], ...]
    over: str
    matched: tuple[Matched, ...]
    sources: dict[str, Comparison]
    known: tuple[Known, ...]
    limits: dict[str, tuple[float | None, float | None]]
    front: Front | None
    method: AbstractMethod | None
    optimizer: AbstractOptimizer | None
    maximize: bool
    check: bool

    @property
    def paths(self) -> tuple[str, ...]:
        """Of what is varied."""
        return tuple(target.path for target in self.targets)

    @property
    def curves(self) -> tuple[Matched, ...]:
        """What is matched at several points."""
        return tuple(one for one in self.matched if one.values.size > 1)

    @property
    def goal(self) -> str | None:
        """What is made small or large, if that is one thing."""
        alone = len(self.weights) == 1 and self.weights[0][1] == 1 and not self.matched
        return self.weights[0][0] if alone else None

    def at(self, level: float) -> Designing:
        """The design at one level of the front."""
        assert self.front is not None
        name, side = self.front.name, self.front.side
        low, high = self.limits[name]
        ends = {"equal": (level, level), "at_least": (level, high), "at_most": (low, level)}[side]
        return dataclasses.replace(self, limits={**self.limits, name: ends}, front=None)

    def name_of(self, target: Target) -> str:
        """Of what is varied, in a result."""
        return f"varied_{short_name(target.path, self.paths)}"


def designing_of(
    said: Design | None, system: AbstractSystem, axes: tuple[SweepAxis, ...], where: str
) -> Designing | None:
    """The section, checked and built."""
    if said is None:
        return None
    for axis in axes:
        if not (axis.dynamic and axis.path.startswith("system.")):
            raise JobError(
                f"{where}: [design] is judged over numbers of the system, and {axis.path} is none."
            )
    targets, spaces = [], {}
    for path, table in said.vary.items():
        target = find_target({"system": system}, path, f"{where}: design.vary")
        space = build(AbstractSpace, table, where, ("design", "vary", path))
        if target.value is None and (begun := space.begin()) is not None:
            target = dataclasses.replace(target, value=begun)
        if target.declared.kind != "number" or target.value is None:
            raise JobError(f"{where}: design.vary: {path} is no number with a value.")
        try:
            space.check(path, target.value)
        except ValueError as error:
            raise JobError(f"{where}: design.vary: {error}") from None
        if any(axis.path == path for axis in axes):
            raise JobError(f"{where}: design.vary: {path} is swept. Vary what is the same for all.")
        targets.append(target)
        spaces[path] = space
    goal = said.minimize if said.minimize is not None else said.maximize
    weights = {goal: 1.0} if isinstance(goal, str) else goal or {}
    method = optimizer = None
    if said.method is not None:
        method = build(AbstractMethod, said.method, where, ("design", "method"))
    if said.optimizer is not None:
        optimizer = build(AbstractOptimizer, said.optimizer, where, ("design", "optimizer"))
    sources = {
        name: measured_at(one.measured, name, system, axes, f"{where}: design.match: {name}")
        for name, one in said.match.items()
        if one.measured is not None
    }
    return Designing(
        targets=tuple(targets),
        spaces=spaces,
        weights=tuple(weights.items()),
        over=said.over,
        matched=tuple(
            _matched(name, one, axes, sources.get(name), where) for name, one in said.match.items()
        ),
        sources=sources,
        known=tuple(_known(path, one, targets, where) for path, one in said.prior.items()),
        limits={name: one.limits for name, one in said.constraints.items()},
        front=_front(said, where),
        method=method,
        optimizer=optimizer,
        maximize=said.maximize is not None,
        check=said.check,
    )


def _front(said: Design, where: str) -> Front | None:
    found = [
        Front(name, side, tuple(map(float, numbers(axis))))
        for name, one in said.constraints.items()
        for side, axis in one.axes.items()
    ]
    if len(found) > 1:
        raise JobError(f"{where}: {found[1].path}: one limit takes several levels, not two.")
    return found[0] if found else None


def _matched(
    name: str, said: Match, axes: tuple[SweepAxis, ...], source: Comparison | None, where: str
) -> Matched:
    at, shape = f"{where}: design.match: {name}", tuple(len(axis.values) for axis in axes)
    if source is not None:
        values, stated = (source.datasets[each].values for each in (source.quantity, "uncertainty"))
    else:
        values = np.full(shape, said.value) if said.values is None else _array(said.values, at)
        stated = np.zeros(shape)
    if values.shape[: len(shape)] != shape:
        raise JobError(
            f"{at} has values of shape {values.shape}, and the sweep has {shape}. Give a value for "
            "each point."
        )
    within = stated if said.within is None else _spread(said.within, values, at)
    if within.shape != values.shape or not np.all(within > 0):
        raise JobError(f"{at}: within must be positive, and one for all or one for each value.")
    return Matched(name, values, within)


def _known(path: str, said: Prior, targets: list[Target], where: str) -> Known:
    at = f"{where}: design.prior: {path}"
    target = next((target for target in targets if target.path == path), None)
    if target is None:
        raise JobError(f"{at} is not varied.")
    shape, expected, within, smooth = np.shape(target.value), None, None, None
    if said.expected is not None:
        expected = np.broadcast_to(_array(said.expected, at), shape)
        within = _spread(said.within, expected, at)
    if said.smooth is not None:
        if not shape or shape[-1] < 3:
            raise JobError(f"{at}: smooth is for arrays of three numbers or more.")
        smooth = _spread(said.smooth, np.ones(()), at)
    return Known(path, expected, within, smooth, relative=isinstance(said.smooth, str))


def _array(said: Any, at: str) -> np.ndarray:
    try:
        values = np.asarray(said, dtype=float)
    except (TypeError, ValueError):
        raise JobError(f"{at}: give numbers, in nested lists of equal lengths.") from None
    if not np.all(np.isfinite(values)):
        raise JobError(f"{at}: give finite numbers.")
    return values


def _spread(said: Any, values: np.ndarray, at: str) -> np.ndarray:
    """Standard deviations of `values`, from numbers or per cent of these."""
    if isinstance(said, str):
        return np.asarray(float(said.rstrip("% ")) / 100 * np.abs(values))
    given = _array(said, at)
    return given if given.ndim else np.full(values.shape, given)


def designed(
    wanted: Designing,
    objective: Objective,
    seed: int,
    progress: Callable[[int, int], None],
    checkpointer: Checkpointer | None,
    checkpoint_interval: float,
) -> tuple[AbstractSystem, Optimum]:
    """The system at the optimum."""
    start = {target.path: target.value for target in wanted.targets}
    try:
        optimum = optimize(
            objective,
            start,
            wanted.optimizer,
            space=wanted.spaces,
            constraints={
                each: limits
                for name, limits in wanted.limits.items()
                for each in objective.each(name)
            },
            maximize=wanted.maximize,
            key=None if objective.schedule is None else jax.random.key(seed),
            check=wanted.check,
            checkpointer=checkpointer,
            checkpoint_interval=checkpoint_interval,
            progress=progress,
        )
    except ValueError as error:
        if isinstance(error, JobError):
            raise
        raise JobError(f"{objective.where}: {error}") from error
    optimum = jax.device_get(optimum)
    system: Any = objective.system
    for path, value in optimum.design.items():
        system = replaced(system, path, wanted.spaces[path].settled(jnp.asarray(value)))
    return system, optimum


def drawn_of_design(wanted: Designing) -> tuple[str, ...]:
    """What a figure shows of a design: of a fit the curves and what is varied along a line.

    Planes are drawn as maps.
    """
    curves = tuple(name_of_matched(one) for one in wanted.curves)
    lines = [each for each in wanted.targets if len(each.declared.dims) < 2]
    return (
        *(curves or ("objective_history",)),
        *(wanted.name_of(each) for each in lines if each.declared.dims or not curves),
    )


def name_of_matched(one: Matched) -> str:
    """In a result: components have their indices in the name."""
    return "_".join(re.findall(r"\w+", one.name))


def design_datasets(
    wanted: Designing,
    system: AbstractSystem,
    optimum: Optimum,
    quantities: Mapping[str, Dataset],
) -> dict[str, Dataset]:
    """The optimum, and how it was found; `system` is that of the start."""
    said = "maximized" if wanted.maximize else "minimized"
    unit, label = "1", "objective"
    if wanted.goal is not None:
        label = wanted.goal.partition("[")[0]
        unit = quantities[label].unit if label in quantities else "1"
        label = str(quantities[label].hints.get("label", label)) if label in quantities else label
    datasets, found = {}, optimum.objective
    if isinstance(found, Estimate):
        datasets["objective_stderr"] = Dataset(
            np.asarray(found.stderr), unit=unit, doc="standard error of objective"
        )
        found = found.value
    datasets["objective"] = Dataset(
        np.asarray(found), (), unit, f"The objective, {said}", {"label": label}
    )
    datasets["objective_at_start"] = Dataset(
        np.asarray(optimum.at_start), (), unit, "The objective at the start", {"told": True}
    )
    for target in wanted.targets:
        name, declared = wanted.name_of(target), target.declared
        flags = {"flag_values": np.arange(2, dtype=np.int32), "flag_meanings": "start optimum"}
        datasets["design"] = Dataset(
            flags["flag_values"], ("design",), doc="Start and optimum", hints=flags
        )
        hints: dict[str, Any] = {"label": declared.label} if declared.label else {}
        if len(declared.dims) == 2:
            hints["map"] = True
        values = np.stack([np.asarray(target.value), np.asarray(optimum.design[target.path])])
        dims = ("design", *declared.dims)
        doc = f"{declared.doc.rstrip('.')}, varied"
        datasets[name] = Dataset(values, dims, declared.unit, doc, hints)
        datasets |= _along(wanted, system, target)
    count = int(optimum.stats["steps"])
    told = {
        "objective": "Objective at each step",
        "gradient_norm": "Sum of absolute derivatives at each step, in coordinates of order one",
        "violation": "Largest violation of a constraint at each step",
    }
    for name, doc in told.items():
        values = np.asarray(getattr(optimum.history, name))[:count]
        datasets[f"{name}_history"] = Dataset(values, ("step",), doc=doc)
    datasets["objective_history"] = dataclasses.replace(
        datasets["objective_history"], unit=unit, hints={"label": label}
    )
    if np.any(optimum.history.stderr[:count] > 0):
        datasets["objective_history_stderr"] = Dataset(
            np.asarray(optimum.history.stderr)[:count], ("step",), unit, "its standard error"
        )
    datasets["gradient_norm"] = Dataset(
        np.asarray(optimum.gradient_norm), doc="Sum of absolute derivatives at the end"
    )
    datasets["violation"] = Dataset(
        np.asarray(optimum.violation), doc="Largest violation of a constraint"
    )
    datasets["design_status"] = status_dataset(
        optimum.status.code, (), "what became of the optimisation"
    )
    datasets["stats/steps"] = Dataset(np.asarray(optimum.stats["steps"]), doc="steps taken")
    return datasets


def _along(wanted: Designing, system: AbstractSystem, target: Target) -> dict[str, Dataset]:
    """What stands beside a list that is varied, such as the times of its knots: where it lies."""
    parent, dims = target.path.rpartition(".")[0], target.declared.dims
    owner = value_at(system, parent)
    return {
        f"{dims[0]}_{declared.name}": Dataset(
            np.asarray(getattr(owner, declared.name)),
            dims,
            declared.unit,
            declared.doc,
            {"coordinate": True, "label": declared.label or declared.name},
        )
        for declared in parameters_of(type(owner))
        if declared.coordinate
        and declared.dims == dims
        and f"{parent}.{declared.name}" not in wanted.paths
    }
