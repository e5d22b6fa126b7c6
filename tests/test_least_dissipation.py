"""The probabilities that dissipate least: against a general minimiser, and near equilibrium."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from differences import slope

from jaxneq import config, steady
from jaxneq.jump import ChannelNetwork, LeastDissipation, MarkovNetwork, State, ThermalChannel

CONFIGS = Path(__file__).parents[1] / "configs"
RATES = np.array(
    [[0.0, 2.0, 0.5, 0.3], [1.0, 0.0, 3.0, 0.0], [0.7, 0.4, 0.0, 2.0], [0.1, 0.0, 1.2, 0.0]]
)


@jax.jit
def found(network):
    return LeastDissipation().steady(network)


def ring(work):
    """Three levels, a force on one edge."""
    ends = {"a-b": "ab", "b-c": "bc", "c-a": "ca"}
    rates = {"a-b": 1.0, "b-c": 3.0, "c-a": 0.5}
    return ChannelNetwork(
        channels=tuple(
            ThermalChannel(
                name, source, target, rate=rates[name], work=work if name == "a-b" else 0.3
            )
            for name, (source, target) in ends.items()
        ),
        states=(State("a"), State("b", 1.0), State("c", -0.5)),
    )


def test_against_a_general_minimiser():
    def dissipation(logs):
        p = np.exp(logs) / np.exp(logs).sum()
        flux = p[:, None] * RATES
        ahead, back = flux[np.triu_indices(4, 1)], flux.T[np.triu_indices(4, 1)]
        used = ahead > 0
        return np.sum((ahead[used] - back[used]) * np.log(ahead[used] / back[used]))

    network = MarkovNetwork(RATES)
    best = scipy.optimize.minimize(dissipation, np.zeros(4), method="BFGS", tol=1e-10)
    state = found(network)
    assert np.isclose(state.least_entropy_production, best.fun, rtol=1e-9)
    expected = np.exp(best.x) / np.exp(best.x).sum()
    assert np.allclose(state.least_probability, expected, atol=1e-5)
    assert np.allclose(state.probability, steady(network).probability, rtol=1e-13)
    assert np.isclose(state.entropy_production, steady(network).entropy_production, rtol=1e-13)
    assert float(state.least_entropy_production) < float(state.entropy_production)


def test_near_equilibrium_the_two_are_one():
    """The forces add up to A: both differences fall as A^2."""
    near, nearer = (found(ring(0.02 * size - 0.6)) for size in (1.0, 0.5))
    for name in ("excess", "distance"):
        assert np.isclose(getattr(near, name) / getattr(nearer, name), 4, rtol=0.02)
    assert 0 < float(near.excess) < 1e-5


def test_gradient():
    def least(work):
        state = found(ring(work))
        return state.least_entropy_production + state.least_probability[0]

    assert np.isclose(jax.jit(jax.grad(least))(1.5), slope(least, 1.5), rtol=1e-6)


def test_a_step_without_reverse_is_refused():
    one_way = jnp.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    with pytest.raises(ValueError, match="steps without reverse, 0-1, 0-2, 1-2"):
        steady(MarkovNetwork(one_way), LeastDissipation())


def test_the_job():
    few = 'sweep={"system.channels.a-b.work" = { values = [0.1, 10.0] }}'
    result = config.execute(config.load(CONFIGS / "least_dissipation.toml", [few]))
    small, large = result.quantities["excess"].values
    assert small < 1e-4 < 0.1 < large
