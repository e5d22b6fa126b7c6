"""The stationary state from the master equation of all configurations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    SolveStats,
    general_solve,
    steady,
)

from ._configurations import Chain, State, chain_of, check_size
from ._lattice import AbstractExclusion, Lattice
from ._state import ExclusionState, exclusion_state
from ._systems import OpenASEP

REMEDY = (
    "For longer ones use MatrixProduct (OpenASEP) or UniformMeasure (RingASEP) where they apply, "
    "else MeanField or a sampler: Gillespie, MaxPlus."
)


class Generator(AbstractSteadyMethod):
    r"""The stationary state of any short lattice, from all its configurations.

    Solves :math:`\sum_{c'} [w(c' \to c)\,p(c') - w(c \to c')\,p(c)] = 0` for the probabilities of
    up to 2^18 configurations, without a matrix: the sum over moves is done as it stands. An
    iterative solve to rounding; gradients by one more solve.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractExclusion,)

    def check(self, system: AbstractExclusion) -> None:
        check_size("Generator", system.lattice, REMEDY)

    def steady(self, system: AbstractExclusion) -> ExclusionState:
        chain, occupied = chain_of(system.lattice)
        weights, stats = stationary(chain)
        return state_of(system.lattice, chain, occupied, weights, stats)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        chain = OpenASEP(length=8, alpha=1.0, beta=1.0)
        yield Case(
            "maximal current of 8 sites",
            lambda: steady(chain, cls()).current,
            10 / 34,
            1e-12,
            "(L + 2) / (2 (2 L + 1)), Derrida et al. (1993)",
        )


def state_of(
    lattice: Lattice,
    chain: Chain,
    occupied: Float[Array, "state site"],
    weights: State,
    stats: SolveStats,
) -> ExclusionState:
    """What the probabilities of the configurations say."""
    density = weights @ occupied
    passing = chain.passing(weights)
    gates = passing[: chain.gates]
    together = (occupied * weights[:, None]).T @ occupied
    return exclusion_state(
        lattice,
        density=density,
        gate_current=gates,
        current=jnp.mean(gates),
        net_attachment=passing[chain.gates :] if lattice.attachment is not None else None,
        correlation=together - density[:, None] * density[None],
        status=stats.status,
        stats={
            "configurations": jnp.asarray(weights.shape[0]),
            "iterations": stats.iterations,
            "residual": stats.residual,
        },
    )


def stationary(chain: Chain) -> tuple[State, SolveStats]:
    r"""The probabilities p of the configurations.

    With any positive u, :math:`(M - u 1^T) p = -u` has the one solution M p = 0 of sum 1, for the
    columns of M have the sum 0.
    """
    escape = lax.stop_gradient(chain.escape)
    spread = jnp.full_like(escape, 1 / escape.shape[0]) * jnp.mean(escape)
    scale = jnp.where(escape > 0, escape, 1)

    def operator(y: State) -> State:
        weights = y / scale
        return chain.flow(weights) - spread * jnp.sum(weights)

    tolerance = jnp.asarray(1e4 * jnp.finfo(escape.dtype).eps, escape.dtype)
    found, stats = general_solve(operator, -spread, tolerance=tolerance, max_iterations=20_000)
    return found / scale, stats
