r"""Rays across a film in which phonons are emitted with a given profile, cell by cell and exactly.

Lengths are in thicknesses. On a ray of mean free path :math:`\ell = \Lambda\mu/d` the distribution
h relaxes to the emission q(x), a continuous function that is a parabola in each cell and even about
the middle:

.. math:: \ell\,h' + h = q, \qquad h_{in} = p\,h_{out}, \qquad
          K q = \tfrac34 \int_{-1}^1 (1 - \mu^2)\,h\,d\mu .

What is computed is the small difference :math:`1 - K`, not K: with the slopes q', the operator
:math:`R = (1 + \ell\,\partial_x)^{-1}` of a ray that enters empty, :math:`B = (R q')(1)`,
:math:`E = 1 - e^{-1/\ell}` and :math:`L = 1 - p\,e^{-1/\ell}`, integration by parts gives

.. math:: \langle f, (1 - K)\,q\rangle = \Big\langle \ell^2 \langle f', R q'\rangle + \frac\ell L
          \left((1 - p)(E f_w q_w - \ell f_w B_q - \ell B_f q_w) - p\,\ell^2 B_f B_q\right)
          \Big\rangle_\mu

with the values at the wall, :math:`f_w` and :math:`q_w`. It is symmetric, and not negative.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ._channel import ChannelProblem
from ._special import moments_of_decay


class Flights(eqx.Module):
    """What rays make of the emissions of a basis.

    **Fields:** `lost`, the forms of 1 - K; `leaving`, what reaches a wall, of every ray;
    `departure`, that of K from the emission, at the faces of the cells.
    """

    lost: Float[Array, "band function function"]
    leaving: Float[Array, "function band ray"]
    departure: Float[Array, "face function band"]


def flights(
    problem: ChannelProblem, width: Float[Array, " cell"], basis: Float[Array, "function node"]
) -> Flights:
    """Follow the rays of all bands; `basis` holds even functions at the nodes of the cells."""
    path, specularity = 1 / problem.reach[0], problem.specularity[0]
    share = jnp.broadcast_to(problem.share, path.shape)
    slope = _slopes(width, basis)

    def cell(arriving, at):
        width, (near, far) = at[0], at[1][:, :, None, None]
        depth = (width / path)[None]
        m0, m1, m2, m3 = moments_of_decay(4, depth)
        alike, ahead = m0 / 3 - m1 / 2 + m3 / 6, (m0 - m3) / 6 + (m1 - m2) / 2
        behind = (m0 - 3 * m1 + 3 * m2 - m3) / 6
        inside = width * jnp.stack(
            [
                (m0 - m1) * arriving + depth * (alike * near + behind * far),
                m1 * arriving + depth * (ahead * near + alike * far),
            ]
        )
        passed = (1 - depth * m0) * arriving + depth * (m1 * near + (m0 - m1) * far)
        mean_inside = jnp.einsum("br,sibr->sib", share * path**2, inside)
        return passed, (mean_inside, jnp.einsum("br,ibr->ib", share * path, passed))

    none = jnp.zeros((basis.shape[0], *path.shape), path.dtype)
    gathered, (inside, onward) = lax.scan(cell, none, (width, slope))

    absorbed = -jnp.expm1(-problem.reach[0])
    diffuse = 1 - specularity
    kept = diffuse + specularity * absorbed
    wall, gathered = basis[:, 0, None, None] + none, path[None] * gathered
    weight = share * path / kept
    lost = jnp.einsum("csi,csjb->bij", slope, inside)
    lost = lost + jnp.einsum("br,ibr,jbr->bij", weight * diffuse * absorbed, wall, wall)
    crossed = jnp.einsum("br,ibr,jbr->bij", weight * diffuse, wall, gathered)
    lost = lost - crossed - jnp.swapaxes(crossed, 1, 2)
    lost = lost - jnp.einsum("br,ibr,jbr->bij", weight * specularity, gathered, gathered)

    entering = -(diffuse[None] * wall + specularity[None] * gathered) / kept[None]
    face = jnp.concatenate([jnp.zeros((1,), width.dtype), jnp.cumsum(width)])
    left = jnp.exp(-face[:, None, None] * problem.reach)
    onward = jnp.concatenate([jnp.zeros_like(onward[:1]), onward])
    rightward = jnp.einsum("br,fbr,ibr->fib", share, left, entering) - onward
    return Flights(
        lost=lost,
        leaving=(absorbed[None] * wall - gathered) / kept[None],
        departure=(rightward + rightward[::-1]) / 2,
    )


def _slopes(
    width: Float[Array, " cell"], basis: Float[Array, "function node"]
) -> Float[Array, "cell 2 function"]:
    """At the two ends of every cell."""
    near, middle, far = basis[:, :-1:2], basis[:, 1::2], basis[:, 2::2]
    start = 4 * (middle - near) - (far - near)
    stop = 4 * (far - middle) - (far - near)
    return jnp.moveaxis(jnp.stack([start, stop]) / width[None, None], 2, 0)


def overlaps(
    width: Float[Array, " cell"], basis: Float[Array, "function node"]
) -> Float[Array, "function function"]:
    """Integrals of the products of two of the functions, by Simpson's rule and its remainder."""
    near, middle, far = basis[:, :-1:2], basis[:, 1::2], basis[:, 2::2]
    parts = jnp.stack([(near + 4 * middle + far) / 6, far - near, near - 2 * middle + far])
    factor = jnp.asarray([1, 1 / 12, 1 / 45], width.dtype)
    return jnp.einsum("k,c,kic,kjc->ij", factor, width, parts, parts)


def nodes_of(face: np.ndarray) -> np.ndarray:
    """The faces of cells, and their middles."""
    return np.interp(np.arange(2 * face.size - 1) / 2, np.arange(face.size), face)


def even_basis(face: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Values `at` points of the continuous functions that are parabolas in each of the cells.

    Each is 1 at one node and at its mirror image: together they are all even ones, and add up to 1.
    """
    node = nodes_of(face)
    cell = np.clip(np.searchsorted(face, at, side="right") - 1, 0, face.size - 2)
    t = (at - face[cell]) / (face[cell + 1] - face[cell])
    values = np.zeros((node.size, at.size))
    point = np.arange(at.size)
    for own, value in enumerate(((1 - t) * (1 - 2 * t), 4 * t * (1 - t), t * (2 * t - 1))):
        values[2 * cell + own, point] = value
    even = values + values[::-1]
    even[face.size - 1] /= 2
    return even[: face.size]
