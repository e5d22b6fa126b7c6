"""Potentials with a structure: energies by hand, gradients by differences, and what they hold."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import simulate
from jaxneq.langevin import EulerMaruyama, Hairpin, LennardJones, Overdamped, Polygon

NONE, PULLED = jnp.asarray([0.0]), jnp.asarray([0.3])
SAWTOOTH = Polygon(knots=[0.0, 0.25, 1.0], energies=[0.0, 2.0, 0.0], ends="periodic")
STRAIGHT = Polygon(knots=[-1.0, 0.0, 2.0], energies=[3.0, 1.0, 2.0])


def at(*position):
    return jnp.asarray(position)


def test_a_hairpin_has_two_wells_and_a_trap():
    hairpin = Hairpin(barrier=4.0, unfolding_energy=3.0, unfolding_length=2.0, trap_stiffness=0.5)
    # folded, between, unfolded, with the trap at 0.3
    expected = [0.25 * 0.3**2, 4 + 1.5 + 0.25 * 0.7**2, 3 + 0.25 * 1.7**2]
    found = [hairpin(at(x), PULLED) for x in (0.0, 1.0, 2.0)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_bond_is_as_deep_and_as_long_as_it_says():
    bond = LennardJones(depth=2.0, diameter=1.5, dimension=3)
    np.testing.assert_allclose(bond.rest, [1.5 * 2 ** (1 / 6), 0.0, 0.0], rtol=1e-12)
    assert bond(bond.rest, NONE) == pytest.approx(-2.0, rel=1e-12)
    assert bond(at(0.0, 1.5, 0.0), NONE) == pytest.approx(0.0, abs=1e-12)
    assert bond(at(3.0, 0.0, 0.0), PULLED) == pytest.approx(8 * (2**-12 - 2**-6) - 0.9, rel=1e-12)
    np.testing.assert_allclose(bond.gradient(bond.rest, NONE), 0.0, atol=1e-12)


def test_a_polygon_is_straight_between_its_knots_and_beyond():
    found = [STRAIGHT(at(x), NONE) for x in (-2.0, -0.5, 0.0, 1.0, 4.0)]
    np.testing.assert_allclose(found, [5.0, 2.0, 1.0, 1.5, 3.0], rtol=1e-12)
    assert STRAIGHT.rest == 0.0
    found = [SAWTOOTH(at(x), NONE) for x in (-0.75, 0.125, 0.625, 3.25)]
    np.testing.assert_allclose(found, [2.0, 1.0, 1.0, 2.0], rtol=1e-12)
    assert SAWTOOTH(at(5.125), PULLED) == pytest.approx(1.0 - 0.3 * 5.125, rel=1e-12)


@pytest.mark.parametrize(
    "potential, position",
    [
        (Hairpin(), at(0.7)),
        (LennardJones(), at(1.3)),
        (LennardJones(dimension=2), at(0.8, -0.9)),
        (SAWTOOTH, at(4.6)),
        (STRAIGHT, at(-3.0)),
    ],
    ids=["hairpin", "wall", "dimer", "sawtooth", "straight"],
)
def test_gradients_against_differences(potential, position):
    """Of position, control and parameters."""

    def energy(position, control, potential):
        return potential(position, control)

    def shifted(tree, by):
        return jax.tree.map(lambda leaf: leaf + by, tree)

    both = (position, PULLED, potential)
    slopes = jax.grad(energy, argnums=(0, 1, 2))(*both)
    for which in range(3):
        ends = [
            energy(*(shifted(one, step) if n == which else one for n, one in enumerate(both)))
            for step in (1e-5, -1e-5)
        ]
        total = sum(leaf.sum() for leaf in jax.tree.leaves(slopes[which]))
        np.testing.assert_allclose(total, (ends[0] - ends[1]) / 2e-5, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(potential.gradient(position, PULLED), slopes[0], rtol=1e-12)


def moments(potential, low, high, temperature):
    """Mean and variance of the Boltzmann distribution by the trapezoidal rule."""
    x = jnp.linspace(low, high, 20001)
    energy = jax.vmap(potential, in_axes=(0, None))(x[:, None], NONE)
    weight = np.exp(-np.asarray(energy) / temperature)
    weight /= weight.sum()
    mean = weight @ np.asarray(x)
    return mean, weight @ (np.asarray(x) - mean) ** 2


@pytest.mark.parametrize(
    "potential, dt, time, ends",
    [(Hairpin(barrier=1.0), 0.01, 8.0, (-3.0, 5.0)), (STRAIGHT, 0.005, 20.0, (-20.0, 60.0))],
    ids=["hairpin", "polygon"],
)
def test_equilibrium_against_quadrature(potential, dt, time, ends):
    mean, variance = moments(potential, *ends, 1.0 if dt > 0.005 else 0.3)
    well = Overdamped(potential=potential, temperature=1.0 if dt > 0.005 else 0.3)
    method = EulerMaruyama(dt=dt, replicas=10000)
    found = simulate(well, method, key=jax.random.key(1), time=time)
    assert abs(found.mean_position.z_score(mean)) < 5 and found.mean_position.stderr < 0.02
    assert abs(found.position_variance.z_score(variance)) < 5
    assert found.position_variance.stderr < 0.02


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Polygon(knots=[0.0, 0.0], energies=[0.0, 1.0]), "must rise"),
        (lambda: Polygon(knots=[1.0], energies=[0.0]), "at least two"),
        (lambda: Polygon(knots=[0.0, 1.0], energies=[0.0]), "knot = 2"),
        (lambda: Polygon(knots=[0.0, 1.0], energies=[0.0, 1.0], ends="periodic"), "equal ones"),
        (lambda: Hairpin(barrier=-1.0), "barrier = -1"),
    ],
)
def test_what_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
