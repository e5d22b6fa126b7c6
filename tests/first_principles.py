"""A lattice in closed form, written as first-principles programs write theirs."""

import h5py
import numpy as np

EDGE = 3e-10  # m, of the cubic cell
CONSTANTS = {"hbar": 1.054571817e-34, "kB": 1.380649e-23, "e": 1.602176634e-19}
HIGHEST = np.array([20e12, 30e12, 55e12])  # rad/s, a scale for each branch
MESH = 6


def lattice(mesh=MESH):
    """Wavevectors (in units of the reciprocal cell), frequencies (rad/s), velocities (m/s)."""
    one = np.arange(mesh) / mesh
    one = np.where(one > 0.5, one - 1, one)
    q = np.stack(np.meshgrid(one, one, one, indexing="ij"), axis=-1).reshape(-1, 3)
    wave = np.sqrt(np.sum(np.sin(np.pi * q) ** 2, axis=1))
    slope = np.sin(2 * np.pi * q) / 2 / np.where(wave == 0, 1, wave)[:, None] * EDGE / 2
    return q, wave[:, None] * HIGHEST, slope[:, None, :] * HIGHEST[:, None]


def rates(frequency, temperature):
    """Rates (1/s) of scattering by phonons."""
    return 3e9 * (frequency / 1e13) ** 2 * temperature / 300 + 1e8 * (temperature / 300) ** 2


def heat(frequency, temperature):
    """Heat capacity of a mode in J/K; of no frequency, 0."""
    x = CONSTANTS["hbar"] * np.where(frequency > 0, frequency, 1) / CONSTANTS["kB"] / temperature
    return np.where(frequency > 0, CONSTANTS["kB"] * (x / 2 / np.sinh(x / 2)) ** 2, 0)


def conductivity(temperature, extra=0.0):
    """The sum over all modes, W/m/K; `extra` rates (1/s) beside those of phonons."""
    q, frequency, velocity = lattice()
    carried = heat(frequency, temperature) / (rates(frequency, temperature) + extra)
    carried = np.where(frequency > 0, carried, 0) / (len(q) * EDGE**3)
    return np.einsum("qb,qbi,qbj->ij", carried, velocity, velocity)


def irreducible(q):
    """The class of each wavevector under the cubic group, and the first member of each class."""
    alike = np.sort(np.abs(np.round(q * MESH).astype(int)), axis=1)
    _, first, owner = np.unique(alike, axis=0, return_index=True, return_inverse=True)
    return owner.ravel(), first


def phono3py(path, temperatures=(200.0, 300.0, 400.0), whole=False, **changes):
    """Write a file kappa-*.hdf5: irreducible wavevectors, or the `whole` mesh.

    **Arguments:** `changes`, datasets that replace those of the lattice; None leaves one out.
    """
    q, frequency, velocity = lattice()
    owner, first = irreducible(q)
    if whole:
        owner = first = np.arange(len(q))
    weight = np.bincount(owner)
    pairs = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
    product = np.stack([velocity[..., i] * velocity[..., j] for i, j in pairs], axis=-1) / 1e4
    star = np.zeros((len(first), 3, 6))
    np.add.at(star, owner, product)
    shown = frequency[first]
    gamma = np.stack([rates(shown, t) for t in temperatures]) / (4 * np.pi * 1e12)
    gamma[:, shown <= 0] = 0
    tensors = [conductivity(t) for t in temperatures]
    data = {
        "version": np.bytes_("4.0.0"),
        "mesh": np.full(3, MESH),
        "temperature": np.array(temperatures),
        "frequency": shown / (2 * np.pi * 1e12),
        "gamma": gamma,
        "heat_capacity": np.stack([heat(shown, t) for t in temperatures]) / CONSTANTS["e"],
        "group_velocity": velocity[first] / 100,
        "gv_by_gv": star,
        "weight": weight,
        "qpoint": q[first],
        "kappa": np.array([[tensor[i, j] for i, j in pairs] for tensor in tensors]),
        "kappa_unit_conversion": CONSTANTS["e"] * 1e4 / (2 * np.pi * 1e12 * EDGE**3),
    }
    with h5py.File(path, "w") as file:
        for name, value in (data | changes).items():
            if value is not None:
                file[name] = value
    return data


def shengbte(folder, temperatures=(200.0, 300.0, 400.0), whole=True):
    """Write the files of ShengBTE for the same lattice, with velocities of the `whole` mesh."""
    q, frequency, velocity = lattice()
    owner, first = irreducible(q)
    reciprocal = 2 * np.pi / EDGE * 1e-9 * np.eye(3)
    count = np.arange(1, len(first) + 1)
    np.savetxt(folder / "BTE.ReciprocalLatticeVectors", reciprocal, fmt="%.12e", footer="nm-1")
    np.savetxt(folder / "BTE.omega", frequency[first] / 1e12)
    np.savetxt(
        folder / "BTE.qpoints", np.column_stack([count, first + 1, np.bincount(owner), q[first]])
    )
    np.savetxt(folder / "BTE.v", np.swapaxes(velocity[first], 0, 1).reshape(-1, 3) / 1e3)
    if whole:
        listed = np.arange(1, len(q) + 1)
        np.savetxt(folder / "BTE.qpoints_full", np.column_stack([listed, owner + 1, q]))
        np.savetxt(folder / "BTE.v_full", np.swapaxes(velocity, 0, 1).reshape(-1, 3) / 1e3)
    shown = frequency[first].T.ravel()
    for t in temperatures:
        (folder / f"T{t:.0f}K").mkdir()
        rate = np.where(shown > 0, rates(shown, t) / 1e12, np.nan)
        np.savetxt(folder / f"T{t:.0f}K" / "BTE.w_final", np.column_stack([shown / 1e12, rate]))
        tensor = np.concatenate([[0.0], conductivity(t).ravel()])
        np.savetxt(folder / f"T{t:.0f}K" / "BTE.kappa_tensor", np.stack([0.9 * tensor, tensor]))
