"""Large deviations of the current: exact values, symmetries and differences."""

from functools import cache

import jax
import numpy as np
import pytest
from differences import slope

from jaxneq import steady
from jaxneq.exclusion import CurrentStatistics, OpenASEP, RingASEP

# theta(s) of alpha = beta = 1 (and of others): the largest eigenvalue of the full matrix
TILTS = [-2.0, -1.0, -0.5, -0.1, 0.1, 0.5, 1.0]
SCGF = {
    (1, 1.0, 1.0): [
        -0.6321205588285577,
        -0.3934693402873666,
        -0.22119921692859512,
        -0.048770575499285984,
        0.05127109637602412,
        0.2840254166877414,
        0.6487212707001282,
    ],
    (2, 1.0, 1.0): [
        -0.5656038560918196,
        -0.3352054707828684,
        -0.18293570898323497,
        -0.03928772471683541,
        0.040727849521899076,
        0.21901378815662811,
        0.4804585480288973,
    ],
    (6, 1.0, 1.0): [
        -0.496256261479579,
        -0.2772887420703159,
        -0.14616660930596118,
        -0.030459406989660633,
        0.031080433060038878,
        0.16169857209120087,
        0.339493016294395,
    ],
    (8, 1.0, 1.0): [
        -0.48602595785404085,
        -0.2686233876400237,
        -0.14069114332874053,
        -0.02915709222134926,
        0.029666486571151368,
        0.15343312567165004,
        0.31967658597608317,
    ],
    (10, 1.0, 1.0): [
        -0.4799156232927615,
        -0.2633160645856165,
        -0.13731307762130385,
        -0.02835121097427873,
        0.028790964862956514,
        0.14831634923931247,
        0.30744209685273916,
    ],
    (10, 0.3, 0.8): [
        -0.24517883716659128,
        -0.16380917956242058,
        -0.09368796961875958,
        -0.020580263764234275,
        0.021440655523019103,
        0.11496484038200805,
        0.24634890431959988,
    ],
}


@cache
def statistics(length):
    """Of a chain without reverse moves; compiled once for each length."""

    def found(alpha, beta, tilt):
        chain = OpenASEP(length=length, alpha=alpha, beta=beta)
        return steady(chain, CurrentStatistics(tilt=tilt))

    return jax.jit(found)


@pytest.mark.parametrize("case", SCGF, ids=str)
def test_the_generating_function(case):
    length, *rates = case
    for tilt, expected in zip(TILTS, SCGF[case], strict=True):
        found = statistics(length)(*rates, tilt)
        assert found.status.ok
        np.testing.assert_allclose(found.scgf, expected, rtol=1e-10)
        np.testing.assert_allclose(found.conservation_residual, 0, atol=1e-12)
        assert found.rate_function > 0


@pytest.fixture(scope="module")
def four():
    """Six sites, all moves reversible, at a tilt."""
    chain = OpenASEP(length=6, alpha=0.5, beta=0.6, gamma=0.2, delta=0.1, q=0.3)
    return jax.jit(lambda tilt: steady(chain, CurrentStatistics(tilt=tilt)))


REVERSIBLE = {
    -2.0: -0.24545278427603556,
    -1.0: -0.15146517143845056,
    -0.5: -0.0830489564043009,
    0.5: 0.09790367983257717,
    1.0: 0.21104139635531843,
}


def test_the_symmetry_of_gallavotti_and_cohen(four):
    for tilt, value in REVERSIBLE.items():
        np.testing.assert_allclose(four(tilt).scgf, value, rtol=1e-10)
    affinity = np.log(0.5 * 0.6 / (0.2 * 0.1 * 0.3**5))
    for tilt in (0.4, -0.7):
        here, there = four(tilt), four(-tilt - affinity)
        np.testing.assert_allclose(here.scgf, there.scgf, atol=1e-10)
        np.testing.assert_allclose(here.current, -there.current, atol=1e-10)
        np.testing.assert_allclose(here.density, there.density, atol=1e-9)
        expected = here.current * affinity
        np.testing.assert_allclose(here.entropy_production, expected, rtol=1e-10)


def test_derivatives_of_the_generating_function(four):
    found = four(0.7)
    value = lambda s: four(s).scgf  # noqa: E731
    np.testing.assert_allclose(found.current, slope(value, 0.7), rtol=1e-9)
    mean = lambda s: four(s).current  # noqa: E731
    np.testing.assert_allclose(found.current_variance, slope(mean, 0.7), rtol=1e-9)
    np.testing.assert_allclose(found.gate_current, found.current, rtol=1e-10)
    # Legendre: dI/dj = s
    deviation = lambda s: four(s).rate_function  # noqa: E731
    np.testing.assert_allclose(slope(deviation, 0.7) / slope(mean, 0.7), 0.7, rtol=1e-8)


VARIANCE = {  # alpha, beta = 1, 1: Derrida, Evans and Mallick (1995); else the full matrix
    (1, 1.0, 1.0): 0.25,
    (2, 1.0, 1.0): 0.144,
    (4, 1.0, 1.0): 0.08352229780801275,
    (6, 1.0, 1.0): 0.06210154677072372,
    (8, 1.0, 1.0): 0.050938234916378486,
    (8, 0.3, 0.8): 0.08741738296636567,
    (8, 0.8, 0.3): 0.08741738296636402,
}


@pytest.mark.parametrize("case", VARIANCE, ids=str)
def test_the_variance_of_the_current(case):
    length, *rates = case
    chain, found = OpenASEP(length, *rates), statistics(length)(*rates, 0.0)
    np.testing.assert_allclose(found.current_variance, VARIANCE[case], rtol=1e-10)
    np.testing.assert_allclose(found.current, steady(chain).current, rtol=1e-11)
    np.testing.assert_allclose(found.density, steady(chain).density, rtol=1e-9)
    np.testing.assert_allclose(found.scgf, 0, atol=1e-13)


def test_a_ring():
    """The hops of all particles are L times the mean over the bonds."""
    ring = RingASEP(length=6, particles=3)
    for tilt, value in ((0.2, 0.4077009584987196), (-0.2, -0.3166952831071085)):
        found = steady(ring, CurrentStatistics(tilt=6 * tilt))
        np.testing.assert_allclose(found.scgf, value, rtol=1e-10)
    for q in (0.0, 0.4):
        ring = RingASEP(length=7, particles=3, q=q)
        found, closed = steady(ring, CurrentStatistics()), steady(ring)
        np.testing.assert_allclose(found.current_variance, closed.current_variance, rtol=1e-10)


@pytest.mark.slow
def test_gradients_against_differences():
    @jax.jit
    def found(alpha, tilt):
        chain = OpenASEP(length=4, alpha=alpha, beta=0.8, gamma=0.1, delta=0.2, q=0.3)
        return steady(chain, CurrentStatistics(tilt=tilt))

    for name in ("scgf", "current_variance"):
        value = lambda alpha, tilt, name=name: getattr(found(alpha, tilt), name)  # noqa: E731
        for argument, gradient in enumerate(jax.grad(value, (0, 1))(0.6, 0.7)):
            along = (lambda x, f=value: f(x, 0.7), lambda x, f=value: f(0.6, x))[argument]
            np.testing.assert_allclose(gradient, slope(along, (0.6, 0.7)[argument]), rtol=1e-6)
    twice = jax.hessian(lambda tilt: found(0.6, tilt).scgf)(0.7)
    np.testing.assert_allclose(twice, found(0.6, 0.7).current_variance, rtol=1e-9)
