"""The largest eigenvalue of a generator with weighted moves, and its eigenvectors."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import Status, general_solve

from ._configurations import Chain, State

NEWTON = 20  # iterations at most; five are usual


class Perron(eqx.Module):
    """The largest `eigenvalue`, with its positive eigenvectors.

    The sum of `right` is 1, and that of its product with `left`; `residual` is relative to the
    fastest escape.
    """

    eigenvalue: Float[Array, ""]
    right: State
    left: State
    residual: Float[Array, ""]
    status: Status


def perron(chain: Chain, steps: int) -> Perron:
    r"""The eigenpair :math:`M r = \theta r`, :math:`\sum_c r_c = 1`, by Newton's method.

    `steps` of a power iteration find its neighbourhood. That r and l are positive shows that the
    eigenvalue is the largest one (Perron and Frobenius). Differentiable to any order.
    """
    escape = lax.stop_gradient(chain.escape)
    fastest = jnp.max(escape)
    eps = jnp.finfo(escape.dtype).eps
    tolerance = jnp.asarray(1e4 * eps, escape.dtype)

    def equations(z: Array) -> Array:
        right, theta = z[:-1], z[-1]
        balance = chain.flow(right) - theta * right
        return jnp.concatenate([balance, (jnp.sum(right) - 1)[None]])

    def linear_step(linear, rhs: Array) -> Array:
        """Solve with the eigenvalue 0 moved to -c by a multiple of r 1^T (Wielandt)."""
        right = -linear(jnp.zeros_like(rhs).at[-1].set(1))[:-1]
        shift = jnp.mean(escape)

        def deflated(y: State) -> State:
            weights = y / (escape + shift)
            return linear(jnp.append(weights, shift * jnp.sum(weights)))[:-1]

        found, _ = general_solve(deflated, rhs[:-1], tolerance=tolerance, max_iterations=20_000)
        found = found / (escape + shift)
        total = jnp.sum(found)
        return jnp.append(found - right * (total - rhs[-1]), shift * total)

    def solve(function, start: Array) -> tuple[Array, Array]:
        def size(z: Array) -> Array:
            return jnp.max(jnp.abs(function(z)[:-1])) / (fastest * jnp.max(jnp.abs(z[:-1])))

        def unfinished(carry: tuple) -> Array:
            _, now, before, iterations = carry
            helping = (now < 0.5 * before) | (iterations < 3)
            return (now > 4 * eps) & helping & (iterations < NEWTON)

        def step(carry: tuple) -> tuple:
            z, now, _, iterations = carry
            value, linear = jax.linearize(function, z)
            z = z - linear_step(linear, value)
            return z, size(z), now, iterations + 1

        first = (start, size(start), jnp.full_like(fastest, jnp.inf), jnp.int32(0))
        z, now, _, _ = lax.while_loop(unfinished, step, first)
        return z, now

    def power(_, weights: State) -> State:
        weights = weights + chain.flow(weights) / fastest
        return weights / jnp.sum(weights)

    weights = jnp.full_like(escape, 1 / escape.shape[0])
    weights = lax.stop_gradient(lax.fori_loop(0, steps, power, weights))
    start = jnp.append(weights, lax.stop_gradient(jnp.sum(chain.flow(weights))))
    z, residual = lax.custom_root(equations, start, solve, linear_step, has_aux=True)
    right, theta = z[:-1], z[-1]

    # the transpose of the equations' derivative: (M^T - theta) l = -m 1, r l = 1; then m = 0
    shift = jnp.mean(escape)

    def transposed(left: State) -> State:
        (pulled,) = jax.linear_transpose(chain.flow, right)(left)
        return (pulled - theta * left - shift * jnp.sum(right * left)) / (escape + shift)

    ones = jnp.full_like(right, -shift) / (escape + shift)
    left, _ = general_solve(transposed, ones, tolerance=tolerance, max_iterations=20_000)
    left = left / jnp.sum(right * left)
    low = jnp.minimum(jnp.min(right) / jnp.max(right), jnp.min(left) / jnp.max(left))
    status = Status.first_true(
        not_finite=~jnp.isfinite(theta + jnp.sum(left)),
        stagnation=~(lax.stop_gradient(residual) <= tolerance),
        not_accurate=~(low > -jnp.sqrt(eps)),
    )
    return Perron(theta, right, left, lax.stop_gradient(residual), status)
