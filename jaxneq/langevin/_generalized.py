"""A particle whose bath remembers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractMethod, Case, Scalar, parameter, simulate

from ._potentials import Harmonic
from ._systems import AbstractParticle, Coefficient


class GeneralizedLangevin(AbstractParticle):
    r"""A particle with inertia whose friction has a memory, in any number of dimensions.

    Reduced units, :math:`k_B = 1`:

    .. math:: m \dot v = -\nabla U + f - \gamma v - \int_0^t K(t - s)\,v(s)\,ds + \xi + \sqrt{2
              \gamma T}\,\dot W, \quad K(t) = \sum_k c_k e^{-\nu_k t}, \quad
              \langle \xi(t)\,\xi(s) \rangle = T K(|t - s|)

    Every exponential is one further variable, a force :math:`z_k` with

    .. math:: dz_k = -\nu_k z_k\,dt - c_k v\,dt + \sqrt{2 \nu_k c_k T}\,dW_k, \qquad
              m\,dv = \Big(F - \gamma v + \sum_k z_k\Big) dt + \sqrt{2\gamma T}\,dW,

    which start with their bath in equilibrium, :math:`\langle z_k^2 \rangle = c_k T` (Mori, Prog.
    Theor. Phys. 34, 399, 1965; Ceriotti, Bussi and Parrinello, J. Chem. Theory Comput. 6, 1170,
    2010). They belong to the bath: heat is the kinetic energy that it takes up. Where all
    :math:`\nu_k` are large, it is the `Underdamped` particle of friction
    :math:`\gamma + \sum_k c_k/\nu_k`.
    """

    inertial: ClassVar[bool] = True

    friction: Scalar = parameter(range="[0, inf)", doc="Friction gamma without memory", default=0.0)
    strengths: Float[Array, " kernel"] = parameter(
        range="(0, inf)", doc="Strengths c_k of the memory", dims=("kernel",), default=(1.0,)
    )
    rates: Float[Array, " kernel"] = parameter(
        range="(0, inf)", doc="Rates nu_k at which it forgets", dims=("kernel",), default=(1.0,)
    )
    mass: Scalar = parameter(range="(0, inf)", doc="Mass m", default=1.0)

    def __check_init__(self):
        super().__check_init__()
        if self.friction_profile is not None or not self.uniform:
            raise ValueError(
                "GeneralizedLangevin: friction_profile, or a temperature_profile that varies in "
                "space, has no embedding that keeps the fluctuation-dissipation theorem. Leave "
                "friction_profile out and give temperature_profile = PerCoordinate, if any."
            )

    @property
    def kernels(self) -> int:
        """The number of exponentials."""
        return self.strengths.shape[0]

    @property
    def noises(self) -> int:
        return (1 + self.kernels) * self.dimension

    @property
    def inertia(self) -> Coefficient:
        return self.mass

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._gle_splitting import GLESplitting

        return GLESplitting() if verb == "simulate" else None

    @classmethod
    def validation(cls) -> Iterable[Case]:
        trap = cls(
            potential=Harmonic(stiffness=2.0),
            temperature=0.5,
            strengths=jnp.array([1.5]),
            rates=jnp.array([0.7]),
        )

        def variance() -> Any:
            return simulate(trap, key=jax.random.key(0), time=20.0).position_variance

        yield Case(
            "harmonic trap in a bath with memory: variance of the position",
            variance,
            0.25,
            5.0,
            "T / k",
            error="z",
        )
        free = cls(
            potential=Harmonic(stiffness=1e-9), strengths=jnp.array([2.0]), rates=jnp.array([1.0])
        )

        def displacement() -> Any:
            return simulate(free, key=jax.random.key(1), time=4.0).diffusion.scaled(8.0)

        t, z = 4.0, jnp.roots(jnp.array([1.0, 1.0, 2.0]), strip_zeros=False)
        # the transform of the velocity correlation, (s + nu) / (s^2 + nu s + c), by its poles
        amplitude = (z + 1) / (2 * z + 1)
        square = 2 * jnp.sum(amplitude * (jnp.exp(z * t) - 1 - z * t) / z**2).real
        yield Case(
            "free particle in a bath with memory: mean square displacement",
            displacement,
            float(square),
            5.0,
            "inverse Laplace transform of 2 T / (s^2 (m s + K(s)))",
            error="z",
        )
