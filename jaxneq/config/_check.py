"""Checking tables against their models, and one clear line where they fail."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pydantic

from ._message import JobError, dotted, hint, nearest, show


def checked(
    model: type[pydantic.BaseModel],
    table: Mapping[str, Any],
    where: str,
    prefix: tuple[str, ...] = (),
    allowed: Callable[[str], str] = lambda key: "",
) -> Any:
    """The table as that model, or a `JobError` about the first thing that is wrong with it.

    **Arguments:** `where`, the file; `prefix`, the table's own path in it; `allowed(key)`, what to
    say of a key instead of pydantic's words.
    """
    try:
        return model.model_validate(table)
    except pydantic.ValidationError as failure:
        errors = failure.errors()
    # A misspelt key also makes another one missing: speak of the misspelling.
    error = min(errors, key=lambda e: e["type"] != "extra_forbidden")
    path = _path_in(table, error)
    at = dotted((*prefix, *path))
    words = allowed(str(path[0])) if path else ""
    about, known = _field_at(model, path)
    kind = error["type"]
    if kind == "extra_forbidden":
        raise JobError(f"{where}: unknown key {at}.{hint(str(path[-1]), known)}")
    if kind == "missing":
        raise JobError(f"{where}: {at} is missing" + (f". {words}" if words else f" ({about})."))
    if kind == "value_error":
        raise JobError(f"{where}: {at or 'the job'}: {error.get('ctx', {}).get('error')}.")
    if not words:
        words = _WORDS.get(kind) or error["msg"].replace("Input should", "It should")
        words += f" ({about})." if about and kind != "literal_error" else "."
    if isinstance(error["input"], str) and kind == "literal_error":
        near = nearest(error["input"], re.findall(r"'([^']*)'", error["msg"]))
        words += f' Did you mean "{near}"?' if near else ""
    raise JobError(f"{where}: {at} = {show(error['input'])} is not allowed. {words}")


# What pydantic would say in the words of Python, in those of TOML.
_WORDS = {
    "model_type": "Give a table",
    "dict_type": "Give a table",
    "list_type": "Give a list",
    "string_type": "Give a text in quotes",
    "string_pattern_mismatch": 'Give a number, or one in per cent such as "5 %"',
    "float_type": "Give a number",
    "int_type": "Give an integer",
    "finite_number": "Give a finite number",
    "too_short": "Give more",
}


def _path_in(table: Any, error: Mapping[str, Any]) -> tuple[Any, ...]:
    """Where in the table an error is: its location without pydantic's names of variants."""
    path: list[Any] = []
    for part in error["loc"]:
        if (isinstance(table, Mapping) and part in table) or (
            isinstance(table, list) and isinstance(part, int)
        ):
            path, table = [*path, part], table[part]
    if error["type"] == "missing":
        path.append(error["loc"][-1])
    return tuple(path)


def _field_at(model: type[pydantic.BaseModel], path: Sequence[Any]) -> tuple[str, list[str]]:
    """What the last field on a path is about, and the keys allowed beside the path's end."""
    about, fields, beside = "", _fields(model), []
    for part in path:
        beside = list(fields)
        if part in fields:  # not an index, nor a key of a table with free keys
            description = fields[part].description or ""
            about = description[:1].lower() + description[1:]
            inner = _models_in(fields[part].annotation)
            fields = {name: field for found in inner for name, field in _fields(found).items()}
    return about, beside


def _fields(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models_in(annotation: Any) -> Iterator[type[pydantic.BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models_in(inner)
