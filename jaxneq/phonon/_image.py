"""Shapes read from images."""

from __future__ import annotations

import hashlib
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxneq._core import AbstractRead, Scalar, named, parameter, part

from ._shapes import AbstractShape, Points


class ImageFile(AbstractRead):
    """Brightnesses between 0, black, and 1, white; the first row is the uppermost."""

    brightness: Float[Array, "row column"]
    path: str = eqx.field(static=True)

    @property
    def digest(self) -> str:
        return hashlib.sha256(np.asarray(self.brightness).tobytes()).hexdigest()

    @classmethod
    def named(cls, name: str) -> ImageFile:
        """A PNG file, colours as their luminance; or a text file of rows of brightnesses.

        **Raises:** `ValueError` for a file that is missing or is neither.
        """
        path = Path(name).expanduser()
        if not path.is_file():
            raise ValueError(f"there is no file {path}. Give the path of a PNG or a text file.")
        brightness = _from_png(path) if path.suffix.lower() == ".png" else _from_text(path)
        return cls(brightness=jnp.asarray(brightness, jnp.result_type(float)), path=name)


class ImageMask(AbstractShape):
    """What is dark in an image laid over the plane of x and y; in three dimensions along all of z.

    A point belongs to the pixel that it lies in; none are outside the image.
    """

    name: str = named(doc="Name of the image")
    file: ImageFile = part(
        ImageFile, doc="Path of a PNG file, or of a text file of rows of brightnesses from 0 to 1"
    )
    center: Float[Array, " axis"] = parameter(dims=("axis",), doc="Its middle: x and y")
    size: Float[Array, " axis"] = parameter(
        dims=("axis",), range="(0, inf)", doc="Its width and its height"
    )
    threshold: Scalar = parameter(
        range="[0, 1]", doc="Brightness below which a pixel is inside", default=0.5
    )

    def inside(self, points: Points) -> Bool[Array, "*cells"]:
        dark = self.file.brightness < self.threshold
        rows, columns = dark.shape
        x, y = (
            (points[..., k] - self.center[k]) / self.size[k] + 0.5 for k in range(2)
        )  # from 0 to 1
        column, row = jnp.floor(x * columns), jnp.floor((1 - y) * rows)
        there = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        at = tuple(jnp.where(there, place, 0).astype(int) for place in (row, column))
        return there & dark[at]

    @property
    def dimensions(self) -> tuple[int, ...]:
        return (2, 3)


def _from_png(path: Path) -> np.ndarray:
    from PIL import Image  # slow, and seldom needed

    try:
        with Image.open(path, formats=["PNG"]) as image:
            depth = 65535 if image.mode.startswith("I") else 255
            gray = image if depth == 65535 else image.convert("L")
            return np.asarray(gray, float) / depth
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is no whole PNG file ({error}). Save the image again.") from None


def _from_text(path: Path) -> np.ndarray:
    try:
        rows = np.loadtxt(path, ndmin=2)
    except ValueError as error:  # which bytes that are no text are, too
        raise ValueError(
            f"{path} is no text file of rows of numbers ({error}). Give as many in each row, "
            "between them blanks; or the path of a PNG file."
        ) from None
    if rows.size == 0 or not np.all((rows >= 0) & (rows <= 1)):
        raise ValueError(
            f"{path} holds no numbers, or some that are not brightnesses. Give numbers from 0, "
            "black, to 1, white."
        )
    return rows
