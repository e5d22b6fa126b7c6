"""The stationary state where neighbours are taken to be independent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import AbstractSteadyMethod, AbstractSystem, Case, newton, setting, steady

from ._gillespie import check_footprint
from ._lattice import AbstractExclusion, Lattice, PerSite
from ._state import ExclusionState, exclusion_state
from ._systems import OpenASEP

Gates = Float[Array, " gate"]


class MeanField(AbstractSteadyMethod):
    r"""The stationary state without correlations: an approximation, biased at any length.

    With independent neighbours the currents of particles of one site are

    .. math:: J_i = r_i\,\rho_i (1 - \rho_{i+1}) - l_i\,\rho_{i+1} (1 - \rho_i)

    and the densities solve :math:`J_{i-1} - J_i + \omega^a_i (1 - \rho_i) - \omega^d_i \rho_i = 0`.
    For particles that cover l sites the site ahead, i + l, is empty with the chance

    .. math:: \frac{1 - \rho_{i+1} - ... - \rho_{i+l}}{1 - \rho_{i+1} - ... - \rho_{i+l-1}}

    given a particle at i (MacDonald, Gibbs and Pipkin, Biopolymers 6, 1, 1968; Shaw, Zia and Lee,
    Phys. Rev. E 68, 021910, 2003). In long lattices of one site a particle the current is right,
    but its approach to the limit and the density near the ends are not. Densities relax first, by
    implicit steps that grow, and are then solved for by Newton's method with implicit derivatives.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractExclusion,)

    max_iterations: int = setting(
        range="[10, inf)", doc="Most steps of relaxation, and of Newton's method", default=200
    )

    def check(self, system: AbstractExclusion) -> None:
        if system.lattice.periodic:
            raise ValueError(
                f"MeanField: {type(system).__name__} is a ring, whose density is fixed by its "
                "particles. Give Generator or a sampler, or on a uniform ring UniformMeasure."
            )
        check_footprint("MeanField", system.lattice)

    def steady(self, system: AbstractExclusion) -> ExclusionState:
        lattice = system.lattice
        length, reach = lattice.length, lattice.footprint
        dtype = lattice.forward.dtype
        tolerance = jnp.asarray(1e3 * jnp.finfo(dtype).eps, dtype)
        start = jnp.full(length, 0.5 / reach, dtype)
        fixed = lax.stop_gradient(lattice)
        size = jnp.max(jnp.concatenate(fixed.passing))
        begun = relaxed(fixed, start, tolerance * size, self.max_iterations)
        density, stats = newton(
            lambda density: change(lattice, density),
            begun,
            within=(jnp.zeros_like(start), jnp.ones_like(start)),
            scale=jnp.broadcast_to(size, (length,)),
            tolerance=tolerance,
            max_iterations=self.max_iterations,
        )
        gates = currents(lattice, density)
        attached = None
        if lattice.attachment is not None:
            attached = attachments(lattice, density)
        return exclusion_state(
            lattice,
            density=density,
            gate_current=gates,
            current=jnp.mean(gates),
            net_attachment=attached,
            status=stats.status,
            stats={"iterations": stats.iterations, "residual": stats.residual},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        level = OpenASEP.from_densities(12, 0.3, 0.3, 0.4)
        yield Case(
            "equal densities of the reservoirs, where nothing is correlated",
            lambda: steady(level, cls()).current,
            0.6 * 0.3 * 0.7,
            1e-12,
            "(1 - q) rho (1 - rho)",
        )


def currents(lattice: Lattice, density: PerSite) -> Gates:
    """The current through each gate of an open lattice, without correlations."""
    length, reach = lattice.length, lattice.footprint
    ahead, back = lattice.passing
    none = jnp.zeros((), density.dtype)
    beyond = jnp.zeros(reach, density.dtype)
    wide = jnp.concatenate([beyond, density, beyond])
    below = jnp.concatenate([none[None], jnp.cumsum(wide)])  # of the first n of `wide`
    site = jnp.arange(length) + reach

    def free(first: Array, many: int) -> PerSite:
        return 1 - (below[first + many] - below[first])

    # the chance that the site `reach` ahead (behind) is free, given a particle at `site`
    right = free(site + 1, reach) / free(site + 1, reach - 1)
    left = free(site - reach, reach) / free(site - reach + 1, reach - 1)
    entering = free(reach + jnp.arange(1), reach)
    returning = free(jnp.arange(length, length + 1), reach)
    rightwards = jnp.concatenate([entering, density * right])
    leftwards = jnp.concatenate([density * left, returning])
    return ahead * rightwards - back * leftwards


def attachments(lattice: Lattice, density: PerSite) -> PerSite:
    """The net attachment to each site."""
    return lattice.attachment * (1 - density) - lattice.detachment * density


def change(lattice: Lattice, density: PerSite) -> PerSite:
    """The rate of change of the densities."""
    gates = currents(lattice, density)
    rate = gates[:-1] - gates[1:]
    return rate if lattice.attachment is None else rate + attachments(lattice, density)


def crowded(lattice: Lattice, density: PerSite) -> Array:
    """Whether a density is negative, or so many sites hold more than the one particle that fits."""
    many = jnp.convolve(density, jnp.ones(lattice.footprint, density.dtype))
    return (jnp.min(density) < 0) | (jnp.max(many) > 1) | ~jnp.all(jnp.isfinite(density))


def relaxed(lattice: Lattice, start: PerSite, tolerance: Array, most: int) -> PerSite:
    """Where `start` relaxes to: linearly implicit steps that double while they do good."""

    def rate(density: PerSite) -> PerSite:
        return change(lattice, density)

    slope = jax.jacfwd(rate)
    one = jnp.eye(start.shape[0], dtype=start.dtype)

    def unfinished(known: Any) -> Array:
        density, _, count = known
        return (jnp.max(jnp.abs(rate(density))) > tolerance) & (count < most)

    def step(known: Any) -> Any:
        density, time, count = known
        now = rate(density)
        after = density + jnp.linalg.solve(one / time - slope(density), now)
        worse = jnp.max(jnp.abs(rate(after))) > 2 * jnp.max(jnp.abs(now))
        good = ~(worse | crowded(lattice, after))
        density = jnp.where(good, after, density)
        return density, jnp.where(good, 2, 0.25).astype(time.dtype) * time, count + 1

    first = 1 / jnp.max(jnp.concatenate(lattice.passing))
    return lax.while_loop(unfinished, step, (start, first, jnp.int32(0)))[0]
