"""Reactions as texts, and what a network refuses."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import config
from jaxneq.jump import ReactionNetwork
from jaxneq.jump._reaction_network import GAS_CONSTANT
from jaxneq.jump._reactions import conservation_laws, parse

ENZYME = {
    "reactions": ("S + E <-> ES : k_on, k_off", "ES -> E + P : k_cat"),
    "constants": {"k_on": 0.5, "k_off": 0.2, "k_cat": 0.1},
    "initial": {"S": 30, "E": 4},
}


def test_reactions_are_read():
    pair = parse("2 A + B <-> 3C : k1, k2")
    assert pair.reactants == (("A", 2), ("B", 1)) and pair.products == (("C", 3),)
    assert pair.reversible and [law.text for law in pair.laws] == ["k1", "k2"]
    birth = parse("0 -> X : vmax * S^2 / (km + S)")
    assert not birth.reactants and not birth.laws[0].mass_action
    assert sorted(birth.laws[0].names) == ["S", "km", "vmax"]
    known = {"vmax": 3.0, "S": jnp.asarray(2.0), "km": 4.0}
    assert birth.laws[0](known) == pytest.approx(3 * 4 / 6)
    assert parse("A + A -> 0 : 1").reactants == (("A", 2),)


@pytest.mark.parametrize(
    "text, told",
    [
        ("A -> B", "Write it as"),
        ("A = B : k", "Write it as"),
        ("A -> B : k1, k2", "one for each direction"),
        ("A <-> B : k * A", "reverse rate too"),
        ("A + 2.5 B -> C : k", "is no species"),
        ("A -> B : open('x')", "functions are"),
        ("A -> B : k if A else 0", "only"),
        ("A -> B : hill(A, k)", "hill of 4"),
        ("A -> B : k *", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_shown(text, told):
    with pytest.raises(ValueError, match="cannot be read") as error:
        parse(text)
    assert told in str(error.value)


def test_formulas_have_derivatives_at_zero():
    law = parse("0 -> X : hill(S, v, k, n)").laws[0]

    def rate(s, n):
        return law({"S": s, "v": jnp.asarray(2.0), "k": jnp.asarray(3.0), "n": n})

    assert float(rate(jnp.asarray(1.5), jnp.asarray(2.0))) == pytest.approx(2 * 2.25 / 11.25)
    slopes = jax.grad(rate, (0, 1))(jnp.asarray(0.0), jnp.asarray(2.0))
    assert np.all(np.isfinite(slopes)) and slopes[1] == 0


def test_propensities_are_falling_factorials_over_the_size():
    network = ReactionNetwork(
        reactions=("2 A + F <-> B : k, r", "B -> A : michaelis_menten(B, v, m)"),
        constants={"k": 3.0, "r": 0.5, "v": 2.0, "m": 0.25},
        fixed={"F": 1.5},
        size=4.0,
    )
    rows = [jnp.asarray([5.0, 1.0]), jnp.asarray([2.0, 0.0])]
    ahead, back, formula = network.propensities(rows)
    np.testing.assert_allclose(ahead, [3 * 1.5 * 4 * 5 * 4 / 16, 0.0])
    np.testing.assert_allclose(back, [0.5 * 2, 0.0])
    np.testing.assert_allclose(formula, [4 * 2 * 0.5 / 0.75, 0.0])
    smooth = network.propensities(rows, discrete=False)[0]
    np.testing.assert_allclose(smooth, [3 * 1.5 * 4 * 25 / 16, 3 * 1.5 * 4 / 16])


def test_conservation_laws_span_the_left_null_space():
    network = ReactionNetwork(**ENZYME)
    laws, follow = network.conserved
    assert network.species == ("S", "E", "ES", "P") and laws.shape == (2, 4)
    assert not np.any(laws @ np.array(network.changes).T)
    assert np.linalg.matrix_rank(laws) == 2
    assert all(np.count_nonzero(laws[:, species]) == 1 for species in follow)
    laws, follow = conservation_laws(((-2, 1, 0), (0, -3, 2)))
    assert laws.tolist() == [[1, 2, 3]] and follow == (2,)


def test_one_constant_is_reversed_by_the_free_energies():
    network = ReactionNetwork(
        reactions=("A <-> 2 B : k",),
        constants={"k": 2.0},
        free_energies={"A": 1.0, "B": 3.0},
        temperature=300.0,
    )
    ahead, back = network.propensities([jnp.asarray(1.0), jnp.asarray(2.0)])
    np.testing.assert_allclose(ahead, 2.0)
    np.testing.assert_allclose(back, 2 * 2.0 * math.exp(5 / (GAS_CONSTANT * 300)), rtol=1e-14)
    assert network.detailed_balance() == 0
    both = dataclasses.replace(network, reactions=("A <-> 2 B : k, 2.0",))
    np.testing.assert_allclose(both.detailed_balance(), 5 / (GAS_CONSTANT * 300))


@pytest.mark.parametrize(
    "change, told",
    [
        ({"constants": {"k_on": 0.5, "k_off": 0.2}}, "the constant k_cat has no value"),
        ({"constants": {**ENZYME["constants"], "k": 1.0}}, "constants.k: k is in no rate"),
        (
            {"constants": {**ENZYME["constants"], "k_on": -1.0}},
            "constants.k_on = -1 is not allowed",
        ),
        ({"initial": {"Q": 1}}, "initial.Q: Q is no species that changes"),
        ({"fixed": {"Z": 1.0}}, "fixed.Z: Z takes part in no reaction"),
        ({"fixed": {"S": 0.0}}, "fixed.S = 0 is not allowed"),
        ({"reactions": ("S <-> P : k_on",)}, "is in no rate"),
        ({"masses": {"S": 1.0}}, "masses.E is missing"),
        ({"masses": {"S": 1.0, "E": 9.0, "ES": 10.0, "P": 2.0}}, "turns a mass of 10 into 11"),
    ],
)
def test_misuse_is_named(change, told):
    with pytest.raises(ValueError, match="ReactionNetwork") as error:
        ReactionNetwork(**{**ENZYME, **change})
    assert told in str(error.value)


def test_energies_that_are_needed_are_asked_for():
    with pytest.raises(ValueError, match="free_energies lack B"):
        ReactionNetwork(reactions=("A <-> B : 1.0",), free_energies={"A": 0.0})
    with pytest.raises(ValueError, match="changes no species"):
        ReactionNetwork(reactions=("A <-> B : 1.0, 2.0",), fixed={"A": 1.0, "B": 1.0})
    with pytest.raises(ValueError, match="a species and a constant"):
        ReactionNetwork(reactions=("A -> B : B",), constants={"B": 1.0})


JOB = """
verb = "steady"
[system]
type = "jump.ReactionNetwork"
reactions = ["0 <-> X : k_in, k_out"]
constants = { k_in = 6.0, k_out = 2.0 }
[sweep]
"system.constants.k_out" = { values = [1.0, 2.0, 3.0] }
[gradient]
of = "velocity"
with_respect_to = ["system.constants.k_in"]
"""


def test_a_table_of_constants_is_swept_and_differentiated():
    result = config.execute(config.load(JOB))
    np.testing.assert_allclose(result.quantities["mean"].values[:, 0], [6.0, 3.0, 2.0])
    with pytest.raises(config.JobError, match=r"constants\.k_in"):
        config.load(JOB.replace("k_in = 6.0", 'k_in = "fast"'))
    with pytest.raises(config.JobError, match=r"Did you mean system\.constants\.k_out"):
        config.load(JOB.replace("constants.k_out", "constants.k_ou"))
