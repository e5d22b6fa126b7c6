"""Diffusion along a corridor beside that of Fick and Jacobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import jax
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractObservable,
    AbstractSystem,
    Case,
    Estimate,
    Schedule,
    quantity,
    simulate,
)

from ._corridor import Corridor, check_corridor, fick_jacobs
from ._experiment import AbstractExperiment, AbstractFindings
from ._fokker_planck import FokkerPlanck
from ._systems import Overdamped
from ._walker import LangevinState


class ConfinedDiffusion(AbstractFindings):
    r"""How fast particles advance and spread along a corridor, sampled and reduced.

    Narrow places hold particles up by their entropy: :math:`D_e < T/\gamma`. `ensemble` is the
    ensemble itself.
    """

    primary: ClassVar[str] = "diffusion"

    diffusion: Estimate = quantity(doc="Variance along the corridor over twice the time")
    fick_jacobs_diffusion: Float[Array, ""] = quantity(
        doc="Diffusion by Fick and Jacobs", reference_for="diffusion"
    )
    corrected_diffusion: Float[Array, ""] = quantity(
        doc="The same with the slope of the walls", reference_for="diffusion"
    )
    velocity: Estimate = quantity(doc="Mean velocity along the corridor")
    fick_jacobs_velocity: Float[Array, ""] = quantity(
        doc="Velocity by Fick and Jacobs", reference_for="velocity"
    )


class CorridorDiffusion(AbstractExperiment):
    r"""Sampled diffusion in a `Corridor`, and the reduction to one coordinate beside it.

    The time should exceed by far that to cross one period, :math:`4\pi^2/D_e`. The reduced motion
    is solved by `FokkerPlanck` (see `fick_jacobs`).
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (Overdamped,)

    def check(self, system: Overdamped) -> None:
        check_corridor("CorridorDiffusion", system)
        super().check(system)

    def finish(
        self,
        system: Overdamped,
        state: LangevinState,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> ConfinedDiffusion:
        found = self.ensemble(system, state, schedule=schedule, observables=observables)
        method = FokkerPlanck(cells=64, ends="periodic")
        plain, corrected = (method.steady(fick_jacobs(system, each)) for each in (False, True))
        assert plain.diffusion is not None and corrected.diffusion is not None
        diffusion, velocity = jax.tree.map(lambda each: each[0], (found.diffusion, found.velocity))
        return ConfinedDiffusion.beside(
            found,
            diffusion=diffusion,
            fick_jacobs_diffusion=plain.diffusion,
            corrected_diffusion=corrected.diffusion,
            velocity=velocity,
            fick_jacobs_velocity=plain.velocity,
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._stochastic_heun import StochasticHeun

        corridor = Overdamped(potential=Corridor(stiffness=4.0, modulation=0.7))
        method = cls(integrator=StochasticHeun(dt=0.01, replicas=2048))

        def diffusion() -> Any:
            key = jax.random.key(0)
            return simulate(corridor, method, key=key, time=100.0, burn_in=20.0).diffusion

        source = "minimum of the dissipation in two dimensions, Fourier times Hermite"
        yield Case("corridor: diffusion", diffusion, 0.7577015338, 5.0, source, error="z")
