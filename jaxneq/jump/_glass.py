"""What a glass remembers: ageing, and the hump of Kovacs."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractEvolveMethod,
    AbstractMethod,
    AbstractSolution,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    evolve,
    is_concrete,
    parameter,
    part,
    quantity,
)
from jaxneq.thermodynamics import transition_probabilities

from ._trap_model import Levels, TrapModel

_TIME = ("time",)
_HALVINGS = 60


class AbstractGlass(AbstractSystem):
    """Traps with a history, which ends at time 0 with a quench or a jump to their temperature."""

    traps: eqx.AbstractVar[TrapModel]

    @abc.abstractmethod
    def prepared(self) -> tuple[Levels, Float[Array, ""]]:
        """The probabilities at time 0, and the time that went by since the quench."""

    def default_method(self, verb: str) -> AbstractMethod | None:
        return Relaxation() if verb == "evolve" else None


class Ageing(AbstractGlass):
    r"""Traps quenched from an infinite temperature, looked at after a waiting time.

    The persistence :math:`\Pi(t_w + t, t_w)` is the probability not to have jumped between
    :math:`t_w` and :math:`t_w + t`. Below the glass temperature, after long waiting, it depends on
    the ratio of the times alone, with :math:`x = T/T_g` (Monthus and Bouchaud 1996):

    .. math:: \Pi \to \frac{\sin \pi x}{\pi} \int_{t/(t + t_w)}^1 u^{-x} (1 - u)^{x - 1} du
    """

    traps: TrapModel = part(TrapModel, doc="The traps, at the temperature after the quench")
    waiting_time: Scalar = parameter(range="[0, inf)", doc="Time between the quench and time 0")

    def prepared(self) -> tuple[Levels, Float[Array, ""]]:
        waited = transition_probabilities(self.traps.rates, self.waiting_time)
        return self.traps.share @ waited, self.waiting_time

    @classmethod
    def validation(cls) -> Iterable[Case]:
        glass = cls(traps=TrapModel(temperature=0.5), waiting_time=1e8)
        yield Case(
            "persistence after as long as was waited, at T = T_g / 2",
            lambda: evolve(glass, times=[1e8]).persistence[0],
            0.5,
            2e-4,
            "arcsine law; Monthus and Bouchaud, J. Phys. A 29, 3847 (1996)",
        )


class KovacsJump(AbstractGlass):
    r"""Traps that were quenched too deep, until their energy was that of the final equilibrium.

    From an infinite temperature they go to `quench_temperature`, and there they rest for the time
    after which the mean energy is the equilibrium one of the final temperature. Then, at time 0,
    they are brought to the final temperature. The energy is right, the state is not: the energy
    rises and comes back, the hump of Kovacs (Kovacs, Fortschr. Hochpolym.-Forsch. 3, 394, 1964;
    in the trap model: Bertin et al., J. Phys.: Condens. Matter 15, S1405, 2003).

    **Raises:** `ValueError` where the quench is not below the final temperature.
    """

    traps: TrapModel = part(TrapModel, doc="The traps, at the final temperature")
    quench_temperature: Scalar = parameter(range="(0, inf)", doc="Temperature before time 0")

    def __check_init__(self):
        super().__check_init__()
        final, low = self.traps.temperature, self.quench_temperature
        if is_concrete(final) and is_concrete(low) and not float(low) < float(final):
            raise ValueError(
                f"KovacsJump: quench_temperature = {float(low):g} must be below the final "
                f"temperature of the traps, {float(final):g}. Give a lower one."
            )

    @property
    def cold(self) -> TrapModel:
        """The traps before time 0."""
        return eqx.tree_at(lambda t: t.temperature, self.traps, self.quench_temperature)

    def prepared(self) -> tuple[Levels, Float[Array, ""]]:
        traps, cold = self.traps, self.cold
        wanted = traps.equilibrium @ traps.depth

        def lacks(log_time: Array) -> Array:
            waited = transition_probabilities(cold.rates, jnp.exp(log_time))
            return wanted - (traps.share @ waited) @ traps.depth

        def halve(_, ends: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = ends
            middle = (low + high) / 2
            early = lacks(middle) > 0
            return jnp.where(early, middle, low), jnp.where(early, high, middle)

        begin = -jnp.log(cold.attempt_rate) - 5, -jnp.log(cold.escape_rate[-1]) + 5
        low, high = lax.fori_loop(0, _HALVINGS, halve, lax.stop_gradient(begin))
        log_time = lax.stop_gradient((low + high) / 2)
        for _ in range(2):  # steps of Newton's, which carry the first two derivatives
            value, slope = jax.jvp(lacks, (log_time,), (jnp.ones_like(log_time),))
            log_time = log_time - value / slope
        time = jnp.exp(log_time)
        return traps.share @ transition_probabilities(cold.rates, time), time

    @classmethod
    def validation(cls) -> Iterable[Case]:
        traps = TrapModel(temperature=1.5, deepest=20.0, levels=24)
        glass = cls(traps=traps, quench_temperature=0.5)
        yield Case(
            "the energy after the jump is that of equilibrium",
            lambda: evolve(glass, times=[0.0]).excess_energy[0],
            0.0,
            1e-10,
            "what the waiting time is chosen for",
            error="absolute",
        )


class GlassInTime(AbstractSolution):
    r"""A glass relaxing at its temperature, from time 0 on.

    The entropy production is that of relaxing alone, :math:`-\sum_k \dot p_k \ln(p_k/p^{eq}_k)`.
    """

    time: Float[Array, " time"] = quantity(doc="Time", dims=_TIME, coordinate=True)
    energy: Float[Array, " time"] = quantity(doc="Mean energy", dims=_TIME, panel=False)
    excess_energy: Float[Array, " time"] = quantity(
        doc="Mean energy above that of equilibrium", dims=_TIME, scale="linear"
    )
    persistence: Float[Array, " time"] = quantity(
        doc="Probability not to have jumped since time 0", dims=_TIME
    )
    persistence_limit: Float[Array, " time"] = quantity(
        doc="That after long waiting", dims=_TIME, reference_for="persistence"
    )
    age: Float[Array, ""] = quantity(doc="Time between the quench and time 0")
    entropy_production: Float[Array, " time"] = quantity(
        doc="Rate of entropy production", dims=_TIME
    )
    filling: Float[Array, "level time"] = quantity(
        doc="Rate at which each depth fills", dims=("level", "time"), panel=False
    )
    excess: Float[Array, "level time"] = quantity(
        doc="Log of probability over that in equilibrium", dims=("level", "time"), panel=False
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Sum of the rates of filling, relative to the jumps; the largest"
    )
    status: Status
    stats: dict[str, Any]
    first: str = eqx.field(static=True, kw_only=True)

    @property
    def primary(self) -> str:
        """What the history was made for."""
        return self.first

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"filling": self.filling}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"filling": -self.excess}


class Relaxation(AbstractEvolveMethod):
    r"""The master equation of the traps, by `transition_probabilities`: nothing is subtracted."""

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractGlass,)

    def evolve(
        self, system: AbstractGlass, *, times: Float[Array, " time"], initial: Any
    ) -> GlassInTime:
        if initial is not None:
            raise ValueError(
                f"Relaxation: {type(system).__name__} has a history, and takes no initial state. "
                "Leave it out."
            )
        traps = system.traps
        first, age = system.prepared()
        times = times.astype(first.dtype)
        p = lax.map(lambda t: first @ transition_probabilities(traps.rates, t), times)
        leaving = p * traps.escape_rate[None]
        jumps = jnp.sum(leaving, axis=1, keepdims=True)
        filling = jumps * traps.share[None] - leaving
        excess = jnp.log(p / traps.equilibrium[None])
        energy = -(p @ traps.depth)
        stays = jnp.exp(-jnp.outer(times, traps.escape_rate))
        return GlassInTime(
            time=times,
            energy=energy,
            excess_energy=energy + traps.equilibrium @ traps.depth,
            persistence=stays @ first,
            persistence_limit=_limit(traps, stays, times, age),
            age=age,
            entropy_production=-jnp.sum(filling * excess, axis=1),
            filling=filling.T,
            excess=excess.T,
            conservation_residual=jnp.max(jnp.abs(jnp.sum(filling, axis=1)) / jumps[:, 0]),
            status=Status.first_true(not_finite=~jnp.all(jnp.isfinite(excess))),
            stats={},
            first="persistence" if isinstance(system, Ageing) else "excess_energy",
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        # Two depths: p relaxes as exp(-(Gamma_1 rho_2 + Gamma_2 rho_1) t).
        traps = TrapModel(temperature=0.5, deepest=2.0, levels=2)
        glass = Ageing(traps=traps, waiting_time=0.0)
        (fast, slow), (near, far) = traps.escape_rate, traps.share
        left = jnp.exp(-3.0 * (fast * far + slow * near))
        shallow = traps.equilibrium[0] + (near - traps.equilibrium[0]) * left
        exact = -shallow * traps.depth[0] - (1 - shallow) * traps.depth[1]
        yield Case(
            "two depths: mean energy",
            lambda: evolve(glass, cls(), times=[3.0]).energy[0],
            float(exact),
            1e-13,
            "exponential relaxation of two states",
        )


def _limit(traps: TrapModel, stays: Array, times: Array, age: Array) -> Array:
    """The persistence after long waiting: the arcsine law in a glass, else equilibrium."""
    x = traps.temperature / traps.glass_temperature
    glassy = (x < 1) & (age > 0)
    inside = jnp.where(glassy, x, 0.5)
    started = (times > 0) & glassy
    ratio = jnp.where(started, times, 1) / jnp.where(glassy, age, 1)
    law = jnp.where(started, jax.vmap(lambda r: arcsine_law(inside, r))(ratio), 1)
    return jnp.where(glassy, law, stays @ traps.equilibrium)


def arcsine_law(x: Array, ratio: Array) -> Float[Array, ""]:
    r"""The law of Dynkin and Lamperti for the time until the next renewal, over that since.

    :math:`\frac{\sin\pi x}{\pi}\int_{\ln r}^\infty \frac{e^{(1 - x) y}}{1 + e^y} dy`, for stays
    with a tail of exponent 0 < x < 1; the integral from the end where it is small.
    """
    points, weights = np.polynomial.legendre.leggauss(64)
    late = ratio > 1
    power = jnp.where(late, x, 1 - x)  # the integrand falls with this power from ln r outwards
    # u = e^(-power |y - ln r|) brings the outer part to (0, 1)
    u = jnp.asarray((points + 1) / 2, ratio.dtype)
    inner = jnp.where(late, 1 / ratio, ratio)
    outside = jnp.mean(
        jnp.asarray(weights, u.dtype) * inner**power / (1 + inner * u ** (1 / power))
    ) * (u.size / (2 * power))
    outside = jnp.sin(jnp.pi * x) / jnp.pi * outside
    return jnp.where(late, outside, 1 - outside)
