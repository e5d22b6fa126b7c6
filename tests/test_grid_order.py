"""Order of accuracy on grids, and both limits of the Knudsen number on one grid.

A source :math:`Q\\cos(k\\cdot x)` in a box without walls, periodic along both axes, heats each ray of
reach l by a plane wave, so with the same rays the pseudo-temperature has the amplitude

.. math:: T = Q \\Big/ \\sum_l e_l \\frac{(k\\cdot l)^2}{1 + (k\\cdot l)^2}.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxneq.phonon._fourier import conduct
from jaxneq.phonon._frames import frames, free_paths, rays
from jaxneq.phonon._grid import GridProblem
from jaxneq.phonon._grid_ordinates import grid_ordinates

WAVE = 2 * np.pi * np.array([1.0, 2.0])  # aslant to the axes
ANGLES, POLAR = 2, 2


def box(cells, path):
    """Sources as a plane wave, the mean of each cell."""
    width = (jnp.full(cells, 1 / cells),) * 2
    middle = [(np.arange(cells) + 0.5) / cells] * 2
    phase = WAVE[0] * middle[0][:, None] + WAVE[1] * middle[1][None]
    source = np.cos(phase) * np.prod(np.sinc(WAVE / (2 * np.pi * cells)))
    shape, one = (cells, cells), jnp.ones(1)
    return GridProblem(
        width=width,
        solid=jnp.ones(shape),
        transmission=jnp.ones((*shape, 2, 2)),
        held=jnp.zeros((*shape, 2, 2)),
        reservoir=jnp.zeros((*shape, 2, 2)),
        source=jnp.asarray(source),
        fall=jnp.zeros((1, 2)),
        mean_free_path=path * one,
        flux_share=one,
        heat_share=one,
        periodic=(True, True),
        elastic=False,
    )


def exact(problem):
    """The amplitude of the pseudo-temperature and, along each axis, of the flux (a sine)."""
    beams = rays(problem, ANGLES, free_paths(problem, POLAR))
    emitted, carried = 0.0, np.zeros(2)
    for frame in frames(problem.cells):
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
    middle = (np.arange(cells) + 0.5) / cells
    phase = WAVE[0] * middle[:, None] + WAVE[1] * middle[None] - shifted
    mean = np.prod(np.sinc(WAVE / (2 * np.pi * cells)))
    return 2 * np.mean(np.asarray(values) * np.cos(phase)) / mean


def errors(cells, path):
    """Of the answer, the temperature and the flux; and what the mesh makes, of all entropy."""
    problem = box(cells, path)
    state = solved(problem)
    temperature, flux = exact(problem)
    released = -float(state.dissipation[0, 0])  # the source times the temperature, in the mean
    pseudo = state.pseudotemperature[0].mean(axis=-1)
    carried = [amplitude(state.flux[0, ..., axis], np.pi / 2) for axis in range(2)]
    made = state.entropy
    whole = float(made.collisions.sum() + made.mesh.sum())
    np.testing.assert_allclose(whole, released, rtol=1e-8)
    return np.array(
        [
            2 * released / temperature - 1,
            amplitude(pseudo) / temperature - 1,
            *(np.array(carried) / flux - 1),
            float(made.mesh.sum()) / whole,
        ]
    )


if __name__ == "__main__":
    for path in (1e-3, 0.1, 10.0):
        e = np.array([errors(c, path) for c in (8, 16, 32)])
        print(path)
        print(e)
        print(np.log2(np.abs(e[:-1] / e[1:])))
    for path in 10.0 ** np.arange(-4, 5):
        print(path, errors(8, path), conduct(box(8, path), jnp.asarray(1e-10), 1000).dissipation)
