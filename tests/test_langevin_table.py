"""Known averages of Langevin systems, sampled: all in one table, and judged together.

Units: stiffness, friction, mass and temperature are 1 where nothing is said. A row has the known
value and where it is from, and the step's own bias, which is known from the chain of that step or
from its order, and must lie below the standard error.

With the fixed keys the rows are what they are. With other keys a correct engine would fail the
bound of five standard errors in any row once in 30,000 times (60 rows x 5.7e-7), and the joint one,
chi squared of all independent rows between the quantiles 1e-4 and 1 - 1e-4, once in 5,000.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxneq import Estimate, langevin, simulate, thermodynamics
from jaxneq.langevin import BAOAB, OBABO, EulerMaruyama, LeimkuhlerMatthews, StochasticHeun


class Row(NamedTuple):
    """`largest_error` keeps the test from being one that cannot fail."""

    name: str
    estimate: Estimate
    exact: float
    largest_error: float
    bias: float = 0.0

    @property
    def z(self):
        return float(self.estimate.z_score(self.exact + self.bias))


def key(number):
    return jax.random.key(1000 + number)


def thermal(replicas, spread=1.0):
    return spread * jax.random.normal(key(999), (replicas,))


def variance(samples):
    return Estimate.from_samples(
        (samples - samples.mean()) ** 2 * samples.size / (samples.size - 1)
    )


def exponential(work):
    return Estimate.from_samples(jnp.exp(-work))


def dragged():
    """U = (x - v t)^2 / 2 from equilibrium; W Gaussian (Mazonka and Jarzynski, 1999)."""
    count = 40000
    for index, (time, mean) in enumerate([(1.0, 0.36787944117144233), (2.0, 1.1353352832366128)]):
        trap = langevin.Overdamped(
            potential=langevin.Harmonic(), protocol=langevin.LinearRamp(end=time, ramp_time=time)
        )
        method = StochasticHeun(dt=0.01, replicas=count)
        work = simulate(trap, method, key=key(index), time=time, initial=thermal(count)).path_work
        yield Row(f"dragged, t = {time}: <W>", Estimate.from_samples(work), mean, 0.01)
        yield Row(f"dragged, t = {time}: var W", variance(work), 2 * mean, 0.02)
        yield Row(f"dragged, t = {time}: <exp(-W)>", exponential(work), 1.0, 0.03)
    # the chain of Euler and Maruyama with dt = 0.01 has moments of its own
    method = EulerMaruyama(dt=0.01, replicas=count)
    work = simulate(trap, method, key=key(2), time=2.0, initial=thermal(count)).path_work
    yield Row("dragged, Euler: <W>", Estimate.from_samples(work), 1.132618227601254, 0.01)
    yield Row("dragged, Euler: var W", variance(work), 2.272888346729633, 0.02)


def steadily_dragged():
    trap = langevin.Overdamped(
        potential=langevin.Harmonic(), protocol=langevin.LinearRamp(end=30.0, ramp_time=30.0)
    )
    method = StochasticHeun(dt=0.05, replicas=4000)
    found = simulate(trap, method, key=key(3), time=30.0)
    # from rest <W> = v^2 (t - 1 + e^-t): what goes on is the rate gamma v^2 / T
    work = Estimate(found.work.value + 1, found.work.stderr, found.work.n_effective)
    yield Row("dragged for long: entropy rate", work.scaled(1 / 30), 1.0, 5e-3)


def optimal():
    """The best protocols jump at both ends (Schmiedl and Seifert, PRL 98, 108301, 2007)."""
    count = 40000
    for index, (distance, least) in enumerate([(1.0, 1 / 3), (2.0, 4 / 3)]):
        protocol, _ = langevin.optimal_drag(distance, 1.0)
        trap = langevin.Overdamped(potential=langevin.Harmonic(), protocol=protocol)
        method = StochasticHeun(dt=0.01, replicas=count)
        found = simulate(trap, method, key=key(10 + index), time=1.0, initial=thermal(count))
        yield Row(f"best drag by {distance}: <W>", found.work, least, 0.01)
    straight = langevin.LinearRamp(end=2.0, ramp_time=1.0)
    trap = langevin.Overdamped(potential=langevin.Harmonic(), protocol=straight)
    found = simulate(trap, method, key=key(12), time=1.0, initial=thermal(count))
    yield Row("straight drag by 2: <W>", found.work, 1.4715177646857693, 0.01)


def breathing():
    """Stiffness from a to b in a time t: least work; linear ramp; Jarzynski's (a/b)^(1/2)."""
    count = 40000
    known = [
        (2.0, 1.0, 0.01, 0.40291836112539436, 0.4124657985347547, 0.17862894),
        (5.0, 0.5, 0.0025, 1.227789110203473, 1.3213036521508144, 2.3424265),
    ]
    for index, (end, time, dt, least, linear, spread) in enumerate(known):
        for name, protocol, mean in (
            ("best", langevin.optimal_breathing(1.0, end, time)[0], least),
            ("linear", langevin.LinearRamp(end=end - 1, ramp_time=time), linear),
        ):
            trap = langevin.Overdamped(
                potential=langevin.BreathingHarmonic(stiffness=1.0), protocol=protocol
            )
            method = StochasticHeun(dt=dt, replicas=count)
            number = 20 + 2 * index + (name == "linear")
            work = simulate(
                trap, method, key=key(number), time=time, initial=thermal(count)
            ).path_work
            which = f"{name} breathing to {end}"
            yield Row(f"{which}: <W>", Estimate.from_samples(work), mean, 0.01)
            yield Row(f"{which}: <exp(-W)>", exponential(work), end**-0.5, 2e-3)
        yield Row(f"{which}: var W", variance(work), spread, 0.05)


def washboards():
    """U = -cos x - F x: velocity, diffusion, dissipation, uncertainty product 2 D sigma / v^2."""
    known = [
        (
            0.7,
            0.3,
            0.20433264162548564,
            0.4382493484338396,
            0.47677616379279986,
            10.008991269114484,
        ),
        (
            1.0,
            0.1,
            0.36895324576207045,
            0.41112993531973674,
            3.6895324576207043,
            22.286289118858438,
        ),
        (0.0, 0.5, 0.0, 0.0962184392458377, 0.0, None),
    ]
    for index, (force, temperature, velocity, diffusion, dissipation, product) in enumerate(known):
        ring = langevin.Overdamped(
            potential=langevin.TiltedCosine(amplitude=1.0, force=force), temperature=temperature
        )
        method = StochasticHeun(dt=0.02, replicas=8192)
        found = simulate(ring, method, key=key(30 + index), time=120.0, burn_in=20.0)
        which = f"washboard, F = {force}, T = {temperature}"
        yield Row(f"{which}: v", found.velocity, velocity, 2e-3)
        yield Row(f"{which}: D", found.diffusion, diffusion, 8e-3)
        if force:
            dissipation = force * velocity / temperature
            product = 2 * diffusion * dissipation / velocity**2
            yield Row(f"{which}: entropy", found.entropy_production, dissipation, 0.02)
            travelled = found.position - found.start
            relation = thermodynamics.uncertainty_relation(travelled, dissipation * 100.0)
            yield Row(f"{which}: uncertainty", relation.product, product, 0.6)


def washboard_in_time():
    """The chain of Euler and Maruyama with dt = 0.01 from x = 0: its own moments at t = 10."""
    ring = langevin.Overdamped(
        potential=langevin.TiltedCosine(amplitude=1.0, force=0.7), temperature=0.3
    )
    method = EulerMaruyama(dt=0.01, replicas=16384)
    found = langevin.sensitivity(
        lambda s: s.position,
        ring,
        method,
        key=key(40),
        time=10.0,
        where=lambda s: (s.potential.force, s.potential.amplitude),
        gradient="likelihood_ratio",
    )
    force, amplitude = found.gradient
    yield Row("washboard at t = 10: <x>", found.mean, 2.2007928683793847, 0.03)
    yield Row("washboard at t = 10: d<x>/dF", force, 7.2386971459772464, 0.2)
    yield Row("washboard at t = 10: d<x>/dV", amplitude, -4.876212490967369, 0.2)
    end = simulate(ring, method, key=key(41), time=10.0)
    yield Row("washboard at t = 10: var x", end.position_variance, 6.144638358350369, 0.1)


def wells():
    """U = x^2 / 2: the variances that each scheme has, steps of 0.1, 0.5 and 1."""
    known = {
        BAOAB: (lambda h: 1.0, lambda h: 1 - h**2 / 4),
        OBABO: (lambda h: 1 / (1 - h**2 / 4), lambda h: 1.0),
        EulerMaruyama: (lambda h: 1 / (1 - h / 2), None),
        LeimkuhlerMatthews: (lambda h: 1.0, None),
    }
    for number, (scheme, (position, velocity)) in enumerate(known.items()):
        kind = langevin.Overdamped if velocity is None else langevin.Underdamped
        well = kind(potential=langevin.Harmonic())
        for index, dt in enumerate((0.1, 0.5, 1.0)):
            method = scheme(dt=dt, replicas=40000)
            found = simulate(well, method, key=key(50 + 3 * number + index), time=200 * dt)
            which = f"{scheme.__name__}, dt = {dt}"
            yield Row(f"{which}: <x^2>", found.position_variance, position(dt), 0.02)
            if velocity is not None:
                yield Row(f"{which}: <v^2>", found.kinetic_temperature, velocity(dt), 0.02)


def two_baths():
    """Heat through a gyrator (u = 0.5) and through harmonic chains (Rieder, Lebowitz, Lieb)."""
    gyrator = langevin.Overdamped(
        potential=langevin.Quadratic(stiffness=[[1.0, 0.5], [0.5, 1.0]]),
        temperature_profile=langevin.PerCoordinate(factor=[2.0, 1.0]),
    )
    method = StochasticHeun(dt=0.01, replicas=4000)
    found = simulate(gyrator, method, key=key(70), time=60.0, burn_in=20.0)
    cold = jax.tree.map(lambda field: field[1], found.heat_rate)
    bias = 0.12374767 - 0.125  # of the linear chain: heat between two baths is of first order
    yield Row("gyrator: heat", cold, 0.125, 5e-3, bias)
    yield Row("gyrator: entropy", found.entropy_production, 0.0625, 3e-3, bias / 2)
    for index, exact in enumerate((2.5, 1.5)):
        yield Row(f"gyrator: S{index}{index}", variance(found.position[index]), exact, 0.1)
    for index, (sites, friction, flux) in enumerate(
        [(4, 1.0, 0.1904761904761898), (8, 0.5, 0.17157287525062004)]
    ):
        chain = langevin.Chain(
            sites=sites,
            bond=langevin.HarmonicSpring(),
            thermostat=langevin.EndBaths(left=2.0, right=1.0, friction=friction),
        )
        method = BAOAB(dt=0.05, replicas=1024)
        found = simulate(chain, method, key=key(75 + index), time=400.0, burn_in=100.0)
        taken = jax.tree.map(lambda field: field[-1], found.heat_rate)
        yield Row(f"harmonic chain of {sites}: flux", taken, flux, 2e-3)


def fluctuations():
    """Memory of the velocity, Einstein's relation, coloured noise, the uncertainty of a drift."""
    free = langevin.Underdamped(
        potential=langevin.TiltedCosine(amplitude=0.0, force=0.0), friction=2.0
    )
    method = BAOAB(dt=0.02, replicas=20000, frames=50)
    found = simulate(free, method, key=key(80), time=12.0, burn_in=2.0)
    velocity = found.frame_velocities  # every 0.2
    product = (velocity[:-5] * velocity[5:]).mean(axis=0)
    yield Row("free: <v(0) v(1)>", Estimate.from_samples(product), np.exp(-2), 2e-3)
    # D (1 - (1 - exp(-gamma t)) / (gamma t)): at t = 10 ballistic motion still takes a part
    brief = 0.5 * (1 - (1 - np.exp(-20.0)) / 20)
    yield Row("free: diffusion", found.diffusion, brief, 0.01)
    trap = langevin.Underdamped(potential=langevin.Harmonic())
    found = simulate(trap, method, key=key(81), time=12.0, burn_in=2.0)
    velocity = found.frame_velocities
    product = (velocity[:-5] * velocity[5:]).mean(axis=0)
    yield Row("trap: <v(0) v(1)>", Estimate.from_samples(product), 0.1261929582770087, 2e-3)
    active = langevin.ActiveParticle(
        potential=langevin.Harmonic(), temperature=0.01, active_diffusion=1.0, persistence=0.5
    )
    method = langevin.ActiveHeun(dt=0.02, replicas=40000)
    found = simulate(active, method, key=key(82), time=10.0)
    yield Row("active: <x^2>", found.position_variance, 0.01 + 2 / 3, 0.01)
    drift = langevin.Overdamped(potential=langevin.TiltedCosine(amplitude=0.0, force=1.0))
    method = EulerMaruyama(dt=0.1, replicas=40000)
    found = simulate(drift, method, key=key(83), time=10.0)
    relation = thermodynamics.uncertainty_relation(found.position - found.start, 10.0)
    yield Row("flat ring: uncertainty", relation.product, 2.0, 0.05)


GROUPS = (
    dragged,
    steadily_dragged,
    optimal,
    breathing,
    washboards,
    washboard_in_time,
    wells,
    two_baths,
    fluctuations,
)


@pytest.fixture(scope="module")
def table():
    return [row for group in GROUPS for row in group()]


# Rows that repeat what another of the same paths says, and are left out of the joint test.
DEPENDENT = ("entropy", "uncertainty", "exp(-W)", "var W")


@pytest.mark.slow
def test_every_row_alone(table):
    for row in table:
        assert float(row.estimate.stderr) < row.largest_error, row
        assert abs(row.bias) < float(row.estimate.stderr), row
        assert abs(row.z) < 5, row


@pytest.mark.slow
def test_all_rows_together(table):
    """Too large a sum is a bias somewhere; too small a one, error bars that exaggerate."""
    z = [row.z for row in table if not any(word in row.name for word in DEPENDENT)]
    assert len(z) > 35
    chance = scipy.stats.chi2(len(z)).cdf(np.sum(np.square(z)))
    assert 1e-4 < chance < 1 - 1e-4, chance
