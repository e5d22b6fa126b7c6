"""Correlations and responses in time of linear systems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxneq._core import (
    AbstractSolution,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    parameter,
    quantity,
    setting,
    steady,
)

from ._linear_moments import balanced, check_linear, inverse_temperature, motion_of, status_of
from ._linear_motion import Gaussian, LinearMotion, Matrix
from ._lyapunov import lyapunov
from ._potentials import Harmonic
from ._systems import AbstractInertial, AbstractLangevin, Overdamped, Underdamped

_LAG = ("lag",)


class LinearCorrelationsSolution(AbstractSolution):
    r"""How one coordinate of a linear system forgets, and how it answers a force.

    In equilibrium `fluctuation` and `response` are one (Kubo, Rep. Prog. Phys. 29, 255, 1966).
    """

    primary: ClassVar[str] = "position_correlation"

    lag: Float[Array, " lag"] = quantity(doc="Time between the two", dims=_LAG, coordinate=True)
    position_correlation: Float[Array, " lag"] = quantity(
        doc="Autocorrelation of the position; infinite where it is free", dims=_LAG
    )
    velocity_correlation: Float[Array, " lag"] | None = quantity(
        doc="Autocorrelation of the velocity", dims=_LAG, default=None
    )
    velocity_correlation_integral: Float[Array, " lag"] | None = quantity(
        doc="Integral of it up to each lag", dims=_LAG, default=None
    )
    fluctuation: Float[Array, " lag"] = quantity(
        doc="Variance of the displacement over twice the temperature", dims=_LAG
    )
    response: Float[Array, " lag"] = quantity(
        doc="Displacement per force that is switched on at lag 0", dims=_LAG
    )
    heat_rate: Float[Array, " bath"] = quantity(
        doc="Heat given to each bath per time", dims=("bath",)
    )
    inverse_temperature: Float[Array, " bath"] = quantity(
        doc="Entropy gained per heat by each bath", dims=("bath",)
    )
    entropy_production: Float[Array, ""] = quantity(doc="Rate of entropy production")
    conservation_residual: Float[Array, ""] = quantity(doc="First law, relative")
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"heat": self.heat_rate}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"heat": self.inverse_temperature}


class LinearCorrelations(AbstractSteadyMethod):
    r"""Correlations in the stationary state where forces are linear and baths forget: exact.

    The state z, position or position and velocity, moves by :math:`\dot z = A z + b` and noise;
    with its stationary covariance :math:`\Sigma` (see `LinearMoments`)

    .. math:: C(t) = e^{A t}\,\Sigma, \qquad \chi(t) = \int_0^t e^{A s}\,ds\;b_f, \qquad
              \frac{C(0) - C(t)}{T} = -\frac{1}{T} \int_0^t e^{A s}\,ds\;A \Sigma

    where :math:`b_f` is what a unit of force does to A z (Risken, The Fokker-Planck Equation,
    1989, sections 3.2 and 7.1). The last is the variance of the displacement over 2 T, finite for
    a coordinate on whose position no force depends as well.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (Overdamped, AbstractInertial)

    coordinate: int = setting(doc="Which coordinate, from 0", default=0)
    duration: Scalar = parameter(range="(0, inf)", doc="Longest lag", default=10.0)
    points: int = setting(range="[2, inf)", doc="Number of lags, 0 included", default=201)

    def check(self, system: AbstractLangevin) -> None:
        if self.coordinate >= system.dimension:
            raise ValueError(
                f"LinearCorrelations: coordinate = {self.coordinate} is not one of the "
                f"{system.dimension} of {type(system).__name__}, which count from 0."
            )
        check_linear(self, system)

    def steady(self, system: AbstractLangevin) -> LinearCorrelationsSolution:
        motion, control = motion_of(self, system), system.control_at(-jnp.ones((), system.dtype))
        slope, push = motion.linear(control)
        at, size, dtype = self.coordinate, system.dimension, slope.dtype
        free = _free(slope, size)
        bound = jnp.where(free[:, None], -jnp.eye(free.size, dtype=dtype), slope)
        noise = _without(free, motion)
        state = Gaussian(jnp.linalg.solve(bound, -push), lyapunov(bound, noise))
        lag = jnp.linspace(0, 1, self.points, dtype=dtype) * self.duration.astype(dtype)
        moved, summed = _propagators(slope, lag)

        pulled = slope @ state.covariance
        # Of a free position the covariance is infinite; A Sigma is not, for A Sigma + (A Sigma)^T
        # + N = 0.
        pulled = jnp.where(free[None, :], -pulled.T - motion.noise, pulled)
        pulled = jnp.where(free[:, None] & free[None, :], -motion.noise / 2, pulled)
        where = at + size if motion.inertial else at
        inertia = (motion.mass if motion.inertial else motion.friction)[at]
        spread = moved @ state.covariance
        velocity = integral = None
        if motion.inertial:
            velocity = spread[:, where, where]
            integral = (summed @ state.covariance)[:, where, where]
        heat = motion.heat(state, control)
        power = jnp.sum(motion.power_of(motion.force, state, control))
        scale = jnp.sum(jnp.abs(heat)) + jnp.abs(power)
        return LinearCorrelationsSolution(
            lag=lag,
            position_correlation=jnp.where(free[at], jnp.inf, spread[:, at, at]),
            velocity_correlation=velocity,
            velocity_correlation_integral=integral,
            fluctuation=-(summed @ pulled)[:, at, at] / motion.temperature[at],
            response=summed[:, at, where] / inertia,
            heat_rate=heat,
            inverse_temperature=inverse_temperature(motion),
            entropy_production=heat @ inverse_temperature(motion),
            conservation_residual=jnp.abs(jnp.sum(heat) - power) / jnp.where(scale > 0, scale, 1),
            status=status_of(system, state).unless(
                "not_accurate", ~balanced(bound, state.covariance, noise)
            ),
            stats={},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        trap = Underdamped(potential=Harmonic(stiffness=1.0), friction=1.0)
        method = cls(duration=1.0, points=2)
        w = np.sqrt(0.75)
        exact = np.exp(-0.5) * (np.cos(w) - np.sin(w) / (2 * w))
        found = lambda: steady(trap, method).velocity_correlation[1]  # noqa: E731
        source = "Uhlenbeck and Ornstein, Phys. Rev. 36, 823 (1930)"
        yield Case("trap with inertia: velocity correlation", found, float(exact), 1e-10, source)


def _free(slope: Matrix, size: int) -> Bool[Array, " state"]:
    """Which positions act on nothing."""
    still = jnp.all(slope == 0, axis=0)
    return still & (jnp.arange(slope.shape[0]) < size)


def _without(free: Bool[Array, " state"], motion: LinearMotion) -> Matrix:
    """The noise, with none on what is free."""
    return jnp.where(free[:, None] | free[None, :], 0, motion.noise)


def _propagators(
    slope: Matrix, lag: Float[Array, " lag"]
) -> tuple[Float[Array, "lag state state"], Float[Array, "lag state state"]]:
    """exp(A t) and its integral from 0, by powers of one step."""
    size = slope.shape[0]
    one, zero = jnp.eye(size, dtype=slope.dtype), jnp.zeros_like(slope)
    both = jnp.block([[slope, one], [zero, zero]])
    step = jax.scipy.linalg.expm(both * (lag[1] - lag[0]))

    def ahead(now: Array, _: Any) -> tuple[Array, Array]:
        return now @ step, now[:size]

    _, rows = jax.lax.scan(ahead, jnp.eye(2 * size, dtype=slope.dtype), lag)
    return rows[:, :, :size], rows[:, :, size:]
