"""Where a falling function is 0, differentiable in all that it depends on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

_HALVINGS = 60  # of the interval


def threshold(excess: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """By bisection between two ends, and a step of Newton for the derivative."""

    def halve(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        above = lax.stop_gradient(excess(middle)) > 0
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    ends = lax.stop_gradient((low, high))
    low, high = lax.fori_loop(0, _HALVINGS, halve, ends)
    found = lax.stop_gradient((low + high) / 2)
    _, slope = jax.jvp(excess, (found,), (jnp.ones_like(found),))
    return found - excess(found) / lax.stop_gradient(slope)
