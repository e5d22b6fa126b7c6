"""Designs for parameters that are not known exactly, and fronts between two goals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ._optimize import optimize
from ._optimum import Optimum


def expectation(objective: Callable[[PyTree, PyTree], Array], samples: PyTree) -> Callable:
    """The mean of an objective over samples of what is uncertain.

    **Arguments:** `objective`, of the parameters and one sample; `samples`, a pytree of arrays
    along a first axis. Returns an objective of the parameters alone.
    """

    def mean(design: PyTree) -> Array:
        return jnp.mean(jax.vmap(objective, (None, 0))(design, samples))

    return mean


def worst_case(
    objective: Callable[[PyTree, PyTree], Array], samples: PyTree, *, sharpness: float = 50.0
) -> Callable:
    """The largest of an objective over samples, made smooth as by `smooth_maximum`.

    Arguments as of `expectation`.
    """

    def largest(design: PyTree) -> Array:
        return smooth_maximum(jax.vmap(objective, (None, 0))(design, samples), sharpness=sharpness)

    return largest


def smooth_maximum(values: Float[Array, " sample"], *, sharpness: float = 50.0) -> Array:
    r"""The largest of some numbers, made smooth.

    .. math:: \frac{s}{k} \ln \frac1n \sum_i \mathrm{e}^{k f_i/s}

    with the mean of :math:`|f|` as the unit s, and the `sharpness` k: below the largest by at most
    :math:`s \ln(n)/k`.
    """
    unit = jnp.mean(jnp.abs(values)) / sharpness
    unit = jnp.where(unit > 0, unit, jnp.ones_like(unit))
    count = jnp.asarray(values.size, values.dtype)
    return unit * (jax.nn.logsumexp(values / unit) - jnp.log(count))


def front(
    objective: Callable,
    start: PyTree,
    held: str,
    levels: Float[Array, " level"],
    method: Any = None,
    **more: Any,
) -> Optimum:
    """A front between two goals: the best where the outcome `held` is at most each of `levels`.

    All levels are solved in one `vmap`; the answer has them along a first axis. The points of the
    front where the limit does not bind are one and the same. Other arguments as in `optimize`; they
    may hold more constraints.
    """
    constraints = more.pop("constraints", {})

    def best(level: Array) -> Optimum:
        limits = {**constraints, held: (None, level)}
        return optimize(objective, start, method, constraints=limits, **more)

    return jax.vmap(best)(jnp.asarray(levels))
