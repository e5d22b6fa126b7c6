"""The Gaussian that an Ornstein-Uhlenbeck process is, in closed form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractEvolveMethod,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Status,
    evolve,
)

from ._ornstein_uhlenbeck import OrnsteinUhlenbeck, TrapSteadyState, TrapTransient


class GaussianMoments(AbstractSteadyMethod, AbstractEvolveMethod):
    r"""Mean and variance of the position, which relax exponentially.

    .. math:: m(t) = m_\infty + (m_0 - m_\infty)\,e^{-kt/\gamma}, \qquad
              s^2(t) = s^2_\infty + (s^2_0 - s^2_\infty)\,e^{-2kt/\gamma}
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (OrnsteinUhlenbeck,)

    def steady(self, system: OrnsteinUhlenbeck) -> TrapSteadyState:
        force = system.friction * system.velocity / system.temperature
        return TrapSteadyState(
            mean_position=system.lag,
            variance=system.temperature / system.stiffness,
            power=-system.stiffness * system.lag * system.velocity,
            velocity=system.velocity,
            force=force,
            entropy_production=force * system.velocity,
            conservation_residual=jnp.zeros_like(force),
            status=Status.of("success"),
            stats={},
        )

    def evolve(
        self, system: OrnsteinUhlenbeck, *, times: Float[Array, " time"], initial: Any
    ) -> TrapTransient:
        """`initial` is (mean, variance) at time 0, by default equilibrium in the trap at rest."""
        k, gamma, temperature = system.stiffness, system.friction, system.temperature
        final = temperature / k
        mean, variance = (0.0, final) if initial is None else initial
        decay = jnp.exp(-system.rate * times)
        mean = system.lag + (mean - system.lag) * decay
        variance = final + (variance - final) * decay**2

        mean_velocity = -k * mean / gamma
        spreading = (temperature - k * variance) / gamma
        drag_force, spreading_force = -k * mean / temperature, 1 / variance - 1 / final
        power = -k * mean * system.velocity
        heat_rate = -k * mean * mean_velocity - k * spreading
        energy_rate = k * mean * (mean_velocity - system.velocity) + k * spreading
        scale = jnp.max(jnp.abs(power) + jnp.abs(heat_rate) + jnp.abs(energy_rate))
        unbalanced = jnp.max(jnp.abs(power - heat_rate - energy_rate))
        return TrapTransient(
            time=times,
            mean_position=mean,
            variance=variance,
            power=power,
            heat_rate=heat_rate,
            energy_rate=energy_rate,
            mean_velocity=mean_velocity,
            drag_force=drag_force,
            spreading=spreading,
            spreading_force=spreading_force,
            entropy_production=mean_velocity * drag_force + spreading * spreading_force,
            conservation_residual=unbalanced / jnp.where(scale > 0, scale, 1),
            status=Status.of("success"),
            stats={},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        trap = OrnsteinUhlenbeck(stiffness=2.0, velocity=1.0)
        yield Case(
            "dragged trap from rest: mean position after one relaxation time",
            lambda: evolve(trap, cls(), times=jnp.array([0.5])).mean_position[0],
            -0.5 * (1 - 0.36787944117144233),
            1e-12,
            "(1 - 1/e) of the stationary lag",
        )
