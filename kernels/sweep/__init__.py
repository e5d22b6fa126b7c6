r"""The transport sweep through a slab: free flight along rays with relaxation to a local state.

Along every ray, with reach :math:`\ell = \mu\Lambda` (the mean free path projected on the axis),

.. math:: \pm\ell\,\frac{d\psi_\pm}{dx} = T(x) - \psi_\pm

in lumped linear discontinuous Galerkin cells: two nodes a cell, upwind faces, mass lumped at the
nodes. The scheme keeps the diffusion limit (cells much thicker than the mean free path), and what
leaves a cell is positive where the temperatures are (Adams, Nucl. Sci. Eng. 137, 298, 2001).

Everything is written for the departure :math:`\delta = \psi - T`, which is small where the medium
is thick: the distribution is never subtracted from the temperature that it nearly equals. What is
left is the difference of the temperatures of neighbouring nodes, which limits float32 to films of
up to some 1e4 mean free paths. The rays are the trailing axes; of the distribution, one cell is
held at a time.

`cells` is the same in two and three dimensions, for boxes of cells with walls between some; with
one node a cell it is the step scheme.
`reference` says the same plainly, cell by cell in :math:`\psi`.
"""

import jax
import jax.numpy as jnp
import numpy as np

from .._registry import Operation
from . import reference
from .cells import Fields as Fields
from .cells import Swept as Swept
from .cells import lower as lower
from .cells import row_transfer as row_transfer
from .cells import through_cells as through_cells
from .cells import turned as turned
from .cells import upper as upper
from .scan import Moments as Moments
from .scan import balance as balance
from .scan import distribution as distribution
from .scan import moments as moments
from .scan import optical_depth as optical_depth


def _example():
    """Thick and thin cells along few rays; from a numbered generator, so always the same."""
    random = np.random.default_rng(0)
    cells, rays = 5, (3, 2)
    temperature, entering = random.normal(size=(cells, 2)), random.normal(size=(2, *rays))
    width, reach = random.uniform(0.05, 0.3, cells), 10.0 ** random.uniform(-3, 2, rays)
    weight = random.uniform(0.1, 1, rays)
    return tuple(map(jnp.asarray, (temperature, entering, width, reach, weight)))


def _bands():
    random = np.random.default_rng(1)
    cells, bands, angles = 4, 3, 2
    emission, entering = (
        random.normal(size=(cells, 2, bands)),
        random.normal(size=(2, bands, angles)),
    )
    width, reach = random.uniform(0.05, 0.3, cells), 10.0 ** random.uniform(-2, 1, (cells, 3, 2))
    return tuple(map(jnp.asarray, (emission, entering, width, reach)))


def _boxes():
    """Cells of different widths, with walls between some, periodic along both axes."""
    random = np.random.default_rng(2)
    cells, octants, rays = (3, 2), 4, (2, 3)
    source = random.normal(size=(*cells, 2, 4, octants))
    transmission = random.choice([0.0, 0.4, 1.0], size=(*cells, 2, octants))
    wall = random.normal(size=(*cells, 2, 2, octants, rays[0]))
    width = tuple(random.uniform(0.1, 0.5, (count, octants)) for count in cells)
    reach = 10.0 ** random.uniform(-2, 0.3, (2, *rays))
    weight = random.uniform(0.1, 1, (*rays, 3))
    arrays = (source, transmission, wall, width, reach, weight)
    return jax.tree.map(jnp.asarray, arrays)


def _around(source, transmission, wall, width, reach, weight, **more):
    """`through_cells` in a box that is periodic along all axes."""
    more |= {"periodic": (True,) * len(width), "tolerance": 1e-12}
    return through_cells(Fields(source, transmission, wall), width, reach, weight, **more)


def cell_moments(*box):
    """The moments of `through_cells` in a box that is periodic along all axes."""
    return _around(*box).moments


def cell_squares(*box):
    """The squares there."""
    return _around(*box, squares=True).squares


def _steps():
    """Cells of one node, with walls between some."""
    random = np.random.default_rng(4)
    cells, octants, rays = 3, 4, (2, 3)
    source = random.normal(size=(cells, cells, 2, 1, octants))
    transmission = random.choice([0.0, 0.4, 1.0], size=(cells, cells, 2, octants))
    wall = random.normal(size=(cells, cells, 2, 1, octants, rays[0]))
    width = random.uniform(0.1, 0.5, (2, cells, octants))
    reach = 10.0 ** random.uniform(-2, 0.3, (2, *rays))
    weight = random.uniform(0.1, 1, (*rays, 3))
    return tuple(map(jnp.asarray, (source, transmission, wall, width, reach, weight)))


def step_moments(source, transmission, wall, width, reach, weight):
    """The moments of `through_cells` where cells have one node and rows are periodic."""
    fields, periodic = Fields(source, transmission, wall), (False, True)
    return through_cells(fields, tuple(width), reach, weight, periodic=periodic).moments


def _lagging_boxes():
    """The same with rays that lag, by complex numbers."""
    random = np.random.default_rng(3)
    source, transmission, wall, width, reach, weight = jax.tree.map(np.asarray, _boxes())
    behind = random.normal(size=(*source.shape[:2], *source.shape[3:]))
    memory = random.normal(size=(*behind.shape, *reach.shape[1:]))
    late = 1j * 10.0 ** random.uniform(-1, 1, reach.shape[1:])
    arrays = (source, transmission, wall, width, reach / (1 + late), weight)
    return jax.tree.map(
        lambda array: jnp.asarray(array, complex), (*arrays, late / (1 + late), behind, memory)
    )


def lagging_cells(source, transmission, wall, width, reach, weight, lag, behind, memory):
    """Moments and departures of rays that lag, in a box that is periodic along all axes."""
    periodic = (True,) * len(width)
    fields = Fields(source, transmission, wall, behind=behind, memory=memory)
    rest = {"periodic": periodic, "lag": lag}
    first = through_cells(fields, width, reach, weight, tolerance=1e-12, **rest)
    again = through_cells(fields, width, reach, weight, first.left, keep=True, **rest)
    return again.moments, again.kept


OPERATIONS = (
    Operation("sweep.balance", balance, reference.balance, _example, 1e-10, True),
    Operation(
        "sweep.optical_depth",
        optical_depth,
        reference.optical_depth,
        lambda: _example()[2:4],
        1e-10,
        True,
    ),
    Operation("sweep.cell_moments", cell_moments, reference.cell_moments, _boxes, 1e-9, False),
    Operation("sweep.cell_squares", cell_squares, reference.cell_squares, _boxes, 1e-9, False),
    Operation(
        "sweep.lagging_cells", lagging_cells, reference.lagging_cells, _lagging_boxes, 1e-9, False
    ),
    Operation("sweep.step_moments", step_moments, reference.step_moments, _steps, 1e-10, True),
    Operation("sweep.distribution", distribution, reference.departures, _bands, 1e-10, True),
)
