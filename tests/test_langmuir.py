"""Mean field, the domain wall and ribosomes: against closed forms, exact states and differences."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import config, report, steady
from jaxneq._core import SolveError
from jaxneq.exclusion import (
    CodonControl,
    DomainWall,
    Generator,
    LangmuirASEP,
    MatrixProduct,
    MeanField,
    OpenASEP,
    RibosomeTraffic,
    RingASEP,
)

CONFIGS = Path(__file__).parents[1] / "configs"


def filament(length, alpha, beta, attaching, detaching):
    """With the rates times the length given."""
    return LangmuirASEP(
        length=length,
        alpha=alpha,
        beta=beta,
        attachment=attaching / length,
        detachment=detaching / length,
    )


@pytest.mark.parametrize(
    ("alpha", "beta", "attaching", "detaching", "place", "low"),
    [  # closed forms for equal rates; bisection of the integrated equation for others
        (0.2, 0.2, 0.3, 0.3, 0.5, 0.35),
        (0.2, 0.3, 0.3, 0.3, 2 / 3, 0.4),
        (0.2, 0.4, 0.2, 0.1, 0.6444404118951085, 0.37499999999986344),
    ],
)
def test_the_domain_wall(alpha, beta, attaching, detaching, place, low):
    found = steady(filament(200, alpha, beta, attaching, detaching), DomainWall())
    np.testing.assert_allclose(found.wall_position, place, rtol=1e-10)
    np.testing.assert_allclose(found.density_left, low, rtol=1e-10)
    np.testing.assert_allclose(found.density_right, 1 - low, rtol=1e-10)
    np.testing.assert_allclose(found.wall_current, low * (1 - low), rtol=1e-10)
    assert found.conservation_residual < 1e-12 and found.entropy_production == np.inf
    # the profile obeys (1 - 2 rho) rho' = Omega_A (1 - rho) - Omega_D rho on both sides
    rho, spacing = np.asarray(found.density), 1 / 200
    steep = (rho[2:] - rho[:-2]) / (2 * spacing)
    flow = attaching * (1 - rho) - detaching * rho
    away = np.abs(np.asarray(found.site) - float(found.wall_site))[1:-1] > 2
    residual = (1 - 2 * rho[1:-1]) * steep - flow[1:-1]
    assert np.max(np.abs(residual[away])) < 1e-4 and away.sum() > 190


def test_the_mirrored_filament_has_the_mirrored_wall():
    """Particles to the right are holes to the left."""
    found = steady(filament(100, 0.2, 0.4, 0.2, 0.1), DomainWall())
    mirrored = steady(filament(100, 0.4, 0.2, 0.1, 0.2), DomainWall())
    np.testing.assert_allclose(found.wall_position, 1 - mirrored.wall_position, rtol=1e-12)
    np.testing.assert_allclose(found.density, 1 - mirrored.density[::-1], rtol=1e-11)


def test_derivatives_of_the_wall():
    @jax.jit
    def place(alpha):
        return steady(filament(50, alpha, 0.4, 0.2, 0.1), DomainWall()).wall_position

    alpha = jnp.asarray(0.2)
    gradient = jax.jit(jax.grad(place))
    np.testing.assert_allclose(gradient(alpha), slope(place, alpha), rtol=1e-6)
    curvature = jax.jit(lambda a: jax.jvp(gradient, (a,), (jnp.ones(()),))[1])(alpha)
    np.testing.assert_allclose(curvature, slope(gradient, alpha), rtol=1e-6)


def test_no_wall_is_told():
    # the row K = 3, beta = 0.6: the currents nowhere meet
    with pytest.raises(SolveError, match="outside_domain"):
        steady(filament(100, 0.2, 0.6, 0.3, 0.1), DomainWall())


def test_mean_field_of_a_filament_approaches_the_wall():
    system = filament(100, 0.2, 0.4, 0.2, 0.1)
    found, limit = steady(system, MeanField()), steady(system, DomainWall())
    assert found.conservation_residual < 1e-10
    apart = np.abs(found.density - limit.density)
    away = np.abs(np.asarray(limit.site) - float(limit.wall_site)) > 15
    assert np.max(apart[away]) < 0.01 and 0.1 < np.max(apart) < 0.25  # half the wall's height
    # and the exact state of a short one is smeared where mean field is sharp
    short = filament(10, 0.2, 0.4, 0.2, 0.1)
    exact = steady(short, Generator())
    bias = np.max(np.abs(steady(short, MeanField()).density - exact.density))
    assert 0.005 < bias < 0.1


def test_a_wall_where_one_side_is_flat():
    """At alpha = rho_K the density is rho_K up to the wall; so it is for its mirror image."""
    omega, beta = (0.1, 0.3), 0.15
    found = steady(filament(100, 0.25, beta, *omega), DomainWall())
    kinetic, high, end = 0.25, 0.75, 1 - beta
    ratio = np.log((kinetic - high) / (kinetic - end))
    place = 1 + (2 * (high - end) - (1 - 2 * kinetic) * ratio) / sum(omega)
    np.testing.assert_allclose(found.wall_position, place, rtol=1e-12)
    np.testing.assert_allclose(found.density[:5], 0.25, rtol=1e-12)
    mirrored = steady(filament(100, beta, 0.25, *omega[::-1]), DomainWall())
    np.testing.assert_allclose(mirrored.wall_position, 1 - place, rtol=1e-12)

    @jax.jit
    def wall(alpha):
        return steady(filament(100, alpha, beta, *omega), DomainWall()).wall_position

    alpha = jnp.asarray(0.25)
    np.testing.assert_allclose(
        wall(alpha + 2e-6), wall(alpha) + 2e-6 * jax.grad(wall)(alpha), rtol=1e-9
    )
    np.testing.assert_allclose(jax.grad(wall)(alpha), slope(wall, alpha), rtol=1e-6)


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.3, 0.8), (0.25, 0.25)])
def test_mean_field_of_one_site_particles(alpha, beta):
    chain = OpenASEP(length=30, alpha=alpha, beta=beta)
    found = steady(chain, MeanField())
    current, rho = float(found.current), np.asarray(found.density)
    passing = [alpha * (1 - rho[0]), *(rho[:-1] * (1 - rho[1:])), beta * rho[-1]]
    np.testing.assert_allclose(passing, current, atol=1e-11)
    exact = float(steady(chain, MatrixProduct()).current)
    assert 1e-9 < abs(current / exact - 1) < 0.1  # biased, and not by much


def test_mean_field_of_two_sites_in_closed_form():
    # 1 - r1 = r1 (1 - r2) = r2: r1 = 1 - r2, r2 = (1 - r2)^2
    found = steady(OpenASEP(length=2, alpha=1.0, beta=1.0), MeanField())
    golden = (3 - np.sqrt(5)) / 2
    np.testing.assert_allclose(found.density, [1 - golden, golden], rtol=1e-12)
    np.testing.assert_allclose(found.current, golden, rtol=1e-12)  # exact: 2/5


def test_derivatives_of_mean_field():
    @jax.jit
    def current(alpha):
        chain = OpenASEP(length=12, alpha=alpha, beta=0.6, gamma=0.2, delta=0.1, q=0.3)
        return steady(chain, MeanField()).current

    alpha = jnp.asarray(0.5)
    gradient = jax.jit(jax.grad(current))
    np.testing.assert_allclose(gradient(alpha), slope(current, alpha), rtol=1e-6)
    curvature = jax.jit(lambda a: jax.jvp(gradient, (a,), (jnp.ones(()),))[1])(alpha)
    np.testing.assert_allclose(curvature, slope(gradient, alpha), rtol=1e-6)


def test_the_largest_current_of_extended_particles():
    """1 / (1 + sqrt(l))^2 in mean field, Shaw, Zia and Lee (2003), approached from above."""
    limit = 1 / (1 + np.sqrt(4)) ** 2
    excess = [
        float(steady(message(length, 4), MeanField()).current) - limit for length in (60, 120)
    ]
    assert 0 < excess[1] < 0.4 * excess[0] < 0.001


def message(codons, footprint, initiation=1.0):
    return RibosomeTraffic(
        elongation=jnp.ones(codons - 1),
        initiation=initiation,
        termination=1.0,
        footprint=footprint,
    )


def test_extended_particles_of_one_site_are_those_of_the_chain():
    chain, of_one = OpenASEP(length=8, alpha=0.4, beta=1.0), message(8, 1, 0.4)
    found, exact = steady(of_one, MeanField()).density, steady(chain, MeanField()).density
    np.testing.assert_allclose(found, exact, rtol=1e-9)


@pytest.fixture(scope="module")
def uneven():
    rates = jnp.asarray([2.0, 1.0, 0.3, 0.4, 2.0, 1.5, 1.0, 2.0])
    return RibosomeTraffic(elongation=rates, initiation=0.5, termination=1.0, footprint=3)


@pytest.mark.parametrize("method", [MeanField(), Generator()], ids=["mean field", "exact"])
def test_the_controls_of_codons(uneven, method):
    found = steady(uneven, CodonControl(of=method))
    total = jnp.sum(found.control) + found.initiation_control
    np.testing.assert_allclose(total, 1.0, rtol=1e-9)
    rates = uneven.elongation

    @jax.jit
    def current(rate):
        changed = RibosomeTraffic(
            elongation=rates.at[2].set(rate), initiation=0.5, termination=1.0, footprint=3
        )
        return steady(changed, method).current

    relative = slope(current, rates[2]) * rates[2] / found.current
    np.testing.assert_allclose(found.control[2], relative, rtol=1e-6)
    assert found.limiting_codon in (3, 4) and found.covered < 1
    np.testing.assert_allclose(found.current, steady(uneven, method).current, rtol=1e-10)
    starved = RibosomeTraffic(rates, initiation=0.01, termination=1.0, footprint=3)
    assert steady(starved, CodonControl(of=method)).limiting_codon == 0


def test_mean_field_of_ribosomes_is_near_the_exact_current(uneven):
    exact = float(steady(uneven, Generator()).current)
    assert 0.001 < abs(float(steady(uneven, MeanField()).current) / exact - 1) < 0.1


def test_misuse():
    with pytest.raises(ValueError, match="is a ring"):
        steady(RingASEP(length=6, particles=3), MeanField())
    with pytest.raises(ValueError, match="fewer than the 10"):
        RibosomeTraffic(elongation=jnp.ones(5), initiation=1.0, termination=1.0)
    with pytest.raises(ValueError, match=r"does not find the state of a lattice"):
        steady(message(8, 2), CodonControl(of=DomainWall()))
    with pytest.raises(ValueError, match="attachment = 0 is not allowed"):
        LangmuirASEP(length=10, alpha=0.2, beta=0.2, attachment=0.0, detachment=0.1)


def done(name, *overrides):
    """The values of a job of configs/, with overrides, and its figure."""
    result = config.execute(config.load(CONFIGS / f"{name}.toml", overrides))
    return {key: each.values for key, each in result.quantities.items()}, result


def test_the_filament_is_drawn_with_both_limits():
    small = ["system.length=20", "system.attachment=0.01", "system.detachment=0.005"]
    got, result = done(
        "langmuir", *small, "simulate.time=300.0", "simulate.burn_in=200.0", "method.replicas=64"
    )
    (ax,) = report.figure(result).axes
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()][1:] == [
        "mean field",
        "long filament",
    ]
    low, high = got["density"][:5].mean(), got["density"][-5:].mean()
    assert low < 0.4 < 0.5 < high  # a wall between
    assert np.all(got["density_stderr"] < 0.04)


def test_ribosomes_queue_before_slow_codons():
    got, result = done("ribosomes", "simulate.time=120.0", "simulate.burn_in=80.0")
    density, error = got["density"], got["density_stderr"]
    queue, after = density[50:64].mean(), density[70:95].mean()
    assert queue > 3 * after and np.all(error < 0.02)
    control, _ = done("codons")
    np.testing.assert_allclose(np.sum(control["control"]) + control["initiation_control"], 1.0)
    slow = control["control"][59:64]
    assert 60 <= control["limiting_codon"] <= 64 and np.sum(slow) > 0.5
    beside = result.compared["mean field"].datasets["density"].values
    np.testing.assert_allclose(beside, control["density"], rtol=1e-9)
