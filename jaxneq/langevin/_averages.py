"""Averages of an ensemble by name, and their derivatives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import Derivative

from ._ensemble import LangevinEnsemble
from ._findings import squared_deviation
from ._sampler import AbstractIntegrator
from ._sensitivity import sensitivity
from ._systems import AbstractLangevin

Samples = Callable[[LangevinEnsemble], Float[Array, " replica"]]


def _deviation(samples: Float[Array, " replica"]) -> Float[Array, " replica"]:
    """Whose mean is the unbiased variance."""
    return squared_deviation(samples[None], jnp.ones(samples.shape, bool))[0]


# What the averages are means of: one number for each path.
_IN_ONE_DIMENSION: Mapping[str, Samples] = {
    "mean_position": lambda found: found.position,
    "position_variance": lambda found: _deviation(found.position),
    "velocity": lambda found: (found.position - found.start) / found.time,
    "diffusion": lambda found: _deviation(found.position - found.start) / (2 * found.time),
}
_WITH_ONE_BATH: Mapping[str, Samples] = {
    "heat": lambda found: found.path_heat[0],
    "heat_rate": lambda found: found.path_heat[0] / found.time,
}
_ALWAYS: Mapping[str, Samples] = {
    "work": lambda found: found.path_work,
    "entropy_production": lambda found: found.path_entropy / found.time,
}


def samples_of(system: AbstractLangevin) -> dict[str, Samples]:
    """Of each average that is one number, what gives the number of each path."""
    found = dict(_IN_ONE_DIMENSION) if system.dimension == 1 else {}
    if not system.several_baths:
        found.update(_WITH_ONE_BATH)
    return found | dict(_ALWAYS)


def derivatives(
    method: AbstractIntegrator,
    system: AbstractLangevin,
    of: str,
    where: Callable[[Any], Any],
    **plan: Any,
) -> list[Derivative]:
    """Those of an average by name, by the estimator with the smaller variance."""
    method = dataclasses.replace(method, frames=0)
    plan |= {"where": where, "throw": False}
    found = sensitivity(samples_of(system)[of], system, method, **plan)
    pairs = zip(found.gradient, found.estimator, strict=True)
    return [Derivative(estimate, estimator, found.status) for estimate, estimator in pairs]
