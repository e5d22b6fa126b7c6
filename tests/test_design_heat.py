"""Layouts found by their gradient: pores of a given tensor, posts that cool a hot strip."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import config, design, optimize, phonon, steady

CONFIGS = Path(__file__).parents[1] / "configs" / "design"
GRAY = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)


def run(name, *changes):
    text = (CONFIGS / name).read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return config.execute(config.load(text)).quantities


def test_a_tensor_by_fourier():
    """Twice as much along x as along y, found again where the cells are 0 and 1 and half as wide.

    Both lie below the share of the solid, the upper bound of Wiener.
    """
    wanted = jnp.diag(jnp.array([0.14, 0.07]))
    space = design.DensityField(cells=12, radius=1.5, volume=0.6, sharpness=64.0, refinement=2)
    start = space.begin()
    full = phonon.PeriodicStructure(
        GRAY, period=1.0, density=start, temperature=1.0, walls="thermalising", gradient="all"
    )

    def tensor(density):
        system = eqx.tree_at(lambda each: each.density, full, density)
        return steady(system, phonon.Fourier(tolerance=1e-8), throw=False).conductivity_tensor

    def misfit(density):
        return jnp.sum((tensor(density) - wanted) ** 2)

    steps = design.Adam(steps=80, learning_rate=0.1)
    with pytest.warns(UserWarning, match="not proven"):
        best = optimize(misfit, start, steps, space=space, check=True)
    found = jax.jit(tensor)(space.settled(best.design))
    np.testing.assert_allclose(found, wanted, atol=0.05 * 0.14)
    np.testing.assert_allclose(found, found.T, atol=1e-8)
    assert np.all(np.diag(found) < 0.6 / 3)


@pytest.mark.slow
def test_pores_of_a_tensor():
    found = run("pores.toml", ("cells = 24", "cells = 12"), ("radius = 2.0", "radius = 1.5"))
    tensor = found["conductivity_tensor"].values
    errors = [float(found[f"{by}_error"].values) for by in ("cell", "angle", "path")]
    np.testing.assert_allclose(tensor, np.diag([20.0, 10.0]), atol=2.0)
    np.testing.assert_allclose(tensor, tensor.T, atol=1e-3)
    assert 0 < sum(errors) < 0.1
    assert found["solid"].values.shape == (24, 24, 1)
    assert set(np.unique(found["solid"].values)) == {0.0, 1.0}


@pytest.mark.slow
def test_phonons_and_fourier_choose_other_posts():
    """Each layout is the better one by the law that found it, judged on the same cells."""
    layouts, rise = {}, {}
    for law in ("ballistic", "fourier"):
        found = run(f"heat_{law}.toml")
        layouts[law] = found["solid"].values[..., 0]
        rise[law] = float(found["heater_rise"].values[0])
    assert rise["ballistic"] < 0.97 * rise["fourier"]
    job = config.load(CONFIGS / "heat_fourier.toml")
    by_fourier = {
        law: float(
            steady(
                eqx.tree_at(
                    lambda each: each.density,
                    job.system,
                    jnp.asarray(layout),
                    is_leaf=lambda leaf: leaf is None,
                ),
                phonon.Fourier(),
            ).heater_rise[0]
        )
        for law, layout in layouts.items()
    }
    assert by_fourier["fourier"] < by_fourier["ballistic"]
