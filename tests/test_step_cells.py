"""Constant cells: the bulk and a slab in closed form, symmetry, derivatives, conservation."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import config, phonon, report, steady
from jaxneq.phonon._filling import transmission
from jaxneq.phonon._frames import frames, free_paths, rays
from jaxneq.phonon._step_cells import StepTransport, StepUnknown

CONFIGS = Path(__file__).parents[1] / "configs"
GRAY = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
STEP = phonon.DiscreteOrdinates(angles=2, polar_angles=2, cells=6, scheme="step")


def structure(period=1.0, size=(1 / 3, 1 / 3), **changes):
    pore = phonon.Box(name="pore", center=jnp.asarray([0.5, 0.5]), size=jnp.asarray(size))
    fields = {"material": GRAY, "period": period, "temperature": 1.0, "voids": (pore,)}
    fields |= {"temperature_difference": 0.1} | changes
    return phonon.PeriodicStructure(**fields)


def emitted(problem, angles=2, polar_angles=2):
    """What a black side emits per area and temperature: C v / 4 but for the quadrature."""
    beams = rays(problem, angles, free_paths(problem, polar_angles))
    return StepTransport(problem, beams, ()).black.item()


def test_bulk_conducts_too_much_in_proportion_to_the_cells():
    r"""Upwind, a step of temperature from cell to cell adds C v h / 4 to the conductivity."""
    for period in (1.0, 10.0):
        bulk = structure(period, voids=())
        found = steady(bulk, STEP)
        added = period / 6 * emitted(bulk.problem(6))
        np.testing.assert_allclose(added, period / 24, rtol=0.05)
        np.testing.assert_allclose(found.conductivity, 1 / 3 + added, rtol=1e-9)


@pytest.mark.slow
def test_bulk_in_three_dimensions():
    bulk = structure(1.0, voids=(), dimensions=3)
    found = steady(bulk, phonon.DiscreteOrdinates(angles=1, cells=2, scheme="step"))
    added = emitted(bulk.problem(2), 1) / 2
    np.testing.assert_allclose(found.conductivity, found.bulk_conductivity + added, rtol=1e-9)


def slab(cells):
    return phonon.Device(
        material=GRAY,
        size=jnp.asarray([1.0, 1.0]),
        length_unit=1.0,
        temperature=1.0,
        contacts=(
            phonon.Contact(name="hot", side="left", temperature=1.1),
            phonon.Contact(name="cold", side="right", temperature=1.0),
        ),
        periodic=("y",),
        cells=(("x", cells), ("y", 1)),
        walls="thermalising",
    )


def conducted(device):
    """The conductance of a slab of constant cells, ray by ray, with dense matrices."""
    problem = device.problem(0)
    beams, h, count = rays(problem, 2, free_paths(problem, 2)), problem.width[0], problem.cells[0]
    places = [frame.axes.index(0) for frame in frames(problem.cells, problem.mirrored)]
    reach = np.concatenate([np.ravel(beams.reach[place]) for place in places])
    emission = 2 * np.concatenate([np.ravel(beams.emission)] * 2)
    balance, source, out = np.zeros((count, count)), np.zeros(count), np.zeros(count)
    straight = 0.0
    for length, share in zip(reach, emission, strict=True):
        x = length / np.asarray(h)
        solve = np.linalg.inv(np.diag(1 + x) - np.diag(x[1:], -1))
        entered = solve[:, 0] * x[0]
        balance += share * (2 * np.eye(count) - solve - solve[::-1, ::-1])
        source += share * entered
        out += length * share * solve[-1]
        straight += length * share * entered[-1]
    return out @ np.linalg.solve(balance, source) + straight


@pytest.mark.slow
def test_slab_is_that_of_dense_matrices_and_of_first_order():
    fine, finer = (conducted(slab(cells)) for cells in (200, 400))
    exact, errors = 2 * finer - fine, []
    for cells in (6, 12):
        found = steady(slab(cells), STEP)
        np.testing.assert_allclose(found.conductance, conducted(slab(cells)), rtol=1e-8)
        assert found.conservation_residual < 1e-9
        errors.append(float(found.conductance / exact - 1))
    assert 0.9 < np.log2(errors[0] / errors[1]) < 1.1


def test_balance_is_symmetric_and_positive():
    problem = structure(walls="elastic").problem(4)
    filled = jnp.asarray(np.random.default_rng(0).uniform(0.2, 1, problem.cells))
    partly = transmission(filled, problem.width)
    whole = jnp.ones(problem.cells)
    problem = eqx.tree_at(lambda p: (p.transmission, p.solid), problem, (partly, whole))
    transport = StepTransport.of(problem, rays(problem, 1, free_paths(problem, 1)))
    random, shapes = np.random.default_rng(1), transport.zero()
    a, b = (
        StepUnknown(*(jnp.asarray(random.normal(size=part.shape)) for part in shapes))
        for _ in range(2)
    )

    @jax.jit
    def operator(unknown):
        return transport.residual(transport.respond(unknown, tolerance=1e-14))

    def inner(first, second):
        return sum(float(jnp.sum(p * q)) for p, q in zip(first, second, strict=True))

    np.testing.assert_allclose(inner(a, operator(b)), inner(b, operator(a)), rtol=1e-11)
    assert inner(a, operator(a)) > 0


def compare_gradients(function, parameters):
    """Of a function of a vector, along each of its numbers."""
    compiled = jax.jit(function)
    exact = jax.jit(jax.grad(function))(parameters)
    for k, (slope_of, x) in enumerate(zip(exact, parameters, strict=True)):
        expected = slope(lambda x, k=k: compiled(parameters.at[k].set(x)), x, 1e-3 * x)
        np.testing.assert_allclose(slope_of, expected, rtol=1e-6)


@pytest.mark.slow
def test_gradients_by_pore_and_period():
    def conductivity(parameters):
        size, period = parameters
        return steady(structure(period, (size, 1 / 3)), STEP, throw=False).conductivity

    compare_gradients(conductivity, jnp.asarray([0.31, 0.7]))


@pytest.mark.slow
def test_gradients_by_density():
    filled = jnp.asarray(np.random.default_rng(3).uniform(0.2, 1, (3, 3)))

    def conductivity(some):
        fields = {"voids": (), "density": filled.at[0, :2].set(some), "walls": "thermalising"}
        return steady(structure(**fields), STEP, throw=False).conductivity

    compare_gradients(conductivity, filled[0, :2])


@pytest.mark.slow
def test_half_a_device_between_mirrors_is_the_whole():
    def device(half):
        width = 0.5 if half else 1.0
        middle, broad = (0.375, 0.25) if half else (0.5, 0.5)
        heated = phonon.Box(
            name="box", center=jnp.asarray([middle, 0.4]), size=jnp.asarray([broad, 0.4])
        )
        hot = phonon.Heater(name="heater", shape=heated, power=0.1 * width)
        hole = phonon.Box(name="hole", center=jnp.asarray([0.0, 0.7]), size=jnp.asarray([0.5, 0.2]))
        far = phonon.Box(name="far", center=jnp.asarray([1.0, 0.7]), size=jnp.asarray([0.5, 0.2]))
        return phonon.Device(
            material=GRAY,
            size=jnp.asarray([width, 1.0]),
            length_unit=1.0,
            temperature=1.0,
            contacts=(phonon.Contact(name="cold", side="bottom", temperature=1.0),),
            heaters=(hot,),
            voids=(hole,) if half else (hole, far),
            symmetry=("left", "right") if half else (),
            periodic=() if half else ("x",),
            cells=(("x", 4 if half else 8), ("y", 5)),
            walls="thermalising",
        )

    half, whole = (steady(device(half), STEP) for half in (True, False))
    np.testing.assert_allclose(whole.contact_heat, -0.1, rtol=1e-9)
    for kind in ("temperature", "heat_flux_field"):
        np.testing.assert_allclose(
            getattr(whole, kind)[:4], getattr(half, kind), rtol=1e-8, atol=1e-9
        )


def test_map_of_a_job():
    coarse = ("method.cells=6", "method.angles=1", "method.polar_angles=2")
    job = config.load(CONFIGS / "pore_map.toml", (*coarse, "method.scheme='step'"))
    result = config.execute(job)
    tensor = result.quantities["conductivity_tensor"].values
    np.testing.assert_allclose(tensor[0, 1], tensor[1, 0], rtol=0, atol=1e-9 * tensor[0, 0])
    assert tensor[0, 1] > 0.01 * tensor[0, 0]
    assert report.figure(result).axes


def test_slabs_of_one_dimension_have_no_constant_cells():
    film = phonon.CrossPlaneFilm(material=GRAY, thickness=1.0, temperature=1.0)
    with pytest.raises(ValueError, match="scheme = 'step' is for structures and devices"):
        steady(film, STEP)
