"""Exclusion processes followed event by event."""

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
    Schedule,
    Status,
    quantity,
    setting,
    simulate,
)
from jaxneq._kernels import hopping, noise

from ._event_driven import AbstractEventDriven, problem
from ._lattice import AbstractExclusion, check_footprint
from ._state import AbstractLatticeSolution, affinities
from ._systems import OpenASEP


class ExclusionEnsemble(AbstractLatticeSolution):
    r"""Averages over independent replicas of an exclusion process, with the names of its state.

    What is counted begins after `burn_in`. Particles that passed a gate are counted one by one. A
    site's net attachment is that expected of its occupation,
    :math:`\omega^a_i (1 - n_i) - \omega^d_i n_i`.
    """

    primary: ClassVar[str] = "density"

    site: Float[Array, " site"] = quantity(doc="Site", dims=("site",), coordinate=True)
    density: Estimate = quantity(
        label="density ρ", doc="Mean occupation of the site", dims=("site",)
    )
    gate: Float[Array, " gate"] = quantity(
        doc="Gate between two sites, at the site on its left", dims=("gate",), coordinate=True
    )
    gate_current: Estimate = quantity(unit="1/time", doc="Current through the gate", dims=("gate",))
    gate_affinity: Float[Array, " gate"] = quantity(
        doc="Entropy produced by one passage of the gate", dims=("gate",), panel=False
    )
    net_attachment: Estimate | None = quantity(
        unit="1/time",
        doc="Attachment less detachment at the site",
        dims=("site",),
        default=None,
        panel=False,
    )
    attachment_affinity: Float[Array, " site"] | None = quantity(
        doc="Entropy produced by one attachment", dims=("site",), default=None, panel=False
    )
    two_point: Estimate = quantity(
        doc="Chance that both sites are occupied, at the end", dims=("site", "other"), panel=False
    )
    current: Estimate = quantity(
        label="current J", unit="1/time", doc="Current, mean over the gates"
    )
    current_variance: Estimate = quantity(
        unit="1/time", doc="Variance of the particles passed, mean over the gates, per time"
    )
    mean_density: Estimate = quantity(doc="Mean density of all sites")
    path_current: Float[Array, " replica"] = quantity(
        unit="1/time",
        doc="Current of each replica, mean over the gates",
        dims=("replica",),
        panel=False,
    )
    irreversible: Int[Array, ""] = quantity(
        doc="Kinds of moves without a reverse; with any the entropy production is infinite"
    )
    entropy_production: Estimate = quantity(unit="1/time", doc="Rate of entropy production")
    conservation_residual: Float[Array, ""] = quantity(
        doc="Largest rate of change of a site's density, relative to the largest current"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        fluxes = {"hopping": self.gate_current.value}
        if self.net_attachment is not None:
            fluxes["attachment"] = self.net_attachment.value
        return fluxes

    @property
    def forces(self) -> Mapping[str, Any]:
        forces = {"hopping": self.gate_affinity}
        if self.attachment_affinity is not None:
            forces["attachment"] = self.attachment_affinity
        return forces


class GillespieState(eqx.Module):
    """Replicas in blocks, and what has been counted."""

    key: tuple[UInt32[Array, ""], UInt32[Array, ""]]
    step: Int[Array, ""]
    crowd: hopping.Crowd
    start: UInt32[Array, "block word replica"]
    visits: Int[Array, "block site replica"]


class Gillespie(AbstractEventDriven):
    """Independent replicas of any lattice, exact in time, event by event.

    All moves are attempted at their rates and those that exclusion forbids do nothing, so an event
    costs the same at any length. Densities are averages of looks every `interval`; currents count
    every particle. The paths depend on neither.

    `initial`, occupations (site,) or (site, replica), of which no two may overlap; by default
    empty, on a ring evenly filled.
    """

    differentiate_instead: ClassVar[str] = "MatrixProduct, Generator or MaxPlus"

    replicas: int = setting(doc="Independent replicas", range="[2, inf)", default=1024)
    block: int = setting(doc="Replicas stepped together; 0: what suits the device", default=0)

    def check(self, system: AbstractExclusion) -> None:
        check_footprint(type(self).__name__, system.lattice)

    def init(
        self,
        system: AbstractExclusion,
        *,
        key: Array,
        schedule: Schedule,
        initial: Any,
        observables: tuple[AbstractObservable, ...],
    ) -> GillespieState:
        lattice = system.lattice
        geometry, moves = problem(lattice)
        blocks = parallel.block_count(self.replicas, self.block, geometry.words)
        width = self.replicas // blocks
        words = noise.stream_key(key, 0)
        start = self.starts(lattice, initial, observables).reshape(-1, blocks, width)

        def begin(number: Array) -> hopping.Crowd:
            return hopping.crowd(
                geometry, moves, start[:, number], words, parallel.members(number, width)
            )

        crowd = parallel.map_blocks(begin, jnp.arange(blocks))
        visits = jnp.zeros((blocks, lattice.length, width), jnp.int32)
        return GillespieState(words, jnp.int32(0), crowd, crowd.sites, visits)

    def advance(
        self,
        system: AbstractExclusion,
        state: GillespieState,
        steps: int | Int[Array, ""],
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> GillespieState:
        geometry, moves = problem(system.lattice)
        interval = self.interval.astype(moves.total.dtype)
        fresh = state.step == schedule.burn_in
        crowd = state.crowd._replace(hops=jnp.where(fresh, 0, state.crowd.hops))
        start = jnp.where(fresh, crowd.sites, state.start)
        visits = jnp.where(fresh, 0, state.visits)
        blocks, _, width = start.shape

        def one_block(block: Any) -> Any:
            number, crowd, visits = block
            identity = parallel.members(number, width)

            def look(_: Array, known: Any) -> Any:
                crowd, visits = known
                crowd = hopping.advance(geometry, moves, crowd, state.key, identity, interval)
                return crowd, visits + hopping.occupation(geometry, crowd).astype(jnp.int32)

            return lax.fori_loop(0, steps, look, (crowd, visits))

        crowd, visits = parallel.map_blocks(one_block, (jnp.arange(blocks), crowd, visits))
        return GillespieState(state.key, state.step + steps, crowd, start, visits)

    def finish(
        self,
        system: AbstractExclusion,
        state: GillespieState,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> ExclusionEnsemble:
        lattice = system.lattice
        geometry, _ = problem(lattice)
        looks = schedule.total - schedule.burn_in
        dtype = lattice.forward.dtype
        time = (looks * self.interval).astype(dtype)

        def joined(blocks: Array) -> Array:
            """From blocks to (replica, ...)."""
            return jnp.moveaxis(blocks, -1, 1).reshape(self.replicas, *blocks.shape[1:-1])

        def occupied(sites: Array) -> Array:
            begun = state.crowd._replace(sites=sites)
            return joined(jax.vmap(lambda one: hopping.occupation(geometry, one))(begun))

        final = occupied(state.crowd.sites).astype(dtype)
        gained = (final - occupied(state.start).astype(dtype)) / time
        density = joined(state.visits).astype(dtype) / looks
        mean_current = joined(state.crowd.hops).astype(dtype) / (geometry.gates * time)
        attached = None
        arriving = -gained
        if lattice.attachment is not None and lattice.detachment is not None:
            on, off = lattice.attachment[None], lattice.detachment[None]
            attached = on * (1 - density) - off * density
            arriving = arriving + attached
        # A gate passes what the one before does and what arrives between. Site 1 lies behind the
        # entrance of an open lattice, and before the first bond of a ring.
        rise = jnp.cumsum(arriving, axis=1)
        rise = rise if lattice.periodic else jnp.pad(rise, ((0, 0), (1, 0)))
        passed = mean_current[:, None] + rise - jnp.mean(rise, axis=1, keepdims=True)
        of = Estimate.from_samples
        affinity, one_way = affinities(*lattice.passing)
        bounded = jnp.isfinite(affinity)
        produced = passed @ jnp.where(bounded, affinity, 0)
        irreversible, attaching = jnp.sum(one_way), None
        if lattice.attachment is not None and lattice.detachment is not None:
            attaching, one_way = affinities(lattice.attachment, lattice.detachment)
            assert attached is not None
            produced = produced + attached @ jnp.where(jnp.isfinite(attaching), attaching, 0)
            irreversible = irreversible + jnp.sum(one_way)
        entropy, reversible = of(produced), irreversible == 0
        both = final.T @ final / self.replicas
        deviation = (mean_current - jnp.mean(mean_current)) ** 2
        current = of(passed)
        fastest = jnp.max(jnp.abs(current.value))
        gates = jnp.arange(geometry.gates, dtype=dtype)
        return ExclusionEnsemble(
            site=jnp.arange(1, lattice.length + 1, dtype=dtype),
            density=of(density),
            gate=gates + 1 if lattice.periodic else gates,
            gate_current=current,
            gate_affinity=affinity,
            net_attachment=None if attached is None else of(attached),
            attachment_affinity=attaching,
            two_point=Estimate(
                both,
                jnp.sqrt(both * (1 - both) / (self.replicas - 1)),
                jnp.full_like(both, self.replicas),
            ),
            current=of(mean_current),
            current_variance=of(deviation).scaled(time * self.replicas / (self.replicas - 1)),
            mean_density=of(jnp.mean(density, axis=1)),
            path_current=mean_current,
            irreversible=irreversible,
            entropy_production=Estimate(
                jnp.where(reversible, entropy.value, jnp.inf),
                jnp.where(reversible, entropy.stderr, 0),
                entropy.n_effective,
            ),
            conservation_residual=jnp.max(jnp.abs(jnp.mean(gained, axis=0)))
            / jnp.where(fastest > 0, fastest, 1),
            status=Status.first_true(not_finite=~jnp.all(jnp.isfinite(current.value))),
            stats={"attempts": jnp.sum(state.crowd.attempt.astype(dtype))},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        chain = OpenASEP(length=10, alpha=1.0, beta=1.0)

        def current() -> Estimate:
            found = simulate(chain, cls(), key=jax.random.key(0), time=120.0, burn_in=20.0)
            return found.current

        yield Case(
            "open TASEP, sampled: current",
            current,
            12 / 42,
            5.0,
            "(L + 2) / (2 (2 L + 1)), Derrida et al. (1993)",
            error="z",
        )
