"""Particles on a ring that cannot pass each other, and how slowly each of them spreads."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import Scalar, parameter, part, setting

from ._lattice import AbstractSpring, CosineSpring
from ._potentials import AbstractPotential, Control, Position
from ._systems import PROFILES, Overdamped, check_parts

# Nodes of a rule for densities of one gap, dense near the mean, and Newton's steps.
_NODES, _REACH, _STEPS = 2401, 12.0, 60
_HIGHEST = 1e4  # the energy, in temperatures, above which there is no gap

Times = Float[Array, " time"]


class SingleFile(AbstractPotential):
    r"""N particles on a ring, each with a bond to its two neighbours.

    .. math:: U = \sum_i V(b + x_{i+1} - x_i), \qquad x_{N+1} = x_1

    Positions are displacements from a lattice of the spacing :math:`b = 1/\rho`. `bond` is the
    energy V of a distance: with an `ExponentialSpring` particles repel each other and keep their
    order, with a `HarmonicSpring` it is the chain of Rouse.
    """

    particles: int = setting(range="[3, inf)", doc="Number of particles N")
    bond: AbstractSpring = part(AbstractSpring, doc="Energy of the distance of neighbours")
    spacing: Scalar = parameter(
        range="(0, inf)", doc="Length of the ring per particle", default=1.0
    )

    @property
    def dimension(self) -> int:
        return self.particles

    def _gaps(self, position: Position) -> Position:
        return self.spacing + jnp.roll(position, -1) - position

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        return jnp.sum(self.bond.energy(self._gaps(position)))

    def gradient(self, position: Position, control: Control) -> Position:
        tension = self.bond.slope(self._gaps(position))
        return jnp.roll(tension, 1) - tension


def gap_variance(system: Overdamped) -> Float[Array, ""]:
    r"""The variance of one gap in a long file, from which the long waves follow.

    In the ensemble of constant pressure gaps are independent, with the density

    .. math:: p(r) \propto e^{-[V(r) + P r]/T}, \qquad \langle r\rangle = 1/\rho

    and the structure factor at long waves is :math:`S(0) = \rho^2\,\mathrm{var}\,r` (Takahashi,
    1942; Kollmann, Phys. Rev. Lett. 90, 180602, 2003). By quadrature; P by Newton's method.

    **Raises:** `ValueError` for another potential, a drive, or profiles.
    """
    _check("gap_variance", system)
    return _gap_variance(system)


@eqx.filter_jit
def _gap_variance(system: Overdamped) -> Float[Array, ""]:
    file, temperature = system.potential, system.temperature
    assert isinstance(file, SingleFile)
    u = jnp.linspace(-_REACH, _REACH, _NODES, dtype=system.dtype)
    curvature = jax.grad(jax.grad(lambda r: file.bond.energy(r)))(file.spacing)
    scale = lax.rsqrt(jnp.maximum(curvature, 0) / temperature + file.spacing**-2)
    away = lax.stop_gradient(scale) * jnp.sinh(u)
    highest = lax.stop_gradient(file.bond.energy(file.spacing) + _HIGHEST * temperature)
    there = lax.stop_gradient(file.bond.energy(file.spacing + away)) < highest
    away = jnp.where(there, away, 0)  # where nothing is, an infinite energy has no derivative
    energy = file.bond.energy(file.spacing + away)
    weight = jnp.where(there, jnp.log(jnp.cosh(u)) - energy / temperature, -jnp.inf)

    def moments(pressure: Array) -> tuple[Array, Array]:
        """Mean departure from the spacing, and variance."""
        share = jax.nn.softmax(weight - pressure * away)
        mean = share @ away
        return mean, share @ (away - mean) ** 2

    def newton(_: Any, pressure: Array) -> Array:
        mean, variance = moments(pressure)
        return pressure + mean / variance

    start = -file.bond.slope(file.spacing) / temperature
    found = lax.stop_gradient(lax.fori_loop(0, _STEPS, newton, lax.stop_gradient(start)))
    mean, variance = moments(found)
    step = mean / lax.stop_gradient(variance)  # whose derivative is that of the pressure
    return moments(found + step)[1]


def single_file_law(system: Overdamped, times: Times) -> Times:
    r"""The mean squared displacement of one particle in an endless file, after long times.

    .. math:: \langle \Delta x^2\rangle = \frac2\rho \sqrt{\frac{S(0)\,D_0 t}{\pi}}, \qquad
              D_0 = T/\gamma

    from equilibrium (Kollmann, Phys. Rev. Lett. 90, 180602, 2003); for rods of the length a,
    :math:`S(0) = (1 - \rho a)^2` (Harris, J. Appl. Probab. 2, 323, 1965).
    """
    diffusion = system.temperature / system.friction
    return 2 * jnp.sqrt(gap_variance(system) * diffusion * times / jnp.pi)


def gaussian_file(system: Overdamped, times: Times) -> Times:
    r"""The mean squared displacement on a ring of springs with the same variance of the gaps.

    .. math:: \langle \Delta x^2\rangle = \frac{2 D_0 t}{N} + \frac{2 D_0}{N} \sum_{q=1}^{N-1}
              \frac{1 - e^{-\lambda_q t}}{\lambda_q}, \qquad
              \lambda_q = \frac{4 D_0}{\mathrm{var}\,r} \sin^2\frac{\pi q}{N}

    Exact for a `HarmonicSpring` (Rouse, J. Chem. Phys. 21, 1272, 1953); for others it is right at
    short times and, where the ring is long, at long ones.
    """
    _check("gaussian_file", system)
    file, diffusion = system.potential, system.temperature / system.friction
    assert isinstance(file, SingleFile)
    count = file.particles
    angle = jnp.pi * jnp.arange(1, count, dtype=system.dtype) / count
    rate = 4 * diffusion / gap_variance(system) * jnp.sin(angle) ** 2
    waves = -jnp.expm1(-rate[:, None] * times[None, :]) / rate[:, None]
    return 2 * diffusion / count * (times + jnp.sum(waves, axis=0))


def _check(owner: str, system: Overdamped) -> None:
    check_parts(owner, system, SingleFile, ("drive", "protocol", *PROFILES))
    assert isinstance(system.potential, SingleFile)
    if isinstance(system.potential.bond, CosineSpring):
        raise ValueError(f"{owner}: a CosineSpring lets particles part. Give another bond.")
