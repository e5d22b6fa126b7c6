"""How a system forgets by itself, and how it answers a small force."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractSampler,
    AbstractSystem,
    Case,
    Estimate,
    Scalar,
    Schedule,
    Status,
    parameter,
    part,
    quantity,
    setting,
    simulate,
)

from ._ensemble import LangevinEnsemble
from ._experiment import AbstractFindings
from ._potentials import Harmonic
from ._sampler import AbstractIntegrator
from ._surroundings import AbstractDrive, Control, Position
from ._systems import AbstractParticle, Overdamped
from ._walker import LangevinState

_LAG = ("lag",)


class FluctuationResponse(AbstractFindings):
    r"""Fluctuation and response of one coordinate in a stationary state.

    With the displacement :math:`\Delta(t) = x(t) - x(0)`

    .. math:: \frac{\mathrm{Var}\,\Delta(t)}{2T} = \frac{C(0) - C(t)}{T}
              \quad\text{and}\quad \chi(t) = \frac{\partial\langle\Delta(t)\rangle}{\partial f}

    for a force f that is switched on at t = 0. In equilibrium they are one (Kubo, Rep. Prog. Phys.
    29, 255, 1966), however strongly the particle is bound or free. Driven, they differ: the second
    derivative of T times the `violation`, at t = 0 and summed over coordinates with the square of
    the mean velocity, is the heat over the friction (Harada and Sasa, Phys. Rev. Lett. 95, 130602,
    2005). A finite step adds to the difference: in a well of stiffness k a share of
    :math:`k\,dt/2\gamma` with `EulerMaruyama`; do not take `LeimkuhlerMatthews`, whose steps share
    their noise. `ensemble` is the unperturbed one.
    """

    primary: ClassVar[str] = "fluctuation"

    lag: Float[Array, " lag"] = quantity(
        doc="Time since the force was switched on", dims=_LAG, coordinate=True
    )
    fluctuation: Estimate = quantity(
        doc="Variance of the displacement over twice the temperature", dims=_LAG, scale="linear"
    )
    response: Estimate = quantity(
        doc="Displacement per force that is switched on at lag 0",
        dims=_LAG,
        reference_for="fluctuation",
    )
    violation: Estimate = quantity(
        doc="Fluctuation less response: 0 in equilibrium", dims=_LAG, scale="linear"
    )


class FluctuationDissipation(AbstractSampler):
    r"""Three ensembles with the same random numbers: one left alone, two pushed.

    After `burn_in` a force f acts on one coordinate of the second and -f of the third. Half the
    difference of their displacements is the response, but for an error of order :math:`f^2`; what
    the noise does to both cancels. The times are those of the integrator's `frames`.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (AbstractParticle,)

    integrator: AbstractIntegrator = part(AbstractIntegrator, doc="Scheme for the paths")
    coordinate: int = setting(doc="Which coordinate, from 0", default=0)
    force: Scalar = parameter(range="(0, inf)", doc="Force f that is switched on", default=0.05)

    replicas: ClassVar[Any] = property(lambda self: self.integrator.replicas)  # no field

    @property
    def compiler_options(self) -> dict[str, Any]:
        return self.integrator.compiler_options

    def check(self, system: AbstractParticle) -> None:
        kind = type(system).__name__
        if not isinstance(system, self.integrator.systems):
            able = ", ".join(cls.__name__ for cls in self.integrator.systems)
            treats = f"{type(self.integrator).__name__} treats {able}"
            raise ValueError(f"FluctuationDissipation: {treats}, not {kind}.")
        self.integrator.check(system)
        if self.coordinate >= system.dimension:
            raise ValueError(
                f"FluctuationDissipation: coordinate = {self.coordinate} is not one of the "
                f"{system.dimension} of {kind}, which count from 0."
            )
        if not self.integrator.frames:
            raise ValueError(
                "FluctuationDissipation: integrator.frames = 0 keeps no instants. Give the number "
                "of times at which the two are to be compared."
            )
        if system.protocol is not None or not system.uniform:
            raise ValueError(
                f"FluctuationDissipation: {kind} has "
                + ("a protocol" if system.protocol is not None else "a bath that varies in space")
                + ". The state must be stationary, and its baths the same everywhere."
            )

    def schedule(self, time: float | None, burn_in: float) -> Schedule:
        return self.integrator.schedule(time, burn_in)

    def init(self, system: AbstractParticle, **plan: Any) -> LangevinState:
        def one(force: Array) -> LangevinState:
            return self.integrator.init(self._pushed(system, force), **plan)

        return eqx.filter_vmap(one)(jnp.zeros(3, system.dtype))

    def advance(
        self,
        system: AbstractParticle,
        state: LangevinState,
        steps: Any,
        *,
        schedule: Schedule,
        **plan: Any,
    ) -> LangevinState:
        def one(force: Array, own: LangevinState) -> LangevinState:
            pushed = self._pushed(system, force)
            return self.integrator.advance(pushed, own, steps, schedule=schedule, **plan)

        signs = jnp.asarray([0, 1, -1], system.dtype)
        counted = state.step[0] >= schedule.burn_in
        return eqx.filter_vmap(one)(jnp.where(counted, signs * self.force, 0), state)

    def finish(
        self, system: AbstractParticle, state: LangevinState, **plan: Any
    ) -> FluctuationResponse:
        def one(own: LangevinState) -> LangevinEnsemble:
            still = self._pushed(system, jnp.zeros((), system.dtype))
            return self.integrator.finish(still, own, **plan)

        found = eqx.filter_vmap(one)(state)
        alone = jax.tree.map(lambda leaf: leaf[0], found)
        frames, start = found.frames, found.start
        if system.dimension > 1:
            frames, start = frames[:, :, self.coordinate], start[:, self.coordinate]
        moved = frames - start[:, None]
        count = moved.shape[-1]
        apart = moved[0] - jnp.mean(moved[0], axis=-1, keepdims=True)
        temperature = system.temperature_at(system.rest[:, None])
        temperature = jnp.broadcast_to(temperature, (system.dimension, 1))[self.coordinate, 0]
        fluctuation = (apart**2 * (count / (count - 1)) / (2 * temperature)).T
        response = (moved[1] - moved[2]).T / (2 * self.force)
        failed = ~jnp.all(found.status.ok)
        return FluctuationResponse.beside(
            alone,
            lag=alone.frame_time,
            fluctuation=Estimate.from_samples(fluctuation),
            response=Estimate.from_samples(response),
            violation=Estimate.from_samples(fluctuation - response),
            status=Status.first_true(diverged=failed),
            stats={
                "steps": jnp.sum(found.stats["steps"]),
                "diverged": jnp.sum(found.stats["diverged"]),
            },
        )

    def _pushed(self, system: AbstractParticle, force: Array) -> AbstractParticle:
        """The system with a further constant force on the coordinate."""
        push = _Push(system.drive, force, self.coordinate)
        return eqx.tree_at(lambda one: one.drive, system, push, is_leaf=lambda x: x is None)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._euler_maruyama import EulerMaruyama

        trap = Overdamped(potential=Harmonic(stiffness=2.0), temperature=0.5)
        method = cls(integrator=EulerMaruyama(dt=0.005, replicas=4096, frames=2))
        plan = {"key": jax.random.key(0), "time": 3.0, "burn_in": 2.0}

        def last(name: str) -> Any:
            found = getattr(simulate(trap, method, **plan), name)
            return jax.tree.map(lambda leaf: leaf[-1], found)

        exact, source = (1 - math.exp(-2.0)) / 2, "(1 - exp(-k t)) / k"
        yield Case("trap: fluctuation", lambda: last("fluctuation"), exact, 5.0, source, error="z")
        response = lambda: last("response").value  # noqa: E731
        yield Case("trap: response", response, exact, 5e-3, source)


class _Push(AbstractDrive):
    """A drive, if there is one, and a constant force on one coordinate."""

    drive: AbstractDrive | None
    force: Scalar
    coordinate: int = eqx.field(static=True)

    def __call__(self, position: Position, control: Control) -> Position:
        own = jnp.zeros_like(position) if self.drive is None else self.drive(position, control)
        return own.at[self.coordinate].add(self.force)
