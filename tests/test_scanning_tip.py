"""Tips that read the temperature of a surface, blurred."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import config, phonon, report, steady
from jaxneq.phonon._grid_transport import node_bits
from jaxneq.phonon._scanning_tip import scanned

GRAY = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
CONFIGS = Path(__file__).parents[1] / "configs"


def tip(radius, **changes):
    return phonon.ScanningTip(radius=radius, points=21, **changes)


def device(of_tip, size=(1.0, 1.0), cells=40, **changes):
    fields = {
        "material": GRAY,
        "size": jnp.asarray(size),
        "length_unit": 1e-6,
        "temperature": 1.0,
        "contacts": (
            phonon.Contact(name="hot", side="left", temperature=1.1),
            phonon.Contact(name="cold", side="right", temperature=1.0),
        ),
        "cells": cells,
        "tip": of_tip,
    }
    return phonon.Device(**fields | changes)


def read(field, of_tip, **changes):
    """What the tip reads of a field of places, in a device without transport."""
    system = device(of_tip, **changes)
    problem = system.problem(0)
    faces = [jnp.pad(jnp.cumsum(width), (1, 0)) for width in problem.width]
    corners = []
    for node in range(1 << problem.dimensions):
        ends = node_bits(problem.dimensions)[:, node]
        at = [face[end : face.size - 1 + end] for face, end in zip(faces, ends, strict=True)]
        corners.append(field(*jnp.meshgrid(*at, indexing="ij")))
    rise = jnp.stack(corners, axis=-1)
    return _scanned(of_tip, problem, rise, jnp.asarray(0.0), jnp.asarray(1.0))


_scanned = eqx.filter_jit(scanned)


INSIDE = slice(6, 15)  # from 0.3 to 0.7


def test_linear_profiles_stay():
    """By Fourier's law, between contacts."""
    found = steady(device(tip(0.05), periodic=("y",)), phonon.Fourier(tolerance=1e-12))
    expected = 1.1 - 0.1 * found.tip_position / 1e-6
    np.testing.assert_allclose(found.surface_temperature[1:-1], expected[1:-1], rtol=1e-9)
    np.testing.assert_allclose(found.tip_temperature[INSIDE], expected[INSIDE], rtol=1e-9)
    # half a Gaussian, where the device ends
    np.testing.assert_allclose(
        found.tip_temperature[0], 1.1 - 0.1 * 0.05 * np.sqrt(2 / np.pi), rtol=1e-9
    )
    np.testing.assert_allclose(found.tip_map[12:28], found.temperature[12:28], rtol=1e-9)


def test_gaussian_of_a_gaussian():
    """Variances add: s / sqrt(s^2 + R^2) exp(-x^2 / 2 (s^2 + R^2)), squared in the plane."""
    s, radius = 0.08, 0.06

    def spot(x, y):
        return jnp.exp(-((x - 0.5) ** 2 + (y - 0.5) ** 2) / (2 * s**2))

    found = read(spot, tip(radius), cells=100)
    x = found["tip_position"] - 0.5
    wide = s**2 + radius**2
    expected = s**2 / wide * np.exp(-(x**2) / (2 * wide))
    np.testing.assert_allclose(found["tip_temperature"][INSIDE], expected[INSIDE], rtol=5e-3)
    at_nodes = np.exp(-(x**2) / (2 * s**2))
    np.testing.assert_allclose(found["surface_temperature"], at_nodes, rtol=1e-5, atol=1e-9)
    sharp = read(spot, tip(1e-5), cells=100)
    np.testing.assert_allclose(sharp["tip_temperature"][INSIDE], at_nodes[INSIDE], rtol=1e-4)


def test_spots_of_periodic_devices_go_around():
    """cos 2 pi y is damped by exp(-2 pi^2 R^2), at every place."""
    found = read(
        lambda _, y: jnp.cos(2 * jnp.pi * y),
        tip(0.1, along="y"),
        cells={"x": 2, "y": 80},
        periodic=("y",),
    )
    expected = np.exp(-2 * np.pi**2 * 0.01) * np.cos(2 * np.pi * found["tip_position"])
    np.testing.assert_allclose(found["tip_temperature"], expected, atol=1e-3)


def test_sides():
    """Over the spot x^2 has the mean p^2 + R^2, and z its own; the side is at y = 1."""
    cube = {"size": (1.0, 1.0, 1.0), "cells": {"x": 60, "y": 2, "z": 6}}

    def reading(radius):
        line = tip(radius, surface="top", along="z", across=0.4)
        return read(lambda x, y, z: (x**2 + z + 1) * y, line, **cube)

    found = reading(0.08)
    expected = 1 + 0.16 + 0.08**2 + found["tip_position"]
    np.testing.assert_allclose(found["tip_temperature"][INSIDE], expected[INSIDE], rtol=1e-4)
    assert "tip_map" not in found

    def middle(radius):
        return reading(radius)["tip_temperature"][10]

    derivative = jax.grad(middle)(0.08)
    np.testing.assert_allclose(derivative, slope(middle, 0.08), rtol=1e-6)
    np.testing.assert_allclose(derivative, 0.16, rtol=1e-3)


def test_what_is_not_there_is_not_read():
    """The mean over the solid half of the spot."""
    void = phonon.Box(name="void", center=jnp.asarray([0.75, 0.5]), size=jnp.asarray([0.5, 1.0]))
    found = read(lambda x, _: x, tip(0.05), voids=(void,), cells=20)
    at_edge = found["tip_temperature"][10]
    np.testing.assert_allclose(at_edge, 0.5 - 0.05 * np.sqrt(2 / np.pi), rtol=1e-9)


def test_misuse():
    with pytest.raises(ValueError, match="not on a device in 2 dimensions"):
        device(tip(0.1, surface="top", along="y"))
    with pytest.raises(ValueError, match="that of a device in two dimensions"):
        device(tip(0.1), size=(1.0, 1.0, 1.0))


def test_job():
    result = config.execute(config.load(CONFIGS / "scanning_tip.toml", ["method.angles=1"]))
    values = {name: data.values for name, data in result.quantities.items()}
    # two lines of heat, which the tip reads as one
    dip = [
        values[name][50] < values[name][40] for name in ("surface_temperature", "tip_temperature")
    ]
    assert dip == [True, False]
    assert values["tip_map"].max() < values["temperature"].max()
    assert [ax.get_ylabel() for ax in report.figure(result).axes].count("y (nm)") >= 2
