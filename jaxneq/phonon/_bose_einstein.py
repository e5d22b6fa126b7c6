"""Films between walls of very different temperatures: nothing is linearised."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq import materials
from jaxneq._core import (
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    newton,
    parameter,
    quantity,
    setting,
    steady,
    tolerance_or,
)
from jaxneq._kernels import sweep
from jaxneq.materials import AbstractPhononMaterial, PhononBands

from . import _exact as exact_forms
from ._bose_einstein_grid import HotGrid, bose_einstein_grid
from ._bose_einstein_states import BandStates, classical, entropy
from ._conduction import CONSERVED, AbstractConduction
from ._device import Device
from ._device_solution import DeviceSolution
from ._discrete_ordinates import DiscreteOrdinates
from ._films import CrossPlaneFilm
from ._frames import all_rays
from ._grid import check_one_medium
from ._heaters import Contact
from ._ordinates import graded_mesh, half_range_gauss
from ._walls import BlackWall


class BoseEinsteinSolution(AbstractConduction):
    """Heat conduction between walls of very different temperatures."""

    primary: ClassVar[str] = "heat_flux"

    heat_flux: Float[Array, ""] = quantity(unit="W/m2", doc="Heat flux through the film")
    ballistic_heat_flux: Float[Array, ""] = quantity(
        unit="W/m2",
        doc="Without scattering: sum v / 4 times the difference of the walls' energy densities",
        reference_for="heat_flux",
    )
    conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Effective conductivity, heat flux times thickness over difference"
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
    mean_free_path: Float[Array, " band"] = quantity(
        unit="m", doc="Mean free path of each band at the mean temperature", dims=("band",)
    )
    accumulation: Float[Array, " band"] = quantity(
        doc="Share of the heat flux carried by mean free paths up to this one",
        dims=("band",),
        scale="linear",
    )
    face_position: Float[Array, " face"] = quantity(
        unit="m", doc="Distance of the cell faces from the hot wall", dims=("face",)
    )
    heat_flux_profile: Float[Array, " face"] = quantity(
        unit="W/m2", doc="Heat flux through each face", dims=("face",)
    )
    heat_flux_by_band: Float[Array, " band"] = quantity(
        unit="W/m2", doc="Contribution of each band, averaged over the film", dims=("band",)
    )
    force: Float[Array, ""] = quantity(
        unit="1/K", doc="Thermodynamic force, 1 / cold less 1 / hot temperature"
    )
    entropy_production: Float[Array, ""] = quantity(
        unit="W/m2/K", doc="Entropy production per area, bulk and walls"
    )
    entropy_production_density: Float[Array, " cell"] = quantity(
        unit="W/m3/K", doc="Entropy production in each cell", dims=("cell",)
    )
    entropy_production_walls: Float[Array, "2"] = quantity(
        unit="W/m2/K", doc="Entropy production at the hot, cold wall", dims=("wall",)
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Largest deviation of the flux through any face, relative to the flux"
    )
    status: Status
    stats: dict[str, Any]


class BoseEinsteinNewton(AbstractSteadyMethod):
    r"""Discrete ordinates without linearisation, for walls of any two temperatures.

    .. math::
        \mu v_b \frac{\partial e_b}{\partial x} = \frac{E_b(T_p) - e_b}{\tau_b(T_p)}, \qquad
        \sum_b \frac{\langle e_b\rangle - E_b(T_p)}{\tau_b(T_p)} = 0, \qquad
        E_b(T) = \frac{\hbar\omega_b D_b}{e^{\hbar\omega_b/k_BT} - 1}

    Phonons are emitted with the Bose-Einstein distribution, and relax at the rate of the local
    pseudo-temperature (one for each cell); a gray band, which has no frequency, is classical. A
    table of bands (`PhononBands`) knows one temperature and keeps its relaxation times at all.
    The cells and angles are those of `DiscreteOrdinates`.

    Newton's method, for films, whose walls are black, with the dense Jacobian of the temperatures.
    In devices it starts from Fourier's law, and each step is a linear solve by conjugate residuals
    with the preconditioner of the linear problem; voids and adiabatic sides keep the frequency.
    Contacts are checked against the range of the material's data; what gets warmer than that is
    told by the status `outside_data`. The force of a contact or heater is
    :math:`1 / T_0 - 1 / T`, with the `temperature` :math:`T_0` of the system.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (CrossPlaneFilm, Device)

    cells: int = setting(
        doc="Cells across the film, along each side of a device; 0: 60 across a film, 20 along a "
        "side in two dimensions, 10 in three",
        default=0,
    )
    angles: int = setting(
        doc="Directions in each half range; of a device, between an axis and the diagonal; 0: 16 "
        "in a half range, 6 in two dimensions, 3 (times 3) in three",
        default=0,
    )
    polar_angles: int = setting(
        doc="Directions to the axis along which a two-dimensional device does not change; 0: 3",
        default=0,
    )
    tolerance: Scalar | None = parameter(
        doc="Largest power that a node keeps, over the flux; 1e-9 in float64, 1e-4 in float32",
        range="(0, 1)",
        default=None,
    )
    max_iterations: int = setting(doc="Most iterations", range="[1, inf)", default=30)

    def check(self, system: AbstractSystem) -> None:
        if isinstance(system, Device):
            self._check_device(system)
        elif isinstance(system, CrossPlaneFilm):
            half = system.temperature_difference / 2
            _check_range(system.material, (system.temperature - half, system.temperature + half))

    def _check_device(self, device: Device) -> None:
        check_one_medium(device, "BoseEinsteinNewton")
        device.check_mesh(self.cells, "BoseEinsteinNewton")
        if device.walls != "elastic":
            raise ValueError(
                f"BoseEinsteinNewton: walls = {device.walls!r} exchange energy between "
                'frequencies, which is known about one temperature only. Give walls = "elastic".'
            )
        _check_range(device.material, [contact.temperature for contact in device.contacts])

    def steady(self, system: CrossPlaneFilm | Device) -> BoseEinsteinSolution | DeviceSolution:
        if isinstance(system, Device):
            return self._in_device(system)
        if not (isinstance(system.hot_wall, BlackWall) and isinstance(system.cold_wall, BlackWall)):
            raise ValueError("BoseEinsteinNewton treats black walls. Leave out the walls.")
        transport = _Transport(system, self.cells or 60, self.angles or 16)
        dtype = transport.width.dtype
        cold, hot = transport.walls[1], transport.walls[0]
        middle = jnp.repeat((transport.face[1:] + transport.face[:-1]) / 2, 2)
        temperature, solve = newton(
            transport.imbalance,
            hot + (cold - hot) * middle,
            within=(cold, hot),
            scale=transport.scale,
            tolerance=tolerance_or(self.tolerance, dtype, double=1e-9, single=1e-4),
            max_iterations=self.max_iterations,
        )
        return transport.solution(temperature, solve.status, solve.iterations, solve.residual)

    def _in_device(self, device: Device) -> DeviceSolution:
        problem = device.problem(self.cells)
        beams = all_rays(problem, self.angles, self.polar_angles)
        states = BandStates.of(device.material, device.temperature)
        grid = HotGrid.of(problem, beams, states, _known(device.material))
        dtype = problem.solid.dtype
        tolerance = tolerance_or(self.tolerance, dtype, double=1e-9, single=1e-4)
        state = bose_einstein_grid(grid, tolerance, self.max_iterations)
        middle = device.temperature
        return device.answer(state, lambda rise: rise / (middle * (middle + rise)))

    @classmethod
    def validation(cls) -> Iterable[Case]:
        material = equal_paths(1.0)

        def flux(thickness: float) -> Any:
            film = CrossPlaneFilm(
                material=material,
                thickness=thickness,
                temperature=200.0,
                temperature_difference=200.0,
            )
            solution = steady(film, cls(cells=30))
            return solution.heat_flux / solution.ballistic_heat_flux

        yield Case(
            "spectral film with one mean free path, 300 K to 100 K, Kn = 1: flux over ballistic",
            lambda: flux(1.0),
            exact_forms.GRAY_FLUX[1.0],
            3e-5,
            "the energy density obeys Milne's equation, whatever its spectrum",
        )
        device = Device(
            material=material,
            size=jnp.ones(2),
            length_unit=1.0,
            temperature=200.0,
            contacts=(
                Contact(name="hot", side="left", temperature=350.0),
                Contact(name="cold", side="right", temperature=50.0),
            ),
            periodic=("y",),
            cells=(("x", 6), ("y", 1)),
        )
        yield Case(
            "spectral device with one mean free path, 350 K to 50 K: conductance (W/K)",
            lambda: steady(device, cls(angles=2, polar_angles=2)).conductance,
            lambda: (
                _gain(material, 350.0, 50.0)
                * steady(device, DiscreteOrdinates(angles=2, polar_angles=2)).conductance
            ),
            1e-8,
            "the linear equation, for the energy density",
        )
        film = CrossPlaneFilm(material=materials.model("Si"), thickness=100e-9)
        yield Case(
            "silicon film of 100 nm, walls 1 K apart: conductivity (W/m/K)",
            lambda: steady(film, cls(cells=30)).conductivity,
            lambda: steady(film, DiscreteOrdinates(cells=30)).conductivity,
            1e-5,
            "the linearised equation, to second order in the difference",
        )


def _known(material: AbstractPhononMaterial) -> tuple[float, float]:
    """Temperatures that a material may have; a table is taken at all."""
    table = isinstance(material, PhononBands)
    return (0.0, float("inf")) if table else material.temperature_range


def _check_range(material: AbstractPhononMaterial, temperatures: Iterable[Scalar]) -> None:
    if not isinstance(material, PhononBands):
        for temperature in temperatures:
            material.check_temperature(temperature)


def _gain(bands: PhononBands, hot: float, cold: float) -> Float[Array, ""]:
    """The difference of the energy densities, over that with the heat capacity of the bands."""
    states = BandStates.of(bands, bands.temperature)
    state = states.state(jnp.asarray(hot)) - states.state(jnp.asarray(cold))
    linear = jnp.sum(bands.heat_capacity) * (hot - cold)
    return jnp.sum(bands.heat_capacity * state) / linear


def equal_paths(mean_free_path: float) -> PhononBands:
    """Bands of three frequencies with one velocity and one mean free path at 200 K, for tests."""
    frequency = jnp.asarray([1e13, 3e13, 6e13])
    one = jnp.ones_like(frequency)
    return PhononBands(
        angular_frequency=frequency,
        group_velocity=one,
        relaxation_time=mean_free_path * one,
        spectral_heat_capacity=jnp.asarray([1.0, 2.0, 3.0]),
        weight=one,
        temperature=jnp.asarray(200.0),
        branch=("a", "b", "c"),
    )


class _Transport:
    """The film as a function of the temperatures of its nodes.

    The state of a band is u = (e - E(T_0)) / C(T_0), in K, with the mean temperature T_0.
    """

    def __init__(self, film: CrossPlaneFilm, cells: int, angles: int):
        self.film, self.states = film, BandStates.of(film.material, film.temperature)
        dtype = self.states.bands.heat_capacity.dtype
        mesh = graded_mesh(cells)
        self.face = jnp.asarray(mesh, dtype)
        self.width = film.thickness * jnp.asarray(mesh[1:] - mesh[:-1], dtype)
        self.cosine, weight = (jnp.asarray(p, dtype) for p in half_range_gauss(angles))
        self.share = weight / 2
        half = film.temperature_difference / 2
        self.walls = jnp.stack([film.temperature + half, film.temperature - half])
        bands = self.bands = self.states.bands
        power = bands.heat_capacity * bands.group_velocity
        self.weight = power[:, None] * (self.cosine * self.share)[None, :]
        hot, cold = self.states.state(self.walls)
        self.ballistic = jnp.sum(power * (hot - cold)) / 4
        self.flux_scale = self.ballistic / (1 + 0.75 * film.thickness / self._mean_path(power))

    def _mean_path(self, power: Array) -> Array:
        return jnp.sum(power * self.bands.mean_free_path) / power.sum()

    @property
    def scale(self) -> Float[Array, " node"]:
        """The imbalance (K) at which a node would keep as much power as flows."""
        emitted = self.width * jnp.sum(self.bands.heat_capacity / self.bands.relaxation_time) / 2
        return jnp.repeat(self.flux_scale / emitted, 2)

    def flux(self, state: Float[Array, "*shape band angle"]) -> Float[Array, "*shape"]:
        """The heat flux of rays of one direction (W/m2)."""
        return jnp.einsum("...ba,ba->...", state, self.weight)

    def entropy_flux(self, state: Float[Array, "*shape band angle"]) -> Float[Array, "*shape"]:
        """The entropy flux of rays of one direction (W/m2/K), but for a constant."""

        def of(u: Array) -> Array:
            quantum, capacity = self.states.quantum, self.states.capacity
            start = classical(quantum, self.bands.temperature)
            energy = start[:, None] + capacity[:, None] * u
            return jnp.sum(self.weight * entropy(quantum[:, None], energy) / capacity[:, None])

        return jnp.vectorize(of, signature="(b,a)->()")(state)

    def reach(self, nodes: Float[Array, "cell 2"]) -> Float[Array, "cell band angle"]:
        """Mean free path at the temperature of each cell, projected on the axis."""
        path = self.states.mean_free_path(nodes.mean(axis=1))
        return path[:, :, None] * self.cosine[None, None, :]

    def follow(self, nodes: Float[Array, "cell 2"]) -> tuple[Array, Array, Array]:
        """Emission of the nodes, departures from it along all rays, and cells over reach."""
        emission, reach = self.states.state(nodes), self.reach(nodes)
        walls = self.states.state(self.walls)
        into = jnp.stack([walls[0] - emission[0, 0], walls[1] - emission[-1, 1]])
        entering = jnp.repeat(into[:, :, None], self.cosine.size, axis=2)
        delta = sweep.distribution(emission, entering, self.width, reach)
        return emission, delta, self.width[:, None, None] / reach

    def imbalance(self, temperature: Float[Array, " node"]) -> Float[Array, " node"]:
        """Mean over collisions of the distribution less the emission, at each node (K).

        The power that a node keeps over what it emits per kelvin: as a function of temperature it
        falls, while the power alone need not, because the rates grow.
        """
        _, delta, size = self.follow(jnp.reshape(temperature, (-1, 2)))
        rays = self.weight[None] * size
        kept = jnp.sum(rays[:, None] * (delta[0] + delta[1]), axis=(2, 3))
        return jnp.ravel(kept / (2 * jnp.sum(rays, axis=(1, 2))[:, None]))

    def solution(self, temperature: Array, status: Status, iterations: Array, residual: Array):
        """The physical answer."""
        nodes = jnp.reshape(temperature, (-1, 2))
        emission, delta, _ = self.follow(nodes)
        u = emission[None, ..., None] + delta  # direction, cell, node, band, angle
        emitted = jnp.repeat(self.states.state(self.walls)[:, :, None], self.cosine.size, axis=2)
        rightward = jnp.concatenate([emitted[:1], u[0, :, 1]])  # through each face
        leftward = jnp.concatenate([u[1, :, 0], emitted[1:]])
        net = self.flux(rightward - leftward)
        carried = jnp.einsum("cnba,ba->cb", u[0] - u[1], self.weight) / 2
        by_band = jnp.sum(jnp.diff(self.face)[:, None] * carried, axis=0)
        flux = by_band.sum()
        force = 1 / self.walls[1] - 1 / self.walls[0]
        # The entropy that phonons carry out of a cell less what they carry in; at a wall, the heat
        # that it takes over its temperature, less the entropy of what arrives and what it emits.
        inside = jnp.diff(self.entropy_flux(rightward)) - jnp.diff(self.entropy_flux(leftward))
        arriving = jnp.stack([leftward[0], rightward[-1]])
        lost = self.flux(arriving - emitted) / self.walls
        lost = lost - self.entropy_flux(arriving) + self.entropy_flux(emitted)
        deviation = jnp.max(jnp.abs(net / flux - 1))
        film = self.film
        by_path = jnp.argsort(self.bands.mean_free_path)
        mean = jnp.einsum("cnba,a->cnb", u[0] + u[1], self.share)
        return BoseEinsteinSolution(
            heat_flux=flux,
            ballistic_heat_flux=self.ballistic,
            conductivity=flux * film.thickness / film.temperature_difference,
            position=film.thickness * jnp.ravel(jnp.stack([self.face[:-1], self.face[1:]], axis=1)),
            temperature=jnp.ravel(self.states.temperature(mean, nodes)),
            pseudotemperature=temperature,
            mean_free_path=self.bands.mean_free_path[by_path],
            accumulation=jnp.cumsum(by_band[by_path]) / flux,
            heat_flux_by_band=by_band[by_path],
            face_position=film.thickness * self.face,
            heat_flux_profile=net,
            force=force,
            entropy_production=inside.sum() + lost.sum(),
            entropy_production_density=inside / self.width,
            entropy_production_walls=lost,
            conservation_residual=deviation,
            status=status.unless("not_conserved", deviation > CONSERVED),
            stats={"iterations": iterations, "residual": residual},
        )
