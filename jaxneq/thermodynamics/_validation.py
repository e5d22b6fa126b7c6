"""Numbers with known answers, for ``jaxneq validate``."""

from __future__ import annotations

import math
from collections.abc import Iterable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from jaxneq._core import Case, Estimate

from ._bennett import bar
from ._bounds import landauer_bound, wasserstein_squared
from ._edges import Edges
from ._fluctuation import detailed_fluctuation_theorem
from ._near_equilibrium import onsager_by_fluctuations, onsager_by_response
from ._passage import first_passage_times, relaxation_spectrum
from ._response import harada_sasa
from ._work import cumulant_expansion, jarzynski

DISSIPATED, FREE_ENERGY, SAMPLES = 0.5, 0.3, 20_000


def validation() -> Iterable[Case]:
    """Cases with known answers: Gaussian work, optimal transport, a gyrator."""
    gaussian = "Gaussian work: its variance is twice the dissipated work"

    def work(seed: int, free_energy: float) -> Array:
        noise = jax.random.normal(jax.random.key(seed), (SAMPLES,))
        return free_energy + DISSIPATED + math.sqrt(2 * DISSIPATED) * noise

    def both() -> Estimate:
        return bar(work(0, FREE_ENERGY), work(1, -FREE_ENERGY), 1.0)

    forward = {
        "Jarzynski": lambda: jarzynski(work(0, FREE_ENERGY), 1.0),
        "second cumulant": lambda: cumulant_expansion(work(0, FREE_ENERGY), 1.0),
        "Bennett": both,
    }
    for name, compute in forward.items():
        yield Case(f"free energy, {name}", compute, FREE_ENERGY, 5.0, gaussian, error="z")
    yield Case(
        "variance of Bennett's estimate times the number of samples",
        lambda: both().stderr ** 2 * 2 * SAMPLES,
        1.0254682289159254,
        0.03,
        "quadrature of Bennett's asymptotic variance",
    )
    yield Case(
        "slope of the detailed fluctuation theorem",
        lambda: detailed_fluctuation_theorem(work(2, 0.0)).slope,
        1.0,
        5.0,
        "symmetry of a Gaussian of variance 2 and mean 1",
        error="z",
    )

    def erased() -> Array:
        wide, narrow = jnp.linspace(-1, 1, 1001), jnp.linspace(0, 1, 1001)
        squared = wasserstein_squared(wide, narrow).value
        return landauer_bound(1.0, distance_squared=squared, duration=10.0)

    exact = math.log(2) + 0.1 / 3
    yield Case("erasure in finite time", erased, exact, 1e-3, "T ln 2 + gamma (1/3) / tau")
    yield Case(
        "heat of a gyrator by Harada and Sasa",
        lambda: gyrator_heat(0.5, 2.0, 1.0),
        -(0.5**2) * (2.0 - 1.0) / 2,
        1e-4,
        "u^2 (T_y - T_x) / 2, by Lyapunov's equation",
    )
    yield from _chains()


def _chains() -> Iterable[Case]:
    up, down = 1e-12, 1.0
    barrier = jnp.asarray([[0, up, 0], [down, 0, 1.0], [0, 1.0, 0]])
    yield Case(
        "mean time over a barrier of 12 decades",
        lambda: first_passage_times(barrier, (2,)).mean[0],
        (up + down + 1) / up,
        1e-14,
        "(u + d + o) / (u o), three states in a row",
    )
    ring = jnp.roll(jnp.eye(4), 1, axis=1) * 3 + jnp.roll(jnp.eye(4), -1, axis=1)
    gap = lambda: jnp.real(relaxation_spectrum(ring)[1])  # noqa: E731
    yield Case("gap of a ring of four", gap, 4.0, 1e-12, "(a + b) (1 - cos k)")

    def asymmetry() -> Array:
        forward = jnp.asarray([2.0, 3.0, 6.0])  # affinity of the cycle: ln(2 3 / 6)
        edges = Edges(forward, jnp.ones(3), tail=(0, 1, 0), head=(1, 2, 2), size=3)
        counts = jnp.asarray([[1.0, 0.5, 0.0], [0.0, 1.0, 2.0]])
        response = onsager_by_response(edges, counts, 0.2)
        return jnp.max(jnp.abs(response - onsager_by_fluctuations(edges, counts)))

    source = "Onsager (1931); Green and Kubo"
    yield Case("response less fluctuations in equilibrium", asymmetry, 0.0, 1e-13, source,
               error="absolute")  # fmt: skip


def gyrator_heat(u: float, hot: float, cold: float) -> Array:
    """Heat to the bath of x, of two overdamped particles in (x^2 + y^2)/2 + u x y.

    The spectra are those of the linear equations, at frequencies up to 1e6.
    """
    frequency = jnp.sinh(jnp.linspace(0, 15, 4001))
    own = lax.complex(jnp.ones_like(frequency), frequency)
    determinant = own**2 - u**2
    power = (1 + frequency**2) * hot + u**2 * cold
    spectrum = 2 * frequency**2 * power / jnp.abs(determinant) ** 2
    response = -frequency * jnp.imag(own / determinant)
    replicas = jnp.stack([spectrum, spectrum])  # without noise
    return harada_sasa(frequency, replicas, response, temperature=hot, friction=1.0).value
