import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import materials
from jaxneq.phonon import GrayMaterial

SILICON = materials.model("Si")


def test_bulk_conductivity_of_silicon_by_branch():
    """Independent quadrature of sum C v^2 tau / 3 at 300 K."""
    bands = materials.phonon("Si", temperature=300.0)
    by_branch = {
        name: float(jnp.sum(bands.of_branch(name) * bands.conductivity_by_band))
        for name in dict.fromkeys(bands.branch)
    }
    assert by_branch["LA"] == pytest.approx(51.398039, rel=1e-6)
    assert by_branch["TA"] == pytest.approx(94.462914, rel=1e-6)
    assert float(SILICON.bulk_conductivity(300.0)) == pytest.approx(145.860953, rel=1e-6)


def test_quadrature_has_converged():
    finer = dataclasses.replace(SILICON, nodes=96)
    for temperature in (50.0, 300.0, 1000.0):
        coarse, fine = SILICON.bulk_conductivity(temperature), finer.bulk_conductivity(temperature)
        np.testing.assert_allclose(coarse, fine, rtol=2e-6)


def test_specific_heat_has_its_limits():
    """Dulong and Petit: six branches of k_max^3 / 6 pi^2 states each."""
    states = 6 * (2 * np.pi / 5.43e-10) ** 3 / (6 * np.pi**2)
    assert float(SILICON.specific_heat(1000.0)) == pytest.approx(1.380649e-23 * states, rel=0.04)
    # Debye: T^3 at low temperature, from the sound velocities alone
    heat = [
        2 * np.pi**2 / 5 * 1.380649e-23 * (1.380649e-23 * 1.0 / (1.054571817e-34 * v)) ** 3 / 3
        for v in (9010.0, 5230.0, 5230.0)
    ]
    finer = dataclasses.replace(SILICON, nodes=600, valid_temperature=(0.0, 1000.0))
    assert float(finer.specific_heat(1.0)) == pytest.approx(sum(heat), rel=0.03)


def test_gray_silicon():
    """Chen 1998, dispersion model: C v Lambda / 3."""
    assert float(materials.model("Si-gray").bulk_conductivity()) == pytest.approx(145.626096)


def test_accumulation_grows_to_one():
    paths = jnp.geomspace(1e-9, 1e-2, 30)
    share = SILICON.accumulation(paths)
    assert np.all(np.diff(share) >= 0)
    assert share[0] == 0 and float(share[-1]) == pytest.approx(1.0)
    half = float(jnp.interp(0.5, share, paths))
    assert 1e-7 < half < 1e-6  # silicon at 300 K: half is carried beyond some 0.5 um


@pytest.mark.parametrize("temperature", [100.0, 300.0])
def test_derivative_with_respect_to_temperature(temperature):
    for function in (SILICON.bulk_conductivity, SILICON.specific_heat):
        h = 1e-3 * temperature
        central = (function(temperature + h) - function(temperature - h)) / (2 * h)
        assert float(jax.grad(function)(temperature)) == pytest.approx(float(central), rel=1e-5)


def test_float32_does_not_overflow():
    single = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, SILICON
    )
    conductivity = single.bulk_conductivity(jnp.float32(300.0))
    assert conductivity.dtype == jnp.float32
    assert float(conductivity) == pytest.approx(145.860953, rel=1e-5)


def test_unknown_name_offers_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'Si-gray'"):
        materials.model("Si-grey")


def test_temperatures_without_data_are_refused():
    for use in (SILICON.bulk_conductivity, SILICON.specific_heat, SILICON.bands):
        with pytest.raises(ValueError, match=r"temperature = 5.0 K is outside \[50, 1000\]"):
            use(5.0)


def test_bands_know_one_temperature_only():
    bands = materials.phonon("Si", temperature=300.0)
    with pytest.raises(ValueError, match=r"materials\.model"):
        bands.bulk_conductivity(200.0)


def test_bands_from_modes():
    modes = materials.PhononBands.from_modes(
        heat_capacity=jnp.array([1.0, 2.0]),
        group_velocity=jnp.array([3.0, 1.0]),
        relaxation_time=jnp.array([1.0, 0.5]),
    )
    assert float(modes.bulk_conductivity()) == pytest.approx((9.0 + 1.0) / 3)
    with pytest.raises(ValueError, match=r"relaxation_time has shape \(3,\).*band = 2"):
        dataclasses.replace(modes, relaxation_time=jnp.ones(3))


@pytest.mark.parametrize("name", materials.names())
def test_every_number_has_unit_source_and_flag(name):
    def numbers(entry):
        if isinstance(entry, dict):
            if "value" in entry:
                yield entry
            for child in entry.values():
                yield from numbers(child)
        elif isinstance(entry, list):
            for child in entry:
                yield from numbers(child)

    found = list(numbers(materials.record(name)))
    assert found
    for number in found:
        assert set(number) == {"value", "unit", "source", "confirmed"}
        assert number["source"] and isinstance(number["confirmed"], bool)


def test_gray_material_is_one_band():
    gray = GrayMaterial(heat_capacity=2.0, group_velocity=3.0, mean_free_path=5.0)
    bands = gray.bands(300.0)
    assert float(bands.mean_free_path[0]) == 5.0
    assert float(gray.bulk_conductivity()) == 10.0
