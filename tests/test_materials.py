import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import materials
from jaxneq.phonon import GrayMaterial

SILICON = materials.model("Si")
SPECTRAL = ("Si", "Si-Holland", "Si-BvK", "Ge")
TEMPERATURES = (50.0, 300.0, 1000.0)

# Conductivity at 300 K by branch (W/m/K), from independent quadratures of sum C v^2 tau / 3; for
# gray sets C v Lambda / 3, in a plane over 2.
CONDUCTIVITY = {
    "Si": {"LA": 51.398039110, "TA": 94.462913883},
    "Si-Holland": {"T": 2.886989914, "TU": 100.902462546, "L": 33.214544699},
    "Si-BvK": {"acoustic": 143.578945590},
    "Ge": {"LA": 9.129106661, "TA": 42.748771679},
    "Si-gray": {"gray": 0.93e6 * 1804 * 2.604e-7 / 3},
    "Ge-gray": {"gray": 0.87e6 * 1042 * 1.986e-7 / 3},
    "GaAs-gray": {"gray": 0.88e6 * 1024 * 1.454e-7 / 3},
    "Si-gray-Debye": {"gray": 1.66e6 * 6400 * 40.9e-9 / 3},
    "Ge-gray-Debye": {"gray": 1.67e6 * 3900 * 27.5e-9 / 3},
    "GaAs-gray-Debye": {"gray": 1.71e6 * 3700 * 20.8e-9 / 3},
    "Graphene-gray": {"gray": 1.59e6 * 8300 * 1e-7 / 2},  # in its plane
}


def test_every_set_is_in_the_table():
    assert set(CONDUCTIVITY) == set(materials.names())


@pytest.mark.parametrize("name", CONDUCTIVITY)
def test_bulk_conductivity_by_branch(name):
    bands = materials.phonon(name, temperature=300.0)
    found = {branch: float(value) for branch, value in bands.conductivity_by_branch.items()}
    assert found == pytest.approx(CONDUCTIVITY[name], rel=1e-6)
    total = materials.model(name).bulk_conductivity(300.0)
    assert float(total) == pytest.approx(sum(found.values()), rel=1e-12)


def test_bulk_conductivity_of_isotopically_pure_germanium():
    """The same independent quadrature without the impurity terms."""
    pure = materials.model("Ge", isotope_scale=0.0)
    assert float(pure.bulk_conductivity()) == pytest.approx(62.890706141, rel=1e-6)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("name", SPECTRAL)
def test_quadrature_has_converged(name, temperature):
    for changes, bound in (({}, 2e-6), ({"boundary_length": 7e-3}, 1e-5)):
        coarse, fine = (
            materials.model(name, nodes=nodes, **changes).bulk_conductivity(temperature)
            for nodes in (24, 96)
        )
        np.testing.assert_allclose(coarse, fine, rtol=bound)


# Switches


def test_boundary_alone_is_the_casimir_limit():
    """Without any other scattering every mean free path is L, and kappa = L sum C v / 3."""
    for name in SPECTRAL:
        wire = materials.model(
            name, isotope_scale=0.0, anharmonic_scale=0.0, boundary_length=2e-7
        ).bands(300.0)
        np.testing.assert_allclose(wire.mean_free_path, 2e-7, rtol=1e-12)
        heat = materials.phonon(name).heat_capacity
        bulk = materials.model(name, nodes=400).bands(300.0)
        np.testing.assert_allclose(heat.sum(), bulk.heat_capacity.sum(), rtol=1e-6)
        kappa = jnp.sum(bulk.heat_capacity * bulk.group_velocity) * 2e-7 / 3
        np.testing.assert_allclose(wire.conductivity_by_band.sum(), kappa, rtol=1e-5)


@pytest.mark.parametrize("name", SPECTRAL)
def test_rates_add(name):
    """Matthiessen: the rate is linear in both scales and in the inverse length."""

    def rate(**changes):
        bands = materials.model(name, boundary_length=1.0, **changes).bands(300.0)
        return 1 / bands.relaxation_time - bands.group_velocity / 1.0

    natural, impure = rate(), rate(anharmonic_scale=0.0)
    tripled = rate(isotope_scale=0.0, anharmonic_scale=3.0)
    rounding = 1e-11  # 1/s, of v / L
    np.testing.assert_allclose(tripled / 3 + impure, natural, rtol=1e-9, atol=rounding)
    frequency = materials.model(name, boundary_length=1.0).bands(300.0).angular_frequency
    coefficient = materials.record(name)["branch"][0]["scattering"][0]["coefficient"]["value"]
    np.testing.assert_allclose(impure, coefficient * frequency**4, rtol=1e-9, atol=rounding)


def test_nothing_that_scatters_long_waves_is_refused():
    with pytest.raises(ValueError, match="Give a boundary_length"):
        materials.model("Si", anharmonic_scale=0.0)


@pytest.fixture(scope="session", params=SPECTRAL)
def by_constant(request):
    """Conductivity against the logarithms of every constant of scattering and the temperature."""
    material = materials.model(request.param, boundary_length=1e-6)

    def constants(m):
        for i, branch in enumerate(material.branches):
            for j, term in enumerate(branch.scattering):
                yield m.branches[i].scattering[j].coefficient
                if float(term.activation) > 0:
                    yield m.branches[i].scattering[j].activation
        yield from (m.isotope_scale, m.anharmonic_scale, m.boundary_length)

    start = jnp.stack(list(constants(material)))

    def function(moved, temperature):
        changed = eqx.tree_at(
            lambda m: list(constants(m)), material, list(start * jnp.exp(moved[:-1]))
        )
        return changed.bulk_conductivity(temperature * jnp.exp(moved[-1]))

    return start.size + 1, jax.jit(jax.vmap(function, (0, None))), jax.jit(jax.grad(function))


@pytest.mark.parametrize("temperature", [60.0, 300.0, 900.0])
def test_gradient_with_respect_to_every_constant(by_constant, temperature):
    count, batch, gradient = by_constant
    h, steps = 2e-3, 2e-3 * jnp.eye(count)
    rise = 8 * (batch(steps, temperature) - batch(-steps, temperature))
    central = (rise - (batch(2 * steps, temperature) - batch(-2 * steps, temperature))) / (12 * h)
    found = gradient(jnp.zeros(count), temperature)
    assert count >= 6 and np.all(found != 0)
    np.testing.assert_allclose(found, central, rtol=1e-6, atol=1e-9 * np.abs(central).max())


# Data sets are not mixed


def holland_rates(data_set):
    """The branches of the set "Si" with Holland's rates, as they must not be used."""
    constants = {
        "impurity": 1.32e-45 * 1e36,
        "normal and umklapp": 2e-24 * 1e12,
        "normal": 9.3e-13,
        "umklapp": 5.5e-18 * 1e12,
    }

    def term(branch, own):
        first = branch.wavevector(jnp.asarray(1.380649e-23 * 180 / 1.054571817e-34 / 1e12))
        switch = float(first / branch.wavevector_range[1])  # Holland's theta_1
        ends = {"normal": (0.0, switch), "umklapp": (switch, 1.0)}
        return dataclasses.replace(
            own,
            coefficient=constants[own.process],
            wavevector_range=ends.get(own.process, (0.0, 1.0)),
            data_set=data_set,
        )

    return tuple(
        dataclasses.replace(
            branch, scattering=tuple(term(branch, own) for own in branch.scattering)
        )
        for branch in SILICON.branches
    )


def test_the_dispersion_of_one_set_with_the_rates_of_another_is_refused():
    with pytest.raises(ValueError, match=r"'Si', 'Si-Holland'.*wrong by a factor of two to four"):
        dataclasses.replace(SILICON, branches=holland_rates("Si-Holland"))
    foreign = materials.model("Si-Holland").branches
    with pytest.raises(ValueError, match="Take one set whole"):
        dataclasses.replace(SILICON, branches=(*SILICON.branches, *foreign))
    mixed = eqx.tree_at(lambda m: m.branches, SILICON, holland_rates("Si-Holland"))
    with pytest.raises(ValueError, match="Take one set whole"):
        mixed.bulk_conductivity()
    # and with reason: passed off as one set they give little more than half the conductivity
    mixed = dataclasses.replace(SILICON, branches=holland_rates("Si"))
    assert float(mixed.bulk_conductivity() / SILICON.bulk_conductivity()) < 0.6


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        (
            "Si",
            {"scattering": "Si-Holland"},
            "no parameter 'scattering'. It has isotope_scale.*two",
        ),
        ("Si", {"isotop_scale": 0.0}, r"Did you mean isotope_scale\?$"),
        ("Si", {"isotope_scale": -1.0}, r"isotope_scale = -1 is not allowed.*\[0, inf\)"),
        ("Si", {"boundary_length": 0.0}, r"boundary_length = 0 is not allowed.*\(0, inf\) m"),
        ("Si-gray", {"isotope_scale": 0.0}, "It has heat_capacity, group_velocity, mean_free_path"),
    ],
)
def test_changes_that_make_no_sense_are_refused(name, changes, said):
    with pytest.raises(ValueError, match=said):
        materials.model(name, **changes)


# Dispersion


@pytest.mark.parametrize("name", SPECTRAL)
def test_wavevector_inverts_the_frequency(name):
    for branch in materials.model(name).branches:
        start, stop = branch.wavevector_range
        k = start + (stop - start) * jnp.linspace(0.02, 0.98, 25)
        omega = branch.frequency(k)
        assert np.all(np.diff(omega) > 0) or np.all(np.diff(omega) < 0)
        np.testing.assert_allclose(branch.wavevector(omega), k, rtol=1e-10)
        slope = jax.vmap(jax.grad(branch.frequency))(k)
        np.testing.assert_allclose(branch.velocity(k), np.abs(slope), rtol=1e-12)
        inverse = jax.vmap(jax.grad(branch.wavevector))(omega)
        np.testing.assert_allclose(inverse, 1 / slope, rtol=1e-8)
        # beyond its frequencies, the nearer end
        ends = branch.frequency(branch.wavevector_range)
        outside = ends + (ends - ends[::-1]) * 0.5
        np.testing.assert_allclose(branch.wavevector(outside), branch.wavevector_range, rtol=1e-12)
        assert np.all(np.isfinite(jax.vmap(jax.grad(branch.wavevector))(outside)))


@pytest.mark.parametrize("name", materials.names())
def test_bands_know_their_wavevector(name):
    """Each state of k^2 dk / 2 pi^2 stores k_B (x / 2 / sinh(x / 2))^2; a gray band knows no k."""
    bands = materials.phonon(name, 400.0)
    if name not in SPECTRAL:
        assert bands.wavevector is None
        return
    x = 1.054571817e-34 * bands.angular_frequency / (1.380649e-23 * 400)
    degeneracy = {b.name: b.degeneracy for b in materials.model(name).branches}
    states = bands.wavevector**2 / (2 * np.pi**2) / bands.group_velocity
    states = states * np.array([float(degeneracy[branch]) for branch in bands.branch])
    heat = 1.380649e-23 * (x / 2 / np.sinh(x / 2)) ** 2 * states
    np.testing.assert_allclose(bands.spectral_heat_capacity, heat, rtol=1e-12)


def test_specific_heat_has_its_limits():
    """Dulong and Petit: six branches of k_max^3 / 6 pi^2 states each."""
    states = 6 * (2 * np.pi / 5.43e-10) ** 3 / (6 * np.pi**2)
    assert float(SILICON.specific_heat(1000.0)) == pytest.approx(1.380649e-23 * states, rel=0.04)
    # Debye: T^3 at low temperature, from the sound velocities alone
    heat = [
        2 * np.pi**2 / 5 * 1.380649e-23 * (1.380649e-23 * 1.0 / (1.054571817e-34 * v)) ** 3 / 3
        for v in (9010.0, 5230.0, 5230.0)
    ]
    finer = dataclasses.replace(SILICON, nodes=600, valid_temperature=(0.0, 1000.0))
    assert float(finer.specific_heat(1.0)) == pytest.approx(sum(heat), rel=0.03)


def test_accumulation_grows_to_one():
    paths = jnp.geomspace(1e-9, 1e-2, 30)
    share = SILICON.accumulation(paths)
    assert np.all(np.diff(share) >= 0)
    assert share[0] == 0 and float(share[-1]) == pytest.approx(1.0)
    half = float(jnp.interp(0.5, share, paths))
    assert 1e-7 < half < 1e-6  # silicon at 300 K: half is carried beyond some 0.5 um


def test_mean_free_path_at_inverts_the_accumulation():
    shares = jnp.array([0.0, 0.1, 0.5, 0.9, 1.0])
    paths = SILICON.mean_free_path_at(shares)
    assert np.all(SILICON.accumulation(paths * (1 + 1e-12)) >= shares - 1e-12)
    assert np.all(SILICON.accumulation(paths * (1 - 1e-12)) < shares + 1e-12)
    own = SILICON.bands(300.0).mean_free_path
    assert set(paths.tolist()) <= set(own.tolist()) and paths[0] == own.min()


@pytest.mark.parametrize("temperature", [100.0, 300.0])
def test_derivative_with_respect_to_temperature(temperature):
    for function in (SILICON.bulk_conductivity, SILICON.specific_heat):
        h = 1e-3 * temperature
        central = (function(temperature + h) - function(temperature - h)) / (2 * h)
        assert float(jax.grad(function)(temperature)) == pytest.approx(float(central), rel=1e-5)


@pytest.mark.parametrize("name", SPECTRAL)
def test_float32_does_not_overflow(name):
    single = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf,
        materials.model(name),
    )
    conductivity = single.bulk_conductivity(jnp.float32(300.0))
    assert conductivity.dtype == jnp.float32
    assert float(conductivity) == pytest.approx(sum(CONDUCTIVITY[name].values()), rel=1e-5)


def test_unknown_name_offers_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'Si-gray'"):
        materials.model("Si-grey")


def test_a_material_by_name_in_a_traced_function():
    """Germanium's data file needs the inverse of a dispersion, which must not be traced."""

    @jax.jit
    def conductivity(length):
        return materials.model("Ge", boundary_length=length).bulk_conductivity()

    alone = materials.model("Ge", boundary_length=1e-6).bulk_conductivity()
    np.testing.assert_allclose(conductivity(1e-6), alone, rtol=1e-12)


def test_temperatures_without_data_are_refused():
    for use in (SILICON.bulk_conductivity, SILICON.specific_heat, SILICON.bands):
        with pytest.raises(ValueError, match=r"temperature = 5.0 K is outside \[50, 1000\]"):
            use(5.0)


def test_bands_know_one_temperature_only():
    bands = materials.phonon("Si", temperature=300.0)
    with pytest.raises(ValueError, match=r"materials\.model"):
        bands.bulk_conductivity(200.0)


def test_bands_from_modes():
    modes = materials.PhononBands.from_modes(
        heat_capacity=jnp.array([1.0, 2.0]),
        group_velocity=jnp.array([3.0, 1.0]),
        relaxation_time=jnp.array([1.0, 0.5]),
    )
    assert float(modes.bulk_conductivity()) == pytest.approx((9.0 + 1.0) / 3)
    with pytest.raises(ValueError, match=r"relaxation_time has shape \(3,\).*band = 2"):
        dataclasses.replace(modes, relaxation_time=jnp.ones(3))


@pytest.mark.parametrize("name", materials.names())
def test_every_number_has_unit_source_and_flag(name):
    found = dict(materials.numbers(materials.record(name)))
    assert len(found) >= 3
    for number in found.values():
        assert set(number) == {"value", "unit", "source", "confirmed"}
        assert number["source"] and isinstance(number["confirmed"], bool)


def test_numbers_are_told_by_where_they_stand():
    found = dict(materials.numbers(materials.record("Si")))
    assert found["TA umklapp coefficient"]["value"] == 2.89e-18
    assert found["LO dispersion"]["value"][0] == 9.88e13
    assert len(found) == 11  # none hides another of the same name


def test_gray_material_is_one_band():
    gray = GrayMaterial(heat_capacity=2.0, group_velocity=3.0, mean_free_path=5.0)
    bands = gray.bands(300.0)
    assert float(bands.mean_free_path[0]) == 5.0
    assert float(gray.bulk_conductivity()) == 10.0
