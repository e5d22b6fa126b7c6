"""Optima with closed forms, for ``jaxneq validate``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxneq._core import Case, Estimate

from ._optimize import optimize
from ._optimizers import Adam
from ._spaces import Bounded, Simplex


def validation() -> Iterable[Case]:
    """Cases with known answers: a budget, limits, bounds, noise."""
    yield Case(
        "budget: the least time through gates of one total rate",
        lambda: optimize(_time, jnp.ones(3), space=Simplex(total=6.0)).objective,
        (1 + math.sqrt(2) + 2) ** 2 / 6,
        1e-9,
        "Lagrange: rates as the square roots of the ways; (sum of roots)^2 over the budget",
    )
    yield Case(
        "limits: the nearest point of a half plane",
        lambda: optimize(_distance, jnp.zeros(2), constraints={"sum": (3.0, None)}).objective,
        4.5,
        1e-4,
        "projection: 3^2 / 2",
    )
    yield Case(
        "bounds: an optimum at a bound",
        lambda: optimize(lambda x: (x - 2.0) ** 2, jnp.array(0.5), space=Bounded(0.0, 1.0)).design,
        1.0,
        1e-9,
        "the bound nearest to 2",
    )
    yield Case(
        "noise: the least mean square departure of samples",
        lambda: optimize(_noisy, jnp.zeros(()), Adam(steps=300), key=jax.random.key(3)).design,
        0.5,
        2e-2,
        "the mean 0.5 of the distribution",
        error="absolute",
    )


def _time(rates: Array) -> Array:
    return jnp.sum(jnp.array([1.0, 2.0, 4.0], rates.dtype) / rates)


def _distance(x: Array) -> tuple[Array, dict[str, Any]]:
    return jnp.sum(x**2), {"sum": jnp.sum(x)}


def _noisy(x: Array, key: Array) -> Estimate:
    samples = 0.5 + 0.2 * jax.random.normal(key, (256,), x.dtype)
    return Estimate.from_samples((x - samples) ** 2)
