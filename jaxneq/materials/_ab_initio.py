"""Materials from the files of first-principles programs."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import Scalar, is_concrete, parameter, part, setting

from ._branch import FREQUENCY_UNIT
from ._lumped import film_suppression, lumped
from ._modes import ModeSpectrum, ModeTable, PhononModes
from ._phonon import AbstractPhononMaterial, Number, PhononBands
from ._point_defects import PointDefects
from ._point_groups import rotations


class AbInitioMaterial(AbstractPhononMaterial):
    r"""A material from a file of phono3py, or a folder of ShengBTE.

    .. math::
        \tau^{-1} = s_a \tau_a^{-1} + s_i \tau_i^{-1} + \tau_o^{-1} + v / L_b + \tau_d^{-1},
        \qquad C = C_0 \left(\frac{x/2}{\sinh x/2}\right)^2, \qquad x = \hbar\omega / k_B T

    with the file's rates by other phonons (:math:`\tau_a`, at its temperatures, and between them
    by cubics of the logarithms), by isotopes (:math:`\tau_i`) and by the rest (:math:`\tau_o`);
    the boundary of the sample and point defects (:math:`\tau_d`, see `PointDefects`) are added.

    Solvers are given isotropic bands: a mode counts with its speed :math:`|\mathbf v|` in every
    direction, which leaves :math:`\sum C v^2 \tau / 3` equal to a third of the trace of the
    conductivity tensor. Modes of neighbouring mean free paths are lumped into `band_count` bands,
    which keep :math:`\sum C`, :math:`\sum C v` and :math:`\sum C v \Lambda`: the conductivity of
    the bulk and the ballistic limit stay the same, and `lumping_error` tells the rest.
    A band has the mean frequency of its modes, weighted by :math:`C v`, and no wavevector.

    **Raises:** `ValueError` for a file that cannot be used.
    """

    file: ModeTable = part(
        ModeTable,
        doc="Path of a file kappa-*.hdf5 of phono3py or of a folder of ShengBTE, from where the "
        "program runs",
    )
    band_count: int = setting(
        doc="Bands into which modes are lumped by their mean free paths",
        range="[1, inf)",
        default=48,
    )
    anharmonic_scale: Scalar = parameter(
        range="[0, inf)", doc="Factor of the phonon-phonon rates", default=1.0
    )
    isotope_scale: Scalar = parameter(
        range="[0, inf)", doc="Factor of the isotope rates, where the file has them", default=1.0
    )
    boundary_length: Scalar | None = parameter(
        unit="m",
        range="(0, inf)",
        doc="Casimir length L of the sample, which adds v / L to every rate; none by default",
        default=None,
    )

    point_defects: PointDefects | None = part(
        PointDefects, doc="Mass disorder and vacancies; none by default", default=None
    )

    def __check_init__(self):
        super().__check_init__()
        scale = self.isotope_scale
        if self.file.isotope_rate is None and is_concrete(scale) and float(scale) != 1:
            raise ValueError(
                f"AbInitioMaterial: isotope_scale = {float(scale):g}, but {self.file.origin.path} "
                "has no isotope rates of their own. Leave it at 1, or compute them (phono3py "
                "--isotope)."
            )

    @property
    def temperature_range(self) -> tuple[float, float]:
        return self.file.temperature_range

    def bands(self, temperature: Number) -> PhononBands:
        """Bands of neighbouring mean free paths; NaN at traced temperatures without data."""
        found = self.spectrum(temperature)
        heat, power = found.heat_capacity, found.heat_capacity * found.speed
        path = found.mean_free_path
        amounts = jnp.stack([heat, power, power * path, power * found.angular_frequency], axis=1)
        heat, power, conducted, oscillated = lumped(path, power, amounts, self.band_count).T
        return PhononBands(
            angular_frequency=oscillated / power,
            group_velocity=power / heat,
            relaxation_time=conducted * heat / power**2,
            spectral_heat_capacity=heat,
            weight=jnp.ones_like(heat),
            temperature=jnp.asarray(temperature, heat.dtype),
            branch=("all",) * self.band_count,
        )

    def bulk_conductivity(self, temperature: Number = 300.0) -> Float[Array, ""]:
        """A third of the trace of the conductivity tensor, of all modes (W/m/K)."""
        return self.spectrum(temperature).conductivity_by_mode.sum()

    def specific_heat(self, temperature: Number = 300.0) -> Float[Array, ""]:
        """Volumetric heat capacity of all modes, of those without a lifetime too (J/m3/K)."""
        return self.spectrum(temperature).heat_capacity.sum()

    def spectrum(self, temperature: Number = 300.0) -> ModeSpectrum:
        """Every mode of the file, with the rates of this material; NaN as `bands`."""
        self.check_temperature(temperature)
        file = self.file
        temperature = jnp.asarray(temperature, file.speed.dtype)
        low, high = self.temperature_range
        inside = (low <= temperature) & (temperature <= high)
        temperature = jnp.where(inside, temperature, jnp.nan)
        rate = self.anharmonic_scale * file.phonon_rate(temperature) + file.other_rate
        if file.isotope_rate is not None:
            rate = rate + self.isotope_scale * file.isotope_rate
        if self.boundary_length is not None:
            rate = rate + file.speed / self.boundary_length
        if self.point_defects is not None:
            added = self.point_defects.rate(file.angular_frequency / FREQUENCY_UNIT)
            rate = rate + added * FREQUENCY_UNIT
        return ModeSpectrum(
            angular_frequency=file.angular_frequency,
            heat_capacity=file.heat_capacity(temperature),
            speed=file.speed,
            rate=rate,
        )

    def modes(self, temperature: Number, point_group: str | None = None) -> PhononModes:
        """Every mode with its velocity as a vector, and the rates of this material.

        **Arguments:** `point_group`, the Laue class of the crystal, such as ``"m-3m"``, with its
        axes along x, y and z: needed where the file has irreducible wavevectors only.

        **Raises:** `ValueError` where it is needed and missing, or does not give the file's own
        conductivity tensor.
        """
        turned = rotations(self.file, point_group)
        found, file = self.spectrum(temperature), self.file
        copies = jnp.bincount(file.owner, length=found.rate.size) * turned.shape[0]
        share = found.heat_capacity / copies.astype(found.rate.dtype)
        owner = jnp.tile(file.owner, turned.shape[0])
        return PhononModes(
            angular_frequency=found.angular_frequency[owner],
            velocity=jnp.einsum("gij,vj->gvi", turned, file.velocity).reshape(-1, 3),
            relaxation_time=1 / found.rate[owner],
            heat_capacity=share[owner],
        )

    def lumping_error(self, temperature: Number = 300.0) -> tuple[float, float]:
        """Relative error of the bulk conductivity, and the largest one of a film's.

        Both of the bands against all modes; the film is that of Fuchs and Sondheimer, along which
        heat flows between diffuse walls, of any thickness between a hundredth of the shortest and
        a hundred times the longest mean free path of a band.
        """
        self.check_temperature(temperature)
        bands, found = _bands_and_modes(self, jnp.asarray(temperature, self.file.speed.dtype))
        parts = [
            (np.asarray(each, float), np.asarray(paths, float))
            for each, paths in (
                (bands.conductivity_by_band, bands.mean_free_path),
                (found.conductivity_by_mode, found.mean_free_path),
            )
        ]
        reach = parts[0][1]
        films = [
            [np.sum(each * film_suppression(paths / size)) for each, paths in parts]
            for size in np.geomspace(reach.min() / 100, reach.max() * 100, 60)
        ]
        bulk = parts[0][0].sum() / parts[1][0].sum() - 1
        return abs(float(bulk)), max(abs(float(own / all_modes - 1)) for own, all_modes in films)


@eqx.filter_jit  # one program to compile instead of a dozen
def _bands_and_modes(
    material: AbInitioMaterial, temperature: Array
) -> tuple[PhononBands, ModeSpectrum]:
    return material.bands(temperature), material.spectrum(temperature)
