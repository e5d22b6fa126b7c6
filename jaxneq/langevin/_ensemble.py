"""What a sampled ensemble of paths has to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import AbstractSolution, Estimate, Status, quantity

_COORDINATE = ("coordinate",)


class LangevinEnsemble(AbstractSolution):
    r"""Averages over independent paths, and the paths' own work and heat.

    What is counted begins after `burn_in`: there the protocol starts, work and heat are zero, and
    displacements are measured from there. Work is that of the protocol and of forces that are no
    gradient; heat is what the baths take up, one bath for all coordinates or one for each. With
    the change of energy along each path

    .. math:: \Delta E = W - Q + W_{shadow}

    where the shadow work is what the finite step adds, known where work or heat are followed along
    the path; otherwise the heat is set by the first law. In one dimension the arrays have no
    coordinate axis. `entropy_production` is the rate at which the baths gain entropy, all of it
    once the state is stationary; until then :math:`-\Delta \ln p` of the system comes on top.
    """

    dimension: int = eqx.field(static=True)

    declared: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...] = eqx.field(static=True)

    observables: dict[str, Any]
    reported: dict[str, Any]
    time: Float[Array, ""] = quantity(doc="Duration counted")
    mean_position: Estimate = quantity(doc="Mean position at the end", dims=_COORDINATE)
    position_variance: Estimate = quantity(doc="Variance of the position", dims=_COORDINATE)
    velocity: Estimate = quantity(doc="Mean displacement per time", dims=_COORDINATE)
    diffusion: Estimate = quantity(
        doc="Variance of the displacement over twice the time", dims=_COORDINATE
    )
    kinetic_temperature: Estimate | None = quantity(
        doc="Mass times variance of the velocity", dims=_COORDINATE, default=None
    )
    work: Estimate = quantity(doc="Mean work done on a path")
    heat: Estimate = quantity(doc="Mean heat given to each bath", dims=("bath",))
    energy_change: Estimate = quantity(doc="Mean change of energy")
    shadow_work: Estimate = quantity(doc="Energy that the finite step adds, mean")
    heat_rate: Estimate = quantity(doc="Heat given to each bath per time", dims=("bath",))
    inverse_temperature: Float[Array, " bath"] = quantity(
        doc="Entropy gained per heat by each bath", dims=("bath",)
    )
    entropy_production: Estimate = quantity(doc="Rate at which the baths gain entropy")
    conservation_residual: Float[Array, ""] = quantity(
        doc="First law: mean shadow work relative to the energy exchanged or kept"
    )
    path_work: Float[Array, " replica"] = quantity(
        doc="Work of each path", dims=("replica",), panel=False
    )
    path_heat: Float[Array, "bath replica"] = quantity(
        doc="Heat of each path", dims=("bath", "replica")
    )
    path_entropy: Float[Array, " replica"] = quantity(
        doc="Entropy gained by the baths along each path", dims=("replica",), panel=False
    )
    position: Float[Array, "coordinate replica"] | Float[Array, " replica"] = quantity(
        doc="Position of each replica at the end", dims=("coordinate", "replica"), panel=False
    )
    start: Float[Array, "coordinate replica"] | Float[Array, " replica"] = quantity(
        doc="Position of each replica at the start", dims=("coordinate", "replica"), panel=False
    )
    particle_velocity: Array | None = quantity(
        doc="Velocity of each replica at the end",
        dims=("coordinate", "replica"),
        panel=False,
        default=None,
    )
    frame_time: Float[Array, " frame_time"] | None = quantity(
        doc="Times of the frames", dims=("frame_time",), default=None
    )
    frames: Array | None = quantity(
        doc="Positions at the times of the frames",
        dims=("frame_time", "coordinate", "replica"),
        default=None,
    )
    frame_velocities: Array | None = quantity(
        doc="Velocities at the times of the frames",
        dims=("frame_time", "coordinate", "replica"),
        default=None,
    )
    status: Status
    stats: dict[str, Any]

    @property
    def primary(self) -> str:
        """What is observed first, if anything."""
        return self.declared[0][0] if self.declared else "mean_position"

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"heat": self.heat_rate.value}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"heat": self.inverse_temperature}

    def where_it_failed(self) -> str:
        lost, replica, step = (
            int(np.ravel(self.stats[name])[0])
            for name in ("diverged", "diverged_first_replica", "diverged_first_step")
        )
        return f"{lost} replicas were lost, the first was number {replica} near step {step}."

    def quantities(self) -> dict[str, tuple[Any, dict[str, Any]]]:
        """As of every solution, with what was observed. One coordinate is no dimension."""
        present = super().quantities()
        for name, declared in self.declared:
            present[name] = self.reported[name], dict(declared)
        if self.dimension == 1:
            for _, declared in present.values():
                declared["dims"] = tuple(dim for dim in declared["dims"] if dim != "coordinate")
        return present
