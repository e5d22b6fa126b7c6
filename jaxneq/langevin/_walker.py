"""The replicas on their way, and what observables see of them."""

from __future__ import annotations

from typing import Any

import equinox as eqx
from jaxtyping import Array, Float, Int, UInt32

from ._systems import AbstractLangevin, Followed


class Walker(eqx.Module):
    """The replicas of one block, and what their paths have gathered.

    What a system needs no account of is None: work without a drive, heat of a single bath that
    the first law gives.
    """

    position: Float[Array, "coordinate replica"]
    velocity: Float[Array, "coordinate replica"] | None
    memory: Any
    work: Float[Array, "1 replica"] | None
    heat: Float[Array, "bath replica"] | None
    entropy: Float[Array, "bath replica"] | None
    accumulated: tuple[Any, ...]


class Sample(eqx.Module):
    """What an observable sees after a step: all replicas of a block, before and after.

    Positions and velocities have the shape (coordinate, replica); without inertia the velocity is
    None. An observable that does not see every step sees neither `previous` nor `control`.
    """

    system: AbstractLangevin
    position: Float[Array, "coordinate replica"]
    velocity: Float[Array, "coordinate replica"] | None
    previous: Float[Array, "coordinate replica"] | None
    control: Float[Array, " control"] | None

    def quantity(self, name: str) -> Float[Array, "... replica"]:
        """A quantity that the system knows by that name."""
        return self._known(name).function(self.position, self.velocity)

    def about(self, name: str) -> tuple[str, str, tuple[str, ...]]:
        """What it is, its unit and its dimensions."""
        known = self._known(name)
        return known.doc, "1", known.dims

    def _known(self, name: str) -> Followed:
        known = self.system.observed
        if name not in known:
            raise ValueError(
                f"{type(self.system).__name__} has no quantity {name!r} to be observed. There are: "
                f"{', '.join(known)}."
            )
        return known[name]


class LangevinState(eqx.Module):
    """Everything that a run needs to go on: also what a checkpoint holds. Blocks come first."""

    key: tuple[UInt32[Array, "..."], UInt32[Array, "..."]]
    step: Int[Array, ""]
    walker: Walker
    start: tuple[Array, Array | None]
    diverged: Int[Array, "block replica"]
    frames: tuple[Array, Array | None] | None
