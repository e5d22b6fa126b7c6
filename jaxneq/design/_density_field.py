"""Layouts: a field of densities between void and solid, with a length scale and a given volume."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import Scalar, parameter, setting

from ._spaces import AbstractSpace, Bounded
from ._threshold import threshold

Field = Float[Array, "x y"]


class DensityField(AbstractSpace):
    r"""Densities of the cells of a plane, from 0 (void) to 1 (solid), driven to these ends.

    Numbers between 0 and 1 are averaged with the weights :math:`\max(0, 1 - d/R)` over the distance
    d, in cells, up to `radius`, and sharpened,

    .. math:: \rho = \frac{\tanh\beta\eta + \tanh\beta(\tilde\rho - \eta)}
              {\tanh\beta\eta + \tanh\beta(1 - \eta)}

    with a `sharpness` :math:`\beta` that rises over the steps from 1 to the one given, in equal
    ratios. With a `volume` the threshold :math:`\eta` is the one at which the mean of
    :math:`\rho` is that, so that the volume holds at every step; otherwise it is 1/2. What starts
    is averaged and sharpened too. Where the parameter has no value, the field begins with the
    `volume` and a random pattern of `contrast`.

    Source: F. Wang, B. S. Lazarov and O. Sigmund, Struct. Multidisc. Optim. 43, 767 (2011).
    """

    cells: int = setting(
        range="[2, inf)", doc="Cells along each axis, of a field to begin with", default=32
    )
    radius: Scalar = parameter(range="(0, inf)", doc="Radius of the average, in cells", default=1.5)
    sharpness: Scalar = parameter(range="[1, inf)", doc="Sharpness beta at the end", default=32.0)
    volume: Scalar | None = parameter(range="(0, 1)", doc="Mean density", default=None)
    symmetry: str = setting(
        doc="What leaves it as it is: mirrors of both axes, or those of a square",
        choices=("none", "mirrors", "square"),
        default="none",
    )
    ends: str = setting(
        doc="What lies beyond the ends", choices=("periodic", "mirrored"), default="periodic"
    )
    contrast: Scalar = parameter(
        range="(0, 0.5)", doc="Standard deviation of the pattern to begin with", default=0.1
    )
    seed: int = setting(doc="Seed of that pattern", default=0)
    refinement: int = setting(
        range="[1, inf)", doc="Cells along an axis for one, when the layout is final", default=1
    )

    def begin(self) -> Field:
        """A field to start with."""
        mean = 0.5 if self.volume is None else float(self.volume)
        pattern = np.random.default_rng(self.seed).normal(size=(self.cells, self.cells))
        values = mean + float(self.contrast) * pattern
        return jnp.asarray(np.clip(values, 0.01, 0.99), jnp.result_type(float))

    def coordinates(self, values: Field) -> Field:
        return _box(values).coordinates(values)

    def __call__(self, coordinates: Field, start: Field, progress: Array) -> Field:
        smooth = self._average(self._symmetric(_box(start)(coordinates, start, progress)))
        sharpness = self.sharpness.astype(start.dtype) ** progress.astype(start.dtype)
        half = jnp.full((), 0.5, start.dtype)
        threshold = half if self.volume is None else self._threshold(smooth, sharpness)
        return _sharpened(smooth, sharpness, threshold)

    def check(self, name: str, values: Any) -> None:
        if np.ndim(values) != 2:
            raise ValueError(f"DensityField: {name} has shape {np.shape(values)}. Give a plane.")
        if self.symmetry == "square" and len(values) != len(values[0]):
            raise ValueError(
                f"DensityField: {name} has shape {np.shape(values)}, and the symmetry of a square. "
                "Give as many cells along both axes."
            )
        inside = (np.asarray(values) > 0) & (np.asarray(values) < 1)
        if not np.all(inside):
            raise ValueError(
                f"DensityField: {name} has {np.sum(~inside)} cells at 0 or 1 or outside, where "
                "nothing moves. Start with densities between."
            )

    def settled(self, values: Field) -> Float[Array, "_ _"]:
        """The final layout, of 0 and 1 alone, each cell as many as `refinement` says."""
        binary = jnp.where(values > 0.5, jnp.ones_like(values), jnp.zeros_like(values))
        return jnp.repeat(jnp.repeat(binary, self.refinement, axis=0), self.refinement, axis=1)

    def _symmetric(self, values: Field) -> Field:
        if self.symmetry == "none":
            return values
        values = (values + values[::-1] + values[:, ::-1] + values[::-1, ::-1]) / 4
        return (values + values.T) / 2 if self.symmetry == "square" else values

    def _average(self, values: Field) -> Field:
        """The circular convolution with the cone; mirrored ends by the field beside its images."""
        rows, columns = values.shape
        if self.ends == "mirrored":
            values = jnp.concatenate([values, values[::-1]])
            values = jnp.concatenate([values, values[:, ::-1]], axis=1)
        x, y = (_distances(size, values.dtype) for size in values.shape)
        weight = jnp.maximum(0, 1 - jnp.hypot(x[:, None], y[None, :]) / self.radius.astype(x.dtype))
        spectrum = jnp.fft.rfft2(weight / jnp.sum(weight)) * jnp.fft.rfft2(values)
        return jnp.fft.irfft2(spectrum, s=values.shape)[:rows, :columns]

    def _threshold(self, smooth: Field, sharpness: Array) -> Array:
        """Where the mean is the volume."""
        assert self.volume is not None
        volume, zero = self.volume.astype(smooth.dtype), jnp.zeros((), smooth.dtype)
        return threshold(
            lambda at: jnp.mean(_sharpened(smooth, sharpness, at)) - volume, zero, zero + 1
        )


def _box(like: Field) -> Bounded:
    return Bounded(low=jnp.zeros((), like.dtype), high=jnp.ones((), like.dtype))


def _distances(size: int, dtype) -> Array:
    index = np.arange(size)
    return jnp.asarray(np.minimum(index, size - index), dtype)


def _sharpened(values: Field, sharpness: Array, threshold: Array) -> Field:
    low = jnp.tanh(sharpness * threshold)
    return (low + jnp.tanh(sharpness * (values - threshold))) / (
        low + jnp.tanh(sharpness * (1 - threshold))
    )
