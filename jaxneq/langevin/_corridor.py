r"""A corridor of varying width, and its reduction to one coordinate.

With :math:`\psi` the position that grows steadily (:math:`\psi` less x is periodic), the effective
diffusion is the minimum of

.. math:: D_e = \frac T\gamma \min_\psi \frac{\int |\nabla\psi|^2 e^{-U/T} dx\,dy}
                {\int e^{-U/T} dx\,dy} .

With :math:`\psi(x)` alone this is the formula of Fick and Jacobs, an upper bound. The next term in
the ratio of width to length, :math:`\psi_1 = c\,\tfrac{\sigma'}{2} (y^2/\sigma^2 - 1)` where
:math:`\psi_0' = c/\sigma`, takes the share :math:`\sigma'^2` off the integrand :math:`c^2/\sigma`:
the friction of the reduced motion becomes :math:`\gamma (1 + \sigma'^2)`.
"""

from __future__ import annotations

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import Scalar, parameter
from jaxneq._kernels import elementary

from ._potentials import AbstractPotential, Control, Position, TiltedCosine
from ._surroundings import AbstractProfile
from ._systems import PROFILES, Overdamped, check_parts


class Corridor(AbstractPotential):
    r"""A corridor along x with soft walls, whose width varies with the period :math:`2\pi`.

    .. math:: U = \tfrac12 k\,e^{2a\cos x}\,y^2 - (F + \lambda)\,x

    At the temperature T the width is :math:`\sigma(x) = \sqrt{T/k}\;e^{-a\cos x}`: narrow at
    :math:`x = 0`, where replicas start. The barrier between two wide places is one of entropy,
    :math:`A(x) = -T\ln\sigma(x)`, :math:`2 a T` high. The control is a force along the corridor.
    """

    dimension: ClassVar[int] = 2
    controls: ClassVar[int] = 1

    stiffness: Scalar = parameter(
        range="(0, inf)", doc="Stiffness k of the walls, geometric mean", default=1.0
    )
    modulation: Scalar = parameter(doc="Modulation a of the logarithm of the width", default=1.0)
    force: Scalar = parameter(doc="Force F along the corridor", default=0.0)

    def __call__(self, position: Position, control: Control) -> Float[Array, ""]:
        x, y = position
        stiffness = self.stiffness * jnp.exp(2 * self.modulation * elementary.cosine(x))
        return stiffness * y**2 / 2 - (self.force + control[0]) * x


class _Slope(AbstractProfile):
    r"""The factor :math:`1 + \sigma'^2` of the friction along a corridor."""

    uniform: ClassVar[bool] = False

    width: Float[Array, ""]
    modulation: Float[Array, ""]

    def __call__(self, position: Position) -> Position:
        width = self.width * jnp.exp(-self.modulation * jnp.cos(position))
        return 1 + (width * self.modulation * jnp.sin(position)) ** 2


def fick_jacobs(system: Overdamped, corrected: bool = True) -> Overdamped:
    r"""The motion along a `Corridor`, where the density across it is always that of equilibrium.

    .. math:: J = -D(x)\,e^{-A/T}\,\partial_x\big(e^{A/T} p\big), \qquad
              A = T a\cos x - F x, \qquad D = \frac{T}{\gamma\,(1 + \sigma'^2)}

    A system in one coordinate, for ``steady(..., FokkerPlanck(ends="periodic"))`` or
    `lifson_jackson`. Without the correction :math:`\sigma'^2` the error is of first order in
    :math:`T/k`, the square of the width over the length (Jacobs, Diffusion Processes, Springer
    1967), and at :math:`F = 0` the diffusion is an upper bound. With it the error without load is
    of second order, by Zwanzig's expansion (J. Phys. Chem. 96, 3926, 1992) for walls that are
    parabolic; under a load the correction is but a part of the first order. Without load

    .. math:: \frac{T}{\gamma D_e} = I_0(a)^2 + \frac{T}{k}\,a\,I_0(a)\,I_1(a) .

    **Raises:** `ValueError` for another potential, a drive, or profiles.
    """
    check_corridor("fick_jacobs", system)
    corridor, temperature = system.potential, system.temperature
    assert isinstance(corridor, Corridor)
    along = TiltedCosine(amplitude=-corridor.modulation * temperature, force=corridor.force)
    width = jnp.sqrt(temperature / corridor.stiffness)
    slope = _Slope(width=width, modulation=corridor.modulation) if corrected else None
    return Overdamped(
        potential=along,
        temperature=temperature,
        friction=system.friction,
        friction_profile=slope,
    )


def check_corridor(owner: str, system: Overdamped) -> None:
    """Refuse what has no reduction here."""
    check_parts(owner, system, Corridor, ("drive", "protocol", *PROFILES))
