"""Conduction by multigrid: symmetric and positive, and no slower on finer meshes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import phonon
from jaxneq._core import conjugate_gradients
from jaxneq.phonon._grid_diffusion import Diffusion
from jaxneq.phonon._multigrid import Multigrid

GRAY = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)


def structure(**changes):
    return phonon.PeriodicStructure(GRAY, period=1.0, temperature=1.0, **changes)


def layout(cells):
    """Densities of high contrast, some cells void, the same pattern on any mesh."""
    rough = 10.0 ** np.random.default_rng(1).uniform(-3, 0, (8, 8))
    rough[2:4, 3:6] = 0
    return jnp.asarray(np.kron(rough, np.ones((cells // 8, cells // 8))))


def powers(diffusion):
    """Random ones that add up to nothing, where there is something."""
    shape = diffusion.diagonal.shape
    there = np.broadcast_to(diffusion.problem.solid[..., None], shape)
    random = np.random.default_rng(0).normal(size=shape) * there
    return jnp.asarray(there * (random - random.sum() / there.sum()))


def steps(diffusion, inverse):
    """How many of conjugate gradients, for a residual of 1e-8."""
    power = powers(diffusion)

    def run(inverse):
        found, stats = conjugate_gradients(
            lambda flat: diffusion(flat.reshape(power.shape)).ravel(),
            power.ravel(),
            lambda flat: inverse(flat.reshape(power.shape)).ravel(),
            jnp.asarray(1e-8),
            10_000,
        )
        return found, stats.iterations

    return int(jax.jit(lambda: run(inverse))()[1])


@pytest.mark.parametrize(
    "shape", [(11, 9), (4, 7, 5)], ids=["odd numbers of cells", "three dimensions"]
)
def test_the_inverse_is_symmetric_and_positive(shape):
    middle, size = jnp.full(len(shape), 0.5), jnp.full(len(shape), 0.4)
    hole = phonon.Box(name="hole", center=middle, size=size)
    system = structure(voids=(hole,), dimensions=len(shape))
    inverse = Multigrid(Diffusion(system.problem(shape)))
    assert len(inverse.grids) > 0
    nodes = inverse.diagonal.shape
    apply = jax.vmap(lambda row: inverse(row.reshape(nodes)).ravel())
    matrix = np.asarray(jax.jit(apply)(jnp.eye(inverse.diagonal.size)))
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12 * np.abs(matrix).max())
    assert np.linalg.eigvalsh(matrix)[0] > 0


def test_solved_is_what_was_asked_for_but_for_a_little_that_is_lost():
    diffusion = Diffusion(structure().problem(16))
    power = powers(diffusion)
    found = Multigrid(diffusion)
    temperature = found.solve(power)
    left = diffusion(temperature) + found.loss * temperature - power
    assert np.linalg.norm(left) <= 1.001e-4 * np.linalg.norm(power)
    lost = np.linalg.norm(found.loss * temperature)
    assert 0 < lost < 1e-4 * np.linalg.norm(power)


def test_finer_meshes_and_higher_contrast_take_no_longer():
    """Where the diagonal alone takes 67, 254, 977 and 9347 steps."""
    even = [Diffusion(structure().problem(cells)) for cells in (16, 64)]
    uneven = [Diffusion(structure(density=layout(cells)).problem(cells)) for cells in (16, 64)]
    few = [steps(each, Multigrid(each)) for each in (*even, *uneven)]
    assert few[1] <= 1.2 * few[0]
    assert max(few) <= 50
