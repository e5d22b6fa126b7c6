"""Two layers and the interface between them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractMethod,
    Case,
    Scalar,
    Status,
    parameter,
    part,
    quantity,
    steady,
)
from jaxneq.materials import AbstractPhononMaterial, GrayMaterial, MatchedBands, matched

from . import _exact as exact_forms
from ._conduction import CONSERVED, AbstractConduction, check_solid
from ._discrete_ordinates import DiscreteOrdinates
from ._films import check_difference, check_walls
from ._interfaces import AbstractInterface, AcousticMismatch, DiffuseMismatch, GivenTransmission
from ._slab import WALLS, AbstractSlab, Layer, SlabProblem, SlabState
from ._walls import AbstractWall, BlackWall


class LayeredFilmSolution(AbstractConduction):
    """Heat conduction through two layers. `print` shows what was found.

    The two conductances of the interface differ by the definition of temperature. That of the
    local energy density counts phonons that come and phonons that go; where the interface reflects
    little, both sides have nearly the same, and the conductance is large. The emitted phonons
    (Landauer's definition) are those that come from the interior of each layer, and their
    conductance is finite even where nothing is reflected.
    """

    primary: ClassVar[str] = "thermal_resistance"

    thermal_resistance: Float[Array, ""] = quantity(
        unit="m2 K/W", doc="Difference of the walls over heat flux"
    )
    diffusive_resistance: Float[Array, ""] = quantity(
        unit="m2 K/W",
        doc="Of the two layers by Fourier's law, without interface and walls",
        reference_for="thermal_resistance",
    )
    conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Effective conductivity, whole thickness over resistance"
    )
    heat_flux: Float[Array, ""] = quantity(unit="W/m2", doc="Heat flux through the film")
    interface_conductance: Float[Array, ""] = quantity(
        unit="W/m2/K",
        doc="Heat flux over the step of the temperature of the local energy density",
    )
    emitted_conductance: Float[Array, ""] = quantity(
        unit="W/m2/K",
        doc="Of the temperatures of the emitted phonons (Landauer), both in equilibrium",
    )
    interface_step: Float[Array, ""] = quantity(
        unit="K", doc="Step of the temperature of the local energy density at the interface"
    )
    position: Float[Array, " node"] = quantity(
        unit="m", doc="Distance from the hot wall", dims=("node",)
    )
    temperature: Float[Array, " node"] = quantity(
        unit="K", doc="Temperature of the energy density", dims=("node",)
    )
    pseudotemperature: Float[Array, " node"] = quantity(
        unit="K", doc="Temperature to which collisions relax the phonons", dims=("node",)
    )
    face_position: Float[Array, " face"] = quantity(
        unit="m", doc="Distance of the cell faces from the hot wall", dims=("face",)
    )
    heat_flux_profile: Float[Array, " face"] = quantity(
        unit="W/m2", doc="Heat flux through each face", dims=("face",)
    )
    force: Float[Array, ""] = quantity(
        unit="1/K", doc="Thermodynamic force, difference over squared temperature, linearised"
    )
    entropy_production: Float[Array, ""] = quantity(
        unit="W/m2/K", doc="Entropy production per area, layers, walls and interface"
    )
    entropy_production_layers: Float[Array, "2"] = quantity(
        unit="W/m2/K", doc="Entropy production in the first, second layer", dims=("layer",)
    )
    entropy_production_walls: Float[Array, "2"] = quantity(
        unit="W/m2/K", doc="Entropy production at the hot, cold wall", dims=("wall",)
    )
    entropy_production_interface: Float[Array, ""] = quantity(
        unit="W/m2/K", doc="Entropy production at the interface"
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Largest deviation of the flux through any face, relative to the flux"
    )
    status: Status
    stats: dict[str, Any]


class LayeredFilm(AbstractSlab):
    r"""Heat through two layers with an interface, linearised about `temperature`.

    In each layer the equations of `CrossPlaneFilm`. Phonons cross elastically, so both materials
    are taken at common frequencies:

    .. math:: \psi_{2,in} = t_{12}\,\psi_1 + (1 - t_{21})\,\psi_2, \qquad
              M_1 t_{12} = M_2 t_{21}, \qquad M = \sum_p C_p v_p

    The first layer stands at the hot wall.
    Source: G. Chen, Phys. Rev. B 57, 14958 (1998); Swartz and Pohl, Rev. Mod. Phys. 61, 605 (1989).
    """

    first_material: AbstractPhononMaterial = part(
        AbstractPhononMaterial, doc="Material at the hot wall, by name or in full"
    )
    second_material: AbstractPhononMaterial = part(
        AbstractPhononMaterial, doc="Material at the cold wall, by name or in full"
    )
    first_thickness: Scalar = parameter(unit="m", range="(0, inf)", doc="Thickness of the first")
    second_thickness: Scalar = parameter(unit="m", range="(0, inf)", doc="Thickness of the second")
    interface: AbstractInterface = part(
        AbstractInterface, doc="What crosses the interface", default=DiffuseMismatch()
    )
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
        super().__check_init__()
        self.first_material.check_temperature(self.temperature)
        self.second_material.check_temperature(self.temperature)
        for material in (self.first_material, self.second_material):
            check_solid(material, "LayeredFilm")
        check_difference(self)
        check_walls(self)
        bands = jax.eval_shape(self._bands)  # which also refuses materials that do not meet
        unknown = any(part.wavevector is None for part in bands)
        if isinstance(self.interface, AcousticMismatch) and unknown:
            raise ValueError(
                "LayeredFilm: AcousticMismatch refracts phonons by their wavevectors, and a "
                "material here has none. Give spectral materials, or DiffuseMismatch."
            )

    def default_method(self, verb: str) -> AbstractMethod | None:
        return DiscreteOrdinates() if verb == "steady" else None

    def _bands(self) -> tuple[MatchedBands, MatchedBands]:
        first, second = matched((self.first_material, self.second_material), self.temperature)
        return first, second

    def problem(self) -> SlabProblem:
        first, second = self._bands()
        power = (first.heat_capacity * first.group_velocity).sum()
        total = self.first_thickness + self.second_thickness
        walls = jnp.asarray(WALLS, power.dtype)[:, None]
        return SlabProblem(
            layers=(
                Layer.of(first, power, total, self.first_thickness),
                Layer.of(second, power, total, self.second_thickness),
            ),
            walls=(self.hot_wall, self.cold_wall),
            interface=self.interface,
            emission=jnp.broadcast_to(walls, (2, first.heat_capacity.size)),
            source=jnp.zeros_like(power),
            offset=jnp.zeros_like(first.heat_capacity),
            branches=first.branches,
        )

    def solution(self, state: SlabState) -> LayeredFilmSolution:
        if state.detail is None:
            raise ValueError("LayeredFilm: this method does not follow the distribution.")
        first, second = self._bands()
        detail = state.detail
        power = (first.heat_capacity * first.group_velocity).sum()
        total = self.first_thickness + self.second_thickness
        flux = power * self.temperature_difference * state.dissipation
        force = self.temperature_difference / self.temperature**2
        made = power * self.temperature_difference * force
        half = detail.temperature.size // 2  # both layers have as many nodes
        step = self.temperature_difference * (
            detail.temperature[half - 1] - detail.temperature[half]
        )
        layers = made * jnp.sum(jnp.reshape(detail.dissipation, (2, -1)), axis=1)
        interface = made * detail.interface_dissipation
        walls = made * detail.wall_dissipation
        residual = jnp.max(jnp.abs(detail.flux / state.dissipation - 1))
        return LayeredFilmSolution(
            thermal_resistance=1 / (power * state.dissipation),
            diffusive_resistance=self.first_thickness / first.conductivity_by_band.sum()
            + self.second_thickness / second.conductivity_by_band.sum(),
            conductivity=total * power * state.dissipation,
            heat_flux=flux,
            interface_conductance=flux / step,
            emitted_conductance=power * detail.interface_exchange,
            interface_step=step,
            position=total * state.position,
            temperature=self.temperature + self.temperature_difference * detail.temperature,
            pseudotemperature=self.temperature
            + self.temperature_difference * state.pseudotemperature,
            face_position=total * detail.face,
            heat_flux_profile=power * self.temperature_difference * detail.flux,
            force=force,
            entropy_production=layers.sum() + walls.sum() + interface,
            entropy_production_layers=layers,
            entropy_production_walls=walls,
            entropy_production_interface=interface,
            conservation_residual=residual,
            status=state.status.unless("not_conserved", residual > CONSERVED),
            stats=state.stats,
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        gray = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
        slow = GrayMaterial(heat_capacity=2.0, group_velocity=0.3, mean_free_path=0.1)

        def film(second: GrayMaterial, interface: AbstractInterface) -> Any:
            return cls(
                first_material=gray,
                second_material=second,
                first_thickness=1.0,
                second_thickness=1.0,
                interface=interface,
            )

        yield Case(
            "two gray layers, diffuse mismatch: thermal resistance",
            lambda: steady(film(slow, DiffuseMismatch())).thermal_resistance,
            lambda: exact_forms.two_layer_resistance((1.0, 1.0), (10.0, 0.6), 1 / (1 + 1 / 0.6)),
            1e-5,
            "a diffuse interface is a gray wall to either layer: resistances in series",
        )
        yield Case(
            "two gray layers, transmission 0.3: thermal resistance",
            lambda: steady(film(gray, GivenTransmission(transmission=0.3))).thermal_resistance,
            lambda: exact_forms.two_layer_resistance((1.0, 1.0), (1.0, 1.0), 0.3),
            1e-5,
            "a diffuse interface is a gray wall to either layer: resistances in series",
        )
