"""Traps: their kinetics against exponentials of matrices, ageing against the arcsine law."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.special
from differences import slope

from jaxneq import config, evolve, steady
from jaxneq.jump import Ageing, KovacsJump, Relaxation, TrapModel

CONFIGS = Path(__file__).parents[1] / "configs"
TIMES = np.array([0.0, 1.0, 30.0, 1e3])


def traps(temperature=1.3, **changes):
    return TrapModel(**({"temperature": temperature, "deepest": 9.0, "levels": 8} | changes))


@jax.jit
def followed(glass, times):
    return Relaxation().evolve(glass, times=times, initial=None)


def generator(model):
    rates = np.asarray(model.rates)
    return rates - np.diag(rates.sum(axis=1))


def test_the_master_equation():
    model = traps(0.8, glass_temperature=1.4, attempt_rate=3.0)
    glass = Ageing(traps=model, waiting_time=5.0)
    found = followed(glass, jnp.asarray(TIMES))
    rates, depth = generator(model), np.asarray(model.depth)
    first = np.asarray(model.share) @ scipy.linalg.expm(5.0 * rates)
    p = np.stack([first @ scipy.linalg.expm(t * rates) for t in TIMES])
    rest = np.asarray(model.equilibrium)
    assert np.allclose(found.energy, -p @ depth, rtol=1e-11)
    assert np.allclose(found.excess_energy, (rest - p) @ depth, atol=1e-10)
    stays = np.exp(-TIMES[:, None] * 3.0 * np.exp(-depth / 0.8))
    assert np.allclose(found.persistence, stays @ first, rtol=1e-12)
    produced = -np.sum((p @ rates) * np.log(p / rest), axis=1)
    assert np.allclose(found.entropy_production, produced, atol=1e-13)
    given = np.sum(found.fluxes["filling"] * found.forces["filling"], axis=0)
    assert np.allclose(found.entropy_production, given, rtol=1e-12)
    assert float(found.conservation_residual) < 1e-14


def test_equilibrium_is_that_of_the_network():
    model = traps()
    found = steady(model)
    assert np.allclose(found.probability, model.equilibrium, rtol=1e-12)
    assert float(found.entropy_production) < 1e-25
    assert np.max(np.abs(found.cycle_affinities)) < 1e-12


@pytest.mark.parametrize("x", [0.5, 0.7])
def test_ageing_follows_the_arcsine_law(x):
    """The transform of a stay has the powers x and 1: corrections fall as t_w^(x - 1)."""
    ratio = np.array([0.01, 0.3, 1.0, 10.0, 1e3])
    law = scipy.special.betainc(x, 1 - x, 1 / (1 + ratio))
    off = []
    for waited in (1e4, 1e6):
        model = TrapModel(temperature=x, levels=96)
        found = evolve(Ageing(traps=model, waiting_time=waited), times=ratio * waited)
        assert np.allclose(found.persistence_limit, law, rtol=1e-8)
        off.append(np.asarray(found.persistence) - law)
    assert np.allclose(off[1][:4] / off[0][:4], 100 ** (x - 1), rtol=0.05)


def test_without_glass_the_limit_is_equilibrium():
    found = followed(Ageing(traps=traps(1.3), waiting_time=1e6), jnp.asarray(TIMES))
    assert np.allclose(found.persistence, found.persistence_limit, rtol=1e-10)


def test_the_hump_of_kovacs():
    glass = KovacsJump(traps=traps(), quench_temperature=0.6)
    found = evolve(glass, times=[0.0, 1.0, 10.0, 1e6])
    excess = np.asarray(found.excess_energy)
    assert abs(excess[0]) < 1e-12 and excess[1] > 0.02 and abs(excess[3]) < 1e-9
    cold = generator(traps(0.6))
    p = np.asarray(glass.traps.share) @ scipy.linalg.expm(float(found.age) * cold)
    depth = np.asarray(glass.traps.depth)
    assert np.isclose(p @ depth, np.asarray(glass.traps.equilibrium) @ depth, rtol=1e-10)


@pytest.mark.parametrize("kind", ["ageing", "kovacs"])
def test_gradients(kind):
    def excess(values):
        final, glass, other = values
        model = traps(final, glass_temperature=glass)
        if kind == "ageing":
            system = Ageing(traps=model, waiting_time=20 * other)
        else:
            system = KovacsJump(traps=model, quench_temperature=other)
        found = followed(system, jnp.array([4.0]))
        return found.excess_energy[0] + found.persistence[0]

    at = jnp.array([1.3, 1.1, 0.6])
    gradient = jax.jit(jax.grad(excess))
    expected = [slope(lambda d, e=e: excess(at + d * e), 0.0) for e in jnp.eye(3)]
    assert np.allclose(gradient(at), expected, rtol=1e-6)
    along = jnp.array([1.0, -0.5, 0.7])
    bend = jax.jvp(gradient, (at,), (along,))[1]
    expected = (gradient(at + 1e-5 * along) - gradient(at - 1e-5 * along)) / 2e-5
    assert np.allclose(bend, expected, rtol=1e-5)


def test_misuse():
    with pytest.raises(ValueError, match=r"quench_temperature = 2 must be below.*1\.3"):
        KovacsJump(traps=traps(1.3), quench_temperature=2.0)
    with pytest.raises(ValueError, match="has a history, and takes no initial state"):
        evolve(Ageing(traps=traps(), waiting_time=1.0), times=[1.0], initial=[1.0])


def test_the_jobs():
    small = ["system.traps.levels=24", "evolve.times={geometric=[1.0, 1e6], count=7}"]
    job = config.load(CONFIGS / "kovacs.toml", [*small, "system.traps.deepest=20.0"])
    hump = config.execute(job).quantities["excess_energy"].values
    assert hump[0] < hump[1] > hump[-1] and np.all(hump > 0)
    aged = config.execute(config.load(CONFIGS / "ageing.toml", small))
    assert np.all(np.diff(aged.quantities["persistence"].values) < 0)
