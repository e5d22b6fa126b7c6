"""The deterministic limit of a reaction network."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractEvolveMethod,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    evolve,
    newton,
    parameter,
    setting,
    steady,
)

from ._rate_solutions import RateCourse, SteadyRates, both_ways, net_and_affinity
from ._reaction_network import ReactionNetwork
from ._stiff import integrate

Numbers = Float[Array, " species"]
_APPROACH = 500  # most steps with which the steady state is approached
_CONTRADICTION = 0.1  # relative, between a step and its two halves


class RateEquations(AbstractSteadyMethod, AbstractEvolveMethod):
    r"""Rate equations, :math:`\dot n = \sum_d \Delta_d\,a_d(n)`, what many molecules do.

    The steady state is the one reached from the `initial` numbers. It is approached by implicit
    Euler steps, as long as their error allows, and found by Newton's method, where conservation
    laws stand in place of the equations that depend on others; so derivatives are those of the
    implicit function theorem, to any order. In time, by a stiff integrator of order 5 (`_stiff`).
    Where several molecules meet in small numbers the mean of the exact process is another:
    fluctuations are left out.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (ReactionNetwork,)

    tolerance: Scalar = parameter(
        range="(0, 1)",
        doc="Error of a step in time relative to a number, or to 1e-3 of the largest at the start; "
        "in float32 1e-4 at least",
        default=1e-6,
    )
    max_iterations: int = setting(
        doc="Most steps between two times, or of Newton's method", range="[1, inf)", default=500
    )

    def steady(self, system: ReactionNetwork) -> SteadyRates:
        laws, follow = system.conserved
        start = system.start
        weights, rows = jnp.asarray(laws, system.dtype), jnp.asarray(follow, int)

        def residual(numbers: Numbers) -> Numbers:
            return _flow(system, numbers).at[rows].set(weights @ (numbers - start))

        guess = _approached(*jax.tree.map(lax.stop_gradient, (system, start)))
        turnover = _turnover(system, guess)
        eps = jnp.finfo(system.dtype).eps
        total = jnp.abs(weights) @ start
        scale = (turnover + eps * jnp.max(turnover)).at[rows].set(total + eps * jnp.max(start))
        numbers, found = newton(
            residual,
            guess,
            within=(jnp.zeros_like(guess), jnp.full_like(guess, jnp.inf)),
            scale=lax.stop_gradient(scale) + jnp.finfo(system.dtype).tiny,
            tolerance=jnp.asarray(1e4 * eps, system.dtype),
            max_iterations=self.max_iterations,
        )
        ahead, back = both_ways(system, numbers)
        rate, affinity, produced = net_and_affinity(ahead, back)
        free = system.free_energy(numbers)
        lost = None if free is None else -jnp.sum(free * rate)
        least = jnp.min(scale) + jnp.finfo(system.dtype).tiny  # where all has come to an end
        change = jnp.abs(_flow(system, numbers)) / (_turnover(system, numbers) + least)
        return SteadyRates(
            species_names=system.species,
            reaction_names=system.equations,
            species=jnp.arange(len(system.species)),
            reaction=jnp.arange(len(system.reactions)),
            concentration=numbers / system.size,
            mean=numbers,
            rate=rate,
            velocity=rate[-1],
            affinity=affinity,
            free_energy=free,
            dissipation=lost,
            cost=None if lost is None else _over(lost, rate[-1]),
            entropy_production=produced,
            conservation_residual=jnp.max(change),
            status=found.status,
            stats={"iterations": found.iterations, "residual": found.residual},
        )

    def check_initial(self, system: ReactionNetwork, initial: Any) -> None:
        known = np.ravel(np.asarray(initial))
        if not np.all(known >= 0):
            raise ValueError(
                f"RateEquations: initial = {known[~(known >= 0)][0]:g} is no number of molecules. "
                "Give numbers that are 0 or more."
            )

    def evolve(
        self, system: ReactionNetwork, *, times: Float[Array, " times"], initial: Any
    ) -> RateCourse:
        """`initial` are the numbers of molecules, (species,)."""
        start = system.start if initial is None else jnp.asarray(initial, system.dtype)
        if start.shape != system.start.shape:
            raise ValueError(
                f"RateEquations: initial has shape {start.shape}. Give a number for each of "
                f"{', '.join(system.species)}."
            )
        least = jnp.finfo(system.dtype).eps * 1000
        states, well = integrate(
            lambda numbers: _flow(system, numbers),
            start,
            times.astype(system.dtype),
            scale=jnp.full_like(start, 1e-3 * jnp.max(lax.stop_gradient(start)) + least),
            tolerance=jnp.maximum(self.tolerance, least).astype(system.dtype),
            max_iterations=self.max_iterations,
        )
        numbers = states.T
        rate, affinity, produced = net_and_affinity(*both_ways(system, numbers))
        laws = jnp.asarray(system.conserved[0], system.dtype)
        kept = jnp.abs(laws @ (numbers - start[:, None])) / (jnp.abs(laws) @ start + least)[:, None]
        return RateCourse(
            species_names=system.species,
            reaction_names=system.equations,
            species=jnp.arange(len(system.species)),
            reaction=jnp.arange(len(system.reactions)),
            time=times,
            concentration=numbers / system.size,
            mean=numbers,
            rate=rate,
            affinity=affinity,
            entropy_production=produced,
            conservation_residual=jnp.max(kept, initial=0.0),
            status=Status.first_true(
                not_finite=~jnp.all(jnp.isfinite(numbers)), max_iterations=~well
            ),
            stats={},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        pairs = ReactionNetwork(reactions=("2 A <-> B : 0.5, 0.25",), initial={"A": 10.0})
        yield Case(
            "dimers: monomers left",
            lambda: steady(pairs, cls()).mean[0],
            (math.sqrt(1 + 4 * 4 * 10) - 1) / 8,
            1e-12,
            "a + 2 K a^2 = 10, K = k_+/k_- = 2",
        )
        decay = ReactionNetwork(reactions=("2 A -> 0 : 0.3",), initial={"A": 2.0})
        yield Case(
            "pair annihilation in time",
            lambda: evolve(decay, cls(), times=[5.0]).mean[0, 0],
            2 / (1 + 2 * 0.6 * 5),
            1e-6,
            "n / (1 + 2 k n t)",
        )


def _flow(system: ReactionNetwork, numbers: Numbers) -> Numbers:
    """The change of each number per time."""
    ahead, back = both_ways(system, numbers)
    return (ahead - back) @ jnp.asarray(system.changes, numbers.dtype)


def _over(part: Array, whole: Array) -> Array:
    """Their ratio; infinite over nothing."""
    there = whole != 0
    return jnp.where(there, part / jnp.where(there, whole, 1), jnp.inf)


def _turnover(system: ReactionNetwork, numbers: Numbers) -> Numbers:
    """What makes and takes each species, per time."""
    ahead, back = both_ways(system, numbers)
    return (ahead + back) @ jnp.abs(jnp.asarray(system.changes, numbers.dtype))


def _approached(system: ReactionNetwork, start: Numbers) -> Numbers:
    """Near the steady state. Steps that halves of them contradict are taken again, shorter."""
    eps = jnp.finfo(start.dtype).eps

    def flow(numbers: Numbers) -> Numbers:
        return _flow(system, numbers)

    jacobian = jax.jacfwd(flow)
    fastest = jnp.max(jnp.abs(jacobian(start))) + jnp.max(_turnover(system, start)) * eps
    first = 0.01 / jnp.where(fastest > 0, fastest, 1)

    def attempt(carry: tuple[Numbers, Array, Array]) -> tuple[Numbers, Array, Array]:
        numbers, length, count = carry
        slope, now = jacobian(numbers), flow(numbers)
        identity = jnp.eye(start.size, dtype=start.dtype)
        whole = numbers + jnp.linalg.solve(identity / length - slope, now)
        half = identity / (length / 2) - slope
        middle = numbers + jnp.linalg.solve(half, now)
        moved = middle + jnp.linalg.solve(half, flow(middle))
        size = jnp.maximum(jnp.abs(numbers), jnp.abs(moved))
        size = size + eps**0.6 * jnp.max(size) + jnp.finfo(start.dtype).tiny
        error = jnp.max(jnp.abs(whole - moved) / size)
        good = error <= _CONTRADICTION
        growth = jnp.clip(0.9 * jnp.sqrt(_CONTRADICTION / jnp.maximum(error, eps)), 0.2, 4.0)
        growth = jnp.where(jnp.isfinite(error), growth, 0.2)
        return jnp.where(good, jnp.maximum(moved, 0), numbers), length * growth, count + 1

    def unfinished(carry: tuple[Numbers, Array, Array]) -> Array:
        numbers, length, count = carry
        rests = jnp.all(jnp.abs(flow(numbers)) <= 1e2 * eps * _turnover(system, numbers))
        return (count < _APPROACH) & (length < 1e20 * first) & ~rests

    return lax.while_loop(unfinished, attempt, (start, first, jnp.int32(0)))[0]
