"""The Fokker-Planck equation on a grid."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractSteadyMethod,
    Case,
    Status,
    evolve,
    setting,
    steady,
)

from ._density_in_time import DensityInTime, Followed
from ._fokker_planck_solution import FokkerPlanckSolution
from ._grid import (
    Flow,
    Grid,
    Stationary,
    at_centers,
    cells_between,
    flow,
    stationary,
)
from ._on_grid import AbstractOnGrid
from ._potentials import BreathingHarmonic, TiltedCosine
from ._protocols import LinearRamp
from ._segments import just_after, march
from ._systems import Control, Overdamped

_TIME_ERROR = 1e-3  # a larger error of the density is a failure


class FokkerPlanck(AbstractOnGrid, AbstractSteadyMethod):
    r"""The density of an overdamped particle on a line, by finite volumes.

    .. math:: \partial_t p = -\partial_x J, \qquad J = [F p - \partial_x (T p)]/\gamma

    `ends` says whether the line is a ring (``"periodic"``) or has reflecting ends. Without `lower`
    and `upper` a ring is one period of the potential from 0, and an interval is found by a scan
    that finds every well wider than some 6 % of its distance from the origin: where it does not,
    give them.

    The flux between two cells is exact for a density that is stationary between their centres, so
    equilibria and detailed balance are exact, and velocity and diffusion on a smooth ring converge
    faster than any power of the width. In time, the error falls as the square of the width and as
    the fourth power of the step; a step is one of `substeps` between neighbouring times, where the
    knots of the protocol count as times. ``stats["time_error"]`` estimates the error of the
    density (integrated, absolute).

    In `evolve`, `initial` is the density at the centres (see `positions`), by default the
    stationary one at the control before time 0.
    """

    ends: str = setting(
        choices=("reflecting", "periodic"), doc="What the ends are", default="reflecting"
    )
    modes: int = setting(
        range="[0, inf)", doc="Relaxation rates computed between reflecting ends", default=0
    )

    def __check_init__(self):
        super().__check_init__()
        if self.modes and self.ring:
            raise ValueError(
                f"FokkerPlanck: modes = {self.modes} on a ring, where rates may be complex. Give "
                "modes = 0, or reflecting ends."
            )
        if self.modes >= self.cells:
            raise ValueError(
                f"FokkerPlanck: modes = {self.modes} must be below cells = {self.cells}."
            )

    @property
    def ring(self) -> bool:
        """Whether the ends are one point."""
        return self.ends == "periodic"

    @property
    def _misfit(self) -> str:
        if not self.ring:
            return super()._misfit
        return (
            "force, friction or temperature differ between the ends of the ring. Give lower and "
            "upper one whole period apart."
        )

    def grid(self, system: Overdamped) -> tuple[Grid, Array]:
        grid, fits = super().grid(system)
        return grid, _alike(system, grid) if self.ring else fits

    def steady(self, system: Overdamped) -> FokkerPlanckSolution:
        grid, fits = self.grid(system)
        control = system.control_at(-jnp.ones((), system.dtype))
        between = cells_between(system, control, grid)
        moving = flow(system, grid, between)
        density, current, diffusion, _ = stationary(system, grid, between)
        found = moving.current(density)
        gross = jnp.max(moving.forward * density)
        through = jnp.full_like(density, current) if grid.ring else jnp.zeros_like(density)
        return FokkerPlanckSolution(
            position=grid.centers,
            face=grid.faces,
            density=density,
            diffusion=diffusion,
            relaxation_rates=moving.relaxation_rates(self.modes) if self.modes else None,
            **_rates(system, grid, moving, density, density, through),
            **_spread(grid, density),
            conservation_residual=jnp.max(jnp.abs(found - through)) / gross,
            status=_status(fits, density),
            stats={"lower": grid.lower, "upper": grid.upper},
        )

    def evolve(
        self, system: Overdamped, *, times: Float[Array, " times"], initial: Any
    ) -> FokkerPlanckSolution:
        grid, fits = self.grid(system)
        times = times.astype(system.dtype)
        before = system.control_at(-jnp.ones((), system.dtype))
        start = self._start(system, grid, before, initial)
        fits = fits & jnp.all(start >= 0)
        paths = DensityInTime(system, grid)
        found = march(
            system,
            times,
            paths.begin(start, before),
            step=paths.step,
            jump=paths.jump,
            substeps=self.substeps,
        )
        density, totals = found.rows[:, 0], jnp.sum(found.rows, axis=-1) * grid.width

        def rates(time: Array, state: Followed) -> dict[str, Array]:
            control, power = paths.power(just_after(system, time))
            density, moving = state.rows[0], paths.flow_at(control)
            still = stationary(system, grid, cells_between(system, control, grid))
            settled = still.density if grid.ring else density
            now = _rates(system, grid, moving, density, settled, moving.current(density))
            now["relative_entropy"] = _relative_entropy(density, still) * grid.width
            if paths.exponential:
                now["exponential_work"] = paths.exponential_work(state, control)
            return now | {
                "work_rate": now["work_rate"] + power @ density * grid.width,
                "energy": paths.energy(control) @ density * grid.width,
            }

        now = jax.vmap(rates)(times, found)
        energy = now.pop("energy")
        work, residual = found.stirred, jnp.abs(totals[:, 0] - 1)
        if paths.weighted:
            work = work + totals[:, 1]
        if grid.ring:
            now.pop("work_rate")
        else:
            change = energy - paths.energy(before) @ start * grid.width
            scale = jnp.max(jnp.abs(work) + jnp.abs(found.heat) + jnp.abs(change))
            residual = jnp.abs(work - found.heat - change) / jnp.where(scale > 0, scale, 1)
        return FokkerPlanckSolution(
            time=times,
            position=grid.centers,
            face=grid.faces,
            density=density,
            **now,
            **jax.vmap(partial(_spread, grid))(density),
            heat=found.heat,
            work=None if grid.ring else work,
            work_variance=totals[:, 2] - totals[:, 1] ** 2
            if paths.weighted and system.drive is None
            else None,
            conservation_residual=jnp.max(residual),
            status=_status(fits, density).unless("not_accurate", ~(found.error[-1] < _TIME_ERROR)),
            stats={"lower": grid.lower, "upper": grid.upper, "time_error": found.error[-1]},
        )

    def _start(self, system: Overdamped, grid: Grid, control: Control, initial: Any) -> Array:
        """The normalised density before time 0."""
        if initial is None:
            return stationary(system, grid, cells_between(system, control, grid)).density
        density = jnp.asarray(initial, system.dtype)
        if density.shape != (grid.cells,):
            raise ValueError(
                f"FokkerPlanck: initial has shape {density.shape}. Give the density at the "
                f"{grid.cells} centres that positions(system) returns."
            )
        return density / (jnp.sum(density) * grid.width)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        ring = Overdamped(potential=TiltedCosine(amplitude=1.0, force=0.7), temperature=0.3)
        exact = 0.20433264162548564, 0.4382493484338396, 0.47677616379279986
        sources = (
            "Stratonovich (1958), by quadrature",
            "Reimann et al., Phys. Rev. Lett. 87, 010602 (2001), by quadrature",
            "force times velocity over temperature",
        )
        for index, name in enumerate(("velocity", "diffusion", "entropy_production")):
            yield Case(
                f"tilted washboard: {name}",
                lambda name=name: getattr(steady(ring, cls(cells=64, ends="periodic")), name),
                exact[index],
                1e-10,
                sources[index],
            )
        ramp = LinearRamp(end=1.0, ramp_time=1.0)
        trap = Overdamped(potential=BreathingHarmonic(stiffness=1.0), protocol=ramp)
        yield Case(
            "breathing trap: work theorem",
            lambda: evolve(trap, cls(cells=128), times=[1.0]).exponential_work[0],
            0.5**0.5,
            1e-6,
            "Jarzynski, Phys. Rev. Lett. 78, 2690 (1997): exp(-DeltaF / T)",
        )


def _rates(
    system: Overdamped, grid: Grid, moving: Flow, density: Array, settled: Array, current: Array
) -> dict[str, Array]:
    """What flows with a density and its current, of which `settled` would be stationary."""
    affinity = _affinity(system, grid, moving, density)
    produced = current @ affinity
    kept = jnp.zeros_like(affinity)
    if grid.ring:  # between walls nothing flows once all has settled
        kept = jnp.where(affinity == 0, 0, _affinity(system, grid, moving, settled))
    return {
        "current": current,
        "affinity": affinity,
        "velocity": jnp.sum(current) * grid.width,
        "heat_rate": current @ moving.work,
        "work_rate": current @ moving.stirring,
        "entropy_production": produced,
        "adiabatic_entropy_production": current @ kept,
        "nonadiabatic_entropy_production": current @ (affinity - kept),
    }


def _affinity(system: Overdamped, grid: Grid, moving: Flow, density: Array) -> Array:
    """The entropy of one passage of each face. Where nothing is, nothing is produced."""
    inside = density > 0
    log_density = jnp.log(jnp.where(inside, density, 1))
    log_density = log_density + jnp.log(at_centers(system.temperature_at, grid))
    both = inside & jnp.roll(inside, -1) & (moving.forward > 0)
    return jnp.where(both, log_density - jnp.roll(log_density, -1) - moving.rise, 0)


def _relative_entropy(density: Array, still: Stationary) -> Array:
    """The sum of p ln(p/q) - p + q, where no term is negative."""
    inside = density > 0
    log_ratio = jnp.log(jnp.where(inside, density, 1)) - still.log_density
    surplus = jnp.where(inside, density * log_ratio, 0)
    return jnp.sum(surplus - density + still.density)


def _spread(grid: Grid, density: Array) -> dict[str, Array]:
    """Mean and variance of the position, which a ring has not."""
    if grid.ring:
        return {}
    mean = density @ grid.centers * grid.width
    variance = density @ (grid.centers - mean) ** 2 * grid.width
    return {"mean_position": mean, "position_variance": variance}


def _status(fits: Array, density: Array) -> Status:
    return Status.first_true(not_finite=~jnp.all(jnp.isfinite(density)), outside_domain=~fits)


def _alike(system: Overdamped, grid: Grid) -> Array:
    """Whether forces, friction and temperature are the same at both ends of the ring."""
    share = jnp.linspace(0, 1, 17, dtype=system.dtype)
    places = (grid.lower + (grid.upper - grid.lower) * share)[None]
    control = system.control_at(jnp.zeros((), system.dtype))
    same = jnp.array(True)
    for function in (
        lambda at: system.force(at, control),
        system.friction_at,
        system.temperature_at,
    ):
        found = jnp.broadcast_to(function(places), places.shape)[0]
        limit = 10 * jnp.sqrt(jnp.finfo(found.dtype).eps) * jnp.max(jnp.abs(found))
        same = same & (jnp.abs(found[-1] - found[0]) <= limit)
    return same
