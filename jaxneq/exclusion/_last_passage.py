r"""Last passage percolation with exponential waiting times: exact laws at finite size.

The N-th particle of a step start passes the origin at the time :math:`G(N, N)`, which is
distributed as the largest eigenvalue of the Laguerre unitary ensemble (Johansson, Commun. Math.
Phys. 209, 437, 2000). With :math:`\varphi_k(x) = L_k(x) e^{-x/2}`

.. math:: P(G(N, N) \le t) = \det_{i, j < N} \int_0^t \varphi_i \varphi_j\, dx .
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import AbstractEvolveMethod, AbstractSystem, Case, Status, evolve, setting

from ._step import StepASEP, StepFlux
from ._tracy_widom import TRACY_WIDOM

_LOST = 1e-10  # probability left out
PerCount = Float[Array, " count"]


def last_passage(particles: int, time: Float[Array, ""], latest: float | None = None) -> PerCount:
    r""":math:`P(G(n, n) \le t)` for n = 1 to `particles` at a time t > 0, unit waiting times.

    **Arguments:** `latest`, a time that t does not exceed: the more, the more nodes. By default
    when about 0.8 of the particles have passed.

    The leading minors of one Gram matrix are the products of squared pivots of a QR decomposition
    of the functions at the nodes of a Gauss-Legendre rule in :math:`\sqrt{x}`. Relative errors
    are about 1e-11, however small the probability. Differentiable in the time.
    """
    latest = 3.2 * particles if latest is None else latest
    node, weight = np.polynomial.legendre.leggauss(40 + round(latest / 2))
    root = jnp.asarray((node + 1) / 2, time.dtype)
    x = time * root**2
    start = jnp.sqrt(time * root * jnp.asarray(weight, time.dtype)) * jnp.exp(-x / 2)

    def next_one(known: tuple[Array, Array], k: Array) -> tuple[tuple[Array, Array], Array]:
        last, now = known
        return (now, ((2 * k + 1 - x) * now - k * last) / (k + 1)), now

    orders = jnp.arange(particles, dtype=time.dtype)
    _, functions = lax.scan(next_one, (jnp.zeros_like(x), start), orders)
    pivots = jnp.abs(jnp.diagonal(jnp.linalg.qr(functions.T, mode="r")))
    there = pivots > 0
    logarithm = jnp.where(there, jnp.log(jnp.where(there, pivots, 1)), -jnp.inf)
    return jnp.exp(2 * jnp.cumsum(logarithm))


class PassageTime(eqx.Module):
    """Moments of the time at which a particle passes."""

    mean: Float[Array, ""]
    variance: Float[Array, ""]


def passage_time(particle: int, nodes: int = 160) -> PassageTime:
    r"""Mean and variance of :math:`G(N, N)` for N = `particle`, unit waiting times.

    :math:`\langle G^k\rangle = \int_0^\infty k t^{k-1} (1 - P(G \le t))\,dt` by the
    Gauss-Legendre rule.
    """
    if not 1 <= particle <= 200:
        raise ValueError(f"passage_time: particle = {particle} is not allowed. Give 1 to 200.")
    spread = 2 ** (4 / 3) * particle ** (1 / 3)
    low, high = max(0.0, 4 * particle - 9 * spread), 4 * particle + 12 * spread + 30
    node, weight = np.polynomial.legendre.leggauss(nodes)
    time = jnp.asarray(low + (high - low) * (node + 1) / 2)
    weight = jnp.asarray((high - low) * weight / 2, time.dtype)
    later = 1 - lax.map(lambda t: last_passage(particle, t, high)[-1], time)
    typical = 4 * particle
    mean = low - typical + weight @ later
    square = (low - typical) ** 2 + 2 * weight @ ((time - typical) * later)
    return PassageTime(typical + mean, square - mean**2)


class LastPassage(AbstractEvolveMethod):
    """The law of the flux from a step, by the determinants of last passage percolation.

    Exact but for rounding: use float64. `particles` must exceed the number that may pass, about
    t/4 + 3.3 t^(1/3) + 6 of unit rate; the status tells where it does not.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (StepASEP,)

    particles: int = setting(
        range="[4, 320]", doc="Most particles that are counted at the origin", default=128
    )

    def evolve(self, system: StepASEP, *, times: Float[Array, " times"], initial: Any) -> StepFlux:
        if initial is not None:
            raise ValueError("LastPassage: initial is not allowed; the step is the initial state.")
        times = times.astype(system.rate.dtype)
        one = jnp.ones((), times.dtype)

        def at(time: Array) -> tuple[Any, Any]:
            return jax.jvp(lambda t: self._law(t * system.rate), (time,), (one,))

        started = times > 0
        (law, moments), (_, rates) = lax.map(at, jnp.where(started, times, 1))
        mean, variance, third, fourth = (jnp.where(started, each, 0) for each in moments.T)
        growth = jnp.where(started, times * rates[:, 1] / (2 * moments[:, 1]), 0.5)
        lost = jnp.where(started, law[:, -1], 0)
        reach = times * system.rate
        width = 2 ** (-4 / 3) * jnp.cbrt(jnp.where(started, reach, 1))
        moving = jnp.where(started, variance, 1)
        current = jnp.where(started, rates[:, 0], system.rate)
        affinity = jnp.asarray(jnp.inf, times.dtype)
        limits = (jnp.asarray(each, times.dtype) for each in (1 / 3, *TRACY_WIDOM))
        beta, *tracy_widom = limits
        empty = jnp.eye(1, self.particles + 1, dtype=times.dtype)
        passed = jnp.concatenate([jnp.ones_like(law[:, :1]), law, jnp.zeros_like(law[:, :1])], 1)
        return StepFlux(
            time=times,
            mean_flux=mean,
            flux_variance=variance,
            current=current,
            growth_exponent=growth,
            growth_limit=beta,
            scaled_mean=(reach / 4 - mean) / width,
            mean_limit=tracy_widom[0],
            scaled_variance=variance / width**2,
            variance_limit=tracy_widom[1],
            skewness=-third / moving**1.5,
            skewness_limit=tracy_widom[2],
            kurtosis=jnp.where(started, fourth / moving**2 - 3, 0),
            kurtosis_limit=tracy_widom[3],
            count=jnp.arange(self.particles + 1, dtype=times.dtype),
            probability=jnp.maximum(
                jnp.where(started[:, None], passed[:, :-1] - passed[:, 1:], empty), 0
            ),
            affinity=affinity,
            entropy_production=current * affinity,
            conservation_residual=jnp.max(lost),
            status=Status.first_true(
                not_finite=~jnp.all(jnp.isfinite(mean)), not_accurate=~jnp.all(lost < _LOST)
            ),
            stats={},
        )

    def _law(self, time: Array) -> tuple[PerCount, Float[Array, " moment"]]:
        """The chance that n have passed for n = 1 ..., and mean and central moments 2 to 4.

        With the distances from a whole number near the mean nothing cancels.
        """
        law = last_passage(self.particles, time)
        n = jnp.arange(1, self.particles + 1, dtype=law.dtype)
        near = jnp.round(lax.stop_gradient(jnp.sum(law)))
        ahead = n - near  # of n, at n - 1 before: a step of (n - near)^k adds to the moment k
        raw = [
            jnp.sum((ahead**k - (ahead - 1) ** k) * jnp.where(ahead > 0, law, law - 1))
            for k in range(1, 5)
        ]
        first, second, third, fourth = raw
        variance = second - first**2
        central = third - 3 * first * second + 2 * first**3
        quartic = fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4
        return law, jnp.stack([near + first, variance, central, quartic])

    @classmethod
    def validation(cls) -> Iterable[Case]:
        late = lambda: evolve(StepASEP(), cls(), times=[400.0])  # noqa: E731
        source = "pivots of the Hankel matrix of incomplete gamma functions, in 500 digits"
        yield Case(
            "variance of the flux at t = 400",
            lambda: late().flux_variance[0],
            7.11569212057937972758,
            1e-9,
            source,
        )
        yield Case(
            "passage of the second particle",
            lambda: passage_time(2).mean,
            3.5,
            1e-11,
            "the largest eigenvalue of two, by hand",
        )
