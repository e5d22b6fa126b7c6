"""The trap model of a glass: ageing, and the memory of its history."""

import dataclasses
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from jaxneq import SolveError, config, evolve, jump, steady

CONFIGS = Path(__file__).parents[1] / "configs"
GLASS = jump.TrapModel(temperature=0.5, levels=40, deepest=20.0)
WARM = jump.TrapModel(temperature=1.5, levels=24)
KOVACS = jump.Kovacs(start_temperature=3.0, low_temperature=1.1)
TIMES = jnp.geomspace(0.1, 1e7, 15)


def arcsine_law(ratio, x):
    """sin(pi x)/pi of the integral from t/(t + t_w) to 1, in the angle that makes it smooth."""
    n = 200_000
    angle = (np.arange(n) + 0.5) / n * (np.pi / 2 - math.asin(math.sqrt(ratio / (1 + ratio))))
    angle = np.pi / 2 - angle  # u = sin^2
    part = 2 * np.sin(angle) ** (1 - 2 * x) * np.cos(angle) ** (2 * x - 1)
    return math.sin(math.pi * x) / math.pi * part.mean() * (angle[0] - angle[-1]) * n / (n - 1)


def test_the_law_in_the_middle():
    np.testing.assert_allclose(arcsine_law(1.0, 0.5), 0.5, rtol=1e-9)


def test_a_glass_ages_by_the_arcsine_law():
    waits = jnp.asarray([1e4, 1e6])
    found = evolve(GLASS, jump.Ageing(waiting_times=waits), times=[2e4, 2e6])
    error = jnp.diagonal(found.correlation) / arcsine_law(2.0, 0.5) - 1
    assert 0 < error[1] < 1e-3 and error[1] < 0.2 * error[0]  # the start is forgotten
    assert found.correlation[1, 0] > 0.9  # the law is one of the age, not of the time


def test_detailed_balance_at_every_temperature():
    small = dataclasses.replace(WARM, levels=6)
    found = steady(small)
    np.testing.assert_allclose(found.probability, small.equilibrium(1.5), rtol=1e-12)
    assert found.entropy_production < 1e-15
    rates, p = WARM.rates(0.7), WARM.equilibrium(0.7)
    np.testing.assert_allclose(p[:, None] * rates, (p[:, None] * rates).T, rtol=1e-12)


@pytest.fixture(scope="module")
def hump():
    return evolve(WARM, KOVACS, times=TIMES)


def test_kovacs_hump_by_another_route(hump):
    """The waiting time and the energies from SciPy's exponential and a bisection."""
    depth, share = np.asarray(WARM.depth), np.asarray(WARM.share)

    def generator(temperature):
        rates = np.exp(-depth / temperature)[:, None] * share[None]
        return rates - np.diag(rates.sum(axis=1))

    def boltzmann(temperature):
        weight = share * np.exp(depth / temperature)
        return weight / weight.sum()

    cold, wanted = generator(1.1), boltzmann(1.5) @ depth
    low, high = 0.0, 1e4
    for _ in range(60):
        middle = (low + high) / 2
        shallow = boltzmann(3.0) @ scipy.linalg.expm(cold * middle) @ depth < wanted
        low, high = (middle, high) if shallow else (low, middle)
    np.testing.assert_allclose(hump.waiting_time, low, rtol=1e-9)
    aged = boltzmann(3.0) @ scipy.linalg.expm(cold * low)
    for index in (3, 5):
        after = aged @ scipy.linalg.expm(generator(1.5) * float(TIMES[index]))
        np.testing.assert_allclose(hump.energy[index], -after @ depth, rtol=1e-9)
    assert float(jnp.max(hump.energy) - hump.equilibrium_energy) > 0.3


def test_the_energy_comes_back(hump):
    excess = hump.energy - hump.equilibrium_energy
    assert abs(excess[-1]) < 1e-3 * jnp.max(excess)
    assert jnp.all(hump.entropy_production > 0)
    product = jnp.sum(hump.fluxes["level"] * hump.forces["level"], axis=-1)
    np.testing.assert_allclose(product, hump.entropy_production, rtol=1e-12)


def test_the_hump_differentiates_through_the_waiting_time():
    times = jnp.asarray([20.0])
    small = dataclasses.replace(WARM, levels=6)

    @jax.jit
    def height(low):
        method = dataclasses.replace(KOVACS, low_temperature=low)
        return evolve(small, method, times=times).energy[0]

    central = (height(1.1 + 1e-5) - height(1.1 - 1e-5)) / 2e-5
    np.testing.assert_allclose(jax.jacfwd(height)(1.1), central, rtol=1e-6)


def test_temperatures_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match=r"low_temperature = 1.1, that of the system 1"):
        evolve(dataclasses.replace(WARM, temperature=1.0), KOVACS, times=[1.0])


def test_a_glass_that_never_gets_there_says_so():
    small = dataclasses.replace(WARM, levels=6)
    cold = jnp.zeros(6).at[-1].set(1.0)  # all in the deepest traps: below every equilibrium
    with pytest.raises(SolveError, match="energy of equilibrium"):
        evolve(small, KOVACS, times=[1.0], initial=cold)


@pytest.mark.parametrize(("name", "primary"), [("kovacs", "energy"), ("ageing", "correlation")])
def test_jobs_on_glasses(name, primary):
    small = ["system.levels=12", "evolve.times.count=4"]
    found = config.execute(config.load(f"{CONFIGS}/{name}.toml", small))
    assert found.attributes["primary"] == primary
    dims = found.quantities[primary].dims
    assert dims == (("time",) if name == "kovacs" else ("wait", "time"))


def test_a_start_that_is_no_distribution_is_refused():
    wrong = jnp.ones_like(GLASS.share)
    kovacs = jump.Kovacs(start_temperature=0.9, low_temperature=0.3)
    for method in (jump.Ageing(), kovacs):
        with pytest.raises(ValueError, match="is no distribution"):
            evolve(GLASS, method, times=[1.0], initial=wrong)
