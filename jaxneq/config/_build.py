"""From tables to systems, methods and their parts."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxneq._core import Parameter, parameters_of

from ._catalog import buildable, classes, find, parts, type_name
from ._check import checked
from ._message import JobError, basic_string, dotted, sentence, show
from ._models import accepts, model_of

Path = tuple[str, ...]


def build(kind: type, table: Mapping[str, Any], where: str, path: Path, **given: Any) -> Any:
    """What a table with a `type` describes, an instance of `kind`.

    **Arguments:** `where`, the file, and `path`, the table's place in it, for messages; what is
    `given` beside the table.
    """
    cls = _class_of(kind, table, where, path)
    declared = {parameter.name: parameter for parameter in parameters_of(cls)}

    def allowed(name: str) -> str:
        return _give(declared[name]) if name in declared else ""

    checked(model_of(cls, table["type"]), table, where, path, allowed)
    values = {}
    for name, parameter in declared.items():
        if name in table:
            values[name] = _value(parameter, table[name], where, (*path, name))
    try:
        return cls(**given, **values)
    except ValueError as error:
        raise JobError(f"{where}: [{dotted(path)}] {error}") from error


def build_part(parameter: Parameter, value: Any, where: str, path: Path) -> Any:
    """A part: by its name, by its name with changes, or from a table with a `type`."""
    kind = parameter.part
    assert kind is not None
    named = getattr(kind, "named", None)
    if isinstance(value, Mapping) and not (named and "name" in value and "type" not in value):
        return build(kind, value, where, path)
    name, changes = value, {}
    if isinstance(value, Mapping):
        changes = {key: value[key] for key in value if key != "name"}
        name, path = value["name"], (*path, "name")
    if not (isinstance(name, str) and named):
        raise JobError(f"{where}: {dotted(path)} = {show(name)} is not allowed. {_give(parameter)}")
    try:
        part = named(name)
    except ValueError as error:
        raise JobError(f"{where}: {dotted(path)} = {show(name)}: {error}") from error
    return _changed(part, named, name, changes, where, path[:-1]) if changes else part


def _build_parts(parameter: Parameter, tables: Any, where: str, path: Path) -> tuple[Any, ...]:
    """A part from each of an array of tables; where one class will do, it needs no `type`."""
    kind = parameter.part
    assert kind is not None
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        at = dotted(path)
        raise JobError(f"{where}: {at} = {show(tables)} is not allowed. Give tables, [[{at}]].")
    own = {} if inspect.isabstract(kind) else {"type": type_name(kind)}
    return tuple(
        build(kind, own | table, where, (*path, str(table.get("name", number))))
        for number, table in enumerate(tables)
    )


def _changed(
    part: Any, named: Any, name: str, changes: Mapping[str, Any], where: str, path: Path
) -> Any:
    """The part of that name with changes; its own constructor knows what to say of unknown ones."""
    declared = {parameter.name: parameter for parameter in parameters_of(type(part))}
    values = {}
    for key, value in changes.items():
        known = declared.get(key)
        if known is not None and known.part is None and not accepts(type(part), known, value):
            at = dotted((*path, key))
            raise JobError(f"{where}: {at} = {show(value)} is not allowed. {_give(known)}")
        values[key] = _value(known, value, where, (*path, key)) if known is not None else value
    try:
        return named(name, **values)
    except ValueError as error:
        raise JobError(f"{where}: [{dotted(path)}] {error}") from error


def _value(parameter: Parameter, value: Any, where: str, path: Path) -> Any:
    if parameter.kind == "parts":
        return _build_parts(parameter, value, where, path)
    if parameter.part is not None:
        return build_part(parameter, value, where, path)
    if not isinstance(value, list) or parameter.kind == "names":
        return value
    try:
        return np.asarray(value, dtype=float)
    except ValueError:
        raise JobError(f"{where}: the rows of {dotted(path)} differ in length.") from None


def _class_of(kind: type, table: Mapping[str, Any], where: str, path: Path) -> type:
    at = dotted((*path, "type"))
    if "type" not in table:
        able = [name for name, cls in classes(kind).items() if buildable(cls)]
        names = ", ".join(map(basic_string, able))
        named = ", or a name" if hasattr(kind, "named") else ""
        raise JobError(f"{where}: {at} is missing. Give one of {names}{named}.")
    name = table["type"]
    if not isinstance(name, str):
        raise JobError(f"{where}: {at} = {show(name)} is not allowed. Give a name in quotes.")
    try:
        cls = find(name, kind)
    except ValueError as error:
        raise JobError(f"{where}: {at}: {error}") from None
    if not buildable(cls):
        raise JobError(
            f"{where}: {at} = {show(name)} needs more than a job file can say. Use it from Python."
        )
    return cls


def _give(parameter: Parameter) -> str:
    allowed = parameter.allowed
    if parameter.part is not None:
        names = ", ".join(map(basic_string, parts(parameter.part)))
        table = f"a table with type = {names}" if names else "a table"
        allowed = table
        if hasattr(parameter.part, "named"):
            allowed = f"a name, a table with a name and changes, or {table}"
    if parameter.dims:
        dims = ", ".join(parameter.dims)
        allowed = f"an array over ({dims}) as nested lists, each entry {allowed}"
    return f"Give {allowed} ({sentence(parameter.doc)})."
