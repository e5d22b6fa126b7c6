"""Two temperatures in time, in finite volumes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractEvolveMethod,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    evolve,
    parameter,
    setting,
    tolerance_or,
)
from jaxneq.materials import Metal

from ._conduction import CONSERVED
from ._pump_probe import PumpProbe, Substrate
from ._pump_probe_solution import PumpProbeSolution
from ._two_temperatures import TwoTemperatures
from ._two_temperatures_time import Costs, follow


class _Seen(eqx.Module):
    """What is compared between two meshes."""

    electrons: Float[Array, " time"]
    lattice: Float[Array, " time"]


class ImplicitVolumes(AbstractEvolveMethod):
    """Finite volumes of second order, in implicit steps of second order that keep the energy.

    Each of the two stages of a step (Alexander, SIAM J. Numer. Anal. 14, 1006, 1977) is solved by
    Newton's method; its linear systems are block-tridiagonal. The answer with half as many cells
    and steps is found as well, and the error estimated from it. Cells of the substrate widen with
    depth, to five lengths of diffusion. Times should be dense where the pulse is: between two of
    them all steps have one length.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (PumpProbe,)

    cells: int = setting(doc="Cells of the film, even", range="[4, inf)", default=32)
    substrate_cells: int = setting(doc="Cells of the substrate, even", range="[4, inf)", default=48)
    steps: int = setting(
        doc="Steps between two times that follow each other, even", range="[2, inf)", default=4
    )
    tolerance: Scalar | None = parameter(
        doc="Residual of each stage, relative to the densest heat; by default 1e-12 in float64 and "
        "1e-5 in float32",
        range="(0, 1)",
        default=None,
    )
    max_iterations: int = setting(
        doc="Most iterations of Newton's method in a stage", range="[1, inf)", default=30
    )

    def __check_init__(self):
        super().__check_init__()
        for name in ("cells", "substrate_cells", "steps"):
            if getattr(self, name) % 2:
                raise ValueError(
                    f"ImplicitVolumes: {name} = {getattr(self, name)} is odd. Give an even number: "
                    "half as many tell the error."
                )

    def check_initial(self, system: AbstractSystem, initial: Any) -> None:
        if isinstance(system, PumpProbe):
            carriers = 1 + system.metal.by_band("heat_share").size
            if np.shape(initial) != (carriers,) or not np.all(np.asarray(initial) > 0):
                raise ValueError(
                    f"ImplicitVolumes: initial = {initial} is not allowed. Give the temperatures "
                    f"(K) of electrons and bands in the film, {carriers} positive numbers."
                )

    def evolve(
        self, system: PumpProbe, *, times: Float[Array, " time"], initial: Any
    ) -> PumpProbeSolution:
        """`initial`, the temperatures of electrons and bands in the film (K)."""
        order = jnp.argsort(times)
        times = times.astype(system.thickness.dtype)
        back = jnp.argsort(order)

        def on_mesh(fewer: int) -> tuple[TwoTemperatures, Array, Array, Costs]:
            cells = self.cells // fewer
            layers = system.layers(cells, self.substrate_cells // fewer, jnp.max(times))
            start = jnp.zeros(layers.shape, times.dtype)
            if initial is not None:
                given = jnp.asarray(initial, times.dtype) - system.temperature
                start = start.at[:cells].set(given)
            shares = system.shares(system.penetration_depth, cells)
            rises, costs = follow(
                layers,
                start,
                lambda time: system.absorbed(time) * shares,
                times[order],
                self.steps // fewer,
                tolerance_or(self.tolerance, times.dtype, 1e-12, 1e-5),
                self.max_iterations,
            )
            return layers, start, rises[back], costs

        layers, start, rises, costs = on_mesh(1)
        coarse_layers, _, coarse_rises, _ = on_mesh(2)
        coarse = _seen(system, coarse_layers, coarse_rises)
        return _solution(system, layers, times, start, rises, coarse, costs)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        metal = Metal(
            sommerfeld_coefficient=0.0,
            electron_heat_capacity=2.1e4,
            electron_conductivity=300.0,
            lattice_heat_capacity=2.5e6,
            coupling=2.6e16,
        )
        film = PumpProbe(
            metal=metal,
            thickness=1e-8,
            fluence=0.0,
            pulse_duration=1e-13,
            pulse_time=1e-12,
            penetration_depth=1e-8,
            probe_depth=1e-8,
        )
        lifetime = 8.009642083422329e-13
        yield Case(
            "constant heat capacities: difference of temperatures after one lifetime (K)",
            lambda: _difference(film, cls(cells=4, steps=400), lifetime),
            700 / np.e,
            1e-6,
            "one eigenvalue, G (1 / C_e + 1 / C_l); 8.0096e-13 s",
        )
        yield Case(
            "thin film on a half-space: rise after 1 ns, relative",
            lambda: _cooled(cls(cells=4, substrate_cells=96, steps=8)),
            _cooled_exactly,
            1e-4,
            "closed form, of the root of the Laplace variable; erfc",
        )


def _difference(film: PumpProbe, method: ImplicitVolumes, time: float) -> Array:
    found = evolve(film, method, times=jnp.asarray([time]), initial=jnp.asarray([1000.0, 300.0]))
    return found.surface_temperature[0] - found.lattice_surface_temperature[0]


def _cooled(method: ImplicitVolumes) -> Array:
    """The rise of a film of one temperature after 1 ns, of 1 at the start."""
    metal = Metal(
        sommerfeld_coefficient=0.0,
        electron_heat_capacity=1e4,
        electron_conductivity=1e6,
        lattice_heat_capacity=2.49e6,
        coupling=1e20,
        lattice_conductivity=1e6,
    )
    film = PumpProbe(
        metal=metal,
        thickness=50e-9,
        fluence=0.0,
        pulse_duration=1e-13,
        pulse_time=1e-12,
        penetration_depth=1e-8,
        probe_depth=1e-8,
        substrate=Substrate(heat_capacity=1.5e6, conductivity=1.0),
        interface_conductance=2e8,
    )
    times = jnp.geomspace(1e-12, 1e-9, 25)
    found = evolve(film, method, times=times, initial=jnp.asarray([301.0, 301.0]))
    return found.lattice_surface_temperature[-1] - 300


def _cooled_exactly() -> float:
    r"""The closed form, with the effusivity e and w(x) = exp(x^2) erfc(x).

    .. math:: [b\, w(a \sqrt t) - a\, w(b \sqrt t)] / (b - a), \quad a + b = h / e, \; a b = h / C d
    """
    conductance, heat, root = 2e8, 2.5e6 * 50e-9, math.sqrt(1e-9)
    total = conductance / math.sqrt(1.5e6)
    apart = math.sqrt(total**2 - 4 * conductance / heat)
    a, b = (total - apart) / 2, (total + apart) / 2
    left, right = (math.exp(x**2) * math.erfc(x) for x in (a * root, b * root))
    return (b * left - a * right) / apart


def _seen(system: PumpProbe, layers: TwoTemperatures, rises: Array) -> _Seen:
    """The rises that the probe sees."""
    film = layers.film_width.size
    weight = system.shares(system.probe_depth, film)
    band = jnp.einsum("tcb,c->tb", rises[:, :film, 1:], weight)
    return _Seen(rises[:, :film, 0] @ weight, layers.lattice(band))


def _surface(values: Float[Array, "time film *rest"]) -> Float[Array, "time *rest"]:
    """At the insulated surface: a parabola without slope there."""
    return values[:, 0] + (values[:, 0] - values[:, 1]) / 8


def _solution(
    system: PumpProbe,
    layers: TwoTemperatures,
    times: Float[Array, " time"],
    start: Array,
    rises: Float[Array, "time cell carrier"],
    coarse: _Seen,
    costs: Costs,
) -> PumpProbeSolution:
    seen = _seen(system, layers, rises)
    electrons, lattice = (system.electron_weight, system.lattice_weight)
    parts = electrons * seen.electrons, lattice * seen.lattice
    error = electrons * (seen.electrons - coarse.electrons)
    error = jnp.abs(error + lattice * (seen.lattice - coarse.lattice)) / 3
    peak = jnp.ones((), times.dtype)
    if system.normalised == "peak":
        peak = jnp.max(jnp.abs(parts[0] + parts[1]))
        peak = jnp.where(peak > 0, peak, 1)
    at = jax.vmap(layers.places)(system.temperature + rises)
    held = jax.vmap(layers.places)(jax.vmap(layers.energy)(rises))
    begun = layers.energy(start)
    energies = (
        jnp.sum(held.electron, axis=1),
        jnp.sum(held.band, axis=(1, 2)),
        jnp.sum(held.substrate, axis=1),
    )
    given = jax.vmap(system.absorbed)(times)
    off = jnp.abs(sum(energies) - jnp.sum(begun) - given)
    whole = jnp.max(given) + jnp.sum(jnp.abs(begun))
    residual = jnp.max(off) / jnp.where(whole > 0, whole, 1)
    flows, forces = jax.vmap(layers.flows)(rises), jax.vmap(layers.forces)(rises)
    made = {
        name: jnp.sum((flow * forces[name]).reshape(times.size, -1), axis=1)
        for name, flow in flows.items()
    }
    below = layers.substrate_width
    substrate = {}
    if below.size:
        substrate = {
            "substrate_depth": jnp.cumsum(below) - below / 2,
            "substrate_temperature": at.substrate,
        }
    band_surface = _surface(at.band)
    return PumpProbeSolution(
        time=times,
        signal=(parts[0] + parts[1]) / peak,
        electron_signal=parts[0] / peak,
        lattice_signal=parts[1] / peak,
        signal_error=error / peak,
        surface_temperature=_surface(at.electron),
        lattice_surface_temperature=layers.lattice(band_surface),
        band_surface_temperature=band_surface.T,
        depth=jnp.cumsum(layers.film_width) - layers.film_width / 2,
        electron_temperature=at.electron,
        band_temperature=at.band,
        absorbed=given,
        electron_energy=energies[0],
        lattice_energy=energies[1],
        substrate_energy=energies[2],
        entropy_production=jnp.sum(jnp.stack([*made.values()]), axis=0),
        coupling_entropy_production=made["coupling"],
        conservation_residual=residual,
        status=Status(costs.code)
        .unless("not_finite", ~jnp.all(jnp.isfinite(rises)))
        .unless("not_conserved", residual > CONSERVED),
        stats={"newton_iterations": costs.iterations, "newton_residual": costs.residual},
        flow=flows,
        force=forces,
        **substrate,
    )
