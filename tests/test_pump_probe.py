"""Metals with two temperatures: closed forms, an independent integrator, balances, gradients."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope
from scipy.integrate import solve_ivp

from jaxneq import config, evolve, materials, report, store
from jaxneq.materials import LatticeBand, Metal
from jaxneq.phonon import ImplicitVolumes, PumpProbe, Substrate

CONFIGS = Path(__file__).parents[1] / "configs"
SILICON = Substrate(heat_capacity=1.66e6, conductivity=148.0)
METHOD = ImplicitVolumes(cells=16, substrate_cells=16, steps=2)
TIMES = jnp.concatenate([jnp.linspace(0.0, 2e-12, 41), jnp.geomspace(2.2e-12, 2e-10, 20)])


def film(**changes):
    metal = {"lattice_conductivity": 3.0, **changes.pop("metal", {})}
    given = {
        "metal": Metal.named("Au", **metal),
        "thickness": 50e-9,
        "fluence": 10.0,
        "pulse_duration": 2e-13,
        "pulse_time": 5e-13,
        "penetration_depth": 15e-9,
        "probe_depth": 15e-9,
        "substrate": SILICON,
        "interface_conductance": 1e8,
    }
    return PumpProbe(**given | changes)


@pytest.fixture(scope="module")
def heated():
    return evolve(film(), METHOD, times=TIMES)


def test_heat_is_kept_and_all_of_the_pulse_arrives(heated):
    assert heated.conservation_residual < 1e-9
    np.testing.assert_allclose(heated.absorbed[-1], 10.0, rtol=1e-7)
    energy = heated.electron_energy + heated.lattice_energy + heated.substrate_energy
    np.testing.assert_allclose(energy, heated.absorbed, atol=1e-8)
    assert heated.surface_temperature.max() > 1500
    most = 10 * 1e8 * 2e-10 / (2.49e6 * 50e-9)  # if the lattice had all of the heat at once
    assert 0.5 * most < heated.substrate_energy[-1] < most


def test_fluxes_times_forces_are_the_entropy_production(heated):
    total = 0
    for name, flux in heated.fluxes.items():
        product = np.sum((flux * heated.forces[name]).reshape(TIMES.size, -1), axis=1)
        assert np.all(product >= 0), name
        total = total + product
    np.testing.assert_allclose(total, heated.entropy_production, rtol=1e-12)
    assert np.all(heated.coupling_entropy_production[1:] > 0)


def test_entropy_grows_by_what_is_produced():
    """Without a pump: d/dt of (gamma T_e + C_l ln T_l + C_s ln T_s) is the production."""
    system = film(fluence=0.0)
    times = jnp.concatenate([jnp.linspace(0, 1e-14, 40), jnp.geomspace(1.05e-14, 2e-11, 300)])
    found = evolve(system, METHOD, times=times, initial=jnp.asarray([1500.0, 300.0]))
    layers = system.layers(16, 16, times[-1])
    width, below = layers.film_width, layers.substrate_width
    entropy = 67.5 * (found.electron_temperature @ width)
    entropy += 2.49e6 * (np.log(found.band_temperature[..., 0]) @ width)
    entropy += 1.66e6 * (np.log(found.substrate_temperature) @ below)
    made = np.trapezoid(found.entropy_production, times)
    np.testing.assert_allclose(made, entropy[-1] - entropy[0], rtol=1e-3)


def test_an_independent_integrator_agrees():
    """The same physics in its own mesh and code, by a method for stiff equations."""
    cells, metal = 60, Metal.named("Au", lattice_conductivity=3.0)
    gamma, kappa, heat, coupling = (
        float(getattr(metal, name))
        for name in (
            "sommerfeld_coefficient",
            "electron_conductivity",
            "lattice_heat_capacity",
            "coupling",
        )
    )
    dz = 50e-9 / cells
    z = (np.arange(cells) + 0.5) * dz
    pump = np.exp(-z / 15e-9)
    pump *= 10.0 / (pump.sum() * dz)
    sigma = 0.2 / 2.3548200450309493  # ps

    def flow(t, y):
        hot, cold = y.reshape(2, cells)
        pulse = pump * np.exp(-((t - 0.5) ** 2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))
        face = (hot[1:] + hot[:-1]) / (cold[1:] + cold[:-1])
        electrons = np.diff(kappa / dz**2 * face * np.diff(hot), prepend=0.0, append=0.0)
        lattice = np.diff(3.0 / dz**2 * np.diff(cold), prepend=0.0, append=0.0)
        given = coupling * (hot - cold)
        hot_rate = ((electrons - given) * 1e-12 + pulse) / (gamma * hot)
        return np.concatenate([hot_rate, (lattice + given) * 1e-12 / heat])

    ends = [0.4, 0.6, 1.0, 2.0]
    start = np.full(2 * cells, 300.0)
    solved = solve_ivp(flow, (0, 2.0), start, "BDF", ends, rtol=1e-8, atol=1e-6, max_step=0.02)
    hot, cold = solved.y.T.reshape(4, 2, cells).transpose(1, 0, 2)
    weight = np.exp(-z / 15e-9) / np.exp(-z / 15e-9).sum()
    free = film(substrate=None, interface_conductance=0.0)
    times = jnp.linspace(0.0, 2e-12, 101)
    found = evolve(free, ImplicitVolumes(cells=32, steps=4), times=times)
    at = np.round(np.asarray(ends) / 0.02).astype(int)
    np.testing.assert_allclose(found.electron_signal[at], (hot - 300) @ weight, rtol=1e-3)
    np.testing.assert_allclose(found.lattice_signal[at], (cold - 300) @ weight, rtol=1e-3)
    wrong = np.abs(found.signal[at] - (hot + cold - 600) @ weight)
    assert np.all(wrong < 3 * found.signal_error[at] + 1e-3 * np.max(found.signal))


@pytest.mark.slow
def test_steps_are_of_second_order():
    """One eigenvalue G (1 / C_e + 1 / C_l), constant heat capacities."""
    metal = {"sommerfeld_coefficient": 0.0, "electron_heat_capacity": 2.1e4, "coupling": 2.6e16}
    system = film(metal=metal, substrate=None, interface_conductance=0.0, fluence=0.0)
    rate = 2.6e16 * (1 / 2.1e4 + 1 / 2.49e6)

    def error(steps):
        method = ImplicitVolumes(cells=4, steps=steps)
        start = jnp.asarray([1000.0, 300.0])
        found = evolve(system, method, times=jnp.asarray([1e-12]), initial=start)
        apart = found.surface_temperature - found.lattice_surface_temperature
        return float(apart[0]) - 700 * np.exp(-rate * 1e-12)

    np.testing.assert_allclose(error(20) / error(40), 4, rtol=0.05)


def test_gradients_by_coupling_and_conductance():
    times = jnp.asarray([4e-13, 6e-13, 1e-12, 1e-11, 1e-10])

    @jax.jit
    def signal(logs):
        coupling, conductance = 1e16 * jnp.exp(logs[0]), 1e8 * jnp.exp(logs[1])
        system = film(metal={"coupling": coupling}, interface_conductance=conductance)
        return evolve(system, METHOD, times=times).signal[-1]

    gradient = jax.jit(jax.grad(signal))(jnp.zeros(2))
    for which in (0, 1):
        direction = jnp.eye(2)[which]
        expected = slope(lambda x, d=direction: signal(x * d), 0.0)
        np.testing.assert_allclose(gradient[which], expected, rtol=1e-5)
        assert abs(expected) > 1e-3 * signal(jnp.zeros(2))


@pytest.mark.slow
def test_bands_that_are_alike_are_one_lattice(heated):
    alike = tuple(
        LatticeBand(name=name, heat_share=share, coupling_share=share, relaxation_rate=1e11)
        for name, share in (("TA", 0.6), ("LA", 0.4))
    )
    found = evolve(film(metal={"bands": alike}), METHOD, times=TIMES)
    np.testing.assert_allclose(found.signal, heated.signal, rtol=1e-8, atol=1e-8)
    apart = found.band_surface_temperature[0] - found.band_surface_temperature[1]
    np.testing.assert_allclose(apart, 0, atol=1e-6)


def test_the_metals_have_sources():
    assert materials.metal_names() == ("Al", "Au", "Cu", "W")
    for name in materials.metal_names():
        record = materials.metal_record(name)
        for _, entry in materials.numbers(record):
            assert entry["unit"] and entry["source"] and entry["confirmed"] in (True, False)
        assert "calculated" in record["coupling"]["source"]
        np.testing.assert_allclose(Metal.named(name).coupling, record["coupling"]["value"])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"metal": {"lattice_conductivity": 0.0}}, "no heat would reach the interface"),
        ({"substrate": None}, "lead to no substrate"),
        ({"pulse_time": 1e-13}, "Give a later pulse_time"),
        (
            {"metal": {"sommerfeld_coefficient": 0.0}},
            "electrons without heat have no temperature",
        ),
        (
            {"metal": {"bands": (LatticeBand(name="a", heat_share=0.5, coupling_share=1.0),)}},
            "add up to 0.5",
        ),
    ],
)
def test_refusals(wrong, words):
    with pytest.raises(ValueError, match=words):
        film(**wrong)


def test_an_unknown_metal_brings_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'Au'"):
        Metal.named("Aux")


def test_wrong_starts_and_odd_cells_are_refused():
    with pytest.raises(ValueError, match="2 positive numbers"):
        evolve(film(), METHOD, times=TIMES, initial=jnp.asarray([300.0]))
    with pytest.raises(ValueError, match="steps = 3 is odd"):
        ImplicitVolumes(steps=3)


def test_pump_probe_job(tmp_path):
    changes = [
        "method={type='phonon.ImplicitVolumes', cells=8, substrate_cells=16, steps=2}",
        "system.normalised='peak'",
        "evolve={times = { geometric = [1e-13, 1e-9], count = 61 }}",
    ]
    result = config.execute(config.load(CONFIGS / "pump_probe.toml", changes))
    store.write_result(tmp_path / "result.h5", result)
    found = store.read_result(tmp_path / "result.h5").quantities
    signal, parts = found["signal"], ("electron_signal", "lattice_signal")
    np.testing.assert_allclose(signal.values.max(), 1)
    np.testing.assert_allclose(signal.values, sum(found[name].values for name in parts), atol=1e-12)
    assert found["electron_temperature"].dims == ("time", "depth")
    assert found["substrate_temperature"].dims == ("time", "substrate_depth")
    (ax, *_) = report.figure(result).axes
    assert len(ax.lines) == 3  # the signal and its two parts
