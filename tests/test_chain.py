"""Chains: forces, currents, the harmonic chain between baths, conduction measured two ways."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import langevin, run, simulate
from jaxneq.statistics import Series

pytestmark = pytest.mark.optimised  # the same bits in blocks and chunks

KEY = jax.random.key(0)
SPRINGS = {
    "harmonic": langevin.HarmonicSpring(stiffness=1.3),
    "fput": langevin.AnharmonicSpring(stiffness=1.0, alpha=0.3, beta=0.7),
    "rotor": langevin.CosineSpring(strength=1.7),
}
GROUND = langevin.AnharmonicSpring(stiffness=0.0, beta=1.0)


def chain(bond="harmonic", ends="fixed", sites=4, site=None, thermostat=None, **more):
    thermostat = langevin.BulkBath() if thermostat is None else thermostat
    bond = SPRINGS[bond] if isinstance(bond, str) else bond
    return langevin.Chain(
        sites=sites, bond=bond, site=site, ends=ends, thermostat=thermostat, **more
    )


def positions(seed, sites=4):
    return jax.random.normal(jax.random.key(seed), (sites, 3))


@pytest.mark.parametrize("ends", ["fixed", "free", "periodic"])
@pytest.mark.parametrize("bond", SPRINGS)
def test_forces_and_currents_follow_from_the_energy(bond, ends):
    """Energy by hand, its gradient, and the energy that each site gains by the currents."""
    system, mass = chain(bond, ends, site=GROUND, mass=1.4), 1.4
    x, v, none = positions(1), positions(2), jnp.zeros(0)
    spring = SPRINGS[bond]
    padded = {"fixed": [0, *range(1, 5), 0], "free": range(1, 5), "periodic": [4, *range(1, 5)]}

    def site_energies(x, v):
        wall = jnp.concatenate([jnp.zeros((1, 3)), x])
        path = wall[jnp.array(list(padded[ends]))]
        bonds = spring.energy(path[1:] - path[:-1])
        own = mass * v**2 / 2 + GROUND.energy(x)
        if ends == "fixed":  # a wall's half belongs to the wall
            return own + (bonds[1:] + bonds[:-1]) / 2, bonds
        if ends == "free":
            rim = jnp.zeros((1, 3))
            return own + (jnp.r_[rim, bonds] + jnp.r_[bonds, rim]) / 2, bonds
        return own + (bonds + jnp.roll(bonds, -1, axis=0)) / 2, bonds

    _, bonds = site_energies(x, 0 * v)
    whole = bonds.sum(axis=0) + GROUND.energy(x).sum(axis=0)
    np.testing.assert_allclose(system.energy(x, none), whole, rtol=1e-12)
    by_hand = -jax.grad(lambda x: site_energies(x, 0 * v)[1].sum() + GROUND.energy(x).sum())(x)
    np.testing.assert_allclose(system.force(x, none), by_hand, rtol=1e-12, atol=1e-12)

    force = system.force(x, none)
    gained = jax.jvp(lambda x, v: site_energies(x, v)[0], (x, v), (v, force / mass))[1]
    current = system.bond_current(x, v)
    if ends == "periodic":
        np.testing.assert_allclose(gained, jnp.roll(current, 1, axis=0) - current, atol=1e-12)
    else:
        inner = slice(1, -1)
        np.testing.assert_allclose(gained[inner], current[:-1] - current[1:], atol=1e-12)


HOT_AND_COLD = {0.5: 0.17157287525062, 1.0: 0.19098277608915717}  # J of 8 sites


@pytest.fixture(scope="session")
def conducting():
    ends = langevin.EndBaths(left=2.0, right=1.0, friction=0.5)
    system = langevin.Chain(sites=8, bond=langevin.HarmonicSpring(), thermostat=ends)
    method = langevin.BAOAB(dt=0.1, replicas=1024, block=128)
    return simulate(system, method, key=KEY, time=480.0, burn_in=80.0)


def test_harmonic_chain_between_baths(conducting):
    """Rieder, Lebowitz and Lieb, J. Math. Phys. 8, 1073 (1967): fixed ends, k = m = 1."""
    flux, found = HOT_AND_COLD[0.5], conducting.observables
    assert abs(found["current"].z_score(flux)) < 5
    assert found["current"].stderr < 0.02 * flux
    assert np.all(np.abs(found["bond_current"].z_score(flux)) < 5)
    assert np.all(np.abs(conducting.heat_rate.z_score(flux * np.array([-1.0, 1.0]))) < 5)
    np.testing.assert_allclose(conducting.inverse_temperature, [0.5, 1.0], rtol=1e-9)
    assert abs(conducting.entropy_production.z_score(flux * (1 - 0.5))) < 5
    produced = np.sum(conducting.heat_rate.value * conducting.inverse_temperature)
    np.testing.assert_allclose(conducting.entropy_production.value, produced, rtol=1e-9)
    middle = jax.tree.map(lambda a: a[3:5], found["temperature_profile"])
    # flat inside; BAOAB has velocities too cold by omega^2 dt^2/4, at most dt^2 = 0.01
    assert np.all(np.abs(middle.value - 1.5) < 5 * middle.stderr + 1.5 * 0.01)
    np.testing.assert_allclose(found["conductivity"].value, 8 * found["current"].value, rtol=1e-9)
    assert "conductivity" in conducting.quantities()


def green_kubo(series, every, window):
    """The integral of the autocorrelation, by the trapezoidal rule, of each replica (columns)."""
    count = series.shape[0]
    power = np.abs(np.fft.rfft(series, 2 * count, axis=0)) ** 2
    lags = np.arange(round(window / every) + 1)
    correlation = np.fft.irfft(power, axis=0)[lags] / (count - lags)[:, None]
    return every * (correlation.sum(axis=0) - (correlation[0] + correlation[-1]) / 2)


def conductance_in_equilibrium(system, *, time, window, key, replicas=512):
    r"""J / (T_left - T_right) of the same finite chain, :math:`T^{-2} \int \langle J J(t)\rangle`.

    Kundu, Dhar and Narayan, J. Stat. Mech. L03001 (2009): exact at any length.
    """
    dt, every = 0.1, 2
    flux = Series(
        "flux",
        lambda sample: system.current(sample.position, sample.velocity),
        length=round(time / dt / every),
        every=every,
    )
    method = langevin.BAOAB(dt=dt, replicas=replicas, block=128)
    plan = {"key": key, "time": time + 40.0, "burn_in": 40.0, "observables": (flux,)}
    series = np.asarray(simulate(system, method, **plan).observables["flux"])
    assert np.all(np.isfinite(series))
    integral = green_kubo(series, dt * every, window) / float(system.thermostat.left) ** 2
    return integral.mean(), integral.std(ddof=1) / np.sqrt(replicas)


def test_harmonic_conductance_from_fluctuations():
    baths = langevin.EndBaths(left=1.5, right=1.5, friction=1.0)
    system = chain(langevin.HarmonicSpring(), sites=8, thermostat=baths)
    plan = {"time": 320.0, "window": 32.0, "key": jax.random.key(1)}
    value, error = conductance_in_equilibrium(system, **plan)
    assert error < 0.035 * HOT_AND_COLD[1.0]
    assert abs(value - HOT_AND_COLD[1.0]) < 5 * error


@pytest.mark.parametrize(
    ("bond", "site"),
    [("harmonic", GROUND), pytest.param("rotor", None, marks=pytest.mark.slow)],
)
def test_conduction_driven_and_from_fluctuations(bond, site):
    """Anharmonic chains: no closed form, but the two ways agree at each length."""

    def between(left, right):
        baths = langevin.EndBaths(left=left, right=right)
        return chain(bond, "free", 6, site, baths)

    method = langevin.BAOAB(dt=0.1, replicas=512, block=128)
    driven = simulate(between(1.1, 0.9), method, key=KEY, time=280.0, burn_in=40.0)
    driven = driven.observables["current"].scaled(1 / 0.2)
    plan = {"time": 120.0, "window": 14.0, "key": jax.random.key(2)}
    value, error = conductance_in_equilibrium(between(1.0, 1.0), **plan)
    assert driven.stderr < 0.15 * value and error < 0.06 * value
    assert abs(driven.value - value) < 5 * np.hypot(driven.stderr, error)


@pytest.mark.slow
def test_rotors_conduct_normally():
    """The resistance grows by 1/kappa a site, and kappa is that of an isolated ring."""
    bond, sites = langevin.CosineSpring(), 24
    method = langevin.BAOAB(dt=0.1, replicas=512, block=128)
    lengths, resistance, error = np.array([8, 16, 32]), [], []
    for count in lengths:
        baths = langevin.EndBaths(left=1.2, right=0.8)
        open_chain = chain(bond, "free", int(count), thermostat=baths)
        found = simulate(open_chain, method, key=KEY, time=1100.0, burn_in=100.0)
        flux = found.observables["current"]
        resistance.append(0.4 / flux.value)
        error.append(0.4 / flux.value**2 * flux.stderr)
    weights = 1 / np.array(error)
    (slope, _), covariance = np.polyfit(lengths, resistance, 1, w=weights, cov="unscaled")
    driven, driven_error = 1 / slope, np.sqrt(covariance[0, 0]) / slope**2

    bath, ring = langevin.BulkBath(), {"ends": "periodic", "sites": sites}
    warm = simulate(chain(bond, thermostat=bath, **ring), method, key=KEY, time=60.0)
    isolated = chain(bond, thermostat=langevin.Isolated(), **ring)
    flux = Series(
        "flux", lambda seen: isolated.current(seen.position, seen.velocity), length=1000, every=4
    )
    plan = {"time": 400.0, "initial": warm.position, "observables": (flux,)}
    found = simulate(isolated, method, key=jax.random.key(4), **plan)
    each = sites * green_kubo(np.asarray(found.observables["flux"]), 0.4, 40.0)
    value, stderr = each.mean(), each.std(ddof=1) / np.sqrt(512)
    assert driven_error < 0.1 * driven and stderr < 0.1 * value
    assert abs(driven - value) < 3 * np.hypot(driven_error, stderr)


@pytest.mark.slow
def test_fput_conducts_better_the_longer_it_is():
    r"""kappa ~ N^alpha: 1/3 by hydrodynamics, 0.33 to 0.4 in long chains (Lepri et al. 2003).

    Chains of a hundred sites are on the way there, from the 1 of ballistic conduction.
    """
    bond = langevin.AnharmonicSpring(beta=1.0)
    method = langevin.BAOAB(dt=0.1, replicas=64, block=64)

    def conductivity(sites):
        baths = langevin.EndBaths(left=1.2, right=0.8)
        system = chain(bond, sites=sites, thermostat=baths)
        found = simulate(system, method, key=KEY, time=4000.0, burn_in=1000.0)
        return found.observables["conductivity"]

    short, long = conductivity(64), conductivity(128)
    exponent = np.log2(long.value / short.value)
    error = np.hypot(short.stderr / short.value, long.stderr / long.value) / np.log(2)
    assert error < 0.08
    assert 1 / 3 - 3 * error < exponent < 1 - 5 * error  # for normal conduction 0


def test_isolated_chain_keeps_energy_and_momentum():
    system = chain("fput", "periodic", thermostat=langevin.Isolated(temperature=0.5))

    def drift(dt):
        method = langevin.BAOAB(dt=dt, replicas=8)
        found = simulate(system, method, key=KEY, time=8.0)
        assert np.max(np.abs(found.path_heat)) < 1e-12
        return found

    coarse, fine = drift(0.1), drift(0.05)
    assert coarse.conservation_residual < 1e-2
    ratio = coarse.energy_change.value / fine.energy_change.value
    assert 3 < ratio < 5  # of second order
    start = coarse.mean_position.value.sum() - coarse.velocity.value.sum() * 8.0
    np.testing.assert_allclose(start, 0, atol=1e-12)
    momentum = np.sum(np.asarray(coarse.particle_velocity), axis=0)
    moved = np.sum(np.asarray(coarse.position - coarse.start), axis=0)
    np.testing.assert_allclose(moved, momentum * 8.0, rtol=1e-9, atol=1e-12)


def test_gradients_of_the_current():
    """Pathwise derivatives of one ensemble, against central differences of the same noise."""
    method = langevin.BAOAB(dt=0.1, replicas=16, block=8)

    def current(p):
        baths = langevin.EndBaths(left=p[0], right=1.0, friction=p[1])
        bond = langevin.AnharmonicSpring(stiffness=p[2], beta=p[3])
        system = langevin.Chain(sites=3, bond=bond, thermostat=baths, mass=p[4])
        return simulate(system, method, key=KEY, time=6.4).observables["current"].value

    value, at = jax.jit(current), jnp.array([2.0, 0.7, 1.1, 0.4, 1.3])
    gradient = jax.jit(jax.grad(current))(at)
    for i, unit in enumerate(1e-5 * jnp.eye(5)):
        difference = (value(at + unit) - value(at - unit)) / 2e-5
        np.testing.assert_allclose(gradient[i], difference, rtol=1e-6)


def test_blocks_and_chunks_change_nothing():
    system = chain("rotor", "free", thermostat=langevin.EndBaths())
    flux = Series("flux", lambda sample: sample.velocity[0], length=12, every=4)
    plan = {"key": KEY, "time": 6.8, "burn_in": 1.7, "observables": (flux,)}
    method = langevin.BAOAB(dt=0.1, replicas=16)
    whole = simulate(system, method, **plan)
    blocked = simulate(system, langevin.BAOAB(dt=0.1, replicas=16, block=4), **plan)
    chunked = run(system, method, **plan, chunk_duration=1e-4)
    for name in ("flux", "bond_current"):
        first, second, third = (
            jax.tree.leaves(found.observables[name])[0] for found in (whole, blocked, chunked)
        )
        np.testing.assert_allclose(first, second, rtol=0, atol=1e-13)
        np.testing.assert_array_equal(first, third)
    np.testing.assert_array_equal(whole.path_heat, chunked.path_heat)
    assert whole.observables["flux"].shape == (12, 16)


def test_series_are_those_of_the_frames():
    system = chain("rotor", "free", thermostat=langevin.EndBaths())
    flux = Series("flux", lambda sample: sample.velocity[0], length=10, every=4)
    method = langevin.BAOAB(dt=0.1, replicas=4, frames=8)
    found = simulate(system, method, key=KEY, time=3.2, observables=(flux,))
    np.testing.assert_array_equal(found.observables["flux"][:8], found.frame_velocities[:, 0])
    assert np.all(np.isnan(found.observables["flux"][8:]))
    first = Series("x", lambda x: x, length=3)
    sums = [first.init(jnp.zeros(2))] * 2
    for value in (1.0, 2.0):
        sums[0] = first.update(sums[0], jnp.full(2, value))
        sums[1] = first.update(sums[1], jnp.full(2, value + 2))
    merged = first.merge(*sums)
    np.testing.assert_array_equal(merged.values[:, 0], [1, 2, 3])
    assert merged.count == 4
    np.testing.assert_array_equal(first.update(merged, jnp.full(2, 9.0)).values, merged.values)


def test_single_precision():
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), chain("fput", "free"))
    method = langevin.BAOAB(dt=jnp.float32(0.1), replicas=4)
    found = simulate(single, method, key=KEY, time=3.2)
    assert found.observables["bond_current"].value.dtype == jnp.float32
    assert np.all(np.isfinite(found.observables["bond_current"].value))


def test_chains_that_make_no_sense():
    with pytest.raises(ValueError, match="periodic chain has no end sites for EndBaths"):
        chain(ends="periodic", thermostat=langevin.EndBaths())
    with pytest.raises(ValueError, match="Give at least 3 sites"):
        chain(ends="periodic", sites=2)
    with pytest.raises(ValueError, match=r"sites = 1 is not allowed.*integer in \[2, inf\)"):
        chain(sites=1)
    method = langevin.BAOAB(dt=0.1, replicas=4)
    with pytest.raises(ValueError, match="current asks for a sample every 16 steps, of 8"):
        simulate(chain(), method, key=KEY, time=0.8)
    odd = Series("flux", lambda sample: sample.velocity[0], length=10, every=3)
    with pytest.raises(ValueError, match=r"every 3 steps.*Give 1 or an even number"):
        simulate(chain(), method, key=KEY, time=3.2, observables=(odd,))
