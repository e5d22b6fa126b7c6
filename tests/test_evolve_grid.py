"""Structures and devices in time: gratings against the closed form, devices against their ends."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import evolve, phonon, steady


def gray(path=1.0, capacity=1.0):
    return phonon.GrayMaterial(heat_capacity=capacity, group_velocity=1.0, mean_free_path=path)


def grating(reach, cells):
    """A wavenumber of 1 and a relaxation time of `reach`."""
    return phonon.PeriodicStructure(
        material=gray(reach),
        period=2 * np.pi,
        sides=jnp.asarray([1.0, 0.1]),
        temperature=1.0,
        cells=(("x", cells), ("y", 1)),
        walls="thermalising",
    )


@functools.cache
def signal(cells, angles, polar_angles, steps, count):
    """The amplitude at so many times."""
    method = phonon.ImplicitOrdinates(
        angles=angles, polar_angles=polar_angles, steps=steps, start=phonon.CosineRise()
    )

    @jax.jit
    def found(reach, times):
        answer = evolve(grating(reach, cells), method, times=times * reach, throw=False)
        return answer.amplitude, answer.amplitude_error, answer.status.code

    return found


def extrapolated(reach, times, cells, angles, polar_angles, steps, finer=1):
    """From two meshes, of second order; the finer one also in `finer` steps."""
    both = []
    for each, more in ((cells, 1), (2 * cells, finer)):
        found = signal(each, angles, polar_angles, more * steps, len(times))
        amplitude, _, code = found(jnp.asarray(reach), jnp.asarray(times))
        assert code == 0
        both.append(amplitude)
    return np.asarray((4 * both[1] - both[0]) / 3)


@pytest.mark.slow
def test_grating_is_that_of_the_closed_form():
    """Times in relaxation times; `LaplaceInversion` is beside it at others."""
    times = [0.5, 1.0, 3.0]
    found = extrapolated(1.0, times, 24, 3, 4, 8)
    medium = phonon.TransientGrating(material=gray(), period=2 * np.pi, temperature=1.0)
    exact = evolve(medium, times=times).temperature
    np.testing.assert_allclose(exact[1:], [0.8825007674403158, 0.48230532127546966], rtol=1e-9)
    np.testing.assert_allclose(found, exact, rtol=0, atol=4e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reach", "times", "exact", "mesh"),
    [
        # the amplitude of the temperature after a pulse, by the integral over pole and cut
        (0.1, [30.0, 100.0, 300.0], [0.907799004950012, 0.7187646372149348, 0.368861937868318],
         (48, 4, 6, 16)),
        (1.0, [1.0, 3.0, 6.5, 10.0], [0.8825007674403158, 0.48230532127546966, None,
                                      0.039405397760374716], (48, 4, 6, 16)),
        (10.0, [0.1, 0.3, 1.0, 3.0], [0.8465057440336423, None, None, -0.0017526309424064938],
         (32, 8, 6, 16)),
        # phonons have gone 10 radians by then: steps as fine as cells
        (10.0, [0.1, 0.3, 0.65, 1.0], [0.8465057440336423, 0.11567976456482482, None,
                                       -0.00794557581540972], (32, 8, 8, 10, 2)),
    ],
)  # fmt: skip
def test_gratings_from_diffusive_to_ballistic(reach, times, exact, mesh):
    found = extrapolated(reach, times, *mesh)
    known = [k for k, value in enumerate(exact) if value is not None]
    expected = [exact[k] for k in known]
    np.testing.assert_allclose(found[known], expected, rtol=0, atol=1e-4)


def film(path=1.0, capacity=1.0, hot=1.1, power=0.3, **changes):
    """A film between contacts, heated from time 0 on, which repeats itself along y."""
    box = phonon.Box(name="box", center=jnp.asarray([0.5, 0.5]), size=jnp.ones(2))
    fields = {
        "material": gray(path, capacity),
        "size": jnp.ones(2),
        "length_unit": 1.0,
        "temperature": 1.0,
        "contacts": (
            phonon.Contact(name="hot", side="left", temperature=hot),
            phonon.Contact(name="cold", side="right", temperature=1.0),
        ),
        "heaters": (phonon.Heater(name="heater", shape=box, power=power),),
        "periodic": ("y",),
        "cells": {"x": 4, "y": 1},
        "walls": "thermalising",
    }
    return phonon.Device(**fields | changes)


COARSE = {"angles": 1, "polar_angles": 2}
STEPS = phonon.ImplicitOrdinates(**COARSE, steps=4)


@functools.cache
def followed():
    return jax.jit(lambda device, times: evolve(device, STEPS, times=times, throw=False))


@pytest.mark.slow
def test_late_state_is_the_steady_one():
    late = followed()(film(), jnp.asarray([40.0, 0.0, 0.5, 20.0, 1.0]))  # in any order
    ordinates = phonon.DiscreteOrdinates(**COARSE, paths=2)
    state = steady(film(), ordinates)
    np.testing.assert_allclose(late.peak_temperature[0], state.peak_temperature, rtol=1e-6)
    np.testing.assert_allclose(late.contact_heat[:, 0], state.contact_heat, rtol=1e-6)
    np.testing.assert_allclose(late.heater_rise[:, 0], state.heater_rise, rtol=1e-6)
    np.testing.assert_allclose(late.entropy_production[0], state.entropy_production, rtol=1e-6)
    np.testing.assert_allclose(late.temperature, late.temperatures[-1])
    # at time 0 the film is cold, and the pseudo-temperature is what the source does to collisions
    np.testing.assert_allclose(late.temperatures[1], 1.0, atol=1e-6)
    np.testing.assert_allclose(late.heater_rise[0, 1], 0.3, rtol=1e-6)
    assert late.conservation_residual < 1e-10
    flux, force = late.fluxes, late.forces
    produced = flux["relaxation"] * force["relaxation"]
    for name in ("contacts", "heaters"):
        produced = produced + np.sum(flux[name] * force[name], axis=0)
    np.testing.assert_allclose(late.entropy_production, produced, rtol=1e-12)
    assert np.all(late.entropy_production > 0)


def test_second_order_in_the_steps():
    """More times, more steps: intervals of no length count nothing."""
    found, half = [], []
    for used in (1, 2, 4):
        times = jnp.asarray([min((k + 1) / used, 1.0) for k in range(5)])
        state = followed()(film(hot=1.0), times)
        found.append(state.energy[-1])
        half.append(state.peak_error[-1])
    ratio = (found[0] - found[1]) / (found[1] - found[2])
    assert 3.5 < ratio < 4.6
    assert 3.2 < half[0] / half[1] < 4.8 and 3.5 < half[1] / half[2] < 4.6


def test_energy_of_a_pulse():
    """What the heater gave is what is held, before the first phonons reach the contacts."""
    pulse = phonon.GaussianPulse(center=0.5, width=0.1)
    shape = phonon.Box(name="spot", center=jnp.asarray([0.5, 0.5]), size=jnp.asarray([0.5, 1.0]))
    heater = phonon.Heater(name="heater", shape=shape, power=0.3, waveform=pulse)
    device = film(hot=1.0, heaters=(heater,), cells={"x": 4, "y": 1})
    state = followed()(device, jnp.linspace(0.2, 1.0, 5))
    given = 0.3 * 0.1 * np.sqrt(2 * np.pi)
    np.testing.assert_allclose(state.heater_power[0, 2], 0.3 * np.exp(-0.5), rtol=0.7)
    taken = np.trapezoid(np.asarray(state.contact_heat).sum(axis=0), state.time)
    np.testing.assert_allclose(state.energy[-1] - taken, given, rtol=5e-2)
    assert state.conservation_residual < 1e-9


PARAMETERS = jnp.asarray([0.8, 1.3, 1.1, 0.3])
EXACT = phonon.ImplicitOrdinates(**COARSE, steps=2, tolerance=1e-12)


def outcome(parameters):
    path, capacity, hot, power = parameters
    void = phonon.Box(name="void", center=jnp.asarray([0.2, 0.2]), size=jnp.asarray([0.2, 0.2]))
    device = film(path, capacity, hot, power, periodic=(), voids=(void,), walls="elastic")
    state = evolve(device, EXACT, times=jnp.asarray([0.4, 1.0]), throw=False)
    return jnp.stack([state.energy[1], state.contact_heat[1, 1], state.entropy_production[0]])


@pytest.mark.slow
def test_gradients():
    exact = jax.jit(jax.jacrev(outcome))(PARAMETERS)
    compiled = jax.jit(outcome)
    for row, index in np.ndindex(exact.shape):
        expected = slope(
            lambda x, row=row, index=index: compiled(PARAMETERS.at[index].set(x))[row],
            PARAMETERS[index],
            2e-3,
        )
        np.testing.assert_allclose(exact[row, index], expected, rtol=1e-6, atol=1e-9)


def test_misuse_is_told():
    with pytest.raises(ValueError, match="steps = 3 is odd"):
        phonon.ImplicitOrdinates(steps=3)
    cell = grating(1.0, 4)
    with pytest.raises(ValueError, match="nothing drives"):
        evolve(cell, times=[1.0])
    with pytest.raises(ValueError, match="of the shape"):
        evolve(cell, times=[1.0], initial=jnp.ones(3))
    with pytest.raises(ValueError, match="start and initial"):
        evolve(
            cell,
            phonon.ImplicitOrdinates(start=phonon.CosineRise()),
            times=[1.0],
            initial=jnp.ones((4, 1)),
        )
    with pytest.raises(ValueError, match="the distribution takes"):
        evolve(grating(1.0, 10**8), times=[1.0])
    with pytest.raises(ValueError, match="axis = 'z'"):
        evolve(cell, phonon.ImplicitOrdinates(start=phonon.CosineRise(axis="z")), times=[1.0])
