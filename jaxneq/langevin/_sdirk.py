"""Steps in time of order 4 that stiff equations take well.

Singly diagonally implicit with five stages, L-stable; the last stage is the step, and other weights
of order 3 give the error (Hairer and Wanner, Solving Ordinary Differential Equations II,
table 6.5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PyTree

_SHARES = np.array([1 / 4, 3 / 4, 11 / 20, 1 / 2, 1])
_STAGES = np.array(
    [
        [1 / 4, 0, 0, 0, 0],
        [1 / 2, 1 / 4, 0, 0, 0],
        [17 / 50, -1 / 25, 1 / 4, 0, 0],
        [371 / 1360, -137 / 2720, 15 / 544, 1 / 4, 0],
        [25 / 24, -49 / 48, 125 / 16, -85 / 12, 1 / 4],
    ]
)
_THIRD_ORDER = np.array([59 / 48, -17 / 96, 225 / 32, -85 / 12, 0])
_DIAGONAL = 1 / 4

Rows = Float[Array, "row cell"]
Number = Float[Array, ""]
Stage = Callable[[Number, Number, Rows], tuple[Rows, Rows, PyTree]]


def sdirk(rows: Rows, dt: Number, stage: Stage) -> tuple[Rows, Rows, PyTree]:
    r"""One step of :math:`\dot y = f(t, y)`.

    **Arguments:** ``stage(share, tau, rhs)`` solves :math:`y - \tau f(y) = r` at a share of the
    step, and returns y, f(y) and rates of whatever else flows, a pytree of numbers.

    **Returns:** the rows after the step, their departure from order 3, and what has flowed.
    """
    dtype = rows.dtype
    tau = dt * _DIAGONAL

    def one(rates: Array, row: tuple[Array, Array, Array]) -> tuple[Array, Any]:
        weights, share, index = row
        found, rate, flowing = stage(share, tau, rows + dt * jnp.tensordot(weights, rates, 1))
        return rates.at[index].set(rate), (found, flowing)

    explicit = _STAGES - _DIAGONAL * np.eye(len(_SHARES))
    table = jnp.asarray(explicit, dtype), jnp.asarray(_SHARES, dtype), jnp.arange(len(_SHARES))
    none = jnp.zeros((len(_SHARES), *rows.shape), dtype)
    rates, (found, flowing) = lax.scan(one, none, table)
    weights = jnp.asarray(_STAGES[-1], dtype)
    flowed = jax.tree.map(lambda rate: dt * (weights @ rate), flowing)
    defect = dt * jnp.tensordot(jnp.asarray(_STAGES[-1] - _THIRD_ORDER, dtype), rates, 1)
    return found[-1], defect, flowed
