"""`list` and `schema`: what there is, and what a job file may say."""

from __future__ import annotations

import dataclasses
import inspect
import json

from jaxneq import config, materials

from ._table import table


def show_list(name: str | None) -> int:
    """Everything that has a name in a job file, or an engine's share, or one and its parameters."""
    if name is None or name in config.engines():
        _show_all(name)
    elif name in materials.names():
        _show_material(name)
    else:
        _show_class(name, config.find(name))
    return 0


def show_schema() -> int:
    """The JSON schema of job files."""
    print(json.dumps(config.json_schema(), indent=2, ensure_ascii=False))
    return 0


def _show_all(engine: str | None) -> None:
    sections = {
        "systems": config.systems(),
        "methods": config.methods(),
        "parts": config.parts(),
        "observables": config.observables(),
    }
    for title, known in sections.items():
        classes = {n: cls for n, cls in known.items() if engine in (None, n.partition(".")[0])}
        if engine is not None and not classes:
            continue
        print(f"{title}:")
        width = max(map(len, classes), default=0)
        for name, cls in classes.items():
            print(f"  {name:<{width}}  {_first_line(cls)}")
    if engine is None:
        print("materials:")
        width = max(map(len, materials.names()))
        for name in materials.names():
            print(f"  {name:<{width}}  {materials.record(name)['description']}")
    print("\n`jaxneq list NAME` shows the parameters of one, `jaxneq list ENGINE` an engine.")


def _show_material(name: str) -> None:
    """What can be changed of a material. Its physics is shown by the command `material`."""
    print(f"{name}: {materials.record(name)['description']}\n")
    model = materials.model(name)
    rows = []
    for row in config.describe(type(model)):
        value = getattr(model, row.name)
        value = "none" if value is None else f"{float(value):g}"
        rows.append((row.name, row.unit, row.allowed, value, row.doc))
    headings = ("parameter", "unit", "allowed", "value", "meaning")
    table(headings, rows, whole=headings[:2])
    changed = f"{{ name = {json.dumps(name)}, {rows[0][0]} = ... }}"
    print(f"\nIn a job: material = {json.dumps(name)}, or with changes, material = {changed}")
    print(f"`jaxneq material {name}` shows conductivity, mean free paths, sources and a figure.")


def _show_class(name: str, cls: type) -> None:
    print(f"{name}: {inspect.getdoc(cls)}\n")
    headings = ("parameter", "unit", "allowed", "default", "meaning")
    table(headings, map(dataclasses.astuple, config.describe(cls)), whole=headings[:2])


def _first_line(cls: type) -> str:
    return (inspect.getdoc(cls) or "").partition("\n")[0]
