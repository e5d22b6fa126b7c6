r"""The second exponential moment of work, without sampling.

Beside :math:`p` is followed :math:`q = \langle e^{-2W/T}\rangle_x p`, with

.. math:: \dot q = L q - 2 \dot U q/T

(the Feynman-Kac formula; Hummer and Szabo, Proc. Natl. Acad. Sci. 98, 3658, 2001). By detailed
balance :math:`q = \rho\,e^{-U/T}/Z_0` with :math:`\dot\rho = L^\dagger\rho - \dot U \rho/T` and
:math:`\rho = 1` in equilibrium, so that

.. math:: \frac{\langle e^{-2W/T}\rangle}{\langle e^{-W/T}\rangle^2}
          = e^{\Delta F/T} \int \pi_t\,\rho\,dx

with the equilibrium density :math:`\pi_t` of the present control.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import Case, Status, evolve

from ._density_in_time import DensityInTime
from ._exact import optimal_drag
from ._exponential_work import ExponentialWork
from ._on_grid import AbstractOnGrid
from ._potentials import Harmonic
from ._sdirk import sdirk
from ._segments import Time, march
from ._systems import Control, Overdamped

_ERROR = 1e-3  # a larger error of the density or of the divergence is a failure


class _Followed(eqx.Module):
    """What is followed in time: the rows p and rho, mean work and heat, an error."""

    rows: Float[Array, "2 cell"]
    work: Float[Array, ""]
    heat: Float[Array, ""]
    error: Float[Array, ""]


class FeynmanKac(AbstractOnGrid):
    """How widely exp(-work/T) is spread, and how well Jarzynski's estimate will do, on a grid.

    From equilibrium at the control before time 0, between reflecting ends, with one temperature
    and without a drive. Where the average of exp(-2 work/T) comes from, paths may go farther than
    they commonly do: the ends must leave room for them. Without `lower` and `upper` the interval is
    that of `FokkerPlanck`, as are `cells` and `substeps`. ``stats["time_error"]`` estimates the
    error of the density and of the divergence that the steps make.
    """

    def check(self, system: Overdamped) -> None:
        super().check(system)
        if system.protocol is None:
            raise ValueError("FeynmanKac: without a protocol there is no work. Give one.")
        if system.drive is not None or system.several_baths:
            raise ValueError(
                "FeynmanKac: a drive or a profile of the temperature keeps the system from "
                "equilibrium. Leave it out."
            )

    def evolve(
        self, system: Overdamped, *, times: Float[Array, " times"], initial: Any
    ) -> ExponentialWork:
        if initial is not None:
            raise ValueError("FeynmanKac: it starts in equilibrium. Leave out `initial`.")
        grid, fits = self.grid(system)
        times = times.astype(system.dtype)
        moving = _Moving(DensityInTime(system, grid), system.temperature.astype(system.dtype))
        before = system.control_at(-jnp.ones((), system.dtype))
        found = march(
            system,
            times,
            moving.begin(before),
            step=moving.step,
            jump=moving.jump,
            substeps=self.substeps,
        )
        controls = jax.vmap(lambda t: system.control_at(t))(times)
        energies = jax.vmap(moving.paths.energy)(controls)
        logs = jax.vmap(moving.log_weight)(controls)
        free_energy = -moving.temperature * (_log_sum(logs) - _log_sum(moving.log_weight(before)))
        share = jnp.sum(jax.nn.softmax(logs) * found.rows[:, 1], axis=-1)
        divergence = jnp.log(share) + free_energy / moving.temperature
        energy = jnp.sum(energies * found.rows[:, 0], axis=-1) * grid.width
        start = moving.paths.energy(before) @ moving.equilibrium(before) * grid.width
        first_law = found.work - found.heat - (energy - start)
        scale = jnp.abs(found.work) + jnp.abs(found.heat) + jnp.abs(energy - start)
        dissipated, later = found.work - free_energy, times > 0
        produced = dissipated / moving.temperature
        finite = jnp.all(jnp.isfinite(divergence)) & jnp.all(jnp.isfinite(found.work))
        error = found.error[-1]
        status = Status.first_true(not_finite=~finite, outside_domain=~fits)
        return ExponentialWork(
            time=times,
            work=found.work,
            free_energy=free_energy,
            dissipated_work=dissipated,
            divergence=divergence,
            jarzynski_variance=jnp.expm1(divergence),
            heat=found.heat,
            inverse_temperature=1 / moving.temperature,
            entropy_production=jnp.where(later, produced / jnp.where(later, times, 1), jnp.inf),
            conservation_residual=jnp.max(jnp.abs(first_law) / jnp.where(scale > 0, scale, 1)),
            status=status.unless("not_accurate", ~(error < _ERROR)),
            stats={"lower": grid.lower, "upper": grid.upper, "time_error": error},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        protocol, work = optimal_drag(1.0, 1.0)
        trap = Overdamped(potential=Harmonic(), protocol=protocol)
        yield Case(
            "dragged trap: divergence of the work",
            lambda: evolve(trap, cls(cells=128), times=[1.0]).divergence[0],
            2 * float(work),
            3e-3,
            "Gaussian work without a free energy: its variance, twice the mean over T",
        )


class _Moving(eqx.Module):
    """The equations of motion."""

    paths: DensityInTime
    temperature: Float[Array, ""]

    def log_weight(self, control: Control) -> Float[Array, " cell"]:
        return -self.paths.energy(control) / self.temperature

    def equilibrium(self, control: Control) -> Float[Array, " cell"]:
        return jax.nn.softmax(self.log_weight(control)) / self.paths.grid.width

    def begin(self, control: Control) -> _Followed:
        density = self.equilibrium(control)
        zero = jnp.zeros((), density.dtype)
        return _Followed(jnp.stack([density, jnp.ones_like(density)]), zero, zero, zero)

    def jump(self, state: _Followed, before: Control, after: Control) -> _Followed:
        done = self.paths.energy(after) - self.paths.energy(before)
        density, rho = state.rows
        work = state.work + done @ density * self.paths.grid.width
        rows = jnp.stack([density, rho * jnp.exp(-done / self.temperature)])
        return eqx.tree_at(lambda s: (s.rows, s.work), state, (rows, work))

    def step(self, state: _Followed, stage: Callable[..., Time], dt: Time) -> _Followed:
        width = self.paths.grid.width

        def implicit(share: Time, tau: Time, rhs: Array) -> Any:
            control, power = self.paths.power(stage(share))
            moving, loss = self.paths.flow_at(control), power / self.temperature
            density = moving.implicit(tau, rhs[0])
            rho = moving.implicit(tau, rhs[1], back=True, loss=loss)
            rates = moving.rate(density), moving.rate_back(rho) - loss * rho
            flowing = power @ density * width, moving.current(density) @ moving.work
            return jnp.stack([density, rho]), jnp.stack(rates), flowing

        rows, defect, (work, heat) = sdirk(state.rows, dt, implicit)
        control = self.paths.system.control_at(stage(jnp.ones_like(dt)))
        weight = self.equilibrium(control)
        missed = jnp.sum(jnp.abs(defect[0])) * width
        missed = missed + jnp.abs(weight @ defect[1]) / (weight @ rows[1])
        return _Followed(
            rows=rows,
            work=state.work + work,
            heat=state.heat + heat,
            error=state.error + lax.stop_gradient(missed),
        )


def _log_sum(logs: Array) -> Array:
    return jax.nn.logsumexp(logs, axis=-1)
