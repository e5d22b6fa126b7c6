"""Normal collisions in the bulk and along films: closed forms, collocation, finite differences."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import config, materials, report, steady, store
from jaxneq.materials import DriftingBands
from jaxneq.phonon import CallawayFilm, ClosedForm, InPlaneFilm, PhononBands
from jaxneq.phonon._callaway_film import _drift, _Flow, _solution, callaway_film
from jaxneq.phonon._callaway_flow import even_basis, nodes_of, overlaps
from jaxneq.phonon._ordinates import graded_mesh

CONFIGS = Path(__file__).parents[1] / "configs"


def two_bands(share=(0.02, 0.3), knudsen=(0.3, 2.0)):
    """Bands that differ in everything: heat, velocity, free path, slowness, normal share."""
    speed = jnp.array([2.0, 0.7])
    return PhononBands(
        branch=("fast", "slow"),
        angular_frequency=jnp.array([1.0, 2.0]),
        group_velocity=speed,
        relaxation_time=jnp.asarray(knudsen) / speed,
        spectral_heat_capacity=jnp.array([1.0, 3.0]),
        weight=jnp.array([1.0, 0.5]),
        temperature=jnp.asarray(300.0),
        wavevector=jnp.array([0.6, 3.5]),
        resistive_share=jnp.asarray(share),
    )


def film_of(bands, specularity=0.0, thickness=1.0):
    return InPlaneFilm(bands, thickness=thickness, specularity=specularity)


@jax.jit
def gray(knudsen, share, specularity=0.0):
    found = steady(callaway_film(knudsen, share, specularity), CallawayFilm())
    return found.conductivity, found.conductivity_error, found.bulk_conductivity


# The bulk


@pytest.mark.parametrize("share", [1e-3, 0.3, 1.0])
def test_a_gray_medium_conducts_by_its_resistive_collisions(share):
    """C v Lambda_R / 3, whatever is normal; one relaxation time gives `share` of it."""
    material = materials.GrayMaterial(2.0, 3.0, 0.5 * share, resistive_share=share)
    medium = DriftingBands.of(material.bands(1.0))
    np.testing.assert_allclose(medium.conductivity_by_band.sum(), 2.0 * 3.0 * 0.5 / 3, rtol=1e-12)
    np.testing.assert_allclose(material.bulk_conductivity(1.0), share * 1.0, rtol=1e-12)


def test_bulk_of_two_bands_is_that_of_the_matrix_of_collisions():
    """(r - P) g = v mu, with the projection P of normal collisions on the drift, on 8 cosines."""
    bands = two_bands()
    mu, weight = np.polynomial.legendre.leggauss(8)
    heat, speed = np.asarray(bands.heat_capacity), np.asarray(bands.group_velocity)
    rate, share = 1 / np.asarray(bands.relaxation_time), np.asarray(bands.resistive_share)
    slowness = np.asarray(bands.wavevector / bands.angular_frequency)
    mass = np.outer(heat, weight / 2).ravel()
    momentum = np.outer(slowness, mu).ravel()
    normal = np.repeat((1 - share) * rate, mu.size)
    kept = np.outer(momentum, mass * normal * momentum) / np.sum(mass * normal * momentum**2)
    collisions = np.diag(np.repeat(rate, mu.size)) - normal[:, None] * kept
    flow = np.outer(speed, mu).ravel()
    expected = np.sum(mass * flow * np.linalg.solve(collisions, flow))
    medium = DriftingBands.of(bands)
    np.testing.assert_allclose(medium.conductivity_by_band.sum(), expected, rtol=1e-11)
    alone = bands.conductivity_by_band.sum()
    np.testing.assert_allclose(
        medium.drift_conductivity_by_band.sum(), expected - alone, rtol=1e-10
    )


def test_what_silicon_calls_normal():
    """Transverse waves in the inner half: only impurities, A w^4 beside B w T^4, resist."""
    bands = materials.model("Si", normal_share=0.0).bands(300.0)
    frequency, share = np.asarray(bands.angular_frequency), np.asarray(bands.resistive_share)
    inner = np.asarray(bands.of_branch("TA")) * np.asarray(bands.wavevector) < 0.5 * 1.157e10
    inner &= np.asarray(bands.of_branch("TA")) > 0
    impurity, normal = 1.498e-45 * frequency**4, 8.708e-13 * frequency * 300.0**4
    np.testing.assert_allclose(share[inner], (impurity / (impurity + normal))[inner], rtol=1e-9)
    assert np.all(share[~inner] == 1)


def test_the_share_of_what_is_called_normal_and_umklapp():
    """Longitudinal waves: A w^4 + (1 - s) B w^2 T^3 of A w^4 + B w^2 T^3."""
    bands = materials.model("Si", normal_share=0.25).bands(300.0)
    along = np.asarray(bands.of_branch("LA")) > 0
    frequency = np.asarray(bands.angular_frequency)[along]
    impurity, phonons = 1.498e-45 * frequency**4, 1.18e-24 * frequency**2 * 300.0**3
    expected = (impurity + 0.75 * phonons) / (impurity + phonons)
    np.testing.assert_allclose(np.asarray(bands.resistive_share)[along], expected, rtol=1e-9)


def test_bulk_of_silicon_hangs_on_what_the_set_does_not_say():
    """Fitted as if all rates resisted: normal ones give back a quarter of the whole, or tenfold."""
    given_back = []
    for share in (0.5, 0.0):
        bands = materials.model("Si", normal_share=share).bands(300.0)
        rate = (1 - bands.resistive_share) / bands.relaxation_time
        slowness = bands.wavevector / bands.angular_frequency
        lost = np.sum(bands.heat_capacity * rate * bands.resistive_share * slowness**2)
        pushed = np.sum(bands.heat_capacity * rate * bands.mean_free_path * slowness)
        given_back.append(DriftingBands.of(bands).drift_conductivity_by_band.sum())
        np.testing.assert_allclose(given_back[-1], pushed**2 / lost / 3, rtol=1e-12)
    np.testing.assert_allclose(given_back, [41.354, 1444.8], rtol=1e-4)  # W/m/K, beside 145.86


# Films


def collocation(bands, specularity, order=64, angles=40):
    """Every ray at Chebyshev points across the film, and with them the drift: no parts in common.

    Returns the conductivity and the drift in the middle.
    """
    theta = np.pi * np.arange(order + 1) / order
    x = (1 - np.cos(theta)) / 2
    ends = np.where((np.arange(order + 1) % order) == 0, 2.0, 1.0) * (-1.0) ** np.arange(order + 1)
    gap = x[:, None] - x[None, :] + np.eye(order + 1)
    derivative = ends[:, None] / ends[None, :] / gap * (1 - np.eye(order + 1))
    derivative -= np.diag(derivative.sum(axis=1))
    degree = np.arange(order + 1)
    moments = np.where(degree % 2 == 0, 1 / (1.0 - np.where(degree % 2, 2, degree) ** 2), 0)
    quadrature = np.linalg.solve(np.cos(np.outer(degree, theta)), moments)

    point, weight = np.polynomial.legendre.leggauss(angles)
    point, weight = (point + 1) / 2, weight / 2
    cosine, weight = point**4, weight * 4 * point**3
    heat, speed = np.asarray(bands.heat_capacity), np.asarray(bands.group_velocity)
    path, share = np.asarray(bands.mean_free_path), np.asarray(bands.resistive_share)
    slowness = np.asarray(bands.wavevector / bands.angular_frequency)
    mirrored = np.eye(order + 1)[::-1]
    kernels = []
    for length in path:
        kernel = np.zeros((order + 1, order + 1))
        for mu, w in zip(cosine, weight, strict=True):
            matrix = length * mu * derivative + np.eye(order + 1)
            emitted = np.eye(order + 1)
            matrix[0], emitted[0] = 0, 0  # in the place of the equation there, the wall
            matrix[0, 0], matrix[0, -1] = 1, -specularity  # the film is symmetric
            ray = np.linalg.solve(matrix, emitted)
            kernel += 1.5 * w * (1 - mu**2) * (ray + mirrored @ ray @ mirrored) / 2
        kernels.append(kernel)
    inertia = heat * (1 - share) * slowness**2 * speed / path
    drive = heat * speed * (1 - share) * slowness
    one = np.ones(order + 1)
    matrix = sum(
        a * (np.eye(order + 1) - (1 - s) * k)
        for a, s, k in zip(inertia, share, kernels, strict=True)
    )
    drift = np.linalg.solve(matrix, sum(f * k @ one for f, k in zip(drive, kernels, strict=True)))
    flux = sum(
        c * v / 3 * k @ (length + (1 - s) * m * drift)
        for c, v, length, s, m, k in zip(heat, speed, path, share, slowness, kernels, strict=True)
    )
    return quadrature @ flux, drift[order // 2]


@pytest.mark.parametrize("specularity", [0.0, 0.6])
def test_film_of_two_bands_by_collocation(specularity):
    bands = two_bands()
    conductivity, middle = collocation(bands, specularity)
    found = steady(film_of(bands, specularity), CallawayFilm())
    np.testing.assert_allclose(found.conductivity, conductivity, rtol=1e-7)
    np.testing.assert_allclose(found.drift_velocity[8] * 300.0, middle, rtol=1e-4)
    assert found.conductivity > 1.2 * found.conductivity_without_drift  # the drift counts


def test_without_drift_it_is_fuchs_and_sondheimer():
    """With rough walls: the part that knows nothing of normal collisions."""
    system = InPlaneFilm(two_bands(), thickness=1.0, roughness=0.3)
    alone = steady(system, CallawayFilm()).conductivity_without_drift
    np.testing.assert_allclose(alone, steady(system, ClosedForm()).conductivity, rtol=1e-11)


def test_mirrors_leave_the_bulk():
    bands = two_bands()
    found = steady(film_of(bands, 1.0), CallawayFilm())
    np.testing.assert_allclose(found.conductivity, found.bulk_conductivity, rtol=1e-10)
    bulk = DriftingBands.of(bands).conductivity_by_band
    by_path = np.argsort(np.asarray(bands.mean_free_path))
    np.testing.assert_allclose(found.conductivity_by_band, bulk[by_path], rtol=1e-10)


def test_poiseuille_flow():
    """kappa = 5/36 C v d^2 / Lambda (1 + 6 s Kn + ...): slope and curvature in Kn extrapolated."""
    knudsen = np.array([1e-4, 2e-4, 4e-4])
    scaled = [float(gray(kn, 1e-13)[0] * kn) for kn in knudsen]
    limit = np.polyfit(knudsen, scaled, 2)[-1]
    np.testing.assert_allclose(limit, 5 / 36, rtol=2e-5)


def test_viscous_flow_held_by_resistive_collisions():
    """Guyer and Krumhansl: 1 - tanh(z) / z with z = d / 2 (5 / Lambda_N Lambda_R)^(1/2)."""
    for share in (1e-7, 1e-6, 1e-4):
        z = np.sqrt(5 * share / (1 - share)) / 2 / 1e-4
        found = steady(callaway_film(1e-4, share), CallawayFilm())
        viscous = (1e-4 / share / 3) * (1 - share) * (1 - np.tanh(z) / z)
        np.testing.assert_allclose(found.conductivity_of_viscous_flow, viscous, rtol=1e-6)
        # what slips along the walls adds one of some 6 free paths over the thickness
        assert 0 < found.conductivity / viscous - 1 < 0.02


def test_profile_of_poiseuille_flow_is_a_parabola():
    found = steady(callaway_film(1e-3, 1e-12), CallawayFilm())
    x, flux = np.asarray(found.position), np.asarray(found.heat_flux_profile)
    middle = np.abs(x - 0.5) < 0.4  # but for the free paths next to the walls
    shape = np.polyfit(x[middle] - 0.5, flux[middle], 2)
    np.testing.assert_allclose(shape[0], -5 / 6 * 1e3, rtol=1e-4)  # C v / Lambda (5/6) x (d - x)
    left = flux[middle] - np.polyval(shape, x[middle] - 0.5)
    assert np.max(np.abs(left)) < 1e-4 * flux.max()


def test_knudsen_minimum():
    """kappa / d falls from the ballistic side and rises again where phonons flow."""
    rate = jax.jit(
        jax.value_and_grad(
            lambda d: (
                steady(
                    dataclasses.replace(callaway_film(1.0, 1e-6), thickness=d), CallawayFilm()
                ).conductivity_over_thickness
            )
        )
    )
    slopes = [float(rate(d)[1]) for d in (0.1, 0.5, 2.0, 10.0)]
    assert slopes[0] < slopes[1] < 0 < slopes[2] < slopes[3]
    # in the film of one relaxation time it only falls
    alone = [float(gray(1 / d, 1 - 1e-12)[0]) / d for d in (0.7, 2.0, 10.0)]
    assert alone[0] > alone[1] > alone[2]


@pytest.mark.parametrize("knudsen", [1e-3, 0.1, 10.0])
def test_the_conductivity_grows_with_the_cells_as_estimated(knudsen):
    system = callaway_film(knudsen, 1e-5)
    coarse, fine = (steady(system, CallawayFilm(cells=n)) for n in (4, 8))
    missing = float(fine.conductivity - coarse.conductivity)
    assert 0.02 * float(coarse.conductivity_error) < missing < float(coarse.conductivity_error)
    np.testing.assert_allclose(fine.conductivity_error, missing, rtol=1e-5)


def test_first_law_and_entropy():
    found = steady(film_of(two_bands(), 0.3), CallawayFilm())
    parts = [getattr(found, f"entropy_production_{n}") for n in ("resistive", "normal", "walls")]
    assert all(part > 0.05 * found.entropy_production for part in parts)
    product = found.heat_flux * found.force
    np.testing.assert_allclose(sum(parts), product, rtol=1e-11)
    np.testing.assert_allclose(found.conductivity_by_band.sum(), found.conductivity, rtol=1e-11)
    assert found.conservation_residual < 1e-11
    # the profile is linear between its points, so that its mean is only roughly the whole
    x, flux = found.position, found.heat_flux_profile
    np.testing.assert_allclose(np.trapezoid(flux, x), found.heat_flux, rtol=5e-3)
    assert found.regime == "quasiballistic"


def test_a_wrong_drift_breaks_the_balance():
    system, face = film_of(two_bands()), graded_mesh(8)
    node, one = nodes_of(face), jnp.ones(())
    basis = jnp.asarray(even_basis(face, node))
    coarse = jnp.asarray(even_basis(face[::2], node[: face.size]))

    @jax.jit
    def off(factor):
        width = jnp.diff(jnp.asarray(face))
        flow = _Flow(system.problem(16), DriftingBands.of(system.bands()), width)
        drift, _ = _drift(flow, basis, coarse)
        found = _solution(system, flow, one, factor * drift, one, jnp.asarray(face))
        return found.entropy_production / (found.conductivity_by_band.sum() * found.force) - 1

    assert abs(off(jnp.asarray(1.0))) < 1e-12 and abs(off(jnp.asarray(1.1))) > 1e-3


def test_the_basis_holds_even_parabolas():
    face = graded_mesh(6)
    node = nodes_of(face)
    basis, width = even_basis(face, node), jnp.diff(jnp.asarray(face))
    np.testing.assert_allclose(basis.sum(axis=0), 1, rtol=1e-15)
    parabola = (node * (1 - node))[: face.size] @ basis
    np.testing.assert_allclose(parabola, node * (1 - node), rtol=1e-14)
    found = overlaps(width, jnp.stack([jnp.ones(node.size), jnp.asarray(parabola)]))
    np.testing.assert_allclose(found, [[1, 1 / 6], [1 / 6, 1 / 30]], rtol=1e-13)


# Derivatives


def test_gradient_of_everything_gray():
    arguments = (0.4, 0.05, 0.3)
    found = jax.jit(jax.grad(lambda *a: gray(*a)[0], (0, 1, 2)))(*map(jnp.asarray, arguments))
    for index, value in enumerate(arguments):

        def along(x, index=index):
            return gray(*(jnp.asarray(x if i == index else a) for i, a in enumerate(arguments)))[0]

        np.testing.assert_allclose(found[index], slope(along, value), rtol=1e-8)


def test_gradient_by_every_band():
    bands = two_bands()

    @jax.jit
    def conductivity(time, share, thickness):
        changed = dataclasses.replace(bands, relaxation_time=time, resistive_share=share)
        return steady(film_of(changed, 0.2, thickness), CallawayFilm(cells=4)).conductivity

    start = (bands.relaxation_time, bands.resistive_share, jnp.asarray(1.0))
    found = jax.grad(conductivity, (0, 1, 2))(*start)
    for index, band in ((0, 0), (0, 1), (1, 0), (1, 1), (2, ())):

        def along(x, index=index, band=band):
            return conductivity(
                *(a.at[band].set(x) if i == index else a for i, a in enumerate(start))
            )

        expected = slope(along, float(start[index][band]), 1e-3)
        np.testing.assert_allclose(found[index][band], expected, rtol=1e-7)


def test_other_answers_have_derivatives_too():
    """Those that are not stationary in the drift, through the solve."""

    def middle(share):
        return steady(callaway_film(0.4, share), CallawayFilm(cells=4)).drift_velocity[4]

    middle = jax.jit(middle)
    found = jax.grad(middle)(jnp.asarray(0.05))
    np.testing.assert_allclose(found, slope(lambda x: middle(jnp.asarray(x)), 0.05), rtol=1e-8)


# Use


def test_single_precision():
    double = callaway_film(0.1, 0.01)
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), double)
    found = steady(single, CallawayFilm())
    assert found.conductivity.dtype == jnp.float32
    np.testing.assert_allclose(
        found.conductivity, steady(double, CallawayFilm()).conductivity, 1e-4
    )


def test_a_batch():
    knudsen = jnp.array([0.1, 1.0])
    batch = jax.vmap(lambda kn: gray(kn, jnp.asarray(0.1))[0])(knudsen)
    np.testing.assert_allclose(batch, [gray(kn, jnp.asarray(0.1))[0] for kn in knudsen], rtol=1e-12)


def test_what_nothing_is_known_of_is_refused():
    with pytest.raises(ValueError, match="does not say which collisions are normal"):
        steady(InPlaneFilm("Si", thickness=1e-7), CallawayFilm())


def test_no_normal_collisions():
    found = steady(film_of(two_bands((1.0, 1.0)), 0.3), CallawayFilm())
    right = steady(film_of(two_bands(), 0.3), ClosedForm())
    np.testing.assert_allclose(found.conductivity, right.conductivity, rtol=1e-11)
    assert found.entropy_production_normal == 0 == found.conductivity_of_viscous_flow
    assert np.all(found.drift_velocity == 0) and found.conservation_residual < 1e-12


def test_what_a_share_may_be():
    with pytest.raises(ValueError, match="resistive_share = 0 is not allowed"):
        callaway_film(1.0, 0.0)
    with pytest.raises(ValueError, match="normal_share = 2 is not allowed"):
        materials.model("Si", normal_share=2.0)


def test_job_of_poiseuille_flow(tmp_path):
    coarse = (
        "method.cells=4",
        "method.angles=16",
        'sweep={"system.thickness" = { geometric = [1e-7, 1e-3], count = 5 }}',
    )
    result = config.execute(config.load(CONFIGS / "poiseuille.toml", coarse))
    store.write_result(tmp_path / "result.h5", result)
    found = store.read_result(tmp_path / "result.h5").quantities
    first, least, second = found["conductivity_over_thickness"].values[:3]
    assert least < 0.9 * first and least < 0.5 * second  # at a free path, and before and after it
    conductivity, alone, fluid = (
        found["conductivity" + end].values for end in ("", "_without_drift", "_of_viscous_flow")
    )
    assert np.all(conductivity > alone) and conductivity[-1] > 300 * alone[-1]
    np.testing.assert_allclose(conductivity[2:] / fluid[2:], 1, atol=0.8)
    np.testing.assert_allclose(conductivity[-1] / fluid[-1], 1, atol=0.1)
    above, below = report.figure(result).axes[:2]
    assert above.get_ylabel().startswith("Conductivity")
    assert below.get_ylabel().startswith("Conductivity over thickness")
