"""Designed traffic: against the exact chain, all choices tried, and the wall in closed form."""

import itertools
import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import config, design, exclusion, optimize, simulate, steady

CONFIGS = Path(__file__).parents[1] / "configs" / "design"


def run(name, *changes):
    return config.execute(config.load(CONFIGS / name, changes)).quantities


def gates(rates):
    return exclusion.RibosomeTraffic(
        initiation=1.0, termination=1.0, footprint=1, elongation=jnp.asarray(rates)
    )


@pytest.mark.slow
def test_the_wall_stands_where_it_is_wanted():
    """At the density 0.7 of the kinetics: 0.3 = (2 (0.3 - a) - (1 - 1.4) ln(0.4 / 0.5)) / Omega."""
    found = run("wall.toml")
    assert float(found["wall_position"].values) == pytest.approx(0.3, abs=1e-6)
    assert float(found["density_left"].values) == pytest.approx(0.3, abs=1e-6)
    total = (2 * 0.1 + 0.4 * math.log(0.8)) / 0.3 / 400
    rates = [float(found[f"varied_{name}"].values[1]) for name in ("attachment", "detachment")]
    np.testing.assert_allclose(rates, [0.7 * total, 0.3 * total], rtol=1e-5)
    # mean field of so many sites, whose wall is a few sites wide
    filament = exclusion.LangmuirASEP(
        length=400, alpha=0.2, beta=0.3, attachment=rates[0], detachment=rates[1]
    )
    density = np.asarray(steady(filament, exclusion.MeanField()).density)
    place = np.interp(0.5, density[60:200], np.arange(61, 201)) / 400
    assert abs(place - 0.3) < 0.005


@pytest.mark.slow
def test_gates_from_samples_are_the_exact_ones():
    """Eight gates, for which all configurations are known too."""
    found = run(
        "gates_sampled.toml",
        "system.elongation=[1.3, 0.7, 1.2, 0.8, 1.1, 0.9, 1.0, 1.0]",
        'design.vary."system.elongation".total=8.0',
        "simulate.time=480.0",
        "simulate.burn_in=160.0",
        "method.replicas=256",
        "design.optimizer.learning_rate=0.05",
    )
    rates = jnp.asarray(found["varied_elongation"].values)

    @jax.jit
    def current(rates):
        return steady(gates(rates), exclusion.Generator()).current

    best = optimize(current, rates[0], space=design.Simplex(total=8.0), maximize=True)
    np.testing.assert_allclose(rates[1], best.design, rtol=0.05)
    assert 0.9995 < float(current(rates[1]) / best.objective) <= 1
    assert float(current(rates[0]) / best.objective) < 0.97


@pytest.mark.slow
def test_the_gates_of_a_long_chain_beat_those_of_mean_field():
    """Higher in the middle, symmetric, and a larger current under the same noise."""
    mean, best = run("gates_sampled.toml")["varied_elongation"].values
    assert np.std(best[10:-10] - best[::-1][10:-10]) < 0.01
    thirds = [best[3:20].mean(), best[40:59].mean(), best[-20:-3].mean()]
    assert thirds[0] < thirds[1] - 0.005 and thirds[2] < thirds[1] - 0.005
    assert np.all(best[[0, -1]] > mean[[0, -1]] + 0.03)
    plan = {"key": jax.random.key(99), "time": 8000.0, "burn_in": 4000.0}
    method = exclusion.MaxPlus(replicas=1024)
    times = [simulate(gates(rates), method, **plan).path_duration for rates in (mean, best)]
    gain = np.asarray(times[0] / times[1] - 1)
    assert gain.mean() > 5 * gain.std() / np.sqrt(1024) and gain.mean() < 2e-3


def test_selections_keep_their_sum():
    space = design.Selection(count=3, among=8)
    start = space.begin()
    assert start is not None
    np.testing.assert_allclose(start, 3 / 8)
    u = jnp.asarray(np.random.default_rng(0).normal(size=8))
    values = space(u, start, jnp.asarray(0.0))
    np.testing.assert_allclose(jnp.sum(values), 3, rtol=1e-12)
    np.testing.assert_array_equal(jnp.argsort(values), jnp.argsort(u))
    settled = space.settled(values)
    assert set(np.unique(settled)) == {0, 1} and jnp.sum(settled) == 3
    again = jnp.array([0.3, 0.6, 0.8, 0.4, 0.9])
    held = design.Selection(count=3)
    found = held(held.coordinates(again), again, jnp.asarray(0.0))
    np.testing.assert_allclose(found, again, rtol=1e-12)
    # the derivative, that of the threshold too
    weights = jnp.arange(8.0)
    value = jax.jit(lambda u: weights @ space(u, start, jnp.asarray(0.5)))
    step = jnp.asarray(np.random.default_rng(1).normal(size=8)) * 1e-5
    np.testing.assert_allclose(
        jax.grad(value)(u) @ step, (value(u + step) - value(u - step)) / 2, rtol=1e-7
    )


def test_selections_that_are_refused():
    with pytest.raises(ValueError, match="of which 3 cannot be chosen"):
        design.Selection(count=3).check("fast", np.full(3, 0.5))
    with pytest.raises(ValueError, match="numbers at 0 or 1"):
        design.Selection(count=1).check("fast", np.array([0.0, 0.5]))


def test_the_speeds_of_codons():
    by_amino_acid = [exclusion.codon_speeds(each) for each in "ACDEFGHIKLMNPQRSTVWY"]
    speeds = {codon: speed for each in by_amino_acid for codon, speed in each.items()}
    assert len(speeds) == 61 and np.mean(list(speeds.values())) == pytest.approx(1)
    assert speeds["GCC"] == pytest.approx(0.64 * speeds["GCT"])
    assert speeds["GAC"] == pytest.approx(16 * speeds["CAG"])
    message = exclusion.CodonChoice(protein="MSL", initiation=1.0, termination=2.0, footprint=1)
    slow, fast = message.extremes
    serine = exclusion.codon_speeds("S")
    np.testing.assert_allclose([slow[1], fast[1]], [10.5 * serine["TCG"], 10.5 * serine["TCT"]])
    assert slow[0] == fast[0]  # methionine has one codon
    half = exclusion.CodonChoice("MSL", 1.0, 2.0, jnp.array([0.5, 0.5]), footprint=1)
    np.testing.assert_allclose(1 / half.elongation, (1 / slow + 1 / fast) / 2, rtol=1e-12)


def test_messages_that_are_refused():
    with pytest.raises(ValueError, match="letters B, X, which are no amino acids"):
        exclusion.CodonChoice(protein="MXB", initiation=1.0, termination=1.0, footprint=1)
    with pytest.raises(ValueError, match="fast has shape"):
        exclusion.CodonChoice("MSL", 1.0, 2.0, jnp.ones(3), footprint=1)


def test_the_best_codons_of_a_short_message():
    """Three of ten places, against all 120 choices: the second, 1 % below the best.

    The best mixture has a half each of two codons, of which the one that is left out is better.
    """

    @jax.jit
    def current(fast):
        message = exclusion.CodonChoice(
            protein="SLETAGRSLKE", initiation=8.0, termination=20.0, fast=fast, footprint=3
        )
        return steady(message, exclusion.Generator()).current

    space = design.Selection(count=3, among=10)
    method = design.Adam(steps=300, learning_rate=0.1, tolerance=5e-3)
    plan = {"space": space, "maximize": True, "check": True}
    found = optimize(current, space.begin(), method, **plan)
    chosen = float(current(space.settled(found.design)))
    every = [np.isin(np.arange(10), some) * 1.0 for some in itertools.combinations(range(10), 3)]
    currents = np.array([float(current(jnp.asarray(some))) for some in every])
    assert np.sum(currents > chosen * (1 + 1e-9)) <= 1 and chosen > 0.99 * currents.max()
    assert np.median(currents) < 0.9 * chosen
    assert found.objective > currents.max()  # mixtures are more than choices


@pytest.mark.slow
def test_a_hundred_fast_codons():
    """Better than where each saves the most time, and far better than anywhere."""
    fast = run("codons.toml")["varied_fast"].values[1]
    system: Any = config.load(CONFIGS / "codons.toml").at({})[0]
    slowest, fastest = map(np.asarray, system.extremes)

    def most(values):
        return (np.argsort(np.argsort(-values)) < 100) * 1.0

    @jax.jit
    def current(fast):
        message = exclusion.CodonChoice(system.protein, 1.0, 10.0, fast)
        method = exclusion.MaxPlus(replicas=128)
        return simulate(message, method, key=jax.random.key(5), time=3000.0, burn_in=1000.0).current

    choices = [fast, 1 / slowest - 1 / fastest, np.random.default_rng(0).normal(size=331)]
    best, greedy, random = (current(jnp.asarray(most(each))) for each in choices)
    assert best.stderr < 1e-3 and best.value > 1.04 * greedy.value
    assert best.value > 1.6 * random.value
