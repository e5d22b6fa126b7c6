"""The simple exclusion process on a ring."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractMethod,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    parameter,
    setting,
    steady,
)

from ._lattice import AbstractExclusion, Lattice
from ._state import ExclusionState, exclusion_state


class RingASEP(AbstractExclusion):
    r"""The asymmetric simple exclusion process: N particles on a ring of L sites.

    A particle hops ahead with rate 1 and back with rate q, if that site is empty; with `hopping`
    each bond has a rate of its own, and q times that for the way back.
    """

    length: int = setting(label="number of sites L", range="[3, inf)", doc="Number of sites L")
    particles: int = setting(
        label="number of particles N", range="[1, inf)", doc="Number of particles N"
    )
    q: Scalar = parameter(
        label="bias q",
        range="[0, inf)",
        doc="Rate of hopping back over that of hopping ahead",
        default=0.0,
    )
    hopping: Float[Array, " bond"] | None = parameter(
        unit="1/time",
        range="(0, inf)",
        doc="Rate of hopping ahead over each of the L bonds, the last from L to 1; 1 if left out",
        dims=("bond",),
        default=None,
    )

    def __check_init__(self):
        super().__check_init__()
        if self.particles >= self.length:
            raise ValueError(
                f"RingASEP: particles = {self.particles} on {self.length} sites leave no hole. "
                "Give fewer particles than sites."
            )
        if self.hopping is not None and self.hopping.shape != (self.length,):
            raise ValueError(
                f"RingASEP: hopping has {self.hopping.shape[0]} rates, and a ring of {self.length} "
                "sites as many bonds. Give one rate for each bond."
            )

    @property
    def lattice(self) -> Lattice:
        forward = self.hopping
        if forward is None:
            forward = jnp.ones(self.length, self.q.dtype)
        return Lattice(
            forward=forward,
            backward=self.q * forward,
            alpha=None,
            beta=None,
            gamma=None,
            delta=None,
            length=self.length,
            periodic=True,
            particles=self.particles,
        )

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._generator import Generator
        from ._gillespie import Gillespie

        if verb != "steady":
            return Gillespie() if verb == "simulate" else None
        return UniformMeasure() if self.hopping is None else Generator()

    @classmethod
    def validation(cls) -> Iterable[Case]:
        ring = cls(length=1000, particles=500)
        yield Case(
            "current at half filling",
            lambda: steady(ring).current,
            500 * 500 / (1000 * 999),
            1e-13,
            "N (L - N) / (L (L - 1))",
        )


class UniformMeasure(AbstractSteadyMethod):
    r"""The stationary state of `RingASEP`: all configurations are equally likely.

    .. math:: J = (1 - q) \frac{N (L - N)}{L (L - 1)}, \qquad
              \Delta = \frac{2 L}{N^2 (L - 1)} \sum_{k \ge 1} k^2\,\frac{1 + q^k}{[k]}\,
              \frac{\binom{L}{N+k}\binom{L}{N-k}}{\binom{L}{N}^2}, \quad [k] = 1 + q + ... + q^{k-1}

    with the variance :math:`\Delta\,t` of the distance that one particle covers (Derrida and
    Mallick, J. Phys. A 30, 1031, 1997; for q = 0 Derrida, Evans and Mallick, J. Stat. Phys. 79,
    833, 1995). All particles together cover N times this, so that the mean current over the bonds
    has the variance :math:`N^2 \Delta / L^2` per time.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (RingASEP,)

    def check(self, system: RingASEP) -> None:
        if system.hopping is not None:
            raise ValueError(
                "UniformMeasure: hopping differs between the bonds, and then configurations are "
                "not equally likely. Leave hopping out, or use Generator or a sampler."
            )

    def steady(self, system: RingASEP) -> ExclusionState:
        length, number, q = system.length, system.particles, system.q
        ones = jnp.ones(length, q.dtype)
        pair = number * (length - number) / (length * (length - 1))  # a particle, then a hole
        covariance = number * (number - 1) / (length * (length - 1)) - (number / length) ** 2
        variance = number * (length - number) / length**2
        current, spread = (1 - q) * pair, tagged_diffusion(system) * (number / length) ** 2
        return exclusion_state(
            system.lattice,
            density=ones * (number / length),
            gate_current=ones * current,
            current=current,
            current_variance=spread,
            correlation=jnp.full((length, length), covariance, q.dtype)
            + jnp.diag(ones * (variance - covariance)),
            status=Status.first_true(not_finite=~jnp.isfinite(spread)),
            stats={},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        ring = RingASEP(length=10, particles=5)
        yield Case(
            "variance of the distance covered, 10 sites",
            lambda: 4 * steady(ring, cls()).current_variance,
            0.17013801405335846,
            1e-12,
            "(2L-3)! / ((2N-1)! (2L-2N-1)!) ((N-1)! (L-N)! / (L-1)!)^2, Derrida et al. (1995)",
        )


def tagged_diffusion(system: RingASEP) -> Float[Array, ""]:
    """The variance per time of the distance that one particle covers (see `UniformMeasure`)."""
    length, number, q = system.length, system.particles, system.q
    most = min(number, length - number)
    whole = math.comb(length, number)
    shares = [
        k * k * math.comb(length, number + k) / whole * (math.comb(length, number - k) / whole)
        for k in range(1, most + 1)
    ]
    # (1 + q^k) / [k]_q is q (1 + q^-k) / [k]_{1/q}, which does not overflow for q > 1
    backward = q > 1
    factor = jnp.where(backward, q, 1)
    powers = jnp.cumprod(jnp.broadcast_to(jnp.where(backward, 1 / factor, q), (most,)))
    brackets = jnp.cumsum(jnp.concatenate([jnp.ones_like(q)[None], powers[:-1]]))
    terms = jnp.asarray(np.array(shares), q.dtype) * factor * (1 + powers) / brackets
    return 2 * length / (number**2 * (length - 1)) * jnp.sum(terms)
