"""Gratings with normal collisions: the matrix of collisions, second sound, finite differences."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope
from scipy.linalg import expm

from jaxneq import config, evolve, report, steady, store
from jaxneq._core import SolveError
from jaxneq.materials import DriftingBands
from jaxneq.phonon import (
    CallawayGrating,
    ForcedResponse,
    LaplaceInversion,
    PhononBands,
    TransientGrating,
)
from jaxneq.phonon._callaway_grating import callaway_grating as gray

CONFIGS = Path(__file__).parents[1] / "configs"
FEW = CallawayGrating(nodes=48, angles=16)
TIMES = np.array([0.3, 1.0, 4.0])


def grating(share=(0.02, 0.3)):
    """A period of 2 pi, and bands that differ in heat, velocity, free path, slowness and share."""
    speed = jnp.array([2.0, 0.7])
    bands = PhononBands(
        branch=("fast", "slow"),
        angular_frequency=jnp.array([1.0, 2.0]),
        group_velocity=speed,
        relaxation_time=jnp.array([0.3, 2.0]) / speed,
        spectral_heat_capacity=jnp.array([1.0, 3.0]),
        weight=jnp.array([1.0, 0.5]),
        temperature=jnp.asarray(300.0),
        wavevector=jnp.array([0.6, 3.5]),
        resistive_share=jnp.asarray(share),
    )
    return TransientGrating(bands, period=2 * np.pi)


class Grid:
    """The Boltzmann equation of a grating of wavenumber 1 on 40 cosines, as a matrix."""

    def __init__(self, bands):
        mu, weight = np.polynomial.legendre.leggauss(40)
        heat = np.asarray(bands.heat_capacity)
        share = np.repeat(np.asarray(bands.resistive_share), mu.size)
        self.capacity = heat.sum()
        self.mean = np.outer(heat / heat.sum(), weight / 2).ravel()
        self.rate = np.repeat(1 / np.asarray(bands.relaxation_time), mu.size)
        self.normal = (1 - share) * self.rate
        self.momentum = np.outer(bands.wavevector / bands.angular_frequency, mu).ravel()
        self.flight = np.outer(bands.group_velocity, mu).ravel()
        one = np.ones_like(self.rate)
        self.bath = self._projection(self.rate, one)
        self.drift = self._projection(self.normal, self.momentum)
        gain = self.rate[:, None] * self.bath + self.normal[:, None] * self.drift
        self.matrix = gain - np.diag(self.rate + 1j * self.flight)

    def _projection(self, rate, mode):
        weight = self.mean * rate * mode
        return np.outer(mode, weight) / np.sum(weight * mode)

    def numbers(self, wave, temperature):
        """Flux, spread, entropy made, at an amplitude of the temperature; means over a period."""
        bath, drifting = self.bath @ wave, self.bath @ wave + self.drift @ wave
        resisted = (self.rate - self.normal) * np.abs(wave - bath) ** 2
        made = np.sum(self.mean * (resisted + self.normal * np.abs(wave - drifting) ** 2))
        half = self.capacity / (2 * 300.0**2)
        return {
            "heat_flux": self.capacity * np.sum(self.mean * 1j * self.flight * wave).real,
            "nonequilibrium": np.sqrt(np.sum(self.mean * np.abs(wave - temperature) ** 2)),
            "entropy_production": half * made,
            "pseudotemperature": bath[0].real,
        }


def compare(found, expected, rtol):
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(found, name), value, rtol=rtol, err_msg=name)


def test_steady_heating_by_the_matrix():
    system = grating()
    grid = Grid(system.material)
    wave = np.linalg.solve(-grid.matrix, np.ones(grid.rate.size))
    heating = 1 / np.sum(grid.mean * wave).real
    found = steady(system, FEW)
    compare(found, grid.numbers(heating * wave, 1.0), 1e-10)
    np.testing.assert_allclose(found.conductivity, grid.capacity * heating, rtol=1e-11)
    np.testing.assert_allclose(found.conductivity_by_band.sum(), found.conductivity, rtol=1e-12)
    produced = sum(found.fluxes[name] * found.forces[name] for name in found.fluxes)
    np.testing.assert_allclose(produced, found.entropy_production, rtol=1e-12)
    assert found.conservation_residual < 1e-13
    assert found.conductivity > 1.2 * steady(system, ForcedResponse()).conductivity


def test_decay_by_the_matrix():
    system = grating()
    grid, found = Grid(system.material), evolve(system, FEW, times=TIMES)
    waves = [expm(grid.matrix * t) @ np.ones(grid.rate.size) for t in TIMES]
    temperature = [np.sum(grid.mean * wave).real for wave in waves]
    np.testing.assert_allclose(found.temperature, temperature, rtol=0, atol=1e-12)
    assert np.all(found.temperature_error < 1e-12)
    each = [grid.numbers(*pair) for pair in zip(waves, temperature, strict=True)]
    compare(found, {name: [one[name] for one in each] for name in each[0]}, 1e-8)
    produced = sum(found.fluxes[name] * found.forces[name] for name in found.fluxes)
    np.testing.assert_allclose(produced, found.entropy_production, rtol=1e-8)
    assert found.conservation_residual < 1e-11


def test_nothing_normal_is_the_grating_without_drift():
    system = grating((1.0, 1.0))
    names = "conductivity", "nonequilibrium", "entropy_production", "suppression"
    right = steady(system, ForcedResponse())
    compare(steady(system, FEW), {name: getattr(right, name) for name in names}, 1e-12)
    names = "temperature", "heat_flux", "relaxation", "apparent_conductivity"
    right = evolve(system, LaplaceInversion(nodes=48, angles=16), times=TIMES)
    found = evolve(system, FEW, times=TIMES)
    compare(found, {name: getattr(right, name) for name in names}, 1e-8)


def test_a_long_period_has_the_bulk():
    system = dataclasses.replace(grating(), period=2e4 * np.pi)
    bulk = DriftingBands.of(system.material).conductivity_by_band.sum()
    found = steady(system, FEW)
    np.testing.assert_allclose(found.conductivity, bulk, rtol=1e-5)
    np.testing.assert_allclose(found.suppression, 1, rtol=1e-4)
    np.testing.assert_allclose(found.bulk_conductivity, bulk, rtol=1e-12)


def test_short_periods_know_no_collisions():
    """q Lambda = 1e4: the drift is no more."""
    with_drift, without = steady(gray(1e4, 0.01), FEW), steady(gray(1e4, 0.01), ForcedResponse())
    np.testing.assert_allclose(with_drift.conductivity, without.conductivity, rtol=2e-4)


@pytest.mark.parametrize("resisting", [0.0, 0.3, 2.0])
def test_second_sound_is_that_of_the_telegraph_equation(resisting):
    """T'' + T' / tau_R + T / 3 = 0 for q v = 1 and free paths far below 1 / q."""
    path, times = 1e-4, np.array([1.0, 5.0, 9.0])
    share = max(resisting * path, 1e-13)
    found = evolve(gray(path, share), CallawayGrating(nodes=48), times=times).temperature
    half = resisting / 2
    swing = np.sqrt(complex(1 / 3 - half**2))
    expected = np.exp(-half * times) * (
        np.cos(swing * times) + half * np.sin(swing * times) / swing
    )
    np.testing.assert_allclose(found, expected.real, atol=3 * path)
    assert resisting == 2.0 or found[1] < -0.2


def test_damping_of_second_sound():
    """exp(-(2/15) q^2 v Lambda t): the wave decays by its viscosity, Lambda v / 5."""
    half_period = np.pi * np.sqrt(3)
    for path in (1e-3, 1e-2):
        found = evolve(gray(path, 1e-12), CallawayGrating(nodes=48), times=[half_period])
        expected = 2 / 15 * path * half_period
        np.testing.assert_allclose(-np.log(-found.temperature[0]), expected, rtol=2 * path)


# Derivatives


def test_gradient_of_the_conductivity():
    system = grating()

    @jax.jit
    def conductivity(time, share, period):
        bands = dataclasses.replace(system.material, relaxation_time=time, resistive_share=share)
        return steady(TransientGrating(bands, period=period), FEW).conductivity

    start = (system.material.relaxation_time, system.material.resistive_share, jnp.asarray(5.0))
    found = jax.jit(jax.grad(conductivity, (0, 1, 2)))(*start)
    for index, band in ((0, 0), (0, 1), (1, 0), (1, 1), (2, ())):

        def along(x, index=index, band=band):
            changed = [a.at[band].set(x) if i == index else a for i, a in enumerate(start)]
            return conductivity(*changed)

        expected = slope(along, float(start[index][band]))
        np.testing.assert_allclose(found[index][band], expected, rtol=1e-7)


def test_gradient_of_the_signal():
    @jax.jit
    def signal(path, share):
        found = evolve(gray(path, share), CallawayGrating(nodes=48, angles=4), times=TIMES)
        return found.temperature[2] + found.entropy_production[1]

    found = jax.jit(jax.grad(signal, (0, 1)))(jnp.asarray(0.2), jnp.asarray(0.05))
    expected = (
        slope(lambda x: signal(jnp.asarray(x), jnp.asarray(0.05)), 0.2),
        slope(lambda x: signal(jnp.asarray(0.2), jnp.asarray(x)), 0.05),
    )
    np.testing.assert_allclose(found, expected, rtol=1e-7)


# Use


def test_too_few_nodes_are_told():
    with pytest.raises(SolveError, match="not_accurate"):
        evolve(gray(0.1, 0.01), CallawayGrating(nodes=16), times=[100.0])


def test_what_nothing_is_known_of_is_refused():
    with pytest.raises(ValueError, match="does not say which collisions are normal"):
        steady(TransientGrating("Si", period=1e-6), CallawayGrating())


def test_a_start_is_refused():
    with pytest.raises(ValueError, match="Leave it out: the grating starts with all bands"):
        evolve(gray(0.1, 0.01), FEW, times=[1.0], initial=1.0)


def test_single_precision():
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), gray(0.1, 0.01))
    found = evolve(single, FEW, times=jnp.asarray(TIMES, jnp.float32))
    assert found.temperature.dtype == jnp.float32
    right = evolve(gray(0.1, 0.01), FEW, times=TIMES).temperature
    np.testing.assert_allclose(found.temperature, right, atol=1e-4)
    assert steady(single, FEW).conductivity.dtype == jnp.float32


def test_job_of_second_sound(tmp_path):
    coarse = (
        "method.nodes=48",
        "method.angles=4",
        "evolve.times={ linear = [0.0, 60e-9], count = 31 }",
    )
    result = config.execute(config.load(CONFIGS / "second_sound.toml", coarse))
    store.write_result(tmp_path / "result.h5", result)
    found = store.read_result(tmp_path / "result.h5").quantities
    temperature, time = found["temperature"].values, found["time"].values
    assert temperature.shape == (4, 31)
    # a wave that swings to the other side, with a period of 3^(1/2) periods over v; and none
    swings = temperature.min(axis=1)
    assert swings[0] < -0.85 < swings[1] < -0.6 < swings[2] and swings[3] > 0.3
    lowest = time[np.argmin(temperature[0])]
    np.testing.assert_allclose(lowest, np.sqrt(3) * 62.8e-6 / 5000.0 / 2, atol=2e-9)
    curve = report.figure(result).axes[0]
    assert curve.get_ylabel().startswith("Temperature") and len(curve.get_lines()) >= 4
