"""What a motor does in its stationary state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractSolution,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Status,
    quantity,
    steady,
)
from jaxneq.thermodynamics import current_statistics, stationary_distribution

from ._motors import BOLTZMANN, AbstractMotor, TwoStateMotor, counted


class MotorState(AbstractSolution):
    r"""A motor at work: how fast, how regularly, and at what cost.

    The entropy production, in units of k_B per second, is
    :math:`\sigma = r\,\Delta\mu/k_BT - F v/k_BT`, that of the fuel less that of the work done. The
    efficiency is bounded by the velocity and its fluctuations alone (Pietzonka, Barato and Seifert,
    J. Stat. Mech. 124004, 2016): :math:`\eta \le 1/(1 + v k_BT/D F)`.
    """

    primary: ClassVar[str] = "velocity"

    velocity: Float[Array, ""] = quantity(unit="m/s", doc="Mean velocity", scale="linear")
    diffusion: Float[Array, ""] = quantity(unit="m2/s", doc="Diffusion coefficient D")
    randomness: Float[Array, ""] = quantity(label="randomness r", doc="2 D over velocity and step")
    turnover: Float[Array, ""] = quantity(unit="1/s", doc="Fuel molecules used per time")
    steps_per_fuel: Float[Array, ""] = quantity(doc="Net steps for each fuel molecule")
    output: Float[Array, ""] = quantity(unit="W", doc="Work done against the load per time")
    input: Float[Array, ""] = quantity(unit="W", doc="Free energy of the fuel used per time")
    efficiency: Float[Array, ""] = quantity(doc="Output over input")
    efficiency_bound: Float[Array, ""] = quantity(
        reference_for="efficiency", doc="Bound on the efficiency by the uncertainty relation"
    )
    uncertainty_product: Float[Array, ""] = quantity(
        bound=2.0, doc="2 D times entropy production over squared velocity; at least 2"
    )
    load_affinity: Float[Array, ""] = quantity(unit="1/m", doc="Minus the load over k_B T")
    fuel_affinity: Float[Array, ""] = quantity(doc="Energy of a fuel molecule over k_B T")
    entropy_production: Float[Array, ""] = quantity(
        unit="1/s", doc="Rate of entropy production over k_B"
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="First law: entropy of the edges less that of fuel and work, relative"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"step": self.velocity, "fuel": self.turnover}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"step": self.load_affinity, "fuel": self.fuel_affinity}


class MotorCycle(AbstractSteadyMethod):
    """Velocity, turnover and their fluctuations from the stationary state, exact."""

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractMotor,)

    def check(self, system: AbstractMotor) -> None:
        system.known_network.check_irreducible("MotorCycle")

    def steady(self, system: AbstractMotor) -> MotorState:
        edges = system.network.edges
        probability = stationary_distribution(edges.rates)
        drift, spread = current_statistics(edges, counted(system, edges.forward.dtype))
        energy = BOLTZMANN * system.temperature
        velocity, diffusion = system.step * drift[0], system.step**2 * spread[0, 0] / 2
        turnover, affinity = drift[1], system.fuel_affinity
        load_affinity = -system.load / energy
        produced = velocity * load_affinity + turnover * affinity
        by_edges = jnp.sum(edges.entropy_production(probability))
        output, taken = system.load * velocity, turnover * affinity * energy
        # What rounding leaves of the gross flow is no motion.
        ahead, back = edges.fluxes(probability)
        least = 256 * jnp.finfo(ahead.dtype).eps * jnp.sum(ahead + back)
        moving, fed = jnp.abs(drift[0]) > least, jnp.abs(turnover) > least
        known = jnp.where(moving, velocity, 1)
        pulled = energy * velocity**2 / diffusion + output
        gross = jnp.sum((ahead + back) * jnp.abs(edges.asymmetry))
        residual = jnp.abs(by_edges - produced) / gross
        return MotorState(
            velocity=velocity,
            diffusion=diffusion,
            randomness=jnp.where(moving, 2 * diffusion / (known * system.step), jnp.inf),
            turnover=turnover,
            steps_per_fuel=jnp.where(fed, drift[0] / jnp.where(fed, turnover, 1), 0),
            output=output,
            input=taken,
            efficiency=jnp.where(fed, output / jnp.where(fed, taken, 1), 0),
            efficiency_bound=jnp.where(moving, output / jnp.where(moving, pulled, 1), 0),
            uncertainty_product=jnp.where(moving, 2 * diffusion * produced / known**2, jnp.inf),
            load_affinity=load_affinity,
            fuel_affinity=affinity,
            entropy_production=produced,
            conservation_residual=residual,
            status=Status.first_true(
                reducible=~jnp.all((probability > 0) & jnp.isfinite(probability)),
                not_accurate=~(residual < jnp.sqrt(jnp.finfo(residual.dtype).eps)),
            ),
            stats={},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        motor = TwoStateMotor(forward=jnp.full(2, 3.0), backward=jnp.ones(2))

        def found() -> Any:
            return steady(motor, cls())

        source = "equal half steps: a random walk"
        yield Case("randomness", lambda: found().randomness, 1.0, 1e-12, source)
        yield Case("efficiency without a load", lambda: found().efficiency, 0.0, 1e-12, source,
                   error="absolute")  # fmt: skip
