"""A flashing ratchet: its stationary state against closed forms, limits and a Fourier series."""

import dataclasses
import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import SolveError, langevin, steady
from jaxneq.langevin import (
    CosineProfile,
    FlashingRatchet,
    FokkerPlanck,
    Overdamped,
    Sawtooth,
    TiltedCosine,
    TwoRings,
)

FLAT = TiltedCosine(amplitude=0.0)
RING = FokkerPlanck(cells=48, ends="periodic")


def ratchet(**changes):
    """All shapes uneven, the channels of different places; fuelled and loaded."""
    plan = {
        "off": Sawtooth(amplitude=0.8, asymmetry=-0.6, phase=1.0),
        "on": Sawtooth(amplitude=1.5, asymmetry=0.9),
        "load": 0.1,
        "fuel_affinity": 3.0,
        "fuel_rate": 1.5,
        "thermal_rate": 0.7,
        "fuel_profile": CosineProfile(amplitude=0.8, phase=0.5),
        "thermal_profile": CosineProfile(amplitude=-0.3),
        "temperature": 0.7,
        "friction": 1.3,
    }
    return FlashingRatchet(**(plan | changes))


@partial(jax.jit, static_argnums=1)
def solved(system, cells=48):
    return TwoRings(cells=cells).steady(system)


@pytest.fixture(scope="module")
def exact():
    """Velocity, diffusion and turnover of `ratchet` by a Fourier series of 2 x 65 terms."""
    terms = 32
    order = np.arange(-terms, terms + 1)
    x = 2 * math.pi * np.arange(4 * terms) / (4 * terms)
    wave = np.exp(-1j * np.outer(np.arange(-2 * terms, 2 * terms + 1), x)) / x.size
    gamma, temperature, load = 1.3, 0.7, 0.1

    def toeplitz(values):
        """Multiplication by a function of the position."""
        return (wave @ values)[order[:, None] - order[None, :] + 2 * terms]

    def sawtooth(v, a, phase):
        at = x - phase
        return v * (np.sin(at) + a / 4 * np.sin(2 * at)), v * (np.cos(at) + a / 2 * np.cos(2 * at))

    (off, off_slope), (on, on_slope) = sawtooth(0.8, -0.6, 1.0), sawtooth(1.5, 0.9, 0.0)
    fuel, bath = 1.5 * (1 + 0.8 * np.cos(x - 0.5)), 0.7 * (1 - 0.3 * np.cos(x))
    climb = (on - off) / temperature
    fuel_on, fuel_off = fuel / (1 + np.exp(climb - 3 / 0.7)), fuel / (1 + np.exp(3 / 0.7 - climb))
    up, down = fuel_on + bath / (1 + np.exp(climb)), fuel_off + bath / (1 + np.exp(-climb))
    push_off, push_on = toeplitz(-off_slope - load), toeplitz(-on_slope - load)
    derive, wide = np.diag(1j * order), temperature / gamma
    generator = np.block(
        [
            [wide * derive @ derive - derive @ push_off / gamma - toeplitz(up), toeplitz(down)],
            [toeplitz(up), wide * derive @ derive - derive @ push_on / gamma - toeplitz(down)],
        ]
    )
    size, zero = order.size, terms
    total = np.zeros(2 * size, complex)
    total[[zero, size + zero]] = 2 * math.pi

    def solve(rhs, content):
        """What the generator makes `rhs`, with the given integral."""
        matrix = np.vstack([generator, total])
        return np.linalg.lstsq(matrix, np.append(rhs, content), rcond=None)[0]

    density = solve(np.zeros(2 * size), 1.0)
    push = np.hstack([push_off, push_on])[zero] * 2 * math.pi / gamma
    velocity = (push @ density).real
    used = np.hstack([toeplitz(fuel_on)[zero], -toeplitz(fuel_off)[zero]]) * 2 * math.pi
    # the density of first moments of the displacement: D = T/gamma + <push g> - 2 wide <g'> ...
    both = np.kron(np.eye(2), derive)
    current = np.kron(np.diag([1, 0]), push_off) + np.kron(np.diag([0, 1]), push_on)
    moment = solve(-(current / gamma - 2 * wide * both) @ density + velocity * density, 0.0)
    diffusion = wide + (push @ moment).real
    return velocity, diffusion, (used @ density).real


def extrapolated(system, *names):
    """From two widths, whose error falls as their square."""
    coarse, fine = (solved(system, cells) for cells in (24, 48))
    pairs = [(getattr(coarse, name), getattr(fine, name)) for name in names]
    return np.array([(4 * b - a) / 3 for a, b in pairs])


def test_against_a_fourier_series(exact):
    names = ("velocity", "diffusion", "turnover")
    coarse, fine = (
        np.array([getattr(solved(ratchet(), cells), name) for name in names]) for cells in (24, 48)
    )
    np.testing.assert_allclose((coarse - exact) / (fine - exact), 4.0, rtol=0.15)
    np.testing.assert_allclose(extrapolated(ratchet(), *names), exact, rtol=2e-5)


def test_nothing_flows_without_fuel_and_load():
    """Whatever the shapes: detailed balance, and the density of Boltzmann."""
    found = solved(ratchet(load=0.0, fuel_affinity=0.0))
    for name in ("velocity", "turnover", "entropy_production", "output", "input", "efficiency"):
        assert abs(getattr(found, name)) < 1e-12
    assert max(abs(found.current).max(), abs(found.fuel_current).max()) < 1e-12
    assert np.isinf(found.uncertainty_product)  # what rounding leaves is no velocity
    energy = jnp.stack(ratchet().energies(found.position[None]))
    weight = jnp.exp(-energy / 0.7)
    expected = weight / weight.sum() / (found.position[1] - found.position[0])
    np.testing.assert_allclose(found.density, expected, rtol=1e-11)


def test_two_states_without_a_potential():
    """Cumulants of the fuel from lambda(k) = -G/2 + sqrt(G^2/4 + C(k)), G the sum of all rates."""
    flat, even = Sawtooth(amplitude=0.0), CosineProfile(amplitude=0.0)
    found = solved(ratchet(off=flat, on=flat, fuel_profile=even, thermal_profile=even))
    on, off = 1.5 / (1 + math.exp(-3 / 0.7)), 1.5 / (1 + math.exp(3 / 0.7))
    first, second, total = 0.35 * (on - off), 0.35 * (on + off), 2.2
    np.testing.assert_allclose(found.velocity, -0.1 / 1.3, rtol=1e-12)
    np.testing.assert_allclose(found.turnover, first / total, rtol=1e-12)
    spread = (second / total - 2 * first**2 / total**3) / 2
    np.testing.assert_allclose(found.turnover_diffusion, spread, rtol=1e-12)
    cell = 2 * math.pi / 48 * 0.1 / 0.7
    np.testing.assert_allclose(found.diffusion, 0.7 / 1.3 * cell / 2 / math.tanh(cell / 2), 1e-12)


class Averaged(langevin.AbstractDrive):
    """The force of a ratchet that switches fast, and the load."""

    ratchet: FlashingRatchet

    def shares(self, position):
        rates = self.ratchet.switching(position[:, None])
        up, down = rates.thermal_on + rates.fuel_on, rates.thermal_off + rates.fuel_off
        return jnp.stack([down, up])[:, 0] / (up + down)

    def __call__(self, position, control):
        forces = [ring.force(position[:, None], jnp.zeros(1)) for ring in self.ratchet.rings]
        return (self.shares(position)[:, None] * jnp.stack(forces)[..., 0]).sum(axis=0)


def test_fast_switching_averages_the_forces():
    """The error is that of 1/omega, relative to the time across the ring."""
    fast = ratchet(fuel_rate=1.5e5, thermal_rate=0.7e5)
    mean = Overdamped(potential=FLAT, drive=Averaged(fast), temperature=0.7, friction=1.3)
    found, expected = extrapolated(fast, "velocity", "diffusion"), steady(mean, RING)
    np.testing.assert_allclose(found, [expected.velocity, expected.diffusion], rtol=2e-4)


def test_slow_switching_averages_the_velocities():
    """Each ring is stationary; their shares follow from the mean rates between them."""
    slow = ratchet(fuel_rate=1.5e-6, thermal_rate=0.7e-6)
    off, on = (steady(ring, RING) for ring in slow.rings)
    rates = slow.switching(off.position[None])
    width = off.position[1] - off.position[0]
    up = (off.density @ (rates.fuel_on + rates.thermal_on)) * width
    down = (on.density @ (rates.fuel_off + rates.thermal_off)) * width
    share = up / (up + down)
    used = (1 - share) * off.density @ rates.fuel_on - share * on.density @ rates.fuel_off
    found = solved(slow)
    velocity = (1 - share) * off.velocity + share * on.velocity
    np.testing.assert_allclose(found.velocity, velocity, rtol=1e-4)
    np.testing.assert_allclose(found.turnover, used * width, rtol=1e-4)


def test_onsager():
    """dv / d(Delta mu / T) = dr / d(-F / T) at equilibrium, by any number of cells."""

    @jax.jit
    @jax.jacfwd
    def response(affinities):
        load, fuel = -0.7 * affinities[0], 0.7 * affinities[1]
        found = solved(ratchet(load=load, fuel_affinity=fuel))
        return jnp.stack([found.velocity, found.turnover])

    matrix = response(jnp.zeros(2))
    assert abs(matrix[0, 1]) > 1e-3
    assert abs(matrix[0, 1] - matrix[1, 0]) < 1e-9 * abs(matrix[0, 1])
    found = solved(ratchet(load=0.0, fuel_affinity=0.0))  # and Einstein's relation for both
    expected = [found.diffusion, found.turnover_diffusion]
    np.testing.assert_allclose(jnp.diagonal(matrix), expected, rtol=1e-9)


def test_entropy_is_produced_where_probability_flows():
    """Schnakenberg's sum over all jumps is (r Delta mu - F v) / T, the sum of flux times force."""
    found = solved(ratchet())
    off, on = (energy / 0.7 for energy in ratchet().energies(found.position[None]))
    width = found.position[1] - found.position[0]
    log_density = jnp.log(found.density)

    def drop(values):
        return values - jnp.roll(values, -1, axis=-1)

    affinity = drop(log_density) + drop(jnp.stack([off, on])) - 0.1 * width / 0.7
    moving = jnp.sum(found.current * affinity)
    switching = log_density[0] - log_density[1] + off - on
    bath = found.thermal_current @ switching * width
    fuel = found.fuel_current @ (switching + 3 / 0.7) * width
    assert min(moving, bath, fuel) > 0
    np.testing.assert_allclose(moving + bath + fuel, found.entropy_production, rtol=1e-11)
    total = sum(found.fluxes[name] * found.forces[name] for name in found.fluxes)
    np.testing.assert_allclose(total, found.entropy_production, rtol=1e-12)
    np.testing.assert_allclose(found.thermal_current.sum() * width, -found.turnover, rtol=1e-11)
    assert found.conservation_residual < 1e-12


def test_a_mirror_turns_the_ratchet_round():
    back = {"off": Sawtooth(amplitude=-0.8, asymmetry=-0.6, phase=-1.0), "load": -0.1}
    back |= {"on": Sawtooth(amplitude=-1.5, asymmetry=0.9)}
    back |= {"fuel_profile": CosineProfile(amplitude=0.8, phase=-0.5)}
    found, mirrored = solved(ratchet()), solved(ratchet(**back))
    np.testing.assert_allclose(mirrored.velocity, -found.velocity, rtol=1e-10)
    np.testing.assert_allclose(mirrored.turnover, found.turnover, rtol=1e-11)


def test_precision_costs():
    """The uncertainty relation, and the efficiency that it allows, for any parameters."""
    numbers = np.random.default_rng(1).uniform(-1, 1, (5, 256))

    @jax.jit
    @jax.vmap
    def found(a, b, c, d, e):
        on = Sawtooth(amplitude=4 * a, asymmetry=2 * b)
        return solved(ratchet(on=on, load=2 * c, fuel_affinity=8 * d, fuel_rate=10 ** (2 * e)))

    many = found(*numbers)
    assert np.all(many.status.ok)
    assert np.all(many.entropy_production > 0)
    assert np.all(many.uncertainty_product >= 2)
    weak = solved(
        ratchet(load=1e-3, fuel_affinity=0.0)
    )  # a linear response is as precise as can be
    np.testing.assert_allclose(weak.uncertainty_product, 2.0, rtol=1e-4)
    fuel = many.turnover**2 / many.turnover_diffusion
    assert np.all(fuel <= many.entropy_production * (1 + 1e-9))
    pulling = (many.output > 0) & (many.input > 0)
    assert pulling.sum() > 1
    assert np.all((many.efficiency < many.efficiency_bound)[pulling])
    assert np.all(many.efficiency_bound[pulling] < 1)


PARAMETERS = jnp.array([1.0, -0.7, 3.0, 1.6, 0.9, 0.04, 6.0, 0.5, 0.3, 0.9])


def of(p):
    """What the parameters give, in one array."""
    system = ratchet(
        off=Sawtooth(amplitude=p[0], asymmetry=p[1], phase=p[2]),
        on=Sawtooth(amplitude=p[3], asymmetry=p[4]),
        load=p[5],
        fuel_affinity=p[6],
        fuel_rate=p[7],
        thermal_rate=p[8],
        temperature=p[9],
        fuel_profile=CosineProfile(amplitude=0.8, phase=p[2]),
    )
    found = solved(system)
    names = ("efficiency", "velocity", "turnover", "diffusion", "turnover_diffusion")
    names += ("efficiency_bound", "uncertainty_product", "entropy_production")
    return jnp.stack([getattr(found, name) for name in names])


def test_gradients():
    """In two directions; the first coordinates are those of the shape alone."""
    jitted, gradient = jax.jit(of), jax.jit(jax.jacrev(of))(PARAMETERS)
    shape = jnp.zeros(10).at[4].set(1.0)
    every = jnp.array([0.2, 0.3, -0.1, 0.4, 0.1, 0.02, 1.0, 0.1, 0.1, -0.2])
    for direction in (shape, every):
        for index, along in enumerate(gradient @ direction):
            found = slope(lambda h, i=index, d=direction: jitted(PARAMETERS + h * d)[i], 0.0)
            np.testing.assert_allclose(along, found, rtol=1e-6)


@pytest.mark.slow
def test_the_stall_load():
    def at(asymmetry, amplitude=2.5):
        flat, even = Sawtooth(amplitude=0.0), CosineProfile(amplitude=0.0)
        on = Sawtooth(amplitude=amplitude, asymmetry=asymmetry)
        return ratchet(off=flat, on=on, load=0.0, fuel_profile=even, thermal_profile=even)

    def stall(asymmetry):
        return langevin.stall_load(at(asymmetry), cells=24)

    load = stall(0.9)
    assert 0 < load < 1
    stalled = solved(dataclasses.replace(at(0.9), load=load), 24)
    assert abs(stalled.velocity) < 1e-12 and stalled.turnover > 0.01
    np.testing.assert_allclose(jax.jacfwd(stall)(0.9), slope(stall, 0.9), rtol=1e-6)
    assert abs(stall(0.0)) < 1e-12  # a sine has no direction
    with pytest.raises(SolveError, match="stall_load"):
        langevin.stall_load(at(0.9, 1e4), cells=24)


def test_in_single_precision():
    single = jax.tree.map(lambda a: a.astype(jnp.float32), ratchet())
    found, double = solved(single), solved(ratchet())
    for name in ("velocity", "turnover", "diffusion", "efficiency"):
        assert getattr(found, name).dtype == jnp.float32
        np.testing.assert_allclose(getattr(found, name), getattr(double, name), rtol=2e-3)


WRONG = {
    "on = DoubleWell is no periodic": {"on": langevin.DoubleWell()},
    "off is not the same after one period": {"off": TiltedCosine(amplitude=1.0, force=0.3)},
    "fuel_profile is not the same": {"fuel_profile": CosineProfile(amplitude=0.5, period=4.0)},
    "thermal_rate": {"thermal_rate": 0.0},
    "temperature": {"temperature": -1.0},
}


@pytest.mark.parametrize("words", WRONG)
def test_misuse(words):
    with pytest.raises(ValueError, match=words):
        ratchet(**WRONG[words])
