"""Protocols that a gradient makes best: a bit erased between fixed densities, a barrier crossed."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import config, evolve, simulate, thermodynamics
from jaxneq.langevin import (
    BreathingHarmonic,
    EulerMaruyama,
    FeynmanKac,
    FlexiblePolygon,
    FokkerPlanck,
    Hairpin,
    Harmonic,
    LinearMoments,
    Overdamped,
    PiecewiseLinear,
    Polygon,
    Reversed,
    TiltedCosine,
    Waypoints,
)

CONFIGS = Path(__file__).parents[1] / "configs" / "design"


def run(name, *changes):
    return config.execute(config.load(CONFIGS / name, changes)).quantities


def test_a_flexible_polygon_is_a_polygon():
    heights = jnp.array([2.0, -1.0, 0.5, 3.0])
    flexible = FlexiblePolygon(lower=-2.0, upper=6.0, pieces=4)  # knots at -1, 1, 3, 5
    fixed = Polygon(knots=[-1.0, 1.0, 3.0, 5.0], energies=heights)
    places = jnp.array([-1.7, -1.0, 0.2, 1.0, 2.9, 5.0, 5.8])[:, None]
    found = jax.vmap(flexible, in_axes=(0, None))(places, heights)
    expected = jax.vmap(fixed, in_axes=(0, None))(places, jnp.zeros(1))
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    force = jax.vmap(flexible.gradient, in_axes=(0, None))(places, heights)
    np.testing.assert_allclose(force[jnp.array([0, 2, 4, 6])].ravel(), [-1.5, -1.5, 0.75, 1.25])
    work = flexible.work(places[2], heights, heights**2)
    assert work == pytest.approx(float(flexible(places[2], heights**2) - found[2]), rel=1e-13)
    assert flexible.rest == 2.0
    with pytest.raises(ValueError, match="must lie below"):
        FlexiblePolygon(lower=1.0, upper=-1.0)


def test_waypoints_are_straight_between_and_jump_at_the_ends():
    rows = jnp.array([[1.0, 5.0], [3.0, 6.0], [2.0, 9.0]])
    way = Waypoints(start=[0.0, 4.0], end=[7.0, 8.0], ramp_time=4.0, values=rows)
    np.testing.assert_array_equal(way.before, [0, 4])
    told = {0.0: [1, 5], 1.0: [2, 5.5], 3.0: [2.5, 7.5], 4.0: [7, 8], 9.0: [7, 8]}
    for time, expected in told.items():
        np.testing.assert_allclose(way.at(jnp.asarray(time)), expected, rtol=1e-13)
    np.testing.assert_allclose(way.knots, [2.0, 4.0])
    straight = Waypoints(start=[0.0, 4.0], end=[2.0, 8.0], ramp_time=4.0, rows=3)
    np.testing.assert_allclose(straight.values, [[0, 4], [1, 6], [2, 8]])
    with pytest.raises(ValueError, match="one row"):
        Waypoints(start=[0.0], end=[1.0], ramp_time=1.0, values=[[0.5]])
    with pytest.raises(ValueError, match="control = 2"):
        Waypoints(start=[0.0, 1.0], end=[1.0], ramp_time=1.0)


@jax.jit
def relaxed(moved):
    """The relative entropy at time 0.3 after a trap (k = 2, T = 0.5) has jumped by `moved`."""
    values = jnp.stack([0 * moved, moved, moved])
    jump = PiecewiseLinear(times=jnp.array([0.0, 0.0, 0.3]), values=values)
    trap = Overdamped(potential=Harmonic(stiffness=2.0), temperature=0.5, protocol=jump)
    method = FokkerPlanck(cells=96, lower=-2.5, upper=3.5, substeps=8)
    return evolve(trap, method, times=jnp.array([0.3]), throw=False).relative_entropy[0]


def test_relative_entropy_to_equilibrium():
    """Of two Gaussians of one width: k m^2 / (2 T), where the distance m falls as exp(-k t)."""
    moved = jnp.array(0.8)
    value, gradient = jax.jit(jax.value_and_grad(relaxed))(moved)
    exact = 2 * (0.8 * np.exp(-2 * 0.3)) ** 2 / (2 * 0.5)
    assert float(value) == pytest.approx(exact, rel=4e-3)  # second order in the width
    assert float(gradient) == pytest.approx(2 * exact / 0.8, rel=4e-3)
    assert float(gradient) == pytest.approx(float(slope(relaxed, moved)), rel=1e-6)


def dragged(first):
    """A trap moved in time 1 with jumps."""
    values = jnp.stack([0 * first, first, 0 * first + 0.7, 0 * first + 1])
    protocol = PiecewiseLinear(times=jnp.array([0.0, 0.0, 1.0, 1.0]), values=values)
    return Overdamped(potential=Harmonic(), temperature=0.7, protocol=protocol)


@jax.jit
def divergence(first):
    method = FeynmanKac(cells=96, lower=-4.5, upper=6.0, substeps=8)
    return evolve(dragged(first), method, times=jnp.array([1.0]), throw=False).divergence[0]


def test_the_divergence_of_gaussian_work_is_its_variance():
    first = jnp.array(0.2)
    value, gradient = jax.jit(jax.value_and_grad(divergence))(first)

    def exact(first):
        found = evolve(dragged(first), LinearMoments(), times=jnp.array([1.0]))
        return found.work_variance[0] / 0.7**2

    assert float(value) == pytest.approx(float(exact(first)), rel=4e-3)  # second order in the width
    assert float(gradient) == pytest.approx(float(slope(exact, first)), abs=4e-3)
    assert float(gradient) == pytest.approx(float(slope(divergence, first)), rel=1e-6)


def test_the_divergence_of_a_sudden_change():
    """Stiffness from k = 1 to 2 at once: <exp(-n dx^2 / 2)> = sqrt(k / (k + n)) for n = 1, 2."""
    protocol = PiecewiseLinear(times=[0.0, 0.0, 1.0], values=[0.0, 1.0, 1.0])
    trap = Overdamped(potential=BreathingHarmonic(), protocol=protocol)
    found = evolve(trap, FeynmanKac(cells=128), times=[1.0])
    assert found.free_energy[0] == pytest.approx(np.log(2) / 2, rel=1e-10)
    assert found.divergence[0] == pytest.approx(np.log(2 / np.sqrt(3)), rel=1e-10)
    assert found.jarzynski_variance[0] == pytest.approx(2 / np.sqrt(3) - 1, rel=1e-10)
    assert found.work[0] == pytest.approx(0.5, rel=1e-10)  # dk T / (2 k)
    assert found.conservation_residual < 1e-6
    produced = found.fluxes["work"] * found.forces["work"]
    np.testing.assert_allclose(found.entropy_production, produced, rtol=1e-13)


def test_feynman_kac_refuses_what_it_cannot_do():
    jump = PiecewiseLinear(times=[0.0, 0.0, 1.0], values=[0.0, 1.0, 1.0])
    trap, method = Overdamped(potential=Harmonic(), protocol=jump), FeynmanKac(cells=16)
    with pytest.raises(ValueError, match="no work"):
        evolve(Overdamped(potential=Harmonic()), method, times=[1.0])
    with pytest.raises(ValueError, match="Leave out `initial`"):
        evolve(trap, method, times=[1.0], initial=jnp.ones(16))
    with pytest.raises(ValueError, match="does not confine"):
        evolve(Overdamped(potential=TiltedCosine(), protocol=jump), method, times=[1.0])


TIMES = [0.0, 0.0, *np.linspace(0.5, 6.0, 12), 6.0]
PULLED = [0.0, *np.linspace(0.0, 2.0, 13), 2.0]
# the optimum of barrier.toml, to three digits
BEST = [
    0.0,
    0.065,
    0.391,
    0.563,
    0.68,
    0.769,
    0.843,
    0.909,
    0.973,
    1.041,
    1.12,
    1.237,
    1.47,
    1.943,
    2.0,
]


def hairpin(values):
    potential = Hairpin(barrier=3.0, unfolding_energy=1.0, unfolding_length=2.0, trap_stiffness=8.0)
    return Overdamped(potential=potential, protocol=PiecewiseLinear(times=TIMES, values=values))


def sampled_work(system, key):
    """Of paths from equilibrium, which a second in the first trap brings about."""
    method = EulerMaruyama(dt=0.005, replicas=65536)
    found = simulate(system, method, key=jax.random.key(key), time=7.0, burn_in=1.0)
    return found.path_work


@pytest.mark.slow
def test_the_sampled_spread_of_the_estimate_falls_as_the_grid_says():
    """The second moment is by Crooks' theorem a first one of the reverse, which samples well.

    <exp(-2W)> = exp(-dF) <exp(W_R)>: relative standard error 1 to 3 %; the bias of the scheme's
    steps is below that.
    """
    found, method = [], FeynmanKac(cells=96, lower=-1.0, upper=3.0, substeps=24)
    for number, values in enumerate((PULLED, BEST)):
        system = hairpin(values)
        exact = evolve(system, method, times=[6.0])
        free_energy, predicted = float(exact.free_energy[0]), float(exact.jarzynski_variance[0])
        work = sampled_work(system, number)
        estimate = thermodynamics.jarzynski(work, 1.0)
        assert abs(float(estimate.value) - free_energy) < 5 * float(estimate.stderr)
        back = Overdamped(potential=system.potential, protocol=Reversed(system.protocol))
        weights = np.exp(np.asarray(sampled_work(back, 10 + number)) + free_energy)
        stderr = weights.std(ddof=1) / np.sqrt(weights.size)
        assert stderr < 0.05 * weights.mean()
        assert abs(weights.mean() - 1 - predicted) < 5 * stderr
        # the estimate itself, 128 times from 512 paths each: its variance is known to 13 %
        few = -np.log(np.mean(np.exp(-np.asarray(work).reshape(128, 512)), axis=1))
        found.append((np.var(few, ddof=1) * 512, predicted))
        assert abs(found[-1][0] / predicted - 1) < 3 * np.sqrt(2 / 127)
    assert found[0][1] > 2.5 * found[1][1] and found[0][0] > 2 * found[1][0]


@pytest.mark.slow
def test_the_best_pulling_is_slow_at_the_barrier():
    found = run("barrier.toml")
    start, best = found["varied_values"].values
    np.testing.assert_allclose(start, PULLED, atol=1e-7)
    np.testing.assert_allclose(best, BEST, atol=2e-3)
    assert float(found["divergence"].values[0]) == pytest.approx(1.61067, abs=1e-4)
    assert float(found["gradient_norm"].values) < 1e-6
    speed = np.diff(best)[1:-1]
    assert np.argmin(speed) in (6, 7) and speed.max() > 5 * speed.min()


def least_transport(density):
    """The mean square distance from the uniform density on [-1, 1], by quantiles."""
    cells = density.size
    share = np.concatenate([[0], np.cumsum(density)]) * 2 / cells
    quantile = (np.arange(100_000) + 0.5) / 100_000
    end = np.interp(quantile, share, np.linspace(-1, 1, cells + 1))
    return np.mean((end - (2 * quantile - 1)) ** 2)


def test_the_least_transport_of_an_erasure():
    assert least_transport(np.repeat([0.0, 1.0], 16)) == pytest.approx(1 / 3, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("tau, pieces", [(0.5, 32), (1.0, 32), (2.0, 32), (1.0, 16)])
def test_a_bit_is_erased_with_the_least_work(tau, pieces):
    """ln 2 + 1 / (3 tau), from above by an error of first order in the width of the pieces."""
    step = [8.0] * (pieces // 2) + [0.0] * (pieces // 2)
    found = run(
        "erasure.toml",
        f"system.protocol.ramp_time={tau}",
        f"evolve.times=[{tau}]",
        f"method.substeps={max(20, round(20 * tau))}",
        f"system.potential.pieces={pieces}",
        f"method.cells={pieces}",
        f"system.protocol.start={[0.0] * pieces}",
        f"system.protocol.end={step}",
    )
    work, missed = (float(found[name].values[0]) for name in ("work", "relative_entropy"))
    excess = work / (np.log(2) + 1 / (3 * tau)) - 1
    assert 0 < excess < 0.03 * 32 / pieces and missed < 2e-4
    # never less than between the very densities that were reached
    least = np.log(2) - np.log1p(np.exp(-8)) + missed
    least = least + least_transport(found["density"].values[0]) / tau
    assert 0 < work / least - 1 < 0.03 * 32 / pieces
