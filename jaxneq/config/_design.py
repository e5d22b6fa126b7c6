"""The design of a job: what is varied and what for, and the answer as datasets."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxneq._core import (
    AbstractMethod,
    AbstractSystem,
    Checkpointer,
    Estimate,
    Schedule,
    ensemble,
    evolve,
    steady,
)
from jaxneq.design import AbstractOptimizer, AbstractSpace, Optimum, optimize
from jaxneq.store import Dataset

from ._build import build
from ._message import JobError, hint
from ._models import Design
from ._targets import Target, find_target, replaced

_COMPONENT = re.compile(r"(\w+)(?:\[([-\d, ]+)\])?$")


@dataclasses.dataclass(frozen=True)
class Designing:
    """What the section `design` of a job asks for.

    **Fields:** `targets`, the parameters that are varied, and the `spaces` that they lie in, by
    path; `weights`, of what is made small, by name; `matched`, values to be met and within
    what; `limits` of outcomes; `optimizer`, None for the default; `maximize`, if large is good;
    `check` of the gradient.
    """

    targets: tuple[Target, ...]
    spaces: dict[str, AbstractSpace]
    weights: tuple[tuple[str, float], ...]
    matched: tuple[tuple[str, float, float], ...]
    limits: dict[str, tuple[float | None, float | None]]
    optimizer: AbstractOptimizer | None
    maximize: bool
    check: bool

    @property
    def paths(self) -> tuple[str, ...]:
        """Of what is varied."""
        return tuple(target.path for target in self.targets)


def designing_of(said: Design | None, system: AbstractSystem, where: str) -> Designing | None:
    """The section, checked and built."""
    if said is None:
        return None
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
        targets.append(target)
        spaces[path] = space
    goal = said.minimize if said.minimize is not None else said.maximize
    weights = {goal: 1.0} if isinstance(goal, str) else goal or {}
    optimizer = None
    if said.optimizer is not None:
        optimizer = build(AbstractOptimizer, said.optimizer, where, ("design", "optimizer"))
    return Designing(
        targets=tuple(targets),
        spaces=spaces,
        weights=tuple(weights.items()),
        matched=tuple((name, one.value, one.within) for name, one in said.match.items()),
        limits={name: one.limits for name, one in said.constraints.items()},
        optimizer=optimizer,
        maximize=said.maximize is not None,
        check=said.check,
    )


class Objective(eqx.Module):
    """What a job makes best, as a function of the parameters by path.

    A point where the method fails has no value: NaN. `times` are those of `evolve`,
    `schedule` the steps of `simulate`, where it takes a key and gives an `Estimate`.
    """

    system: AbstractSystem
    method: AbstractMethod
    times: np.ndarray | None
    schedule: Schedule | None = eqx.field(static=True)
    weights: tuple[tuple[str, float], ...] = eqx.field(static=True)
    matched: tuple[tuple[str, float, float], ...] = eqx.field(static=True)
    held: tuple[str, ...] = eqx.field(static=True)
    where: str = eqx.field(static=True)

    def __call__(
        self, design: Mapping[str, Array], key: Array | None = None
    ) -> tuple[Array | Estimate, dict[str, Array]]:
        solution = self._solved(design, key)
        found = {name: value for name, (value, _) in solution.quantities().items()}
        values, errors = [], []
        for name, weight in self.weights:
            value, error = self._number(found, name)
            values.append(weight * value)
            errors.append(weight * error)
        for name, wanted, within in self.matched:
            value, error = self._number(found, name)
            values.append(((value - wanted) / within) ** 2)
            errors.append(2 * (value - wanted) / within**2 * error)
        value = jnp.sum(jnp.stack(values))
        value = jnp.where(jnp.all(solution.status.ok), value, jnp.nan)
        held = {name: self._number(found, name)[0] for name in self.held}
        if key is None:
            return value, held
        # as if the quantities were independent: they share their noise
        error = jnp.sqrt(jnp.sum(jnp.stack(errors) ** 2))
        return Estimate(value, error, jnp.ones_like(value)), held

    def _solved(self, design: Mapping[str, Array], key: Array | None) -> Any:
        system: Any = self.system
        for path, value in design.items():
            system = replaced(system, path, value)
        if self.schedule is not None:
            return ensemble(system, self.method, key, self.schedule)
        if self.times is not None:
            return evolve(system, self.method, times=jnp.asarray(self.times), throw=False)
        return steady(system, self.method, throw=False)

    def _number(self, found: Mapping[str, Any], said: str) -> tuple[Array, Array]:
        """A quantity or a component of it, such as ``conductivity[0, 0]``, and its error."""
        match = _COMPONENT.match(said)
        name = match[1] if match else said
        if match is None or name not in found:
            raise JobError(
                f"{self.where}: design: {said} is no quantity of the solution, nor a component "
                f"such as conductivity[0, 0].{hint(name, found)}"
            )
        value, error = found[name], None
        if isinstance(value, Estimate):
            value, error = value.value, value.stderr
        value = jnp.asarray(value)
        error = jnp.zeros_like(value) if error is None else error
        index = tuple(int(each) for each in match[2].split(",")) if match[2] else ()
        if len(index) != value.ndim and value.size != 1:
            raise JobError(
                f"{self.where}: design: {said} has shape {value.shape[len(index) :]}. Name one "
                f"component, such as {name}[{', '.join('0' * value.ndim)}]."
            )
        try:
            return jnp.reshape(value[index], ()), jnp.reshape(error[index], ())
        except IndexError:
            raise JobError(
                f"{self.where}: design: {said} lies outside the shape {value.shape}."
            ) from None


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
            constraints=wanted.limits,
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


def name_of(target: Target) -> str:
    """Of what is varied, in a result."""
    return f"varied_{target.path.rpartition('.')[2]}"


def drawn_of_design(wanted: Designing) -> tuple[str, ...]:
    """What a figure shows of a design as lines; planes are maps."""
    lines = (target for target in wanted.targets if len(target.declared.dims) < 2)
    return ("objective_history", *map(name_of, lines))


def design_datasets(wanted: Designing, optimum: Optimum) -> dict[str, Dataset]:
    """The optimum, and how it was found."""
    said = "maximized" if wanted.maximize else "minimized"
    datasets, found = {}, optimum.objective
    if isinstance(found, Estimate):
        datasets["objective_stderr"] = Dataset(
            np.asarray(found.stderr), doc="standard error of objective"
        )
        found = found.value
    datasets["objective"] = Dataset(np.asarray(found), doc=f"The objective, {said}")
    for target in wanted.targets:
        name, declared = name_of(target), target.declared
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
    count = int(optimum.stats["steps"])
    told = {
        "objective": "Objective at each step",
        "gradient_norm": "Largest derivative at each step, in coordinates of order one",
        "violation": "Largest violation of a constraint at each step",
    }
    for name, doc in told.items():
        values = np.asarray(getattr(optimum.history, name))[:count]
        datasets[f"{name}_history"] = Dataset(values, ("step",), doc=doc)
    if np.any(optimum.history.stderr[:count] > 0):
        datasets["objective_history_stderr"] = Dataset(
            np.asarray(optimum.history.stderr)[:count], ("step",), doc="its standard error"
        )
    datasets["gradient_norm"] = Dataset(
        np.asarray(optimum.gradient_norm), doc="Largest derivative at the end"
    )
    datasets["violation"] = Dataset(
        np.asarray(optimum.violation), doc="Largest violation of a constraint"
    )
    datasets["stats/steps"] = Dataset(np.asarray(optimum.stats["steps"]), doc="steps taken")
    return datasets
