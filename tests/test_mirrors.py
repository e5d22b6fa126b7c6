"""Planes of symmetry and surfaces that reflect in part like mirrors, on grids."""

import differences
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import phonon, simulate, steady
from jaxneq.phonon import DiscreteOrdinates, Fourier
from jaxneq.phonon import _exact as exact_forms

GRAY = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)


def strip(specularity, **changes):
    fields = {"material": GRAY, "period": 1.0, "temperature": 1.0, "temperature_difference": 0.1}
    fields |= {"confined": ("y",), "specularity": specularity}
    return phonon.PeriodicStructure(**fields | changes)


@pytest.fixture(scope="module")
def share():
    method = DiscreteOrdinates(cells=16, angles=8, polar_angles=8)

    def conducted(specularity):
        found = steady(strip(specularity), method, throw=False)
        return found.conductivity / found.bulk_conductivity

    return jax.jit(conducted)


@pytest.mark.parametrize("specularity", [0.0, 0.5, 0.9, 1.0])
def test_a_strip_is_a_film(share, specularity):
    film = phonon.InPlaneFilm(
        material=GRAY, thickness=1.0, temperature=1.0, specularity=specularity
    )
    exact = steady(film)
    expected = exact.conductivity / exact.bulk_conductivity  # Fuchs and Sondheimer
    np.testing.assert_allclose(share(specularity), expected, rtol=5e-4)


def test_surfaces_are_diffuse_unless_told(share):
    diffuse = steady(strip(None), DiscreteOrdinates(cells=16, angles=8, polar_angles=8))
    np.testing.assert_allclose(
        diffuse.conductivity / diffuse.bulk_conductivity, share(0.0), rtol=1e-12
    )


def pored(specularity):
    pore = phonon.Box(name="pore", center=jnp.array([0.5, 0.3]), size=jnp.array([0.4, 0.4]))
    method = DiscreteOrdinates(cells=6, angles=2, polar_angles=2)
    return steady(strip(specularity, voids=(pore,)), method, throw=False).conductivity


@pytest.mark.slow
def test_a_mirror_unfolds():
    pore, image = (
        phonon.Box(name=name, center=jnp.array([0.5, y]), size=jnp.array([0.4, 0.4]))
        for name, y in (("pore", 0.3), ("image", 1.7))
    )
    method = DiscreteOrdinates(cells=6, angles=2, polar_angles=2)
    unfolded = {"voids": (pore, image), "sides": jnp.array([1.0, 2.0])}
    unfolded |= {"confined": (), "cells": (("x", 6), ("y", 12))}
    whole = steady(strip(None, **unfolded), method)
    half = steady(strip(1.0, voids=(pore,)), method)
    np.testing.assert_allclose(half.conductivity, whole.conductivity, rtol=1e-9)
    np.testing.assert_allclose(half.temperature, whole.temperature[:, :6], rtol=1e-9)


def test_the_entropy_of_partly_specular_surfaces():
    pore = phonon.Box(name="pore", center=jnp.array([0.5, 0.3]), size=jnp.array([0.4, 0.4]))
    method = DiscreteOrdinates(cells=6, angles=2, polar_angles=2)
    found = steady(strip(0.5, voids=(pore,)), method)
    parts = found.entropy_production_bulk + found.entropy_production_walls
    whole = parts + found.entropy_production_mesh
    np.testing.assert_allclose(whole, found.entropy_production, rtol=1e-9)
    assert parts > 0.8 * whole and found.entropy_production_mesh > 0


def test_sampled_phonons_meet_mirrors():
    sampler = phonon.DeviationalMonteCarlo(cells=2, replicas=4096, batches=12)
    found = simulate(strip(0.5), sampler, key=jax.random.key(1)).conductivity
    exact = exact_forms.IN_PLANE_FILM[1.0, 0.5] / 3  # Fuchs and Sondheimer
    assert found.stderr < 3e-3 * exact
    assert abs(found.value - exact) < 5 * found.stderr


@pytest.mark.slow
def test_the_derivative_by_specularity():
    found = jax.grad(pored)(0.6)
    np.testing.assert_allclose(found, differences.slope(jax.jit(pored), 0.6), rtol=1e-6)


def heated(left, width, half):
    fields = {} if half is None else {"symmetry": (half,)}
    return phonon.Device(
        material=GRAY,
        size=jnp.array([width, 2.0]),
        length_unit=1.0,
        contacts=(phonon.Contact(name="sink", side="bottom", temperature=1.0),),
        heaters=(
            phonon.Heater(
                name="line",
                power=width / 4,
                shape=phonon.Box(
                    name="line",
                    center=jnp.array([left, 1.5]),
                    size=jnp.array([0.5 * width, 0.5]),
                ),
            ),
        ),
        temperature=1.0,
        cells={"x": round(4 * width), "y": 4},
        **fields,
    )


@pytest.mark.parametrize(
    "method",
    [pytest.param(DiscreteOrdinates(angles=3, polar_angles=2), marks=pytest.mark.slow), Fourier()],
)
def test_half_of_a_device_is_the_whole(method):
    whole = steady(heated(1.0, 2.0, None), method)
    right = steady(heated(0.25, 1.0, "left"), method)
    left = steady(heated(0.75, 1.0, "right"), method)
    np.testing.assert_allclose(right.temperature, whole.temperature[4:], rtol=1e-9)
    np.testing.assert_allclose(left.temperature, whole.temperature[:4], rtol=1e-9)
    np.testing.assert_allclose(2 * right.contact_heat, whole.contact_heat, rtol=1e-9)


@pytest.mark.slow
def test_a_wire_of_partly_specular_surfaces():
    wire = phonon.RectangularWire(
        material=GRAY, width=1.0, height=1.0, temperature=1.0, specularity=0.5
    )
    duct = strip(0.5, dimensions=3, confined=("y", "z"))
    found = steady(duct, DiscreteOrdinates(cells=8, angles=4))
    np.testing.assert_allclose(found.conductivity, steady(wire).conductivity, rtol=1e-3)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"confined": ("x",)}, "along the gradient"),
        ({"confined": ("z",)}, "no axis"),
        ({"confined": ()}, "specularity is that of the surfaces"),
        ({"confined": ("x",), "gradient": "all"}, "none"),
    ],
)
def test_refusals(changes, words):
    with pytest.raises(ValueError, match=words):
        strip(0.5, **changes)


def test_a_plane_of_symmetry_is_a_side():
    with pytest.raises(ValueError, match=r"symmetry = 'top.*Give some of"):
        phonon.Device(
            material=GRAY,
            size=jnp.array([1.0, 1.0]),
            contacts=(
                phonon.Contact(name="hot", side="left", temperature=1.1),
                phonon.Contact(name="cold", side="right", temperature=1.0),
            ),
            temperature=1.0,
            periodic=("y",),
            symmetry=("top",),
        )
