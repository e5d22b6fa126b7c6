"""Materials by name, from data files in which every number has a unit and a source."""

from __future__ import annotations

import difflib
import tomllib
from functools import cache
from importlib import resources
from typing import Any

import jax.numpy as jnp
import numpy as np

from ._dispersion import (
    FREQUENCY_UNIT,
    WAVEVECTOR_UNIT,
    Branch,
    IsotropicDispersion,
    Scattering,
)
from ._phonon import AbstractPhononMaterial, GrayMaterial, Number, PhononBands

_DATA = resources.files("jaxneq.materials").joinpath("data")

NODES = 24  # per branch: bulk conductivity of silicon to 1e-8, films to 2e-5


def names() -> tuple[str, ...]:
    """The materials that come with the library."""
    files = (file.name for file in _DATA.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


@cache
def record(name: str) -> dict[str, Any]:
    """The data file of a material: numbers with unit, source and whether they were confirmed."""
    if name not in names():
        near = difflib.get_close_matches(name, names(), 1, 0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"materials: no material {name!r}.{hint} There are {', '.join(names())}.")
    return tomllib.loads(_DATA.joinpath(f"{name}.toml").read_text("utf-8"))


def model(name: str) -> AbstractPhononMaterial:
    """The material `name`, which follows the temperature at which it is used."""
    return _BUILDERS[record(name)["kind"]](record(name))


def phonon(name: str, temperature: Number = 300.0) -> PhononBands:
    """The phonon bands of the material `name` at `temperature` (K).

    **Raises:** `ValueError` for an unknown name or a temperature outside the data's range.
    """
    return model(name).bands(temperature)


def _number(entry: dict[str, Any], unit: str) -> Any:
    if entry["unit"] != unit:
        raise ValueError(f"materials: expected a number in {unit}, found {entry}.")
    return entry["value"]


def _gray(data: dict[str, Any]) -> GrayMaterial:
    return GrayMaterial(
        heat_capacity=_number(data["heat_capacity"], "J/m3/K"),
        group_velocity=_number(data["group_velocity"], "m/s"),
        mean_free_path=_number(data["mean_free_path"], "m"),
    )


def _isotropic(data: dict[str, Any]) -> IsotropicDispersion:
    boundary = 2 * np.pi / _number(data["lattice_constant"], "m")
    low, high = data["temperature_range"]
    return IsotropicDispersion(
        branches=tuple(_branch(entry) for entry in data["branch"]),
        zone_boundary=jnp.asarray(boundary / WAVEVECTOR_UNIT),
        nodes=NODES,
        valid_temperature=(low, high),
    )


def _branch(entry: dict[str, Any]) -> Branch:
    si = np.asarray(_number(entry["dispersion"], "rad/s, m/s, m2/s"))
    return Branch(
        dispersion=jnp.asarray(si * WAVEVECTOR_UNIT ** np.arange(3.0) / FREQUENCY_UNIT),
        scattering=tuple(_scattering(term) for term in entry.get("scattering", ())),
        name=entry["name"],
        degeneracy=entry["degeneracy"],
    )


def _scattering(term: dict[str, Any]) -> Scattering:
    p, q = term["frequency_power"], term["temperature_power"]
    si = _number(term["coefficient"], _rate_unit(p, q))
    low, high = term.get("wavevector_range", (0.0, 1.0))
    return Scattering(
        coefficient=jnp.asarray(si * FREQUENCY_UNIT ** (p - 1)),
        process=term["process"],
        frequency_power=p,
        temperature_power=q,
        occupation=term.get("occupation", "none"),
        wavevector_range=(low, high),
    )


def _rate_unit(frequency_power: int, temperature_power: int) -> str:
    """The SI unit of a coefficient B in B omega^p T^q, such as "s K-3"."""
    seconds = frequency_power - 1
    parts = [] if seconds == 0 else ["s" if seconds == 1 else f"s{seconds}"]
    parts += [f"K-{temperature_power}"] if temperature_power else []
    return " ".join(parts)


_BUILDERS = {"gray": _gray, "isotropic-dispersion": _isotropic}
