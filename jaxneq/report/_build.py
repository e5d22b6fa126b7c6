"""From a result file to a figure and a page beside it."""

from __future__ import annotations

import io
import os
from pathlib import Path

from jaxneq.store import read_result, write_bytes

from ._figure import figure
from ._page import page


def build(directory: str | os.PathLike) -> tuple[Path, Path]:
    """Read ``result.h5`` in `directory`; write ``figure.png`` and ``report.html`` beside it.

    **Returns:** the two paths.

    **Raises:** `ValueError` if there is no whole result, `OSError` if it cannot be written.
    """
    directory = Path(directory)
    result = read_result(directory / "result.h5")
    buffer = io.BytesIO()
    drawn = figure(result)
    drawn.savefig(buffer, format="png", metadata={"Software": None})
    paths = directory / "figure.png", directory / "report.html"
    write_bytes(paths[0], buffer.getvalue())
    text = page(result, buffer.getvalue(), drawn.get_figwidth())
    write_bytes(paths[1], text.encode())
    return paths
