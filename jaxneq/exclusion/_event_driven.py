"""What samplers on the kernel of events share: the plan, the start, what the kernel needs."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from jaxneq._core import (
    AbstractObservable,
    AbstractSampler,
    AbstractSystem,
    Scalar,
    Schedule,
    is_concrete,
    parameter,
)
from jaxneq._kernels import hopping

from ._initial import check_initial, placed
from ._lattice import AbstractExclusion, Lattice
from ._totally_asymmetric import refuse_observables


class AbstractEventDriven(AbstractSampler):
    """Any lattice, event by event; a step is an `interval`."""

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractExclusion,)

    interval: Scalar = parameter(
        unit="time", range="(0, inf)", doc="Time between two looks at the sites", default=1.0
    )

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        return Schedule.of(type(self).__name__, time, burn_in, self.interval, name="interval")

    def check_initial(self, system: AbstractExclusion, initial: Any) -> None:
        check_initial(type(self).__name__, system.lattice, initial)

    def check_plan(self, system: AbstractExclusion, schedule: Schedule) -> None:
        """Refuse more attempts than their counters hold; concrete values only."""
        duration = schedule.total * self.interval
        lattice = system.lattice
        if not all(map(is_concrete, jax.tree.leaves((lattice, duration, jnp.zeros(()))))):
            return
        rates = [*lattice.passing, lattice.attachment, lattice.detachment]
        total = sum(float(np.sum(np.asarray(each))) for each in rates if each is not None)
        attempts = total * float(duration)
        if not attempts < 2**31:
            raise ValueError(
                f"{type(self).__name__}: at the total rate of all moves, {total:.3g}, a time of "
                f"{float(duration):.3g} takes {attempts:.3g} attempts, and 2^31 are the most of "
                f"one replica. Give a time below {2**31 / total:.3g} and more replicas."
            )

    def starts(
        self, lattice: Lattice, initial: Any, observables: tuple[AbstractObservable, ...]
    ) -> Bool[Array, "site replica"]:
        """The occupations at the start."""
        name = type(self).__name__
        refuse_observables(name, observables)
        return placed(name, lattice, initial, self.replicas)


def problem(lattice: Lattice) -> tuple[hopping.Geometry, hopping.Moves]:
    """What the kernel needs of a lattice."""
    rates = [*lattice.passing]
    attaching = lattice.attachment is not None
    if lattice.attachment is not None and lattice.detachment is not None:
        rates += [lattice.attachment, lattice.detachment]
    geometry = hopping.Geometry(lattice.length, lattice.footprint, lattice.periodic, attaching)
    return geometry, hopping.alias(jnp.concatenate(rates))
