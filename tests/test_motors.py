"""Motors against published numbers, and the laws that they obey."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import jump, steady

BOLTZMANN = 1.380649e-23  # J/K
KT = 4.114e-21  # J
RATES = {"forward": jnp.array([180.0, 108.0]), "backward": jnp.array([0.6, 6.0])}
SHARES = {"forward_shares": jnp.array([0.135, 0.035]), "backward_share": 0.08}
WALKER = jump.TwoStateMotor(**RATES, **SHARES, step=8.2e-9, temperature=KT / BOLTZMANN)


@pytest.fixture(scope="module")
def under():
    """A motor under a load, in newtons."""
    return jax.jit(lambda motor, load: steady(dataclasses.replace(motor, load=load)))


@pytest.mark.parametrize(
    ("load", "velocity", "randomness", "product"),
    [
        (0.0, 540.9995926680244, 0.5524711851924035, 4.748022574584517),
        (2.0, 251.10968217792808, 0.8282373278617463, 3.8163240385673833),
        (4.0, 7.561127223796454, 3.32082059958656, 2.0634860093353633),
        (6.0, -12.33661103514164, -1.071534246312404, 3.6057230237154134),
    ],
)
def test_a_two_state_walker(under, load, velocity, randomness, product):
    """v = d (u_0 u_1 - w_0 w_1)/(sum of rates), and its variance, by another program."""
    found = under(WALKER, load * 1e-12)
    np.testing.assert_allclose(found.velocity * 1e9, velocity, rtol=1e-12)
    np.testing.assert_allclose(found.randomness, randomness, rtol=1e-11)
    np.testing.assert_allclose(found.uncertainty_product, product, rtol=1e-11)


@pytest.mark.parametrize(
    ("load", "velocity", "digit"),
    [(0.0, 389.9, 0.1), (4.0, 172.0, 1.0), (6.0, 67.5, 0.1), (7.0, 10.9, 0.1)],
)
def test_kinesin_walks_as_published(under, load, velocity, digit):
    """The network of Liepelt and Lipowsky (2007) at 1 mM ATP, 1 uM ADP and P."""
    found = under(jump.Kinesin(), load * 1e-12)
    assert abs(found.velocity * 1e9 - velocity) < digit / 2
    if load == 0:
        assert abs(found.turnover - 48.8) < 0.05


def test_kinesin_stalls_while_it_still_uses_fuel(under):
    motor = jump.Kinesin()
    assert under(motor, 7.215e-12).velocity > 0 > under(motor, 7.235e-12).velocity
    stalled = under(motor, 7.22e-12)
    assert stalled.turnover > 0.5 and stalled.entropy_production > 10


def test_the_first_law_holds_in_every_cycle(under):
    found = under(jump.Kinesin(adp=70.0, phosphate=900.0), 3e-12)
    assert found.conservation_residual < 1e-14
    product = sum(found.fluxes[name] * found.forces[name] for name in found.fluxes)
    np.testing.assert_allclose(product, found.entropy_production, rtol=1e-13)
    edges = jump.Kinesin(adp=70.0, phosphate=900.0, load=3e-12).network.edges
    p = steady(
        jump.Kinesin(adp=70.0, phosphate=900.0, load=3e-12), jump.StationaryState()
    ).probability
    np.testing.assert_allclose(edges.entropy_production(p).sum(), product, rtol=1e-10)


def test_bounds_hold(under):
    for motor in (WALKER, jump.Kinesin()):
        found = under(motor, 3e-12)
        assert 0 < found.efficiency < found.efficiency_bound < 1
        assert found.uncertainty_product > 2


def test_derivatives_by_load_and_fuel():
    @jax.jit
    def velocity(load, atp):
        return steady(jump.Kinesin(load=load, atp=atp)).velocity

    by_load, by_atp = jax.grad(velocity, (0, 1))(4e-12, 100.0)
    steps = 1e-16, 1e-2
    central = (velocity(4e-12 + steps[0], 100.0) - velocity(4e-12 - steps[0], 100.0)) / 2e-16
    np.testing.assert_allclose(by_load, central, rtol=1e-6)
    central = (velocity(4e-12, 100.0 + steps[1]) - velocity(4e-12, 100.0 - steps[1])) / 2e-2
    np.testing.assert_allclose(by_atp, central, rtol=1e-6)


def test_a_motor_in_equilibrium_does_not_move(under):
    even = jump.Kinesin(atp=1.0, adp=4.9e11 / 10.0, phosphate=10.0)
    found = under(even, 0.0)
    assert abs(found.velocity) < 1e-20 and found.uncertainty_product == jnp.inf


def test_three_rates_are_refused():
    with pytest.raises(ValueError, match="forward has 3 rates"):
        jump.TwoStateMotor(
            forward=jnp.ones(3), backward=jnp.ones(3), forward_shares=jnp.ones(3) / 4
        )
