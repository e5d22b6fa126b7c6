"""Heat of phonons not scattered since they were emitted: against exponential integrals, limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope
from scipy.special import expn

from jaxneq import phonon, steady

APART = phonon.DiscreteOrdinates(angles=4, polar_angles=12, contributions="apart")
CELLS = 64


def box(low, high):
    low, high = jnp.asarray(low), jnp.asarray(high)
    return phonon.Box(name="box", center=(low + high) / 2, size=high - low)


def slab(path=1.0, hot=1.1, power=0.0, regions=(), **changes):
    """A film of thickness 1 between contacts, which repeats itself along y; C v = 1."""
    gray = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=path)
    heater = phonon.Heater(name="heater", shape=box([0.0, 0.0], [1.0, 1.0]), power=power)
    fields = {
        "material": gray,
        "size": jnp.ones(2),
        "length_unit": 1.0,
        "temperature": 1.0,
        "contacts": (
            phonon.Contact(name="hot", side="left", temperature=hot),
            phonon.Contact(name="cold", side="right", temperature=1.0),
        ),
        "heaters": (heater,),
        "regions": regions,
        "periodic": ("y",),
        "cells": {"x": CELLS, "y": 1},
        "walls": "thermalising",
    }
    return phonon.Device(**fields | changes)


@pytest.fixture(scope="module")
def found():
    return jax.jit(lambda device: steady(device, APART, throw=False))


FACES = np.linspace(0, 1, CELLS + 1)


def between(n, path):
    """The means of E_n(x / path) over the cells."""
    integral = -path * expn(n + 1, FACES / path)
    return np.diff(integral) / np.diff(FACES)


def near(found, exact, error):
    """To a part of the largest value: cells are of second order, and steep at the ends."""
    np.testing.assert_allclose(found, exact, rtol=0, atol=error * np.max(exact))


@pytest.mark.parametrize("path", [0.3, 1.0, 10.0])
def test_phonons_of_a_contact(found, path):
    """Isotropic emission of a face: flux C v dT E_3 / 2, temperature dT E_2 / 2."""
    state = found(slab(path))
    flux = 0.1 / 2 * between(3, path)
    near(state.ballistic_heat_flux_field[:, 0, 0, 0], flux, 4e-3)
    near(state.ballistic_rise[:, 0, 0], 0.1 / 2 * between(2, path), 2e-2)
    arrived = 0.1 / 2 * expn(3, 1 / path)
    near(state.ballistic_contact_heat, [0.1 / 4, -arrived], 1e-3)
    share = state.ballistic_contact_heat / state.contact_heat
    np.testing.assert_allclose(state.ballistic_share, share, rtol=1e-12)


def test_phonons_of_a_heater(found):
    path, power = 0.4, 0.3
    state = found(slab(path, hot=1.0, power=power))
    away = power * path / 2 * (1 / 2 - expn(3, 1 / path))
    np.testing.assert_allclose(state.ballistic_contact_heat, [-away, -away], rtol=1e-3)
    ends = between(2, path)
    exact = power * path * (1 - (ends + ends[::-1]) / 2)
    near(state.ballistic_rise[:, 0, 0], exact, 1e-2)


def test_thin_is_ballistic_and_thick_is_not(found):
    shares = [float(found(slab(path)).ballistic_share[1]) for path in (1e3, 10.0, 1.0, 0.05)]
    np.testing.assert_allclose(shares[0], 1, rtol=2e-3)
    assert np.all(np.diff(shares) < 0) and 0 < shares[-1] < 1e-6


@pytest.mark.slow
def test_interfaces_emit_anew():
    """Beyond one the flux falls with E_3 of the depth; before it what goes back is missing."""
    other = phonon.GrayMaterial(heat_capacity=2.0, group_velocity=0.5, mean_free_path=0.3)
    region = phonon.Region(name="right", material=other, shape=box([0.5, 0.0], [1.0, 1.0]))
    state = steady(slab(regions=(region,)), APART)
    flux = np.asarray(state.ballistic_heat_flux_field)[:, 0, 0, 0]
    half = CELLS // 2
    before, beyond = flux[:half], flux[half:]
    exact = between(3, 0.3)[:half]
    near(beyond / beyond[0], exact / exact[0], 4e-3)
    back = 0.1 / 2 * between(3, 1.0)[:half] - before
    exact = between(3, 1.0)[:half][::-1]
    near(back / back[-1], exact / exact[-1], 4e-3)


@pytest.mark.slow
def test_slow_modulation_is_steady():
    device = slab(
        hot=1.0,
        power=0.3,
        heaters=(phonon.Heater(name="heater", shape=box([0.0, 0.0], [0.5, 1.0]), power=0.3),),
    )
    few = {"angles": 1, "polar_angles": 2, "contributions": "apart"}
    shares = jax.jit(
        lambda frequency: (
            steady(
                phonon.ModulatedDevice(device=device, frequency=frequency),
                phonon.HarmonicOrdinates(**few),
                throw=False,
            ).ballistic_share
        )
    )
    still = steady(device, phonon.DiscreteOrdinates(**few))
    both = np.sum(still.ballistic_contact_heat) / np.sum(still.contact_heat)
    np.testing.assert_allclose(shares(jnp.asarray(1e-6)), both, rtol=1e-6)
    # what is fast has no time to be scattered
    fast = [float(shares(jnp.asarray(frequency))) for frequency in (0.1, 1.0, 30.0)]
    assert both < fast[0] < fast[1]
    np.testing.assert_allclose(fast[2], 1, rtol=1e-3)


@pytest.mark.slow
def test_gradients():
    method = phonon.DiscreteOrdinates(
        angles=1, polar_angles=2, tolerance=1e-12, contributions="apart"
    )

    def answers(path):
        state = steady(slab(path, power=0.2, cells={"x": 4, "y": 1}), method, throw=False)
        flux = state.ballistic_heat_flux_field[1, 0, 0, 0]
        return jnp.stack([state.ballistic_share[1], state.ballistic_rise[2, 0, 0], flux])

    exact, compiled = jax.jit(jax.jacfwd(answers))(0.6), jax.jit(answers)
    for row in range(3):
        expected = slope(lambda path, row=row: compiled(path)[row], 0.6, 1e-3)
        np.testing.assert_allclose(exact[row], expected, rtol=1e-7)


def test_misuse_is_told():
    gray = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
    cell = phonon.PeriodicStructure(material=gray, period=1.0, temperature=1.0)
    with pytest.raises(ValueError, match="contributions are told apart in devices"):
        steady(cell, APART)
