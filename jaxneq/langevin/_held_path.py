"""The probability of a sampled path, as a function of the parameters of the system."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, final

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from jaxneq._core import AbstractSystem, Case

from ._heat import overdamped_heat
from ._increments import drift, width
from ._sampler import AbstractIntegrator
from ._systems import AbstractLangevin, Control, Ensemble, Noise, Overdamped, PerReplica
from ._walker import Walker


@final
class HeldPath(AbstractIntegrator):
    r"""The paths of `EulerMaruyama`, held while the parameters change: only their weight does.

    The memory of the walker is the logarithm of the probability density of its path,

    .. math:: \ln p = -\sum_n \frac{[x_{n+1} - x_n - a(x_n)\,dt]^2}{2 s_n^2} - \ln s_n ,
              \qquad s_n^2 = 2 T dt/\gamma ,

    with the drift :math:`a`. Its derivative at fixed positions is the score: for a parameter of
    the drift the sum of :math:`\xi_n\,\partial_\theta a\,dt/s_n` (Glynn, Commun. ACM 33, 75, 1990;
    Warren and Allen, Phys. Rev. Lett. 109, 250601, 2012, who call it a Malliavin weight). Work and
    heat change with the parameters directly.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (Overdamped,)
    normals: ClassVar[int] = 1

    def remember(self, system: AbstractLangevin, normals: Noise) -> PerReplica:
        """The logarithm of the probability of nothing yet."""
        return jnp.zeros_like(normals[0])

    def move(
        self,
        system: AbstractLangevin,
        walker: Walker,
        normals: tuple[Ensemble, ...],
        control: Control,
    ) -> Walker:
        x, (xi,) = walker.position, normals
        mean = x + drift(system, x, control) * self.dt
        spread = jnp.broadcast_to(width(system, x, self.dt), x.shape)
        position = lax.stop_gradient(mean + spread * xi)
        density = -(((position - mean) / spread) ** 2) / 2 - jnp.log(spread)
        walker = overdamped_heat(system, walker, position, control)
        return eqx.tree_at(
            lambda w: (w.position, w.memory),
            walker,
            (position, walker.memory + density.sum(axis=0)),
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        return ()  # of `sensitivity`, which alone makes it
