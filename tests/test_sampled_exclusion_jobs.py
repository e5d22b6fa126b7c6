"""The jobs in configs/ on sampled exclusion, reduced: samples beside exact curves."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import config, report, steady
from jaxneq.exclusion import OpenASEP
from jaxneq.store import read_result, write_result

CONFIGS = Path(__file__).parents[1] / "configs"


def done(name, *overrides):
    return config.execute(config.load(CONFIGS / f"{name}.toml", overrides))


def beside(result, label):
    """What was sampled, its error, and the exact values of the curve drawn beside it."""
    found, error = (result.quantities["current" + end].values for end in ("", "_stderr"))
    ((axis, own),), curve = result.axes.items(), result.compared[label].datasets
    x = curve[axis.rpartition(".")[2]].values
    return found, error, curve["current"].values[np.isin(x, own.values)]


@pytest.fixture(scope="module")
def chain():
    rates = "sweep={ 'system.alpha' = { values = [0.2, 0.7] } }"
    return done("tasep_sampled", rates, "system.length=10", "method.replicas=512")


def test_current_of_the_open_process(chain):
    """Beside the matrix product, and the derivatives beside its own."""
    found, error, exact = beside(chain, "matrix product")
    assert np.all(np.abs(found - exact) < 5 * error) and np.all(error < 2e-3 * found)
    slope, error = (chain.quantities["d_current_d_alpha" + end].values for end in ("", "_stderr"))
    current = lambda a: steady(OpenASEP(length=10, alpha=a, beta=0.8)).current  # noqa: E731
    exact = jax.vmap(jax.grad(current))(jnp.asarray([0.2, 0.7]))
    assert np.all(np.abs(slope - exact) < 5 * error) and np.all(error < 5e-3)


def test_highway():
    """N (L - N) / (L (L - 1)) at each number of cars."""
    cars = np.array([4, 10])
    values = f"sweep={{ 'system.particles' = {{ values = {cars.tolist()} }} }}"
    job = done("highway", values, "system.length=20", "system.particles=5")
    found, error, drawn = beside(job, "equal weights")
    exact = cars * (20 - cars) / (20 * 19)
    np.testing.assert_allclose(drawn, exact, rtol=1e-12)
    assert np.all(np.abs(found - exact) < 5 * error) and np.all(error < 5e-3 * found)
    said = "remark: the entropy production is infinite: no reverse of hopping"
    assert said in report.summary(job)


def test_the_figure(chain, tmp_path):
    write_result(tmp_path / "r.h5", chain)
    figure = report.figure(read_result(tmp_path / "r.h5"))
    assert figure.axes[0].get_ylabel() == "Current J (per unit time)"
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["open ASEP, sampled", "matrix product"]
