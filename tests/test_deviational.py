"""Phonons followed through structures: against closed forms, ordinates, and their statistics."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import phonon, run, simulate, steady
from jaxneq.statistics import EnsembleAverage

pytestmark = pytest.mark.optimised  # the same bits in blocks and chunks

KEY = jax.random.key(3)
GRAY = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
BANDS = phonon.PhononBands.from_modes(
    heat_capacity=jnp.asarray([1.0, 0.5, 0.4]),
    group_velocity=jnp.asarray([1.0, 2.0, 0.5]),
    relaxation_time=jnp.asarray([0.3, 1.0, 4.0]),
    temperature=1.0,
)
MANY = phonon.DeviationalMonteCarlo(replicas=4096, batches=16, memory=64, cells=4)
FEW = phonon.DeviationalMonteCarlo(replicas=64, batches=6, memory=8, cells=4)


def box(*size):
    center = jnp.full(len(size), 0.5)
    return phonon.Box(name="pore", center=center, size=jnp.asarray(size))


def structure(period, *voids, **changes):
    fields = {"material": GRAY, "temperature": 1.0, "temperature_difference": 0.1}
    return phonon.PeriodicStructure(period=period, voids=voids, **(fields | changes))


@pytest.fixture(scope="module")
def sampled():
    return eqx.filter_jit(lambda system, method, key: simulate(system, method, key=key))


def agree(found, exact, error):
    assert abs(float(found.z_score(exact))) <= 5
    assert float(found.stderr) <= error * float(exact)


def test_bulk_is_exact(sampled):
    found = sampled(structure(0.3, material=BANDS), FEW, KEY)
    np.testing.assert_allclose(found.conductivity.value, found.bulk_conductivity, rtol=1e-13)
    product = found.fluxes["heat"] * found.forces["heat"]
    np.testing.assert_allclose(found.entropy_production.value, product, rtol=1e-13)


@pytest.mark.parametrize("walls", ["elastic", "thermalising"])
def test_films(sampled, walls):
    """Films along the gradient, of Fuchs and Sondheimer: all bands keep to themselves."""
    for period, error in ((0.1, 1.5e-2), (1.0, 5e-3), (10.0, 5e-3)):
        system = structure(period, box(1.0, 0.5), material=BANDS, walls=walls)
        film = phonon.InPlaneFilm(material=BANDS, thickness=period / 2, temperature=1.0)
        found = sampled(system, MANY, KEY)
        agree(found.conductivity, steady(film).conductivity / 2, error)


def test_square_wires(sampled):
    """Three dimensions: wires along the gradient, voids around them."""
    voids = (
        phonon.Box(name=name, center=jnp.asarray([0.5, *at]), size=jnp.asarray([1.0, *size]))
        for name, at, size in (
            ("beside", (0.75, 0.5), (0.5, 1.0)),
            ("above", (0.25, 0.75), (0.5, 0.5)),
        )
    )
    system = structure(2.0, *voids, dimensions=3)
    wire = phonon.RectangularWire(material=GRAY, width=1.0, height=1.0, temperature=1.0)
    found = sampled(system, dataclasses.replace(MANY, cells=2), KEY)
    agree(found.conductivity, steady(wire).conductivity / 4, 5e-3)


@pytest.mark.slow
def test_tensor_of_a_wedge(sampled):
    """Onsager's symmetry, of sums that are not symmetric walk by walk."""
    corners = jnp.asarray([[0.15, 0.15], [0.85, 0.15], [0.85, 0.5]])
    wedge = phonon.Polygon(name="wedge", corners=corners)
    share = EnsembleAverage("off", lambda share: share[0, 1])
    rest = EnsembleAverage("rest", lambda share: share[0, 1] - share[1, 0])
    method = dataclasses.replace(MANY, cells=6)
    found = simulate(
        structure(1.0, wedge, gradient="all"), method, key=KEY, observables=(share, rest)
    )
    off, rest = found.observables["off"], found.observables["rest"]
    assert abs(float(off.z_score(0.0))) > 10
    assert abs(float(rest.z_score(0.0))) <= 5
    share = found.conductivity_tensor.value[0, 1] / found.bulk_conductivity
    np.testing.assert_allclose(off.value, share, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("walls", ["elastic", "thermalising"])
def test_pores_against_ordinates(sampled, walls):
    """Square pores, a quarter of the area, at Knudsen numbers of 0.1, 1 and 10."""
    fine = phonon.DiscreteOrdinates(cells=24, angles=8, polar_angles=4)
    for period, memory, error in ((10.0, 128, 5e-3), (1.0, 64, 5e-3), (0.1, 128, 1e-2)):
        system = structure(period, box(0.5, 0.5), material=BANDS, walls=walls)
        method = phonon.DeviationalMonteCarlo(
            replicas=8192, batches=4096 // memory, memory=memory, cells=4
        )
        found = sampled(system, method, KEY)
        agree(found.conductivity, steady(system, fine).conductivity, error)
        assert abs(float(found.truncation.z_score(0.0))) <= 5


def test_error_bars_are_honest():
    """z over independent keys has unit variance, within 4 standard errors of it."""
    system = structure(2.0, box(1.0, 0.5))
    film = phonon.InPlaneFilm(material=GRAY, thickness=1.0, temperature=1.0)
    exact = steady(film).conductivity / 2
    method = phonon.DeviationalMonteCarlo(replicas=128, batches=2, memory=32, cells=4)
    score = lambda key: simulate(system, method, key=key).conductivity.z_score(exact)  # noqa: E731
    scores = jax.jit(jax.vmap(score))(jax.random.split(KEY, 200))
    assert abs(scores.mean()) < 4 / np.sqrt(200)
    assert abs(scores.var() - 1) < 4 * np.sqrt(2 / 200)


def test_run_in_chunks_has_the_same_bits():
    """Also observables; what they see has the mean of the conductivity over that of the bulk."""
    system, steps = structure(1.0, box(0.5, 0.5)), []
    own = EnsembleAverage("own", lambda share: share[0, 0])
    plan = {"key": KEY, "observables": (own,)}
    whole = simulate(system, FEW, **plan)
    chunked = run(
        system, FEW, chunk_duration=1e-5, progress=lambda done, total: steps.append(done), **plan
    )
    assert len(steps) > 2 and steps[-1] == FEW.batches
    for first, second in zip(jax.tree.leaves(whole), jax.tree.leaves(chunked), strict=True):
        np.testing.assert_array_equal(first, second)
    share = whole.conductivity.value / whole.bulk_conductivity
    np.testing.assert_allclose(whole.observables["own"].value, share, rtol=1e-12)


def test_float32(sampled):
    system = structure(2.0, box(1.0, 0.5))
    film = phonon.InPlaneFilm(material=GRAY, thickness=1.0, temperature=1.0)
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), system)
    found = sampled(single, MANY, KEY).conductivity
    assert found.value.dtype == jnp.float32
    agree(found, float(steady(film).conductivity) / 2, 5e-3)


def test_a_memory_too_short_is_told():
    """Far from walls a phonon takes many collisions to learn of them."""
    system = structure(20.0, box(0.5, 0.5))
    method = phonon.DeviationalMonteCarlo(replicas=4096, batches=8, memory=4, cells=4)
    with pytest.warns(UserWarning, match="raise `memory`"):
        simulate(system, method, key=KEY)


def test_derivatives_are_refused():
    def sampled(period):
        return simulate(structure(period, box(0.5, 0.5)), FEW, key=KEY).conductivity.value

    with pytest.raises(ValueError, match="Differentiate DiscreteOrdinates"):
        jax.grad(sampled)(1.0)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"time": 1.0}, "neither time nor burn_in"),
        ({"initial": 0.0}, "leave `initial` out"),
        ({"observables": (EnsembleAverage("x", lambda x: x),) * 2}, "have one name"),
    ],
)
def test_misuse(plan, message):
    with pytest.raises(ValueError, match=message):
        simulate(structure(1.0), FEW, key=KEY, **plan)


def test_too_many_steps():
    method = phonon.DeviationalMonteCarlo(batches=1 << 20, memory=1 << 12)
    with pytest.raises(ValueError, match="more than the noise can number"):
        simulate(structure(1.0), method, key=KEY)
