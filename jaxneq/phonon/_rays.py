r"""Heat carried along a ray between walls that it crosses again and again, in closed form.

Lengths along the ray are in mean free paths. With the local temperature undisturbed, the
distribution :math:`\psi`, relative to that of the bulk, is the mean length that a phonon has come
since its last collision or diffuse reflection:

.. math:: \frac{d\psi}{ds} = 1 - \psi, \qquad \psi_{in} = p\,\psi_{out} \text{ at a wall}, \qquad
          \bar\psi = \int_0^\infty e^{-s}\,\prod_w E_w(s)\,ds .

Unfolded by mirror images the ray is straight and crosses each pair of walls at equal spacing a;
averaged over where it starts, its chance to be still specular after s is the polygon
:math:`E(s) = p^k (1 - f + f p)` with :math:`s/a = k + f`.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import custom_jvp

from ._special import mean_decay, moments_of_decay

KINKS = 8  # of the slower walls, one by one; with the mean of the rest, exact to 1e-8


class Chord(eqx.Module):
    r"""Averages along a chord: `mean` of psi, `bulk` of :math:`\psi^2`, and the loss at `walls`.

    .. math:: \bar\psi = \overline{\psi^2} + \frac{(1 - p^2)\,\psi_{out}^2}{2a}

    is the balance of entropy: what the flow makes, collisions and walls take.
    """

    mean: Float[Array, "..."]
    bulk: Float[Array, "..."]
    walls: Float[Array, "..."]


def chord(reach: Float[Array, "..."], specularity: Float[Array, "..."]) -> Chord:
    r"""One pair of walls, `reach` mean free paths apart along the ray.

    .. math:: \psi(s) = 1 - \frac{1 - p}{1 - p e^{-a}}\,e^{-s}
    """
    longest = float(jnp.finfo(reach.dtype).max) ** 0.25  # beyond, powers would overflow
    reach = jnp.minimum(reach, jnp.asarray(longest, reach.dtype))
    zeroth, first = moments_of_decay(2, reach)
    absorbed = reach * zeroth
    rise = absorbed - reach * first  # the mean of 1 - exp(-s)
    lost = (1 - specularity) + specularity * absorbed  # 1 - p exp(-a)
    start, room = specularity * absorbed / lost, (1 - specularity) / lost
    end = start + room * absorbed
    square = rise - absorbed**2 / (2 * reach)  # the mean of (1 - exp(-s))^2
    return Chord(
        mean=_mean_along(reach, specularity),
        bulk=start**2 + 2 * start * room * rise + room**2 * square,
        walls=(1 - specularity**2) * end**2 / (2 * reach),
    )


@custom_jvp
def _mean_along(reach: Array, specularity: Array) -> Array:
    r"""The mean of psi along a chord; its derivatives need no further exponential.

    With :math:`L = 1 - p e^{-a}` and the moments :math:`m_n` of the decay,

    .. math:: \frac{\partial\bar\psi}{\partial p} = \frac{a m_0^2}{L^2}, \qquad
              \frac{\partial\bar\psi}{\partial a} =
              (1 - p)\left(\frac{m_1}{L} + \frac{p\,e^{-a} m_0}{L^2}\right) .
    """
    return _mean_and_slopes(reach, specularity)[0]


@_mean_along.defjvp
def _mean_along_jvp(primals, tangents):
    mean, by_reach, by_specularity = _mean_and_slopes(*primals)
    return mean, by_reach * tangents[0] + by_specularity * tangents[1]


def _mean_and_slopes(reach: Array, specularity: Array) -> tuple[Array, Array, Array]:
    zeroth, first = moments_of_decay(2, reach)
    absorbed, diffuse = reach * zeroth, 1 - specularity
    lost = diffuse + specularity * absorbed
    mean = (specularity * absorbed + diffuse * (absorbed - reach * first)) / lost
    left = specularity * jnp.exp(-reach)
    by_reach = diffuse / lost * (first + left * zeroth / lost)
    return mean, by_reach, reach * (zeroth / lost) ** 2


def lattice(
    reach: tuple[Float[Array, "..."], ...], specularity: tuple[Float[Array, "..."], ...]
) -> Float[Array, "..."]:
    r"""The mean of psi between two pairs of walls; the one that is crossed more often comes first.

    The polygon of the second pair, at spacing b, is a line and its kinks,

    .. math:: E(s) = 1 - (1 - p)\frac sb
              + \sum_{j\ge1} p^{j-1} (1 - p)^2 \left(\frac sb - j\right)_+ ,

    and each of the integrals with the first pair is a geometric series. After `KINKS` kinks the
    first pair is taken by its mean over a period, :math:`c\,e^{-\lambda s/a}` with
    :math:`\lambda = -\ln p`; both the kinks and the ripple left out are small where p is near 1,
    and nothing is left where it is not.
    """
    (a, b), (p, q) = reach, specularity
    zeroth, first, second = moments_of_decay(3, a)
    # over one period and over all of them, of E and of s E
    once, once_s = a * (zeroth - (1 - p) * first), a**2 * (first - (1 - p) * second)
    lost = (1 - p) + p * a * zeroth  # 1 - p exp(-a)
    total = once / lost
    total_s = once_s / lost + once * a * p * jnp.exp(-a) / lost**2

    def add_kink(carry, index):
        found, weight = carry
        passed = jnp.floor(index * b / a)
        rest = (passed + 1) * a - index * b  # to the next wall of the first pair
        _, first, second = moments_of_decay(3, rest)
        before = p * rest**2 * first + (1 - p) / a * rest**3 * (first - second)
        beyond = p * jnp.exp(-rest) * (rest * total + total_s)
        return (found + weight * p**passed * (before + beyond), weight * q * jnp.exp(-b)), None

    weight = (1 - q) ** 2 / b * jnp.exp(-b)
    line = total - (1 - q) / b * total_s
    kinks = jnp.arange(1, KINKS + 1, dtype=a.dtype)
    (found, weight), _ = lax.scan(jax.checkpoint(add_kink), (line, weight), kinks)

    clipped = jnp.maximum(p, 1e-3)  # what is beyond the kinks is then zero to rounding
    decay = -jnp.log(clipped)
    rate = 1 + decay / a
    ripple_mean = mean_decay(decay) * mean_decay(-decay)
    left = jnp.exp(-decay * b / a)
    rest = weight * left ** (KINKS + 1) / rate**2 / ((1 - q) + q * -jnp.expm1(-rate * b))
    return found + ripple_mean * rest


def graded_gauss(order: int, power: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre points and weights on (0, 1) in the root of that `power`, dense at 0."""
    point, weight = np.polynomial.legendre.leggauss(order)
    point, weight = (point + 1) / 2, weight / 2
    return point**power, weight * power * point ** (power - 1)
