"""Samples of a posterior, by the No-U-Turn sampler of numpyro."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, PyTree

from ._inference import residuals_of
from ._problem import Problem


def sample(
    model: Callable[[PyTree], Array],
    data: Any,
    stderr: Any,
    start: PyTree,
    *,
    key: Any,
    space: Any = None,
    prior: Callable[[PyTree], Array] | None = None,
    draws: int = 1000,
    warmup: int = 500,
) -> PyTree:
    r"""Parameters drawn from the posterior of a fit, where a Gaussian is not enough.

    .. math:: p \sim \mathrm{e}^{-\chi^2(p)/2 - |r(p)|^2/2}, \qquad
        u \sim \mathrm{e}^{-\chi^2/2 - |r|^2/2} \sqrt{\det J^T J}, \qquad J = \partial p/\partial u

    in the coordinates u of the space, in which the sampler moves: without data and prior all
    allowed values would be alike. Needs numpyro, the extra ``bayes``.

    **Arguments:** as of `fit`, with `start` where it ended; `draws`, samples kept, and `warmup`,
    those before. The answer is like `start`, with the samples along a first axis.

    **Raises:** `ImportError` without numpyro; `ValueError` as `fit`, and for a space that has more
    coordinates than values are free, such as `Simplex`.

    Source: Hoffman and Gelman, J. Mach. Learn. Res. 15, 1593 (2014).
    """
    try:
        from numpyro.infer import MCMC, NUTS  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError("design.sample needs numpyro: pip install 'jaxneq[bayes]'.") from error
    _, residuals = residuals_of(model, start, data, stderr, prior)
    problem, one = Problem.of(residuals, start, space), jnp.ones(())
    at = problem.coordinates()

    def flat(u: Array) -> Array:
        return ravel_pytree(problem.design(u, one))[0]

    def metric(u: Array) -> Array:
        jacobian = jax.jacfwd(flat)(u)
        return jacobian.T @ jacobian

    def energy(u: Array) -> Array:
        return (
            jnp.sum(residuals(problem.design(u, one)) ** 2) / 2
            - jnp.linalg.slogdet(metric(u))[1] / 2
        )

    size = jnp.sqrt(jnp.diag(metric(at)))
    if not float(jnp.linalg.eigvalsh(metric(at) / jnp.outer(size, size))[0]) > 1e-12:
        raise ValueError(
            "sample: the space has more coordinates than values are free. Take one that has not, "
            "such as Positive."
        )
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        sampler = NUTS(potential_fn=energy, dense_mass=True)
        chain = MCMC(sampler, num_warmup=warmup, num_samples=draws, progress_bar=False)
        chain.run(key, init_params=at)
        drawn = chain.get_samples()
    return jax.vmap(lambda u: problem.design(u, one))(drawn)
