"""What a glass remembers: ageing after a quench, and Kovacs' hump."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractEvolveMethod,
    AbstractSolution,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    evolve,
    is_concrete,
    parameter,
    quantity,
)
from jaxneq.thermodynamics import gain, log_ratio, transition_probabilities

from ._network_in_time import distribution_of
from ._trap_model import PerLevel, TrapModel

_TIME = ("time",)
_HALVINGS = 60
_LONGEST = 1e15  # in units of the shortest stay


class GlassState(AbstractSolution):
    r"""A glass at each time after its history.

    It relaxes to equilibrium, with the entropy production
    :math:`\sigma = -\sum_i \dot p_i \ln(p_i/p^{eq}_i)`, which is the rate at which its free energy
    falls, over T.
    """

    time: Float[Array, " time"] = quantity(
        unit="time", doc="Time since the last change of temperature", dims=_TIME, coordinate=True
    )
    energy: Float[Array, "*wait time"] = quantity(
        label="mean energy", unit="energy", doc="Mean energy", dims=("wait", "time")
    )
    filling: Float[Array, "*wait time level"] = quantity(
        unit="1/time",
        doc="Rate at which traps of each depth fill",
        dims=("wait", "time", "level"),
        panel=False,
    )
    affinity: Float[Array, "*wait time level"] = quantity(
        doc="Force of each depth, ln(p_eq / p)", dims=("wait", "time", "level"), panel=False
    )
    entropy_production: Float[Array, "*wait time"] = quantity(
        unit="1/time", doc="Rate of entropy production", dims=("wait", "time")
    )
    conservation_residual: Float[Array, ""] = quantity(doc="Probability lost or made, at most")
    status: Status
    stats: dict[str, Any]
    waiting_time: Float[Array, "*wait"] = quantity(
        unit="time", doc="Time at the temperature before", dims=("wait",), coordinate=True
    )
    correlation: Float[Array, "wait time"] | None = quantity(
        doc="Chance of not having left the trap", dims=("wait", "time"), default=None, panel=True
    )
    equilibrium_energy: Float[Array, ""] = quantity(
        unit="energy", doc="Energy in equilibrium", reference_for="energy"
    )

    def where_it_failed(self) -> str:
        return (
            "Kept at the low temperature, the glass does not come to the energy of equilibrium at "
            "the other one in any time. Give temperatures that are less far apart."
        )

    @property
    def primary(self) -> str:
        return "energy" if self.correlation is None else "correlation"

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"level": self.filling}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"level": self.affinity}

    def quantities(self) -> dict[str, tuple[Any, dict[str, Any]]]:
        present = super().quantities()
        if self.correlation is None:  # there is one history
            for _, declared in present.values():
                declared["dims"] = tuple(dim for dim in declared["dims"] if dim != "wait")
        return present


class Ageing(AbstractEvolveMethod):
    r"""Quenched from where all traps are alike, the glass is looked at after several waiting times.

    .. math:: C(t_w, t) = \sum_i p_i(t_w)\,e^{-s_i t}

    is the chance that it has not left its trap since, with the escape rates :math:`s_i`. Below the
    glass temperature it depends on :math:`t/t_w` alone, with :math:`x = T/T_g`

    .. math:: C \to \frac{\sin \pi x}{\pi} \int_{t/(t + t_w)}^1 (1 - u)^{x-1} u^{-x}\,du

    (Bouchaud and Dean, J. Phys. I France 5, 265, 1995), as long as the deepest traps are not
    reached. `times` count from the waiting time; the temperature is that of the system.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (TrapModel,)

    waiting_times: Float[Array, " wait"] = parameter(
        unit="time", range="[0, inf)", dims=("wait",), doc="Times since the quench", default=(0.0,)
    )

    def check_initial(self, system: TrapModel, initial: Any) -> None:
        distribution_of("Ageing", initial, system.share)

    def evolve(
        self, system: TrapModel, *, times: Float[Array, " time"], initial: Any
    ) -> GlassState:
        """`initial`, a distribution over the depths at the quench, by default that of the traps."""
        times = times.astype(system.temperature.dtype)
        waits = self.waiting_times.astype(times.dtype)
        first = system.share
        if initial is not None:
            first = distribution_of("Ageing", initial, first)
        rates = system.rates(system.temperature)
        escape = jnp.sum(rates, axis=1) - jnp.diagonal(rates)
        aged = _histories(rates, first, waits)
        stays = jnp.exp(-escape[:, None] * times[None])
        p = jax.vmap(lambda row: _histories(rates, row, times))(aged)
        return _told(system, times, waits, p, aged @ stays)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        glass = TrapModel(temperature=0.5, deepest=24.0)

        def aged() -> Any:
            return evolve(glass, cls(waiting_times=jnp.full(1, 1e4)), times=[1e4]).correlation[0, 0]

        source = "the arcsine law at x = 1/2 and t = t_w: Bouchaud and Dean (1995)"
        yield Case("correlation after as long as one waited", aged, 0.5, 0.01, source)


class Kovacs(AbstractEvolveMethod):
    r"""Kovacs' experiment: the same energy as in equilibrium, and yet it moves.

    From equilibrium at `start_temperature` the glass is quenched to `low_temperature`, and kept
    there until its energy is that of equilibrium at the temperature T of the system. Then T is
    set: the energy first rises, for it is not the energy alone that is remembered, and comes back
    (Kovacs, Adv. Polym. Sci. 3, 394, 1963; in the trap model Bertin et al., J. Phys. A 36, 10701,
    2003). The waiting time is found by bisection, and differentiable.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (TrapModel,)

    start_temperature: Scalar = parameter(
        unit="energy", range="(0, inf)", doc="Temperature before the quench"
    )
    low_temperature: Scalar = parameter(
        unit="energy", range="(0, inf)", doc="Temperature after the quench"
    )

    def check(self, system: TrapModel) -> None:
        given = self.low_temperature, system.temperature, self.start_temperature
        if not all(map(is_concrete, given)):
            return
        low, held, start = map(float, given)
        if not low < held < start:
            raise ValueError(
                f"Kovacs: low_temperature = {low:g}, that of the system {held:g}, "
                f"start_temperature = {start:g}. Give three that rise in this order."
            )

    def check_initial(self, system: TrapModel, initial: Any) -> None:
        distribution_of("Kovacs", initial, system.share)

    def evolve(
        self, system: TrapModel, *, times: Float[Array, " time"], initial: Any
    ) -> GlassState:
        """`initial` is the distribution at the quench, instead of the equilibrium."""
        times = times.astype(system.temperature.dtype)
        first = system.equilibrium(self.start_temperature)
        if initial is not None:
            first = distribution_of("Kovacs", initial, first)
        rates = system.rates(self.low_temperature)
        wanted = _energy(system, system.equilibrium(system.temperature))

        def aged_for(wait: Array) -> PerLevel:
            return first @ transition_probabilities(rates, wait)

        def above(wait: Array) -> Array:
            return _energy(system, aged_for(wait)) > wanted

        wait, found = _crossing(above, 1 / system.attempt_rate)
        # One step of Newton's method, for the derivatives
        aged = aged_for(wait)
        slope = lax.stop_gradient(_energy(system, gain(rates, aged)))
        wait = wait - (_energy(system, aged) - wanted) / slope
        aged = aged_for(wait)
        p = _histories(system.rates(system.temperature), aged, times)
        return _told(system, times, wait, p, None, found)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        glass = TrapModel(temperature=1.6, levels=24)
        method = cls(start_temperature=3.0, low_temperature=1.2)

        def away() -> Any:
            found = evolve(glass, method, times=[0.0, 1e12])
            return jnp.max(jnp.abs(found.energy - found.equilibrium_energy))

        source = "at the start and at the end the energy is that of equilibrium"
        yield Case("energy at the ends", away, 0.0, 1e-9, source, error="absolute")


def _crossing(above: Any, unit: Array) -> tuple[Array, Array]:
    """The time until which something holds, and whether it does so and ends."""
    ends = jnp.log(unit) + jnp.log(jnp.asarray([1e-6, _LONGEST], unit.dtype))
    first, last = lax.stop_gradient(ends)

    def halve(_, span):
        low, high = span
        middle = (low + high) / 2
        holds = above(jnp.exp(middle))
        return jnp.where(holds, middle, low), jnp.where(holds, high, middle)

    low, high = lax.stop_gradient(lax.fori_loop(0, _HALVINGS, halve, (first, last)))
    return jnp.exp((low + high) / 2), (low > first) & (high < last)


def _histories(rates: Array, first: PerLevel, times: Array) -> Float[Array, "time level"]:
    return lax.map(lambda t: first @ transition_probabilities(rates, t), times)


def _energy(system: TrapModel, probability: Float[Array, "*any level"]) -> Float[Array, "*any"]:
    return -(probability @ system.depth)


def _told(
    system: TrapModel,
    times: Array,
    waits: Array,
    p: Array,
    correlation: Array | None,
    found: Array | bool = True,
) -> GlassState:
    settled = system.equilibrium(system.temperature)
    rates = system.rates(system.temperature)
    rows = p.reshape(-1, system.levels)
    filling = jax.vmap(lambda row: gain(rates, row))(rows).reshape(p.shape)
    affinity = log_ratio(jnp.broadcast_to(settled, p.shape), p)
    lost = jnp.max(jnp.abs(jnp.sum(p, axis=-1) - 1))
    return GlassState(
        time=times,
        energy=_energy(system, p),
        filling=filling,
        affinity=affinity,
        entropy_production=jnp.sum(filling * affinity, axis=-1),
        conservation_residual=lost,
        status=Status.first_true(
            not_finite=~jnp.isfinite(lost), outside_domain=~jnp.asarray(found)
        ),
        stats={},
        waiting_time=waits,
        correlation=correlation,
        equilibrium_energy=_energy(system, settled),
    )
