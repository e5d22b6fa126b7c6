"""A film that is heated inside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractMethod,
    AbstractSolution,
    Case,
    Scalar,
    Status,
    parameter,
    part,
    quantity,
    steady,
)
from jaxneq.materials import AbstractPhononMaterial, GrayMaterial

from . import _exact as exact_forms
from ._conduction import CONSERVED, check_solid, knudsen_number
from ._discrete_ordinates import DiscreteOrdinates
from ._slab import AbstractSlab, Layer, SlabProblem, SlabState
from ._walls import AbstractWall, BlackWall, SpecularWall


class HeatedFilmSolution(AbstractSolution):
    """How warm a heated film gets. `print` shows what was found."""

    primary: ClassVar[str] = "mean_temperature_rise"

    mean_temperature_rise: Float[Array, ""] = quantity(
        unit="K", doc="Mean over the film of the rise above the walls"
    )
    diffusive_temperature_rise: Float[Array, ""] = quantity(
        unit="K",
        doc="The same by Fourier's law between walls without resistance",
        reference_for="mean_temperature_rise",
    )
    maximum_temperature: Float[Array, ""] = quantity(unit="K", doc="Highest temperature")
    knudsen_number: Float[Array, ""] = quantity(
        doc="Mean free path over thickness, with the mean 3 conductivity / sum C v"
    )
    heat_flux: Float[Array, "2"] = quantity(
        unit="W/m2", doc="Heat flux into the left, right wall", dims=("wall",)
    )
    position: Float[Array, " node"] = quantity(
        unit="m", doc="Distance from the left wall", dims=("node",)
    )
    temperature: Float[Array, " node"] = quantity(
        unit="K", doc="Temperature of the energy density", dims=("node",)
    )
    pseudotemperature: Float[Array, " node"] = quantity(
        unit="K", doc="Temperature to which collisions relax the phonons", dims=("node",)
    )
    face_position: Float[Array, " face"] = quantity(
        unit="m", doc="Distance of the cell faces from the left wall", dims=("face",)
    )
    heat_flux_profile: Float[Array, " face"] = quantity(
        unit="W/m2", doc="Heat flux through each face", dims=("face",)
    )
    heat_supplied: Float[Array, ""] = quantity(unit="W/m2", doc="Heat source times thickness")
    force: Float[Array, ""] = quantity(
        unit="1/K", doc="Thermodynamic force, mean rise over squared temperature, linearised"
    )
    entropy_production: Float[Array, ""] = quantity(
        unit="W/m2/K", doc="Entropy production per area, bulk and walls, linearised"
    )
    entropy_production_walls: Float[Array, "2"] = quantity(
        unit="W/m2/K", doc="Entropy production at the left, right wall", dims=("wall",)
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Largest deviation of the flux through any face from the heat supplied before it"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"heat": self.heat_supplied}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"heat": self.force}


class HeatedFilm(AbstractSlab):
    r"""A film heated uniformly, between walls at one temperature, linearised about it.

    .. math::
        \mu v_b \frac{\partial g_b}{\partial x} = \frac{T_p(x) - g_b}{\tau_b}
        + \frac{Q}{\sum C}, \qquad
        \sum_b \frac{C_b}{\tau_b} \left(\langle g_b\rangle - T_p\right) = 0

    The heat is released into all bands in proportion to their heat capacity. The equations are
    linear: with a difference between the walls as well, add the rise found here to the profile
    of a `CrossPlaneFilm`. The error of the mean rise falls with the square of the cell size: 2e-5
    with the 240 cells of the default method.
    Source: Hua and Minnich, Phys. Rev. B 97, 014307 (2018), for the source term.
    """

    material: AbstractPhononMaterial = part(
        AbstractPhononMaterial, doc="Material of the film, by name or in full"
    )
    thickness: Scalar = parameter(unit="m", range="(0, inf)", doc="Film thickness")
    heat_source: Scalar = parameter(
        unit="W/m3", range="(0, inf)", doc="Power per volume; the answer is linear in it"
    )
    temperature: Scalar = parameter(
        unit="K", range="(0, inf)", doc="Temperature of both walls", default=300.0
    )
    left_wall: AbstractWall = part(AbstractWall, doc="The wall at x = 0", default=BlackWall())
    right_wall: AbstractWall = part(AbstractWall, doc="The wall opposite", default=BlackWall())

    def __check_init__(self):
        super().__check_init__()
        self.material.check_temperature(self.temperature)
        check_solid(self.material, type(self).__name__)
        if self.left_wall.adiabatic and self.right_wall.adiabatic:
            raise ValueError(
                "HeatedFilm: both walls have emissivity 0, so the heat cannot leave. Give one of "
                "them a larger emissivity."
            )

    def default_method(self, verb: str) -> AbstractMethod | None:
        return DiscreteOrdinates(cells=240) if verb == "steady" else None

    def problem(self) -> SlabProblem:
        bands = self.material.bands(self.temperature)
        power = (bands.heat_capacity * bands.group_velocity).sum()
        layer = Layer.of(bands, power, self.thickness, self.thickness)
        # Along its ray every band gains source times its relaxation time: a constant, taken out.
        gain = bands.relaxation_time * power / (bands.heat_capacity.sum() * self.thickness)
        return SlabProblem(
            layers=(layer,),
            walls=(self.left_wall, self.right_wall),
            interface=None,
            emission=jnp.stack([-gain, -gain]),
            source=jnp.ones((), gain.dtype),
            offset=gain,
            branches=1,
        )

    def solution(self, state: SlabState) -> HeatedFilmSolution:
        if state.detail is None:
            raise ValueError("HeatedFilm: this method does not follow the distribution.")
        bands, detail, problem = self.material.bands(self.temperature), state.detail, self.problem()
        power = (bands.heat_capacity * bands.group_velocity).sum()
        bulk = bands.conductivity_by_band.sum()
        supplied = self.heat_source * self.thickness
        kelvin = supplied / power
        rise = kelvin * (jnp.sum(problem.layers[0].heat_share * problem.offset) - state.dissipation)
        temperature = self.temperature + kelvin * detail.temperature
        made = supplied * kelvin / self.temperature**2
        residual = jnp.max(jnp.abs(detail.flux - detail.flux[0] - detail.face))
        return HeatedFilmSolution(
            mean_temperature_rise=rise,
            diffusive_temperature_rise=self._diffusive_rise(bulk),
            maximum_temperature=jnp.max(temperature),
            knudsen_number=knudsen_number(bands, self.thickness),
            heat_flux=supplied * jnp.stack([-detail.flux[0], detail.flux[-1]]),
            position=self.thickness * state.position,
            temperature=temperature,
            pseudotemperature=self.temperature + kelvin * state.pseudotemperature,
            face_position=self.thickness * detail.face,
            heat_flux_profile=supplied * detail.flux,
            heat_supplied=supplied,
            force=rise / self.temperature**2,
            entropy_production=made * (detail.dissipation.sum() + detail.wall_dissipation.sum()),
            entropy_production_walls=made * detail.wall_dissipation,
            conservation_residual=residual,
            status=state.status.unless("not_conserved", residual > CONSERVED),
            stats=state.stats,
        )

    def _diffusive_rise(self, conductivity: Array) -> Array:
        """Q L^2 / 12 k between two walls, Q L^2 / 3 k where one of them is adiabatic."""
        dtype = self.thickness.dtype
        left, right = (w.emissive_share(dtype) for w in (self.left_wall, self.right_wall))
        divisor = jnp.where((left == 0) | (right == 0), 3, 12).astype(dtype)
        return self.heat_source * self.thickness**2 / conductivity / divisor

    @classmethod
    def validation(cls) -> Iterable[Case]:
        def gray(tau: float, thickness: float = 1.0, **walls: Any) -> Any:
            material = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1 / tau)
            film = cls(material=material, thickness=thickness, heat_source=1.0, **walls)
            return steady(film)

        yield Case(
            "gray film, Kn = 1e-3: mean temperature rise",
            lambda: gray(1e3).mean_temperature_rise,
            lambda: exact_forms.thick_heated_film_rise(1e3),
            3e-5,
            "diffusion with Milne's extrapolation length, to order Kn: Q L^2 / 12 k + Q L z / 2 k",
        )
        yield Case(
            "half a gray film and a mirror: mean temperature rise",
            lambda: gray(1.0, 0.5, right_wall=SpecularWall(emissivity=0.0)).mean_temperature_rise,
            lambda: gray(1.0).mean_temperature_rise,
            2e-5,
            "symmetry: a mirror stands for the other half",
        )
