"""What is said of a bad job: one clear line that names the thing, the value and the remedy."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from typing import Any


class JobError(ValueError):
    """A job that cannot be done as it is written. The message says what to change."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be, or None."""
    by_lower = {option.lower(): option for option in known}
    found = difflib.get_close_matches(name.lower(), by_lower, 1, 0.6)
    return by_lower[found[0]] if found else None


def hint(name: str, known: Iterable[str]) -> str:
    """`` Did you mean ...?``, or else the known names, as a sentence to append."""
    known = tuple(known)
    if (near := nearest(name, known)) is not None:
        return f" Did you mean {near}?"
    return f" There are: {', '.join(known)}." if known else ""


def show(value: Any) -> str:
    """A value as it would stand in a job file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, dict):
        return "a table"
    text = repr(value) if isinstance(value, int | float | list) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def sentence(text: str) -> str:
    """A declaration's `doc` for use inside a sentence."""
    return text.rstrip(". ")


def dotted(path: Iterable[Any]) -> str:
    """A path as it would be written in TOML: ``sweep."system.thickness".count``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", part) is not None
            text += ("." if text else "") + (part if bare else basic_string(part))
    return text


def basic_string(text: str) -> str:
    """A TOML string."""
    return json.dumps(text, ensure_ascii=False)
