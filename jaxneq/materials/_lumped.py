"""Many phonon modes in few bands."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def lumped(
    mean_free_path: Float[Array, " mode"],
    power: Float[Array, " mode"],
    sums: Float[Array, "mode quantity"],
    count: int,
) -> Float[Array, "band quantity"]:
    r"""Sums over the modes of each of `count` bands of neighbouring mean free paths.

    Each band holds the same share of the mean of :math:`C v` and :math:`C v \Lambda`, with
    `power` :math:`C v`: what counts for short waits between walls and for long ones. A mode on the
    border of two bands is divided between them, so that nothing is lost and the bands are
    continuous functions of the temperature and of the rates.
    """
    order = jnp.argsort(mean_free_path)
    conducted = power * mean_free_path
    measure = (power / power.sum() + conducted / conducted.sum())[order]
    passed = jnp.cumsum(measure)
    borders = jnp.linspace(0.0, 1.0, count + 1, dtype=passed.dtype)[1:]

    def below(amount: Float[Array, " mode"]) -> Float[Array, " band"]:
        total = jnp.cumsum(amount[order])
        start = jnp.zeros_like(total[:1])
        within = jnp.concatenate([start, passed / passed[-1]])
        return jnp.interp(borders, within, jnp.concatenate([start, total]))

    reached = jnp.stack([below(sums[:, i]) for i in range(sums.shape[1])], axis=1)
    return jnp.diff(reached, axis=0, prepend=jnp.zeros_like(reached[:1]))


def film_suppression(knudsen: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    r"""Conduction along a film with diffuse walls, relative to the bulk (Fuchs and Sondheimer).

    .. math::
        F = 1 - \tfrac{3}{2} K \int_0^1 (u - u^3)\,(1 - e^{-1/(uK)})\,du, \qquad K = \Lambda / d

    Source: Sondheimer, Adv. Phys. 1, 1 (1952).
    """
    node, weight = np.polynomial.legendre.leggauss(64)
    u, du = (node + 1) ** 2 / 4, (node + 1) * weight / 2  # gathered at grazing angles
    k = np.maximum(knudsen, 1e-4)[..., None]
    lost = 1.5 * np.sum(k * (u - u**3) * -np.expm1(-1 / (u * k)) * du, axis=-1)
    return np.where(knudsen < 1e-4, 1 - 0.375 * knudsen, 1 - lost)
