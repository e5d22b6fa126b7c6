"""The stationary state where neighbours are taken to be independent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import AbstractSteadyMethod, AbstractSystem, Case, Status, setting, steady

from ._lattice import AbstractExclusion, Lattice, PerSite, check_footprint
from ._state import ExclusionState, exclusion_state
from ._systems import OpenASEP

Gates = Float[Array, " gate"]
Rate = Callable[[PerSite], PerSite]


class MeanField(AbstractSteadyMethod):
    r"""The stationary state without correlations: an approximation, biased at any length.

    With independent neighbours the currents of particles of one site are

    .. math:: J_i = r_i\,\rho_i (1 - \rho_{i+1}) - l_i\,\rho_{i+1} (1 - \rho_i)

    and the densities solve :math:`J_{i-1} - J_i + \omega^a_i (1 - \rho_i) - \omega^d_i \rho_i = 0`.
    For particles that cover l sites the site ahead, i + l, is empty with the chance

    .. math:: \frac{1 - \rho_{i+1} - ... - \rho_{i+l}}{1 - \rho_{i+1} - ... - \rho_{i+l-1}}

    given a particle at i (MacDonald, Gibbs and Pipkin, Biopolymers 6, 1, 1968; Shaw, Zia and Lee,
    Phys. Rev. E 68, 021910, 2003). In long lattices of one site a particle the current is right,
    but its approach to the limit and the density near the ends are not. The densities relax
    by implicit steps that grow into those of Newton's method; derivatives are implicit.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractExclusion,)

    max_iterations: int = setting(range="[10, inf)", doc="Most steps of relaxation", default=200)

    def check(self, system: AbstractExclusion) -> None:
        if system.lattice.periodic:
            raise ValueError(
                f"MeanField: {type(system).__name__} is a ring, whose density is fixed by its "
                "particles. Give Generator or a sampler, or on a uniform ring UniformMeasure."
            )
        check_footprint("MeanField", system.lattice)

    def steady(self, system: AbstractExclusion) -> ExclusionState:
        lattice = system.lattice
        density, steps, residual = solved(lattice, self.max_iterations)
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
            status=Status.first_true(
                not_finite=~jnp.isfinite(residual),
                max_iterations=~(residual <= _tolerance(residual)),
            ),
            stats={"iterations": steps, "residual": residual},
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
    assert lattice.attachment is not None and lattice.detachment is not None
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


def solved(lattice: Lattice, most: int) -> tuple[PerSite, Array, Array]:
    """The stationary densities, the steps taken, and the residual relative to the largest rate.

    Linearly implicit steps, which double while they do good and shrink where they do not. The
    derivatives are those of the equations, by one linear solve.
    """
    one = jnp.eye(lattice.length, dtype=lattice.forward.dtype)
    fastest = lax.stop_gradient(jnp.max(jnp.concatenate(lattice.passing)))
    tolerance = _tolerance(fastest)

    def relaxed(rate: Rate, start: PerSite) -> tuple[PerSite, Array]:
        slope = jax.jacfwd(rate)

        def size(density: PerSite) -> Array:
            return jnp.max(jnp.abs(rate(density))) / fastest

        def unfinished(known: Any) -> Array:
            density, _, count = known
            return (size(density) > tolerance) & (count < most)

        def step(known: Any) -> Any:
            density, time, count = known
            move = jnp.linalg.solve(one / time - slope(density), rate(density))
            after = density + move
            good = ~(crowded(lattice, after) | (size(after) > 2 * size(density)))
            time = jnp.where(good, 2 * time, time / 4)
            return jnp.where(good, after, density), time, count + 1

        density, _, count = lax.while_loop(unfinished, step, (start, 1 / fastest, jnp.int32(0)))
        left = size(density)
        hopeless = ~(left <= jnp.sqrt(tolerance))
        return jnp.where(hopeless, jnp.nan, density), jnp.stack([count.astype(left.dtype), left])

    def tangent(linear: Rate, rhs: PerSite) -> PerSite:
        return jnp.linalg.solve(jax.jacfwd(linear)(rhs), rhs)

    start = jnp.full(lattice.length, 0.5 / lattice.footprint, fastest.dtype)
    density, report = lax.custom_root(
        lambda density: change(lattice, density), start, relaxed, tangent, has_aux=True
    )
    count, left = lax.stop_gradient(report)
    return density, count.astype(jnp.int32), left


def _tolerance(like: Array) -> Array:
    """What rounding leaves of the rates."""
    return jnp.asarray(1e3 * jnp.finfo(like.dtype).eps, like.dtype)
