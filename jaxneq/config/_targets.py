"""Parameters by their dotted path, such as ``system.material.mean_free_path``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jaxneq._core import Parameter, entries_of, parameters_of

from ._message import JobError, hint, nearest


@dataclasses.dataclass(frozen=True)
class Target:
    """A parameter of an object inside the system or the method.

    **Fields:** `path`, dotted; `owner`, the class that declares it; `declared`; `value`, at the
    moment.
    """

    path: str
    owner: type
    declared: Parameter
    value: Any


def find_target(roots: Mapping[str, Any], path: str, where: str) -> Target:
    """The parameter at a dotted path, beginning with the name of one of `roots`."""
    targets = {target.path: target for name, root in roots.items() for target in _below(name, root)}
    if path in targets:
        return targets[path]
    by_last = {known.rpartition(".")[2]: known for known in targets}
    near = nearest(path.rpartition(".")[2], by_last)
    meant = f" Did you mean {by_last[near]}?" if near else hint(path, targets)
    raise JobError(f"{where}: there is no parameter {path}.{meant}")


def short_name(path: str, paths: Sequence[str]) -> str:
    """The shortest end of a dotted path that names it among `paths`."""
    parts = path.split(".")
    for length in range(1, len(parts)):
        end = parts[-length:]
        if sum(other.split(".")[-length:] == end for other in paths) == 1:
            return "_".join(end)
    return "_".join(parts)


def replaced(root: Any, path: str, value: Any) -> Any:
    """`root` with another value at a dotted path (the root's own name included)."""
    _, _, below = path.partition(".")
    name, _, rest = below.partition(".")
    if rest:
        value = replaced(_child(root, name), below, value)
    if isinstance(root, tuple):
        return tuple(value if part.name == name else part for part in root)
    if isinstance(root, dict):
        return {**root, name: value}
    return dataclasses.replace(root, **{name: value})


def value_at(root: Any, path: str) -> Any:
    """The value at a dotted path (the root's own name included)."""
    for name in path.split(".")[1:]:
        root = _child(root, name)
    return root


def _child(owner: Any, name: str) -> Any:
    """What an object, a tuple of named parts, or a table has under a name."""
    if isinstance(owner, tuple):
        return next(part for part in owner if part.name == name)
    if isinstance(owner, dict):
        return owner[name]
    return getattr(owner, name)


def _below(prefix: str, owner: Any) -> Iterator[Target]:
    for declared in parameters_of(type(owner)):
        path, value = f"{prefix}.{declared.name}", getattr(owner, declared.name)
        if declared.kind == "table":
            for entry, number in entries_of(declared, value):
                yield Target(f"{prefix}.{entry.name}", type(owner), entry, number)
            continue
        yield Target(path, type(owner), declared, value)
        if declared.kind == "parts":
            for part in value:
                yield from _below(f"{path}.{part.name}", part)
        elif declared.part is not None and dataclasses.is_dataclass(value):
            yield from _below(path, value)
