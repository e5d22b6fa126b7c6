"""Phonons followed through devices: against films, ordinates, and their own statistics."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import phonon, run, simulate, steady
from jaxneq.statistics import EnsembleAverage

pytestmark = pytest.mark.optimised  # the same bits in blocks and chunks

KEY = jax.random.key(5)
BANDS = phonon.PhononBands.from_modes(
    heat_capacity=jnp.asarray([1.0, 0.5, 0.4]),
    group_velocity=jnp.asarray([1.0, 2.0, 0.5]),
    relaxation_time=jnp.asarray([0.3, 1.0, 4.0]),
    temperature=1.0,
)
GRAY = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
MANY = phonon.DeviationalMonteCarlo(replicas=1024, batches=8)
FEW = phonon.DeviationalMonteCarlo(replicas=32, batches=4)


def contact(name, side, temperature, **span):
    return phonon.Contact(name=name, side=side, temperature=temperature, **span)


def heater(power, center, size):
    box = phonon.Box(name="box", center=jnp.asarray(center), size=jnp.asarray(size))
    return phonon.Heater(name="heater", shape=box, power=power)


def slab(length=1.0, hot=1.1, power=0.0, **changes):
    """A film between contacts, of height 1 along y, where it repeats itself."""
    fields = {
        "material": BANDS,
        "size": jnp.stack([jnp.asarray(length), jnp.ones(())]),
        "length_unit": 1.0,
        "temperature": 1.0,
        "contacts": (contact("hot", "left", hot), contact("cold", "right", 1.0)),
        "heaters": (heater(power, [length / 2, 0.5], [length, 1.0]),) if power else (),
        "periodic": ("y",),
        "cells": {"x": 8, "y": 1},
    }
    return phonon.Device(**fields | changes)


@pytest.fixture(scope="module")
def sampled():
    return eqx.filter_jit(lambda system, method, key: simulate(system, method, key=key))


def agree(found, exact, error):
    """Within 5 standard errors; these are a part `error` of the largest value, or less."""
    stderr = np.broadcast_to(found.stderr, np.shape(found.value))
    known = stderr > 0
    assert np.all(np.abs(np.asarray(found.value) - np.asarray(exact))[known] <= 5 * stderr[known])
    assert np.max(stderr) <= error * np.max(np.abs(exact))


@pytest.mark.parametrize(
    "length",
    [pytest.param(0.01, marks=pytest.mark.slow), 1.0, pytest.param(3.0, marks=pytest.mark.slow)],
)
def test_conductance_of_slabs(sampled, length):
    found = sampled(slab(length), MANY, KEY)
    film = steady(phonon.CrossPlaneFilm(material=BANDS, thickness=length, temperature=1.0))
    agree(found.conductance, film.conductivity / length, 5e-3)
    assert found.conservation_residual < 1e-12  # what one contact gives, the other gets
    flux, force = found.fluxes, found.forces
    produced = sum(float(jnp.sum(flux[name] * force[name])) for name in flux)
    np.testing.assert_allclose(found.entropy_production.value, produced, rtol=1e-12)


@pytest.mark.slow
def test_fields_of_a_slab(sampled):
    """All maps, against ordinates on the same cells."""
    found = sampled(slab(), MANY, KEY)
    exact = steady(slab(), phonon.DiscreteOrdinates(angles=6, polar_angles=12))
    agree(found.temperature, exact.temperature, 5e-4)
    agree(found.pseudotemperature, exact.pseudotemperature, 5e-4)
    agree(found.heat_flux_field, exact.heat_flux_field, 2e-2)


def test_heated_slab(sampled):
    """All that is born comes from the heater, and the contacts take it."""
    found = sampled(slab(hot=1.0, power=0.3, material=GRAY), MANY, KEY)
    film = steady(phonon.HeatedFilm(material=GRAY, thickness=1.0, heat_source=0.3, temperature=1.0))
    mean = found.temperature.value.mean() - 1
    np.testing.assert_allclose(mean, film.mean_temperature_rise, rtol=1e-2)
    np.testing.assert_allclose(found.contact_heat.value.sum(), -0.3, rtol=1e-12)
    agree(found.contact_heat, [-0.15, -0.15], 5e-3)
    # the pseudo-temperature is above that of the energy by the power times tau / C
    agree(found.heater_rise, [float(film.mean_temperature_rise) + 0.3], 5e-3)


def pierced(material, walls, cells=12):
    """Two contacts, one on part of a side, a heater and a void."""
    return phonon.Device(
        material=material,
        size=jnp.asarray([1.2, 1.0]),
        length_unit=1.0,
        temperature=1.0,
        contacts=(
            contact("hot", "left", 1.1, start=jnp.asarray([0.5])),
            contact("cold", "bottom", 1.0),
        ),
        heaters=(heater(0.1, [0.8, 0.7], [0.4, 0.2]),),
        voids=(
            phonon.Box(name="void", center=jnp.asarray([0.4, 0.4]), size=jnp.asarray([0.4, 0.2])),
        ),
        cells={"x": cells, "y": cells * 5 // 6},
        walls=walls,
    )


@pytest.mark.slow
@pytest.mark.parametrize("walls", ["elastic", "thermalising"])
def test_a_void_and_a_heater_against_ordinates(sampled, walls):
    system = pierced(BANDS, walls)
    exact = steady(pierced(BANDS, walls, 24), phonon.DiscreteOrdinates(angles=8, polar_angles=6))
    found = sampled(system, dataclasses.replace(MANY, replicas=2048, batches=16), KEY)
    agree(found.contact_heat, exact.contact_heat, 5e-3)
    agree(found.heater_rise, exact.heater_rise, 5e-3)
    assert found.conservation_residual < 1e-4
    coarse = exact.temperature.reshape(12, 2, -1, 2).mean(axis=(1, 3))
    inside = np.asarray(found.solid)[..., 0] > 0
    rest = jax.tree.map(lambda each: each[..., 0][inside], found.temperature)
    agree(rest, coarse[inside], 2e-3)


@pytest.mark.slow
def test_a_heated_block_against_ordinates(sampled):
    """Cells of 4 along a side are those of the tallies; ordinates need more: 7e-3 off with 4."""
    cube = phonon.Device(
        material=BANDS,
        size=jnp.asarray([1.0, 0.8, 0.6]),
        length_unit=1.0,
        temperature=1.0,
        contacts=(contact("sink", "front", 1.0),),
        heaters=(heater(0.1, [0.5, 0.4, 0.45], [0.5, 0.4, 0.3]),),
        walls="thermalising",
    )
    found = sampled(cube, dataclasses.replace(MANY, replicas=128, cells=4), KEY)
    exact = steady(cube, phonon.DiscreteOrdinates(cells=8, angles=3))
    agree(found.heater_rise, exact.heater_rise, 3e-3)
    assert found.conservation_residual < 1e-12


@pytest.mark.slow
def test_error_bars_are_honest():
    """z over independent keys has unit variance, within 4 standard errors of it."""
    system = slab(1.0, material=GRAY)
    film = phonon.CrossPlaneFilm(material=system.material, thickness=1.0, temperature=1.0)
    exact = steady(film).conductivity
    method = phonon.DeviationalMonteCarlo(replicas=16, batches=8)
    score = lambda key: simulate(system, method, key=key).conductance.z_score(exact)  # noqa: E731
    scores = jax.jit(jax.vmap(score))(jax.random.split(KEY, 100))
    assert abs(scores.mean()) < 4 / np.sqrt(100)
    assert scores.var() - 1 < 4 * np.sqrt(2 / 100)


def test_run_in_chunks_has_the_same_bits():
    """Also observables, whose mean is the heat from the contacts."""
    system, steps = slab(), []
    plan = {"key": KEY, "observables": (EnsembleAverage("own", lambda heat: heat),)}
    whole = simulate(system, FEW, **plan)
    chunked = run(
        system, FEW, chunk_duration=1e-5, progress=lambda done, total: steps.append(done), **plan
    )
    assert len(steps) > 2 and steps[-1] == FEW.batches
    for first, second in zip(jax.tree.leaves(whole), jax.tree.leaves(chunked), strict=True):
        np.testing.assert_array_equal(first, second)
    own = whole.observables["own"]
    np.testing.assert_allclose(own.value, whole.contact_heat.value, rtol=1e-12)


@pytest.mark.slow
def test_float32(sampled):
    film = steady(phonon.CrossPlaneFilm(material=BANDS, thickness=1.0, temperature=1.0))
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), slab())
    found = sampled(single, MANY, KEY).conductance
    assert found.value.dtype == jnp.float32
    agree(found, float(film.conductivity), 5e-3)


def test_phonons_that_are_given_up_are_told():
    system, short = slab(5.0), dataclasses.replace(FEW, max_steps=20)
    found = simulate(system, short, key=KEY, throw=False)
    assert found.truncation > 1e-2
    assert str(found.status) == "not_conserved"
    with pytest.warns(UserWarning, match="raise `max_steps`"):
        simulate(system, dataclasses.replace(FEW, max_steps=400, replicas=256), key=KEY)


def test_derivatives_are_refused():
    with pytest.raises(ValueError, match="Differentiate DiscreteOrdinates"):
        jax.grad(lambda hot: simulate(slab(hot=hot), FEW, key=KEY).conductance.value)(1.1)


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (phonon.DeviationalMonteCarlo(batches=1), "no error bar"),
        (phonon.DeviationalMonteCarlo(replicas=1 << 22), "can be counted"),
    ],
)
def test_misuse(method, words):
    with pytest.raises(ValueError, match=words):
        simulate(slab(), method, key=KEY)
