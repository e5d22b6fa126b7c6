"""The transient thermal grating and what is found of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

from jaxneq._core import (
    AbstractMethod,
    AbstractSolution,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    parameter,
    part,
    quantity,
    steady,
)
from jaxneq.materials import AbstractPhononMaterial, GrayMaterial, Number

from ._conduction import check_solid, knudsen_number, spectrum
from ._regimes import REGIMES
from ._special import ballistic_suppression, escaping_share


class GratingProblem(eqx.Module):
    """What the methods need to know of a grating.

    **Fields:** `wavenumber` q (1/m); `heat_capacity` of all bands (J/m3/K); of each band its
    `share` of it, its collision `rate` (1/s) and its `reach`, q times the mean free path.
    """

    wavenumber: Inexact[Array, ""]
    heat_capacity: Inexact[Array, ""]
    share: Inexact[Array, " band"]
    rate: Inexact[Array, " band"]
    reach: Inexact[Array, " band"]


class GratingState(eqx.Module):
    r"""A wave of phonons whose temperature has the amplitude 1.

    .. math:: g_b(\mu) = \frac{T_p + \epsilon_b}{1 + i z_b \mu}

    **Fields:** `pseudotemperature` :math:`T_p`; `excess` :math:`\epsilon_b`; `reach` :math:`z_b`;
    `loss`, the rate at which the wave loses its heat (1/s); `decay_rate` (1/s) if nothing makes
    up for that.
    """

    pseudotemperature: Float[Array, ""]
    excess: Float[Array, " band"]
    reach: Float[Array, " band"]
    loss: Float[Array, ""]
    status: Status
    stats: dict[str, Any]
    decay_rate: Float[Array, ""] | None = None


class AbstractGratingSolution(AbstractSolution):
    """What a wave of phonons dissipates: by its heat flux, and by the relaxation of its spread."""

    heat_flux: eqx.AbstractVar[Array]
    force: eqx.AbstractVar[Array]
    relaxation: eqx.AbstractVar[Array]
    relaxation_force: eqx.AbstractVar[Array]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"heat": self.heat_flux, "relaxation": self.relaxation}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"heat": self.force, "relaxation": self.relaxation_force}


class GratingSolution(AbstractGratingSolution):
    """Heat conduction along a grating whose temperature has an amplitude of 1 K.

    The temperature varies as cos(qx) and the heat flux as sin(qx); entropies are means over a
    period.
    """

    primary: ClassVar[str] = "conductivity"

    conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Effective conductivity, flux over gradient of the temperature"
    )
    bulk_conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Conductivity of the bulk", reference_for="conductivity"
    )
    knudsen_number: Float[Array, ""] = quantity(
        doc="Wavenumber times mean free path, with the mean 3 conductivity / sum C v",
        regimes=REGIMES,
    )
    decay_rate: Float[Array, ""] | None = quantity(
        unit="1/s", doc="Rate at which the grating decays", default=None
    )
    heat_flux: Float[Array, ""] = quantity(unit="W/m2", doc="Amplitude of the heat flux")
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
    pseudotemperature: Float[Array, ""] = quantity(
        unit="K", doc="Amplitude of the temperature to which collisions relax the phonons"
    )
    nonequilibrium: Float[Array, ""] = quantity(
        unit="K", doc="Spread of the distribution about its temperature, rms"
    )
    force: Float[Array, ""] = quantity(
        unit="1/m/K", doc="Conjugate to the flux: half the amplitude of the gradient of 1/T"
    )
    relaxation: Float[Array, ""] = quantity(
        unit="K2/s", doc="Rate at which the mean square spread falls"
    )
    relaxation_force: Float[Array, ""] = quantity(
        unit="J/m3/K3", doc="Conjugate to it: entropy per mean square spread"
    )
    entropy_production: Float[Array, ""] = quantity(
        unit="W/m3/K", doc="Entropy made by collisions, mean over a period, linearised"
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Divergence of the flux of all rays against the heat supplied or lost, relative"
    )
    status: Status
    stats: dict[str, Any]


class GratingTransient(AbstractGratingSolution):
    """The decay of a grating from equilibrium at an amplitude of 1 K.

    The temperature varies as cos(qx) and the heat flux as sin(qx); entropies are means over a
    period.
    """

    primary: ClassVar[str] = "temperature"

    time: Float[Array, " time"] = quantity(unit="s", doc="Time after the pulse", dims=("time",))
    temperature: Float[Array, " time"] = quantity(
        unit="K", doc="Amplitude of the temperature of the energy density", dims=("time",)
    )
    apparent_conductivity: Float[Array, " time"] = quantity(
        unit="W/m/K",
        doc="Conductivity of the momentary decay, - C / q^2 times d ln T / dt",
        dims=("time",),
    )
    bulk_conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Conductivity of the bulk", reference_for="apparent_conductivity"
    )
    heat_flux: Float[Array, " time"] = quantity(
        unit="W/m2", doc="Amplitude of the heat flux", dims=("time",)
    )
    entropy_production: Float[Array, " time"] = quantity(
        unit="W/m3/K",
        doc="Entropy made by collisions, mean over a period, linearised",
        dims=("time",),
    )
    nonequilibrium: Float[Array, " time"] = quantity(
        unit="K", doc="Spread of the distribution about its temperature, rms", dims=("time",)
    )
    pseudotemperature: Float[Array, " time"] = quantity(
        unit="K",
        doc="Amplitude of the temperature to which collisions relax the phonons",
        dims=("time",),
    )
    temperature_error: Float[Array, " time"] = quantity(
        unit="K", doc="Estimated error of the temperature's amplitude", dims=("time",)
    )
    force: Float[Array, " time"] = quantity(
        unit="1/m/K",
        doc="Conjugate to the flux: half the amplitude of the gradient of 1/T",
        dims=("time",),
    )
    relaxation: Float[Array, " time"] = quantity(
        unit="K2/s", doc="Rate at which the mean square spread falls", dims=("time",)
    )
    relaxation_force: Float[Array, ""] = quantity(
        unit="J/m3/K3", doc="Conjugate to it: entropy per mean square spread"
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Largest change of energy less divergence of the flux, relative"
    )
    status: Status
    stats: dict[str, Any]


class TransientGrating(AbstractSystem):
    r"""A sinusoidal temperature of wavenumber :math:`q = 2\pi/` `period` in an infinite solid.

    .. math::
        \frac{\partial g_b}{\partial t} + i q v_b \mu g_b
            = \frac{T_p - g_b}{\tau_b} + \frac{Q}{C}, \qquad
        \sum_b \frac{C_b}{\tau_b}\left(\langle g_b\rangle - T_p\right) = 0, \qquad
        T = \sum_b \frac{C_b}{C} \langle g_b \rangle

    Linearised about `temperature`, for an amplitude of 1 K. Heat is given to the bands in
    proportion to their heat capacities :math:`C_b`, which add up to C.

    One number cannot say how far such a grating is from diffusion; three are in use. `WeakResponse`
    is the one of most of the literature, `ForcedResponse` that of steady periodic heating,
    `LateDecay` that of the slowest exponential. `evolve` follows the signal of an experiment.
    Source: Maznev, Johnson and Nelson, Phys. Rev. B 84, 195206 (2011); Collins et al., J. Appl.
    Phys. 114, 104302 (2013); Hua and Minnich, Phys. Rev. B 89, 094302 (2014).
    """

    material: AbstractPhononMaterial = part(
        AbstractPhononMaterial, doc="Material, by name or in full"
    )
    period: Scalar = parameter(unit="m", range="(0, inf)", doc="Period of the grating")
    temperature: Scalar = parameter(
        unit="K", range="(0, inf)", doc="Mean temperature", default=300.0
    )

    def __check_init__(self):
        super().__check_init__()
        self.material.check_temperature(self.temperature)
        check_solid(self.material, type(self).__name__)

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._grating_response import ForcedResponse
        from ._laplace import LaplaceInversion

        return {"steady": ForcedResponse(), "evolve": LaplaceInversion()}.get(verb)

    def problem(self) -> GratingProblem:
        bands = self.material.bands(self.temperature)
        wavenumber = 2 * np.pi / self.period
        total = bands.heat_capacity.sum()
        return GratingProblem(
            wavenumber=wavenumber,
            heat_capacity=total,
            share=bands.heat_capacity / total,
            rate=1 / bands.relaxation_time,
            reach=wavenumber * bands.mean_free_path,
        )

    def solution(self, state: GratingState) -> GratingSolution:
        """The physical answer. Flux, spread and dissipation are moments of the rays."""
        bands = self.material.bands(self.temperature)
        grating = self.problem()
        bulk = bands.conductivity_by_band
        here = jnp.arctan(state.reach) / state.reach  # mean over angles, so much stays in phase
        away = escaping_share(state.reach)  # and 1 less that
        emission = state.pseudotemperature + state.excess
        suppression = emission * ballistic_suppression(state.reach) * state.reach / grating.reach
        lost = jnp.sum(grating.share * grating.rate * away * emission * grating.reach / state.reach)
        spread = jnp.sum(grating.share * (here * (emission - 1) ** 2 + away))
        made = grating.share * grating.rate
        made = made * (here * state.excess**2 + away * state.pseudotemperature**2)
        relaxation = jnp.zeros_like(spread)
        if state.decay_rate is not None:
            relaxation = 2 * state.decay_rate * spread
        half = 1 / (2 * self.temperature**2)  # the mean of a squared cosine is one half
        return GratingSolution(
            conductivity=grating.heat_capacity * state.loss / grating.wavenumber**2,
            bulk_conductivity=bulk.sum(),
            knudsen_number=knudsen_number(bands, 1 / grating.wavenumber),
            decay_rate=state.decay_rate,
            heat_flux=grating.heat_capacity * state.loss / grating.wavenumber,
            **spectrum(bands, bulk * suppression),
            pseudotemperature=state.pseudotemperature,
            nonequilibrium=jnp.sqrt(spread),
            force=half * grating.wavenumber,
            relaxation=relaxation,
            relaxation_force=half * grating.heat_capacity / 2,
            entropy_production=half * grating.heat_capacity * made.sum(),
            conservation_residual=jnp.abs(lost / state.loss - 1),
            status=state.status,
            stats=state.stats,
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        silicon = cls(material=AbstractPhononMaterial.named("Si"), period=1e-6)
        yield Case(
            "silicon grating of 1 um: entropy made by collisions over flux times force",
            lambda: _entropy_ratio(steady(silicon)),
            1.0,
            1e-12,
            "entropy balance",
        )


def gray_grating(reach: Number) -> TransientGrating:
    """A gray grating whose wavenumber is 1 / m and whose mean free path is `reach`."""
    material = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=reach)
    return TransientGrating(material=material, period=2 * np.pi, temperature=1.0)


def _entropy_ratio(solution: GratingSolution) -> Array:
    product = sum(solution.fluxes[name] * solution.forces[name] for name in solution.fluxes)
    return solution.entropy_production / product
