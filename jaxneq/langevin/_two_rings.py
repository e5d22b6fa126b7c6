"""A flashing ratchet on two coupled rings of cells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    SolveStats,
    Status,
    is_concrete,
    newton,
    setting,
    steady,
)

from ._flashing_ratchet import FlashingRatchet, Switching
from ._grid import Flow, Grid, cells_between, flow
from ._motor_state import MotorState
from ._pair_ring import PairRing
from ._potentials import Sawtooth, TiltedCosine

PerCell = Float[Array, " cell"]
OnRings = Float[Array, "state cell"]


class TwoRings(AbstractSteadyMethod):
    r"""The stationary state of a flashing ratchet, as that of a Markov chain on two rings of cells.

    The flux between two cells is that of `FokkerPlanck`, and a cell switches at the rates at its
    centre. So the chain itself obeys local detailed balance: without fuel and load nothing flows,
    Onsager's relation and the uncertainty relation hold with any number of cells, and the error
    falls as the square of the cells' width.

    Velocity v and fuel used are currents with the increments d of the chain's jumps. With g from
    the adjoint equation :math:`\sum_i w_{ij}\,(d_{ij} + g_i - g_j) = v`, the sum of what has
    passed and of g, less v t, is a martingale, and its quadratic variation is the variance at late
    times: :math:`2 D = \sum_{ij} w_{ij}\,p_j\,(d_{ij} + g_i - g_j)^2`. Both
    solves take a time proportional to the cells.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (FlashingRatchet,)

    cells: int = setting(range="[8, inf)", doc="Cells of each ring", default=128)

    def steady(self, system: FlashingRatchet) -> MotorState:
        chain = _chain(system, self.cells)
        density = chain.stationary()
        drifted, used = chain.martingales(density)
        thermal, fuel = chain.switched(density)
        width, load = chain.grid.width, system.load
        velocity, turnover = chain.velocity(density), jnp.sum(fuel) * width
        diffusion = chain.spread(density, drifted, along=width)
        current = chain.currents(density)
        whole = jnp.sum(current, axis=0)
        gross = chain.off.gross(density[0]) + chain.on.gross(density[1])
        residual = (jnp.max(whole) - jnp.min(whole)) / jnp.max(gross)
        output, taken = load * velocity, turnover * system.fuel_affinity
        entropy_production = (taken - output) / system.temperature
        dissipated = output + system.temperature * velocity**2 / diffusion
        # What rounding leaves of the gross flow is no motion.
        moving = jnp.abs(velocity) > 256 * jnp.finfo(gross.dtype).eps * jnp.sum(gross) * width
        dissipation = 2 * diffusion * entropy_production
        product = _ratio(dissipation, jnp.where(moving, velocity, 0) ** 2, jnp.inf)
        broken = ~(residual < jnp.sqrt(jnp.finfo(residual.dtype).eps))
        return MotorState(
            position=chain.grid.centers,
            face=chain.grid.faces,
            density=density,
            current=current,
            fuel_current=fuel,
            thermal_current=thermal,
            velocity=velocity,
            diffusion=diffusion,
            turnover=turnover,
            turnover_diffusion=chain.spread(density, used, burnt=1),
            load_affinity=-load / system.temperature,
            fuel_affinity=system.fuel_affinity / system.temperature,
            output=output,
            input=taken,
            efficiency=_ratio(output, taken, 0.0),
            efficiency_bound=_ratio(output, dissipated, 0.0),
            uncertainty_product=jnp.where(moving, product, jnp.inf),
            entropy_production=entropy_production,
            conservation_residual=residual,
            status=Status.first_true(not_finite=~jnp.isfinite(residual), not_accurate=broken),
            stats={},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        same = TiltedCosine(amplitude=1.0)
        washboard = FlashingRatchet(
            off=same, on=same, load=-0.7, temperature=0.3, fuel_affinity=2.0
        )
        source = "Stratonovich (1958), by quadrature: both potentials are the same"
        yield Case(
            "washboard: velocity",
            lambda: steady(washboard, cls(cells=64)).velocity,
            0.20433264162548564,
            1e-10,
            source,
        )
        fuelled = FlashingRatchet(
            off=TiltedCosine(amplitude=0.0), on=Sawtooth(amplitude=3.0), fuel_affinity=8.0
        )
        yield Case(
            "ratchet: spread of the current",
            lambda: steady(fuelled, cls()).conservation_residual,
            0.0,
            1e-10,
            "conservation",
            error="absolute",
        )


class _Chain(eqx.Module):
    """The jumps between the cells of both rings."""

    grid: Grid
    off: Flow
    on: Flow
    switching: Switching

    def currents(self, density: OnRings) -> OnRings:
        return jnp.stack([self.off.current(density[0]), self.on.current(density[1])])

    def switched(self, density: OnRings) -> tuple[PerCell, PerCell]:
        """The net current from off to on, by the bath and by fuel."""
        off, on = density
        rates = self.switching
        thermal = off * rates.thermal_on - on * rates.thermal_off
        return thermal, off * rates.fuel_on - on * rates.fuel_off

    @property
    def drift(self) -> OnRings:
        """The mean velocity out of each cell."""
        return jnp.stack([f.forward - jnp.roll(f.backward, 1) for f in (self.off, self.on)])

    def velocity(self, density: OnRings) -> Array:
        return jnp.sum(density * self.drift) * self.grid.width

    @property
    def hops(self) -> tuple[Array, Array]:
        """The rates of hopping ahead from each cell, and back into it, (cell, state)."""
        forward = jnp.stack([self.off.forward, self.on.forward], axis=1)
        backward = jnp.stack([self.off.backward, self.on.backward], axis=1)
        return forward / self.grid.width, backward / self.grid.width

    @property
    def mixing(self) -> Float[Array, "cell 2 2"]:
        """The generator within each cell, with what leaves it."""
        rates, (forward, backward) = self.switching, self.hops
        up, down = rates.thermal_on + rates.fuel_on, rates.thermal_off + rates.fuel_off
        off, on = (forward + jnp.roll(backward, 1, axis=0)).T
        return jnp.stack([-off - up, down, up, -on - down], axis=1).reshape(-1, 2, 2)

    def stationary(self) -> OnRings:
        """The density."""
        forward, backward = self.hops
        found = PairRing(jnp.roll(forward, 1, axis=0), self.mixing, backward).null_vector().T
        return found / (jnp.sum(found) * self.grid.width)

    def martingales(self, density: OnRings) -> tuple[OnRings, OnRings]:
        """The function g of the position, and that of the fuel."""
        forward, backward = self.hops
        used = jnp.stack([self.switching.fuel_on, -self.switching.fuel_off])
        gained = jnp.stack([self.drift, used])
        mean = jnp.sum(gained * density[None], axis=(1, 2), keepdims=True) * self.grid.width
        within = jnp.swapaxes(self.mixing, 1, 2)
        transpose = PairRing(jnp.roll(backward, 1, axis=0), within, forward)
        drifted, burnt = transpose.solve((mean - gained).T).T
        return drifted, burnt

    def spread(self, density: OnRings, g: OnRings, along: Any = 0, burnt: Any = 0) -> Array:
        """Half the variance per time of what steps by `along` and uses `burnt`, with its g."""
        rates, (off, on) = self.switching, density
        gross = jnp.stack([self.off.gross(off), self.on.gross(on)])
        moved = jnp.sum(gross * (along + jnp.roll(g, -1, axis=1) - g) ** 2)
        flip = g[1] - g[0]
        thermal = (off * rates.thermal_on + on * rates.thermal_off) * flip**2
        fuel = (off * rates.fuel_on + on * rates.fuel_off) * (burnt + flip) ** 2
        return (moved + jnp.sum(thermal + fuel) * self.grid.width) / 2


def stall_load(system: FlashingRatchet, *, cells: int = 128) -> Float[Array, ""]:
    """The load under which the motor neither advances nor slips, by Newton's method.

    The root of the velocity of `TwoRings` next to the load of the system; differentiable in the
    other parameters.

    **Raises:** `SolveError` where it finds none; in compiled code the answer is then NaN.
    """
    load, stats = _stall(system, cells)
    if is_concrete(stats.status.code):
        stats.status.check("stall_load")
    return load


@eqx.filter_jit
def _stall(system: FlashingRatchet, cells: int) -> tuple[Float[Array, ""], SolveStats]:
    def velocity(load: Float[Array, " one"]) -> Float[Array, " one"]:
        chain = _chain(eqx.tree_at(lambda one: one.load, system, load[0]), cells)
        return chain.velocity(chain.stationary())[None]

    natural = system.temperature / system.period  # a force; over the friction, a velocity
    anything = jnp.full(1, jnp.inf, system.dtype)
    load, stats = newton(
        velocity,
        system.load[None],
        within=(-anything, anything),
        scale=(natural / system.friction)[None],
        tolerance=jnp.asarray(1e4 * jnp.finfo(system.dtype).eps, system.dtype),
        max_iterations=40,
    )
    return load[0], stats


def _chain(system: FlashingRatchet, cells: int) -> _Chain:
    lower = jnp.zeros((), system.dtype)
    grid = Grid(lower, lower + system.period, cells, ring=True)
    off, on = (
        flow(ring, grid, cells_between(ring, ring.control_at(lower), grid)) for ring in system.rings
    )
    return _Chain(grid, off, on, system.switching(grid.centers[None]))


def _ratio(part: Array, whole: Array, otherwise: float) -> Array:
    """Their ratio; where the whole vanishes, `otherwise`."""
    there = whole != 0
    return jnp.where(there, part / jnp.where(there, whole, 1), otherwise)
