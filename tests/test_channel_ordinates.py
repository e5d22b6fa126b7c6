"""Discrete ordinates along films and wires, against the closed form along every chord."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import steady
from jaxneq.phonon import DiscreteOrdinates, InPlaneFilm, Nanowire, RectangularWire
from jaxneq.phonon._channels import gray_film, gray_wire
from jaxneq.phonon._rays import graded_gauss


@pytest.fixture(scope="session")
def suppression():
    """Of gray channels by the default method, compiled once: (channel, Knudsen number, p)."""
    solve = {
        channel: jax.jit(
            lambda kn, p, channel=channel: steady(channel(kn, p), DiscreteOrdinates()).suppression
        )
        for channel in (gray_film, gray_wire)
    }
    return lambda channel, kn, p: float(solve[channel](kn, p)[0])


@pytest.mark.parametrize("channel", [gray_film, gray_wire])
@pytest.mark.parametrize("specularity", [0.0, 0.5, 0.9])
def test_against_the_closed_form(suppression, channel, specularity):
    for knudsen in (0.01, 0.1, 1.0, 10.0, 100.0):
        exact = float(steady(channel(knudsen, specularity)).suppression[0])
        found = suppression(channel, knudsen, specularity)
        assert found == pytest.approx(exact, rel=1e-4)


def test_thin_films_follow_the_logarithm(suppression):
    """(3 / 4 Kn) (ln Kn + 1 - gamma), the leading form of Fuchs and Sondheimer."""
    expected = 3 / 400 * (np.log(100) + 1 - np.euler_gamma)
    assert suppression(gray_film, 100.0, 0.0) == pytest.approx(expected, rel=5e-3)


def test_the_error_is_of_second_order():
    exact = steady(gray_wire(1.0)).suppression[0]
    coarse, fine = (
        abs(
            steady(gray_wire(1.0), DiscreteOrdinates(angles=32, cells=n)).suppression[0] / exact - 1
        )
        for n in (20, 40)
    )
    assert 3.5 < float(coarse / fine) < 4.5


@pytest.mark.parametrize(
    "channel",
    [
        InPlaneFilm("Si", thickness=1e-7, specularity=0.3),
        InPlaneFilm("Si", thickness=1e-7, roughness=3e-10),
        Nanowire("Si", diameter=1e-7, specularity=0.9),
    ],
)
def test_silicon_and_its_entropy(channel):
    """Every band, and what collisions, jumps and walls dissipate: flux times force."""
    solution, exact = steady(channel, DiscreteOrdinates(angles=32)), steady(channel)
    np.testing.assert_allclose(solution.suppression, exact.suppression, rtol=2e-4)
    np.testing.assert_allclose(
        solution.entropy_production_walls, exact.entropy_production_walls, rtol=2e-3
    )
    assert solution.conservation_residual < 1e-12
    split = solution.entropy_production_bulk + solution.entropy_production_walls
    np.testing.assert_allclose(split, solution.heat_flux * solution.force, rtol=1e-12)


def test_profile_across_a_film():
    """1 - (1 - p) exp(-a x) / (1 - p exp(-a)) along each ray, both ways."""
    film = InPlaneFilm("Si-gray", thickness=1e-7, specularity=0.4)
    solution = steady(film, DiscreteOrdinates(cells=100, angles=32))
    mu, weight = graded_gauss(64, 4)
    a = 1e-7 / (2.604e-7 * mu)[:, None]
    x = np.asarray(solution.position)[None] / 1e-7
    fall = 0.6 / (1 - 0.4 * np.exp(-a))
    psi = 1 - fall * (np.exp(-a * x) + np.exp(-a * (1 - x))) / 2
    bulk = float(solution.bulk_conductivity)
    expected = bulk * np.sum((1.5 * weight * (1 - mu**2))[:, None] * psi, axis=0)
    np.testing.assert_allclose(solution.heat_flux_profile, expected, rtol=1e-3)
    mean = np.trapezoid(solution.heat_flux_profile, solution.position) / 1e-7
    np.testing.assert_allclose(mean, solution.heat_flux, rtol=1e-12)


def test_gradient_is_that_of_the_closed_form():
    def slope(method):
        def value(size, p):
            return steady(Nanowire("Si", diameter=size, specularity=p), method).conductivity

        return jax.grad(value, (0, 1))(jnp.asarray(1e-7), jnp.asarray(0.4))

    found, exact = slope(DiscreteOrdinates(angles=32, cells=40)), slope(None)
    np.testing.assert_allclose(found, exact, rtol=1e-3)


def test_rectangles_are_refused():
    with pytest.raises(ValueError, match="Use ClosedForm or PathMonteCarlo"):
        steady(RectangularWire("Si", width=1e-7, height=1e-7), DiscreteOrdinates())
