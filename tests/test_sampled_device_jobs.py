"""The jobs of sampled devices, coarser than their files say."""

from pathlib import Path

import numpy as np

from jaxneq import config, report, store

CONFIGS = Path(__file__).parents[1] / "configs"


def test_sampled_hot_spot(tmp_path):
    short = (
        "method.replicas=16",
        "method.batches=4",
        "method.cells=5",
        "compare.systems.ordinates.method.cells=5",
        "compare.systems.ordinates.method.angles=2",
        'sweep={"system.length_unit" = { values = [3e-10, 1e-9] }}',
    )
    result = config.execute(config.load(CONFIGS / "hot_spot_sampled.toml", short))
    store.write_result(tmp_path / "result.h5", result)
    found = store.read_result(tmp_path / "result.h5").quantities
    peak, error = (found["peak_temperature" + end].values for end in ("", "_stderr"))
    exact = result.compared["ordinates"].datasets["peak_temperature"].values[[0, -1]]
    assert np.all(np.abs(peak - exact) <= 5 * error)
    assert np.all(error < 0.25 * (exact - 300))
    assert found["temperature"].values.shape == (2, 5, 5, 1)
    np.testing.assert_allclose(found["contact_heat"].values, -1e-4, rtol=1e-12)
    curve, *_ = report.figure(result).axes
    assert "temperature" in curve.get_ylabel().lower()
