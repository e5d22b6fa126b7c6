"""The matrix product against closed forms, exact fractions and the null vector of the generator."""

import itertools
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import steady
from jaxneq._core import SolveError
from jaxneq.exclusion import Generator, MatrixProduct, MeanField, OpenASEP

RATES = ("alpha", "beta", "gamma", "delta", "q")


@cache
def enumerated(length, *rates):
    """Density, current and covariance from the null vector of the whole generator."""
    alpha, beta, gamma, delta, q = rates
    states = list(itertools.product((0, 1), repeat=length))
    generator = np.zeros((len(states), len(states)))

    def move(state, changes, rate):
        end = list(state)
        for site, occupied in changes.items():
            end[site] = occupied
        before, after = states.index(state), states.index(tuple(end))
        generator[after, before] += rate
        generator[before, before] -= rate

    for state in states:
        move(state, {0: 1 - state[0]}, gamma if state[0] else alpha)
        move(state, {length - 1: 1 - state[-1]}, beta if state[-1] else delta)
        for i in range(length - 1):
            if state[i] != state[i + 1]:
                move(state, {i: state[i + 1], i + 1: state[i]}, 1.0 if state[i] else q)
    generator[-1] = 1.0
    weights = np.linalg.solve(generator, np.eye(len(states))[-1])
    occupied = np.array(states)
    density = weights @ occupied
    covariance = (occupied.T * weights) @ occupied - np.outer(density, density)
    return density, alpha * (1 - density[0]) - gamma * density[0], covariance


SHORT = [
    (1, 0.3, 0.8, 0.0, 0.0, 0.0),
    (2, 0.3, 0.8, 0.1, 0.05, 0.5),
    (6, 0.5, 0.6, 0.2, 0.1, 0.3),
    (5, 0.3, 0.3, 0.0, 0.0, 0.0),
    (5, 0.05, 0.05, 0.0, 0.0, 0.0),
    (5, 0.9, 0.5, 0.2, 0.1, 0.0),
    (5, 0.6, 0.4, 0.0, 0.0, 1.0),
    (6, 0.5, 0.6, 0.2, 1.2, 1.0),
    (6, 0.5, 0.6, 0.2, 0.1, 1.05),
    (6, 0.5, 0.5, 0.0, 0.0, 0.25),
    (3, 0.3, 0.7, 0.5, 0.9, 1.0),
    (5, 0.3, 0.7, 0.1, 0.0, 2.0),
    (7, 2.5, 3.0, 0.1, 0.3, 0.9999999),
]


@pytest.mark.parametrize("case", SHORT, ids=str)
def test_it_is_the_null_vector_of_the_generator(case):
    density, current, covariance = enumerated(*case)
    rates = dict(zip(RATES, case[1:], strict=True))
    found = steady(OpenASEP(length=case[0], **rates), MatrixProduct(correlation="all"))
    np.testing.assert_allclose(found.current, current, rtol=1e-12)
    np.testing.assert_allclose(found.density, density, rtol=1e-12)
    np.testing.assert_allclose(found.correlation, covariance, atol=1e-13)
    assert found.conservation_residual < 1e-12


@jax.jit
def mean_current(alpha, beta, q):
    """Of ten sites."""
    return steady(OpenASEP(length=10, alpha=alpha, beta=beta, q=q)).current


# alpha, beta, J, dJ/dalpha: exact fractions
ALL_PHASES = [
    (0.3, 0.8, 0.2101693913635629, 0.40573359112430657),
    (0.8, 0.3, 0.2101693913635629, 0.001176905857128639),
    (1.0, 1.0, 0.2857142857142857, 0.01098901098901099),
    (0.3, 0.3, 0.1944726023426737, 0.2010875014145436),
]


@pytest.mark.parametrize(("alpha", "beta", "value", "derivative"), ALL_PHASES)
def test_current_and_gradient_in_every_phase(alpha, beta, value, derivative):
    found = jax.value_and_grad(mean_current)(alpha, beta, 0.0)
    np.testing.assert_allclose(found, (value, derivative), rtol=1e-10)


LONG = {  # 100 sites: J, and the density at sites 1, 2, 50, 51, 99, 100, from exact fractions
    (0.3, 0.8): (
        0.2100000000010624,
        [
            0.29999999999645793,
            0.29999999999346505,
            0.2999998479394158,
            0.29999981414696014,
            0.2789062500018332,
            0.2625000000013273,
        ],
    ),
    (0.8, 0.3): (
        0.2100000000010624,
        [
            0.7374999999986701,
            0.7210937499981707,
            0.7000001858530644,
            0.7000001520606088,
            0.700000000006539,
            0.7000000000035395,
        ],
    ),
    (1.0, 1.0): (
        0.2537313432835821,
        [
            0.7462686567164134,
            0.6818795469886744,
            0.5005537983195042,
            0.49944620168053167,
            0.318120453011325,
            0.2537313432835806,
        ],
    ),
    (0.3, 0.3): (
        0.20797346200231567,
        [
            0.3067551266589464,
            0.31148371532025193,
            0.49806996097474565,
            0.501930039025292,
            0.6885162846797501,
            0.6932448733410532,
        ],
    ),
}


def test_derivatives_of_the_current_of_a_hundred_sites():
    """Of the exact Z_{L-1} / Z_L: accurate absolutely, also where all but nothing is left."""
    current = jax.jit(
        jax.grad(lambda beta, alpha: steady(OpenASEP(100, alpha=alpha, beta=beta)).current)
    )
    for alpha, beta, expected in [
        (0.3, 0.8, 5.9393486748175346e-12),
        (0.8, 0.3, 0.40000000021819565),
        (1.0, 1.0, 0.00014490653528474135),
        (0.3, 0.3, 0.19837553346359496),
    ]:
        np.testing.assert_allclose(current(beta, alpha), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("rates", LONG, ids=str)
def test_density_of_a_hundred_sites(rates):
    current, density = LONG[rates]
    found = steady(OpenASEP(length=100, alpha=rates[0], beta=rates[1]))
    np.testing.assert_allclose(found.current, current, rtol=1e-12)
    there = found.density[jnp.array([0, 1, 49, 50, 98, 99])]
    np.testing.assert_allclose(there, density, rtol=1e-10)


def test_a_thousand_sites():
    found = steady(OpenASEP(length=1000, alpha=1.0, beta=1.0))
    np.testing.assert_allclose(found.current, 1002 / 4002, rtol=1e-12)  # (L + 2) / (2 (2L + 1))
    assert found.conservation_residual < 1e-12


def test_partial_asymmetry():
    """The null vector of the generator for 8 sites; the tridiagonal matrices for 100."""
    found = steady(OpenASEP(length=8, alpha=1.0, beta=1.0, q=0.25))
    np.testing.assert_allclose(found.current, 0.23977882091648306, rtol=1e-11)
    np.testing.assert_allclose(found.density[0], 0.7602211790835169, rtol=1e-11)
    found = steady(OpenASEP(length=100, alpha=0.3, beta=0.8, q=0.3))
    np.testing.assert_allclose(found.current, 0.17145604474223305, rtol=1e-10)


def test_symmetric_exclusion_has_long_range_correlations():
    r"""With x_i = i - 1 + 1/(alpha+gamma) and M = L - 1 + 1/(alpha+gamma) + 1/(beta+delta)

    the density is linear, J = (rho_a - rho_b) / M, and the covariance of i < j is
    -(rho_a - rho_b)^2 x_i (M - x_j) / (M^2 (M - 1)) (Derrida, Lebowitz and Speer 2002).
    """
    alpha, beta, gamma, delta, length = 0.5, 0.7, 0.3, 0.2, 30
    found = steady(
        OpenASEP(length=length, alpha=alpha, beta=beta, gamma=gamma, delta=delta, q=1.0),
        MatrixProduct(correlation="all"),
    )
    left, right = alpha / (alpha + gamma), delta / (beta + delta)
    x = np.arange(length) + 1 / (alpha + gamma)
    whole = x[-1] + 1 / (beta + delta)
    np.testing.assert_allclose(found.current, (left - right) / whole, rtol=1e-12)
    np.testing.assert_allclose(found.density, left + (right - left) * x / whole, rtol=1e-11)
    early, late = np.minimum(x[:, None], x), np.maximum(x[:, None], x)
    expected = -((left - right) ** 2) * early * (whole - late) / (whole**2 * (whole - 1))
    apart = ~np.eye(length, dtype=bool)
    np.testing.assert_allclose(found.correlation[apart], expected[apart], rtol=1e-8)


def test_equal_reservoirs_leave_no_correlations():
    found = steady(OpenASEP.from_densities(7, 0.4, 0.4, q=0.3), MatrixProduct(correlation="all"))
    np.testing.assert_allclose(found.density, 0.4, rtol=1e-12)
    np.testing.assert_allclose(found.correlation, 0.24 * np.eye(7), atol=1e-13)


@pytest.mark.parametrize("push", [0.0, 1e-6])
def test_symmetric_hops_between_equal_reservoirs_have_a_default(push):
    """Where the matrices are singular: J = (rho_a - rho_b) / M, the density linear."""
    found = steady(OpenASEP.from_densities(50, 0.3 + push, 0.3, 1.0))
    np.testing.assert_allclose(found.current, push / 51, atol=3e-13)  # residual
    x = np.arange(1, 51)
    np.testing.assert_allclose(found.density, 0.3 + push * (1 - x / 51), atol=1e-10)
    rates = jnp.array([0.3, 0.7, 0.7, 0.3, 1.0])
    for method in (MeanField(), Generator()):
        response = jax.grad(lambda r, m=method: steady(OpenASEP(4, *r), m).current)(rates)
        np.testing.assert_allclose(response[0], 0.7 / 5, rtol=1e-9)


@pytest.mark.parametrize("q", [0.0, 0.4, 1.0])
def test_gradients_against_differences(q):
    rates = jnp.array([0.6, 0.7, 0.2, 0.1, q])

    @jax.jit
    def observed(rates):
        found = steady(OpenASEP(6, *rates), MatrixProduct(correlation="all"))
        return found.current + found.density[1] + found.correlation[1, 3]

    gradient = jax.grad(observed)(rates)
    for index in range(5):

        def along(step, index=index):
            return observed(rates.at[index].add(step))

        np.testing.assert_allclose(gradient[index], slope(along, 0.0), rtol=1e-6)
    product = jax.jvp(jax.grad(observed), (rates,), (jnp.ones(5),))[1]
    slopes = slope(lambda step: jnp.sum(jax.grad(observed)(rates + step)), 0.0)
    np.testing.assert_allclose(jnp.sum(product), slopes, rtol=1e-6)


def test_entropy_is_that_of_the_affinity_of_one_passage():
    """sigma = J ln(alpha beta / (gamma delta q^(L-1))), infinite without reverse moves."""
    chain = OpenASEP(length=6, alpha=0.5, beta=0.6, gamma=0.2, delta=0.1, q=0.3)
    found = steady(chain)
    affinity = np.log(0.5 * 0.6 / (0.2 * 0.1 * 0.3**5))
    np.testing.assert_allclose(found.entropy_production, found.current * affinity, rtol=1e-12)
    total = sum(jnp.sum(found.fluxes[name] * found.forces[name]) for name in found.fluxes)
    np.testing.assert_allclose(found.entropy_production, total, rtol=1e-12)
    one_way = steady(OpenASEP(length=6, alpha=0.5, beta=0.6))
    assert one_way.entropy_production == jnp.inf and one_way.irreversible == 7


def test_single_precision():
    with jax.enable_x64(False):
        found = steady(OpenASEP(length=50, alpha=1.0, beta=1.0))
        assert found.density.dtype == jnp.float32
        np.testing.assert_allclose(found.current, 52 / 202, rtol=1e-5)


def test_misuse_is_told():
    with pytest.raises(ValueError, match=r"alpha = -1 is not allowed"):
        OpenASEP(length=4, alpha=-1.0, beta=1.0)
    with pytest.raises(ValueError, match=r"2 rates, and 4 sites have 3 bonds"):
        OpenASEP(length=4, alpha=1.0, beta=1.0, hopping=jnp.array([1.0, 0.5]))
    slow = OpenASEP(length=4, alpha=1.0, beta=1.0, hopping=jnp.array([1.0, 0.5, 1.0]))
    with pytest.raises(ValueError, match=r"use Generator"):
        steady(slow, MatrixProduct())
    with pytest.raises(ValueError, match=r"drive against the hops"):
        steady(OpenASEP(length=4, alpha=0.1, beta=0.1, gamma=1.0, delta=1.0, q=0.5))
    with pytest.raises(ValueError, match=r"in equilibrium"):
        steady(OpenASEP.from_densities(4, 0.5, 0.5, q=1.0), MatrixProduct())
    for gamma in (0.0, 0.1):  # 10^1002 is beyond all numbers
        with pytest.raises((SolveError, ValueError), match=r"not_finite|drive against the hops"):
            steady(OpenASEP(1000, alpha=1.0, beta=1.0, gamma=gamma, delta=0.1, q=10.0))
