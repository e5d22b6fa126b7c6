"""Mean and covariance of linear systems."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxneq._core import (
    AbstractEvolveMethod,
    AbstractMethod,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Status,
    evolve,
    is_concrete,
    setting,
    steady,
)

from ._linear_moments_solution import LinearMomentsSolution
from ._linear_motion import Followed, Gaussian, LinearMotion, Matrix, Weighted, WorkMoments
from ._lyapunov import lyapunov
from ._potentials import Harmonic, Quadratic
from ._protocols import LinearRamp
from ._segments import edges_of, just_after, march
from ._surroundings import PerCoordinate
from ._systems import AbstractInertial, AbstractLangevin, Control, Overdamped

_LONGEST_STEP = 1.0  # in units of the fastest rate: beyond, the steps are not accurate


class LinearMoments(AbstractSteadyMethod, AbstractEvolveMethod):
    r"""Mean and covariance where forces are linear in the position and baths forget: exact.

    The state z is the position, with inertia position and velocity. It stays Gaussian:

    .. math:: \dot m = A m + b, \qquad \dot\Sigma = A \Sigma + \Sigma A^T + N

    `steady` solves the Lyapunov equation :math:`A\Sigma + \Sigma A^T + N = 0`, at the control
    before time 0. `evolve` follows a protocol of any form by steps of order 4, `substeps` of them
    between neighbouring times, where the knots of the protocol count as times; with it mean and
    variance of the work and, with one bath, the mean of :math:`e^{-W/T}`. `initial` is a pair
    (mean, covariance) of the state, or one position, from which velocities start in equilibrium
    with the baths; by default the state is stationary.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (Overdamped, AbstractInertial)

    substeps: int = setting(
        range="[1, inf)", doc="Time steps between neighbouring times", default=128
    )

    def check(self, system: AbstractLangevin) -> None:
        check_linear(self, system)

    def steady(self, system: AbstractLangevin) -> LinearMomentsSolution:
        motion, control = motion_of(self, system), system.control_at(-jnp.ones((), system.dtype))
        state = _stationary(motion, control)
        rates = _rates(motion, state, control)
        heat, work = rates["heat_rate"], motion.stirring(state, control)
        rates["entropy_rate"] = jnp.zeros_like(rates["entropy_rate"])
        rates["entropy_production"] = heat @ inverse_temperature(motion)
        balance, scale = jnp.sum(heat) - work, jnp.sum(jnp.abs(heat)) + jnp.abs(work)
        return LinearMomentsSolution(
            inverse_temperature=inverse_temperature(motion),
            **rates,
            work_rate=work,
            conservation_residual=jnp.abs(balance) / jnp.where(scale > 0, scale, 1),
            status=status_of(system, state).unless(
                "not_accurate", ~balanced(motion.linear(control)[0], state.covariance, motion.noise)
            ),
            stats={},
        )

    def evolve(
        self, system: AbstractLangevin, *, times: Float[Array, " times"], initial: Any
    ) -> LinearMomentsSolution:
        motion, times = motion_of(self, system), times.astype(system.dtype)
        before = system.control_at(-jnp.ones((), system.dtype))
        start = self._start(motion, before, initial)
        begun = _begin(motion, start, before)
        found = march(
            system, times, begun, step=motion.step, jump=motion.jump, substeps=self.substeps
        )

        def rates(time: Array, state: Gaussian) -> tuple[dict[str, Any], Array, Array]:
            control = system.control_at(just_after(system, time))
            fastest = jnp.max(jnp.sum(jnp.abs(motion.linear(control)[0]), axis=0))
            return _rates(motion, state, control), motion.mean_energy(state, control), fastest

        now, energy, fastest = jax.vmap(rates)(times, found.state)
        work, heat = found.stirred, found.heat
        moments: dict[str, Any] = {}
        if found.work is not None:
            work = work + found.work.mean
            if not motion.stirred:
                moments["work_variance"] = found.work.variance
        if found.weighted is not None:
            moments["exponential_work"] = jnp.exp(found.weighted.log_weight)
        change = energy - motion.mean_energy(start, before)
        total = jnp.sum(heat, axis=-1)
        scale = jnp.max(jnp.abs(work) + jnp.abs(total) + jnp.abs(change))
        residual = jnp.max(jnp.abs(work - total - change)) / jnp.where(scale > 0, scale, 1)
        longest = jnp.max(jnp.diff(edges_of(system, times))) / self.substeps
        step = longest * jnp.max(fastest)
        return LinearMomentsSolution(
            inverse_temperature=inverse_temperature(motion),
            time=times,
            **now,
            heat=heat,
            work=work,
            **moments,
            conservation_residual=residual,
            status=status_of(system, found.state).unless("not_accurate", ~(step < _LONGEST_STEP)),
            stats={"step_times_fastest_rate": step},
        )

    def _start(self, motion: LinearMotion, control: Control, initial: Any) -> Gaussian:
        if initial is None:
            return _stationary(motion, control)
        dtype, size = motion.system.dtype, motion.noise.shape[0]
        if isinstance(initial, tuple):
            mean, covariance = (jnp.asarray(each, dtype) for each in initial)
        else:
            mean = jnp.atleast_1d(jnp.asarray(initial, dtype))
            spread = jnp.zeros_like(mean)
            if motion.inertial:
                mean = jnp.concatenate([mean, jnp.zeros_like(mean)])
                spread = jnp.concatenate([spread, motion.temperature / motion.mass])
            covariance = jnp.diag(spread)
        if mean.shape != (size,) or covariance.shape != (size, size):
            raise ValueError(
                f"LinearMoments: initial has a mean of shape {mean.shape} and a covariance of "
                f"shape {covariance.shape}. Give {(size,)} and {(size, size)}, or one position."
            )
        return Gaussian(mean, covariance)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        gyrator = Overdamped(
            potential=Quadratic(stiffness=jnp.array([[1.0, 0.5], [0.5, 1.0]])),
            temperature_profile=PerCoordinate(factor=jnp.array([2.0, 1.0])),
        )
        source = "u^2 (T_x - T_y) / (2 gamma k)"
        heat = lambda: steady(gyrator, cls()).heat_rate[1]  # noqa: E731
        yield Case("Brownian gyrator: heat from hot to cold", heat, 0.125, 1e-12, source)
        ramp = LinearRamp(end=2.0, ramp_time=2.0)
        trap = Overdamped(potential=Harmonic(), protocol=ramp)
        dragged = lambda: evolve(trap, cls(), times=[2.0])  # noqa: E731
        source = "v^2 (t - 1 + exp(-t)), Mazonka and Jarzynski, cond-mat/9912121 (1999)"
        mean = 1 + np.exp(-2.0)
        yield Case("dragged trap: mean work", lambda: dragged().work[0], mean, 1e-8, source)
        variance = lambda: dragged().work_variance[0]  # noqa: E731
        yield Case("dragged trap: variance of the work", variance, 2 * mean, 1e-8, source)


def check_linear(method: AbstractMethod, system: AbstractLangevin) -> None:
    """Refuse concrete systems whose forces are not linear."""
    if not all(map(is_concrete, jax.tree.leaves(system))):
        return
    with jax.ensure_compile_time_eval():
        linear = bool(_is_linear(system))
    if not linear:
        raise ValueError(
            f"{type(method).__name__}: the forces of this {type(system).__name__} are not linear "
            "in the position. Use FokkerPlanck in one dimension, or simulate."
        )


def motion_of(method: AbstractMethod, system: AbstractLangevin) -> LinearMotion:
    """The motion of a system whose baths are the same everywhere."""
    if not system.uniform:
        raise ValueError(
            f"{type(method).__name__}: friction or temperature varies in space. Use FokkerPlanck "
            "in one dimension, or simulate."
        )
    return LinearMotion(system)


def _stationary(motion: LinearMotion, control: Control) -> Gaussian:
    slope, push = motion.linear(control)
    return Gaussian(jnp.linalg.solve(slope, -push), lyapunov(slope, motion.noise))


def _begin(motion: LinearMotion, start: Gaussian, control: Control) -> Followed:
    """Nothing done yet."""
    zero = jnp.zeros((), start.mean.dtype)
    work = weighted = None
    if motion.system.protocol is not None:
        work = WorkMoments(zero, zero, 0 * start.mean, 0 * start.covariance)
        if not motion.stirred and not motion.system.several_baths:
            weighted = Weighted(start, zero)
    heat = jnp.zeros_like(motion.heat(start, control))
    return Followed(start, heat, zero, work, weighted)


def _rates(motion: LinearMotion, state: Gaussian, control: Control) -> dict[str, Any]:
    """What a state is and what flows in it."""
    position, velocity = motion.split(state.mean)
    size = position.size
    spread = state.covariance[:size, :size]
    kinetic = None
    if velocity is None:
        slope, push = motion.linear(control)
        velocity = slope @ position + push
    else:
        kinetic = motion.mass * (jnp.diag(state.covariance)[size:] + velocity**2)
    heat, entropy_rate = motion.heat(state, control), motion.entropy_rate(state, control)
    return {
        "mean_position": position,
        "velocity": velocity,
        "covariance": spread,
        "position_variance": jnp.diag(spread),
        "kinetic_temperature": kinetic,
        "circulation": motion.circulation(state, control),
        "heat_rate": heat,
        "entropy_rate": entropy_rate,
        "entropy_production": heat @ inverse_temperature(motion) + entropy_rate,
    }


def inverse_temperature(motion: LinearMotion) -> Float[Array, " bath"]:
    """Of each bath."""
    inverse = (1 / motion.temperature)[:, None]
    baths = motion.system.baths
    return (baths(inverse) / baths(jnp.ones_like(inverse)))[:, 0]


def status_of(system: AbstractLangevin, state: Gaussian) -> Status:
    """Whether the forces are linear and the state is finite."""
    finite = jnp.all(jnp.isfinite(state.mean)) & jnp.all(jnp.isfinite(state.covariance))
    return Status.first_true(outside_domain=~_linear(system), diverged=~finite)


def balanced(slope: Matrix, covariance: Matrix, noise: Matrix) -> Bool[Array, ""]:
    """Whether a covariance is stationary: of what moves freely there is none that is."""
    flow = slope @ covariance
    tolerance = jnp.sqrt(jnp.finfo(noise.dtype).eps) * jnp.max(jnp.abs(noise))
    return jnp.max(jnp.abs(flow + flow.T + noise)) <= tolerance


def _linear(system: AbstractLangevin) -> Bool[Array, ""]:
    """Whether the force is linear, from its values at some positions near and far."""
    motion, dtype = LinearMotion(system), system.dtype
    times, places = jnp.asarray([-1.0, 0.37, 1.0], dtype), np.random.default_rng(0).normal
    if system.protocol is not None:
        times = times * system.protocol.duration
    scaled = np.array([[0.1], [1.0], [10.0]]) * places(size=(3, system.dimension))

    def fits(time: Array, place: Array) -> Array:
        control, origin = system.control_at(time), jnp.zeros_like(place)
        push, climbed = jax.jvp(lambda x: motion.force(x, control), (origin,), (place,))
        found = motion.force(place, control)
        size = sum(jnp.max(jnp.abs(each)) for each in (found, push, climbed))
        return jnp.max(jnp.abs(found - push - climbed)) <= jnp.sqrt(jnp.finfo(dtype).eps) * size

    return jnp.all(jax.vmap(fits)(times, jnp.asarray(scaled, dtype)))


_is_linear = eqx.filter_jit(_linear)
