"""The decay of a grating in time, by inversion of its Laplace transform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float

from jaxneq._core import (
    AbstractEvolveMethod,
    AbstractSolution,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    evolve,
    parameter,
    quantity,
    setting,
)

from ._discrete_ordinates import half_range_gauss
from ._grating import GratingProblem, TransientGrating, ballistic_suppression, gray_grating
from ._grating_response import slowest_decay


class GratingTransient(AbstractSolution):
    """The decay of a grating from equilibrium at an amplitude of 1 K.

    The temperature varies as cos(qx) and the heat flux as sin(qx); entropies are means over a
    period.
    """

    primary: ClassVar[str] = "temperature"

    time: Float[Array, " time"] = quantity(unit="s", doc="Time after the pulse", dims=("time",))
    temperature: Float[Array, " time"] = quantity(
        unit="K", doc="Amplitude of the temperature of the energy density", dims=("time",)
    )
    apparent_conductivity: Float[Array, " time"] = quantity(
        unit="W/m/K",
        doc="Conductivity of the momentary decay, - C / q^2 times d ln T / dt",
        dims=("time",),
    )
    bulk_conductivity: Float[Array, ""] = quantity(
        unit="W/m/K", doc="Conductivity of the bulk", reference_for="apparent_conductivity"
    )
    heat_flux: Float[Array, " time"] = quantity(
        unit="W/m2", doc="Amplitude of the heat flux", dims=("time",)
    )
    entropy_production: Float[Array, " time"] = quantity(
        unit="W/m3/K", doc="Entropy made by collisions, mean over a period, linearised",
        dims=("time",),
    )
    nonequilibrium: Float[Array, " time"] = quantity(
        unit="K", doc="Spread of the distribution about its temperature, rms", dims=("time",)
    )
    pseudotemperature: Float[Array, " time"] = quantity(
        unit="K",
        doc="Amplitude of the temperature to which collisions relax the phonons",
        dims=("time",),
    )
    temperature_error: Float[Array, " time"] = quantity(
        unit="K", doc="Estimated error of the temperature's amplitude", dims=("time",)
    )
    force: Float[Array, " time"] = quantity(
        unit="1/m/K",
        doc="Conjugate to the flux: half the amplitude of the gradient of 1/T",
        dims=("time",),
    )
    relaxation: Float[Array, " time"] = quantity(
        unit="K2/s", doc="Rate at which the mean square spread falls", dims=("time",)
    )
    relaxation_force: Float[Array, ""] = quantity(
        unit="J/m3/K3", doc="Conjugate to it: entropy per mean square spread"
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Largest change of energy less divergence of the flux, relative"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"heat": self.heat_flux, "relaxation": self.relaxation}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"heat": self.force, "relaxation": self.relaxation_force}


class _Wave(eqx.Module):
    """The wave at one time. The flux is told as q J / C, `loss`; `slope` is dT/dt.

    `even` and `odd` in the cosine, the distribution is ``even - 1j * odd``.
    """

    temperature: Array
    pseudotemperature: Array
    slope: Array
    loss: Array
    even: Array
    odd: Array


class LaplaceInversion(AbstractEvolveMethod):
    r"""The transform in closed form, inverted on a bent contour.

    With :math:`A_b = \frac{1}{q v_b}\arctan\frac{q v_b}{s + 1/\tau_b}` and all bands at 1 K at
    time 0

    .. math::
        \hat T_p = \frac{\sum_b C_b A_b/\tau_b}{\sum_b C_b/\tau_b\,(1 - A_b/\tau_b)}, \qquad
        C \hat T = \sum_b C_b A_b \left(1 + \hat T_p/\tau_b\right)

    The contour runs upwards just right of the rightmost singularity, so that the error is relative
    to the slowest part of the decay however small that has become; above the branch points of
    all bands that still matter it bends to the left, where the exponential falls. The trapezoidal
    rule converges exponentially; the error is estimated by the same rule half a step on.

    A ballistic wave oscillates, and a node is good for some two radians of the fastest:
    `nodes` > q v t / 2. The entropy, and it alone, is integrated over `angles`.
    Source: Weideman and Trefethen, Math. Comput. 76, 1341 (2007), for such contours.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (TransientGrating,)

    nodes: int = setting(doc="Points on the upper half of the contour", range="[16, inf)", default=64)
    angles: int = setting(doc="Directions in a half range", range="[1, inf)", default=16)
    tolerance: Scalar | None = parameter(
        doc="Largest error estimate relative to the signal |T| + t |dT/dt|; by default 1e-6 in "
        "float64 and 1e-3 in float32",
        range="(0, 1)",
        default=None,
    )

    def evolve(
        self, system: TransientGrating, *, times: Float[Array, " time"], initial: Any
    ) -> GratingTransient:
        """`initial` must be None: all bands at 1 K."""
        if initial is not None:
            raise ValueError(
                f"LaplaceInversion: initial = {initial!r}. Leave it out: the grating starts with "
                "all bands at an amplitude of 1 K, and the answer is linear in it."
            )
        grating = system.problem()
        dtype = grating.share.dtype
        mu, mu_weight = (jnp.asarray(part, dtype) for part in half_range_gauss(self.angles))
        tolerance = self.tolerance
        if tolerance is None:
            tolerance = 1e-6 if dtype == jnp.float64 else 1e-3
        frozen = lax.stop_gradient(grating)
        slowest, exists, _ = slowest_decay(frozen)
        edge = -jnp.where(exists, slowest, jnp.min(frozen.rate))
        instant = 1e-9 / jnp.max(frozen.rate * jnp.maximum(frozen.reach, 1))

        def at(time: Array):
            time = jnp.maximum(time, instant)  # nothing has happened by then
            return _invert(grating, edge, time, mu, self.nodes)

        wave, error = jax.vmap(at)(times.astype(dtype))
        scale = jnp.exp(edge * times)
        error = lax.stop_gradient(error)
        signal = jnp.abs(wave.temperature) + times * jnp.abs(wave.slope)
        unbalanced = jnp.abs(wave.slope + wave.loss)
        turnover = jnp.abs(wave.slope) + jnp.abs(wave.loss) - edge * jnp.abs(wave.temperature)

        def mean(values: Array, per_band: Array) -> Array:
            return jnp.einsum("tbm,b,m->t", values, per_band, mu_weight)

        bath, level = wave.pseudotemperature[:, None, None], wave.temperature[:, None, None]
        per_time = grating.share * grating.rate
        made = mean((wave.even - bath) ** 2 + wave.odd**2, per_time)
        spread = mean((wave.even - level) ** 2 + wave.odd**2, grating.share)
        falling = mean(wave.even * (wave.even - bath) + wave.odd**2, per_time)
        relaxation = 2 * (falling + wave.temperature * wave.slope)

        half = 1 / (2 * system.temperature**2)
        return GratingTransient(
            time=times,
            temperature=scale * wave.temperature,
            apparent_conductivity=grating.heat_capacity
            / grating.wavenumber**2
            * (wave.loss / wave.temperature),
            bulk_conductivity=system.material.bulk_conductivity(system.temperature),
            heat_flux=grating.heat_capacity / grating.wavenumber * scale * wave.loss,
            entropy_production=half * grating.heat_capacity * scale**2 * made,
            nonequilibrium=scale * jnp.sqrt(spread),
            pseudotemperature=scale * wave.pseudotemperature,
            temperature_error=scale * error,
            force=half * grating.wavenumber * scale * wave.temperature,
            relaxation=scale**2 * relaxation,
            relaxation_force=half * grating.heat_capacity / 2,
            conservation_residual=jnp.max(unbalanced / turnover),
            status=Status.first_true(
                not_finite=~jnp.all(jnp.isfinite(signal)),
                not_accurate=jnp.any(error > tolerance * signal),
            ),
            stats={},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        for reach, time, exact in (
            (0.1, 300.0, 0.368861937868318),
            (1.0, 10.0, 0.039405397760374716),
            (10.0, 3.0, -0.0017526309424064938),
        ):
            times = jnp.array([time * reach])
            yield Case(
                f"gray grating, q Lambda = {reach:g}: temperature after {time:g} relaxation times",
                lambda reach=reach, times=times: evolve(
                    gray_grating(reach), cls(), times=times
                ).temperature[0],
                exact,
                1e-9,
                "pole and branch cut, integrated independently",
            )


def _invert(
    grating: GratingProblem,
    edge: Float[Array, ""],
    time: Float[Array, ""],
    mu: Float[Array, " angle"],
    nodes: int,
) -> tuple[_Wave, Float[Array, ""]]:
    """The originals at `time`, over exp(edge * time), and the error of the temperature.

    The contour stays where it is when parameters and time are varied.
    """
    frozen, at = lax.stop_gradient((grating, time))
    depth, height = (frozen.rate + edge) * at, frozen.rate * frozen.reach * at
    point, weight, step = _contour(depth, height, nodes)
    grating, edge, at, time, mu = jax.tree.map(
        lambda leaf: leaf.astype(point.dtype), (grating, edge, at, time, mu)
    )
    kernel = weight * jnp.exp(point / at * time) / (np.pi * at)
    s = edge + point / at

    wave, emission, life = _transforms(grating, s[::2])
    ray = grating.reach[None, :, None] * mu[None, None, :]
    both = emission[:, :, None] / (life[:, :, None] ** 2 + ray**2)
    rays = {"even": life[:, :, None] * both, "odd": ray * both}
    sums = jax.tree.map(lambda v: jnp.real(jnp.tensordot(kernel[::2], v, 1)), wave | rays)

    between, _, _ = _transforms(grating, s[1::2])
    second = jnp.real(kernel[1::2] * between["temperature"])
    size = jnp.sum(jnp.abs(second)) + jnp.abs(jnp.real(edge * at) * sums["temperature"])
    error = jnp.abs(sums["temperature"] - second.sum()) + jnp.finfo(size.dtype).eps * size
    return _Wave(**sums), jnp.where(step < 2 * np.pi, error, size)


def _contour(
    depth: Float[Array, " band"], height: Float[Array, " band"], nodes: int
) -> tuple[Complex[Array, " point"], Complex[Array, " point"], Float[Array, ""]]:
    r"""Points and weights of two alternating rules in the plane of (s - edge) t, and their step.

    .. math:: z(\theta) = a + i\theta - a \ln\frac{\cosh(\theta/a) + \cosh(\Theta/a)}
              {1 + \cosh(\Theta/a)}

    is vertical up to :math:`\Theta` and then bends by 45 degrees. On it the singularities are a
    distance a away and the exponential is at most :math:`e^a`: with a step h the rule errs by
    :math:`e^{-2\pi a/h}` and rounding by :math:`e^a` times its unit, and a makes them equal. The
    points of the second rule lie half way between; to leading order it errs by the opposite.
    From a step of 2 pi on, both take the past for the future and agree on what is wrong.
    """
    digits = -jnp.log(jnp.asarray(jnp.finfo(depth.dtype).eps, depth.dtype))
    # A band that has died out by then may lie outside.
    branch = jnp.max(jnp.where(depth < digits + 5, height - depth, 0), initial=0)
    step = (branch + digits) / nodes
    for _ in range(6):  # a contraction; any step serves
        bend = digits * step / (step + 2 * np.pi)
        top = branch + jnp.minimum(2 * bend, branch)
        step = (top + digits + 2.4 * bend) / nodes
    theta = step / 2 * jnp.arange(2 * nodes, dtype=depth.dtype)

    up, down, flat = (theta - top) / bend, -(theta + top) / bend, -2 * top / bend
    level = jnp.logaddexp(0, flat)
    height_of_cosh = jnp.logaddexp(jnp.logaddexp(up, down), level)
    at_start = jnp.logaddexp(level, np.log(2) - top / bend)
    leaning = jnp.exp(up - height_of_cosh) - jnp.exp(down - height_of_cosh)
    point = lax.complex(bend - bend * (height_of_cosh - at_start), theta)
    once = step * jnp.where(theta > 0, 1, 0.5)  # the lower half mirrors the upper
    return point, lax.complex(once, once * leaning), step


def _transforms(
    grating: GratingProblem, s: Complex[Array, " node"]
) -> tuple[dict[str, Array], Complex[Array, "node band"], Complex[Array, "node band"]]:
    """Transforms of the wave at each `s`; of each band its emission and 1 + s tau. All complex."""
    life = 1 + s[:, None] / grating.rate[None, :]
    reach = grating.reach[None, :] / life
    away = reach**2 * ballistic_suppression(reach) / 3
    here = (1 - away) / life
    share, rate = grating.share[None, :], grating.rate[None, :]
    emptied = jnp.sum(share * (s[:, None] + rate * away) / life, axis=1)
    bath = jnp.sum(share * here, axis=1) / emptied
    emission = 1 / rate + bath[:, None]
    temperature = jnp.sum(share * here * emission, axis=1)
    wave = {
        "temperature": temperature,
        "pseudotemperature": bath,
        "slope": s * temperature - 1,
        "loss": jnp.sum(share * rate * emission * away, axis=1),
    }
    return wave, emission, life
