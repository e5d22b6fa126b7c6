"""What there is to run, found by looking: there is no list to edit when an engine grows."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import inspect
from types import ModuleType
from typing import Any

from jaxneq._core import (
    AbstractDeclared,
    AbstractMethod,
    AbstractObservable,
    AbstractSampler,
    AbstractSystem,
    parameters_of,
)

from ._message import hint, nearest

LAWS = ("statistics", "thermodynamics", "design")
ENGINES = ("langevin", "phonon", "exclusion", "jump", "quantum", "continuum")
_NO_PARTS = AbstractSystem | AbstractMethod | AbstractObservable


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a parameter table."""

    name: str
    unit: str
    allowed: str
    default: str
    doc: str


def engines() -> dict[str, ModuleType]:
    """The engines that are there."""
    return {name: importlib.import_module(f"jaxneq.{name}") for name in ENGINES if _exists(name)}


def classes(kind: type = AbstractDeclared, engine: str | None = None) -> dict[str, type]:
    """Every public subclass of `kind` by its ``type``, or those of one engine."""
    return {
        f"{room}.{name}": cls
        for room in (*engines(), *LAWS)
        if engine in (None, room)
        for name, cls in _public(room).items()
        if issubclass(cls, kind)
    }


def systems(engine: str | None = None) -> dict[str, type[AbstractSystem]]:
    """Every public system by its ``type``, or those of one engine."""
    return classes(AbstractSystem, engine)


def methods(engine: str | None = None) -> dict[str, type[AbstractMethod]]:
    """Every public method by its ``type``, or those of one engine."""
    return classes(AbstractMethod, engine)


def observables() -> dict[str, type[AbstractObservable]]:
    """Every public observable that a table can describe, by its ``type``."""
    return {name: cls for name, cls in classes(AbstractObservable).items() if buildable(cls)}


def laws(room: str | None = None) -> dict[str, ModuleType]:
    """The rooms without systems, whose namespace has the ``validation``; or that one."""
    return {
        name: importlib.import_module(f"jaxneq.{name}") for name in LAWS if room in (None, name)
    }


def parts(kind: type = AbstractDeclared) -> dict[str, type]:
    """Every public component of that kind (such as a material) that a table can describe."""
    return {
        name: cls
        for name, cls in classes(kind).items()
        if buildable(cls) and (kind is not AbstractDeclared or not issubclass(cls, _NO_PARTS))
    }


def find(name: str, kind: type = AbstractDeclared) -> type:
    """The public class of that ``type``, such as ``"phonon.CrossPlaneFilm"``.

    **Raises:** `ValueError` with the nearest name that there is.
    """
    engine, _, short = name.partition(".")
    if _exists(engine) and (cls := _public(engine).get(short)) is not None:
        if issubclass(cls, kind):
            return cls
        wanted, found = _noun(kind), _noun(cls)
        raise ValueError(f'"{name}" is a {found}; a {wanted} is needed.{_any_of(name, kind)}')
    raise ValueError(f'There is no {_noun(kind)} "{name}".{_any_of(name, kind)}')


def type_name(cls: type) -> str:
    """The ``type`` that names a class in a job file."""
    package, *rooms = cls.__module__.split(".")
    return f"{rooms[0] if rooms else package}.{cls.__name__}"


def treating(system: type[AbstractSystem], kind: type[AbstractMethod]) -> list[str]:
    """The public methods of that kind that can treat a system."""
    return [
        name
        for name, cls in methods().items()
        if issubclass(cls, kind) and issubclass(system, cls.systems)
    ]


def differentiating(system: AbstractSystem) -> list[str]:
    """The public samplers that find derivatives of averages over a system."""
    return [
        name
        for name, cls in methods().items()
        if issubclass(cls, AbstractSampler)
        and isinstance(system, cls.systems)
        and cls.differentiable(system)
    ]


def describe(cls: type) -> list[Row]:
    """The parameter table of a class, from its declarations."""
    rows = []
    for declared in parameters_of(cls):
        default = "required" if declared.required else _plain(declared.default)
        allowed = declared.allowed.removesuffix(f" {declared.unit}")
        if declared.part is not None:
            names = ", ".join(parts(declared.part))
            named = "a name, or " if hasattr(declared.part, "named") else ""
            allowed = f"{named}a table of type {names}" if names else f"{named}{allowed}"
        rows.append(Row(declared.name, declared.unit, allowed, default, declared.doc))
    return rows


def buildable(cls: type) -> bool:
    """Whether a job file can describe it: the declared parameters are all that it needs."""
    return all(
        "parameter" in field.metadata
        or (field.name == "name" and issubclass(cls, AbstractObservable))  # the key of its table
        or not field.init
        or field.default is not dataclasses.MISSING
        or field.default_factory is not dataclasses.MISSING
        for field in dataclasses.fields(cls)
    )


def _exists(engine: str) -> bool:
    return engine in (*ENGINES, *LAWS) and importlib.util.find_spec(f"jaxneq.{engine}") is not None


def _public(engine: str) -> dict[str, type]:
    """The final declared classes of an engine's namespace."""
    module = importlib.import_module(f"jaxneq.{engine}")  # this one: others may load slowly
    return {
        name: cls
        for name, cls in vars(module).items()
        if not name.startswith(("_", "Abstract"))
        and isinstance(cls, type)
        and issubclass(cls, AbstractDeclared)
        and not inspect.isabstract(cls)
    }


def _noun(cls: type) -> str:
    if issubclass(cls, AbstractSystem):
        return "system"
    if issubclass(cls, AbstractMethod):
        return "method"
    if issubclass(cls, AbstractObservable):
        return "observable"
    return "type" if cls is AbstractDeclared else cls.__name__.removeprefix("Abstract")


def _any_of(name: str, kind: type) -> str:
    known = classes(kind)
    by_class = {full.partition(".")[2]: full for full in known}
    near = nearest(name.rpartition(".")[2], by_class)
    if near is not None:
        return f' Did you mean "{by_class[near]}"?'
    return hint(name, known)


def _plain(value: Any) -> str:
    if value is None:
        return "by default"
    if dataclasses.is_dataclass(value):
        return type(value).__name__
    return f"{value:g}" if isinstance(value, float) else str(value)
