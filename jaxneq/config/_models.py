"""Models of a job file's tables: those of the engines are made from their declarations."""

from __future__ import annotations

import functools
import math
from typing import Annotated, Any, Literal

import pydantic
from pydantic import Discriminator, Field, Tag

from jaxneq._core import Interval, Parameter, parameters_of

from ._message import sentence

# Strict: a string or a bool is no number, 1.0 is no integer.
STRICT = pydantic.ConfigDict(
    extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=(), frozen=True
)
MOST_POINTS = 1_000_000


@functools.cache
def model_of(cls: type, name: str) -> type[pydantic.BaseModel]:
    """The model of a table that describes `cls` under the ``type`` `name`."""
    fields: dict[str, Any] = {"type": (Literal[name], Field(description=_summary(cls)))}
    for declared in parameters_of(cls):
        unit = "" if declared.unit == "1" else f" [{declared.unit}]"
        default = ... if declared.required else _plain(declared.default)
        info = Field(default, description=sentence(declared.doc) + unit)
        fields[declared.name] = (value_type(declared), info)
    return pydantic.create_model(cls.__name__, __config__=STRICT, __doc__=_summary(cls), **fields)


def value_type(declared: Parameter) -> Any:
    """The type of a parameter's value in a job file."""
    if declared.kind == "choice":
        return Literal[declared.choices]
    if declared.kind == "name":
        return str
    if declared.kind == "names":
        return Annotated[list[str], Field(min_length=1)]
    if declared.kind == "integer":
        whole = Annotated[int, Field(**_bounds(declared.interval))]
        return _whole_or_table(whole) if declared.by_name else whole
    if declared.part is not None:
        return Any  # a name or a table, which is checked when its own class is known
    value: Any = Annotated[float, Field(**_bounds(declared.interval))]
    if declared.kind == "table":
        return dict[str, value]
    for _ in declared.dims:
        value = Annotated[list[value], Field(min_length=1)]
    return value


def _whole_or_table(whole: Any) -> Any:
    table = Annotated[dict[str, whole], Field(min_length=1)]
    return Annotated[
        Annotated[whole, Tag("one")] | Annotated[table, Tag("table")],
        Discriminator(lambda value: "table" if isinstance(value, dict) else "one"),
    ]


def accepts(cls: type, declared: Parameter, value: Any) -> bool:
    """Whether a bare value of a job file will do for a parameter that is no part."""
    name, _, entry = declared.name.partition(".")  # of a number in a table
    try:
        _adapters(cls)[name].validate_python({entry: value} if entry else value)
    except pydantic.ValidationError:
        return False
    return True


@functools.cache
def _adapters(cls: type) -> dict[str, pydantic.TypeAdapter]:
    config = pydantic.ConfigDict(strict=True, allow_inf_nan=False)
    return {
        declared.name: pydantic.TypeAdapter(value_type(declared), config=config)
        for declared in parameters_of(cls)
    }


def _bounds(interval: Interval) -> dict[str, Any]:
    bounds = {
        "gt" if interval.low_open else "ge": interval.low,
        "lt" if interval.high_open else "le": interval.high,
    }
    return {name: bound for name, bound in bounds.items() if math.isfinite(bound)}


def _plain(default: Any) -> Any:
    return default if isinstance(default, bool | int | float | str | None) else None


def _summary(cls: type) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


class Section(pydantic.BaseModel):
    """A table of a job file that belongs to no engine."""

    model_config = STRICT


Ends = Annotated[list[float], Field(min_length=2, max_length=2)]
Verb = Literal["steady", "evolve", "simulate"]
Names = Annotated[
    Annotated[str, Tag("name")] | Annotated[list[str], Field(min_length=1), Tag("list")],
    Discriminator(lambda value: "list" if isinstance(value, list) else "name"),
]


class Axis(Section):
    """Values along one axis: `linear` or `geometric` between two ends, or listed."""

    linear: Ends | None = Field(None, description="Evenly spaced from the first to the last")
    geometric: Ends | None = Field(None, description="In equal ratios from the first to the last")
    values: Annotated[list[Any], Field(min_length=1)] | None = Field(
        None, description="The values themselves"
    )
    count: Annotated[int, Field(ge=2, le=MOST_POINTS)] | None = Field(
        None, description="How many, with linear or geometric"
    )

    @pydantic.model_validator(mode="after")
    def _one_of_three(self) -> Axis:
        given = [said for said in (self.linear, self.geometric, self.values) if said is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of linear, geometric and values")
        if (self.values is None) != (self.count is not None):
            raise ValueError("give count with linear and geometric, and not with values")
        if self.geometric is not None and not self.geometric[0] * self.geometric[1] > 0:
            raise ValueError("the ends of geometric must have the same sign and not be 0")
        return self


class Gradient(Section):
    """Derivatives beside the values."""

    of: str = Field(description="A quantity of the solution that is one number")
    with_respect_to: Annotated[list[str], Field(min_length=1)] = Field(
        description="Parameters of the system, such as system.thickness"
    )


Standard = Annotated[
    Annotated[float, Field(gt=0), Tag("absolute")]
    | Annotated[str, Field(pattern=r"^\d+\.?\d*([eE][-+]?\d+)? *%$"), Tag("relative")],
    Discriminator(lambda value: "relative" if isinstance(value, str) else "absolute"),
]


class Uncertainty(pydantic.BaseModel):
    """Standard deviations of parameters of the system, by path: a number, or "5 %" of the value."""

    model_config = STRICT | pydantic.ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Standard]

    of: str = Field(description="The quantity of the solution whose uncertainty is wanted")

    @property
    def deviations(self) -> dict[str, float | str]:
        """Those given, by path."""
        return self.__pydantic_extra__

    @pydantic.model_validator(mode="after")
    def _something_is_uncertain(self) -> Uncertainty:
        if not self.deviations:
            raise ValueError('give a standard deviation, such as "system.thickness" = 2e-9')
        return self


class Other(Section):
    """What is drawn beside: another system, or the same by another verb and method."""

    system: dict[str, Any] | None = Field(
        None, description="The physics; without a type, changes of that of the job"
    )
    verb: Verb | None = Field(None, description="steady, or that of the job, which is the default")
    method: dict[str, Any] | None = Field(
        None,
        description="How it is solved, the system has a default; without a type, changes of that "
        "of the job",
    )
    along: str | None = Field(
        None, description="Its parameter that takes the values of the axis; by default the same"
    )

    @pydantic.model_validator(mode="after")
    def _something_else(self) -> Other:
        if self.system is None and self.verb is None and self.method is None:
            raise ValueError("give another system, verb or method")
        return self


class Compare(Section):
    """Measurements and other systems to compare with."""

    measured: list[str] = Field(
        default_factory=list,
        description="Names of measurements, such as Si-bulk-Glassbrenner-1964",
    )
    systems: dict[str, Other] = Field(
        default_factory=dict, description="Other systems, each under the name that a legend gives"
    )

    @pydantic.model_validator(mode="after")
    def _something_to_compare_with(self) -> Compare:
        if not (self.measured or self.systems):
            raise ValueError("give measured, a list of names, or systems")
        return self


class Fit(Section):
    """A curve of least squares through quantities along the sweep; exact ones weigh the same."""

    of: Annotated[list[str], Field(min_length=1)] = Field(
        description="Quantities of the solution that are one number each"
    )
    form: Literal["line", "power"] = Field(description="a + b x, or A x^alpha")


Spread = Annotated[
    Annotated[Standard, Tag("one")] | Annotated[list[Any], Field(min_length=1), Tag("list")],
    Discriminator(lambda value: "list" if isinstance(value, list) else "one"),
]


class Match(Section):
    """What a quantity should be: one number, or data along the sweep and its own dimensions."""

    value: float | None = Field(None, description="One value, at all points")
    values: Annotated[list[Any], Field(min_length=1)] | None = Field(
        None, description="The values, as nested lists"
    )
    measured: str | None = Field(
        None,
        description="Name of the measurement that has a value at each point of the sweep, such as "
        "Si-bulk-Glassbrenner-1964",
    )
    within: Spread | None = Field(
        None,
        description='The departure that counts as one, of data the standard error: a number, "3 %" '
        "of the value, or a list like the values; of a measurement by default what it states",
    )

    @pydantic.model_validator(mode="after")
    def _one_of_three(self) -> Match:
        given = [said for said in (self.value, self.values, self.measured) if said is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of value, values and measured")
        if self.within is None and self.measured is None:
            raise ValueError("give within, the departure that counts as one")
        return self


class Prior(Section):
    """What is known of a varied parameter without the data."""

    expected: float | list[Any] | None = Field(None, description="What is expected of it")
    within: Standard | None = Field(
        None, description='Standard deviation from that, a number or "20 %" of what is expected'
    )
    smooth: Standard | None = Field(
        None,
        description="Standard deviation of the second differences of an array, or in per cent "
        "those of its logarithm",
    )

    @pydantic.model_validator(mode="after")
    def _something_is_known(self) -> Prior:
        if (self.expected is None) != (self.within is None):
            raise ValueError("give expected and within together")
        if self.expected is None and self.smooth is None:
            raise ValueError("give expected and within, or smooth, or all")
        return self


Level = Annotated[
    Annotated[float, Tag("one")] | Annotated[Axis, Tag("axis")],
    Discriminator(lambda value: "axis" if isinstance(value, dict | Axis) else "one"),
]


class Limit(Section):
    """What must hold of a quantity. Several levels, given like those of a sweep, make a front."""

    equal: Level | None = Field(None, description="Its value")
    at_least: Level | None = Field(None, description="Its least value")
    at_most: Level | None = Field(None, description="Its largest value")

    @pydantic.model_validator(mode="after")
    def _one_kind(self) -> Limit:
        if (self.equal is None) == (self.at_least is None and self.at_most is None):
            raise ValueError("give equal, or at_least or at_most or both")
        return self

    @property
    def axes(self) -> dict[str, Axis]:
        """The levels of a front, by what they are."""
        return {name: one for name, one in self if isinstance(one, Axis)}

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """The interval; where there are levels, none."""
        equal, low, high = (
            None if isinstance(end, Axis) else end
            for end in (self.equal, self.at_least, self.at_most)
        )
        return (low, high) if equal is None else (equal, equal)


Goal = Annotated[
    Annotated[str, Tag("name")] | Annotated[dict[str, float], Field(min_length=1), Tag("table")],
    Discriminator(lambda value: "table" if isinstance(value, dict) else "name"),
]


class Design(Section):
    """Parameters of the system that make quantities of its solution best."""

    minimize: Goal | None = Field(
        None, description="A quantity to make small, or several with their weights"
    )
    maximize: Goal | None = Field(
        None, description="A quantity to make large, or several with their weights"
    )
    match: dict[str, Match] = Field(
        default_factory=dict,
        description="Quantities to bring to values; the square of each departure is added",
    )
    over: Literal["mean", "worst"] = Field(
        "mean", description="What counts of what is made small or large along the sweep"
    )
    prior: dict[str, Prior] = Field(
        default_factory=dict, description="What is known without the data, by path"
    )
    vary: Annotated[dict[str, dict[str, Any]], Field(min_length=1)] = Field(
        description="What is varied, by path, and the space that it lies in"
    )
    constraints: dict[str, Limit] = Field(
        default_factory=dict, description="What must hold, by quantity"
    )
    optimizer: dict[str, Any] | None = Field(
        None, description="How the best is looked for; by default design.LBFGS"
    )
    method: dict[str, Any] | None = Field(
        None, description="How the design is found, where the method of the job is for the answer"
    )
    check: bool = Field(True, description="Whether the gradient is compared with differences first")

    @pydantic.model_validator(mode="after")
    def _one_goal(self) -> Design:
        if self.minimize is not None and self.maximize is not None:
            raise ValueError("give minimize or maximize, not both; weights may be negative")
        if self.maximize is not None and self.match:
            raise ValueError("match goes with minimize: a departure is to be made small")
        if self.prior and not self.match:
            raise ValueError("prior goes with match: it is weighed against data")
        if self.minimize is None and self.maximize is None and not self.match:
            raise ValueError("give minimize, maximize or match")
        return self


class Simulate(Section):
    """How long to sample."""

    time: float | None = Field(
        None, gt=0, description="Duration, in the system's unit of time, where it has one"
    )
    burn_in: float = Field(0.0, ge=0, description="Time at the start that is not counted")
    seed: int = Field(0, ge=0, lt=2**32, description="Seed of the random numbers")
    initial: float | list[float] | None = Field(
        None, description="State of every replica at the start, a number for each coordinate"
    )

    @pydantic.model_validator(mode="after")
    def _some_time_counts(self) -> Simulate:
        if self.time is not None and self.burn_in >= self.time:
            raise ValueError(f"burn_in = {self.burn_in:g} must be less than time = {self.time:g}")
        return self


Times = Annotated[
    Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=1), Tag("list")]
    | Annotated[Axis, Tag("axis")],
    Discriminator(lambda value: "list" if isinstance(value, list) else "axis"),
]


class Evolve(Section):
    """When to look."""

    times: Times = Field(description="Times, listed or as an axis; the start is at time 0")

    @pydantic.model_validator(mode="after")
    def _not_before_the_start(self) -> Evolve:
        if isinstance(self.times, Axis):
            ends = self.times.linear or self.times.geometric or self.times.values or []
            if any(isinstance(end, int | float) and end < 0 for end in ends):
                raise ValueError("times must not be negative; the initial state is at time 0")
        return self


class Override(Section):
    """A value that stands in place of another, as given with ``--set key=value``."""

    key: str = Field(description="Dotted path, such as system.thickness")
    value: Any = Field(description="The value")


class JobFile(Section):
    """A jaxneq job."""

    title: str = Field("", description="What the job is about")
    verb: Verb = Field(
        description="steady: the stationary state; evolve: its time dependence; "
        "simulate: a stochastic ensemble"
    )
    draw: Names | None = Field(
        None,
        description="Quantity that the figure shows, or several, a panel each; by default the "
        "solution's own",
    )
    precision: Literal["float64", "float32"] = Field("float64", description="Of all arithmetic")
    system: dict[str, Any] = Field(description="The physics")
    method: dict[str, Any] | None = Field(
        None, description="How it is solved; the system has a default"
    )
    sweep: dict[str, Axis] = Field(
        default_factory=dict,
        description="Axes of a grid of runs, such as { linear = [1, 2], count = 5 }; "
        "an outer product in this order",
    )
    gradient: Gradient | None = Field(None, description="Derivatives beside the values")
    uncertainty: Uncertainty | None = Field(
        None, description="Standard deviations of parameters, to be propagated"
    )
    compare: Compare | None = Field(
        None, description="Measurements and other systems to compare with"
    )
    design: Design | None = Field(
        None, description="What of the system to vary, and what for: for `jaxneq design`"
    )
    fit: Fit | None = Field(None, description="Curves through what was sampled along the sweep")
    simulate: Simulate | None = Field(None, description="For the verb simulate")
    evolve: Evolve | None = Field(None, description="For the verb evolve")
    observables: dict[Annotated[str, Field(pattern=r"^[A-Za-z]\w*$")], dict[str, Any]] = Field(
        default_factory=dict,
        description="What is gathered along sampled paths, each under its name",
    )
    overrides: list[Override] = Field(
        default_factory=list, alias="set", description="Overrides; later ones win"
    )
