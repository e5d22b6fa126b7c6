"""What is common to the samplers of totally asymmetric processes, and what samplers refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import Estimate, is_concrete, quantity

from ._lattice import AbstractExclusion
from ._state import AbstractLatticeSolution


class AbstractOneWay(AbstractLatticeSolution):
    """What is sampled where no hop has a reverse: a current, and an infinite force."""

    current: eqx.AbstractVar[Estimate]
    entropy_production: Float[Array, ""] = quantity(
        unit="1/time", doc="Rate of entropy production: infinite, as no hop has a reverse"
    )

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"hopping": self.current.value}

    @property
    def forces(self) -> Mapping[str, Any]:
        return {"hopping": self.entropy_production}


def check_totally_asymmetric(name: str, system: AbstractExclusion) -> None:
    """All moves are hops to the right; concrete rates only."""
    if not all(map(is_concrete, jax.tree.leaves((system, jnp.zeros(()))))):
        return
    lattice = system.lattice
    if lattice.attachment is not None:
        raise ValueError(f"{name}: particles attach and detach. Use Gillespie or MeanField.")
    back = np.asarray(lattice.passing[1])
    if np.any(back > 0):
        gate = int(np.argmax(back > 0))
        raise ValueError(
            f"{name}: gate {gate} is passed to the left with rate {back[gate]:g}, and only moves "
            "to the right are treated. Set gamma, delta and q to 0, or use Gillespie."
        )


def refuse_observables(name: str, observables: tuple[Any, ...]) -> None:
    """No observable is shown anything here."""
    if observables:
        raise ValueError(f"{name}: takes no observables. Leave them out.")
