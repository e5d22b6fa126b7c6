"""What every method sees of an exclusion process: a lattice with rates."""

from __future__ import annotations

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractSystem

PerBond = Float[Array, " bond"]
PerSite = Float[Array, " site"]
Number = Float[Array, ""]


class Lattice(eqx.Module):
    r"""Sites 1 to L, each empty or occupied, and the rates of all moves.

    A particle hops ahead over the bond i, from site i to i + 1, with the rate `forward` of the
    bond, and back with `backward`, if the other site is empty. An open lattice has L - 1 bonds, a
    ring has L: the last leads from L to 1.

    **Fields:** `alpha` and `gamma`, rates of entry and exit on the left; `beta` and `delta`, of
    exit and entry on the right (all None on a ring); `attachment` to and `detachment` from each
    site, or None; `length`, the number of sites; `footprint`, the sites that a particle covers;
    `periodic`, whether it is a ring; `particles` on it where their number never changes, else None.
    """

    forward: PerBond
    backward: PerBond
    alpha: Number | None
    beta: Number | None
    gamma: Number | None
    delta: Number | None
    attachment: PerSite | None = None
    detachment: PerSite | None = None
    length: int = eqx.field(static=True, kw_only=True)
    footprint: int = eqx.field(static=True, default=1, kw_only=True)
    periodic: bool = eqx.field(static=True, default=False, kw_only=True)
    particles: int | None = eqx.field(static=True, default=None, kw_only=True)

    @property
    def passing(self) -> tuple[Float[Array, " gate"], Float[Array, " gate"]]:
        """The rates of passing each gate to the right and to the left.

        Gates are the bonds, on an open lattice with the entrance before and the exit behind them.
        """
        if self.periodic:
            return self.forward, self.backward
        assert self.alpha is not None and self.beta is not None
        assert self.gamma is not None and self.delta is not None
        ahead = jnp.concatenate([self.alpha[None], self.forward, self.beta[None]])
        return ahead, jnp.concatenate([self.gamma[None], self.backward, self.delta[None]])


class AbstractExclusion(AbstractSystem):
    """Particles on a lattice that exclude each other. Rates are per unit of time."""

    @property
    @abc.abstractmethod
    def lattice(self) -> Lattice:
        """The lattice, what methods see."""


def check_footprint(name: str, lattice: Lattice) -> None:
    """Refuse particles that attach and cover several sites."""
    if lattice.footprint > 1 and lattice.attachment is not None:
        raise ValueError(
            f"{name}: particles of {lattice.footprint} sites that attach are not treated. Give a "
            "footprint of 1, or no attachment."
        )
