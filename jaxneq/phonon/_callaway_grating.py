"""Gratings in which phonons drift: diffusion, second sound, free flight."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Inexact

from jaxneq._core import (
    AbstractEvolveMethod,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    evolve,
    parameter,
    setting,
    steady,
    tolerance_or,
)
from jaxneq.materials import DriftingBands, GrayMaterial, Number

from ._conduction import knudsen_number, spectrum
from ._grating import GratingSolution, GratingTransient, TransientGrating
from ._laplace import bent_line, least_step
from ._ordinates import half_range_gauss
from ._special import ballistic_suppression, escaping_share

Bands = Inexact[Array, " band"]
Amplitude = Inexact[Array, ""]


class _Medium(eqx.Module):
    """The bands of a grating: share of the heat, rates (1/s), q v (1/s), and the slowness."""

    share: Bands
    rate: Bands
    normal: Bands
    resistive: Bands
    flight: Bands
    slowness: Bands

    @classmethod
    def of(cls, system: TransientGrating, medium: DriftingBands) -> _Medium:
        bands = medium.bands
        return cls(
            share=bands.heat_capacity / bands.heat_capacity.sum(),
            rate=1 / bands.relaxation_time,
            normal=medium.normal,
            resistive=medium.resistive,
            flight=2 * np.pi / system.period * bands.group_velocity,
            slowness=medium.slowness / medium.slowness.max(),  # any unit will do
        )


class _Wave(eqx.Module):
    r"""A wave of the medium, :math:`g_b = (e_b - i n_b \mu) / (1 + i z_b \mu)`.

    **Fields:** `emission` e, `drifting` n, `reach` z; `temperature`, `pseudotemperature`; `drift`
    w, the wave emitted with the drift is :math:`-i m_b w \mu`; `loss`, the rate at which each band
    loses heat by its flux.
    """

    emission: Bands
    drifting: Bands
    reach: Bands
    temperature: Amplitude
    pseudotemperature: Amplitude
    drift: Amplitude
    loss: Bands


def _wave(medium: _Medium, s: Amplitude, supplied: Bands) -> _Wave:
    """The wave at the complex rate s whose bands are supplied with so many K/s."""
    rate, slowness = medium.rate, medium.slowness
    life = s + rate
    reach = medium.flight / life
    suppressed, away = ballistic_suppression(reach), escaping_share(reach)
    turned = reach * suppressed / 3  # (1 - a) / z with a = 1 - away
    scattered, given = rate / life, supplied / life
    normal = medium.share * medium.normal * rate * slowness  # as momentum is weighed
    # energy of all collisions, momentum of the normal ones: for T_p and w
    own = jnp.sum(medium.share * rate * (s + rate * away) / life)
    crossed = jnp.sum(normal * scattered * turned)
    held = medium.resistive + medium.normal * (s + rate * (1 - suppressed)) / life
    held = jnp.sum(normal * slowness * held) / 3
    heat = jnp.sum(medium.share * rate * given * (1 - away))
    push = jnp.sum(normal * given * turned)
    some = jnp.any(medium.normal != 0)
    held = jnp.where(some, held, 1)
    determinant = own * held + crossed**2
    bath = (heat * held - crossed * push) / determinant
    drift = (own * push + crossed * heat) / determinant
    emission = scattered * bath + given
    drifting = medium.normal * scattered * slowness * drift
    return _Wave(
        emission=emission,
        drifting=drifting,
        reach=reach,
        temperature=jnp.sum(medium.share * (emission * (1 - away) - drifting * turned)),
        pseudotemperature=bath,
        drift=drift,
        loss=medium.share * medium.flight * (emission * turned + drifting * suppressed / 3),
    )


class CallawayGrating(AbstractSteadyMethod, AbstractEvolveMethod):
    r"""Callaway's collisions in a grating: normal ones only hand the momentum on.

    .. math:: \frac{\partial g_b}{\partial t} + i q v_b \mu g_b = \frac{T_p - g_b}{\tau_b}
              + \frac{\nu_b}{\tau_b} m_b \mu u + \frac QC, \qquad
              \sum_b \frac{C_b \nu_b m_b}{\tau_b}
              \left(\langle\mu g_b\rangle - \tfrac13 m_b u\right) = 0

    (see `jaxneq.materials.DriftingBands`), in closed form at every complex rate s: two equations
    for T_p and u. `steady` is the answer to steady periodic heating, as `ForcedResponse` is without
    drift. `evolve` inverts the transform from all bands at 1 K on a contour which encloses all
    rays, :math:`|\mathrm{Im}\,s| \le q v`; it needs some `nodes` > q v t. Where the
    normal collisions of a gray medium are much faster than q v, and the resistive ones much
    slower, heat is a wave, the second sound :math:`\cos(q v t/\sqrt3)`. The error of the
    temperature is relative to its first amplitude, not to what a late decay has left.

    Without normal collisions it is `ForcedResponse` and `LaplaceInversion`, and has no derivative
    by their shares.
    Sources: Callaway, Phys. Rev. 113, 1046 (1959); Guyer and Krumhansl, Phys. Rev. 148, 766
    (1966).
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (TransientGrating,)

    nodes: int = setting(
        doc="Points on the upper half of the contour", range="[16, inf)", default=128
    )
    angles: int = setting(doc="Directions in a half range", range="[1, inf)", default=8)
    tolerance: Scalar | None = parameter(
        doc="Largest error estimate of the temperature (K); by default 1e-8 in float64 and 1e-3 in "
        "float32",
        range="(0, 1)",
        default=None,
    )

    def steady(self, system: TransientGrating) -> GratingSolution:
        drifting = DriftingBands.of(system.material.bands(system.temperature))
        medium, bands = _Medium.of(system, drifting), drifting.bands
        one, still = jnp.ones_like(medium.share), jnp.zeros_like(medium.share[0])
        heating = 1 / _wave(medium, still, one).temperature  # Q / C for 1 K
        wave = _wave(medium, still, heating * one)
        reach = wave.reach
        suppressed = ballistic_suppression(reach)
        here = 1 - escaping_share(reach)
        bath, drift = wave.pseudotemperature, medium.slowness * wave.drift

        def square(even: Array, odd: Array) -> Array:
            return here * even**2 + suppressed / 3 * odd**2

        spread = jnp.sum(medium.share * square(wave.emission - 1, wave.drifting + reach))
        excess, along = wave.emission - bath, wave.drifting + reach * bath
        about = square(excess, along - drift) + (1 - suppressed) / 3 * drift**2
        about = about - 2 * excess * drift * reach * suppressed / 3
        made = medium.resistive * square(excess, along) + medium.normal * about
        capacity = bands.heat_capacity.sum()
        wavenumber = 2 * np.pi / system.period
        loss = wave.loss.sum()
        half = 1 / (2 * system.temperature**2)
        found = spectrum(bands, capacity / wavenumber**2 * wave.loss)
        by_path = jnp.argsort(bands.mean_free_path)
        bulk = drifting.conductivity_by_band
        found["suppression"] = found["conductivity_by_band"] / bulk[by_path]
        return GratingSolution(
            conductivity=capacity * heating / wavenumber**2,
            bulk_conductivity=bulk.sum(),
            knudsen_number=knudsen_number(bands, 1 / wavenumber),
            heat_flux=capacity * heating / wavenumber,
            **found,
            pseudotemperature=bath,
            nonequilibrium=jnp.sqrt(spread),
            force=half * wavenumber,
            relaxation=jnp.zeros_like(spread),
            relaxation_force=half * capacity / 2,
            entropy_production=half * capacity * jnp.sum(medium.share * medium.rate * made),
            conservation_residual=jnp.abs(loss / heating - 1),
            status=Status.first_true(not_finite=~jnp.isfinite(heating)),
            stats={},
        )

    def evolve(
        self, system: TransientGrating, *, times: Float[Array, " time"], initial: Any
    ) -> GratingTransient:
        """`initial` must be None: all bands at 1 K."""
        if initial is not None:
            raise ValueError(
                f"CallawayGrating: initial = {initial!r}. Leave it out: the grating starts with "
                "all bands at an amplitude of 1 K, and the answer is linear in it."
            )
        drifting = DriftingBands.of(system.material.bands(system.temperature))
        medium = _Medium.of(system, drifting)
        dtype = medium.share.dtype
        mu, weight = (jnp.asarray(part, dtype) for part in half_range_gauss(self.angles))
        frozen = lax.stop_gradient(medium)
        instant = 1e-9 / jnp.max(jnp.maximum(frozen.rate, frozen.flight))
        after = jnp.maximum(times.astype(dtype), instant)  # nothing has happened by then
        found, error = jax.vmap(lambda t: _invert(medium, t, mu, self.nodes))(after)
        error = lax.stop_gradient(error)
        temperature, bath, loss = found["temperature"], found["pseudotemperature"], found["loss"]
        even, odd = found["even"], found["odd"]
        carried = jnp.einsum("t,b,m->tbm", found["drift"], medium.slowness, mu)

        def mean(values: Array, per_band: Array) -> Array:
            return jnp.einsum("tbm,b,m->t", values, per_band, weight)

        per_time = medium.share * medium.rate
        normal = per_time * medium.normal
        off, level = even - bath[:, None, None], temperature[:, None, None]
        made = mean(off**2 + odd**2, per_time * medium.resistive)
        made = made + mean(off**2 + (odd - carried) ** 2, normal)
        spread = mean((even - level) ** 2 + odd**2, medium.share)
        falling = mean(even * off + odd**2, per_time) - mean(carried * odd, normal)
        tolerance = tolerance_or(self.tolerance, dtype, 1e-8, 1e-3)
        capacity = drifting.bands.heat_capacity.sum()
        wavenumber = 2 * np.pi / system.period
        half = 1 / (2 * system.temperature**2)
        return GratingTransient(
            time=times,
            temperature=temperature,
            apparent_conductivity=capacity / wavenumber**2 * (loss / temperature),
            bulk_conductivity=drifting.conductivity_by_band.sum(),
            heat_flux=capacity / wavenumber * loss,
            entropy_production=half * capacity * made,
            nonequilibrium=jnp.sqrt(spread),
            pseudotemperature=bath,
            temperature_error=error,
            force=half * wavenumber * temperature,
            relaxation=2 * (falling - temperature * loss),
            relaxation_force=half * capacity / 2,
            conservation_residual=jnp.max(after * jnp.abs(found["slope"] + loss)),
            status=Status.first_true(
                not_finite=~jnp.all(jnp.isfinite(temperature)),
                not_accurate=jnp.any(error > tolerance),
            ),
            stats={},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        yield Case(
            "gray grating, q Lambda = 1, one collision in 1e9 normal: suppression under heating",
            lambda: steady(callaway_grating(1.0, 1 - 1e-9), cls()).conductivity * 3,
            12 / math.pi - 3,
            1e-8,
            "3/x^2 (x/atan(x) - 1)",
        )
        yield Case(
            "gray grating, q Lambda = 0.01, half of the collisions normal: conductivity (W/m/K)",
            lambda: steady(callaway_grating(1e-2, 0.5), cls()).conductivity * 1e2,
            2 / 3,
            1e-4,
            "C v Lambda_R / 3",
        )
        yield Case(
            "gray grating, q Lambda = 1e-3, nothing resists: temperature after half a period",
            lambda: evolve(
                callaway_grating(1e-3, 1e-12), cls(), times=jnp.array([math.pi * math.sqrt(3)])
            ).temperature[0],
            lambda: -math.exp(-math.pi * math.sqrt(3) * 2e-3 / 15),
            1e-6,
            "second sound, speed v / sqrt 3, damping (2/15) q^2 v Lambda",
        )


def callaway_grating(reach: Number, share: Number) -> TransientGrating:
    """A gray grating of wavenumber 1 / m, that mean free path and that resistive share."""
    material = GrayMaterial(
        heat_capacity=1.0, group_velocity=1.0, mean_free_path=reach, resistive_share=share
    )
    return TransientGrating(material=material, period=2 * np.pi, temperature=1.0)


def _invert(
    medium: _Medium, time: Float[Array, ""], mu: Float[Array, " angle"], nodes: int
) -> tuple[dict[str, Array], Float[Array, ""]]:
    """The wave at `time`, and the error of its temperature. The contour does not move."""
    frozen, at = lax.stop_gradient((medium, time))
    digits = -math.log(float(jnp.finfo(at.dtype).eps))
    step, bend, top = least_step(at * jnp.max(frozen.flight), digits, nodes)
    height, left, weight = bent_line(step, bend, top, nodes)
    point = lax.complex(left, height)
    whole, at_c, time_c, angle = (
        jax.tree.map(lambda leaf: leaf.astype(point.dtype), part) for part in (medium, at, time, mu)
    )
    kernel = weight * jnp.exp(point / at_c * time_c) / (math.pi * at_c)
    wave = jax.vmap(lambda s: _wave(whole, s, jnp.ones_like(whole.share)))(point / at_c)

    first, second = (jnp.real(kernel[i::2] * wave.temperature[i::2]) for i in (0, 1))
    wave, kernel, s = jax.tree.map(lambda v: v[::2], (wave, kernel, point / at_c))
    ray = wave.reach[:, :, None] * angle[None, None]
    emitted, drifting = wave.emission[:, :, None], wave.drifting[:, :, None] * angle[None, None]
    parts = {
        "temperature": wave.temperature,
        "pseudotemperature": wave.pseudotemperature,
        "drift": wave.drift,
        "loss": wave.loss.sum(axis=1),
        "slope": s * wave.temperature - 1,
        "even": (emitted - drifting * ray) / (1 + ray**2),
        "odd": (drifting + emitted * ray) / (1 + ray**2),
    }
    found = {
        name: jnp.real(jnp.einsum("n,n...->...", kernel, values)) for name, values in parts.items()
    }
    size = jnp.sum(jnp.abs(first))
    error = jnp.abs(first.sum() - second.sum()) + jnp.finfo(size.dtype).eps * size
    return found, jnp.where(step < 2 * math.pi, error, size)
