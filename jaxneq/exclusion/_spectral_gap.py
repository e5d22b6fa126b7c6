"""How slowly an exclusion process relaxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Status,
    quantity,
    steady,
)

from ._configurations import chain_of, check_size
from ._generator import state_of, stationary
from ._lattice import AbstractExclusion
from ._slowest_mode import slowest
from ._state import AbstractLatticeSolution, ExclusionState
from ._systems import OpenASEP


class Relaxation(AbstractLatticeSolution):
    r"""The slowest mode :math:`e^{(-g + i\omega) t}` of an exclusion process.

    The `stationary` state that it relaxes to has the fluxes, forces and entropy.
    """

    primary: ClassVar[str] = "gap"

    gap: Float[Array, ""] = quantity(
        label="spectral gap g", unit="1/time", doc="Spectral gap g, the rate of relaxation"
    )
    frequency: Float[Array, ""] = quantity(
        unit="1/time", doc="Angular frequency of the slowest mode"
    )
    scaled_gap: Float[Array, ""] = quantity(
        unit="1/time", doc="Gap times the length to the power 3/2"
    )
    entropy_production: Float[Array, ""] = quantity(unit="1/time", doc="Rate of entropy production")
    conservation_residual: Float[Array, ""] = quantity(
        doc="Largest rate of change of a site's density, relative to the fastest hop"
    )
    stationary: ExclusionState = eqx.field(kw_only=True)
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return self.stationary.fluxes

    @property
    def forces(self) -> Mapping[str, Any]:
        return self.stationary.forces

    def remark(self) -> str:
        return self.stationary.remark()


class SpectralGap(AbstractSteadyMethod):
    r"""The eigenvalue of the generator with the largest real part but 0, by inverse Arnoldi.

    In the totally asymmetric process it falls as :math:`L^{-3/2}` with the length where the
    current is maximal (:math:`3.578\,L^{-3/2}`, de Gier and Essler, Phys. Rev. Lett. 95, 240601,
    2005) and on a ring (:math:`6.509\,L^{-3/2}` at half filling, Gwa and Spohn, Phys. Rev. A 46,
    844, 1992): the dynamic exponent 3/2. It stays finite between low and high density, and falls as
    :math:`L^{-2}` for symmetric hops. First derivatives only, and those of a simple eigenvalue.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractExclusion,)

    def check(self, system: AbstractExclusion) -> None:
        check_size("SpectralGap", system.lattice, "Extrapolate from shorter ones.")

    def steady(self, system: AbstractExclusion) -> Relaxation:
        chain, occupied = chain_of(system.lattice)
        weights, stats = stationary(chain)
        value, residual = slowest(chain, weights)
        state = state_of(system.lattice, chain, occupied, weights, stats)
        tolerance = 1e4 * jnp.finfo(residual.dtype).eps
        return Relaxation(
            gap=-value.real,
            frequency=jnp.abs(value.imag),
            scaled_gap=-value.real * system.lattice.length**1.5,
            entropy_production=state.entropy_production,
            conservation_residual=state.conservation_residual,
            stationary=state,
            status=state.status.unless("stagnation", ~(residual < tolerance)),
            stats={"residual": residual},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        chain = OpenASEP.from_densities(6, 0.7, 0.2, q=1.0)
        yield Case(
            "symmetric hops, 6 sites",
            lambda: steady(chain, cls()).gap,
            0.19806226419516171,
            1e-11,
            "2 (1 - cos(pi / (L + 1))), the diffusion of one particle",
        )
