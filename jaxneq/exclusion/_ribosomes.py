"""Ribosomes on a messenger RNA: exclusion of extended particles with a rate for each codon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractMethod,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    parameter,
    part,
    quantity,
    setting,
    steady,
)

from ._lattice import AbstractExclusion, Lattice
from ._mean_field import MeanField
from ._state import AbstractLatticeSolution

PerCodon = Float[Array, " codon"]


class RibosomeTraffic(AbstractExclusion):
    r"""Ribosomes that translate a messenger RNA of L codons.

    A ribosome covers `footprint` codons, l, and stands at the first of them, where it reads. It
    enters at codon 1 with the rate `initiation` if codons 1 to l hold no reading site; it moves
    from codon i to i + 1 with the rate of codon i if no other reads at i + l; after the last codon
    it leaves with the rate `termination`. Near the end it may reach beyond the last codon (complete
    entry, incremental exit: Shaw, Zia and Lee, Phys. Rev. E 68, 021910, 2003). So a density is
    that of reading sites, and l times as many codons are covered.

    Rates are per second. The footprint of 10 codons is that of Szavits-Nossan and others
    (arXiv 1708.07678). Steps have no reverse: the entropy production is infinite.
    """

    elongation: Float[Array, " codon"] = parameter(
        range="(0, inf)",
        unit="1/s",
        doc="Rate of leaving each codon but the last",
        dims=("codon",),
    )
    initiation: Scalar = parameter(range="(0, inf)", unit="1/s", doc="Rate of entry, alpha")
    termination: Scalar = parameter(
        range="(0, inf)", unit="1/s", doc="Rate of leaving the last codon, beta"
    )
    footprint: int = setting(range="[1, inf)", doc="Codons that a ribosome covers, l", default=10)

    def __check_init__(self):
        super().__check_init__()
        if self.elongation.shape[0] < self.footprint:
            raise ValueError(
                f"RibosomeTraffic: elongation has {self.elongation.shape[0]} codons, fewer than "
                f"the {self.footprint} that a ribosome covers. Give as many rates or more."
            )

    @property
    def lattice(self) -> Lattice:
        none = jnp.zeros_like(self.initiation)
        return Lattice(
            forward=self.elongation,
            backward=jnp.zeros_like(self.elongation),
            alpha=self.initiation,
            beta=self.termination,
            gamma=none,
            delta=none,
            length=self.elongation.shape[0] + 1,
            footprint=self.footprint,
        )

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._gillespie import Gillespie  # the methods name this class

        return {"steady": CodonControl(), "simulate": Gillespie()}.get(verb)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        # of few ribosomes: with rate 1 at each of many codons, J = a (1 - a) / (1 + (l - 1) a)
        message = cls(elongation=jnp.ones(200), initiation=0.05, termination=1.0, footprint=10)
        yield Case(
            "current of few ribosomes",
            lambda: steady(message, MeanField()).current,
            0.05 * 0.95 / (1 + 9 * 0.05),
            1e-6,
            "alpha (1 - alpha) / (1 + (l - 1) alpha), Shaw, Zia and Lee (2003)",
        )


class TranslationState(AbstractLatticeSolution):
    r"""The flow of ribosomes, and which step limits it.

    The control of a step is :math:`C_i = \partial \ln J / \partial \ln r_i`, the relative change of
    the current with that step's rate. The controls of all steps sum to 1, for J is homogeneous in
    the rates.
    """

    primary: ClassVar[str] = "density"

    codon: PerCodon = quantity(doc="Codon", dims=("codon",), coordinate=True)
    density: PerCodon = quantity(
        label="density, mean field", doc="Chance that a ribosome reads the codon", dims=("codon",)
    )
    control: PerCodon = quantity(
        label="control of the current, mean field",
        doc="Control of the current by the rate of leaving the codon",
        dims=("codon",),
    )
    initiation_control: Float[Array, ""] = quantity(doc="Control of the current by initiation")
    limiting_codon: Float[Array, ""] = quantity(
        doc="Codon that controls the current most; 0 where initiation does", marks="codon"
    )
    current: Float[Array, ""] = quantity(
        label="current, mean field", unit="1/s", doc="Proteins made per time"
    )
    covered: Float[Array, ""] = quantity(doc="Share of the codons that ribosomes cover")
    step_affinity: Float[Array, ""] = quantity(doc="Entropy produced by a step: it has no reverse")
    entropy_production: Float[Array, ""] = quantity(unit="1/s", doc="Rate of entropy production")
    conservation_residual: Float[Array, ""] = quantity(
        doc="Largest rate of change of a codon's density, relative to the current"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"ribosomes": self.current}

    @property
    def forces(self) -> Mapping[str, Any]:
        return {"ribosomes": self.step_affinity}


class CodonControl(AbstractSteadyMethod):
    """The current of ribosomes with its control by every rate, from one reverse pass.

    As good as the method `of` that finds the stationary state: `MeanField` for any length, which is
    biased, or `Generator` for short messages, which is exact.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (RibosomeTraffic,)

    of: AbstractSteadyMethod = part(
        AbstractSteadyMethod, doc="Method for the stationary state", default=MeanField()
    )

    def check(self, system: RibosomeTraffic) -> None:
        if not issubclass(RibosomeTraffic, self.of.systems) or isinstance(self.of, CodonControl):
            raise ValueError(
                f"CodonControl: of = {type(self.of).__name__} does not find the state of a "
                "lattice. Give MeanField or Generator."
            )
        self.of.check(system)

    def steady(self, system: RibosomeTraffic) -> TranslationState:
        def current(logarithms: tuple[Array, Array, Array]) -> tuple[Array, Any]:
            changed = RibosomeTraffic(*map(jnp.exp, logarithms), footprint=system.footprint)
            state: Any = self.of.steady(changed)
            return state.current, state

        rates = system.elongation, system.initiation, system.termination
        logarithms = tuple(map(jnp.log, rates))
        slope, state = jax.grad(current, has_aux=True)(logarithms)
        elongation, initiation, termination = (each / state.current for each in slope)
        control = jnp.concatenate([elongation, termination[None]])
        most = jnp.argmax(lax.stop_gradient(control))
        affinity = jnp.asarray(jnp.inf, control.dtype)
        return TranslationState(
            codon=state.site,
            density=state.density,
            control=control,
            initiation_control=initiation,
            limiting_codon=jnp.where(initiation > control[most], 0, state.site[most]),
            current=state.current,
            covered=system.footprint * state.mean_density,
            step_affinity=affinity,
            entropy_production=state.current * affinity,
            conservation_residual=state.conservation_residual,
            status=state.status,
            stats=state.stats,
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        message = RibosomeTraffic(
            elongation=jnp.linspace(1.0, 3.0, 30), initiation=0.2, termination=1.0, footprint=3
        )

        def controls() -> Array:
            found = steady(message, cls())
            return jnp.sum(found.control) + found.initiation_control

        yield Case("sum of all controls", controls, 1.0, 1e-10, "J is homogeneous in the rates")
