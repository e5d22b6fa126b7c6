"""Totally asymmetric exclusion in steps of time, 32 replicas in a word."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, UInt32

from jaxneq import parallel
from jaxneq._core import (
    AbstractObservable,
    AbstractSampler,
    AbstractSystem,
    Case,
    Estimate,
    Schedule,
    Status,
    is_concrete,
    quantity,
    setting,
    simulate,
)
from jaxneq._kernels import noise
from jaxneq._kernels.exclusion import words

from ._initial import check_initial, placed
from ._lattice import AbstractExclusion
from ._systems import OpenASEP
from ._totally_asymmetric import AbstractOneWay, check_totally_asymmetric, refuse_observables

_DIGITS = 20  # of a chance that is no power of 1/2
_IN_CACHE = 2  # blocks so many times larger still stay in the second cache of a core
_GRAIN = 5 * words.LOOK  # steps: for each, two runs take whole looks


class LatticeAverages(AbstractOneWay):
    """Current and density of an exclusion process, averages over time and replicas.

    The current is that through the entrance, on a ring through the first bond. The error of the
    density is that over groups of 32 replicas.
    """

    primary: ClassVar[str] = "density"

    site: Float[Array, " site"] = quantity(doc="Site", dims=("site",), coordinate=True)
    density: Estimate = quantity(
        label="density ρ", doc="Mean occupation of the site", dims=("site",)
    )
    time: Float[Array, ""] = quantity(unit="time", doc="Duration counted")
    current: Estimate = quantity(label="current J", unit="1/time", doc="Particles per time")
    current_variance: Estimate = quantity(
        unit="1/time", doc="Variance of the particles passed, per time"
    )
    mean_density: Estimate = quantity(doc="Mean density of all sites")
    path_current: Float[Array, " replica"] = quantity(
        unit="1/time", doc="Particles per time, of each replica", dims=("replica",), panel=False
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Rate of change of the number of particles, relative to the current"
    )
    step: Float[Array, ""] | None = quantity(
        doc="Length of the step whose second order is left in the averages, where it is",
        default=None,
    )
    status: Status
    stats: dict[str, Any]

    def remark(self) -> str:
        if self.step is None or not is_concrete(self.step):
            return super().remark()
        squared = float(np.max(np.asarray(self.step))) ** 2
        return (
            f"averages err by the order of dt^2 = {squared:.2g} beyond their error bars, the "
            f"current at rates near 1 by some {2 * squared:.1g} %: the step was not extrapolated; "
            + super().remark()
        )


class SplitStepState(eqx.Module):
    """Replicas in blocks of words, for each length of the step, and those at the first count."""

    key: tuple[UInt32[Array, "run 2"], UInt32[Array, "run 2"]]
    step: Int[Array, ""]
    crowds: tuple[words.Crowd, ...]
    starts: tuple[UInt32[Array, "block site word"], ...]


class SplitStep(AbstractSampler):
    r"""Steps of time on the bits of words, for many replicas and long lattices.

    In a step the gates 0, 2, 4 ... are tried, then 1, 3, 5 ..., each with the chance
    :math:`1 - (1 - p)^r` for its rate r, :math:`p = 2^{-n}` for n `halvings`: the exact motion
    of each half of the gates over :math:`dt = -\ln(1 - p)`. The order of the gates is the same
    in all replicas, but each try of each replica has a bit of its own, so that the replicas are
    independent. (With an order that is shared and hops that always succeed they would coalesce.)

    Averages of such steps err by :math:`O(dt^2)`: the current of 8 sites by -1.0 %, -0.18 %,
    -0.038 % for n = 1, 2, 3, beyond any error bar. So a second run with p/2 removes this order by
    Richardson's extrapolation and leaves -2e-5; the error is that of both runs. With
    `extrapolation` = "none" there is one run, of a third of the cost, and the answer says so. A
    rate may be at most 10, and so small that the chance is at least a thousandth; chances are
    rounded to 2^-20.

    Replicas are a multiple of 32. Only hops ahead, on an open lattice or a ring of even length.
    The times are rounded up to whole steps. What is counted has no derivative: differentiate with
    `MaxPlus`. `initial`, occupations (site,) or (site, replica); by
    default empty, on a ring evenly filled.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractExclusion,)
    differentiate_instead: ClassVar[str] = "MatrixProduct, Generator or MaxPlus"

    replicas: int = setting(
        doc="Independent replicas, a multiple of 32", range="[64, inf)", default=512
    )
    halvings: int = setting(
        doc="Negative power n of 2 that is the chance of a hop of rate 1", range="[1, 6]", default=1
    )
    extrapolation: str = setting(
        doc="What is done about the length of the step",
        choices=("richardson", "none"),
        default="richardson",
    )
    block: int = setting(doc="Words stepped together; 0: what suits the device", default=0)

    def __check_init__(self):
        super().__check_init__()
        if self.replicas % words.WIDTH:
            below = self.replicas // words.WIDTH * words.WIDTH
            raise ValueError(
                f"SplitStep: replicas = {self.replicas} do not fill words of {words.WIDTH} bits. "
                f"Give a multiple of {words.WIDTH}, such as {below} or {below + words.WIDTH}."
            )

    @property
    def compiler_options(self) -> dict[str, Any]:
        return {"xla_cpu_prefer_vector_width": 512} if jax.default_backend() == "cpu" else {}

    @property
    def _steps(self) -> tuple[float, ...]:
        """The length of the step in each run."""
        runs = 2 if self.extrapolation == "richardson" else 1
        return tuple(-math.log1p(-(0.5 ** (self.halvings + run))) for run in range(runs))

    def check(self, system: AbstractExclusion) -> None:
        name, lattice = type(self).__name__, system.lattice
        if lattice.footprint > 1:
            raise ValueError(
                f"{name}: particles of {lattice.footprint} sites do not fit into this order of "
                "gates. Use MaxPlus or Gillespie."
            )
        if lattice.periodic and lattice.length % 2:
            raise ValueError(
                f"{name}: on a ring of {lattice.length} sites two gates of one half meet. Give an "
                "even length, or use Gillespie."
            )
        check_totally_asymmetric(name, system)
        if not all(map(is_concrete, jax.tree.leaves((system, jnp.zeros(()))))):
            return
        rates = np.asarray(lattice.passing[0])
        least = 1e-3 / self._steps[-1]
        if np.any((rates > 10) | (rates < least)):
            raise ValueError(
                f"{name}: the rates of the gates lie between {rates.min():g} and {rates.max():g}. "
                f"With halvings = {self.halvings} give rates in [{least:.2g}, 10], or use MaxPlus."
            )

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        name, most = type(self).__name__, 2**24 - 1
        return Schedule.of(name, time, burn_in, self._steps[0], most=most, grain=_GRAIN)

    def check_initial(self, system: AbstractExclusion, initial: Any) -> None:
        check_initial("SplitStep", system.lattice, initial)

    def init(
        self,
        system: AbstractExclusion,
        *,
        key: Array,
        schedule: Schedule,
        initial: Any,
        observables: tuple[AbstractObservable, ...],
    ) -> SplitStepState:
        refuse_observables(type(self).__name__, observables)
        periodic = system.lattice.periodic
        sites = placed("SplitStep", system.lattice, initial, self.replicas)
        site_words = sites.reshape(sites.shape[0], -1, words.WIDTH).astype(jnp.uint32)
        bit = jnp.arange(words.WIDTH, dtype=jnp.uint32)
        packed = jnp.sum(site_words << bit[None, None], axis=2, dtype=jnp.uint32)
        rows = words.row_count(sites.shape[0], periodic)
        blocks = parallel.block_count(packed.shape[1], self.block, -(-rows // _IN_CACHE))
        start = jnp.moveaxis(packed.reshape(sites.shape[0], blocks, -1), 1, 0)
        crowd = jax.vmap(lambda one: words.start(one, periodic))(start)
        runs = len(self._steps)
        streams = jnp.arange(2 * runs).reshape(runs, 2)
        return SplitStepState(
            noise.stream_key(key, streams), jnp.int32(0), (crowd,) * runs, (start,) * runs
        )

    def advance(
        self,
        system: AbstractExclusion,
        state: SplitStepState,
        steps: int | Int[Array, ""],
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> SplitStepState:
        lattice = system.lattice
        fresh = (state.step == schedule.burn_in) & (schedule.burn_in > 0)
        rates = lattice.passing[0]
        crowds, starts = [], []
        for run, dt in enumerate(self._steps):
            crowd = state.crowds[run]
            nothing = words.fresh(crowd)
            crowd = jax.tree.map(lambda new, old: jnp.where(fresh, new, old), nothing, crowd)
            sites = jax.vmap(lambda one: words.sites_of(one, lattice.length, lattice.periodic))
            starts.append(jnp.where(fresh, sites(crowd), state.starts[run]))
            chances = words.lay_out(-jnp.expm1(-rates * dt), lattice.periodic, _DIGITS)
            first = self._step_of(run, state.step)
            count = self._step_of(run, state.step + steps) - first
            key = state.key[0][run], state.key[1][run]
            width = crowd.passed.shape[2]

            def one_block(
                block: Any, chances=chances, first=first, count=count, key=key, width=width
            ) -> words.Crowd:
                number, crowd = block
                word = parallel.members(number, width)
                return words.advance(chances, key, word, crowd, first, count, sites=lattice.length)

            numbers = jnp.arange(crowd.passed.shape[0], dtype=jnp.uint32)
            crowds.append(parallel.map_blocks(one_block, (numbers, crowd)))
        return SplitStepState(state.key, state.step + steps, tuple(crowds), tuple(starts))

    def _step_of(self, run: int, step: Any) -> Any:
        """The number of the step of a run when the first run takes number `step`.

        For `_GRAIN` steps of the first a run takes whole looks, so that chunks change nothing.
        """
        wanted = _GRAIN * self._steps[0] / self._steps[run] / words.LOOK
        return step * (words.LOOK * math.ceil(wanted - 1e-9)) // _GRAIN

    def finish(
        self,
        system: AbstractExclusion,
        state: SplitStepState,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> LatticeAverages:
        lattice, dtype = system.lattice, system.lattice.forward.dtype
        found = [
            self._of_run(lattice, state, schedule, run, dtype) for run in range(len(self._steps))
        ]
        weights = [1.0]
        if len(found) == 2:
            coarse, fine = (dt**2 for dt in self._steps)
            weights = [-fine / (coarse - fine), coarse / (coarse - fine)]

        def combined(name: str) -> Estimate:
            parts = [Estimate.from_samples(each[name]) for each in found]
            pairs = list(zip(parts, weights, strict=True))
            variance = sum((w * part.stderr) ** 2 for part, w in pairs)
            value = jnp.sum(jnp.stack([part.value * w for part, w in pairs]), axis=0)
            return Estimate(value, jnp.sqrt(variance), parts[0].n_effective)

        current = combined("current")
        last = found[-1]
        time = last["time"]
        deviation = (last["current"] - jnp.mean(last["current"])) ** 2
        unbiased = self.replicas / (self.replicas - 1)
        gained = jnp.abs(last["gained"]) / jnp.maximum(jnp.abs(current.value), 1 / time)
        return LatticeAverages(
            site=jnp.arange(1, lattice.length + 1, dtype=dtype),
            density=combined("density"),
            time=time,
            current=current,
            current_variance=Estimate.from_samples(deviation).scaled(unbiased * time),
            mean_density=combined("mean_density"),
            path_current=last["current"],
            entropy_production=jnp.full_like(time, jnp.inf),
            conservation_residual=gained,
            step=jnp.asarray(self._steps[0], dtype) if len(found) == 1 else None,
            status=Status.first_true(not_finite=~jnp.isfinite(current.value)),
            stats={"dt": jnp.asarray(self._steps[0], dtype)},
        )

    def _of_run(
        self, lattice: Any, state: SplitStepState, schedule: Schedule, run: int, dtype: Any
    ) -> dict[str, Array]:
        """What one run has counted, by replica or by word of replicas."""
        crowd, start = state.crowds[run], state.starts[run]
        steps = self._step_of(run, schedule.total) - self._step_of(run, schedule.burn_in)
        looks = -(-steps // words.LOOK)
        time = jnp.asarray(steps * self._steps[run], dtype)
        width = crowd.passed.shape[2]

        def in_order(one: Any) -> Array:
            return words.in_order(one, width, lattice.length, lattice.periodic)

        def by_word(blocks: Array) -> Array:
            """From (block, site, word)."""
            return jnp.moveaxis(blocks, 1, 2).reshape(-1, lattice.length)

        visits = by_word(jax.vmap(in_order)(crowd.visits)).astype(dtype)
        density = visits / (2 * words.WIDTH * looks)
        sites = jax.vmap(lambda one: words.sites_of(one, lattice.length, lattice.periodic))(crowd)
        many = [jnp.sum(lax.population_count(each).astype(dtype)) for each in (sites, start)]
        return {
            "current": jnp.swapaxes(crowd.passed, 1, 2).reshape(-1).astype(dtype) / time,
            "density": density,
            "mean_density": jnp.mean(density, axis=1),
            "gained": (many[0] - many[1]) / (self.replicas * time),
            "time": time,
        }

    @classmethod
    def validation(cls) -> Iterable[Case]:
        chain = OpenASEP(length=8, alpha=1.0, beta=1.0)

        def current(**change: Any) -> Estimate:
            plan = {"key": jax.random.key(0), "time": 4000.0, "burn_in": 100.0}
            return simulate(chain, cls(replicas=1024, **change), **plan).current

        yield Case(
            "split steps with p = 1/2: their own current",
            lambda: current(extrapolation="none"),
            0.29110382425064074,
            5.0,
            "stationary state of the chain of split steps",
            error="z",
        )
        yield Case(
            "split steps, extrapolated: current",
            current,
            10 / 34,
            5.0,
            "(L + 2) / (2 (2 L + 1)), Derrida et al. (1993)",
            error="z",
        )
