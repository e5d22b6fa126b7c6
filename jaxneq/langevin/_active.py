"""Active Ornstein-Uhlenbeck particles: coloured noise that does work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from jaxneq._core import AbstractMethod, AbstractSystem, Case, Scalar, parameter, simulate

from ._potentials import Harmonic
from ._sampler import AbstractIntegrator
from ._systems import AbstractParticle, Control, Ensemble, Noise
from ._walker import Walker


class ActiveParticle(AbstractParticle):
    r"""An overdamped particle that propels itself with a velocity that persists.

    Reduced units, :math:`k_B = 1`:

    .. math:: \gamma \dot x = -\nabla U + f + \gamma u + \sqrt{2\gamma T}\,\dot W, \qquad
              \tau \dot u = -u + \sqrt{2 D_a}\,\dot W_a, \qquad
              \langle u(t)\,u(s) \rangle = (D_a/\tau)\,e^{-|t - s|/\tau}

    in every coordinate (Fodor et al., Phys. Rev. Lett. 117, 038103, 2016); :math:`u` starts in its
    stationary state. The force :math:`\gamma u` counts as one from outside: its power
    :math:`\gamma u \circ \dot x` is work, and what the medium at :math:`T` takes up is heat. So
    the entropy production is that of an observer who sees the propulsion, and takes it as even
    under time reversal. In a trap of stiffness k

    .. math:: \langle x^2 \rangle = \frac{T}{k} + \frac{D_a}{k (1 + k\tau/\gamma)}, \qquad
              \dot W = \frac{\gamma D_a/\tau}{1 + k\tau/\gamma}.
    """

    active_diffusion: Scalar = parameter(
        range="(0, inf)", doc="Diffusion D_a by propulsion at late times", default=1.0
    )
    persistence: Scalar = parameter(range="(0, inf)", doc="Persistence time tau", default=1.0)

    def __check_init__(self):
        super().__check_init__()
        if not self.uniform:
            raise ValueError(
                "ActiveParticle: friction and temperature must not vary in space. Give profiles "
                "by coordinate (PerCoordinate), or none."
            )

    @property
    def driven(self) -> bool:
        return True

    @property
    def noises(self) -> int:
        return 3 * self.dimension

    def default_method(self, verb: str) -> AbstractMethod | None:
        return ActiveHeun() if verb == "simulate" else None

    @classmethod
    def validation(cls) -> Iterable[Case]:
        trap = cls(potential=Harmonic(), temperature=0.2, active_diffusion=1.0, persistence=0.5)

        def found() -> Any:
            return simulate(trap, key=jax.random.key(0), time=30.0, burn_in=10.0)

        yield Case(
            "active particle in a trap: variance of the position",
            lambda: found().position_variance,
            0.2 + 1 / 1.5,
            5.0,
            "T/k + D_a / (k (1 + k tau / gamma))",
            error="z",
        )
        yield Case(
            "active particle in a trap: entropy production",
            lambda: found().entropy_production,
            (1 / 0.5) / 1.5 / 0.2,
            5.0,
            "gamma D_a / (tau T (1 + k tau / gamma))",
            error="z",
        )


class ActiveHeun(AbstractIntegrator):
    r"""The propulsion and its integral exactly, the position by a predictor and a corrector.

    With :math:`\Delta = \int u\,dt + \sqrt{2T dt/\gamma}\,\xi`, where the integral is sampled
    together with the propulsion at the end (Gillespie, Phys. Rev. E 54, 2084, 1996),

    .. math:: \tilde x = x + F(x)\,dt/\gamma + \Delta, \qquad
              x' = x + [F(x) + F(\tilde x)]\,dt/2\gamma + \Delta,

    of weak order 2; without a potential the positions are exact.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (ActiveParticle,)
    normals: ClassVar[int] = 1

    def remember(self, system: ActiveParticle, normals: Noise) -> Ensemble:
        """The propulsion."""
        width = jnp.sqrt(system.active_diffusion / system.persistence)
        return width * normals[: system.dimension]

    def move(
        self,
        system: ActiveParticle,
        walker: Walker,
        normals: tuple[Noise, ...],
        control: Control,
    ) -> Walker:
        x, u = walker.position, walker.memory
        first, second, third = jnp.split(normals[0], 3)
        propelled, shift = self._propel(system, u, first, second)
        mobility = 1 / system.friction_at(x)
        jump = jnp.sqrt(2 * mobility * system.temperature_at(x) * self.dt) * third
        force = system.force(x, control)
        predicted = x + mobility * force * self.dt + shift + jump
        mean = (force + system.force(predicted, control)) / 2
        position = x + mobility * mean * self.dt + shift + jump
        return self._account(system, walker, position, propelled, jump, control)

    def _propel(
        self, system: ActiveParticle, u: Ensemble, first: Ensemble, second: Ensemble
    ) -> tuple[Ensemble, Ensemble]:
        r"""The propulsion at the end of the step, and its integral, exactly.

        The integral is :math:`\tau [(u - u') + w]` with the driving noise :math:`w` of the step.
        """
        tau, width = system.persistence, jnp.sqrt(system.active_diffusion / system.persistence)
        share = self.dt / tau
        decay, lost = jnp.exp(-share), -jnp.expm1(-share)
        spread = jnp.sqrt(-jnp.expm1(-2 * share))
        fresh = decay * u + width * spread * first
        along = 2 * lost / spread  # of w, whose variance is 2 dt/tau, on the first normal
        across = jnp.sqrt(jnp.maximum(2 * share - along**2, 0))
        return fresh, tau * (u - fresh + width * (along * first + across * second))

    def _account(
        self,
        system: ActiveParticle,
        walker: Walker,
        position: Ensemble,
        propelled: Ensemble,
        jump: Ensemble,
        control: Control,
    ) -> Walker:
        """Work of the propulsion and of other forces, and heat, by the rule of the trapezium."""
        assert walker.work is not None
        x, u = walker.position, walker.memory
        before, after = system.force(x, control), system.force(position, control)
        friction = system.friction_at(x)
        power = u * (before + friction * u) + propelled * (after + friction * propelled)
        active = power * self.dt / 2 + friction * (u + propelled) / 2 * jump
        moved = position - x
        work = walker.work + active.sum(axis=0, keepdims=True)
        stirring, then = (system.driving_force(at, control) for at in (x, position))
        if stirring is not None and then is not None:
            work = work + ((stirring + then) * moved).sum(axis=0, keepdims=True) / 2
        heat = walker.heat
        if heat is not None:
            heat = heat + system.baths((before + after) * moved / 2 + active)
        return eqx.tree_at(
            lambda w: (w.position, w.memory, w.work, w.heat),
            walker,
            (position, propelled, work, heat),
            is_leaf=lambda leaf: leaf is None,
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        free = ActiveParticle(potential=Harmonic(stiffness=1e-9), temperature=0.1, persistence=2.0)
        method = cls(dt=0.5, replicas=4096)
        yield Case(
            "free active particle, dt = 0.5: diffusion until t = 4",
            lambda: simulate(free, method, key=jax.random.key(1), time=4.0).diffusion,
            lambda: 0.1 + 1 - (1 - float(jnp.exp(-2.0))) / 2,
            5.0,
            "T / gamma + D_a [1 - (1 - exp(-t / tau)) tau / t]",
            error="z",
        )
