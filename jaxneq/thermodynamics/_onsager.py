"""Transport coefficients: from fluctuations in equilibrium, and from driven runs."""

from __future__ import annotations

from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxneq._core import Estimate, as_number, as_samples, is_concrete, warn_if
from jaxneq.statistics import correlation, window


class GreenKubo(eqx.Module):
    """A transport coefficient, and how it came about.

    **Fields:** `coefficient`; `cutoff`, the time at which the integral ends; `time`; `correlation`
    and `running`, the correlation and its integral up to each time, for figures.
    """

    coefficient: Estimate
    cutoff: Float[Array, ""]
    time: Float[Array, " time"]
    correlation: Estimate
    running: Estimate


class OnsagerMatrix(eqx.Module):
    r"""Linear response, :math:`J_a = \sum_b L_{ab} X_b`, one matrix for each replica.

    All errors are over replicas, so they hold whatever the correlations between the elements.
    """

    samples: Float[Array, "replicas n n"]

    @property
    def matrix(self) -> Estimate:
        """The matrix L."""
        return Estimate.from_samples(self.samples)

    @property
    def antisymmetric(self) -> Estimate:
        """``(L - L^T) / 2``: zero by Onsager's symmetry where time reversal holds."""
        return Estimate.from_samples((self.samples - jnp.swapaxes(self.samples, 1, 2)) / 2)

    @property
    def asymmetry(self) -> Float[Array, ""]:
        """The largest antisymmetric element in standard errors."""
        n = self.samples.shape[-1]
        if n < 2:
            raise ValueError("OnsagerMatrix: one coefficient has no symmetry. Give two fluxes.")
        return jnp.max(jnp.abs(self.antisymmetric.z_score(0.0)[np.triu_indices(n, 1)]))

    @property
    def smallest_eigenvalue(self) -> Float[Array, ""]:
        """Of the symmetric part: the second law wants it positive."""
        mean = jnp.mean(self.samples, axis=0)
        return jnp.linalg.eigvalsh((mean + mean.T) / 2)[0]

    def entropy_production(self, forces: Any) -> Estimate:
        r"""The rate :math:`\sum_{ab} X_a L_{ab} X_b` at the forces `X`, shape ``(n,)``."""
        forces = as_samples("OnsagerMatrix", "forces", forces, ("n",), 1)
        forces = forces.astype(self.samples.dtype)
        if forces.shape != self.samples.shape[-1:]:
            raise ValueError(
                f"OnsagerMatrix: forces has shape {forces.shape}. Give one force for each of the "
                f"{self.samples.shape[-1]} fluxes."
            )
        return Estimate.from_samples(jnp.einsum("a,rab,b->r", forces, self.samples, forces))


def green_kubo(flux: Any, dt: Any, *, other: Any = None, cutoff: float | None = None) -> GreenKubo:
    r"""A transport coefficient from the fluctuations of a flux in equilibrium.

    .. math:: L_{ab} = \int_0^\infty \langle J_a(t)\,J_b(0)\rangle\,dt

    (Green, J. Chem. Phys. 22, 398, 1954; Kubo, J. Phys. Soc. Jpn. 12, 570, 1957). Multiply by what
    the coefficient asks for: 1 for a diffusion coefficient from velocities, 1 / (V k_B T^2) for a
    heat conductivity from the heat current of the whole volume. The integral is a trapezoidal sum
    up to the automatic cut-off of `statistics.window`, at which the truncation is small against the
    noise; the error is that over replicas, of the integral up to that cut-off. A tail much slower
    and weaker than the rest is not seen: look at `running`, or give `cutoff`.

    The fluxes must have zero mean, as they have in equilibrium by time reversal; where not,
    subtract the mean before.

    **Arguments:** `flux`, shape ``(replicas, time)``, independent replicas (a long run may be cut
    into pieces many correlation times long); `dt`, the time between two values; `other`, the flux
    at the earlier time, by default the same; `cutoff`, a time.

    **Raises:** `ValueError` for wrong shapes, NaN, one replica, a cut-off beyond half the series.

    **Warns** where the series is too short for a cut-off to be found.
    """
    owner = "green_kubo"
    flux = _series(owner, "flux", flux, ("replicas", "time"))
    fluxes = flux[:, None]
    if other is not None:
        other = _series(owner, "other", other, ("replicas", "time")).astype(flux.dtype)
        if other.shape != flux.shape:
            raise ValueError(
                f"{owner}: other has shape {other.shape}, flux {flux.shape}. Give two of one shape."
            )
        fluxes = jnp.stack([flux, other], axis=1)
    dt = as_number(owner, "dt", dt, flux)
    pair, running, cut, found = _running_integrals(fluxes, dt, _steps(owner, cutoff, dt, flux))
    _warn_open(owner, found)
    pair, running = pair[:, 0, -1], running[:, 0, -1]
    time = jnp.arange(pair.shape[-1]).astype(flux.dtype) * dt
    coefficient = Estimate.from_samples(jnp.take(running, cut, axis=-1))
    return GreenKubo(
        coefficient,
        jnp.take(time, cut),
        time,
        Estimate.from_samples(pair),
        Estimate.from_samples(running),
    )


def onsager_matrix(fluxes: Any, dt: Any, *, cutoff: float | None = None) -> OnsagerMatrix:
    r"""Onsager's matrix from the fluctuations of several fluxes in equilibrium.

    .. math:: L_{ab} = \int_0^\infty \langle J_a(t)\,J_b(0)\rangle\,dt

    with the fluxes scaled so that :math:`\sum_a J_a X_a` is the entropy production over k_B. All
    elements have one cut-off, the longest that a flux alone would have (see `green_kubo`).

    **Arguments:** `fluxes`, shape ``(replicas, n, time)``; `dt`; `cutoff`, a time.

    **Raises** and **warns** as `green_kubo`.
    """
    owner = "onsager_matrix"
    fluxes = _series(owner, "fluxes", fluxes, ("replicas", "n", "time"))
    dt = as_number(owner, "dt", dt, fluxes)
    steps = _steps(owner, cutoff, dt, fluxes)
    _, running, cut, found = _running_integrals(fluxes, dt, steps)
    _warn_open(owner, found)
    return OnsagerMatrix(jnp.take(running, cut, axis=-1))


def onsager_from_driven(forces: Any, fluxes: Any) -> OnsagerMatrix:
    r"""Onsager's matrix from runs under small forces, by least squares.

    .. math:: L = \arg\min \sum_{\mathrm{runs}} |J - L X|^2

    Runs at :math:`X` and :math:`-X` together cancel the response of second order. Each replica of
    the set of runs is fitted alone; the errors are over replicas.

    **Arguments:** `forces`, shape ``(runs, n)``; `fluxes`, mean fluxes in the steady states, shape
    ``(replicas, runs, n)``.

    **Raises:** `ValueError` for wrong shapes, NaN, one replica, or forces that do not span all
    directions.
    """
    owner = "onsager_from_driven"
    fluxes = as_samples(owner, "fluxes", fluxes, ("replicas", "runs", "n"), 1)
    forces = as_samples(owner, "forces", forces, ("runs", "n"), 1).astype(fluxes.dtype)
    if forces.shape != fluxes.shape[1:]:
        raise ValueError(
            f"{owner}: forces has shape {forces.shape}, fluxes {fluxes.shape}. Give (runs, n) and "
            "(replicas, runs, n)."
        )
    _check_replicas(owner, fluxes)
    gram = forces.T @ forces
    if is_concrete(gram):
        rank, n = np.linalg.matrix_rank(np.asarray(gram)), gram.shape[0]
        if rank < n:
            raise ValueError(
                f"{owner}: the forces span {rank} of {n} directions. Give runs with independent "
                "forces."
            )
    weights = jnp.linalg.solve(gram, forces.T)
    return OnsagerMatrix(jnp.einsum("bk,rka->rab", weights, fluxes))


def _series(owner: str, name: str, values: Any, dims: tuple[str, ...]) -> Array:
    values = as_samples(owner, name, values, dims, 4)
    _check_replicas(owner, values)
    return values


def _check_replicas(owner: str, values: Array) -> None:
    if values.shape[0] < 2:
        raise ValueError(
            f"{owner}: one replica has no error bar. Give at least two, or cut a long run into "
            "pieces."
        )


def _steps(owner: str, cutoff: float | None, dt: Array, series: Array) -> int | None:
    if cutoff is None:
        return None
    if not (is_concrete(cutoff) and is_concrete(dt)):
        raise ValueError(f"{owner}: cutoff and dt fix the number of steps and cannot be traced.")
    longest = series.shape[-1] // 2 - 1
    steps = round(cutoff / float(dt))
    if not 1 <= steps <= longest:
        raise ValueError(
            f"{owner}: cutoff = {cutoff:g} is not in [{float(dt):g}, {longest * float(dt):g}], one "
            "step to half of the series."
        )
    return steps


def _warn_open(owner: str, found: Array) -> None:
    warn_if(
        ~found,
        f"{owner}: the correlation has not decayed within half of the series, so the integral is "
        "not complete. Give longer series.",
    )


@partial(jax.jit, static_argnames="steps")
def _running_integrals(
    fluxes: Float[Array, "replicas n time"], dt: Float[Array, ""], steps: int | None
) -> tuple[Array, Array, Int[Array, ""], Bool[Array, ""]]:
    """Correlations of all pairs, their integrals up to each time, and where to stop."""
    first, second = jnp.broadcast_arrays(fluxes[:, :, None], fluxes[:, None])
    pairs = correlation(first, second)
    sums = jnp.cumsum(pairs, axis=-1) - (pairs + pairs[..., :1]) / 2
    if steps is not None:
        return pairs, sums * dt, jnp.int32(steps), jnp.array(True)
    own = jnp.diagonal(jnp.mean(pairs, axis=0)).T
    samples = fluxes.shape[0] * fluxes.shape[-1]
    cuts, found = jax.vmap(lambda c: window(c / c[0], samples))(own)
    return pairs, sums * dt, jnp.max(cuts), jnp.all(found)
