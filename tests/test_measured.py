"""Published measurements: every number with unit, source and flag, and within what silicon does."""

import numpy as np
import pytest

from jaxneq import materials

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
