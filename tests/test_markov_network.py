"""Jump networks in their stationary state: probabilities, cycles and entropy production."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import evolve, jump, steady

# 0 -> 1 -> 2 -> 0 with 2, 3, 4, and back with 1, 0.5, 1
RATES = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 3.0], [4.0, 0.5, 0.0]])


@pytest.fixture(scope="module")
def three():
    return steady(jump.MarkovNetwork(RATES))


def test_three_states_by_kirchhoff(three):
    """Sums over spanning trees: p = (33, 19, 20)/72, J = (24 - 0.5)/36, affinity ln 48."""
    np.testing.assert_allclose(three.probability, np.array([33, 19, 20]) / 72, rtol=1e-14)
    np.testing.assert_allclose(three.edge_current, np.array([1, -1, 1]) * 47 / 72, rtol=1e-13)
    np.testing.assert_allclose(np.abs(three.cycle_affinities), math.log(48), rtol=1e-14)
    np.testing.assert_allclose(three.entropy_production, 47 / 72 * math.log(48), rtol=1e-13)
    assert three.conservation_residual < 1e-14


def test_every_rate_differentiates():
    def produced(rates):
        return steady(jump.MarkovNetwork(rates)).entropy_production

    rates, slope = jnp.asarray(RATES), jax.jit(jax.grad(produced))
    there, value = RATES > 0, jax.jit(produced)
    central = [
        (value(rates + step) - value(rates - step)) / 2e-5
        for step in np.eye(9).reshape(9, 3, 3)[there.ravel()] * 1e-5
    ]
    np.testing.assert_allclose(slope(rates)[there], central, rtol=1e-7)
    along = jnp.where(there, jnp.cos(jnp.arange(9.0)).reshape(3, 3), 0)
    curved = jax.jit(lambda w: jax.jvp(jax.grad(produced), (w,), (along,))[1])(rates)
    moved = [slope(rates + sign * 1e-5 * along) for sign in (1, -1)]
    np.testing.assert_allclose(curved[there], (moved[0] - moved[1])[there] / 2e-5, rtol=1e-6)


def test_edges_are_those_of_the_concrete_rates():
    """Under jit the edges are those of the concrete network."""
    net = jump.MarkovNetwork(RATES)

    @jax.jit
    def probability(one):
        return steady(one).probability

    np.testing.assert_allclose(probability(net), steady(net).probability, rtol=1e-14)
    assert len(net.network.names) == 3
    line = jump.MarkovNetwork(np.diag([1.0, 2.0], 1) + np.diag([3.0, 4.0], -1))
    assert line.edges == ((0, 1), (1, 2)) and line.network.edges.cycles.size == 0
    assert steady(line).cycle_affinities.shape == (0,)


def test_single_precision():
    found = steady(jump.MarkovNetwork(jnp.asarray(RATES, jnp.float32)))
    assert found.entropy_production.dtype == jnp.float32
    np.testing.assert_allclose(found.entropy_production, 47 / 72 * math.log(48), rtol=1e-5)


def test_fluxes_times_forces_edges_and_cycles(three):
    product = jnp.sum(three.fluxes["edge"] * three.forces["edge"])
    np.testing.assert_allclose(product, three.entropy_production, rtol=1e-14)
    np.testing.assert_allclose(three.cycle_entropy_production, product, rtol=1e-13)
    np.testing.assert_allclose(jnp.sum(three.edge_entropy_production), product, rtol=1e-14)
    np.testing.assert_allclose(jnp.sum(three.reservoir_entropy_flow), product, rtol=1e-13)


def test_the_uncertainty_relation_holds_on_every_edge(three):
    """2.42144 by another program."""
    np.testing.assert_allclose(three.current_precision, 2.4214390362357396, rtol=1e-8)


def test_four_states_with_three_cycles_agree_by_all_routes():
    rates = np.random.default_rng(3).uniform(0.1, 4, (4, 4)) * (1 - np.eye(4))
    found = steady(jump.MarkovNetwork(rates))
    assert found.cycle_affinities.shape == (3,)
    p = np.asarray(found.probability)
    flux = p[:, None] * rates
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(flux > 0, (flux - flux.T) * np.log(flux / flux.T) / 2, 0)
    np.testing.assert_allclose(found.entropy_production, parts.sum(), rtol=1e-12)
    np.testing.assert_allclose(found.cycle_entropy_production, parts.sum(), rtol=1e-12)


def two_baths(apart):
    names = ("hot", "cold") if apart else ("hot", "hot")
    return jump.ChannelNetwork(
        channels=(
            jump.Channel("a", "low", "high", forward=3.0, backward=2.0, reservoir=names[0]),
            jump.Channel("b", "low", "high", forward=1.0, backward=4.0, reservoir=names[1]),
        )
    )


def test_reservoirs_on_one_pair_of_states_stay_apart():
    """p = (6, 4)/10; each channel carries 1 and dissipates; merged rates would show nothing."""
    found = steady(two_baths(True))
    np.testing.assert_allclose(found.probability, [0.6, 0.4], rtol=1e-15)
    np.testing.assert_allclose(found.edge_current, [1.0, -1.0], rtol=1e-14)
    np.testing.assert_allclose(found.entropy_production, math.log(3 / 2 * 4 / 1), rtol=1e-14)
    np.testing.assert_allclose(
        found.reservoir_entropy_flow, [math.log(1.5), math.log(4.0)], rtol=1e-14
    )
    np.testing.assert_allclose(found.cycle_affinities, [-math.log(6.0)], rtol=1e-14)
    merged = steady(jump.MarkovNetwork([[0.0, 4.0], [6.0, 0.0]]))
    assert merged.entropy_production < 1e-15


def test_thermal_channels_obey_local_detailed_balance():
    states = (jump.State("a", 0.3), jump.State("b", 1.1))
    for form in ("exponential", "fermi"):
        channel = jump.ThermalChannel(
            "c", "a", "b", rate=2.0, work=0.5, temperature=0.7, share=0.2, form=form
        )
        edges = jump.ChannelNetwork((channel,), states).network.edges
        np.testing.assert_allclose(edges.asymmetry, [(0.5 - 0.8) / 0.7], rtol=1e-13)


def test_a_step_without_reverse_dissipates_without_bound():
    one_way = RATES * (RATES != 1.0)  # neither back from 1 to 0 nor from 0 to 2
    net = jump.MarkovNetwork(one_way, states=("A", "B", "C"))
    found = steady(net)
    assert "the entropy production is infinite: no reverse of edge A-B, A-C" in str(found)
    assert found.entropy_production == jnp.inf == found.cycle_entropy_production
    assert jnp.isfinite(found.edge_current_variance).all()
    np.testing.assert_allclose(np.abs(found.cycle_affinities), np.inf)
    product = sum(jnp.sum(found.fluxes[name] * found.forces[name]) for name in found.fluxes)
    assert product == jnp.inf


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ([[0.0, 1.0], [-1.0, 0.0]], "rates = .* is not allowed"),
        ([[1.0, 1.0], [1.0, 0.0]], "diagonal"),
        ([[0.0, 1.0, 2.0], [1.0, 0.0, 3.0]], "rates has shape"),
        ([[0.0, np.nan], [1.0, 0.0]], "not allowed"),
    ],
)
def test_bad_rates_are_refused(rates, said):
    with pytest.raises(ValueError, match=said):
        jump.MarkovNetwork(rates)


def test_names_are_checked():
    with pytest.raises(ValueError, match="3 names, rates 2 rows"):
        jump.MarkovNetwork([[0.0, 1.0], [1.0, 0.0]], states=("a", "b", "c"))
    with pytest.raises(ValueError, match="each once"):
        jump.MarkovNetwork([[0.0, 1.0], [1.0, 0.0]], states=("a", "a"))
    with pytest.raises(ValueError, match=r"'d', which is none of 'a', 'b'"):
        jump.ChannelNetwork(
            (jump.Channel("x", "a", "d", forward=1.0),), (jump.State("a"), jump.State("b"))
        )
    with pytest.raises(ValueError, match="to itself"):
        jump.ChannelNetwork((jump.Channel("x", "a", "a", forward=1.0),))


def test_reducible_networks_are_refused_by_name():
    absorbing = jump.MarkovNetwork([[0.0, 1.0], [0.0, 0.0]], states=("alive", "dead"))
    with pytest.raises(ValueError, match=r"dead absorbing.*first passage"):
        steady(absorbing)
    split = np.zeros((4, 4))
    split[0, 1] = split[1, 0] = split[2, 3] = split[3, 2] = 1.0
    with pytest.raises(ValueError, match=r"a and b connected to no other.*c and d connected"):
        steady(jump.MarkovNetwork(split, states=("a", "b", "c", "d")))


def test_a_reducible_network_tells_so_in_compiled_code():
    @jax.jit
    def status(rates):
        return steady(jump.MarkovNetwork(rates)).status

    assert str(status(jnp.asarray([[0.0, 1.0], [1.0, 0.0]]))) == "success"
    assert str(status(jnp.asarray([[0.0, 1.0], [0.0, 0.0]]))) == "reducible"


def test_a_start_by_name_or_as_a_distribution():
    net = jump.MarkovNetwork(RATES, states=("A", "B", "C"))
    named = evolve(net, jump.MasterEquation(start="B"), times=[0.0, 0.4])
    given = evolve(net, times=[0.0, 0.4], initial=[0.0, 1.0, 0.0])
    np.testing.assert_allclose(given.probability, named.probability, rtol=1e-15)
    assert named.probability[1, 0] == 1 and named.entropy_production[0] == jnp.inf
    settled = evolve(net, times=[0.4], initial=steady(net).probability)
    np.testing.assert_allclose(settled.nonadiabatic_entropy_production, 0, atol=1e-14)
    np.testing.assert_allclose(settled.entropy_production, 47 / 72 * math.log(48), rtol=1e-12)
    for wrong in ([0.5, 0.5], [0.7, 0.7, -0.4], 8 * jnp.ones(3)):
        with pytest.raises(ValueError, match="3 probabilities that add up to 1"):
            evolve(net, times=[1.0], initial=wrong)


def test_a_network_that_absorbs_has_no_split():
    net = jump.MarkovNetwork([[0.0, 1.0], [0.0, 0.0]], states=("alive", "dead"))
    found = evolve(net, jump.MasterEquation(start="alive"), times=[2.0])
    assert found.remark().endswith("no reverse of edge alive-dead")
    np.testing.assert_allclose(found.probability[0], math.exp(-2.0), rtol=1e-14)
    for kind in ("", "adiabatic_", "nonadiabatic_"):
        assert getattr(found, f"{kind}entropy_production") == jnp.inf


def test_a_state_two_jumps_away_is_empty_and_does_not_fill():
    chain = jump.MarkovNetwork(
        [[0.0, 2.0, 0.0], [1.0, 0.0, 3.0], [0.0, 0.5, 0.0]], states=("a", "b", "c")
    )
    found = evolve(chain, jump.MasterEquation(start="a"), times=[0.0, 0.1])
    relaxing = found.nonadiabatic_entropy_production
    assert relaxing[0] == np.inf  # b fills from nothing
    # a chain is in detailed balance: all entropy production is of relaxing
    np.testing.assert_allclose(relaxing[1], found.entropy_production[1], rtol=1e-10)
