"""What a sampled ensemble of jump processes has to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Shaped

from jaxneq._core import AbstractSolution, Estimate, Status, quantity, why_infinite

from ._jumps import Jumps
from ._network_state import name_dimensions

_SPECIES = ("species",)
_REACTION = ("reaction",)


class JumpEnsemble(AbstractSolution):
    r"""Averages over independent paths, after the burn-in.

    Numbers of molecules are looked at at equally spaced instants; events are all counted. The
    entropy production, in units of k_B per time, is what each path has given to its surroundings
    over the time counted,

    .. math:: \sigma\,t = \sum_{events} \ln\frac{a_d(n)}{a_{-d}(n + \Delta_d)}

    with the rates before and after the event in direction d; once the state is stationary that is
    the whole. Where all rates are those of mass action the sum follows from the events counted and
    from both ends of the path. Else it is the mean of its rate,
    :math:`\sum_d a_d \ln (a_d/a_{-d})`, over the instants. It is infinite where a reaction has no
    reverse. The force of a reaction is its mean share per net event.
    """

    primary: ClassVar[str] = "mean_in_time"

    species_names: tuple[str, ...] = eqx.field(static=True)
    reaction_names: tuple[str, ...] = eqx.field(static=True)
    species: Int[Array, " species"] = quantity(doc="Species", dims=_SPECIES, coordinate=True)
    reaction: Int[Array, " reaction"] = quantity(doc="Reaction", dims=_REACTION, coordinate=True)
    time: Float[Array, " time"] = quantity(unit="time", doc="Time counted", dims=("time",))
    mean_in_time: Estimate = quantity(doc="Mean number of molecules", dims=("species", "time"))
    variance_in_time: Estimate = quantity(
        doc="Variance of the number of molecules", dims=("species", "time"), panel=False
    )
    mean: Estimate = quantity(doc="Mean number of molecules over all instants", dims=_SPECIES)
    variance: Estimate = quantity(doc="Variance over all instants", dims=_SPECIES)
    fano_factor: Estimate = quantity(
        label="Fano factor", doc="Variance over mean", dims=_SPECIES, panel=False
    )
    rate: Estimate = quantity(
        unit="1/time", doc="Net events per time of each reaction", dims=_REACTION
    )
    rate_variance: Estimate = quantity(
        unit="1/time",
        doc="Variance of the net events of each reaction per time",
        dims=_REACTION,
        panel=False,
    )
    velocity: Estimate = quantity(
        label="rate of the last reaction",
        unit="1/time",
        doc="Net events per time of the last reaction",
    )
    activity: Estimate = quantity(
        unit="1/time", doc="Events per time, all reactions and both directions"
    )
    affinity: Float[Array, " reaction"] = quantity(
        doc="Entropy produced per net event", dims=_REACTION, panel=False
    )
    entropy_production: Estimate = quantity(unit="1/time", doc="Rate of entropy production")
    conservation_residual: Float[Array, ""] = quantity(
        doc="Change of what the reactions conserve, the largest"
    )
    count: Float[Array, " count"] | None = quantity(
        label="number of molecules", doc="Number of molecules", dims=("count",), default=None
    )
    marginal: Estimate | None = quantity(
        label="probability",
        doc="Probability of the number of molecules",
        dims=("species", "count"),
        default=None,
    )
    counts: Shaped[Array, "species replica"] = quantity(
        doc="Molecules of each replica at the end", dims=("species", "replica"), panel=False
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"reaction": self.rate.value}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"reaction": self.affinity}

    def remark(self) -> str:
        return why_infinite(("reaction", self.affinity, self.reaction_names))

    def quantities(self) -> dict[str, tuple[Any, dict[str, Any]]]:
        names = {"species": self.species_names, "reaction": self.reaction_names}
        return name_dimensions(super().quantities(), names)


def ensemble_of(
    jumps: Jumps,
    frames: Shaped[Array, "time species replica"],
    fired: Shaped[Array, "direction replica"],
    start: Shaped[Array, "species replica"],
    laws: Any,
    duration: Float[Array, ""],
    largest: int,
    arrived: Array,
) -> JumpEnsemble:
    """From the numbers at the instants and the events counted, of all replicas.

    **Arguments:** `start`, the numbers when counting began; `laws`, a basis of what is conserved;
    `largest`, up to which numbers have a probability told (0: none).
    """
    dtype, instants = jumps.dtype, frames.shape[0]
    numbers = jnp.moveaxis(frames, 2, 0).astype(dtype)  # (replica, time, species)
    replicas = numbers.shape[0]
    in_time = Estimate.from_samples(jnp.swapaxes(numbers, 1, 2))
    spread = _square(numbers, jnp.swapaxes(in_time.value, 0, 1)[None])
    mean = Estimate.from_samples(jnp.mean(numbers, axis=1))
    squares = jnp.mean(_square(numbers, mean.value[None, None]), axis=1)
    variance = Estimate.from_samples(squares)
    each = jnp.mean(numbers, axis=1)
    events = jumps.net(fired.astype(dtype)).T / duration
    rate = Estimate.from_samples(events)
    rows = [frames[:, row].astype(dtype) for row in range(len(jumps.species))]
    produced, one_way = _produced(jumps, rows)
    if jumps.log_constants is not None:
        one_way = one_way | ~jnp.isfinite(jumps.log_constants)
        produced = _adding_up_to(_along_paths(jumps, fired, start, frames[-1]) / duration, produced)
    some = rate.value != 0
    endless = one_way & some
    force = jnp.mean(produced, axis=1) / jnp.where(some, rate.value, 1)
    affinity = jnp.where(endless, jnp.inf, jnp.where(some, force, 0))
    total = Estimate.from_samples(jnp.sum(produced, axis=0))
    bounded = ~jnp.any(endless)
    count = marginal = None
    if largest:
        values, whole = (
            jnp.arange(largest + 1, dtype=jnp.int32),
            jnp.round(frames).astype(jnp.int32),
        )
        shares = lax.map(lambda n: jnp.mean((whole == n).astype(dtype), axis=0), values)
        marginal = Estimate.from_samples(jnp.transpose(shares, (2, 1, 0)))
        count = values.astype(dtype)
    kept = jnp.asarray(laws, dtype) @ (frames[-1] - start).astype(dtype)
    return JumpEnsemble(
        species_names=jumps.species,
        reaction_names=jumps.reactions,
        species=jnp.arange(len(jumps.species)),
        reaction=jnp.arange(len(jumps.reactions)),
        time=jnp.arange(1, instants + 1, dtype=dtype) * (duration / instants),
        mean_in_time=in_time,
        variance_in_time=Estimate.from_samples(jnp.swapaxes(spread, 1, 2)),
        mean=mean,
        variance=variance,
        fano_factor=_ratio(variance, squares, mean, each),
        rate=rate,
        rate_variance=Estimate.from_samples(_square(events, rate.value[None]) * duration),
        velocity=Estimate(rate.value[-1], rate.stderr[-1], rate.n_effective[-1]),
        activity=Estimate.from_samples(jnp.sum(fired.astype(dtype), axis=0) / duration),
        affinity=affinity,
        entropy_production=Estimate(
            jnp.where(bounded, total.value, jnp.inf),
            jnp.where(bounded, total.stderr, 0),
            total.n_effective,
        ),
        conservation_residual=jnp.max(jnp.abs(kept), initial=0.0),
        count=count,
        marginal=marginal,
        counts=frames[-1],
        status=Status.first_true(
            not_finite=~_rates_known(jumps, frames[-1]), max_iterations=~arrived
        ),
        stats={"replicas": replicas},
    )


def _rates_known(jumps: Jumps, end: Shaped[Array, "species replica"]) -> Bool[Array, ""]:
    """Whether all rates are finite where the paths end: they go no further where they are not."""
    rows = [jnp.maximum(row, 0) for row in end.astype(jumps.dtype)]
    return jnp.all(jnp.isfinite(jnp.stack([*rows, *jumps.propensities(rows)])))


def _square(samples: Array, mean: Array) -> Array:
    """Whose mean over the first axis is the unbiased variance."""
    count = samples.shape[0]
    return (samples - mean) ** 2 * (count / (count - 1))


def _ratio(above: Estimate, its: Array, below: Estimate, each: Array) -> Estimate:
    """Of two means over the same replicas, `its` and `each`; 0 where there is nothing."""
    there = below.value > 0
    safe = jnp.where(there, below.value, 1)
    value = jnp.where(there, above.value / safe, 0)
    error = Estimate.from_samples((its - value[None] * each) / safe[None])
    return Estimate(value, jnp.where(there, error.stderr, 0), error.n_effective)


def _produced(
    jumps: Jumps, rows: list[Array]
) -> tuple[Float[Array, "reaction replica"], Bool[Array, " reaction"]]:
    """Entropy per time of each reaction, the mean over the instants, and which have no reverse.

    Events without a reverse are left out.
    """
    ahead = jumps.propensities(rows)
    produced = [jnp.zeros_like(rows[0]) for _ in jumps.reactions]
    one_way = [jnp.array(name in jumps.irreversible) for name in jumps.reactions]
    for direction, step in enumerate(jumps.steps):
        number, back = jumps.directions[direction][0], jumps.reverse(direction)
        if back is None:
            continue
        moved = [row + float(change) for row, change in zip(rows, step, strict=True)]
        undone = jumps.propensities(moved)[back]
        both = (ahead[direction] > 0) & (undone > 0)
        log_ratio = jnp.log(jnp.where(both, ahead[direction], 1))
        log_ratio = log_ratio - jnp.log(jnp.where(both, undone, 1))
        produced[number] = produced[number] + jnp.where(both, ahead[direction] * log_ratio, 0)
        lost = (ahead[direction] > 0) & ~(undone > 0)
        one_way[number] = one_way[number] | jnp.any(lost)
    return jnp.stack([jnp.mean(one, axis=0) for one in produced]), jnp.stack(one_way)


def _along_paths(jumps: Jumps, fired: Array, start: Array, end: Array) -> Float[Array, " replica"]:
    r"""Net events times logarithms of constants, and :math:`\ln n!` at the start less the end."""
    assert jumps.log_constants is not None
    dtype = jumps.dtype
    given = jnp.where(jnp.isfinite(jumps.log_constants), jumps.log_constants, 0)
    factorials = lax.lgamma(start.astype(dtype) + 1) - lax.lgamma(end.astype(dtype) + 1)
    return given @ jumps.net(fired.astype(dtype)) + jnp.sum(factorials, axis=0)


def _adding_up_to(
    whole: Float[Array, " replica"], parts: Float[Array, "reaction replica"]
) -> Float[Array, "reaction replica"]:
    """Parts with the same means that add up to what is known of the whole.

    Each takes the share of the difference by which it varies with the sum of the parts: the
    control variate of least variance.
    """
    total = jnp.sum(parts, axis=0)
    off = total - jnp.mean(total)
    varies = jnp.sum(off**2) > 0
    share = (parts @ off) / jnp.where(varies, jnp.sum(off**2), 1)
    share = jnp.where(varies, share, 1 / parts.shape[0])
    return parts + share[:, None] * (whole - total)[None]
