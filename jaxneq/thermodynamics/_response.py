"""Linear response and how it belongs to fluctuations, near equilibrium and far from it."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxneq._core import Estimate, as_number, as_samples, is_concrete


def diffusion(displacement: Any, duration: Any) -> Estimate:
    r"""The diffusion coefficient, :math:`D = \mathrm{var}(\Delta x) / 2t`, about any drift.

    **Arguments:** `displacement`, in one direction, of each replica after `duration`, a time long
    against the correlation time of the velocity; shape ``(samples,)``.

    **Raises:** `ValueError` for wrong shapes, NaN, a duration that is not positive.
    """
    displacement = as_samples("diffusion", "displacement", displacement)
    duration = as_number("diffusion", "duration", duration, displacement)
    n = displacement.shape[0]
    square = (displacement - jnp.mean(displacement)) ** 2 * (n / (n - 1))
    return Estimate.from_samples(square / (2 * duration))


def mobility(displacement: Any, duration: Any, force: Any) -> Estimate:
    r"""The mobility under a constant force, :math:`\mu = \langle\Delta x\rangle / (F t)`.

    **Arguments:** `displacement` after `duration` under `force`, shape ``(samples,)``.

    **Raises:** `ValueError` for wrong shapes, NaN, a force that is zero.
    """
    displacement = as_samples("mobility", "displacement", displacement)
    duration = as_number("mobility", "duration", duration, displacement)
    force = as_number("mobility", "force", force, displacement, "(-inf, inf)")
    if is_concrete(force) and float(force) == 0:
        raise ValueError("mobility: force = 0 drives nothing. Give a force that is not zero.")
    return Estimate.from_samples(displacement / (force * duration))


def einstein_relation(diffusion: Estimate, mobility: Estimate, temperature: Any) -> Estimate:
    r"""The ratio that Einstein's relation says is one in equilibrium.

    .. math:: \frac{D}{\mu T} = 1

    (Einstein, Ann. Phys. 17, 549, 1905; :math:`k_B = 1`). Far from equilibrium the ratio is an
    effective temperature over T.

    **Arguments:** `diffusion` and `mobility`, from independent runs; `temperature`.
    """
    temperature = as_number("einstein_relation", "temperature", temperature, diffusion.value)
    ratio = diffusion.value / (mobility.value * temperature)
    errors = (diffusion.stderr / diffusion.value, mobility.stderr / mobility.value)
    stderr = jnp.abs(ratio) * jnp.hypot(*errors)
    return Estimate(ratio, stderr, jnp.minimum(diffusion.n_effective, mobility.n_effective))


def linear_response_by_likelihood_ratio(observable: Any, score: Any) -> Estimate:
    r"""The derivative of a mean with respect to a parameter, from runs at one value of it.

    .. math:: \frac{d\langle A\rangle}{d\theta} = \mathrm{cov}(A, q), \qquad
              q = \frac{\partial}{\partial\theta} \ln P[\mathrm{path}; \theta]

    (Glynn, Commun. ACM 33, 75, 1990; Warren and Allen, Phys. Rev. Lett. 109, 250601, 2012, where
    `q` is called a Malliavin weight). It holds from any state, near equilibrium or far. `q` has
    the mean zero and a variance that grows with time; means of both are subtracted, which lowers
    the error.

    **Arguments:** `observable`, shape ``(..., samples)``; `score`, `q` of each path, shape
    ``(samples,)``, or that of `observable` where `q` up to several times is given.

    **Raises:** `ValueError` for wrong shapes and NaN.
    """
    owner = "linear_response_by_likelihood_ratio"
    observable = as_samples(owner, "observable", observable, ("...", "samples"))
    score = as_samples(owner, "score", score, ("...", "samples")).astype(observable.dtype)
    if score.shape not in (observable.shape, observable.shape[-1:]):
        raise ValueError(
            f"{owner}: score has shape {score.shape}, observable {observable.shape}. Give one "
            "score for each sample."
        )
    score = jnp.broadcast_to(score, observable.shape)
    n = observable.shape[-1]
    product = _centred(observable) * _centred(score) * (n / (n - 1))
    return Estimate.from_samples(jnp.moveaxis(product, -1, 0))


def _centred(values: Array) -> Array:
    return values - jnp.mean(values, axis=-1, keepdims=True)


def harada_sasa(
    frequency: Any,
    spectrum: Any,
    response: Any,
    *,
    temperature: Any,
    friction: Any,
    mean_velocity: Any = 0.0,
) -> Estimate:
    r"""The heat that a driven particle dissipates, from how it violates the response relation.

    .. math:: \langle\dot Q\rangle = \gamma \Big\{ \bar v^2 + \int_{-\infty}^{\infty}
              \frac{d\omega}{2\pi} \big[\tilde C(\omega) - 2 T\,\tilde R'(\omega)\big] \Big\}

    (Harada and Sasa, Phys. Rev. Lett. 95, 130602, 2005; :math:`k_B = 1`), with the spectrum
    :math:`\tilde C` of the fluctuations of the velocity and the real part :math:`\tilde R'` of the
    response of the velocity to a force, for white noise of the one temperature. In equilibrium
    the integrand vanishes. The integral is trapezoidal, up to the largest frequency given.

    **Arguments:** `frequency`, angular, from 0 upwards, shape ``(frequency,)``; `spectrum`,
    two-sided density as of `statistics.power_spectrum`, shape ``(replicas, frequency)``;
    `response`, likewise, or ``(frequency,)`` where it is known; `mean_velocity`.

    **Returns:** the rate of heat, with the error over replicas.

    **Raises:** `ValueError` for wrong shapes, NaN, frequencies that do not grow from 0.
    """
    owner = "harada_sasa"
    spectrum = as_samples(owner, "spectrum", spectrum, ("replicas", "frequency"))
    response = as_samples(owner, "response", response, ("...", "frequency"))
    frequency = as_samples(owner, "frequency", frequency, ("frequency",))
    response, frequency = response.astype(spectrum.dtype), frequency.astype(spectrum.dtype)
    fits = response.shape in (spectrum.shape, spectrum.shape[-1:])
    if not fits or frequency.shape != spectrum.shape[-1:]:
        raise ValueError(
            f"{owner}: frequency has shape {frequency.shape}, spectrum {spectrum.shape}, response "
            f"{response.shape}. Give (frequency,), (replicas, frequency), and either."
        )
    if is_concrete(frequency):
        known = np.asarray(frequency)
        if known[0] != 0 or np.any(np.diff(known) <= 0):
            raise ValueError(f"{owner}: frequency must begin with 0 and grow. Sort it, and add 0.")
    temperature = as_number(owner, "temperature", temperature, spectrum)
    friction = as_number(owner, "friction", friction, spectrum)
    velocity = as_number(owner, "mean_velocity", mean_velocity, spectrum, "(-inf, inf)")
    violation = spectrum - 2 * temperature * jnp.broadcast_to(response, spectrum.shape)
    middle = (violation[:, 1:] + violation[:, :-1]) / 2
    integral = middle @ jnp.diff(frequency) / math.pi
    return Estimate.from_samples(friction * (velocity**2 + integral))
