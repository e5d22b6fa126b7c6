"""Walls at a fixed temperature: what they emit and how they reflect the rest."""

from __future__ import annotations

import abc
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, is_concrete, parameter

Weights = Float[Array, "group member"]
Gather = Float[Array, "group amplitude member"]
Emit = Float[Array, "group member amplitude"]


class AbstractWall(AbstractDeclared):
    r"""A heat reservoir. It emits at its temperature with the probability `emissivity`.

    .. math:: \psi_{in} = \epsilon\,T_w + (1 - \epsilon)\,R\,\psi_{out}

    Emissivity is as well the probability that an arriving phonon is transmitted into the
    reservoir. The rest is reflected elastically, each band for itself (diffuse walls of a film
    with a diffuse interface mix the branches of one frequency, as the interface does).
    """

    couples_angles: eqx.AbstractClassVar[bool]

    @property
    def adiabatic(self) -> bool:
        """Whether the emissivity is known to be 0; of a traced one that is not known."""
        share = self.emissive_share(jnp.dtype("float32"))
        return is_concrete(share) and float(share) == 0

    @abc.abstractmethod
    def emissive_share(self, dtype: jnp.dtype) -> Float[Array, ""]:
        """The emissivity."""

    @abc.abstractmethod
    def reflection(self, weight: Weights) -> tuple[Gather, Emit]:
        """What is reflected, by amplitudes: those gathered of what arrives, those sent back.

        `weight` is the flux that each ray carries; rays of one group exchange energy.
        """


class BlackWall(AbstractWall):
    """A wall that absorbs all that arrives and emits at its temperature."""

    couples_angles: ClassVar[bool] = False

    def emissive_share(self, dtype: jnp.dtype) -> Float[Array, ""]:
        return jnp.ones((), dtype)

    def reflection(self, weight: Weights) -> tuple[Gather, Emit]:
        groups, members = weight.shape
        return jnp.zeros((groups, 0, members), weight.dtype), jnp.zeros(
            (groups, members, 0), weight.dtype
        )


class DiffuseWall(AbstractWall):
    """A wall that reflects in all directions alike what it does not absorb."""

    couples_angles: ClassVar[bool] = True

    emissivity: Scalar = parameter(range="[0, 1]", doc="Probability of absorption")

    def emissive_share(self, dtype: jnp.dtype) -> Float[Array, ""]:
        return self.emissivity.astype(dtype)

    def reflection(self, weight: Weights) -> tuple[Gather, Emit]:
        mean = _mean(weight)
        back = 1 - self.emissive_share(weight.dtype)
        return mean[:, None, :], back * jnp.ones_like(weight)[:, :, None]


class SpecularWall(AbstractWall):
    """A wall that reflects like a mirror what it does not absorb."""

    couples_angles: ClassVar[bool] = False

    emissivity: Scalar = parameter(range="[0, 1]", doc="Probability of absorption")

    def emissive_share(self, dtype: jnp.dtype) -> Float[Array, ""]:
        return self.emissivity.astype(dtype)

    def reflection(self, weight: Weights) -> tuple[Gather, Emit]:
        groups, members = weight.shape
        each = jnp.broadcast_to(jnp.eye(members, dtype=weight.dtype), (groups, members, members))
        return each, (1 - self.emissive_share(weight.dtype)) * each


def _mean(weight: Weights) -> Weights:
    """Weights of a flux-weighted mean over the members of each group."""
    total = jnp.sum(weight, axis=1, keepdims=True)
    return weight / jnp.where(total > 0, total, 1)
