"""Thin films and what is found of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractMethod,
    Case,
    Scalar,
    Status,
    is_concrete,
    parameter,
    part,
    quantity,
    steady,
)
from jaxneq.materials import AbstractPhononMaterial, GrayMaterial, Number

from . import _exact as exact_forms
from ._conduction import CONSERVED, AbstractSizedConduction, check_solid, knudsen_number, spectrum
from ._discrete_ordinates import DiscreteOrdinates
from ._limits import AbstractLimiting
from ._regimes import REGIMES
from ._slab import WALLS, AbstractSlab, Layer, SlabProblem, SlabState
from ._walls import AbstractWall, BlackWall


class FilmSolution(AbstractSizedConduction):
    """Heat conduction through a film. `print` shows what was found.

    Quantities that a method does not resolve are None.
    """

    primary: ClassVar[str] = "conductivity"

    conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Effective conductivity, heat flux times thickness over difference"
    )
    bulk_conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Conductivity of the bulk", reference_for="conductivity"
    )
    ballistic_conductivity: Float[Array, ""] = quantity(
        unit="W/m/K",
        doc="Casimir limit, without scattering: sum C v thickness / 4",
        reference_for="conductivity",
    )
    knudsen_number: Float[Array, ""] = quantity(
        doc="Mean free path over thickness, with the mean 3 conductivity / sum C v",
        regimes=REGIMES,
    )
    heat_flux: Float[Array, ""] = quantity(unit="W/m2", doc="Heat flux through the film")
    position: Float[Array, " node"] = quantity(
        unit="m", doc="Distance from the hot wall", dims=("node",)
    )
    temperature: Float[Array, " node"] | None = quantity(
        unit="K", doc="Temperature of the energy density", dims=("node",), default=None
    )
    nonequilibrium: Float[Array, " node"] | None = quantity(
        doc="Spread of the distribution about its temperature, rms, per difference of the walls",
        dims=("node",),
        default=None,
    )
    mean_free_path: Float[Array, " band"] = quantity(
        unit="m", doc="Mean free path of each band, ascending", dims=("band",)
    )
    accumulation: Float[Array, " band"] = quantity(
        doc="Share of the conductivity carried by mean free paths up to this one",
        dims=("band",),
        scale="linear",
    )
    suppression: Float[Array, " band"] = quantity(
        doc="Contribution of each band relative to its contribution in the bulk", dims=("band",)
    )
    conductivity_by_band: Float[Array, " band"] = quantity(
        unit="W/m/K", doc="Contribution of each band to the conductivity", dims=("band",)
    )
    pseudotemperature: Float[Array, " node"] = quantity(
        unit="K", doc="Temperature to which collisions relax the phonons", dims=("node",)
    )
    face_position: Float[Array, " face"] | None = quantity(
        unit="m", doc="Distance of the cell faces from the hot wall", dims=("face",), default=None
    )
    heat_flux_profile: Float[Array, " face"] | None = quantity(
        unit="W/m2", doc="Heat flux through each face", dims=("face",), default=None
    )
    force: Float[Array, ""] = quantity(
        unit="1/K", doc="Thermodynamic force, difference over squared temperature, linearised"
    )
    entropy_production: Float[Array, ""] = quantity(
        unit="W/m2/K", doc="Entropy production per area, bulk and walls, linearised"
    )
    entropy_production_density: Float[Array, " cell"] | None = quantity(
        unit="W/m3/K", doc="Entropy production in each cell", dims=("cell",), default=None
    )
    entropy_production_walls: Float[Array, "2"] | None = quantity(
        unit="W/m2/K", doc="Entropy production at the hot, cold wall", dims=("wall",), default=None
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Largest deviation of the flux through any face, relative to the flux"
    )
    status: Status
    stats: dict[str, Any]


class CrossPlaneFilm(AbstractSlab, AbstractLimiting):
    r"""Heat through a film between two isothermal walls, linearised about `temperature`.

    .. math::
        \mu v_b \frac{\partial g_b}{\partial x} = \frac{T_p(x) - g_b}{\tau_b}, \qquad
        \sum_b \frac{C_b}{\tau_b} \left(\langle g_b\rangle - T_p\right) = 0, \qquad
        q = \sum_b C_b v_b \langle\mu g_b\rangle

    The hot wall stands at x = 0 and emits at `temperature` + `temperature_difference` / 2. Walls
    are black unless they are given as `DiffuseWall` or `SpecularWall`.
    Source: G. Chen, Nanoscale Energy Transport and Conversion (2005), chapter 7; for mode-resolved
    bands Hua and Minnich, J. Appl. Phys. 117, 175306 (2015).
    """

    material: AbstractPhononMaterial = part(
        AbstractPhononMaterial, doc="Material of the film, by name or in full"
    )
    thickness: Scalar = parameter(unit="m", range="(0, inf)", doc="Film thickness")
    temperature: Scalar = parameter(
        unit="K", range="(0, inf)", doc="Mean temperature of the walls", default=300.0
    )
    temperature_difference: Scalar = parameter(
        unit="K",
        range="(0, inf)",
        doc="Hot minus cold wall; the answer is linear in it",
        default=1.0,
    )
    hot_wall: AbstractWall = part(AbstractWall, doc="The wall at x = 0", default=BlackWall())
    cold_wall: AbstractWall = part(AbstractWall, doc="The wall opposite", default=BlackWall())

    def __check_init__(self):
        super().__check_init__()  # each parameter first, then how they fit together
        self.material.check_temperature(self.temperature)
        check_solid(self.material, type(self).__name__)
        check_difference(self)
        check_walls(self)

    def default_method(self, verb: str) -> AbstractMethod | None:
        return DiscreteOrdinates() if verb == "steady" else None

    def problem(self) -> SlabProblem:
        bands = self.material.bands(self.temperature)
        power = bands.heat_capacity * bands.group_velocity
        dtype = power.dtype
        return SlabProblem(
            layers=(Layer.of(bands, power.sum(), self.thickness, self.thickness),),
            walls=(self.hot_wall, self.cold_wall),
            interface=None,
            emission=jnp.broadcast_to(jnp.asarray(WALLS, dtype)[:, None], (2, power.size)),
            source=jnp.zeros((), dtype),
            offset=jnp.zeros_like(power),
            branches=1,
        )

    def solution(self, state: SlabState) -> FilmSolution:
        bands = self.material.bands(self.temperature)
        bulk = bands.conductivity_by_band
        power = (bands.heat_capacity * bands.group_velocity).sum()
        to_flux = power * self.temperature_difference
        to_conductivity = power * self.thickness
        force = self.temperature_difference / self.temperature**2
        common: dict[str, Any] = {
            "conductivity": to_conductivity * state.dissipation,
            "bulk_conductivity": bulk.sum(),
            "ballistic_conductivity": to_conductivity / 4,
            "knudsen_number": knudsen_number(bands, self.thickness),
            "heat_flux": to_flux * state.dissipation,
            "force": force,
            "position": self.thickness * state.position,
            "pseudotemperature": self._kelvin(state.pseudotemperature),
            **spectrum(bands, to_conductivity * state.mean_flux[0]),
            "stats": state.stats,
        }
        if state.detail is None:
            residual = jnp.abs(state.mean_flux[0].sum() / state.dissipation - 1)
            return FilmSolution(
                **common,
                entropy_production=to_flux * force * state.dissipation,
                conservation_residual=residual,
                status=state.status.unless("not_conserved", residual > CONSERVED),
            )
        detail = state.detail
        width = self.thickness * jnp.diff(detail.face)
        dissipated = detail.dissipation.sum() + detail.wall_dissipation.sum()
        residual = jnp.max(jnp.abs(detail.flux / state.dissipation - 1))
        return FilmSolution(
            **common,
            entropy_production=to_flux * force * dissipated,
            conservation_residual=residual,
            status=state.status.unless("not_conserved", residual > CONSERVED),
            temperature=self._kelvin(detail.temperature),
            nonequilibrium=jnp.sqrt(jnp.maximum(detail.spread, 0)),
            face_position=self.thickness * detail.face,
            heat_flux_profile=to_flux * detail.flux,
            entropy_production_density=to_flux * force * detail.dissipation / width,
            entropy_production_walls=to_flux * force * detail.wall_dissipation,
        )

    def ballistic_limit(self) -> FilmSolution:
        hot, cold = self._emissivities()
        either = hot + cold - hot * cold
        share, middle = hot * cold / either, (hot - cold) / (2 * either)  # the mean of both beams
        by_band = share * self.problem().layers[0].flux_share / 4
        return self._limit(by_band, jnp.stack([middle, middle]))

    def diffusive_limit(self) -> FilmSolution:
        (layer,) = self.problem().layers
        conductivity = layer.flux_share * layer.mean_free_path / 3
        hot, cold = (
            3 * exact_forms.EXTRAPOLATION_LENGTH + 4 * (1 / wall - 1)
            for wall in self._emissivities()
        )
        flux = 1 / (1 / conductivity.sum() + hot + cold)
        ends = jnp.stack([0.5 - flux * hot, flux * cold - 0.5])
        return self._limit(flux * conductivity / conductivity.sum(), ends)

    def _emissivities(self) -> list[Array]:
        dtype = self.thickness.dtype
        return [wall.emissive_share(dtype) for wall in (self.hot_wall, self.cold_wall)]

    def _limit(self, by_band: Array, ends: Array) -> FilmSolution:
        return self.solution(
            SlabState(
                position=jnp.asarray([0.0, 1.0], by_band.dtype),
                pseudotemperature=ends,
                dissipation=by_band.sum(),
                mean_flux=by_band[None],
                status=Status.first_true(not_finite=~jnp.isfinite(by_band.sum())),
                stats={},
            )
        )

    def _kelvin(self, theta: Array) -> Array:
        return self.temperature + self.temperature_difference * theta

    @classmethod
    def validation(cls) -> Iterable[Case]:
        silicon = AbstractPhononMaterial.named("Si")
        for optical_thickness, exact in exact_forms.GRAY_FLUX.items():
            yield Case(
                f"gray film, Kn = {1 / optical_thickness:g}: flux over ballistic flux",
                lambda tau=optical_thickness: _relative_flux(gray_film(tau)),
                exact,
                1e-5,
                "Milne's integral equation between black walls, to 1e-10",
            )
        yield Case(
            "gray film, Kn = 1e-4: flux over ballistic flux",
            lambda: _relative_flux(gray_film(1e4)),
            lambda: exact_forms.thick_film_flux(1e4),
            1e-6,
            "diffusion with the extrapolation length 0.710446 mean free paths",
        )
        yield Case(
            "silicon at 300 K: bulk conductivity (W/m/K)",
            lambda: silicon.bulk_conductivity(300.0),
            145.860953,
            1e-6,
            "quadrature of sum C v^2 tau / 3",
        )
        yield Case(
            "silicon film of 1 um: entropy production over flux through the faces times force",
            lambda: _entropy_ratio(
                cls(material=AbstractPhononMaterial.named("Si"), thickness=1e-6)
            ),
            1.0,
            1e-6,
            "entropy balance: bulk and walls",
        )


def check_difference(film: Any) -> None:
    """Refuse a difference of the walls that puts the cold one below 0 K."""
    if not (is_concrete(film.temperature) and is_concrete(film.temperature_difference)):
        return
    mean, difference = float(film.temperature), float(film.temperature_difference)
    if difference >= 2 * mean:
        raise ValueError(
            f"{type(film).__name__}: temperature_difference = {difference:g} K about "
            f"{mean:g} K puts the cold wall below 0 K. Give less than twice the mean; "
            "the answer is linear in it."
        )


def check_walls(film: Any) -> None:
    """Refuse an adiabatic wall where heat is to flow from wall to wall."""
    if film.hot_wall.adiabatic or film.cold_wall.adiabatic:
        raise ValueError(
            f"{type(film).__name__}: no heat flows to or from a wall of emissivity 0. Give a "
            "larger one (a HeatedFilm may have one such wall)."
        )


def gray_film(optical_thickness: Number) -> CrossPlaneFilm:
    """A gray film of 1 m between walls, `optical_thickness` mean free paths thick."""
    material = GrayMaterial(
        heat_capacity=1.0, group_velocity=1.0, mean_free_path=1 / optical_thickness
    )
    return CrossPlaneFilm(material=material, thickness=1.0, temperature=1.0)


def _relative_flux(film: CrossPlaneFilm) -> np.ndarray:
    solution = steady(film)
    return np.asarray(solution.conductivity / solution.ballistic_conductivity)


def _entropy_ratio(film: CrossPlaneFilm) -> np.ndarray:
    solution = steady(film)
    flux = np.mean(np.asarray(solution.heat_flux_profile))
    return np.asarray(solution.entropy_production / (flux * solution.force))
