"""The domain wall of motors on a long filament."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Status,
    quantity,
    steady,
)

from ._langmuir import LangmuirASEP
from ._state import AbstractLatticeSolution

Number = Float[Array, ""]


class WallState(AbstractLatticeSolution):
    """A domain wall between low density on the left and high density on the right.

    Positions are shares of the length. No hop has a reverse: the entropy production is infinite.
    """

    primary: ClassVar[str] = "density"

    site: Float[Array, " site"] = quantity(doc="Site", dims=("site",), coordinate=True)
    density: Float[Array, " site"] = quantity(
        label="density ρ", doc="Mean occupation of the site", dims=("site",)
    )
    local_current: Float[Array, " site"] = quantity(
        unit="1/time", doc="Current at the site", dims=("site",)
    )
    wall_position: Number = quantity(doc="Position of the wall over the length")
    wall_site: Number = quantity(doc="Site at which the wall stands", marks="site")
    density_left: Number = quantity(doc="Density just left of the wall")
    density_right: Number = quantity(doc="Density just right of the wall")
    wall_current: Number = quantity(unit="1/time", doc="Current through the wall")
    current: Number = quantity(
        label="current J", unit="1/time", doc="Current, mean over the filament"
    )
    affinity: Number = quantity(doc="Entropy produced by a hop: it has no reverse")
    entropy_production: Number = quantity(unit="1/time", doc="Rate of entropy production of a site")
    conservation_residual: Number = quantity(
        doc="Difference of the currents on both sides of the wall, relative"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"hopping": self.current}

    @property
    def forces(self) -> Mapping[str, Any]:
        return {"hopping": self.affinity}


class DomainWall(AbstractSteadyMethod):
    r"""The coexistence of low and high density in the limit of a long filament.

    With :math:`x = i / L` and the rates :math:`\Omega = L \omega` fixed, mean field becomes
    :math:`(1 - 2\rho)\,\rho' = \Omega_A (1 - \rho) - \Omega_D \rho`, which integrates to

    .. math:: x(\rho) = x_0 + \frac{2 (\rho - \rho_0) - (1 - 2 \rho_K)
              \ln\frac{\rho_K - \rho}{\rho_K - \rho_0}}{\Omega_A + \Omega_D}, \qquad
              \rho_K = \frac{\Omega_A}{\Omega_A + \Omega_D}

    (its inverse is Lambert's function W), with :math:`\rho_0 = \alpha` at 0 and
    :math:`1 - \beta` at 1. The wall stands where the currents of both solutions are equal,
    :math:`\rho_- = 1 - \rho_+` (Parmeggiani, Franosch and Frey, Phys. Rev. E 70, 046101, 2004).
    Where there is no such place the status is `outside_domain`. Exact as L goes to infinity;
    at finite L the wall is smeared over some :math:`\sqrt{L}` sites.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (LangmuirASEP,)

    def steady(self, system: LangmuirASEP) -> WallState:
        total = (system.attachment + system.detachment) * system.length
        kinetic = system.attachment / (system.attachment + system.detachment)
        zero, one = jnp.zeros_like(total), jnp.ones_like(total)
        half = one / 2
        left = _Branch(system.alpha, zero, jnp.minimum(half, kinetic), kinetic, total)
        right = _Branch(1 - system.beta, one, jnp.maximum(half, kinetic), kinetic, total)
        coexisting = (system.alpha < 0.5) & (system.beta < 0.5)

        def surplus(x: Number) -> Number:
            """The density on the left less that for which the wall would rest."""
            return left.density(x) - (1 - right.density(x))

        coexisting = coexisting & (surplus(zero) < 0) & (surplus(one) > 0)

        def apart(low: Number) -> Number:
            """Zero where both solutions meet with the same current."""
            before, behind = left.position(low), right.position(1 - low)
            flat_left, flat_right = left.residual(low, behind), right.residual(1 - low, before)
            curved = jnp.where(right.flat, flat_right, before - behind)
            return jnp.where(left.flat, flat_left, curved)

        low = _polished(apart, jax.grad(apart), left.density(_crossing(surplus, zero, one)))
        wall = jnp.where(left.flat, right.position(1 - low), left.position(low))
        site = jnp.arange(1, system.length + 1, dtype=total.dtype)
        place = (site - 0.5) / system.length
        before, after = jax.vmap(left.density)(place), jax.vmap(right.density)(place)
        density = jnp.where(place < wall, before, after)
        current = density * (1 - density)
        affinity = jnp.asarray(jnp.inf, total.dtype)
        flux, high = low * (1 - low), right.density(wall)

        def known(value: Array) -> Array:
            return jnp.where(coexisting, value, jnp.nan)

        mean = known(jnp.mean(current))
        return WallState(
            site=site,
            density=known(density),
            local_current=known(current),
            wall_position=known(wall),
            wall_site=known(wall * system.length + 0.5),
            density_left=known(low),
            density_right=known(1 - low),
            wall_current=known(flux),
            current=mean,
            affinity=affinity,
            entropy_production=mean * affinity,
            conservation_residual=known(jnp.abs(flux - high * (1 - high)) / flux),
            status=Status.first_true(outside_domain=~coexisting, not_finite=~jnp.isfinite(mean)),
            stats={},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        filament = LangmuirASEP(
            length=200, alpha=0.2, beta=0.3, attachment=0.3 / 200, detachment=0.3 / 200
        )
        yield Case(
            "position of the wall, equal rates",
            lambda: steady(filament, cls()).wall_position,
            2 / 3,
            1e-12,
            "(Omega + beta - alpha) / (2 Omega), Parmeggiani et al. (2003)",
        )


class _Branch(NamedTuple):
    """The solution from one end, up to where it would stop."""

    start: Number
    place: Number
    stop: Number
    kinetic: Number
    total: Number

    @property
    def flat(self) -> Array:
        """Whether the density is all but that of the kinetics, from the end on."""
        return jnp.abs(self.kinetic - self.start) < 1e-6

    def residual(self, density: Number, place: Number) -> Number:
        """Zero where the density is reached at the place, for a flat solution; 0 for others.

        The same equation without the logarithm, whose argument is 0/0 where nothing changes.
        """
        width = jnp.where(self.flat, 1 - 2 * self.kinetic, 1)
        way = 2 * (density - self.start) - self.total * (place - self.place)
        decay = jnp.exp(jnp.where(self.flat, way / width, 0))
        return jnp.where(self.flat, self.kinetic - density - (self.kinetic - self.start) * decay, 0)

    def position(self, density: Number) -> Number:
        """Where the density is reached."""
        whole = self.kinetic - self.start
        there = whole != 0
        ratio = jnp.where(there, self.kinetic - density, 0) / jnp.where(there, whole, 1)
        logarithm = jnp.log(jnp.where(ratio > 0, ratio, jnp.finfo(ratio.dtype).tiny))
        way = 2 * (density - self.start) - (1 - 2 * self.kinetic) * logarithm
        return self.place + way / self.total

    def slope(self, density: Number) -> Number:
        """The derivative of the position."""
        gap = self.kinetic - density
        there = gap != 0
        rest = jnp.where(there, (1 - 2 * self.kinetic) / jnp.where(there, gap, 1), 0)
        return (2 + rest) / self.total

    def density(self, place: Number) -> Number:
        """The density at a place between the ends; where the solution has stopped, its last."""
        ahead = jnp.where(self.place > 0.5, -1, 1).astype(place.dtype)

        def at(share: Number) -> Number:
            return self.start + share * (self.stop - self.start)

        def missing(share: Number) -> Number:
            return ahead * (self.position(at(share)) - place)

        zero, one = jnp.zeros_like(place), jnp.ones_like(place)
        share = _crossing(missing, zero, one)
        stopped = missing(one) < 0
        inside = jnp.where(stopped, 0.5, share)

        def off(density: Number) -> Number:
            curved = self.position(density) - place
            return jnp.where(self.flat, self.residual(density, place), curved)

        def slope(density: Number) -> Number:
            flat = jax.grad(self.residual)(density, place)
            return jnp.where(self.flat, flat, self.slope(density))

        found = _polished(off, slope, at(inside))
        return jnp.where(stopped, self.stop, found)


def _crossing(function: Callable[[Number], Number], low: Number, high: Number) -> Number:
    """Where a function becomes positive between two numbers, by bisection."""

    def halve(_: Array, ends: tuple[Number, Number]) -> tuple[Number, Number]:
        low, high = ends
        middle = (low + high) / 2
        beyond = function(middle) > 0
        return jnp.where(beyond, low, middle), jnp.where(beyond, middle, high)

    low, high = lax.fori_loop(0, 60, halve, (low, high))
    return (low + high) / 2


def _polished(
    function: Callable[[Number], Number], slope: Callable[[Number], Number], found: Number
) -> Number:
    """The root next to `found`. Two steps of Newton's method carry the first three derivatives."""
    root = lax.stop_gradient(found)
    for _ in range(2):
        root = root - function(root) / slope(root)
    return root
