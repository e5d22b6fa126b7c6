"""Devices at a frequency: against closed forms, the steady state and the response in time."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import evolve, phonon, steady

COARSE = {"angles": 1, "polar_angles": 2}
ORDINATES = phonon.HarmonicOrdinates(**COARSE)


def film(path=1.0, capacity=1.0, length=1.0, layer=1.0, cells=4, **changes):
    """Cold at one end, insulated at the other, where a layer is heated; it repeats itself in y."""
    length, layer = jnp.asarray(length), jnp.asarray(layer)
    middle, size = jnp.stack([layer / 2, layer]), jnp.ones(())
    box = phonon.Box(
        name="box", center=jnp.stack([middle[0], size / 2]), size=jnp.stack([middle[1], size])
    )
    fields = {
        "material": phonon.GrayMaterial(
            heat_capacity=capacity, group_velocity=1.0, mean_free_path=path
        ),
        "size": jnp.stack([length, size]),
        "length_unit": 1.0,
        "temperature": 1.0,
        "contacts": (phonon.Contact(name="cold", side="right", temperature=1.0),),
        "heaters": (phonon.Heater(name="layer", shape=box, power=0.3),),
        "periodic": ("y",),
        "cells": {"x": cells, "y": 1},
        "walls": "thermalising",
    }
    return phonon.Device(**fields | changes)


@functools.cache
def found(method):
    return jax.jit(
        lambda device, frequency: steady(
            phonon.ModulatedDevice(device=device, frequency=frequency), method, throw=False
        )
    )


def modulated(device, frequency, method=ORDINATES):
    return found(method)(device, jnp.asarray(frequency))


def heated_layer(frequency, conductivity, layer):
    """Mean temperature of an even source in a layer of a half-space, by Fourier's law; C = 1."""
    wave = np.sqrt(2j * np.pi * frequency / conductivity)
    inside = 1 - np.exp(-wave * layer) * np.sinh(wave * layer) / (wave * layer)
    return inside / (conductivity * wave**2 * layer)


@pytest.mark.parametrize("frequency", [1e-3, 3e-3])
def test_fourier_in_a_half_space(frequency):
    state = modulated(film(length=40.0, layer=1.0, cells=160), frequency, phonon.HarmonicFourier())
    assert state.status.code == 0
    depth = np.sqrt(1 / 3 / (2 * np.pi * frequency))
    assert 40 / depth > 5  # the cold end is far away
    np.testing.assert_allclose(state.impedance, heated_layer(frequency, 1 / 3, 1.0), rtol=2e-3)
    assert state.conservation_residual < 1e-8


def test_transport_over_short_paths_is_fourier():
    """Free paths of a thousandth of the layer."""
    device = film(path=1e-3, length=1.0, layer=0.25, cells=16)
    state = modulated(device, 1e-3)
    law = modulated(device, 1e-3, phonon.HarmonicFourier())
    assert abs(float(law.phase)) > 30
    np.testing.assert_allclose(state.impedance, law.impedance, rtol=5e-3)


@pytest.mark.slow
def test_slow_modulation_is_steady():
    state = modulated(film(), 1e-7)
    still = steady(film(), phonon.DiscreteOrdinates(**COARSE, paths=2))
    np.testing.assert_allclose(state.amplitude * 0.3, still.temperature.mean() - 1, rtol=1e-5)
    half = 0.5 * still.entropy_production
    np.testing.assert_allclose(state.entropy_production, half, rtol=1e-5)
    np.testing.assert_allclose(state.phase, 0, atol=1e-3)


@pytest.mark.slow
def test_response_is_that_of_time():
    """From that to a step, s: Z is its end less i w times the transform of what is missing."""
    frequency, end, count = 0.15, 24.0, 241
    method = phonon.ImplicitOrdinates(**COARSE, steps=2)
    step = evolve(film(), method, times=jnp.linspace(0, end, count))
    rise, time = np.asarray(step.energy) / 0.3, np.asarray(step.time)
    a, b, c = rise[120], rise[180], rise[240]  # late, one exponential is left
    final = (a * c - b**2) / (a + c - 2 * b)
    decay = np.log((final - b) / (final - c)) / (time[240] - time[180])
    missing = (final - rise) * np.exp(-2j * np.pi * frequency * time)
    simpson = np.ones(count)
    simpson[1:-1:2], simpson[2:-1:2] = 4, 2
    integral = np.sum(simpson * missing) * end / (count - 1) / 3
    integral = integral + missing[-1] / (decay + 2j * np.pi * frequency)
    state = modulated(film(), frequency)
    expected = final - 2j * np.pi * frequency * integral
    np.testing.assert_allclose(state.impedance, expected, rtol=1e-4)
    assert float(state.phase) < -30
    assert state.conservation_residual < 1e-8


def parts(parameters):
    path, capacity, frequency = parameters
    void = phonon.Box(name="void", center=jnp.asarray([0.2, 0.2]), size=jnp.asarray([0.2, 0.2]))
    device = film(path, capacity, periodic=(), voids=(void,), walls="elastic")
    method = phonon.HarmonicOrdinates(**COARSE, tolerance=1e-12)
    state = steady(phonon.ModulatedDevice(device=device, frequency=frequency), method, throw=False)
    return jnp.stack([state.in_phase, state.out_of_phase, state.entropy_production])


@pytest.mark.slow
def test_gradients():
    at = jnp.asarray([0.8, 1.3, 0.1])
    exact = jax.jit(jax.jacrev(parts))(at)
    compiled = jax.jit(parts)
    for row, index in np.ndindex(exact.shape):
        expected = slope(
            lambda x, row=row, index=index: compiled(at.at[index].set(x))[row], at[index], 2e-3
        )
        np.testing.assert_allclose(exact[row, index], expected, rtol=1e-6, atol=1e-9)


def test_pulses_add_up():
    """An exponential response: the pulses of the past are a geometric series."""
    rate, repetition, frequency, harmonics = 0.7, 1.0, 0.03, 20_000
    delay = np.asarray([0.1, 0.4, 0.9])
    orders = np.arange(-harmonics, harmonics + 1)
    at = 2j * np.pi * (frequency + orders * repetition)
    signal = phonon.tdtr_signal(jnp.asarray(1 / (rate + at)), repetition, jnp.asarray(delay))
    factor = np.exp(-(rate + 2j * np.pi * frequency) / repetition)
    exact = np.exp(-(rate + 2j * np.pi * frequency) * delay) / (1 - factor) / repetition
    np.testing.assert_allclose(signal, exact, rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match="odd number"):
        phonon.tdtr_signal(jnp.ones(4, complex), repetition, jnp.asarray(delay))


def test_misuse_is_told():
    with pytest.raises(ValueError, match="probe = 1 of 1 heaters"):
        phonon.ModulatedDevice(device=film(), frequency=1.0, probe=1)
