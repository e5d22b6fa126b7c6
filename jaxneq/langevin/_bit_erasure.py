"""Erasing a bit and creating one: the least heat, and the most work to be had."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq import thermodynamics
from jaxneq._core import (
    AbstractSolution,
    AbstractSystem,
    Case,
    Estimate,
    Schedule,
    Status,
    quantity,
    setting,
    simulate,
)

from ._ensemble import LangevinEnsemble
from ._euler_maruyama import EulerMaruyama
from ._experiment import where_any_failed, worse
from ._potentials import DoubleWell
from ._protocols import PiecewiseLinear, Together
from ._systems import AbstractLangevin, Overdamped
from ._two_way import AbstractTwoWay, States, temperature_of


class Erasure(AbstractSolution):
    r"""A bit that is erased by a protocol, and created by its reverse.

    .. math:: Q \ge T\,[\ln 2 - h(p)] + \frac{\gamma\,\mathcal W_2^2}{\tau}

    with the success rate p and its entropy h (Landauer, IBM J. Res. Dev. 5, 183, 1961; the second
    term, by the distance of the two densities, Aurell et al., J. Stat. Phys. 147, 487, 2012).
    The state confined to one well has a free energy larger by :math:`T \ln 2`, and so say the
    paths that succeed, :math:`\langle \mathbf 1_s e^{-W/T}\rangle = e^{-\Delta F/T}`, and those
    that create a bit, which may yield up to that work. The heat is the work less the change of
    energy. `forward` erases, `reverse` creates.
    """

    primary: ClassVar[str] = "heat"
    forward: LangevinEnsemble
    reverse: LangevinEnsemble

    heat: Estimate = quantity(doc="Mean heat of erasure")
    landauer_bound: Float[Array, ""] = quantity(
        doc="Least heat for this success rate", reference_for="heat"
    )
    finite_time_bound: Float[Array, ""] = quantity(
        doc="Least heat in this time, between these densities", reference_for="heat"
    )
    erasure_work: Estimate = quantity(doc="Mean work of erasure")
    creation_work: Estimate = quantity(doc="Mean work of creation, negative where work is gained")
    success: Estimate = quantity(doc="Share of the paths that end in the well")
    free_energy: Estimate = quantity(doc="Free energy of confinement, from erasure")
    creation_free_energy: Estimate = quantity(doc="Free energy of confinement, from creation")
    heat_rate: Float[Array, ""] = quantity(doc="Mean heat of erasure per time")
    inverse_temperature: Float[Array, ""] = quantity(doc="Inverse temperature")
    entropy_production: Estimate = quantity(doc="Rate at which erasure gives entropy to the bath")
    conservation_residual: Float[Array, ""] = quantity(
        doc="First law: mean shadow work relative to the energy exchanged, the larger"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"heat": self.heat_rate}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"heat": self.inverse_temperature}

    def where_it_failed(self) -> str:
        return where_any_failed({"Erasing": self.forward, "Creating": self.reverse})

    def caution(self) -> str:
        named = ("free_energy", "creation_free_energy")
        few = [n for n in named if (getattr(self, n).n_effective < thermodynamics.RESOLVED).any()]
        if not few:
            return ""
        return (
            f"{', '.join(few)}: fewer than {thermodynamics.RESOLVED} effective samples dominate. "
            "Take more replicas or a slower protocol."
        )


class BitErasure(AbstractTwoWay):
    """A bit in a double well, erased by a protocol that ends where it began, and created.

    Erasure starts at the top of the barrier, from where `burn_in` fills both wells alike. Creation
    starts in the one `well`, which `burn_in` must not let it leave.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (Overdamped,)

    well: str = setting(
        doc="Where erasure is to leave the particle", choices=("right", "left"), default="right"
    )

    def check(self, system: AbstractLangevin) -> None:
        super().check(system)
        potential = getattr(system, "potential", None)
        if not isinstance(potential, DoubleWell):
            raise ValueError(
                f"BitErasure: a bit needs two wells, not a {type(potential).__name__}. Give the "
                "potential DoubleWell."
            )

    def starts(self, system: Overdamped, initial: Any) -> tuple[Any, Any]:
        middle = jnp.zeros_like(system.rest) if initial is None else initial
        return middle, -self._side * system.rest  # which is the left well

    @property
    def _side(self) -> int:
        return 1 if self.well == "right" else -1

    def finish(
        self, system: Overdamped, state: States, *, schedule: Schedule, **plan: Any
    ) -> Erasure:
        forward, reverse = self.ensembles(system, state, schedule=schedule, **plan)
        temperature, protocol = temperature_of(system), system.protocol
        assert protocol is not None
        end, start = forward.position[None], forward.start[None]
        change = system.energy(end, system.control_at(forward.time))
        change = change - system.energy(start, protocol.before)
        heat = Estimate.from_samples(forward.path_work - change)
        succeeded = self._side * forward.position > 0
        share = Estimate.from_samples(succeeded.astype(forward.path_work.dtype))
        forgotten = math.log(2) - thermodynamics.shannon_entropy(
            jnp.stack([share.value, 1 - share.value])
        )
        moved = thermodynamics.wasserstein_squared(forward.start, forward.position)
        friction = jnp.mean(system.friction_at(system.rest[:, None]))
        # so much work that a path that fails counts for nothing, yet has derivatives
        endless = jnp.max(forward.path_work) + 1000 * temperature
        confined = jnp.where(succeeded, forward.path_work, endless)
        return Erasure(
            forward=forward,
            reverse=reverse,
            heat=heat,
            landauer_bound=thermodynamics.landauer_bound(temperature, forgotten),
            finite_time_bound=thermodynamics.landauer_bound(
                temperature,
                forgotten,
                distance_squared=moved.value,
                friction=friction,
                duration=forward.time,
            ),
            erasure_work=forward.work,
            creation_work=reverse.work,
            success=share,
            free_energy=thermodynamics.jarzynski(confined, 1 / temperature),
            creation_free_energy=thermodynamics.jarzynski(
                reverse.path_work, 1 / temperature
            ).scaled(-1.0),
            heat_rate=heat.value / forward.time,
            inverse_temperature=1 / temperature,
            entropy_production=heat.scaled(1 / (temperature * forward.time)),
            conservation_residual=jnp.maximum(
                forward.conservation_residual, reverse.conservation_residual
            ),
            status=worse(forward.status, reverse.status),
            stats={"steps": forward.stats["steps"] + reverse.stats["steps"]},
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        times = jnp.arange(5.0)
        barrier = PiecewiseLinear(times=times, values=jnp.asarray([0.0, 2.0, 2.0, 0.0, 0.0]))
        tilt = PiecewiseLinear(times=times, values=jnp.asarray([0.0, 0.0, 8.0, 8.0, 0.0]))
        bit = Overdamped(potential=DoubleWell(barrier=8.0), protocol=Together(tilt, barrier))
        method = cls(integrator=EulerMaruyama(dt=0.0005, replicas=8192))

        def energy() -> Any:
            return simulate(bit, method, key=jax.random.key(6), time=4.5, burn_in=0.5).free_energy

        source = "half of the states are left"
        yield Case(
            "bit erasure: free energy of confinement", energy, math.log(2), 5.0, source, error="z"
        )
