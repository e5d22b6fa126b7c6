"""The channels: films along their plane, round and rectangular wires."""

from __future__ import annotations

from collections.abc import Iterable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import Case, Scalar, parameter, steady
from jaxneq.materials import GrayMaterial, Number

from . import _exact as exact_forms
from ._channel import AbstractChannel, ChannelState, Rays
from ._cross_section import AbstractCrossSection, Box, Disc
from ._ordinates import graded_mesh
from ._rays import graded_gauss, lattice


class InPlaneFilm(AbstractChannel):
    r"""Heat along a film, in its plane (Fuchs and Sondheimer; see `AbstractChannel`).

    .. math:: \frac{\kappa}{\kappa_{bulk}} = 1 - \frac32 (1 - p)\,\mathrm{Kn} \int_1^\infty
              \left(t^{-3} - t^{-5}\right) \frac{1 - e^{-t/\mathrm{Kn}}}
              {1 - p\,e^{-t/\mathrm{Kn}}}\,dt, \qquad \mathrm{Kn} = \Lambda / L

    Source: Fuchs, Math. Proc. Camb. Phil. Soc. 34, 100 (1938).
    """

    thickness: Scalar = parameter(unit="m", range="(0, inf)", doc="Film thickness")

    @property
    def size(self) -> Float[Array, ""]:
        return self.thickness

    @property
    def wall_density(self) -> Float[Array, ""]:
        return 2 / self.thickness

    def rays(self, angles: int) -> Rays:
        mu, weight = graded_gauss(angles, 4)
        mu, share = (jnp.asarray(a, self.size.dtype) for a in (mu, 1.5 * weight * (1 - mu**2)))
        return Rays(flight=1 / mu[None], cosine=mu[None], share=share)

    def cross_section(self) -> AbstractCrossSection:
        return Box(jnp.ones(1, self.size.dtype))

    def local(self, state: ChannelState) -> dict[str, Array]:
        if state.profile is None:
            return {}
        face = graded_mesh(state.profile.shape[1] // 2)
        nodes = np.stack([face[:-1], face[1:]], axis=1).ravel()
        flux = jnp.sum(self.bands().conductivity_by_band[:, None] * state.profile, axis=0)
        return {
            "position": self.thickness * jnp.asarray(nodes, self.thickness.dtype),
            "heat_flux_profile": self.temperature_gradient * flux,
        }

    def ballistic_suppression(
        self, knudsen: Float[Array, " band"], specularity: Float[Array, " band"]
    ) -> Float[Array, " band"]:
        crossings = (1 + specularity) / (1 - specularity)
        logarithm = jnp.log(knudsen) + 1 - np.euler_gamma - _mean_log_crossings(specularity)
        return 3 / (4 * knudsen) * crossings * logarithm

    @classmethod
    def validation(cls) -> Iterable[Case]:
        for (knudsen, specularity), exact in exact_forms.IN_PLANE_FILM.items():
            yield Case(
                f"gray film, Kn = {knudsen:g}, p = {specularity:g}: conductivity over the bulk's",
                lambda kn=knudsen, p=specularity: steady(gray_film(kn, p)).suppression[0],
                exact,
                1e-9,
                "Fuchs and Sondheimer, by adaptive quadrature",
            )


class Nanowire(AbstractChannel):
    r"""Heat along a round wire (Dingle; see `AbstractChannel`).

    A path in a circle repeats its chord, :math:`a = D\cos\varphi / (\Lambda\sin\theta)` with the
    angle :math:`\theta` to the axis and :math:`\varphi` to the radius:

    .. math:: \frac{\kappa}{\kappa_{bulk}} = \frac{12}{\pi} \int_0^{\pi/2}\!\!\int_0^{\pi/2}
              \cos^2\theta\,\sin\theta\,\cos^2\varphi\;\bar\psi(a, p)\,d\varphi\,d\theta

    Source: Dingle, Proc. R. Soc. A 201, 545 (1950).
    """

    diameter: Scalar = parameter(unit="m", range="(0, inf)", doc="Diameter of the wire")

    @property
    def size(self) -> Float[Array, ""]:
        return self.diameter

    @property
    def wall_density(self) -> Float[Array, ""]:
        return 4 / self.diameter

    def rays(self, angles: int) -> Rays:
        theta, polar = _polar(2 * angles // 3)
        elevation, weight = graded_gauss(max(1, angles // 2), 2)  # of the chord above the wall
        elevation = np.pi / 2 * elevation
        around = 2 * weight * np.sin(elevation) ** 2
        sine, chord = np.sin(theta)[:, None], np.sin(elevation)[None, :]
        tables = (chord / sine, chord * sine, polar[:, None] * around[None, :])
        flight, cosine, share = (jnp.asarray(a.ravel(), self.size.dtype) for a in tables)
        return Rays(flight=flight[None], cosine=cosine[None], share=share)

    def cross_section(self) -> AbstractCrossSection:
        return Disc()

    def ballistic_suppression(
        self, knudsen: Float[Array, " band"], specularity: Float[Array, " band"]
    ) -> Float[Array, " band"]:
        return (1 + specularity) / (1 - specularity) / knudsen

    @classmethod
    def validation(cls) -> Iterable[Case]:
        for (knudsen, specularity), exact in exact_forms.ROUND_WIRE.items():
            yield Case(
                f"gray wire, Kn = {knudsen:g}, p = {specularity:g}: conductivity over the bulk's",
                lambda kn=knudsen, p=specularity: steady(gray_wire(kn, p)).suppression[0],
                exact,
                1e-9,
                "Dingle, by adaptive quadrature",
            )


class RectangularWire(AbstractChannel):
    r"""Heat along a wire of rectangular cross-section (see `AbstractChannel`).

    The two pairs of walls act independently on a path, each with the polygon of its spacing:

    .. math:: \frac{\kappa}{\kappa_{bulk}} = 3\left\langle \Omega_y^2
              \int_0^\infty e^{-s}\,E_x(s)\,E_z(s)\,ds \right\rangle

    The Knudsen number is that of the shorter side.
    """

    width: Scalar = parameter(unit="m", range="(0, inf)", doc="One side of the cross-section")
    height: Scalar = parameter(unit="m", range="(0, inf)", doc="The other side")

    @property
    def size(self) -> Float[Array, ""]:
        return jnp.minimum(self.width, self.height)

    @property
    def wall_density(self) -> Float[Array, ""]:
        return 2 / self.width + 2 / self.height

    def rays(self, angles: int) -> Rays:
        theta, polar = (jnp.asarray(a, self.size.dtype) for a in _polar(max(1, angles // 2)))
        point, weight = (
            jnp.asarray(a, self.size.dtype) for a in graded_gauss(max(1, angles // 3), 3)
        )
        # On either side of the diagonal the other pair of walls is met more often. The points are
        # dense at the diagonal: in a high rectangle these rays graze its long walls.
        corner = jnp.arctan2(self.height, self.width)
        other = np.pi / 2 - corner
        azimuth = jnp.stack([corner * (1 - point), other * (1 - point)])
        around = 2 / np.pi * jnp.stack([corner * weight, other * weight])
        side = jnp.stack([self.width, self.height]) / self.size
        near, far = jnp.cos(azimuth), jnp.sin(azimuth)
        flight = jnp.stack([side[:, None] / near, side[::-1, None] / far]).reshape(2, -1)
        cosine = jnp.stack([near, far]).reshape(2, -1)
        sine = jnp.sin(theta)[None, :, None]
        return Rays(
            flight=(flight[:, None, :] / sine).reshape(2, -1),
            cosine=(cosine[:, None, :] * sine).reshape(2, -1),
            share=(polar[:, None] * around.reshape(1, -1)).ravel(),
        )

    def cross_section(self) -> AbstractCrossSection:
        return Box(jnp.stack([self.width, self.height]) / self.size)

    def ballistic_suppression(
        self, knudsen: Float[Array, " band"], specularity: Float[Array, " band"]
    ) -> Float[Array, " band"]:
        rays, far = self.rays(48), 1e8  # Kn, at which the conductivity has reached its limit
        walls = specularity[:, None]
        found = lattice((rays.flight[:1] / far, rays.flight[1:] / far), (walls, walls))
        return far / knudsen * jnp.sum(rays.share[None] * found, axis=1)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        gray = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
        wire = cls(gray, width=1.0, height=1e9, specularity=0.5)
        yield Case(
            "gray ribbon, Kn = 1, half specular, infinitely high: conductivity over the bulk's",
            lambda: steady(wire).suppression[0],
            exact_forms.IN_PLANE_FILM[1.0, 0.5],
            1e-6,
            "the film of Fuchs and Sondheimer",
        )


def gray_film(knudsen: Number, specularity: Number = 0.0) -> InPlaneFilm:
    """A gray film of 1 m at that Knudsen number."""
    material = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=knudsen)
    return InPlaneFilm(material, thickness=1.0, specularity=specularity)


def gray_wire(knudsen: Number, specularity: Number = 0.0) -> Nanowire:
    """A gray round wire of 1 m at that Knudsen number."""
    material = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=knudsen)
    return Nanowire(material, diameter=1.0, specularity=specularity)


def _polar(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Angles to the axis and their weights in 3 cos^2 over the sphere."""
    point, weight = graded_gauss(count, 4)
    theta = np.pi / 2 * point
    return theta, 1.5 * np.pi * weight * np.cos(theta) ** 2 * np.sin(theta)


def _mean_log_crossings(specularity: Float[Array, " band"]) -> Float[Array, " band"]:
    r"""The mean of ln n over n = 1, 2, ... with weights :math:`n^2 p^{n-1}`.

    .. math:: \langle\ln n\rangle = \int_0^\infty \left(1 - \frac{1 + pe^{-t}}{1 + p}
              \left(\frac{1 - p}{1 - pe^{-t}}\right)^3\right) e^{-t}\,\frac{dt}{t}

    by the trapezoidal rule in ln t, which converges exponentially.
    """
    p = specularity[:, None]
    step = 0.25
    t = jnp.asarray(np.exp(np.arange(-40, 4, step)), p.dtype)[None]
    fall = jnp.exp(-t)
    back = (1 - p) / ((1 - p) + p * -jnp.expm1(-t))
    return step * jnp.sum((1 - (1 + p * fall) / (1 + p) * back**3) * fall, axis=1)
