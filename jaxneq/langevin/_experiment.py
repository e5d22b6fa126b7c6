"""What experiments on one ensemble share: an integrator, what they look at, what they tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractObservable,
    AbstractSampler,
    AbstractSolution,
    Estimate,
    Schedule,
    Status,
    part,
    quantity,
)

from ._ensemble import LangevinEnsemble
from ._sampler import AbstractIntegrator
from ._systems import AbstractLangevin
from ._walker import LangevinState


class AbstractFindings(AbstractSolution):
    """What an experiment says beside the `ensemble`, whose fluxes and forces are its own."""

    ensemble: LangevinEnsemble
    entropy_production: Estimate = quantity(doc="Rate at which the baths gain entropy")
    conservation_residual: Float[Array, ""] = quantity(
        doc="First law: mean shadow work relative to the energy exchanged or kept"
    )
    status: Status
    stats: dict[str, Any]

    @classmethod
    def beside(cls, ensemble: LangevinEnsemble, **found: Any) -> Any:
        """What was found, with the laws and the status of the ensemble."""
        laws = ("entropy_production", "conservation_residual", "status", "stats")
        return cls(ensemble=ensemble, **{name: getattr(ensemble, name) for name in laws} | found)

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return self.ensemble.fluxes

    @property
    def forces(self) -> Mapping[str, Array]:
        return self.ensemble.forces

    def where_it_failed(self) -> str:
        return self.ensemble.where_it_failed()


class AbstractExperiment(AbstractSampler):
    """A sampler that runs one ensemble and says more of it; a subclass has `finish`."""

    integrator: AbstractIntegrator = part(AbstractIntegrator, doc="Scheme for the paths")

    replicas: ClassVar[Any] = property(lambda self: self.integrator.replicas)  # no field

    @property
    def compiler_options(self) -> dict[str, Any]:
        return self.integrator.compiler_options

    def own(self, system: AbstractLangevin, schedule: Schedule) -> tuple[AbstractObservable, ...]:
        """What the experiment itself observes along the paths; here nothing."""
        return ()

    def check(self, system: AbstractLangevin) -> None:
        check_scheme(type(self).__name__, system, self.integrator)

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        return self.integrator.schedule(time, burn_in)

    def init(
        self,
        system: AbstractLangevin,
        *,
        key: jax.Array,
        schedule: Schedule,
        initial: Any,
        observables: tuple[AbstractObservable, ...],
    ) -> LangevinState:
        every = (*observables, *self.own(system, schedule))
        return self.integrator.init(
            system, key=key, schedule=schedule, initial=initial, observables=every
        )

    def advance(
        self,
        system: AbstractLangevin,
        state: LangevinState,
        steps: Any,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> LangevinState:
        every = (*observables, *self.own(system, schedule))
        plan = {"schedule": schedule, "observables": every}
        return self.integrator.advance(system, state, steps, **plan)

    def ensemble(
        self,
        system: AbstractLangevin,
        state: LangevinState,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> LangevinEnsemble:
        """What the ensemble has to say by itself, with the experiment's own observables."""
        every = (*observables, *self.own(system, schedule))
        return self.integrator.finish(system, state, schedule=schedule, observables=every)


def worse(first: Status, second: Status) -> Status:
    """The first failure of the two."""
    return Status(jnp.where(first.ok, second.code, first.code))


def where_any_failed(runs: Mapping[str, LangevinEnsemble]) -> str:
    """What those of several runs say that failed, by name; concrete values only."""
    failed = {name: one for name, one in runs.items() if not one.status.ok.all()}
    return " ".join(f"{name}: {one.where_it_failed()}" for name, one in failed.items())


def check_scheme(owner: str, system: AbstractLangevin, integrator: AbstractIntegrator) -> None:
    """The scheme must treat the system, and with its step."""
    if not isinstance(system, integrator.systems):
        able, kind = ", ".join(cls.__name__ for cls in integrator.systems), type(system).__name__
        raise ValueError(f"{owner}: {type(integrator).__name__} treats {able}, not {kind}.")
    integrator.check(system)
