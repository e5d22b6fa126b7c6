"""Devices in single precision, and second derivatives on grids."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import phonon, steady

GRAY = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
METHOD = phonon.DiscreteOrdinates(cells=3, angles=1, polar_angles=2, tolerance=1e-12)


def device(size):
    return phonon.Device(
        material=GRAY,
        size=size,
        length_unit=1.0,
        temperature=1.0,
        contacts=(
            phonon.Contact(name="hot", side="left", temperature=1.1),
            phonon.Contact(name="cold", side="bottom", temperature=1.0),
        ),
        cells=(("x", 3), ("y", 2)),
        walls="thermalising",
    )


def structure(numbers):
    """By the size of its pores and its period."""
    size = jnp.stack([numbers[0], jnp.asarray(1 / 3)])
    pore = phonon.Box(name="pore", center=jnp.asarray([0.5, 0.5]), size=size)
    return phonon.PeriodicStructure(
        material=GRAY, period=numbers[1], temperature=1.0, voids=(pore,), walls="thermalising"
    )


def conductance(size):
    return steady(device(size), METHOD, throw=False).conductance


def conductivity(numbers):
    return steady(structure(numbers), METHOD, throw=False).conductivity


NUMBERS, DIRECTION = jnp.asarray([0.31, 0.7]), jnp.asarray([0.3, -0.4])


def change(gradient, h=1e-2):
    """Of a gradient along the direction, by differences of fourth order."""

    def central(h):
        return (gradient(NUMBERS + h * DIRECTION) - gradient(NUMBERS - h * DIRECTION)) / (2 * h)

    return (4 * central(h / 2) - central(h)) / 3


def test_device_in_single_precision():
    single = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf,
        device(NUMBERS),
    )
    coarse = phonon.DiscreteOrdinates(angles=1, polar_angles=2)
    found, exact = (steady(each, coarse) for each in (single, device(NUMBERS)))
    assert found.conductance.dtype == found.temperature.dtype == jnp.float32
    np.testing.assert_allclose(found.conductance, exact.conductance, rtol=1e-5)
    np.testing.assert_allclose(found.temperature, exact.temperature, rtol=1e-6)
    assert found.stats["residual"] <= 1e-5


@pytest.mark.slow
def test_hessian_of_a_device_times_a_vector():
    gradient = jax.jit(jax.grad(conductance))
    product = jax.jit(lambda x: jax.jvp(jax.grad(conductance), (x,), (DIRECTION,))[1])(NUMBERS)
    np.testing.assert_allclose(product, change(gradient), rtol=1e-5)


@pytest.mark.slow
def test_second_derivative_of_a_structure():
    """Forward twice; forward over reverse meets a fault of JAX 0.10 where rays go around."""

    def along(x):
        return jax.jvp(conductivity, (x,), (DIRECTION,))[1]

    second = jax.jit(lambda x: jax.jvp(along, (x,), (DIRECTION,))[1])(NUMBERS)
    gradient = jax.jit(jax.grad(conductivity))
    np.testing.assert_allclose(second, change(gradient) @ DIRECTION, rtol=1e-5)
