"""The scheme of Leimkuhler and Matthews."""

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
from ._systems import AbstractLangevin, Control, Ensemble, Noise, Overdamped
from ._walker import Walker


class LeimkuhlerMatthews(AbstractIntegrator):
    r"""Euler's step with the mean of the normals of two consecutive steps.

    .. math:: x_{n+1} = x_n + F(x_n)\,dt/\gamma + \sqrt{2 T dt/\gamma}\;(\xi_n + \xi_{n+1})/2

    The limit of `BAOAB` at high friction: one force a step, and averages over the stationary state
    of an equilibrium system are of order 2, in a harmonic well exact (Appl. Math. Res. Express
    2013, 34; Leimkuhler, Matthews and Tretyakov, Proc. R. Soc. A 470, 20140120, 2014). At finite
    times the weak order is 1, and consecutive steps are correlated: not a scheme for work, heat or
    what depends on the path. Friction and temperature that vary in space are refused.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (Overdamped,)
    normals: ClassVar[int] = 1

    def remember(self, system: AbstractLangevin, normals: Noise) -> Noise:
        """The normals before the first step."""
        return normals[: system.noises]

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
        kick = width(system, x, self.dt) * (walker.memory + xi) / 2
        position = x + drift(system, x, control) * self.dt + kick
        walker = overdamped_heat(system, walker, position, control)
        return eqx.tree_at(lambda w: (w.position, w.memory), walker, (position, xi))

    @classmethod
    def validation(cls) -> Iterable[Case]:
        well = Overdamped(potential=Harmonic(stiffness=2.0), temperature=0.5)

        def variance() -> Any:
            method = cls(dt=0.5, replicas=4096)
            return simulate(well, method, key=jax.random.key(1), time=6.0).position_variance

        yield Case(
            "Leimkuhler-Matthews in a harmonic well, k dt / gamma = 1: stationary variance",
            variance,
            0.25,
            5.0,
            "T / k, exact at any stable step",
            error="z",
        )
