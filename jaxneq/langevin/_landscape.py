r"""The potential of the density along a line, and what a cell of it resists and holds.

An overdamped particle has the current :math:`J = [F p - \partial_x (Tp)]/\gamma`. With

.. math:: \varphi(x) = -\int^x \frac{F}{T}\,dx', \qquad
          J = -\frac{e^{-\varphi}}{\gamma}\,\partial_x\!\left(e^{\varphi}\,T p\right)

so that over a cell without sources
:math:`J \int\gamma e^{\varphi}dx = [e^{\varphi} T p]_{left} - [e^{\varphi} T p]_{right}`, exactly.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import logsumexp
from jaxtyping import Array, Float

from ._systems import Control, Overdamped

_ORDER = 5  # Gauss points in a cell: good for phi rising by some 10 within it


class Landscape(eqx.Module):
    r"""Cells between nodes along a line; each :math:`\varphi` is counted from the cell's left node.

    `rise` is that of :math:`\varphi` over the cell, `log_resistance` the logarithm of
    :math:`\int\gamma e^{\varphi}dx`, `log_capacity` that of :math:`\int e^{-\varphi}dx/T`,
    `crossing` the double integral :math:`\int dy\,\gamma e^{\varphi(y)} \int^y dz\,
    e^{-\varphi(z)}/T`, `work` the integral of the force over the cell and `stirring` the part of it
    that is no gradient.
    """

    rise: Float[Array, " cell"]
    log_resistance: Float[Array, " cell"]
    log_capacity: Float[Array, " cell"]
    crossing: Float[Array, " cell"]
    work: Float[Array, " cell"]
    stirring: Float[Array, " cell"]


def landscape(system: Overdamped, control: Control, nodes: Float[Array, " node"]) -> Landscape:
    """The cells between `nodes`, by Gauss quadrature in each."""
    points, weights, integrals = (jnp.asarray(a, nodes.dtype) for a in _collocation())
    width = jnp.diff(nodes)
    inside = nodes[:-1, None] + width[:, None] * points[None, :]

    def field(function):
        """A function of positions (1, replica) at the points, (cell, point)."""
        return jnp.broadcast_to(function(inside.reshape(1, -1)), (1, inside.size)).reshape(
            inside.shape
        )

    def inverse_temperature(at):
        return jnp.broadcast_to(1 / system.temperature_at(at), at.shape)

    def its_slope(at):
        return jax.jvp(inverse_temperature, (at,), (jnp.ones_like(at),))[1]

    ends = system.energy(nodes[None], control)
    climb = field(lambda at: system.energy(at, control)) - ends[:-1, None]
    climbed = jnp.diff(ends)
    beta, beta_end = field(inverse_temperature), inverse_temperature(nodes[None])[0, 1:]
    # By parts, so that kinks of the energy do no harm: -F/T = (U/T)' - U (1/T)' - f/T.
    rate = climb * field(its_slope)
    stirring = jnp.zeros_like(inside)
    if system.drive is not None:
        stirring = field(lambda at: system.driving_force(at, control))
        rate = rate + stirring * beta
    phi = climb * beta - width[:, None] * jnp.einsum("jk,ck->cj", integrals, rate)
    rise = climbed * beta_end - width * (rate @ weights)
    log_weight = jnp.log(width)[:, None] + jnp.log(weights)[None, :]
    stirred = width * (stirring @ weights)
    friction = field(system.friction_at)
    behind = jnp.einsum("jk,ck->cj", integrals, jnp.exp(-phi) * beta)
    return Landscape(
        rise=rise,
        log_resistance=logsumexp(log_weight + jnp.log(friction) + phi, axis=1),
        crossing=width**2 * ((friction * jnp.exp(phi) * behind) @ weights),
        log_capacity=logsumexp(log_weight + jnp.log(beta) - phi, axis=1),
        work=stirred - climbed,
        stirring=stirred,
    )


def _collocation() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gauss points and weights on (0, 1), and the integrals from 0 to each point."""
    roots, weights = np.polynomial.legendre.leggauss(_ORDER)
    points, powers = (1 + roots) / 2, np.arange(_ORDER)
    monomials = points[:, None] ** powers
    integrals = np.linalg.solve(monomials.T, (points[:, None] ** (powers + 1) / (powers + 1)).T)
    return points, weights / 2, integrals.T
