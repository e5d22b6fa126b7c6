"""Layouts found by their gradient: pores of a given tensor, posts that cool a hot strip."""

from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import config, phonon, steady

CONFIGS = Path(__file__).parents[1] / "configs" / "design"


def run(name):
    return config.execute(config.load(CONFIGS / name)).quantities


@pytest.mark.slow
@pytest.mark.parametrize(("name", "cells"), [("pores.toml", 48), ("pores_fine.toml", 256)])
def test_pores_of_a_tensor(name, cells):
    found = run(name)
    tensor = found["conductivity_tensor"].values
    errors = [float(found[f"{by}_error"].values) for by in ("cell", "angle", "path")]
    np.testing.assert_allclose(tensor, np.diag([20.0, 10.0]), atol=0.6)
    np.testing.assert_allclose(tensor, tensor.T, atol=1e-3)
    assert 0 < sum(errors) < 0.1
    assert found["solid"].values.shape == (cells, cells, 1)
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
