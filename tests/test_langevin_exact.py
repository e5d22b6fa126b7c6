"""First passage, Kramers' rates, washboards and optimal protocols."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import evolve, langevin, steady
from jaxneq.langevin import (
    BreathingHarmonic,
    CosineProfile,
    DoubleWell,
    FokkerPlanck,
    Harmonic,
    LinearMoments,
    Overdamped,
    Quadratic,
    TiltedCosine,
    Underdamped,
)

# Barrier in units of T: mean first passage -1 to 1 and -1 to 0 by quadrature; Kramers' rates
# without inertia and with mass 1 and friction 1/2, 2 and 10.
DOUBLE_WELL = {
    3.0: (
        *(8.880029266038436, 4.232783352687295, 0.13447232995565175),
        *(0.036118270460084444, 0.029197879235880228, 0.01213346668648988),
    ),
    5.0: (
        *(36.48353459711614, 18.09518797504622, 0.03033141810339228),
        *(0.0064137576421098965, 0.0054332300645378384, 0.0025906123841248625),
    ),
}


@pytest.mark.parametrize("barrier", DOUBLE_WELL)
def test_escape_from_a_well(barrier):
    across, halfway, kramers, *inertial = DOUBLE_WELL[barrier]
    system = Overdamped(potential=DoubleWell(barrier=barrier))
    time = langevin.mean_first_passage_time
    np.testing.assert_allclose(time(system, -1.0, 1.0), across, rtol=1e-12)
    np.testing.assert_allclose(time(system, 1.0, -1.0), across, rtol=1e-12)
    np.testing.assert_allclose(time(system, -1.0, 0.0, wall=-4.0), halfway, rtol=1e-12)
    np.testing.assert_allclose(langevin.kramers_rate(system, -0.8, 0.1), kramers, rtol=1e-12)
    for friction, rate in zip((0.5, 2.0, 10.0), inertial, strict=True):
        heavy = Underdamped(potential=system.potential, friction=friction)
        np.testing.assert_allclose(langevin.kramers_rate(heavy, -1.0, 0.0), rate, rtol=1e-12)


def test_first_passage_where_nothing_holds():
    """Free between a wall at 0 and an end at 1: gamma (1 - x^2) / 2 T, in varying friction too."""
    flat = Overdamped(potential=TiltedCosine(amplitude=0.0), friction=3.0, temperature=0.5)
    time = langevin.mean_first_passage_time
    found = time(flat, 0.4, 1.0, wall=0.0, cells=8)
    np.testing.assert_allclose(found, 3 * (1 - 0.16), rtol=1e-13)
    np.testing.assert_allclose(time(flat, -0.4, -1.0, wall=0.0, cells=8), found, rtol=1e-13)
    rough = Overdamped(
        potential=TiltedCosine(amplitude=0.0), friction_profile=CosineProfile(amplitude=0.5)
    )
    exact = 0.5 + 0.5 * (np.sin(1.0) + np.cos(1.0) - 1)  # int_0^1 y (1 + cos(y) / 2) dy
    np.testing.assert_allclose(time(rough, 0.0 + 1e-9, 1.0, wall=0.0), exact, rtol=1e-8)


def test_derivatives_of_escape():
    @jax.jit
    def both(p):
        well = DoubleWell(barrier=p[0], distance=p[1])
        system = Overdamped(potential=well, temperature=p[2])
        heavy = Underdamped(potential=well, temperature=p[2], friction=2.0)
        first = langevin.mean_first_passage_time(system, -p[1], p[3], cells=64)
        rates = [langevin.kramers_rate(each, -0.9, 0.1) for each in (system, heavy)]
        return jnp.stack([jnp.log(first), *map(jnp.log, rates)])

    start, direction = jnp.array([3.0, 1.1, 0.9, 0.5]), jnp.array([0.2, -0.1, 0.1, 0.3])
    gradient = jax.jit(jax.jacrev(both))(start) @ direction
    for index in range(3):
        found = slope(lambda h, i=index: both(start + h * direction)[i], 0.0)
        np.testing.assert_allclose(gradient[index], found, rtol=1e-6)


@pytest.mark.parametrize("force, temperature", [(0.7, 0.3), (1.0, 0.1), (0.0, 0.5)])
def test_two_roads_to_a_washboard(force, temperature):
    """Quadrature over pairs of points, and the grid of `FokkerPlanck`."""
    ring = Overdamped(
        potential=TiltedCosine(amplitude=1.3, force=force), temperature=temperature, friction=1.7
    )
    velocity, diffusion = langevin.washboard(ring, points=128)
    found = steady(ring, FokkerPlanck(cells=128, ends="periodic"))
    np.testing.assert_allclose(found.velocity, velocity, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(found.diffusion, diffusion, rtol=1e-9)
    if force == 0:
        np.testing.assert_allclose(langevin.lifson_jackson(ring), diffusion, rtol=1e-12)


def test_derivatives_of_a_washboard():
    @jax.jit
    def both(p):
        ring = Overdamped(potential=TiltedCosine(amplitude=p[0], force=p[1]), temperature=p[2])
        return jnp.stack([*langevin.washboard(ring, points=48), langevin.lifson_jackson(ring)])

    start, direction = jnp.array([1.0, 0.5, 0.6]), jnp.array([0.3, 0.2, -0.1])
    gradient = jax.jacrev(both)(start) @ direction
    for index in range(3):
        found = slope(lambda h, i=index: both(start + h * direction)[i], 0.0)
        np.testing.assert_allclose(gradient[index], found, rtol=1e-6)


@pytest.mark.parametrize("distance, least, jump", [(1.0, 1 / 3, 1 / 3), (2.0, 4 / 3, 2 / 3)])
def test_the_best_way_to_drag(distance, least, jump):
    """d^2 / (t + 2), jumps of d / (t + 2); and no protocol nearby is better."""
    protocol, work = langevin.optimal_drag(distance, 1.0)
    np.testing.assert_allclose(work, least, rtol=1e-14)
    np.testing.assert_allclose(protocol.values[1], jump, rtol=1e-14)

    @jax.jit
    def mean_work(values):
        bent = langevin.PiecewiseLinear(times=protocol.times, values=values)
        trap = Overdamped(potential=Harmonic(), protocol=bent)
        return evolve(trap, LinearMoments(), times=[1.0]).work[0]

    np.testing.assert_allclose(mean_work(protocol.values), least, rtol=1e-10)
    slope_here = jax.grad(mean_work)(protocol.values)
    np.testing.assert_allclose(slope_here[1:3], 0, atol=1e-9)
    for change in ([0.0, 0.1, 0.0, 0.0], [0.0, 0.0, -0.1, 0.0]):
        assert mean_work(protocol.values + jnp.array(change)) > least + 1e-4


@pytest.mark.parametrize(
    "start, end, duration, least, first, last",
    [
        (1.0, 2.0, 1.0, 0.40291836112539436, 1.1909830056250525, 1.7639320225002102),
        (1.0, 5.0, 0.5, 1.227789110203473, 1.7543219387857802, 3.788897449072022),
    ],
)
def test_the_best_way_to_stiffen(start, end, duration, least, first, last):
    protocol, work = langevin.optimal_breathing(start, end, duration)
    np.testing.assert_allclose(work, least, rtol=1e-13)
    np.testing.assert_allclose(
        start + protocol.values[jnp.array([1, -2])], [first, last], rtol=1e-13
    )
    trap = Overdamped(potential=BreathingHarmonic(stiffness=start), protocol=protocol)
    found = evolve(trap, LinearMoments(substeps=2), times=[duration])
    np.testing.assert_allclose(found.work[0], least, rtol=1e-9)


def test_optimal_protocols_in_other_units():
    """Friction, temperature and stiffness: the work that the protocol takes is the one promised."""
    protocol, work = langevin.optimal_drag(0.7, 1.3, stiffness=2.0, friction=1.9)
    trap = Overdamped(
        potential=Harmonic(stiffness=2.0), protocol=protocol, friction=1.9, temperature=0.4
    )
    found = evolve(trap, LinearMoments(), times=[1.3])
    np.testing.assert_allclose(found.work[0], work, rtol=1e-9)
    protocol, work = langevin.optimal_breathing(2.0, 0.9, 1.3, temperature=0.4, friction=1.9)
    trap = Overdamped(
        potential=BreathingHarmonic(stiffness=2.0),
        protocol=protocol,
        friction=1.9,
        temperature=0.4,
    )
    found = evolve(trap, LinearMoments(substeps=2), times=[1.3])
    np.testing.assert_allclose(found.work[0], work, rtol=1e-9)


@pytest.mark.parametrize(
    "function, start",
    [
        (lambda p: langevin.optimal_drag(p, 1.1)[1], 0.7),
        (lambda p: langevin.optimal_breathing(1.0, 2.0, p, knots=4)[1], 0.7),
        (lambda p: langevin.optimal_breathing(1.0, p, 0.5, knots=4)[0].values[2], 1.7),
        (lambda p: langevin.ballistic_flux(2.0, 1.0, friction=p, mass=1.4), 0.8),
    ],
)
def test_derivatives_of_closed_forms(function, start):
    np.testing.assert_allclose(jax.grad(function)(start), slope(function, start), rtol=1e-6)


def test_the_flux_of_a_long_chain():
    """(3 - 2 sqrt 2) for friction 1/2 and (3 - sqrt 5) / 4 for 1, with unit mass and spring."""
    flux = langevin.ballistic_flux
    np.testing.assert_allclose(flux(2.0, 1.0, friction=0.5), 3 - 2 * 2**0.5, rtol=1e-14)
    np.testing.assert_allclose(flux(2.0, 1.0), (3 - 5**0.5) / 4, rtol=1e-14)
    # The same chain in other units: energy 2, mass 3, spring 5.
    scaled = flux(4.0, 2.0, mass=3.0, spring=5.0, friction=15**0.5)
    np.testing.assert_allclose(scaled, 2 * (5 / 3) ** 0.5 * (3 - 5**0.5) / 4, rtol=1e-14)


PLANE = Overdamped(potential=Quadratic(stiffness=[[1.0, 0.0], [0.0, 1.0]]))
UNEVEN = Overdamped(potential=TiltedCosine(), friction_profile=CosineProfile(amplitude=0.1))
REFUSED = {
    "mean_first_passage_time: the system": lambda: langevin.mean_first_passage_time(
        PLANE, 0.0, 1.0
    ),
    "does not confine": lambda: langevin.mean_first_passage_time(
        Overdamped(potential=TiltedCosine()), 0.0, 1.0
    ),
    "must lie between": lambda: langevin.mean_first_passage_time(
        Overdamped(potential=DoubleWell()), 0.0, 1.0, wall=2.0
    ),
    "needs one coordinate": lambda: langevin.kramers_rate(PLANE, 0.0, 1.0),
    "the curvature is": lambda: langevin.kramers_rate(Overdamped(potential=DoubleWell()), 0.0, 1.0),
    "washboard: the system": lambda: langevin.washboard(PLANE),
    "names no period": lambda: langevin.washboard(Overdamped(potential=DoubleWell())),
    "washboard: friction": lambda: langevin.washboard(UNEVEN),
    "lifson_jackson: needs": lambda: langevin.lifson_jackson(UNEVEN),
    "knots = 1": lambda: langevin.optimal_breathing(1.0, 2.0, 1.0, knots=1),
}


@pytest.mark.parametrize("words", REFUSED)
def test_misuse_is_refused(words):
    with pytest.raises(ValueError, match=words):
        REFUSED[words]()
