"""Jobs whose figure has a curve of another verb, method or system beside their own."""

import re
from pathlib import Path

import numpy as np
import pytest
import toy_engine

from jaxneq import config, report
from jaxneq.langevin import Overdamped, TiltedCosine, washboard
from jaxneq.store import read_result, write_result

CONFIGS = Path(__file__).parents[1] / "configs"
ROD = toy_engine.JOB.replace("[system]", 'draw = "temperature"\n[system]')
SWEEP = '[sweep]\n"system.length" = { values = [1.0, 2.0] }\n'


@pytest.fixture
def toy(monkeypatch):
    toy_engine.register(monkeypatch)


@pytest.fixture(scope="module")
def tilted():
    """Two forces, sampled, and the Fokker-Planck equation beside."""
    forces = "sweep={ 'system.potential.force' = { values = [0.7, 1.2] } }"
    short = "system.temperature=0.3", "simulate.time=100.0", "method.replicas=1024"
    return config.execute(config.load(CONFIGS / "washboard.toml", [forces, *short]))


def test_samples_agree_with_the_stationary_state_beside(tilted):
    rings = (TiltedCosine(amplitude=1.0, force=force) for force in (0.7, 1.2))
    exact = [washboard(Overdamped(potential=ring, temperature=0.3)) for ring in rings]
    for index, name in enumerate(("velocity", "diffusion")):
        label = "Fokker-Planck" + (", velocity" if name == "velocity" else "")
        beside = tilted.compared[label]
        assert beside.quantity == name and beside.computed and beside.label == "Fokker-Planck"
        assert np.array_equal(beside.datasets["force"].values, np.linspace(0.7, 1.2, 61))
        there = beside.datasets[name].values[::60]
        np.testing.assert_allclose(there, [pair[index] for pair in exact], rtol=1e-8)
        found, error = (tilted.quantities[name + end].values for end in ("", "_stderr"))
        assert np.all(np.abs(found - there) < 5 * error)
        assert np.all(error < 0.05 * found)


def test_points_with_error_bars_beside_a_line(tilted, tmp_path):
    write_result(tmp_path / "r.h5", tilted)
    result = read_result(tmp_path / "r.h5")
    panels = report.figure(result).axes
    assert [ax.get_ylabel() for ax in panels] == ["Diffusion", "Velocity"]
    for ax, name in zip(panels, ("diffusion", "velocity"), strict=True):
        exact = result.compared["Fokker-Planck" + ", velocity" * (name == "velocity")]
        drawn = {line.get_linestyle(): line.get_ydata() for line in ax.lines}
        np.testing.assert_array_equal(drawn["None"], result.quantities[name].values)
        np.testing.assert_array_equal(drawn["-"], exact.datasets[name].values)
        assert any(hasattr(each, "get_segments") for each in ax.collections)  # error bars
    labels = [text.get_text() for text in panels[0].get_legend().get_texts()]
    assert labels == ["overdamped, sampled", "Fokker-Planck"]
    (line,) = [text for text in report.summary(result) if text.startswith("Fokker-Planck")]
    away = float(re.search(r"at most ([\d.]+) standard errors away", line)[1])
    primary = result.attributes["primary"]
    exact = result.compared["Fokker-Planck"].datasets[primary].values[::60]
    sampled, error = (result.quantities[primary + end].values for end in ("", "_stderr"))
    np.testing.assert_allclose(away, np.max(np.abs(sampled - exact) / error), atol=0.05)


def test_a_chain_beside_its_lyapunov_equation():
    """The entropy production is the flux (Rieder, Lebowitz and Lieb 1967) times 1 - 1/2."""
    short = "system.sites=4", "simulate.time=500.0", "method.replicas=256"
    short += ("simulate.burn_in=100.0",)
    one = "sweep={ 'system.thermostat.friction' = { values = [0.5] } }"
    found = config.execute(config.load(CONFIGS / "chain_harmonic.toml", [one, *short]))
    (beside,) = found.compared.values()
    exact = beside.datasets["entropy_production"].values
    np.testing.assert_allclose(exact, 0.1715686274509779 / 2, rtol=1e-10)
    produced = found.quantities["entropy_production"].values
    error = found.quantities["entropy_production_stderr"].values
    assert np.abs(produced - exact) < 5 * error < 0.03
    above, below = report.figure(found).axes  # the legend stands where there are two
    labels = [text.get_text() for text in above.get_legend().get_texts()]
    assert below.get_legend() is None and labels == ["chain, sampled", "linear moments"]


RING = """
verb = "simulate"
[system]
type = "langevin.Overdamped"
temperature = 0.5
potential = { type = "langevin.TiltedCosine", force = 0.8 }
[method]
type = "langevin.EulerMaruyama"
dt = 0.0125
replicas = 1024
[simulate]
time = 30.0
burn_in = 10.0
[observables.density]
type = "statistics.Histogram"
of = "phase"
low = 0.0
high = 6.283185307179586
bins = 16
[compare.systems."Fokker-Planck"]
verb = "steady"
method = { type = "langevin.FokkerPlanck", ends = "periodic", cells = 64 }
"""


def test_a_sampled_density_beside_the_stationary_one():
    """The average over each of 16 bins beside that of the four cells in it."""
    result = config.execute(config.load(RING))
    (beside,) = result.compared.values()
    assert beside.along == "" and list(beside.datasets)[:2] == ["position", "density"]
    exact = beside.datasets["density"].values.reshape(16, 4).mean(axis=1)
    places = beside.datasets["position"].values.reshape(16, 4).mean(axis=1)
    found = {name: data.values for name, data in result.quantities.items()}
    np.testing.assert_allclose(found["density_value"], places, rtol=1e-12)
    error = found["density_stderr"]
    assert np.all(np.abs(found["density"] - exact) < 5 * error) and np.all(error < 0.005)
    (ax, *_) = report.figure(result).axes
    assert any(len(line.get_xdata()) == 64 for line in ax.lines)
    assert ax.get_xlabel() == "Phase"


def test_changes_of_the_system_and_the_method():
    """A table without a type keeps what it does not name; one with a type stands for itself."""
    changes = """
[compare.systems.steeper]
system.potential.force = 1.1
method.dt = 0.025
[compare.systems.level]
system.potential = { type = "langevin.TiltedCosine", amplitude = 2.0 }
"""
    others = config.load(RING + changes).others
    steeper, level = others["steeper"], others["level"]
    assert float(steeper.system.potential.force) == 1.1
    assert float(steeper.system.temperature) == float(level.system.temperature) == 0.5
    assert float(steeper.method.dt) == 0.025 and steeper.method.replicas == 1024
    assert float(level.system.potential.force) == 0 != float(steeper.system.potential.amplitude)


def test_a_profile_beside_one_of_another_system(toy):
    other = 'system = { type = "toy.Rod", length = 1.0, medium = "glass", difference = 9.0 }'
    job = config.load(f"{ROD}[compare.systems.steeper]\n{other}\n")
    (beside,) = config.execute(job).compared.values()
    assert beside.along == "" and beside.quantity == "temperature"
    np.testing.assert_allclose(
        beside.datasets["temperature"].values, 300 + np.linspace(4.5, -4.5, 5)
    )
    (ax,) = report.figure(config.execute(job)).axes
    assert any(np.ptp(line.get_ydata()) == 9.0 for line in ax.lines)


def test_another_method_of_the_same_system(toy):
    job = toy_engine.JOB + SWEEP + '[compare.systems.back]\nmethod.type = "toy.Direct"\n'
    result = config.execute(config.load(job + 'method.scheme = "backward"\n'))
    back = result.compared["back"].datasets["flux"].values
    np.testing.assert_array_equal(back, -result.quantities["flux"].values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            toy_engine.JOB + '[compare.systems.x]\nmethod.type = "toy.Direct"\n',
            "flux is one number",
        ),
        (ROD + SWEEP + '[compare.systems.x]\nverb = "steady"\n', "temperature has 1 dimensions"),
        (
            toy_engine.SAMPLE + SWEEP + '[compare.systems.x]\nverb = "steady"\n',
            "compare.systems.x finds flux in W/m2, and the figure draws displacement in m",
        ),
        (
            ROD.replace('"temperature"', '["flux", "temprature"]')
            + '[compare.systems.x]\nmethod.type = "toy.Direct"\n',
            'draw = "temprature" is no quantity found. Did you mean temperature?',
        ),
    ],
)
def test_what_cannot_be_compared_is_told_before_computing(toy, text, message, monkeypatch):
    monkeypatch.setattr(config._execute, "_solved", None)
    monkeypatch.setattr(config._execute, "_sampled", None)
    with pytest.raises(config.JobError, match=re.escape(message)):
        config.execute(config.load(text))


FITTED = """
verb = "simulate"
system = { type = "langevin.Overdamped", potential = { type = "langevin.Harmonic" } }
method = { type = "langevin.EulerMaruyama", dt = 0.1, replicas = 64 }
sweep."system.temperature" = { values = [1.0, 2.0, 3.0] }
fit = { of = ["mean_position", "position_variance"], form = "power" }
[simulate]
time = 2.0
"""


def test_what_has_no_logarithm_is_not_fitted_and_the_rest_is():
    found = config.execute(config.load(FITTED))
    assert np.any(found.quantities["mean_position"].values < 0)
    assert "mean_position_fit" not in found.quantities
    assert "position_variance_fit" in found.quantities
    assert found.attributes["primary"] == "mean_position"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("position_variance", "position_varance", "position_varance is not one number"),
        ("[simulate]", 'draw = "x"\n[simulate]', 'draw = "x" is no quantity found'),
    ],
)
def test_what_cannot_be_found_is_told_before_the_run(old, new, expected, monkeypatch):
    monkeypatch.setattr(config._execute, "run", None)
    text = FITTED.replace(old, new)
    text = text if "draw" not in new else text.replace("fit =", "# fit =")
    with pytest.raises(config.JobError, match=expected):
        config.execute(config.load(text))
