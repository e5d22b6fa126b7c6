"""Materials by name, from data files in which every number has a unit and a source."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxneq._core import parameters_of

from ._ab_initio import AbInitioMaterial
from ._branch import (
    FREQUENCY_UNIT,
    HBAR_OVER_KB,
    VELOCITY_UNIT,
    WAVEVECTOR_UNIT,
    AbstractDispersionLaw,
    Branch,
    QuadraticDispersion,
    Scattering,
    SineDispersion,
)
from ._dispersion import ONE_DATA_SET, IsotropicDispersion
from ._modes import ModeTable
from ._phonon import AbstractPhononMaterial, GrayMaterial, Number, PhononBands

_DATA = resources.files("jaxneq.materials").joinpath("data")


def names() -> tuple[str, ...]:
    """The materials that come with the library."""
    files = (file.name for file in _DATA.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


def is_path(name: str) -> bool:
    """Whether a name is that of a file or a folder, and not of a material of the library."""
    if name in names():
        return False
    return Path(name).suffix in (".hdf5", ".h5") or "/" in name or Path(name).is_dir()


@cache
def record(name: str) -> dict[str, Any]:
    """The data file of a material: numbers with unit, source and whether they were confirmed."""
    if name not in names():
        near = difflib.get_close_matches(name, names(), 1, 0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"materials: no material {name!r}.{hint} There are {', '.join(names())}; or give the "
            "path of a file kappa-*.hdf5 of phono3py, or of a folder of ShengBTE."
        )
    return tomllib.loads(_DATA.joinpath(f"{name}.toml").read_text("utf-8"))


def numbers(
    entry: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The numbers in a data file: each by where it stands, with its value, unit and source."""
    if "value" in entry:
        yield " ".join(path), entry
        return
    path += tuple(entry[key] for key in ("name", "process") if key in entry)
    for key, child in entry.items():
        if isinstance(child, Mapping):
            yield from numbers(child, (*path, key))
        elif isinstance(child, list):
            for item in child:
                if isinstance(item, Mapping):
                    yield from numbers(item, path)


def model(name: str, **changes: Any) -> AbstractPhononMaterial:
    """The material `name`, which follows the temperature at which it is used.

    **Arguments:** `name`, of a material that comes with the library (`names`), or the path of a
    file kappa-*.hdf5 of phono3py or of a folder of ShengBTE; `changes`, other values of its
    parameters, such as ``isotope_scale=0.0`` or ``boundary_length=7e-3``.

    **Raises:** `ValueError` for an unknown name or parameter, or a value that is not allowed.
    """
    with jax.ensure_compile_time_eval():  # data are known, also while a function is traced
        if is_path(name):
            material = AbInitioMaterial(file=ModeTable.named(name))
        else:
            data = record(name)
            material = _BUILDERS[data["kind"]](name, data)
    own = [declared.name for declared in parameters_of(type(material))]
    for wrong in (key for key in changes if key not in own):
        near = difflib.get_close_matches(wrong, own, 1, 0.6)
        hint = f"Did you mean {near[0]}?" if near else f"It has {', '.join(own)}."
        why = f" {ONE_DATA_SET}" if isinstance(material, IsotropicDispersion) and not near else ""
        raise ValueError(f"materials: {name!r} has no parameter {wrong!r}. {hint}{why}")
    return dataclasses.replace(material, **changes) if changes else material


def phonon(name: str, temperature: Number = 300.0) -> PhononBands:
    """The phonon bands of the material `name` at `temperature` (K).

    **Raises:** `ValueError` for an unknown name or a temperature outside the data's range.
    """
    return model(name).bands(temperature)


def _number(entry: dict[str, Any], unit: str) -> Any:
    if entry["unit"] != unit:
        raise ValueError(f"materials: expected a number in {unit}, found {entry}.")
    return entry["value"]


def _gray(name: str, data: dict[str, Any]) -> GrayMaterial:
    return GrayMaterial(
        heat_capacity=_number(data["heat_capacity"], "J/m3/K"),
        group_velocity=_number(data["group_velocity"], "m/s"),
        mean_free_path=_number(data["mean_free_path"], "m"),
        dimensions=data.get("dimensions", 3),
    )


def _isotropic(name: str, data: dict[str, Any]) -> IsotropicDispersion:
    low, high = data["temperature_range"]
    zone = _zone_boundary(data)
    return IsotropicDispersion(
        branches=tuple(_branch(name, entry, zone) for entry in data["branch"]),
        valid_temperature=(low, high),
    )


def _zone_boundary(data: dict[str, Any]) -> float | None:
    """The largest wavevector (1e9/m), where the set has one for all branches."""
    if "lattice_constant" in data:
        return 2 * np.pi / _number(data["lattice_constant"], "m") / WAVEVECTOR_UNIT
    if "zone_boundary" in data:
        return _number(data["zone_boundary"], "1/m") / WAVEVECTOR_UNIT
    return None


def _branch(data_set: str, entry: dict[str, Any], zone: float | None) -> Branch:
    law = _law(entry, zone)
    if zone is None:  # the set cuts its branches at temperatures hbar omega / k_B
        cutoffs = np.asarray(_number(entry["cutoffs"], "K"), float) / HBAR_OVER_KB
        ends = law.wavevector(jnp.asarray(cutoffs))
    else:
        ends = jnp.asarray(np.array([0.0, zone]))
    branch = Branch(
        law=law,
        wavevector_range=ends,
        scattering=(),
        name=entry["name"],
        degeneracy=entry["degeneracy"],
        data_set=data_set,
    )
    terms = tuple(_scattering(branch, term) for term in entry.get("scattering", ()))
    return dataclasses.replace(branch, scattering=terms)


def _law(entry: dict[str, Any], zone: float | None) -> AbstractDispersionLaw:
    if "sound_velocity" in entry:
        speed = _number(entry["sound_velocity"], "m/s") / VELOCITY_UNIT
        return SineDispersion(jnp.asarray(speed), jnp.asarray(zone))
    si = np.asarray(_number(entry["dispersion"], "rad/s, m/s, m2/s"))
    return QuadraticDispersion(jnp.asarray(si * WAVEVECTOR_UNIT ** np.arange(3.0) / FREQUENCY_UNIT))


def _scattering(branch: Branch, term: dict[str, Any]) -> Scattering:
    p, q = term["frequency_power"], term["temperature_power"]
    si = _number(term["coefficient"], _rate_unit(p, q))
    return Scattering(
        data_set=branch.data_set,
        process=term["process"],
        frequency_power=p,
        temperature_power=q,
        coefficient=si * FREQUENCY_UNIT ** (p - 1),
        activation=_number(term["activation"], "K") if "activation" in term else 0.0,
        occupation=term.get("occupation", "none"),
        wavevector_range=_reduced_range(branch, term),
    )


def _reduced_range(branch: Branch, term: dict[str, Any]) -> tuple[float, float]:
    """Where on its branch a term acts, from 0 to 1 of the wavevectors."""
    if "frequency_range" in term:
        frequency = np.asarray(_number(term["frequency_range"], "rad/s")) / FREQUENCY_UNIT
        start, stop = np.asarray(branch.wavevector_range)
        found = np.asarray(_wavevector(branch, jnp.asarray(frequency)))
        low, high = (found - start) / (stop - start)
    else:
        low, high = term.get("wavevector_range", (0.0, 1.0))
    return float(low), float(high)


@eqx.filter_jit  # one program to compile instead of a dozen
def _wavevector(branch: Branch, frequency: Array) -> Array:
    return branch.wavevector(frequency)


def _rate_unit(frequency_power: int, temperature_power: int) -> str:
    """The SI unit of a coefficient B in B omega^p T^q, such as "s K-3"."""
    seconds = frequency_power - 1
    parts = [] if seconds == 0 else ["s" if seconds == 1 else f"s{seconds}"]
    parts += [f"K-{temperature_power}"] if temperature_power else []
    return " ".join(parts)


_BUILDERS = {"gray": _gray, "isotropic-dispersion": _isotropic}
