"""Free energies from a process and its reverse, by Bennett's acceptance ratio."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import Estimate, as_number, as_samples, warn_if

from ._exponential import RESOLVED

Values = Float[Array, " samples"]


def bar(forward: Any, reverse: Any, beta: Any) -> Estimate:
    r"""The difference of free energies from the work of a process and of its time reverse.

    With :math:`f(x) = 1/(1 + e^x)` and :math:`M = \ln(n_F/n_R)`, the root of

    .. math:: \sum_{i=1}^{n_F} f\big(M + \beta(W_i - \Delta F)\big)
              = \sum_{j=1}^{n_R} f\big(-M + \beta(W_j + \Delta F)\big)

    (Bennett, J. Comput. Phys. 22, 245, 1976; Shirts et al., Phys. Rev. Lett. 91, 140601, 2003: the
    maximum of the likelihood). The difference of the logarithms of the two sides grows
    monotonically with :math:`\Delta F`, and the root lies between the smallest and the largest of
    :math:`\{W_i, -W_j\}`: Newton's method, safeguarded by bisection, always finds it. Derivatives
    follow from the implicit function theorem, to any order. The standard error is the asymptotic

    .. math:: \beta^2\,\mathrm{var}(\Delta F)
              = \Big[\sum_{\mathrm{all}} f(1 - f)\Big]^{-1} - \frac1{n_F} - \frac1{n_R}.

    **Arguments:** `forward`, shape ``(n_F,)``, the work of processes from equilibrium at the start;
    `reverse`, shape ``(n_R,)``, the work done on the system (so mostly positive too) in the
    reverse process from equilibrium at the end; `beta`, the inverse temperature.

    **Returns:** an `Estimate`; `n_effective` is :math:`4\sum f(1 - f)`, the number of samples in
    the overlap of the two densities, at most :math:`n_F + n_R`.

    **Raises:** `ValueError` for wrong shapes, NaN, `beta` not positive.

    **Warns** where fewer than 100 samples overlap (concrete values only).
    """
    forward, reverse = both_directions("bar", forward, reverse)
    beta = as_number("bar", "beta", beta, forward)
    shift, overlap = acceptance_ratio(beta * forward, -beta * reverse)
    inverse_sizes = 1 / forward.shape[0] + 1 / reverse.shape[0]
    variance = jnp.maximum(1 / overlap - inverse_sizes, 0)
    found = Estimate(shift / beta, jnp.sqrt(variance) / beta, 4 * overlap)
    warn_if(
        found.n_effective < RESOLVED,
        f"bar: fewer than {RESOLVED} samples lie where the densities of W forward and -W in "
        "reverse overlap (n_effective); the error cannot be trusted. Take more samples or a slower "
        "protocol.",
    )
    return found


def both_directions(
    owner: str, forward: Any, reverse: Any
) -> tuple[Values, Float[Array, " others"]]:
    """The two arrays of work, checked, of one dtype."""
    forward = as_samples(owner, "forward", forward)
    return forward, as_samples(owner, "reverse", reverse).astype(forward.dtype)


@jax.jit
def acceptance_ratio(
    first: Values, second: Float[Array, " others"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    r"""The shift `c` for which the densities of `first` and `second` have the ratio e^(x - c).

    Also the overlap, the sum of f (1 - f) over both, which carries no derivative.
    """
    log_ratio = math.log(first.shape[0] / second.shape[0])

    def imbalance(shift: Array) -> Array:
        accepted = jax.nn.logsumexp(jax.nn.log_sigmoid(shift - first - log_ratio))
        returned = jax.nn.logsumexp(jax.nn.log_sigmoid(second - shift + log_ratio))
        return accepted - returned

    low = lax.stop_gradient(jnp.minimum(jnp.min(first), jnp.min(second)))
    high = lax.stop_gradient(jnp.maximum(jnp.max(first), jnp.max(second)))
    shift = monotone_root(imbalance, low, high)
    fixed = lax.stop_gradient(shift - log_ratio)
    both = lax.stop_gradient(jnp.concatenate([first, second]))
    accepted = jax.nn.sigmoid(fixed - both)
    return shift, jnp.sum(accepted * (1 - accepted))


def monotone_root(function, low: Float[Array, ""], high: Float[Array, ""]) -> Float[Array, ""]:
    """The root of a function that grows from ``function(low) <= 0`` to ``function(high) >= 0``.

    Newton's method; a step that leaves the bracket, or is not half of the last one, is replaced by
    bisection. It ends after a step so small that its square is below rounding: the argument is to
    be reduced, so that the function bends over lengths of order 1. Derivatives by the implicit
    function theorem.
    """

    def solve(function, guess):
        eps = jnp.finfo(guess.dtype).eps

        def small(step, x):
            return jnp.abs(step) <= jnp.maximum(0.1 * jnp.sqrt(eps), 4 * eps * jnp.abs(x))

        def unfinished(carry):
            low, high, x, step, iterations = carry
            return ~small(step, x) & (low < high) & (iterations < 200)

        def improve(carry):
            low, high, x, last, iterations = carry
            value, slope = jax.jvp(function, (x,), (jnp.ones_like(x),))
            low = jnp.where(value <= 0, x, low)
            high = jnp.where(value >= 0, x, high)
            trial = x - value / slope
            good = (trial > low) & (trial < high) & (jnp.abs(trial - x) < jnp.abs(last) / 2)
            new = jnp.where(good, trial, low + (high - low) / 2)  # NaN is not good
            new = jnp.where(small(trial - x, x), jnp.clip(trial, low, high), new)
            return low, high, new, new - x, iterations + 1

        start = (low, high, guess, jnp.full_like(guess, jnp.inf), jnp.int32(0))
        return lax.while_loop(unfinished, improve, start)[2]

    def tangent_solve(linear, rhs):
        return rhs / linear(jnp.ones_like(rhs))

    return lax.custom_root(function, low + (high - low) / 2, solve, tangent_solve)
