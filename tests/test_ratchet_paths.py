"""A flashing ratchet along its paths against its stationary state, and its jobs."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import Estimate, config, langevin, report, simulate, steady
from jaxneq.langevin import (
    CosineProfile,
    FlashingRatchet,
    SampledMotor,
    Sawtooth,
    SwitchingEuler,
    TiltedCosine,
    TwoRings,
)

METHOD = SampledMotor(integrator=SwitchingEuler(dt=0.005, replicas=4096))
TIME = {"time": 28.0, "burn_in": 3.2}
CONFIGS = Path(__file__).parents[1] / "configs"


def ratchet(**changes):
    plan = {
        "off": Sawtooth(amplitude=0.5, asymmetry=0.3, phase=1.0),
        "on": Sawtooth(amplitude=2.5, asymmetry=1.0),
        "load": 0.05,
        "fuel_affinity": 10.0,
        "fuel_rate": 8.0,
        "thermal_rate": 5.0,
        "fuel_profile": CosineProfile(amplitude=0.95, phase=3.3),
    }
    return FlashingRatchet(**(plan | changes))


@pytest.fixture(scope="module")
def sampled():
    """The step changes no number by more than its error.

    From dt = 0.04, 16,384 paths and a time of 80: at 0.005 the velocity by 0.0009, the turnover by
    0.002, the entropy production by 0.021, the diffusion by 0.003.
    """
    return simulate(ratchet(), METHOD, key=jax.random.key(1), **TIME)


@pytest.mark.slow
def test_paths_agree_with_the_stationary_state(sampled):
    exact = steady(ratchet(), TwoRings(cells=128))
    largest = {
        "velocity": 0.004,
        "turnover": 0.01,
        "diffusion": 0.01,
        "turnover_diffusion": 0.05,
        "entropy_production": 0.1,
        "output": 0.0002,
        "efficiency": 0.0001,
    }
    for name, error in largest.items():
        found = getattr(sampled, name)
        assert abs(found.z_score(getattr(exact, name))) < 5, (name, found, getattr(exact, name))
        assert found.stderr < error, name
    width = exact.position[1] - exact.position[0]
    assert abs(sampled.on.z_score(exact.density[1].sum() * width)) < 5
    # of a quotient with a squared velocity that is known to 7 %: by its logarithm
    product = sampled.uncertainty_product
    spread = product.stderr / product.value
    assert spread < 0.15
    assert abs(jnp.log(product.value / exact.uncertainty_product)) < 5 * spread
    assert product.value - 5 * product.stderr > 2


def test_the_first_law_holds_on_every_path(sampled):
    start, end = sampled.ensemble.start, sampled.ensemble.position
    off, on = ratchet().energies(jnp.concatenate([start[:1], end[:1]], axis=1))
    state = jnp.concatenate([start[1], end[1]])
    energy = jnp.where(state == 1, on, off).reshape(2, -1)
    work = 10 * sampled.path_fuel - 0.05 * sampled.path_displacement
    np.testing.assert_allclose(sampled.path_heat, work - energy[1] + energy[0], atol=1e-9)
    assert set(np.unique(end[1])) == {0.0, 1.0}
    assert np.array_equal(sampled.path_fuel, np.round(sampled.path_fuel))
    total = sum(sampled.fluxes[name] * sampled.forces[name] for name in sampled.fluxes)
    np.testing.assert_allclose(total, sampled.entropy_production.value, rtol=1e-10)


def test_entropy_obeys_the_integral_theorem():
    """Without a potential, <exp(-s)> = 1 at any step, of the heat and the states' shares."""
    flat, even = Sawtooth(amplitude=0.0), CosineProfile(amplitude=0.0)
    rates = {"fuel_affinity": 0.3, "fuel_rate": 1.5, "thermal_rate": 0.5, "fuel_profile": even}
    found = simulate(ratchet(on=flat, off=flat, **rates), METHOD, key=jax.random.key(2), **TIME)
    on = (1.5 / (1 + np.exp(-0.3)) + 0.25) / 2
    share = np.array([1 - on, on])
    end, start = (share[s[1].astype(int)] for s in (found.ensemble.position, found.ensemble.start))
    weight = Estimate.from_samples(jnp.exp(-found.path_heat) * end / start)
    assert abs(weight.z_score(1.0)) < 5 and weight.stderr < 0.02
    assert found.path_heat.mean() > 0.1
    assert abs(found.on.z_score(on)) < 5
    assert abs(found.turnover.z_score(0.1875 * np.tanh(0.15))) < 5


def test_a_ratchet_that_jumps_has_no_pathwise_derivative():
    method = SwitchingEuler(dt=0.01, replicas=8)
    with pytest.raises(ValueError, match="paths jump"):
        langevin.sensitivity(
            lambda s: s.path_work, ratchet(), method, key=jax.random.key(0), time=1.0
        )


def test_a_step_that_is_too_long():
    for dt, words in ((0.9, "relaxes at the rate"), (0.09, "switching at the rate")):
        method = SampledMotor(integrator=SwitchingEuler(dt=dt, replicas=8))
        with pytest.raises(ValueError, match=words):
            simulate(ratchet(), method, key=jax.random.key(0), time=90.0)


def done(name, *overrides):
    return config.execute(config.load(CONFIGS / f"{name}.toml", overrides))


def test_job_efficiency_against_the_load():
    found = done("ratchet", "method.cells=32", "sweep.'system.load'.count=9")
    quantities = found.quantities
    load = next(iter(found.axes.values())).values
    efficiency = quantities["efficiency"].values
    assert efficiency.shape == (9, 3)
    velocity, turnover = quantities["velocity"].values, quantities["turnover"].values
    affinity = np.array([4.0, 6.0, 8.0])
    np.testing.assert_allclose(efficiency, load[:, None] * velocity / (turnover * affinity))
    assert np.all(efficiency[1:] > 0) and np.all(efficiency[0] == 0)
    assert np.all(efficiency < quantities["efficiency_bound"].values + 1e-15)
    assert np.all(np.argmax(efficiency, axis=0) < 8)  # each has its best load before it stalls
    slope = (done_at(0.12, 1 + 1e-4) - done_at(0.12, 1 - 1e-4)) / 2e-4
    derivative = quantities["d_efficiency_d_asymmetry"].values[4, 0]
    np.testing.assert_allclose(derivative, slope, rtol=1e-6)
    axes = report.figure(found).axes
    assert axes[0].get_ylabel() == "Efficiency" and axes[1].get_xlabel() == "Load"


@jax.jit
def done_at(load, asymmetry):
    on = Sawtooth(amplitude=6.0, asymmetry=asymmetry)
    plan = {"fuel_affinity": 4.0, "fuel_rate": 1.0, "thermal_rate": 0.25, "load": load}
    fuel = CosineProfile(amplitude=0.95, phase=2.8)
    system = FlashingRatchet(off=TiltedCosine(amplitude=0.0), on=on, fuel_profile=fuel, **plan)
    return TwoRings(cells=32).steady(system).efficiency


def test_job_paths():
    few = "method.integrator.replicas=1024", "simulate.time=12.0"
    found = done("ratchet_paths", *few, "sweep.'system.load'.count=2")
    velocity, error = (found.quantities[f"velocity{end}"].values for end in ("", "_stderr"))
    exact = found.compared["two rings"].datasets["velocity"].values[[0, -1]]
    assert np.all(np.abs(velocity - exact) < 5 * error) and np.all(error < 0.009)
    (ax,) = report.figure(found).axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Load", "Velocity")
