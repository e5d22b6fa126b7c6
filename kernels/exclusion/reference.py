"""The same, one hop and one site at a time."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .. import noise


def exponentials(key, replica, gates, particles, footprint, dtype):
    """The unit exponential of each particle and gate of one replica, as `wavefront` draws it."""
    width, rows = footprint + 1, -(-(gates + footprint) // (footprint + 1))
    found = np.zeros((particles, gates))
    for n in range(particles):
        for gate in range(gates):
            wave = width * n + gate + footprint  # that of the shifted numbers
            cycle, kind = divmod(wave, width)
            row = (gate + footprint) // width
            pair = noise.exponential_pair(
                key,
                jnp.uint32(int(replica) * rows + row),
                jnp.uint32(cycle * -(-width // 2) + kind // 2),
                jnp.dtype(dtype),
            )
            found[n, gate] = pair[kind % 2]
    return found


def hop_times(waits, exponential, footprint=1):
    """G(n, i) of one replica from its unit exponentials (particle, gate), lattice empty at 0."""
    particles, gates = exponential.shape
    times = np.zeros((particles, gates))
    for n in range(particles):
        for gate in range(gates):
            ready = times[n, gate - 1] if gate else 0.0
            if n and gate + footprint < gates:
                ready = max(ready, times[n - 1, gate + footprint])
            times[n, gate] = ready + waits[gate] * exponential[n, gate]
    return times


def entry_times(waits, key, replica, particles, footprint=1):
    """When particle number `particles` comes in, of each replica; counted from 1."""
    found = []
    for each in replica:
        drawn = exponentials(key, each, len(waits), particles, footprint, waits.dtype)
        found.append(hop_times(waits, drawn, footprint)[-1, 0])
    return np.array(found)


def split_step(chance, random, occupation, periodic=False):
    """Sites (site, replica) after one step, and what passed gate 0, tried where `random` (gate,
    replica) is below the `chance` of the gate: first the even gates, then the odd ones.
    """
    site = np.array(occupation, bool)
    count, go = len(site), random < np.asarray(chance)[:, None]
    passed = None
    for parity in (0, 1):
        for gate in range(parity, len(chance), 2):
            left, right = (gate, (gate + 1) % count) if periodic else (gate - 1, gate)
            there = np.ones_like(go[gate]) if left < 0 else site[left]
            free = np.ones_like(go[gate]) if right == count else ~site[right]
            moves = there & free & go[gate]
            if left >= 0:
                site[left] &= ~moves
            if right < count:
                site[right] |= moves
            passed = moves if gate == 0 else passed
    return site, passed
