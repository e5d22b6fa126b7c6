"""Phonon modes from first principles: what a file holds, and the modes at one temperature."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxneq._core import AbstractRead, warn_if

BOLTZMANN = 1.380649e-23  # J/K, CODATA 2018
HBAR = 1.054571817e-34  # J s, CODATA 2018
LOWEST = 2 * np.pi * 1e8  # rad/s; below 1e-4 THz a frequency is zero to the accuracy of a file
ANISOTROPIC = 1.05  # largest ratio of principal conductivities that counts as isotropic
NOTABLE = 0.01  # share of the conductivity from which masked modes are worth a warning

_PLACEHOLDER = 1e13  # frequency (rad/s) and rate (1/s) of a masked mode, which holds nothing


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where modes are from.

    **Fields:** `path`; `program`, with its version where it is known; `mesh` of wavevectors;
    `volume` of the primitive cell (m3); `temperatures` (K), ascending; `irreducible`, whether the
    velocity of equivalent modes is there once; `masked`, how many modes were left out and why;
    `masked_share`, the conductivity that these might carry over that of the others, near 300 K,
    each with its own lifetime or, where it has none, with the longest of all; `anisotropy`, the
    largest ratio of two principal conductivities; `digest`, a hash of the numbers that were read.
    """

    path: str
    program: str
    mesh: tuple[int, ...]
    volume: float
    temperatures: tuple[float, ...]
    irreducible: bool
    masked: tuple[tuple[str, int], ...]
    masked_share: float
    anisotropy: float
    digest: str


@dataclasses.dataclass(frozen=True, eq=False)
class RawModes:
    """What a reader finds, in SI units, before anything is left out.

    A mode stands for all modes equivalent to it by symmetry: `weight` wavevectors out of
    `points`. `speed` is the root of their mean square velocity; `velocity` has the vectors that
    the file has, each of the mode `owner`. `conductivity` is the file's own, as xx, yy, zz, yz,
    xz, xy.
    """

    path: Path
    program: str
    mesh: tuple[int, ...]
    volume: float
    points: float
    temperature: np.ndarray
    frequency: np.ndarray
    weight: np.ndarray
    speed: np.ndarray
    velocity: np.ndarray
    owner: np.ndarray
    rate: np.ndarray
    isotope_rate: np.ndarray | None
    other_rate: np.ndarray
    conductivity: np.ndarray


class ModeTable(AbstractRead):
    """What a file of phono3py or ShengBTE holds: modes, and their rates at some temperatures.

    A mode stands for all that are equivalent to it by symmetry. Modes that cannot be used are
    masked, and counted in `origin`: without a lifetime they store heat and carry none, without a
    frequency not even that.
    """

    angular_frequency: Float[Array, " mode"]  # rad/s
    capacity: Float[Array, " mode"]  # classical heat capacity, J/m3/K
    speed: Float[Array, " mode"]  # m/s, root of the mean square of equivalent velocities
    log_rate: Float[Array, "temperature mode"]  # of the rate in 1/s, by other phonons
    log_slope: Float[Array, "temperature mode"]  # its derivative in the logarithm of temperature
    isotope_rate: Float[Array, " mode"] | None  # 1/s
    other_rate: Float[Array, " mode"]  # 1/s: boundaries and electrons, as the file has them
    velocity: Float[Array, "vector 3"]  # m/s
    owner: Int[Array, " vector"]  # the mode whose velocity it is
    conductivity: Float[Array, "temperature 6"]  # W/m/K, the file's own: xx, yy, zz, yz, xz, xy
    origin: Origin = eqx.field(static=True)

    @property
    def digest(self) -> str:
        return self.origin.digest

    @classmethod
    def named(cls, name: str) -> ModeTable:
        """The modes in a file of phono3py, or in a folder of ShengBTE."""
        from ._phono3py import read_phono3py
        from ._shengbte import read_shengbte

        path = Path(name).expanduser()
        return read_shengbte(path) if path.is_dir() else read_phono3py(path)

    @classmethod
    def of(cls, raw: RawModes) -> ModeTable:
        """The table of what was read, masked."""
        masks = _masks(raw)
        kept = ~np.any(list(masks.values()), axis=0)
        if not kept.any():
            raise ValueError(
                f"{raw.path}: no mode has a frequency, a velocity and a lifetime. Look at the "
                "frequencies and the rates; the file may be of a run that did not end."
            )
        stored = kept | masks["no positive rate"]
        frequency = np.where(stored, raw.frequency, _PLACEHOLDER)
        capacity = np.where(stored, BOLTZMANN * raw.weight / (raw.points * raw.volume), 0.0)
        origin = Origin(
            path=str(raw.path),
            program=raw.program,
            mesh=raw.mesh,
            volume=raw.volume,
            temperatures=tuple(map(float, raw.temperature)),
            irreducible=bool(len(raw.velocity) < raw.weight.sum()),
            masked=tuple((why, int(mask.sum())) for why, mask in masks.items() if mask.any()),
            masked_share=_masked_share(raw, kept),
            anisotropy=max(map(_anisotropy, raw.conductivity)),
            digest=_digest(raw),
        )
        _warn(origin)
        logs, isotopes = np.log(np.where(kept, raw.rate, _PLACEHOLDER)), raw.isotope_rate
        return cls(
            angular_frequency=jnp.asarray(frequency),
            capacity=jnp.asarray(capacity),
            speed=jnp.asarray(np.where(kept, raw.speed, 0.0)),
            log_rate=jnp.asarray(logs),
            log_slope=jnp.asarray(_slopes(np.log(raw.temperature), logs)),
            isotope_rate=None if isotopes is None else jnp.asarray(np.where(kept, isotopes, 0.0)),
            other_rate=jnp.asarray(np.where(kept, raw.other_rate, 0.0)),
            velocity=jnp.asarray(np.where(kept[raw.owner][:, None], raw.velocity, 0.0)),
            owner=jnp.asarray(raw.owner),
            conductivity=jnp.asarray(raw.conductivity),
            origin=origin,
        )

    @property
    def temperature_range(self) -> tuple[float, float]:
        """The lowest and the highest temperature of the file; of a single one, to rounding."""
        known = self.origin.temperatures
        return known[0] * (1 - 1e-6), known[-1] * (1 + 1e-6)

    def heat_capacity(self, temperature: Float[Array, ""]) -> Float[Array, " mode"]:
        """Heat capacity of each mode and its equivalents (J/m3/K), by Bose and Einstein."""
        return self.capacity * bose_heat(self.angular_frequency, temperature, jnp)

    def phonon_rate(self, temperature: Float[Array, ""]) -> Float[Array, " mode"]:
        """Rate of scattering by other phonons (1/s).

        Between the temperatures of the file by piecewise cubics of its logarithm over that of the
        temperature.
        """
        if len(self.origin.temperatures) == 1:
            return jnp.exp(self.log_rate[0])
        nodes = jnp.asarray(np.log(self.origin.temperatures), self.log_rate.dtype)
        above = jnp.searchsorted(nodes, jnp.log(temperature))
        i = jnp.clip(above - 1, 0, nodes.size - 2)
        step = nodes[i + 1] - nodes[i]
        u = (jnp.log(temperature) - nodes[i]) / step
        start = (1 + 2 * u) * self.log_rate[i] + u * step * self.log_slope[i]
        end = (3 - 2 * u) * self.log_rate[i + 1] - (1 - u) * step * self.log_slope[i + 1]
        return jnp.exp((1 - u) ** 2 * start + u**2 * end)


class PhononModes(eqx.Module):
    """Every mode at one temperature, with its velocity as a vector; masked modes do not move."""

    angular_frequency: Float[Array, " mode"]  # rad/s
    velocity: Float[Array, "mode 3"]  # m/s
    relaxation_time: Float[Array, " mode"]  # s
    heat_capacity: Float[Array, " mode"]  # J/m3/K

    @property
    def mean_free_path(self) -> Float[Array, " mode"]:
        """Speed times relaxation time (m)."""
        return jnp.sqrt(jnp.sum(self.velocity**2, axis=1)) * self.relaxation_time

    @property
    def conductivity(self) -> Float[Array, "3 3"]:
        """The tensor ``sum C v v tau`` (W/m/K)."""
        carried = self.heat_capacity * self.relaxation_time
        return jnp.einsum("m,mi,mj->ij", carried, self.velocity, self.velocity)


class ModeSpectrum(eqx.Module):
    """Every mode at one temperature, together with its equivalents, by its speed."""

    angular_frequency: Float[Array, " mode"]  # rad/s
    heat_capacity: Float[Array, " mode"]  # J/m3/K
    speed: Float[Array, " mode"]  # m/s
    rate: Float[Array, " mode"]  # 1/s

    @property
    def mean_free_path(self) -> Float[Array, " mode"]:
        """Speed over rate (m)."""
        return self.speed / self.rate

    @property
    def conductivity_by_mode(self) -> Float[Array, " mode"]:
        """``C v mean_free_path / 3`` (W/m/K)."""
        return self.heat_capacity * self.speed * self.mean_free_path / 3


def bose_heat(frequency: Any, temperature: Any, xp: Any = np) -> Any:
    """Heat capacity over Boltzmann's constant, (x / 2 / sinh(x / 2))^2, without overflow."""
    x = HBAR / BOLTZMANN * frequency / temperature
    return (x * xp.exp(-x / 2) / -xp.expm1(-x)) ** 2


def _masks(raw: RawModes) -> dict[str, np.ndarray]:
    """Modes that cannot be used, each under the first reason that holds."""
    known = np.isfinite(raw.speed) & np.isfinite(raw.frequency)
    scattered = np.isfinite(raw.rate).all(axis=0) & (raw.rate > 0).all(axis=0)
    others = raw.other_rate if raw.isotope_rate is None else raw.other_rate + raw.isotope_rate
    masks = {
        "not a number": ~(known & np.isfinite(others)),
        "imaginary frequency": raw.frequency < -LOWEST,
        "zero frequency": np.abs(raw.frequency) <= LOWEST,
        "no positive rate": ~scattered,
    }
    taken = np.zeros(raw.frequency.shape, bool)
    for why in masks:
        masks[why] = masks[why] & ~taken
        taken |= masks[why]
    return masks


def _masked_share(raw: RawModes, kept: np.ndarray) -> float:
    """What the masked modes might carry, over what the others do, near room temperature."""
    near = int(np.argmin(np.abs(raw.temperature - 300.0)))
    rate = np.abs(raw.rate[near])
    known = np.isfinite(rate) & (rate > 0)
    rate = np.where(known, rate, np.min(raw.rate[near][kept]))
    size = np.maximum(np.nan_to_num(np.abs(raw.frequency)), LOWEST)
    heat = bose_heat(size, raw.temperature[near]) * raw.weight
    carried = heat * np.nan_to_num(raw.speed) ** 2 / rate
    return float(carried[~kept].sum() / carried[kept].sum())


def _digest(raw: RawModes) -> str:
    """The same for the same numbers, wherever they are kept."""
    found = hashlib.sha256()
    for value in (raw.temperature, raw.frequency, raw.weight, raw.speed, raw.velocity, raw.rate):
        found.update(np.ascontiguousarray(value, float).tobytes())
    return found.hexdigest()


def _anisotropy(conductivity: np.ndarray) -> float:
    """Largest over smallest principal conductivity."""
    xx, yy, zz, yz, xz, xy = conductivity
    principal = np.linalg.eigvalsh(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]))
    return float(principal[2] / max(principal[0], 1e-300))


def _slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Derivatives at the nodes, those of the parabolas through three neighbours."""
    if x.size < 3:
        return np.gradient(y, x, axis=0) if x.size == 2 else np.zeros_like(y)
    return np.gradient(y, x, axis=0, edge_order=2)


def _warn(origin: Origin) -> None:
    warn_if(
        origin.anisotropy > ANISOTROPIC,
        f"{origin.path}: the principal conductivities differ by a ratio of up to "
        f"{origin.anisotropy:.3g}. Isotropic bands, with the speed of each mode in every "
        "direction, carry their mean.",
    )
    masked = ", ".join(f"{count} of {why}" for why, count in origin.masked)
    warn_if(
        origin.masked_share > NOTABLE,
        f"{origin.path}: the modes that were left out ({masked}) might carry "
        f"{100 * origin.masked_share:.2g} % of the conductivity.",
    )
