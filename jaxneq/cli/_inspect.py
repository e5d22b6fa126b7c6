"""`list` and `schema`: what there is, and what a job file may say."""

from __future__ import annotations

import inspect
import json
import sys

from jaxneq import config, materials


def show_list(name: str | None) -> int:
    """Everything that has a name in a job file, or one thing and its parameters."""
    if name is None:
        _show_all()
    elif name in materials.names():
        record = materials.record(name)
        print(f"{name}: {record['description']}")
        print(json.dumps({k: v for k, v in record.items() if k != "description"}, indent=2))
    else:
        _show_class(name, config.find(name))
    return 0


def show_schema() -> int:
    """The JSON schema of job files."""
    print(json.dumps(config.json_schema(), indent=2, ensure_ascii=False))
    return 0


def _show_all() -> None:
    sections = {"systems": config.systems(), "methods": config.methods(), "parts": config.parts()}
    for title, classes in sections.items():
        print(f"{title}:")
        width = max(map(len, classes), default=0)
        for name, cls in classes.items():
            print(f"  {name:<{width}}  {_first_line(cls)}")
    print("materials:")
    width = max(map(len, materials.names()))
    for name in materials.names():
        print(f"  {name:<{width}}  {materials.record(name)['description']}")
    print("\n`jaxneq list NAME` shows the parameters of one.")


def _show_class(name: str, cls: type) -> None:
    from rich.console import Console
    from rich.table import Table

    print(f"{name}: {inspect.getdoc(cls)}\n")
    table = Table(box=None, pad_edge=False)
    for heading in ("parameter", "unit", "allowed", "default", "meaning"):
        table.add_column(heading, no_wrap=heading in ("parameter", "unit"))
    for row in config.describe(cls):
        table.add_row(row.name, row.unit, row.allowed, row.default, row.doc)
    Console(width=None if sys.stdout.isatty() else 160, markup=False, highlight=False).print(table)


def _first_line(cls: type) -> str:
    return (inspect.getdoc(cls) or "").partition("\n")[0]
