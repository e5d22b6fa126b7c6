"""What samplers see: numbers of each species, and the jumps that change them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import AbstractSystem

from ._network import AbstractJump
from ._reaction_network import ReactionNetwork

Rows = Sequence[Array]


@dataclasses.dataclass(frozen=True, eq=False)
class Jumps:
    """A population of whole numbers that jumps.

    **Fields:** `species` and `reactions`, their names; `changes`, of each reaction ahead,
    (reaction, species); `directions`, the reaction and the sign of each; `start`, the numbers at
    the start; `propensities`, from rows of numbers to those of each direction; `log_constants`,
    the entropy that each reaction ahead gives to its surroundings, but for what depends on the
    numbers alone (see `ReactionNetwork.log_constants`), or None where that is not all;
    `irreversible`, the names of those without a reverse; `orders`, for each species the highest
    order of the reactions that take it, and how many of its molecules meet in them.
    """

    species: tuple[str, ...]
    reactions: tuple[str, ...]
    changes: np.ndarray
    directions: tuple[tuple[int, int], ...]
    start: Float[Array, " species"]
    propensities: Callable[[Rows], list[Array]]
    log_constants: Float[Array, " reaction"] | None
    irreversible: tuple[str, ...]
    orders: tuple[tuple[int, int], ...]

    @property
    def dtype(self) -> Any:
        """Of all numbers that are not whole."""
        return self.start.dtype

    @property
    def steps(self) -> np.ndarray:
        """What each direction changes, (direction, species)."""
        return np.array([sign * self.changes[number] for number, sign in self.directions])

    def reverse(self, direction: int) -> int | None:
        """The direction that undoes one."""
        number, sign = self.directions[direction]
        back = (number, -sign)
        return self.directions.index(back) if back in self.directions else None

    def net(
        self, per_direction: Float[Array, "direction replica"]
    ) -> Float[Array, "reaction replica"]:
        """Ahead less back."""
        sums: list[Any] = [0] * len(self.reactions)
        for row, (number, sign) in enumerate(self.directions):
            sums[number] = sums[number] + sign * per_direction[row]
        return jnp.stack(sums)


def jumps_of(system: AbstractSystem) -> Jumps:
    """A network of reactions as it is; a Markov network as one molecule that changes its state."""
    if isinstance(system, ReactionNetwork):
        return Jumps(
            species=system.species,
            reactions=system.equations,
            changes=np.array(system.changes),
            directions=system.directions,
            start=system.start,
            propensities=system.propensities,
            log_constants=system.log_constants() if system.mass_action else None,
            irreversible=system.irreversible,
            orders=tuple(map(system.order_of, system.species)),
        )
    assert isinstance(system, AbstractJump)  # see AbstractJumpSampler.systems
    network = system.network
    edges = network.edges
    count = len(network.names)
    changes = np.zeros((count, edges.size), int)
    changes[np.arange(count), edges.ends[0]] -= 1
    changes[np.arange(count), edges.ends[1]] += 1

    def propensities(rows: Rows) -> list[Array]:
        rates = []
        for edge in range(count):
            rates.append(edges.forward[edge] * rows[edges.tail[edge]])
            rates.append(edges.backward[edge] * rows[edges.head[edge]])
        return rates

    return Jumps(
        species=network.states,
        reactions=network.names,
        changes=changes,
        directions=tuple((edge, sign) for edge in range(count) for sign in (1, -1)),
        start=jnp.zeros(edges.size, edges.forward.dtype).at[0].set(1),
        propensities=propensities,
        log_constants=edges.asymmetry,
        irreversible=(),
        orders=((1, 1),) * edges.size,
    )
