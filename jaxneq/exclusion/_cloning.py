"""Large deviations of the current by population dynamics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, UInt32

from jaxneq import parallel
from jaxneq._core import (
    AbstractObservable,
    Case,
    Estimate,
    Scalar,
    Schedule,
    Status,
    parameter,
    quantity,
    setting,
    simulate,
)
from jaxneq._kernels import hopping, noise

from ._event_driven import AbstractEventDriven, problem
from ._lattice import AbstractExclusion
from ._state import AbstractLatticeSolution, affinities
from ._systems import OpenASEP


class TiltedEnsemble(AbstractLatticeSolution):
    """How the current deviates: its generating function, and the paths that realise it."""

    primary: ClassVar[str] = "scgf"

    scgf: Estimate = quantity(
        label="scaled cumulant generating function θ",
        unit="1/time",
        doc="Scaled cumulant generating function of the current",
    )
    population_bias: Float[Array, ""] = quantity(
        unit="1/time", doc="Estimated bias of it by the finite population, not taken off"
    )
    current: Estimate = quantity(
        label="current J",
        unit="1/time",
        doc="Current along the lines of descent, mean over the gates; the last stretch of the "
        "lines is not yet typical: a bias of the order of 1/time, not in the error",
    )
    rate_function: Float[Array, ""] = quantity(
        over="current",
        label="rate function I",
        unit="1/time",
        doc="Rate function at that current: s times the current less the generating function",
    )
    survival: Float[Array, ""] = quantity(
        doc="Effective share of the clones that survives an interval"
    )
    hop_affinity: Float[Array, ""] = quantity(
        doc="Entropy produced by one particle through all gates"
    )
    entropy_production: Estimate = quantity(
        unit="1/time", doc="Entropy production along the lines of descent"
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Rate of change of the number of particles, relative to the current"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"hopping": self.current.value}

    @property
    def forces(self) -> Mapping[str, Any]:
        return {"hopping": self.hop_affinity}


class CloningState(eqx.Module):
    """Populations of clones; what has been counted of each."""

    key: tuple[UInt32[Array, " stream"], UInt32[Array, " stream"]]
    step: Int[Array, ""]
    crowd: hopping.Crowd
    passed: Int[Array, "population clone"]
    growth: Float[Array, " population"]
    survival: Float[Array, " population"]
    start: Float[Array, " population"]


class Cloning(AbstractEventDriven):
    r"""The generating function :math:`\psi(s) = \lim \frac1t \ln \langle e^{s Q(t)}\rangle`.

    Q is the number of particles that passed, mean over the gates; `tilt` is s. Clones follow the
    unchanged dynamics for an `interval` and are then drawn anew in proportion to
    :math:`w = e^{s\,\Delta Q}` (Giardina, Kurchan and Peliti, Phys. Rev. Lett. 96, 120603, 2006;
    Lecomte and Tailleur, J. Stat. Mech. P03007, 2007). The product of the mean weights is an
    unbiased estimate of :math:`\langle e^{sQ}\rangle`; so its logarithm per time, `scgf`, is biased
    by about :math:`-t\,\mathrm{var}(\psi)/2`, which falls as one over the clones of a population
    and is reported as `population_bias`. Errors are those between independent populations.

    `replicas` are the clones of one population. Lattices with attachment are not treated.
    """

    differentiate_instead: ClassVar[str] = "CurrentStatistics"

    tilt: Scalar = parameter(
        label="tilt s", doc="Tilt s, conjugate to the particles that pass", default=0.0
    )
    interval: Scalar = parameter(
        unit="time", range="(0, inf)", doc="Time between selections", default=0.5
    )
    replicas: int = setting(doc="Clones of each population", range="[2, inf)", default=512)
    populations: int = setting(doc="Independent populations", range="[2, inf)", default=16)

    def check(self, system: AbstractExclusion) -> None:
        if system.lattice.attachment is not None:
            raise ValueError(
                f"Cloning: particles of {type(system).__name__} attach in the bulk, so that the "
                "current differs from gate to gate. Give a lattice without attachment."
            )

    def init(
        self,
        system: AbstractExclusion,
        *,
        key: Array,
        schedule: Schedule,
        initial: Any,
        observables: tuple[AbstractObservable, ...],
    ) -> CloningState:
        """`initial`, occupations (site,); by default empty, on a ring evenly filled."""
        lattice = system.lattice
        geometry, moves = problem(lattice)
        words = noise.stream_key(key, jnp.arange(2))
        occupied = self.starts(lattice, initial, observables)

        def begin(number: Array) -> hopping.Crowd:
            own = words[0][0], words[1][0]
            return hopping.crowd(
                geometry, moves, occupied, own, parallel.members(number, self.replicas)
            )

        crowd = parallel.map_blocks(begin, jnp.arange(self.populations))
        none = jnp.zeros(self.populations, lattice.forward.dtype)
        passed = jnp.zeros((self.populations, self.replicas), jnp.int32)
        return CloningState(words, jnp.int32(0), crowd, passed, none, none, none)

    def advance(
        self,
        system: AbstractExclusion,
        state: CloningState,
        steps: int | Int[Array, ""],
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> CloningState:
        geometry, moves = problem(system.lattice)
        dtype = moves.total.dtype
        interval, tilt = self.interval.astype(dtype), self.tilt.astype(dtype) / geometry.gates
        (own, drawing), (other, drawing_other) = state.key
        fresh = state.step == schedule.burn_in
        counted = state.passed, state.growth, state.survival
        counted = jax.tree.map(lambda each: jnp.where(fresh, 0, each), counted)
        start = jnp.where(fresh, _particles(geometry, state.crowd), state.start)

        def one_population(block: Any) -> Any:
            number, *known = block
            identity = parallel.members(number, self.replicas)

            def select(step: Array, known: Any) -> Any:
                crowd, passed, growth, survival = known
                crowd = crowd._replace(hops=jnp.zeros_like(crowd.hops))
                crowd = hopping.advance(geometry, moves, crowd, (own, other), identity, interval)
                exponent = tilt * crowd.hops.astype(dtype)
                weight = jnp.exp(exponent - jnp.max(exponent))
                total = jnp.sum(weight)
                draw = (state.step + step).astype(jnp.uint32)
                uniform, _ = noise.uniform_pair(
                    (drawing, drawing_other), number.astype(jnp.uint32), draw, jnp.dtype(dtype)
                )
                rungs = (jnp.arange(self.replicas, dtype=dtype) + uniform) / self.replicas
                parent = jnp.searchsorted(jnp.cumsum(weight) / total, rungs)
                parent = jnp.minimum(parent, self.replicas - 1)
                # The times of attempts do not hang on the sites: each clone keeps its own.
                crowd = crowd._replace(sites=crowd.sites[:, parent])
                passed = (passed + crowd.hops)[parent]
                mean = jnp.max(exponent) + jnp.log(total / self.replicas)
                effective = total**2 / jnp.sum(weight**2) / self.replicas
                return crowd, passed, growth + mean, survival + effective

            return lax.fori_loop(0, steps, select, tuple(known))

        blocks = (jnp.arange(self.populations), state.crowd, *counted)
        crowd, passed, growth, survival = parallel.map_blocks(one_population, blocks)
        return CloningState(state.key, state.step + steps, crowd, passed, growth, survival, start)

    def finish(
        self,
        system: AbstractExclusion,
        state: CloningState,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> TiltedEnsemble:
        lattice = system.lattice
        geometry, _ = problem(lattice)
        dtype = lattice.forward.dtype
        looks = schedule.total - schedule.burn_in
        time = (looks * self.interval).astype(dtype)
        scgf = Estimate.from_samples(state.growth / time)
        passed = jnp.mean(state.passed.astype(dtype), axis=1) / (geometry.gates * time)
        current = Estimate.from_samples(passed)
        affinity, one_way = affinities(*lattice.passing)
        through = jnp.where(jnp.any(one_way), jnp.inf, jnp.sum(jnp.where(one_way, 0, affinity)))
        gained = jnp.abs(jnp.mean(_particles(geometry, state.crowd) - state.start)) / time
        moving = jnp.abs(current.value)
        spread = scgf.stderr**2 * self.populations
        return TiltedEnsemble(
            scgf=scgf,
            population_bias=-time * spread / 2,
            current=current,
            rate_function=self.tilt.astype(dtype) * current.value - scgf.value,
            survival=jnp.mean(state.survival) / looks,
            hop_affinity=through,
            entropy_production=Estimate(
                current.value * through,
                jnp.where(jnp.any(one_way), 0, current.stderr * jnp.abs(through)),
                current.n_effective,
            ),
            conservation_residual=gained / jnp.where(moving > 0, moving, 1),
            status=Status.first_true(not_finite=~jnp.isfinite(scgf.value)),
            stats={"attempts": jnp.sum(state.crowd.attempt.astype(dtype))},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        chain = OpenASEP(length=6, alpha=1.0, beta=1.0)

        def scgf() -> Estimate:
            method = cls(tilt=-1.0, populations=16, replicas=512)
            return simulate(chain, method, key=jax.random.key(0), time=110.0, burn_in=10.0).scgf

        yield Case(
            "generating function of 6 sites at s = -1",
            scgf,
            -0.2772887420703159,
            5.0,
            "largest eigenvalue of the tilted generator",
            error="z",
        )


def _particles(geometry: hopping.Geometry, crowd: hopping.Crowd) -> Float[Array, " population"]:
    """The mean number of particles of each population."""
    sites = jax.vmap(lambda one: hopping.occupation(geometry, one))(crowd)
    return jnp.sum(sites, axis=(1, 2), dtype=crowd.due.dtype) / crowd.due.shape[-1]
