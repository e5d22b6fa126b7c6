"""The Euler-Maruyama scheme."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from jaxneq._core import AbstractSystem, Case, simulate

from ._heat import overdamped_heat
from ._potentials import Harmonic
from ._sampler import AbstractIntegrator, Walker
from ._systems import AbstractLangevin, Control, Ensemble, Noise, Overdamped


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
        mobility = 1 / system.friction_at(x)
        drift = mobility * system.force(x, control)
        if not system.uniform:
            drift = drift + system.temperature_at(x) * _own_derivative(
                lambda at: 1 / system.friction_at(at), x
            )
        width = jnp.sqrt(2 * mobility * system.temperature_at(x) * self.dt)
        position = x + drift * self.dt + width * xi
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


def _own_derivative(function: Any, x: Ensemble) -> Ensemble:
    """The derivative of each component along its own coordinate."""

    def along(index: int) -> Any:
        unit = jnp.zeros_like(x).at[index].set(1)
        return jax.jvp(lambda at: jnp.broadcast_to(function(at), x.shape), (x,), (unit,))[1][index]

    return jnp.stack([along(index) for index in range(x.shape[0])])
