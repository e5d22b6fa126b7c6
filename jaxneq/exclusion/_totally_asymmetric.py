"""What is common to the samplers of totally asymmetric processes, and what samplers refuse."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxneq._core import is_concrete

from ._lattice import AbstractExclusion


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
