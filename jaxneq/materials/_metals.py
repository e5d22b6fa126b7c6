"""Metals with two temperatures, by name, from data files in which every number has a source."""

from __future__ import annotations

import difflib
import tomllib
from functools import cache
from importlib import resources
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, is_concrete, named, parameter, parts

_DATA = resources.files("jaxneq.materials").joinpath("metals")

UNITS = {
    "sommerfeld_coefficient": "J/m3/K2",
    "electron_conductivity": "W/m/K",
    "lattice_heat_capacity": "J/m3/K",
    "coupling": "W/m3/K",
}


class LatticeBand(AbstractDeclared):
    """Phonons of a metal with a temperature of their own, such as those of one branch."""

    name: str = named(doc="Name of the band")
    heat_share: Scalar = parameter(
        range="(0, 1]",
        doc="Its share of the heat capacity, and of the conductivity, of the lattice",
    )
    coupling_share: Scalar = parameter(
        range="[0, 1]", doc="Its share of the coupling to the electrons"
    )
    relaxation_rate: Scalar = parameter(
        unit="1/s",
        range="[0, inf)",
        doc="Rate at which it relaxes to the common temperature of such bands",
        default=0.0,
    )


class Metal(AbstractDeclared):
    r"""Electrons and lattice of a metal, each with a temperature.

    .. math:: C_e = C_0 + \gamma T_e, \qquad \kappa_e = \kappa_0 \frac{T_e}{T_l}

    and G (T_e - T_l) is the power per volume from the electrons to the lattice. Its phonons may be
    split into `bands`, whose shares add up to 1. The metals that come with the library
    (`metal_names`) have no lattice conductivity: it is some per cent of that of the electrons.
    Source: Anisimov, Kapeliovich and Perel'man, Sov. Phys. JETP 39, 375 (1974); for bands
    Waldecker et al., Phys. Rev. X 6, 021003 (2016).
    """

    sommerfeld_coefficient: Scalar = parameter(
        unit="J/m3/K2", range="[0, inf)", doc="Heat capacity of the electrons over T, gamma"
    )
    electron_conductivity: Scalar = parameter(
        unit="W/m/K", range="(0, inf)", doc="That of the electrons at one temperature, kappa_0"
    )
    lattice_heat_capacity: Scalar = parameter(
        unit="J/m3/K", range="(0, inf)", doc="Heat capacity of the lattice"
    )
    coupling: Scalar = parameter(
        unit="W/m3/K", range="[0, inf)", doc="Coupling of electrons and lattice, G"
    )
    lattice_conductivity: Scalar = parameter(
        unit="W/m/K", range="[0, inf)", doc="Conductivity of the lattice", default=0.0
    )
    electron_heat_capacity: Scalar = parameter(
        unit="J/m3/K",
        range="[0, inf)",
        doc="Part C_0 of the heat capacity of the electrons that does not depend on T",
        default=0.0,
    )
    bands: tuple[LatticeBand, ...] = parts(
        LatticeBand, doc="The lattice in parts, if it has several temperatures", default=()
    )

    def __check_init__(self):
        super().__check_init__()
        heat = (self.sommerfeld_coefficient, self.electron_heat_capacity)
        if all(map(is_concrete, heat)) and float(heat[0]) + float(heat[1]) == 0:
            raise ValueError(
                "Metal: sommerfeld_coefficient = 0 and electron_heat_capacity = 0: electrons "
                "without heat have no temperature. Give one of them."
            )
        for share in ("heat_share", "coupling_share"):
            values = [getattr(band, share) for band in self.bands]
            if values and all(map(is_concrete, values)):
                total = sum(float(value) for value in values)
                if abs(total - 1) > 1e-6:
                    raise ValueError(
                        f"Metal: the {share} of all bands add up to {total:g}. They must add up "
                        "to 1."
                    )

    def by_band(self, share: str) -> Float[Array, " band"]:
        """Numbers of all bands, of one where there are none: its share is 1, its rate 0."""
        if not self.bands:
            return jnp.full(1, 0.0 if share == "relaxation_rate" else 1.0, self.coupling.dtype)
        return jnp.stack([getattr(band, share) for band in self.bands])

    @classmethod
    def named(cls, name: str, **changes: Any) -> Metal:
        """The metal of that name, with changes, such as ``coupling=2e16``.

        **Raises:** `ValueError` for an unknown name.
        """
        record = metal_record(name)
        with jax.ensure_compile_time_eval():
            values: dict[str, Any] = {key: np.asarray(_number(record, key)) for key in UNITS}
            return cls(**(values | changes))


def metal_names() -> tuple[str, ...]:
    """The metals that come with the library."""
    files = (file.name for file in _DATA.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


@cache
def metal_record(name: str) -> dict[str, Any]:
    """The data file of a metal: numbers with unit, source and whether they were confirmed."""
    known = metal_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1, 0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"materials: no metal {name!r}.{hint} There are {', '.join(known)}.")
    return tomllib.loads(_DATA.joinpath(f"{name}.toml").read_text("utf-8"))


def _number(record: dict[str, Any], key: str) -> float:
    entry = record[key]
    if entry["unit"] != UNITS[key]:
        raise ValueError(f"materials: expected {key} in {UNITS[key]}, found {entry['unit']}.")
    return float(entry["value"])
