"""Stationary states from all configurations: against matrix products, closed forms, differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import steady
from jaxneq._core import SolveError, general_solve
from jaxneq.exclusion import (
    CurrentStatistics,
    Generator,
    Lattice,
    MatrixProduct,
    OpenASEP,
    RingASEP,
    SpectralGap,
    UniformMeasure,
    tagged_diffusion,
)
from jaxneq.exclusion._configurations import chain_of


def test_the_implicit_solve_of_a_general_matrix():
    matrix = jnp.eye(30) * 3 + jax.random.normal(jax.random.key(3), (30, 30)) / 4
    rhs = jnp.arange(30.0)

    @jax.jit
    def solved(scale, rhs):
        operator = lambda x: scale * (matrix @ x) + x  # noqa: E731
        return general_solve(operator, rhs, tolerance=jnp.asarray(1e-12), max_iterations=500)

    x, stats = solved(1.3, rhs)
    np.testing.assert_allclose(x, jnp.linalg.solve(1.3 * matrix + jnp.eye(30), rhs), rtol=1e-11)
    assert stats.residual < 1e-13 and stats.status.ok
    total = lambda scale: jnp.sum(jnp.sin(solved(scale, rhs)[0]))  # noqa: E731
    np.testing.assert_allclose(jax.grad(total)(1.3), slope(total, 1.3), rtol=1e-8)
    np.testing.assert_allclose(jax.jvp(total, (1.3,), (1.0,))[1], slope(total, 1.3), rtol=1e-8)
    twice = jax.jvp(jax.grad(total), (1.3,), (1.0,))[1]
    np.testing.assert_allclose(twice, slope(jax.grad(total), 1.3), rtol=1e-7)


def test_a_singular_matrix_is_told():
    operator = lambda x: x - jnp.mean(x)  # noqa: E731
    x, stats = general_solve(
        operator, jnp.ones(8), tolerance=jnp.asarray(1e-12), max_iterations=100
    )
    assert not stats.status.ok and np.all(np.isnan(x))


PHASES = [
    (0.3, 0.8, 0.0, 0.0, 0.0),
    (0.8, 0.3, 0.0, 0.0, 0.0),
    (1.0, 1.0, 0.0, 0.0, 0.0),
    (0.3, 0.3, 0.0, 0.0, 0.0),
    (0.5, 0.6, 0.2, 0.1, 0.3),
    (0.5, 0.6, 0.2, 0.1, 1.0),
]


@jax.jit
def both(rates):
    chain = OpenASEP(12, *rates)
    product = MatrixProduct(correlation="all")
    return steady(chain, product), steady(chain, Generator())


@pytest.mark.parametrize("rates", PHASES, ids=str)
def test_it_agrees_with_the_matrix_product(rates):
    product, generator = both(jnp.array(rates))
    np.testing.assert_allclose(generator.current, product.current, rtol=1e-12)
    np.testing.assert_allclose(generator.density, product.density, rtol=1e-12)
    np.testing.assert_allclose(generator.correlation, product.correlation, atol=1e-12)
    assert generator.status.ok and generator.conservation_residual < 1e-13


def test_gradients_against_differences_with_a_rate_for_each_bond():
    given = jnp.array([0.6, 0.7, 0.2, 0.1, 0.3, 1.0, 0.5, 1.2, 0.8])

    @jax.jit
    def current(given):
        chain = OpenASEP(5, *given[:5], hopping=given[5:])
        found = steady(chain)
        return found.current + found.density[1] ** 2

    gradient = jax.grad(current)(given)
    for index in range(given.size):
        expected = slope(lambda h, index=index: current(given.at[index].add(h)), 0.0)
        np.testing.assert_allclose(gradient[index], expected, rtol=1e-6)
    push = jax.jvp(jax.grad(current), (given,), (jnp.ones(9),))[1]
    expected = slope(lambda h: jnp.sum(jax.grad(current)(given + h)), 0.0)
    np.testing.assert_allclose(jnp.sum(push), expected, rtol=1e-6)


def test_a_ring_of_its_own_rates_has_one_current():
    """One particle: J = 1 / sum of 1 / rates where it cannot go back."""
    hopping = jnp.array([1.0, 0.5, 2.0, 0.8])
    found = steady(RingASEP(length=4, particles=1, hopping=hopping))
    np.testing.assert_allclose(found.gate_current, 1 / jnp.sum(1 / hopping), rtol=1e-12)


RING = [(6, 3, 0.0, 0.252), (10, 5, 0.0, 0.17013801405335846), (8, 3, 0.4, None)]


@pytest.mark.parametrize(("length", "particles", "q", "spread"), RING)
def test_all_configurations_of_a_ring_are_equally_likely(length, particles, q, spread):
    ring = RingASEP(length=length, particles=particles, q=q)
    closed, found = steady(ring, UniformMeasure()), steady(ring, Generator())
    expected = (1 - q) * particles * (length - particles) / (length * (length - 1))
    for each in (closed, found):
        np.testing.assert_allclose(each.current, expected, rtol=1e-12)
    np.testing.assert_allclose(closed.correlation, found.correlation, atol=1e-13)
    if spread is not None:  # Derrida, Evans and Mallick
        np.testing.assert_allclose(tagged_diffusion(ring), spread, rtol=1e-12)
    if q:
        produced = -length * expected * np.log(q)
        np.testing.assert_allclose(found.entropy_production, produced, rtol=1e-12)
        np.testing.assert_allclose(closed.entropy_production, produced, rtol=1e-12)


def test_a_long_ring():
    ring = RingASEP(length=1000, particles=500)
    found = steady(ring)
    np.testing.assert_allclose(found.current, 0.2502502502502503, rtol=1e-12)
    np.testing.assert_allclose(tagged_diffusion(ring), 0.014038784862428577, rtol=1e-10)
    spread = jax.jit(lambda q: tagged_diffusion(RingASEP(length=30, particles=11, q=q)))
    for q in (0.0, 0.5, 1.0, 3.0):
        np.testing.assert_allclose(jax.grad(spread)(q), slope(spread, q), rtol=1e-6)


def test_a_long_ring_with_faster_hops_back():
    """Seen the other way round, in the unit of time 1/q: Delta(q) = q Delta(1/q)."""

    def spread(q):
        return steady(RingASEP(length=2000, particles=1000, q=q)).current_variance

    np.testing.assert_allclose(spread(4.0), 4 * spread(0.25), rtol=1e-12)
    np.testing.assert_allclose(spread(1 + 1e-9), spread(1.0), rtol=1e-6)
    with pytest.raises(SolveError, match="not_finite"):
        spread(1e308)


def test_attachment_alone_fills_each_site_by_itself():
    """Without hops the density of each site is on / (on + off), without correlations."""
    none, zeros = jnp.zeros(()), jnp.zeros(3)
    on, off = jnp.array([1.0, 0.5, 2.0, 0.3]), jnp.array([1.0, 1.5, 0.5, 0.7])
    lattice = Lattice(zeros, zeros, none, none, none, none, on, off, length=4)
    chain, occupied = chain_of(lattice)
    filled = (on / (on + off))[None]
    weights = jnp.prod(jnp.where(occupied == 1, filled, 1 - filled), axis=1)
    np.testing.assert_allclose(chain.flow(weights), 0, atol=1e-15)
    np.testing.assert_allclose(chain.passing(weights), 0, atol=1e-15)


def test_long_particles_keep_apart():
    """Rods of 3 sites on 5: none, one anywhere, or two at 1 and 4, 1 and 5, 2 and 5."""
    rates, one = jnp.ones(4), jnp.ones(())
    lattice = Lattice(rates, 0 * rates, one, one, 0 * one, 0 * one, length=5, footprint=3)
    _, occupied = chain_of(lattice)
    assert occupied.shape == (1 + 5 + 3, 5)


@pytest.fixture(scope="module")
def relaxing():
    return jax.jit(lambda system: steady(system, SpectralGap()))


def test_the_gap_is_the_second_eigenvalue(relaxing):
    ring = RingASEP(length=6, particles=2, q=0.2)
    chain, _ = chain_of(ring.lattice)
    values = np.linalg.eigvals(jax.jacfwd(chain.flow)(jnp.zeros(15)))
    second = values[np.argsort(-values.real)][1]
    found = relaxing(ring)
    np.testing.assert_allclose(found.gap, -second.real, rtol=1e-11)
    np.testing.assert_allclose(found.frequency, abs(second.imag), rtol=1e-10)
    assert found.status.ok


def test_the_gap_differentiates_once():
    gap = jax.jit(lambda alpha, q: steady(OpenASEP(4, alpha, 0.8, 0.1, 0.2, q), SpectralGap()).gap)
    for argument, gradient in enumerate(jax.grad(gap, (0, 1))(0.6, 0.3)):
        along = (lambda x: gap(x, 0.3), lambda x: gap(0.6, x))[argument]
        np.testing.assert_allclose(gradient, slope(along, (0.6, 0.3)[argument]), rtol=1e-6)
    with pytest.raises(ValueError, match="no second derivative here"):
        jax.jacfwd(jax.grad(gap))(0.6, 0.3)


def test_too_many_configurations_are_refused():
    methods = (
        (Generator(), "use MatrixProduct"),
        (SpectralGap(), "Extrapolate from shorter"),
        (CurrentStatistics(), "use Cloning"),
    )
    for system in (
        OpenASEP(length=30, alpha=1.0, beta=1.0),
        OpenASEP(length=1100, alpha=1.0, beta=1.0),
        RingASEP(length=24, particles=12),
        RingASEP(length=1_000_000, particles=500_000),
    ):
        for method, remedy in methods:
            with pytest.raises(ValueError, match=rf"more than 262144 configurations; .* {remedy}"):
                steady(system, method)
    with pytest.raises(ValueError, match=r"length = 30 has 30 configurations; .* on 24 sites"):
        steady(RingASEP(length=30, particles=29), Generator())
    with pytest.raises(ValueError, match=r"leave no hole"):
        RingASEP(length=4, particles=4)
    with pytest.raises(ValueError, match=r"hopping differs between the bonds"):
        steady(
            RingASEP(length=3, particles=1, hopping=jnp.array([1.0, 1.0, 2.0])), UniformMeasure()
        )


def test_why_the_entropy_production_is_infinite():
    """Entry alone has no reverse here."""
    chain = OpenASEP(length=3, alpha=0.5, beta=0.6, delta=0.1, q=0.3)
    for method in (Generator(), MatrixProduct(), CurrentStatistics(), SpectralGap()):
        found = steady(chain, method)
        assert found.entropy_production == np.inf
        assert found.remark().endswith("infinite: no reverse of hopping at gate 0")
        assert found.remark() in str(found)
    closed = steady(OpenASEP(length=3, alpha=0.5, beta=0.6, gamma=0.2, delta=0.1, q=0.3))
    assert closed.remark() == "" and "reverse of" not in str(closed)
    assert "no reverse of hopping at gate 1, 2, 3" in str(steady(RingASEP(length=3, particles=1)))
