"""Meshes that lose a void or a gap are told, by name before a solve and by the status after."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import phonon, simulate, steady
from jaxneq.phonon._grid import mesh

GRAY = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
FOURIER = phonon.Fourier(cells=4)
ORDINATES = phonon.DiscreteOrdinates(cells=4, angles=1, polar_angles=2)
SAMPLED = phonon.DeviationalMonteCarlo(cells=4, replicas=16, batches=2, memory=4)


def box(name, center, size):
    return phonon.Box(name=name, center=jnp.asarray(center), size=jnp.asarray(size))


def structure(*voids):
    return phonon.PeriodicStructure(
        material=GRAY, period=1.0, voids=voids, temperature=1.0, temperature_difference=0.1
    )


def device(*voids):
    return phonon.Device(
        material=GRAY,
        size=jnp.ones(2),
        length_unit=1.0,
        temperature=1.0,
        contacts=(
            phonon.Contact(name="hot", side="left", temperature=1.1),
            phonon.Contact(name="cold", side="right", temperature=1.0),
        ),
        voids=voids,
    )


THIN = box("slit", [0.5, 0.5], [0.06, 0.5])  # about the middle, where 5 cells have none
PAIR = (box("low", [0.35, 0.5], [0.25, 0.5]), box("high", [0.65, 0.5], [0.25, 0.5]))
WIDE = box("wide", [0.5, 0.5], [0.94, 0.5])  # leaves 0.03 at each side
DOT = phonon.Circle(name="dot", center=jnp.asarray([0.5, 0.5]), radius=0.02)


def solve(system, method):
    if isinstance(method, phonon.DeviationalMonteCarlo):
        return simulate(system, method, key=jax.random.key(0))
    return steady(system, method)


@pytest.mark.parametrize("method", [FOURIER, ORDINATES, SAMPLED])
@pytest.mark.parametrize("system", [structure, device])
def test_a_lost_void_is_named(system, method):
    words = "4 cells along x cannot hold void 'slit'.*at least 5 there"
    with pytest.raises(ValueError, match=words):
        solve(system(THIN), method)


@pytest.mark.parametrize(
    ("voids", "words"),
    [
        (PAIR, "cannot hold a gap between voids.*at least 5 there"),
        ((WIDE,), "cannot hold void 'wide'.*at least 17 there"),
        ((DOT,), "'dot' holds the middle of none of 4 x 4 cells"),
    ],
)
def test_what_else_is_lost(voids, words):
    with pytest.raises(ValueError, match=words):
        steady(structure(*voids), FOURIER)


@pytest.mark.parametrize("system", [structure, device])
def test_the_advice_is_good(system):
    enough = phonon.Fourier(cells=5)
    found = steady(system(THIN), enough)
    assert str(found.status) == "success"
    problem = system(THIN).problem(5)
    np.testing.assert_allclose(jnp.sum(problem.volume * (1 - problem.solid)), 0.03, rtol=1e-12)


def test_where_values_are_not_known_the_status_tells():
    def status(width, method=FOURIER):
        void = box("slit", [0.5, 0.5], jnp.stack([width, jnp.asarray(0.5)]))
        return steady(structure(void), method).status

    found = jax.vmap(status)(jnp.asarray([0.06, 0.5]))
    assert str(found) == "success (1), unresolved (1)"

    def sampled(width):
        void = box("slit", [0.5, 0.5], jnp.stack([width, jnp.asarray(0.5)]))
        return simulate(structure(void), SAMPLED, key=jax.random.key(0)).status

    assert str(jax.vmap(sampled)(jnp.asarray([0.06, 0.5]))) == "success (1), unresolved (1)"


def test_ends_stay_where_they_are():
    """An edge next to an end takes the face of the end no more."""
    faces = mesh(jnp.asarray([0.05, 0.97]), jnp.asarray(1.0), 4)
    np.testing.assert_allclose(faces[jnp.asarray([0, -1])], [0.0, 1.0])
    assert np.all(np.diff(faces) > 0)
