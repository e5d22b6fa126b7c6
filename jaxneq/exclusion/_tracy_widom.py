"""The limit law of growing interfaces that start curved."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

# Mean, variance, skewness and excess kurtosis of the law (Bornemann, Math. Comp. 79, 871, 2010,
# table 10); the tests find them again from `tracy_widom`.
TRACY_WIDOM = (-1.7710868074, 0.8131947928, 0.2240842036, 0.0934480876)

_CONTOUR = 160  # points of the trapezoidal rule, to rounding for arguments above -12
_NODES = 64  # of the Gauss-Legendre rule, to 1e-13 for -8 < s
_REACH = 16.0  # Ai(16) = 4e-20


def airy(x: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""The Airy function Ai for x above -12.

    :math:`\frac{1}{2\pi}\int e^{i(k^3/3 + kx)}\,dk` on the line :math:`k = u + i\eta`, by the
    trapezoidal rule, which converges exponentially there. For x > 0 the line passes through the
    saddle, :math:`\eta = \sqrt{x}`. The error is absolute for x < 0, relative for x > 0.
    """
    eta = lax.stop_gradient(jnp.sqrt(jnp.maximum(x, 0.25)))[..., None]
    x = x[..., None]
    spacing = jnp.sqrt(40 / eta) / _CONTOUR
    u = jnp.arange(_CONTOUR, dtype=x.dtype).reshape((1,) * (x.ndim - 1) + (-1,)) * spacing
    weight = jnp.where(u > 0, spacing, spacing / 2) / np.pi
    size = jnp.exp(eta**3 / 3 - eta * x - eta * u**2)
    return jnp.sum(weight * size * jnp.cos(u**3 / 3 + u * (x - eta**2)), axis=-1)


def tracy_widom(s: Float[Array, ""]) -> Float[Array, ""]:
    r"""The distribution function :math:`F_2(s)` of Tracy and Widom, for s between -8 and 8.

    .. math:: F_2(s) = \det(1 - K_{Ai})_{L^2(s, \infty)} = \det(1 - A^2), \qquad
              A(x, y) = \mathrm{Ai}(x + y + s) \text{ on } (0, \infty)

    with the integrals by the Gauss-Legendre rule (Bornemann, Math. Comp. 79, 871, 2010): the
    determinant then converges exponentially. Differentiable; use float64.
    """
    node, weight = (jnp.asarray(each, s.dtype) for each in np.polynomial.legendre.leggauss(_NODES))
    reach = _REACH - jnp.minimum(lax.stop_gradient(s), 0)
    x, root = reach * (node + 1) / 2, jnp.sqrt(reach * weight / 2)
    kernel = root[:, None] * airy(x[:, None] + x[None, :] + s) * root[None, :]
    one = jnp.eye(_NODES, dtype=s.dtype)
    return jnp.linalg.det(one - kernel) * jnp.linalg.det(one + kernel)
