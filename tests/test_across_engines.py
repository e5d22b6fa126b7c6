"""One process, stated in two engines: an exclusion lattice is a Markov network."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import steady
from jaxneq.exclusion import CurrentStatistics, Generator, MatrixProduct, OpenASEP, SpectralGap
from jaxneq.jump import Channel, ChannelNetwork, CountingStatistics
from jaxneq.thermodynamics import relaxation_spectrum

LATTICE = OpenASEP(length=3, alpha=0.7, beta=0.9, gamma=0.2, delta=0.1, q=0.3)


def as_network(lattice):
    """Every configuration a state, every move a channel; the left end a reservoir of its own."""
    hop = jnp.ones_like(lattice.q)

    def flipped(sites, *places):
        return "".join("10"[int(s)] if i in places else s for i, s in enumerate(sites))

    def channel(sites, places, forward, backward, reservoir):
        there = flipped(sites, *places)
        name = f"{sites} {there}"
        return Channel(name, sites, there, forward, backward, reservoir=reservoir)

    channels, last = [], lattice.length - 1
    for sites in map("".join, itertools.product("01", repeat=lattice.length)):
        if sites[0] == "0":
            channels.append(channel(sites, (0,), lattice.alpha, lattice.gamma, "left"))
        if sites[last] == "1":
            channels.append(channel(sites, (last,), lattice.beta, lattice.delta, "right"))
        for i in range(last):
            if sites[i : i + 2] == "10":
                channels.append(channel(sites, (i, i + 1), hop, lattice.q, "bulk"))
    return ChannelNetwork(channels=tuple(channels))


@pytest.fixture(scope="module")
def network():
    return as_network(LATTICE)


def test_stationary_state(network):
    walk, lattice = steady(network), steady(LATTICE, Generator())
    states = network.network.states
    occupied = np.array([[float(site) for site in state] for state in states])
    density = np.asarray(walk.probability) @ occupied
    assert np.allclose(density, lattice.density, rtol=1e-12)
    assert np.allclose(density, steady(LATTICE, MatrixProduct()).density, rtol=1e-12)
    assert np.isclose(walk.entropy_production, lattice.entropy_production, rtol=1e-11)
    assert np.isclose(walk.cycle_entropy_production, lattice.entropy_production, rtol=1e-11)


def test_large_deviations(network):
    """The count of one end is the mean over the gates at late times."""
    tilts = [-1.5, 0.4]
    method = CountingStatistics(count="left", lower=tilts[0], upper=tilts[1], points=2)
    walk = steady(network, method)
    for index, tilt in enumerate(tilts):
        lattice = steady(LATTICE, CurrentStatistics(tilt=tilt))
        assert np.isclose(walk.scgf[index], lattice.scgf, rtol=1e-10)
        assert np.isclose(walk.tilted_current[index], lattice.current, rtol=1e-9)
        assert np.isclose(walk.rate_function[index], lattice.rate_function, rtol=1e-8)
    typical = steady(LATTICE, CurrentStatistics())
    assert np.isclose(walk.variance, typical.current_variance, rtol=1e-9)
    assert np.isclose(walk.current, steady(LATTICE).current, rtol=1e-12)


def test_slowest_decay(network):
    decay = relaxation_spectrum(network.network.edges.rates)
    assert np.isclose(decay[1].real, steady(LATTICE, SpectralGap()).gap, rtol=1e-9)


def test_gradient():
    """By the entry rate, through both engines."""

    def produced(alpha, solve):
        return solve(OpenASEP(length=3, alpha=alpha, beta=0.9, gamma=0.2, delta=0.1, q=0.3))

    by_network = jax.grad(produced)(0.7, lambda x: steady(as_network(x)).entropy_production)
    by_lattice = jax.grad(produced)(0.7, lambda x: steady(x, Generator()).entropy_production)
    assert np.isclose(by_network, by_lattice, rtol=1e-9)
