"""Designs from job files, against optima in closed form."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import config, evolve, exclusion, langevin, report, steady, store
from jaxneq.config import JobError

CONFIGS = Path(__file__).parents[1] / "configs" / "design"


def run(name, *changes):
    return config.execute(config.load(CONFIGS / name, changes))


def test_all_load():
    for file in sorted(CONFIGS.glob("*.toml")):
        assert config.load(file).design is not None


def test_a_dragged_trap_jumps(tmp_path):
    result = run("drag.toml")
    best, least = langevin.optimal_drag(1.0, 1.0)
    found = result.quantities
    assert float(found["objective"].values) == pytest.approx(float(least), rel=1e-9)
    assert float(found["work"].values[0]) == pytest.approx(float(least), rel=1e-9)
    jump, last = float(best.values[1]), float(best.values[2])
    expected = [0, *np.linspace(jump, last, 11), 1]
    np.testing.assert_allclose(found["varied_values"].values[1], expected, atol=1e-5)
    assert np.all(np.diff(found["objective_history"].values) < 0)
    store.write_result(tmp_path / "result.h5", result)
    again = store.read_result(tmp_path / "result.h5")
    assert list(again.quantities["knot_times"].values[:3]) == [0.0, 0.0, 0.1]
    assert float(found["objective_at_start"].values) > float(found["objective"].values)
    labels = [ax.get_ylabel() for ax in report.figure(again).axes]
    assert labels == ["Work", "Control"]
    assert float(found["gradient_norm"].values) < 1e-6


@pytest.mark.slow
def test_a_breathing_trap_jumps():
    found = run("breathing.toml").quantities
    least = float(langevin.optimal_breathing(1.0, 2.0, 1.0)[1])
    assert float(found["objective"].values) == pytest.approx(least, rel=1e-6)
    exact = langevin.optimal_breathing(1.0, 2.0, 1.0, knots=11)[0].values
    np.testing.assert_allclose(found["varied_values"].values[1], exact, atol=1e-3)


@pytest.mark.slow
def test_a_dragged_trap_from_samples():
    found = run("drag_sampled.toml", "method.dt=0.02", "method.replicas=2048").quantities
    value, error = (float(found[name].values) for name in ("objective", "objective_stderr"))
    assert error < 0.03 and abs(value - 1 / 3) < 5 * error
    # the work of these knots themselves, without noise: above the least by half a per cent at most
    knots = found["varied_values"].values[1]
    protocol = langevin.PiecewiseLinear(times=jnp.array([0.0, 0.0, 0.5, 1.0, 1.0]), values=knots)
    trap = langevin.Overdamped(
        temperature=1.0, potential=langevin.Harmonic(stiffness=1.0), protocol=protocol
    )
    work = evolve(trap, langevin.LinearMoments(substeps=8), times=jnp.array([1.0])).work[0]
    assert 0 <= float(work) - 1 / 3 < 0.005 / 3


@pytest.mark.slow
def test_the_best_gates_are_high_in_the_middle():
    found = run("gates.toml").quantities
    best = found["varied_elongation"].values[1]
    np.testing.assert_allclose(best, best[::-1], rtol=1e-4)
    assert np.all(np.diff(best[:4]) > 0) and np.sum(best) == pytest.approx(8)
    # mean field is wrong about the current, and its own optimum carries less
    mean = run("gates.toml", 'method={type = "exclusion.MeanField"}').quantities
    chain = exclusion.RibosomeTraffic(
        initiation=1.0, termination=1.0, footprint=1, elongation=mean["varied_elongation"].values[1]
    )
    carried = float(steady(chain, exclusion.Generator()).current)
    exact = float(found["objective"].values)
    assert carried < exact
    assert abs(float(mean["objective"].values) / exact - 1) > 0.02


def test_a_design_may_be_found_by_another_method():
    """The answer is that of the job's own method at the design that the other finds."""
    mean = 'design.method={type = "exclusion.MeanField"}'
    found = run("gates.toml", mean).quantities
    alone = run("gates.toml", 'method={type = "exclusion.MeanField"}').quantities
    best = found["varied_elongation"].values
    np.testing.assert_array_equal(best, alone["varied_elongation"].values)
    assert float(found["objective"].values) == float(alone["objective"].values)
    chain = exclusion.RibosomeTraffic(
        initiation=1.0, termination=1.0, footprint=1, elongation=best[1]
    )
    exact = float(steady(chain, exclusion.Generator()).current)
    assert float(found["current"].values) == pytest.approx(exact, rel=1e-12)


def test_a_design_that_is_not_finished_says_so():
    with pytest.warns(UserWarning, match="not proven: unfinished after 2 steps"):
        result = run("gates.toml", 'design.optimizer={type = "design.LBFGS", steps = 2}')
    assert int(result.quantities["status"].values) == 0
    assert any("design: unfinished" in line for line in report.summary(result))


GATES = (CONFIGS / "gates.toml").read_text()
BAD = {
    "goal": (
        GATES.replace('maximize = "current"', 'maximize = "curent"'),
        "curent is no quantity of the solution",
    ),
    "component": (
        GATES.replace('maximize = "current"', 'maximize = "density"'),
        "Name one component, such as density[0]",
    ),
    "no goal": (GATES.replace('maximize = "current"', ""), "give minimize, maximize or match"),
    "path": (GATES.replace("system.elongation", "system.elongatoin"), "Did you mean"),
    "space": (
        GATES.replace("design.Simplex", "design.Bounded").replace(
            "total = 8.0", "low = 0.0\nhigh = 1.0"
        ),
        "starts at 1.3, which is not between 0 and 1",
    ),
    "method": (
        GATES + '\n[design.method]\ntype = "exclusion.Gillespie"\nreplicas = 8\n',
        "design: steady: Gillespie cannot steady",
    ),
    "limits": (
        GATES + "\n[design.constraints]\ncurrent = { equal = 1.0, at_most = 2.0 }\n",
        "give equal, or at_least or at_most or both",
    ),
    "sweep": (
        (CONFIGS / "drag_sampled.toml").read_text()
        + '\n[sweep]\n"system.temperature" = { values = [1.0, 2.0] }\n',
        "[design] over a [sweep] goes with the verbs steady and evolve",
    ),
    "no derivative": (
        GATES.replace('verb = "steady"', 'verb = "simulate"').replace(
            '"exclusion.Generator"', '"exclusion.Gillespie"\nreplicas = 8'
        )
        + "\n[simulate]\ntime = 10.0\n",
        "MaxPlus",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_design_is_refused_before_it_is_computed(name):
    text, said = BAD[name]
    with pytest.raises(JobError, match=re.escape(said)):
        config.execute(config.load(text))


@pytest.mark.slow
def test_killed_and_resumed(tmp_path):
    """The history is bit for bit that of a run that was not disturbed."""
    job = tmp_path / "job.toml"
    text = (CONFIGS / "drag_sampled.toml").read_text()
    job.write_text(text.replace("steps = 300", "steps = 1500\ntolerance = 0.0"))

    def command(out):
        arguments = ["design", job, "--out", out, "--checkpoint-every", "0"]
        return subprocess.Popen([sys.executable, "-m", "jaxneq", *map(str, arguments)])

    assert command(tmp_path / "whole").wait(300) == 0
    process, kept = command(tmp_path / "killed"), tmp_path / "killed" / "checkpoint.h5"
    end = time.monotonic() + 200
    while not kept.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL and kept.exists()
    assert command(tmp_path / "killed").wait(300) == 0
    whole, killed = (
        store.read_result(tmp_path / name / "result.h5").quantities for name in ("whole", "killed")
    )
    for name, one in whole.items():
        np.testing.assert_array_equal(one.values, killed[name].values)


@pytest.mark.slow
def test_a_front_has_the_design_at_each_level():
    levels = [0.05, 0.1, 0.2]
    changes = (
        "system.protocol.times=[0.0, 0.0, 0.5, 1.0, 1.0]",
        "system.protocol.values=[0.0, 0.0, 0.5, 1.0, 1.0]",
        "evolve.times=[0.5, 1.0]",
        'design.minimize="work[1]"',
    )
    limit = "design.constraints={{'work[0]' = {{ at_most = {} }}}}".format
    front = run("drag.toml", *changes, limit(f"{{ values = {levels} }}"))
    (axis,) = front.axes.values()
    np.testing.assert_array_equal(axis.values, levels)
    alone = run("drag.toml", *changes, limit(levels[1]))
    for name in ("objective", "varied_values", "work"):
        np.testing.assert_array_equal(
            front.quantities[name].values[1], alone.quantities[name].values
        )
    found = front.quantities["objective"].values
    # the more work at half time, the less in all; the last limit does not bind
    assert found[0] > found[1] > found[2] and found[2] == pytest.approx(1 / 3, rel=1e-6)
    assert front.quantities["work"].values[0, 0] == pytest.approx(0.05, rel=1e-4)
