"""A flashing ratchet followed along its paths: what it does, what it costs, how precise it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq import thermodynamics
from jaxneq._core import (
    AbstractSystem,
    Case,
    Estimate,
    quantity,
    simulate,
)

from ._experiment import AbstractExperiment, AbstractFindings
from ._flashing_ratchet import FlashingRatchet
from ._potentials import Sawtooth, TiltedCosine
from ._switching_euler import SwitchingEuler
from ._two_rings import TwoRings
from ._walker import LangevinState


class MotorEnsemble(AbstractFindings):
    r"""A flashing ratchet along its paths, with the names of `MotorState`.

    The first law holds on every path, :math:`Q = \Delta\mu\,n - F\Delta x - \Delta U`, and its heat
    over T is the entropy produced once the state is stationary. The uncertainty product is that of
    the displacement in the time counted, :math:`\mathrm{var}(\Delta x)\,\langle Q\rangle / T
    \langle\Delta x\rangle^2 \ge 2`; one that lies below by more than its error started before the
    state was stationary. `ensemble` is the ensemble itself, of position, state and fuel used.
    """

    primary: ClassVar[str] = "velocity"

    velocity: Estimate = quantity(doc="Mean displacement per time")
    diffusion: Estimate = quantity(doc="Variance of the displacement over twice the time")
    turnover: Estimate = quantity(doc="Fuel molecules used per time")
    turnover_diffusion: Estimate = quantity(doc="Variance of the fuel used over twice the time")
    on: Estimate = quantity(doc="Share of the paths that are on at the end")
    load_affinity: Float[Array, ""] = quantity(doc="Minus the load over the temperature")
    fuel_affinity: Float[Array, ""] = quantity(doc="Affinity of the fuel over the temperature")
    energy_affinity: Float[Array, ""] = quantity(doc="Minus the inverse temperature")
    energy_rate: Estimate = quantity(doc="Change of energy per time: 0 once stationary")
    output: Estimate = quantity(doc="Power F v delivered to the load")
    input: Estimate = quantity(doc="Power taken from the fuel")
    efficiency: Estimate = quantity(doc="Power delivered over power taken up")
    uncertainty_product: Estimate = quantity(bound=2.0, doc="2 D sigma / v^2, at least 2")
    path_displacement: Float[Array, " replica"] = quantity(
        doc="Displacement of each path", dims=("replica",), panel=True
    )
    path_fuel: Float[Array, " replica"] = quantity(
        doc="Fuel molecules used on each path", dims=("replica",), panel=False
    )
    path_heat: Float[Array, " replica"] = quantity(
        doc="Heat of each path", dims=("replica",), panel=False
    )

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {
            "drift": self.velocity.value,
            "fuel": self.turnover.value,
            "energy": self.energy_rate.value,
        }

    @property
    def forces(self) -> Mapping[str, Array]:
        return {
            "drift": self.load_affinity,
            "fuel": self.fuel_affinity,
            "energy": self.energy_affinity,
        }


class SampledMotor(AbstractExperiment):
    """Paths of a flashing ratchet, and its efficiency and precision from them.

    Each replica starts on and in a well; `burn_in` must be long enough for the stationary state.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (FlashingRatchet,)

    def finish(self, system: FlashingRatchet, state: LangevinState, **plan: Any) -> MotorEnsemble:
        found = self.ensemble(system, state, **plan)
        moved, _, used = found.position - found.start
        of, time = Estimate.from_samples, found.time
        velocity, turnover = of(moved / time), of(used / time)
        done, taken = system.load * moved, system.fuel_affinity * used
        precision = thermodynamics.uncertainty_relation(moved, found.path_entropy)

        def coordinate(number: int) -> Any:
            return jax.tree.map(lambda each: each[number], found.diffusion)

        return MotorEnsemble.beside(
            found,
            velocity=velocity,
            diffusion=coordinate(0),
            turnover=turnover,
            turnover_diffusion=coordinate(2),
            on=of(found.position[1]),
            load_affinity=-system.load / system.temperature,
            fuel_affinity=system.fuel_affinity / system.temperature,
            energy_affinity=-1 / system.temperature,
            energy_rate=found.energy_change.scaled(1 / time),
            output=of(done / time),
            input=of(taken / time),
            efficiency=_ratio(done, taken),
            uncertainty_product=precision.product,
            path_displacement=moved,
            path_fuel=used,
            path_heat=found.path_heat[0],
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        motor = FlashingRatchet(
            off=TiltedCosine(amplitude=0.0),
            on=Sawtooth(amplitude=3.0),
            fuel_affinity=4.0,
            thermal_rate=2.0,
            fuel_rate=2.0,
        )
        method = cls(integrator=SwitchingEuler(dt=0.01, replicas=2048))

        def used() -> Any:
            return simulate(motor, method, key=jax.random.key(0), time=24.0, burn_in=4.0).turnover

        yield Case(
            "ratchet, sampled: fuel used per time",
            used,
            lambda: float(TwoRings().steady(motor).turnover),
            5.0,
            "TwoRings",
            error="z",
        )


def _ratio(part: Float[Array, " replica"], whole: Float[Array, " replica"]) -> Estimate:
    """The ratio of two means, with the error of first order; 0 where the second vanishes."""
    mean = jnp.mean(whole)
    there = mean != 0
    ratio = jnp.where(there, jnp.mean(part) / jnp.where(there, mean, 1), 0)
    spread = Estimate.from_samples((part - ratio * whole) / jnp.where(there, mean, 1))
    return Estimate(ratio, spread.stderr, spread.n_effective)
