"""Samplers whose paths jump refuse derivatives instead of answering zero."""

import jax
import pytest

from jaxneq import exclusion, jump, langevin, simulate

KEY = jax.random.key(0)


def current(method):
    def of(alpha):
        chain = exclusion.OpenASEP(length=4, alpha=alpha, beta=0.7)
        return simulate(chain, method, key=KEY, time=2.0).current.value

    return of


def copies(method):
    def of(rate):
        network = jump.ReactionNetwork(("0 -> X : k", "X -> 0 : 1.0"), {"k": rate})
        return simulate(network, method, key=KEY, time=1.0).mean.value[0]

    return of


def drift(load):
    ratchet = langevin.FlashingRatchet(
        off=langevin.TiltedCosine(amplitude=0.0), on=langevin.Sawtooth(amplitude=1.0), load=load
    )
    method = langevin.SwitchingEuler(dt=0.01, replicas=4)
    return simulate(ratchet, method, key=KEY, time=0.16).velocity.value[0]


@pytest.mark.parametrize(
    ("average", "instead"),
    [
        (current(exclusion.Gillespie(replicas=2)), "MatrixProduct"),
        (current(exclusion.SplitStep(replicas=64)), "MatrixProduct"),
        (current(exclusion.Cloning(replicas=4, populations=2)), "CurrentStatistics"),
        (copies(jump.Gillespie(replicas=2)), "RateEquations"),
        (copies(jump.TauLeaping(replicas=2)), "ChemicalLangevin"),
        (drift, "TwoRings"),
    ],
    ids=["Gillespie", "SplitStep", "Cloning", "jump.Gillespie", "TauLeaping", "SwitchingEuler"],
)
def test_what_jumps_has_no_derivative(average, instead):
    with pytest.raises(ValueError, match=f"has no derivative with .* Differentiate .*{instead}"):
        jax.grad(average)(0.5)
