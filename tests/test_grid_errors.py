"""Errors of answers on grids: estimates against the error that finer solves tell."""

import jax.numpy as jnp
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
        ({"angles": 1}, slab(), "Give more than one"),
        ({}, phonon.PeriodicStructure(GRAY, 1.0, density=jnp.ones((3, 3))), "Leave errors out"),
    ],
)
def test_what_has_no_errors_is_refused(changes, system, words):
    method = phonon.DiscreteOrdinates(errors="estimated", **changes)
    with pytest.raises(ValueError, match=words):
        steady(system, method)
