"""Jump networks in their stationary state: probabilities, cycles and entropy production."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import jump, steady

# 0 -> 1 -> 2 -> 0 with 2, 3, 4, and back with 1, 0.5, 1
RATES = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 3.0], [4.0, 0.5, 0.0]])


@pytest.fixture(scope="module")
def three():
    return steady(jump.MarkovNetwork(RATES))


def test_three_states_by_kirchhoff(three):
    """Sums over spanning trees: p = (33, 19, 20)/72, J = (24 - 0.5)/36, affinity ln 48."""
    np.testing.assert_allclose(three.probability, np.array([33, 19, 20]) / 72, rtol=1e-14)
    np.testing.assert_allclose(three.edge_current, np.array([1, -1, 1]) * 47 / 72, rtol=1e-13)
    np.testing.assert_allclose(np.abs(three.cycle_affinities), math.log(48), rtol=1e-14)
    np.testing.assert_allclose(three.entropy_production, 47 / 72 * math.log(48), rtol=1e-13)
    assert three.conservation_residual < 1e-14


def test_every_rate_differentiates():
    def produced(rates):
        return steady(jump.MarkovNetwork(rates)).entropy_production

    rates = jnp.asarray(RATES)
    slopes = jax.grad(produced)(rates)
    steps = jnp.eye(9).reshape(9, 3, 3)[np.flatnonzero(RATES)] * 1e-5
    central = jax.vmap(lambda h: (produced(rates + h) - produced(rates - h)) / 2e-5)(steps)
    np.testing.assert_allclose(slopes.ravel()[np.flatnonzero(RATES)], central, rtol=1e-7)
    along = jnp.asarray(np.where(RATES > 0, np.cos(np.arange(9.0)).reshape(3, 3), 0))
    curved = jax.jvp(jax.grad(produced), (rates,), (along,))[1]
    moved = [jax.grad(produced)(rates + sign * 1e-5 * along) for sign in (1, -1)]
    wanted = (moved[0] - moved[1])[RATES > 0] / 2e-5
    np.testing.assert_allclose(curved[RATES > 0], wanted, rtol=1e-6)


def test_dot():
    dot = jump.ChannelNetwork.validation()
    assert len(list(dot)) == 2
