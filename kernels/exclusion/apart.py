"""What XLA is kept from fusing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Int


def apart(function: Callable[[Any], Any], argument: Any, counter: Int[Array, ""]) -> Any:
    """`function(argument)`, of the same shape, in a loop of one turn on a CPU.

    XLA fuses a shift into what reads it, where the CPU then computes one number at a time, and
    the noise twice. A loop whose length it cannot know (`counter` is not negative) it leaves alone.
    """
    if jax.default_backend() != "cpu":
        return function(argument)
    return lax.fori_loop(0, jnp.minimum(counter + 1, 1), lambda _, x: function(x), argument)
