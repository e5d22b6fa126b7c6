"""Closed forms and quadratures, differentiable, for tests, docs and users.

Reduced units, k_B = 1. The sources stand with the formulas.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._protocols import PiecewiseLinear
from ._systems import Overdamped

Number = Float[Array, ""]


def washboard(system: Overdamped, points: int = 400) -> tuple[Number, Number]:
    r"""Velocity and diffusion on a tilted periodic potential, by quadrature over pairs of points.

    .. math:: I_\pm(x) = \frac{\gamma}{T} \int_0^L e^{\pm[U(x) - U(x \mp y)]/T}\,dy, \qquad
              v = \frac{L\,(1 - e^{[U(L) - U(0)]/T})}{\int I_+ dx}, \qquad
              D = \frac{T}{\gamma}\,\frac{\langle I_+^2 I_-\rangle}{\langle I_+\rangle^3}

    (Stratonovich, Radiotekh. Elektron. 3, 497, 1958; Reimann et al., Phys. Rev. Lett. 87, 010602,
    2001) with averages over one period of the potential. Uniform friction and temperature; a
    tilt downwards to the right. `FokkerPlanck` finds the same faster and more generally.
    """
    _one_coordinate("washboard", system)
    if system.potential.period is None:
        raise ValueError("washboard: the potential names no period. Give it the attribute period.")
    if not system.uniform:
        raise ValueError("washboard: friction or temperature varies in space. Use FokkerPlanck.")
    dtype, period = system.dtype, system.potential.period
    control = system.control_at(-jnp.ones((), dtype))
    roots, weights = np.polynomial.legendre.leggauss(4)
    x = period * jnp.arange(points, dtype=dtype) / points
    shift = jnp.asarray(((1 + roots) / 2)[None, :] * period / points, dtype)
    y = (x[:, None] + shift).reshape(-1)
    weight = jnp.asarray(np.tile(weights / 2, points) * period / points, dtype)
    temperature = system.temperature_at(x[None, :1]).reshape(())
    diffusion = temperature / system.friction_at(x[None, :1]).reshape(())

    def phi(at: Array) -> Array:
        return system.energy(at.reshape(1, -1), control).reshape(at.shape) / temperature

    behind = phi(x)[:, None] - phi(x[:, None] - y[None, :])
    ahead = phi(x[:, None] + y[None, :]) - phi(x)[:, None]
    forth, back = (jnp.exp(each) @ weight / diffusion for each in (behind, ahead))
    turn = phi(jnp.full(1, period, dtype)) - phi(jnp.zeros(1, dtype))
    mean = jnp.mean(forth)
    return -jnp.expm1(turn[0]) / mean, diffusion * jnp.mean(forth**2 * back) / mean**3


def lifson_jackson(system: Overdamped, points: int = 400) -> Number:
    r"""Diffusion in a periodic potential without tilt.

    .. math:: D = \frac{T}{\gamma}\,\big/\,
              \langle e^{U/T}\rangle \langle e^{-U/T}\rangle

    with averages over one period (Lifson and Jackson, J. Chem. Phys. 36, 2410, 1962). Uniform
    friction and temperature.
    """
    _one_coordinate("lifson_jackson", system)
    if system.potential.period is None or not system.uniform:
        raise ValueError(
            "lifson_jackson: needs a potential with a period, uniform friction and temperature. "
            "Use FokkerPlanck."
        )
    dtype = system.dtype
    x = (system.potential.period * jnp.arange(points, dtype=dtype) / points)[None]
    temperature = system.temperature_at(x[:, :1]).reshape(())
    phi = system.energy(x, system.control_at(-jnp.ones((), dtype))) / temperature
    diffusion = temperature / system.friction_at(x[:, :1]).reshape(())
    return diffusion / (jnp.mean(jnp.exp(phi)) * jnp.mean(jnp.exp(-phi)))


def ballistic_flux(
    hot: Any, cold: Any, *, spring: Any = 1.0, mass: Any = 1.0, friction: Any = 1.0
) -> Number:
    r"""Heat flux of a long harmonic chain with fixed ends and a bath at either end site.

    .. math:: J = \frac{k\,(T_h - T_c)}{2\gamma}
              \left[1 + \nu - \sqrt{\nu^2 + 2\nu}\right], \qquad \nu = \frac{m k}{2\gamma^2}

    (Rieder, Lebowitz and Lieb, J. Math. Phys. 8, 1073, 1967). It does not depend on the length;
    the deviation of a finite chain falls exponentially.
    """
    hot, cold, spring, mass, friction = _numbers(hot, cold, spring, mass, friction)
    ratio = mass * spring / (2 * friction**2)
    share = 1 / (1 + ratio + jnp.sqrt(ratio**2 + 2 * ratio))
    return spring * (hot - cold) / (2 * friction) * share


def optimal_drag(
    distance: Any, duration: Any, *, stiffness: Any = 1.0, friction: Any = 1.0
) -> tuple[PiecewiseLinear, Number]:
    r"""The protocol that moves a harmonic trap with the least mean work, and that work.

    The centre jumps by :math:`d/(2 + k\tau/\gamma)` at the start and at the end and moves at
    constant speed between;

    .. math:: W = \frac{\gamma d^2}{\tau + 2\gamma/k}

    (Schmiedl and Seifert, Phys. Rev. Lett. 98, 108301, 2007). For an overdamped particle in
    `Harmonic`, from equilibrium.
    """
    distance, duration, stiffness, friction = _numbers(distance, duration, stiffness, friction)
    jump = distance / (2 + duration * stiffness / friction)
    zero = jnp.zeros_like(distance)
    protocol = PiecewiseLinear(
        times=jnp.stack([zero, zero, duration, duration]),
        values=jnp.stack([zero, jump, distance - jump, distance]),
    )
    return protocol, friction * distance**2 / (duration + 2 * friction / stiffness)


def optimal_breathing(
    start: Any,
    end: Any,
    duration: Any,
    *,
    temperature: Any = 1.0,
    friction: Any = 1.0,
    knots: int = 200,
) -> tuple[PiecewiseLinear, Number]:
    r"""The protocol that changes the stiffness of a trap with the least mean work, and that work.

    The variance is :math:`w = (T/k_0)(1 + ct)^2` and the stiffness between the jumps
    :math:`k = T/w - \gamma c/(1 + ct)`;

    .. math:: W = \tfrac12 [k_1 w(\tau) - T] - T \ln(1 + c\tau) + \gamma T c^2 \tau/k_0

    where :math:`s = 1 + c\tau` solves :math:`(k_1 + 2\gamma/\tau)s^2 - (2\gamma/\tau)s = k_0`
    (Schmiedl and Seifert, Phys. Rev. Lett. 98, 108301, 2007). The control is the stiffness less
    `start`, for an overdamped particle in ``BreathingHarmonic(stiffness=start)``, from
    equilibrium; it is given at `knots` times, and the work of the straight lines between them
    exceeds the least by an error of second order in their distance, or less.
    """
    if knots < 2:
        raise ValueError(f"optimal_breathing: knots = {knots}. Give at least 2.")
    start, end, duration, temperature, friction = _numbers(
        start, end, duration, temperature, friction
    )
    rate = friction / duration
    stretch = rate + jnp.sqrt(rate**2 + start * (end + 2 * rate))
    stretch = stretch / (end + 2 * rate)
    speed = (stretch - 1) / duration
    times = duration * jnp.linspace(0, 1, knots, dtype=start.dtype)
    grown = 1 + speed * times
    inner = start / grown**2 - friction * speed / grown - start
    zero = jnp.zeros_like(start)[None]
    protocol = PiecewiseLinear(
        times=jnp.concatenate([zero, times, duration[None]]),
        values=jnp.concatenate([zero, inner, (end - start)[None]]),
    )
    work = temperature * (end * stretch**2 / start - 1) / 2 - temperature * jnp.log(stretch)
    return protocol, work + friction * temperature * speed**2 * duration / start


def _numbers(*values: Any) -> tuple[Number, ...]:
    """The values as numbers of one floating-point type."""
    dtype = jnp.result_type(float, *(each for each in values if hasattr(each, "dtype")))
    return tuple(jnp.asarray(each, dtype) for each in values)


def _one_coordinate(name: str, system: Overdamped) -> None:
    if system.dimension != 1:
        raise ValueError(f"{name}: the system has {system.dimension} coordinates, not one.")
