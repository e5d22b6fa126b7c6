"""Methods for modulated devices: discrete ordinates and Fourier's law at a frequency."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from jaxtyping import Array

from jaxneq._core import (
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    setting,
    steady,
)

from ._ballistic import CHOICES, DOC
from ._grid_harmonic import diffusion_wave, transport_wave
from ._grid_methods import AbstractGridMethod, AbstractRayMethod
from ._modulated import ModulatedDevice, ModulatedSolution, gray_half_space, heated_layer


class HarmonicOrdinates(AbstractRayMethod, AbstractSteadyMethod):
    r"""Discrete ordinates at a frequency, one complex solve.

    Rays lag by :math:`i\omega\tau`, which shortens their free paths by :math:`1 + i\omega\tau`. The
    balance of the temperatures is complex and symmetric; it is solved by conjugate gradients with
    the product that is not conjugated, with diffusion with loss as the preconditioner. All free
    paths are followed, because relaxation times matter as well.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (ModulatedDevice,)

    contributions: str = setting(doc=DOC, choices=CHOICES, default="together")

    def steady(self, system: ModulatedDevice) -> ModulatedSolution:
        problem = system.problem(self.cells)
        wave = transport_wave(
            problem,
            self.beams(problem),
            system.angular(),
            self.tolerance_for(problem),
            self.max_iterations,
            apart=self.contributions == "apart",
        )
        return system.solution(wave)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        slow = gray_half_space(30.0, 1e-7, 30)
        yield Case(
            "half-space heated slowly: resistance of its depth",
            lambda: _bulk(steady(slow, cls(angles=2, polar_angles=2)).amplitude),
            1.0,
            1e-2,
            "3 / (C v) times depth less 2/3 layer, and Milne's jump of 0.71 paths at the contact",
        )


class HarmonicFourier(AbstractGridMethod, AbstractSteadyMethod):
    r"""Fourier's law at a frequency, :math:`i\omega C T = \nabla\cdot(\kappa\nabla T) + Q`."""

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (ModulatedDevice,)

    def steady(self, system: ModulatedDevice) -> ModulatedSolution:
        problem = system.problem(self.cells)
        tolerance = self.tolerance_for(problem)
        return system.solution(
            diffusion_wave(problem, system.angular(), tolerance, self.max_iterations)
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        yield Case(
            "half-space heated in a layer: amplitude by Fourier's law",
            lambda: steady(gray_half_space(100.0, 1e-3), cls()).amplitude,
            abs(heated_layer(1e-3, 0.5)),
            5e-3,
            "the diffusion equation",
        )


def _bulk(amplitude: Array) -> Array:
    """Over what is expected of 30 free paths, the first of which is heated."""
    return amplitude / (3 * (30 - 2 / 3 + 0.7104))
