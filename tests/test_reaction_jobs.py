"""The jobs on reactions in configs/, reduced, against what is known."""

from pathlib import Path

import numpy as np
import pytest

from jaxneq import config, report

CONFIGS = Path(__file__).parents[1] / "configs"


def done(name, *overrides):
    """The result of a job of configs/, with overrides."""
    return config.execute(config.load(CONFIGS / f"{name}.toml", overrides))


def value(result, name):
    return result.quantities[name].values


@pytest.fixture(scope="module")
def schloegl():
    small = ("method.replicas=2048", "method.instants=4")
    return done("schloegl", *small, "simulate.time=300.0", "simulate.burn_in=200.0")


def test_a_bistable_reaction_is_sampled_as_it_should_be(schloegl):
    exact = schloegl.compared["master equation"].datasets["marginal"].values
    found, error = value(schloegl, "marginal")[0], value(schloegl, "marginal_stderr")[0]
    # replicas are independent, instants are not: the error of the share above the barrier is at
    # most that of one instant of each replica
    share = exact[41:].sum()
    spread = np.sqrt(share * (1 - share) / 2048)
    assert abs(found[41:].sum() - share) < 5 * spread and np.all(error < 0.005)
    (mean,), (over_replicas,) = value(schloegl, "mean"), value(schloegl, "mean_stderr")
    assert abs(mean - exact @ np.arange(exact.size)) < 5 * over_replicas and over_replicas < 0.7
    (ax, *_) = report.figure(schloegl).axes
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["X", "master equation"]


def test_switching_is_slowest_where_both_states_are_as_likely():
    result = done("schloegl_switching", 'sweep."system.constants.k4".count=3', "method.largest=150")
    up, down = value(result, "passage_up"), value(result, "passage_down")
    assert np.all(np.diff(up) > 0) and np.all(np.diff(down) < 0)
    slope = value(result, "d_relaxation_rate_d_k4")
    assert slope[0] < 0 < slope[-1]


def test_a_reaction_stands_still_without_a_force():
    result = done("driven_reaction", 'sweep."system.fixed.P".count=5')
    cost, velocity = value(result, "cost"), value(result, "velocity")
    assert np.array_equal(np.sign(cost), np.sign(velocity)) and cost[0] > 0 > cost[-1]
    produced = value(result, "entropy_production") * 8.31446261815324e-3 * 310.15
    np.testing.assert_allclose(produced, cost * velocity, rtol=1e-6)


def test_the_curve_of_michaelis_and_menten():
    result = done("michaelis_menten", 'sweep."system.fixed.S".count=3')
    s = result.axes["system.fixed.S"].values
    curve = 5.0 * 20 * s / ((1.0 + 5.0) / 2.0 + s)
    error = value(result, "velocity_stderr")
    assert np.all(np.abs(value(result, "velocity") - curve) < 5 * error) and np.all(error < 0.5)
    exact = {name: data.values for name, data in result.compared["rate equations"].datasets.items()}
    assert np.all(np.isin(s, exact["S"])) and exact["S"].size == 61
    np.testing.assert_allclose(exact["velocity"], 100 * exact["S"] / (3 + exact["S"]), rtol=1e-12)


def test_cells_are_washed_out_beyond_their_fastest_growth():
    result = done("lactate_cell", 'sweep."system.constants.D"={ values = [0.1, 0.3, 0.5] }')
    cells, velocity = value(result, "mean")[:, 2], value(result, "velocity")
    growth = 2 * 10.5 * 0.02  # per hour, where glucose abounds
    glucose = 2e-4 * np.array([0.1, 0.3]) / (growth - np.array([0.1, 0.3]))
    np.testing.assert_allclose(value(result, "mean")[:2, 0], glucose, rtol=1e-9)
    np.testing.assert_allclose(cells[:2], 21.0 * (0.02 - glucose), rtol=1e-9)
    assert abs(cells[2]) < 1e-12 and abs(velocity[2]) < 1e-12
    assert np.all(value(result, "dissipation")[:2] > 0)
