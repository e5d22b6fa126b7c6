"""Devices whose temperatures are far apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import materials, phonon, steady
from jaxneq.phonon import _bose_einstein
from jaxneq.phonon._frames import all_rays, frames

SILICON = materials.model("Si", nodes=2)
COARSE = phonon.BoseEinsteinNewton(angles=2, polar_angles=2)


def contact(name, side, temperature, **span):
    return phonon.Contact(name=name, side=side, temperature=temperature, **span)


def slab(material, length, hot, cold, **changes):
    """A film between contacts that repeats itself along y."""
    fields = {
        "material": material,
        "size": jnp.asarray([length, length]),
        "length_unit": 1.0,
        "temperature": (hot + cold) / 2,
        "contacts": (contact("hot", "left", hot), contact("cold", "right", cold)),
        "periodic": ("y",),
        "cells": {"x": 6, "y": 1},
    }
    return phonon.Device(**fields | changes)


@pytest.mark.slow
@pytest.mark.parametrize("length", [1e-8, 1e-6])
def test_slab_is_the_film(length, monkeypatch):
    """Silicon between 450 and 150 K; the film with the same cells and directions."""
    device = slab(SILICON, length, 450.0, 150.0)
    found = steady(device, COARSE)
    problem = device.problem(0)
    beams = all_rays(problem, 2, 2)
    places = [frame.axes.index(0) for frame in frames(problem.cells, problem.mirrored)]
    one = beams.reach[:, :1] / problem.mean_free_path[0]  # the first band's, by direction
    cosine = np.concatenate([one[place, 0] for place in places])
    weight = np.concatenate([beams.heat[0]] * 2)
    monkeypatch.setattr(_bose_einstein, "graded_mesh", lambda cells: np.linspace(0, 1, cells + 1))
    monkeypatch.setattr(
        _bose_einstein, "half_range_gauss", lambda _: (cosine, weight / weight.sum())
    )
    film = phonon.CrossPlaneFilm(
        material=SILICON, thickness=length, temperature=300.0, temperature_difference=300.0
    )
    same = steady(film, phonon.BoseEinsteinNewton(cells=6, angles=len(cosine)))
    np.testing.assert_allclose(found.contact_heat[0] / length, same.heat_flux, rtol=1e-8)
    for name in ("temperature", "pseudotemperature"):
        expected = getattr(same, name).reshape(-1, 2).mean(axis=1)
        np.testing.assert_allclose(getattr(found, name)[:, 0, 0], expected, rtol=1e-7)
    np.testing.assert_allclose(
        found.entropy_production / length, same.entropy_production, rtol=1e-7
    )
    linear = steady(device, phonon.DiscreteOrdinates(angles=2, polar_angles=2))
    assert abs(found.conductance / linear.conductance - 1) > 0.01


def transistor(parameters):
    """Silicon above a cold side: a contact on part of another, a heater and a void."""
    length, hot, power = parameters
    box = phonon.Box(name="box", center=jnp.asarray([60.0, 60.0]), size=jnp.asarray([30.0, 30.0]))
    void = phonon.Box(name="void", center=jnp.asarray([30.0, 30.0]), size=jnp.asarray([20.0, 20.0]))
    return phonon.Device(
        material=SILICON,
        size=jnp.stack([length, jnp.full((), 100.0)]),
        depth=1e-6,
        contacts=(
            contact("hot", "left", hot, start=jnp.asarray([50.0])),
            contact("cold", "bottom", 300.0),
        ),
        heaters=(phonon.Heater(name="heater", shape=box, power=power),),
        voids=(void,),
        cells={"x": 5, "y": 4},
    )


@pytest.fixture(scope="module")
def solved():
    """Of length, temperature of the hot contact, power; and tolerance. Compiled once."""

    @jax.jit
    def solve(parameters, tolerance):
        method = phonon.BoseEinsteinNewton(angles=1, polar_angles=2, tolerance=tolerance)
        return steady(transistor(parameters), method)

    return lambda parameters, tolerance=1e-12: solve(parameters, jnp.asarray(tolerance))


POINT = jnp.asarray([105.0, 450.0, 3e-3])


def test_laws(solved):
    found = solved(POINT)
    assert found.status.ok and found.conservation_residual < 1e-10
    np.testing.assert_allclose(found.contact_heat.sum(), -3e-3, rtol=1e-10)
    produced = sum(float(jnp.sum(found.fluxes[name] * found.forces[name])) for name in found.fluxes)
    np.testing.assert_allclose(found.entropy_production, produced, rtol=1e-12)
    assert produced > 0 and found.peak_temperature > 450


def test_small_powers_are_linear(solved):
    small = POINT.at[1:].set(jnp.asarray([300.02, 1e-7]))
    linear = steady(
        transistor(small), phonon.DiscreteOrdinates(angles=1, polar_angles=2, tolerance=1e-12)
    )
    found = solved(small)
    np.testing.assert_allclose(found.contact_heat, linear.contact_heat, rtol=1e-3)
    np.testing.assert_allclose(found.heater_rise, linear.heater_rise, rtol=1e-3)
    np.testing.assert_allclose(found.entropy_production, linear.entropy_production, rtol=1e-3)


@pytest.mark.slow
def test_gradient(solved):
    """By the implicit function theorem, through temperatures of rates and of emission."""

    def answers(parameters):
        found = solved(parameters)
        return jnp.stack([found.peak_temperature, found.contact_heat[0]])

    exact = jax.jit(jax.jacrev(answers))(POINT)
    for row, index in np.ndindex(exact.shape):
        expected = slope(
            lambda scale, row=row, index=index: answers(POINT.at[index].multiply(scale))[row], 1.0
        )
        np.testing.assert_allclose(exact[row, index] * POINT[index], expected, rtol=1e-6)


def test_what_fails_is_told(solved):
    assert str(solved(POINT.at[2].set(0.03), 1e-8).status) == "outside_data"
    assert str(solved(POINT, 1e-30).status) == "stagnation"


def test_misuse():
    with pytest.raises(ValueError, match="exchange energy between frequencies"):
        steady(slab(SILICON, 1.0, 400.0, 300.0, walls="thermalising"), COARSE)
    with pytest.raises(ValueError, match=r"outside \[50, 1000\]"):
        steady(slab(SILICON, 1.0, 1100.0, 300.0), COARSE)
