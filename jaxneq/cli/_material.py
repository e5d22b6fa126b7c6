"""`material`: what a material conducts and stores, from which numbers, and the figure of it."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxneq import materials
from jaxneq import report as pages
from jaxneq.materials import (
    ANISOTROPIC,
    AbInitioMaterial,
    AbstractPhononMaterial,
    GrayMaterial,
    IsotropicDispersion,
    PhononBands,
)

from . import _compile_cache
from ._table import table

_SHARES = (10, 50, 90)
_SMOOTH = 400  # nodes of a branch: mean free paths to three digits, and no visible steps


def material(name: str, temperature: float, out: Path | None) -> int:
    """Evaluate a material at `temperature` (K), say where its numbers are from, and draw it."""
    if from_file := materials.is_path(name):
        record, title = {}, f"{Path(name).name}: "
    else:
        record = materials.record(name)
        title = f"{name}: {record['description']}"
    with jax.enable_x64(True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `_show_file` says it
            model = materials.model(name)
        model.check_temperature(temperature)
        _compile_cache.turn_on()
        fine = model
        if isinstance(model, IsotropicDispersion):
            fine = dataclasses.replace(model, nodes=_SMOOTH)
        elif isinstance(model, AbInitioMaterial):
            fine = dataclasses.replace(model, band_count=_SMOOTH)
            title += _described(model)
        bands, heat, paths = _evaluated(fine, jnp.asarray(temperature))
        place = Path("results") / (Path(name).stem if from_file else name)
        figure = pages.build_material(out or place, title, model, bands)
        print(title)
        _show_evaluated(model, bands, float(heat), paths)
        if isinstance(model, AbInitioMaterial):
            _show_file(model, temperature)
    if record:
        _show_numbers(record)
    print(f"\nfigure  {figure}")
    return 0


@eqx.filter_jit
def _evaluated(
    model: AbstractPhononMaterial, temperature: Array
) -> tuple[PhononBands, Array, Array]:
    """Bands, specific heat, and the mean free paths up to which the shares are carried."""
    bands = model.bands(temperature)
    paths = bands.mean_free_path_at(jnp.asarray(_SHARES) / 100, temperature)
    return bands, model.specific_heat(temperature), paths


def _show_evaluated(
    model: AbstractPhononMaterial, bands: PhononBands, heat: float, paths: Array
) -> None:
    """What the material does at the temperature of its bands, as a whole and by branch."""
    low, high = model.temperature_range
    if np.isfinite(high):
        low, high = f"{low:.5g}", f"{high:.5g}"
        print("data hold: " + (f"from {low} to {high} K" if low != high else f"at {low} K"))
    total = float(bands.conductivity_by_band.sum())
    lengths = [pages.plain(float(f"{path:.3g}"), "m") for path in paths]
    print(f"\nat {float(bands.temperature):g} K")
    print(f"conductivity: {pages.plain(total, 'W/m/K')}")
    print(f"specific heat: {pages.plain(heat, 'J/m3/K')}")
    if isinstance(model, GrayMaterial):
        print(f"mean free path: {lengths[0]}\n")
        return
    said = [f"{share} % below {at}" for share, at in zip(_SHARES, lengths, strict=True)]
    print(f"mean free paths, by conductivity: {', '.join(said)}\n")
    if not isinstance(model, IsotropicDispersion):
        return
    shares = bands.conductivity_by_branch
    rows = []
    for branch in model.branches:
        own = float(shares.get(branch.name, 0.0))
        low, high = np.sort(branch.frequency(branch.wavevector_range)) / (2 * np.pi)
        carries = (f"{own:.4g}", f"{100 * own / total:.1f} %") if branch.scattering else ("-", "-")
        rows.append((branch.name, str(branch.degeneracy), f"{low:.3g} to {high:.3g}", *carries))
    headings = ("branch", "states", "THz", "W/m/K", "share")
    table(headings, rows, right=headings[1:])
    print()


def _described(model: AbInitioMaterial) -> str:
    """What a file holds, in one line."""
    origin, modes = model.file.origin, model.file.speed.size
    mesh = " x ".join(map(str, origin.mesh))
    cell = f"cell of {1e30 * origin.volume:.5g} cubic Angstrom"
    return ", ".join([origin.program, *([f"mesh {mesh}"] if mesh else []), f"{modes} modes", cell])


def _show_file(model: AbInitioMaterial, temperature: float) -> None:
    """The conductivities that it says, what was masked, and what the bands cost."""
    origin, own = model.file.origin, np.asarray(model.file.conductivity)[:, :3]
    rows = [
        (f"{t:g}", *(f"{one:.5g}" for one in tensor))
        for t, tensor in zip(origin.temperatures, own, strict=True)
    ]
    headings = ("K", "xx", "yy", "zz (W/m/K)")
    table(headings, rows, right=headings)
    print()
    if origin.anisotropy > ANISOTROPIC:
        print(f"anisotropic, by a ratio of up to {origin.anisotropy:.3g}; the bands have the mean")
    masked = ", ".join(f"{count} of {why}" for why, count in origin.masked) or "none"
    share = f"; they might carry {100 * origin.masked_share:.2g} %" if origin.masked else ""
    print(f"modes left out: {masked}{share}")
    bulk, film = model.lumping_error(temperature)
    print(f"lumped into {model.band_count} bands: {bulk:.1g} of the bulk conductivity, and at most "
          f"{100 * film:.2g} % of a film's (Fuchs and Sondheimer)")  # fmt: skip


def _show_numbers(record: dict[str, Any]) -> None:
    """Every number of a data file with its unit and source, those not confirmed marked."""
    found = list(materials.numbers(record))
    sources = list(dict.fromkeys(entry["source"] for _, entry in found))
    rows = []
    for name, entry in found:
        reference = f"[{sources.index(entry['source']) + 1}]"
        mark = "" if entry["confirmed"] else "not confirmed"
        value = ", ".join(f"{number:g}" for number in np.ravel(entry["value"]))
        rows.append((name.replace("_", " "), value, entry["unit"], reference, mark))
    table(("number", "value", "unit", "source", ""), rows, whole=("source", ""))
    print()
    for number, source in enumerate(sources, 1):
        print(f"[{number}] {source}")
