"""The matrix product against closed forms, exact fractions and the null vector of the generator."""

import itertools
from functools import cache

import numpy as np
import pytest

from jaxneq import steady
from jaxneq.exclusion import MatrixProduct, OpenASEP

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
