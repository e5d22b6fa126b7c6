"""The Euler-Maruyama scheme."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax

from jaxneq._core import AbstractSystem, Case, simulate

from ._heat import overdamped_heat
from ._increments import drift, width
from ._potentials import Harmonic, TiltedCosine
from ._sampler import AbstractIntegrator
from ._systems import AbstractLangevin, Control, Noise, Overdamped
from ._walker import Walker


class EulerMaruyama(AbstractIntegrator):
    r"""The simplest step, of weak order 1, for friction and temperature of any form.

    .. math:: x' = x + \left[F(x)/\gamma + T\,\partial_x\gamma^{-1}\right] dt
              + \sqrt{2 T dt/\gamma}\;\xi

    In a harmonic well the stationary variance comes out as
    :math:`(T/k)/(1 - k\,dt/2\gamma)`.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (Overdamped,)
    normals: ClassVar[int] = 1

    def move(
        self,
        system: AbstractLangevin,
        walker: Walker,
        normals: tuple[Noise, ...],
        control: Control,
    ) -> Walker:
        x, (xi,) = walker.position, normals
        position = x + drift(system, x, control) * self.dt + width(system, x, self.dt) * xi
        walker = overdamped_heat(system, walker, position, control)
        return eqx.tree_at(lambda w: w.position, walker, position)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        well = Overdamped(potential=Harmonic(stiffness=2.0), temperature=0.5)

        def variance() -> Any:
            method = cls(dt=0.1, replicas=4096)
            return simulate(well, method, key=jax.random.key(1), time=6.0).position_variance

        yield Case(
            "Euler-Maruyama in a harmonic well: its own stationary variance",
            variance,
            0.25 / (1 - 0.1),
            5.0,
            "(T/k) / (1 - k dt / 2 gamma)",
            error="z",
        )
        ring = Overdamped(potential=TiltedCosine(amplitude=1.0, force=0.7), temperature=0.3)

        def response() -> Any:
            from ._sensitivity import sensitivity  # which names this class

            plan = {"key": jax.random.key(0), "time": 10.0, "where": lambda s: s.potential.force}
            method = cls(dt=0.01, replicas=4096)
            return sensitivity(lambda s: s.position, ring, method, **plan).gradient

        yield Case(
            "Euler-Maruyama on a washboard: derivative of the mean position by the force, t = 10",
            response,
            7.2386971459772464,
            5.0,
            "transfer operator of the chain, differences",
            error="z",
        )
