"""Many events at once, where they hardly change the rates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Shaped, UInt32

from jaxneq._core import AbstractSystem, Case, Scalar, parameter, setting, simulate
from jaxneq._kernels import jump as kernel
from jaxneq._kernels import noise

from ._jump_sampler import AbstractJumpSampler, PerDirection, PerSpecies, Streams, rows_of
from ._jumps import Jumps
from ._reaction_network import ReactionNetwork

_MOST_EVENTS = 2.0**31 - 1024  # of a direction in all, which whole numbers of 32 bits hold
_FEW = 10  # events in a leap below which single events are taken


class TauLeaping(AbstractJumpSampler):
    r"""Leaps over a time in which no rate changes by more than a share `error`.

    Each direction fires a Poisson number of times with the mean :math:`a_d \tau`, and

    .. math:: \tau = \min_s \left( \frac{\max(\epsilon n_s/g_s, 1)}{|\mu_s|},
                     \frac{\max(\epsilon n_s/g_s, 1)^2}{\sigma_s^2} \right)

    with the mean and the variance per time of each number (Cao, Gillespie and Petzold, J. Chem.
    Phys. 124, 044109, 2006); g is the order of the reactions that a species takes part in. Where a
    leap would hold fewer than 10 events, one exact event is taken. A leap to a number below 0 is
    refused and tried again over half the time; so numbers never are negative, at the price of a
    bias where molecules are few. Averages have an error of the order of `error`.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (ReactionNetwork,)
    differentiate_instead: ClassVar[str] = "RateEquations or ChemicalLangevin"

    error: Scalar = parameter(
        range="(0, 1)", doc="Largest relative change of a rate within a leap", default=0.03
    )
    max_iterations: int = setting(
        doc="Leaps of a replica between two instants before the run is given up",
        range="[1, inf)",
        default=10_000_000,
    )

    def memory_dtype(self, jumps: Jumps) -> Any:
        return jnp.int32  # how many leaps there have been

    def pass_window(
        self,
        jumps: Jumps,
        initial: PerSpecies,
        fired: PerDirection,
        memory: Shaped[Array, " replica"],
        key: Streams,
        identity: UInt32[Array, " replica"],
        length: Float[Array, ""],
        number: Int[Array, ""],
    ) -> tuple[PerDirection, Shaped[Array, " replica"], Bool[Array, ""]]:
        dtype, directions = jumps.dtype, jnp.arange(fired.shape[0])[:, None]
        single, many = ((k[0][part], k[1][part]) for k, part in ((key, 0), (key, slice(1, None))))
        many = many[0][:, None], many[1][:, None]
        error, shape = self.error.astype(dtype), fired.shape

        def leap(carry: tuple) -> tuple:
            fired, draws, time, shrunk, turn = carry
            numbers = jnp.stack(rows_of(jumps, [*initial], [*fired])).astype(dtype)
            rates = jnp.stack(jumps.propensities([*numbers]))
            # where a rate is not finite nothing happens, as the status tells in the end
            rates = jnp.where(jnp.all(jnp.isfinite(rates), axis=0)[None], rates, 0)
            total = jnp.sum(rates, axis=0)
            safe = jnp.where(total > 0, total, 1)
            few = _FEW / safe
            tau = jnp.minimum(_longest(jumps, numbers, rates, error) * shrunk, length - time)
            counter = draws.astype(jnp.uint32)
            wait, share = noise.exponential_and_uniform(single, identity, counter, np.dtype(dtype))
            one_by_one = ((tau < few) & (shrunk == 1)) | (length - time < few)
            alone = wait / safe
            alive, due = total > 0, time + alone <= length
            bounds = jnp.cumsum(rates, axis=0)[:-1]
            chosen = jnp.sum((bounds <= (share * total)[None]).astype(directions.dtype), axis=0)
            once = ((directions == chosen[None]) & (due & alive)[None]).astype(fired.dtype)
            means = jnp.where(one_by_one[None], 0, rates * tau[None])
            counters = jnp.broadcast_to(counter[None], shape)
            identities = jnp.broadcast_to(identity[None], shape)
            leaps = kernel.poisson(means, many, identities, counters)
            full = jnp.any(fired.astype(dtype) + leaps >= _MOST_EVENTS, axis=0)
            fresh = fired + jnp.where(one_by_one[None], once, leaps.astype(fired.dtype))
            after = jnp.stack(rows_of(jumps, [*initial], [*fresh]))
            good = jnp.all(after >= 0, axis=0)
            going = time < length
            fired = jnp.where((good & going & ~full)[None], fresh, fired)
            passed = jnp.where(one_by_one, jnp.where(due & alive, alone, length - time), tau)
            ends = jnp.where(one_by_one, ~(due & alive), tau >= length - time)
            later = jnp.where(ends, length, time + passed)
            time = jnp.where(good & going, later, time)
            time = jnp.where(full & going, jnp.nan, time)  # ends the loop, and never arrives
            shrunk = jnp.where(good, 1, shrunk / 2)
            return fired, draws + going.astype(draws.dtype), time, shrunk, turn + 1

        def unfinished(carry: tuple) -> Bool[Array, ""]:
            return jnp.any(carry[2] < length) & (carry[4] < self.max_iterations)

        zero = jnp.zeros(shape[1], dtype)
        start = fired, memory, zero, zero + 1, jnp.int32(0)
        fired, memory, time, _, _ = lax.while_loop(unfinished, leap, start)
        return fired, memory, jnp.all(time >= length)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        isomers = ReactionNetwork(reactions=("A <-> B : 3.0, 1.0",), initial={"A": 20000})
        method = cls(replicas=512, instants=4, error=0.01)

        def mean() -> Any:
            return simulate(isomers, method, key=jax.random.key(0), time=4.0, burn_in=2.0).mean

        yield Case(
            "isomers: mean",
            lambda: jax.tree.map(lambda each: each[0], mean()),
            5000.0,
            5.0,
            "n k_- / (k_+ + k_-)",
            error="z",
        )


def _longest(
    jumps: Jumps, numbers: PerSpecies, rates: PerDirection, error: Float[Array, ""]
) -> Float[Array, " replica"]:
    """The longest leap that changes no rate by more than its share."""
    steps = jnp.asarray(jumps.steps, rates.dtype)
    drift, spread = jnp.abs(steps.T @ rates), (steps**2).T @ rates
    bound = jnp.maximum(error * numbers / _orders(jumps, numbers), 1)
    times = jnp.minimum(_over(bound, drift), _over(bound**2, spread))
    return jnp.min(times, axis=0)


def _orders(jumps: Jumps, numbers: PerSpecies) -> PerSpecies:
    """G of each species: the highest order, more where several of its own molecules meet."""
    rows = []
    for (order, own), number in zip(jumps.orders, numbers, strict=True):
        pairs = sum((taken / jnp.maximum(number - taken, 1) for taken in range(1, own)), 0 * number)
        rows.append(order / max(own, 1) * (max(own, 1) + pairs))
    return jnp.stack(rows)


def _over(part: Array, whole: Array) -> Array:
    there = whole > 0
    return jnp.where(there, part / jnp.where(there, whole, 1), jnp.inf)
