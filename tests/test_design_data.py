"""Parameters from measured curves: jobs with data along a sweep, and paths."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import least_squares

from jaxneq import (
    config,
    design,
    jump,
    langevin,
    materials,
    phonon,
    report,
    simulate,
    steady,
    store,
)
from jaxneq.config import JobError
from jaxneq.statistics import Series

CONFIGS = Path(__file__).parents[1] / "configs" / "design"


def run(name, *changes):
    return config.execute(config.load(CONFIGS / name, changes))


@pytest.fixture(scope="module")
def cycle():
    return run("cycle.toml")


@pytest.mark.slow
def test_the_rates_of_a_cycle(cycle, tmp_path):
    """Those from which the data were made, within their errors."""
    found = cycle.quantities
    exact = {
        "driven_rate": 2.0,
        "second_rate": 0.5,
        "third_rate": 1.0,
        "B_energy": 0.7,
        "C_energy": -0.4,
    }
    for name, true in exact.items():
        value, error = (float(found[f"fitted_{name}{end}"].values) for end in ("", "_stderr"))
        assert error < 0.05 * max(1, abs(true)) and abs(value - true) < 3 * error
        assert found[f"varied_{name}_stderr"].values[1] == error
    # jointly: chi-squared of 5 is below 20 in 99.9 %
    order = ("driven_rate", "second_rate", "third_rate", "B_energy", "C_energy")  # of the paths
    off = np.array([float(found[f"fitted_{name}"].values) - exact[name] for name in order])
    assert off @ np.linalg.solve(found["covariance"].values, off) < 20
    assert float(found["effective_parameters"].values) == pytest.approx(5)
    assert 10 < float(found["chi_squared"].values) < 60  # 39 data less 5, 8 a standard deviation
    store.write_result(tmp_path / "result.h5", cycle)
    again = store.read_result(tmp_path / "result.h5")
    labels = [ax.get_ylabel().split("\n")[0] for ax in report.figure(again).axes]
    assert labels == ["Edge current 0 (per unit time)", "Edge current variance 0", "Probability 0"]
    assert all(len(ax.lines) > 1 for ax in report.figure(again).axes)  # the data stand there


@pytest.mark.slow
def test_the_errors_of_a_fit_are_those_of_the_model_by_hand(cycle):
    """The covariance from differences of a model that knows nothing of jobs."""
    found = cycle.quantities
    work = jnp.linspace(-6.0, 6.0, 13)

    @jax.jit
    def model(p):
        def at(force):
            ends = (("A", "B", force), ("B", "C", 0 * force), ("C", "A", 0 * force))
            channels = tuple(
                jump.ThermalChannel(name=a + b, source=a, target=b, rate=p[i], work=w)
                for i, (a, b, w) in enumerate(ends)
            )
            energies = (jump.State("A"), jump.State("B", p[3]), jump.State("C", p[4]))
            state = steady(jump.ChannelNetwork(channels=channels, states=energies), throw=False)
            return jnp.stack(
                [state.edge_current[0], state.edge_current_variance[0], state.probability[0]]
            )

        return jax.vmap(at)(work)

    names = ("driven_rate", "second_rate", "third_rate", "B_energy", "C_energy")
    at = jnp.array([float(found[f"fitted_{name}"].values) for name in names])
    step = 1e-5 * jnp.eye(5)
    slope = [(model(at + h) - model(at - h)) / 2e-5 for h in step]
    slope = np.stack([np.ravel(each / jnp.array([[0.001, 0.001, 0.002]])) for each in slope], 1)
    covariance = np.linalg.inv(slope.T @ slope)
    np.testing.assert_allclose(found["covariance"].values, covariance, rtol=1e-4)
    # the currents alone determine three numbers
    assert np.linalg.matrix_rank(slope.reshape(13, 3, 5)[:, 0], tol=1e-6 * slope.max()) == 3


def test_the_accumulation_of_silicon():
    """The spectrum behind 14 films, in its band; nothing is known beyond the films."""
    found = run("accumulation.toml").quantities
    assert int(found["design_status"].values) == 0
    paths = found["mean_free_path"].values[0]
    contribution = found["varied_contribution"].values[1]
    below = np.tril(np.ones((24, 24)))
    band = np.sqrt(np.diag(below @ found["covariance"].values @ below.T))
    silicon = materials.phonon("Si", temperature=300.0)
    order = np.argsort(silicon.mean_free_path)
    each = np.asarray(silicon.conductivity_by_band)[order]
    upper = np.log(paths * np.sqrt(paths[1] / paths[0]))  # of the bins
    exact = np.interp(
        upper, np.log(np.asarray(silicon.mean_free_path)[order]), np.cumsum(each) - each / 2
    )
    known = (paths > 20e-9) & (paths < 15e-6)
    assert np.sum(known) == 16
    assert np.all(np.abs(np.cumsum(contribution) - exact)[known] < 3 * band[known])
    relative = found["varied_contribution_stderr"].values[1] / contribution
    assert np.min(relative) < 0.6 and relative[0] > 2 and relative[-1] > 5
    assert 3.5 < float(found["effective_parameters"].values) < 4.5
    assert 3 < float(found["chi_squared"].values) < 25
    # the film that was measured best is known better than its datum
    assert np.all(found["conductivity_uncertainty"].values < 0.03 * found["conductivity"].values)


@pytest.mark.slow
def test_rates_from_a_measurement(tmp_path):
    """Least squares by another code, with derivatives by differences."""
    temperatures = [60.0, 100.0, 200.0, 300.0, 500.0]
    result = run("measured_bulk.toml", f'sweep."system.temperature".values={temperatures}')
    found = result.quantities
    data = materials.measured("Si-bulk-Glassbrenner-1964")
    at = [int(np.flatnonzero(data.temperature == t)[0]) for t in temperatures]

    @jax.jit
    def model(p):
        silicon = materials.model("Si", anharmonic_scale=p[0], isotope_scale=p[1])

        def film(temperature):
            system = phonon.InPlaneFilm(material=silicon, thickness=1.0, temperature=temperature)
            return steady(system, throw=False).conductivity

        return jax.vmap(film)(jnp.array(temperatures))

    def residuals(p):
        return (np.asarray(model(p)) / data.conductivity[at] - 1) / 0.05

    fitted = least_squares(residuals, [1.0, 1.0], "3-point")
    covariance = np.linalg.inv(fitted.jac.T @ fitted.jac)
    for i, name in enumerate(("anharmonic_scale", "isotope_scale")):
        value, error = (float(found[f"fitted_{name}{end}"].values) for end in ("", "_stderr"))
        assert value == pytest.approx(fitted.x[i], rel=1e-4)
        assert error == pytest.approx(np.sqrt(covariance[i, i]), rel=1e-4)
    assert float(found["chi_squared"].values) == pytest.approx(2 * fitted.cost, rel=1e-6)
    beside = result.compared["conductivity data"]
    assert beside.label == "Glassbrenner 1964" and not beside.confirmed
    np.testing.assert_array_equal(beside.datasets["conductivity"].values, data.conductivity[at])
    store.write_result(tmp_path / "result.h5", result)
    (panel,) = report.figure(store.read_result(tmp_path / "result.h5")).axes
    assert "Glassbrenner 1964" in [text.get_text() for text in panel.get_legend().get_texts()]


def test_films_see_a_spectrum_as_they_see_its_bands():
    bands = materials.phonon("Si", temperature=300.0)
    order = np.argsort(bands.mean_free_path)
    spectrum = phonon.MeanFreePathSpectrum(
        mean_free_path=bands.mean_free_path[order], contribution=bands.conductivity_by_band[order]
    )
    for system in (phonon.InPlaneFilm, phonon.CrossPlaneFilm):
        one, other = (
            steady(system(material=each, thickness=1e-7)).conductivity for each in (bands, spectrum)
        )
        np.testing.assert_allclose(one, other, rtol=1e-9)
    with pytest.raises(ValueError, match="must rise"):
        phonon.MeanFreePathSpectrum(mean_free_path=[2e-9, 1e-9], contribution=[1.0, 1.0])


RING = """
verb = "steady"
[system]
type = "jump.ChannelNetwork"
states = [{ name = "A" }, { name = "B", energy = 0.3 }, { name = "C" }]
channels = [
  { type = "jump.ThermalChannel", name = "one", source = "A", target = "B", work = 2.0 },
  { type = "jump.ThermalChannel", name = "two", source = "B", target = "C" },
  { type = "jump.ThermalChannel", name = "three", source = "C", target = "A" },
]
[sweep]
"system.states.C.energy" = { values = [-3.0, 0.0, 2.5] }
[design]
maximize = "edge_current[0]"
check = false
[design.vary]
"system.states.B.energy" = { type = "design.Free" }
"""


def _ring_current(b, c):
    """From the master equation, solved by itself."""
    energy = np.array([0.0, b, c])
    rates = np.zeros((3, 3))
    for i, work in enumerate((2.0, 0.0, 0.0)):
        j = (i + 1) % 3
        rates[i, j] = np.exp((work - energy[j] + energy[i]) / 2)
        rates[j, i] = 1 / rates[i, j]
    generator = rates.T - np.diag(rates.sum(1))
    generator[0] = 1
    p = np.linalg.solve(generator, [1.0, 0.0, 0.0])
    return p[0] * rates[0, 1] - p[1] * rates[1, 0]


@pytest.mark.parametrize("over", ["mean", "worst"])
def test_the_best_for_all_points_of_a_sweep(over):
    """Against a search by hand; the smooth worst is above the worst by ln(3)/50 of the mean."""
    where = np.linspace(-3, 3, 1201)
    each = np.array([[_ring_current(b, c) for c in (-3.0, 0.0, 2.5)] for b in where])
    judged = each.mean(1) if over == "mean" else each.min(1)
    job = config.load(RING.replace("[design]", f'[design]\nover = "{over}"'))
    found = config.execute(job).quantities
    best, value = (float(found[k].values.ravel()[-1]) for k in ("varied_energy", "objective"))
    slack = 1e-6 if over == "mean" else np.log(3) / 50
    assert abs(value - judged.max()) < slack * each[np.argmax(judged)].mean()
    assert abs(best - where[np.argmax(judged)]) < (0.005 if over == "mean" else 0.05)
    if over == "worst":  # another than that of the mean
        assert abs(best - where[np.argmax(each.mean(1))]) > 0.1
    shown = np.array([_ring_current(best, c) for c in (-3.0, 0.0, 2.5)])
    np.testing.assert_allclose(found["edge_current"].values[:, 0], shown, rtol=1e-8)


def test_a_limit_holds_at_all_points():
    limit = "[design.constraints]\nentropy_production = { at_most = 0.03 }\n"
    found = config.execute(config.load(RING + limit)).quantities
    free = config.execute(config.load(RING)).quantities
    largest = found["entropy_production"].values.max()
    assert largest == pytest.approx(0.03, rel=1e-4)
    assert free["entropy_production"].values.max() > 0.031


@pytest.mark.slow
def test_a_prior_is_that_of_a_fit():
    """One datum more, here for the energy: the job finds what the library does."""
    text = RING.replace('maximize = "edge_current[0]"', "")
    text += """
[design.match."edge_current[0]"]
values = [0.05, 0.1, 0.05]
within = [0.01, 0.02, 0.01]
[design.prior]
"system.states.B.energy" = { expected = 0.4, within = "50 %" }
"""
    found = config.execute(config.load(text)).quantities

    def model(b):
        channels = tuple(
            jump.ThermalChannel(name=a + e, source=a, target=e, work=w)
            for a, e, w in (("A", "B", 2.0), ("B", "C", 0.0), ("C", "A", 0.0))
        )

        def at(c):
            states = (jump.State("A"), jump.State("B", b), jump.State("C", c))
            return steady(jump.ChannelNetwork(channels=channels, states=states)).edge_current[0]

        return jax.vmap(at)(jnp.array([-3.0, 0.0, 2.5]))

    data, error = jnp.array([0.05, 0.1, 0.05]), jnp.array([0.01, 0.02, 0.01])
    fitted = design.fit(model, data, error, jnp.array(0.3), prior=lambda b: ((b - 0.4) / 0.2)[None])
    for end, value in (("", fitted.design), ("_stderr", fitted.stderr)):
        told = float(found[f"fitted_energy{end}"].values)
        assert told == pytest.approx(float(value), rel=1e-4)
    np.testing.assert_allclose(found["information"].values, fitted.information, rtol=1e-4)
    band = found["edge_current_0_uncertainty"].values
    np.testing.assert_allclose(band, fitted.band(model)[1], rtol=1e-4)


CYCLE = (CONFIGS / "cycle.toml").read_text()
BULK = (CONFIGS / "measured_bulk.toml").read_text()
BAD = {
    "no such value": (BULK.replace("60.0,", "61.0,"), "has no value at system.temperature = 61"),
    "another quantity": (BULK.replace("match.conductivity", "match.heat_flux"), "gives conductiv"),
    "no error": (CYCLE.replace("within = 0.002", ""), "give within"),
    "too few": (CYCLE.replace("count = 13", "count = 12"), "the sweep has (12,)"),
    "error": (CYCLE.replace("within = 0.002", "within = [0.1, 0.2]"), "within must be positive"),
    "both": (CYCLE.replace("within = 0.002", "within = 0.002\nvalue = 1.0"), "exactly one of"),
    "ragged": (RING + '[design.match.probability]\nvalues = [[1.0], [1.0, 2.0]]\nwithin = 1.0\n',
               "match goes with minimize"),
    "shape": (CYCLE.replace('"probability[0]"', "probability"), "probability has shape (3,)"),
    "swept": (CYCLE + '"system.channels.driven.work" = { type = "design.Free" }\n', "is swept"),
    "prior": (CYCLE + '[design.prior."system.states.A.energy"]\nsmooth = 1.0\n', "is not varied"),
    "smooth": (
        CYCLE + '[design.prior."system.states.B.energy"]\nsmooth = 1.0\n',
        "arrays of three numbers",
    ),
    "setting": (
        RING.replace('"system.states.C.energy" = { values = [-3.0, 0.0, 2.5] }',
                     '"system.channels.one.form" = { values = ["exponential", "fermi"] }'),
        "is judged over numbers of the system",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_fit_is_refused(name):
    text, said = BAD[name]
    with pytest.raises(JobError) as caught:
        config.execute(config.load(text))
    assert said in str(caught.value)


def test_currents_alone_leave_a_direction_open():
    """The result says so, and has no errors that it does not know."""
    text = CYCLE[: CYCLE.index('[design.match."edge_current_variance[0]"]')]
    text += "[design]\ncheck = false\n" + CYCLE[CYCLE.index("[design.vary]") :]
    result = config.execute(config.load(text))
    assert "undetermined" in result.attributes["remark"]
    assert "covariance" not in result.quantities


def test_a_spring_from_its_path():
    r"""Greatest likelihood in closed form: :math:`k = -\sum x\,dx / dt \sum x^2`."""
    noise = np.sqrt(2 * 0.5 * 0.01) * np.random.default_rng(2).normal(size=(399, 8))
    found = [np.zeros(8)]
    for kick in noise:
        found.append(found[-1] * (1 - 2 * 0.01) + kick)
    found = jnp.asarray(np.stack(found))

    def steps(stiffness):
        potential = langevin.Harmonic(stiffness=stiffness)
        system = langevin.Overdamped(potential=potential, temperature=0.5)
        return langevin.path_residuals(system, found, 0.01).ravel()

    fitted = design.fit(steps, jnp.zeros(399 * 8), 1.0, jnp.array(1.0))
    x, dx = np.asarray(found[:-1]), np.diff(found, axis=0)
    best = -np.sum(x * dx) / np.sum(x**2) / 0.01
    error = np.sqrt(2 * 0.5 / 0.01 / np.sum(x**2))
    assert float(fitted.design) == pytest.approx(best, rel=1e-6)
    assert float(fitted.stderr) == pytest.approx(error, rel=1e-6)
    assert abs(best - 2) < 4 * error
    # of the true force they are normal: 3192 numbers
    residuals = np.asarray(steps(jnp.array(2.0)))
    assert abs(np.mean(residuals**2) - 1) < 5 * np.sqrt(2 / residuals.size)
    assert abs(np.mean(residuals)) < 5 / np.sqrt(residuals.size)


def test_bad_paths():
    trap = langevin.Overdamped(potential=langevin.Harmonic(dimension=2), temperature=0.5)
    with pytest.raises(ValueError, match="has shape"):
        langevin.path_residuals(trap, jnp.zeros((5, 4)), 0.01)
    moved = langevin.Overdamped(
        potential=langevin.Harmonic(),
        protocol=langevin.PiecewiseLinear(times=[0.0, 1.0], values=[0.0, 1.0]),
    )
    with pytest.raises(ValueError, match="protocol"):
        langevin.path_residuals(moved, jnp.zeros((5, 4)), 0.01)


def test_a_potential_and_a_force_from_paths():
    """On a ring that is driven: the amplitude, the asymmetry and the force, each by its error."""

    def system(p):
        potential = langevin.Sawtooth(amplitude=p["amplitude"], asymmetry=p["asymmetry"])
        drive = langevin.ConstantForce(force=p["force"])
        return langevin.Overdamped(potential=potential, drive=drive, temperature=0.5)

    truth = {
        "amplitude": jnp.array(1.0),
        "asymmetry": jnp.array(0.8),
        "force": jnp.array(0.6),
    }
    record = Series("path", "position", length=2000, every=1)
    method = langevin.EulerMaruyama(dt=0.01, replicas=16)
    path = simulate(
        system(truth), method, key=jax.random.key(0), time=20.0, observables=(record,)
    ).observables["path"]

    def steps(p):
        return langevin.path_residuals(system(p), path, 0.01).ravel()

    found = design.fit(steps, jnp.zeros(1999 * 16), 1.0, jax.tree.map(lambda x: 0.5 * x, truth))
    for name, true in truth.items():
        assert found.stderr[name] < 0.3
        assert abs(found.design[name] - true) < 4 * found.stderr[name]
    x = jnp.linspace(0, 2 * np.pi, 9)

    def energy(p):
        at = jax.vmap(langevin.Sawtooth(p["amplitude"], p["asymmetry"]), (0, None))
        return at(x[:, None], jnp.zeros(0))

    curve, band = found.band(energy)
    assert np.all(np.abs(curve - energy(truth)) <= 4 * band + 1e-12)


def test_samples_of_a_posterior():
    """Of one datum near a bound: a normal law that is cut off, in coordinates of two kinds."""
    pytest.importorskip("numpyro")
    mean, sigma = 0.5, 1.0
    from scipy.stats import truncnorm

    for space, high in ((design.Positive(), np.inf), (design.Bounded(low=0.0, high=2.0), 2.0)):
        found = design.sample(
            lambda p: p[None],
            jnp.array([mean]),
            sigma,
            jnp.array(0.5),
            key=jax.random.key(0),
            space=space,
            draws=4000,
        )
        exact = truncnorm(-mean / sigma, (high - mean) / sigma, loc=mean, scale=sigma)
        from numpyro.diagnostics import effective_sample_size

        count = effective_sample_size(np.asarray(found)[None])
        assert count > 500
        assert abs(np.mean(found) - exact.mean()) < 5 * exact.std() / np.sqrt(count)
        assert np.std(found) == pytest.approx(exact.std(), rel=0.1)


def test_samples_need_as_many_values_as_coordinates():
    pytest.importorskip("numpyro")
    with pytest.raises(ValueError, match="more coordinates than values are free"):
        design.sample(
            lambda p: p,
            jnp.ones(3),
            1.0,
            jnp.ones(3),
            key=jax.random.key(0),
            space=design.Simplex(total=3.0),
        )
