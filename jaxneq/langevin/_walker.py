"""The replicas on their way, and what observables see of them."""

from __future__ import annotations

from typing import Any

import equinox as eqx
from jaxtyping import Array, Float, Int, UInt32


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

    position: Float[Array, "coordinate replica"]
    velocity: Float[Array, "coordinate replica"] | None
    previous: Float[Array, "coordinate replica"] | None
    control: Float[Array, " control"] | None


class LangevinState(eqx.Module):
    """Everything that a run needs to go on: also what a checkpoint holds. Blocks come first."""

    key: tuple[UInt32[Array, "..."], UInt32[Array, "..."]]
    step: Int[Array, ""]
    walker: Walker
    start: tuple[Array, Array | None]
    diverged: Int[Array, "block replica"]
    frames: tuple[Array, Array | None] | None
