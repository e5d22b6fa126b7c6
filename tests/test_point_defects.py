"""Point defects: the rate in closed form, in analytic materials and in those from files."""

import dataclasses

import first_principles as lattice
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import config, materials
from jaxneq.materials import AbInitioMaterial, PointDefects, mass_variance

KELVIN = 300.0
DEFECTS = PointDefects(
    sound_velocity=6400.0, atomic_volume=2.0e-29, mass_variance=0.01, vacancies=1e-3
)


def test_mass_variance():
    """Of natural silicon, and x (1 - x) (dM / M)^2 of Si(1-x)Ge(x)."""
    masses, shares = (27.97692653, 28.9764947, 29.97377017), (0.92223, 0.04685, 0.03092)
    assert mass_variance(shares, masses) == pytest.approx(2.007e-4, rel=1e-3)
    for x, expected in ((0.2, 0.232), (0.5, 0.1956)):
        assert mass_variance((1 - x, x), (28.0855, 72.63)) == pytest.approx(expected, rel=1e-2)
    with pytest.raises(ValueError, match=r"the shares add up to 0.9"):
        mass_variance((0.5, 0.4), (1.0, 2.0))


def test_isotopes_of_germanium():
    """The formula gives the coefficient 2.355e-44 s3 of the data set with v = 3550 m/s, to 1 %."""
    isotopes = PointDefects(
        sound_velocity=3550.0, atomic_volume=5.66e-10**3 / 8, mass_variance=5.867e-4
    )
    entry = materials.record("Ge")["branch"][0]["scattering"][0]["coefficient"]
    coefficient = float(isotopes.rate(jnp.asarray(1.0))) * 1e-36
    assert coefficient == pytest.approx(entry["value"], rel=0.01)


def test_the_rate_adds_to_the_others():
    """V (Gamma + 9 c) w^4 / (4 pi v^3), for vacancies in a crystal of one element."""
    clean, dirty = materials.model("Si"), materials.model("Si", point_defects=DEFECTS)
    bands = clean.bands(KELVIN)
    added = 1 / dirty.bands(KELVIN).relaxation_time - 1 / bands.relaxation_time
    expected = 2.0e-29 * (0.01 + 9e-3) / (4 * np.pi * 6400.0**3) * bands.angular_frequency**4
    np.testing.assert_allclose(added, expected, rtol=1e-6)
    # of a compound: the missing atom is twice the mean mass
    heavy = dataclasses.replace(DEFECTS, mass_ratio=2.0, mass_variance=0.0)
    ratio = heavy.rate(jnp.asarray(3.0)) / DEFECTS.rate(jnp.asarray(3.0))
    np.testing.assert_allclose(ratio, 16e-3 / 19e-3, rtol=1e-12)


def test_the_rate_adds_in_a_material_from_a_file(tmp_path):
    lattice.phono3py(tmp_path / "kappa.hdf5", temperatures=(KELVIN,))
    clean = AbInitioMaterial(file=str(tmp_path / "kappa.hdf5"))
    dirty = dataclasses.replace(clean, point_defects=DEFECTS)
    one, other = clean.spectrum(KELVIN), dirty.spectrum(KELVIN)
    expected = 2.0e-29 * 0.019 / (4 * np.pi * 6400.0**3) * one.angular_frequency**4
    np.testing.assert_allclose(other.rate - one.rate, expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["mass_variance", "vacancies", "sound_velocity"])
def test_gradient_of_the_conductivity(name):
    def conductivity(moved):
        changed = dataclasses.replace(DEFECTS, **{name: getattr(DEFECTS, name) * jnp.exp(moved)})
        return materials.model("Si", point_defects=changed, nodes=8).bulk_conductivity(KELVIN)

    value, h = jax.jit(conductivity), 2e-3
    rise = 8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))
    slope = jax.jit(jax.grad(conductivity))(0.0)
    np.testing.assert_allclose(slope, rise / (12 * h), rtol=1e-6)
    assert slope != 0


def test_float32():
    single = jax.tree.map(lambda x: x.astype(jnp.float32), DEFECTS)
    rate = single.rate(jnp.float32(60.0))
    assert rate.dtype == jnp.float32
    np.testing.assert_allclose(rate, DEFECTS.rate(jnp.asarray(60.0)), rtol=1e-5)


def test_in_a_job():
    job = config.load(
        """
verb = "steady"
[system]
type = "phonon.InPlaneFilm"
thickness = 1e-6
[system.material]
name = "Si"
[system.material.point_defects]
type = "phonon.PointDefects"
sound_velocity = 6400.0
atomic_volume = 2e-29
mass_variance = 0.01
vacancies = 1e-3
[method]
type = "phonon.ClosedForm"
[sweep."system.material.point_defects.vacancies"]
values = [1e-3, 1e-2]
"""
    )
    bulk = config.execute(job).quantities["bulk_conductivity"].values
    expected = materials.model("Si", point_defects=DEFECTS).bulk_conductivity(KELVIN)
    np.testing.assert_allclose(bulk[0], expected, rtol=1e-12)
    assert bulk[1] < bulk[0]
    with pytest.raises(config.JobError, match=r"vacancies = 2.0 is not allowed"):
        config.load(job.text, ["system.material.point_defects.vacancies=2.0"])
