"""Large deviations of the current: how likely an atypical one is, and how it comes about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    general_solve,
    parameter,
    quantity,
    steady,
)

from ._configurations import Chain, chain_of, check_size
from ._lattice import AbstractExclusion, PerSite
from ._perron import Perron, perron
from ._state import AbstractLatticeSolution, PerGate, affinities, by_kind, total_production
from ._systems import OpenASEP


class ConditionedState(AbstractLatticeSolution):
    r"""An exclusion process on the condition of an atypical current, and how unlikely that is.

    With the particles Q that pass in the time t, mean over the gates,

    .. math:: \theta(s) = \lim_{t\to\infty} \tfrac1t \ln\langle e^{s Q}\rangle, \qquad
              P(Q/t \approx j) \sim e^{-t I(j)}, \qquad j = \theta'(s), \quad I = s j - \theta .

    Density and currents are those of the paths with the current j (for s = 0 the stationary ones),
    which follow Doob's transform of the dynamics (Chetrite and Touchette, Ann. Henri Poincare 16,
    2005, 2015). The entropy is that given to the reservoirs on these paths.
    """

    primary: ClassVar[str] = "scgf"

    scgf: Float[Array, ""] = quantity(
        label="scaled cumulant generating function θ",
        unit="1/time",
        doc="Scaled cumulant generating function theta(s)",
    )
    current: Float[Array, ""] = quantity(
        label="current J", unit="1/time", doc="Current j, the slope of theta"
    )
    current_variance: Float[Array, ""] = quantity(
        unit="1/time",
        doc="Variance of the particles passed per time, the second derivative of theta",
    )
    rate_function: Float[Array, ""] = quantity(
        over="current", label="rate function I", unit="1/time", doc="Rate function I of the current"
    )
    site: PerSite = quantity(doc="Site", dims=("site",), coordinate=True)
    density: PerSite = quantity(
        label="density ρ", doc="Mean occupation on paths with this current", dims=("site",)
    )
    gate: PerGate = quantity(doc="Gate, at the site on its left", dims=("gate",), coordinate=True)
    gate_current: PerGate = quantity(
        unit="1/time", doc="Current through the gate on these paths", dims=("gate",)
    )
    gate_affinity: PerGate = quantity(
        doc="Entropy produced by one passage of the gate", dims=("gate",), panel=False
    )
    net_attachment: PerSite | None = quantity(
        unit="1/time",
        doc="Attachment less detachment on these paths",
        dims=("site",),
        default=None,
        panel=False,
    )
    attachment_affinity: PerSite | None = quantity(
        doc="Entropy produced by one attachment", dims=("site",), default=None, panel=False
    )
    entropy_production: Float[Array, ""] = quantity(
        unit="1/time", doc="Entropy given to the reservoirs per time on these paths"
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Difference of the current and the slope of theta, relative to the fastest hop"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return by_kind(self.gate_current, self.net_attachment)

    @property
    def forces(self) -> Mapping[str, Any]:
        return by_kind(self.gate_affinity, self.attachment_affinity)


class CurrentStatistics(AbstractSteadyMethod):
    r"""The scaled cumulant generating function of the current, from all configurations.

    :math:`\theta(s)` is the largest eigenvalue of the generator M_s whose passages of a gate are
    weighted with :math:`e^{\pm s/G}`, G the number of gates: all of them together count each
    particle once. With its eigenvectors l and r, of product 1,

    .. math:: \theta' = l M_s' r, \qquad \theta'' = l M_s'' r + 2\, l M_s' \dot r, \qquad
              (M_s - \theta)\,\dot r = (\theta' - M_s')\, r .

    On a conserving lattice Q counts, at late times, what passes any one gate; on a ring the hops
    of all particles divided by L. If all moves can be reversed,
    :math:`\theta(s) = \theta(-s - A)` with the affinity A of one particle's passage (Gallavotti
    and Cohen; Lebowitz and Spohn, J. Stat. Phys. 95, 333, 1999).
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractExclusion,)

    tilt: Scalar = parameter(
        label="tilt s", doc="Tilt s, conjugate to the particles that pass", default=0.0
    )

    def check(self, system: AbstractExclusion) -> None:
        check_size("CurrentStatistics", system.lattice, "For longer ones use Cloning.")

    def steady(self, system: AbstractExclusion) -> ConditionedState:
        lattice = system.lattice
        chain, occupied = chain_of(lattice)
        tilt = self.tilt.astype(occupied.dtype)
        tilted = chain.tilted(tilt)
        found = perron(tilted, steps=40 * lattice.length)
        passing = _passing(chain, found, tilt)
        gates = passing[: chain.gates]
        slope, curvature = _derivatives(tilted, found)
        affinity, _ = affinities(*lattice.passing)
        attached, attaching = None, None
        if lattice.attachment is not None:
            assert lattice.detachment is not None
            attached = passing[chain.gates :]
            attaching, _ = affinities(lattice.attachment, lattice.detachment)
        pairs = [(gates, affinity), (attached, attaching)]
        numbers = jnp.arange(gates.shape[0], dtype=gates.dtype)
        return ConditionedState(
            scgf=found.eigenvalue,
            current=slope,
            current_variance=curvature,
            rate_function=tilt * slope - found.eigenvalue,
            site=jnp.arange(1, lattice.length + 1, dtype=gates.dtype),
            density=(found.left * found.right) @ occupied,
            gate=numbers + 1 if lattice.periodic else numbers,
            gate_current=gates,
            gate_affinity=affinity,
            net_attachment=attached,
            attachment_affinity=attaching,
            entropy_production=total_production(pairs),
            conservation_residual=jnp.abs(jnp.mean(gates) - slope)
            / jnp.max(jnp.maximum(*lattice.passing)),
            status=found.status,
            stats={"residual": found.residual},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        site = OpenASEP(length=1, alpha=1.0, beta=1.0)
        yield Case(
            "one site",
            lambda: steady(site, cls(tilt=1.0)).scgf,
            0.6487212707001282,
            1e-12,
            "sqrt(e) - 1: entering and leaving in turn",
        )
        chain = OpenASEP(length=6, alpha=1.0, beta=1.0)
        yield Case(
            "variance of the current, 6 sites",
            lambda: steady(chain, cls()).current_variance,
            0.06210154677072372,
            1e-11,
            "3 (4L+1)! [L! (L+2)!]^2 / (2 [(2L+1)!]^3 (2L+3)!), Derrida et al. (1995)",
        )


def _passing(chain: Chain, found: Perron, tilt: Array) -> Array:
    """The mean net rate of each move under Doob's transform."""
    rates = chain.leaving * jnp.exp(tilt * chain.counted) * found.left[chain.partner]
    return jnp.sum(chain.way.astype(rates.dtype) * (rates * found.right[None]), axis=1)


def _derivatives(chain: Chain, found: Perron) -> tuple[Array, Array]:
    """The first two derivatives of the eigenvalue with respect to the tilt."""
    right, left, step = found.right, found.left, -chain.counted

    def weighted(order: int, vector: Array) -> Array:
        return jnp.sum(step**order * chain.arriving * vector[chain.partner], axis=0)

    slope = jnp.sum(left * weighted(1, right))
    escape = chain.escape
    scale = escape + jnp.mean(escape)

    def deflated(y: Array) -> Array:
        vector = y / scale
        inner = jnp.mean(escape) * jnp.sum(left * vector)
        return chain.flow(vector) - found.eigenvalue * vector - inner * right

    rhs = slope * right - weighted(1, right)
    tolerance = jnp.asarray(1e4 * jnp.finfo(rhs.dtype).eps, rhs.dtype)
    moved, _ = general_solve(deflated, rhs, tolerance=tolerance, max_iterations=20_000)
    response = jnp.sum(left * weighted(1, moved / scale))
    return slope, jnp.sum(left * weighted(2, right)) + 2 * response
