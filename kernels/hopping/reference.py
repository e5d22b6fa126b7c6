"""One replica after another, one attempt after another."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .. import noise
from .attempts import alias


def run(geometry, key, rates, start, time):
    """Occupations at `time`, net hops to the right, and the time to the next attempt."""
    length, replicas = start.shape
    table, moves = geometry.table, alias(jnp.asarray(rates))
    final, hops, due = np.zeros((length, replicas), bool), np.zeros(replicas, int), []
    words = drawn(key, replicas, int(3 * time * float(moves.total)))
    for replica in range(replicas):
        site = [*start[:, replica], True, False]
        counter, now = 0, wait(moves, words[1][0, replica])
        while now <= time:
            counter += 1
            move = chosen(moves, words[0][counter, replica])
            source, target, low, high = (int(each[move]) for each in table)
            if site[source] and not any(site[low : high + 1]):
                site[source], site[target] = False, True
                site[geometry.filled], site[geometry.empty] = True, False
                hops[replica] += move < geometry.gates
                hops[replica] -= geometry.gates <= move < 2 * geometry.gates
            now += wait(moves, words[1][counter, replica])
        final[:, replica] = site[:length]
        due.append(now - time)
    return final, hops, np.array(due)


def drawn(key, replicas, attempts):
    """Both words of noise of each attempt of each replica."""
    identity = jnp.tile(jnp.arange(replicas, dtype=jnp.uint32), attempts)
    counter = jnp.repeat(jnp.arange(attempts, dtype=jnp.uint32), replicas)
    pair = noise.bits((jnp.asarray(key[0]), jnp.asarray(key[1])), identity, counter)
    return [np.asarray(word, float).reshape(attempts, replicas) for word in pair]


def chosen(moves, word):
    """The move that a word draws."""
    share = word * 2.0**-32 * len(moves.chance)
    move = int(share)
    return move if share - move < moves.chance[move] else int(moves.other[move])


def wait(moves, word):
    """The time to the next attempt that a word draws."""
    return -np.log((word + 1) * 2.0**-32) / float(moves.total)
