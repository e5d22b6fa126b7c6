"""What a chain is made of: springs between neighbours, springs to the ground, thermostats."""

from __future__ import annotations

import abc

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, parameter
from jaxneq._kernels import elementary

Values = Float[Array, "..."]
Column = Float[Array, "site 1"]
Sites = Float[Array, "site replica"]


class AbstractSpring(AbstractDeclared):
    """An energy of one length, elementwise, and its derivative."""

    @abc.abstractmethod
    def energy(self, length: Values) -> Values:
        """The energy."""

    @abc.abstractmethod
    def slope(self, length: Values) -> Values:
        """Its derivative."""


class HarmonicSpring(AbstractSpring):
    r"""A linear spring, :math:`V = \tfrac12 k r^2`."""

    stiffness: Scalar = parameter(range="(0, inf)", doc="Stiffness k", default=1.0)

    def energy(self, length: Values) -> Values:
        return self.stiffness * length**2 / 2

    def slope(self, length: Values) -> Values:
        return self.stiffness * length


class AnharmonicSpring(AbstractSpring):
    r"""A spring with cubic and quartic terms.

    .. math:: V = \tfrac12 k r^2 + \tfrac13 \alpha r^3 + \tfrac14 \beta r^4

    Between sites it is that of Fermi, Pasta, Ulam and Tsingou (1955): the alpha chain, whose
    energy has no lower bound at :math:`\beta = 0`, or the beta chain. To the ground with
    :math:`\alpha = 0` it is the phi-4 chain, usually of stiffness 0 and :math:`\beta = 1`.
    """

    stiffness: Scalar = parameter(range="[0, inf)", doc="Stiffness k", default=1.0)
    alpha: Scalar = parameter(doc="Cubic coefficient", default=0.0)
    beta: Scalar = parameter(range="[0, inf)", doc="Quartic coefficient", default=0.0)

    def energy(self, length: Values) -> Values:
        r = length
        return r**2 * (self.stiffness / 2 + r * (self.alpha / 3 + r * (self.beta / 4)))

    def slope(self, length: Values) -> Values:
        r = length
        return r * (self.stiffness + r * (self.alpha + r * self.beta))


class CosineSpring(AbstractSpring):
    r"""A periodic spring, :math:`V = K (1 - \cos r)`.

    Between sites it makes the chain of rotors, to the ground that of Frenkel and Kontorova.
    """

    strength: Scalar = parameter(range="(0, inf)", doc="Strength K", default=1.0)

    def energy(self, length: Values) -> Values:
        return self.strength * (1 - elementary.cosine(length))

    def slope(self, length: Values) -> Values:
        return self.strength * elementary.sine(length)


class ExponentialSpring(AbstractSpring):
    r"""Repulsion that falls exponentially, :math:`V = \epsilon\,e^{-r/l}` (Toda, 1967).

    It needs ends that hold the chain together. In a file of particles, r is the distance.
    """

    strength: Scalar = parameter(range="(0, inf)", doc="Energy epsilon at r = 0", default=1.0)
    reach: Scalar = parameter(range="(0, inf)", doc="Length l of the decay", default=1.0)

    def energy(self, length: Values) -> Values:
        return self.strength * jnp.exp(-length / self.reach)

    def slope(self, length: Values) -> Values:
        return -self.energy(length) / self.reach


class AbstractThermostat(AbstractDeclared):
    """Which sites of a chain touch which bath. A column has the shape (sites, 1)."""

    @property
    @abc.abstractmethod
    def several(self) -> bool:
        """Whether heat is followed along the path, and not left to the first law."""

    @abc.abstractmethod
    def temperatures(self, sites: int) -> Column:
        """The temperature of each site's bath, or that at which it starts."""

    @abc.abstractmethod
    def frictions(self, sites: int) -> Column:
        """The friction of each site."""

    @abc.abstractmethod
    def noises(self, sites: int) -> int:
        """The number of sites that feel noise."""

    @abc.abstractmethod
    def spread(self, noise: Float[Array, "noise replica"], sites: int) -> Sites:
        """The noises, each at its site."""

    @abc.abstractmethod
    def baths(self, heat: Sites) -> Float[Array, "bath replica"]:
        """Heat by site as heat by bath."""


class EndBaths(AbstractThermostat):
    """Langevin baths at the two end sites, those between them without friction.

    At the start the velocities follow a straight temperature profile.
    """

    left: Scalar = parameter(range="(0, inf)", doc="Temperature at the first site", default=1.5)
    right: Scalar = parameter(range="(0, inf)", doc="Temperature at the last site", default=0.5)
    friction: Scalar = parameter(range="(0, inf)", doc="Friction of the end sites", default=1.0)

    @property
    def several(self) -> bool:
        return True

    def temperatures(self, sites: int) -> Column:
        share = jnp.linspace(0, 1, sites, dtype=self.left.dtype)[:, None]
        return self.left + (self.right - self.left) * share

    def frictions(self, sites: int) -> Column:
        return jnp.zeros((sites, 1), self.friction.dtype).at[jnp.array([0, -1])].set(self.friction)

    def noises(self, sites: int) -> int:
        return 2

    def spread(self, noise: Float[Array, "noise replica"], sites: int) -> Sites:
        between = jnp.zeros((sites - 2, noise.shape[1]), noise.dtype)
        return jnp.concatenate([noise[:1], between, noise[1:]])

    def baths(self, heat: Sites) -> Float[Array, "bath replica"]:
        return jnp.concatenate([heat[:1], heat[-1:]])


class BulkBath(AbstractThermostat):
    """One Langevin bath that every site touches."""

    temperature: Scalar = parameter(range="(0, inf)", doc="Temperature T", default=1.0)
    friction: Scalar = parameter(range="(0, inf)", doc="Friction of each site", default=1.0)

    @property
    def several(self) -> bool:
        return False

    def temperatures(self, sites: int) -> Column:
        return jnp.broadcast_to(self.temperature, (sites, 1))

    def frictions(self, sites: int) -> Column:
        return jnp.broadcast_to(self.friction, (sites, 1))

    def noises(self, sites: int) -> int:
        return sites

    def spread(self, noise: Float[Array, "noise replica"], sites: int) -> Sites:
        return noise

    def baths(self, heat: Sites) -> Float[Array, "bath replica"]:
        return heat.sum(axis=0, keepdims=True)


class Isolated(AbstractThermostat):
    """No bath: energy is conserved. The velocities start at a temperature."""

    temperature: Scalar = parameter(
        range="(0, inf)", doc="Temperature of the velocities at the start", default=1.0
    )

    @property
    def several(self) -> bool:
        return True  # no heat, so that the first law shows what the step adds

    def temperatures(self, sites: int) -> Column:
        return jnp.broadcast_to(self.temperature, (sites, 1))

    def frictions(self, sites: int) -> Column:
        return jnp.zeros((sites, 1), self.temperature.dtype)

    def noises(self, sites: int) -> int:
        return 0

    def spread(self, noise: Float[Array, "noise replica"], sites: int) -> Sites:
        return jnp.zeros((sites, noise.shape[1]), noise.dtype)

    def baths(self, heat: Sites) -> Float[Array, "bath replica"]:
        return heat.sum(axis=0, keepdims=True)  # zero
