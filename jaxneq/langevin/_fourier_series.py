"""A periodic potential from its Fourier coefficients: any smooth ratchet."""

from __future__ import annotations

import math
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import parameter
from jaxneq._kernels import elementary

from ._potentials import AbstractPotential, Control, Position

PerMode = Float[Array, " mode"]


class FourierSeries(AbstractPotential):
    r"""A potential of period :math:`2\pi` from its Fourier coefficients.

    .. math:: U = \sum_{k=1}^{K} (a_k \cos k x + b_k \sin k x)

    It is a ratchet where no shift makes it even. `TiltedCosine` is :math:`a_1 = -V_0`, `Sawtooth`
    is :math:`b_1 = V`, :math:`b_2 = V a/4`.
    """

    dimension: ClassVar[int] = 1
    period: ClassVar[float | None] = 2 * math.pi

    cosines: PerMode = parameter(doc="Coefficients a of the cosines, from k = 1", dims=("mode",))
    sines: PerMode = parameter(doc="Coefficients b of the sines, from k = 1", dims=("mode",))

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        waves = self._waves(position[0])
        return sum(a * c + b * s for a, b, (c, s) in zip(self.cosines, self.sines, waves))

    def gradient(self, position: Position, control: Control) -> Position:
        waves = enumerate(self._waves(position[0]), 1)
        each = zip(self.cosines, self.sines, waves)
        return sum(k * (b * c - a * s) for a, b, (k, (c, s)) in each)[None]

    def _waves(self, x: Float[Array, ""]) -> list[tuple[Array, Array]]:
        """Cosine and sine of k x for each k: one of each is computed, the others follow."""
        cosine, sine = elementary.cosine(x), elementary.sine(x)
        waves = [(cosine, sine)]
        for _ in range(self.cosines.shape[0] - 1):
            c, s = waves[-1]
            waves.append((c * cosine - s * sine, s * cosine + c * sine))
        return waves
