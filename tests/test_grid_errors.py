"""Errors of answers on grids: estimates against the error that finer solves tell."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_device import GRAY, slab

from jaxneq import phonon, steady

METHOD = phonon.DiscreteOrdinates(cells=8, angles=4, polar_angles=2, paths=2, errors="estimated")


def pores(period):
    pore = phonon.Box(name="pore", center=jnp.full(2, 0.5), size=jnp.full(2, 0.5))
    return phonon.PeriodicStructure(
        material=phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0),
        period=period,
        temperature=1.0,
        voids=(pore,),
        walls="thermalising",
    )


@pytest.mark.parametrize(
    ("changes", "system", "words"),
    [
        ({}, phonon.CrossPlaneFilm(material=GRAY, thickness=1.0), "Leave errors out"),
        ({}, slab(cells={"x": 1, "y": 1}), "Give more"),
        ({"cells": 3}, pores(1.0), "with half as many: 2 cells along x cannot hold void 'pore'"),
        ({}, phonon.PeriodicStructure(GRAY, 1.0, density=jnp.ones((3, 3))), "refinement = 2"),
    ],
)
def test_what_has_no_errors_is_refused(changes, system, words):
    method = phonon.DiscreteOrdinates(errors="estimated", **changes)
    with pytest.raises(ValueError, match=words):
        steady(system, method)


@pytest.mark.slow
def test_estimates_are_near_the_errors():
    """Against 32 cells, 16 angles and 8 polar angles and paths, one after the other."""

    def answers(period):
        found = steady(pores(period), METHOD, throw=False)
        return jnp.stack([found.cell_error, found.angle_error, found.path_error, found.answer])

    estimate, compiled = jax.jit(answers), []
    for finer in ({"cells": 32}, {"angles": 16}, {"polar_angles": 8, "paths": 8}):
        fields = {"cells": 8, "angles": 4, "polar_angles": 2, "paths": 2} | finer
        method = phonon.DiscreteOrdinates(**fields)
        compiled.append(
            jax.jit(lambda x, method=method: steady(pores(x), method, throw=False).conductivity)
        )
    for period in (0.3, 3.0, 30.0):
        *errors, value = np.asarray(estimate(period))
        for found, fine in zip(errors, compiled, strict=True):
            ratio = found / abs(fine(period) / value - 1)
            assert 1 / 3 < ratio < 3, (period, found, ratio)
