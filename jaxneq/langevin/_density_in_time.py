r"""The density step by step, and with it the moments of the work along the paths.

Beside :math:`p` are followed the densities weighted with the work done so far,
:math:`m_1 = \langle W\rangle_x p` and :math:`m_2 = \langle W^2\rangle_x p`, and
:math:`q = \langle e^{-W/T}\rangle_x p`:

.. math:: \dot m_1 = L m_1 + \dot U p, \qquad \dot m_2 = L m_2 + 2 \dot U m_1, \qquad
          \dot q = L q - \dot U q / T

with :math:`\dot U = \dot\lambda\,\partial_\lambda U` (the Feynman-Kac formula; Hummer and Szabo,
Proc. Natl. Acad. Sci. 98, 3658, 2001). By detailed balance :math:`q = r\,e^{-U/T}` with
:math:`\dot r = L^\dagger r`, where no exponential of the work can grow: r is what is followed. It
does not feel jumps, and from equilibrium it stays constant: Jarzynski's relation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ._grid import Flow, Grid, cells_between, flow
from ._sdirk import sdirk
from ._segments import Time, control_and_speed
from ._systems import Control, Overdamped


class Followed(eqx.Module):
    """What is followed in time: p, then m_1 and m_2 where work is counted, then r."""

    rows: Float[Array, "row cell"]
    heat: Float[Array, ""]
    stirred: Float[Array, ""]
    error: Float[Array, ""]


class DensityInTime(eqx.Module):
    """The equations of motion of a system on a grid."""

    system: Overdamped
    grid: Grid
    resting: Flow | None
    weighted: bool = eqx.field(static=True)
    exponential: bool = eqx.field(static=True)

    def __init__(self, system: Overdamped, grid: Grid):
        self.system, self.grid = system, grid
        self.weighted = system.protocol is not None and not grid.ring
        one_bath = system.temperature_at(grid.centers[None]).size == 1
        self.exponential = self.weighted and one_bath and system.drive is None
        self.resting = None
        if system.protocol is None:
            self.resting = self._flow(system.control_at(jnp.zeros((), system.dtype)))

    def _flow(self, control: Control) -> Flow:
        return flow(self.system, self.grid, cells_between(self.system, control, self.grid))

    def flow_at(self, control: Control) -> Flow:
        """The flow under a control; without a protocol it is always the same."""
        return self._flow(control) if self.resting is None else self.resting

    def energy(self, control: Control) -> Float[Array, " cell"]:
        """The energy at the centres."""
        return self.system.energy(self.grid.centers[None], control)

    def power(self, time: Time) -> tuple[Control, Float[Array, " cell"]]:
        """The control, and the work per time that it does at each centre."""
        control, speed = control_and_speed(self.system, time)
        return control, jax.jvp(self.energy, (control,), (speed,))[1]

    def begin(self, density: Float[Array, " cell"], control: Control) -> Followed:
        """Nothing done yet."""
        none, zero = jnp.zeros_like(density), jnp.zeros((), density.dtype)
        rows = [density, *[none, none] * self.weighted]
        if self.exponential:
            there = density > 0
            log_ratio = jnp.log(jnp.where(there, density, 1)) - self._log_weight(control)
            rows.append(jnp.where(there, jnp.exp(log_ratio), 0))
        return Followed(jnp.stack(rows), zero, zero, zero)

    def exponential_work(self, state: Followed, control: Control) -> Float[Array, ""]:
        """The mean of exp(-W / T)."""
        return jnp.exp(self._log_weight(control)) @ state.rows[3] * self.grid.width

    def _log_weight(self, control: Control) -> Float[Array, " cell"]:
        temperature = self.system.temperature_at(self.grid.centers[None, :1])
        return -self.energy(control) / temperature.reshape(())

    def jump(self, state: Followed, before: Control, after: Control) -> Followed:
        """The work of a sudden change."""
        if not self.weighted:
            return state
        done = self.energy(after) - self.energy(before)
        p, first, second, *rest = state.rows
        second = second + 2 * done * first + done**2 * p
        rows = jnp.stack([p, first + done * p, second, *rest])
        return eqx.tree_at(lambda s: s.rows, state, rows)

    def step(self, state: Followed, stage: Callable[..., Time], dt: Time) -> Followed:
        """One step of the method of order 4."""

        def implicit(share: Time, tau: Time, rhs: Array) -> Any:
            control, power = self.power(stage(share))
            moving = self.flow_at(control)
            rows, rates = self._implicit(moving, tau, power, rhs)
            current = moving.current(rows[0])
            return rows, rates, (current @ moving.work, current @ moving.stirring)

        rows, defect, (heat, stirred) = sdirk(state.rows, dt, implicit)
        return Followed(
            rows=rows,
            heat=state.heat + heat,
            stirred=state.stirred + stirred,
            error=state.error + lax.stop_gradient(jnp.sum(jnp.abs(defect[0])) * self.grid.width),
        )

    def _implicit(
        self, moving: Flow, tau: Time, power: Float[Array, " cell"], rhs: Float[Array, "row cell"]
    ) -> tuple[Array, Array]:
        """The rows at a stage and their rates, one after the other: each feeds the next."""
        p = moving.implicit(tau, rhs[0])
        rows, rates = [p], [moving.rate(p)]
        for order in (1, 2) if self.weighted else ():
            gain = order * power * rows[-1]
            rows.append(moving.implicit(tau, rhs[order] + tau * gain))
            rates.append(moving.rate(rows[-1]) + gain)
        if self.exponential:
            rows.append(moving.implicit(tau, rhs[3], back=True))
            rates.append(moving.rate_back(rows[-1]))
        return jnp.stack(rows), jnp.stack(rates)
