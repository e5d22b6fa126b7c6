"""Devices: contacts and heaters in a box, by transport and by Fourier's law."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import phonon, steady
from jaxneq._kernels import sweep
from jaxneq.phonon._frames import frames, free_paths, rays
from jaxneq.phonon._grid_ordinates import grid_ordinates

GRAY = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
ORDINATES = phonon.DiscreteOrdinates(angles=4, polar_angles=6)
COARSE = phonon.DiscreteOrdinates(angles=1, polar_angles=2, tolerance=1e-12)
FOURIER = phonon.Fourier(tolerance=1e-13)


def contact(name, side, temperature, **span):
    return phonon.Contact(name=name, side=side, temperature=temperature, **span)


def heater(power=0.3, center=(0.5, 0.5), size=(1.0, 1.0)):
    box = phonon.Box(name="box", center=jnp.stack(center), size=jnp.asarray(size))
    return phonon.Heater(name="heater", shape=box, power=power)


def slab(length=1.0, hot=1.1, power=0.0, **changes):
    """A film between contacts, of height 1 along y, where it repeats itself."""
    fields = {
        "material": GRAY,
        "size": jnp.asarray([length, 1.0]),
        "length_unit": 1.0,
        "temperature": 1.0,
        "contacts": (contact("hot", "left", hot), contact("cold", "right", 1.0)),
        "heaters": (heater(power, (length / 2, 0.5), (length, 1.0)),),
        "periodic": ("y",),
        "cells": {"x": 16, "y": 2},
        "walls": "thermalising",
    }
    return phonon.Device(**fields | changes)


def film_of(problem, beams):
    """The heat from the hot contact and the pseudo-temperatures, in one dimension.

    The same cells, and the same rays by their reach along x: half of the octants run to each side.
    """
    width, dimensions = problem.width[0], problem.dimensions
    places = [frame.axes.index(0) for frame in frames(problem.cells, problem.mirrored)]
    reach = jnp.stack([beams.reach[place].ravel() for place in places])
    weight = 2 ** (dimensions - 1) * reach * beams.emission.ravel()[None]
    corner = (0,) * (dimensions - 1)

    def balance(temperature):
        ends = jnp.stack([problem.reservoir[(0, *corner, 0, 0)] - temperature[0], -temperature[-1]])
        entering = jnp.ones((2, *reach.shape)) * ends[:, None, None]
        nodes = temperature.reshape(-1, 2)
        power, leaving = sweep.balance(nodes, entering, width, reach, weight)
        return power.ravel(), jnp.sum(weight * (entering[0] - leaving[1]))

    at_rest, slopes = balance(jnp.zeros(2 * width.size)), jax.jacfwd(balance)
    matrix = slopes(jnp.zeros(2 * width.size))[0]
    source = jnp.repeat(problem.source[(slice(None), *corner)] * width / 2, 2)
    temperature = jnp.linalg.solve(matrix, source - at_rest[0])
    return balance(temperature)[1], temperature


@pytest.mark.parametrize(("length", "power"), [(0.01, 0.0), (1.0, 0.0), (100.0, 0.0), (1.0, 0.3)])
def test_slab_is_that_of_one_dimension(length, power):
    device = slab(length, 1.1 if power == 0 else 1.0, power)
    state = steady(device, ORDINATES)
    problem = device.problem(0)
    heat, pseudo = film_of(problem, rays(problem, 4, free_paths(problem, 6)))
    np.testing.assert_allclose(state.contact_heat[0], heat, rtol=1e-6)
    found = np.asarray(state.pseudotemperature)[:, 0, 0] - 1
    np.testing.assert_allclose(found, pseudo.reshape(-1, 2).mean(axis=1), rtol=1e-6, atol=1e-9)
    if power:
        film = steady(
            phonon.HeatedFilm(material=GRAY, thickness=1.0, heat_source=power, temperature=1.0)
        )
        np.testing.assert_allclose(
            state.temperature.mean() - 1, film.mean_temperature_rise, rtol=5e-3
        )
    else:
        film = steady(phonon.CrossPlaneFilm(material=GRAY, thickness=length, temperature=1.0))
        np.testing.assert_allclose(
            state.contact_heat[0] * length / 0.1, film.conductivity, rtol=2e-3
        )
    assert state.conservation_residual < 1e-9
    flux, force = state.fluxes, state.forces
    produced = sum(float(jnp.sum(flux[name] * force[name])) for name in flux)
    np.testing.assert_allclose(state.entropy_production, produced, rtol=1e-12)
    assert produced > 0


def test_fourier_in_a_slab():
    found = steady(slab(2.0, heaters=()), FOURIER)
    np.testing.assert_allclose(found.conductance, 1 / 6, rtol=1e-11)
    np.testing.assert_allclose(found.contact_heat, [1 / 60, -1 / 60], rtol=1e-11)
    np.testing.assert_allclose(found.heat_flux_field[..., 0], 1 / 60, rtol=1e-10)
    # a parabola, q / 2 k x (l - x), less what the mean over a cell leaves out; 0.1 / 3 W/m added
    heated = steady(slab(2.0, hot=1.0, power=0.1), FOURIER)
    np.testing.assert_allclose(heated.peak_temperature - 1, 0.05 * 3 / 2, rtol=1e-2)
    np.testing.assert_allclose(heated.contact_heat, [-0.05, -0.05], rtol=1e-10)


def test_fourier_around_holes():
    """Maxwell's formula for cylinders, (1 - p) / (1 + p), at small porosity p."""
    hole = phonon.Circle(name="hole", center=jnp.asarray([0.5, 0.5]), radius=0.2)
    holes = phonon.PeriodicStructure(
        material=GRAY, period=1.0, voids=(hole,), temperature=1.0, temperature_difference=0.1
    )
    found = steady(holes, phonon.Fourier(cells=60))
    p = found.porosity
    np.testing.assert_allclose(found.conductivity * 3, (1 - p) / (1 + p), rtol=1e-2)
    assert found.suppression is None and found.conductivity_by_band is None


def device(parameters):
    """Two contacts, one of them on part of a side, a heater and a void."""
    length, hot, power, place = parameters
    return phonon.Device(
        material=GRAY,
        size=jnp.stack([length, jnp.ones(())]),
        length_unit=1.0,
        temperature=1.0,
        contacts=(
            contact("hot", "left", hot, start=jnp.asarray([0.5])),
            contact("cold", "bottom", 1.0),
        ),
        heaters=(heater(power, (place, jnp.asarray(0.6)), (0.3, 0.3)),),
        voids=(
            phonon.Box(name="void", center=jnp.asarray([0.3, 0.3]), size=jnp.asarray([0.2, 0.2])),
        ),
        cells=(("x", 5), ("y", 4)),
        walls="thermalising",
    )


PARAMETERS = jnp.asarray([1.06, 1.2, 0.3, 0.66])


def answers(parameters, method):
    found = steady(device(parameters), method, throw=False)
    some = jnp.stack([found.peak_temperature, found.entropy_production])
    return jnp.concatenate([some, found.contact_heat, found.heater_rise])


def stationary(parameters):
    problem = device(parameters).problem(0)
    paths = free_paths(problem, 2)
    return grid_ordinates(problem, 1, paths, jnp.asarray(1e-12), 200).dissipation.ravel()


def compare_gradients(function):
    exact = jax.jit(jax.jacrev(function))(PARAMETERS)
    compiled = jax.jit(function)

    def entry(row, index, value):
        return compiled(PARAMETERS.at[index].set(value))[row]

    for row, index in np.ndindex(exact.shape):
        expected = slope(partial(entry, row, index), PARAMETERS[index], 2e-3)
        np.testing.assert_allclose(exact[row, index], expected, rtol=1e-6, atol=1e-9)


def test_gradients_by_fourier():
    compare_gradients(lambda p: answers(p, FOURIER))


@pytest.mark.slow
@pytest.mark.parametrize("function", [lambda p: answers(p, COARSE), stationary])
def test_gradients_by_ordinates(function):
    compare_gradients(function)


@pytest.mark.slow
def test_slab_in_three_dimensions():
    cube = slab(size=jnp.ones(3), periodic=("y", "z"), cells={"x": 4, "y": 2, "z": 2}, heaters=())
    found = steady(cube, phonon.DiscreteOrdinates(angles=2))
    problem = cube.problem(0)
    heat, pseudo = film_of(problem, rays(problem, 2, free_paths(problem, 1)))
    np.testing.assert_allclose(found.contact_heat, [heat, -heat], rtol=1e-6)
    by_cell = pseudo.reshape(-1, 2).mean(axis=1) + 1
    np.testing.assert_allclose(found.pseudotemperature[:, 0, 0], by_cell, rtol=1e-6)


def test_what_holds_no_cell_is_told():
    narrow = contact("cold", "right", 1.0, start=jnp.asarray([0.5]), stop=jnp.asarray([0.5001]))
    lost = slab(contacts=(contact("hot", "left", 1.1), narrow), periodic=(), heaters=())
    status = steady(lost, FOURIER, throw=False).status
    assert str(status) == "unresolved"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"contacts": ()}, "there are no contacts"),
        ({"hot": 1.0, "heaters": ()}, "nothing is driven"),
        ({"periodic": ("x",)}, "contact 'hot' has side = 'left'"),
        ({"periodic": ("z",)}, "periodic = 'z'"),
        ({"size": jnp.ones(4)}, "4 lengths"),
        ({"size": jnp.ones(3), "cells": 0}, "heater is no shape in 3 dimensions"),
        ({"cells": {"x": 4, "z": 4}}, "cells name other axes"),
    ],
)
def test_bad_input_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        slab(**changes)
