"""The decay of a grating in time, by inversion of its Laplace transform."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Complex, Float

from jaxneq._core import (
    AbstractEvolveMethod,
    AbstractSystem,
    Case,
    Scalar,
    Status,
    evolve,
    parameter,
    setting,
)

from ._grating import GratingProblem, GratingTransient, TransientGrating, gray_grating
from ._grating_response import slowest_decay
from ._ordinates import half_range_gauss
from ._special import escaping_share, spherical_bessel


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

    Phonons that have not scattered yet are counted apart, in closed form. While those of most
    bands fly, a node is good for some two radians of the fastest: `nodes` > q v t / 2. The
    distribution, for the entropy and the spread alone, is taken at `angles` directions.
    Source: Weideman and Trefethen, Math. Comput. 76, 1341 (2007), for such contours.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (TransientGrating,)

    nodes: int = setting(
        doc="Points on the upper half of the contour", range="[16, inf)", default=96
    )
    angles: int = setting(doc="Directions in a half range", range="[1, inf)", default=8)
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

        after = jnp.maximum(times.astype(dtype), instant)  # nothing has happened by then
        wave, error = jax.vmap(lambda t: _invert(grating, edge, t, mu, self.nodes))(after)
        scale = jnp.exp(edge * after)
        error = lax.stop_gradient(error)
        signal = jnp.abs(wave.temperature) + after * jnp.abs(wave.slope)
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
    """The wave at `time`, over exp(edge * time), and the error of its temperature.

    The contour stays where it is when parameters and time are varied.
    """
    frozen, at = lax.stop_gradient((grating, time))
    contour = _contour(frozen, edge, at, nodes)
    dtype = contour.point.dtype
    grating_c, edge_c, at_c, time_c = (
        jax.tree.map(lambda leaf: leaf.astype(dtype), part) for part in (grating, edge, at, time)
    )
    kernel = contour.weight * jnp.exp(contour.point / at_c * time_c) / (math.pi * at_c)
    s = edge_c + contour.point / at_c

    scattered, life = _scattered(grating_c, s, contour.enclosed)
    first, second = (jnp.real(kernel[i::2] * scattered["temperature"][i::2]) for i in (0, 1))
    scattered, life, kernel = jax.tree.map(lambda v: v[::2], (scattered, life, kernel))
    parts = jax.tree.map(lambda v: kernel * v, scattered)
    ray = grating_c.reach[None, :, None] * mu.astype(dtype)[None, None, :]
    both = parts["pseudotemperature"][:, None, None] / (life[:, :, None] ** 2 + ray**2)
    parts |= {"even": life[:, :, None] * both, "odd": ray * both}
    later = jax.tree.map(lambda v: jnp.real(jnp.sum(v, axis=0)), parts)
    wave = jax.tree.map(jnp.add, later, _unscattered(grating, edge, time, mu))

    size = jnp.sum(jnp.abs(first)) + (1 - edge * at) * jnp.abs(wave["temperature"])
    error = jnp.abs(first.sum() - second.sum()) + jnp.finfo(size.dtype).eps * size
    return _Wave(**wave), contour.omitted + jnp.where(contour.step < 2 * math.pi, error, size)


class _Contour(eqx.Module):
    """Points and weights in the plane of (s - edge) t, of two rules that alternate.

    `enclosed` says of each band whether its branch points lie within; `omitted` is what those
    without would add.
    """

    point: Complex[Array, " point"]
    weight: Complex[Array, " point"]
    step: Float[Array, ""]
    enclosed: Bool[Array, " band"]
    omitted: Float[Array, ""]


def _contour(
    grating: GratingProblem, edge: Float[Array, ""], time: Float[Array, ""], nodes: int
) -> _Contour:
    r"""A contour for one time.

    .. math:: z(\theta) = a + i\theta - a \ln\frac{\cosh(\theta/a) + \cosh(\Theta/a)}
              {1 + \cosh(\Theta/a)}

    is vertical up to :math:`\Theta` and then bends by 45 degrees. On it the singularities are a
    distance a away and the exponential is at most :math:`e^a`: with a step h the rule takes the
    future for the present by :math:`e^{-2\pi a/h}`, rounding is :math:`e^a` times its unit, and a
    makes them equal. It takes the past for the present by :math:`e^{a + d(1 - 2\pi/h)}`, with
    d = 2.3 a by measurement. The points of the second rule lie half way between; to leading order
    it errs by the opposite, but from a step of 2 pi on both agree on what is wrong.
    """
    digits = -math.log(float(jnp.finfo(time.dtype).eps))
    depth, height = (grating.rate + edge) * time, grating.rate * grating.reach * time
    # The end of a cut, less the first flight: the jump of the band's absorption over the time.
    strength = grating.share * math.pi / (grating.reach * height) * jnp.exp(-depth)
    # Which bands to enclose: the fewest points for the least that is left out.
    needed = jnp.maximum(height - depth, 0)
    branch = jnp.append(needed, 0)
    step, bend, top = least_step(branch, digits, nodes)
    higher = needed[None, :] > 1.001 * branch[:, None]  # by more than rounding
    left_out = jnp.sum(jnp.where(higher, strength[None, :], 0), axis=1)
    future, past = -2 * math.pi * bend / step, bend * (3.3 - 4.6 * math.pi / step)
    best = jnp.argmin(left_out + jnp.exp(future) + jnp.exp(past))
    step, bend, top = step[best], bend[best], top[best]
    theta, left, weight = bent_line(step, bend, top, nodes)
    passing = jnp.where(left[:, None] < -depth[None, :], theta[:, None], jnp.inf).min(axis=0)
    enclosed = height < passing
    return _Contour(
        point=lax.complex(left, theta),
        weight=weight,
        step=step,
        enclosed=enclosed,
        omitted=jnp.sum(jnp.where(enclosed, 0, strength)),
    )


def bent_line(
    step: Float[Array, ""], bend: Float[Array, ""], top: Float[Array, ""], nodes: int
) -> tuple[Float[Array, " point"], Float[Array, " point"], Complex[Array, " point"]]:
    """Height, abscissa and weight of the points of both rules on the upper half of a contour."""
    theta = step / 2 * jnp.arange(2 * nodes, dtype=step.dtype)
    up, down, flat = (theta - top) / bend, -(theta + top) / bend, -2 * top / bend
    level = jnp.logaddexp(0, flat)
    cosh = jnp.logaddexp(jnp.logaddexp(up, down), level)
    at_start = jnp.logaddexp(level, math.log(2) - top / bend)
    leaning = jnp.exp(up - cosh) - jnp.exp(down - cosh)
    once = step * jnp.where(theta > 0, 1, 0.5)  # the lower half mirrors the upper
    return theta, bend - bend * (cosh - at_start), lax.complex(once, once * leaning)


def least_step(
    branch: Float[Array, "..."], digits: float, nodes: int
) -> tuple[Float[Array, "..."], Float[Array, "..."], Float[Array, "..."]]:
    """The step with which so many nodes pass the branch points, where to start, and how high."""
    step = (branch + digits) / nodes
    for _ in range(6):  # a contraction, and any step serves
        bend, top = _bend(step, branch, digits)
        step = (top + digits + 2.4 * bend) / nodes
    return step, *_bend(step, branch, digits)


def _bend(step: Array, branch: Array, digits: float) -> tuple[Array, Array]:
    """Where the contour starts, which is how gently it bends, and up to where it is vertical."""
    bend = digits * step / (step + 2 * math.pi)
    return bend, branch + jnp.minimum(2 * bend, branch)


def _scattered(
    grating: GratingProblem, s: Complex[Array, " node"], enclosed: Bool[Array, " band"]
) -> tuple[dict[str, Array], Complex[Array, "node band"]]:
    """Transforms of what phonons do after their first collision, and 1 + s tau. All complex.

    The absorption of a band whose cut the contour crosses is continued through the cut.
    """
    life = 1 + s[:, None] / grating.rate[None, :]
    reach = grating.reach[None, :] / life
    beyond = ~enclosed[None, :] & (jnp.real(life) < 0)
    away = escaping_share(reach) - jnp.where(beyond, math.pi / reach, 0)
    here = (1 - away) / life
    share, rate = grating.share[None, :], grating.rate[None, :]
    emptied = jnp.sum(share * (s[:, None] + rate * away) / life, axis=1)
    bath = jnp.sum(share * here, axis=1) / emptied
    temperature = jnp.sum(share * here, axis=1) * bath
    wave = {
        "temperature": temperature,
        "pseudotemperature": bath,
        "slope": s * temperature,
        "loss": jnp.sum(share * rate * away, axis=1) * bath,
    }
    return wave, life


def _unscattered(
    grating: GratingProblem,
    edge: Float[Array, ""],
    time: Float[Array, ""],
    mu: Float[Array, " angle"],
) -> dict[str, Array]:
    """What phonons do before their first collision, over exp(edge * time)."""
    left = jnp.exp(-(grating.rate + edge) * time)
    phase = grating.rate * grating.reach * time
    share = grating.share * left
    loss = share * spherical_bessel(phase) * grating.rate * grating.reach
    staying = share * jnp.sinc(phase / math.pi)
    along = phase[:, None] * mu[None, :]
    return {
        "temperature": staying.sum(),
        "pseudotemperature": jnp.zeros_like(time),
        "slope": -jnp.sum(grating.rate * staying + loss),
        "loss": loss.sum(),
        "even": left[:, None] * jnp.cos(along),
        "odd": left[:, None] * jnp.sin(along),
    }
