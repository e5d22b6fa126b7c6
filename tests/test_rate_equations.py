"""Rate equations and master equations against closed forms, quadrature and each other."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from jaxneq import evolve, steady
from jaxneq.jump import Bistability, ChemicalMasterEquation, RateEquations, ReactionNetwork
from jaxneq.jump._bistability import schloegl
from jaxneq.jump._reaction_network import GAS_CONSTANT

ENZYME = ReactionNetwork(
    reactions=("S + E <-> ES : k_on, k_off", "ES <-> E + P : k_cat, k_back"),
    constants={"k_on": 0.5, "k_off": 0.2, "k_cat": 0.1, "k_back": 0.03},
    initial={"E": 10},
    fixed={"S": 2.0, "P": 0.1},
)


def changed(network, table, **numbers):
    return dataclasses.replace(network, **{table: {**getattr(network, table), **numbers}})


def central(function, x, h):
    """With an error of h^4."""
    near, far = (float(function(x + k * h)) - float(function(x - k * h)) for k in (1, 2))
    return (8 * near - far) / (12 * h)


def test_an_enzyme_between_chemostats():
    found = steady(ENZYME)
    ahead, back = 0.5 * 2 + 0.03 * 0.1, 0.2 + 0.1
    bound = 10 * ahead / (ahead + back)
    np.testing.assert_allclose(found.mean, [10 - bound, bound], rtol=1e-13)
    velocity = 0.1 * bound - 0.003 * (10 - bound)
    np.testing.assert_allclose(found.rate, [velocity, velocity], rtol=1e-12)
    affinity = math.log(0.5 * 2 * 0.1 / (0.2 * 0.03 * 0.1))
    np.testing.assert_allclose(jnp.sum(found.affinity), affinity, rtol=1e-12)
    np.testing.assert_allclose(found.entropy_production, velocity * affinity, rtol=1e-12)


def test_derivatives_of_a_steady_state():
    @jax.jit
    def velocity(k):
        return steady(changed(ENZYME, "constants", k_cat=k)).velocity

    slope = jax.grad(velocity)
    np.testing.assert_allclose(slope(0.1), central(velocity, 0.1, 1e-3), rtol=1e-8)
    np.testing.assert_allclose(jax.grad(slope)(0.1), central(slope, 0.1, 1e-3), rtol=1e-8)
    by_start = jax.grad(lambda n: steady(changed(ENZYME, "initial", E=n)).velocity)(10.0)
    np.testing.assert_allclose(by_start, steady(ENZYME).velocity / 10, rtol=1e-12)


def test_a_reaction_driven_by_chemostats():
    """S to P at 310.15 K with Delta G^0 = 6.8 kJ/mol, 0.25 mmol/L and 3.5 umol/L: -4.21 kJ/mol."""
    network = ReactionNetwork(
        reactions=("S + E <-> ES : 1e6", "ES <-> E + P : 100"),
        free_energies={"S": 0.0, "P": 6.8, "E": 0.0, "ES": -20.0},
        fixed={"S": 2.5e-4, "P": 3.5e-6},
        initial={"E": 1e-8},
        temperature=310.15,
    )
    found = steady(network)
    driving = 6.8 + 8.31446261815324e-3 * 310.15 * math.log(3.5e-6 / 2.5e-4)
    assert abs(driving + 4.2078) < 5e-5
    np.testing.assert_allclose(jnp.sum(found.free_energy), driving, rtol=1e-10)
    np.testing.assert_allclose(found.cost, -driving, rtol=1e-9)
    thermal = GAS_CONSTANT * 310.15
    np.testing.assert_allclose(found.affinity, -found.free_energy / thermal, rtol=1e-9)
    np.testing.assert_allclose(found.entropy_production * thermal, found.dissipation, rtol=1e-9)
    cold = steady(dataclasses.replace(network, temperature=298.15))
    assert abs(float(jnp.sum(cold.free_energy)) + 3.78) < 0.005


def test_of_two_steady_states_the_one_that_is_reached():
    low = steady(changed(schloegl(), "initial", X=10.0))
    high = steady(changed(schloegl(), "initial", X=80.0))

    def flow(x):
        return 0.014 * x**2 - 1e-4 * x**3 + 5 - 0.5 * x

    roots = np.sort(np.roots([-1e-4, 0.014, -0.5, 5]).real)
    np.testing.assert_allclose([low.mean[0], high.mean[0]], roots[[0, 2]], rtol=1e-12)
    assert abs(flow(float(low.mean[0]))) < 1e-12


def test_the_course_in_time_is_that_of_another_integrator():
    stiff = ReactionNetwork(
        reactions=("S + E <-> ES : 50.0, 0.1", "ES -> E + P : 0.5"), initial={"S": 4, "E": 1}
    )
    times = [0.0, 0.01, 0.3, 5.0, 40.0]
    found = evolve(stiff, RateEquations(tolerance=1e-8), times=times)

    def flow(_, n):
        bind = 50 * n[0] * n[1] - 0.1 * n[2]
        made = 0.5 * n[2]
        return [-bind, made - bind, bind - made, made]

    plan = {"t_eval": times, "method": "Radau", "rtol": 1e-11, "atol": 1e-13}
    expected = solve_ivp(flow, (0, 40), [4, 1, 0, 0], **plan).y
    np.testing.assert_allclose(found.mean, expected, atol=2e-7)
    assert found.conservation_residual < 1e-12
    produced = jnp.sum(found.fluxes["reaction"] * found.forces["reaction"], axis=0)
    assert jnp.all(produced[1:] == jnp.inf) and jnp.all(found.entropy_production[1:] == jnp.inf)


def test_derivatives_of_the_course():
    @jax.jit
    def bound(k):
        method = RateEquations(tolerance=1e-8, max_iterations=100)
        return evolve(changed(ENZYME, "constants", k_on=k), method, times=[0.5, 2.0]).mean[1, 1]

    np.testing.assert_allclose(jax.grad(bound)(0.5), central(bound, 0.5, 1e-2), rtol=1e-6)


@pytest.fixture(scope="module")
def two_states():
    return steady(schloegl(), Bistability(largest=160))


def test_the_distribution_between_two_states_by_two_methods(two_states):
    box = steady(schloegl(), ChemicalMasterEquation(largest=160))
    np.testing.assert_allclose(box.marginal[0], two_states.probability, rtol=1e-11)
    np.testing.assert_allclose(box.mean[0], two_states.mean, rtol=1e-12)
    np.testing.assert_allclose(box.rate, two_states.rate, rtol=1e-10)
    np.testing.assert_allclose(box.entropy_production, two_states.entropy_production, rtol=1e-10)
    assert (two_states.low, two_states.barrier, two_states.high) == (13, 41, 87)
    product = jnp.sum(box.fluxes["reaction"] * box.forces["reaction"])
    np.testing.assert_allclose(product, box.entropy_production, rtol=1e-12)


def generator(largest):
    n = np.arange(largest + 1.0)
    up, down = 0.014 * n * (n - 1) + 5, 1e-4 * n * (n - 1) * (n - 2) + 0.5 * n
    matrix = np.diag(up[:-1], 1) + np.diag(down[1:], -1)
    return matrix - np.diag(matrix.sum(axis=1))


def test_passage_times_and_the_slow_eigenvalue(two_states):
    matrix = generator(160)
    eigenvalues = np.sort(np.abs(np.linalg.eigvals(matrix)))
    np.testing.assert_allclose(two_states.relaxation_rate, eigenvalues[1], rtol=1e-7)
    below = -np.linalg.solve(matrix[:87, :87], np.ones(87))
    np.testing.assert_allclose(two_states.passage_up, below[13], rtol=1e-9)
    above = -np.linalg.solve(matrix[14:, 14:], np.ones(147))
    np.testing.assert_allclose(two_states.passage_down, above[87 - 14], rtol=1e-9)


def test_derivatives_of_two_states():
    names = ("relaxation_rate", "passage_up", "entropy_production", "share")

    @jax.jit
    def quantities(k):
        found = steady(
            changed(schloegl(), "constants", k4=k), Bistability(largest=120), throw=False
        )
        return jnp.stack([getattr(found, name) for name in names])

    slopes = jax.jit(jax.jacrev(quantities))(0.5)
    h = 2e-4
    near, far = (quantities(0.5 + k * h) - quantities(0.5 - k * h) for k in (1, 2))
    np.testing.assert_allclose(slopes, (8 * near - far) / (12 * h), rtol=1e-6)


def test_derivatives_of_the_master_equation():
    @jax.jit
    def produced(k):
        network = changed(ENZYME, "constants", k_cat=k)
        network = changed(network, "initial", E=3)
        return steady(network, ChemicalMasterEquation(largest=3)).entropy_production

    slope = jax.grad(produced)
    np.testing.assert_allclose(slope(0.1), central(produced, 0.1, 1e-3), rtol=1e-7)


def test_states_out_of_reach_have_no_probability():
    """Pairs from 5 monomers: the odd one stays, and two dimers at most."""
    pairs = ReactionNetwork(reactions=("2 A <-> B : 0.5, 0.25",), initial={"A": 5})
    found = steady(pairs, ChemicalMasterEquation(largest=5))
    assert found.stats["states"] == 3
    weight = np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    weight[1] = 0.5 * 5 * 4 / (0.25 * 1)
    weight[2] = weight[1] * 0.5 * 3 * 2 / (0.25 * 2)
    np.testing.assert_allclose(found.marginal[1], weight / weight.sum(), rtol=1e-13)


def test_misuse_and_bad_boxes_are_named():
    with pytest.raises(ValueError, match="4096 are the most"):
        three = ReactionNetwork(reactions=("0 <-> A : 1, 1", "0 <-> B : 1, 1"))
        steady(three, ChemicalMasterEquation(largest=100))
    with pytest.raises(ValueError, match="changes by one at a time"):
        steady(ENZYME, Bistability())
    with pytest.raises(RuntimeError, match=r"not_accurate.*more X than `largest` allows: raise"):
        steady(schloegl(), ChemicalMasterEquation(largest=60))


def test_a_limit_for_each_species():
    """Two Poisson distributions, cut off, and a species that follows from the others."""
    reactions = ("0 <-> A : 6, 1.5", "0 <-> B : 0.2, 1.0", "C <-> D : 3, 1")
    two = ReactionNetwork(reactions, initial={"C": 4.0})
    found = steady(two, ChemicalMasterEquation(largest={"A": 24, "B": 7, "C": 4, "D": 4}))
    assert found.stats["states"] == 25 * 8 * 5 and found.count.shape == (25,)
    of_a, of_b = (
        np.array([mean**n / math.factorial(n) for n in range(most + 1)])
        for mean, most in ((4.0, 24), (0.2, 7))
    )
    np.testing.assert_allclose(found.marginal[0], of_a / of_a.sum(), rtol=1e-12)
    np.testing.assert_allclose(found.marginal[1, :8], of_b / of_b.sum(), rtol=1e-12)
    np.testing.assert_allclose(found.mean[2:], [1.0, 3.0], rtol=1e-12)  # binomial
    with pytest.raises(RuntimeError, match=r"more B than .* or largest\.B alone.*`evolve`"):
        steady(two, ChemicalMasterEquation(largest={"A": 24, "B": 1, "C": 4, "D": 4}))


def test_limits_that_are_refused():
    two = ReactionNetwork(("0 <-> A : 6, 1.5", "0 <-> B : 0.2, 1.0"))
    for largest in ({"A": 30}, {"A": 30, "B": 9, "X": 9}):
        with pytest.raises(ValueError, match=r"largest is given for A.*each of A, B"):
            steady(two, ChemicalMasterEquation(largest=largest))
    with pytest.raises(ValueError, match=r"A up to 500, B up to 9 make 5010 states.*by a table"):
        steady(two, ChemicalMasterEquation(largest={"A": 500, "B": 9}))
    for largest in (0, 2.5, {}, {"A": 0}, {"A": True}, (3, 4)):
        with pytest.raises(ValueError, match="an integer, or integers by name, in"):
            ChemicalMasterEquation(largest=largest)


def test_limits_in_a_job():
    from jaxneq import config

    text = """
verb = "steady"
[system]
type = "jump.ReactionNetwork"
reactions = ["0 <-> A : 6, 1.5", "0 <-> B : 0.2, 1.0"]
[method]
type = "jump.ChemicalMasterEquation"
largest = { A = 30, B = 9 }
"""
    found = config.execute(config.load(text)).quantities
    np.testing.assert_allclose(found["mean"].values, [4.0, 0.2], rtol=1e-9)
    assert found["velocity"].doc == "Net events per time of 0 <-> B"
    for wrong in ("{ A = 0, B = 9 }", "{ A = 3.5, B = 9 }", "{}", '"many"'):
        with pytest.raises(config.JobError, match="largest"):
            config.load(text.replace("{ A = 30, B = 9 }", wrong))


def test_a_number_that_grows_without_bound_is_named():
    growth = ReactionNetwork(("0 -> X : 2.0", "0 <-> Y : 1.0, 1.0"))
    with pytest.raises(RuntimeError, match=r"The number of X was .* or `evolve`"):
        steady(growth)


def test_a_single_state_is_not_taken_for_two():
    birth = ReactionNetwork(reactions=("0 <-> X : 6.0, 1.5",))
    with pytest.raises(RuntimeError, match="outside_domain"):
        steady(birth, Bistability(largest=30))


def test_relaxation_of_the_sampled_share():
    """Half of all paths from the lower mode have crossed; expm of the generator says when."""
    from jaxneq import simulate
    from jaxneq.jump import Gillespie

    network = changed(schloegl(), "initial", X=13)
    method = Gillespie(replicas=400, instants=2)
    found = simulate(network, method, key=jax.random.key(5), time=60.0)
    matrix, n = generator(160), np.arange(161)
    for at, time in enumerate(np.asarray(found.time)):
        p = expm(matrix * time)[13]
        estimate = jax.tree.map(lambda each, at=at: each[0, at], found.mean_in_time)
        assert abs(estimate.z_score(p @ n)) < 5 and estimate.stderr < 2.0


def test_a_steady_state_beyond_a_slow_rise():
    network = ReactionNetwork(
        reactions=("A <-> X : a, 0.5", "2 X + B <-> 3 X : 1.0, 1.0"),
        constants={"a": 0.5},
        fixed={"A": 1.0, "B": 3.0},
    )
    (root,) = (each.real for each in np.roots([1, -3, 0.5, -0.5]) if abs(each.imag) < 1e-9)

    def mean(a):
        return steady(changed(network, "constants", a=a)).mean[0]

    np.testing.assert_allclose(mean(0.5), root, rtol=1e-12)
    np.testing.assert_allclose(evolve(network, times=[100.0]).mean[0, 0], root, rtol=1e-6)
    np.testing.assert_allclose(jax.grad(mean)(0.5), 1 / (0.5 - 6 * root + 3 * root**2), rtol=1e-11)


def test_where_all_comes_to_an_end_nothing_is_undefined():
    course = evolve(ReactionNetwork(("X -> 0 : 1.0",), initial={"X": 3.0}), times=[1.0])
    assert "no reverse of reaction X -> 0" in str(course)
    assert course.entropy_production[0] == np.inf
    found = steady(ReactionNetwork(("X -> 0 : 1.0",), initial={"X": 3.0}))
    assert found.mean[0] == 0 and found.conservation_residual == 0


def test_a_start_below_zero_is_refused():
    with pytest.raises(ValueError, match="initial = -3 is no number of molecules"):
        evolve(ReactionNetwork(("X -> 0 : 1.0",)), times=[1.0], initial=[-3.0])
