"""Heaters that are modulated: what thermoreflectance at a frequency measures."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float

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
    setting,
    steady,
)
from jaxneq.materials import GrayMaterial

from ._conduction import CONSERVED
from ._device import Device
from ._grid import GridProblem
from ._grid_harmonic import GridWave
from ._heaters import Contact, Heater
from ._shapes import Box


class ModulatedSolution(AbstractSolution):
    """The temperature of the probe per power of the heaters, at a frequency."""

    primary: ClassVar[str] = "phase"

    phase: Float[Array, ""] = quantity(
        unit="deg", doc="Phase of the probe's temperature after the power", scale="linear"
    )
    amplitude: Float[Array, ""] = quantity(
        unit="K/W", doc="Amplitude of the probe's temperature per power", panel=True
    )
    in_phase: Float[Array, ""] = quantity(unit="K/W", doc="Its part in phase with the power")
    out_of_phase: Float[Array, ""] = quantity(unit="K/W", doc="Its part a quarter ahead")
    heater_power: Float[Array, " heater"] = quantity(
        unit="W", doc="Amplitude of each heater", dims=("heater",), panel=False
    )
    heater_force: Float[Array, " heater"] = quantity(
        unit="1/K",
        doc="Half the rise in each heater, in phase, over squared temperature",
        dims=("heater",),
        panel=False,
    )
    entropy_production: Float[Array, ""] = quantity(
        unit="W/K", doc="Entropy production, mean over a period, linearised"
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Heat from heaters and contacts less what is stored, relative"
    )
    status: Status
    stats: dict[str, Any]
    ballistic_share: Float[Array, ""] | None = quantity(
        doc="Share of the heat to contacts that is ballistic: carried by phonons not scattered "
        "since heaters, walls or interfaces emitted them; in phase with all of it",
        scale="linear",
        panel=True,
        default=None,
    )

    @property
    def impedance(self) -> Complex[Array, "..."]:
        """Temperature of the probe over power (K/W), for :math:`e^{i omega t}`."""
        return lax.complex(self.in_phase, self.out_of_phase)

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"heaters": self.heater_power}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"heaters": self.heater_force}


class ModulatedDevice(AbstractSystem):
    r"""A device whose heaters have powers :math:`P\,e^{2\pi i f t}`.

    .. math::
        2\pi i f\, g_b + v_b\,\mathbf s\cdot\nabla g_b = \frac{T_p - g_b}{\tau_b}, \qquad
        \sum_b \frac{C_b}{\tau_b}\left(T_p - \langle g_b\rangle\right) = Q

    Contacts stay at the temperature of the device. The probe sees the mean temperature, that of the
    energy density, weighed by the profile of one of the heaters (one of power 0 is a probe alone).
    Frequency-domain thermoreflectance measures the phase against the frequency; `tdtr_signal` makes
    the signal of pulses from this response. Source: A. J. Schmidt, R. Cheaito and M. Chiesa, Rev.
    Sci. Instrum. 80, 094901 (2009).
    """

    device: Device = part(Device, doc="The device, with heaters")
    frequency: Scalar = parameter(unit="Hz", range="(0, inf)", doc="Frequency f")
    probe: int = setting(doc="Which heater the probe looks at, from 0", default=0)

    def __check_init__(self):
        super().__check_init__()
        if self.probe >= len(self.device.heaters):
            raise ValueError(
                f"ModulatedDevice: probe = {self.probe} of {len(self.device.heaters)} heaters. "
                "Give a device with heaters, and the number of one of them."
            )

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._harmonic_ordinates import HarmonicOrdinates

        return HarmonicOrdinates() if verb == "steady" else None

    def angular(self) -> Array:
        """The angular frequency, in the unit of the problem."""
        return 2 * np.pi * self.frequency * self.device.time_unit

    def problem(self, cells: int) -> GridProblem:
        """That of the device."""
        return self.device.problem(cells)

    def solution(self, wave: GridWave) -> ModulatedSolution:
        device, problem = self.device, wave.problem
        powers, (_, profiles) = device.powers, device.drives(problem)
        weight = profiles * problem.volume[None]
        axes = problem.volume.ndim

        def seen(nodes: Complex[Array, "*cells node"]) -> Complex[Array, " heater"]:
            return jnp.tensordot(weight.astype(nodes.dtype), nodes.mean(axis=-1), axes=axes)

        total = jnp.sum(powers)
        impedance = seen(wave.temperature)[self.probe] / total.astype(wave.energy.dtype)
        force = jnp.real(seen(wave.pseudotemperature)) / (2 * device.temperature**2)
        angular = self.angular()
        released = jnp.sum(problem.node_power).astype(wave.energy.dtype) + jnp.sum(wave.given)
        left = jnp.abs(released - lax.complex(0 * angular, angular) * wave.energy)
        residual = left / jnp.sum(jnp.abs(problem.node_power))
        share = None
        if wave.ballistic is not None:
            whole, part = jnp.sum(wave.given), jnp.sum(wave.ballistic.given)
            square = jnp.abs(whole) ** 2
            share = jnp.real(jnp.conj(whole) * part) / jnp.where(square > 0, square, 1)
        lost = jnp.any(jnp.sum(weight, axis=tuple(range(1, axes + 1))) == 0)
        status = wave.status.unless("unresolved", lost | device.lost(problem))
        return ModulatedSolution(
            phase=jnp.angle(impedance) * (180 / np.pi),
            amplitude=jnp.abs(impedance),
            in_phase=impedance.real,
            out_of_phase=impedance.imag,
            heater_power=powers,
            heater_force=force,
            entropy_production=jnp.sum(powers * force),
            conservation_residual=residual,
            status=status.unless("not_conserved", residual > CONSERVED),
            stats=wave.stats,
            ballistic_share=share,
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._harmonic_ordinates import HarmonicFourier

        half = gray_half_space(100.0, 1e-3)
        yield Case(
            "half-space heated in a layer: phase by Fourier's law",
            lambda: steady(half, HarmonicFourier()).phase,
            math.degrees(cmath.phase(heated_layer(1e-3, 0.5))),
            1e-2,
            "the diffusion equation",
        )


def tdtr_signal(
    impedance: Complex[Array, " harmonic"], repetition_rate: Any, delay: Float[Array, " delay"]
) -> Complex[Array, " delay"]:
    r"""The signal of a lock-in amplifier after modulated pulses, by the delay of the probe.

    .. math:: V(t) = \sum_{m=-M}^{M} Z\big(2\pi (f + m f_s)\big)\, e^{2\pi i m f_s t}

    **Arguments:** `impedance`, Z at the frequencies f + m f_s for m from -M to M (that of a
    negative frequency is the conjugate of that of the positive one); the rate f_s of the pulses
    (Hz); the delays t (s). :math:`-V_\text{in} / V_\text{out}` is minus the real part over the
    imaginary one. Sums that are cut off ring near zero delay.

    **Raises:** `ValueError` for an even number of impedances.
    Source: D. G. Cahill, Rev. Sci. Instrum. 75, 5119 (2004).
    """
    count = impedance.shape[0]
    if count % 2 == 0:
        raise ValueError(
            f"tdtr_signal: {count} impedances. Give an odd number, for harmonics from -M to M."
        )
    orders = jnp.arange(count, dtype=delay.dtype) - count // 2
    phase = 2 * np.pi * repetition_rate * orders[None, :] * delay[:, None]
    return lax.complex(jnp.cos(phase), jnp.sin(phase)) @ impedance


def heated_layer(frequency: float, layer: float) -> complex:
    r"""By Fourier's law the mean rise of a layer at the face of a gray half-space, C = v = l = 1.

    .. math:: Z = \frac{1}{k \lambda^2 h}\left(1 - e^{-\lambda h}
              \frac{\sinh \lambda h}{\lambda h}\right), \qquad \lambda^2 = 3 i \omega

    for an even source of power 1 in a layer of thickness h, k = 1/3.
    """
    wave = cmath.sqrt(6j * math.pi * frequency)
    inside = 1 - cmath.exp(-wave * layer) * cmath.sinh(wave * layer) / (wave * layer)
    return 3 * inside / (wave**2 * layer)


def gray_half_space(depth: float, frequency: float, cells: int = 200) -> ModulatedDevice:
    """A gray medium, C = v = l = 1, heated next to its face; cold at this depth."""
    layer = depth / cells
    face = Box(name="face", center=jnp.asarray([layer / 2, 0.5]), size=jnp.asarray([layer, 1.0]))
    return ModulatedDevice(
        device=Device(
            material=GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0),
            size=jnp.asarray([depth, 1.0]),
            length_unit=1.0,
            temperature=1.0,
            contacts=(Contact(name="cold", side="right", temperature=1.0),),
            heaters=(Heater(name="face", shape=face, power=1.0),),
            periodic=("y",),
            cells=(("x", cells), ("y", 1)),
            walls="thermalising",
        ),
        frequency=frequency,
    )
