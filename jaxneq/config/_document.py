"""From the text of a job file to its tables, overrides applied, sections checked."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ._check import checked
from ._message import JobError, basic_string, dotted, hint, nearest, show
from ._models import JobFile

SECTION_OF = {"simulate": "simulate", "evolve": "evolve"}


@dataclasses.dataclass(frozen=True)
class Document:
    """A job file that was read.

    **Fields:** `name`, for messages; `text`, verbatim, followed by the overrides as ``[[set]]``
    tables, so that it is a job file of the same job; `tables`, with the overrides applied;
    `sections`, the same checked, the engines' tables excepted.
    """

    name: str
    text: str
    overrides: tuple[str, ...]
    tables: dict[str, Any]
    sections: JobFile

    @property
    def identity(self) -> str:
        """A hash that is the same for the same job, however its file is laid out."""
        said = {name: self.tables[name] for name in self.tables if name not in ("title", "set")}
        # The order of the axes is the order of the dimensions: part of the job.
        said["sweep"] = list(self.tables.get("sweep", {}).items())
        text = json.dumps(said, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def read(source: str | Path, overrides: Sequence[str] = ()) -> Document:
    """Read a job file, or the text of one (a `str` of several lines)."""
    name, text = _text_of(source)
    tables = _parsed(text, name)
    for override in overrides:
        key, value = _split(override)
        text = text.rstrip("\n") + f"\n\n[[set]]\nkey = {basic_string(key)}\nvalue = {value}\n"
    tables["set"] = _parsed(text, name).get("set", [])
    checked(JobFile, {"verb": "steady", "system": {}, "set": tables["set"]}, name)
    merged = copy.deepcopy(tables)
    for entry in tables["set"]:
        place(merged, entry["key"], entry["value"], name)
    sections = checked(JobFile, merged, name)
    _check_sections(merged, name)
    given = tuple(f"{entry['key']} = {show(entry['value'])}" for entry in tables["set"])
    return Document(name, text, given, merged, sections)


def identity(source: str | Path) -> str:
    """The identity of a job, which need not be one that can be done here (see `Document`)."""
    return read(source).identity


def split_key(key: str, name: str) -> tuple[str, ...]:
    """The parts of a dotted key, quotes honoured."""
    try:
        table: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        raise JobError(
            f"{name}: {key!r} is no key. Give a dotted path such as system.thickness."
        ) from None
    path = []
    while isinstance(table, dict):
        ((part, table),) = table.items()
        path.append(part)
    return tuple(path)


def _text_of(source: str | Path) -> tuple[str, str]:
    if isinstance(source, str) and "\n" in source:
        return "job", source
    path = Path(source)
    try:
        return str(path), path.read_text("utf-8")
    except FileNotFoundError:
        beside = path.parent.glob("*.toml") if path.parent.is_dir() else ()
        near = nearest(path.name, sorted(file.name for file in beside))
        meant = f" Did you mean {path.with_name(near)}?" if near else ""
        raise JobError(f"{path}: there is no such file.{meant}") from None
    except UnicodeDecodeError:
        raise JobError(f"{path}: this is no text in UTF-8, as a job file must be.") from None
    except OSError as error:
        raise JobError(f"{path}: cannot be read: {error.strerror}.") from None


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = text.splitlines()[int(found[1]) - 1].strip() if found else ""
        raise JobError(f"{name}: not valid TOML: {error}" + (f": {line}" if line else "")) from None


def _split(override: str) -> tuple[str, str]:
    """The key and the TOML text of the value in ``key=value``."""
    key, equals, value = override.partition("=")
    key, value = key.strip(), value.strip()
    if not (equals and key and value):
        raise JobError(f"--set {override}: give key=value, such as system.thickness=50e-9.")
    split_key(key, f"--set {override}")
    try:
        parsed = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        parsed = {}
    if parsed.keys() != {"value"}:
        raise JobError(
            f"--set {override}: {value} is not a TOML value. Text needs quotes of its own: "
            f"--set '{key}=\"{value}\"'."
        )
    return key, value


def place(tables: dict[str, Any], key: str, value: Any, name: str) -> None:
    """Put a value under a dotted key into tables, making those that are missing."""
    *parents, last = split_key(key, name)
    at = tables
    for depth, part in enumerate(parents, 1):
        inner = at.setdefault(part, {})
        if isinstance(inner, list):  # an array of tables: the next part is a name
            at = {str(table["name"]): table for table in inner if "name" in table}
            if depth == len(parents) or parents[depth] not in at:
                known = hint((*parents, last)[depth], at)
                raise JobError(f"{name}: cannot set {key}: no table there has that name.{known}")
            continue
        if not isinstance(inner, dict):
            said = f"{dotted(parents[:depth])} = {show(inner)}"
            raise JobError(f"{name}: cannot set {key}: {said} is no table.")
        at = inner
    at[last] = value


def _check_sections(tables: dict[str, Any], name: str) -> None:
    """Sections stand with the verb that they belong to."""
    verb = tables["verb"]
    for section, owner in SECTION_OF.items():
        if section in tables and owner != verb:
            raise JobError(f'{name}: [{section}] goes with verb = "{owner}", not "{verb}".')
        if owner == verb and section not in tables:
            raise JobError(f'{name}: verb = "{verb}" needs a table [{section}].')
    for section in ("fit", "compare"):
        if "design" in tables and section in tables:
            raise JobError(f"{name}: [design] stands without [{section}]: it finds one system.")
    if verb == "simulate" and "design" in tables and "sweep" in tables:
        raise JobError(f"{name}: [design] over a [sweep] goes with the verbs steady and evolve.")
    if verb != "simulate" and "observables" in tables:
        raise JobError(f"{name}: [observables] go with the verb simulate.")
    if verb == "simulate" and "uncertainty" in tables:
        raise JobError(f"{name}: [uncertainty] goes with the verbs steady and evolve.")
    if verb != "steady" and tables.get("compare", {}).get("measured"):
        raise JobError(f"{name}: compare.measured goes with the verb steady.")
