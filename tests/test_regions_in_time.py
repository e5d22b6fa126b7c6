"""Regions of several materials in time and at a frequency: closed forms, limits, each other."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import evolve, phonon, steady
from jaxneq._kernels import sweep
from jaxneq._kernels.sweep import reference

COARSE = {"angles": 1, "polar_angles": 2}
STEPS = phonon.ImplicitOrdinates(**COARSE, steps=2)
ORDINATES = phonon.HarmonicOrdinates(**COARSE)


def gray(capacity=1.0, velocity=1.0, path=1.0):
    return phonon.GrayMaterial(heat_capacity=capacity, group_velocity=velocity, mean_free_path=path)


FAST, SLOW = gray(), gray(2.0, 0.3, 0.1)


def box(low, high):
    low, high = jnp.asarray(low), jnp.asarray(high)
    return phonon.Box(name="box", center=(low + high) / 2, size=high - low)


def bilayer(first=FAST, second=SLOW, start=1.0, transmission=0.4, power=0.3, **changes):
    """Two layers of length 1, the first insulated and heated, the second cold at its end."""
    heater = phonon.Heater(name="layer", shape=box([0.0, 0.0], [1.0, 1.0]), power=power)
    shape = box([start, 0.0], [2.0, 1.0])
    fields = {
        "material": first,
        "regions": (phonon.Region(name="second", material=second, shape=shape),),
        "interface": phonon.GivenTransmission(transmission=transmission),
        "size": jnp.asarray([2.0, 1.0]),
        "length_unit": 1.0,
        "temperature": 1.0,
        "contacts": (phonon.Contact(name="cold", side="right", temperature=1.0),),
        "heaters": (heater,),
        "periodic": ("y",),
        "cells": {"x": 4, "y": 1},
    }
    return phonon.Device(**fields | changes)


@functools.cache
def followed(method=STEPS):
    return jax.jit(lambda device, times: evolve(device, method, times=times, throw=False))


@functools.cache
def waves(method):
    return jax.jit(
        lambda device, frequency: steady(
            phonon.ModulatedDevice(device=device, frequency=frequency), method, throw=False
        )
    )


END, COUNT = 360.0, 241


@pytest.fixture(scope="module")
def step():
    """The response to a heater that is switched on."""
    return followed()(bilayer(), jnp.linspace(0, END, COUNT))


@pytest.mark.slow
def test_late_state_is_the_steady_one(step):
    state = steady(bilayer(), phonon.DiscreteOrdinates(**COARSE))
    late = followed()(bilayer(), jnp.linspace(0, 4000.0, COUNT))
    for name in ("peak_temperature", "entropy_production"):
        np.testing.assert_allclose(getattr(late, name)[-1], getattr(state, name), rtol=1e-6)
    np.testing.assert_allclose(late.contact_heat[0, -1], -0.3, rtol=1e-6)
    np.testing.assert_allclose(late.heater_rise[0, -1], state.heater_rise[0], rtol=1e-6)
    np.testing.assert_allclose(late.temperature, state.temperature, rtol=1e-6)
    # the heat that is held: capacities of both layers
    rise = np.asarray(state.temperature)[:, 0, 0] - 1
    held = (rise[:2].sum() + 2 * rise[2:].sum()) / 2
    np.testing.assert_allclose(late.energy[-1], held, rtol=1e-6)
    for each in (step, late):
        assert each.conservation_residual < 1e-10
        assert np.all(each.entropy_production > 0)
    np.testing.assert_array_equal(step.region[:, 0, 0], [0, 0, 1, 1])


def test_response_at_a_frequency_is_that_of_time(step):
    """From that to a step, s: Z is its end less i w times the transform of what is missing."""
    frequency = 0.02
    rise = np.asarray(step.temperatures)[:, :2].mean(axis=(1, 2, 3)) - 1  # of the heated layer
    rise, time = rise / 0.3, np.asarray(step.time)
    late = COUNT // 4 * np.asarray([2, 3, 4])  # one exponential is left
    a, b, c = rise[late]
    final = (a * c - b**2) / (a + c - 2 * b)
    decay = np.log((final - b) / (final - c)) / (time[late[2]] - time[late[1]])
    missing = (final - rise) * np.exp(-2j * np.pi * frequency * time)
    simpson = np.ones(COUNT)
    simpson[1:-1:2], simpson[2:-1:2] = 4, 2
    integral = np.sum(simpson * missing) * END / (COUNT - 1) / 3
    integral = integral + missing[-1] / (decay + 2j * np.pi * frequency)
    expected = final - 2j * np.pi * frequency * integral
    state = waves(ORDINATES)(bilayer(), jnp.asarray(frequency))
    np.testing.assert_allclose(state.impedance, expected, rtol=1e-4)
    assert float(state.phase) < -60
    assert state.conservation_residual < 1e-8


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["time", "frequency"])
def test_a_region_everywhere_is_its_material(kind):
    """The units are still those of the other one."""
    both = bilayer(start=0.0), bilayer(first=SLOW, regions=())
    if kind == "time":
        first, second = (followed()(each, jnp.linspace(0, 30.0, COUNT)) for each in both)
        for name in ("time", "energy", "heater_rise", "contact_heat", "relaxation"):
            exact = getattr(second, name)
            scale = np.max(np.abs(exact))
            np.testing.assert_allclose(getattr(first, name), exact, rtol=0, atol=1e-8 * scale)
    else:
        for method in (ORDINATES, phonon.HarmonicFourier()):
            first, second = (waves(method)(each, jnp.asarray(0.03)) for each in both)
            np.testing.assert_allclose(first.impedance, second.impedance, rtol=1e-7)


def two_layers(frequency, first, second, resistance):
    """Mean temperature of a layer, heated evenly and insulated, on one that is cold at its end."""
    (c1, k1), (c2, k2) = first, second
    omega = 2j * np.pi * frequency
    u, v = np.sqrt(omega * c1 / k1), np.sqrt(omega * c2 / k2)
    # T1 = 1 / (omega c1) + a cosh(u x), T2 = b sinh(v (2 - x)); fluxes and their jump
    into = -k1 * u * np.sinh(u), k2 * v * np.cosh(v)
    b = 1 / (omega * c1) / (np.sinh(v) + into[1] * (resistance - np.cosh(u) / into[0]))
    a = b * into[1] / into[0]
    return 1 / (omega * c1) + a * np.sinh(u) / u


MANY = phonon.HarmonicOrdinates(angles=3, polar_angles=4)


@pytest.mark.parametrize(
    ("method", "error"), [(MANY, 3e-3), (phonon.HarmonicFourier(), 1e-3)], ids=("rays", "law")
)
def test_short_paths_are_conduction_through_an_interface(method, error):
    """Of resistance 4 / X - 2 / M1 - 2 / M2; free paths are a thousandth of the layers."""
    layers = gray(1.0, 1.0, 1e-3), gray(2.0, 0.3, 2e-3)
    device = bilayer(*layers, transmission=0.01, cells={"x": 32, "y": 1})
    interface = 4 / (0.01 * 0.6) - 2 / 1.0 - 2 / 0.6
    for frequency in (2e-5, 1e-4):
        found = waves(method)(device, jnp.asarray(frequency))
        exact = two_layers(frequency, (1.0, 1e-3 / 3), (2.0, 1.2e-3 / 3), interface)
        np.testing.assert_allclose(found.impedance, exact, rtol=error)
        assert found.status.code == 0
    assert float(found.phase) < -60


def test_sweep_of_rays_that_lag_through_media():
    random = np.random.default_rng(6)
    cells, octants, media, lines = (3, 2), 4, 2, (1, 2)
    source = random.normal(size=(*cells, 2, 4, octants))
    passing = random.choice([0.0, 0.4, 1.0], size=(*cells, 2, octants))
    wall = random.normal(size=(*cells, 2, 2, octants, lines[0]))
    width = tuple(random.uniform(0.1, 0.5, (count, octants)) for count in cells)
    reach = 10.0 ** random.uniform(-2, 0.3, (media, 2, *lines))
    weight = random.uniform(0.1, 1, (media, *lines, 3))
    lag = random.uniform(0.1, 0.9, (media, *lines))
    behind = random.normal(size=(*cells, 4, octants))
    medium = random.integers(0, media, (*cells, octants))
    fields = sweep.Fields(
        *map(jnp.asarray, (source, passing, wall, medium)), behind=jnp.asarray(behind)
    )
    swept = sweep.through_cells(
        fields,
        tuple(map(jnp.asarray, width)),
        *map(jnp.asarray, (reach, weight)),
        lag=jnp.asarray(lag),
        periodic=(True, True),
        tolerance=1e-13,
    )
    past = lag[medium][:, :, None] * behind[..., None, None]
    given = (source, passing, wall, width, reach, (True, True), medium, past)
    exact = np.einsum("...nogr,...ogrm->...nogm", reference._departures(*given), weight[medium])
    np.testing.assert_allclose(swept.moments, exact, rtol=1e-9, atol=1e-12)


PARAMETERS = jnp.asarray([0.1, 0.3, 0.3, 0.02])


def inside(path, velocity, transmission):
    """A region in the middle of a device, which ends at walls."""
    region = phonon.Region(
        name="inside", material=gray(2.0, velocity, path), shape=box([0.6, 0.3], [1.4, 0.8])
    )
    changes = {"regions": (region,), "periodic": (), "cells": {"x": 5, "y": 3}}
    return bilayer(transmission=transmission, **changes)


def in_time(parameters):
    device = inside(*parameters[:3])
    method = phonon.ImplicitOrdinates(**COARSE, steps=2, tolerance=1e-12)
    state = evolve(device, method, times=jnp.asarray([0.4, 2.0]), throw=False)
    return jnp.stack([state.energy[1], state.contact_heat[0, 1], state.entropy_production[0]])


def at_a_frequency(parameters):
    modulated = phonon.ModulatedDevice(device=inside(*parameters[:3]), frequency=parameters[3])
    method = phonon.HarmonicOrdinates(**COARSE, tolerance=1e-12)
    state = steady(modulated, method, throw=False)
    return jnp.stack([state.in_phase, state.out_of_phase, state.entropy_production])


@pytest.mark.slow
@pytest.mark.parametrize("answers", [in_time, at_a_frequency])
def test_gradients(answers):
    exact, compiled = jax.jit(jax.jacrev(answers))(PARAMETERS), jax.jit(answers)
    for row, index in np.ndindex(exact.shape):

        def entry(value, row=row, index=index):
            return compiled(PARAMETERS.at[index].set(value))[row]

        expected = slope(entry, PARAMETERS[index], 2e-3 * float(PARAMETERS[index]))
        np.testing.assert_allclose(exact[row, index], expected, rtol=1e-5, atol=1e-9)
