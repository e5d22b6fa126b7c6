"""A sampler over the points of a sweep: all of them advance together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from jaxneq._core import AbstractSampler, AbstractSolution, AbstractSystem, Case, Schedule

from ._targets import replaced


@final
class SweptSampler(AbstractSampler):
    """One sampler for all points of a sweep over numbers of the system.

    Each point has its own random stream. To the driver this is a sampler like any other, so that
    a sweep has progress, checkpoints and interruption as a single run has.

    **Fields:** `sampler`, for one point; `points`, a row of values for each; `paths`, which
    parameters of the system they are; `replicas`, of the sampler, at each point.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractSystem,)

    sampler: AbstractSampler
    points: Float[Array, "point parameter"]
    paths: tuple[str, ...] = eqx.field(static=True)
    replicas: int = eqx.field(static=True)

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        return self.sampler.schedule(time, burn_in)

    def init(self, system: AbstractSystem, *, key: Array, **plan: Any) -> PyTree:
        def one(row, index):
            own = jax.random.fold_in(key, index)
            return self.sampler.init(self._at(system, row), key=own, **plan)

        return eqx.filter_vmap(one)(self.points, jnp.arange(self.points.shape[0]))

    def advance(self, system: AbstractSystem, state: PyTree, steps: Any, **plan: Any) -> PyTree:
        def one(row, own):
            return self.sampler.advance(self._at(system, row), own, steps, **plan)

        return eqx.filter_vmap(one)(self.points, state)

    def finish(self, system: AbstractSystem, state: PyTree, **plan: Any) -> AbstractSolution:
        def one(row, own):
            return self.sampler.finish(self._at(system, row), own, **plan)

        return eqx.filter_vmap(one)(self.points, state)

    def _at(self, system: AbstractSystem, row: Float[Array, " parameter"]) -> AbstractSystem:
        for path, value in zip(self.paths, row, strict=True):
            system = replaced(system, path, value)
        return system

    @classmethod
    def validation(cls) -> Iterable[Case]:
        return ()
