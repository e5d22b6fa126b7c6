"""Heun's scheme for additive noise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax

from jaxneq._core import AbstractSystem, Case, simulate

from ._heat import overdamped_heat
from ._increments import check_uniform, drift, width
from ._potentials import Harmonic
from ._sampler import AbstractIntegrator
from ._systems import AbstractLangevin, Control, Ensemble, Overdamped
from ._walker import Walker


class StochasticHeun(AbstractIntegrator):
    r"""An Euler step as predictor, then the mean of two forces: weak order 2.

    .. math:: \tilde x = x + F(x)\,dt/\gamma + \sqrt{2 T dt/\gamma}\;\xi, \qquad
              x' = x + \tfrac12 [F(x) + F(\tilde x)]\,dt/\gamma + \sqrt{2 T dt/\gamma}\;\xi

    The order needs additive noise: friction and temperature that vary in space are refused. In a
    harmonic well, with :math:`h = k\,dt/\gamma`, the stationary variance comes out as
    :math:`(T/k)\,(4 - 2h)/(4 - 2h + h^2)`, and the step must keep :math:`h < 2` (Kloeden and
    Platen, Numerical Solution of Stochastic Differential Equations, Springer 1992, section 15.1).
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (Overdamped,)
    normals: ClassVar[int] = 1

    def check(self, system: AbstractLangevin) -> None:
        super().check(system)
        check_uniform(system, type(self).__name__)

    def move(
        self,
        system: AbstractLangevin,
        walker: Walker,
        normals: tuple[Ensemble, ...],
        control: Control,
    ) -> Walker:
        x, (xi,) = walker.position, normals
        noise, before = width(system, x, self.dt) * xi, drift(system, x, control)
        after = drift(system, x + before * self.dt + noise, control)
        position = x + (before + after) * (self.dt / 2) + noise
        walker = overdamped_heat(system, walker, position, control)
        return eqx.tree_at(lambda w: w.position, walker, position)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        well = Overdamped(potential=Harmonic(stiffness=2.0), temperature=0.5)

        def variance() -> Any:
            method = cls(dt=0.5, replicas=4096)
            return simulate(well, method, key=jax.random.key(1), time=6.0).position_variance

        yield Case(
            "Heun in a harmonic well, k dt / gamma = 1: its own stationary variance",
            variance,
            0.25 * 2 / 3,
            5.0,
            "(T/k) (4 - 2h) / (4 - 2h + h^2)",
            error="z",
        )
