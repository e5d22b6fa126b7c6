"""Files of phono3py: against sums over the whole mesh, and what is said of bad ones."""

import dataclasses

import equinox as eqx
import first_principles as lattice
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expn

from jaxneq import config, phonon, steady
from jaxneq.materials import AbInitioMaterial, ModeTable, model
from jaxneq.materials._lumped import film_suppression

KELVIN = 300.0


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("phono3py") / "kappa-m666.hdf5"
    lattice.phono3py(path)
    return path


@pytest.fixture(scope="module")
def crystal(path):
    return AbInitioMaterial(file=str(path))


# What the file holds


def test_the_conductivity_is_that_of_the_whole_mesh(crystal):
    for t in (200.0, 300.0, 400.0):
        expected = np.trace(lattice.conductivity(t)) / 3
        np.testing.assert_allclose(crystal.bulk_conductivity(t), expected, rtol=1e-10)
    _, frequency, _ = lattice.lattice()
    stored = lattice.heat(frequency, KELVIN).sum() / frequency.shape[0] / lattice.EDGE**3
    np.testing.assert_allclose(crystal.specific_heat(KELVIN), stored, rtol=1e-12)
    origin = crystal.file.origin
    assert origin.program == "phono3py 4.0.0" and origin.mesh == (6, 6, 6)
    assert origin.volume == pytest.approx(lattice.EDGE**3) and origin.irreducible
    assert origin.masked == (("zero frequency", 3),) and origin.masked_share == 0


def test_between_the_temperatures_rates_are_interpolated(crystal):
    """A sum of powers of the temperature; the closed form stands beside."""
    for t in (230.0, 350.0):
        expected = np.trace(lattice.conductivity(t)) / 3
        np.testing.assert_allclose(crystal.bulk_conductivity(t), expected, rtol=2e-4)
    with pytest.raises(ValueError, match=r"500.0 K is outside \[200, 400\] K"):
        crystal.bands(500.0)
    assert np.isnan(jax.jit(lambda t: crystal.bands(t).heat_capacity[0])(500.0))


def test_a_material_by_its_path(path, crystal):
    found = model(str(path), band_count=7, anharmonic_scale=2.0)
    half = dataclasses.replace(crystal, anharmonic_scale=2.0)
    np.testing.assert_allclose(found.bulk_conductivity(), half.bulk_conductivity(), rtol=1e-12)
    assert found.bands(KELVIN).weight.size == 7
    with pytest.raises(ValueError, match=r"no parameter 'nodes'. It has file, band_count"):
        model(str(path), nodes=3)


def test_a_file_of_one_temperature(tmp_path):
    lattice.phono3py(tmp_path / "kappa.hdf5", temperatures=(300.0,))
    one = AbInitioMaterial(file=str(tmp_path / "kappa.hdf5"))
    expected = np.trace(lattice.conductivity(300.0)) / 3
    np.testing.assert_allclose(one.bulk_conductivity(300.0), expected, rtol=1e-10)
    with pytest.raises(ValueError, match=r"310.0 K is outside \[300, 300\] K"):
        one.bands(310.0)


def test_isotopes_and_boundaries_of_the_file(tmp_path):
    """Rates beside those of phonons: 1e9/s by isotopes in every mode."""
    isotopes = np.full((20, 3), 1e9 / (4 * np.pi * 1e12))
    tensor = lattice.conductivity(300.0, 1e9)
    kappa = np.array([[*np.diag(tensor), 0.0, 0.0, 0.0]])
    file = tmp_path / "kappa.hdf5"
    lattice.phono3py(file, temperatures=(300.0,), gamma_isotope=isotopes, kappa=kappa)
    mixed = AbInitioMaterial(file=str(file))
    np.testing.assert_allclose(mixed.bulk_conductivity(300.0), tensor[0, 0], rtol=1e-10)
    pure = AbInitioMaterial(file=str(file), isotope_scale=0.0).bulk_conductivity(300.0)
    np.testing.assert_allclose(pure, lattice.conductivity(300.0)[0, 0], rtol=1e-10)
    # a boundary of 0.1 um, by the file or by the material
    bounded = AbInitioMaterial(file=str(file), boundary_length=1e-7).bulk_conductivity(300.0)
    kappa = np.array([[*np.full(3, float(bounded)), 0.0, 0.0, 0.0]])
    own = {"gamma_isotope": isotopes, "boundary_mfp": 0.1, "kappa": kappa}
    lattice.phono3py(file, temperatures=(300.0,), **own)
    np.testing.assert_allclose(
        AbInitioMaterial(file=str(file)).bulk_conductivity(300.0), bounded, rtol=1e-10
    )
    assert float(bounded) < 0.8 * tensor[0, 0]


def test_direct_solutions_and_electrons(tmp_path):
    """The rates belong to `kappa_RTA` where `kappa` is a direct solution; electrons add."""
    file, electrons = tmp_path / "kappa.hdf5", np.full((1, 20, 3), 1e9 / (4 * np.pi * 1e12))
    tensor = lattice.conductivity(300.0, 1e9)
    kappa = np.array([[*np.diag(tensor), 0.0, 0.0, 0.0]])
    changes = {"gamma_elph": electrons, "kappa_RTA": kappa, "kappa": 1.1 * kappa}
    lattice.phono3py(file, temperatures=(300.0,), **changes)
    found = AbInitioMaterial(file=str(file))
    np.testing.assert_allclose(found.bulk_conductivity(300.0), tensor[0, 0], rtol=1e-10)


# Modes with their velocities


def test_unfolded_modes_are_those_of_the_whole_mesh(crystal, tmp_path):
    """Irreducible wavevectors by the point group, against a file without symmetry."""
    lattice.phono3py(tmp_path / "kappa.hdf5", whole=True)
    whole = AbInitioMaterial(file=str(tmp_path / "kappa.hdf5")).modes(KELVIN)
    unfolded = crystal.modes(KELVIN, "m-3m")
    assert whole.velocity.shape == (216 * 3, 3) and unfolded.velocity.shape == (48 * 20 * 3, 3)
    for each in (whole, unfolded):
        np.testing.assert_allclose(
            each.conductivity, lattice.conductivity(KELVIN), rtol=1e-9, atol=1e-9
        )
    # moments of the distribution of velocities that no bulk property shows
    for power in ((4, 0, 0), (2, 2, 0), (2, 2, 2)):
        found, expected = (
            np.sum(each.heat_capacity * np.prod((np.asarray(each.velocity) / 1e3) ** power, axis=1))
            for each in (unfolded, whole)
        )
        np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(whole.heat_capacity.sum(), crystal.specific_heat(KELVIN), rtol=1e-9)


def test_unfolding_needs_the_right_group(crystal):
    with pytest.raises(ValueError, match="irreducible wavevectors only, and point_group = None"):
        crystal.modes(KELVIN)
    with pytest.raises(ValueError, match="unfolded by '4/mmm' the conductivity tensor"):
        crystal.modes(KELVIN, "4/mmm")


# Bands


def test_bands_keep_bulk_and_ballistic_limit(crystal):
    modes = crystal.modes(KELVIN, "m-3m")
    speed = jnp.sqrt(jnp.sum(modes.velocity**2, axis=1))
    ballistic = jnp.sum(modes.heat_capacity * speed)
    for count in (1, 5, 48):
        bands = dataclasses.replace(crystal, band_count=count).bands(KELVIN)
        assert bands.heat_capacity.shape == (count,)
        assert np.all(np.diff(bands.mean_free_path) > -1e-15)
        power = jnp.sum(bands.heat_capacity * bands.group_velocity)
        np.testing.assert_allclose(power, ballistic, rtol=1e-10)
        np.testing.assert_allclose(
            bands.conductivity_by_band.sum(), crystal.bulk_conductivity(KELVIN), rtol=1e-10
        )


def test_the_error_of_lumping_is_what_is_said(crystal):
    """Of a real film solved with the bands against one with nearly every mode of its own."""
    thickness = 50e-9

    def solved(count):
        film = phonon.InPlaneFilm(dataclasses.replace(crystal, band_count=count), thickness)
        return float(steady(film, phonon.ClosedForm()).conductivity)

    bulk, coarse = dataclasses.replace(crystal, band_count=6).lumping_error(KELVIN)
    assert bulk < 1e-12 and 0 < coarse < 0.05
    assert abs(solved(6) / solved(800) - 1) < coarse
    _, fine = dataclasses.replace(crystal, band_count=24).lumping_error(KELVIN)
    assert fine < coarse / 3


def test_film_suppression():
    """By exponential integrals, F = 1 - 3 K / 8 (1 - 4 E3(1 / K) + 4 E5(1 / K))."""
    k = np.array([1e-6, 1e-3, 0.03, 0.5, 3.0, 200.0])
    expected = 1 - 0.375 * k * (1 - 4 * expn(3, 1 / k) + 4 * expn(5, 1 / k))
    np.testing.assert_allclose(film_suppression(k), expected, rtol=1e-6)


def test_derivatives(crystal):
    """With respect to the rates and the temperature, of a band in the middle and of a film."""

    def found(scale, temperature, length):
        one = dataclasses.replace(
            crystal, anharmonic_scale=scale, boundary_length=length, band_count=8
        )
        bands = one.bands(temperature)
        return bands.mean_free_path[4] * 1e8 + bands.conductivity_by_band.sum() / 100

    at = (jnp.asarray(1.0), jnp.asarray(287.0), jnp.asarray(1e-6))
    slopes = jax.jit(jax.grad(found, (0, 1, 2)))(*at)
    value = jax.jit(found)
    for i, slope in enumerate(slopes):
        h = 1e-4 * at[i]
        moved = [
            tuple(x + s * h if i == j else x for j, x in enumerate(at)) for s in (-2, -1, 1, 2)
        ]
        low2, low, high, high2 = (value(*point) for point in moved)
        central = (8 * (high - low) - (high2 - low2)) / (12 * h)
        np.testing.assert_allclose(slope, central, rtol=1e-6)


def test_float32(crystal):
    single = jax.tree.map(
        lambda x: x.astype(jnp.float32) if eqx.is_inexact_array(x) else x, crystal
    )
    bands = single.bands(jnp.float32(KELVIN))
    assert bands.heat_capacity.dtype == jnp.float32
    total = bands.conductivity_by_band.sum()
    np.testing.assert_allclose(total, crystal.bulk_conductivity(KELVIN), rtol=1e-5)


# Masks


def test_masked_modes_are_counted_and_weighed(tmp_path):
    data = lattice.phono3py(tmp_path / "kappa.hdf5", temperatures=(300.0,))
    frequency, gamma = data["frequency"].copy(), data["gamma"].copy()
    frequency[7, 0], gamma[0, 9, 1], gamma[0, 11, 2] = -1.0, 0.0, np.nan
    part = data["kappa_unit_conversion"] * data["heat_capacity"][0] * data["gv_by_gv"][..., 0]
    carried = part / (2 * np.where(data["gamma"][0] > 0, data["gamma"][0], 1)) / 216
    kept = np.ones((20, 3), bool)
    kept[7, 0] = kept[9, 1] = kept[11, 2] = False
    rest = carried[kept].sum()
    kappa = np.array([[rest, rest, rest, 0.0, 0.0, 0.0]])
    changes = {"frequency": frequency, "gamma": gamma, "kappa": kappa}
    lattice.phono3py(tmp_path / "kappa.hdf5", temperatures=(300.0,), **changes)
    with pytest.warns(UserWarning, match="1 of imaginary frequency, 3 of zero.*might carry"):
        found = AbInitioMaterial(file=str(tmp_path / "kappa.hdf5"))
    np.testing.assert_allclose(found.bulk_conductivity(300.0), rest, rtol=1e-9)
    assert dict(found.file.origin.masked) == {
        "imaginary frequency": 1,
        "zero frequency": 3,
        "no positive rate": 2,
    }
    # those without a lifetime have the longest of all, which is more than they had
    assert found.file.origin.masked_share > (carried.sum() - rest) / rest


def test_an_anisotropic_crystal_is_noticed(tmp_path):
    """Stretched along z: velocities are doubled there; the conductivity is four times larger."""
    data = lattice.phono3py(tmp_path / "kappa.hdf5", whole=True)
    stretch = np.array([1, 1, 4, 2, 2, 1.0])
    changes = {
        "gv_by_gv": data["gv_by_gv"] * stretch,
        "group_velocity": data["group_velocity"] * np.array([1, 1, 2.0]),
        "kappa": data["kappa"] * stretch,
    }
    lattice.phono3py(tmp_path / "kappa.hdf5", whole=True, **changes)
    with pytest.warns(UserWarning, match="differ by a ratio of up to 4"):
        found = AbInitioMaterial(file=str(tmp_path / "kappa.hdf5"))
    mean = np.trace(lattice.conductivity(300.0)) / 3 * 2  # (1 + 1 + 4) / 3
    np.testing.assert_allclose(found.bulk_conductivity(300.0), mean, rtol=1e-10)
    tensor = found.modes(300.0).conductivity
    np.testing.assert_allclose(tensor[2, 2] / tensor[0, 0], 4, rtol=1e-10)


# Bad files


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gamma": None}, "the dataset gamma of a phono3py file kappa-.* is missing.*--br"),
        ({"gamma": None, "weight": None}, "the datasets gamma, weight of"),
        ({"gv_by_gv": None, "group_velocity": None}, "are both missing"),
        ({"weight": np.ones(19)}, r"weight has the shape \(19,\).*make it \(20,\)"),
        ({"temperature": np.zeros(3)}, "no value above 0 K"),
    ],
)
def test_missing_and_misshapen_datasets(changes, said, tmp_path):
    lattice.phono3py(tmp_path / "kappa.hdf5", **changes)
    with pytest.raises(ValueError, match=said):
        AbInitioMaterial(file=str(tmp_path / "kappa.hdf5"))


@pytest.mark.parametrize(
    ("name", "factor", "said"),
    [
        ("gamma", 2 * np.pi, "the file's own kappa is .* another by a factor of 6.283"),
        ("gv_by_gv", 1e4, "group_velocity add up to 0.0001 times the trace of gv_by_gv"),
        ("group_velocity", 100, "group_velocity add up to 10000 times the trace of gv_by_gv"),
        ("kappa_unit_conversion", 2, "another by a factor of 0.5"),
        ("kappa", 1e-3, "another by a factor of 0.001"),
        ("heat_capacity", 1.602176634e-19, "1.602.*e-19 times what Bose-Einstein"),
        ("frequency", 2 * np.pi, "times what Bose-Einstein.*Give frequency in THz"),
    ],
)
def test_other_units_are_noticed(name, factor, said, tmp_path):
    data = lattice.phono3py(tmp_path / "kappa.hdf5")
    lattice.phono3py(tmp_path / "kappa.hdf5", **{name: data[name] * factor})
    with pytest.raises(ValueError, match=said):
        AbInitioMaterial(file=str(tmp_path / "kappa.hdf5"))


def test_damaged_files(path, tmp_path):
    whole = path.read_bytes()
    bad = tmp_path / "kappa.hdf5"
    for content in (whole[: len(whole) // 2], b"no HDF5 at all", b""):
        bad.write_bytes(content)
        with pytest.raises(ValueError, match="cannot be read as HDF5; it is damaged, cut off"):
            AbInitioMaterial(file=str(bad))
    with pytest.raises(ValueError, match="there is no such file"):
        AbInitioMaterial(file=str(tmp_path / "kapa.hdf5"))
    with pytest.raises(
        ValueError, match=r"isotope_scale = 0, but .* no isotope rates of their own"
    ):
        AbInitioMaterial(file=str(path), isotope_scale=0.0)


@pytest.mark.filterwarnings("ignore")
def test_damage_anywhere_is_noticed_or_harmless(path, crystal, tmp_path):
    whole, bad = path.read_bytes(), tmp_path / "kappa.hdf5"
    rng, refused = np.random.default_rng(0), 0
    for start in rng.integers(0, len(whole) - 64, 60):
        bad.write_bytes(whole[:start] + rng.bytes(64) + whole[start + 64 :])
        try:
            found = ModeTable.named(str(bad))
        except ValueError:
            refused += 1
            continue
        for name in ("angular_frequency", "capacity", "speed", "log_rate"):
            own, expected = getattr(found, name), getattr(crystal.file, name)
            np.testing.assert_allclose(own, expected, rtol=1e-4)
    assert refused > 10


# Jobs


JOB = """
verb = "steady"
[system]
type = "phonon.InPlaneFilm"
thickness = 1e-7
{material}
[method]
type = "phonon.ClosedForm"
[sweep."system.material.anharmonic_scale"]
values = [1.0, 2.0]
[gradient]
of = "conductivity"
with_respect_to = ["system.material.anharmonic_scale"]
"""


def test_a_job_reads_a_file(path, crystal):
    by_type = f'[system.material]\ntype = "phonon.AbInitioMaterial"\nfile = "{path}"\n'
    by_name = f'[system.material]\nname = "{path}"\n'
    results = [
        config.execute(config.load(JOB.format(material=text + "band_count = 12")))
        for text in (by_type, by_name)
    ]
    material = dataclasses.replace(crystal, band_count=12)

    def conductivity(scale):
        own = dataclasses.replace(material, anharmonic_scale=scale)
        return steady(phonon.InPlaneFilm(own, 1e-7), phonon.ClosedForm()).conductivity

    expected = [float(conductivity(scale)) for scale in (1.0, 2.0)]
    for result in results:
        np.testing.assert_allclose(result.quantities["conductivity"].values, expected, rtol=1e-12)
    (slope,) = [
        dataset.values for name, dataset in results[0].quantities.items() if "anharmonic" in name
    ]
    h = 1e-4
    central = (conductivity(1 + h) - conductivity(1 - h)) / (2 * h)
    np.testing.assert_allclose(slope[0], central, rtol=1e-6)


def test_a_job_knows_when_its_file_has_changed(tmp_path, monkeypatch):
    """A result is not taken for that of another file of the same name."""
    monkeypatch.chdir(tmp_path)
    text = JOB.format(material='[system.material]\nname = "kappa.hdf5"')
    lattice.phono3py("kappa.hdf5", temperatures=(300.0,))
    first, again = config.load(text).identity, config.load(text).identity
    lattice.phono3py("kappa.hdf5", temperatures=(200.0, 300.0))
    assert first == again != config.load(text).identity


def test_a_job_with_a_bad_path_says_so(tmp_path):
    for text in (
        '[system.material]\ntype = "phonon.AbInitioMaterial"\nfile = "absent.hdf5"',
        '[system.material]\nname = "absent.hdf5"',
    ):
        with pytest.raises(config.JobError, match=r"absent.hdf5: there is no such file"):
            config.load(JOB.format(material=text))


def test_every_system_of_phonons_takes_the_material(crystal):
    """Traced only: shapes, dtypes and what a system asks of a material."""
    few = dataclasses.replace(crystal, band_count=4)
    for system in (
        phonon.CrossPlaneFilm(few, thickness=1e-7),
        phonon.HeatedFilm(few, thickness=1e-7, heat_source=1.0),
        phonon.LayeredFilm(few, few, first_thickness=1e-7, second_thickness=1e-7,
                           interface=phonon.DiffuseMismatch()),
        phonon.InPlaneFilm(few, thickness=1e-7),
        phonon.Nanowire(few, diameter=1e-7),
        phonon.RectangularWire(few, width=1e-7, height=1e-7),
        phonon.TransientGrating(few, period=1e-6),
    ):  # fmt: skip
        found = eqx.filter_eval_shape(steady, system)
        assert getattr(found, found.primary).dtype == jnp.float64
