"""Phonons followed through structures: against closed forms, ordinates, and their statistics."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import phonon, run, simulate, steady
from jaxneq.statistics import EnsembleAverage

KEY = jax.random.key(3)
GRAY = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
BANDS = phonon.PhononBands.from_modes(
    heat_capacity=jnp.asarray([1.0, 0.5, 0.4]),
    group_velocity=jnp.asarray([1.0, 2.0, 0.5]),
    relaxation_time=jnp.asarray([0.3, 1.0, 4.0]),
    temperature=1.0,
)
MANY = phonon.DeviationalMonteCarlo(replicas=4096, batches=16, memory=64, cells=4)
FEW = phonon.DeviationalMonteCarlo(replicas=64, batches=6, memory=8, cells=2)


def box(*size):
    center = jnp.full(len(size), 0.5)
    return phonon.Box(name="pore", center=center, size=jnp.asarray(size))


def structure(period, *voids, **changes):
    fields = {"material": GRAY, "temperature": 1.0, "temperature_difference": 0.1}
    return phonon.PeriodicStructure(period=period, voids=voids, **(fields | changes))


@pytest.fixture(scope="module")
def sampled():
    return eqx.filter_jit(lambda system, method, key: simulate(system, method, key=key))


def agree(found, exact, error):
    assert abs(float(found.z_score(exact))) <= 5
    assert float(found.stderr) <= error * float(exact)


def test_bulk_is_exact(sampled):
    found = sampled(structure(0.3, material=BANDS), FEW, KEY)
    np.testing.assert_allclose(found.conductivity.value, found.bulk_conductivity, rtol=1e-13)
    product = found.fluxes["heat"] * found.forces["heat"]
    np.testing.assert_allclose(found.entropy_production.value, product, rtol=1e-13)


@pytest.mark.parametrize("walls", ["elastic", "thermalising"])
def test_films(sampled, walls):
    """Films along the gradient, of Fuchs and Sondheimer; their walls stay at the mean temperature."""
    for period in (0.1, 1.0, 10.0):
        system = structure(period, box(1.0, 0.5), material=BANDS, walls=walls)
        film = phonon.InPlaneFilm(material=BANDS, thickness=period / 2, temperature=1.0)
        found = sampled(system, MANY, KEY)
        agree(found.conductivity, steady(film).conductivity / 2, 1e-2)


def test_square_wires(sampled):
    """Three dimensions: wires along the gradient, voids around them."""
    voids = (
        phonon.Box(name=name, center=jnp.asarray([0.5, *at]), size=jnp.asarray([1.0, *size]))
        for name, at, size in (
            ("beside", (0.75, 0.5), (0.5, 1.0)),
            ("above", (0.25, 0.75), (0.5, 0.5)),
        )
    )
    system = structure(2.0, *voids, dimensions=3)
    wire = phonon.RectangularWire(material=GRAY, width=1.0, height=1.0, temperature=1.0)
    found = sampled(system, eqx.tree_at(lambda m: m.cells, MANY, 2), KEY)
    agree(found.conductivity, steady(wire).conductivity / 4, 5e-3)
