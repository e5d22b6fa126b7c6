"""From a driven steady state: Hatano and Sasa's equality holds, and Jarzynski's does not."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxneq import thermodynamics
from jaxneq._core import (
    AbstractObservable,
    AbstractSystem,
    Case,
    Estimate,
    Schedule,
    is_concrete,
    quantity,
    simulate,
)

from ._euler_maruyama import EulerMaruyama
from ._experiment import AbstractExperiment, AbstractFindings
from ._potentials import Harmonic
from ._protocols import LinearRamp
from ._surroundings import Rotation
from ._systems import AbstractLangevin, Control, Overdamped
from ._two_way import check_work, temperature_of
from ._walker import LangevinState, Sample

Sums = tuple[Float[Array, " replica"], Int[Array, ""]]


class SteadyTransition(AbstractFindings):
    r"""A protocol that starts in a driven steady state.

    .. math:: \big\langle e^{-Y}\big\rangle = 1, \qquad
              Y = \int \dot\lambda\,\partial_\lambda\phi(x, \lambda)\,dt, \qquad
              \phi = -\ln p_{ss}

    (Hatano and Sasa, Phys. Rev. Lett. 86, 3463, 2001), while Jarzynski's average
    :math:`\langle e^{-(W - \Delta F)/T}\rangle`, of all the work, is not 1: the start is no
    equilibrium. `ensemble` is the ensemble itself.
    """

    primary: ClassVar[str] = "hatano_sasa"

    hatano_sasa: Estimate = quantity(doc="Mean of exp(-Y): 1", reference_for="jarzynski_average")
    jarzynski_average: Estimate = quantity(
        doc="Mean of exp(-(W - free energy)/T): 1 from equilibrium only"
    )
    functional: Estimate = quantity(doc="Mean of Y, not negative")
    mean_work: Estimate = quantity(doc="Mean work of protocol and drive")
    free_energy: Float[Array, ""] = quantity(
        doc="Free energy difference of the potential without drive"
    )
    path_functional: Float[Array, " replica"] = quantity(
        doc="Y of each path", dims=("replica",), panel=False
    )
    path_work: Float[Array, " replica"] = quantity(
        doc="Work of each path", dims=("replica",), panel=False
    )

    def caution(self) -> str:
        if not (self.hatano_sasa.n_effective < thermodynamics.RESOLVED).any():
            return ""
        return (
            f"hatano_sasa: fewer than {thermodynamics.RESOLVED} effective samples dominate; value "
            "and error cannot be trusted. Take more replicas or a slower protocol."
        )


class HatanoSasa(AbstractExperiment):
    """A protocol from the steady state of a driven linear system without inertia.

    The drive is on during `burn_in`, which must be long enough for the steady state. Forces are to
    be linear in the position, such as those of `Harmonic` and `Rotation`: then the stationary
    density is Gaussian and known at every value of the control, by Lyapunov's equation.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (Overdamped,)

    def check(self, system: AbstractLangevin) -> None:
        check_work(self, system, self.integrator)
        if not all(map(is_concrete, jax.tree.leaves((system, jnp.zeros(()))))):
            return
        place = 1 + jnp.arange(system.dimension, dtype=system.dtype)[:, None]
        forces = [system.force(s * place, system.control_at(-place[0, 0])) for s in (0.0, 1.0, 2.0)]
        bent = jnp.abs(forces[2] - 2 * forces[1] + forces[0]).max()
        if not system.uniform or bent > 1e-4 * jnp.abs(forces[2] - forces[0]).max():
            raise ValueError(
                f"HatanoSasa: {type(system).__name__} is not linear, so its steady state is not "
                "known. Give a potential such as Harmonic, and uniform friction and temperature."
            )

    def own(self, system: AbstractLangevin, schedule: Schedule) -> tuple[AbstractObservable, ...]:
        """For every step, how the steady potential changes when the control steps."""
        halves = jnp.arange(schedule.total - schedule.burn_in + 1, dtype=system.dtype) - 0.5
        controls = jax.vmap(system.control_at)(halves * self.integrator.dt)
        potentials = jax.vmap(lambda control: _steady_potential(system, control))(controls)
        return (_Functional(*map(partial(jnp.diff, axis=0), potentials)),)

    def finish(
        self,
        system: AbstractLangevin,
        state: LangevinState,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> SteadyTransition:
        found = self.ensemble(system, state, schedule=schedule, observables=observables)
        (own,) = self.own(system, schedule)
        functional, _ = own.join(state.walker.accumulated[-1])
        temperature, protocol = temperature_of(system), system.protocol
        assert protocol is not None
        ends = protocol.before, system.control_at(found.time)
        free_energy = _free_energy(system, ends[1]) - _free_energy(system, ends[0])
        naive = thermodynamics.integral_fluctuation_theorem(
            (found.path_work - free_energy) / temperature
        )
        return SteadyTransition.beside(
            found,
            hatano_sasa=thermodynamics.hatano_sasa(functional),
            jarzynski_average=naive,
            functional=Estimate.from_samples(functional),
            mean_work=found.work,
            free_energy=free_energy,
            path_functional=functional,
            path_work=found.path_work,
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        trap = Overdamped(
            potential=Harmonic(stiffness=1.0, dimension=2),
            drive=Rotation(strength=1.0),
            protocol=LinearRamp(start=1.0, end=2.0, ramp_time=1.0),
        )
        method = cls(integrator=EulerMaruyama(dt=0.005, replicas=8192))

        def average() -> Any:
            end = simulate(trap, method, key=jax.random.key(5), time=9.0, burn_in=8.0)
            return end.hatano_sasa

        source = "Hatano and Sasa, Phys. Rev. Lett. 86, 3463 (2001)"
        yield Case("stirred trap, dragged: mean of exp(-Y)", average, 1.0, 5.0, source, error="z")


class _Functional(AbstractObservable):
    """Y of each path: the changes of phi, a quadratic form at every step, where the path is."""

    name: ClassVar[str] = "hatano_sasa"
    every: ClassVar[int] = 1
    quadratic: Float[Array, "step coordinate coordinate"]
    linear: Float[Array, "step coordinate"]
    constant: Float[Array, " step"]

    def init(self, sample: Sample) -> Sums:
        return jnp.zeros_like(sample.position[0]), jnp.int32(0)

    def update(self, accumulated: Sums, sample: Sample) -> Sums:
        (total, step), position = accumulated, sample.previous
        assert position is not None  # it is there at every step
        total = total + self.constant[step]
        for i, x in enumerate(position):
            total = total + self.linear[step, i] * x
            for j, y in enumerate(position):
                total = total + self.quadratic[step, i, j] * x * y
        return total, step + 1

    def merge(self, first: Sums, second: Sums) -> Sums:
        return first[0] + second[0], first[1] + second[1]

    def join(self, blocks: Any) -> Sums:
        return blocks[0].reshape(-1), blocks[1][0]

    def estimate(self, accumulated: Sums) -> Estimate:
        return thermodynamics.hatano_sasa(accumulated[0])


def _steady_potential(system: AbstractLangevin, control: Control) -> tuple[Array, Array, Array]:
    r"""Minus the logarithm of the stationary Gaussian, as :math:`x^T P x + q^T x + c`.

    Mean m and covariance S of :math:`\dot x = A x + b` plus noise of the diffusivity D solve
    :math:`A m + b = 0` and :math:`A S + S A^T + 2 D = 0`.
    """
    size = system.dimension

    def drift(x: Array) -> Array:
        return (system.force(x[:, None], control) / system.friction_at(x[:, None]))[:, 0]

    origin, one = jnp.zeros(size, system.dtype), jnp.eye(size, dtype=system.dtype)
    slope = jax.jacfwd(drift)(origin)
    mean = -jnp.linalg.solve(slope, drift(origin))
    ratio = system.temperature_at(origin[:, None]) / system.friction_at(origin[:, None])
    noise = one * jnp.broadcast_to(ratio, (size, 1))
    lyapunov = jnp.kron(slope, one) + jnp.kron(one, slope)
    covariance = -jnp.linalg.solve(lyapunov, 2 * noise.reshape(-1)).reshape(size, size)
    precision = jnp.linalg.inv(covariance)
    pull = precision @ mean
    constant = (mean @ pull + jnp.linalg.slogdet(covariance)[1]) / 2
    return precision / 2, -pull, constant


def _free_energy(system: AbstractLangevin, control: Control) -> Float[Array, ""]:
    """Of the quadratic potential, up to a constant."""

    def energy(x: Array) -> Array:
        return system.energy(x[:, None], control)[0]

    origin = jnp.zeros(system.dimension, system.dtype)
    slope, stiffness = jax.grad(energy)(origin), jax.hessian(energy)(origin)
    least = energy(origin) - slope @ jnp.linalg.solve(stiffness, slope) / 2
    return least + temperature_of(system) * jnp.linalg.slogdet(stiffness)[1] / 2
