"""What is common to experiments that run a protocol forward and in reverse."""

from __future__ import annotations

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxneq._core import AbstractSampler, AbstractSystem, Estimate, Schedule, part

from ._ensemble import LangevinEnsemble
from ._experiment import check_scheme
from ._protocols import Reversed
from ._sampler import AbstractIntegrator
from ._systems import AbstractLangevin
from ._walker import LangevinState

States = tuple[LangevinState, LangevinState]


class AbstractTwoWay(AbstractSampler):
    """A sampler that follows a protocol forward and, with other random numbers, in reverse.

    During `burn_in` the control rests where each of the two starts. The reverse begins with the
    control at the end of the run: a run that is shorter than the protocol is a shorter protocol.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractLangevin,)

    integrator: AbstractIntegrator = part(AbstractIntegrator, doc="Scheme for both directions")

    replicas: ClassVar[Any] = property(lambda self: self.integrator.replicas)  # no field

    @property
    def compiler_options(self) -> dict[str, Any]:
        return self.integrator.compiler_options

    def check(self, system: AbstractLangevin) -> None:
        check_work(self, system, self.integrator)
        control = jnp.zeros(system.controls, system.dtype)
        if system.driving_force(system.rest[:, None], control) is not None:
            raise ValueError(
                f"{type(self).__name__}: the drive of {type(system).__name__} is no gradient and "
                "keeps it from equilibrium. Leave it out, or take HatanoSasa."
            )

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        return self.integrator.schedule(time, burn_in)

    def starts(self, system: AbstractLangevin, initial: Any) -> tuple[Any, Any]:
        """The states at the very start, forward and in reverse."""
        return initial, initial

    def init(
        self, system: AbstractLangevin, *, key: Array, initial: Any, schedule: Schedule, **plan: Any
    ) -> States:
        first, second = (
            self.integrator.init(
                one, key=jax.random.fold_in(key, n), initial=start, schedule=schedule, **plan
            )
            for n, (one, start) in enumerate(
                zip(self._both(system, schedule), self.starts(system, initial), strict=True)
            )
        )
        return first, second

    def advance(
        self,
        system: AbstractLangevin,
        state: States,
        steps: Any,
        *,
        schedule: Schedule,
        **plan: Any,
    ) -> States:
        first, second = (
            self.integrator.advance(one, its, steps, schedule=schedule, **plan)
            for one, its in zip(self._both(system, schedule), state, strict=True)
        )
        return first, second

    def ensembles(
        self, system: AbstractLangevin, state: States, *, schedule: Schedule, **plan: Any
    ) -> tuple[LangevinEnsemble, LangevinEnsemble]:
        """What each direction has to say by itself."""
        first, second = (
            self.integrator.finish(one, its, schedule=schedule, **plan)
            for one, its in zip(self._both(system, schedule), state, strict=True)
        )
        return first, second

    def _both(
        self, system: AbstractLangevin, schedule: Schedule
    ) -> tuple[AbstractLangevin, AbstractLangevin]:
        protocol, dt = system.protocol, self.integrator.dt
        assert protocol is not None
        time = (schedule.total - schedule.burn_in) * dt
        whole = jnp.abs(time - protocol.duration) < 1e-3 * dt  # equal but for rounding
        back = Reversed(protocol, time=jnp.where(whole, protocol.duration, time))
        return system, eqx.tree_at(lambda one: one.protocol, system, back)


def check_work(owner: Any, system: AbstractLangevin, integrator: AbstractIntegrator) -> None:
    """Work theorems need a protocol and one temperature, and a scheme that treats the system."""
    name, kind = type(owner).__name__, type(system).__name__
    check_scheme(name, system, integrator)
    if system.protocol is None:
        raise ValueError(f"{name}: {kind} has no protocol, so no work is done. Give it a protocol.")
    if system.several_baths:
        raise ValueError(
            f"{name}: {kind} has more than one temperature. Leave out temperature_profile."
        )


def temperature_of(system: AbstractLangevin) -> Array:
    """The one temperature of all baths."""
    return jnp.mean(system.temperature_at(system.rest[:, None]))


def difference(first: Estimate, second: Estimate) -> Estimate:
    """Of independent estimates."""
    return Estimate(
        first.value - second.value,
        jnp.hypot(first.stderr, second.stderr),
        jnp.minimum(first.n_effective, second.n_effective),
    )
