"""The matrix product that is the stationary state of the open exclusion process."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Status,
    is_concrete,
    setting,
    steady,
)

from ._state import ExclusionState, exclusion_state
from ._systems import OpenASEP

Vector = Float[Array, " level"]
Rows = Float[Array, "site level"]


class MatrixProduct(AbstractSteadyMethod):
    r"""The exact stationary state of `OpenASEP` as a product of matrices, for any length.

    The weight of a configuration is :math:`\langle W| X_1 \cdots X_L |V\rangle` with D for a
    particle and E for a hole,

    .. math:: DE - qED = D + E, \qquad \langle W|(\alpha E - \gamma D) = \langle W|, \qquad
              (\beta D - \delta E)|V\rangle = |V\rangle,

    so that :math:`J = Z_{L-1} / Z_L` (Derrida et al. 1993). The matrices are the tridiagonal ones
    of Uchiyama, Sasamoto and Wadati (J. Phys. A 37, 4985, 2004), written so that they are smooth at
    q = 0 and q = 1 and need no square roots. The first L/2 + 2 rows are exact. A density profile
    costs L^2 operations, with `correlation` = "all" L^3. Derivatives are accurate to some 1e-16
    absolutely: where one is exponentially small, as that of the current with respect to beta at low
    density, fewer of its digits are right.

    The reservoirs must not drive against the hops: for q < 1 it needs
    :math:`\gamma\delta < \alpha\beta`; where that fails the representation is singular at some
    rates (Essler and Rittenberg, J. Phys. A 29, 3375, 1996).
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (OpenASEP,)

    correlation: str = setting(
        choices=("none", "all"), doc="Covariances of the sites to compute", default="none"
    )

    def check(self, system: OpenASEP) -> None:
        if system.hopping is not None:
            raise ValueError(
                "MatrixProduct: hopping differs between the bonds, and no matrix product is known "
                "for that. Leave hopping out, or use Generator (short lattices) or MaxPlus."
            )
        rates = (system.alpha, system.beta, system.gamma, system.delta, system.q)
        if not all(map(is_concrete, rates)):
            return
        alpha, beta, gamma, delta, q = map(float, rates)
        against = gamma * delta / (alpha * beta)
        least = -(system.length + 2) * math.log(max(1.0, q))
        if (q != 1 and against > 0 and math.log(against) >= least) or against == 1:
            raise ValueError(
                f"MatrixProduct: gamma delta / (alpha beta) = {against:g} at q = {q:g}: the "
                "reservoirs are in equilibrium or drive against the hops, where the matrices are "
                "singular. Make gamma delta less than alpha beta, or use Generator."
            )

    def steady(self, system: OpenASEP) -> ExclusionState:
        lattice, length = system.lattice, system.length
        product = _matrices(system)
        pieces = _Pieces.of(product, length)
        density, gates = pieces.profile(system)
        current = product.current(length)
        spread = jnp.max(jnp.abs(gates - current)) / jnp.maximum(jnp.abs(current), _tiny(gates))
        bad = ~(spread < jnp.sqrt(jnp.finfo(gates.dtype).eps))
        return exclusion_state(
            lattice,
            density=density,
            gate_current=gates,
            current=current,
            correlation=pieces.covariance(density) if self.correlation == "all" else None,
            status=Status.first_true(not_finite=~jnp.isfinite(spread), not_accurate=bad),
            stats={"rows": jnp.asarray(product.rows)},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        chain = OpenASEP(length=6, alpha=0.5, beta=0.6, gamma=0.2, delta=0.1, q=0.3)
        yield Case(
            "four boundaries: current",
            lambda: steady(chain, cls()).current,
            0.18085353700090268,
            1e-12,
            "null vector of the 64 x 64 generator",
        )


class _Band(eqx.Module):
    """A tridiagonal matrix: entries (n, n), (n, n + 1) and (n + 1, n)."""

    diagonal: Float[Array, " level"]
    upper: Float[Array, " level-1"]
    lower: Float[Array, " level-1"]

    def __add__(self, other: _Band) -> _Band:
        return _Band(
            self.diagonal + other.diagonal, self.upper + other.upper, self.lower + other.lower
        )

    def times(self, v: Vector) -> Vector:
        """The product with a vector on its right."""
        return self.diagonal * v + _up(self.upper * v[1:]) + _down(self.lower * v[:-1])

    def before(self, v: Vector) -> Vector:
        """The product with a vector on its left."""
        return self.diagonal * v + _up(self.lower * v[1:]) + _down(self.upper * v[:-1])

    def between(self, left: Vector, right: Vector) -> Float[Array, ""]:
        return jnp.sum(left * self.times(right))


def _up(v: Array) -> Vector:
    return jnp.concatenate([v, jnp.zeros_like(v[:1])])


def _down(v: Array) -> Vector:
    return jnp.concatenate([jnp.zeros_like(v[:1]), v])


class _Product(eqx.Module):
    """The matrices of a particle and of a hole."""

    particle: _Band
    hole: _Band

    @property
    def either(self) -> _Band:
        return self.particle + self.hole

    @property
    def rows(self) -> int:
        return self.particle.diagonal.shape[0]

    @property
    def vacuum(self) -> Vector:
        return jnp.zeros_like(self.particle.diagonal).at[0].set(1)

    def current(self, length: int) -> Float[Array, ""]:
        """Z_{L-1} / Z_L, from both ends to the middle."""
        either = self.either
        half = (length - 1) // 2

        def step(ends, _):
            left, right = ends
            left, right = either.before(left), either.times(right)
            return (left / _largest(left), right / _largest(right)), None

        (left, right), _ = lax.scan(step, (self.vacuum, self.vacuum), length=half)
        if length - 1 - half > half:
            right = either.times(right)
        return jnp.sum(left * right) / jnp.sum(left * either.times(right))


class _Pieces(eqx.Module):
    """The products of all sites left of each site, and of all right of it."""

    product: _Product
    left: Rows
    right: Rows
    whole: Float[Array, " site"]
    scale: Float[Array, " site"]

    @classmethod
    def of(cls, product: _Product, length: int) -> _Pieces:
        either, level = product.either, jnp.arange(product.rows)

        def step(ends: tuple[Vector, Vector], begun: Array) -> tuple[tuple[Vector, Vector], Any]:
            useful = _useful(level, length - begun)
            left = jnp.where(useful, either.before(ends[0]), 0)
            right = jnp.where(useful, either.times(ends[1]), 0)
            scale = _largest(left)
            return (left / scale, right / _largest(right)), (*ends, scale)

        start = (product.vacuum, product.vacuum)
        _, (left, right, scale) = lax.scan(step, start, jnp.arange(length))
        right = right[::-1]
        return cls(product, left, right, jax.vmap(either.between)(left, right), scale)

    def profile(self, system: OpenASEP) -> tuple[Array, Array]:
        """The density, and the current through each gate from its own two sites."""
        particle, hole, either = self.product.particle, self.product.hole, self.product.either

        def pair(left: Vector, right: Vector) -> Array:
            def weight(first: _Band, second: _Band) -> Array:
                return jnp.sum(first.before(left) * second.times(right))

            net = weight(particle, hole) - system.q * weight(hole, particle)
            return net / weight(either, either)

        density = jax.vmap(particle.between)(self.left, self.right) / self.whole
        empty = jax.vmap(hole.between)(self.left, self.right) / self.whole
        entering = system.alpha * empty[:1] - system.gamma * density[:1]
        leaving = system.beta * density[-1:] - system.delta * empty[-1:]
        bonds = jax.vmap(pair)(self.left[:-1], self.right[1:])
        return density, jnp.concatenate([entering, bonds, leaving])

    def covariance(self, density: Array) -> Array:
        """The covariance of each pair of occupations."""
        particle, either = self.product.particle, self.product.either
        sites, level = jnp.arange(density.shape[0]), jnp.arange(self.product.rows)
        begun = jax.vmap(particle.before)(self.left)

        def step(rows: Rows, at: Any) -> tuple[Rows, Array]:
            site, right, whole, scale = at
            pairs = jax.vmap(particle.between, (0, None))(rows, right) / whole
            grown = jnp.where((sites == site)[:, None], begun, jax.vmap(either.before)(rows))
            useful = _useful(level, sites.shape[0] - site)
            return jnp.where(useful[None], grown, 0) / scale, pairs

        scanned = (sites, self.right, self.whole, self.scale)
        _, pairs = lax.scan(step, jnp.zeros_like(begun), scanned)  # later site, earlier site
        earlier = sites[:, None] > sites[None]
        below = jnp.where(earlier, pairs - density[:, None] * density[None], 0)
        return below + below.T + jnp.diag(density * (1 - density))


def _useful(level: Array, left: Array) -> Array:
    """The components that can come back to the first row, where `left` - 1 factors are left.

    The others, of no use, could be the largest by far.
    """
    return level < left


def _largest(v: Vector) -> Array:
    """A scale against overflow; it cancels in the end, and so would its derivative."""
    return lax.stop_gradient(jnp.max(jnp.abs(v)))


def _tiny(like: Array) -> Array:
    return jnp.finfo(like.dtype).eps * jnp.ones((), like.dtype)


def _matrices(system: OpenASEP) -> _Product:
    r"""The first rows of D and E.

    With a and c the two roots of the left boundary, :math:`P = ac = -\gamma/\alpha` and
    :math:`(1 + a)(1 + c) = (1-q)/\alpha`; likewise Q on the right, and K = P Q. Then x = q^n,
    y = q^{n-1} and [n] = 1 + q + ... + q^{n-1} are all that depends on the row: the factors 1/(1-q)
    of the paper have been divided out, and roots occur in symmetric combinations only.
    """
    rows = system.length // 2 + 2
    one, q = jnp.ones_like(system.q), system.q
    powers = jnp.cumprod(jnp.concatenate([one[None], jnp.broadcast_to(q, (rows - 1,))]))
    number = jnp.concatenate([jnp.zeros_like(powers[:1]), jnp.cumsum(powers)])  # [0] to [rows]
    left, right = 1 / system.alpha, 1 / system.beta
    p, r = -system.gamma * left, -system.delta * right
    k = p * r

    # rows 1 and up of the diagonals
    x, y, n = powers[1:], powers[:-1], number[1:-1]
    grown = n * (1 - k * y)
    whole = (1 - k * y * y) * (1 - k * x * x)
    first = 1 - x - q * x + k * x * y
    second = q - k * y - k * x + k * x * x

    def diagonal(far: Array, near: Array, r: Array) -> Vector:
        """Of the matrix whose boundary is `near`; r is that of the same side."""
        top = (near - r * far) / (1 - k)
        rest = grown * (1 + k * x * y - r * (x + y)) + y * (r * far * first + near * second)
        return jnp.concatenate([top[None], rest / whole])

    diagonals = diagonal(left, right, r), diagonal(right, left, p)

    # between the rows n and n + 1
    x, y, n = powers[:-1], powers[:-2], number[: rows - 1]
    slope = x * (left * (1 + r) + right * (1 + p)) * (1 + x * x * k)
    slope = slope - 2 * x * x * (r * (1 + p) * left + p * (1 + r) * right)
    bend = x * (x * (r * left**2 + p * right**2) - left * right * (1 + x * x * k))
    roots = n * (1 - x * p) * (1 - x * r) * (1 - x * k) + slope + (1 - q) * bend
    ratio = jnp.concatenate([one[None], (1 - k * y) / (1 - k * x[1:] * y)])
    up = ratio * roots / ((1 - k * x * x) * (1 - k * q * x * x))
    down = number[1:rows] / (1 - k * x * x)
    return _Product(
        particle=_Band(diagonals[0], up, -x * r * down),
        hole=_Band(diagonals[1], -x * p * up, down),
    )
