"""Samplers over the points of a sweep: all of them advance together. Derivatives one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from jaxneq._core import (
    AbstractSampler,
    AbstractSolution,
    AbstractSystem,
    Case,
    Derivative,
    Estimate,
    Schedule,
    Status,
)

from ._targets import replaced, value_at


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

    @property
    def compiler_options(self) -> dict[str, Any]:
        return self.sampler.compiler_options

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        return self.sampler.schedule(time, burn_in)

    def check_initial(self, system: AbstractSystem, initial: Any) -> None:
        for row in self.points:
            self.sampler.check_initial(self._at(system, row), initial)

    def check_plan(self, system: AbstractSystem, schedule: Schedule) -> None:
        for row in self.points:
            self.sampler.check_plan(self._at(system, row), schedule)

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

    def each(self, system: AbstractSystem, key: Array) -> Iterator[tuple[AbstractSystem, Array]]:
        """The system and the random stream of every point."""
        for index, row in enumerate(self.points):
            yield self._at(system, row), jax.random.fold_in(key, index)

    def _at(self, system: AbstractSystem, row: Float[Array, " parameter"]) -> AbstractSystem:
        for path, value in zip(self.paths, row, strict=True):
            system = replaced(system, path, value)
        return system

    @classmethod
    def validation(cls) -> Iterable[Case]:
        return ()


class Several(AbstractSolution):
    """What was found at each of several settings, whose shapes may differ."""

    primary: ClassVar[str] = "each"
    each: tuple[AbstractSolution, ...]
    entropy_production: tuple[Any, ...]
    conservation_residual: tuple[Any, ...]
    status: Status
    stats: dict[str, Any]

    @classmethod
    def of(cls, each: tuple[AbstractSolution, ...]) -> Several:
        """With the status of the first point that failed."""
        codes = jnp.concatenate([jnp.ravel(one.status.code) for one in each])
        worst = jnp.take(codes, jnp.argmax(codes != 0))
        return cls(
            each=each,
            entropy_production=tuple(one.entropy_production for one in each),
            conservation_residual=tuple(one.conservation_residual for one in each),
            status=Status(worst),
            stats={},
        )

    @property
    def fluxes(self) -> Mapping[str, Any]:
        return {str(n): one.fluxes for n, one in enumerate(self.each)}

    @property
    def forces(self) -> Mapping[str, Any]:
        return {str(n): one.forces for n, one in enumerate(self.each)}

    def caution(self) -> str:
        return " ".join(dict.fromkeys(said for one in self.each if (said := one.caution())))


@final
class SideBySide(AbstractSampler):
    """Samplers of several systems, which may differ in shape and advance together.

    Each has its own random stream. `members` are the systems and their samplers, which take the
    same steps; `replicas`, of all of them.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractSystem,)

    members: tuple[tuple[AbstractSystem, AbstractSampler], ...]
    replicas: int = eqx.field(static=True)

    @property
    def compiler_options(self) -> dict[str, Any]:
        return self.members[0][1].compiler_options

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        return self.members[0][1].schedule(time, burn_in)

    def check_initial(self, system: AbstractSystem, initial: Any) -> None:
        for own, sampler in self.members:
            sampler.check_initial(own, initial)

    def check_plan(self, system: AbstractSystem, schedule: Schedule) -> None:
        for own, sampler in self.members:
            sampler.check_plan(own, schedule)

    def init(self, system: AbstractSystem, *, key: Array, **plan: Any) -> PyTree:
        keys = (jax.random.fold_in(key, index) for index in range(len(self.members)))
        return tuple(
            sampler.init(own, key=one, **plan)
            for (own, sampler), one in zip(self.members, keys, strict=True)
        )

    def advance(self, system: AbstractSystem, state: PyTree, steps: Any, **plan: Any) -> PyTree:
        return tuple(
            sampler.advance(own, at, steps, **plan)
            for (own, sampler), at in zip(self.members, state, strict=True)
        )

    def finish(self, system: AbstractSystem, state: PyTree, **plan: Any) -> Several:
        return Several.of(
            tuple(
                sampler.finish(own, at, **plan)
                for (own, sampler), at in zip(self.members, state, strict=True)
            )
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        return ()


class SampledDerivative(eqx.Module):
    """With respect to one parameter, at all points of a sweep: the first axis.

    **Fields:** `estimate`; `status`; `estimator`, the number of the one used among `estimators`.
    """

    estimate: Estimate
    status: Status
    estimator: Int[Array, " point"]
    estimators: tuple[str, ...] = eqx.field(static=True)


def sampled_derivatives(
    system: AbstractSystem,
    method: AbstractSampler,
    of: str,
    paths: tuple[str, ...],
    *,
    key: Array,
    **plan: Any,
) -> list[SampledDerivative]:
    """The derivatives of the average `of` by each parameter, on the paths of the run itself."""

    def where(system: AbstractSystem) -> tuple[Any, ...]:
        return tuple(value_at(system, path) for path in paths)

    points = [(system, key)]
    if isinstance(method, SweptSampler):
        points, method = method.each(system, key), method.sampler
    found = [method.derivatives(at, of, where, key=own, **plan) for at, own in points]
    return [_stacked(along) for along in zip(*found, strict=True)]


def _stacked(along: tuple[Derivative, ...]) -> SampledDerivative:
    names = tuple(sorted({each.estimator for each in along}))
    each = [(one.estimate, one.status) for one in along]
    estimate, status = jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)
    used = jnp.asarray([names.index(one.estimator) for one in along], jnp.int32)
    return SampledDerivative(estimate, status, used, names)
