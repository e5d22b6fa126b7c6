"""Files `kappa-*.hdf5` of phono3py."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from ._modes import BOLTZMANN, LOWEST, ModeTable, RawModes, bose_heat

TERAHERTZ = 1e12  # Hz; also of gamma, half the width at half maximum over 2 pi
SPEED = 100.0  # m/s per Angstrom THz
ELEMENTARY_CHARGE = 1.602176634e-19  # J per eV, CODATA 2018
AGREES = 1e-6  # of the conductivity with the file's own, a sum of the same terms
NEARLY = 1e-3  # of heat capacities, with constants of other years, and of velocities

NEEDED = (
    "frequency",
    "gamma",
    "heat_capacity",
    "weight",
    "temperature",
    "kappa",
    "kappa_unit_conversion",
)
OPTIONAL = (
    "group_velocity",
    "gv_by_gv",
    "gamma_isotope",
    "gamma_elph",
    "boundary_mfp",
    "kappa_RTA",
    "kappa_P_RTA",
    "mesh",
    "version",
)
REMEDY = "Write it with phono3py --br (relaxation-time approximation) for the whole mesh."


def read_phono3py(path: Path) -> ModeTable:
    r"""The modes in a file `kappa-*.hdf5`, with lifetimes :math:`\tau = 1/(4\pi\gamma)`.

    Rates of isotopes, boundaries and electrons are added where the file has them. Irreducible
    wavevectors stand for their stars through `gv_by_gv`, the sum of v v over the star. The
    volume follows from `kappa_unit_conversion`. The conductivity of the file in the
    relaxation-time approximation is reproduced to 1e-6, which checks the units of all datasets.
    Source: phono3py, documentation of its HDF5 files; Togo, Chaput and Tanaka, Phys. Rev. B 91,
    094306 (2015).

    **Raises:** `ValueError` for what is no such file, or not a whole one; for datasets that are
    missing, or do not fit together.
    """
    found = _datasets(path)
    _check_shapes(path, found)
    gamma = found["gamma"]
    bands = found["frequency"].shape[1]
    squares = _velocity_squares(path, found)
    velocity = found.get("group_velocity", np.zeros((0, 3)))
    warm = [i for i in np.argsort(found["temperature"]) if found["temperature"][i] > 0]
    temperature = found["temperature"][warm]
    if not warm:
        raise ValueError(f"{path}: temperature has no value above 0 K. {REMEDY}")
    conversion = float(found["kappa_unit_conversion"])
    # the conversion is e (100 m/s)^2 / (2 pi THz V)
    scale = ELEMENTARY_CHARGE * SPEED**2 / (2 * np.pi * TERAHERTZ)
    weight = np.repeat(found["weight"], bands).astype(float)
    raw = RawModes(
        path=path,
        program=_program(found),
        mesh=tuple(int(n) for n in np.ravel(found.get("mesh", ()))),
        volume=scale / conversion,
        points=float(found["weight"].sum()),
        temperature=temperature,
        frequency=2 * np.pi * TERAHERTZ * found["frequency"].ravel(),
        weight=weight,
        speed=SPEED * np.sqrt(squares.ravel() / weight),
        velocity=SPEED * velocity.reshape(-1, 3),
        owner=np.arange(velocity.size // 3),
        rate=_rate((gamma + found.get("gamma_elph", 0.0))[warm]).reshape(temperature.size, -1),
        isotope_rate=_rate(found["gamma_isotope"]).ravel() if "gamma_isotope" in found else None,
        other_rate=_boundary_rate(found, squares).ravel(),
        conductivity=_own_conductivity(found)[warm],
    )
    heat = found["heat_capacity"][warm].reshape(temperature.size, -1)
    _check_heat(raw, heat)
    _check_conductivity(raw, heat * (conversion * 2 * np.pi * TERAHERTZ / SPEED**2))
    return ModeTable.of(raw)


def _datasets(path: Path) -> dict[str, np.ndarray]:
    try:
        with h5py.File(path, "r") as file:
            there = [name for name in (*NEEDED, *OPTIONAL) if name in file]
            found = {name: np.asarray(file[name]) for name in there}
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file.") from None
    except (OSError, KeyError, RuntimeError) as error:  # what h5py makes of damage
        raise ValueError(
            f"{path}: cannot be read as HDF5; it is damaged, cut off or of another kind. Copy or "
            f"compute it again. ({error})"
        ) from error
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise ValueError(
            f"{path}: the dataset{'s' * (len(missing) > 1)} {', '.join(missing)} of a phono3py "
            f"file kappa-*.hdf5 is missing. {REMEDY}"
        )
    return found


def _check_shapes(path: Path, found: dict[str, np.ndarray]) -> None:
    count = found["temperature"].size
    points, bands = found["frequency"].shape if found["frequency"].ndim == 2 else (0, 0)
    expected = {
        "frequency": (points, bands),
        "gamma": (count, points, bands),
        "heat_capacity": (count, points, bands),
        "weight": (points,),
        "kappa": (count, 6),
        "group_velocity": (points, bands, 3),
        "gv_by_gv": (points, bands, 6),
    }
    for name, shape in expected.items():
        if name in found and found[name].shape != shape:
            raise ValueError(
                f"{path}: the dataset {name} has the shape {found[name].shape}, and frequency and "
                f"temperature make it {shape}: (temperature, point, band, component). {REMEDY}"
            )


def _program(found: dict[str, np.ndarray]) -> str:
    version = found["version"].item() if "version" in found else b""
    return f"phono3py {version.decode() if isinstance(version, bytes) else version}".strip()


def _rate(gamma: np.ndarray) -> np.ndarray:
    return 4 * np.pi * TERAHERTZ * gamma


def _velocity_squares(path: Path, found: dict[str, np.ndarray]) -> np.ndarray:
    """The sum of v^2 over the star of each mode, in the file's unit."""
    both = []
    if "gv_by_gv" in found:
        both.append(found["gv_by_gv"][..., :3].sum(axis=-1))
    if "group_velocity" in found:
        both.append(found["weight"][:, None] * np.sum(found["group_velocity"] ** 2, axis=-1))
    if not both:
        raise ValueError(
            f"{path}: the datasets gv_by_gv and group_velocity are both missing. {REMEDY}"
        )
    one, other = (np.nansum(squares) for squares in (both[0], both[-1]))
    if abs(other / one - 1) > NEARLY:
        raise ValueError(
            f"{path}: the squares of group_velocity add up to {other / one:.6g} times the trace of "
            "gv_by_gv. Give both in THz Angstrom and of one run; one may be damaged."
        )
    return both[0]


def _boundary_rate(found: dict[str, np.ndarray], squares: np.ndarray) -> np.ndarray:
    """The rate v / L with the length `boundary_mfp` in micrometres, where there is one."""
    if "boundary_mfp" not in found:
        return np.zeros_like(squares)
    speed = SPEED * np.sqrt(squares / found["weight"][:, None])
    return speed / (1e-6 * float(found["boundary_mfp"]))


def _own_conductivity(found: dict[str, np.ndarray]) -> np.ndarray:
    """The file's own in the relaxation-time approximation, also of a direct solution."""
    for name in ("kappa_P_RTA", "kappa_RTA"):
        if name in found:
            return found[name]
    return found["kappa"]


def _check_heat(raw: RawModes, heat: np.ndarray) -> None:
    """Frequencies and heat capacities must be those of the same phonons."""
    good = np.isfinite(heat) & (raw.frequency > LOWEST)
    frequency = np.where(good, raw.frequency, 1.0)
    expected = BOLTZMANN / ELEMENTARY_CHARGE * bose_heat(frequency, raw.temperature[:, None])
    own = np.sum(np.where(good, heat, 0.0) * raw.weight, axis=1)
    found = np.sum(np.where(good, expected, 0.0) * raw.weight, axis=1)
    worst = np.argmax(np.abs(own - found))
    if not np.allclose(own, found, rtol=NEARLY):
        raise ValueError(
            f"{raw.path}: at {raw.temperature[worst]:g} K the heat capacities add up to "
            f"{own[worst] / found[worst]:.6g} times what Bose-Einstein statistics gives for the "
            "frequencies. Give frequency in THz and heat_capacity in eV/K, of quantum statistics."
        )


def _check_conductivity(raw: RawModes, heat: np.ndarray) -> None:
    """The sum over the modes must be the conductivity of the file (see `read_phono3py`)."""
    isotope = 0.0 if raw.isotope_rate is None else raw.isotope_rate
    rate = raw.rate + isotope + raw.other_rate
    used = (raw.frequency > LOWEST) & np.isfinite(rate) & (rate > 0) & np.isfinite(heat)
    carried = heat * raw.weight * raw.speed**2 / (3 * raw.points)
    found = np.sum(np.where(used, carried, 0.0) / np.where(used, rate, 1.0), axis=1)
    own = raw.conductivity[:, :3].mean(axis=1)
    if not np.allclose(found, own, rtol=AGREES):
        worst = int(np.argmax(np.abs(found / own - 1)))
        raise ValueError(
            f"{raw.path}: at {raw.temperature[worst]:g} K the modes conduct {found[worst]:.6g} "
            f"W/m/K by gamma, heat_capacity and velocities, and the file's own kappa is "
            f"{own[worst]:.6g}, another by a factor of {own[worst] / found[worst]:.6g}. Some "
            "dataset is in another unit than phono3py's (THz, eV/K, THz Angstrom), or of another "
            "run, or damaged."
        )
