"""Parameters are declared once, on the system or method that has them.

From the one declaration come the checks and their error texts, the configuration schema, the
command's help and the documentation tables.
"""

from __future__ import annotations

import abc
import dataclasses
import math
import re
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

# Dimensions of what has the unit that the user chooses.
USER_UNITS = ("time", "energy", "concentration")


@dataclasses.dataclass(frozen=True)
class Interval:
    """An interval in the usual notation: ``Interval.parse("(0, inf)")``, ``"[0, 1]"``."""

    low: float
    high: float
    low_open: bool
    high_open: bool

    @classmethod
    def parse(cls, text: str) -> Interval:
        low, high = (float(part) for part in text[1:-1].split(","))
        return cls(low, high, text[0] == "(", text[-1] == ")")

    def __contains__(self, value: Any) -> bool:
        value = np.asarray(value)
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return bool(np.all(above & below))  # NaN compares false: it lies in no interval

    def __str__(self) -> str:
        left, right = "(" if self.low_open else "[", ")" if self.high_open else "]"
        return f"{left}{self.low:g}, {self.high:g}{right}"


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What is declared of one parameter.

    `kind` is "number", "integer", "choice", "name", "names", "part", "parts" or "table" (of
    numbers by name). With `by_name` an integer may be one for each of several names.
    """

    name: str
    kind: str
    unit: str
    doc: str
    interval: Interval
    choices: tuple[str, ...]
    default: Any
    part: type | None
    dims: tuple[str, ...]
    label: str
    coordinate: bool = False
    by_name: bool = False

    @property
    def required(self) -> bool:
        return self.default is dataclasses.MISSING

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        if self.kind == "choice":
            return "one of " + ", ".join(map(repr, self.choices))
        if self.kind == "parts":
            return f"tables, each {_article(self.part)}, with names that differ"
        if self.part is not None:
            return _article(self.part)
        if self.kind in ("name", "names"):
            return "a name" if self.kind == "name" else "a list of names, each once"
        noun = "an integer" if self.kind == "integer" else "a number"
        noun = "numbers by name, each" if self.kind == "table" else noun
        noun = "an integer, or integers by name," if self.by_name else noun
        bare = self.unit == "1" or any(each in self.unit for each in USER_UNITS)
        return f"{noun} in {self.interval}" + ("" if bare else f" {self.unit}")


def is_concrete(value: Any) -> bool:
    """Whether the value is known now (not traced by jit, vmap or grad)."""
    return not isinstance(value, Tracer)


def _as_array(value: Any) -> Any:
    """Numbers become arrays of one kind, so that changing one never recompiles.

    What is known while a function is traced stays known: it can be checked there too.
    """
    if isinstance(value, bool | str):
        return value  # refused by the check
    with jax.ensure_compile_time_eval():
        if isinstance(value, int | float):
            return jnp.asarray(value, jnp.result_type(float))  # not weakly typed
        if isinstance(value, complex | list | tuple | np.ndarray | np.generic):
            value = jnp.asarray(value)
        if isinstance(value, jax.Array) and not jnp.issubdtype(value.dtype, jnp.inexact):
            value = value.astype(jnp.result_type(float))
    return value


def parameter(
    *,
    doc: str,
    unit: str = "1",
    range: str = "(-inf, inf)",
    dims: tuple[str, ...] = (),
    label: str = "",
    coordinate: bool = False,
    default: Any = dataclasses.MISSING,
    kw_only: Any = dataclasses.MISSING,
) -> Any:
    """Declare a differentiable number of a system or method, or an array of named dimensions.

    **Arguments:** `doc`, one sentence; `unit`, SI symbol, or "1" where it is a ratio, or one
    of `USER_UNITS`, such as "1/time", where the user chooses the unit; `range`, an interval such as
    ``"(0, inf)"``; `dims`, names of its dimensions; `label`, for the axis of a figure, where the
    name is not enough; `coordinate`, if others of its one dimension are drawn over it; `default`,
    if it has one.
    """
    interval = Interval.parse(range)
    declared = {"kind": "number", "unit": unit, "doc": doc, "interval": interval}
    declared |= {"dims": dims, "label": label, "coordinate": coordinate}
    metadata = {"parameter": declared}
    return eqx.field(converter=_as_array, default=default, kw_only=kw_only, metadata=metadata)


def table(*, doc: str, unit: str = "1", range: str = "(-inf, inf)", label: str = "") -> Any:
    """Declare differentiable numbers, each with a name that the user gives; by default none.

    Each is a parameter of its own, such as ``system.constants.k_on`` in a job file. The name of
    each follows the `label`.
    """
    declared = {"kind": "table", "unit": unit, "doc": doc, "interval": Interval.parse(range)}
    declared |= {"label": label}

    def as_arrays(numbers: Any) -> dict[str, Any]:
        return {str(name): _as_array(number) for name, number in dict(numbers).items()}

    metadata = {"parameter": declared}
    return eqx.field(converter=as_arrays, default_factory=dict, metadata=metadata)


def setting(
    *,
    doc: str,
    unit: str = "1",
    range: str = "[0, inf)",
    choices: tuple[str, ...] = (),
    label: str = "",
    default: Any = dataclasses.MISSING,
    kw_only: Any = dataclasses.MISSING,
    by_name: bool = False,
) -> Any:
    """Declare a static choice: an integer (shape, order, count) or one of several names.

    With `by_name` it may be a table of integers, which becomes pairs of a name and an integer.
    """
    kind = "choice" if choices else "integer"
    declared = {
        "kind": kind,
        "unit": unit,
        "doc": doc,
        "interval": Interval.parse(range),
        "choices": choices,
        "label": label,
        "by_name": by_name,
    }
    converted = {"converter": _as_pairs} if by_name else {}
    metadata = {"parameter": declared}
    return eqx.field(static=True, default=default, kw_only=kw_only, metadata=metadata, **converted)


def named(
    *,
    doc: str,
    default: Any = dataclasses.MISSING,
    kw_only: Any = dataclasses.MISSING,
) -> Any:
    """Declare what is given by a name that only the system knows, or in Python by a function."""
    declared = {"kind": "name", "unit": "1", "doc": doc}
    metadata = {"parameter": declared}
    return eqx.field(static=True, default=default, kw_only=kw_only, metadata=metadata)


def names(*, doc: str, default: Any = dataclasses.MISSING) -> Any:
    """Declare a list of names, such as those of states; a static tuple."""
    declared = {"kind": "names", "unit": "1", "doc": doc}
    metadata = {"parameter": declared}
    return eqx.field(static=True, converter=_as_tuple, default=default, metadata=metadata)


def part(kind: type, *, doc: str, default: Any = dataclasses.MISSING) -> Any:
    """Declare a component that is itself declared, such as the material of a film.

    Where `kind` has a constructor ``named(name, **changes)``, a string is looked up with it; the
    changes are those that a job file makes to what is found.
    """
    declared = {"kind": "part", "unit": "1", "doc": doc, "part": kind}
    named = getattr(kind, "named", None)

    def look_up(value: Any) -> Any:
        return named(value) if named is not None and isinstance(value, str) else value

    return eqx.field(converter=look_up, default=default, metadata={"parameter": declared})


def parts(kind: type, *, doc: str, default: Any = dataclasses.MISSING) -> Any:
    """Declare a list of components, each with a `name` of its own: its place in dotted paths.

    In a job file they are an array of tables, such as ``[[system.channels]]``.
    """
    declared = {"kind": "parts", "unit": "1", "doc": doc, "part": kind}
    return eqx.field(converter=_as_tuple, default=default, metadata={"parameter": declared})


def parameters_of(cls: type) -> Iterator[Parameter]:
    """The declared parameters of a class, in order."""
    anywhere = Interval.parse("(-inf, inf)")
    for field in dataclasses.fields(cls):
        if "parameter" in field.metadata:
            declared = {"interval": anywhere, "choices": (), "part": None, "dims": (), "label": ""}
            declared |= field.metadata["parameter"]
            default = {} if declared["kind"] == "table" else field.default
            yield Parameter(name=field.name, default=default, **declared)


def entries_of(declared: Parameter, numbers: Any) -> Iterator[tuple[Parameter, Any]]:
    """The numbers of a table, each as a parameter."""
    for name, number in numbers.items():
        doc = f"{declared.doc.rstrip('.')}: {name}"
        label = f"{declared.label} {name}".strip()
        own = {"name": f"{declared.name}.{name}", "kind": "number", "doc": doc, "label": label}
        yield dataclasses.replace(declared, **own, default=dataclasses.MISSING), number


class AbstractDeclared(eqx.Module):
    """A module whose parameters are declared with `parameter`, `setting` and `part`.

    Concrete values are checked when the module is built; traced values pass.
    """

    def __check_init__(self):
        sizes: dict[str, int] = {}
        for declared in parameters_of(type(self)):
            value = getattr(self, declared.name)
            one = [(declared, value)]
            for each, found in entries_of(declared, value) if declared.kind == "table" else one:
                _check(type(self).__name__, each, found, sizes)


class AbstractRead(eqx.Module):
    """What was read from a file, a part of something declared.

    A job is another one when the `digest` is: a hash of what counts of the file.
    """

    @property
    @abc.abstractmethod
    def digest(self) -> str:
        """A hash of what was read."""


def _check(owner: str, declared: Parameter, value: Any, sizes: dict[str, int]) -> None:
    if declared.kind == "number" and isinstance(value, jax.Array):
        _check_shape(owner, declared, value.shape, sizes)
    if not _acceptable(declared, value):
        raise ValueError(
            f"{owner}: {declared.name} = {_show(value)} is not allowed. "
            f"Give {declared.allowed} ({declared.doc.rstrip('.')})."
        )


def _check_shape(
    owner: str, declared: Parameter, shape: tuple[int, ...], sizes: dict[str, int]
) -> None:
    """Shapes are known even of traced values. `sizes` collects those of the named dimensions."""
    fits = len(shape) == len(declared.dims) and 0 not in shape
    if fits and all(
        sizes.setdefault(dim, n) == n for dim, n in zip(declared.dims, shape, strict=True)
    ):
        return
    if declared.dims:
        known = ", ".join(f"{dim} = {sizes[dim]}" for dim in declared.dims if dim in sizes)
        wanted = f"Give an array of dimensions ({', '.join(declared.dims)})"
        wanted += f" with {known}." if known else "."
    else:
        wanted = "Give one number; for many at once use jax.vmap, or [sweep] in a job."
    raise ValueError(f"{owner}: {declared.name} has shape {shape}. {wanted}")


def _acceptable(declared: Parameter, value: Any) -> bool:
    if not is_concrete(value) or (value is None and declared.default is None):
        return True
    if declared.kind in ("parts", "names"):
        return _distinct(value, declared.part)
    if declared.part is not None:
        return isinstance(value, declared.part)
    if declared.kind == "choice":
        return value in declared.choices
    if declared.kind == "name":
        return isinstance(value, str) or callable(value)
    if declared.kind == "integer":
        each = _numbers(value) if declared.by_name else [value]
        integral = all(isinstance(one, int) and not isinstance(one, bool) for one in each)
        return integral and each != [] and each in declared.interval
    if isinstance(value, jax.Array):
        if not jnp.issubdtype(value.dtype, jnp.floating):
            return False
        return bool(np.all(np.isfinite(value))) and value in declared.interval
    return not isinstance(value, str | bool | None)  # a placeholder put there by a transformation


def _as_pairs(value: Any) -> Any:
    return tuple(value.items()) if isinstance(value, dict) else value


def _numbers(value: Any) -> list[Any]:
    """Of pairs of a name and a number; or the value itself."""
    pairs = isinstance(value, tuple) and all(isinstance(one, tuple) for one in value)
    return [number for _, number in value] if pairs else [value]


def _as_tuple(values: Any) -> Any:
    return tuple(values) if isinstance(values, list) else values


def _distinct(values: Any, part: type | None) -> bool:
    """Whether these are names, or parts by their names, each once."""
    known = isinstance(values, tuple) and all(
        isinstance(value, str if part is None else part) for value in values
    )
    named = [value if part is None else value.name for value in values] if known else []
    return known and len(set(named)) == len(named)


def _article(part: type | None) -> str:
    assert part is not None
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", part.__name__.removeprefix("Abstract")).lower()
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _show(value: Any) -> str:
    if isinstance(value, jax.Array):
        array = np.asarray(value)
        if array.size > 6:
            worst = array[~np.isfinite(array)]
            return f"array of shape {array.shape}" + (" with NaN or inf" if worst.size else "")
        return f"{array.item():g}" if array.ndim == 0 else str(array.tolist())
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    return repr(value)
