"""The stationary state of an exclusion process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxneq._core import AbstractSolution, Status, is_concrete, quantity, why_infinite
from jaxneq.thermodynamics import log_ratio

from ._lattice import Lattice, PerSite

PerGate = Float[Array, " gate"]

_PLACES = {"hopping": "gate", "attachment": "site"}


class AbstractLatticeSolution(AbstractSolution):
    """What is found of an exclusion process, with the reason if its entropy is infinite."""

    def remark(self) -> str:
        moves: list[tuple[str, Any, tuple[str, ...]]] = []
        for name, force in self.forces.items():
            place = _PLACES.get(name, "")
            where = getattr(self, place, None)
            if where is None or not is_concrete(where):
                moves.append((name, force, ()))
                continue
            numbers = np.asarray(where).reshape(-1, np.shape(where)[-1])[0]
            moves.append((f"{name} at {place}", force, tuple(f"{each:g}" for each in numbers)))
        return why_infinite(*moves)


class ExclusionState(AbstractLatticeSolution):
    r"""Density, currents and entropy production of a stationary exclusion process.

    Particles pass *gates*: the bonds, on an open lattice with the entrance before and the exit
    behind them. A passage of gate g produces the entropy :math:`A_g`, the logarithm of the rate to
    the right over that to the left, and

    .. math:: \sigma = \sum_g J_g A_g + \sum_i a_i \ln(\omega^a_i / \omega^d_i)

    with the net attachment :math:`a_i` to each site. Where a move has no reverse its affinity is
    infinite, and so is the entropy production: `irreversible` counts these moves.
    """

    primary: ClassVar[str] = "density"

    site: PerSite = quantity(doc="Site", dims=("site",), coordinate=True)
    density: PerSite = quantity(
        label="density ρ", doc="Mean occupation of the site", dims=("site",)
    )
    gate: PerGate = quantity(
        doc="Gate between two sites, at the site on its left", dims=("gate",), coordinate=True
    )
    gate_current: PerGate = quantity(unit="1/time", doc="Current through the gate", dims=("gate",))
    gate_affinity: PerGate = quantity(
        doc="Entropy produced by one passage of the gate", dims=("gate",), panel=False
    )
    net_attachment: PerSite | None = quantity(
        unit="1/time",
        doc="Attachment less detachment at the site",
        dims=("site",),
        default=None,
        panel=False,
    )
    attachment_affinity: PerSite | None = quantity(
        doc="Entropy produced by one attachment", dims=("site",), default=None, panel=False
    )
    correlation: Float[Array, "site site"] | None = quantity(
        doc="Covariance of the occupations of two sites",
        dims=("site", "other"),
        default=None,
        panel=False,
    )
    current: Float[Array, ""] = quantity(
        label="current J", unit="1/time", doc="Current, mean over the gates"
    )
    current_variance: Float[Array, ""] | None = quantity(
        label="variance of the current",
        unit="1/time",
        doc="Variance of the particles passed per time, at late times",
        default=None,
    )
    mean_density: Float[Array, ""] = quantity(doc="Mean density of all sites")
    irreversible: Int[Array, ""] = quantity(
        doc="Kinds of moves without a reverse; with any the entropy production is infinite"
    )
    entropy_production: Float[Array, ""] = quantity(unit="1/time", doc="Rate of entropy production")
    conservation_residual: Float[Array, ""] = quantity(
        doc="Largest rate of change of a site's density, relative to the fastest hop"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return by_kind(self.gate_current, self.net_attachment)

    @property
    def forces(self) -> Mapping[str, Any]:
        return by_kind(self.gate_affinity, self.attachment_affinity)


def exclusion_state(
    lattice: Lattice,
    *,
    density: PerSite,
    gate_current: PerGate,
    current: Float[Array, ""],
    status: Status,
    stats: dict[str, Any],
    net_attachment: PerSite | None = None,
    current_variance: Float[Array, ""] | None = None,
    correlation: Float[Array, "site site"] | None = None,
) -> ExclusionState:
    """The state with what follows from the currents: affinities, entropy, conservation."""
    affinity, one_way = affinities(*lattice.passing)
    irreversible, attaching = jnp.sum(one_way), None
    arriving = _arriving(lattice, gate_current)
    if net_attachment is not None:
        assert lattice.attachment is not None and lattice.detachment is not None
        attaching, one_way = affinities(lattice.attachment, lattice.detachment)
        irreversible = irreversible + jnp.sum(one_way)
        arriving = arriving + net_attachment
    pairs = [(gate_current, affinity), (net_attachment, attaching)]
    fastest = jnp.max(jnp.maximum(*lattice.passing))
    gates = jnp.arange(gate_current.shape[0], dtype=density.dtype)
    return ExclusionState(
        site=jnp.arange(1, lattice.length + 1, dtype=density.dtype),
        density=density,
        gate=gates + 1 if lattice.periodic else gates,
        gate_current=gate_current,
        gate_affinity=affinity,
        net_attachment=net_attachment,
        attachment_affinity=attaching,
        correlation=correlation,
        current=current,
        current_variance=current_variance,
        mean_density=jnp.mean(density),
        irreversible=irreversible,
        entropy_production=total_production(pairs),
        conservation_residual=jnp.max(jnp.abs(arriving)) / fastest,
        status=status,
        stats=stats,
    )


def affinities(ahead: Array, back: Array) -> tuple[Array, Array]:
    """ln(ahead / back) of each pair of moves, and where only one of the two is possible."""
    return log_ratio(ahead, back), (ahead > 0) != (back > 0)


def by_kind(hopping: Any, attachment: Any) -> dict[str, Any]:
    """Of hops, and of attachment where there is any."""
    return {"hopping": hopping} | ({} if attachment is None else {"attachment": attachment})


def total_production(pairs: Iterable[tuple[Array | None, Array | None]]) -> Array:
    """The sum of flux times force, infinite where a force is."""
    known = [(flux, force) for flux, force in pairs if flux is not None and force is not None]
    finite = sum(jnp.sum(flux * jnp.where(jnp.isfinite(force), force, 0)) for flux, force in known)
    bounded = jnp.asarray([jnp.all(jnp.isfinite(force)) for _, force in known])
    return jnp.where(jnp.all(bounded), finite, jnp.inf)


def _arriving(lattice: Lattice, current: PerGate) -> PerSite:
    """What arrives at each site by hops, less what leaves."""
    if lattice.periodic:
        return jnp.roll(current, 1) - current
    return current[:-1] - current[1:]
