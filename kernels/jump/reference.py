"""The direct method as one would write it down: one replica after the other, event by event."""

from __future__ import annotations

import math

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
                key, jnp.uint32(identity[replica]), number, clock.dtype, 13
            )
            if not 0 < each.sum() < math.inf or clock[replica] + wait / each.sum() > until:
                break
            clock[replica] += wait / each.sum()
            fired[np.searchsorted(np.cumsum(each), share * each.sum(), side="right"), replica] += 1
    return fired, clock


def poisson(mean, key, identity, number):
    """As `poisson.poisson`, by the quantities of the papers, one number after the other."""
    found, identity = np.zeros(mean.shape), jnp.asarray(identity)
    key = jnp.asarray(key[0]), jnp.asarray(key[1])
    for at in range(mean.size):
        pairs = (
            noise.uniform_pair(key, identity[at], jnp.uint32(64 * number[at] + turn), mean.dtype)
            for turn in range(64)
        )
        found[at] = (_rejection if mean[at] >= 10 else _product)(float(mean[at]), pairs)
    return found


def _product(mean, pairs):
    uniforms = (1 - float(each) for pair in pairs for each in pair)
    product, count = next(uniforms), 0
    while product > np.exp(-mean):
        product *= next(uniforms)
        count += 1
    return count


def _rejection(mean, pairs):
    b = 0.931 + 2.53 * np.sqrt(mean)
    a = -0.059 + 0.02483 * b
    for u, v in ((float(u) - 0.5, float(v)) for u, v in pairs):
        us = 0.5 - abs(u)
        k = np.floor((2 * a / us + b) * u + mean + 0.43) if us > 0 else -1
        if us >= 0.07 and v <= 0.9277 - 3.6224 / (b - 2):
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        left = math.log(v * (1.1239 + 1.1328 / (b - 3.4)) / (a / us**2 + b))
        if left <= -mean + k * math.log(mean) - math.lgamma(k + 1):
            return k
    raise AssertionError("no number in 64 attempts")
