"""Films between walls of very different temperatures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import materials, steady
from jaxneq._core import newton
from jaxneq.phonon import (
    BoseEinsteinNewton,
    CrossPlaneFilm,
    DiffuseWall,
    DiscreteOrdinates,
    GrayMaterial,
)
from jaxneq.phonon import _exact as exact
from jaxneq.phonon._bose_einstein import equal_paths

SILICON = materials.model("Si")
SMALL = BoseEinsteinNewton(cells=12, angles=4)


def film(thickness, difference=200.0, temperature=250.0, material=SILICON):
    return CrossPlaneFilm(
        material=material,
        thickness=thickness,
        temperature=temperature,
        temperature_difference=difference,
    )


@pytest.fixture(scope="session")
def solved():
    """Solutions of silicon films, compiled once: (thickness, difference, temperature)."""
    solve = jax.jit(lambda *values: steady(film(*values), SMALL))
    return lambda *values: solve(*map(jnp.asarray, values))


@pytest.mark.parametrize("tau", [0.1, 1.0, 10.0])
def test_one_mean_free_path_obeys_milne(tau):
    """Where all bands have one path, the energy density obeys the gray equation, at any spectrum.

    Between 350 K and 50 K: q = Q(tau) sum v / 4 (E_b(hot) - E_b(cold)).
    """
    material = equal_paths(1 / tau)
    hot, cold = 350.0, 50.0
    quantum = 1.054571817e-34 / 1.380649e-23 * np.asarray(material.angular_frequency)

    def energy(temperature):
        """E = D hbar omega / (exp x - 1), with D from the heat capacity at 200 K."""
        x, there = quantum / 200.0, quantum / temperature
        states = np.asarray(material.heat_capacity) / (x / 2 / np.sinh(x / 2)) ** 2
        return np.sum(states * quantum / np.expm1(there))

    expected = exact.GRAY_FLUX[tau] * (energy(hot) - energy(cold)) / 4
    solution = steady(film(1.0, hot - cold, 200.0, material), BoseEinsteinNewton(cells=40))
    np.testing.assert_allclose(solution.heat_flux, expected, rtol=2e-5)
    assert solution.conservation_residual < 1e-8


def test_gray_films_are_linear():
    """A gray band is classical: its energy is proportional to the temperature."""
    gray = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=0.5)
    far = film(1.0, 200.0, 250.0, gray)
    solution, linear = steady(far, SMALL), steady(far, DiscreteOrdinates(cells=12, angles=4))
    np.testing.assert_allclose(solution.conductivity, linear.conductivity, rtol=1e-8)
    np.testing.assert_allclose(solution.temperature, linear.temperature, rtol=1e-8)


def test_small_differences_are_linear(solved):
    solution = solved(1e-7, 1.0, 300.0)
    linear = steady(film(1e-7, 1.0, 300.0), DiscreteOrdinates(cells=12, angles=4))
    np.testing.assert_allclose(solution.conductivity, linear.conductivity, rtol=3e-5)
    np.testing.assert_allclose(solution.entropy_production, linear.entropy_production, rtol=3e-5)
    # two routes: the entropy that flows out of a cell, and what collisions and jumps dissipate
    np.testing.assert_allclose(
        solution.entropy_production_density, linear.entropy_production_density, rtol=2e-2
    )


def test_thick_films_obey_kirchhoff():
    """q L = the integral of the bulk conductivity, but for some paths longer than a centimetre."""
    temperatures = jnp.linspace(150.0, 350.0, 201)
    bulk = jax.vmap(lambda t: SILICON.bands(t).conductivity_by_band.sum())(temperatures)
    expected = np.trapezoid(bulk, temperatures)
    solution = steady(film(0.01), BoseEinsteinNewton(cells=40, angles=4))
    np.testing.assert_allclose(solution.heat_flux * 0.01, expected, rtol=1e-2)


@pytest.mark.parametrize("thickness", [1e-8, 1e-6, 1e-4])
def test_laws(solved, thickness):
    solution = solved(thickness, 300.0, 250.0)
    assert solution.conservation_residual < 1e-7
    product = solution.fluxes["heat"] * solution.forces["heat"]
    np.testing.assert_allclose(solution.entropy_production, product, rtol=1e-7)
    np.testing.assert_allclose(solution.force, 1 / 100 - 1 / 400)
    assert np.all(solution.entropy_production_density > 0)
    assert np.all(solution.entropy_production_walls > 0)
    assert np.all((solution.temperature > 100) & (solution.temperature < 400))
    np.testing.assert_allclose(solution.heat_flux_by_band.sum(), solution.heat_flux, rtol=1e-12)


def test_gradients():
    """With respect to thickness, difference and temperature, through rates that follow them."""
    method = BoseEinsteinNewton(cells=6, angles=3, tolerance=1e-13)
    point = jnp.array([3e-7, 200.0, 250.0])

    @jax.jit
    def flux(scale):
        return steady(film(*(scale * point)), method).heat_flux

    slope = jax.jit(jax.grad(flux))(jnp.ones(3))
    for index, step in enumerate(1e-3 * np.eye(3)):
        rise = 8 * (flux(1 + step) - flux(1 - step)) - (flux(1 + 2 * step) - flux(1 - 2 * step))
        np.testing.assert_allclose(slope[index], rise / 12e-3, rtol=1e-6)


def test_newton_differentiates_and_reports():
    """x^3 = a in two decoupled copies; the second derivative of the cube root too."""

    def root(a, **limits):
        return newton(
            lambda x: x**3 - a,
            jnp.full(2, 3.0),
            within=(jnp.asarray(0.1), jnp.asarray(10.0)),
            scale=jnp.ones(2),
            tolerance=jnp.asarray(1e-12),
            **{"max_iterations": 30, **limits},
        )

    x, stats = root(jnp.array([8.0, 27.0]))
    np.testing.assert_allclose(x, [2.0, 3.0], rtol=1e-12)
    assert stats.status.ok and stats.residual <= 1e-12

    def value(a):
        return root(a * jnp.ones(2))[0][0]

    np.testing.assert_allclose(jax.grad(value)(8.0), 1 / 12, rtol=1e-10)
    np.testing.assert_allclose(jax.grad(jax.grad(value))(8.0), -1 / 144, rtol=1e-10)
    lost, stats = root(jnp.array([8.0, 27.0]), max_iterations=1)
    assert str(stats.status) == "max_iterations" and np.all(np.isnan(lost))


def test_misuse():
    wall = DiffuseWall(emissivity=0.5)
    partly = CrossPlaneFilm(material=SILICON, thickness=1e-7, hot_wall=wall)
    with pytest.raises(ValueError, match="treats black walls"):
        steady(partly, SMALL)
    with pytest.raises(ValueError, match=r"outside \[50, 1000\]"):  # 20 K: no data
        steady(film(1e-7, 160.0, 100.0), SMALL)
