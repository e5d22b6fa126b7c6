"""Heat along films with normal collisions: from Knudsen's flow to Poiseuille's and to the bulk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractSolution,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Status,
    setting,
    stationary_value,
    steady,
)
from jaxneq.materials import DriftingBands, GrayMaterial, Number

from . import _exact as exact_forms
from ._callaway_flow import even_basis, flights, nodes_of, overlaps
from ._callaway_solution import CallawayFilmSolution
from ._channel import ChannelProblem
from ._channels import InPlaneFilm
from ._conduction import knudsen_number, spectrum
from ._ordinates import graded_mesh


class _Flow(eqx.Module):
    """What the flow along a film is computed from."""

    problem: ChannelProblem
    medium: DriftingBands
    width: Float[Array, " cell"]


class CallawayFilm(AbstractSteadyMethod):
    r"""Callaway's collisions along a film: normal ones only hand the momentum on.

    With :math:`g_b = s_y h_b`, driven by a fall of the temperature of 1 K/m,

    .. math:: \Lambda_b\,\mu\,\frac{\partial h_b}{\partial x} + h_b
              = \Lambda_b + \nu_b m_b u(x), \qquad
              \sum_b \frac{C_b \nu_b m_b}{\tau_b} \left(\tfrac34 \int_{-1}^1 (1 - \mu^2)\,h_b\,d\mu
              - m_b u\right) = 0

    (see `jaxneq.materials.DriftingBands`). The distribution is eliminated: rays are exact, with
    the specularity or roughness of the film. The drift u is continuous, a parabola in each cell,
    and makes the conductivity stationary,

    .. math:: \kappa = \kappa_{RTA} + \tfrac13 \max_u \left(2 \langle f, u\rangle
              - \langle u, A u\rangle\right), \quad
              f = \sum_b C_b v_b \nu_b m_b K_b 1, \quad
              A = \sum_b \frac{C_b \nu_b m_b^2}{\tau_b} \left(1 - \nu_b K_b\right),

    so that it is approached from below, with the square of the error of u. `conductivity_error`
    compares with cells of twice the size; layers at the walls that are thinner than a cell it does
    not see (5e-7 at a Knudsen number of 1e-4). Without normal collisions the answer is that of
    `ClosedForm`, and has no derivative by their shares.

    Where normal paths are short against the thickness d, and :math:`d^2 \ll \Lambda_N\Lambda_R`,
    a gray medium flows like a viscous fluid, :math:`\kappa = \tfrac{5}{36}\,C v d^2 / \Lambda_N`.

    Sources: Callaway, Phys. Rev. 113, 1046 (1959); Guyer and Krumhansl, Phys. Rev. 148, 778
    (1966), for the flow.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (InPlaneFilm,)

    cells: int = setting(
        doc="Cells from a wall to the middle of the film", range="[2, inf)", default=8
    )
    angles: int = setting(doc="Directions to the wall", range="[8, inf)", default=48)

    def steady(self, system: InPlaneFilm) -> AbstractSolution:
        problem = system.problem(self.angles)
        dtype = problem.share.dtype
        face = graded_mesh(2 * self.cells)
        width = jnp.asarray(np.diff(face), dtype)
        flow = _Flow(problem, DriftingBands.of(system.bands()), width)
        node = nodes_of(face)
        basis = jnp.asarray(even_basis(face, node), dtype)
        coarse = jnp.asarray(even_basis(face[::2], node[: face.size]), dtype)
        drift, missing = _drift(flow, basis, coarse)
        conductivity = stationary_value(_conductivity, flow, drift)
        return _solution(system, flow, conductivity, drift, missing, jnp.asarray(face, dtype))

    @classmethod
    def validation(cls) -> Iterable[Case]:
        def conductivity(knudsen, share):
            return steady(callaway_film(knudsen, share), cls()).conductivity

        yield Case(
            "gray film, Kn = 1e-5, no resistive collisions: conductivity over C v d / Kn",
            lambda: conductivity(1e-5, 1e-14) * 1e-5,
            5 / 36,
            2e-4,
            "Poiseuille's flow with the viscosity v Lambda / 5",
        )
        yield Case(
            "gray film, Kn = 1, one collision in 1e9 normal: conductivity over that of the bulk",
            lambda: 3 * conductivity(1.0, 1 - 1e-9),
            exact_forms.IN_PLANE_FILM[1.0, 0.0],
            1e-8,
            "Fuchs and Sondheimer, by adaptive quadrature",
        )
        yield Case(
            "gray film, Kn = 1e-6, half of the collisions normal: conductivity of the bulk",
            lambda: conductivity(1e-6, 0.5) * 1e6,
            2 / 3,
            1e-5,
            "C v Lambda_R / 3",
        )


def callaway_film(knudsen: Number, share: Number, specularity: Number = 0.0) -> InPlaneFilm:
    """A gray film of 1 m at that Knudsen number of all collisions, with that resistive share."""
    material = GrayMaterial(
        heat_capacity=1.0, group_velocity=1.0, mean_free_path=knudsen, resistive_share=share
    )
    return InPlaneFilm(material, thickness=1.0, specularity=specularity, temperature=1.0)


def _drift(
    flow: _Flow, basis: Float[Array, "own node"], coarse: Float[Array, "wide own"]
) -> tuple[Float[Array, " node"], Float[Array, ""]]:
    """The drift at the nodes, and how much more it gives than on cells of twice the size."""
    medium, total = flow.medium, jnp.sum(flow.medium.inertia)
    some = total > 0
    total = jnp.where(some, total, 1)
    overlap = overlaps(flow.width, basis)
    lost = flights(flow.problem, flow.width, basis).lost
    matrix = jnp.sum(medium.inertia * medium.resistive) * overlap
    matrix = matrix + jnp.einsum("b,bij->ij", medium.inertia * medium.normal, lost)
    matrix = jnp.where(some, matrix / total, overlap)
    kept = jnp.sum(overlap[None] - lost, axis=2)  # they add up to 1
    drive = jnp.einsum("b,bi->i", medium.drive / total, kept)

    def solved(matrix, drive):
        found = jnp.linalg.solve(matrix, drive)
        return found, total / 3 * jnp.sum(drive * found)

    amplitude, fine = solved(matrix, drive)
    _, wide = solved(coarse @ matrix @ coarse.T, coarse @ drive)
    return amplitude @ basis, fine - wide


def _moments(flow: _Flow, drift: Float[Array, " node"]) -> tuple[Array, Array, Array, Array]:
    """Forms of the emissions 1 and u: their overlaps, those of 1 - K, both at walls and faces."""
    basis = jnp.stack([jnp.ones_like(drift), drift])
    found = flights(flow.problem, flow.width, basis)
    return overlaps(flow.width, basis), found.lost, found.leaving, found.departure


def _conductivity(flow: _Flow, drift: Float[Array, " node"]) -> Float[Array, ""]:
    medium = flow.medium
    overlap, lost, _, _ = _moments(flow, drift)
    alone = medium.bands.conductivity_by_band * (1 - lost[:, 0, 0])
    given = 2 * medium.drive * (overlap[0, 1] - lost[:, 0, 1])
    taken = medium.inertia * (medium.resistive * overlap[1, 1] + medium.normal * lost[:, 1, 1])
    return jnp.sum(alone + (given - taken) / 3)


def _viscous(medium: DriftingBands, thickness: Float[Array, ""]) -> Float[Array, ""]:
    r"""Of a fluid that clings to the walls, :math:`\kappa_2\,(1 - \tanh z / z)` with z below.

    .. math:: z^2 = \frac{d^2}{4}\,\frac{\sum_b a_b (1 - \nu_b)}{\sum_b a_b \nu_b \Lambda_b^2 / 5},
              \qquad a_b = C_b \nu_b m_b^2 / \tau_b
    """
    viscosity = jnp.sum(medium.inertia * medium.normal * medium.bands.mean_free_path**2) / 5
    some = viscosity > 0
    held = jnp.sum(medium.inertia * medium.resistive)
    free = jnp.where(some, thickness**2 / (4 * jnp.where(some, viscosity, 1)), 0)
    z2 = free * held
    small = z2 < 0.01
    near, far = jnp.where(small, z2, 0), jnp.sqrt(jnp.where(small, 1, z2))
    series = 1 / 3 - 2 / 15 * near + 17 / 315 * near**2 - 62 / 2835 * near**3
    profile = jnp.where(small, series, (1 - jnp.tanh(far) / far) / far**2)
    return medium.drive.sum() ** 2 / 3 * free * profile


def _solution(
    system: InPlaneFilm,
    flow: _Flow,
    conductivity: Float[Array, ""],
    drift: Float[Array, " node"],
    missing: Float[Array, ""],
    face: Float[Array, " face"],
) -> CallawayFilmSolution:
    medium, bands, gradient = flow.medium, flow.medium.bands, system.temperature_gradient
    overlap, lost, leaving, departure = _moments(flow, drift)
    kept = overlap[None] - lost  # the forms of K
    returned = medium.normal * medium.slowness
    both = jnp.stack([bands.mean_free_path, returned])  # the emission by bands, over 1 and u
    along = bands.heat_capacity * bands.group_velocity / 3
    by_band = along * jnp.einsum("ib,bi->b", both, kept[:, 0])
    emitted = jnp.stack([jnp.ones_like(drift), drift])[:, ::2]
    flux = jnp.einsum("b,ib,fib->f", along, both, emitted.T[:, :, None] + departure)

    per_time = bands.heat_capacity / bands.relaxation_time / 3
    rays, mirrored = flow.problem, 1 - flow.problem.specularity[0] ** 2
    reaching = jnp.einsum("ib,ibr->br", both, leaving)
    walls = jnp.sum(rays.share[None] * mirrored / (2 * rays.reach[0]) * reaching**2, axis=1)
    square = jnp.einsum("ib,bij,jb->b", both, kept, both) - walls  # of h, by the ray's balance
    shared = jnp.einsum("ib,bi->b", both, kept[:, 1])
    about = square - 2 * medium.slowness * shared + medium.slowness**2 * overlap[1, 1]
    force = gradient / system.temperature**2
    made = {
        name: gradient * force * jnp.sum(per_time * part)
        for name, part in (
            ("resistive", medium.resistive * square),
            ("normal", medium.normal * about),
            ("walls", walls),
        )
    }
    produced = made["resistive"] + made["normal"] + made["walls"]
    residual = jnp.abs(produced / (gradient * force * conductivity) - 1)
    found = spectrum(bands, by_band)
    found.pop("suppression")
    return CallawayFilmSolution(
        conductivity=conductivity,
        bulk_conductivity=medium.conductivity_by_band.sum(),
        conductivity_without_drift=jnp.sum(bands.conductivity_by_band * (1 - lost[:, 0, 0])),
        conductivity_of_viscous_flow=_viscous(medium, system.thickness),
        conductivity_error=jax.lax.stop_gradient(jnp.abs(missing)),
        conductivity_over_thickness=conductivity / system.thickness,
        knudsen_number=knudsen_number(bands, system.thickness),
        heat_flux=gradient * conductivity,
        position=system.thickness * face,
        heat_flux_profile=gradient * flux,
        drift_velocity=gradient * drift[::2] / system.temperature,
        **found,
        force=force,
        entropy_production=produced,
        **{f"entropy_production_{name}": value for name, value in made.items()},
        conservation_residual=residual,
        status=Status.first_true(not_finite=~jnp.isfinite(conductivity)),
        stats={"rays": rays.share.size},
    )
