"""Job files that ask for derivatives of sampled averages."""

import jax
import numpy as np
import pytest

from jaxneq import config, langevin, report, simulate
from jaxneq.config import JobError
from jaxneq.store import read_result, write_result

FREE = """
verb = "simulate"
[system]
type = "langevin.Overdamped"
potential = { type = "langevin.TiltedCosine", amplitude = 0.0, force = 0.3 }
temperature = 0.6
friction = 2.0
[method]
type = "langevin.EulerMaruyama"
dt = 0.1
replicas = 4096
[simulate]
time = 1.2
burn_in = 0.2
seed = 3
[gradient]
of = "diffusion"
with_respect_to = ["system.temperature", "system.friction"]
"""
SWEPT = FREE + '[sweep]\n"system.temperature" = { values = [0.6, 0.9] }\n'


@pytest.fixture(scope="module")
def swept():
    return config.execute(config.load(SWEPT))


def z_scores(result, name, exact):
    found = result.quantities
    return (found[name].values - exact) / found[f"{name}_stderr"].values


def test_a_free_particle_spreads_by_einstein_s_relation(swept):
    """D = T / gamma, exact at any step; the error is sqrt(2 / 4096) of it, 2.2 %."""
    temperature, by = np.array([0.6, 0.9]), swept.quantities
    exact = {"temperature": np.array([0.5, 0.5]), "friction": -temperature / 4}
    for name, values in exact.items():
        path = f"d_diffusion_d_{name}"
        assert np.all(np.abs(z_scores(swept, path, values)) < 5)
        assert np.all(by[f"{path}_stderr"].values < 0.05 * np.abs(values))
        for part in ("", "_stderr", "_n_effective", "_estimator"):
            assert by[path + part].dims == ("system.temperature",)
        assert by[f"{path}_estimator"].hints["flag_meanings"] == "pathwise"
    assert swept.attributes["primary"] == "diffusion"
    assert by["status"].values.tolist() == [0, 0]


def test_the_derivative_is_that_of_the_paths_of_the_run(swept):
    """Every path spreads in proportion to T: dD/dT = D / T, and so the standard errors."""
    by = swept.quantities
    for part in ("", "_stderr"):
        of_each = by[f"diffusion{part}"].values / [0.6, 0.9]
        found = by[f"d_diffusion_d_temperature{part}"].values
        np.testing.assert_allclose(found, of_each, rtol=0.05 if part else 1e-10)


def test_it_is_the_function_of_the_engine_with_that_seed():
    job = config.load(FREE.replace("4096", "128"))
    result = config.execute(job)
    method = langevin.EulerMaruyama(dt=0.1, replicas=128)

    def spread(solution):
        moved = solution.position - solution.start
        return (moved - moved.mean()) ** 2 * (128 / 127) / (2 * solution.time)

    plan = {"key": jax.random.key(3), "time": 1.2, "burn_in": 0.2}
    where = lambda s: (s.temperature, s.friction)  # noqa: E731
    direct = langevin.sensitivity(spread, job.system, method, where=where, **plan)
    for name, estimate in zip(("temperature", "friction"), direct.gradient, strict=True):
        data = result.quantities[f"d_diffusion_d_{name}"]
        assert data.dims == ()
        np.testing.assert_allclose(data.values, estimate.value, rtol=1e-10)
        error = result.quantities[f"d_diffusion_d_{name}_stderr"].values
        np.testing.assert_allclose(error, estimate.stderr, rtol=1e-10)


JUMP = """
verb = "simulate"
[system]
type = "langevin.Overdamped"
potential = { type = "langevin.Harmonic", stiffness = 2.0 }
temperature = 0.3
protocol = { type = "langevin.PiecewiseLinear", times = [0, 0, 1], values = [0, 0.8, 0.8] }
[method]
type = "langevin.EulerMaruyama"
dt = 0.05
replicas = 1024
[simulate]
time = 1.0
[gradient]
of = "work"
with_respect_to = ["system.protocol.values"]
"""


def test_the_work_of_a_protocol_by_its_knots():
    """A trap jumps by a: W = k a^2 / 2, and to raise a later knot meets the mean force k (a - x).

    It decays by 1 - k dt in a step; the control changes at half steps, hence the trapezia.
    """
    result = config.execute(config.load(JUMP))
    k, a, dt, steps = 2.0, 0.8, 0.05, 20
    force = k * a * (1 - k * dt) ** np.arange(steps + 1)
    later = dt * (force.sum() - (force[0] + force[-1]) / 2)
    found = result.quantities["d_work_d_values"]
    assert found.dims == ("knot",)
    assert result.quantities["d_work_d_values_estimator"].dims == ()
    np.testing.assert_allclose(result.quantities["work"].values, k * a**2 / 2, rtol=1e-12)
    error = result.quantities["d_work_d_values_stderr"].values
    exact = np.array([0, k * a - later, later])
    assert np.all(np.abs(found.values - exact) <= 5 * error + 1e-12) and np.all(error < 0.02)


def test_every_average_is_the_mean_of_its_samples():
    job = config.load(JUMP.replace("1024", "64"))
    solution = simulate(job.system, job.method, key=jax.random.key(0), time=1.0)
    for name, samples in langevin._averages.samples_of(job.system).items():
        value = np.ravel(getattr(solution, name).value)
        np.testing.assert_allclose(value, [samples(solution).mean()], rtol=1e-12, atol=1e-14)


def test_what_diverges_is_told_and_does_not_end_the_job():
    """Close to the limit of stability of its wells, dt = 2 / 40, some leave a quartic well."""
    text = FREE.replace('{ type = "langevin.TiltedCosine", amplitude = 0.0, force = 0.3 }', "WELL")
    text = text.replace("WELL", '{ type = "langevin.DoubleWell", barrier = 5.0 }')
    text = text.replace("diffusion", "velocity").replace("friction = 2.0", "friction = 1.0")
    text = text.replace("dt = 0.1", "dt = 0.04").replace("4096", "256").replace("0.6", "20.0")
    result = config.execute(config.load(text))
    assert "diverged" in config.failures(result)[0]


def test_the_report_tells_and_draws_them(swept, tmp_path):
    write_result(tmp_path / "result.h5", swept)
    read = read_result(tmp_path / "result.h5")
    (line,) = (each for each in report.summary(read) if each.startswith("∂ diffusion / ∂ friction"))
    assert line.endswith(", pathwise") and "±" in line
    figure = report.figure(read)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["", "∂ diffusion / ∂ temperature", "∂ diffusion / ∂ friction"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FREE.replace('"diffusion"', '"diffuson"'), "gradient.of = .*Did you mean diffusion?"),
        (
            JUMP.replace("stiffness = 2.0", "stiffness = 2.0, dimension = 2").replace(
                '"work"', '"mean_position"'
            ),
            '"mean_position" is no average of one number.*work',
        ),
    ],
)
def test_refused_before_anything_is_computed(text, message):
    with pytest.raises(JobError, match=message):
        config.load(text)
