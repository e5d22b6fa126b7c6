"""Tables of text, as wide as the terminal."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable


def table(
    headings: Iterable[str],
    rows: Iterable[Iterable[str]],
    *,
    right: Collection[str] = (),
    whole: Collection[str] = (),
) -> None:
    """Print rows under headings.

    **Arguments:** `right`, the columns of numbers, set to the right; `whole`, columns that are not
    wrapped either.
    """
    from rich.console import Console
    from rich.table import Table

    made = Table(box=None, pad_edge=False)
    for heading in headings:
        justify = "right" if heading in right else "left"
        made.add_column(heading, justify=justify, no_wrap=heading in (*right, *whole))
    for row in rows:
        made.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 160, markup=False, highlight=False).print(made)
