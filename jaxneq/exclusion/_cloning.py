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
    AbstractSampler,
    AbstractSolution,
    AbstractSystem,
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

from ._gillespie import check_footprint, placed, problem, schedule_of
from ._lattice import AbstractExclusion
from ._state import affinities
from ._systems import OpenASEP

_RESAMPLING = 1  # the stream of its noise; 0 is that of the moves


class TiltedEnsemble(AbstractSolution):
    r"""The scaled cumulant generating function of the current, and how it is realised.

    Fluxes are those of the tilted ensemble, in which rare currents are typical. `entropy_production`
    is that of the hops there.
    """

    primary: ClassVar[str] = "scgf"

    scgf: Estimate = quantity(doc="Scaled cumulant generating function of the current")
    population_bias: Float[Array, ""] = quantity(
        doc="Estimated bias of it by the finite population, not taken off"
    )
    current: Estimate = quantity(doc="Current in the tilted ensemble, mean over the gates")
    rate_function: Float[Array, ""] = quantity(
        doc="Rate function at that current: s times the current less the generating function"
    )
    survival: Float[Array, ""] = quantity(
        doc="Mean effective share of the clones that survives one interval"
    )
    hop_affinity: Float[Array, ""] = quantity(
        doc="Entropy produced by one particle through all gates"
    )
    entropy_production: Estimate = quantity(doc="Entropy production of hops, tilted ensemble")
    conservation_residual: Float[Array, ""] = quantity(
        doc="Largest share of one population that descends from one clone in one interval"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"hopping": self.current.value}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"hopping": self.hop_affinity}
