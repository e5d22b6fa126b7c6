"""Folders of ShengBTE: against sums over the whole mesh, and what is said of bad ones."""

import first_principles as lattice
import numpy as np
import pytest

from jaxneq.materials import AbInitioMaterial

KELVIN = 300.0


@pytest.fixture
def folder(tmp_path):
    lattice.shengbte(tmp_path)
    return tmp_path


def test_the_conductivity_is_that_of_the_whole_mesh(folder):
    crystal = AbInitioMaterial(file=str(folder))
    for t in (200.0, 300.0, 400.0):
        expected = np.trace(lattice.conductivity(t)) / 3
        np.testing.assert_allclose(crystal.bulk_conductivity(t), expected, rtol=1e-9)
    origin = crystal.file.origin
    assert origin.temperatures == (200.0, 300.0, 400.0) and not origin.irreducible
    assert origin.masked == (("zero frequency", 3),)
    assert origin.volume == pytest.approx(lattice.EDGE**3, rel=1e-9)


def test_it_holds_the_modes_of_phono3py(folder):
    """Two formats of one lattice: the same bands, the same velocities."""
    lattice.phono3py(folder / "kappa.hdf5", whole=True)
    other = AbInitioMaterial(file=str(folder / "kappa.hdf5"))
    crystal = AbInitioMaterial(file=str(folder))
    for name in ("heat_capacity", "group_velocity", "mean_free_path", "angular_frequency"):
        found, expected = (getattr(each.bands(KELVIN), name) for each in (crystal, other))
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    found, expected = crystal.modes(KELVIN), other.modes(KELVIN)
    np.testing.assert_allclose(found.conductivity, expected.conductivity, rtol=1e-9, atol=1e-9)
    order, others = (np.lexsort(np.round(m.velocity, 3).T) for m in (found, expected))
    np.testing.assert_allclose(
        found.velocity[order], expected.velocity[others], rtol=1e-9, atol=1e-9
    )


def test_irreducible_velocities_are_unfolded(tmp_path):
    lattice.shengbte(tmp_path, temperatures=(300.0,), whole=False)
    crystal = AbInitioMaterial(file=str(tmp_path))
    with pytest.raises(ValueError, match="irreducible wavevectors only"):
        crystal.modes(KELVIN)
    np.testing.assert_allclose(
        crystal.modes(KELVIN, "m-3m").conductivity,
        lattice.conductivity(KELVIN),
        rtol=1e-8,
        atol=1e-6,
    )


def test_rates_of_a_run_without_iterations(folder):
    """`BTE.w` belongs to the first line of the conductivities, which is lower by 10 % here."""
    (folder / "T200K" / "BTE.w_final").unlink()
    with pytest.raises(ValueError, match=r"T200K/BTE.w: there is no such file"):
        AbInitioMaterial(file=str(folder))
    rate = np.loadtxt(folder / "T300K" / "BTE.w_final")
    for name in ("T200K", "T400K"):
        for file in (folder / name).iterdir():
            file.unlink()
        (folder / name).rmdir()
    (folder / "T300K" / "BTE.w_final").unlink()
    np.savetxt(folder / "T300K" / "BTE.w", rate / [1.0, 0.9])
    found = AbInitioMaterial(file=str(folder)).bulk_conductivity(KELVIN)
    np.testing.assert_allclose(found, 0.9 * lattice.conductivity(KELVIN)[0, 0], rtol=1e-9)


def test_negative_rates_are_masked(folder):
    """As converged solutions have some; ShengBTE counts them, the bands cannot."""
    for t in (200, 300, 400):
        file = folder / f"T{t}K" / "BTE.w_final"
        rate = np.loadtxt(file)
        lost = rate[21, 1]
        rate[21, 1] *= -1.0
        np.savetxt(file, rate)
        tensor = np.loadtxt(folder / f"T{t}K" / "BTE.kappa_tensor")
        q, frequency, velocity = lattice.lattice()
        owner, first = lattice.irreducible(q)
        part = lattice.heat(frequency, t)[first[1], 1] * np.bincount(owner)[1]
        part *= np.sum(velocity[first[1], 1] ** 2) / 3 / (lost * 1e12) / (216 * lattice.EDGE**3)
        tensor[:, [1, 5, 9]] -= 2 * part
        np.savetxt(folder / f"T{t}K" / "BTE.kappa_tensor", tensor)
    with pytest.warns(UserWarning, match="3 of zero frequency, 1 of no positive rate"):
        crystal = AbInitioMaterial(file=str(folder))
    own = float(crystal.file.conductivity[1, 0])
    found = float(crystal.bulk_conductivity(300.0))
    assert found > own  # the negative part is left out
    np.testing.assert_allclose(found / own - 1, crystal.file.origin.masked_share * found / own,
                               rtol=1e-6)  # fmt: skip


def test_the_volume_by_control(folder):
    (folder / "BTE.ReciprocalLatticeVectors").unlink()
    with pytest.raises(ValueError, match="the volume of the cell is not known"):
        AbInitioMaterial(file=str(folder))
    (folder / "CONTROL").write_text(
        "&allocations\n ngrid(:)=6 6 6\n&end\n&crystal\n lfactor=0.3,\n lattvec(:,1)=1.0 0.0 0.0,\n"
        " lattvec(:,2)= 0.d0 1.0 0.0,\n lattvec(:,3)=0.0 0.0 1.d0\n&end\n"
    )
    crystal = AbInitioMaterial(file=str(folder))
    assert crystal.file.origin.mesh == (6, 6, 6)
    assert crystal.file.origin.volume == pytest.approx(lattice.EDGE**3, rel=1e-12)


def changed(folder, name, change):
    file = folder / name
    file.write_text(change(file.read_text()))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("BTE.omega", lambda text: "", "BTE.omega: has 0 rows, expected some"),
        ("BTE.v", lambda text: "", None),  # not needed beside BTE.v_full
        (
            "BTE.v_full",
            lambda text: text[: len(text) // 2],
            r"BTE.v_full: (is no whole|has \d+ rows)",
        ),
        ("BTE.qpoints", lambda text: text.replace("e", "*", 1), "BTE.qpoints: is no whole table"),
        (
            "T300K/BTE.w_final",
            lambda text: "\n".join(text.split("\n")[:9]),
            "has 9 rows, expected 60",
        ),
        ("BTE.omega", lambda text: text.replace("e+01", "e+00"), "another by a factor of"),
    ],
)
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_damaged_files(name, change, said, folder):
    changed(folder, name, change)
    if said is None:
        assert AbInitioMaterial(file=str(folder)).file.speed.shape == (60,)
        return
    with pytest.raises(ValueError, match=said):
        AbInitioMaterial(file=str(folder))


def test_missing_files(folder, tmp_path):
    (folder / "BTE.qpoints").unlink()
    with pytest.raises(ValueError, match=r"BTE.qpoints: there is no such file; ShengBTE writes it"):
        AbInitioMaterial(file=str(folder))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match=r"BTE.omega: there is no such file"):
        AbInitioMaterial(file=str(empty))
