"""Gratings against closed forms and against the distribution on a grid of angles."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm
from scipy.special import spherical_jn

from jaxneq import evolve, materials, steady
from jaxneq._core import SolveError
from jaxneq.phonon import (
    ForcedResponse,
    LaplaceInversion,
    LateDecay,
    PhononBands,
    TransientGrating,
    WeakResponse,
)
from jaxneq.phonon._grating import GratingState
from jaxneq.phonon._grating import gray_grating as gray
from jaxneq.phonon._ordinates import half_range_gauss
from jaxneq.phonon._special import ballistic_suppression, spherical_bessel

SILICON = materials.model("Si")
COARSE = dataclasses.replace(SILICON, nodes=6)  # the same physics on few bands

# One for each method: a period at which it has something to say.
CASES = [(WeakResponse(), 1e-6), (ForcedResponse(), 1e-6), (LateDecay(), 100e-6)]

CLOSED = {
    WeakResponse: lambda x: 3 / x**2 * (1 - np.arctan(x) / x),
    ForcedResponse: lambda x: 3 / x**2 * (x / np.arctan(x) - 1),
    LateDecay: lambda x: 3 / x**2 * (1 - x / np.tan(x)),
}

# q Lambda, time over tau, temperature: from another implementation, good to 1e-13.
GRAY_DECAY = [
    (0.1, 10.0, 0.9704248971777434),
    (0.1, 300.0, 0.368861937868318),
    (1.0, 1.0, 0.8825007674403158),
    (1.0, 10.0, 0.039405397760374716),
    (10.0, 0.3, 0.11567976456482482),
    (10.0, 3.0, -0.0017526309424064938),
]


def silicon(period, temperature=300.0, material=SILICON):
    return TransientGrating(material=material, period=period, temperature=temperature)


def gray_decay(x, time):
    """Pole and cut of the transform A / (1 - A), tau = 1, by y = x tanh u along the cut."""
    step = 1e-3
    u = step * np.arange(-25_000, 25_001)
    right = (np.pi / 2 - 1j * u) / x  # A on both sides of the cut
    jump = right / (1 - right) - (right - np.pi / x) / (1 - right + np.pi / x)
    wave = jump * np.exp(1j * x * time * np.tanh(u)) / np.cosh(u) ** 2
    cut = x / (2 * np.pi) * wave.real.sum() * step * np.exp(-time)
    if x > np.pi / 2:
        return cut
    return cut + (x / np.sin(x)) ** 2 * np.exp(-(1 - x / np.tan(x)) * time)


def suppression(solution):
    return float(solution.conductivity / solution.bulk_conductivity)


def entropy_of(solution):
    """Sum of flux times force."""
    return sum(solution.fluxes[name] * solution.forces[name] for name in solution.fluxes)


def single(tree):
    return jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, tree
    )


class Grid:
    """The Boltzmann equation of a grating on bands and angles, as a matrix.

    The distribution is even - i odd in the cosine; `one` is all bands at 1 K. Angles are as many
    as a wave needs that runs for `duration` or till it is scattered.
    """

    def __init__(self, grating, duration=np.inf, angles=8):
        bands = grating.material.bands(grating.temperature)
        time, heat = np.asarray(bands.relaxation_time), np.asarray(bands.heat_capacity)
        speed = 2 * np.pi / float(grating.period) * np.asarray(bands.group_velocity)
        turns = speed * np.minimum(duration, 10 * time)
        counts = np.minimum(angles + np.ceil(turns / 2).astype(int), 80)
        rules = [half_range_gauss(count) for count in counts.tolist()]
        mu, weight = (np.concatenate(part) for part in zip(*rules, strict=True))
        self.capacity = heat.sum()
        self.mean = np.repeat(heat / heat.sum(), counts) * weight  # of the even half: T
        self.rate = np.repeat(1 / time, counts)
        self.bath = self.mean * self.rate / (self.mean @ self.rate)
        turn = np.repeat(speed, counts) * mu
        relax = np.diag(self.rate) - np.outer(self.rate, self.bath)
        self.generator = np.block([[-relax, -np.diag(turn)], [np.diag(turn), -np.diag(self.rate)]])
        self.one = np.concatenate([np.ones_like(mu), np.zeros_like(mu)])
        self.flux = self.mean * turn  # of the odd half: q J / C

    def halves(self, state):
        return np.split(state, 2)


def test_suppression_function():
    """Both of its forms, and their derivatives, across the seam; complex too."""
    x = np.concatenate([np.geomspace(1e-8, 10, 60), [0.39999, 0.40001]])
    mu, weight = np.polynomial.legendre.leggauss(400)
    integrand = 3 * mu**2 / (1 + np.outer(x, mu) ** 2)
    np.testing.assert_allclose(ballistic_suppression(jnp.asarray(x)), integrand @ weight / 2, 1e-13)
    slope = -2 * x * ((integrand * mu**2 / (1 + np.outer(x, mu) ** 2)) @ weight / 2)
    found = jax.vmap(jax.grad(ballistic_suppression))(jnp.asarray(x))
    np.testing.assert_allclose(found, slope, 1e-12)
    z = x * np.exp(1.2j)
    integrand = 3 * mu**2 / (1 + np.outer(z, mu) ** 2)
    np.testing.assert_allclose(ballistic_suppression(jnp.asarray(z)), integrand @ weight / 2, 1e-12)


def test_spherical_bessel_function():
    y = np.concatenate([np.geomspace(1e-6, 50, 60), [0.4999, 0.5001]])
    found = spherical_bessel(jnp.asarray(y))
    np.testing.assert_allclose(found, spherical_jn(1, y), rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("method", CLOSED)
@pytest.mark.parametrize("x", [0.03, 0.1, 1.0, 1.5])
def test_gray_closed_forms(method, x):
    expected = CLOSED[method](x)
    assert suppression(steady(gray(x), method())) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("method", "coefficient"),
    [(WeakResponse(), -3 / 5), (ForcedResponse(), -4 / 15), (LateDecay(), 1 / 15)],
)
def test_diffusive_limit(method, coefficient):
    x = 1e-3
    departure = suppression(steady(gray(x), method)) - 1
    assert departure / x**2 == pytest.approx(coefficient, rel=1e-5)
    assert suppression(steady(gray(1e-6), method)) == pytest.approx(1, abs=1e-11)


@pytest.mark.parametrize("method", [WeakResponse, ForcedResponse])
def test_ballistic_closed_forms(method):
    assert suppression(steady(gray(10.0), method())) == pytest.approx(CLOSED[method](10.0), 1e-12)


def test_ballistic_limit():
    x = 1e5
    assert suppression(steady(gray(x), WeakResponse())) * x**2 / 3 == pytest.approx(1, rel=1e-4)
    assert suppression(steady(gray(x))) * np.pi * x / 6 == pytest.approx(1, rel=1e-4)


def test_late_decay_ends_where_the_mode_does():
    """The mode enters the continuum at q Lambda = pi / 2, at the rate 1 / tau."""
    x = np.pi / 2 - 1e-6
    found = steady(gray(x), LateDecay())
    assert float(found.decay_rate) * x == pytest.approx(1 - 1e-6 * x, rel=1e-10)
    with pytest.raises(SolveError, match=r"no_mode.*evolve in time"):
        steady(gray(np.pi / 2 + 1e-6), LateDecay())


def test_silicon_without_a_mode():
    """The longest-lived of its bands outlives the decay of a short grating."""
    batch = jax.vmap(lambda period: steady(silicon(period), LateDecay()))
    found = batch(jnp.array([1e-6, 50e-6, 55e-6]))
    assert list(found.status.ok) == [False, False, True]
    assert list(np.isfinite(found.conductivity)) == [False, False, True]


@pytest.mark.parametrize("method", [WeakResponse(), ForcedResponse()])
def test_spectral_response_against_the_distribution(method):
    grating = silicon(1e-6, material=COARSE)
    grid, found = Grid(grating), steady(grating, method)
    if isinstance(method, ForcedResponse):
        state = np.linalg.solve(-grid.generator, grid.one)
    else:  # the heat goes to the collisions
        even = grid.rate / (grid.mean @ grid.rate)
        state = np.linalg.solve(-grid.generator, np.concatenate([even, 0 * even]))
    even, odd = grid.halves(state)
    level = grid.mean @ even if isinstance(method, ForcedResponse) else grid.bath @ even
    if isinstance(method, WeakResponse):  # the bath has the heat it is given as well
        level = level + 1 / (grid.mean @ grid.rate)
    q = float(2 * np.pi / grating.period)
    expected = grid.capacity * (grid.flux @ odd) / level / q**2
    np.testing.assert_allclose(found.conductivity, expected, rtol=1e-9)
    np.testing.assert_allclose(found.conductivity_by_band.sum(), expected, rtol=1e-9)


def test_spectral_decay_against_the_distribution():
    grating = silicon(100e-6, material=COARSE)
    grid = Grid(grating)
    values, vectors = np.linalg.eig(grid.generator)
    slowest = np.argmax(values.real)
    found = steady(grating, LateDecay())
    np.testing.assert_allclose(found.decay_rate, -values[slowest].real, rtol=1e-8)
    even, odd = grid.halves(vectors[:, slowest].real)
    level = grid.mean @ even
    np.testing.assert_allclose(found.pseudotemperature, grid.bath @ even / level, rtol=1e-8)
    spread = grid.mean @ ((even / level - 1) ** 2 + (odd / level) ** 2)
    np.testing.assert_allclose(found.nonequilibrium, np.sqrt(spread), rtol=1e-7)


@pytest.mark.parametrize(("method", "period"), CASES)
def test_first_and_second_law(method, period):
    for grating in (silicon(period), gray(1.0)):
        solution = steady(grating, method)
        assert solution.conservation_residual < 1e-12
        np.testing.assert_allclose(solution.entropy_production, entropy_of(solution), rtol=1e-11)
        total = solution.conductivity_by_band.sum()
        np.testing.assert_allclose(total, solution.conductivity, rtol=1e-12)
        flux = solution.conductivity * 2 * np.pi / grating.period
        np.testing.assert_allclose(solution.heat_flux, flux, rtol=1e-12)
        assert float(solution.accumulation[-1]) == pytest.approx(1)


def test_the_balances_notice_a_wrong_wave():
    grating = gray(1.0)
    problem, right = grating.problem(), steady(grating)
    loss = right.conductivity  # wavenumber and heat capacity are 1
    wrong = GratingState(
        pseudotemperature=1.001 * right.pseudotemperature,
        excess=loss / problem.rate,
        reach=problem.reach,
        loss=loss,
        status=right.status,
        stats={},
    )
    solution = grating.solution(wrong)
    assert solution.conservation_residual > 1e-5
    assert abs(solution.entropy_production / entropy_of(solution) - 1) > 1e-5


def of_everything(number, period):
    """`number` as a function of logarithms: of period, temperature, every relaxation time."""

    def function(logarithms):
        bands = COARSE.bands(300.0 * jnp.exp(logarithms[1]))
        times = bands.relaxation_time * jnp.exp(logarithms[2:])
        moved = eqx.tree_at(lambda b: b.relaxation_time, bands, times)
        return number(silicon(period * jnp.exp(logarithms[0]), bands.temperature, moved))

    return jax.jit(function), jax.jit(jax.grad(function))


def compare_gradient(function, gradient):
    """Against differences of fourth order; a step can then be long enough for rounding."""
    size = 2 + COARSE.bands(300.0).weight.size
    batch, h = jax.jit(jax.vmap(function)), 3e-3
    steps = h * jnp.eye(size)
    central = (8 * (batch(steps) - batch(-steps)) - (batch(2 * steps) - batch(-2 * steps))) / 12 / h
    found = gradient(jnp.zeros(size))
    np.testing.assert_allclose(found, central, rtol=1e-6, atol=1e-9 * np.abs(central).max())


@pytest.mark.parametrize(("method", "period"), CASES)
def test_gradient_with_respect_to_everything(method, period):
    compare_gradient(*of_everything(lambda grating: steady(grating, method).conductivity, period))


def test_second_derivative_of_the_implicit_decay():
    """S = 3/x^2 (1 - x cot x), twice differentiated by the quotient of differences."""
    slope = jax.jit(jax.grad(lambda x: steady(gray(x), LateDecay()).conductivity / (x / 3)))
    h = 1e-4
    central = (slope(1.0 + h) - slope(1.0 - h)) / (2 * h)
    np.testing.assert_allclose(jax.jit(jax.grad(slope))(1.0), central, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(jax.jacfwd(slope))(1.0), central, rtol=1e-6)


@pytest.fixture(scope="module")
def follow():
    """The decay of a gray medium (q Lambda, ten times over tau, nodes), compiled once for each."""
    return jax.jit(
        lambda x, times, nodes: evolve(
            gray(x), LaplaceInversion(nodes=nodes, angles=1), times=x * times
        ),
        static_argnums=2,
    )


def test_oracle_of_gray_decay():
    for x, time, expected in GRAY_DECAY:
        assert gray_decay(x, time) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("x", [1e-3, 0.1, 1.0, 1.5, 1.6, 10.0])
def test_gray_decay(follow, x):
    """Down to 26 decades, and up to 300 radians of the ballistic wave."""
    times = np.geomspace(0.03, 30, 10) * max(1, 0.3 / x**2)
    solution = follow(x, times, 256)
    expected = [gray_decay(x, time) for time in times]
    signal = np.abs(solution.temperature) + times * np.abs(solution.heat_flux)
    error = np.abs(solution.temperature - np.array(expected))
    assert np.all(error < 1e-10 * signal)
    assert solution.status.ok and solution.conservation_residual < 1e-9


@pytest.fixture(scope="module")
def decay():
    """The decay of a grating of 1 um in coarse silicon, and the same on a grid of angles."""
    grating, times = silicon(1e-6, material=COARSE), np.array([0.0, 3e-11, 1e-10, 3e-10, 6e-10])
    found = evolve(grating, LaplaceInversion(nodes=96, angles=32), times=times)
    grid = Grid(grating, times[-1])
    return found, grid, [expm(grid.generator * time) @ grid.one for time in times]


def test_spectral_decay_in_time(decay):
    found, grid, states = decay
    q = 2 * np.pi / 1e-6
    for i, state in enumerate(states):
        even, odd = grid.halves(state)
        level, bath = grid.mean @ even, grid.bath @ even
        departure = (even - bath) ** 2 + odd**2
        expected = {
            "temperature": level,
            "pseudotemperature": bath,
            "heat_flux": grid.capacity / q * (grid.flux @ odd),
            "entropy_production": grid.capacity * (grid.mean * grid.rate) @ departure / 2 / 300**2,
            "nonequilibrium": np.sqrt(grid.mean @ ((even - level) ** 2 + odd**2)),
        }
        for name, value in expected.items():
            scale = np.abs(getattr(found, name)).max()
            assert getattr(found, name)[i] == pytest.approx(value, rel=1e-9, abs=1e-9 * scale), name


def test_decay_of_silicon():
    """Relaxation times over five decades; the longest-lived band outlasts the decay."""
    grating, step = silicon(10e-6), 1e-8
    grid, found = Grid(grating, 3 * step, angles=6), evolve(grating, times=step * np.arange(4))
    advance, state = expm(grid.generator * step), grid.one
    for temperature in found.temperature:
        assert float(temperature) == pytest.approx(grid.mean @ grid.halves(state)[0], rel=1e-9)
        state = advance @ state


def test_laws_of_the_decay(decay):
    found, _, _ = decay
    assert found.conservation_residual < 1e-10
    assert np.all(found.entropy_production >= 0)
    np.testing.assert_allclose(entropy_of(found)[1:], found.entropy_production[1:], rtol=1e-9)


def test_start(decay):
    found, _, _ = decay
    assert float(found.temperature[0]) == pytest.approx(1, abs=1e-15)
    assert float(found.nonequilibrium[0]) < 1e-8
    assert float(found.heat_flux[0]) < 1e-8 * found.heat_flux.max()


def test_rates_are_derivatives_in_time():
    """Flux: C dT/dt = - q J. Relaxation: the fall of the mean square spread."""
    grating = gray(3.0)
    q = 2 * np.pi / float(grating.period)

    def state(times):
        found = evolve(grating, LaplaceInversion(nodes=48, angles=24), times=times)
        return found.temperature, found.nonequilibrium**2, found.heat_flux, found.relaxation

    times = jnp.array([0.3, 1.0, 3.0])
    (_, _, flux, relaxation), slopes = jax.jit(lambda t: jax.jvp(state, (t,), (jnp.ones_like(t),)))(
        times
    )
    np.testing.assert_allclose(slopes[0], -q * flux, rtol=1e-10)
    np.testing.assert_allclose(slopes[1], -relaxation, rtol=1e-9)


def test_late_decay_is_the_slowest_mode(follow):
    late = follow(1.0, 30.0 + np.arange(10.0), 256).apparent_conductivity
    np.testing.assert_allclose(late, steady(gray(1.0), LateDecay()).conductivity, rtol=1e-7)


@pytest.mark.parametrize("x", [0.3, 3.0, 30.0])
def test_error_estimate_is_honest(follow, x):
    """Also where the nodes are too few, and then the status says so."""
    times = np.geomspace(0.1, 30, 10)
    solution = follow(x, times, 24)
    expected = np.array([gray_decay(x, time) for time in times])
    error = np.abs(solution.temperature - expected)
    assert np.all(error <= 5 * solution.temperature_error + 1e-13 * np.abs(expected))
    assert error[0] < 1e-3 * abs(expected[0]) and np.any(error > 1e-6 * np.abs(expected))
    with pytest.raises(SolveError, match=r"not_accurate.*number of nodes"):
        solution.status.check("LaplaceInversion")


@pytest.fixture(scope="module")
def signal():
    """A number read off the decay, and its gradient."""

    def number(grating):
        method = LaplaceInversion(nodes=96, angles=1)
        found = evolve(grating, method, times=jnp.array([1e-10, 4e-10]))
        return found.temperature[0] - 2 * found.temperature[1]

    return of_everything(number, 1e-6)


def test_gradient_of_the_decay(signal):
    compare_gradient(*signal)


def test_second_derivative_of_the_decay(signal):
    _, gradient = signal
    direction = jax.random.normal(jax.random.key(0), (2 + COARSE.bands(300.0).weight.size,))
    h, here = 1e-4, jnp.zeros_like(direction)
    central = (gradient(h * direction) - gradient(-h * direction)) / (2 * h)
    product = jax.jit(lambda p: jax.jvp(gradient, (p,), (direction,))[1])(here)
    assert jnp.linalg.norm(product - central) < 1e-6 * jnp.linalg.norm(central)


def test_batches_agree_with_single_solves():
    periods = jnp.geomspace(1e-7, 1e-5, 3)
    batch = jax.vmap(lambda p: steady(silicon(p)).conductivity)(periods)
    each = [steady(silicon(p)).conductivity for p in periods]
    np.testing.assert_allclose(batch, each, rtol=1e-13)


@pytest.mark.parametrize(("method", "period"), CASES)
def test_float32(method, period):
    solution = steady(single(silicon(period)), method)
    assert solution.conductivity.dtype == jnp.float32
    expected = steady(silicon(period), method)
    np.testing.assert_allclose(solution.conductivity, expected.conductivity, rtol=1e-5)
    np.testing.assert_allclose(solution.entropy_production, entropy_of(solution), rtol=1e-4)


def test_decay_in_float32(decay):
    found, _, _ = decay
    times = found.time.astype(jnp.float32)
    coarse = evolve(single(silicon(1e-6, material=COARSE)), times=times)
    assert coarse.temperature.dtype == jnp.float32
    np.testing.assert_allclose(coarse.temperature, found.temperature, rtol=1e-5)


def test_bands_come_in_the_order_of_their_paths():
    bands = PhononBands.from_modes(
        heat_capacity=jnp.array([1.0, 2.0]),
        group_velocity=jnp.array([2.0, 1.0]),
        relaxation_time=jnp.array([3.0, 0.5]),
        temperature=1.0,
    )
    found = steady(TransientGrating(material=bands, period=10.0, temperature=1.0), WeakResponse())
    path = np.array([0.5, 6.0])
    np.testing.assert_allclose(found.mean_free_path, path)
    np.testing.assert_allclose(found.suppression, CLOSED[WeakResponse](path * 2 * np.pi / 10))
    kappa = found.suppression * np.array([2 * 0.5, 2 * 6.0]) / 3
    np.testing.assert_allclose(found.conductivity_by_band, kappa)
    np.testing.assert_allclose(found.accumulation, np.cumsum(kappa) / kappa.sum())


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"period": 0.0}, r"period = 0 is not allowed. Give a number in \(0, inf\) m"),
        ({"period": 1e-6, "temperature": 5.0}, r"outside \[50, 1000\] K"),
        ({"period": 1e-6, "temperature": -1.0}, "temperature = -1"),
    ],
)
def test_misuse_is_refused_before_compute(arguments, named):
    with pytest.raises(ValueError, match=named):
        TransientGrating(material="Si", **arguments)


def test_an_initial_state_is_refused():
    with pytest.raises(ValueError, match=r"initial = 2.0. Leave it out"):
        evolve(gray(1.0), times=[1.0], initial=2.0)


def test_a_traced_temperature_without_data_is_a_failure():
    def status(temperature):
        grating = silicon(100e-6, temperature, COARSE)
        method = LaplaceInversion(nodes=48, angles=1)
        decayed = evolve(grating, method, times=jnp.array([1e-7]))
        return [steady(grating, m).status.ok for m, _ in CASES] + [decayed.status.ok]

    found = np.array(jax.jit(jax.vmap(status))(jnp.array([10.0, 300.0])))
    assert not np.any(found[:, 0]) and np.all(found[:, 1])
