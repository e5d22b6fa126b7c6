"""Three conductivities of a grating, each for a question of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from jaxneq._core import (
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Status,
    steady,
)

from ._grating import (
    GratingProblem,
    GratingSolution,
    GratingState,
    TransientGrating,
    gray_grating,
)
from ._special import escaping_share

_MOST_STEPS = 200


class WeakResponse(AbstractSteadyMethod):
    r"""Every band by itself against a bath in equilibrium.

    .. math:: \kappa = \sum_b \kappa_b S(q\Lambda_b), \qquad
              S(x) = \frac{3}{x^2}\left(1 - \frac{\arctan x}{x}\right)

    The heat is supplied to the collisions, not to the bands: T is then :math:`T_p`. Exact where
    the bands of long mean free path hold little heat.
    Source: Maznev, Johnson and Nelson, Phys. Rev. B 84, 195206 (2011), for the two fluids; Hua and
    Minnich, Phys. Rev. B 89, 094302 (2014), for this function.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (TransientGrating,)

    def steady(self, system: TransientGrating) -> GratingSolution:
        grating = system.problem()
        loss = jnp.sum(grating.share * grating.rate * escaping_share(grating.reach))
        return system.solution(
            GratingState(
                pseudotemperature=jnp.ones_like(loss),
                excess=jnp.zeros_like(grating.reach),
                reach=grating.reach,
                loss=loss,
                status=Status.first_true(not_finite=~jnp.isfinite(loss)),
                stats={},
            )
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        for reach, exact in ((0.1, 0.9940425265138939), (10.0, 0.025586616977088795)):
            yield Case(
                f"gray grating, q Lambda = {reach:g}: weakly quasiballistic suppression",
                lambda reach=reach: _suppression(steady(gray_grating(reach), cls())),
                exact,
                1e-12,
                "3/x^2 (1 - atan(x)/x)",
            )


class ForcedResponse(AbstractSteadyMethod):
    r"""Steady periodic heating, :math:`\kappa = Q / (q^2 T)`.

    With :math:`a_b = \arctan(q\Lambda_b)/(q\Lambda_b)` and :math:`p_b = C_b/C`

    .. math:: \frac{C}{q^2\kappa} = \sum_b p_b \tau_b a_b
              + \frac{\left(\sum_b p_b a_b\right)^2}{\sum_b p_b (1 - a_b)/\tau_b}

    A gray medium has :math:`S = 3/x^2\,(x/\arctan x - 1)`.
    Source: after Hua and Minnich, Phys. Rev. B 89, 094302 (2014), at zero frequency.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (TransientGrating,)

    def steady(self, system: TransientGrating) -> GratingSolution:
        grating = system.problem()
        here = grating.share * jnp.arctan(grating.reach) / grating.reach
        away = grating.share * grating.rate * escaping_share(grating.reach)
        from_bath = here.sum() / away.sum()
        loss = 1 / (jnp.sum(here / grating.rate) + here.sum() * from_bath)
        return system.solution(
            GratingState(
                pseudotemperature=loss * from_bath,
                excess=loss / grating.rate,
                reach=grating.reach,
                loss=loss,
                status=Status.first_true(not_finite=~jnp.isfinite(loss)),
                stats={},
            )
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        for reach, exact in ((0.1, 0.9973472116541646), (10.0, 0.17392519645991025)):
            yield Case(
                f"gray grating, q Lambda = {reach:g}: suppression under steady heating",
                lambda reach=reach: _suppression(steady(gray_grating(reach), cls())),
                exact,
                1e-12,
                "3/x^2 (x/atan(x) - 1)",
            )


class LateDecay(AbstractSteadyMethod):
    r"""The slowest exponential, :math:`\kappa = \gamma C / q^2`.

    .. math:: \sum_b \frac{C_b}{\tau_b}\left(1 -
              \frac{1}{x_b}\arctan\frac{x_b}{1 - \gamma\tau_b}\right) = 0,
              \qquad x_b = q\Lambda_b, \quad 0 < \gamma < 1/\max_b \tau_b

    A gray medium has :math:`S = 3/x^2\,(1 - x\cot x)`, above 1 because the flux lags behind, and
    only for :math:`x < \pi/2`. Otherwise no mode outlives all bands, the end of the decay is that
    of the longest-lived band, and the status says ``no_mode``. In silicon at 300 K that is so
    below 52 um: a band of 0.5 us that holds 4e-8 of the heat is the last.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (TransientGrating,)

    def steady(self, system: TransientGrating) -> GratingSolution:
        grating = system.problem()
        rate, exists, iterations = slowest_decay(grating)
        known = jnp.isfinite(jnp.sum(grating.reach * grating.rate * grating.share))
        rate = jnp.where(exists, rate, jnp.nan)
        lag = rate / grating.rate
        here = jnp.arctan2(grating.reach, 1 - lag) / grating.reach
        bath = 1 / jnp.sum(grating.share * here)
        return system.solution(
            GratingState(
                pseudotemperature=bath,
                excess=bath * lag / (1 - lag),
                reach=grating.reach / (1 - lag),
                loss=rate,
                decay_rate=rate,
                status=Status.first_true(
                    not_finite=~known,
                    no_mode=~exists,
                    max_iterations=iterations >= _MOST_STEPS,
                ),
                stats={"iterations": iterations},
            )
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        for reach, exact in ((0.1, 1.0006673022228683), (1.0, 1.073722152197008)):
            yield Case(
                f"gray grating, q Lambda = {reach:g}: suppression of the late decay",
                lambda reach=reach: _suppression(steady(gray_grating(reach), cls())),
                exact,
                1e-12,
                "3/x^2 (1 - x cot x)",
            )


def slowest_decay(
    grating: GratingProblem,
) -> tuple[Float[Array, ""], Bool[Array, ""], Int[Array, ""]]:
    """The rate of the slowest mode (1/s), whether there is one, and the iterations.

    The imbalance falls with the rate and is concave, so that Newton's iteration converges from
    the right; it is kept in a bracket. Differentiable to any order as an implicit function.
    """
    fastest = jnp.min(grating.rate)

    def imbalance(rate: Array) -> Array:
        return jnp.sum(
            grating.share * grating.rate * _unbalanced(grating.reach, rate / grating.rate)
        )

    def solve(function, start):
        precision = 4 * jnp.finfo(start.dtype).eps

        def unfinished(carry):
            rate, last, _, _, count = carry
            return (jnp.abs(rate - last) > precision * rate) & (count < _MOST_STEPS)

        def step(carry):
            rate, _, low, high, count = carry
            value = function(rate)
            slope = -jnp.sum(grating.share / ((1 - rate / grating.rate) ** 2 + grating.reach**2))
            low, high = jnp.where(value > 0, rate, low), jnp.where(value > 0, high, rate)
            newton = rate - value / slope
            inside = (low <= newton) & (newton <= high)
            return jnp.where(inside, newton, (low + high) / 2), rate, low, high, count + 1

        begin = (start, fastest, start, fastest, jnp.int32(0))
        rate, _, _, _, count = lax.while_loop(unfinished, step, begin)
        return rate, count.astype(rate.dtype)  # a count would want a tangent of its own kind

    rate, iterations = lax.custom_root(
        imbalance,
        jnp.zeros_like(fastest),
        solve,
        lambda linear, y: y / linear(jnp.ones_like(y)),
        has_aux=True,
    )
    return rate, imbalance(fastest) < 0, iterations.astype(jnp.int32)


def _unbalanced(reach: Array, lag: Array) -> Array:
    """``1 - atan2(x, 1 - lag) / x`` without cancellation where x is small."""
    small = reach < 0.4 * (1 - lag)
    inner = jnp.where(small, lag, 0)
    near = (escaping_share(jnp.where(small, reach, 0) / (1 - inner)) - inner) / (1 - inner)
    return jnp.where(small, near, 1 - jnp.arctan2(reach, 1 - lag) / reach)


def _suppression(solution: GratingSolution) -> np.ndarray:
    return np.asarray(solution.conductivity / solution.bulk_conductivity)
