"""A metal film that a pump heats and a probe watches."""

from __future__ import annotations

import math
from collections.abc import Iterable

import jax.numpy as jnp
from jax.scipy.special import erf
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractDeclared,
    AbstractMethod,
    AbstractSystem,
    Case,
    Scalar,
    evolve,
    is_concrete,
    parameter,
    part,
    setting,
)
from jaxneq.materials import Metal

from ._two_temperatures import TwoTemperatures

FWHM = 2 * math.sqrt(2 * math.log(2))  # full width at half maximum, in standard deviations
REACH = 5.0  # depth of the substrate, in lengths of diffusion in the longest time
STRETCH = 7.0  # logarithm of how much wider its last cells are than its first


class Substrate(AbstractDeclared):
    """A solid below a film, with Fourier's law, deeper than heat gets."""

    heat_capacity: Scalar = parameter(unit="J/m3/K", range="(0, inf)", doc="Heat capacity")
    conductivity: Scalar = parameter(unit="W/m/K", range="(0, inf)", doc="Conductivity")


class PumpProbe(AbstractSystem):
    r"""A metal film, its electrons heated by a pulse, and what a probe sees of it.

    .. math::
        C_e \frac{\partial T_e}{\partial t} &= \frac{\partial}{\partial z}
            \kappa_0 \frac{T_e}{T_l} \frac{\partial T_e}{\partial z}
            - \sum_b G_b (T_e - T_b) + S(z, t), \qquad C_e = C_0 + \gamma T_e \\
        C_b \frac{\partial T_b}{\partial t} &= \kappa_b \frac{\partial^2 T_b}{\partial z^2}
            + G_b (T_e - T_b) - \frac{C_b}{\tau_b} (T_b - \bar T)

    The surface z = 0 is insulated. The pulse is a Gaussian in time; of the heat absorbed in the
    film the share exp(-z / `penetration_depth`) is given below z. The lattice, and where
    `electron_conductance` is given the electrons, lose heat to a substrate by the conductance of
    the interface; bands share it by their heat capacities. The film begins at `temperature`. The
    probe sees

    .. math:: a\,(\langle T_e\rangle - T_0) + b\,(\langle T_l\rangle - T_0) ,

    weighed by exp(-z / `probe_depth`). Ballistic electrons are treated as a deeper penetration.
    Source: Anisimov, Kapeliovich and Perel'man, Sov. Phys. JETP 39, 375 (1974); for bands
    Waldecker et al., Phys. Rev. X 6, 021003 (2016).
    """

    metal: Metal = part(Metal, doc="Metal of the film, by name or in full")
    thickness: Scalar = parameter(unit="m", range="(0, inf)", doc="Thickness of the film")
    fluence: Scalar = parameter(
        unit="J/m2", range="[0, inf)", doc="Heat that the film absorbs, per area"
    )
    pulse_duration: Scalar = parameter(
        unit="s", range="(0, inf)", doc="Duration of the pump, full width at half maximum"
    )
    pulse_time: Scalar = parameter(unit="s", doc="Time of the maximum of the pump")
    penetration_depth: Scalar = parameter(
        unit="m", range="(0, inf)", doc="Depth over which the pump falls to 1/e"
    )
    probe_depth: Scalar = parameter(
        unit="m", range="(0, inf)", doc="Depth over which the probe falls to 1/e"
    )
    substrate: Substrate | None = part(
        Substrate, doc="What is below the film; nothing unless given", default=None
    )
    interface_conductance: Scalar = parameter(
        unit="W/m2/K",
        range="[0, inf)",
        doc="Conductance from the lattice to the substrate",
        default=0.0,
    )
    electron_conductance: Scalar = parameter(
        unit="W/m2/K",
        range="[0, inf)",
        doc="Conductance from the electrons to the substrate",
        default=0.0,
    )
    temperature: Scalar = parameter(
        unit="K", range="(0, inf)", doc="Ambient temperature", default=300.0
    )
    electron_weight: Scalar = parameter(
        unit="1/K", doc="Signal per temperature of the electrons, a", default=1.0
    )
    lattice_weight: Scalar = parameter(
        unit="1/K", doc="Signal per temperature of the lattice, b", default=1.0
    )
    normalised: str = setting(
        choices=("no", "peak"),
        doc="Whether the signal is divided by its largest absolute value",
        default="no",
    )

    def __check_init__(self):
        super().__check_init__()
        _check_pulse(self.pulse_time, self.pulse_duration)
        _check_interface(self)

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._implicit_volumes import ImplicitVolumes

        return ImplicitVolumes() if verb == "evolve" else None

    def layers(self, cells: int, substrate_cells: int, longest: Scalar) -> TwoTemperatures:
        """Film and substrate in so many cells, good until the time `longest`."""
        metal, dtype = self.metal, self.thickness.dtype
        width, bulk = jnp.zeros(0, dtype), Substrate(heat_capacity=1.0, conductivity=1.0)
        if self.substrate is not None:
            bulk = self.substrate
            deep = REACH * jnp.sqrt(bulk.conductivity / bulk.heat_capacity * longest)
            faces = jnp.expm1(STRETCH * jnp.linspace(0, 1, substrate_cells + 1, dtype=dtype))
            width = jnp.maximum(deep, self.thickness) * jnp.diff(faces / faces[-1])
        heat = metal.by_band("heat_share")
        through = self.interface_conductance * heat
        return TwoTemperatures(
            ambient=self.temperature,
            film_width=jnp.broadcast_to(self.thickness / cells, (cells,)),
            substrate_width=width,
            electron_capacity=metal.electron_heat_capacity,
            sommerfeld=metal.sommerfeld_coefficient,
            electron_conductivity=metal.electron_conductivity,
            capacity=metal.lattice_heat_capacity * heat,
            coupling=metal.coupling * metal.by_band("coupling_share"),
            conductivity=metal.lattice_conductivity * heat,
            relaxation=metal.by_band("relaxation_rate"),
            substrate_capacity=bulk.heat_capacity.astype(dtype),
            substrate_conductivity=bulk.conductivity.astype(dtype),
            conductance=jnp.concatenate([self.electron_conductance[None], through]),
        )

    def absorbed(self, time: Scalar) -> Float[Array, ""]:
        """Heat given from time 0 to a time (J/m2)."""
        wide = self.pulse_duration * (math.sqrt(2) / FWHM)
        until = erf((time - self.pulse_time) / wide) - erf(-self.pulse_time / wide)
        return self.fluence * until / 2

    def shares(self, depth: Scalar, cells: int) -> Float[Array, " cells"]:
        """Of each cell the share of what falls to 1/e over `depth`, exact."""
        faces = jnp.linspace(0, 1, cells + 1, dtype=self.thickness.dtype) * self.thickness / depth
        beyond = jnp.exp(-faces[:-1]) * -jnp.expm1(-jnp.diff(faces))
        return beyond / -jnp.expm1(-faces[-1])

    @classmethod
    def validation(cls) -> Iterable[Case]:
        gold = Metal.named("Au", sommerfeld_coefficient=70.0, lattice_heat_capacity=2.5e6)
        film = cls(
            metal=gold,
            thickness=1e-8,
            fluence=0.0,
            pulse_duration=1e-13,
            pulse_time=1e-12,
            penetration_depth=1e-8,
            probe_depth=1e-8,
        )
        yield Case(
            "gold, electrons at 2000 K, lattice at 300 K: common temperature (K)",
            lambda: evolve(
                film, times=jnp.geomspace(1e-12, 1e-9, 11), initial=jnp.asarray([2000.0, 300.0])
            ).lattice_surface_temperature[-1],
            354.24316492149205,
            1e-9,
            "energy: gamma T^2 / 2 + C_l T is kept; a quadratic equation",
        )


def _check_pulse(time: Scalar, duration: Scalar) -> None:
    if is_concrete(time) and is_concrete(duration) and float(time) < 1.5 * float(duration):
        raise ValueError(
            f"PumpProbe: pulse_time = {float(time):g} s is less than 1.5 times pulse_duration = "
            f"{float(duration):g} s, but the film begins cold at time 0. Give a later pulse_time."
        )


def _check_interface(system: PumpProbe) -> None:
    known = (
        system.interface_conductance,
        system.electron_conductance,
        system.metal.lattice_conductivity,
    )
    if not all(map(is_concrete, known)):
        return
    lattice, electrons, inside = (float(value) for value in known)
    if system.substrate is None and lattice + electrons > 0:
        raise ValueError(
            f"PumpProbe: interface_conductance = {lattice:g} and electron_conductance = "
            f"{electrons:g} W/m2/K lead to no substrate. Give `substrate`, or 0."
        )
    if lattice > 0 and inside == 0:
        raise ValueError(
            f"PumpProbe: interface_conductance = {lattice:g} W/m2/K, but "
            "metal.lattice_conductivity = 0 W/m/K: no heat would reach the interface in the "
            "lattice. Give the conductivity of the lattice, some per cent of that of the electrons."
        )
