"""How a chain conducts heat: driven, and by its fluctuations in equilibrium."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq import thermodynamics
from jaxneq._core import (
    AbstractObservable,
    AbstractSampler,
    AbstractSolution,
    AbstractSystem,
    Case,
    Estimate,
    Schedule,
    Status,
    is_concrete,
    part,
    quantity,
    setting,
    simulate,
)
from jaxneq.statistics import Series

from ._chain import Chain
from ._ensemble import LangevinEnsemble
from ._experiment import check_scheme, where_any_failed, worse
from ._lattice import EndBaths, HarmonicSpring
from ._sampler import AbstractIntegrator
from ._splitting import BAOAB
from ._walker import LangevinState, Sample

States = tuple[LangevinState, LangevinState]


class Conduction(AbstractSolution):
    r"""A chain between two baths, and the same chain in equilibrium at their mean temperature.

    .. math:: G = \frac{J}{T_{left} - T_{right}}, \qquad
              G = \frac{1}{T^2} \int_0^\infty \langle J(t)\,J(0)\rangle\,dt

    with the mean J of the currents across the bonds. The second, by Green and Kubo, holds for a
    chain of any length with the baths at its ends (Kundu, Dhar and Narayan, J. Stat. Mech. L03001,
    2009), the first to second order in the difference of temperature. The conductivity is G times
    the number of sites N; where conduction is normal, the resistance
    :math:`1/G = R_c + N/\kappa` grows by :math:`1/\kappa` a site. `driven` and `equilibrium` are
    the two ensembles; `entropy_production` is that of the driven one.
    """

    primary: ClassVar[str] = "resistance"
    driven: LangevinEnsemble
    equilibrium: LangevinEnsemble

    resistance: Estimate = quantity(doc="Difference of temperature over the driven current")
    equilibrium_resistance: Estimate = quantity(
        doc="Resistance by Green and Kubo", reference_for="resistance"
    )
    conductance: Estimate = quantity(doc="Driven current over the difference of temperature")
    equilibrium_conductance: Estimate = quantity(
        doc="Conductance by Green and Kubo", reference_for="conductance"
    )
    conductivity: Estimate = quantity(doc="Conductance times sites, driven")
    equilibrium_conductivity: Estimate = quantity(
        doc="Conductance times sites, by Green and Kubo", reference_for="conductivity"
    )
    time: Float[Array, " time"] = quantity(doc="Time between two currents", dims=("time",))
    correlation: Estimate = quantity(doc="Correlation of the current", dims=("time",))
    running_conductance: Estimate = quantity(
        doc="Integral of the correlation up to a time, over the temperature squared",
        dims=("time",),
    )
    cutoff: Float[Array, ""] = quantity(doc="Time at which the integral ends", marks="time")
    heat_rate: Estimate = quantity(doc="Heat given to each bath per time, driven", dims=("bath",))
    inverse_temperature: Float[Array, " bath"] = quantity(
        doc="Inverse temperature of each bath, driven", dims=("bath",)
    )
    entropy_production: Estimate = quantity(doc="Rate at which the baths gain entropy, driven")
    conservation_residual: Float[Array, ""] = quantity(
        doc="First law: mean shadow work relative to the energy exchanged, the larger"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"heat": self.heat_rate.value}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"heat": self.inverse_temperature}

    def where_it_failed(self) -> str:
        return where_any_failed({"Driven": self.driven, "In equilibrium": self.equilibrium})

    def caution(self) -> str:
        if not (self.cutoff < self.time[..., -1]).all():
            return (
                "the correlation of the current has not decayed within half of the run, so the "
                "integral is not complete. Take a longer time, or give lags."
            )
        running = self.running_conductance
        grown = running.value[..., -1] - self.equilibrium_conductance.value
        if not (jnp.abs(grown) > 3 * running.stderr[..., -1]).any():
            return ""
        return (
            "the integral of the correlation of the current still changes beyond the cut-off: see "
            "the running conductance. Give more lags."
        )


class HeatConduction(AbstractSampler):
    """A chain between its two baths and, with other random numbers, between equal ones.

    The current in equilibrium is kept every `every` steps, which takes memory for as many values
    of each replica. Its correlation is integrated over `lags` of these; 0 lets
    `thermodynamics.green_kubo` choose, which does not see a tail that is slow and weak: look at
    the running integral.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (Chain,)

    integrator: AbstractIntegrator = part(AbstractIntegrator, doc="Scheme for both runs")
    every: int = setting(doc="Steps between two currents, even", range="[2, inf)", default=4)
    lags: int = setting(doc="Currents to integrate over; 0: found", range="[0, inf)", default=0)

    replicas: ClassVar[Any] = property(lambda self: self.integrator.replicas)  # no field

    @property
    def compiler_options(self) -> dict[str, Any]:
        return self.integrator.compiler_options

    def check(self, system: Chain) -> None:
        if not isinstance(system.thermostat, EndBaths):
            kind = type(system.thermostat).__name__
            raise ValueError(f"HeatConduction: the chain has {kind}. Give it EndBaths.")
        left, right = system.thermostat.left, system.thermostat.right
        if is_concrete(left) and is_concrete(right) and float(left) == float(right):
            raise ValueError(
                f"HeatConduction: both baths have the temperature {float(left):g}, so nothing is "
                "driven. Give EndBaths two temperatures."
            )
        check_scheme("HeatConduction", system, self.integrator)

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        schedule = self.integrator.schedule(time, burn_in)
        if self.every % 2:
            raise ValueError(
                f"HeatConduction: every = {self.every} is odd. Give an even number of steps."
            )
        kept = (schedule.total - schedule.burn_in) // self.every
        if kept < 4 or self.lags >= kept // 2:
            raise ValueError(
                f"HeatConduction: a current every {self.every} steps makes {kept} of them, too "
                f"few for {self.lags} lags. Give a longer time: at least 4 currents, and more "
                "than twice the lags."
            )
        return schedule

    def init(
        self,
        system: Chain,
        *,
        key: Array,
        schedule: Schedule,
        initial: Any,
        observables: tuple[AbstractObservable, ...],
    ) -> States:
        plan = {"schedule": schedule, "initial": initial}
        first, second = jax.random.fold_in(key, 0), jax.random.fold_in(key, 1)
        seen = (*observables, self._flux(system, schedule))
        return (
            self.integrator.init(system, key=first, observables=observables, **plan),
            self.integrator.init(_balanced(system), key=second, observables=seen, **plan),
        )

    def advance(
        self,
        system: Chain,
        state: States,
        steps: Any,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> States:
        plan = {"schedule": schedule, "observables": observables}
        driven = self.integrator.advance(system, state[0], steps, **plan)
        plan["observables"] = (*observables, self._flux(system, schedule))
        return driven, self.integrator.advance(_balanced(system), state[1], steps, **plan)

    def _flux(self, system: Chain, schedule: Schedule) -> Series:
        def flux(sample: Sample) -> Array:
            assert sample.velocity is not None
            return system.current(sample.position, sample.velocity)

        length = (schedule.total - schedule.burn_in) // self.every
        return Series(name="flux", of=flux, length=length, every=self.every)

    def finish(
        self,
        system: Chain,
        state: States,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> Conduction:
        plan = {"schedule": schedule, "observables": observables}
        driven = self.integrator.finish(system, state[0], **plan)
        flux, rest = self._flux(system, schedule), _balanced(system)
        plan["observables"] = (*observables, flux)
        equilibrium = self.integrator.finish(rest, state[1], **plan)
        baths, last = system.thermostat, rest.thermostat
        assert isinstance(baths, EndBaths) and isinstance(last, EndBaths)
        step = self.every * self.integrator.dt
        found = _green_kubo(equilibrium.observables[flux.name].T, step, self.lags)
        scale = last.left**-2
        conductance = driven.observables["current"].scaled(1 / (baths.left - baths.right))
        balanced = found.coefficient.scaled(scale)
        return Conduction(
            driven=driven,
            equilibrium=equilibrium,
            resistance=_inverse(conductance),
            equilibrium_resistance=_inverse(balanced),
            conductance=conductance,
            equilibrium_conductance=balanced,
            conductivity=conductance.scaled(float(system.sites)),
            equilibrium_conductivity=balanced.scaled(float(system.sites)),
            time=found.time,
            correlation=found.correlation,
            running_conductance=found.running.scaled(scale),
            cutoff=found.cutoff,
            heat_rate=driven.heat_rate,
            inverse_temperature=driven.inverse_temperature,
            entropy_production=driven.entropy_production,
            conservation_residual=jnp.maximum(
                driven.conservation_residual, equilibrium.conservation_residual
            ),
            status=worse(driven.status, equilibrium.status),
            stats={
                "steps": driven.stats["steps"] + equilibrium.stats["steps"],
                "diverged": driven.stats["diverged"] + equilibrium.stats["diverged"],
            },
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        baths = EndBaths(left=2.0, right=1.0)
        chain = Chain(sites=8, bond=HarmonicSpring(), thermostat=baths)
        method = cls(integrator=BAOAB(dt=0.1, replicas=512), lags=80)
        source = "Rieder, Lebowitz and Lieb, J. Math. Phys. 8, 1073 (1967)"

        def found(name: str) -> Any:
            end = simulate(chain, method, key=jax.random.key(2), time=240.0, burn_in=40.0)
            return getattr(end, name)

        for name in ("conductance", "equilibrium_conductance"):
            title = f"harmonic chain of 8 sites: {name.replace('_', ' ')}"
            exact = 0.19098277608915717
            yield Case(title, lambda name=name: found(name), exact, 5.0, source, error="z")


def _balanced(system: Chain) -> Chain:
    """The same chain with both baths at their mean temperature."""
    baths = system.thermostat
    assert isinstance(baths, EndBaths)
    mean = (baths.left + baths.right) / 2
    return eqx.tree_at(lambda s: (s.thermostat.left, s.thermostat.right), system, (mean, mean))


def _green_kubo(flux: Float[Array, "replica time"], dt: Any, lags: int) -> thermodynamics.GreenKubo:
    """The integral up to `lags`, with what it passes on the way and as far again."""
    found = thermodynamics.green_kubo(flux, dt)
    if not lags:
        return found
    time, *curves = jax.tree.map(
        lambda curve: curve[: 2 * lags + 1], (found.time, found.correlation, found.running)
    )
    coefficient = jax.tree.map(lambda curve: curve[lags], found.running)
    return thermodynamics.GreenKubo(coefficient, time[lags], time, *curves)


def _inverse(estimate: Estimate) -> Estimate:
    """One over a number, to first order in its error."""
    value = 1 / estimate.value
    return Estimate(value, estimate.stderr * value**2, estimate.n_effective)
