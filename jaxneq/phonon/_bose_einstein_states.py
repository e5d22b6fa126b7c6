"""The states of bands in equilibrium, without linearisation."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq.materials import (
    FREQUENCY_UNIT,
    HBAR_OVER_KB,
    AbstractPhononMaterial,
    PhononBands,
)


class BandStates(eqx.Module):
    r"""Energies of the bands of a material, counted from those at a temperature :math:`T_0`.

    The state of a band is :math:`u = (e - E(T_0)) / C(T_0)`, in K. A gray band, which has no
    frequency, is classical: its state is :math:`T - T_0`.
    """

    material: AbstractPhononMaterial
    bands: PhononBands
    quantum: Float[Array, " band"]  # hbar omega / k_B, in K
    capacity: Float[Array, " band"]  # at T_0, over k_B times the number of states

    @classmethod
    def of(cls, material: AbstractPhononMaterial, temperature: Array) -> BandStates:
        bands = material.bands(temperature)
        quantum = HBAR_OVER_KB / FREQUENCY_UNIT * bands.angular_frequency
        return cls(material, bands, quantum, capacity(quantum, bands.temperature))

    def state(self, temperature: Float[Array, "*shape"]) -> Float[Array, "*shape band"]:
        """The state of bands in equilibrium at the temperature."""

        def at(t: Array) -> Array:
            gain = classical(self.quantum, t) - classical(self.quantum, self.bands.temperature)
            return gain / self.capacity

        return jnp.vectorize(at, signature="()->(b)")(temperature)

    def slope(self, temperature: Float[Array, "*shape"]) -> Float[Array, "*shape band"]:
        """Its derivative: the heat capacity over that at T_0."""

        def at(t: Array) -> Array:
            return capacity(self.quantum, t) / self.capacity

        return jnp.vectorize(at, signature="()->(b)")(temperature)

    def mean_free_path(self, temperature: Float[Array, " cell"]) -> Float[Array, "cell band"]:
        """Mean free paths at temperatures; a table has the same at all."""
        if isinstance(self.material, PhononBands):
            path = self.material.mean_free_path
            return jnp.broadcast_to(path, (temperature.shape[0], *path.shape))
        return jax.vmap(lambda t: self.material.bands(t).mean_free_path)(temperature)

    def temperature(
        self, mean: Float[Array, "*shape band"], guess: Float[Array, "*shape"]
    ) -> Float[Array, "*shape"]:
        """The temperature whose energy density is that of the mean distribution."""
        heat = self.bands.heat_capacity

        def solve(start: Array, state: Array) -> Array:
            def step(_, t: Array) -> Array:  # the energy is convex and nearly linear
                return t - jnp.sum(heat * (self.state(t) - state)) / jnp.sum(heat * self.slope(t))

            return lax.fori_loop(0, 6, step, start)

        return jnp.vectorize(solve, signature="(),(b)->()")(guess, mean)


def classical(quantum: Array, temperature: Array) -> Array:
    """Energy over k_B times the number of states (K): T x / (exp x - 1) with x = quantum / T."""
    x = quantum / temperature
    safe = jnp.where(x > 0, x, 1)
    return temperature * jnp.where(x > 0, safe / jnp.expm1(safe), 1)


def capacity(quantum: Array, temperature: Array) -> Array:
    """Its derivative, the heat capacity over k_B times the number of states."""
    half = quantum / (2 * temperature)
    safe = jnp.where(half > 0, half, 1)
    return jnp.where(half > 0, (safe / jnp.sinh(safe)) ** 2, 1)


def entropy(quantum: Array, energy: Array) -> Array:
    """Entropy over k_B, but for a constant: (1 + n) log (1 + n) - n log n."""
    return jnp.log(quantum + energy) + energy * _inverse_temperature(quantum, energy)


def _inverse_temperature(quantum: Array, energy: Array) -> Array:
    """1 / T of phonons with that energy over k_B."""
    safe = jnp.where(quantum > 0, quantum, 1)
    return jnp.where(quantum > 0, jnp.log1p(safe / energy) / safe, 1 / energy)
