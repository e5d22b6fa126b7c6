"""Totally asymmetric exclusion followed by the times of its hops."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, UInt32

from jaxneq import parallel
from jaxneq._core import (
    AbstractObservable,
    AbstractSampler,
    AbstractSystem,
    Case,
    Derivative,
    Estimate,
    Schedule,
    Status,
    compiled,
    custom_jvp,
    quantity,
    setting,
    simulate,
)
from jaxneq._kernels import noise
from jaxneq._kernels.exclusion import wavefront

from ._lattice import AbstractExclusion
from ._systems import OpenASEP
from ._totally_asymmetric import AbstractOneWay, check_totally_asymmetric, refuse_observables

_GRAIN = 16  # cycles of particles of one site between two moves of the origin of time
_IN_CACHE = 4  # blocks so many times larger still stay in the second cache of a core
_WIDEST = 31  # sites: a cycle then fills a word of bits


class EntryTimes(AbstractOneWay):
    r"""When the particles of a totally asymmetric exclusion process came in.

    In the stationary state the mean time :math:`\langle T\rangle` between the first and the last of
    the N particles counted gives the current :math:`J = N / \langle T\rangle`. The mean time is
    unbiased, and so are its derivatives. The bias of J is that of the inverse of a sampled mean,
    :math:`J\,\mathrm{var}(T)/R\langle T\rangle^2` for R replicas, below its error by their root,
    and that of a start too near: of order 1/N without `burn_in`.
    """

    primary: ClassVar[str] = "current"

    particles: Float[Array, ""] = quantity(doc="Particles that came in while it was counted")
    duration: Estimate = quantity(unit="time", doc="Time that they took")
    current: Estimate = quantity(label="current J", unit="1/time", doc="Particles per time")
    current_variance: Estimate = quantity(
        unit="1/time",
        doc="Variance of the particles passed per time, at late times: J^3 var(T) / N",
    )
    path_duration: Float[Array, " replica"] = quantity(
        unit="time", doc="Time that the particles took, of each replica", dims=("replica",)
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="0: each particle passes each gate once, by construction"
    )
    status: Status
    stats: dict[str, Any]


class MaxPlusState(eqx.Module):
    """The last wavefront of each block of replicas, and when the count began."""

    key: tuple[UInt32[Array, ""], UInt32[Array, ""]]
    step: Int[Array, ""]
    front: Float[Array, "block row replica"]
    origin: Float[Array, "block 2 replica"]
    mark: Float[Array, "block 2 replica"]


class MaxPlus(AbstractSampler):
    r"""Exact dynamics without rejected moves, by the times of hops.

    The n-th hop over gate i happens at

    .. math:: G(n, i) = \max\{G(n, i-1),\; G(n-1, i+\ell)\} + E_{n,i} / r_i,

    with unit exponentials E, the rates r of the L + 1 gates (:math:`\alpha`, the bonds,
    :math:`\beta`) and particles that cover :math:`\ell` sites; the lattice starts empty.

    Only for what moves one way: no hops back, no entry on the right, no exit on the left.
    The number of particles is fixed: ``time / 4`` of them come in, of which those of
    ``burn_in / 4`` are not counted. That is the time they take at the current 1/4, the largest of a
    long lattice of rate 1; at others it is longer, and is told by `duration`.

    The time of a hop is a sum of waits over its geodesic, so its derivative with respect to a rate
    is minus the time waited there over the rate. All rates together cost about half a run more, in
    forward and in reverse mode, and one bit for each hop of a block. The first derivative of a
    mean time is unbiased; the second is that between the kinks of the paths alone, and biased.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractExclusion,)

    replicas: int = setting(doc="Independent replicas", range="[2, inf)", default=512)
    block: int = setting(doc="Replicas stepped together; 0: what suits the device", default=0)

    @property
    def compiler_options(self) -> dict[str, Any]:
        return {"xla_cpu_prefer_vector_width": 512} if jax.default_backend() == "cpu" else {}

    def check(self, system: AbstractExclusion) -> None:
        name, lattice = type(self).__name__, system.lattice
        if lattice.periodic:
            raise ValueError(f"{name}: a ring lets no particle in. Use SplitStep or Gillespie.")
        if lattice.footprint > _WIDEST:
            raise ValueError(
                f"{name}: particles of {lattice.footprint} sites are too long. Give at most "
                f"{_WIDEST}, or use Gillespie."
            )
        check_totally_asymmetric(name, system)
        rows = wavefront.row_count(lattice.length + 1, lattice.footprint)
        if rows * self.replicas >= 2**32:
            raise ValueError(
                f"{name}: replicas = {self.replicas} of {lattice.length} sites are more than the "
                "counter of the noise holds. Take fewer, and a longer time."
            )

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        name, most = type(self).__name__, 2**27 - 1
        return Schedule.of(name, time, burn_in, 4, most=most, grain=_GRAIN)

    def init(
        self,
        system: AbstractExclusion,
        *,
        key: Array,
        schedule: Schedule,
        initial: Any,
        observables: tuple[AbstractObservable, ...],
    ) -> MaxPlusState:
        refuse_observables(type(self).__name__, observables)
        if initial is not None:
            raise ValueError(f"{type(self).__name__}: the lattice starts empty. Leave initial out.")
        waits, blocks, width = self._layout(system)
        rows = wavefront.row_count(waits.shape[0], system.lattice.footprint)
        front, origin = wavefront.start(rows, width, waits.dtype)
        front, origin = (jnp.broadcast_to(x, (blocks, *x.shape)) for x in (front, origin))
        return MaxPlusState(noise.stream_key(key, 0), jnp.int32(0), front, origin, origin)

    def _layout(self, system: AbstractExclusion) -> tuple[Float[Array, " gate"], int, int]:
        """The mean waits, the number of blocks and of the replicas in each."""
        lattice = system.lattice
        rows = wavefront.row_count(lattice.length + 1, lattice.footprint)
        blocks = parallel.block_count(self.replicas, self.block, -(-rows // _IN_CACHE))
        return 1 / lattice.passing[0], blocks, self.replicas // blocks

    def advance(
        self,
        system: AbstractExclusion,
        state: MaxPlusState,
        steps: int | Int[Array, ""],
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> MaxPlusState:
        waits, blocks, width = self._layout(system)
        waits = lax.stop_gradient(waits)  # the derivative is that of `_durations`
        fresh = (state.step == schedule.burn_in) & (schedule.burn_in > 0)
        mark = jnp.where(fresh, _last_entry(state.front, state.origin), state.mark)

        def one_block(block: Any) -> Any:
            number, clock = block
            plan = {"footprint": system.lattice.footprint}
            replica = parallel.members(number, width)
            return wavefront.advance(waits, state.key, replica, clock, state.step, steps, **plan)

        numbers = jnp.arange(blocks, dtype=jnp.uint32)
        clock = (state.front, state.origin)
        front, origin = parallel.map_blocks(one_block, (numbers, clock))
        return MaxPlusState(state.key, state.step + steps, front, origin, mark)

    def finish(
        self,
        system: AbstractExclusion,
        state: MaxPlusState,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> EntryTimes:
        waits, blocks, _ = self._layout(system)
        high, low = jnp.moveaxis(_last_entry(state.front, state.origin) - state.mark, 1, 0)
        found = (high + low).reshape(-1)
        plan = (system.lattice.footprint, schedule.burn_in, schedule.total, blocks)
        durations = _durations(plan, waits, found, state.key)
        count = jnp.asarray(schedule.total - schedule.burn_in, durations.dtype)
        mean = jnp.mean(durations)
        current = count / mean
        spread = Estimate.from_samples((durations - mean) ** 2)
        unbiased = self.replicas / (self.replicas - 1)
        duration = Estimate.from_samples(durations)
        finite = jnp.all(jnp.isfinite(durations))
        return EntryTimes(
            particles=count,
            duration=duration,
            current=Estimate(current, duration.stderr * current / mean, duration.n_effective),
            current_variance=spread.scaled(unbiased * current**3 / count),
            path_duration=durations,
            entropy_production=jnp.full_like(mean, jnp.inf),
            conservation_residual=jnp.zeros_like(mean),
            status=Status.first_true(not_finite=~finite),
            stats={"hops": count * waits.shape[0] * self.replicas},
        )

    @classmethod
    def differentiable(cls, system: AbstractSystem) -> tuple[str, ...]:
        return ("current", "duration")

    def derivatives(
        self,
        system: AbstractExclusion,
        of: str,
        where: Callable[[Any], Any],
        *,
        key: Array,
        time: float | None,
        burn_in: float,
        initial: Any,
    ) -> list[Derivative]:
        """Pathwise, with the errors of first order."""
        if of not in self.differentiable(system):
            return super().derivatives(
                system, of, where, key=key, time=time, burn_in=burn_in, initial=initial
            )
        schedule = self.schedule(time, burn_in)
        return _derivatives(system, self, key, schedule, of, where)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        chain = OpenASEP(length=10, alpha=1.0, beta=1.0)

        def found() -> EntryTimes:
            plan = {"key": jax.random.key(0), "time": 4000.0, "burn_in": 400.0}
            return simulate(chain, cls(replicas=256), **plan)

        source = "Derrida et al. (1993), Derrida, Evans and Mallick (1995)"
        yield Case("max-plus: current", lambda: found().current, 12 / 42, 5.0, source, error="z")


def _last_entry(front: Array, origin: Array) -> Float[Array, "block 2 replica"]:
    """The time of the last entry in two parts, the second of them small."""
    return jnp.stack([origin[:, 0], origin[:, 1] + front[:, 0]], axis=1)


def _sums(
    plan: tuple[int, int, int, int], waits: Array, key: Any, replicas: int
) -> Float[Array, "gate replica"]:
    """The unit exponentials of each gate on the geodesics."""
    footprint, marked, total, blocks = plan

    def one_block(number: Array) -> Array:
        replica = parallel.members(number, replicas // blocks)
        return wavefront.geodesic_sums(waits, key, replica, marked, total, footprint=footprint)

    numbers = jnp.arange(blocks, dtype=jnp.uint32)
    sums = parallel.map_blocks(one_block, numbers)
    return jnp.moveaxis(sums, 0, 1).reshape(waits.shape[0], replicas)


@partial(custom_jvp, nondiff_argnums=(0,))
def _durations(
    plan: tuple[int, int, int, int], waits: Array, found: Array, key: Any
) -> Float[Array, " replica"]:
    """`found`, as a function of the waits: linear in them along each geodesic."""
    return found


@_durations.defjvp
def _durations_jvp(plan: Any, primals: Any, tangents: Any) -> tuple[Array, Array]:
    waits, found, key = primals
    sums = _sums(plan, lax.stop_gradient(waits), key, found.shape[0])
    return waits @ sums, tangents[0] @ sums


@compiled
def _derivatives(
    system: AbstractExclusion,
    method: MaxPlus,
    key: Array,
    schedule: Schedule,
    of: str,
    where: Callable[[Any], Any],
) -> list[Derivative]:
    waits, blocks, _ = method._layout(system)
    plan = (system.lattice.footprint, schedule.burn_in, schedule.total, blocks)
    sums = _sums(plan, waits, noise.stream_key(key, 0), method.replicas)
    durations = waits @ sums
    count, mean = schedule.total - schedule.burn_in, jnp.mean(durations)
    status = Status.first_true(not_finite=~jnp.all(jnp.isfinite(durations)))
    found = []
    for number, leaf in enumerate(where(system)):

        def waits_at(value: Array, number: int = number) -> Array:
            moved = eqx.tree_at(lambda s: where(s)[number], system, value)
            return 1 / moved.lattice.passing[0]

        slopes = jax.jacfwd(waits_at)(leaf)  # (gate, *shape of the parameter)
        samples = jnp.tensordot(sums, slopes, (0, 0))  # (replica, ...)
        if of == "current":
            slope = jnp.mean(samples, axis=0)
            off = (durations / mean - 1).reshape(-1, *(1,) * slope.ndim)
            samples = -count / mean**2 * (samples - 2 * off * slope[None])
        found.append(Derivative(Estimate.from_samples(samples), "pathwise", status))
    return found
