r"""A metal film on a substrate in finite volumes: what each cell holds, and what flows.

A row of cells, those of the film first; of each the rise above the ambient temperature of electrons
and bands, :math:`(u_e, u_1, \dots)`. A cell of the substrate has one temperature, in the place of
the first band; the others stay at rest. All is per area of the film.
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float


class Places(NamedTuple):
    """Temperatures (K), or other numbers, of electrons, bands and substrate."""

    electron: Float[Array, " film"]
    band: Float[Array, "film band"]
    substrate: Float[Array, " substrate"]


class TwoTemperatures(eqx.Module):
    """A film on a substrate. The substrate may have no cells."""

    ambient: Float[Array, ""]
    film_width: Float[Array, " film"]
    substrate_width: Float[Array, " substrate"]
    electron_capacity: Float[Array, ""]
    sommerfeld: Float[Array, ""]
    electron_conductivity: Float[Array, ""]
    capacity: Float[Array, " band"]
    coupling: Float[Array, " band"]
    conductivity: Float[Array, " band"]
    relaxation: Float[Array, " band"]
    substrate_capacity: Float[Array, ""]
    substrate_conductivity: Float[Array, ""]
    conductance: Float[Array, " carrier"]

    @property
    def shape(self) -> tuple[int, int]:
        return self.film_width.size + self.substrate_width.size, 1 + self.capacity.size

    @property
    def width(self) -> Float[Array, " cell"]:
        return jnp.concatenate([self.film_width, self.substrate_width])

    @property
    def present(self) -> Bool[np.ndarray, "cell carrier"]:
        """Where there is a temperature at all."""
        mask = np.ones(self.shape, bool)
        mask[self.film_width.size :] = np.arange(self.shape[1]) == 1
        return mask

    def places(self, values: Float[Array, "cell carrier"]) -> Places:
        film = self.film_width.size
        return Places(values[:film, 0], values[:film, 1:], values[film:, 1])

    def together(self, places: Places) -> Float[Array, "cell carrier"]:
        film = jnp.concatenate([places.electron[:, None], places.band], axis=1)
        below = jnp.zeros((places.substrate.size, self.shape[1]), film.dtype)
        return jnp.concatenate([film, below.at[:, 1].set(places.substrate)])

    def energy(self, rise: Float[Array, "cell carrier"]) -> Float[Array, "cell carrier"]:
        """Heat above ambient (J/m2), exact for any rise."""
        own = self.places(rise)
        slope = self.electron_capacity + self.sommerfeld * (self.ambient + own.electron / 2)
        return self.together(
            Places(
                self.film_width * slope * own.electron,
                self.film_width[:, None] * self.capacity[None] * own.band,
                self.substrate_width * self.substrate_capacity * own.substrate,
            )
        )

    def lattice(self, band: Float[Array, "*many band"]) -> Float[Array, "*many"]:
        """The mean over bands, by their heat."""
        return band @ (self.capacity / jnp.sum(self.capacity))

    def flows(self, rise: Float[Array, "cell carrier"]) -> dict[str, Array]:
        """What flows (W/m2): within each cell, and from each cell to the next."""
        own, factor = self.places(rise), self._electron_conductivity(rise)
        distance = _distances(self.film_width)
        loss = self.capacity * self.relaxation
        flows = {
            "coupling": self.film_width[:, None] * self.coupling[None] * _apart(own),
            "relaxation": self.film_width[:, None] * loss[None] * self._beyond(own.band),
            "electron_conduction": (factor[1:] + factor[:-1]) / 2 * _falls(own.electron) / distance,
            "lattice_conduction": self.conductivity[None] * _falls(own.band) / distance[:, None],
        }
        if self.substrate_width.size:
            spread = _distances(self.substrate_width)
            falls = self.substrate_conductivity * _falls(own.substrate) / spread
            flows |= {"interface": self._interface(own, factor), "substrate_conduction": falls}
        return flows

    def forces(self, rise: Float[Array, "cell carrier"]) -> dict[str, Array]:
        """What is conjugate to the flows (1/K): differences of inverse temperatures."""
        own, at = self.places(rise), self.places(self.ambient + rise)
        common = at.band - self._beyond(own.band)
        forces = {
            "coupling": _apart(own) / (at.band * at.electron[:, None]),
            "relaxation": self._beyond(own.band) / (common * at.band),
            "electron_conduction": _falls(own.electron) / (at.electron[1:] * at.electron[:-1]),
            "lattice_conduction": _falls(own.band) / (at.band[1:] * at.band[:-1]),
        }
        if self.substrate_width.size:
            below, first = at.substrate, jnp.broadcast_to(at.substrate[0], (self.shape[1],))
            forces["interface"] = (_last(own) - own.substrate[:1]) / (_last(at) * first)
            forces["substrate_conduction"] = _falls(own.substrate) / (below[1:] * below[:-1])
        return forces

    def gained(self, flows: dict[str, Array]) -> Float[Array, "cell carrier"]:
        """What each cell gains by the flows (W/m2); it adds up to 0."""
        coupling = flows["coupling"]
        electron = _gains(flows["electron_conduction"]) - jnp.sum(coupling, axis=1)
        band = _gains(flows["lattice_conduction"]) + coupling - flows["relaxation"]
        substrate = self.substrate_width
        if substrate.size:
            through = flows["interface"]
            electron, band = electron.at[-1].add(-through[0]), band.at[-1].add(-through[1:])
            substrate = _gains(flows["substrate_conduction"]).at[0].add(jnp.sum(through))
        return self.together(Places(electron, band, substrate))

    def stiffness(self, rise: Float[Array, "cell carrier"]) -> Float[Array, ""]:
        """The largest power per volume that would flow if a cell were alone at its temperature."""
        film = jnp.max(self._electron_conductivity(rise)) + jnp.max(self.conductivity)
        rate = 2 * film / jnp.min(self.film_width) ** 2 + jnp.sum(self.coupling)
        if self.substrate_width.size:
            bulk = 2 * self.substrate_conductivity / jnp.min(self.substrate_width) ** 2
            rate = jnp.maximum(rate, bulk)
        return rate * jnp.max(jnp.abs(rise))

    def _electron_conductivity(self, rise: Float[Array, "cell carrier"]) -> Float[Array, " film"]:
        at = self.places(self.ambient + rise)
        return self.electron_conductivity * at.electron / self.lattice(at.band)

    def _beyond(self, band: Float[Array, "film band"]) -> Float[Array, "film band"]:
        """How far bands are above the temperature to which they relax, which keeps their heat."""
        loss = self.capacity * self.relaxation
        weight = jnp.where(jnp.sum(loss) > 0, loss, self.capacity)
        return band - (band @ (weight / jnp.sum(weight)))[:, None]

    def _interface(self, own: Places, factor: Float[Array, " film"]) -> Float[Array, " carrier"]:
        """Through half a cell of the film, the interface, and half a cell of the substrate."""
        inner = 2 * jnp.concatenate([factor[-1:], self.conductivity]) / self.film_width[-1]
        through = inner + self.conductance
        each = self.conductance * inner / jnp.where(through > 0, through, 1)
        beyond = 2 * self.substrate_conductivity / self.substrate_width[0]
        surface = (each @ _last(own) + beyond * own.substrate[0]) / (jnp.sum(each) + beyond)
        return each * (_last(own) - surface)


def _apart(own: Places) -> Float[Array, "film band"]:
    return own.electron[:, None] - own.band


def _last(own: Places) -> Float[Array, " carrier"]:
    """At the interface's cell of the film."""
    return jnp.concatenate([own.electron[-1:], own.band[-1]])


def _distances(width: Float[Array, " cell"]) -> Float[Array, " face"]:
    return (width[1:] + width[:-1]) / 2


def _falls(values: Float[Array, "cell *rest"]) -> Float[Array, "face *rest"]:
    return values[:-1] - values[1:]


def _gains(flow: Float[Array, "face *rest"]) -> Float[Array, "cell *rest"]:
    """What cells gain by flows through the faces between them."""
    none = jnp.zeros_like(flow[:1])
    return jnp.concatenate([none, flow]) - jnp.concatenate([flow, none])
