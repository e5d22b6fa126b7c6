"""Observables: what they gather, and how a job asks for them by name."""

import re

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import config, langevin, report, simulate
from jaxneq.statistics import Autocorrelation, Histogram, Series, TimeAverage, correlation
from jaxneq.store import write_result

KEY = jax.random.key(0)
SAMPLES = jax.random.normal(KEY, (40, 2, 6)) + 0.3  # time, coordinate, replica
LAGGED = Autocorrelation("c", lambda sample: sample, lags=7)
BINNED = Histogram("h", lambda sample: sample, low=-1.0, high=2.0, bins=6)
KEPT = Series("s", lambda sample: sample, length=30)


def total(observable, part, samples=SAMPLES):
    """The accumulator over these samples."""
    start = observable.init(samples[0])
    return jax.lax.scan(lambda sums, x: (observable.update(sums, x), None), start, samples[part])[0]


def same(first, second):
    for one, two in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("observable", [LAGGED, BINNED, KEPT], ids=lambda one: one.name)
@pytest.mark.parametrize("cut", [0, 1, 3, 20, 38])
def test_parts_of_a_run_merge(observable, cut):
    """Into what the whole run gives, wherever it is cut; and blocks of replicas join."""
    whole = total(observable, slice(None))
    merged = observable.merge(total(observable, slice(cut)), total(observable, slice(cut, None)))
    same(merged, whole)
    first, second = (
        total(observable, slice(None), SAMPLES[..., cut]) for cut in np.split(np.arange(6), 2)
    )
    same(observable.join(jax.tree.map(lambda *one: jnp.stack(one), first, second)), whole)


def test_an_autocorrelation_is_that_of_the_series():
    """Against sums by Fourier transform, less the square of the mean that is free of bias."""
    found = LAGGED.estimate(total(LAGGED, slice(None)))
    series = jnp.moveaxis(SAMPLES, 0, -1)
    products = correlation(series, series, lags=7).mean(axis=1)
    means = np.asarray(SAMPLES.mean(axis=0))
    square = means.mean(axis=-1) ** 2 - means.var(axis=-1, ddof=1) / 6
    np.testing.assert_allclose(found.value.value, products - square[:, None], rtol=1e-10)
    value = np.asarray(found.value.value)
    integral = [np.trapezoid(value[:, : k + 1], axis=1) for k in range(7)]
    np.testing.assert_allclose(found.integral.value, np.stack(integral, -1), rtol=1e-10, atol=1e-14)


def test_an_autocorrelation_has_no_bias_and_honest_errors():
    """Of 4000 short runs of an autoregression with the mean 2, whose correlation is 0.8^k."""
    noise = jax.random.normal(jax.random.key(1), (24, 4000))

    def step(x, xi):
        return 0.8 * x + 0.6 * xi, 2 + x

    _, series = jax.lax.scan(step, noise[0], noise[1:])
    found = LAGGED.estimate(total(LAGGED, slice(None), series))
    exact = 0.8 ** np.arange(7)
    assert np.all(np.abs(found.value.z_score(exact)) < 5) and np.all(found.value.stderr < 0.02)
    groups = jnp.moveaxis(series.reshape(23, 100, 40), 1, 0)
    repeats = jax.vmap(lambda group: LAGGED.estimate(total(LAGGED, slice(None), group)))(groups)
    for kind, lag in (("value", 0), ("value", 5), ("integral", 6)):
        many = getattr(repeats, kind)
        spread = np.std(many.value[:, lag], ddof=1)
        claimed = np.sqrt(np.mean(many.stderr[:, lag] ** 2))
        assert abs(claimed / spread - 1) < 5 * 0.08  # 100 repeats: 1/sqrt(2 * 99), and the claim's


def test_a_histogram_is_that_of_the_samples():
    found = BINNED.estimate(total(BINNED, slice(None)))
    for coordinate in range(2):
        values = np.asarray(SAMPLES[:, coordinate])
        count, _ = np.histogram(values, 6, (-1.0, 2.0))
        np.testing.assert_allclose(found.value[coordinate], count / values.size / 0.5, rtol=1e-12)
    with pytest.raises(ValueError, match="Histogram: low = 2 is not below high = 1"):
        Histogram("h", "position", low=2.0, high=1.0)
    with pytest.raises(ValueError, match="low = 2 is not below high = 1"):  # while tracing too
        jax.jit(lambda x: Histogram("h", "position", low=2.0, high=1.0).bins + x)(1.0)


TRAP = langevin.Overdamped(potential=langevin.Harmonic(stiffness=2.0), temperature=0.5)
METHOD = langevin.EulerMaruyama(dt=0.05, replicas=64)
ASKED = Autocorrelation("memory", "position", lags=4, every=4)


def test_derivatives_of_a_correlation():
    """With respect to stiffness and temperature, through the paths, against differences."""

    @jax.jit
    def computed(parameters):
        stiffness, temperature = parameters
        trap = langevin.Overdamped(
            potential=langevin.Harmonic(stiffness=stiffness), temperature=temperature
        )
        plan = {"time": 3.2, "burn_in": 1.6, "observables": (ASKED,)}
        found = simulate(trap, METHOD, key=KEY, **plan).observables["memory"]
        return found.value.value[1] + found.integral.value[3]

    at = jnp.asarray([2.0, 0.5])
    differences = [(computed(at + h) - computed(at - h)) / 2e-5 for h in 1e-5 * jnp.eye(2)]
    np.testing.assert_allclose(jax.grad(computed)(at), differences, rtol=1e-6)


def test_blocks_do_not_change_what_is_gathered():
    answers = []
    for block in (64, 16):
        method = langevin.EulerMaruyama(dt=0.05, replicas=64, block=block)
        found = simulate(TRAP, method, key=KEY, time=3.2, observables=(ASKED,))
        answers.append(found.observables["memory"])
    same(*answers)


def test_single_precision_stays_single():
    with jax.enable_x64(False):
        trap = langevin.Overdamped(potential=langevin.Harmonic(stiffness=2.0))
        asked = (ASKED, Histogram("shape", "position", low=-1.0, high=1.0, every=2))
        method = langevin.EulerMaruyama(dt=0.05, replicas=8)
        found = simulate(trap, method, key=KEY, time=3.2, observables=asked)
    for leaf in jax.tree.leaves(found.reported):
        assert leaf.dtype == jnp.float32 and np.all(np.isfinite(leaf))


JOB = """
verb = "simulate"
[system]
type = "langevin.Overdamped"
potential = { type = "langevin.Harmonic", stiffness = 2.0 }
temperature = 0.5
[method]
type = "langevin.EulerMaruyama"
dt = 0.05
replicas = 4096
[simulate]
time = 20.0
burn_in = 4.0
"""
OBSERVABLES = """
[observables.memory]
type = "statistics.Autocorrelation"
of = "position"
lags = 8
every = 4
[observables.shape]
type = "statistics.Histogram"
of = "position"
low = -2.0
high = 2.0
bins = 20
[observables.energy]
type = "statistics.TimeAverage"
of = "potential_energy"
every = 4
[observables.path]
type = "statistics.Series"
of = "position"
length = 3
every = 20
"""


@pytest.fixture(scope="module")
def gathered(tmp_path_factory):
    """A result, and its file."""
    result = config.execute(config.load(JOB + OBSERVABLES))
    path = tmp_path_factory.mktemp("gathered") / "result.h5"
    write_result(path, result)
    return result, path


def test_a_job_finds_what_it_asks_for(gathered):
    """Of the Euler-Maruyama chain: variance T/k / (1 - k dt/2), and 0.9 to the lag in steps."""
    values = {name: data.values for name, data in gathered[0].quantities.items()}
    variance = 0.25 / 0.95
    middle = np.linspace(-1.9, 1.9, 20)
    fine = (middle[:, None] + np.linspace(-0.1, 0.1, 101)).ravel()
    density = np.exp(-(fine**2) / 2 / variance) / np.sqrt(2 * np.pi * variance)
    exact = {
        "memory": variance * 0.9 ** (4 * np.arange(8)),
        "shape": density.reshape(20, 101).mean(axis=1),
        "energy": variance,
    }
    for name, expected in exact.items():
        error = values[f"{name}_stderr"]
        assert np.all(np.abs(values[name] - expected) < 5 * error + 1e-4), name
        assert np.all(error < 0.01), name
    np.testing.assert_allclose(values["memory_lag"], 0.2 * np.arange(8), rtol=1e-12)
    np.testing.assert_allclose(values["shape_value"], middle, rtol=1e-12)
    np.testing.assert_allclose(values["path_time"], [1.0, 2.0, 3.0], rtol=1e-12)
    assert values["path"].shape == (3, 4096) and np.all(np.isfinite(values["path"]))


def test_it_is_in_the_file_with_its_dimensions_and_in_the_figure(gathered):
    result, path = gathered
    with h5py.File(path) as file:
        memory = file["solution/memory"]
        assert [dim.label or dim[0].name.split("/")[-1] for dim in memory.dims] == ["memory_lag"]
        assert memory.attrs["long_name"] == "Position: autocorrelation"
        assert file["solution/memory_integral"].shape == (8,)
        assert [dim[0].name.split("/")[-1] for dim in file["solution/path"].dims] == [
            "path_time",
            "replica",
        ]
    axes = report.figure(result).axes
    named = {ax.get_ylabel(): ax.get_xlabel() for ax in axes if ax.get_ylabel()}
    assert named == {"Memory": "Lag", "Memory integral": "Lag", "Shape": "Position"}


def test_observables_of_a_sweep():
    sweep = "sweep={ 'system.temperature' = { values = [0.5, 1.0] } }"
    short = "simulate.time=6.4", "method.replicas=32"
    result = config.execute(config.load(JOB + OBSERVABLES, [sweep, *short]))
    memory = result.quantities["memory"]
    assert memory.dims == ("system.temperature", "memory_lag") and memory.values.shape == (2, 8)
    assert result.quantities["memory_lag"].dims == ("memory_lag",)
    assert np.all(memory.values[1, 0] > memory.values[0, 0])


def test_a_current_of_a_chain_by_name():
    ends = {"bond": langevin.HarmonicSpring(), "thermostat": langevin.EndBaths()}
    chain = langevin.Chain(sites=3, **ends)
    asked = Autocorrelation("flux", "bond_current", lags=2, every=4)
    method = langevin.BAOAB(dt=0.1, replicas=8)
    found = simulate(chain, method, key=KEY, time=3.2, observables=(asked,))
    value, declared = found.quantities()["flux"]
    assert value.value.shape == (2, 2) and declared["dims"] == ("bond", "flux_lag")


BAD = {
    "quantity": (("position", "velocity"), "Overdamped has no quantity 'velocity' to be observed"),
    "known ones": (("position", "velocity"), "There are: position, squared_position, potential"),
    "type": (("Autocor", "Autocorr"), 'Did you mean "statistics.Autocorrelation"?'),
    "setting": (("lags = 8", "lag = 8"), "unknown key observables.memory.lag. Did you mean lags?"),
    "lags": (("lags = 8", "lags = 900"), "memory has 80 samples, too few for 900 lags"),
    "odd": (("every = 4", "every = 3"), "asks for a sample every 3 steps"),
    "missing": (("lags = 8", ""), "observables.memory.lags is missing"),
    "taken": (("memory", "velocity"), "'velocity' is a quantity of every ensemble"),
    "told": (("observables.shape", "observables.memory_lag"), "both tell 'memory_lag'. Rename one"),
    "name": (("observables.memory", 'observables."a/b"'), "observables"),
    "verb": (("simulate", "steady"), "[observables] go with the verb simulate"),
    "range": (("low = -2.0", "low = 2.0"), "low = 2 is not below high = 2"),
    "method": (
        ('"langevin.EulerMaruyama"\ndt = 0.05\nreplicas = 4096', '"langevin.ForwardAndReverse"\n'
         'integrator = { type = "langevin.EulerMaruyama", replicas = 8 }\n'),
        "observables.memory: ForwardAndReverse does not tell what observables find",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_observable_is_told_in_one_line(case):
    (old, new), expected = BAD[case]
    text = (JOB + OBSERVABLES).replace(old, new)
    if case == "verb":
        text = text.replace("[simulate]", "").replace("[steady]\ntime = 20.0\nburn_in = 4.0\n", "")
    if case == "method":
        ramp = 'protocol = { type = "langevin.LinearRamp", end = 1.0, ramp_time = 1.0 }\n[method]'
        text = text.replace("[method]", ramp).partition("[observables.energy]")[0]
    with pytest.raises(config.JobError) as caught:
        config.load(text)
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_samples_without_names_are_told():
    text = """
    verb = "simulate"
    system = { type = "phonon.Nanowire", material = "Si-gray", diameter = 1e-7 }
    method = { type = "phonon.PathMonteCarlo", replicas = 16 }
    observables.flight = { type = "statistics.TimeAverage", of = "length" }
    [simulate]
    """
    with pytest.raises(
        config.JobError, match="the samples have no quantities by name, such as 'le"
    ):
        config.load(text)


def test_observables_are_listed_and_in_the_schema():
    assert "statistics.Autocorrelation" in config.observables()
    assert not set(config.observables()) & set(config.parts())
    schema = config.json_schema()
    (choices,) = schema["properties"]["observables"]["additionalProperties"].values()
    assert {"$ref": "#/$defs/statistics.Histogram"} in choices
    found = schema["$defs"]["statistics.Autocorrelation"]["properties"]
    assert found["of"]["type"] == "string" and found["lags"]["minimum"] == 1


def test_a_table_in_python_takes_a_function_and_tells_nothing():
    cubed = TimeAverage("cubed", lambda sample: sample.position[0] ** 3)
    found = simulate(TRAP, METHOD, key=KEY, time=1.6, observables=(cubed,))
    assert "cubed" in found.observables and "cubed" not in found.quantities()
    with pytest.raises(ValueError, match=re.escape("of = 3 is not allowed. Give a name")):
        TimeAverage("x", 3)
