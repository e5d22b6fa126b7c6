"""Interfaces between two layers: which phonons cross, and with which probability."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, parameter

if TYPE_CHECKING:
    from ._slab import Layer

Rays = Float[Array, "band ray"]
Weights = Float[Array, "group member"]
Gather = Float[Array, "group amplitude 2 member"]
Emit = Float[Array, "group 2 member amplitude"]


class AbstractInterface(AbstractDeclared):
    """What becomes of a phonon that meets the interface; elastic and in detailed balance.

    The first half of the amplitudes is gathered on the left side, the second on the right.
    """

    couples_angles: eqx.AbstractClassVar[bool]

    def directions(
        self, left: Layer, right: Layer, cosine: Float[Array, " angle"], weight: Array
    ) -> tuple[tuple[Rays, Rays], tuple[Rays, Rays]]:
        """Cosines and weights for the bands of the left and the right layer."""
        return _alike(left, cosine, weight), _alike(right, cosine, weight)

    @abc.abstractmethod
    def crossing(
        self, left: Layer, right: Layer, cosine: tuple[Rays, Rays], weight: tuple[Weights, Weights]
    ) -> tuple[Gather, Emit]:
        """Amplitudes gathered of what arrives on both sides, and sent back to both sides."""


class AbstractDiffuseInterface(AbstractInterface):
    r"""Phonons forget their direction and branch, not their frequency.

    With :math:`M_i = \sum C v` of side i at one frequency, the conductance between the phonons
    that arrive from both sides is :math:`M_1 t_{12} = M_2 t_{21}` (over four).
    """

    couples_angles: ClassVar[bool] = True

    @abc.abstractmethod
    def exchange(self, first: Array, second: Array) -> Array:
        """The product of M and t, from the values of M on both sides."""

    def crossing(
        self, left: Layer, right: Layer, cosine: tuple[Rays, Rays], weight: tuple[Weights, Weights]
    ) -> tuple[Gather, Emit]:
        total = jnp.stack([jnp.sum(side, axis=1) for side in weight], axis=1)
        safe = jnp.where(total > 0, total, 1)
        through = self.exchange(total[:, 0], total[:, 1])[:, None] / safe
        gather = jnp.zeros((*total.shape, *total.shape[1:], weight[0].shape[1]), total.dtype)
        emit = []
        for side in (0, 1):
            gather = gather.at[:, side, side].set(weight[side] / safe[:, side, None])
            share = [through[:, side], through[:, side]]
            share[side] = 1 - share[side]
            emit.append(jnp.stack(share, axis=1))
        sent = jnp.stack(emit, axis=1)[:, :, None, :]
        return gather, jnp.broadcast_to(sent, (*total.shape, weight[0].shape[1], 2))


class GivenTransmission(AbstractDiffuseInterface):
    r"""A diffuse interface with a given transmission probability at every frequency.

    .. math:: M_1 t_{12} = M_2 t_{21} = t \min(M_1, M_2)

    So t is the probability for phonons of the side that has fewer channels,
    :math:`M = \sum C v`; detailed balance then gives that of the other.
    """

    transmission: Scalar = parameter(
        range="(0, 1]", doc="Transmission probability from the side with fewer channels"
    )

    def exchange(self, first: Array, second: Array) -> Array:
        return self.transmission * jnp.minimum(first, second)


class DiffuseMismatch(AbstractDiffuseInterface):
    r"""The diffuse mismatch model, frequency by frequency.

    .. math:: t_{12} = \frac{M_2}{M_1 + M_2}, \qquad M_i = \sum_p C_{ip} v_{ip}

    Source: Swartz and Pohl, Rev. Mod. Phys. 61, 605 (1989).
    """

    def exchange(self, first: Array, second: Array) -> Array:
        total = first + second
        return first * second / jnp.where(total > 0, total, 1)


class AcousticMismatch(AbstractInterface):
    r"""The acoustic mismatch model: refraction at a smooth interface, branch by branch.

    .. math::
        k_1 \sin\theta_1 = k_2 \sin\theta_2, \qquad
        t = \frac{4 Z_1 Z_2 \cos\theta_1 \cos\theta_2}
                 {(Z_1 \cos\theta_2 + Z_2 \cos\theta_1)^2}, \qquad Z_i = \rho_i\,\omega / k_i

    Beyond the critical angle, and where the other side has no phonon of that branch and
    frequency, reflection is total. Branches are not converted.
    Source: Little, Can. J. Phys. 37, 334 (1959).
    """

    couples_angles: ClassVar[bool] = False

    first_density: Scalar = parameter(
        unit="kg/m3", range="(0, inf)", doc="Mass density of the first layer"
    )
    second_density: Scalar = parameter(
        unit="kg/m3", range="(0, inf)", doc="Mass density of the second layer"
    )

    def directions(
        self, left: Layer, right: Layer, cosine: Float[Array, " angle"], weight: Array
    ) -> tuple[tuple[Rays, Rays], tuple[Rays, Rays]]:
        """Directions in pairs that refract into each other; then those totally reflected.

        The pairs are the given directions on the side with the shorter wavevector.
        """
        k = left.wavevector, right.wavevector
        assert k[0] is not None and k[1] is not None  # the system has seen to it
        there = (left.flux_share > 0) & (right.flux_share > 0)
        sides = []
        for own, other in ((k[0], k[1]), (k[1], k[0])):
            ratio = jnp.where(there, jnp.minimum(other / own, 1), 0)[:, None]
            mu, w = cosine[None, :], weight[None, :]
            refracted = jnp.sqrt(1 - ratio**2 * (1 - mu**2))
            beyond = ratio < 1
            critical = jnp.sqrt(jnp.where(beyond, 1 - ratio**2, 1))
            sides.append(
                (
                    jnp.concatenate([refracted, critical * mu], axis=1),
                    jnp.concatenate(
                        [mu * w * ratio**2 / refracted, jnp.where(beyond, critical, 0) * w], axis=1
                    ),
                )
            )
        return sides[0], sides[1]

    def crossing(
        self, left: Layer, right: Layer, cosine: tuple[Rays, Rays], weight: tuple[Weights, Weights]
    ) -> tuple[Gather, Emit]:
        assert left.wavevector is not None and right.wavevector is not None
        # rho omega / k on each side times the cosine on the other; omega drops out
        first = (self.first_density / left.wavevector)[:, None] * cosine[1]
        second = (self.second_density / right.wavevector)[:, None] * cosine[0]
        there = (left.flux_share > 0) & (right.flux_share > 0)
        paired = jnp.arange(first.shape[1]) < first.shape[1] // 2
        through = jnp.where(
            there[:, None] & paired[None, :], 4 * first * second / (first + second) ** 2, 0
        )
        through = jnp.reshape(through, weight[0].shape)
        groups, members = through.shape
        each = jnp.broadcast_to(jnp.eye(members, dtype=through.dtype), (groups, members, members))
        none = jnp.zeros_like(each)
        gather = jnp.concatenate(
            [jnp.stack([each, none], axis=2), jnp.stack([none, each], axis=2)], axis=1
        )
        cross, back = each * through[:, None, :], each * (1 - through)[:, None, :]
        emit = jnp.stack(
            [jnp.concatenate([back, cross], axis=2), jnp.concatenate([cross, back], axis=2)],
            axis=1,
        )
        return gather, emit


def _alike(layer: Layer, cosine: Array, weight: Array) -> tuple[Rays, Rays]:
    shape = (*layer.mean_free_path.shape, *cosine.shape)
    return jnp.broadcast_to(cosine, shape), jnp.broadcast_to(weight, shape)
