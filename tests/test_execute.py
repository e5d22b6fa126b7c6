"""Jobs done: sweeps, gradients and samples, into one result."""

import jax
import numpy as np
import pytest
import toy_engine
from toy_engine import EVOLVE, JOB, SAMPLE, Rod, Walk

from jaxneq import config, report
from jaxneq._core import simulate
from jaxneq.config import JobError


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    toy_engine.register(monkeypatch)


def values(result, name):
    return result.quantities[name].values


def test_one_point():
    result = config.execute(config.load('title = "A rod"\n' + JOB))
    assert values(result, "flux") == 200.0
    assert result.quantities["flux"].dims == () and result.quantities["flux"].unit == "W/m2"
    assert result.quantities["temperature"].dims == ("node",)
    assert values(result, "stats/iterations") == 1
    assert result.title == "A rod" and result.attributes["system"] == "toy.Rod"
    assert result.attributes["method"] == "toy.Direct" and result.attributes["primary"] == "flux"
    assert config.failures(result) == []


def test_a_sweep_is_the_outer_product_in_the_order_given():
    sweep = """
    [sweep]
    "system.length" = { geometric = [1.0, 16.0], count = 5 }
    "method.scheme" = { values = ["backward", "forward"] }
    "system.difference" = { linear = [1.0, 7.0], count = 7 }
    "method.order" = { linear = [1, 3], count = 3 }
    """
    seen = []
    result = config.execute(
        config.load(JOB + sweep), lambda done, total: seen.append((done, total))
    )
    length = 2.0 ** np.arange(5)[:, None, None, None]
    sign = np.array([-1, 1])[None, :, None, None]
    difference = np.arange(1.0, 8.0)[None, None, :, None]
    expected = np.broadcast_to(400 * sign * difference / length, (5, 2, 7, 3))
    np.testing.assert_allclose(values(result, "flux"), expected, rtol=1e-12)
    assert list(result.axes) == [
        "system.length",
        "method.scheme",
        "system.difference",
        "method.order",
    ]
    assert result.quantities["temperature"].dims == (*result.axes, "node")
    assert result.axes["system.length"].unit == "m"
    assert result.axes["method.order"].values.tolist() == [1, 2, 3]
    assert result.axes["method.scheme"].hints["flag_meanings"] == "backward forward"
    # 35 points in 3 equal chunks, for each of 6 combinations of settings
    assert seen[:4] == [(12, 210), (24, 210), (35, 210), (47, 210)] and seen[-1] == (210, 210)


def test_a_sweep_over_parts_and_the_parameters_of_a_method():
    sweep = '[sweep]\n"system.medium" = {values = ["glass", "copper"]}\n'
    sweep += '"method.factor" = {values = [1, 2, 3]}'
    result = config.execute(config.load(JOB + sweep))
    expected = np.outer([0.5, 200.0], [1.0, 2.0, 3.0])
    np.testing.assert_allclose(values(result, "flux"), expected, rtol=1e-12)


def test_a_part_by_name_with_changes_is_swept_under_one_word():
    ways = '[ "glass", { name = "glass", conductivity = 2.0 } ]'
    result = config.execute(config.load(JOB + f'[sweep]\n"system.medium" = {{ values = {ways} }}'))
    np.testing.assert_allclose(values(result, "flux"), [0.5, 1.0], rtol=1e-12)
    flags = result.axes["system.medium"].hints["flag_meanings"]
    assert flags == "glass glass(conductivity=2.0)"


def test_a_sweep_and_a_gradient_over_the_isotopes_of_a_material(monkeypatch):
    monkeypatch.undo()  # the real engines
    job = config.load("""
    verb = "steady"
    [system]
    type = "phonon.CrossPlaneFilm"
    thickness = 1e-7
    material = { name = "Si", boundary_length = 1e-5, nodes = 8 }
    [method]
    type = "phonon.DiscreteOrdinates"
    cells = 2
    angles = 2
    [sweep]
    "system.material.isotope_scale" = { linear = [0.999, 1.001], count = 3 }
    [gradient]
    of = "conductivity"
    with_respect_to = ["system.material.isotope_scale"]
    """)
    result = config.execute(job)
    found, slope = (
        values(result, name) for name in ("conductivity", "d_conductivity_d_isotope_scale")
    )
    np.testing.assert_allclose(slope[1], (found[2] - found[0]) / 2e-3, rtol=1e-6)
    assert slope[1] < 0 and result.quantities["d_conductivity_d_isotope_scale"].unit == "W/m/K"


def test_settings_that_change_the_shape_leave_what_has_one_shape():
    sweep = '[sweep]\n"system.length" = {values = [1.0, 2.0, 4.0]}\n'
    sweep += '"method.nodes" = {values = [4, 8]}'
    result = config.execute(config.load(JOB + sweep))
    expected = 400 / np.array([1.0, 2.0, 4.0])[:, None] * np.ones(2)
    np.testing.assert_allclose(values(result, "flux"), expected, rtol=1e-12)
    assert result.quantities["flux"].dims == ("system.length", "method.nodes")
    assert "temperature" not in result.quantities
    assert "temperature" in result.attributes["left_out"]
    assert any(line.startswith("left out: temperature") for line in report.summary(result))


def test_samples_at_several_settings_run_together_and_apart():
    """Each setting has its own stream, and within it each number."""
    sweep = '[sweep]\n"system.length" = {values = [1.0, 4.0, 9.0]}\n'
    sweep += '"method.replicas" = {values = [4, 8]}'
    seen = []
    job = config.load(SAMPLE + sweep)
    result = config.execute(job, lambda done, total: seen.append((done, total)))
    found = values(result, "displacement")
    assert found.shape == (3, 2) and np.unique(found).size == 6 and seen[-1] == (50, 50)
    assert values(result, "displacement_n_effective").tolist() == 3 * [[4, 8]]
    with jax.enable_x64(True):
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(3), 1), 2)
        rod = Rod(medium=job.system.medium, length=9.0)
        direct = simulate(rod, Walk(replicas=8), key=key, time=50.0, burn_in=10.0)
    np.testing.assert_allclose(found[2, 1], direct.displacement.value, rtol=1e-12)


def test_a_fit_along_the_sweep():
    """The line of weighted least squares, its curve beside the points, and told in the summary."""
    sweep = '[sweep]\n"method.replicas" = {values = [4, 8, 64]}\n'
    text = SAMPLE + sweep + '[fit]\nof = ["displacement"]\nform = "line"'
    result = config.execute(config.load(text))
    y, error = values(result, "displacement"), values(result, "displacement_stderr")
    slope, intercept = np.polyfit([4, 8, 64], y, 1, w=1 / error)
    np.testing.assert_allclose(values(result, "displacement_slope"), slope, rtol=1e-9)
    np.testing.assert_allclose(values(result, "displacement_intercept"), intercept, rtol=1e-9)
    line = intercept + slope * np.array([4, 8, 64])
    np.testing.assert_allclose(values(result, "displacement_fit"), line, rtol=1e-9)
    assert result.quantities["displacement_slope"].unit == result.quantities["displacement"].unit
    assert result.quantities["displacement_fit"].hints == {"reference_for": "displacement"}
    told = dict(line.split(": ", 1) for line in report.summary(result))
    assert "±" in told["displacement slope"] and "displacement p value" in told


@pytest.mark.parametrize(
    ("sweep", "form", "of", "said"),
    [
        ("", "line", "displacement", "give .sweep. one axis"),
        ('"system.medium" = {values = ["glass", "copper"]}', "line", "displacement", "none"),
        ('"system.difference" = {values = [-1.0, 2.0]}', "power", "displacement", "begins with -1"),
        ('"system.length" = {values = [1.0, 2.0]}', "line", "displacment", "Did you mean displace"),
        ('"system.length" = {values = [1.0, 2.0]}', "line", "status", "is not one number"),
    ],
)
def test_fits_that_make_no_sense(sweep, form, of, said):
    section = f'[fit]\nof = ["{of}"]\nform = "{form}"'
    with pytest.raises(JobError, match=said):
        config.execute(config.load(f"{SAMPLE}[sweep]\n{sweep}\n{section}"))


def test_one_that_fails_does_not_stop_the_others():
    sweep = '[sweep]\n"system.length" = {values = [1.0, 200.0, 2.0]}'
    result = config.execute(config.load(JOB + sweep))
    np.testing.assert_allclose(values(result, "flux"), [400.0, np.nan, 200.0])
    assert values(result, "status").tolist() == [0, 1, 0]
    (line,) = config.failures(result)
    assert line.startswith("1 of 3 failed: max_iterations.") and "Raise" in line


def test_gradients_come_with_the_values():
    text = (
        JOB
        + """
    [sweep]
    "system.length" = { linear = [1.0, 3.0], count = 3 }
    [gradient]
    of = "flux"
    with_respect_to = ["system.length", "system.medium.conductivity", "system.difference"]
    """
    )
    result = config.execute(config.load(text))
    length = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(values(result, "d_flux_d_length"), -400 / length**2, rtol=1e-12)
    np.testing.assert_allclose(values(result, "d_flux_d_conductivity"), 1 / length, rtol=1e-12)
    assert result.quantities["d_flux_d_length"].unit == "W/m2/(m)"
    assert result.quantities["d_flux_d_length"].dims == ("system.length",)
    np.testing.assert_allclose(values(result, "flux"), 400 / length, rtol=1e-12)


def test_the_gradient_of_an_array():
    text = JOB.replace('"copper"', '{type = "toy.Layered", conductivities = [1, 2]}')
    text += '[gradient]\nof = "flux"\nwith_respect_to = ["system.medium.conductivities"]'
    result = config.execute(config.load(text))
    found = result.quantities["d_flux_d_conductivities"]
    mean = (1 + 0.5) / 2
    np.testing.assert_allclose(found.values, np.array([1, 0.25]) / 2 / (2 * mean**2), rtol=1e-12)
    assert found.dims == ("layer",)


UNCERTAIN = """
[uncertainty]
of = "flux"
"system.length" = "5 %"
"system.difference" = 0.2
"system.medium.conductivity" = 8
"""


def test_uncertainty_is_propagated_to_first_order():
    """flux = k d / L: the relative variances of independent inputs add up."""
    sweep = '[sweep]\n"system.length" = { linear = [1.0, 3.0], count = 3 }\n'
    sweep += '"system.medium" = { values = ["copper", "glass"] }'
    result = config.execute(config.load(JOB + UNCERTAIN + sweep))
    flux = np.outer(1 / np.array([1.0, 2.0, 3.0]), [400.0, 1.0])
    shares = {"length": 0.05, "difference": 0.2, "conductivity": np.array([8 / 400, 8.0])}
    for name, share in shares.items():
        found = result.quantities[f"flux_uncertainty_from_{name}"]
        np.testing.assert_allclose(found.values, flux * share, rtol=1e-12)
    whole = result.quantities["flux_uncertainty"]
    relative = np.sqrt(sum(share**2 for share in shares.values()))
    np.testing.assert_allclose(whole.values, flux * relative, rtol=1e-12)
    assert (whole.unit, whole.dims) == ("W/m2", ("system.length", "system.medium"))
    assert not any(name.startswith("d_flux") for name in result.quantities)


def test_uncertainty_beside_a_gradient_and_of_an_array():
    text = JOB.replace('"copper"', '{type = "toy.Layered", conductivities = [1, 2]}')
    text += '[uncertainty]\nof = "flux"\n"system.medium.conductivities" = "10 %"\n'
    text += '[gradient]\nof = "flux"\nwith_respect_to = ["system.length"]'
    result = config.execute(config.load(text))
    flux, resistance = 1 / (2 * 0.75), np.array([1 / 2, 1 / 4])  # of each layer, of 3/4 in all
    expected = flux * 0.1 * np.hypot(*resistance / 0.75)
    np.testing.assert_allclose(values(result, "flux_uncertainty"), expected, rtol=1e-12)
    np.testing.assert_allclose(values(result, "d_flux_d_length"), -flux / 2, rtol=1e-12)
    assert "d_flux_d_conductivities" not in result.quantities


def test_uncertainty_in_single_precision_stays_single():
    result = config.execute(config.load('precision = "float32"\n' + JOB + UNCERTAIN))
    whole = values(result, "flux_uncertainty")
    assert whole.dtype == np.float32
    np.testing.assert_allclose(whole, 200 * np.sqrt(0.05**2 + 0.2**2 + 0.02**2), rtol=1e-6)


def test_uncertainty_of_what_has_none():
    text = JOB + UNCERTAIN.replace('"flux"', '"fluxx"')
    with pytest.raises(JobError, match=r'uncertainty.of = "fluxx" is no quantity'):
        config.execute(config.load(text))


COMPARED = """
[compare]
measured = ["Si-bulk-Morris-1961"]
[sweep]
"system.temperature" = { values = [250.0, 400.0] }
"""


def test_what_is_compared_must_be_what_is_drawn():
    with pytest.raises(JobError, match=r'"Si-bulk-Morris-1961" gives conductivity.* draws flux'):
        config.execute(config.load(JOB + COMPARED))


def test_compared_samples_lie_on_the_sweep():
    """Of the two samples of Morris and Hust, 303 K and 698 K, the sweep has the first."""
    compared = config.load(JOB + COMPARED).compared
    (found,) = compared.values()
    assert (found.label, found.quantity, found.along, found.confirmed) == (
        "Morris 1961",
        "conductivity",
        "system.temperature",
        True,
    )
    columns = {name: data.values.tolist() for name, data in found.datasets.items()}
    assert columns == {"temperature": [303.15], "conductivity": [125.0], "uncertainty": [19.0]}
    assert {name: data.unit for name, data in found.datasets.items()} == {
        "temperature": "K",
        "conductivity": "W/m/K",
        "uncertainty": "W/m/K",
    }


@pytest.mark.parametrize(
    ("of", "why"), [("fluxx", "no quantity"), ("temperature", "is not one real number")]
)
def test_a_gradient_of_what_has_none(of, why):
    text = JOB + f'[gradient]\nof = "{of}"\nwith_respect_to = ["system.length"]'
    with pytest.raises(JobError, match=rf'gradient.of = "{of}" .*{why}.*flux'):
        config.execute(config.load(text))


def test_evolve_over_listed_and_spaced_times():
    result = config.execute(config.load(EVOLVE))
    np.testing.assert_allclose(values(result, "flux"), np.exp([0, -0.75]), rtol=1e-12)
    spaced = EVOLVE.replace("[0, 1.5]", "{ linear = [0, 2], count = 5 }")
    sweep = '[sweep]\n"system.length" = {values = [1.0, 2.0]}'
    result = config.execute(config.load(spaced + sweep))
    times = np.linspace(0, 2, 5)
    expected = np.exp(-times / np.array([[1.0], [2.0]]))
    np.testing.assert_allclose(values(result, "flux"), expected, rtol=1e-12)
    np.testing.assert_array_equal(values(result, "time"), times)


def test_simulate_is_the_verb_with_that_seed():
    job = config.load(SAMPLE)
    result = config.execute(job)
    with jax.enable_x64(True):
        direct = simulate(job.system, Walk(), key=jax.random.key(3), time=50.0, burn_in=10.0)
    assert values(result, "displacement") == direct.displacement.value
    assert values(result, "displacement_stderr") == direct.displacement.stderr
    assert result.provenance["seed"] == 3


def test_a_sweep_of_samples_has_a_stream_for_each_point():
    sweep = '[sweep]\n"system.length" = {values = [1.0, 4.0]}\n'
    sweep += '"system.difference" = {values = [1.0, 2.0, 3.0]}'
    seen = []
    job = config.load(SAMPLE + sweep)
    result = config.execute(job, lambda done, total: seen.append((done, total)))
    found = values(result, "displacement")
    assert found.shape == (2, 3) and np.unique(found).size == 6
    assert seen[-1] == (50, 50)
    with jax.enable_x64(True):
        key = jax.random.fold_in(jax.random.key(3), 4)
        rod = Rod(medium=job.system.medium, length=4.0)
        direct = simulate(rod, Walk(), key=key, time=50.0, burn_in=10.0)
    np.testing.assert_allclose(found[1, 1], direct.displacement.value, rtol=1e-12)


def test_precision_is_the_job_s_and_stays_inside():
    before = jax.numpy.asarray(1.0).dtype
    for precision in ("float64", "float32"):
        job = config.load(f'precision = "{precision}"\n' + JOB)
        assert job.system.length.dtype == precision
        result = config.execute(job)
        assert values(result, "flux").dtype == precision
        assert result.provenance["precision"] == precision
    assert jax.numpy.asarray(1.0).dtype == before


OTHERS = """
[sweep]
"system.length" = { values = [1.0, 2.0, 200.0] }
[compare.systems.glass]
system = { type = "toy.Rod", medium = "glass" }
[compare.systems.heated]
system = { type = "toy.Rod", medium = "glass", length = 2.0 }
along = "system.difference"
"""


def test_other_systems_along_the_same_axis():
    """Of glass, 1 W/m/K: a rod of those lengths, and one of 2 m with differences of that size."""
    result = config.execute(config.load(JOB + OTHERS))
    glass, heated = result.compared["glass"], result.compared["heated"]
    for curve in (glass, heated):
        assert curve.computed and curve.along == "system.length" and curve.quantity == "flux"
        assert curve.datasets["length"].values.tolist() == [1.0, 2.0, 200.0]
        assert curve.datasets["flux"].unit == "W/m2" and curve.datasets["length"].unit == "m"
    np.testing.assert_allclose(glass.datasets["flux"].values, [1.0, 0.5, np.nan])  # 200 m fails
    assert "1 of 3 failed" in glass.about and "toy.Direct" in glass.reference
    np.testing.assert_allclose(heated.datasets["flux"].values, [0.5, 1.0, 100.0])
