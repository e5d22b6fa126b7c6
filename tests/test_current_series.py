"""The generating function of the current against its exact series for all lengths; the gap."""

import math

import numpy as np
import pytest

from jaxneq import steady
from jaxneq.exclusion import CurrentStatistics, OpenASEP, RingASEP, SpectralGap

_TERMS = 40


def series(tilt, of_tilt, of_value):
    """The value at a tilt, where both are power series in B: Newton's method for B."""
    powers = np.arange(1, _TERMS + 1)
    b = tilt / of_tilt[0]
    for _ in range(50):
        b = b - (of_tilt @ b**powers - tilt) / ((powers * of_tilt) @ b ** (powers - 1))
    return of_value @ b**powers


def open_chain(length, tilt):
    """Entries of particles at alpha = beta = 1: Lazarescu and Mallick, PRL 106, 190602 (2011)."""
    f, ell = math.factorial, length + 1
    plan = range(1, _TERMS + 1)
    of_tilt = [
        -f(2 * k) * f(2 * k * ell) / (2 * k * f(k) * f(k * ell) * f(k * (ell + 1))) for k in plan
    ]
    of_value = [
        -f(2 * k) * f(2 * k * ell - 2) / (2 * k * f(k) * f(k * ell - 1) * f(k * (ell + 1) - 1))
        for k in plan
    ]
    return series(tilt, np.array(of_tilt), np.array(of_value))


def ring(length, count, tilt):
    """Hops of all particles: Derrida and Lebowitz, PRL 80, 209 (1998)."""
    f = math.factorial
    plan = [(k * length, k * count, k * (length - count)) for k in range(1, _TERMS + 1)]
    of_tilt = [-f(sites - 1) / (f(n) * f(holes)) for sites, n, holes in plan]
    of_value = [-count * f(sites - 2) / (f(n) * f(holes - 1)) for sites, n, holes in plan]
    return series(tilt, np.array(of_tilt), np.array(of_value))


@pytest.mark.parametrize(
    ("length", "tilt", "value"),
    [
        (4, -0.05, -0.0165625384167824),
        (4, 0.02, 0.006683388760992954),
        (10, -0.05, -0.014230703951277235),
        (10, 0.02, 0.005723077761818018),
    ],
)
def test_the_open_chain(length, tilt, value):
    """The values are largest eigenvalues of the full matrix."""
    np.testing.assert_allclose(open_chain(length, tilt), value, rtol=2e-10)
    chain = OpenASEP(length=length, alpha=1.0, beta=1.0)
    found = steady(chain, CurrentStatistics(tilt=tilt))
    np.testing.assert_allclose(found.scgf, value, rtol=1e-10)


@pytest.mark.parametrize(
    ("length", "tilt", "value"),
    [
        (8, -0.02, -0.04507556103432701),
        (8, 0.005, 0.01146862119239263),
        (10, -0.02, -0.05470458373589444),
        (10, 0.005, 0.013942054587110083),
    ],
)
def test_half_a_ring(length, tilt, value):
    np.testing.assert_allclose(ring(length, length // 2, tilt), value, rtol=1e-11)
    system = RingASEP(length=length, particles=length // 2)
    found = steady(system, CurrentStatistics(tilt=length * tilt))  # all hops: L times the mean
    np.testing.assert_allclose(found.scgf, value, rtol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lattice", "lengths", "expected", "error"),
    [
        # Golinelli and Mallick, J. Phys. A 38, 1419 (2005)
        (lambda n: RingASEP(length=n, particles=n // 2), (6, 8, 10, 12), 6.509189, 2e-3),
        # de Gier and Essler, PRL 95, 240601 (2005)
        (lambda n: OpenASEP(length=n, alpha=1.0, beta=1.0), (6, 8, 10), 3.578, 1e-2),
    ],
    ids=["ring", "open"],
)
def test_the_gap_falls_with_the_power_three_halves(lattice, lengths, expected, error):
    """gap L^(3/2), extrapolated in powers of 1/L, is the known constant."""
    gaps = np.array([float(steady(lattice(n), SpectralGap()).gap) for n in lengths])
    size = np.array(lengths, float)
    powers = size[:, None] ** -np.arange(len(lengths))
    constant = np.linalg.solve(powers, gaps * size**1.5)[0]
    np.testing.assert_allclose(constant, expected, rtol=error)
    exponents = -np.diff(np.log(gaps)) / np.diff(np.log(size))
    assert np.all(np.abs(exponents - 1.5) < 0.11)
