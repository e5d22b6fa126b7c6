"""Particles in a potential and in contact with heat baths, with inertia and without."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractMethod,
    AbstractSystem,
    Case,
    Scalar,
    is_concrete,
    parameter,
    part,
    simulate,
)

from ._potentials import AbstractPotential, Harmonic, TiltedCosine
from ._protocols import AbstractProtocol
from ._surroundings import AbstractDrive, AbstractProfile, PerCoordinate

Control = Float[Array, " control"]
Ensemble = Float[Array, "coordinate replica"]
Noise = Float[Array, "noise replica"]
PerReplica = Float[Array, " replica"]
Coefficient = Float[Array, ""] | Float[Array, "coordinate #replica"]


class Followed(NamedTuple):
    """A function of all positions and velocities, replicas last, and what a file says of it."""

    function: Callable[..., Array]
    doc: str
    dims: tuple[str, ...] = ()


class AbstractLangevin(AbstractSystem):
    """What every method of this engine sees of a system: forces, baths and a protocol.

    All replicas at once: positions have the shape (coordinate, replica). Coefficients are one
    number, or broadcast against positions. Reduced units, :math:`k_B = 1`.
    """

    protocol = None  # unless a system has one
    inertial: ClassVar[bool] = False

    @property
    @abc.abstractmethod
    def dimension(self) -> int:
        """The number of coordinates."""

    @property
    @abc.abstractmethod
    def controls(self) -> int:
        """The number of controls that a protocol gives."""

    @property
    @abc.abstractmethod
    def driven(self) -> bool:
        """Whether work is done along a path: by a protocol, or by a force that is no gradient."""

    @property
    @abc.abstractmethod
    def several_baths(self) -> bool:
        """Whether heat is to be told apart by bath."""

    @property
    @abc.abstractmethod
    def uniform(self) -> bool:
        """Whether friction and temperature are the same at every position."""

    @abc.abstractmethod
    def energy(self, position: Ensemble, control: Control) -> PerReplica:
        """The potential energy."""

    def work(self, position: Ensemble, before: Control, after: Control) -> PerReplica:
        """The work of a change of control at fixed positions."""
        return self.energy(position, after) - self.energy(position, before)

    @abc.abstractmethod
    def force(self, position: Ensemble, control: Control) -> Ensemble:
        """The whole force: minus the gradient of the energy, and what is no gradient."""

    @abc.abstractmethod
    def driving_force(self, position: Ensemble, control: Control) -> Ensemble | None:
        """The part of the force that is no gradient; None if there is none."""

    @abc.abstractmethod
    def friction_at(self, position: Ensemble) -> Coefficient:
        """Friction of each coordinate."""

    @abc.abstractmethod
    def temperature_at(self, position: Ensemble) -> Coefficient:
        """Temperature of each coordinate's bath."""

    @property
    def rest(self) -> Float[Array, " coordinate"]:
        """Where replicas start by default, and steps are judged."""
        return jnp.zeros(self.dimension, self.dtype)

    @property
    def inertia(self) -> Coefficient:
        """The mass; 1 for what has no inertia."""
        return jnp.ones((), self.dtype)

    @property
    def noises(self) -> int:
        """How many independent noises act; one for each coordinate, unless a system says else."""
        return self.dimension

    def spread(self, noise: Noise) -> Ensemble:
        """The noises as noise on the coordinates."""
        return noise

    def baths(self, heat: Ensemble) -> Float[Array, "bath replica"]:
        """Heat by coordinate as heat by bath: one for each coordinate, or one for all."""
        return heat if self.several_baths else heat.sum(axis=0, keepdims=True)

    @property
    def followed(self) -> Mapping[str, Followed]:
        """What is averaged along each path, every few steps, beside work and heat; by name."""
        return {}

    @property
    def observed(self) -> Mapping[str, Followed]:
        """What observables find by name: what is `followed`, and the motion itself."""
        line = self.dimension == 1
        dims = () if line else ("coordinate",)

        def each(function: Callable[..., Array], doc: str) -> Followed:
            return Followed(lambda x, v: function(x, v)[0] if line else function(x, v), doc, dims)

        known = {
            "position": each(lambda x, v: x, "Position"),
            "squared_position": each(lambda x, v: x**2, "Square of the position"),
        }
        if self.inertial:
            known["velocity"] = each(lambda x, v: v, "Velocity")
            known["squared_velocity"] = each(lambda x, v: v**2, "Square of the velocity")
            known["kinetic_energy"] = Followed(
                lambda x, v: jnp.sum(self.inertia * v**2, axis=0) / 2, "Kinetic energy"
            )
        if self.protocol is None:
            still = jnp.zeros(self.controls, self.dtype)
            known["potential_energy"] = Followed(
                lambda x, v: self.energy(x, still), "Potential energy"
            )
        return known | dict(self.followed)

    @property
    def dtype(self) -> Any:
        """The floating-point type of the parameters, in which everything is computed."""
        return jnp.result_type(*(leaf for leaf in jax.tree.leaves(self) if eqx.is_array(leaf)))

    def control_at(self, time: Float[Array, ""]) -> Control:
        """The control at a time, that from before the start at negative times."""
        if self.protocol is None:
            return jnp.zeros(self.controls, self.dtype)
        return jnp.where(time < 0, self.protocol.before, self.protocol.at(time))


class AbstractInertial(AbstractLangevin):
    """What has a mass, and baths without memory."""

    inertial: ClassVar[bool] = True

    @property
    @abc.abstractmethod
    def inertia(self) -> Coefficient:
        """The mass of each coordinate."""


class AbstractParticle(AbstractLangevin):
    """A particle in any potential, stated by parts."""

    potential: AbstractPotential = part(AbstractPotential, doc="Potential energy U(x, control)")
    temperature: Scalar = parameter(
        range="(0, inf)", doc="Temperature T, in units of energy", default=1.0
    )
    friction: Scalar = parameter(range="(0, inf)", doc="Friction coefficient gamma", default=1.0)
    protocol: AbstractProtocol | None = part(
        AbstractProtocol, doc="Control of the potential as a function of time", default=None
    )
    drive: AbstractDrive | None = part(
        AbstractDrive, doc="A further force that is no gradient", default=None
    )
    temperature_profile: AbstractProfile | None = part(
        AbstractProfile, doc="Factor of the temperature, by place or coordinate", default=None
    )
    friction_profile: AbstractProfile | None = part(
        AbstractProfile, doc="Factor of the friction, by place or coordinate", default=None
    )

    def __check_init__(self):
        super().__check_init__()
        name, position = type(self).__name__, jnp.zeros(self.dimension, self.dtype)
        if self.protocol is not None:
            given = self.protocol.before.shape[0]
            if given != self.controls:
                raise ValueError(
                    f"{name}: the protocol gives {given} controls, {_kind(self.potential)} has "
                    f"{self.controls}. Give a protocol for each; Together joins two."
                )
        self._refuse_zeros()
        control = jnp.zeros(self.controls, self.dtype)
        checked = {"potential": jax.eval_shape(self.potential, position, control)}
        if self.drive is not None:
            checked["drive"] = jax.eval_shape(self.drive, position, control)
        for what in ("temperature_profile", "friction_profile"):
            if (profile := getattr(self, what)) is not None:
                checked[what] = jax.eval_shape(profile, position)
        for what, found in checked.items():
            wanted = () if what == "potential" else position.shape
            if found.shape != wanted:
                raise ValueError(
                    f"{name}: {what} gives an array of shape {found.shape} at a position of shape "
                    f"{position.shape}. It must give {wanted}."
                )

    def _refuse_zeros(self) -> None:
        """A coordinate without a bath needs inertia, and its temperature is never zero."""
        factors = {"temperature_profile": self.temperature_profile}
        if not self.inertial:
            factors["friction_profile"] = self.friction_profile
        for what, profile in factors.items():
            if not isinstance(profile, PerCoordinate) or not is_concrete(profile.factor):
                continue
            factor = np.asarray(profile.factor)
            if not np.all(factor > 0):
                raise ValueError(
                    f"{type(self).__name__}: {what} has the factors {factor.tolist()}. They must "
                    "be positive here; Underdamped takes coordinates with friction 0."
                )

    @property
    def dimension(self) -> int:
        return self.potential.dimension

    @property
    def controls(self) -> int:
        return self.potential.controls

    @property
    def rest(self) -> Float[Array, " coordinate"]:
        return self.potential.rest.astype(self.dtype)

    @property
    def driven(self) -> bool:
        return self.protocol is not None or self.drive is not None

    @property
    def several_baths(self) -> bool:
        return self.temperature_profile is not None

    @property
    def uniform(self) -> bool:
        profiles = (self.temperature_profile, self.friction_profile)
        return all(profile is None or profile.uniform for profile in profiles)

    @property
    def observed(self) -> Mapping[str, Followed]:
        period = self.potential.period
        if period is None:
            return super().observed
        phase = Followed(lambda x, v: jnp.mod(x[0], period), "Position within one period")
        return {**super().observed, "phase": phase}

    def energy(self, position: Ensemble, control: Control) -> PerReplica:
        return jax.vmap(self.potential, in_axes=(-1, None))(position, control)

    def work(self, position: Ensemble, before: Control, after: Control) -> PerReplica:
        return jax.vmap(self.potential.work, in_axes=(-1, None, None))(position, before, after)

    def force(self, position: Ensemble, control: Control) -> Ensemble:
        force = -_each(self.potential.gradient)(position, control)
        stirring = self.driving_force(position, control)
        return force if stirring is None else force + stirring

    def driving_force(self, position: Ensemble, control: Control) -> Ensemble | None:
        return None if self.drive is None else _each(self.drive)(position, control)

    def friction_at(self, position: Ensemble) -> Coefficient:
        return scaled(self.friction, self.friction_profile, position)

    def temperature_at(self, position: Ensemble) -> Coefficient:
        return scaled(self.temperature, self.temperature_profile, position)


class Overdamped(AbstractParticle):
    r"""A particle whose velocity follows the force at once, in any number of dimensions.

    Reduced units, :math:`k_B = 1`. With uniform friction and temperature

    .. math:: \gamma\,dx = [-\nabla U(x, \lambda_t) + f(x)]\,dt + \sqrt{2\gamma T}\,dW .

    Where they vary, the convention matters. Here the density flows as the limit of small inertia
    has it, :math:`J = [F p - \partial_x (T p)]/\gamma`, that is, in the sense of Ito,

    .. math:: dx = \left[F/\gamma + T\,\partial_x \gamma^{-1}\right] dt + \sqrt{2T/\gamma}\,dW

    (Sancho, San Miguel and Duerr, J. Stat. Phys. 28, 291, 1982; Hottovy, Volpe and Wehr, EPL 99,
    60002, 2012). Another convention is another force: add it as `drive`. In a temperature gradient
    the overdamped limit misses an entropy production that stays finite however small the mass,
    the entropic anomaly (Celani, Bo, Eichhorn and Aurell, Phys. Rev. Lett. 109, 260603, 2012):
    use `Underdamped` for it.
    """

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._euler_maruyama import EulerMaruyama
        from ._fokker_planck import FokkerPlanck
        from ._linear_moments import LinearMoments

        if verb == "simulate":
            return EulerMaruyama()
        if self.dimension > 1:
            return LinearMoments()
        return FokkerPlanck(ends="reflecting" if self.potential.period is None else "periodic")

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._euler_maruyama import EulerMaruyama

        ring = cls(potential=TiltedCosine(amplitude=1.0, force=0.7), temperature=0.3)
        method = EulerMaruyama(dt=0.01, replicas=2048)

        def sampled() -> Any:
            return simulate(ring, method, key=jax.random.key(0), time=40.0, burn_in=10.0)

        exact = 0.20433264162548564, 0.4382493484338396
        sources = "Stratonovich (1958)", "Reimann et al., Phys. Rev. Lett. 87, 010602 (2001)"
        for index, name in enumerate(("velocity", "diffusion")):
            yield Case(
                f"tilted washboard, sampled: {name}",
                lambda name=name: getattr(sampled(), name),
                exact[index],
                5.0,
                sources[index],
                error="z",
            )


class Underdamped(AbstractParticle, AbstractInertial):
    r"""A particle with inertia, in any number of dimensions.

    Reduced units, :math:`k_B = 1`:

    .. math:: m\,dv = [-\nabla U(x, \lambda_t) + f(x) - \gamma v]\,dt + \sqrt{2\gamma T}\,dW,
              \qquad dx = v\,dt

    Friction and temperature may vary in space; no convention is needed, for the position is
    smooth.
    """

    mass: Scalar = parameter(range="(0, inf)", doc="Mass m", default=1.0)

    @property
    def inertia(self) -> Coefficient:
        return self.mass

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._linear_moments import LinearMoments
        from ._splitting import BAOAB

        return BAOAB() if verb == "simulate" else LinearMoments()

    @classmethod
    def validation(cls) -> Iterable[Case]:
        trap = cls(potential=Harmonic(stiffness=2.0), temperature=0.5, friction=1.0)

        def variance() -> Any:
            end = simulate(trap, key=jax.random.key(0), time=20.0)
            return end.position_variance

        yield Case(
            "harmonic trap with inertia: variance of the position",
            variance,
            0.25,
            5.0,
            "T / k",
            error="z",
        )


PROFILES = ("temperature_profile", "friction_profile")


def check_parts(
    owner: str, system: AbstractParticle, potential: type, without: tuple[str, ...]
) -> None:
    """Refuse another potential, and parts that a formula or an experiment does not know."""
    if not isinstance(system.potential, potential):
        raise ValueError(
            f"{owner}: the potential is {_kind(system.potential)}. Give a {potential.__name__}."
        )
    for name in without:
        if getattr(system, name) is not None:
            raise ValueError(f"{owner}: the system has a {name}. Leave it out.")


def _each(function: Any) -> Any:
    """A function of one position and the control, for all replicas along the last axis."""
    return jax.vmap(function, in_axes=(-1, None), out_axes=-1)


def scaled(value: Any, profile: AbstractProfile | None, position: Ensemble) -> Coefficient:
    """A number times a profile, where there is one."""
    if profile is None:
        return value
    if profile.uniform:
        return (value * profile(position[:, 0]))[:, None]
    return value * jax.vmap(profile, in_axes=-1, out_axes=-1)(position)


def _kind(instance: Any) -> str:
    return type(instance).__name__
