"""Order of accuracy on grids, and both limits of the Knudsen number on one grid.

A source :math:`Q\\cos(k\\cdot x)` in a box without walls, periodic along both axes, makes a plane
wave of each ray of reach l, so that with the same rays the pseudo-temperature has the amplitude

.. math:: T = Q \\Big/ \\sum_l e_l \\frac{(k\\cdot l)^2}{1 + (k\\cdot l)^2}.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import phonon, steady
from jaxneq.phonon._fourier import conduct
from jaxneq.phonon._frames import frames, free_paths, rays
from jaxneq.phonon._grid import GridProblem
from jaxneq.phonon._grid_ordinates import grid_ordinates

SIZE = np.array([1.0, 2.0])
WAVE = 2 * np.pi / SIZE  # aslant to the axes
ANGLES, POLAR = 2, 2


def phase(cells):
    """In the middles of the cells."""
    middle = (np.arange(cells) + 0.5) / cells
    return 2 * np.pi * (middle[:, None] + middle[None])


def box(cells, path):
    """Sources as a plane wave, the mean of each cell."""
    width = tuple(jnp.full(cells, size / cells) for size in SIZE)
    source = np.cos(phase(cells)) * np.sinc(1 / cells) ** 2
    shape, one = (cells, cells), jnp.ones(1)
    return GridProblem(
        width=width,
        solid=jnp.ones(shape),
        transmission=jnp.ones((*shape, 2, 2)),
        specular=jnp.zeros((*shape, 2, 2)),
        held=jnp.zeros((*shape, 2, 2)),
        reservoir=jnp.zeros((*shape, 2, 2)),
        source=jnp.asarray(source),
        fall=jnp.zeros((1, 2)),
        mean_free_path=path * one,
        flux_share=one,
        heat_share=one,
        periodic=(True, True),
        mirrored=(False, False),
        elastic=False,
    )


def exact(problem):
    """The amplitude of the pseudo-temperature and, along each axis, of the flux (a sine)."""
    beams = rays(problem, ANGLES, free_paths(problem, POLAR))
    emitted, carried = 0.0, np.zeros(2)
    for frame in frames(problem.cells, problem.mirrored):
        for turned in np.ndindex(2, 2):
            reach = np.asarray(beams.reach) * (1 - 2 * np.array(turned))[:, None, None]
            reach = reach[[frame.axes.index(k) for k in range(2)]]
            depth = np.tensordot(WAVE, reach, axes=1)
            weight = np.asarray(beams.emission)
            emitted += np.sum(weight * depth**2 / (1 + depth**2))
            carried += np.sum(weight * reach * depth / (1 + depth**2), axis=(1, 2))
    return 1 / emitted, carried / emitted


@jax.jit
def solved(problem):
    paths = free_paths(problem, POLAR)
    return grid_ordinates(problem, ANGLES, paths, jnp.asarray(1e-10), 200)


def amplitude(values, shifted=0.0):
    """The cosine in the means of cells, less what the mean leaves of it."""
    cells = values.shape[0]
    wave = np.cos(phase(cells) - shifted) * np.sinc(1 / cells) ** 2
    return np.sum(np.asarray(values) * wave) / np.sum(wave**2)


def errors(cells, path):
    """Of the answer, the temperature and the flux; and what the mesh makes, of all entropy."""
    problem = box(cells, path)
    state = solved(problem)
    temperature, flux = exact(problem)
    released = -float(state.dissipation[0, 0])  # the source times the temperature, in the mean
    pseudo = state.pseudotemperature[0].mean(axis=-1)
    carried = [amplitude(state.flux[0, ..., axis], np.pi / 2) for axis in range(2)]
    made = state.entropy
    whole = float(made.collisions.sum() + made.mesh.sum()) / SIZE.prod()
    np.testing.assert_allclose(whole, released, rtol=1e-8)
    return np.array(
        [
            2 * released / temperature - 1,
            amplitude(pseudo) / temperature - 1,
            *(np.array(carried) / flux - 1),
            float(made.mesh.sum()) / SIZE.prod() / whole,
        ]
    )


@pytest.mark.parametrize("path", [1e-3, 0.1, 1.0])
def test_second_order(path):
    coarse, fine = errors(16, path), errors(32, path)
    order = np.log2(np.abs(coarse / fine))
    np.testing.assert_allclose(order[:2], 2.0, atol=0.1)  # the answer and the temperature
    if path < 1:  # the errors of the fluxes still change sign where free paths are a wave long
        np.testing.assert_allclose(order[2:4], 2.0, atol=0.1)
        assert np.all(np.abs(fine) < 0.025)
    assert 0 < fine[4] < coarse[4] / 2  # what the mesh makes


@pytest.mark.slow
def test_one_grid_for_all_knudsen_numbers():
    """Sixteen cells a wave; in the limit of short free paths also Fourier's law on that grid."""
    for path in 10.0 ** np.arange(-4, 5):
        assert np.all(np.abs(errors(16, path)[:2]) < 0.087), path
    short = box(16, 1e-4)
    law = conduct(short, jnp.asarray(1e-10), 1000).dissipation
    np.testing.assert_allclose(solved(short).dissipation, law, rtol=0.012)


@jax.jit
def channel(path):
    """The conductance of a square between contacts; its other sides are adiabatic and diffuse."""
    gray = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=path)
    square = phonon.Device(
        material=gray,
        size=jnp.ones(2),
        length_unit=1.0,
        temperature=1.0,
        contacts=(
            phonon.Contact(name="hot", side="left", temperature=1.1),
            phonon.Contact(name="cold", side="right", temperature=1.0),
        ),
        walls="thermalising",
    )
    method = phonon.DiscreteOrdinates(cells=8, angles=8, polar_angles=6, paths=6)
    return steady(square, method, throw=False).conductance


@pytest.mark.slow
def test_a_channel_in_both_limits():
    """A. S. Berman, J. Appl. Phys. 36, 3356 (1965): the share that passes between two plates."""
    root = np.sqrt(2.0)
    passed = root / 2 - 1.5 * (1 - np.log(1 + root)) ** 2 / (8 - 5 * root)  # as long as wide
    for path in (1e3, 1e4):
        np.testing.assert_allclose(channel(path), passed / 4, rtol=2e-3)
    for path in (1e-4, 1e-3):  # the contacts add 4 / 3 of a free path, the walls take some
        np.testing.assert_allclose(channel(path), path / 3, rtol=2 * path)
    between = np.array([float(channel(10.0**e)) for e in np.arange(-4, 5)])
    assert np.all(np.diff(between) > 0)
