"""Heat conduction of chains, driven and in equilibrium, and how it grows with their length."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import config, langevin, report, simulate

KEY = jax.random.key(0)
CONFIGS = Path(__file__).parents[1] / "configs"
FLUX = 0.19098277608915717  # of 8 harmonic sites, for a difference of 1 (Rieder et al. 1967)


def chain(left=2.0, right=1.0, sites=8, stiffness=1.0, friction=1.0, mass=1.0):
    baths = langevin.EndBaths(left=left, right=right, friction=friction)
    bond = langevin.HarmonicSpring(stiffness=stiffness)
    return langevin.Chain(sites=sites, bond=bond, thermostat=baths, mass=mass)


@pytest.fixture(scope="module")
def harmonic():
    method = langevin.HeatConduction(
        integrator=langevin.BAOAB(dt=0.1, replicas=1024, block=128), every=8, lags=40
    )
    return simulate(chain(), method, key=KEY, time=240.0, burn_in=40.0)


def test_a_harmonic_chain_conducts_as_the_closed_form_says(harmonic):
    for name in ("conductance", "equilibrium_conductance"):
        found = getattr(harmonic, name)
        assert abs(found.z_score(FLUX)) < 5 and found.stderr < 0.03 * FLUX
    for name in ("resistance", "equilibrium_resistance"):
        found = getattr(harmonic, name)
        assert abs(found.z_score(1 / FLUX)) < 5 and found.stderr < 0.03 / FLUX
    sites = harmonic.conductivity.value / harmonic.conductance.value
    np.testing.assert_allclose(sites, 8.0, rtol=1e-12)


def test_curves_and_the_second_law(harmonic):
    np.testing.assert_allclose(harmonic.time, 0.8 * np.arange(81), rtol=1e-12)
    np.testing.assert_allclose(harmonic.cutoff, 32.0, rtol=1e-12)
    correlation = harmonic.correlation.value
    trapezoid = 0.8 * (np.cumsum(correlation) - (correlation + correlation[0]) / 2) / 1.5**2
    np.testing.assert_allclose(harmonic.running_conductance.value, trapezoid, rtol=1e-9)
    at_the_end = harmonic.running_conductance.value[40]
    np.testing.assert_allclose(harmonic.equilibrium_conductance.value, at_the_end, rtol=1e-12)
    produced = sum(np.sum(flux * harmonic.forces[name]) for name, flux in harmonic.fluxes.items())
    np.testing.assert_allclose(harmonic.entropy_production.value, produced, rtol=1e-9)
    assert abs(harmonic.entropy_production.z_score(FLUX * (1 - 0.5))) < 5
    assert harmonic.equilibrium.entropy_production.stderr < 0.02
    assert abs(harmonic.equilibrium.entropy_production.z_score(0.0)) < 5


def test_an_open_integral_is_told(harmonic):
    assert harmonic.caution() == ""
    open_one = eqx.tree_at(lambda found: found.cutoff, harmonic, harmonic.time[-1])
    assert "has not decayed within half of the run" in open_one.caution()
    half = eqx.tree_at(
        lambda found: found.equilibrium_conductance.value,
        harmonic,
        harmonic.running_conductance.value[2],
    )
    assert "still changes beyond the cut-off" in half.caution()


def test_gradients_against_differences():
    """Of both conductances, at the same random numbers."""
    integrator = langevin.BAOAB(dt=0.1, replicas=8)
    method = langevin.HeatConduction(integrator=integrator, every=8, lags=3)

    @jax.jit
    def computed(p):
        system = chain(p[0], p[1], 3, p[2], p[3], p[4])
        found = simulate(system, method, key=KEY, time=6.4)
        return found.conductance.value + found.equilibrium_resistance.value

    at = jnp.asarray([2.0, 1.0, 1.1, 0.7, 1.3])
    differences = [(computed(at + one) - computed(at - one)) / 2e-5 for one in 1e-5 * jnp.eye(5)]
    np.testing.assert_allclose(jax.jacfwd(computed)(at), differences, rtol=1e-6, atol=1e-8)


def test_single_precision_finds_its_own_cutoff():
    with jax.enable_x64(False):
        integrator = langevin.BAOAB(dt=0.1, replicas=64)
        method = langevin.HeatConduction(integrator=integrator, every=8)
        found = simulate(chain(), method, key=KEY, time=80.0, burn_in=16.0)
    kinds = {leaf.dtype for leaf in jax.tree.leaves(found)}
    assert kinds == {jnp.dtype("float32"), jnp.dtype("int32")}
    assert 0 < found.cutoff < found.time[-1]
    place = np.argmin(np.abs(found.time - found.cutoff))
    expected = found.running_conductance.value[place]
    np.testing.assert_allclose(found.equilibrium_conductance.value, expected, rtol=1e-5)


def test_misuse_is_told():
    integrator = langevin.BAOAB(dt=0.1, replicas=4)
    method = langevin.HeatConduction(integrator=integrator, every=8, lags=10)
    with pytest.raises(ValueError, match="both baths have the temperature 1, so nothing is driven"):
        simulate(chain(1.0, 1.0), method, key=KEY, time=80.0)
    bulk = langevin.Chain(sites=4, bond=langevin.HarmonicSpring(), thermostat=langevin.BulkBath())
    with pytest.raises(ValueError, match=r"the chain has BulkBath\. Give it EndBaths"):
        simulate(bulk, method, key=KEY, time=80.0)
    with pytest.raises(ValueError, match="every 8 steps makes 20 of them, too few for 10 lags"):
        simulate(chain(), method, key=KEY, time=16.0)
    odd = langevin.HeatConduction(integrator=integrator, every=3)
    with pytest.raises(ValueError, match=r"every = 3 is odd\. Give an even number"):
        simulate(chain(), odd, key=KEY, time=16.0)


def done(name, *overrides):
    """The result of a job of configs/, with overrides."""
    return config.execute(config.load(CONFIGS / f"{name}.toml", overrides))


def value(result, name):
    return float(result.quantities[name].values)


@pytest.mark.slow
def test_a_phi4_chain_conducts_normally_by_both_ways():
    """kappa = 2.83(4) at T = 1: Aoki and Kusnezov, Phys. Lett. A 265, 250 (2000)."""
    few = "sweep={ 'system.sites' = { values = [8, 32] } }"
    more = ("method.integrator.replicas=512",)
    found = done("chain_phi4", few, "simulate.time=440.0", "method.lags=50", *more)
    names = "resistance_inverse_slope", "equilibrium_resistance_inverse_slope"
    for name in names:
        error = np.hypot(value(found, f"{name}_stderr"), 0.04)
        assert abs(value(found, name) - 2.83) < 5 * error and error < 0.12 * 2.83
    driven, balanced = (found.quantities[n] for n in ("resistance", "equilibrium_resistance"))
    errors = (
        found.quantities[f"{n}_stderr"].values for n in ("resistance", "equilibrium_resistance")
    )
    apart = np.abs(driven.values - balanced.values) / np.hypot(*errors)
    assert np.all(apart < 5)
    (ax,) = report.figure(found).axes
    assert ax.get_xlabel() == "Sites" and ax.get_ylabel() == "Resistance"


@pytest.mark.slow
def test_an_fput_chain_conducts_better_the_longer_it_is():
    """Between 8 and 32 sites: less than ballistic, an exponent of 1, and more than normal, of 0."""
    few = "sweep={ 'system.sites' = { values = [8, 16, 32] } }"
    found = done("chain_fput", few, "simulate.time=400.0", "simulate.burn_in=100.0")
    exponent, error = (
        value(found, "conductivity_exponent"),
        value(found, "conductivity_exponent_stderr"),
    )
    assert error < 0.05 and exponent - 5 * error > 1 / 3 and exponent + 5 * error < 1
    curve = found.quantities["conductivity_fit"].values
    np.testing.assert_allclose(np.log2(curve[2] / curve[0]) / 2, exponent, rtol=1e-9)
    (ax,) = report.figure(found).axes
    assert ax.get_xscale() == ax.get_yscale() == "log"
