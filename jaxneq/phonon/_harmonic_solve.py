"""Complex symmetric systems, such as those at a frequency."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float

from jaxneq._core import SolveStats, Status

Operator = Callable[[Array], Array]


def harmonic_solve(
    operator: Operator,
    rhs: Complex[Array, " _"],
    *,
    preconditioner: Operator,
    tolerance: Float[Array, ""],
    max_iterations: int,
) -> tuple[Complex[Array, " _"], SolveStats]:
    """Solve ``A x = b`` where A is symmetric, not Hermitian, by conjugate gradients.

    They are those of the product without conjugation (H. A. van der Vorst and J. B. M. Melissen,
    IEEE Trans. Magn. 26, 706, 1990). Differentiable like `linear_solve`; the residual is the true
    one.
    """

    def solve(matvec: Operator, b: Array) -> tuple[Array, SolveStats]:
        norm = jnp.linalg.norm(b)

        def unfinished(carry: Any) -> Array:
            _, residual, _, _, count = carry
            return (jnp.linalg.norm(residual) > tolerance * norm) & (count < max_iterations)

        def turn(carry: Any) -> Any:
            x, residual, direction, rho, count = carry
            image = matvec(direction)
            step = rho / jnp.sum(direction * image)
            residual = residual - step * image
            better = preconditioner(residual)
            following = jnp.sum(residual * better)
            turned = better + following / rho * direction
            return x + step * direction, residual, turned, following, count + 1

        first = preconditioner(b)
        begin = (jnp.zeros_like(b), b, first, jnp.sum(b * first), jnp.int32(0))
        x, _, _, _, count = lax.while_loop(unfinished, turn, begin)
        left = jnp.linalg.norm(b - matvec(x)) / jnp.where(norm > 0, norm, 1)
        status = Status.first_true(
            not_finite=~jnp.isfinite(left),
            max_iterations=(left > 10 * tolerance) & (count >= max_iterations),
            stagnation=left > 10 * tolerance,
        )
        return x, SolveStats(count, left, status)

    return lax.custom_linear_solve(operator, rhs, solve, symmetric=True, has_aux=True)
