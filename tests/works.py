"""Work of which the free energy is known."""

import math

import jax

KEY = jax.random.key(0)
FREE_ENERGY = 0.3


def gaussian_work(seed, shape, free_energy=FREE_ENERGY, dissipated=0.5, beta=1.0):
    """Work whose exponential average is exact: the variance is twice the dissipation over beta."""
    noise = jax.random.normal(jax.random.fold_in(KEY, seed), shape)
    return free_energy + dissipated + math.sqrt(2 * dissipated / beta) * noise
