"""A particle on a ring whose potential flashes on and off at the cost of fuel."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import sigmoid
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractMethod,
    Case,
    Scalar,
    is_concrete,
    parameter,
    part,
    steady,
)

from ._potentials import AbstractPotential, Sawtooth, TiltedCosine
from ._surroundings import AbstractProfile, ConstantForce
from ._systems import (
    AbstractLangevin,
    Coefficient,
    Control,
    Ensemble,
    Overdamped,
    PerReplica,
    scaled,
)


class Switching(NamedTuple):
    """The rates at which each channel switches on and off, at given positions."""

    thermal_on: PerReplica
    thermal_off: PerReplica
    fuel_on: PerReplica
    fuel_off: PerReplica


class FlashingRatchet(AbstractLangevin):
    r"""An overdamped particle in a periodic potential that is switched at the cost of fuel.

    In the state :math:`\sigma`, 0 (off) or 1 (on), and against a load F (reduced units),

    .. math:: \gamma\,dx = [-U_\sigma'(x) - F]\,dt + \sqrt{2\gamma T}\,dW .

    It switches at a fixed position, through two channels that stay apart: one in equilibrium with
    the bath, and one that takes up the chemical energy :math:`\Delta\mu` of a fuel molecule on the
    way from off to on, and gives it back on the way from on to off. Each obeys local detailed
    balance, with rates of Glauber's form, which are bounded:

    .. math:: w_{01} = \frac{\omega(x)}{1 + e^{(U_1 - U_0 - \mu)/T}}, \qquad
              w_{10} = \frac{\omega(x)}{1 + e^{-(U_1 - U_0 - \mu)/T}},

    where :math:`\mu` is 0 for the thermal and :math:`\Delta\mu` for the fuel channel. At
    :math:`\Delta\mu = F = 0` nothing flows, whatever the shapes (Juelicher, Ajdari and Prost, Rev.
    Mod. Phys. 69, 1269, 1997; Parmeggiani et al., Phys. Rev. E 60, 2127, 1999).

    Sampled paths have three coordinates: the position (which counts the turns), the state, and
    the fuel molecules used; the work done on a path is :math:`\Delta\mu\,n - F \Delta x`.
    """

    off: AbstractPotential = part(AbstractPotential, doc="Potential U_0 of the state off")
    on: AbstractPotential = part(AbstractPotential, doc="Potential U_1 of the state on")
    load: Scalar = parameter(doc="Load F, a force towards smaller positions", default=0.0)
    fuel_affinity: Scalar = parameter(
        doc="Affinity Delta mu of the fuel, an energy for each molecule", default=0.0
    )
    fuel_rate: Scalar = parameter(
        range="[0, inf)", doc="Rate omega of the fuel channel", default=1.0
    )
    thermal_rate: Scalar = parameter(
        range="(0, inf)", doc="Rate omega of the thermal channel", default=1.0
    )
    fuel_profile: AbstractProfile | None = part(
        AbstractProfile, doc="Factor of the fuel channel's rate, by place", default=None
    )
    thermal_profile: AbstractProfile | None = part(
        AbstractProfile, doc="Factor of the thermal channel's rate, by place", default=None
    )
    temperature: Scalar = parameter(
        range="(0, inf)", doc="Temperature T, in units of energy", default=1.0
    )
    friction: Scalar = parameter(range="(0, inf)", doc="Friction coefficient gamma", default=1.0)

    def __check_init__(self):
        super().__check_init__()
        for name in ("off", "on"):
            potential = getattr(self, name)
            kind = type(potential).__name__
            if potential.dimension != 1 or potential.period is None:
                raise ValueError(
                    f"FlashingRatchet: {name} = {kind} is no periodic potential of one "
                    "coordinate. Give one with a period, such as Sawtooth."
                )
        if self.off.period != self.on.period:
            raise ValueError(
                f"FlashingRatchet: off has the period {self.off.period:g}, on {self.on.period:g}. "
                "Give two potentials of one period."
            )
        if not all(map(is_concrete, jax.tree.leaves((self, jnp.zeros(()))))):
            return
        places = jnp.linspace(0, self.period, 5, dtype=self.dtype)[None]
        ends = {"off": self.energies(places)[0], "on": self.energies(places)[1]}
        ends |= {"fuel_profile": self.switching(places).fuel_on}
        ends |= {"thermal_profile": self.switching(places).thermal_on}
        for name, values in ends.items():
            if abs(values[-1] - values[0]) > 1e-4 * jnp.max(jnp.abs(values)):
                raise ValueError(
                    f"FlashingRatchet: {name} is not the same after one period, {self.period:g}. "
                    "Give what is periodic; a slope is a load."
                )

    @property
    def period(self) -> float:
        """The length of the ring."""
        assert self.on.period is not None  # see __check_init__
        return self.on.period

    def ring(self, potential: AbstractPotential) -> Overdamped:
        """The particle in one of the two potentials for good, under the load."""
        drive = ConstantForce(force=-self.load)
        plan = {"temperature": self.temperature, "friction": self.friction}
        return Overdamped(potential=potential, drive=drive, **plan)

    @property
    def rings(self) -> tuple[Overdamped, Overdamped]:
        """The particle while off, and while on."""
        return self.ring(self.off), self.ring(self.on)

    @property
    def dimension(self) -> int:
        return 3

    @property
    def controls(self) -> int:
        return 0

    @property
    def driven(self) -> bool:
        return True

    @property
    def several_baths(self) -> bool:
        return False

    @property
    def uniform(self) -> bool:
        return True

    @property
    def noises(self) -> int:
        return 2

    @property
    def rest(self) -> Float[Array, " coordinate"]:
        """In a well, on, with no fuel used."""
        well = self.on.rest.astype(self.dtype)
        return jnp.concatenate([well, jnp.asarray([1.0, 0.0], self.dtype)])

    def energy(self, position: Ensemble, control: Control) -> PerReplica:
        off, on = self.energies(position[:1])
        return off + position[1] * (on - off)

    def energies(self, x: Ensemble) -> tuple[PerReplica, PerReplica]:
        """Those of both potentials, off and on, at positions of the shape (1, replica)."""
        off, on = self.rings
        return off.energy(x, _none(off)), on.energy(x, _none(on))

    def force(self, position: Ensemble, control: Control) -> Ensemble:
        """On the position, the state and the fuel."""
        x, state = position[:1], position[1:2]
        off, on = (ring.force(x, _none(ring)) for ring in self.rings)
        off_energy, on_energy = self.energies(x)
        fuel = jnp.broadcast_to(self.fuel_affinity, state.shape)
        return jnp.concatenate([off + state * (on - off), (off_energy - on_energy)[None], fuel])

    def driving_force(self, position: Ensemble, control: Control) -> Ensemble:
        """The load and the affinity of the fuel."""
        forces = jnp.stack([-self.load, jnp.zeros_like(self.load), self.fuel_affinity])
        return jnp.broadcast_to(forces[:, None], position.shape)

    def friction_at(self, position: Ensemble) -> Coefficient:
        return self.friction

    def temperature_at(self, position: Ensemble) -> Coefficient:
        return self.temperature

    def switching(self, x: Ensemble) -> Switching:
        """The rates of both channels at positions of the shape (1, replica)."""
        off, on = self.energies(x)
        climb, fuel = (on - off) / self.temperature, self.fuel_affinity / self.temperature
        thermal_rate = jnp.ravel(scaled(self.thermal_rate, self.thermal_profile, x))
        fuel_rate = jnp.ravel(scaled(self.fuel_rate, self.fuel_profile, x))
        return Switching(
            thermal_on=thermal_rate * sigmoid(-climb),
            thermal_off=thermal_rate * sigmoid(climb),
            fuel_on=fuel_rate * sigmoid(fuel - climb),
            fuel_off=fuel_rate * sigmoid(climb - fuel),
        )

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._sampled_motor import SampledMotor
        from ._switching_euler import SwitchingEuler
        from ._two_rings import TwoRings

        sampled = SampledMotor(integrator=SwitchingEuler())
        return {"steady": TwoRings(), "simulate": sampled}.get(verb)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        flat = TiltedCosine(amplitude=0.0)
        plan: dict[str, Any] = {"load": 0.4, "friction": 2.0, "temperature": 0.5}
        bare = cls(off=flat, on=flat, fuel_rate=3.0, fuel_affinity=1.0, **plan)
        yield Case("no potential: velocity", lambda: steady(bare).velocity, -0.2, 1e-10, "-F/gamma")
        yield Case(
            "no potential: fuel used per time",
            lambda: steady(bare).turnover,
            0.375 * math.tanh(1.0),
            1e-10,
            "omega_f omega_t tanh(Delta mu / 2 T) / 2 (omega_f + omega_t)",
        )
        unfuelled = cls(off=flat, on=Sawtooth(amplitude=3.0), fuel_rate=5.0)
        yield Case(
            "no fuel, no load: velocity",
            lambda: steady(unfuelled).velocity,
            0.0,
            1e-11,
            "detailed balance",
            error="absolute",
        )


def _none(ring: Overdamped) -> Control:
    """A control at rest."""
    return jnp.zeros(ring.controls, ring.dtype)
