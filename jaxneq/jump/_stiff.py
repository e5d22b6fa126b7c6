r"""Stiff differential equations: the linearly implicit Euler method, extrapolated.

With m equal substeps of :math:`(1 - h J/m)\,\Delta y = (h/m) f(y)` for m = 2 to 6, J taken once,
the polynomial in h/m through the five ends is of order 5 at 0, and damps what is stiff (Deuflhard,
SIAM Rev. 27, 505, 1985; Hairer and Wanner, Solving Ordinary Differential Equations II, IV.9).
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

State = Float[Array, " n"]
Field = Callable[[State], State]
_SUBSTEPS = (2, 3, 4, 5, 6)


def integrate(
    field: Field,
    start: State,
    times: Float[Array, " time"],
    *,
    scale: State,
    tolerance: Float[Array, ""],
    max_iterations: int,
) -> tuple[Float[Array, "time n"], Bool[Array, ""]]:
    """The state at each of `times`, in whatever order, and whether all steps were accepted.

    Steps keep the estimated error below `tolerance` times the state or, if that is larger,
    `scale`; between two times there are at most `max_iterations`. Derivatives are those of the
    steps that were taken.
    """
    order = jnp.argsort(times)
    first = jnp.max(times) * 1e-6 + jnp.finfo(start.dtype).tiny

    def interval(carry: tuple, until: Array) -> tuple[tuple, tuple[State, Array]]:
        def unless_done(carry: tuple, _: None) -> tuple[tuple, None]:
            return lax.cond(carry[1] < until, attempt, lambda same: same, carry), None

        def attempt(carry: tuple) -> tuple:
            y, time, step = carry
            last = time + step >= until
            length = jnp.where(last, until - time, step)
            fresh, error = _step(field, y, lax.stop_gradient(length))
            size = jnp.maximum(jnp.maximum(jnp.abs(y), jnp.abs(fresh)), scale)
            ratio = lax.stop_gradient(jnp.max(jnp.abs(error) / (tolerance * size)))
            good = ratio <= 1
            growth = jnp.clip(0.9 * jnp.maximum(ratio, 1e-10) ** (-1 / len(_SUBSTEPS)), 0.2, 4.0)
            growth = jnp.where(jnp.isfinite(ratio), growth, 0.2)
            time = jnp.where(good, jnp.where(last, until, time + length), time)
            # the last step before a time is short for another reason
            step = jnp.where(good & last, jnp.maximum(step, length * growth), length * growth)
            return jnp.where(good, fresh, y), time, step

        carry, _ = lax.scan(unless_done, carry, length=max_iterations)
        return carry, (carry[0], carry[1] >= until)

    carry = (start, jnp.zeros_like(first), first)
    _, (states, arrived) = lax.scan(interval, carry, times[order])
    return jnp.zeros_like(states).at[order].set(states), jnp.all(arrived)


def _step(field: Field, y: State, length: Array) -> tuple[State, State]:
    """The state a step later, and its estimated error."""
    jacobian = jax.jacfwd(field)(y)
    rows: list[list[State]] = []
    for count in _SUBSTEPS:
        short = length / count
        inverse = jnp.linalg.inv(jnp.eye(y.size, dtype=y.dtype) - short * jacobian)
        moved = lax.scan(
            lambda z, _, m=inverse, h=short: (z + m @ (h * field(z)), None), y, length=count
        )[0]
        row = [moved]
        for before in range(1, len(rows) + 1):  # Aitken and Neville
            ratio = count / _SUBSTEPS[len(rows) - before] - 1
            row.append(row[-1] + (row[-1] - rows[-1][before - 1]) / ratio)
        rows.append(row)
    return rows[-1][-1], rows[-1][-1] - rows[-1][-2]
