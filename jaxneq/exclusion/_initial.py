"""Where the particles are at the start of a sampled run."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from jaxneq._core import is_concrete

from ._lattice import Lattice


def check_initial(name: str, lattice: Lattice, initial: Any) -> None:
    """Refuse occupations that the lattice cannot have; concrete values only."""
    if initial is None or not is_concrete(initial):
        return
    given = np.asarray(initial)
    if given.ndim not in (1, 2) or given.shape[0] != lattice.length:
        return  # told by `placed`
    if not np.all((given == 0) | (given == 1)):
        wrong = given[(given != 0) & (given != 1)][0]
        raise ValueError(
            f"{name}: initial holds {wrong:g}. Give 1 for an occupied site and 0 for an empty one."
        )
    filled = given == 1
    count = np.sum(filled, axis=0)
    if lattice.particles is not None and np.any(count != lattice.particles):
        wrong = np.ravel(count[count != lattice.particles])[0]
        raise ValueError(
            f"{name}: initial holds {wrong} particles, and the lattice {lattice.particles}. Give "
            f"{lattice.particles} occupied sites."
        )
    for near in range(1, lattice.footprint):
        both = filled & np.roll(filled, -near, axis=0)
        both = both if lattice.periodic else both[: lattice.length - near]
        if np.any(both):
            site = int(np.argwhere(both)[0][0]) + 1
            raise ValueError(
                f"{name}: in initial the particles at the sites {site} and {site + near} overlap, "
                f"as each covers {lattice.footprint}. Leave {lattice.footprint} sites from one "
                "particle to the next."
            )


def placed(name: str, lattice: Lattice, initial: Any, replicas: int) -> Bool[Array, "site replica"]:
    """The occupations at the start: those given, or none, or on a ring as even as can be."""
    length = lattice.length
    if initial is None:
        initial = np.zeros(length, bool)
        if lattice.particles is not None:
            initial[np.arange(lattice.particles) * length // lattice.particles] = True
    sites = jnp.asarray(initial).astype(bool)
    if sites.shape not in ((length,), (length, replicas)):
        raise ValueError(
            f"{name}: initial has shape {sites.shape}. Give occupations of {length} sites, "
            f"(site,), or of each replica, ({length}, {replicas})."
        )
    return jnp.broadcast_to(sites if sites.ndim == 2 else sites[:, None], (length, replicas))
