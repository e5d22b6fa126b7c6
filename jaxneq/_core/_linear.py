"""The one implicit solve: linear systems whose solutions differentiate to any order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, PyTree

from ._status import Status
from ._types import custom_jvp

Operator = Callable[[Array], Array]


class SolveStats(eqx.Module):
    """How a linear solve ended. `residual` is ``|b - A x| / |b|``, recomputed from `x`."""

    iterations: Int[Array, "..."]
    residual: Float[Array, "..."]
    status: Status


def tolerance_or(
    given: Array | None, dtype: jnp.dtype, double: float = 1e-10, single: float = 1e-5
) -> Float[Array, ""]:
    """The tolerance given, or that of the precision."""
    default = double if dtype == jnp.float64 else single
    return jnp.asarray(default if given is None else given, dtype)


def linear_solve(
    operator: Operator,
    rhs: Array,
    *,
    preconditioner: Operator,
    tolerance: Float[Array, ""],
    max_iterations: int,
) -> tuple[Array, SolveStats]:
    """Solve ``A x = b`` for a symmetric `operator` by conjugate gradients.

    A real one must be positive definite; a complex one is symmetric, not Hermitian.

    Differentiable in `rhs` and in whatever `operator` closes over, forward and reverse, to any
    order: the derivative is the solution of the same system with another right-hand side, so it
    costs one more solve. The preconditioner carries no derivative.

    A solution whose residual exceeds the root of the tolerance is replaced by NaN. The status
    tells of the first solve; of the solve for a derivative nothing else could.
    """

    def solve(matvec: Operator, b: Array):
        x, stats = conjugate_gradients(matvec, b, preconditioner, tolerance, max_iterations)
        hopeless = ~stats.status.ok & ~(stats.residual <= jnp.sqrt(tolerance))
        return jnp.where(hopeless, jnp.nan, x), stats

    return lax.custom_linear_solve(operator, rhs, solve, symmetric=True, has_aux=True)


def conjugate_gradients(
    operator: Operator,
    rhs: Array,
    preconditioner: Operator,
    tolerance: Float[Array, ""],
    max_iterations: int,
) -> tuple[Array, SolveStats]:
    """Preconditioned conjugate gradients to a true relative residual of `tolerance`.

    The recurrence can report a residual that the solution does not have (in float32 by orders of
    magnitude), so the true one is recomputed when the recurrence has converged and the iteration
    restarts from it while that helps (Hestenes and Stiefel 1952; van der Vorst and Ye 2000).

    The product is not conjugated, so that complex symmetric systems are solved as well (H. A. van
    der Vorst and J. B. M. Melissen, IEEE Trans. Magn. 26, 706, 1990).
    """
    is_complex = jnp.iscomplexobj(rhs)
    norm = _norm(rhs)
    target = tolerance * norm

    def turn(carry):
        """A step, or where the recurrence has ended the true residual; the operator once."""
        x, residual, direction, rho, iterations, now, broken, _ = carry
        ended = (_norm(residual) <= target) | (iterations >= max_iterations) | broken
        image = operator(jnp.where(ended, x, direction))
        curvature = _dot(direction, image)
        curved = curvature != 0 if is_complex else curvature > 0
        alpha = jnp.where(curved & ~ended, rho / curvature, 0)
        x = x + alpha * direction
        residual = jnp.where(ended, rhs - image, residual - alpha * image)
        z = preconditioner(residual)
        rho_next = _dot(residual, z)
        direction = jnp.where(ended, z, z + (rho_next / rho) * direction)
        failed = ~curved | ~jnp.isfinite(rho_next)
        if not is_complex:
            failed = failed | ~(rho_next >= 0)
        true = _norm(residual)
        helped = (true > target) & (true < 0.5 * now) & (iterations < max_iterations) & ~broken
        return (
            x,
            residual,
            direction,
            rho_next,
            iterations + jnp.where(ended, 0, 1),
            jnp.where(ended, true, now),
            broken | (failed & ~ended),
            ended & ~helped,
        )

    z = preconditioner(rhs)
    no = jnp.array(False)
    start = (jnp.zeros_like(rhs), rhs, z, _dot(rhs, z), jnp.int32(0), norm, no, no)
    x, _, _, _, iterations, now, broken, _ = lax.while_loop(lambda carry: ~carry[-1], turn, start)
    relative = jnp.where(norm > 0, now / jnp.where(norm > 0, norm, 1), 0)
    status = Status.first_true(
        not_finite=~jnp.isfinite(now),
        breakdown=broken & (now > target),
        max_iterations=(now > target) & (iterations >= max_iterations),
        stagnation=now > target,
    )
    return x, SolveStats(iterations, relative, status)


@partial(custom_jvp, nondiff_argnums=(0,))
def stationary_value(
    functional: Callable, parameters: PyTree, state: PyTree, value: PyTree = None
) -> PyTree:
    """``functional(parameters, state)`` where `state` makes the functional stationary.

    Where that `value` is known from elsewhere, the functional is followed for derivatives only.

    The envelope theorem: the first derivative needs no derivative of the state, so value and
    gradient cost one solve together, for any number of parameters, and the value's error is
    quadratic in the error of the state. Second derivatives take the state's derivative (by
    `linear_solve`) and are exact too.

    `functional` must not close over traced values.
    """
    return functional(parameters, state) if value is None else value


@stationary_value.defjvp
def _stationary_value_jvp(functional, primals, tangents):
    parameters, state, value = primals
    value = stationary_value(functional, parameters, state, value)
    _, tangent = jax.jvp(lambda p: functional(p, state), (parameters,), (tangents[0],))
    return value, tangent


def _dot(a: Array, b: Array) -> Array:
    return jnp.sum(a * b)


def _norm(a: Array) -> Array:
    return jnp.sqrt(jnp.real(_dot(jnp.conj(a), a)))
