"""Parameters from data: fits by least squares, and how wide the posterior is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

from jaxneq._core import Status, is_concrete

from ._optimize import optimize
from ._optimizers import AbstractOptimizer
from ._problem import Problem


class Posterior(eqx.Module):
    r"""Parameters fitted to data, and the Gaussian about them.

    .. math:: \chi^2(p) = \sum_i \left(\frac{f_i(p) - y_i}{\sigma_i}\right)^2, \qquad
        \mathrm{cov} = (J^T J)^{-1}

    J is the derivative of all residuals, those of the prior too, at the optimum: the Fisher
    information of data with Gaussian errors.

    **Fields:** `design`, the optimum; `covariance` of all its numbers in the order of
    `jax.tree.leaves`; `stderr`, a pytree like it; `chi_squared`, of the data alone, and `data`,
    their number; `information`, the share of the posterior's information in each direction
    of the parameters that is from the data, not from the prior, descending (1 without prior);
    `status`, of the fit.
    """

    design: PyTree
    covariance: Float[Array, "n n"]
    stderr: PyTree
    chi_squared: Float[Array, ""]
    data: int = eqx.field(static=True)
    information: Float[Array, " n"]
    status: Status

    @property
    def effective_parameters(self) -> Float[Array, ""]:
        """How many numbers the data determine: the sum of the information."""
        return jnp.sum(self.information)

    def band(self, function: Callable[[PyTree], Array]) -> tuple[Array, Array]:
        """A function of the parameters, and its standard deviation to first order."""
        flat, unravel = ravel_pytree(self.design)

        @jax.jit
        def both(p: Array) -> tuple[Array, Array]:
            def values(p: Array) -> Array:
                return jnp.ravel(function(unravel(p)))

            return function(unravel(p)), jax.jacrev(values)(p)

        value, slope = both(flat)
        variance = jnp.einsum("ki,ij,kj->k", slope, self.covariance, slope)
        return value, jnp.reshape(jnp.sqrt(variance), jnp.shape(value))


def fit(
    model: Callable[[PyTree], Array],
    data: Any,
    stderr: Any,
    start: PyTree,
    method: AbstractOptimizer | None = None,
    *,
    space: Any = None,
    prior: Callable[[PyTree], Array] | None = None,
) -> Posterior:
    """The parameters whose `model` lies closest to `data`, and how well they are known.

    **Arguments:** `model`, of the parameters to an array like `data`; `stderr`, of each datum or
    one for all; `start`, `method` and `space` as in `optimize`; `prior`, of the parameters to
    numbers that are expected to be 0 within 1, such as the roughness of a spectrum in units of its
    scale.

    **Raises:** `ValueError` for data or errors that are not finite or not positive, for shapes
    that differ, and where the data and the prior leave a direction undetermined.
    """
    _, residuals = residuals_of(model, start, data, stderr, prior)
    optimum = optimize(lambda p: jnp.sum(residuals(p) ** 2) / 2, start, method, space=space)
    return posterior(
        model, data, stderr, optimum.design, space=space, prior=prior, status=optimum.status
    )


def posterior(
    model: Callable[[PyTree], Array],
    data: Any,
    stderr: Any,
    design: PyTree,
    *,
    space: Any = None,
    prior: Callable[[PyTree], Array] | None = None,
    status: Status | None = None,
) -> Posterior:
    """How well parameters are known that were fitted already: those of `fit`, at `design`.

    **Raises:** `ValueError`, as `fit`.
    """
    departures, residuals = residuals_of(model, design, data, stderr, prior)
    # in the coordinates of the space, where nothing lies beyond a bound, then back
    problem, one = Problem.of(departures, design, space), jnp.ones(())
    at = problem.coordinates()

    def flat(u: Array) -> Array:
        return ravel_pytree(problem.design(u, one))[0]

    missed = departures(design)
    # forwards where data are many: backwards would carry all of them at once
    derivative = jax.jacfwd if missed.size > at.size else jax.jacrev
    jacobian = jax.jit(derivative(lambda u: residuals(problem.design(u, one))))(at)
    of_data = jacobian[: missed.size]
    values, vectors = jnp.linalg.eigh(jacobian.T @ jacobian)
    if is_concrete(values) and not float(values[0]) > 1e-12 * float(values[-1]):
        raise ValueError(
            "fit: the data leave a direction of the parameters undetermined. Give a prior, more "
            "data, or fewer parameters."
        )
    whitened = vectors / jnp.sqrt(values)[None, :]
    share = jnp.linalg.eigvalsh(whitened.T @ (of_data.T @ of_data) @ whitened)
    spread = jax.jacfwd(flat)(at) @ whitened
    covariance = spread @ spread.T
    _, unravel = ravel_pytree(design)
    return Posterior(
        design=design,
        covariance=covariance,
        stderr=unravel(jnp.sqrt(jnp.diag(covariance))),
        chi_squared=jnp.sum(missed**2),
        data=missed.size,
        information=jnp.clip(share[::-1], 0, 1),
        status=Status.of("success") if status is None else status,
    )


def residuals_of(
    model: Callable, start: PyTree, data: Any, stderr: Any, prior: Callable | None
) -> tuple[Callable[[PyTree], Array], Callable[[PyTree], Array]]:
    """Of the data, and of these and the prior; checked."""
    data = jnp.asarray(data)
    stderr = jnp.broadcast_to(jnp.asarray(stderr, data.dtype), data.shape)
    if not np.all(np.isfinite(np.asarray(data))):
        raise ValueError("fit: data holds numbers that are not finite.")
    if not (np.all(np.isfinite(np.asarray(stderr))) and np.all(np.asarray(stderr) > 0)):
        raise ValueError("fit: stderr must be positive. Give the standard error of each datum.")
    shape = eqx.filter_eval_shape(model, start).shape
    if shape != data.shape:
        raise ValueError(
            f"fit: the model gives an array of shape {shape}, and data has {data.shape}."
        )

    def departures(design: PyTree) -> Array:
        return jnp.ravel((model(design) - data) / stderr)

    def residuals(design: PyTree) -> Array:
        parts = [departures(design)]
        if prior is not None:
            parts.append(jnp.ravel(prior(design)))
        return jnp.concatenate(parts)

    return departures, residuals
