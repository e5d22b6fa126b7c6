"""Walls that reflect, heated films and layers: closed forms, symmetries, laws and gradients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import materials, steady
from jaxneq.phonon import (
    AcousticMismatch,
    BallisticLimit,
    BlackWall,
    CrossPlaneFilm,
    DiffuseMismatch,
    DiffuseWall,
    DiffusiveLimit,
    DiscreteOrdinates,
    GivenTransmission,
    GrayMaterial,
    HeatedFilm,
    IntegralEquation,
    LayeredFilm,
    SpecularWall,
)
from jaxneq.phonon import _exact as exact
from jaxneq.phonon._ordinates import coupling, ordinates, transport

SMALL = DiscreteOrdinates(cells=12, angles=6)
BANDS = materials.phonon("Si")


def gray(tau, **parameters):
    material = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1 / tau)
    return CrossPlaneFilm(material=material, thickness=1.0, temperature=1.0, **parameters)


def relative_flux(film, method=None):
    solution = steady(film, method)
    return float(solution.conductivity / solution.ballistic_conductivity)


def slower(bands, factor):
    """A spectral material of the same frequencies with smaller velocities (and shorter waves)."""
    return materials.PhononBands(
        branch=bands.branch,
        angular_frequency=bands.angular_frequency,
        group_velocity=factor * bands.group_velocity,
        relaxation_time=bands.relaxation_time,
        spectral_heat_capacity=bands.spectral_heat_capacity / factor**3,
        weight=bands.weight,
        temperature=bands.temperature,
        wavevector=bands.wavevector / factor,
    )


SLOWER = slower(BANDS, 0.6)


@pytest.mark.parametrize("tau", exact.GRAY_FLUX)
def test_gray_walls_are_resistances_in_series(tau):
    """Diffuse reflection keeps a wall isotropic: 1/Q = 1/Q_black + sum (1/emissivity - 1)."""
    walls = {"hot_wall": DiffuseWall(emissivity=0.3), "cold_wall": DiffuseWall(emissivity=0.6)}
    expected = 1 / (1 / exact.GRAY_FLUX[tau] + 1 / 0.3 - 1 + 1 / 0.6 - 1)
    assert relative_flux(gray(tau, **walls)) == pytest.approx(expected, rel=5e-6)


def test_specular_walls_without_scattering():
    """Multiple reflections of parallel beams, 1 / (1/e + 1/e' - 1), less the first collision.

    A beam that crosses 1/(1 - r r') times meets that much more of the medium.
    """
    hot, cold = 0.3, 0.6
    walls = {"hot_wall": SpecularWall(emissivity=hot), "cold_wall": SpecularWall(emissivity=cold)}
    ballistic = 1 / (1 / hot + 1 / cold - 1)
    for tau in (1e-4, 1e-3):
        found = relative_flux(gray(tau, **walls))
        assert found == pytest.approx(ballistic, rel=3 * tau)
        assert found < ballistic


@pytest.mark.parametrize("kind", [DiffuseWall, SpecularWall])
def test_a_wall_of_emissivity_one_is_black(kind):
    film = gray(1.0, hot_wall=kind(emissivity=1.0), cold_wall=kind(emissivity=1.0))
    np.testing.assert_allclose(relative_flux(film), relative_flux(gray(1.0)), rtol=1e-12)


def test_a_mirror_stands_for_the_other_half():
    """An equation without walls: half a film and a mirror are the film, band by band."""

    def rise(thickness, **walls):
        film = HeatedFilm(material=BANDS, thickness=thickness, heat_source=1e15, **walls)
        return steady(film, DiscreteOrdinates(cells=200, angles=6)).mean_temperature_rise

    mirror = rise(1e-7, right_wall=SpecularWall(emissivity=0.0))
    np.testing.assert_allclose(mirror, rise(2e-7), rtol=3e-5)
    diffuse = rise(1e-7, right_wall=DiffuseWall(emissivity=0.0))
    assert float(diffuse) != pytest.approx(float(mirror), rel=1e-3)  # and a diffuser is none


def test_heated_film_from_thin_to_thick():
    """Thick: diffusion with Milne's extrapolation. The cells: an error of second order."""

    def film(tau):
        material = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1 / tau)
        return steady(HeatedFilm(material=material, thickness=1.0, heat_source=1.0))

    thick = film(100.0)
    assert float(thick.mean_temperature_rise) == pytest.approx(
        exact.thick_heated_film_rise(100.0), rel=1e-3
    )
    assert float(thick.diffusive_temperature_rise) == pytest.approx(100.0 / 4)
    coarse, fine = (
        steady(
            HeatedFilm(
                material=GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0),
                thickness=1.0,
                heat_source=1.0,
            ),
            DiscreteOrdinates(cells=cells),
        ).mean_temperature_rise
        for cells in (60, 120)
    )
    best = film(1.0).mean_temperature_rise  # 240 cells: the error is second order
    assert float((coarse - best) / (fine - best)) == pytest.approx(5.0, rel=0.05)  # first order: 3


@pytest.mark.parametrize(
    "wall", [BlackWall(), DiffuseWall(emissivity=0.2), SpecularWall(emissivity=0.2)]
)
def test_laws_of_a_heated_film(wall):
    film = HeatedFilm(material="Si", thickness=3e-7, heat_source=1e15, left_wall=wall)
    solution = steady(film, SMALL)
    supplied = film.heat_source * film.thickness
    np.testing.assert_allclose(solution.heat_flux.sum(), supplied, rtol=1e-9)
    assert solution.conservation_residual < 1e-9
    product = solution.fluxes["heat"] * solution.forces["heat"]
    np.testing.assert_allclose(solution.entropy_production, product, rtol=1e-9)
    profile = np.trapezoid(solution.temperature, solution.position) / film.thickness
    np.testing.assert_allclose(
        solution.mean_temperature_rise, profile - film.temperature, rtol=1e-8
    )


@pytest.mark.parametrize(
    "walls",
    [
        (DiffuseWall(emissivity=0.5), BlackWall()),
        (SpecularWall(emissivity=0.05), DiffuseWall(emissivity=0.5)),
        (SpecularWall(emissivity=0.5), SpecularWall(emissivity=0.7)),
    ],
)
def test_laws_of_a_film_with_walls(walls):
    film = CrossPlaneFilm(material="Si", thickness=3e-7, hot_wall=walls[0], cold_wall=walls[1])
    solution = steady(film, SMALL)
    assert solution.conservation_residual < 1e-9
    product = np.mean(solution.heat_flux_profile) * solution.force
    np.testing.assert_allclose(solution.entropy_production, product, rtol=1e-9)
    np.testing.assert_allclose(solution.heat_flux * solution.force, product, rtol=1e-9)
    assert np.all(solution.entropy_production_walls > 0)


def interfaces():
    return [
        DiffuseMismatch(),
        GivenTransmission(transmission=0.4),
        AcousticMismatch(first_density=2329.0, second_density=5320.0),
    ]


def layered(interface, second=SLOWER, **parameters):
    return LayeredFilm(
        first_material=BANDS,
        second_material=second,
        first_thickness=1e-7,
        second_thickness=2e-7,
        interface=interface,
        **parameters,
    )


@pytest.mark.parametrize("interface", interfaces(), ids=lambda i: type(i).__name__)
def test_laws_of_two_layers(interface):
    film = layered(interface, hot_wall=DiffuseWall(emissivity=0.7))
    solution = steady(film, SMALL)
    assert solution.conservation_residual < 1e-9
    product = np.mean(solution.heat_flux_profile) * solution.force
    np.testing.assert_allclose(solution.entropy_production, product, rtol=1e-9)
    assert solution.entropy_production_interface > 0
    assert np.all(solution.entropy_production_layers > 0)
    assert solution.thermal_resistance > solution.diffusive_resistance


@pytest.mark.parametrize("interface", interfaces(), ids=lambda i: type(i).__name__)
@pytest.mark.parametrize("wall", [DiffuseWall(emissivity=0.5), SpecularWall(emissivity=0.5)])
def test_the_balance_of_layers_is_symmetric_and_definite(interface, wall):
    problem = layered(interface, cold_wall=wall).problem()
    layers = ordinates(problem, 3, 3)
    links = coupling(problem, layers)
    dark = jnp.zeros_like(problem.emission)
    matrix = jax.jacfwd(lambda t: transport(problem, layers, links, t, dark).power)(
        jnp.zeros((6, 2))
    ).reshape(12, 12)
    assert np.abs(matrix - matrix.T).max() <= 1e-11 * np.abs(matrix).max()
    assert np.linalg.eigvalsh(matrix)[0] > 0


@pytest.mark.slow
@pytest.mark.parametrize("interface", interfaces(), ids=lambda i: type(i).__name__)
def test_layers_in_the_other_order(interface):
    """Reciprocity: the same resistance from either side."""
    backwards = LayeredFilm(
        first_material=SLOWER,
        second_material=BANDS,
        first_thickness=2e-7,
        second_thickness=1e-7,
        interface=interface
        if not isinstance(interface, AcousticMismatch)
        else AcousticMismatch(first_density=5320.0, second_density=2329.0),
    )
    forth, back = steady(layered(interface), SMALL), steady(backwards, SMALL)
    np.testing.assert_allclose(forth.thermal_resistance, back.thermal_resistance, rtol=1e-8)
    np.testing.assert_allclose(forth.emitted_conductance, back.emitted_conductance, rtol=1e-10)


@pytest.mark.slow
def test_an_interface_that_is_none():
    """The same material on both sides, with matched densities: a film of both thicknesses."""
    film = layered(AcousticMismatch(first_density=1.0, second_density=1.0), second=BANDS)
    whole = CrossPlaneFilm(material=BANDS, thickness=3e-7)
    np.testing.assert_allclose(
        steady(film).thermal_resistance, 3e-7 / steady(whole).conductivity, rtol=2e-5
    )
    assert float(steady(film).interface_step) == pytest.approx(0, abs=1e-5)


def test_two_materials_at_common_frequencies():
    """Another quadrature of the same spectra: the bulk conductivities of both; detailed balance."""
    for name in ("Ge", "Si-BvK", "Si-Holland", "Si"):
        pair = materials.model("Si"), materials.model(name)
        for material, bands in zip(pair, materials.matched(pair, 300.0), strict=True):
            expected = material.bulk_conductivity(300.0)
            np.testing.assert_allclose(bands.conductivity_by_band.sum(), expected, rtol=1e-8)
    first, second = materials.matched([materials.model(name) for name in ("Si", "Ge")], 300.0)
    both = (first.heat_capacity > 0) & (second.heat_capacity > 0)
    ratio = [b.heat_capacity * b.group_velocity / b.wavevector**2 for b in (first, second)]
    np.testing.assert_allclose(ratio[0][both], ratio[1][both], rtol=1e-10)  # hbar omega n(omega)
    assert 0 < np.sum(both) < both.size  # silicon has phonons where germanium has none


def test_silicon_on_silicon_is_silicon():
    film = LayeredFilm(
        first_material="Si",
        second_material="Si",
        first_thickness=4e-8,
        second_thickness=6e-8,
        interface=AcousticMismatch(first_density=1.0, second_density=1.0),
    )
    alone = steady(CrossPlaneFilm(material="Si", thickness=1e-7))
    np.testing.assert_allclose(steady(film).conductivity, alone.conductivity, rtol=3e-5)


def test_silicon_on_germanium():
    """Laws, and the scale of the diffuse mismatch model: some 100 MW/m2/K."""
    film = LayeredFilm(
        first_material="Si", second_material="Ge", first_thickness=1e-7, second_thickness=1e-7
    )
    solution = steady(film, SMALL)
    assert solution.conservation_residual < 1e-9
    product = np.mean(solution.heat_flux_profile) * solution.force
    np.testing.assert_allclose(solution.entropy_production, product, rtol=1e-9)
    assert 5e7 < float(solution.emitted_conductance) < 1e9


def test_emitted_conductance_of_the_models():
    """Diffuse mismatch between alike materials lets half through: sum C v / 8 (Landauer)."""
    power = float((BANDS.heat_capacity * BANDS.group_velocity).sum())
    half = steady(layered(DiffuseMismatch(), second=BANDS), SMALL)
    np.testing.assert_allclose(half.emitted_conductance, power / 8, rtol=1e-12)
    given = steady(layered(GivenTransmission(transmission=0.4), second=BANDS), SMALL)
    np.testing.assert_allclose(given.emitted_conductance, 0.4 * power / 4, rtol=1e-12)
    # the spectral minimum is taken frequency by frequency; here the first side has it
    lower = steady(layered(GivenTransmission(transmission=0.4)), SMALL)
    np.testing.assert_allclose(lower.emitted_conductance, 0.4 * power / 4, rtol=1e-12)


def test_acoustic_mismatch_against_its_integral():
    """Little's transmission integrated over the cone that refracts, by another quadrature."""
    mu = (np.arange(20000) + 0.5) / 20000  # on the side of the longer waves
    other = np.sqrt(1 - 0.6**2 * (1 - mu**2))
    z1, z2 = 2329.0 * 1.0, 5320.0 * 0.6  # rho omega / k
    through = 4 * z1 * z2 * mu * other / (z1 * other + z2 * mu) ** 2
    power = float((BANDS.heat_capacity * BANDS.group_velocity).sum())
    found = steady(layered(interfaces()[2]), DiscreteOrdinates(cells=12)).emitted_conductance
    np.testing.assert_allclose(found, power / 2 * np.mean(through * mu), rtol=1e-6)


@pytest.mark.parametrize("kind", [DiffuseWall, SpecularWall])
def test_limits_across_films(kind):
    """Resistances in series when thick; when thin beams that are reflected again and again."""
    walls = {"hot_wall": kind(emissivity=0.3), "cold_wall": kind(emissivity=0.6)}
    thin, thick = gray(1e-5, **walls), gray(1e3, **walls)
    np.testing.assert_allclose(
        steady(thin, BallisticLimit()).conductivity, steady(thin).conductivity, rtol=1e-4
    )
    found, limit = steady(thick), steady(thick, DiffusiveLimit())
    rtol = 1e-5 if kind is DiffuseWall else 1e-3  # a mirror's slip is another one
    np.testing.assert_allclose(limit.conductivity, found.conductivity, rtol=rtol)
    middle = steady(thin).pseudotemperature.mean()
    np.testing.assert_allclose(
        steady(thin, BallisticLimit()).pseudotemperature, middle, rtol=0, atol=1e-4
    )
    layers = np.interp([0.2, 0.8], limit.position, limit.pseudotemperature)
    inside = np.interp([0.2, 0.8], found.position, found.pseudotemperature)
    np.testing.assert_allclose(layers, inside, rtol=0, atol=1e-3)


def central(function, x, step):
    rise = 8 * (function(x + step) - function(x - step))
    return (rise - (function(x + 2 * step) - function(x - 2 * step))) / (12 * step)


@pytest.mark.parametrize(
    "function",
    [
        lambda e: gray(1.0, hot_wall=DiffuseWall(emissivity=e)),
        lambda e: gray(1.0, hot_wall=SpecularWall(emissivity=e)),
        lambda t: layered(GivenTransmission(transmission=t)),
        lambda t: layered(DiffuseMismatch(), second=slower(BANDS, t)),
        lambda t: layered(
            AcousticMismatch(first_density=2329.0, second_density=5320 * t), second=slower(BANDS, t)
        ),
        lambda e: HeatedFilm(
            material=BANDS,
            thickness=2e-7 * e,
            heat_source=1e15,
            left_wall=DiffuseWall(emissivity=e),
        ),
    ],
    ids=["diffuse", "specular", "transmission", "mismatch", "acoustic", "heated"],
)
def test_gradients(function):
    """With respect to emissivity, transmission, velocities and densities, and a thickness."""

    @jax.jit
    def value(x):
        solution = steady(function(x), DiscreteOrdinates(cells=12, angles=6, tolerance=1e-12))
        return getattr(solution, solution.primary)

    np.testing.assert_allclose(jax.grad(value)(0.45), central(value, 0.45, 1e-3), rtol=1e-6)


def test_gradients_of_spectral_layers():
    """Reverse, through common frequencies: temperature, isotopes, and every leaf is finite."""
    method = DiscreteOrdinates(cells=6, angles=3, tolerance=1e-12)

    @jax.jit
    def value(x):
        film = LayeredFilm(
            first_material=materials.model("Si", isotope_scale=x[0]),
            second_material="Ge",
            first_thickness=1e-7,
            second_thickness=1e-7,
            temperature=300 * x[1],
        )
        return steady(film, method).thermal_resistance * 1e8

    slope = jax.jit(jax.grad(value))(jnp.ones(2))
    for index, step in enumerate(1e-3 * jnp.eye(2)):
        rise = 8 * (value(1 + step) - value(1 - step)) - (value(1 + 2 * step) - value(1 - 2 * step))
        np.testing.assert_allclose(slope[index], rise / 12e-3, rtol=1e-6)


def test_diffusive_rise_beside_a_mirror():
    """Q L^2 / 3 k where the heat leaves on one side alone, also where that is computed by jit."""
    material = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=0.01)
    film = HeatedFilm(
        material=material,
        thickness=1.0,
        heat_source=1.0,
        right_wall=SpecularWall(emissivity=0.0),
    )
    assert float(steady(film, SMALL).diffusive_temperature_rise) == pytest.approx(100.0)


@pytest.mark.slow
def test_second_derivative_with_walls():
    def value(e):
        return steady(gray(1.0, hot_wall=DiffuseWall(emissivity=e)), SMALL).conductivity

    slope = jax.jit(jax.grad(value))
    curvature = jax.jit(jax.grad(jax.grad(value)))(0.5)
    np.testing.assert_allclose(curvature, central(slope, 0.5, 1e-3), rtol=1e-5)


@pytest.mark.slow
def test_iterations_with_walls_and_layers():
    solution = steady(layered(DiffuseMismatch(), hot_wall=SpecularWall(emissivity=0.01)))
    assert solution.stats["iterations"] <= 40


@pytest.mark.slow
def test_float32():
    film = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf,
        layered(DiffuseMismatch(), hot_wall=SpecularWall(emissivity=0.5)),
    )
    single = steady(film, SMALL)
    double = steady(layered(DiffuseMismatch(), hot_wall=SpecularWall(emissivity=0.5)), SMALL)
    assert single.thermal_resistance.dtype == jnp.float32
    np.testing.assert_allclose(single.thermal_resistance, double.thermal_resistance, rtol=1e-4)


def test_misuse():
    with pytest.raises(ValueError, match=r"emissivity = 1\.5 is not allowed"):
        DiffuseWall(emissivity=1.5)
    mirror = SpecularWall(emissivity=0.0)
    with pytest.raises(ValueError, match="both walls have emissivity 0"):
        HeatedFilm(
            material="Si", thickness=1e-7, heat_source=1.0, left_wall=mirror, right_wall=mirror
        )
    with pytest.raises(ValueError, match=r"no heat flows.*emissivity 0"):
        CrossPlaneFilm(material="Si", thickness=1e-7, cold_wall=mirror)
    with pytest.raises(ValueError, match="gray material resolves no frequencies"):
        layered(DiffuseMismatch(), second=materials.model("Si-gray"))
    one = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
    with pytest.raises(ValueError, match="refracts phonons by their wavevectors"):
        LayeredFilm(
            first_material=one,
            second_material=one,
            first_thickness=1.0,
            second_thickness=1.0,
            interface=interfaces()[2],
        )
    with pytest.raises(ValueError, match="two tables of bands have different frequencies"):
        other = eqx.tree_at(lambda b: b.angular_frequency, BANDS, 1.1 * BANDS.angular_frequency)
        layered(DiffuseMismatch(), second=other)
    modes = materials.PhononBands.from_modes(
        heat_capacity=jnp.ones(2), group_velocity=jnp.ones(2), relaxation_time=jnp.ones(2)
    )
    with pytest.raises(ValueError, match="have a frequency twice"):
        steady(LayeredFilm(modes, modes, first_thickness=1.0, second_thickness=1.0))
    with pytest.raises(ValueError, match="IntegralEquation treats black walls"):
        steady(gray(1.0, hot_wall=DiffuseWall(emissivity=0.5)), IntegralEquation())
