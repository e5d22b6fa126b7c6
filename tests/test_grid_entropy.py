"""Where structures and devices make entropy: in collisions, at walls and contacts, by the mesh."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope
from test_device import GRAY, PARAMETERS, contact, device, film_of, heater, slab

from jaxneq import phonon, steady
from jaxneq._kernels import sweep
from jaxneq.phonon._frames import frames, free_paths, rays

COARSE = phonon.DiscreteOrdinates(cells=6, angles=2, polar_angles=2, tolerance=1e-12)
PARTS = ("bulk", "walls", "mesh")


def parts_of(solution):
    names = [*PARTS, *(["contacts"] if isinstance(solution, phonon.DeviceSolution) else [])]
    return jnp.stack([getattr(solution, f"entropy_production_{name}") for name in names])


def check(solution, cell_volume):
    """All parts are positive and make up flux times force; the field is that of collisions."""
    parts = np.asarray(parts_of(solution))
    assert np.all(parts > 0)
    flux, force = solution.fluxes, solution.forces
    product = sum(float(jnp.sum(flux[name] * force[name])) for name in flux)
    np.testing.assert_allclose(parts.sum(), product, rtol=1e-9)
    field = np.asarray(solution.entropy_production_density)
    solid = np.asarray(solution.solid) > 0
    assert np.all(field[solid] > 0) and np.all(field[~solid] == 0)
    np.testing.assert_allclose(np.sum(field * cell_volume), parts[0], rtol=1e-12)


def volumes(solution):
    sides = [np.diff(np.asarray(getattr(solution, f"{axis}_face"))) for axis in "xy"]
    return np.multiply.outer(*sides)[..., None]


def structure(**changes):
    pore = phonon.Box(name="pore", center=jnp.asarray([0.4, 0.5]), size=jnp.asarray([0.4, 0.3]))
    fields = {"material": GRAY, "period": 0.7, "temperature": 1.3, "voids": (pore,)}
    return phonon.PeriodicStructure(**fields | {"temperature_difference": 0.1} | changes)


@pytest.mark.parametrize("walls", ["elastic", "thermalising"])
def test_parts_around_a_pore(walls):
    bands = phonon.GrayMaterial(heat_capacity=2.0, group_velocity=3.0, mean_free_path=0.4)
    found = steady(structure(walls=walls, material=bands), COARSE)
    volume = volumes(found)
    check(found, volume / volume.sum())


def test_parts_between_cells_that_are_filled_partly():
    filled = jnp.asarray(np.random.default_rng(3).uniform(0.2, 1, (4, 4)))
    found = steady(structure(voids=(), density=filled), COARSE)
    volume = volumes(found)
    check(found, volume / volume.sum())


def test_parts_in_a_device():
    found = steady(device(PARAMETERS), COARSE)
    check(found, volumes(found))


def test_parts_with_an_interface():
    slow = phonon.GrayMaterial(heat_capacity=2.0, group_velocity=0.7, mean_free_path=0.2)
    shape = phonon.Box(name="block", center=jnp.full(2, 0.5), size=jnp.full(2, 0.5))
    whole = phonon.Device(
        material=GRAY,
        size=jnp.ones(2),
        length_unit=1.0,
        temperature=1.0,
        contacts=(contact("hot", "left", 1.1), contact("cold", "bottom", 1.0)),
        regions=(phonon.Region(name="block", material=slow, shape=shape),),
        interface=phonon.GivenTransmission(transmission=0.3),
    )
    found = steady(whole, COARSE)
    check(found, volumes(found))


@pytest.mark.slow
def test_parts_in_three_dimensions():
    void = phonon.Box(name="void", center=jnp.asarray([0.2, 0.5, 0.5]), size=jnp.full(3, 0.4))
    box = phonon.Device(
        material=GRAY,
        size=jnp.ones(3),
        length_unit=1.0,
        temperature=1.0,
        contacts=(contact("hot", "left", 1.1), contact("cold", "top", 1.0)),
        heaters=(heater(0.1, tuple(jnp.full(3, 0.5)), (1.0, 1.0, 0.5)),),
        voids=(void,),
        cells=(("x", 4), ("y", 4), ("z", 3)),
    )
    found = steady(box, phonon.DiscreteOrdinates(angles=1, tolerance=1e-12))
    volume = volumes(found) * np.diff(np.asarray(found.z_face))
    check(found, volume)


@pytest.mark.slow
def test_slab_is_that_of_one_dimension():
    """Cell by cell what collisions and jumps make, and what contacts do."""
    bar = slab(1.0, 1.1)
    found = steady(bar, COARSE)
    problem = bar.problem(0)
    beams = rays(problem, 2, free_paths(problem, 2))
    _, temperature = film_of(problem, beams)
    places = [frame.axes.index(0) for frame in frames(problem.cells, problem.mirrored)]
    reach = jnp.stack([beams.reach[place].ravel() for place in places])
    weight = 2 * reach * beams.emission.ravel()[None]
    nodes = temperature.reshape(-1, 2)
    ends = jnp.stack([0.1 - nodes[0, 0], -nodes[-1, 1]])
    entering = jnp.ones((2, *reach.shape)) * ends[:, None, None]
    made = sweep.moments(nodes, entering, problem.width[0], reach, weight, weight).dissipation
    mesh = found.entropy_production_mesh
    np.testing.assert_allclose(found.entropy_production_bulk + mesh, made.sum(), rtol=1e-9)
    field = np.asarray(found.entropy_production_density)[:, 0, 0] / 16
    assert np.all(field < made)
    np.testing.assert_allclose(np.sum(made - field), mesh, rtol=1e-6)
    heat = found.contact_heat[0] * 0.1
    np.testing.assert_allclose(found.entropy_production_contacts, heat - made.sum(), rtol=1e-9)


@pytest.mark.slow
def test_gradients_of_the_parts():
    function = jax.jit(lambda p: parts_of(steady(device(p), COARSE, throw=False)))
    toward = jnp.asarray([0.3, 0.2, -0.4, 0.1])
    _, exact = jax.jit(lambda p: jax.jvp(function, (p,), (toward,)))(PARAMETERS)

    def entry(index, along):
        return function(PARAMETERS + along * toward)[index]

    for index, value in enumerate(exact):
        np.testing.assert_allclose(value, slope(partial(entry, index), 0.0, 2e-3), rtol=1e-6)
