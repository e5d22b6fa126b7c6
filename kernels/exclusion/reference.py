"""The same, one hop and one site at a time."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .. import noise


def exponentials(key, replica, gates, particles, footprint, dtype):
    """The unit exponential of each particle and gate of one replica, as `wavefront` draws it."""
    width, shifted = footprint + 1, np.arange(gates)[None] + footprint
    cycle, kind = np.divmod(width * np.arange(particles)[:, None] + shifted, width)
    identity = int(replica) * -(-(gates + footprint) // width) + shifted // width
    counter = cycle * -(-width // 2) + kind // 2
    identity, counter = (jnp.asarray(x, jnp.uint32) for x in (identity + 0 * cycle, counter))
    first, second = noise.exponential_pair(key, identity, counter, jnp.dtype(dtype))
    return np.where(kind % 2, second, first)


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


def tries(chance, key, identity, number, half):
    """Whether each replica of a word is let through, where `chance` is in units of 2^-32.

    The digits that are 0 in the bits of consecutive words make a number; is it below the chance?
    """
    counter = jnp.arange(number * 32, number * 32 + 32, dtype=jnp.uint32)
    word = np.asarray(noise.bits(key, jnp.uint32(identity), counter, 13)[half], np.uint64)
    digit = 1 - (word[:, None] >> np.arange(32, dtype=np.uint64) & 1)
    drawn = np.sum(digit << np.arange(31, -1, -1, dtype=np.uint64)[:, None], axis=0)
    return drawn < chance


def split_steps(chance, key, words, occupation, steps, periodic=False):
    """Sites (site, replica) after some steps, and the particles that passed gate 0.

    `chance` is of the gates, in units of 2^-32 and of at most 20 digits.
    """
    site, gates = np.array(occupation, bool), len(chance)
    sites, rows = len(site), (gates + 1) // 2
    keys = [tuple(word[kind] for word in key) for kind in (0, 1)]
    passed = np.zeros(site.shape[1], int)
    for number in range(steps):
        for gate in (*range(0, gates, 2), *range(1, gates, 2)):
            go = np.zeros(site.shape[1], bool)
            for word in range(words):
                edge = {0: 0, gates - 1: 1}.get(gate) if not periodic else None
                if edge is None:
                    known = keys[0], word * rows + gate // 2, number, gate % 2
                else:
                    known = keys[1], word, number, edge
                go[32 * word : 32 * word + 32] = tries(chance[gate], *known)
            left, right = (gate, (gate + 1) % sites) if periodic else (gate - 1, gate)
            there = site[left] if left >= 0 else True
            free = ~site[right] if right < sites else True
            moves = there & free & go
            if left >= 0:
                site[left] &= ~moves
            if right < sites:
                site[right] |= moves
            passed += moves * (gate == 0)
    return site.astype(int), passed
