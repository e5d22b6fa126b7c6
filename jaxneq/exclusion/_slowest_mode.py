"""The slowest mode of a master equation, by Arnoldi's method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float

from jaxneq._core import custom_jvp, general_solve, without_derivatives

from ._configurations import Chain, State

DIMENSION = 24  # of the Krylov space, at most
KEPT = 6  # Ritz vectors that a restart begins with
RESTARTS = 8

Vector = Complex[Array, " state"]
Linear = Callable[[State], State]


@custom_jvp
def slowest(chain: Chain, stationary: State) -> tuple[Complex[Array, ""], Float[Array, ""]]:
    """The eigenvalue other than 0 with the largest real part, and its residual.

    Of two complex conjugates that with the positive imaginary part; the residual is relative.
    First derivatives are those of a simple eigenvalue; a second one raises.
    """
    value, _, residual = _rightmost(*_right(chain, stationary))
    return value, residual


@slowest.defjvp
def _slowest_jvp(primals: Any, tangents: Any) -> Any:
    once = "The gap has no second derivative here. Take differences of the first."
    chain, stationary = without_derivatives(primals, once)
    value, right, residual = _rightmost(*_right(chain, stationary))
    _, left, _ = _rightmost(*_left(chain, stationary))

    def moved(leaving: Array, arriving: Array, v: State) -> State:
        rates = lambda one: (one.leaving, one.arriving)  # noqa: E731
        return eqx.tree_at(rates, chain, (leaving, arriving)).flow(v)

    def change(v: State) -> State:
        at, by = (chain, tangents[0])
        given = (at.leaving, at.arriving), (by.leaving, by.arriving)
        return jax.jvp(lambda leaving, arriving: moved(leaving, arriving, v), *given)[1]

    pushed = lax.complex(change(right.real), change(right.imag))
    slope = jnp.sum(left * pushed) / jnp.sum(left * right)  # of the transpose: no conjugate
    return (value, residual), (slope, jnp.zeros_like(residual))


def _right(chain: Chain, stationary: State) -> tuple[Linear, State]:
    """The generator with its eigenvalue 0 moved out of the way (Wielandt)."""
    shift = 3 * jnp.max(chain.escape)  # beyond all others
    return lambda v: chain.flow(v) - shift * stationary * jnp.sum(v), chain.escape


def _left(chain: Chain, stationary: State) -> tuple[Linear, State]:
    deflated, escape = _right(chain, stationary)
    return lambda v: jax.linear_transpose(deflated, v)(v)[0], escape


def _rightmost(flow: Linear, escape: State) -> tuple[Complex[Array, ""], Vector, Float[Array, ""]]:
    """The rightmost of the eigenvalues of `flow` that are near 0, its vector and residual.

    Arnoldi's method with the inverse, begun again from the sum of the best Ritz vectors (Saad,
    Numerical Methods for Large Eigenvalue Problems, 2011, section 6.3 and 8.1).
    """
    size = min(DIMENSION, escape.shape[0])
    dtype, eps = escape.dtype, jnp.finfo(escape.dtype).eps
    index = jnp.arange(size + 1)
    scale = escape + jnp.mean(escape)

    def inverse(v: State) -> State:
        solve = {"tolerance": jnp.asarray(1e4 * eps, dtype), "max_iterations": 20_000}
        return general_solve(lambda y: flow(y / scale), v, **solve)[0] / scale

    def extend(k: Any, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        basis, projected = carry
        image = inverse(basis[k])
        length, along = jnp.linalg.norm(image), jnp.zeros(size + 1, dtype)
        for _ in range(2):  # once is not enough in floating point
            part = jnp.where(index <= k, basis @ image, 0)
            image, along = image - part @ basis, along + part
        norm = jnp.linalg.norm(image)
        more = norm > 1e3 * eps * length  # else the space is exhausted
        image = jnp.where(more, image / jnp.where(more, norm, 1), 0)
        along = jnp.where(index == k + 1, jnp.where(more, norm, 0), along)
        return basis.at[k + 1].set(image), projected.at[:, k].set(along)

    def cycle(carry: tuple) -> tuple:
        start, *_, iterations = carry
        basis = jnp.zeros((size + 1, escape.shape[0]), dtype)
        basis = basis.at[0].set(start / jnp.linalg.norm(start))
        empty = jnp.zeros((size + 1, size), dtype)
        basis, projected = lax.fori_loop(0, size, extend, (basis, empty))
        found, vectors = jnp.linalg.eig(projected[:size])
        there = jnp.abs(found) > 1e3 * eps * jnp.max(jnp.abs(found))
        values = 1 / jnp.where(there, found, 1)
        residuals = jnp.abs(projected[size, size - 1]) * jnp.abs(vectors[-1] * values)
        near = there & (residuals < 1e-3)
        # by the real part; of two conjugates the one with the positive imaginary part
        height = values.real + 1e-9 * jnp.sign(values.imag) * jnp.abs(values)
        order = jnp.argsort(jnp.where(near, -height, jnp.inf))
        best = vectors[:, order[0]]
        few = vectors[:, order[: min(KEPT, size)]]
        mixed = jnp.sum(few.real + few.imag, axis=1) @ basis[:-1]
        vector = lax.complex(best.real @ basis[:-1], best.imag @ basis[:-1])
        return mixed, values[order[0]], vector, residuals[order[0]], iterations + 1

    def unfinished(carry: tuple) -> Array:
        *_, residual, iterations = carry
        return (residual > 1e2 * eps) & (iterations < RESTARTS)

    start = jax.random.normal(jax.random.key(1), escape.shape, dtype)  # not a shadow of the solver
    none = jnp.zeros_like(start)
    first = (start, lax.complex(none[0], none[0]), lax.complex(none, none), jnp.inf + none[0])
    _, value, vector, residual, _ = lax.while_loop(unfinished, cycle, (*first, jnp.int32(0)))
    return value, vector, residual
