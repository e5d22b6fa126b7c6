"""Heat along films and wires against closed forms, plain quadrature and finite differences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from channels import film, gray_rectangle, rectangle, rough_bands, suppression_of, wire

from jaxneq import materials, simulate, steady
from jaxneq._core import SolveError
from jaxneq.phonon import (
    BallisticLimit,
    ClosedForm,
    DiffusiveLimit,
    DiscreteOrdinates,
    GrayMaterial,
    InPlaneFilm,
    Nanowire,
    RectangularWire,
)
from jaxneq.phonon import _exact as exact
from jaxneq.phonon._channels import gray_film, gray_wire
from jaxneq.phonon._rays import chord, lattice
from jaxneq.phonon._special import mean_decay, moments_of_decay

SILICON = materials.model("Si")
BANDS = materials.phonon("Si")
KNUDSEN = (0.01, 0.1, 1.0, 10.0, 100.0)
SPECULARITY = (0.0, 0.5, 0.9, 0.99)


def panels(count=40, order=16):
    """Gauss-Legendre on the dyadic panels of (0, 1): fine wherever it need be."""
    point, weight = np.polynomial.legendre.leggauss(order)
    edge = np.append(2.0 ** -np.arange(count), 0)
    width, low = edge[:-1] - edge[1:], edge[1:]
    return (
        np.ravel(low[:, None] + width[:, None] * (point + 1) / 2),
        np.ravel(width[:, None] * weight / 2),
    )


def central(function, point, step):
    """The derivative by differences of fourth order."""
    rise = 8 * (function(point + step) - function(point - step))
    return (rise - function(point + 2 * step) + function(point - 2 * step)) / (12 * step)


# Values


@pytest.mark.parametrize("knudsen", KNUDSEN)
@pytest.mark.parametrize("p", SPECULARITY)
def test_film_of_fuchs_and_sondheimer(knudsen, p):
    """1 - (3/2) (1 - p) Kn int (t^-3 - t^-5) (1 - e^(-t/Kn)) / (1 - p e^(-t/Kn)) dt, t = 1/mu."""
    mu, weight = panels()
    passed = np.exp(-1 / (knudsen * mu))
    integral = np.sum(weight * (mu - mu**3) * (1 - passed) / (1 - p * passed))
    expected = 1 - 1.5 * (1 - p) * knudsen * integral
    assert float(film(knudsen, p)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("place", exact.IN_PLANE_FILM)
def test_film_of_reference(place):
    assert float(film(*place)) == pytest.approx(exact.IN_PLANE_FILM[place], rel=1e-11)


@pytest.mark.parametrize("knudsen", KNUDSEN)
@pytest.mark.parametrize("p", SPECULARITY)
def test_wire_of_dingle(knudsen, p):
    """1 - (12/pi) Kn int cos^2 t sin^2 t cos f (1 - p) (1 - e^-a) / (1 - p e^-a): the walls' part.

    The chord is a = cos f / (Kn sin t) long; both angles on dyadic panels.
    """
    point, weight = panels(28, 12)
    theta, elevation = np.pi / 2 * point[:, None], np.pi / 2 * point[None, :]
    passed = np.exp(-np.sin(elevation) / (knudsen * np.sin(theta)))
    lost = np.sin(elevation) * (1 - p) * (1 - passed) / (1 - p * passed)
    lost = lost * np.cos(theta) ** 2 * np.sin(theta) ** 2 * weight[:, None] * weight[None, :]
    expected = 1 - 12 / np.pi * knudsen * (np.pi / 2) ** 2 * np.sum(lost)
    assert float(wire(knudsen, p)) == pytest.approx(expected, rel=2e-9)


@pytest.mark.parametrize("place", exact.ROUND_WIRE)
def test_wire_of_reference(place):
    assert float(wire(*place)) == pytest.approx(exact.ROUND_WIRE[place], rel=1e-10)


@pytest.mark.parametrize("system", [film, wire])
def test_specular_paths_are_diffuse_paths_of_several_chords(system):
    """Dingle's series: (1 - p)^2 sum n p^(n-1) F(Kn / n), F with diffuse walls."""
    p, n = 0.7, jnp.arange(1.0, 121.0)
    diffuse = jax.vmap(lambda crossings: system(2.0 / crossings, 0.0))(n)
    expected = (1 - p) ** 2 * jnp.sum(n * p ** (n - 1) * diffuse)
    np.testing.assert_allclose(system(2.0, p), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "p", "q"),
    [
        (0.3, 0.7, 0.5, 0.5),
        (1.0, 3.3, 0.9, 0.9),
        (0.01, 0.013, 0.0, 0.0),
        (0.05, 0.06, 0.9, 0.9),
        (2.0, 2.0, 0.3, 0.3),
        (0.1, 0.123, 0.99, 0.99),
        (0.2, 0.5, 0.3, 0.8),
        (0.2, 0.5, 0.9, 0.1),
        (0.02, 0.03, 1.0, 0.0),
    ],
)
def test_two_pairs_of_walls(a, b, p, q):
    """int e^-s E_x E_z ds, piece by piece between the crossings."""

    def polygon(s, spacing, specularity):
        passed = np.floor(s / spacing)
        rest = s / spacing - passed
        return specularity**passed * (1 - rest + rest * specularity)

    far = min(40.0, a * 60 / max(-2 * np.log(max(p, 1e-9)), 0.1) + 3 * a)
    far = 40.0 if p > 0.95 else far
    crossings = np.unique(np.concatenate([np.arange(0, far, a), np.arange(0, far, b)]))
    point, weight = np.polynomial.legendre.leggauss(12)
    width = np.diff(crossings)[:, None]
    s = crossings[:-1, None] + width * (point + 1) / 2
    value = width * weight / 2 * np.exp(-s) * polygon(s, a, p) * polygon(s, b, q)
    found = lattice(*map(lambda pair: tuple(map(jnp.asarray, pair)), ((a, b), (p, q))))
    assert float(found) == pytest.approx(value.sum(), rel=1e-8)


@pytest.mark.parametrize("knudsen", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("p", [0.0, 0.5, 0.9])
def test_a_high_rectangle_is_a_film(knudsen, p):
    np.testing.assert_allclose(rectangle(knudsen, p, 1e8), film(knudsen, p), rtol=1e-6)


def test_a_rectangle_has_no_first_side():
    """Turned by a right angle, and scaled."""
    gray = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=2.0)
    turned = RectangularWire(gray, width=3.0, height=1.0, specularity=0.4)
    np.testing.assert_allclose(steady(turned).suppression[0], rectangle(2.0, 0.4, 3.0), rtol=1e-12)


def test_a_square_lies_between_its_circles():
    for knudsen in (0.1, 1.0, 10.0):
        inner, outer = wire(knudsen, 0.0), wire(knudsen / np.sqrt(2), 0.0)
        assert inner < rectangle(knudsen, 0.0, 1.0) < outer


@pytest.mark.parametrize("system", [gray_film, gray_wire, gray_rectangle])
def test_mirrors_leave_the_bulk(system):
    np.testing.assert_allclose(steady(system(3.0, 1.0)).suppression, 1, rtol=1e-12)


# Limits


def test_diffusive_limit():
    """Exact for a film; third order left out in a round wire, second in a rectangle."""
    kn, p = 0.02, 0.3
    method = DiffusiveLimit()
    limit = float(suppression_of(gray_film, method)(kn, p))
    assert limit == pytest.approx(1 - 3 / 8 * (1 - p) * kn, rel=1e-12)
    np.testing.assert_allclose(film(kn, p), limit, rtol=1e-12)
    limit = float(suppression_of(gray_wire, method)(kn, p))
    assert limit == pytest.approx(1 - 3 / 4 * (1 - p) * kn, rel=1e-12)
    assert 0 < float(wire(kn, p)) - limit < kn**3
    limit = float(suppression_of(gray_rectangle, method)(kn, p, 2.0))
    assert limit == pytest.approx(1 - 3 / 8 * (1 - p) * kn * 1.5, rel=1e-12)
    assert 0 < float(rectangle(kn, p, 2.0)) - limit < kn**2


def test_diffusive_limit_with_angles():
    """By Soffer's law too: the loss at a wall does not know the shape."""
    bands = rough_bands(knudsen=(0.01, 0.02))
    for system in (InPlaneFilm(bands, 1.0, roughness=0.4), Nanowire(bands, 1.0, roughness=0.4)):
        limit = steady(system, DiffusiveLimit())
        np.testing.assert_allclose(steady(system).suppression, limit.suppression, rtol=1e-5)


@pytest.mark.parametrize("p", [0.0, 0.5, 0.9])
def test_ballistic_limit(p):
    kn = 1e5
    small = 3 * np.log(kn) / kn * (1 + p) / (1 - p)
    for system, more in ((gray_film, ()), (gray_wire, ()), (gray_rectangle, (2.0,))):
        limit = suppression_of(system, BallisticLimit())(kn, p, *more)
        full = suppression_of(system, ClosedForm(angles=160))(kn, p, *more)
        np.testing.assert_allclose(full, limit, rtol=small)


def test_ballistic_limit_in_numbers():
    wire = suppression_of(gray_wire, BallisticLimit())
    assert float(wire(10.0, 0.5)) == pytest.approx(3 / 10)
    film = suppression_of(gray_film, BallisticLimit())
    plain = 3 / 400 * (np.log(100) + 1 - np.euler_gamma)
    assert float(film(100.0, 0.0)) == pytest.approx(plain, rel=1e-12)
    # with p, the mean of ln n over n^2 p^(n-1) is taken off the logarithm
    p, n = 0.6, np.arange(1, 400)
    weight = n**2 * p ** (n - 1.0)
    mean = np.sum(weight * np.log(n)) / weight.sum()
    specular = 3 / 400 * 4 * (np.log(100) + 1 - np.euler_gamma - mean)
    assert float(film(100.0, p)) == pytest.approx(specular, rel=1e-10)
    # Casimir's length of a square, in closed form
    square = suppression_of(gray_rectangle, BallisticLimit())
    length = 1.5 * np.log(1 + np.sqrt(2)) - (np.sqrt(2) - 1) / 2
    assert float(square(10.0, 0.0, 1.0)) == pytest.approx(length / 10, rel=1e-6)


def test_limits_fail_outside_their_domain():
    with pytest.raises(SolveError, match="does not hold"):
        steady(gray_film(0.1), BallisticLimit())
    with pytest.raises(SolveError, match="does not hold"):
        steady(gray_wire(10.0), DiffusiveLimit())
    with pytest.raises(ValueError, match="no ballistic limit"):
        steady(Nanowire("Si", 1e-7, roughness=1e-10), BallisticLimit())


# Roughness


def test_smooth_and_very_rough_walls():
    for law in ("Ziman", "Soffer"):
        smooth = steady(Nanowire("Si", 1e-7, roughness=0.0, roughness_law=law))
        np.testing.assert_allclose(smooth.conductivity, smooth.bulk_conductivity, rtol=1e-12)
    rough = steady(Nanowire("Si", 1e-7, roughness=1e-7, roughness_law="Ziman"))
    diffuse = steady(Nanowire("Si", 1e-7))
    np.testing.assert_allclose(rough.conductivity, diffuse.conductivity, rtol=1e-12)
    # grazing phonons stay specular by Soffer's law, the fewer the rougher the wall
    rougher = [
        float(steady(Nanowire("Si", 1e-7, roughness=eta)).conductivity) for eta in (1e-9, 1e-8)
    ]
    assert diffuse.conductivity < rougher[1] < rougher[0]
    assert rougher[1] == pytest.approx(float(diffuse.conductivity), rel=1e-2)


@pytest.mark.parametrize("law", ["Ziman", "Soffer"])
def test_rough_film_mode_by_mode(law):
    """p = exp(-(4 pi eta cos(theta) / lambda)^2) in the film's formula; Ziman's has cos = 1."""
    eta = 0.6
    found = steady(InPlaneFilm(rough_bands(), 1.0, roughness=eta, roughness_law=law)).suppression
    mu, weight = panels()
    for path, k, suppressed in zip((0.5, 5.0), (0.3, 2.0), found, strict=True):
        wavelength = 2 * np.pi / k
        p = np.exp(-16 * np.pi**2 * eta**2 / wavelength**2 * (mu**2 if law == "Soffer" else 1))
        passed = np.exp(-1 / (path * mu))
        lost = weight * (mu - mu**3) * (1 - p) * (1 - passed) / (1 - p * passed)
        assert float(suppressed) == pytest.approx(1 - 1.5 * path * lost.sum(), rel=1e-9)


# Laws


@pytest.mark.parametrize(
    "system",
    [gray_film(1.0, 0.5), gray_wire(100.0, 0.9), Nanowire("Si", 1e-7), InPlaneFilm("Si", 1e-8)],
)
def test_first_and_second_law(system):
    found = steady(system)
    product = sum(found.fluxes[name] * found.forces[name] for name in found.fluxes)
    inside, outside = found.entropy_production_bulk, found.entropy_production_walls
    assert inside > 0 and outside > 0
    np.testing.assert_allclose(inside + outside, product, rtol=1e-10)
    np.testing.assert_allclose(found.entropy_production, product, rtol=1e-12)
    assert found.conservation_residual < 1e-10
    np.testing.assert_allclose(found.conductivity_by_band.sum(), found.conductivity, rtol=1e-12)
    np.testing.assert_allclose(found.accumulation[-1], 1, rtol=1e-12)


def test_a_rectangle_produces_flux_times_force():
    found = steady(gray_rectangle(1.0, 0.5))
    np.testing.assert_allclose(found.entropy_production, found.heat_flux * found.force)
    assert found.entropy_production_walls is None


def test_the_walls_take_over_from_the_bulk():
    share = [
        float(found.entropy_production_walls / found.entropy_production)
        for found in (steady(gray_wire(kn)) for kn in (0.01, 100.0))
    ]
    assert share[0] < 0.01 and share[1] > 0.9


def test_answers_are_linear_in_the_gradient():
    one = steady(Nanowire("Si", 1e-7))
    ten = steady(Nanowire("Si", 1e-7, temperature_gradient=10.0))
    np.testing.assert_allclose(ten.heat_flux, 10 * one.heat_flux, rtol=1e-12)
    np.testing.assert_allclose(ten.conductivity, one.conductivity, rtol=1e-12)
    np.testing.assert_allclose(ten.entropy_production, 100 * one.entropy_production, rtol=1e-12)


def test_regimes():
    assert [steady(gray_wire(kn)).regime for kn in (0.01, 1.0, 100.0)] == [
        "diffusive",
        "quasiballistic",
        "ballistic",
    ]


# Derivatives

CONDUCTIVITIES = {
    "film": (
        lambda p, size, temperature: InPlaneFilm(
            SILICON, size, specularity=p, temperature=temperature
        ),
        (0.4, 1e-7, 300.0),
    ),
    "wire": (
        lambda eta, size, temperature: Nanowire(
            SILICON, size, roughness=eta, temperature=temperature
        ),
        (3e-10, 1e-7, 300.0),
    ),
    "rectangle": (
        lambda p, width, height: RectangularWire(SILICON, width, height, specularity=p),
        (0.4, 1e-7, 1.5e-7),
    ),
}


@pytest.mark.parametrize("case", CONDUCTIVITIES)
def test_gradients(case):
    system, point = CONDUCTIVITIES[case]
    value = jax.jit(lambda *at: steady(system(*at)).conductivity)
    gradient = jax.jit(jax.grad(lambda *at: steady(system(*at)).conductivity, (0, 1, 2)))(*point)
    for index, found in enumerate(gradient):
        here = lambda x, index=index: value(*point[:index], x, *point[index + 1 :])  # noqa: E731
        difference = central(here, point[index], 1e-3 * point[index])
        np.testing.assert_allclose(found, difference, rtol=1e-6)


def test_gradient_at_the_ends_of_specularity():
    """At p = 1 the first order of the loss, (3/16) Lambda P / A; at p = 0 one-sided differences."""
    weights, step = np.array([-25, 48, -36, 16, -3]) / 12, 1e-3
    for value, more, wall in ((wire, (), 4), (rectangle, (1.5,), 2 + 2 / 1.5)):
        gradient = jax.jit(jax.grad(lambda p, value=value, more=more: value(2.0, p, *more)))
        np.testing.assert_allclose(gradient(1.0), 3 / 16 * 2.0 * wall, rtol=1e-9)
        ends = np.array([value(2.0, n * step, *more) for n in range(5)])
        np.testing.assert_allclose(gradient(0.0), weights @ ends / step, rtol=1e-6)


@pytest.mark.parametrize("system", [InPlaneFilm, Nanowire])
def test_gradient_with_respect_to_every_relaxation_time(system):

    def value(log_time):
        own = eqx.tree_at(lambda b: b.relaxation_time, BANDS, jnp.exp(log_time))
        return steady(system(own, 1e-7, roughness=2e-10)).conductivity

    point = jnp.log(BANDS.relaxation_time)
    found = jax.jit(jax.grad(value))(point)
    batch = jax.jit(jax.vmap(value))
    ends = [batch(point[None] + n * 2e-3 * jnp.eye(point.size)) for n in (-2, -1, 1, 2)]
    differences = (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * 2e-3)
    np.testing.assert_allclose(found, differences, rtol=1e-6, atol=1e-9 * np.abs(found).max())


def test_hessian_vector_product():
    gradient = jax.jit(jax.grad(lambda at: wire(at[0], at[1])))
    point, direction = jnp.asarray([2.0, 0.4]), jnp.asarray([0.3, 0.2])
    differences = central(lambda t: gradient(point + t * direction), 0.0, 1e-3)
    forward = jax.jvp(gradient, (point,), (direction,))[1]
    reverse = jax.grad(lambda at: jnp.vdot(gradient(at), direction))(point)
    np.testing.assert_allclose(forward, differences, rtol=1e-7)
    np.testing.assert_allclose(reverse, differences, rtol=1e-7)


# The functions beneath


def test_the_entropy_of_a_chord_balances():
    reach = jnp.asarray(np.geomspace(1e-6, 1e3, 40))
    for p in (0.0, 0.5, 0.99):
        found = chord(reach, jnp.full(reach.shape, p))
        np.testing.assert_allclose(found.mean, found.bulk + found.walls, rtol=1e-9)
    # a thin chord with diffuse walls: psi rises from 0 to a
    thin = chord(jnp.asarray(1e-5), jnp.asarray(0.0))
    np.testing.assert_allclose(thin.mean, 0.5e-5, rtol=1e-5)


def test_moments_of_a_decay():
    point, weight = panels(12, 20)
    z = np.concatenate([[0.0], np.geomspace(1e-4, 60, 50)])
    found = moments_of_decay(4, jnp.asarray(z))
    for n, moment in enumerate(found):
        expected = np.exp(-z[:, None] * point) * point**n @ weight
        np.testing.assert_allclose(moment, expected, rtol=1e-11, atol=1e-14)
    slope = jax.vmap(jax.grad(lambda x: moments_of_decay(3, x)[1]))(jnp.asarray(z))
    np.testing.assert_allclose(slope, -found[2], rtol=1e-12)
    for z in (-0.5, 0.0, 2.0):
        expected = float(np.expm1(-z) / -z) if z else 1.0
        np.testing.assert_allclose(mean_decay(jnp.asarray(z)), expected, rtol=1e-15)


# Transformations, precision, misuse


def test_batches_agree_with_single_solves():
    knudsen = jnp.geomspace(1e-2, 1e2, 6)
    for single in (film, wire, rectangle):
        batch = jax.vmap(lambda kn, single=single: single(kn, 0.5))(knudsen)
        np.testing.assert_allclose(batch, [single(kn, 0.5) for kn in knudsen], rtol=1e-12)


@pytest.mark.parametrize("method", [ClosedForm(), BallisticLimit()])
def test_float32(method):
    for double in (Nanowire(BANDS, 1e-7, specularity=0.5), RectangularWire(BANDS, 1e-7, 2e-7)):
        single = jax.tree.map(
            lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, double
        )
        found = steady(single, method)
        assert found.conductivity.dtype == jnp.float32
        np.testing.assert_allclose(
            found.conductivity, steady(double, method).conductivity, rtol=2e-5
        )


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"diameter": -1e-8}, "diameter = -1e-08"),
        ({"diameter": 1e-8, "specularity": 1.5}, r"Give a number in \[0, 1\]"),
        ({"diameter": 1e-8, "roughness": -1e-10}, "roughness = -1e-10"),
        ({"diameter": 1e-8, "roughness_law": "Fresnel"}, "one of 'Ziman', 'Soffer'"),
        ({"diameter": 1e-8, "temperature": 5.0}, r"outside \[50, 1000\] K"),
        ({"diameter": 1e-8, "temperature_gradient": 0.0}, "temperature_gradient = 0"),
        ({"diameter": 1e-8, "specularity": 0.5, "roughness": 1e-10}, "Give one of them"),
        (
            {"diameter": 1e-8, "roughness": 1e-10, "material": "Si-gray"},
            "GrayMaterial has none. Give a material with wavevectors",
        ),
    ],
)
def test_misuse_is_refused_before_compute(arguments, named):
    with pytest.raises(ValueError, match=named):
        Nanowire(**{"material": SILICON, **arguments})


def test_a_traced_temperature_without_data_is_a_failure():
    batch = jax.vmap(lambda t: steady(Nanowire(SILICON, 1e-7, temperature=t)))
    assert list(batch(jnp.array([10.0, 300.0])).status.ok) == [False, True]


@pytest.mark.slow
def test_single_precision_at_its_ends():
    """Paths of metres and of angstroms in one film; mirrors; sampled numbers never round to 1."""

    def single(channel):
        return jax.tree.map(
            lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, channel
        )

    def value(temperature):
        film = InPlaneFilm("Si", thickness=1e-7, roughness=3e-10)
        film = eqx.tree_at(lambda f: f.temperature, single(film), temperature)
        return steady(film, throw=False).conductivity

    slope = jax.grad(value)(jnp.float32(300.0))
    film = InPlaneFilm("Si", thickness=1e-7, roughness=3e-10)
    double = jax.grad(lambda t: steady(eqx.tree_at(lambda f: f.temperature, film, t)).conductivity)(
        jnp.asarray(300.0)
    )
    np.testing.assert_allclose(slope, double, rtol=1e-3)
    mirror = single(Nanowire("Si", diameter=1e-9, specularity=1.0))
    swept = steady(mirror, DiscreteOrdinates(cells=8, angles=24))
    np.testing.assert_allclose(swept.conductivity, swept.bulk_conductivity, rtol=1e-3)
    wire = single(Nanowire("Si", diameter=50e-9, specularity=0.5))
    sampled = simulate(wire, key=jax.random.key(0))
    exact = steady(Nanowire("Si", diameter=50e-9, specularity=0.5)).conductivity
    assert abs(float(sampled.conductivity.z_score(exact.astype(jnp.float32)))) <= 5
