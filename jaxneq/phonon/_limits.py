"""The limits of short and of long mean free paths, which a system states of itself."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from jaxneq._core import AbstractSolution, AbstractSteadyMethod, AbstractSystem, Case, steady

from . import _exact as exact_forms


class AbstractLimiting(AbstractSystem):
    """A system that knows its limits of short and of long mean free paths."""

    @abc.abstractmethod
    def diffusive_limit(self) -> AbstractSolution:
        """The answer for mean free paths far below the size, with the leading correction."""

    @abc.abstractmethod
    def ballistic_limit(self) -> AbstractSolution:
        """The answer for mean free paths far beyond the size."""


class DiffusiveLimit(AbstractSteadyMethod):
    r"""The bulk and the first correction by the walls, for mean free paths far below the size.

    Along a channel of perimeter P and area A, whatever its shape,

    .. math:: \frac{\kappa}{\kappa_{bulk}} = 1 - \frac{3}{16}\,(1 - p)\,\frac{\Lambda P}{A}
              \quad\Rightarrow\quad \text{film } 1 - \tfrac38 (1 - p)\,\mathrm{Kn}, \qquad
              \text{round wire } 1 - \tfrac34 (1 - p)\,\mathrm{Kn} .

    Across a film the two walls are resistances in series with the bulk, each of Milne's
    extrapolation length, :math:`0.7104\Lambda/\kappa = 2.1313 / \sum Cv`, and
    :math:`4 (1/\epsilon - 1) / \sum Cv` where it reflects: exact in a thick gray medium with
    diffuse walls (a mirror adds up to 0.05 paths to the length), an estimate in spectral media,
    where some paths never are short against the thickness.

    Along a film what is left out is exponentially small, in a round wire of third order in Kn, in a
    rectangular one of second (its corners). Where a band's conductivity would be negative the
    status is `outside_domain`.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractLimiting,)

    def steady(self, system: AbstractLimiting) -> AbstractSolution:
        return system.diffusive_limit()

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._channels import gray_film, gray_wire

        yield Case(
            "across a gray film, Kn = 0.01: flux over ballistic flux",
            lambda: steady(_across(100.0), cls()).conductivity * 4,
            lambda: exact_forms.thick_film_flux(100.0),
            1e-12,
            "Milne's extrapolation length at either wall",
        )
        for name, channel, exact in (
            ("film", gray_film(0.1, 0.5), 1 - 3 / 160),
            ("round wire", gray_wire(0.1, 0.5), 1 - 3 / 80),
        ):
            yield Case(
                f"gray {name}, Kn = 0.1, half specular: conductivity over that of the bulk",
                lambda channel=channel: steady(channel, cls()).suppression[0],
                exact,
                1e-12,
                "1 - (3/16) (1 - p) Lambda P / A",
            )


class BallisticLimit(AbstractSteadyMethod):
    r"""No collisions inside, for mean free paths far beyond the size.

    Across a film, :math:`\kappa = \tfrac14 L \sum Cv \,/\, (1/\epsilon_1 + 1/\epsilon_2 - 1)`.

    A round wire has Casimir's conductivity (Physica 5, 495, 1938) with the factor of Berman,
    Foster and Ziman (Proc. R. Soc. A 231, 130, 1955); a film has none, for its grazing phonons
    always collide first, and falls logarithmically:

    .. math:: \text{wire } \kappa = \tfrac13 C v D\,\frac{1 + p}{1 - p}, \qquad \text{film }
              \frac{\kappa}{\kappa_{bulk}} = \frac{3}{4\,\mathrm{Kn}}\,\frac{1 + p}{1 - p}
              \left(\ln\mathrm{Kn} + 1 - \gamma - \langle\ln n\rangle\right)

    with Euler's :math:`\gamma` and the mean over the numbers n of crossings between two diffuse
    reflections, weighted :math:`n^2 p^{n-1}`. The film's form leaves out
    :math:`O(\mathrm{Kn}^{-2} \ln \mathrm{Kn})`; where it is negative the status is
    `outside_domain`.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractLimiting,)

    def steady(self, system: AbstractLimiting) -> AbstractSolution:
        return system.ballistic_limit()

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._channels import RectangularWire, gray_film, gray_wire

        square = RectangularWire(gray_film(10.0).material, width=1.0, height=1.0)
        yield Case(
            "gray square wire, Kn = 10: conductivity over that of the bulk",
            lambda: steady(square, cls()).suppression[0],
            0.15 * np.log(1 + np.sqrt(2)) - 0.05 * (np.sqrt(2) - 1),
            1e-6,
            "Casimir's length of a square, 1.11495 sides, integrated in closed form",
        )
        yield Case(
            "gray round wire, Kn = 100, half specular: conductivity over that of the bulk",
            lambda: steady(gray_wire(100.0, 0.5), cls()).suppression[0],
            0.03,
            1e-12,
            "(1 + p) / (1 - p) / Kn",
        )
        yield Case(
            "across a gray film, Kn = 1e4: flux over ballistic flux",
            lambda: 4 * steady(_across(1e-4), cls()).conductivity,
            1.0,
            1e-12,
            "black walls exchange sum C v / 4",
        )
        yield Case(
            "gray film, Kn = 1000: conductivity over that of the bulk",
            lambda: steady(gray_film(1e3), cls()).suppression[0],
            3 / 4e3 * (np.log(1e3) + 1 - np.euler_gamma),
            1e-12,
            "(3 / 4 Kn) (ln Kn + 1 - gamma)",
        )


def _across(optical_thickness: float) -> AbstractSystem:
    from ._films import gray_film

    return gray_film(optical_thickness)
