"""Sheets of atoms: phonons whose directions lie in a plane."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope
from scipy.integrate import quad

from jaxneq import config, materials, phonon, report, steady

SHEET = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0, dimensions=2)
CONFIGS = Path(__file__).parents[1] / "configs"


def ribbon(length, material=SHEET, **changes):
    """Between contacts, with mirrors for edges."""
    fields = {
        "material": material,
        "size": jnp.stack([length, jnp.ones(())]),
        "length_unit": 1.0,
        "temperature": 1.0,
        "contacts": (
            phonon.Contact(name="hot", side="left", temperature=1.1),
            phonon.Contact(name="cold", side="right", temperature=1.0),
        ),
        "periodic": ("y",),
        "cells": {"x": 40, "y": 1},
    }
    return phonon.Device(**fields | changes)


@pytest.fixture(scope="module")
def conductivity():
    method = phonon.DiscreteOrdinates(angles=12)
    return jax.jit(lambda length: steady(ribbon(length), method).conductivity)


def bickley(order, x):
    """Ki_n, the integral of cos^(n-1) exp(-x / cos) from 0 to pi / 2."""
    point, weight = np.polynomial.legendre.leggauss(400)
    angle, weight = np.pi / 4 * (point + 1), np.pi / 4 * weight
    cosine = np.cos(angle)
    return np.exp(-np.asarray(x)[..., None] / cosine) @ (weight * cosine ** (order - 1))


def exact(length, cells=400):
    """kappa over C v from the integral equation with kernel K_0 / pi, averaged over cells.

    theta = [Ki_1(x) + int K_0(|x - x'|) theta(x') dx'] / pi between walls at 1 and 0, where
    Ki_2'' = Ki_0 = K_0; q = C v / pi [1 - int Ki_1(x) theta(x) dx].
    """
    face = np.linspace(0, length, cells + 1)
    width = length / cells
    ki2 = bickley(2, face)
    # means over pairs of cells: second differences of Ki_2, with the kink at 0 in the diagonal
    second = np.append(ki2, bickley(2, np.asarray([length + width])))
    far = second[2:] - 2 * second[1:-1] + second[:-2]
    exchange = np.append(2 * (width * np.pi / 2 + ki2[1] - ki2[0]), far[: cells - 1])
    place = np.abs(np.arange(cells)[:, None] - np.arange(cells)[None])
    given = -np.diff(ki2)  # the integral of Ki_1 over each cell
    theta = np.linalg.solve(np.pi * width * np.eye(cells) - exchange[place], given)
    return length / np.pi * (1 - given @ theta)


@pytest.mark.parametrize("length", [0.1, 1.0, 10.0])
def test_ribbon_is_that_of_the_integral_equation(conductivity, length):
    np.testing.assert_allclose(conductivity(jnp.asarray(length)), exact(length), rtol=1e-3)


def test_limits_of_ribbons(conductivity):
    """C v L / pi where nothing scatters, C v path / 2 where all does."""
    np.testing.assert_allclose(conductivity(jnp.asarray(1e-4)), 1e-4 / np.pi, rtol=1e-3)
    np.testing.assert_allclose(conductivity(jnp.asarray(1e4)), 0.5, rtol=1e-3)
    np.testing.assert_allclose(SHEET.bulk_conductivity(1.0), 0.5, rtol=1e-12)
    by_fourier = steady(ribbon(jnp.asarray(2.0)), phonon.Fourier(tolerance=1e-12))
    np.testing.assert_allclose(by_fourier.conductivity, 0.5, rtol=1e-10)


@pytest.mark.slow
def test_gradient(conductivity):
    derivative = jax.grad(conductivity)(jnp.asarray(1.0))
    np.testing.assert_allclose(derivative, slope(conductivity, jnp.asarray(1.0)), rtol=1e-6)


def test_rough_edges():
    """Fuchs in the plane, for edges one mean free path apart."""

    def kept(angle):
        sine = np.sin(angle)
        return np.cos(angle) ** 2 * (1 - sine * (1 - np.exp(-1 / sine)))

    share = 4 / np.pi * quad(kept, 0, np.pi / 2, epsabs=1e-12)[0]
    rough = phonon.PeriodicStructure(
        material=SHEET, period=1.0, temperature=1.0, confined=("y",), cells={"x": 1, "y": 40}
    )
    found = steady(rough, phonon.DiscreteOrdinates(angles=12))
    np.testing.assert_allclose(found.conductivity / found.bulk_conductivity, share, rtol=2e-3)
    np.testing.assert_allclose(found.knudsen_number, 1.0, rtol=1e-12)


def test_misuse():
    for refused in (
        lambda: phonon.CrossPlaneFilm(material=SHEET, thickness=1.0),
        lambda: phonon.InPlaneFilm(material=SHEET, thickness=1.0, specularity=0.0),
        lambda: phonon.TransientGrating(material=SHEET, period=1.0),
        lambda: phonon.PeriodicStructure(material=SHEET, period=1.0, dimensions=3),
        lambda: phonon.DeviationalMonteCarlo().check(ribbon(jnp.asarray(1.0))),
    ):
        with pytest.raises(ValueError, match="the material is planar"):
            refused()


def test_graphene_on_a_substrate():
    """The ballistic conductance per area and the conductivity that its numbers come from."""
    graphene = materials.model("Graphene-gray")
    ballistic = graphene.heat_capacity * graphene.group_velocity / np.pi
    np.testing.assert_allclose(ballistic, 4.2e9, rtol=1e-2)
    np.testing.assert_allclose(graphene.bulk_conductivity(), 660, rtol=1e-2)


@pytest.mark.slow
def test_job():
    result = config.execute(
        config.load(
            CONFIGS / "graphene_ribbon.toml", ["method.angles=2", "system.cells={x=8, y=1}"]
        )
    )
    found, length = (result.quantities[n].values for n in ("conductivity", "x_face"))
    length = length[:, -1]
    np.testing.assert_allclose(found[0] / length[0], 4.2e9, rtol=0.1)
    np.testing.assert_allclose(found[-1], 660, rtol=0.05)
    assert report.figure(result).axes
