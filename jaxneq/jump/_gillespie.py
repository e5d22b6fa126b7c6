"""Exact sampling of jump processes, all replicas in lock step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import jax
from jaxtyping import Array, Bool, Float, Int, Shaped, UInt32

from jaxneq._core import Case, Estimate, setting, simulate
from jaxneq._kernels import jump as kernel

from ._jump_sampler import AbstractJumpSampler, PerDirection, PerSpecies, Streams, rows_of
from ._jumps import Jumps
from ._reaction_network import ReactionNetwork


class Gillespie(AbstractJumpSampler):
    """The direct method: every event at its own time (Gillespie, J. Comput. Phys. 22, 403, 1976).

    Exact. An event of a replica is drawn from the noise of its number, so that neither the
    instants, nor blocks, devices or an interruption change a path. On a Markov network a replica
    is one walker, which begins in the first state.

    In float32 a reaction whose share of the events is below 6e-8 is not resolved.
    """

    differentiate_instead: ClassVar[str] = (
        "StationaryState, RateEquations or ChemicalMasterEquation"
    )

    max_iterations: int = setting(
        doc="Events of a replica between two instants before the run is given up",
        range="[1, 2000000000]",
        default=100_000_000,
    )

    def pass_window(
        self,
        jumps: Jumps,
        initial: PerSpecies,
        fired: PerDirection,
        memory: Shaped[Array, " replica"],
        key: Streams,
        identity: UInt32[Array, " replica"],
        length: Float[Array, ""],
        number: Int[Array, ""],
    ) -> tuple[PerDirection, Shaped[Array, " replica"], Bool[Array, ""]]:
        def rates(rows: Any) -> list[Array]:
            numbers = rows_of(jumps, [*initial], rows)
            return jumps.propensities([each.astype(jumps.dtype) for each in numbers])

        words, limit = (key[0][0], key[1][0]), self.max_iterations
        # the memory is the time of the last event, from the beginning of the window
        fired, last, arrived = kernel.advance(rates, fired, memory, words, identity, length, limit)
        return fired, last - length, arrived

    @classmethod
    def validation(cls) -> Iterable[Case]:
        decay = ReactionNetwork(reactions=("A -> 0 : 0.5",), initial={"A": 20.0})
        method = cls(replicas=2048, instants=2)
        yield Case(
            "decay: mean number left",
            lambda: _last(simulate(decay, method, key=jax.random.key(0), time=2.0).mean_in_time),
            20 * math.exp(-1),
            5.0,
            "n exp(-k t)",
            error="z",
        )


def _last(found: Estimate) -> Estimate:
    """Of the first species at the last instant."""
    return jax.tree.map(lambda array: array[0, -1], found)
