"""Drift and noise of an overdamped step."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ._systems import AbstractLangevin, Coefficient, Control, Ensemble


def drift(system: AbstractLangevin, x: Ensemble, control: Control) -> Ensemble:
    r"""The drift in the sense of Ito, :math:`F/\gamma + T\,\partial_x \gamma^{-1}`."""
    along = system.force(x, control) / system.friction_at(x)
    if system.uniform:
        return along
    return along + system.temperature_at(x) * _own_derivative(
        lambda at: 1 / system.friction_at(at), x
    )


def width(system: AbstractLangevin, x: Ensemble, dt: Any) -> Coefficient:
    r"""The standard deviation of the noise of a step, :math:`\sqrt{2 T dt/\gamma}`."""
    return jnp.sqrt(2 * system.temperature_at(x) * dt / system.friction_at(x))


def check_uniform(system: AbstractLangevin, scheme: str) -> None:
    """Refuse noise that depends on the position."""
    if not system.uniform:
        raise ValueError(
            f"{scheme}: friction or temperature of the {type(system).__name__} system vary in "
            "space, and the scheme holds for noise that is the same at every position. Use "
            "EulerMaruyama."
        )


def _own_derivative(function: Any, x: Ensemble) -> Ensemble:
    """The derivative of each component along its own coordinate."""

    def along(index: int) -> Any:
        unit = jnp.zeros_like(x).at[index].set(1)
        return jax.jvp(lambda at: jnp.broadcast_to(function(at), x.shape), (x,), (unit,))[1][index]

    return jnp.stack([along(index) for index in range(x.shape[0])])
