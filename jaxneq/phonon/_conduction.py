"""What all answers about conduction share: flux and force, and the spectrum by mean free path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractSolution, Estimate
from jaxneq.materials import AbstractPhononMaterial, MatchedBands, PhononBands

from ._regimes import regime_of

CONSERVED = 1e-2  # a flux that varies by more is no answer


class AbstractConduction(AbstractSolution):
    """A solution with one heat flux and the force conjugate to it."""

    heat_flux: eqx.AbstractVar[Any]
    force: eqx.AbstractVar[Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        sampled = isinstance(self.heat_flux, Estimate)
        return {"heat": self.heat_flux.value if sampled else self.heat_flux}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"heat": self.force}


class AbstractSizedConduction(AbstractConduction):
    """Conduction through something of one size."""

    knudsen_number: eqx.AbstractVar[Any]

    @property
    def regime(self) -> str:
        """The transport regime by the Knudsen number, of one concrete solution."""
        return regime_of(self.knudsen_number, type(self).__name__)


def knudsen_number(bands: PhononBands | MatchedBands, size: Array) -> Float[Array, ""]:
    """Mean free path over a size, with the mean sum C v path / sum C v."""
    power = bands.heat_capacity * bands.group_velocity
    return jnp.sum(power * bands.mean_free_path) / (power.sum() * size)


def check_solid(material: AbstractPhononMaterial, name: str) -> None:
    """Refuse a material whose phonons run in a plane, where they are taken to run everywhere."""
    if material.planar:
        raise ValueError(
            f"{name}: the material is planar (dimensions = 2), and its phonons would run out of "
            "the plane here. Take a Device or PeriodicStructure in two dimensions without regions, "
            "solved by DiscreteOrdinates or another method that does not sample."
        )


def mean_velocity(bands: PhononBands | MatchedBands) -> Float[Array, ""]:
    """Sum C v over sum C (m/s)."""
    return jnp.sum(bands.heat_capacity * bands.group_velocity) / bands.heat_capacity.sum()


def spectrum(bands: PhononBands | MatchedBands, by_band: Float[Array, " band"]) -> dict[str, Array]:
    """The contributions to a conductivity, in the order of the mean free paths."""
    by_path = jnp.argsort(bands.mean_free_path)
    ordered = by_band[by_path]
    return {
        "mean_free_path": bands.mean_free_path[by_path],
        "accumulation": jnp.cumsum(ordered) / ordered.sum(),
        "suppression": ordered / bands.conductivity_by_band[by_path],
        "conductivity_by_band": ordered,
    }
