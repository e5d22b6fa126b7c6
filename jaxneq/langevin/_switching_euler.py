"""Steps of a flashing ratchet: Euler and Maruyama's for the position, exact ones for the state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from jaxneq._core import AbstractSystem, Case, is_concrete, simulate

from ._flashing_ratchet import FlashingRatchet
from ._heat import overdamped_heat
from ._increments import width
from ._potentials import TiltedCosine
from ._sampler import AbstractIntegrator
from ._systems import AbstractLangevin, Control, Noise
from ._walker import Walker


class SwitchingEuler(AbstractIntegrator):
    r"""A step of Euler and Maruyama at a fixed state, then a switch at a fixed position.

    In a step each channel switches with the probability :math:`w\,dt` of its own rate. So it obeys
    local detailed balance at any step, the two states have their stationary shares where the
    position rests, and the fuel is used at its rate there. The weak order is 1.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (FlashingRatchet,)
    differentiate_instead: ClassVar[str] = "TwoRings"
    normals: ClassVar[int] = 1

    def move(
        self,
        system: FlashingRatchet,
        walker: Walker,
        normals: tuple[Noise, ...],
        control: Control,
    ) -> Walker:
        (x, state, used), (xi, other) = walker.position, normals[0]
        on = state > 0
        force = system.force(walker.position, control)[0]
        x = x + force / system.friction * self.dt + width(system, walker.position, self.dt) * xi
        rates = system.switching(x[None])
        by_fuel = self.dt * jnp.where(on, rates.fuel_off, rates.fuel_on)
        either = by_fuel + self.dt * jnp.where(on, rates.thermal_off, rates.thermal_on)
        drawn = ndtr(other)
        used = used + jnp.where(drawn < by_fuel, 1 - 2 * state, 0)
        state = jnp.where(drawn < either, 1 - state, state)
        position = jnp.stack([x, state, used])
        walker = overdamped_heat(system, walker, position, control)
        return eqx.tree_at(lambda w: w.position, walker, position)

    def check(self, system: FlashingRatchet) -> None:
        super().check(system)
        if not all(map(is_concrete, jax.tree.leaves((system, self, jnp.zeros(()))))):
            return
        fastest, dt = float(_fastest_switching(system)), float(self.dt)
        if fastest * dt > 1:
            raise ValueError(
                f"SwitchingEuler: dt = {dt:g} is too long for switching at the rate {fastest:g}. "
                f"Give dt well below {1 / fastest:.3g}."
            )

    @classmethod
    def differentiable(cls, system: AbstractLangevin) -> tuple[str, ...]:
        return ()  # a path that switches jumps

    @classmethod
    def validation(cls) -> Iterable[Case]:
        flat = TiltedCosine(amplitude=0.0)
        plan: dict[str, Any] = {"load": 0.4, "friction": 2.0, "temperature": 0.5}
        bare = FlashingRatchet(off=flat, on=flat, fuel_rate=3.0, fuel_affinity=1.0, **plan)

        def found(name: str) -> Any:
            method = cls(dt=0.01, replicas=2048)
            end = simulate(bare, method, key=jax.random.key(0), time=24.0, burn_in=4.0)
            return jax.tree.map(lambda each: each[2], getattr(end, name))

        yield Case(
            "no potential, sampled: fuel used per time",
            lambda: found("velocity"),
            0.375 * 0.7615941559557649,
            5.0,
            "omega_f omega_t tanh(Delta mu / 2 T) / 2 (omega_f + omega_t)",
            error="z",
        )


@eqx.filter_jit
def _fastest_switching(system: FlashingRatchet) -> Float[Array, ""]:
    """The largest sum of all rates, at 64 places."""
    places = jnp.linspace(0, system.period, 64, dtype=system.dtype)
    return jnp.max(sum(system.switching(places[None])))
