"""Onsager's matrix of a jump process, twice: from the response and from the fluctuations."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._counting import current_statistics
from ._edges import Edges, PerEdge
from ._markov_chain import stationary_distribution

Matrix = Float[Array, "current current"]


def driven(edges: Edges, counts: Any, forces: Any, share: Any = 0.5) -> Edges:
    r"""The edges under further forces X, each conjugate to a counted current.

    .. math:: \ln\frac{w_{ij}}{w_{ji}} \to \ln\frac{w_{ij}}{w_{ji}} + \sum_a X_a c_{ae}

    of which the rate forward takes the given share.
    """
    push: PerEdge = jnp.asarray(forces, edges.forward.dtype) @ jnp.asarray(
        counts, edges.forward.dtype
    )
    forward = edges.forward * jnp.exp(share * push)
    backward = edges.backward * jnp.exp((share - 1) * push)
    return Edges(forward, backward, edges.tail, edges.head, edges.size)


@eqx.filter_jit
def onsager_by_response(edges: Edges, counts: Any, share: Any = 0.5) -> Matrix:
    r"""How the counted currents answer to forces, :math:`L_{ab} = \partial J_a/\partial X_b` at 0.

    From equilibrium, symmetric (Onsager, Phys. Rev. 37, 405, 1931) and the same for each `share`
    of the forces in the rates forward; from a driven state neither.

    **Arguments:** `counts`, for a jump along each edge, shape ``(currents, edges)``.
    """
    counts = jnp.asarray(counts, edges.forward.dtype)

    def currents(forces: Float[Array, " current"]) -> Float[Array, " current"]:
        moved = driven(edges, counts, forces, share)
        return counts @ moved.current(stationary_distribution(moved.rates))

    return jax.jacfwd(currents)(jnp.zeros(counts.shape[0], counts.dtype))


@eqx.filter_jit
def onsager_by_fluctuations(edges: Edges, counts: Any) -> Matrix:
    r"""Half the covariance of the counted currents, :math:`L_{ab} = C_{ab}/2` in equilibrium.

    It is the integral of Green and Kubo over the correlations of the currents (J. Chem. Phys. 22,
    398, 1954; J. Phys. Soc. Jpn. 12, 570, 1957). In a driven state it is not the response.
    """
    return current_statistics(edges, counts)[1] / 2
