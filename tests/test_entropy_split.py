"""The adiabatic and the nonadiabatic part of the entropy production, from densities in time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import evolve, steady
from jaxneq.langevin import (
    BreathingHarmonic,
    CosineProfile,
    FokkerPlanck,
    LinearRamp,
    Overdamped,
    TiltedCosine,
)

RING = FokkerPlanck(cells=96, ends="periodic")
LONG = FokkerPlanck(cells=96, ends="periodic", substeps=256)


def wave(cells, height):
    """(1 + c cos x) / 2 pi at the centres of a ring."""
    x = (np.arange(cells) + 0.5) * 2 * np.pi / cells
    return jnp.asarray((1 + height * np.cos(x)) / (2 * np.pi))


def parts(found):
    return np.array(
        [
            found.entropy_production,
            found.adiabatic_entropy_production,
            found.nonadiabatic_entropy_production,
        ]
    )


def flat(force, temperature):
    """A ring without a potential, on which a wave runs and decays."""
    return Overdamped(
        potential=TiltedCosine(amplitude=0.0, force=force), temperature=temperature, friction=2.0
    )


@jax.jit
def split(force, temperature, time):
    found = evolve(flat(force, temperature), RING, times=time[None], initial=wave(96, 0.8))
    both = found.adiabatic_entropy_production[0], found.nonadiabatic_entropy_production[0]
    return jnp.stack(both)


def test_a_wave_that_runs_and_decays():
    """sigma_a = F^2 / (gamma T), sigma_na = (T / gamma) (1 - sqrt(1 - c^2)).

    With the height c = c_0 exp(-T t / gamma) and J = (F p - T p') / gamma; p'^2 / p is integrated
    over the ring. The grid is good to the square of its width.
    """
    force, temperature = 0.7, 0.5
    for time in (0.0, 0.5, 2.0):
        height = 0.8 * np.exp(-temperature * time / 2)
        exact = [0.7**2 / (2 * 0.5), 0.25 * (1 - np.sqrt(1 - height**2))]
        found = split(*map(jnp.asarray, (force, temperature, time)))
        np.testing.assert_allclose(found, exact, rtol=2e-3)


def test_its_derivatives_against_differences():
    at = jnp.asarray([0.7, 0.5, 0.6])
    slopes = jax.jit(jax.jacfwd(lambda x: split(*x)))(at)
    for part in range(2):
        for number in range(3):

            def along(x, part=part, number=number):
                return split(*at.at[number].set(x))[part]

            expected = slope(along, float(at[number]))
            np.testing.assert_allclose(slopes[part, number], expected, rtol=1e-6, atol=1e-9)


@pytest.fixture(scope="session")
def relaxing():
    """A tilted washboard, heated unevenly, from a density that is not its stationary one."""
    ring = Overdamped(
        potential=TiltedCosine(amplitude=1.0, force=0.7),
        temperature=0.5,
        temperature_profile=CosineProfile(amplitude=0.3, phase=0.4),
    )
    times = jnp.asarray([0.0, 0.3, 0.99, 1.0, 1.01, 30.0])
    return evolve(ring, LONG, times=times, initial=wave(96, -0.9)), steady(ring, RING)


def test_both_parts_are_positive_and_make_the_whole(relaxing):
    total, adiabatic, rest = parts(relaxing[0])
    np.testing.assert_allclose(adiabatic + rest, total, rtol=1e-12)
    assert np.all(adiabatic > 0) and np.all(rest[:-1] > 0)


def test_a_steady_state_is_all_adiabatic(relaxing):
    late, found = parts(relaxing[0])[:, -1], parts(relaxing[1])
    assert found[2] == 0.0 and found[1] == pytest.approx(found[0], rel=1e-12)
    np.testing.assert_allclose(late[1], found[0], rtol=1e-8)
    assert abs(late[2]) < 1e-12


def test_what_relaxes_is_the_relative_entropy(relaxing):
    """sigma_na = -d/dt of the integral of p ln(p / p_s), by differences over 0.01."""
    found, settled = relaxing
    ratio = np.log(np.asarray(found.density) / np.asarray(settled.density))
    apart = np.sum(np.asarray(found.density) * ratio, axis=1) * 2 * np.pi / 96
    falling = (apart[2] - apart[4]) / 0.02
    assert parts(found)[2, 3] == pytest.approx(falling, rel=1e-4)


def test_detailed_balance_is_all_nonadiabatic():
    """A trap that breathes, between walls; and a ring without tilt under a control of its tilt."""
    trap = Overdamped(
        potential=BreathingHarmonic(stiffness=1.0), protocol=LinearRamp(end=1.0, ramp_time=1.0)
    )
    total, adiabatic, rest = parts(evolve(trap, FokkerPlanck(cells=64), times=[0.5, 1.0]))
    assert np.all(adiabatic == 0) and np.all(total > 0.01)
    np.testing.assert_allclose(rest, total, rtol=1e-12)
    level = Overdamped(potential=TiltedCosine(amplitude=1.0), temperature=0.5)
    found = parts(evolve(level, RING, times=[0.2], initial=wave(96, -0.9)))
    assert abs(found[1, 0]) < 1e-12 < found[0, 0]


def test_a_ring_under_a_protocol_has_both_parts():
    """The tilt grows: at each time against the stationary density of that tilt."""
    ring = Overdamped(
        potential=TiltedCosine(amplitude=1.0),
        temperature=0.5,
        protocol=LinearRamp(end=1.5, ramp_time=1.0),
    )
    total, adiabatic, rest = parts(evolve(ring, LONG, times=[0.5, 1.0, 30.0]))
    np.testing.assert_allclose(adiabatic + rest, total, rtol=1e-12)
    assert np.all(adiabatic > 0.01) and np.all(rest[:2] > 0.01) and abs(rest[2]) < 1e-10
    tilted = Overdamped(potential=TiltedCosine(amplitude=1.0, force=1.5), temperature=0.5)
    np.testing.assert_allclose(adiabatic[2], steady(tilted, RING).entropy_production, rtol=1e-8)
