"""Splittings of inertial dynamics into parts that are solved exactly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from jaxneq._core import AbstractSystem, Case, simulate

from ._potentials import Harmonic
from ._sampler import AbstractIntegrator
from ._systems import AbstractInertial, AbstractLangevin, Control, Ensemble, Noise, Underdamped
from ._walker import Walker


class BAOAB(AbstractIntegrator):
    r"""Kick, drift, exchange with the bath, drift, kick (Leimkuhler and Matthews 2013).

    B: :math:`v \mathrel{+}= F dt/2m`; A: :math:`x \mathrel{+}= v\,dt/2`; O:
    :math:`v \to c v + \sqrt{(1 - c^2) T/m}\,\xi` with :math:`c = e^{-\gamma dt/m}`, where the
    kinetic energy lost is the heat. In a harmonic well the positions have the exact stationary
    distribution at any stable step, :math:`\omega\,dt < 2` (J. Chem. Phys. 138, 174102, 2013).
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractInertial,)
    normals: ClassVar[int] = 1

    def move(
        self,
        system: AbstractLangevin,
        walker: Walker,
        normals: tuple[Noise, ...],
        control: Control,
    ) -> Walker:
        half = self.dt / 2
        walker = kick(system, walker, control, half)
        walker = drift(walker, half)
        walker = _exchange(system, walker, normals[0], self.dt)
        walker = drift(walker, half)
        return kick(system, walker, control, half)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        yield _variance_in_a_well(cls(dt=0.5, replicas=4096), 1.0)


class OBABO(AbstractIntegrator):
    r"""Exchange, kick, drift, kick, exchange: velocity Verlet between two half baths.

    Velocities have the exact stationary distribution in a harmonic well, positions the variance
    :math:`(T/k)/(1 - \omega^2 dt^2/4)` (Bussi and Parrinello, Phys. Rev. E 75, 056707, 2007).
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractInertial,)
    normals: ClassVar[int] = 2

    def move(
        self,
        system: AbstractLangevin,
        walker: Walker,
        normals: tuple[Noise, ...],
        control: Control,
    ) -> Walker:
        half = self.dt / 2
        walker = _exchange(system, walker, normals[0], half)
        walker = kick(system, walker, control, half)
        walker = drift(walker, self.dt)
        walker = kick(system, walker, control, half)
        return _exchange(system, walker, normals[1], half)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        yield _variance_in_a_well(cls(dt=0.5, replicas=4096), 1 / (1 - 0.5**2 / 4))


def kick(system: AbstractLangevin, walker: Walker, control: Control, duration: Any) -> Walker:
    """The change of velocity by the force, and the work of forces that are no gradient."""
    force = system.force(walker.position, control)
    change = force * (duration / system.inertia)
    before = velocity_of(walker)
    velocity = before + change
    stirring, work = system.driving_force(walker.position, control), walker.work
    if work is not None and stirring is not None:
        work = work + duration * (stirring * (before + change / 2)).sum(axis=0, keepdims=True)
    return eqx.tree_at(
        lambda w: (w.velocity, w.work), walker, (velocity, work), is_leaf=lambda leaf: leaf is None
    )


def drift(walker: Walker, duration: Any) -> Walker:
    position = walker.position + duration * velocity_of(walker)
    return eqx.tree_at(lambda w: w.position, walker, position)


def _exchange(system: AbstractLangevin, walker: Walker, normals: Noise, duration: Any) -> Walker:
    """The exact Ornstein-Uhlenbeck step of the velocity."""
    temperature = system.temperature_at(walker.position)
    decay = system.friction_at(walker.position) * duration / system.inertia
    variance = -jnp.expm1(-2 * decay) * temperature / system.inertia
    noisy = variance > 0  # where there is no friction, a square root has no derivative
    width = jnp.where(noisy, jnp.sqrt(jnp.where(noisy, variance, 1)), 0)
    velocity = jnp.exp(-decay) * velocity_of(walker) + width * system.spread(normals)
    return exchanged(system, walker, velocity)


def exchanged(system: AbstractLangevin, walker: Walker, velocity: Ensemble) -> Walker:
    """The walker with a velocity from its bath: the kinetic energy it loses is heat."""
    heat, entropy = walker.heat, walker.entropy
    if heat is not None:
        lost = system.inertia * (velocity_of(walker) ** 2 - velocity**2) / 2
        heat = heat + system.baths(lost)
        if entropy is not None:
            entropy = entropy + system.baths(lost / system.temperature_at(walker.position))
    return eqx.tree_at(
        lambda w: (w.velocity, w.heat, w.entropy),
        walker,
        (velocity, heat, entropy),
        is_leaf=lambda leaf: leaf is None,
    )


def velocity_of(walker: Walker) -> Ensemble:
    assert walker.velocity is not None
    return walker.velocity


def _variance_in_a_well(method: AbstractIntegrator, position: float) -> Case:
    """The stationary variance that the splitting itself has, at unit stiffness and temperature."""
    well = Underdamped(potential=Harmonic(stiffness=1.0), temperature=1.0, friction=1.0)
    name = type(method).__name__

    def variance() -> Any:
        return simulate(well, method, key=jax.random.key(2), time=20.0).position_variance

    return Case(
        f"{name} in a harmonic well, dt = 0.5: stationary variance",
        variance,
        position,
        5.0,
        "exact moments of the scheme",
        error="z",
    )
