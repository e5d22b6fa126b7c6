"""A line cut into cells, and the flow of probability between them."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.nn import logsumexp
from jaxtyping import Array, Bool, Float

from ._landscape import Landscape, landscape
from ._systems import Control, Overdamped

# The scan for an interval: its reach, how unequal its steps are and how many, the instants of a
# protocol that it looks at, and the depth in units of the temperature.
_REACH, _STRETCH, _SCANNED, _VISITED, _DEPTH = 1e3, 12.0, 401, 17, 36.0

PerCell = Float[Array, " cell"]
PerFace = Float[Array, " face"]  # face i lies right of cell i; the last joins a ring, or is a wall


class Grid(eqx.Module):
    """Equal cells between two ends; on a ring the ends are one point."""

    lower: Float[Array, ""]
    upper: Float[Array, ""]
    cells: int = eqx.field(static=True)
    ring: bool = eqx.field(static=True)

    @property
    def width(self) -> Float[Array, ""]:
        return (self.upper - self.lower) / self.cells

    @property
    def centers(self) -> PerCell:
        return self.nodes[: self.cells]

    @property
    def faces(self) -> PerFace:
        return self.centers + self.width / 2

    @property
    def nodes(self) -> Float[Array, " node"]:
        """The centres; on a ring the first again, one turn on."""
        count = self.cells + self.ring
        return self.lower + (jnp.arange(count, dtype=self.lower.dtype) + 0.5) * self.width


class Flow(eqx.Module):
    r"""The current :math:`J_i = a_i p_i - b_i p_{i+1}` through each face, and what it does.

    Exact for a density without sources between two centres (the scheme of Scharfetter and Gummel,
    IEEE Trans. Electron Devices 16, 64, 1969, and of Chang and Cooper, J. Comput. Phys. 6, 1,
    1970, for coefficients of any form).
    """

    forward: PerFace
    backward: PerFace
    rise: PerFace
    work: PerFace
    stirring: PerFace
    width: Float[Array, ""]
    ring: bool = eqx.field(static=True)

    def current(self, density: PerCell) -> PerFace:
        return self.forward * density - self.backward * jnp.roll(density, -1)

    def gross(self, density: PerCell) -> PerFace:
        """What passes each face, both ways."""
        return self.forward * density + self.backward * jnp.roll(density, -1)

    def rate(self, density: PerCell) -> PerCell:
        current = self.current(density)
        return (jnp.roll(current, 1) - current) / self.width

    def rate_back(self, values: PerCell) -> PerCell:
        """The adjoint: how the mean of a later value changes with the place of the start."""
        ahead, behind = jnp.roll(values, -1) - values, jnp.roll(values, 1) - values
        return (self.forward * ahead + jnp.roll(self.backward, 1) * behind) / self.width

    def implicit(
        self,
        duration: Float[Array, ""],
        rhs: PerCell,
        back: bool = False,
        loss: PerCell | float = 0.0,
    ) -> PerCell:
        r"""What solves :math:`p - \tau\,[\mathrm{rate}(p) - l p] = r`, or it with `rate_back`.

        Tridiagonal but for the ring's last face, which Sherman and Morrison's formula adds.
        """
        right, left = self.forward, self.backward
        share = duration / self.width
        diagonal = 1 + share * (right + jnp.roll(left, 1)) + duration * loss
        below = -share * jnp.roll(left if back else right, 1)
        above = -share * (right if back else left)
        if not self.ring:  # the last face is a wall: both corners are 0
            return lax.linalg.tridiagonal_solve(below, diagonal, above, rhs[:, None])[:, 0]
        corner, pivot = above[-1], -diagonal[0]
        column = jnp.zeros_like(rhs).at[0].set(pivot).at[-1].set(corner)
        ratio = below[0] / pivot
        inner = diagonal.at[0].add(-pivot).at[-1].add(-corner * ratio)
        both = lax.linalg.tridiagonal_solve(
            below.at[0].set(0), inner, above.at[-1].set(0), jnp.stack([rhs, column], axis=1)
        )
        solved, answer = both[:, 0], both[:, 1]
        through = (solved[0] + ratio * solved[-1]) / (1 + answer[0] + ratio * answer[-1])
        return solved - through * answer

    def relaxation_rates(self, count: int) -> Float[Array, " mode"]:
        """The lowest rates at which a density between walls relaxes, zero left out."""
        out = (self.forward + jnp.roll(self.backward, 1)) / self.width
        hop = -jnp.sqrt(self.forward[:-1] * self.backward[:-1]) / self.width
        matrix = jnp.diag(out) + jnp.diag(hop, 1) + jnp.diag(hop, -1)
        return jnp.linalg.eigvalsh(matrix)[1 : count + 1]


class Stationary(NamedTuple):
    """The stationary density on a grid, its current, the diffusion on a ring, ln of the density."""

    density: PerCell
    current: Float[Array, ""]
    diffusion: Float[Array, ""] | None
    log_density: PerCell


def cells_between(system: Overdamped, control: Control, grid: Grid) -> Landscape:
    """The stretches from each centre to the next."""
    return landscape(system, control, grid.nodes)


def flow(system: Overdamped, grid: Grid, between: Landscape) -> Flow:
    """The flow between the cells of the grid."""
    temperature = at_centers(system.temperature_at, grid)
    following = jnp.roll(temperature, -1)[: between.rise.size]

    def wall(values: Array) -> PerFace:
        return jnp.pad(values, (0, grid.cells - values.size))

    return Flow(
        forward=wall(temperature[: between.rise.size] * jnp.exp(-between.log_resistance)),
        backward=wall(following * jnp.exp(between.rise - between.log_resistance)),
        rise=wall(between.rise),
        work=wall(between.work),
        stirring=wall(between.stirring),
        width=grid.width,
        ring=grid.ring,
    )


def stationary(system: Overdamped, grid: Grid, between: Landscape) -> Stationary:
    r"""The stationary state, in sums of positive terms only.

    Between walls :math:`T p \propto e^{-\varphi}`. On a ring of length L,

    .. math:: T p \propto e^{-\varphi(x)} \int_x^{x+L}\gamma e^{\varphi}\,dy, \qquad
              D = \frac1L \int_0^L \frac{T}{\gamma}\,\psi'^2\,L p\,dx, \qquad
              \psi' \propto \gamma e^{\varphi(x)} \int_x^{x+L} \frac{e^{-\varphi}}{T}\,dy

    where :math:`\psi(x_t) - v t` is a martingale and :math:`\psi'` has the mean 1 (Stratonovich
    1958; Reimann et al., Phys. Rev. Lett. 87, 010602, 2001).
    """
    temperature = at_centers(system.temperature_at, grid)
    rise = jnp.cumsum(between.rise)
    phi = jnp.concatenate([jnp.zeros_like(rise[:1]), rise])[: grid.cells]
    if not grid.ring:
        log_density = -phi - jnp.log(temperature)
        log_density = log_density - logsumexp(log_density) - jnp.log(grid.width)
        return Stationary(jnp.exp(log_density), jnp.zeros((), phi.dtype), None, log_density)
    turn = rise[-1]
    log_density = _window(phi + between.log_resistance, turn) - phi - jnp.log(temperature)
    total = logsumexp(log_density) + jnp.log(grid.width)
    log_density = log_density - total
    density = jnp.exp(log_density)
    ahead, back = jnp.where(turn < 0, turn, 0), jnp.where(turn < 0, 0, turn)
    forth = -jnp.expm1(ahead) * jnp.exp(-total)
    current = jnp.where(turn < 0, forth, jnp.expm1(-back) * jnp.exp(back - total))
    friction = at_centers(system.friction_at, grid)
    log_slope = _window(between.log_capacity - phi, -turn) + phi + jnp.log(friction)
    slope = jnp.exp(log_slope - logsumexp(log_slope)) * grid.cells
    diffusion = jnp.sum(temperature / friction * slope**2 * density) * grid.width
    return Stationary(density, current, diffusion, log_density)


def _window(log_terms: PerCell, turn: Float[Array, ""]) -> PerCell:
    """The logarithm of the sum over one turn from each cell on; a turn multiplies by e^turn."""
    onward = log_cumulated(log_terms[::-1])[::-1]
    begun = turn + log_cumulated(log_terms)[:-1]
    return jnp.concatenate([onward[:1], jnp.logaddexp(onward[1:], begun)])


def log_cumulated(log_terms: Float[Array, " term"]) -> Float[Array, " term"]:
    """The logarithm of cumulated sums. Derivatives of `lax.cumlogsumexp` compile for long."""

    def add(total: Array, term: Array) -> tuple[Array, Array]:
        total = jnp.logaddexp(total, term)
        return total, total

    _, rest = lax.scan(add, log_terms[0], log_terms[1:])
    return jnp.concatenate([log_terms[:1], rest])


def at_centers(function, grid: Grid) -> PerCell:
    """A coefficient at the centres of the cells."""
    return jnp.broadcast_to(function(grid.centers[None]), (1, grid.cells))[0]


def around(
    system: Overdamped, ring: bool, lower: Array | None, upper: Array | None
) -> tuple[Array, Array, Bool[Array, ""]]:
    """The ends of the line, found where they are not given, and whether that went well.

    A ring is one period of the potential. An interval holds all but 2e-16 of the densities of the
    controls that the protocol visits, as a scan from -1000 to 1000 sees them; it is found without
    derivatives, for nothing depends on it.
    """
    dtype = system.dtype
    if ring:
        period = system.potential.period
        if period is None and (lower is None or upper is None):
            raise ValueError(
                "FokkerPlanck: the potential names no period. Give the ring's lower and upper end."
            )
        start = jnp.zeros((), dtype) if lower is None else lower
        end = upper if upper is not None else start + jnp.asarray(period, dtype)
        return start, end, jnp.array(True)
    if lower is not None and upper is not None:
        return lower, upper, jnp.array(True)
    scan = _REACH * jnp.sinh(jnp.linspace(-1, 1, _SCANNED, dtype=dtype) * _STRETCH)
    scan = lax.stop_gradient(scan / jnp.sinh(jnp.asarray(_STRETCH, dtype)))
    frozen = lax.stop_gradient(system)
    visited = -jnp.ones(1, dtype)
    if system.protocol is not None:
        share = jnp.linspace(0, 1, _VISITED, dtype=dtype)
        visited = jnp.concatenate([visited, lax.stop_gradient(system.protocol.duration) * share])

    def dense(time):
        rise = landscape(frozen, frozen.control_at(time), scan).rise
        phi = jnp.concatenate([jnp.zeros_like(rise[:1]), jnp.cumsum(rise)])
        return phi < jnp.min(phi) + _DEPTH

    inside = jnp.any(jax.vmap(dense)(visited), axis=0)
    last = scan.size - 1
    left = jnp.clip(jnp.argmax(inside) - 1, 0, last)
    right = jnp.clip(last - jnp.argmax(inside[::-1]) + 1, 0, last)
    confined = ~(inside[0] | inside[-1])
    found = scan[left], scan[right]
    return (
        found[0] if lower is None else lower,
        found[1] if upper is None else upper,
        confined,
    )
