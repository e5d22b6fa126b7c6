"""Heat along a channel: what films and wires share, and the problem that they lower to."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractMethod,
    AbstractSolution,
    Scalar,
    Status,
    parameter,
    part,
    setting,
)
from jaxneq.materials import AbstractPhononMaterial, PhononBands

from ._channel_solution import ChannelSolution
from ._conduction import check_solid, knudsen_number, spectrum
from ._cross_section import AbstractCrossSection
from ._limits import AbstractLimiting
from ._rays import graded_gauss


class Rays(eqx.Module):
    """A quadrature over the straight rays through a cross-section.

    A ray meets one or two pairs of walls, each at equal spacings and at one angle of incidence;
    the pair that it meets more often comes first.

    **Fields:** `flight`, from wall to wall of a pair in units of the channel's size; `cosine`, of
    the angle of incidence; `share`, the weight of the ray in the bulk conductivity, which sums to
    one.
    """

    flight: Float[Array, "pair ray"]
    cosine: Float[Array, "pair ray"]
    share: Float[Array, " ray"]


class ChannelProblem(eqx.Module):
    r"""Linearised transport along a channel, without dimensions: a set of independent rays.

    .. math:: \frac{d\psi}{ds} = 1 - \psi, \qquad \psi_{in} = p\,\psi_{out}, \qquad
              \frac{\kappa_b}{\kappa_{b,bulk}} = \sum_r w_r \bar\psi_{br}

    with s in mean free paths of the band and :math:`\psi = g / (-\Lambda \Omega_y\,dT/dy)`.

    **Fields:** `reach` a, from wall to wall in mean free paths, for every pair of walls that the
    unfolded ray crosses (films and round wires have one pair, rectangles two; see `Rays`);
    `specularity` p at each; `share` w of each ray in the bulk conductivity.
    """

    reach: Float[Array, "pair band ray"]
    specularity: Float[Array, "pair band ray"]
    share: Float[Array, " ray"]


class ChannelState(eqx.Module):
    """What a method finds, in the order of the material's bands.

    `suppression` is the contribution of each band relative to its contribution in the bulk, the
    sum of what `bulk` collisions and `walls` dissipate of it, where a method knows the two.
    `profile` is the suppression at the nodes of the chords' mesh, from wall to wall.
    """

    suppression: Float[Array, " band"]
    status: Status
    stats: dict[str, Any]
    bulk: Float[Array, " band"] | None = None
    walls: Float[Array, " band"] | None = None
    profile: Float[Array, "band node"] | None = None


class AbstractChannel(AbstractLimiting):
    r"""Heat along a straight channel with rough walls, driven by a uniform temperature gradient.

    .. math:: v_b\,\Omega\cdot\nabla g_b = -\frac{g_b}{\tau_b} - v_b\Omega_y\frac{dT}{dy}, \qquad
              g_{in} = p\,g_{out} \text{ at the walls}

    Its symmetry leaves the local temperature undisturbed, so that every ray and every band is on
    its own. A wall reflects a phonon specularly with probability p and else diffusely, which
    carries no heat along the channel. p is `specularity`, or follows from the rms `roughness`
    :math:`\eta` at the wavevector k and the angle of incidence :math:`\theta`,

    .. math:: p = e^{-4 k^2 \eta^2} \text{ (Ziman)}, \qquad
              p = e^{-4 k^2 \eta^2 \cos^2\theta} \text{ (Soffer)} .

    Sources: Ziman, Electrons and Phonons (1960), chapter 11, with the exponent
    :math:`16\pi^2\eta^2/\lambda^2` of Soffer, J. Appl. Phys. 38, 1710 (1967); see Maznev, Phys.
    Rev. B 91, 134306 (2015).
    """

    material: AbstractPhononMaterial = part(
        AbstractPhononMaterial, doc="Material of the channel, by name or in full"
    )
    _: dataclasses.KW_ONLY
    specularity: Scalar | None = parameter(
        range="[0, 1]",
        doc="Probability of specular reflection; 0 unless the roughness is given",
        default=None,
    )
    roughness: Scalar | None = parameter(
        unit="m",
        range="[0, inf)",
        doc="Rms height of the walls, which gives every phonon its specularity",
        default=None,
    )
    roughness_law: str = setting(
        doc="Specularity at all angles as at normal incidence (Ziman), or by angle (Soffer)",
        choices=("Ziman", "Soffer"),
        default="Soffer",
    )
    temperature: Scalar = parameter(
        unit="K", range="(0, inf)", doc="Temperature of the channel", default=300.0
    )
    temperature_gradient: Scalar = parameter(
        unit="K/m",
        range="(0, inf)",
        doc="Fall of the temperature along the channel; the answer is linear in it",
        default=1.0,
    )

    def __check_init__(self):
        super().__check_init__()
        name = type(self).__name__
        self.material.check_temperature(self.temperature)
        check_solid(self.material, type(self).__name__)
        if self.roughness is None:
            return
        if self.specularity is not None:
            raise ValueError(
                f"{name}: specularity and roughness are both given, and the roughness sets the "
                "specularity of every phonon. Give one of them."
            )
        bands = jax.eval_shape(self.material.bands, self.temperature)
        if bands.wavevector is None:
            raise ValueError(
                f"{name}: roughness needs the wavevector of every band, and this "
                f"{type(self.material).__name__} has none. Give a material with wavevectors, such "
                'as "Si", or a specularity.'
            )

    @property
    @abc.abstractmethod
    def size(self) -> Float[Array, ""]:
        """The length (m) that the Knudsen number compares with the mean free path."""

    @property
    @abc.abstractmethod
    def wall_density(self) -> Float[Array, ""]:
        """Perimeter over area of the cross-section (1/m)."""

    @abc.abstractmethod
    def rays(self, angles: int) -> Rays:
        """The rays; `angles` is the number of directions to a wall of a film."""

    @abc.abstractmethod
    def cross_section(self) -> AbstractCrossSection:
        """The cross-section, in units of `size`."""

    @abc.abstractmethod
    def ballistic_suppression(
        self, knudsen: Float[Array, " band"], specularity: Float[Array, " band"]
    ) -> Float[Array, " band"]:
        """The asymptote of every band's suppression for large Knudsen numbers."""

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._closed_form import ClosedForm
        from ._path_monte_carlo import PathMonteCarlo

        return {"steady": ClosedForm(), "simulate": PathMonteCarlo()}.get(verb)

    def bands(self) -> PhononBands:
        """The material's bands at the channel's temperature."""
        return self.material.bands(self.temperature)

    def specularity_at(
        self, cosine: Float[Array, "..."], wavevector: Float[Array, "..."] | None
    ) -> Float[Array, "..."]:
        """The probability of specular reflection at that cosine of the angle of incidence.

        Element by element; `wavevector` (1/m) counts only where a roughness is given.
        """
        if self.roughness is None:
            given = 0 * self.size if self.specularity is None else self.specularity
            return jnp.broadcast_to(given, cosine.shape)
        assert wavevector is not None  # checked when the channel was built
        phase = 2 * wavevector * self.roughness
        if self.roughness_law == "Soffer":
            return jnp.exp(-((phase * cosine) ** 2))
        return jnp.exp(-(phase**2))

    def _specularity(
        self, bands: PhononBands, cosine: Float[Array, "pair ray"]
    ) -> Float[Array, "pair band ray"]:
        shape = (cosine.shape[0], bands.mean_free_path.shape[0], cosine.shape[1])
        wavevector = bands.wavevector
        if wavevector is not None:
            wavevector = jnp.broadcast_to(wavevector[None, :, None], shape)
        return self.specularity_at(jnp.broadcast_to(cosine[:, None, :], shape), wavevector)

    def problem(self, angles: int) -> ChannelProblem:
        bands, rays = self.bands(), self.rays(angles)
        knudsen = bands.mean_free_path / self.size
        return ChannelProblem(
            reach=rays.flight[:, None, :] / knudsen[None, :, None],
            specularity=self._specularity(bands, rays.cosine),
            share=rays.share,
        )

    def solution(self, state: ChannelState) -> ChannelSolution:
        bands = self.bands()
        bulk = bands.conductivity_by_band
        by_band = bulk * state.suppression
        conductivity = by_band.sum()
        force = self.temperature_gradient / self.temperature**2
        rate = self.temperature_gradient * force  # entropy production per conductivity
        entropy = {"entropy_production": rate * conductivity}
        residual = jnp.zeros_like(conductivity)
        if state.bulk is not None and state.walls is not None:
            inside, outside = jnp.sum(bulk * state.bulk), jnp.sum(bulk * state.walls)
            entropy["entropy_production_bulk"] = rate * inside
            entropy["entropy_production_walls"] = rate * outside
            residual = jnp.abs((inside + outside) / conductivity - 1)
        return ChannelSolution(
            **self.local(state),
            conductivity=conductivity,
            bulk_conductivity=bulk.sum(),
            knudsen_number=knudsen_number(bands, self.size),
            heat_flux=conductivity * self.temperature_gradient,
            **spectrum(bands, by_band),
            force=force,
            **entropy,
            conservation_residual=residual,
            status=state.status,
            stats=state.stats,
        )

    def local(self, state: ChannelState) -> dict[str, Array]:
        """What varies over the cross-section, where a chord is a line across the channel."""
        return {}

    def diffusive_limit(self) -> AbstractSolution:
        bands = self.bands()
        mu, weight = graded_gauss(48, 4)
        mu, weight = (jnp.asarray(a[None], self.size.dtype) for a in (mu, weight))
        diffuse = 1 - self._specularity(bands, mu)[0]
        lost = 1.5 * jnp.sum(weight * mu * (1 - mu**2) * diffuse, axis=1)
        return self._limit(1 - lost * bands.mean_free_path * self.wall_density / 2)

    def ballistic_limit(self) -> AbstractSolution:
        if self.roughness is not None and self.roughness_law == "Soffer":
            raise ValueError(
                f"{type(self).__name__}: by Soffer's law grazing phonons are never scattered by "
                'the walls, and there is no ballistic limit. Take roughness_law = "Ziman", or '
                "the method ClosedForm."
            )
        bands = self.bands()
        specularity = self._specularity(bands, jnp.ones((1, 1), self.size.dtype))[0, :, 0]
        return self._limit(
            self.ballistic_suppression(bands.mean_free_path / self.size, specularity)
        )

    def _limit(self, suppression: Float[Array, " band"]) -> AbstractSolution:
        status = Status.first_true(
            not_finite=~jnp.all(jnp.isfinite(suppression)),
            outside_domain=jnp.any(suppression < 0),
        )
        return self.solution(ChannelState(suppression=suppression, status=status, stats={}))
