r"""Linear motion of the whole state, :math:`\dot z = A z + b + \text{noise}`, and what it does.

The state is the position, or position and velocity. Work is a quadratic form of the state; with it
are followed its covariances with the state, :math:`u = \mathrm{Cov}(W, z)` and
:math:`V = \mathrm{Cov}(W, \delta z\,\delta z^T)`, which close because the state is Gaussian:

.. math:: \dot u = A u + \Sigma g, \qquad \dot V = A V + V A^T + \Sigma M \Sigma, \qquad
          \tfrac{d}{dt}\mathrm{Var}\,W = 2 g \cdot u + \mathrm{tr}(M V)

where :math:`\dot W = \ldots + g \cdot \delta z + \tfrac12 \delta z^T M\,\delta z`. The density
weighted with :math:`e^{-W/T}` stays Gaussian as well, and its weight is the mean of that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ._segments import Time, control_and_speed
from ._systems import AbstractLangevin, Control

Vector = Float[Array, " state"]
Matrix = Float[Array, "state state"]
Number = Float[Array, ""]
PerCoordinate = Float[Array, " coordinate"]


class Gaussian(eqx.Module):
    """Mean and covariance of the state."""

    mean: Vector
    covariance: Matrix


class Form(NamedTuple):
    """A function of second degree of the state: value and gradient at the origin, curvature."""

    value: Number
    gradient: Vector
    curvature: Matrix

    @classmethod
    def of(cls, function: Callable[[Vector], Number], size: int, dtype: Any) -> Form:
        origin = jnp.zeros(size, dtype)
        value, gradient = jax.value_and_grad(function)(origin)
        return cls(value, gradient, jax.hessian(function)(origin))

    def at(self, gaussian: Gaussian) -> tuple[Number, Vector, Matrix]:
        """The mean, the gradient at the mean and the curvature."""
        bent = self.curvature @ gaussian.mean
        mean = self.value + (self.gradient + bent / 2) @ gaussian.mean
        spread = jnp.trace(self.curvature @ gaussian.covariance) / 2
        return mean + spread, self.gradient + bent, self.curvature


class WorkMoments(eqx.Module):
    """Mean and variance of the work, and its covariances with the state."""

    mean: Number
    variance: Number
    with_state: Vector
    with_square: Matrix


class Weighted(eqx.Module):
    """The density weighted with the exponential of minus work over temperature."""

    state: Gaussian
    log_weight: Number


class Followed(eqx.Module):
    """What is followed in time. Work of a protocol only where there is one."""

    state: Gaussian
    heat: Float[Array, " bath"]
    stirred: Number
    work: WorkMoments | None
    weighted: Weighted | None


class LinearMotion(eqx.Module):
    """Drift, noise, heat and work of a system whose forces are linear."""

    system: AbstractLangevin

    @property
    def inertial(self) -> bool:
        return self.system.inertial

    def force(self, position: PerCoordinate, control: Control) -> PerCoordinate:
        """The force on one replica."""
        return self.system.force(position[:, None], control)[:, 0]

    def driving_force(self, position: PerCoordinate, control: Control) -> PerCoordinate:
        """The part of the force that is no gradient."""
        found = self.system.driving_force(position[:, None], control)
        return jnp.zeros_like(position) if found is None else found[:, 0]

    @property
    def stirred(self) -> bool:
        """Whether a force is no gradient."""
        origin = jnp.zeros((self.system.dimension, 1), self.system.dtype)
        control = jnp.zeros(self.system.controls, self.system.dtype)
        return self.system.driving_force(origin, control) is not None

    def coefficient(self, function: Callable[[Array], Array]) -> PerCoordinate:
        """Friction or temperature by coordinate."""
        origin = jnp.zeros((self.system.dimension, 1), self.system.dtype)
        return jnp.broadcast_to(function(origin), origin.shape)[:, 0]

    @property
    def friction(self) -> PerCoordinate:
        return self.coefficient(self.system.friction_at)

    @property
    def temperature(self) -> PerCoordinate:
        return self.coefficient(self.system.temperature_at)

    @property
    def mass(self) -> PerCoordinate:
        return self.coefficient(lambda _: self.system.inertia)

    def linear(self, control: Control) -> tuple[Matrix, Vector]:
        """A and b."""
        origin = jnp.zeros(self.system.dimension, self.system.dtype)
        slope = jax.jacfwd(self.force)(origin, control)
        push = self.force(origin, control)
        if not self.inertial:
            return slope / self.friction[:, None], push / self.friction
        mass, identity = self.mass, jnp.eye(origin.size, dtype=origin.dtype)
        velocity = jnp.concatenate([slope / mass[:, None], -jnp.diag(self.friction / mass)], axis=1)
        position = jnp.concatenate([jnp.zeros_like(identity), identity], axis=1)
        return jnp.concatenate([position, velocity]), jnp.concatenate([origin, push / mass])

    @property
    def noise(self) -> Matrix:
        """Twice the diffusion matrix."""
        if not self.inertial:
            return jnp.diag(2 * self.temperature / self.friction)
        strength = 2 * self.friction * self.temperature / self.mass**2
        return jnp.diag(jnp.concatenate([jnp.zeros_like(strength), strength]))

    def energy(self, state: Vector, control: Control) -> Number:
        """Potential and kinetic energy."""
        position, velocity = self.split(state)
        potential = self.system.energy(position[:, None], control)[0]
        return potential if velocity is None else potential + self.mass @ velocity**2 / 2

    def split(self, state: Vector) -> tuple[PerCoordinate, PerCoordinate | None]:
        """Position and velocity."""
        if not self.inertial:
            return state, None
        return state[: self.system.dimension], state[self.system.dimension :]

    def mean_energy(self, gaussian: Gaussian, control: Control) -> Number:
        """The energy averaged over the state."""
        return self.form(lambda z: self.energy(z, control)).at(gaussian)[0]

    def form(self, function: Callable[[Vector], Number]) -> Form:
        """A function of second degree by its coefficients."""
        return Form.of(function, self.system.dimension * (1 + self.inertial), self.system.dtype)

    def power_of(
        self,
        function: Callable[[PerCoordinate, Control], PerCoordinate],
        gaussian: Gaussian,
        control,
    ) -> PerCoordinate:
        r"""What a linear force does along each coordinate, :math:`\langle f_i \circ v_i\rangle`."""
        position, velocity = self.split(gaussian.mean)
        force, slope = function(position, control), jax.jacfwd(function)(position, control)
        if velocity is not None:
            crossed = gaussian.covariance[: position.size, position.size :]
            return force * velocity + jnp.einsum("ij,ji->i", slope, crossed)
        whole = jax.jacfwd(self.force)(position, control)
        spread = jnp.einsum("ij,jk,ik->i", slope, gaussian.covariance, whole)
        diffusing = self.temperature * jnp.diag(slope)
        return (force * self.force(position, control) + spread + diffusing) / self.friction

    def heat(self, gaussian: Gaussian, control: Control) -> Float[Array, " bath"]:
        """Heat given to each bath per time."""
        _, velocity = self.split(gaussian.mean)
        if velocity is None:
            given = self.power_of(self.force, gaussian, control)
        else:
            spread = jnp.diag(gaussian.covariance)[velocity.size :]
            given = self.friction * (velocity**2 + spread - self.temperature / self.mass)
        return self.system.baths(given[:, None])[:, 0]

    def stirring(self, gaussian: Gaussian, control: Control) -> Number:
        """Work per time of the force that is no gradient."""
        if not self.stirred:
            return jnp.zeros((), self.system.dtype)
        return jnp.sum(self.power_of(self.driving_force, gaussian, control))

    def circulation(self, gaussian: Gaussian, control: Control) -> Float[Array, "coordinate other"]:
        r""":math:`\langle x_i \circ v_j - x_j \circ v_i\rangle`."""
        position, velocity = self.split(gaussian.mean)
        size = position.size
        if velocity is not None:
            product = position[:, None] * velocity[None, :] + gaussian.covariance[:size, size:]
        else:
            slope, push = self.linear(control)
            drift = slope @ position + push
            product = position[:, None] * drift[None, :] + gaussian.covariance @ slope.T
        return product - product.T

    def entropy_rate(self, gaussian: Gaussian, control: Control) -> Number:
        """The rate at which the entropy of the state itself grows; infinite out of a point."""
        slope, _ = self.linear(control)
        spread = jnp.linalg.solve(gaussian.covariance, self.noise)
        rate = jnp.trace(slope) + jnp.trace(spread) / 2
        return jnp.where(jnp.isfinite(rate), rate, jnp.inf)

    def rate(self, followed: Followed, time: Time) -> Followed:
        """The time derivative of everything."""
        control, speed = control_and_speed(self.system, time)
        slope, push = self.linear(control)
        state = followed.state

        def moved(gaussian: Gaussian) -> Gaussian:
            spread = slope @ gaussian.covariance
            return Gaussian(slope @ gaussian.mean + push, spread + spread.T + self.noise)

        def power(z: Vector) -> Number:
            return jax.jvp(lambda c: self.energy(z, c), (control,), (speed,))[1]

        work = weighted = None
        if followed.work is not None:
            form = self.form(power)
            done, forward, curved = form.at(state)
            spread = slope @ followed.work.with_square
            work = WorkMoments(
                mean=done,
                variance=2 * forward @ followed.work.with_state
                + jnp.trace(curved @ followed.work.with_square),
                with_state=slope @ followed.work.with_state + state.covariance @ forward,
                with_square=spread + spread.T + state.covariance @ curved @ state.covariance,
            )
            weighted = self._weighted_rate(followed.weighted, form, moved)
        return Followed(
            moved(state),
            self.heat(state, control),
            self.stirring(state, control),
            work,
            weighted,
        )

    def _weighted_rate(
        self, weighted: Weighted | None, form: Form, moved: Callable[[Gaussian], Gaussian]
    ) -> Weighted | None:
        if weighted is None:
            return None
        tilted, beta = weighted.state, 1 / self.temperature[0]
        done, forward, curved = form.at(tilted)
        free = moved(tilted)
        mean = free.mean - beta * tilted.covariance @ forward
        spread = free.covariance - beta * tilted.covariance @ curved @ tilted.covariance
        return Weighted(Gaussian(mean, spread), -beta * done)

    def jump(self, followed: Followed, before: Control, after: Control) -> Followed:
        """A sudden change of the control, and its work."""
        if followed.work is None:
            return followed

        form = self.form(lambda z: self.energy(z, after) - self.energy(z, before))
        covariance, work = followed.state.covariance, followed.work
        step, forward, curved = form.at(followed.state)
        curving = curved @ covariance
        work = WorkMoments(
            mean=work.mean + step,
            variance=work.variance
            + 2 * forward @ work.with_state
            + jnp.trace(curved @ work.with_square)
            + forward @ covariance @ forward
            + jnp.trace(curving @ curving) / 2,
            with_state=work.with_state + covariance @ forward,
            with_square=work.with_square + covariance @ curving,
        )
        weighted = followed.weighted
        if weighted is not None:
            beta, tilted = 1 / self.temperature[0], weighted.state
            done, forward, curved = form.at(Gaussian(tilted.mean, jnp.zeros_like(covariance)))
            factor = jnp.eye(forward.size, dtype=forward.dtype) + beta * tilted.covariance @ curved
            covariance = jnp.linalg.solve(factor, tilted.covariance)
            log_weight = -beta * done - jnp.linalg.slogdet(factor)[1] / 2
            log_weight = log_weight + beta**2 * (forward @ covariance @ forward) / 2
            mean = tilted.mean - beta * covariance @ forward
            weighted = Weighted(Gaussian(mean, covariance), weighted.log_weight + log_weight)
        return Followed(followed.state, followed.heat, followed.stirred, work, weighted)

    def step(self, followed: Followed, stage: Callable[..., Time], dt: Time) -> Followed:
        """One step of the classical method of Runge and Kutta, of order 4."""

        def add(at: Any, rate: Any, share: Any) -> Any:
            return jax.tree.map(lambda x, speed: x + share * dt * speed, at, rate)

        def stage_of(carry: tuple[Followed, Followed], row: tuple[Array, Array]) -> Any:
            (rate, total), (share, weight) = carry, row
            rate = self.rate(add(followed, rate, share), stage(share))
            return (rate, add(total, rate, weight)), None

        shares = jnp.asarray([0, 0.5, 0.5, 1], dt.dtype)
        weights = jnp.asarray([1 / 6, 1 / 3, 1 / 3, 1 / 6], dt.dtype)
        still = jax.tree.map(jnp.zeros_like, followed)
        return lax.scan(stage_of, (still, followed), (shares, weights))[0][1]
