"""From a result file to a figure and a page beside it, and from a material to a figure."""

from __future__ import annotations

import io
import os
from pathlib import Path

from matplotlib.figure import Figure

from jaxneq._core import Preview
from jaxneq.materials import AbstractPhononMaterial, PhononBands
from jaxneq.store import read_result, write_bytes

from ._figure import figure
from ._geometry import geometry_figure
from ._material import material_figure
from ._page import page


def build(directory: str | os.PathLike) -> tuple[Path, Path]:
    """Read ``result.h5`` in `directory`; write ``figure.png`` and ``report.html`` beside it.

    **Returns:** the two paths.

    **Raises:** `ValueError` if there is no whole result, `OSError` if it cannot be written.
    """
    directory = Path(directory)
    result = read_result(directory / "result.h5")
    drawn = figure(result)
    image = _png(drawn)
    paths = directory / "figure.png", directory / "report.html"
    write_bytes(paths[0], image)
    write_bytes(paths[1], page(result, image, drawn.get_figwidth()).encode())
    return paths


def build_material(
    directory: str | os.PathLike, title: str, material: AbstractPhononMaterial, bands: PhononBands
) -> Path:
    """Draw ``material.png`` in `directory` (see `material_figure`).

    **Returns:** the path.

    **Raises:** `OSError` if it cannot be written.
    """
    image = _png(material_figure(title, material, bands))
    path = Path(directory) / "material.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, image)
    return path


def build_geometry(path: Path, title: str, preview: Preview) -> None:
    """Draw a structure at `path` (see `geometry_figure`).

    **Raises:** `OSError` if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, _png(geometry_figure(title, preview)))


def _png(drawn: Figure) -> bytes:
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
