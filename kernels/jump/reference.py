"""The direct method as one would write it down: one replica after the other, event by event."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .. import noise


def advance(rates, fired, clock, key, identity, until):
    """As `lockstep.advance`."""
    fired, clock = np.array(fired), np.array(clock)
    for replica in range(clock.size):
        while True:
            each = np.array([float(rate) for rate in rates(list(fired[:, replica]))])
            number = jnp.uint32(fired[:, replica].sum())
            wait, share = noise.exponential_and_uniform(
                key, jnp.uint32(identity[replica]), number, clock.dtype
            )
            if each.sum() == 0 or clock[replica] + wait / each.sum() > until:
                break
            clock[replica] += wait / each.sum()
            fired[np.searchsorted(np.cumsum(each), share * each.sum(), side="right"), replica] += 1
    return fired, clock
