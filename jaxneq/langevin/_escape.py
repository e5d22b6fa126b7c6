"""Escape over a barrier: mean first-passage times and Kramers' rates."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.nn import logsumexp
from jaxtyping import Array, Float

from jaxneq._core import is_concrete

from ._grid import around, log_cumulated
from ._landscape import landscape
from ._systems import AbstractLangevin, Overdamped, Underdamped

Number = Float[Array, ""]

_NEWTON_STEPS = 12


def mean_first_passage_time(
    system: Overdamped, start: Any, end: Any, *, wall: Any = None, cells: int = 256
) -> Number:
    r"""The mean time in which a particle at `start` first reaches `end`, in one dimension.

    .. math:: \tau = \int_{start}^{end} dy\,\gamma e^{\varphi(y)}
              \int_{wall}^{y} dz\,\frac{e^{-\varphi(z)}}{T}, \qquad \varphi' = -F/T

    (Pontryagin, Andronov and Vitt, 1933; Gardiner, Handbook of Stochastic Methods, section 5.2),
    written for ``end > start``. Behind the start is a reflecting `wall`, by default where the
    density ends. Friction and temperature may vary. By Gauss quadrature in `cells` cells on either
    side of the start.

    **Raises:** `ValueError` where the system has several coordinates, where `wall` is not behind
    the start, and where a potential without a wall does not confine.
    """
    if system.dimension != 1:
        raise ValueError(
            f"mean_first_passage_time: the system has {system.dimension} coordinates, not one."
        )
    dtype = system.dtype
    start, end = jnp.asarray(start, dtype), jnp.asarray(end, dtype)
    forward = end > start
    if wall is None:
        lower, upper, confined = around(system, False, None, None)
        wall = jnp.where(forward, jnp.minimum(lower, start - 1), jnp.maximum(upper, start + 1))
        if is_concrete(confined) and not confined:
            raise ValueError(
                "mean_first_passage_time: the potential does not confine the particle. Give wall."
            )
    wall = jnp.asarray(wall, dtype)
    places = (wall, start, end)
    if all(map(is_concrete, places)) and not (wall - start) * (end - start) < 0:
        raise ValueError(
            f"mean_first_passage_time: start = {start:g} must lie between wall = {wall:g} and "
            f"end = {end:g}."
        )
    share = jnp.linspace(0, 1, cells + 1, dtype=dtype)
    nodes = jnp.concatenate([wall + (start - wall) * share, start + (end - start) * share[1:]])
    nodes = jnp.where(forward, nodes, nodes[::-1])
    line = landscape(system, system.control_at(-jnp.ones((), dtype)), nodes)
    rise = jnp.cumsum(line.rise)
    phi = jnp.concatenate([jnp.zeros_like(rise[:1]), rise[:-1]])
    capacity, resistance = line.log_capacity - phi, line.log_resistance + phi
    # What lies behind a cell, as seen on the way; within the cell, one of the two triangles.
    behind = jnp.where(forward, capacity, capacity[::-1])
    ahead = jnp.where(forward, resistance, resistance[::-1])
    whole = jnp.exp(line.log_resistance + line.log_capacity)
    within = jnp.where(forward, line.crossing, (whole - line.crossing)[::-1])
    passed = log_cumulated(behind)[cells - 1 : -1]
    return jnp.exp(logsumexp(passed + ahead[cells:])) + jnp.sum(within[cells:])


def kramers_rate(system: Overdamped | Underdamped, well: Any, barrier: Any) -> Number:
    r"""Kramers' rate of escape from a well over a barrier, in one dimension.

    .. math:: k = \frac{\omega_w}{2\pi\omega_b}
              \left[\sqrt{\frac{\gamma^2}{4 m^2} + \omega_b^2} - \frac{\gamma}{2m}\right]
              e^{-\Delta U/T},
              \qquad k = \frac{\sqrt{U''_w |U''_b|}}{2\pi\gamma}\,e^{-\Delta U/T}

    with and without inertia, :math:`m\omega^2 = |U''|` (Kramers, Physica 7, 284, 1940; Haenggi,
    Talkner and Borkovec, Rev. Mod. Phys. 62, 251, 1990). The leading order for high barriers and
    intermediate to strong friction. `well` and `barrier` are near the stationary points, which are
    found by Newton's method. Uniform friction and temperature.

    **Raises:** `ValueError` where the curvature is not positive in the well and negative on the
    barrier.
    """
    if system.dimension != 1 or not system.uniform or system.drive is not None:
        raise ValueError(
            "kramers_rate: needs one coordinate, uniform friction and temperature, and no drive. "
            "For an overdamped particle use mean_first_passage_time."
        )
    dtype = system.dtype
    bottom, top = (_stationary_point(system, jnp.asarray(at, dtype)) for at in (well, barrier))
    curvature = jax.grad(jax.grad(lambda x: _energy(system, x)))
    inner, outer = curvature(bottom), -curvature(top)
    if all(map(is_concrete, (inner, outer))) and not (inner > 0 and outer > 0):
        raise ValueError(
            f"kramers_rate: the curvature is {inner:g} at {bottom:g} and {-outer:g} at {top:g}. "
            "Give places near a minimum and a maximum."
        )
    origin = jnp.zeros((1, 1), dtype)
    temperature = system.temperature_at(origin).reshape(())
    friction = system.friction_at(origin).reshape(())
    activated = jnp.exp((_energy(system, bottom) - _energy(system, top)) / temperature)
    frequency = jnp.sqrt(inner * outer) / (2 * np.pi)
    if not system.inertial:
        return frequency / friction * activated
    mass = jnp.reshape(system.inertia, ())
    # The square root less half the friction, without the difference.
    damped = friction / 2 + jnp.sqrt(friction**2 / 4 + mass * outer)
    return frequency / damped * activated


def _energy(system: AbstractLangevin, position: Number) -> Number:
    control = system.control_at(-jnp.ones((), system.dtype))
    return system.energy(position.reshape(1, 1), control)[0]


def _stationary_point(system: AbstractLangevin, near: Number) -> Number:
    """Where the force vanishes; derivatives pass through the last steps."""
    slope = jax.grad(lambda x: _energy(system, x))

    def step(x: Number, _: None) -> tuple[Number, None]:
        return x - slope(x) / jax.grad(slope)(x), None

    return lax.scan(step, near, length=_NEWTON_STEPS)[0]
