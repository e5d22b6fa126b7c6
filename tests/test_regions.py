"""Regions of several materials: interfaces against one dimension and closed forms."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import materials, phonon, steady
from jaxneq._kernels import sweep
from jaxneq._kernels.sweep import reference
from jaxneq.phonon import _exact as exact_forms
from jaxneq.phonon._frames import frames, free_paths, rays
from jaxneq.phonon._grid_diffusion import Diffusion
from jaxneq.phonon._grid_transport import Transport, Unknown

FINE = phonon.DiscreteOrdinates(angles=4, polar_angles=6, tolerance=1e-12)
DIFFUSE = phonon.DiffuseMismatch()


def gray(capacity=1.0, velocity=1.0, path=1.0):
    return phonon.GrayMaterial(heat_capacity=capacity, group_velocity=velocity, mean_free_path=path)


FAST, SLOW = gray(), gray(2.0, 0.3, 0.1)


def table(capacity, velocity, path):
    """Bands at three frequencies."""
    capacity, velocity, path = (jnp.asarray(part) for part in (capacity, velocity, path))
    return phonon.PhononBands(
        branch=("LA",) * capacity.size,
        angular_frequency=jnp.linspace(1e12, 3e12, capacity.size),
        group_velocity=velocity,
        relaxation_time=path / velocity,
        spectral_heat_capacity=capacity,
        weight=jnp.ones_like(capacity),
        temperature=1.0,
    )


SPECTRAL = (
    table([0.2, 0.3, 0.5], [1.2, 1.0, 0.7], [3.0, 0.5, 0.1]),
    table([0.1, 0.6, 0.4], [0.5, 0.6, 0.2], [1.0, 0.1, 0.4]),
)


def box(low, high):
    low, high = jnp.asarray(low), jnp.asarray(high)
    return phonon.Box(name="box", center=(low + high) / 2, size=high - low)


def region(material, shape, name="region"):
    return phonon.Region(name=name, material=material, shape=shape)


def bilayer(first: Any = FAST, second: Any = SLOW, interface: Any = DIFFUSE, **changes):
    """Layers of length 1 between contacts; along y everything repeats itself."""
    fields = {
        "material": first,
        "regions": (region(second, box([1.0, 0.0], [2.0, 1.0])),),
        "interface": interface,
        "size": jnp.asarray([2.0, 1.0]),
        "length_unit": 1.0,
        "temperature": 1.0,
        "contacts": (
            phonon.Contact(name="hot", side="left", temperature=1.1),
            phonon.Contact(name="cold", side="right", temperature=1.0),
        ),
        "periodic": ("y",),
        "cells": {"x": 16, "y": 1},
    }
    return phonon.Device(**fields | changes)


def given(transmission):
    return phonon.GivenTransmission(transmission=transmission)


def as_film(problem, beams):
    """The heat through two layers, from sweeps in one dimension along the same rays.

    Both sides of the interface emit what the transmissions make of what arrives there: one dense
    system for the temperatures and what is emitted.
    """
    dimensions, width = problem.dimensions, jnp.split(problem.width[0], 2)
    places = [frame.axes.index(0) for frame in frames(problem.cells, problem.mirrored)]
    groups, count = beams.emission.shape[-2], width[0].size
    reach = jnp.concatenate([beams.reach[:, place] for place in places], axis=-1)
    weight = reach * jnp.concatenate([beams.emission] * len(places), axis=-1)
    weight = 2 ** (dimensions - 1) * weight
    leave = [problem.media.crossing[0, 1], problem.media.crossing[1, 0]]
    hot = problem.reservoir[(0,) * (dimensions + 2)]

    def balance(unknown):
        temperature = unknown[: 4 * count].reshape(2, count, 2)
        emitted = unknown[4 * count :].reshape(2, groups)
        power, arriving = [], []
        for layer, nodes in enumerate(temperature):
            black = jnp.full(groups, hot * (1 - layer))
            ends = (black, emitted[0]) if layer == 0 else (emitted[1], black)
            into = jnp.stack([ends[0] - nodes[0, 0], ends[1] - nodes[-1, 1]])[..., None]
            into = jnp.broadcast_to(into, (2, *reach.shape[1:]))
            own, left = sweep.balance(nodes, into, width[layer], reach[layer], weight[layer])
            power.append(own.ravel())
            at = nodes[-1, 1] if layer == 0 else nodes[0, 0]
            mean = jnp.sum(weight[layer] * left[layer], axis=-1) / jnp.sum(weight[layer], axis=-1)
            arriving.append(at + mean)
            if layer == 0:
                heat = jnp.sum(weight[0] * (into[0] - left[1]))
        rows = [
            emitted[i] - (1 - leave[i]) * arriving[i] - leave[i] * arriving[1 - i] for i in (0, 1)
        ]
        return jnp.concatenate([*power, *rows]), heat

    nothing = jnp.zeros(4 * count + 2 * groups)
    matrix, at_rest = jax.jacfwd(balance)(nothing)[0], balance(nothing)[0]
    return balance(jnp.linalg.solve(matrix, -at_rest))[1]


@pytest.fixture(scope="module")
def through_bilayer():
    return jax.jit(lambda device: steady(device, FINE, throw=False))


@pytest.mark.parametrize("transmission", [0.02, 0.3, 0.5])
def test_bilayer_is_that_of_one_dimension(transmission, through_bilayer):
    """0.5 is the most that may cross where both sides have as many phonons of a frequency."""
    device = bilayer(*SPECTRAL, given(transmission))
    found = through_bilayer(device)
    problem = device.problem(0)
    power = jnp.sum(SPECTRAL[0].heat_capacity * SPECTRAL[0].group_velocity)
    heat = power * as_film(problem, rays(problem, 4, free_paths(problem, 6)))
    np.testing.assert_allclose(found.contact_heat[0], heat, rtol=1e-8)
    film = steady(
        phonon.LayeredFilm(
            first_material=SPECTRAL[0],
            second_material=SPECTRAL[1],
            first_thickness=1.0,
            second_thickness=1.0,
            interface=given(transmission),
            temperature=1.0,
            temperature_difference=0.1,
        )
    )
    np.testing.assert_allclose(found.contact_heat[0], film.heat_flux, rtol=2e-3)
    np.testing.assert_allclose(found.emitted_conductance[0], film.emitted_conductance, rtol=1e-12)
    np.testing.assert_allclose(found.interface_flux, found.contact_heat[0], rtol=1e-9)
    np.testing.assert_allclose(
        found.interface_conductance * found.interface_step, found.interface_flux, rtol=1e-9
    )
    assert found.conservation_residual < 1e-9
    assert found.stats["iterations"] < 30  # to 1e-12


@pytest.fixture(scope="module")
def inclusion():
    """Two regions that meet each other and what is around them, with a void on one of them."""
    shapes = (box([0.2, 0.2], [0.6, 0.6]), box([0.4, 0.4], [0.8, 0.8]))
    third = table([0.5, 0.0 + 1e-9, 0.2], [0.3, 1.0, 1.0], [0.2, 1.0, 2.0])
    pair = zip(("one", "other"), (SPECTRAL[1], third), shapes, strict=True)
    system = phonon.PeriodicStructure(
        material=SPECTRAL[0],
        period=1.0,
        temperature=1.0,
        temperature_difference=0.1,
        regions=tuple(region(material, shape, name) for name, material, shape in pair),
        voids=(box([0.2, 0.2], [0.4, 0.4]),),
        interface=given(0.4),
    )
    problem = system.problem(5)
    return Transport.of(problem, rays(problem, 1, free_paths(problem, 1)))


def test_regions_and_voids_lie_over_each_other(inclusion):
    problem = inclusion.problem
    assert problem.media is not None
    assert set(np.unique(problem.media.medium)) == {0, 1, 2}
    both = problem.media.interface * problem.transmission
    assert np.all(np.asarray(both) == 0) and np.sum(np.asarray(problem.media.interface)) > 10
    volume = np.asarray(problem.volume)
    inside = np.asarray(problem.media.medium) == 2
    np.testing.assert_allclose(np.sum(volume * inside), 0.4 * 0.4, rtol=1e-12)
    np.testing.assert_allclose(np.sum(volume * (1 - problem.solid)), 0.2 * 0.2, rtol=1e-12)
    there = np.asarray(problem.media.crossing)
    balance = np.asarray(problem.media.strength)[:, None] * there
    np.testing.assert_allclose(balance, balance.swapaxes(0, 1), atol=1e-15)


def inner(first, second):
    return sum(float(jnp.sum(a * b)) for a, b in zip(first, second, strict=True))


def test_balance_is_symmetric_and_positive(inclusion):
    operator = jax.jit(lambda u: inclusion.residual(inclusion.respond(u, tolerance=1e-14)))
    random, zero = np.random.default_rng(0), inclusion.zero()

    def unknown():
        wall = jnp.where(inclusion.stiffness > 0, random.normal(size=zero.wall.shape), 0)
        return Unknown(jnp.asarray(random.normal(size=zero.temperature.shape)), wall)

    a, b = unknown(), unknown()
    np.testing.assert_allclose(inner(a, operator(b)), inner(b, operator(a)), rtol=1e-11)
    for each in (a, b, unknown()):
        assert inner(each, operator(each)) > 0
    even = Unknown(jnp.ones_like(zero.temperature), zero.wall)
    assert max(float(jnp.max(jnp.abs(part))) for part in operator(even)) < 1e-13


def test_diffusion_has_its_diagonal_and_is_symmetric(inclusion):
    diffusion = Diffusion(inclusion.problem)
    shape = inclusion.zero().temperature.shape
    matrix = jax.jacfwd(lambda x: diffusion(x.reshape(shape)).ravel())(jnp.zeros(np.prod(shape)))
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-13)
    void = np.repeat(np.ravel(1 - inclusion.problem.solid), 4)
    np.testing.assert_allclose(jnp.diag(matrix) + void, diffusion.diagonal.ravel(), rtol=1e-12)


def test_sweep_through_media_is_that_of_its_reference():
    random = np.random.default_rng(5)
    cells, octants, media, lines = (3, 2), 4, 2, (1, 2)
    source = random.normal(size=(*cells, 2, 4, octants))
    passing = random.choice([0.0, 0.4, 1.0], size=(*cells, 2, octants))
    wall = random.normal(size=(*cells, 2, 2, octants, lines[0]))
    width = tuple(random.uniform(0.1, 0.5, (count, octants)) for count in cells)
    reach = 10.0 ** random.uniform(-2, 0.3, (media, 2, *lines))
    weight = random.uniform(0.1, 1, (media, *lines, 3))
    medium = random.integers(0, media, (*cells, octants))
    fields = sweep.Fields(*map(jnp.asarray, (source, passing, wall, medium)))
    lengths = tuple(map(jnp.asarray, width))
    found = sweep.through_cells(
        fields,
        lengths,
        jnp.asarray(reach),
        jnp.asarray(weight),
        periodic=(True, True),
        tolerance=1e-13,
    )
    expected = reference.cell_moments(source, passing, wall, width, reach, weight, medium=medium)
    np.testing.assert_allclose(found.moments, expected, rtol=1e-9, atol=1e-12)


def layers(
    period, second=SLOW, corners=((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)), **changes
):
    shape = phonon.Polygon(name="half", corners=jnp.asarray(corners))
    fields = {"material": FAST, "period": period, "temperature": 1.0, "interface": given(0.2)}
    fields |= {"temperature_difference": 0.1, "regions": (region(second, shape),)}
    fields |= {"gradient": "all", "cells": {"x": 16, "y": 4}}
    return phonon.PeriodicStructure(**fields | changes)


def conductivity_across(period, transmission, flux):
    """Of two gray layers, each half a period of relative `flux`: resistances in series.

    A layer between walls that emit evenly has 4 / M Q; an interface 4 f / X, with X = t min(M).
    """
    first, second = 1.0, 0.6
    exchange = transmission * min(first, second)
    walls = 4 / exchange - 4 / first - 4 / second
    return period / (4 / (first * flux) + 4 / (second * flux) + 2 * walls)


@pytest.fixture(scope="module")
def tensor():
    method = phonon.DiscreteOrdinates(angles=4, polar_angles=8)

    def found(structure):
        answer = steady(structure, method, throw=False)
        return answer.conductivity_tensor, answer.stats["iterations"]

    return jax.jit(found)


@pytest.mark.slow
def test_superlattice_from_ballistic_to_diffusive(tensor):
    """Layers of equal optical thickness tau, between diffuse interfaces."""
    for tau, transmission in ((0.01, 0.2), (1.0, 0.2), (1.0, 0.6), (10.0, 0.6), (1e3, 0.2)):
        known = exact_forms.GRAY_FLUX.get(tau, exact_forms.thick_film_flux(tau))
        own, other = gray(path=1 / tau), gray(2.0, 0.3, 1 / tau)
        system = layers(2.0, other, material=own, interface=given(transmission))
        found, iterations = tensor(system)
        expected = conductivity_across(2.0, transmission, known)
        np.testing.assert_allclose(found[0, 0], expected, rtol=2e-3)
        np.testing.assert_allclose(found[0, 1], found[1, 0], atol=1e-9 * found[0, 0])
        assert iterations < 25
    law = steady(system, phonon.Fourier())
    np.testing.assert_allclose(law.conductivity, found[0, 0], rtol=1e-2)
    # along thick layers, the mean of both bulks
    np.testing.assert_allclose(found[1, 1], (1 + 0.6) / 2 / 3 / tau, rtol=1e-2)


def test_tensor_of_a_wedge_is_symmetric(tensor):
    wedge = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.75, 0.75))
    found, iterations = tensor(layers(1.0, corners=wedge))
    found = np.asarray(found)
    assert abs(found[0, 1]) > 1e-4 * found[0, 0]
    np.testing.assert_allclose(found[0, 1], found[1, 0], rtol=0, atol=1e-9 * found[0, 0])
    assert iterations < 25


def test_fourier_through_two_layers():
    """Resistances in series: 3 l / C v path, and 4 / X - 2 / M1 - 2 / M2 of the interface."""
    found = steady(bilayer(interface=given(0.3)), phonon.Fourier(tolerance=1e-12))
    interface = 4 / (0.3 * 0.6) - 2 / 1.0 - 2 / 0.6
    flux = 0.1 / (3 / 1.0 + 3 / 0.06 + interface)
    np.testing.assert_allclose(found.contact_heat, [flux, -flux], rtol=1e-9)
    np.testing.assert_allclose(found.interface_step, flux * interface, rtol=1e-9)
    np.testing.assert_allclose(found.interface_conductance, 1 / interface, rtol=1e-9)
    np.testing.assert_allclose(found.heat_flux_field[..., 0], flux, rtol=1e-9)
    np.testing.assert_allclose(found.region_conductivity, 0.02, rtol=1e-12)
    np.testing.assert_array_equal(found.region[:, 0, 0], [0] * 8 + [1] * 8)


PARAMETERS = jnp.asarray([0.45, 0.1, 0.3, 0.3])


def inside(parameters, interface):
    """A region in a device: its length, free path and velocity."""
    length, path, velocity, transmission = parameters
    shape = phonon.Box(
        name="box", center=jnp.asarray([0.5, 0.55]), size=jnp.stack([length, jnp.asarray(0.4)])
    )
    return bilayer(
        regions=(region(gray(2.0, velocity, path), shape),),
        interface=given(transmission) if interface == "given" else DIFFUSE,
        size=jnp.ones(2),
        periodic=(),
        cells={"x": 5, "y": 4},
    )


def compare_gradients(interface, method):
    def answers(parameters):
        found = steady(inside(parameters, interface), method, throw=False)
        return jnp.stack([found.conductance, found.interface_flux, found.interface_step])

    exact, compiled = jax.jit(jax.jacrev(answers))(PARAMETERS), jax.jit(answers)
    for row, index in np.ndindex(exact.shape):

        def entry(value, row=row, index=index):
            return compiled(PARAMETERS.at[index].set(value))[row]

        expected = slope(entry, PARAMETERS[index], 2e-3 * float(PARAMETERS[index]))
        np.testing.assert_allclose(exact[row, index], expected, rtol=1e-5, atol=1e-10)


SLOW_MISMATCH = pytest.param("diffuse mismatch", marks=pytest.mark.slow)


@pytest.mark.parametrize("interface", ["given", SLOW_MISMATCH])
def test_gradients_by_fourier(interface):
    compare_gradients(interface, phonon.Fourier(tolerance=1e-12))


@pytest.mark.slow
def test_gradients_by_ordinates():
    method = phonon.DiscreteOrdinates(angles=1, polar_angles=2, tolerance=1e-12)
    compare_gradients("given", method)


@pytest.mark.slow
def test_bilayer_in_three_dimensions():
    cube = bilayer(
        regions=(region(SLOW, box([1.0, 0.0, 0.0], [2.0, 1.0, 1.0])),),
        size=jnp.asarray([2.0, 1.0, 1.0]),
        periodic=("y", "z"),
        cells={"x": 4, "y": 1, "z": 1},
    )
    found = steady(cube, phonon.DiscreteOrdinates(angles=2))
    problem = cube.problem(0)
    heat = as_film(problem, rays(problem, 2, free_paths(problem, 1)))
    np.testing.assert_allclose(found.contact_heat, [heat, -heat], rtol=1e-9)


def test_materials_meet_at_common_frequencies():
    three = [materials.model(name) for name in ("Si", "Ge", "Si")]
    first, second, third = materials.matched(three, 300.0)
    for bands, material in zip((first, second, third), three, strict=True):
        np.testing.assert_allclose(
            bands.conductivity_by_band.sum(), material.bulk_conductivity(300.0), rtol=1e-5
        )
        assert bands.branches == 2 and bands.heat_capacity.shape == first.heat_capacity.shape


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"interface": given(0.63)}, "give at most 0.625"),
        ({"regions": (region(SPECTRAL[0], box([0.0, 0.0], [1.0, 1.0])),)}, "a gray material"),
        ({"regions": (region(SLOW, box([0.0] * 3, [1.0] * 3)),)}, "region is no shape in 2"),
        (
            {"interface": phonon.AcousticMismatch(first_density=1.0, second_density=1.0)},
            "interface = AcousticMismatch",
        ),
    ],
)
def test_bad_input_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        bilayer(**changes)


def test_regions_without_cells_are_told():
    tiny = region(SLOW, box([0.5, 0.5], [0.5001, 0.5001]))
    status = steady(bilayer(regions=(tiny,)), phonon.Fourier(), throw=False).status
    assert str(status) == "unresolved"


def test_what_knows_no_regions_says_so():
    with pytest.raises(ValueError, match="regions"):
        phonon.DeviationalMonteCarlo().check(layers(1.0))
    with pytest.raises(ValueError, match="no voids or regions"):
        layers(1.0, cells=0, gradient="x", density=jnp.ones((3, 3)))
