"""Reactions as a diffusion: many molecules, Gaussian fluctuations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Shaped, UInt32

from jaxneq._core import AbstractSystem, Case, setting, simulate
from jaxneq._kernels import noise

from ._jump_sampler import AbstractJumpSampler, PerDirection, PerSpecies, Streams, rows_of
from ._jumps import Jumps
from ._reaction_network import ReactionNetwork


class ChemicalLangevin(AbstractJumpSampler):
    r"""The chemical Langevin equation.

    For the extent of each direction of each reaction,

    .. math:: d\xi_d = a_d(n)\,dt + \sqrt{a_d(n)}\,dW_d, \qquad n = n_0 + \sum_d \Delta_d\,\xi_d

    (Gillespie, J. Chem. Phys. 113, 297, 2000), by the method of Euler and Maruyama with `steps`
    steps between two instants: averages have an error of first order in the step. Numbers are no
    longer whole, and rates of numbers below 0 count as 0. It is meant for many molecules of each
    species; few of them, extinction and passages over a barrier are not what it gives.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (ReactionNetwork,)

    steps: int = setting(doc="Steps between two instants", range="[1, inf)", default=100)

    def number_dtype(self, jumps: Jumps) -> Any:
        return jumps.dtype

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
        step = length / self.steps
        pairs = (fired.shape[0] + 1) // 2
        words = key[0][:pairs, None], key[1][:pairs, None]
        first = (number * np.int32(self.steps)).astype(jnp.uint32)

        def one(at: Array, fired: PerDirection) -> PerDirection:
            counter = first + at.astype(jnp.uint32)
            drawn = noise.normal_pair(words, identity[None], counter, np.dtype(jumps.dtype))
            normals = jnp.concatenate(drawn)[: fired.shape[0]]
            rows = [jnp.maximum(row, 0) for row in rows_of(jumps, [*initial], [*fired])]
            rates = jnp.maximum(jnp.stack(jumps.propensities(rows)), 0)
            there = rates > 0  # the root has no derivative at 0
            spread = jnp.where(there, jnp.sqrt(jnp.where(there, rates * step, 1)), 0)
            return fired + rates * step + spread * normals

        fired = lax.fori_loop(0, self.steps, one, fired)
        return fired, memory, jnp.all(jnp.isfinite(fired))

    @classmethod
    def validation(cls) -> Iterable[Case]:
        birth = ReactionNetwork(reactions=("0 <-> X : 200.0, 2.0",), initial={"X": 100})
        method = cls(replicas=2048, instants=8, steps=20)  # steps of 0.025

        def variance() -> Any:
            return simulate(birth, method, key=jax.random.key(0), time=8.0, burn_in=4.0).variance

        yield Case(
            "birth and death: variance of the chain of steps",
            lambda: jax.tree.map(lambda each: each[0], variance()),
            100 / (1 - 2.0 * 0.025 / 2),
            5.0,
            "(b/d) / (1 - d dt/2): the fixed point of v' = (1 - d dt)^2 v + (b + d m) dt",
            error="z",
        )
