"""Long chains: the check of the step, and how many replicas are stepped together."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import langevin, parallel
from jaxneq.langevin._sampler import _largest


def chain(sites, ends="fixed", **more):
    spring, baths = langevin.HarmonicSpring(stiffness=1.3), langevin.EndBaths()
    return langevin.Chain(sites=sites, bond=spring, thermostat=baths, ends=ends, **more)


@pytest.mark.parametrize("sites", [2, 7, 32])
def test_lanczos_is_exact_where_it_takes_all_steps(sites):
    """Fixed ends: the largest eigenvalue is 4 k sin^2(pi N / 2 (N + 1)); of minus that, none."""

    def operator(x):
        return chain(sites).force(-x[:, None], jnp.zeros(0))[:, 0]

    exact = 4 * 1.3 * np.sin(np.pi * sites / (2 * (sites + 1))) ** 2
    start = jnp.zeros(sites)
    np.testing.assert_allclose(_largest(operator, start), exact, rtol=1e-12)
    assert _largest(lambda x: -operator(x), start) == 0


def test_lanczos_stops_where_nothing_is_left():
    """Two eigenvalues, each many times: the space of the first vector has two dimensions."""
    values = jnp.asarray([1.0] * 20 + [3.0] * 20)
    np.testing.assert_allclose(_largest(lambda x: values * x, values), 3.0, rtol=1e-12)


@pytest.mark.parametrize("mass", [1.0, 4.0])
def test_the_step_of_a_chain_of_thousands_of_sites_is_checked(mass):
    """The band ends at 2 sqrt(k/m); a dense matrix would take 128 MB."""
    rate = 2 * np.sqrt(1.3 / mass)
    system = chain(4000, mass=mass)
    langevin.BAOAB(dt=0.98 * 2 / rate).check(system)
    with pytest.raises(ValueError, match="is not stable: where the system rests it oscillates"):
        langevin.BAOAB(dt=1.02 * 2 / rate).check(system)


def test_blocks_hold_as_many_reals_whatever_the_coordinates():
    assert parallel.block_count(25600, 0) == 2
    assert parallel.block_count(25600, 0, 16) == 32
    assert parallel.block_count(256, 0, 64) == 2
    assert parallel.block_count(256, 0, 100_000) == 16  # 16 replicas at least
    assert parallel.block_count(256, 100, 64) == 4  # asked for
