"""Work forward and in reverse, and the free energy between the two ends."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from jaxneq import thermodynamics
from jaxneq._core import (
    AbstractSolution,
    Case,
    Estimate,
    Status,
    quantity,
    setting,
    simulate,
)

from ._ensemble import LangevinEnsemble
from ._experiment import where_any_failed, worse
from ._potentials import BreathingHarmonic
from ._protocols import LinearRamp
from ._systems import AbstractLangevin, Overdamped
from ._two_way import AbstractTwoWay, States, difference, temperature_of


class WorkExperiment(AbstractSolution):
    r"""A protocol and its time reverse, each from equilibrium, as in a pulling experiment.

    .. math:: \frac{p_F(W)}{p_R(-W)} = e^{(W - \Delta F)/T}

    (Crooks, Phys. Rev. E 60, 2721, 1999): the densities of the work forward and of minus the work
    in reverse cross at the free energy. `forward` and `reverse` are the two ensembles. What is
    dissipated is the work less the free energy; its error adds those of both in squares, which is
    rather too much. `entropy_production` is that of the forward and the reverse process, each with
    the relaxation that follows, over the duration of both.
    """

    primary: ClassVar[str] = "free_energy"
    forward: LangevinEnsemble
    reverse: LangevinEnsemble

    free_energy: Estimate = quantity(
        doc="Free energy difference by Bennett's acceptance ratio", marks="work"
    )
    jarzynski: Estimate = quantity(doc="Free energy difference from the work forward")
    reverse_jarzynski: Estimate = quantity(doc="Free energy difference from the work in reverse")
    cumulant: Estimate = quantity(doc="Free energy difference from two cumulants of the work")
    crossing: Estimate = quantity(doc="Work at which the densities cross")
    crooks_slope: Estimate = quantity(
        doc="Temperature times the slope of ln p_F(W)/p_R(-W): 1 by Crooks' theorem"
    )
    crooks_p_value: Float[Array, ""] = quantity(
        doc="Probability of a larger departure from Crooks' theorem, if it holds"
    )
    mean_work: Estimate = quantity(doc="Mean work forward")
    reverse_mean_work: Estimate = quantity(doc="Mean work in reverse")
    dissipated_work: Estimate = quantity(doc="Mean work forward, less the free energy")
    reverse_dissipated_work: Estimate = quantity(doc="Mean work in reverse, plus the free energy")
    violations: Estimate = quantity(doc="Share of the paths forward with work below free energy")
    direction: Int[Array, " direction"] = quantity(
        doc="Direction of time",
        dims=("direction",),
        flag_values=[0, 1],
        flag_meanings="forward reverse",
    )
    work: Float[Array, " work"] = quantity(
        doc="Work forward, minus the work in reverse", dims=("work",)
    )
    density: Estimate = quantity(
        doc="Probability density of the work", dims=("direction", "work"), panel=True
    )
    path_work: Float[Array, "direction replica"] = quantity(
        doc="Work of each path", dims=("direction", "replica")
    )
    inverse_temperature: Float[Array, ""] = quantity(doc="Inverse temperature")
    dissipation: Float[Array, " direction"] = quantity(
        doc="Work dissipated over the duration of both", dims=("direction",)
    )
    entropy_production: Estimate = quantity(doc="Rate of entropy production, both directions")
    conservation_residual: Float[Array, ""] = quantity(
        doc="First law: mean shadow work relative to the energy exchanged, the larger"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"forward": self.dissipation[..., 0], "reverse": self.dissipation[..., 1]}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"forward": self.inverse_temperature, "reverse": self.inverse_temperature}

    def where_it_failed(self) -> str:
        return where_any_failed({"Forward": self.forward, "In reverse": self.reverse})

    def caution(self) -> str:
        named = ("free_energy", "jarzynski", "reverse_jarzynski")
        few = [
            name
            for name in named
            if (getattr(self, name).n_effective < thermodynamics.RESOLVED).any()
        ]
        if not few:
            return ""
        return (
            f"{', '.join(few)}: fewer than {thermodynamics.RESOLVED} effective samples dominate; "
            "value and error cannot be trusted. Take more replicas or a slower protocol."
        )


class ForwardAndReverse(AbstractTwoWay):
    """A protocol and its time reverse, each from equilibrium: free energies from work.

    `burn_in` brings both to equilibrium at their own start.
    """

    bins: int = setting(doc="Bins of the densities of work", range="[2, inf)", default=60)

    def finish(self, system: AbstractLangevin, state: States, **plan: Any) -> WorkExperiment:
        forward, reverse = self.ensembles(system, state, **plan)
        first, second = forward.path_work, reverse.path_work
        temperature = temperature_of(system)
        beta = 1 / temperature
        free_energy = thermodynamics.bar(first, second, beta)
        test = thermodynamics.crooks_ratio_test(first, second, beta)
        back = free_energy.scaled(-1.0)
        work, density = densities(first, -second, self.bins)
        lost = jnp.stack([forward.work.value, reverse.work.value])
        lost = lost + free_energy.value * jnp.asarray([-1.0, 1.0], lost.dtype)
        spent = difference(forward.work, reverse.work.scaled(-1.0))
        both = 2 * forward.time
        return WorkExperiment(
            forward=forward,
            reverse=reverse,
            free_energy=free_energy,
            jarzynski=thermodynamics.jarzynski(first, beta),
            reverse_jarzynski=thermodynamics.jarzynski(second, beta).scaled(-1.0),
            cumulant=thermodynamics.cumulant_expansion(first, beta),
            crossing=thermodynamics.crooks_crossing(first, second),
            crooks_slope=test.slope.scaled(temperature),
            crooks_p_value=test.p_value,
            mean_work=forward.work,
            reverse_mean_work=reverse.work,
            dissipated_work=difference(forward.work, free_energy),
            reverse_dissipated_work=difference(reverse.work, back),
            violations=thermodynamics.transient_violations(first, free_energy.value),
            direction=jnp.arange(2, dtype=jnp.int32),
            work=work,
            density=density,
            path_work=jnp.stack([first, second]),
            inverse_temperature=beta,
            dissipation=lost / both,
            entropy_production=spent.scaled(beta / both),
            conservation_residual=jnp.maximum(
                forward.conservation_residual, reverse.conservation_residual
            ),
            status=worse(forward.status, reverse.status),
            stats={
                "steps": forward.stats["steps"] + reverse.stats["steps"],
                "diverged": forward.stats["diverged"] + reverse.stats["diverged"],
            },
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._euler_maruyama import EulerMaruyama

        trap = Overdamped(
            potential=BreathingHarmonic(stiffness=1.0), protocol=LinearRamp(end=1.0, ramp_time=1.0)
        )
        method = cls(integrator=EulerMaruyama(dt=0.005, replicas=8192))

        def found(name: str) -> Any:
            end = simulate(trap, method, key=jax.random.key(4), time=5.0, burn_in=4.0)
            return getattr(end, name)

        exact = math.log(2) / 2, 0.4124657985347547
        sources = "T/2 ln(k_f/k_i)", "moment equation of the linear protocol"
        for name, value, source in zip(("free_energy", "mean_work"), exact, sources, strict=True):
            title = f"breathing trap, forward and reverse: {name.replace('_', ' ')}"
            yield Case(title, lambda name=name: found(name), value, 5.0, source, error="z")


def densities(
    first: Float[Array, " replica"], second: Float[Array, " replica"], bins: int
) -> tuple[Float[Array, " bins"], Estimate]:
    """Two densities on common bins: the middles, and the densities with counting errors.

    The bins leave out the thousandth at either end, which would make them wide.
    """
    both = lax.stop_gradient(jnp.stack([first, second]))
    low, high = jnp.quantile(both, jnp.asarray([0.001, 0.999], both.dtype))
    edges = jnp.linspace(low, high, bins + 1)
    counts = jnp.stack([jnp.histogram(one, edges)[0].astype(both.dtype) for one in both])
    number, width = both.shape[1], edges[1] - edges[0]
    share = counts / number
    stderr = jnp.sqrt(share * (1 - share) / number) / width
    return (edges[1:] + edges[:-1]) / 2, Estimate(share / width, stderr, counts)
