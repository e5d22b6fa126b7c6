"""Films against closed forms, the integral equation and finite differences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import materials, steady
from jaxneq._core import SolveError, linear_solve
from jaxneq.phonon import CrossPlaneFilm, DiscreteOrdinates, IntegralEquation, Nanowire
from jaxneq.phonon import _exact as exact
from jaxneq.phonon._films import gray_film as gray
from jaxneq.phonon._special import exponential_integral, exponential_integral_remainder

SILICON = materials.model("Si")
BANDS = materials.phonon("Si")

# Independent integral equation of the same bands; the last three by its own refinement (W/m/K).
# `IntegralEquation` with 192 cells agrees to 3e-6 but at 10 nm (5.425312) and 100 um (143.2158).
SILICON_FILMS = {
    10e-9: 5.42528,
    30e-9: 13.29599,
    100e-9: 30.47955,
    300e-9: 56.40026,
    1e-6: 92.173,
    10e-6: 134.042,
    100e-6: 143.218,
}


def silicon(thickness, temperature=300.0, material=SILICON):
    return CrossPlaneFilm(material=material, thickness=thickness, temperature=temperature)


@pytest.fixture(scope="session")
def conductivity():
    """Conductivity of silicon films, compiled once: (thickness, temperature)."""
    return jax.jit(lambda *film: steady(silicon(*film)).conductivity)


def relative_flux(solution):
    return float(solution.conductivity / solution.ballistic_conductivity)


@pytest.mark.parametrize("tau", exact.GRAY_FLUX)
def test_gray_film_on_the_default_grid(tau):
    solution = steady(gray(tau))
    assert relative_flux(solution) == pytest.approx(exact.GRAY_FLUX[tau], rel=1e-5)
    assert solution.stats["iterations"] <= 12


@pytest.mark.parametrize("tau", [*exact.GRAY_FLUX, 100.0])
def test_gray_film_on_a_refined_grid(tau):
    expected = exact.GRAY_FLUX.get(tau) or exact.thick_film_flux(tau)
    found = relative_flux(steady(gray(tau), DiscreteOrdinates(cells=240, angles=48)))
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("tau", [1e-4, 1e-3, 1e3, 1e4])
def test_gray_film_far_outside_on_the_same_default_grid(tau):
    solution = steady(gray(tau))
    if tau > 1:
        assert relative_flux(solution) == pytest.approx(exact.thick_film_flux(tau), rel=1e-5)
    else:
        fine = relative_flux(steady(gray(tau), IntegralEquation(cells=64)))
        assert relative_flux(solution) == pytest.approx(fine, rel=1e-5)
        assert 1 - relative_flux(solution) == pytest.approx(tau, rel=1e-2)
    assert solution.stats["iterations"] <= 12


@pytest.mark.parametrize("tau", exact.GRAY_FLUX)
def test_integral_equation(tau):
    found = relative_flux(steady(gray(tau), IntegralEquation(cells=64)))
    assert found == pytest.approx(exact.GRAY_FLUX[tau], rel=1e-8)


@pytest.mark.parametrize("thickness", SILICON_FILMS)
def test_silicon_films(thickness):
    solution = steady(silicon(thickness), DiscreteOrdinates(tolerance=1e-8))
    assert float(solution.conductivity) == pytest.approx(SILICON_FILMS[thickness], rel=4e-5)
    assert solution.stats["residual"] <= 1e-8
    assert solution.stats["iterations"] <= 16


def test_silicon_film_by_both_methods():
    """Angles and sweeps against exponential integrals: flux, every band, every temperature."""
    film = silicon(200e-9)
    sweep, integral = steady(film), steady(film, IntegralEquation(cells=64))
    np.testing.assert_allclose(sweep.conductivity, integral.conductivity, rtol=3e-5)
    np.testing.assert_allclose(sweep.suppression, integral.suppression, atol=1e-4)
    theta = np.interp(sweep.position, integral.position, integral.pseudotemperature)
    np.testing.assert_allclose(sweep.pseudotemperature, theta, atol=2e-4)


def test_limits_are_bulk_and_casimir():
    thick, thin = steady(silicon(1.0)), steady(silicon(1e-12))
    assert float(thick.conductivity / thick.bulk_conductivity) == pytest.approx(1, abs=1e-4)
    assert float(thin.conductivity / thin.ballistic_conductivity) == pytest.approx(1, abs=1e-3)
    assert thick.regime == "diffusive" and thin.regime == "ballistic"


@pytest.mark.parametrize(
    ("film", "bound"), [(gray(1.0), 1e-11), (gray(1e4), 1e-6), (silicon(1e-6), 1e-10)]
)
def test_first_and_second_law(film, bound):
    solution = steady(film)
    assert solution.conservation_residual < bound
    # the flux through the faces, which knows nothing of the dissipation
    flux = np.mean(solution.heat_flux_profile)
    product = flux * film.temperature_difference / film.temperature**2
    np.testing.assert_allclose(solution.entropy_production, product, rtol=bound)
    conjugate = sum(solution.fluxes[name] * solution.forces[name] for name in solution.fluxes)
    np.testing.assert_allclose(conjugate, product, rtol=bound)
    width = np.diff(solution.face_position)
    bulk = np.sum(solution.entropy_production_density * width)
    walls = np.sum(solution.entropy_production_walls)
    np.testing.assert_allclose(bulk + walls, product, rtol=bound)
    assert bulk > 0 and np.all(solution.entropy_production_walls > 0)
    np.testing.assert_allclose(
        solution.conductivity_by_band.sum(), solution.conductivity, rtol=bound
    )


def test_entropy_balance_notices_an_unconverged_state():
    """The dissipation of a wrong temperature exceeds the flux that it carries."""
    loose = steady(silicon(1e-6), DiscreteOrdinates(tolerance=0.3), throw=False)
    product = np.mean(loose.heat_flux_profile) * loose.force
    assert abs(loose.entropy_production / product - 1) > 1e-6


def test_walls_alone_do_not_make_the_entropy():
    """In a ballistic film nearly all is made at the walls, in a thick one nearly all inside."""
    share = [
        float(s.entropy_production_walls.sum() / s.entropy_production)
        for s in (steady(gray(0.01)), steady(gray(100.0)))
    ]
    assert share[0] > 0.95 and share[1] < 0.05


def test_nonequilibrium_falls_with_thickness():
    """Ballistic: two beams at +-1/2, so 1/2. Diffusive: the gradient over one mean free path."""
    assert float(steady(gray(1e-3)).nonequilibrium.mean()) == pytest.approx(0.5, rel=1e-2)
    tau = 1e3
    middle = steady(gray(tau)).nonequilibrium[60]
    assert float(middle) == pytest.approx(1 / tau / np.sqrt(3), rel=1e-2)


@pytest.mark.parametrize("argument", [0, 1])
def test_gradient_with_respect_to_thickness_and_temperature(conductivity, argument):
    point = (100e-9, 300.0)
    gradient = jax.jit(jax.grad(conductivity, argument))(*point)
    h = 1e-4 * point[argument]
    ends = [tuple(x + s * h * (i == argument) for i, x in enumerate(point)) for s in (1, -1)]
    central = (conductivity(*ends[0]) - conductivity(*ends[1])) / (2 * h)
    np.testing.assert_allclose(gradient, central, rtol=1e-6)


@pytest.fixture(scope="session")
def by_paths():
    """Conductivity of a 100 nm film as a function of the logarithms of its mean free paths."""

    def function(log_time):
        bands = eqx.tree_at(lambda b: b.relaxation_time, BANDS, jnp.exp(log_time))
        return steady(silicon(100e-9, material=bands)).conductivity

    return jax.jit(function), jax.jit(jax.grad(function)), jnp.log(BANDS.relaxation_time)


def test_gradient_with_respect_to_every_mean_free_path(by_paths):
    value, gradient, point = by_paths
    steps = 2e-3 * jnp.eye(point.size)
    batch = jax.jit(jax.vmap(value))
    # fourth order, so that the step can be long enough for rounding
    rise = 8 * (batch(point[None] + steps) - batch(point[None] - steps))
    rise = rise - (batch(point[None] + 2 * steps) - batch(point[None] - 2 * steps))
    central = rise / (12 * 2e-3)
    found = gradient(point)
    np.testing.assert_allclose(found, central, rtol=1e-6, atol=1e-9 * np.abs(found).max())


@pytest.mark.parametrize(
    "build",
    [
        lambda material: CrossPlaneFilm(material=material, thickness=100e-9),
        lambda material: Nanowire(material, diameter=100e-9),
    ],
    ids=["film", "wire"],
)
def test_gradient_with_respect_to_every_scattering_constant(build):
    def coefficients(material):
        carriers = material.branches[:2]  # LA and TA
        return [term.coefficient for branch in carriers for term in branch.scattering]

    @jax.jit
    def value(log_scale):
        scaled = [c * jnp.exp(s) for c, s in zip(coefficients(SILICON), log_scale, strict=True)]
        return steady(build(eqx.tree_at(coefficients, SILICON, scaled))).conductivity

    start, h = jnp.zeros(len(coefficients(SILICON))), 1e-3
    found = jax.jit(jax.grad(value))(start)
    for index, step in enumerate(h * jnp.eye(start.size)):
        rise = 8 * (value(start + step) - value(start - step))
        rise = rise - (value(start + 2 * step) - value(start - 2 * step))
        np.testing.assert_allclose(found[index], rise / (12 * h), rtol=1e-6)
    assert np.all(found < 0)  # more scattering, less conduction


def test_hessian_vector_product(by_paths):
    _, gradient, point = by_paths
    direction = jax.random.normal(jax.random.key(0), point.shape)
    h = 1e-3
    central = (gradient(point + h * direction) - gradient(point - h * direction)) / (2 * h)
    forward = jax.jit(lambda p: jax.jvp(gradient, (p,), (direction,))[1])(point)
    reverse = jax.jit(jax.grad(lambda p: jnp.vdot(gradient(p), direction)))(point)
    for product in (forward, reverse):
        assert jnp.linalg.norm(product - central) < 1e-5 * jnp.linalg.norm(central)


def test_profiles_differentiate_by_the_implicit_function_theorem():
    def wall_temperature(thickness):
        return steady(silicon(thickness)).temperature[0]

    h = 1e-11
    central = (wall_temperature(1e-7 + h) - wall_temperature(1e-7 - h)) / (2 * h)
    np.testing.assert_allclose(jax.grad(wall_temperature)(1e-7), central, rtol=1e-5)
    np.testing.assert_allclose(jax.jvp(wall_temperature, (1e-7,), (1.0,))[1], central, rtol=1e-5)


@pytest.mark.slow
def test_integral_equation_has_the_same_gradient(conductivity):
    def integral(thickness):
        return steady(silicon(thickness), IntegralEquation(cells=48)).conductivity

    np.testing.assert_allclose(
        jax.grad(integral)(100e-9), jax.grad(conductivity)(100e-9, 300.0), rtol=1e-4
    )


def test_batches_agree_with_single_solves():
    taus = jnp.geomspace(1e-2, 1e2, 8)
    batch = jax.jit(jax.vmap(lambda tau: steady(gray(tau)).conductivity))(taus)
    single = jnp.stack([steady(gray(tau)).conductivity for tau in taus])
    np.testing.assert_allclose(batch, single, rtol=1e-12)


def test_float32():
    single = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf,
        silicon(100e-9),
    )
    solution = steady(single)
    assert solution.conductivity.dtype == jnp.float32
    assert float(solution.conductivity) == pytest.approx(30.47955, rel=1e-4)
    assert solution.stats["residual"] <= 1e-5


def test_changing_a_number_does_not_recompile():
    traces = []

    @eqx.filter_jit
    def solve(film):
        traces.append(None)
        return steady(film).conductivity

    solve(gray(1.0)), solve(gray(2.0)), solve(gray(3.0))
    assert len(traces) == 1


def test_failure_has_a_remedy_and_does_not_end_a_batch():
    method = DiscreteOrdinates(max_iterations=2)
    with pytest.raises(SolveError, match="Raise `max_iterations`"):
        steady(silicon(1e-6), method)
    kept = steady(silicon(1e-6), method, throw=False)
    assert not kept.status.ok and kept.stats["iterations"] == 2
    batch = jax.vmap(lambda tau: steady(gray(tau), DiscreteOrdinates(max_iterations=5)))
    codes = batch(jnp.array([1e-3, 10.0])).status
    assert list(codes.ok) == [True, False]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"thickness": -1e-8}, "thickness = -1e-08"),
        ({"thickness": float("nan")}, "thickness = nan"),
        ({"thickness": 1e-8, "temperature": 5.0}, r"outside \[50, 1000\] K"),
        ({"thickness": 1e-8, "temperature_difference": 0.0}, "temperature_difference = 0"),
        ({"thickness": 1e-8, "temperature_difference": 700.0}, "cold wall below 0 K"),
        ({"thickness": [1e-8, 2e-8]}, r"thickness has shape \(2,\). Give one number"),
        ({"thickness": 1e-8 + 0j}, "thickness = "),
        ({"thickness": 1e-8, "material": 3.0}, "Give a phonon material"),
        ({"thickness": 1e-8, "material": "Si-grey"}, "Did you mean 'Si-gray'"),
    ],
)
def test_misuse_is_refused_before_compute(arguments, named):
    with pytest.raises(ValueError, match=named):
        CrossPlaneFilm(**{"material": SILICON, **arguments})


def test_misuse_is_refused_under_jit_too():
    with pytest.raises(ValueError, match="thickness = -1e-07"):
        jax.jit(lambda: CrossPlaneFilm(material="Si", thickness=-1e-7).thickness)()


def test_a_traced_temperature_without_data_is_a_failure():
    def solved(temperature):
        return steady(silicon(1e-7, temperature))

    batch = jax.vmap(solved)(jnp.array([10.0, 300.0]))
    assert list(batch.status.ok) == [False, True]
    np.testing.assert_allclose(batch.conductivity[1], 30.47955, rtol=4e-5)


def test_a_flux_that_is_not_conserved_is_a_failure():
    single = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, silicon(1.0)
    )
    solution = steady(single, throw=False)
    assert not solution.status.ok
    with pytest.raises(SolveError, match="float64"):
        steady(single)


def test_a_failed_solve_for_a_derivative_is_not_silent():
    """A right-hand side that is solved in one step, with a derivative that is not."""
    diagonal = jnp.concatenate([jnp.ones(1), jnp.geomspace(1.0, 1e6, 11)])

    def solved(p):
        return linear_solve(
            lambda x: diagonal * x,
            jnp.zeros(12).at[0].set(1.0) + (p - 1.0) * jnp.ones(12),
            preconditioner=lambda r: r,
            tolerance=jnp.asarray(1e-10),
            max_iterations=5,
        )

    assert solved(1.0)[1].status.ok
    assert np.all(np.isnan(jax.jacfwd(lambda p: solved(p)[0])(1.0)))


def test_exponential_integrals():
    special = pytest.importorskip("scipy.special")
    z = np.concatenate([[0.0, 1e-9], np.geomspace(1e-4, 100, 400)])
    for n in (2, 3, 4, 5):
        found = exponential_integral(n, jnp.asarray(z))
        np.testing.assert_allclose(found, special.expn(n, z), rtol=1e-12)
        slope = jax.vmap(jax.grad(lambda x, n=n: exponential_integral(n, x)))(jnp.asarray(z[1:]))
        np.testing.assert_allclose(slope, -special.expn(n - 1, z[1:]), rtol=1e-7)
    # without its polynomial, E_3 is z^2/2 (psi(3) - log z) - ...: compare where both are accurate
    z = np.linspace(0.5, 2, 20)
    cubic = 1 / 4 - z / 3 + z**2 / 4 - z**3 / 6
    found = exponential_integral_remainder(5, jnp.asarray(z))
    np.testing.assert_allclose(found, special.expn(5, z) - cubic, rtol=1e-11)
