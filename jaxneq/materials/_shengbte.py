"""Folders of ShengBTE."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ._modes import BOLTZMANN, LOWEST, ModeTable, RawModes, bose_heat

PER_PICOSECOND = 1e12  # 1/s
KILOMETRE_PER_SECOND = 1e3  # m/s
NANOMETRE = 1e-9  # m
AGREES = 1e-3  # of the conductivity with the folder's own, iterated not quite symmetric


def read_shengbte(path: Path) -> ModeTable:
    """The modes in a folder of ShengBTE, with the rates of its folders T*K.

    Of each mode `BTE.omega` (rad/ps), `BTE.v` (km/s; `BTE.v_full` where it is there), and
    `T*K/BTE.w_final` (1/ps), or, where a run was not iterated, `T*K/BTE.w`. Rates of isotopes are
    in these. Folders have their temperature in whole kelvins. With `BTE.w_final` the bands
    conduct as the converged solution does, negative rates excepted, which are masked. The volume
    is that of `BTE.ReciprocalLatticeVectors`, or of CONTROL. Source: Li, Carrete, Katcho and
    Mingo, Comput. Phys. Commun. 185, 1747 (2014), and the manual of ShengBTE.

    **Raises:** `ValueError` for files that are missing, damaged, or do not fit together.
    """
    omega = _numbers(path / "BTE.omega")
    points, bands = omega.shape
    weight = _numbers(path / "BTE.qpoints", points)[:, 2]
    volume = _volume(path)
    velocity, owner = _velocities(path, points, bands)
    squares = np.bincount(owner, np.sum(velocity**2, axis=1)) / np.bincount(owner)
    folders = sorted(
        (float(found[1]), folder)
        for folder in path.iterdir()
        if (found := re.fullmatch(r"T([0-9.]+)K", folder.name))
    )
    if not folders:
        raise ValueError(
            f"{path}: there is no folder T*K, such as T300K, with BTE.w_final. Give the folder in "
            "which ShengBTE ran."
        )
    rates, tensors = zip(*(_solved(folder, points, bands) for _, folder in folders), strict=True)
    raw = RawModes(
        path=path,
        program="ShengBTE",
        mesh=_mesh(path),
        volume=volume,
        points=float(weight.sum()),
        temperature=np.array([temperature for temperature, _ in folders]),
        frequency=PER_PICOSECOND * omega.ravel(),
        weight=np.repeat(weight, bands),
        speed=KILOMETRE_PER_SECOND * np.sqrt(squares),
        velocity=KILOMETRE_PER_SECOND * velocity,
        owner=owner,
        rate=PER_PICOSECOND * np.stack(rates),
        isotope_rate=None,
        other_rate=np.zeros(points * bands),
        conductivity=np.stack(tensors),
    )
    _check_conductivity(raw)
    return ModeTable.of(raw)


def _numbers(
    file: Path, rows: int | None = None, columns: tuple[int, ...] | None = None
) -> np.ndarray:
    """The table in a text file, of so many rows."""
    try:
        found = np.loadtxt(file, usecols=columns, ndmin=2)
    except FileNotFoundError:
        raise ValueError(f"{file}: there is no such file; ShengBTE writes it.") from None
    except ValueError as error:
        raise ValueError(
            f"{file}: is no whole table of numbers: {error}. Copy or compute it again."
        ) from None
    if found.size == 0 or (rows is not None and len(found) != rows):
        wanted = "some" if rows is None else f"{rows}, as BTE.omega and BTE.qpoints have it"
        raise ValueError(f"{file}: has {len(found)} rows, expected {wanted}. Copy it again.")
    return found


def _velocities(path: Path, points: int, bands: int) -> tuple[np.ndarray, np.ndarray]:
    """Velocities, those of the whole mesh if there, each with the index of its mode."""
    if (path / "BTE.v_full").exists():
        alike = _numbers(path / "BTE.qpoints_full")[:, 1].astype(int) - 1
        file = path / "BTE.v_full"
        if not np.array_equal(np.unique(alike), np.arange(points)):
            raise ValueError(
                f"{path}/BTE.qpoints_full: its wavevectors are equivalent to others than the "
                f"{points} of BTE.qpoints. Both must be of one run."
            )
    else:
        alike, file = np.arange(points), path / "BTE.v"
    found = _numbers(file, len(alike) * bands)  # wavevectors run first, then bands
    owner = alike[None, :] * bands + np.arange(bands)[:, None]
    return found, owner.ravel()


def _solved(folder: Path, points: int, bands: int) -> tuple[np.ndarray, np.ndarray]:
    """The rates of each mode, and the conductivity that ShengBTE found with them."""
    final = (folder / "BTE.w_final").exists()
    rates = _numbers(folder / ("BTE.w_final" if final else "BTE.w"), points * bands)[:, 1]
    tensor = _numbers(folder / "BTE.kappa_tensor")[-1 if final else 0]
    xx, xy, xz, _, yy, yz, _, _, zz = tensor[1:10]
    return rates.reshape(bands, points).T.ravel(), np.array([xx, yy, zz, yz, xz, xy])


def _volume(path: Path) -> float:
    """Of the primitive cell (m3)."""
    if (path / "BTE.ReciprocalLatticeVectors").exists():
        reciprocal = _numbers(path / "BTE.ReciprocalLatticeVectors", 3, (0, 1, 2))
        return (2 * np.pi * NANOMETRE) ** 3 / abs(float(np.linalg.det(reciprocal)))
    number = r"([-+.\deEdD]+)"
    control = path / "CONTROL"
    text = control.read_text("utf-8", "replace") if control.exists() else ""
    vectors = re.findall(rf"lattvec\(:,\d\)\s*=\s*{number}\s+{number}\s+{number}", text)
    unit = re.search(rf"lfactor\s*=\s*{number}", text)
    if len(vectors) != 3:
        raise ValueError(
            f"{path}: the volume of the cell is not known: there is neither "
            "BTE.ReciprocalLatticeVectors nor a CONTROL with three lattvec. Copy one of them."
        )
    edge = NANOMETRE * (_fortran(unit[1]) if unit else 1.0)
    return abs(float(np.linalg.det(edge * np.array([[_fortran(x) for x in v] for v in vectors]))))


def _fortran(text: str) -> float:
    return float(text.lower().rstrip(",").replace("d", "e"))


def _mesh(path: Path) -> tuple[int, ...]:
    """From CONTROL, where it is there."""
    control = path / "CONTROL"
    text = control.read_text("utf-8", "replace") if control.exists() else ""
    found = re.search(r"ngrid\(:\)\s*=\s*(\d+)[,\s]+(\d+)[,\s]+(\d+)", text)
    return tuple(map(int, found.groups())) if found else ()


def _check_conductivity(raw: RawModes) -> None:
    """The sum over the modes must be the conductivity of the folder."""
    used = np.isfinite(raw.rate) & (raw.rate != 0) & (raw.frequency > LOWEST)
    each = bose_heat(np.where(used, raw.frequency, 1.0), raw.temperature[:, None])
    heat = BOLTZMANN * each * raw.weight / (raw.points * raw.volume)
    carried = np.where(used, heat * raw.speed**2, 0.0) / np.where(used, raw.rate, 1.0)
    found, own = carried.sum(axis=1) / 3, raw.conductivity[:, :3].mean(axis=1)
    if not np.allclose(found, own, rtol=AGREES):
        worst = int(np.argmax(np.abs(found / own - 1)))
        raise ValueError(
            f"{raw.path}: at {raw.temperature[worst]:g} K the modes conduct {found[worst]:.6g} "
            f"W/m/K, and BTE.kappa_tensor says {own[worst]:.6g}, another by a factor of "
            f"{own[worst] / found[worst]:.6g}. The files are of different runs, or in other units "
            "than rad/ps, km/s and 1/ps."
        )
