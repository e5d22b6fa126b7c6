"""The three kinds of thing: System (the physics), Method (how), Solution (the answer)."""

from __future__ import annotations

import abc
import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from ._declare import AbstractDeclared, is_concrete
from ._estimate import FEW, Estimate
from ._preview import Preview
from ._schedule import Schedule
from ._status import Status
from ._validation import Case


class AbstractSystem(AbstractDeclared):
    """The physics. Its float fields are the differentiable parameters."""

    @abc.abstractmethod
    def default_method(self, verb: str) -> AbstractMethod | None:
        """The method that `verb` uses when none is given; None where the verb has no default."""

    @classmethod
    @abc.abstractmethod
    def validation(cls) -> Iterable[Case]:
        """Cases with known answers, run by ``jaxneq validate`` and by the tests."""


class AbstractMethod(AbstractDeclared):
    """How a system is solved or sampled: grid, order, tolerance, replicas.

    `systems` names the classes that the method can treat.
    """

    systems: eqx.AbstractClassVar[tuple[type[AbstractSystem], ...]]

    @property
    def compiler_options(self) -> dict[str, Any]:
        """Options for XLA, used where the verb is what is compiled (not inside another jit)."""
        return {}

    def check(self, system: AbstractSystem) -> None:
        """Refuse what cannot go well, before anything is computed; concrete values only."""

    def check_initial(self, system: AbstractSystem, initial: Any) -> None:
        """Refuse an `initial` given to a verb, where its values are known and make no sense."""

    def preview(self, system: AbstractSystem) -> Preview | None:
        """What it is about to compute, without computing it; concrete values only."""
        return None

    @classmethod
    @abc.abstractmethod
    def validation(cls) -> Iterable[Case]:
        """Cases with known answers, run by ``jaxneq validate`` and by the tests."""


class AbstractSteadyMethod(AbstractMethod):
    """A method that finds the stationary state."""

    @abc.abstractmethod
    def steady(self, system: AbstractSystem) -> AbstractSolution:
        """The stationary state; pure and traceable."""


class AbstractEvolveMethod(AbstractMethod):
    """A method that follows a deterministic time dependence."""

    @abc.abstractmethod
    def evolve(
        self, system: AbstractSystem, *, times: Float[Array, " times"], initial: Any
    ) -> AbstractSolution:
        """The state at each of `times`; pure and traceable."""


class AbstractObservable(AbstractDeclared):
    """A quantity accumulated along a sampled run: a commutative monoid with an estimate.

    `merge(init, a) = a`, and merging the parts of a run in any order gives the whole: chunking,
    resuming and summing over devices are then one operation. The sampler shows it a sample after
    every `every` steps.
    """

    name: eqx.AbstractVar[str]
    every: eqx.AbstractVar[int]

    def check(self, samples: int) -> None:
        """Raise `ValueError` if so many samples are too few; any are enough unless a class says."""

    @abc.abstractmethod
    def init(self, sample: PyTree) -> PyTree:
        """The empty accumulator for samples shaped like `sample`."""

    @abc.abstractmethod
    def update(self, accumulated: PyTree, sample: PyTree) -> PyTree:
        """Take in one sample of all replicas."""

    @abc.abstractmethod
    def merge(self, first: PyTree, second: PyTree) -> PyTree:
        """The accumulator of both."""

    @abc.abstractmethod
    def join(self, blocks: PyTree) -> PyTree:
        """The accumulator of all replicas, from those of blocks of replicas along a first axis."""

    @abc.abstractmethod
    def estimate(self, accumulated: PyTree) -> Any:
        """What the accumulator has found: an `Estimate`, unless it only records."""

    def report(
        self, found: Any, sample: PyTree, interval: Array
    ) -> dict[str, tuple[Any, dict[str, Any]]]:
        """What a file keeps of `found`, by name, declared as the quantities of a solution are.

        Nothing, unless a class says else. **Arguments:** `sample`, such as it is shown;
        `interval`, the time between two of them.
        """
        return {}


def check_names(observables: Iterable[AbstractObservable]) -> None:
    """Refuse two observables of one name."""
    names = [each.name for each in observables]
    if len(set(names)) < len(names):
        raise ValueError(f"simulate: two observables have one name, among {names}. Rename one.")


class Derivative(eqx.Module):
    """The derivative of a sampled average with respect to one parameter.

    **Fields:** `estimate`, of the shape of the parameter; `estimator`, the name of the one that
    found it; `status`, of the paths that it rests on.
    """

    estimate: Estimate
    estimator: str = eqx.field(static=True)
    status: Status


class AbstractSampler(AbstractMethod):
    """A method that samples an ensemble: `init`, `advance` any number of times, `finish`.

    The verb `simulate` does the three in one trace; `run` drives the same three in compiled
    chunks, with progress and checkpoints, and gets the same numbers bit for bit.

    Where paths change by jumps, what is counted on them has no derivative, and `jax.grad` through
    `simulate` is refused: `differentiate_instead` then names the methods whose answers have one.
    """

    differentiate_instead: ClassVar[str] = ""

    replicas: eqx.AbstractVar[int]

    @abc.abstractmethod
    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        """The number of steps for these times. A missing or a needless `time` is refused."""

    def check_plan(self, system: AbstractSystem, schedule: Schedule) -> None:
        """Refuse a plan that cannot go well, before anything is computed; concrete values only."""

    @abc.abstractmethod
    def init(
        self,
        system: AbstractSystem,
        *,
        key: Array,
        schedule: Schedule,
        initial: Any,
        observables: tuple[AbstractObservable, ...],
    ) -> PyTree:
        """The state before the first step."""

    @abc.abstractmethod
    def advance(
        self,
        system: AbstractSystem,
        state: PyTree,
        steps: int | Int[Array, ""],
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> PyTree:
        """The state `steps` steps later."""

    @abc.abstractmethod
    def finish(
        self,
        system: AbstractSystem,
        state: PyTree,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> AbstractSolution:
        """The estimates."""

    @classmethod
    def differentiable(cls, system: AbstractSystem) -> tuple[str, ...]:
        """The averages whose `derivatives` it finds, by their names in the solution; here none."""
        return ()

    def derivatives(
        self,
        system: AbstractSystem,
        of: str,
        where: Callable[[Any], Any],
        *,
        key: Array,
        time: float | None,
        burn_in: float,
        initial: Any,
    ) -> list[Derivative]:
        """Those of the average `of` with respect to each parameter that `where` finds, a tuple.

        Other arguments as in `simulate`. A failure is told by the status and does not raise.
        """
        raise ValueError(
            f"{type(self).__name__} finds no derivative of {of}. Give a method whose "
            "`differentiable` names it."
        )


def quantity(*, doc: str, unit: str = "1", dims: tuple[str, ...] = (), **hints: Any) -> Any:
    """Declare a field of a Solution: its meaning, unit and named dimensions.

    The store writes units and dimensions, reports label axes with them; for units see `parameter`.
    `hints` for reports: ``label="density of states g"`` names its axis better than the field does;
    ``reference_for="conductivity"`` draws the field as a dashed line beside that quantity;
    ``regimes={"ballistic": "(10, inf)"}`` shades where the field lies in an interval;
    ``coordinate=True`` makes it the axis against which others of its dimension are drawn;
    ``over="current"`` draws it over that quantity instead; ``bound=2.0`` draws its least value;
    ``scale="linear"`` keeps its own axis from becoming logarithmic, ``"log"`` makes both so;
    ``marks="work"`` draws a number as a vertical line where that is the axis. Without a sweep,
    fields of one dimension are drawn; ``panel=False`` leaves one out, ``panel=True`` draws one of
    two, a line for each of the first. ``map=True`` draws a field over two coordinates as an image,
    with a sweep at its first and last point, where the fields that it names let it:
    ``where="solid"`` is not 0, and with the vectors of ``arrows="heat_flux"`` on it; a coordinate
    names the borders of its cells with ``faces="x_face"``.
    """
    declared = {"doc": doc, "unit": unit, "dims": dims, **hints}
    default = hints.pop("default", dataclasses.MISSING)
    declared.pop("default", None)
    return eqx.field(default=default, kw_only=True, metadata={"quantity": declared})


class AbstractSolution(eqx.Module):
    """The answer of every engine has this face.

    `fluxes` and `forces` are conjugate: the sum of their products is the entropy production.
    `stats` holds iteration counts, residuals and the like.
    """

    status: eqx.AbstractVar[Status]
    stats: eqx.AbstractVar[dict[str, Any]]
    entropy_production: eqx.AbstractVar[Any]
    conservation_residual: eqx.AbstractVar[Any]

    def where_it_failed(self) -> str:
        """More about a failure than its status says, for the error; concrete values only."""
        return ""

    def caution(self) -> str:
        """Why a good answer is to be read with care, for a warning; concrete values only."""
        return ""

    def remark(self) -> str:
        """What is to be known of a good answer, shown with it; concrete values only."""
        return ""

    @property
    @abc.abstractmethod
    def primary(self) -> str:
        """The name of the quantity that a report draws first."""

    @property
    @abc.abstractmethod
    def fluxes(self) -> Mapping[str, Any]:
        """Name to thermodynamic flux."""

    @property
    @abc.abstractmethod
    def forces(self) -> Mapping[str, Any]:
        """Name to the force conjugate to the flux of that name."""

    def quantities(self) -> dict[str, tuple[Any, dict[str, Any]]]:
        """Declared fields that are present, (value, declaration): of the class, then its bases."""
        fields = {field.name: field.metadata for field in dataclasses.fields(self)}
        names = (name for kind in type(self).__mro__ for name in inspect.get_annotations(kind))
        present = {}
        for name in dict.fromkeys(names):
            value = getattr(self, name)
            if "quantity" in fields.get(name, {}) and value is not None:
                present[name] = (value, dict(fields[name]["quantity"]))
        return present

    def __str__(self) -> str:
        rows = [type(self).__name__ + f"  [{self.status}]"]
        for name, (value, declared) in self.quantities().items():
            unit = "" if declared["unit"] == "1" else " " + declared["unit"]
            rows.append(f"  {name:<24} {_show(value)}{unit}")
        if remark := self.remark():
            rows.append(f"  {remark}")
        return "\n".join(rows)


def _show(value: Any) -> str:
    if isinstance(value, Estimate):
        return str(value)
    if not is_concrete(value):
        return "traced"
    array = np.asarray(value)
    if array.size <= FEW:
        each = np.vectorize("{:.6g}".format, otypes=[object])(array)
        return str(each.tolist()).replace("'", "")
    return f"{array.shape}  from {np.min(array):.4g} to {np.max(array):.4g}"
