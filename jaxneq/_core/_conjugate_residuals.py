"""Linear systems without symmetry: conjugate residuals, which may be preconditioned by anything."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ._linear import Operator


def conjugate_residuals(
    operator: Operator,
    rhs: Float[Array, " n"],
    preconditioner: Operator,
    tolerance: Float[Array, ""],
    max_iterations: int,
    memory: int = 30,
) -> Float[Array, " n"]:
    """Solve ``A x = b`` to a relative residual of `tolerance`; NaN where it misses its root.

    The images of the directions are kept orthogonal, so each step makes the residual as small as
    the space of all of them lets it (Eisenstat, Elman and Schultz, SIAM J. Numer. Anal. 20, 345,
    1983). The space is emptied when it holds `memory` directions; the preconditioner may differ
    from step to step.
    """
    norm = jnp.linalg.norm(rhs)
    target = tolerance * norm

    def unfinished(carry: Any) -> Array:
        _, residual, _, _, iterations, stuck = carry
        return (jnp.linalg.norm(residual) > target) & (iterations < max_iterations) & ~stuck

    def step(carry: Any) -> Any:
        x, residual, directions, images, iterations, _ = carry
        index = iterations % memory
        full = index == 0
        directions = jnp.where(full, 0, directions)
        images = jnp.where(full, 0, images)
        direction = preconditioner(residual)
        image = operator(direction)
        for _ in range(2):  # once more for rounding
            along = images @ image
            direction, image = direction - along @ directions, image - along @ images
        size = jnp.linalg.norm(image)
        scale = jnp.where(size > 0, 1 / jnp.where(size > 0, size, 1), 0)
        direction, image = scale * direction, scale * image
        reach = image @ residual
        after = residual - reach * image
        stuck = ~(jnp.abs(reach) > jnp.finfo(rhs.dtype).eps * jnp.linalg.norm(residual))
        return (
            x + reach * direction,
            after,
            directions.at[index].set(direction),
            images.at[index].set(image),
            iterations + 1,
            stuck,
        )

    none = jnp.zeros((memory, rhs.size), rhs.dtype)
    start = (jnp.zeros_like(rhs), rhs, none, none, jnp.int32(0), jnp.array(False))
    x, residual, *_ = lax.while_loop(unfinished, step, start)
    missed = ~(jnp.linalg.norm(residual) <= jnp.sqrt(tolerance) * norm)
    return jnp.where(missed, jnp.nan, x)
