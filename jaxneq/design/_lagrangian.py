"""Constraints: the augmented Lagrangian, for equations and inequalities alike."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._problem import Evaluation, Limits, Problem

_FIRST_PENALTY = 1.0
_GROWTH = 3.0  # of the penalty, where an update left most of the violation
_MOST_LEFT = 0.7
_MOST = 1e4


class Multipliers(eqx.Module):
    r"""Of limits :math:`l \le c \le h`, with outcomes in units of their limits.

    .. math:: L = F + \frac{\rho}{2} \sum_i \left(c_i + \lambda_i/\rho - s_i\right)^2, \qquad
        s_i = \min(\max(c_i + \lambda_i/\rho, l_i), h_i)

    The best slack s is known in closed form, so that one expression holds for equations (l = h),
    one-sided and two-sided limits (Rockafellar, Math. Program. 5, 354, 1973).

    **Fields:** `values`, :math:`\lambda`, by name; `penalty`, :math:`\rho`; `violation`, the
    largest at the last update.
    """

    values: dict[str, Array]
    penalty: Float[Array, ""]
    violation: Float[Array, ""]

    @classmethod
    def none(cls, problem: Problem, dtype) -> Multipliers:
        zero = jnp.zeros((), dtype)
        values = {name: zero for name in problem.limits}
        return cls(values, zero + _FIRST_PENALTY, zero + jnp.inf)

    def penalised(self, problem: Problem, found: Evaluation, scale: Array) -> Array:
        """L, in units of the objective at the start."""
        total = found.value / scale
        for name, limits in problem.limits.items():
            departure = self._departure(name, limits, found.outcomes[name])
            total = total + self.penalty / 2 * departure**2
        return total

    def updated(self, problem: Problem, found: Evaluation, slack: Array | None) -> Multipliers:
        r""":math:`\lambda \to \rho (c + \lambda/\rho - s)`.

        The penalty grows where a violation above the `slack` remains, unless that is None.
        """
        values = {
            name: self.penalty * self._departure(name, limits, found.outcomes[name])
            for name, limits in problem.limits.items()
        }
        violation = violation_of(problem, found)
        penalty = self.penalty
        if slack is not None:
            slow = violation > jnp.maximum(_MOST_LEFT * self.violation, slack)
            penalty = jnp.where(slow, jnp.minimum(_GROWTH * penalty, _MOST), penalty)
        return Multipliers(values, penalty, violation)

    def _departure(self, name: str, limits: Limits, outcome: Array) -> Array:
        unit = _unit(limits).astype(outcome.dtype)
        moved = outcome / unit + self.values[name] / self.penalty
        low, high = limits.low.astype(outcome.dtype), limits.high.astype(outcome.dtype)
        return moved - jnp.clip(moved, low / unit, high / unit)


def violation_of(problem: Problem, found: Evaluation) -> Array:
    """The largest of all limits, in their units; 0 without limits."""
    worst = jnp.zeros_like(found.value)
    for name, limits in problem.limits.items():
        outside = limits.violation(found.outcomes[name]) / _unit(limits)
        worst = jnp.maximum(worst, outside.astype(worst.dtype))
    return worst


def _unit(limits: Limits) -> Array:
    """The larger limit that is finite, or 1."""
    low, high = (jnp.where(jnp.isfinite(end), jnp.abs(end), 0) for end in (limits.low, limits.high))
    larger = jnp.maximum(low, high)
    return jnp.where(larger > 0, larger, jnp.ones_like(larger))
