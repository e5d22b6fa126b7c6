"""Published measurements: every number with unit, source and flag, and within what silicon does."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from jaxneq import config, materials, report, steady
from jaxneq._core import parameters_of
from jaxneq.config._compare import comparison
from jaxneq.config._sweep import SweepAxis
from jaxneq.config._targets import Target
from jaxneq.phonon import CrossPlaneFilm, DiscreteOrdinates, GrayMaterial
from jaxneq.store import read_result, write_result

NAMES = materials.measured_names()
UNITS = {
    "thickness": {"m"},
    "diameter": {"m"},
    "temperature": {"K"},
    "conductivity": {"W/m/K"},
    "uncertainty": {"W/m/K", "1"},
}


@pytest.mark.parametrize("name", NAMES)
def test_every_column_has_unit_source_and_flag(name):
    record = materials.measured_record(name)
    columns = {key: column for key, column in record.items() if isinstance(column, dict)}
    assert {"temperature", "conductivity"} <= columns.keys() <= UNITS.keys()
    for key, column in columns.items():
        assert set(column) == {"value", "unit", "source", "confirmed"}
        assert column["unit"] in UNITS[key]
        assert column["source"] and isinstance(column["confirmed"], bool)
    words = {key for key in record if key not in columns}
    assert words == {"label", "material", "geometry", "method", "reference"}


@pytest.mark.parametrize("name", NAMES)
def test_measured_values_are_those_of_silicon(name):
    data = materials.measured(name)
    assert data.conductivity.ndim == 1 and data.conductivity.size > 0
    low, high = (data.size, np.inf) if data.geometry == "bulk" else (1e-9, 1e-5)
    assert np.all((low <= data.size) & (data.size <= high))
    assert np.all((data.temperature >= 20) & (data.temperature <= 1687))  # it melts at 1687 K
    assert np.all((data.conductivity > 1) & (data.conductivity < 5500))
    stated = data.uncertainty[np.isfinite(data.uncertainty)]
    assert np.all((stated > 0) & (stated < data.conductivity.max()))
    if data.geometry != "bulk":  # no film or wire conducts better than the solid
        bulk = materials.measured("Si-bulk-Glassbrenner-1964")
        solid = np.interp(data.temperature, bulk.temperature, bulk.conductivity)
        assert np.all(data.conductivity < solid)
        assert np.all(np.diff(data.conductivity[np.argsort(data.size)]) > 0)


def test_numbers_as_the_papers_state_them():
    """Abstracts of Morris and Hust (1961): 1.25 +- 0.19 W/cm/K; Glassbrenner and Slack: +- 5 %."""
    morris = materials.measured("Si-bulk-Morris-1961")
    assert morris.confirmed and morris.reference.startswith("Thermal Conductivity Measurements")
    assert (morris.temperature[0], morris.conductivity[0], morris.uncertainty[0]) == (
        303.15,
        125.0,
        19.0,
    )
    slack = materials.measured("Si-bulk-Glassbrenner-1964")
    assert not slack.confirmed
    np.testing.assert_allclose(slack.uncertainty, 0.05 * slack.conductivity, rtol=1e-12)
    assert np.all(np.isinf(slack.size)) and set(slack.coordinates) == {"temperature"}


def test_a_constant_column_and_one_that_is_not_stated():
    film = materials.measured("Si-film-Liu-2006")
    assert film.temperature.tolist() == [300.0, 300.0]
    assert np.all(np.isnan(film.uncertainty))
    assert film.coordinates["thickness"].tolist() == [20e-9, 100e-9]


def test_an_unknown_measurement_brings_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'Si-film-Cuffe-2015'"):
        materials.measured("Si-film-Cuffe")


def test_silicon_agrees_with_what_was_measured():
    """The model within three standard deviations of Glassbrenner and Slack, 200 to 600 K."""
    data = materials.measured("Si-bulk-Glassbrenner-1964")
    model = materials.model("Si")
    for i in np.flatnonzero((data.temperature >= 200) & (data.temperature <= 600)):
        found = float(model.bulk_conductivity(float(data.temperature[i])))
        assert abs(found - data.conductivity[i]) < 3 * data.uncertainty[i]


JOB = """
verb = "steady"
[system]
type = "phonon.CrossPlaneFilm"
thickness = 1e-6
[system.material]
type = "phonon.GrayMaterial"
heat_capacity = 0.93e6
group_velocity = 1804.0
mean_free_path = 2.604e-7
[method]
type = "phonon.DiscreteOrdinates"
cells = 12
angles = 4
[sweep]
"system.temperature" = { values = [250.0, 400.0, 800.0] }
[uncertainty]
of = "conductivity"
"system.thickness" = 2e-8
"system.material.mean_free_path" = "10 %"
[compare]
measured = ["Si-bulk-Glassbrenner-1964", "Si-bulk-Morris-1961"]
"""


class InPlaneFilm(SimpleNamespace):
    """Of the geometry, with the numbers that a film has."""


@pytest.mark.parametrize(
    ("temperature", "thickness", "found"),
    [
        (290.0, [10e-9, 50e-9], [20e-9]),  # 300 K is near 290 K; 100 nm is beyond the sweep
        (310.0, [20e-9, 100e-9], [20e-9, 100e-9]),
        (280.0, [10e-9, 50e-9], None),
    ],
)
def test_samples_belong_to_the_job_in_every_coordinate(temperature, thickness, found):
    film = InPlaneFilm(thickness=1e-7, temperature=temperature)
    declared = next(p for p in parameters_of(CrossPlaneFilm) if p.name == "thickness")
    target = Target("system.thickness", CrossPlaneFilm, declared, 1e-7)
    axis = SweepAxis(target, tuple(thickness), tuple(thickness), dynamic=True)
    if found is None:
        with pytest.raises(config.JobError, match=r"and system\.temperature near 280"):
            comparison("Si-film-Liu-2006", film, [axis], "job")
    else:
        chosen = comparison("Si-film-Liu-2006", film, [axis], "job").datasets
        assert chosen["thickness"].values.tolist() == found
        assert chosen["temperature"].values.tolist() == [300.0] * len(found)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    path = tmp_path_factory.mktemp("measured") / "result.h5"
    write_result(path, config.execute(config.load(JOB)))
    return read_result(path)


def test_uncertainty_of_a_film_by_differences(result):
    """Contributions are sigma_p times central differences of films solved one by one."""
    method = DiscreteOrdinates(cells=12, angles=4)

    @jax.jit
    def conductivity(thickness, path):
        gray = GrayMaterial(heat_capacity=0.93e6, group_velocity=1804.0, mean_free_path=path)
        film = CrossPlaneFilm(material=gray, thickness=thickness, temperature=400.0)
        return steady(film, method).conductivity

    thickness, path, h = 1e-6, 2.604e-7, 1e-4
    up, down = conductivity(thickness * (1 + h), path), conductivity(thickness * (1 - h), path)
    from_thickness = abs(up - down) / (2 * h * thickness) * 2e-8
    up, down = conductivity(thickness, path * (1 + h)), conductivity(thickness, path * (1 - h))
    from_path = abs(up - down) / (2 * h) * 0.1
    expected = {
        "conductivity_uncertainty_from_thickness": from_thickness,
        "conductivity_uncertainty_from_mean_free_path": from_path,
        "conductivity_uncertainty": np.hypot(from_thickness, from_path),
    }
    for name, value in expected.items():
        found = result.quantities[name]
        assert (found.unit, found.dims) == ("W/m/K", ("system_temperature",))
        np.testing.assert_allclose(found.values, value, rtol=1e-6)  # the same at each temperature


def test_the_result_keeps_what_it_was_compared_with(result):
    slack, morris = result.compared.values()
    assert slack.datasets["temperature"].values.tolist() == [250, 300, 400, 500, 600, 700, 800]
    assert slack.datasets["conductivity"].values[1] == 156.0 and not slack.confirmed
    assert morris.datasets["uncertainty"].values.tolist() == [19.0, 7.0] and morris.confirmed
    (ax,) = report.figure(result).axes
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["Glassbrenner 1964", "Morris 1961"]


def test_other_systems_must_find_the_same():
    """Told before anything is computed."""
    text = """
    verb = "steady"
    system = { type = "phonon.CrossPlaneFilm", material = "Si-gray", thickness = 1e-7 }
    sweep."system.thickness" = { values = [1e-7, 2e-7] }
    [compare.systems.heated.system]
    type = "phonon.HeatedFilm"
    material = "Si"
    heat_source = 1.0
    """
    found = "heated finds mean_temperature_rise in K, and the figure draws conductivity in W/m/K"
    with pytest.raises(config.JobError, match=found):
        config.execute(config.load(text))


def test_other_systems_along_an_axis_of_names():
    text = """
    verb = "steady"
    system = { type = "phonon.InPlaneFilm", material = "Si", thickness = 1e-7 }
    sweep."system.material" = { values = ["Si-gray", "Ge-gray"] }
    [compare.systems.wire.system]
    type = "phonon.Nanowire"
    material = "Si"
    diameter = 1e-7
    """
    curve = config.execute(config.load(text)).compared["wire"]
    assert curve.datasets["material"].values.tolist() == [0, 1]
    assert curve.datasets["conductivity"].values[0] > curve.datasets["conductivity"].values[1]
