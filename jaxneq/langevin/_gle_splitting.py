"""A splitting for baths with memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import AbstractSystem, Case, simulate

from ._generalized import GeneralizedLangevin
from ._potentials import Harmonic
from ._sampler import AbstractIntegrator
from ._splitting import drift, exchanged, kick
from ._systems import Control, Noise
from ._walker import Walker

Matrix = Float[Array, "state state"]


class GLESplitting(AbstractIntegrator):
    r"""Kick, drift, exchange with the bath and its memory, drift, kick.

    As BAOAB, but the exchange is the exact step of velocity and memory :math:`(v, z)` together,
    :math:`y \to e^{M dt} y + \eta` with the covariance :math:`\int_0^{dt} e^{Ms} D e^{M^T s} ds`.
    Of order 2. In a harmonic well the positions have the exact stationary distribution at any
    stable step, for the exchange keeps velocities and memory in equilibrium with any positions,
    as in BAOAB (the embedding is that of Baczewski and Bond, J. Chem. Phys. 139, 044107, 2013).
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (GeneralizedLangevin,)
    normals: ClassVar[int] = 1

    def remember(self, system: GeneralizedLangevin, normals: Noise) -> Any:
        """The forces of the bath in units of their width, (kernel, coordinate, replica)."""
        shape = (system.kernels, system.dimension, normals.shape[-1])
        return normals[: shape[0] * shape[1]].reshape(shape)

    def mover(
        self, system: GeneralizedLangevin
    ) -> Callable[[Walker, tuple[Noise, ...], Control], Walker]:
        step = propagator(system, self.dt)
        return partial(self._move, system, step)

    def move(
        self,
        system: GeneralizedLangevin,
        walker: Walker,
        normals: tuple[Noise, ...],
        control: Control,
    ) -> Walker:
        return self.mover(system)(walker, normals, control)

    def _move(
        self,
        system: GeneralizedLangevin,
        step: tuple[Matrix, Matrix],
        walker: Walker,
        normals: tuple[Noise, ...],
        control: Control,
    ) -> Walker:
        half = self.dt / 2
        walker = drift(kick(system, walker, control, half), half)
        thermal = jnp.sqrt(system.temperature_at(walker.position) / system.mass)
        mean, root = step
        noise = normals[0].reshape(1 + system.kernels, *walker.position.shape)
        assert walker.velocity is not None
        state = jnp.concatenate([(walker.velocity / thermal)[None], walker.memory])
        state = jnp.tensordot(mean, state, 1) + jnp.tensordot(root, noise, 1)
        walker = exchanged(system, walker, state[0] * thermal)
        walker = eqx.tree_at(lambda w: w.memory, walker, state[1:])
        return kick(system, drift(walker, half), control, half)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        trap = GeneralizedLangevin(
            potential=Harmonic(), strengths=jnp.array([1.0, 4.0]), rates=jnp.array([0.5, 3.0])
        )
        method = cls(dt=0.1, replicas=4096)

        def temperature() -> Any:
            return simulate(trap, method, key=jax.random.key(2), time=20.0).kinetic_temperature

        yield Case(
            "harmonic trap, two exponentials, dt = 0.1: kinetic temperature",
            temperature,
            1.0 - 0.1**2 / 4,
            5.0,
            "T (1 - omega^2 dt^2 / 4), the kicks of BAOAB",
            error="z",
        )


def propagator(system: GeneralizedLangevin, dt: Float[Array, ""]) -> tuple[Matrix, Matrix]:
    r"""The mean :math:`e^{M dt}` and a root of the covariance of one exchange with the bath.

    In units of their thermal widths velocity and forces turn into each other,
    :math:`M_{0k} = -M_{k0} = \sqrt{c_k/m}`, and decay, :math:`M_{00} = -\gamma/m`,
    :math:`M_{kk} = -\nu_k`; the noise is :math:`D = -2\,\mathrm{diag}\,M`. Both are found for a
    step 2^16 times shorter and doubled, without a difference of close numbers.
    """
    turn = jnp.sqrt(system.strengths / system.mass)
    decay = jnp.concatenate([(system.friction / system.mass)[None], system.rates])
    drift_matrix = (-jnp.diag(decay)).at[0, 1:].set(turn).at[1:, 0].set(-turn)
    doublings, order = 16, 6
    h = dt / 2**doublings

    moved = jnp.zeros_like(drift_matrix)  # e^{M h} - 1
    spread = jnp.zeros_like(drift_matrix)
    power, growth = jnp.eye(decay.size, dtype=decay.dtype), jnp.diag(2 * decay) * h
    for n in range(1, order):
        power = power @ drift_matrix * (h / n)
        moved, spread = moved + power, spread + growth
        growth = (drift_matrix @ growth + growth @ drift_matrix.T) * (h / (n + 1))

    def double(_: Any, both: tuple[Matrix, Matrix]) -> tuple[Matrix, Matrix]:
        moved, spread = both
        crossed = moved @ spread
        spread = 2 * spread + crossed + crossed.T + crossed @ moved.T
        return 2 * moved + moved @ moved, spread

    moved, spread = lax.fori_loop(0, doublings, double, (moved, spread))
    return moved + jnp.eye(decay.size, dtype=decay.dtype), jnp.linalg.cholesky(spread)
