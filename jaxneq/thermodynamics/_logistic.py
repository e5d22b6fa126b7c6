"""The ratio of two densities from their samples, without a histogram: logistic regression."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Signed = Float[Array, "features samples"]


class LogRatio(eqx.Module):
    """The coefficients of a fit, their covariance, and the number of samples in the overlap."""

    coefficients: Float[Array, " features"]
    covariance: Float[Array, "features features"]
    overlap: Float[Array, ""]


@jax.jit
def fit_log_ratio(signed: Signed) -> LogRatio:
    r"""Maximise :math:`\sum_i \ln\sigma(\theta\cdot z_i)`, by Newton's method with halved steps.

    :math:`z_i` are the features of a sample from the first density, or less the features of a
    sample from the second; :math:`\theta\cdot x` is then the logarithm of the ratio of the
    densities and of the numbers of samples. The function is concave. Where a plane separates the
    samples there is no maximum: the overlap vanishes, and the covariance is infinite.
    """

    def score(theta):
        return signed @ jax.nn.sigmoid(-(theta @ signed))

    def solve(_, start):
        eps = jnp.finfo(start.dtype).eps  # a step of its root leaves an error of the order of eps

        def likelihood(theta):
            return jnp.sum(jax.nn.log_sigmoid(theta @ signed))

        def unfinished(carry):
            _, _, _, step, iterations = carry
            return (jnp.max(jnp.abs(step)) > 0.1 * jnp.sqrt(eps)) & (iterations < 60)

        def improve(carry):
            theta, step, value, _, iterations = carry
            trial = theta + step
            reached = likelihood(trial)
            better = reached >= value - 64 * eps * jnp.abs(value)
            theta = jnp.where(better, trial, theta)
            newton = jnp.linalg.solve(information(signed, theta), score(theta))
            following = jnp.where(better, newton, step / 2)
            following = jnp.where(jnp.isfinite(following), following, 0)
            return theta, following, jnp.where(better, reached, value), step, iterations + 1

        first = jnp.linalg.solve(information(signed, start), score(start))
        carry = (start, first, likelihood(start), jnp.full_like(start, jnp.inf), jnp.int32(0))
        return lax.while_loop(unfinished, improve, carry)[0]

    def tangent_solve(linear, rhs):
        return jnp.linalg.solve(jax.jacfwd(linear)(jnp.zeros_like(rhs)), rhs)

    start = jnp.zeros(signed.shape[0], signed.dtype)
    theta = lax.custom_root(score, start, solve, tangent_solve)
    fixed = lax.stop_gradient(theta)
    weight = _variance(signed, fixed)
    covariance = jnp.linalg.inv(information(lax.stop_gradient(signed), fixed))
    sound = jnp.all(jnp.isfinite(covariance)) & jnp.all(jnp.diag(covariance) > 0)
    covariance = jnp.where(sound, covariance, jnp.inf)
    return LogRatio(theta, covariance, 4 * jnp.sum(weight))


def score_test(signed: Signed, theta: Float[Array, " features"]) -> Float[Array, ""]:
    r"""Rao's statistic of the hypothesis :math:`\theta`: chi squared distributed if it is true."""
    score = signed @ jax.nn.sigmoid(-(theta @ signed))
    return score @ jnp.linalg.solve(information(signed, theta), score)


def information(signed: Signed, theta: Float[Array, " features"]) -> Float[Array, "f f"]:
    """Fisher's information."""
    return (signed * _variance(signed, theta)[None]) @ signed.T


def _variance(signed: Signed, theta: Float[Array, " features"]) -> Float[Array, " samples"]:
    probability = jax.nn.sigmoid(theta @ signed)
    return probability * (1 - probability)
