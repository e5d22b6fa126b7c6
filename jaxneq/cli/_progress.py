"""Progress on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time as clock
from collections.abc import Callable, Iterator

INTERVAL = 10.0  # seconds between lines


@contextlib.contextmanager
def progress(unit: str) -> Iterator[Callable[[int, int], None]]:
    """A callback ``(done, total)`` that shows how far a job is, in `unit`."""
    if sys.stderr.isatty():
        with _bar(unit) as update:
            yield update
    else:
        yield _lines(unit)


@contextlib.contextmanager
def _bar(unit: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("compiling", total=None)

        def update(done: int, total: int) -> None:
            bars.update(task, description="running", completed=done, total=total)

        yield update


def _lines(unit: str) -> Callable[[int, int], None]:
    began = said = clock.monotonic()

    def update(done: int, total: int) -> None:
        nonlocal said
        now = clock.monotonic()
        if now - said >= INTERVAL:
            said = now
            share = f"{100 * done / total:.0f} %"
            print(f"{done} of {total} {unit} ({share}, {now - began:.0f} s)", file=sys.stderr)

    return update
