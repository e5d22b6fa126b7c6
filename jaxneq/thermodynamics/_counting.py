"""Full counting statistics: all that is known at late times of what jumps count."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import custom_jvp

from ._edges import Edges, PerEdge
from ._elimination import Elimination, PerState, Rates
from ._markov_chain import column_response, stationary_distribution

Number = Float[Array, ""]

_MOST_ITERATIONS = 60  # each about doubles the digits, once it is near


@eqx.filter_jit
def current_statistics(edges: Edges, counts: Any) -> tuple[Array, Array]:
    r"""Drift and covariance per time of counted currents, at late times.

    .. math:: v_a = \sum_e J_e c_{ae}, \qquad
              C_{ab} = \sum_{ij} p_i w_{ij} (d^a_{ij} + g^a_j - g^a_i) (d^b_{ij} + g^b_j - g^b_i)

    with the counts :math:`d_{ij} = \pm c_e` of the jumps along an edge and against it, and g from
    Poisson's equation: what was counted, less its drift, plus g is a martingale, whose quadratic
    variation C is. No difference is taken, so C is positive definite by form.

    **Arguments:** `counts`, for a jump along each edge, shape ``(currents, edges)``.

    **Returns:** the drift, ``(currents,)``, and the covariance, ``(currents, currents)``.
    """
    counts = jnp.asarray(counts, edges.forward.dtype)
    probability = stationary_distribution(edges.rates)
    ahead, back = edges.fluxes(probability)
    moved = jnp.stack([edges.increments(row, probability) for row in counts])
    return counts @ (ahead - back), (moved * (ahead + back)[None]) @ moved.T


@eqx.filter_jit
def scaled_cumulant_generating_function(edges: Edges, counts: PerEdge, tilt: Any) -> Number:
    r"""The largest eigenvalue of the tilted generator, which is real.

    .. math:: \theta(s) = \lim_{t\to\infty} \frac1t \ln \big\langle e^{s N_t}\big\rangle

    for what is counted, N, `counts` for a jump along each edge and their negative against it
    (Lebowitz and Spohn, J. Stat. Phys. 95, 333, 1999). Derivatives at 0 are the cumulants; counted
    in entropy, :math:`\theta(s) = \theta(-1 - s)` (Gallavotti and Cohen, 1995). Differentiable in
    the tilt s and the rates, to any order.
    """
    tilt = jnp.asarray(tilt, edges.forward.dtype)
    exits = jnp.sum(edges.rates, axis=1)
    return perron(edges.tilted(tilt * counts), exits)[0]


@custom_jvp
def perron(rates: Rates, exits: PerState) -> tuple[Number, PerState]:
    r"""The largest eigenvalue of a matrix that is not negative off its diagonal, and its vector.

    .. math:: \sum_{j\ne i} w_{ij} e^{h_j} - s_i e^{h_i} = \theta e^{h_i}, \qquad h_0 = 0

    By Noda's iteration (Numer. Math. 17, 382, 1971), which is shifted just above the largest of the
    ratios :math:`(W e^h)_i / e^{h_i}`, so that every solve is that of a chain which is left at the
    rates by which the others fall short: subtraction-free, and it converges quadratically. The
    eigenvalue lies between the smallest and the largest of these ratios.

    **Arguments:** `rates`, off the diagonal; `exits`, minus the diagonal.
    """
    size = exits.size
    tiny = jnp.finfo(exits.dtype).eps * jnp.max(jnp.abs(exits))
    off = jnp.where(jnp.eye(size, dtype=bool), 0, rates)

    def moved(h: PerState) -> Rates:
        return off * jnp.exp(h[None] - h[:, None])

    def ratios(h: PerState) -> PerState:
        return jnp.sum(moved(h), axis=1) - exits

    def step(carry):
        h, _, spread, count = carry
        ratio = ratios(h)
        short = jnp.max(ratio) - ratio + tiny
        chain = jnp.pad(moved(h), ((1, 0), (1, 0))).at[1:, 0].set(short)
        gathered = Elimination.of(chain).column(jnp.ones(size + 1, h.dtype))[1:]
        h = h + jnp.log(gathered / jnp.max(gathered))
        return h, spread, jnp.ptp(ratios(h)), count + 1

    def unfinished(carry):
        _, before, now, count = carry
        return (count < 3) | ((now < before) & (now > 8 * tiny) & (count < _MOST_ITERATIONS))

    h = jnp.zeros_like(exits)
    start = h, jnp.full((), jnp.inf, h.dtype), jnp.ptp(ratios(h)), jnp.int32(0)
    h, *_ = lax.while_loop(unfinished, step, start)
    ratio = ratios(h)
    # Their mean over the stationary state of the chain that it makes is right to second order.
    weight = stationary_distribution(moved(h))
    return jnp.sum(weight * ratio), h - h[0]


@perron.defjvp
def _perron_jvp(primals, tangents):
    rates, exits = primals
    rate_change, exit_change = tangents
    value, h = perron(rates, exits)
    size = exits.size
    tilt = jnp.exp(h[None] - h[:, None])
    chain = jnp.where(jnp.eye(size, dtype=bool), 0, rates * tilt)
    push = jnp.sum(jnp.where(jnp.eye(size, dtype=bool), 0, rate_change * tilt), axis=1)
    push = push - exit_change
    weight = stationary_distribution(chain)
    change = column_response(chain, weight, push)
    return (value, h), (jnp.sum(weight * push), change - change[0])
