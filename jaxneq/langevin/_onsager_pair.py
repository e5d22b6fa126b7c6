r"""Drift in a temperature gradient, and the heat that is carried when dragged.

On a ring with the energy U(x), the temperature :math:`T_0 [1 + \epsilon g(x)]` and the force f, a
steady current J has the velocity :math:`v = J L` and takes from the bath at x the heat
:math:`J (U' - f)\,dx`. To second order in f and :math:`\epsilon` its entropy production is

.. math:: \sigma = \oint \frac{J (f - U')}{T}\,dx = v\,\frac f{T_0} + q\,\frac\epsilon{T_0},
          \qquad q = J \oint U' g\,dx,

so :math:`f/T_0` and :math:`\epsilon/T_0` are conjugate to the velocity and to the heat taken where
it is hot and given where it is cold. Of the overdamped motion these two are all, and proportional
to each other: :math:`L_{qq} L_{xx} = L_{xq} L_{qx}`. What the kinetic energy carries down the
gradient besides adds to :math:`L_{qq}` a term that diverges as the mass goes to 0 (the entropic
anomaly: Hondou and Sekimoto, Phys. Rev. E 62, 6021, 2000; Celani et al., Phys. Rev. Lett. 109,
260603, 2012); the coefficients off the diagonal have a limit, which is what is measured here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import i0e
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractObservable,
    AbstractSolution,
    AbstractSystem,
    Case,
    Estimate,
    Schedule,
    Status,
    is_concrete,
    quantity,
    simulate,
)

from ._experiment import AbstractExperiment
from ._potentials import TiltedCosine
from ._surroundings import CosineProfile
from ._systems import AbstractLangevin, Overdamped, check_parts
from ._walker import LangevinState, Sample


def cross_coefficient(system: Overdamped) -> Float[Array, ""]:
    r"""The Onsager coefficient between force and temperature gradient, in closed form.

    .. math:: L_{xq} = L_{qx} = D\,\langle U' g\rangle
              = \frac{T_0}{\gamma}\,\frac{V_0 \sin\varphi}{2\,I_0(V_0/T_0)^2}

    with the diffusion D of Lifson and Jackson, for `TiltedCosine` and a `CosineProfile` of the
    phase :math:`\varphi`, whose amplitude and force do not matter here (the ring of Buettiker, Z.
    Phys. B 68, 161, 1987, and Landauer, J. Stat. Phys. 53, 233, 1988).

    **Raises:** `ValueError` for other potentials or profiles.
    """
    _check("cross_coefficient", system)
    ring, profile = system.potential, system.temperature_profile
    assert isinstance(ring, TiltedCosine) and isinstance(profile, CosineProfile)
    ratio = ring.amplitude / system.temperature
    diffusion = system.temperature / system.friction
    diffusion = diffusion * jnp.exp(-2 * jnp.abs(ratio)) / i0e(ratio) ** 2
    return diffusion * ring.amplitude * jnp.sin(profile.phase) / 2


class CrossEffects(AbstractSolution):
    r"""The two cross coefficients of a ring, each from a pair of runs.

    .. math:: L_{xq} = T_0\,\frac{v(\epsilon) - v(-\epsilon)}{2\epsilon}\Big|_{f=0}, \qquad
              L_{qx} = T_0\,\frac{q(f) - q(-f)}{2 f}\Big|_{\epsilon=0}

    They are equal up to second order in f and :math:`\epsilon` (Onsager, Phys. Rev. 37, 405,
    1931). The four runs share their random numbers, and errors, that of the difference too, are
    over replicas. `entropy_production` is the mean of the four, the fluxes a quarter of each
    run's heat.
    """

    primary: ClassVar[str] = "drift_coefficient"

    drift_coefficient: Estimate = quantity(
        doc="Drift by the temperature gradient, L_xq", scale="linear"
    )
    heat_coefficient: Estimate = quantity(
        doc="Heat carried by the force, L_qx", reference_for="drift_coefficient"
    )
    exact_coefficient: Float[Array, ""] = quantity(
        doc="Both in closed form, linear response", reference_for="drift_coefficient"
    )
    asymmetry: Estimate = quantity(doc="Difference L_xq - L_qx")
    asymmetry_z: Float[Array, ""] = quantity(doc="Difference in standard errors")
    diagonal_coefficient: Estimate = quantity(doc="Drift by the force, L_xx")
    entropy_production: Estimate = quantity(doc="Rate at which the bath gains entropy, mean")
    run_heat: Float[Array, " run"] = quantity(
        doc="A quarter of the heat given off per time: f, -f, epsilon, -epsilon",
        dims=("run",),
        panel=False,
    )
    run_inverse_temperature: Float[Array, " run"] = quantity(
        doc="Entropy gained per heat in each run", dims=("run",), panel=False
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="First law: mean shadow work relative to the energy exchanged, the largest"
    )
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"heat": self.run_heat}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"heat": self.run_inverse_temperature}


class OnsagerPair(AbstractExperiment):
    r"""A ring is heated unevenly, and dragged: both cross coefficients, each by itself.

    Four runs: with the system's force and a uniform temperature, with the opposite force, with its
    temperature profile and no force, and with the opposite profile. For `Overdamped` in
    `TiltedCosine` with a `CosineProfile` of the same period; the scheme must be `EulerMaruyama`.
    """

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (Overdamped,)

    def check(self, system: Overdamped) -> None:
        _check("OnsagerPair", system)
        super().check(system)
        assert isinstance(system.potential, TiltedCosine)
        assert isinstance(system.temperature_profile, CosineProfile)
        force, contrast = system.potential.force, system.temperature_profile.amplitude
        for name, value in (("force", force), ("amplitude of the temperature profile", contrast)):
            if is_concrete(value) and not np.all(np.asarray(value)):
                raise ValueError(
                    f"OnsagerPair: the {name} is 0, so nothing is measured. Give a small one, "
                    "such as 0.2 times what is natural."
                )

    def own(self, system: AbstractLangevin, schedule: Schedule) -> tuple[AbstractObservable, ...]:
        assert isinstance(system, Overdamped)
        return (_CarriedHeat(system),)

    def init(self, system: Overdamped, **plan: Any) -> Any:
        return _four(system, lambda one, _: super(OnsagerPair, self).init(one, **plan))

    def advance(self, system: Overdamped, state: Any, steps: Any, **plan: Any) -> Any:
        def march(one: Overdamped, its: LangevinState) -> LangevinState:
            return super(OnsagerPair, self).advance(one, its, steps, **plan)

        return _four(system, march, state)

    def finish(
        self,
        system: Overdamped,
        state: Any,
        *,
        schedule: Schedule,
        observables: tuple[AbstractObservable, ...],
    ) -> CrossEffects:
        plan = {"schedule": schedule, "observables": observables}

        def look(one: Overdamped, its: LangevinState) -> Any:
            (own,) = self.own(one, schedule)
            return self.ensemble(one, its, **plan), own.join(its.walker.accumulated[-1])

        found, taken = _four(system, look, state)
        time, temperature = found.time[0], system.temperature
        velocity, heat = (found.position - found.start) / time, taken / time
        force, contrast = _amplitudes(system)

        def per(response: Array, cause: Array) -> Array:
            """Half the difference of two runs, of each replica, over the cause."""
            return temperature * (response[0] - response[1]) / (2 * cause)

        drift, carried = per(velocity[2:], contrast), per(heat[:2], force)
        asymmetry = Estimate.from_samples(drift - carried)
        produced = found.entropy_production
        return CrossEffects(
            drift_coefficient=Estimate.from_samples(drift),
            heat_coefficient=Estimate.from_samples(carried),
            exact_coefficient=cross_coefficient(system),
            asymmetry=asymmetry,
            asymmetry_z=asymmetry.z_score(0.0),
            diagonal_coefficient=Estimate.from_samples(per(velocity[:2], force)),
            entropy_production=jax.tree.map(jnp.mean, produced),
            run_heat=found.heat_rate.value[:, 0] / 4,
            run_inverse_temperature=found.inverse_temperature[:, 0],
            conservation_residual=jnp.max(found.conservation_residual),
            status=Status(jnp.max(found.status.code)),
            stats={
                "steps": jnp.sum(found.stats["steps"]),
                "diverged": jnp.sum(found.stats["diverged"]),
            },
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._euler_maruyama import EulerMaruyama

        ring = Overdamped(
            potential=TiltedCosine(amplitude=1.0, force=0.2),
            temperature_profile=CosineProfile(amplitude=0.2, phase=np.pi / 2),
        )
        method = cls(integrator=EulerMaruyama(dt=0.02, replicas=512))
        for name in ("drift_coefficient", "heat_coefficient"):

            def found(name: str = name) -> Any:
                end = simulate(ring, method, key=jax.random.key(0), time=30.0, burn_in=5.0)
                return getattr(end, name)

            yield Case(
                f"heated and dragged ring: {name.replace('_', ' ')}",
                found,
                lambda: float(cross_coefficient(ring)),
                5.0,
                "D <U' g>, D of Lifson and Jackson (1962)",
                error="z",
            )


class _CarriedHeat(AbstractObservable):
    """The heat taken from the bath, weighted with g, along each path."""

    name: ClassVar[str] = "carried_heat"
    every: ClassVar[int] = 1
    system: Overdamped

    def init(self, sample: Sample) -> Float[Array, " replica"]:
        return jnp.zeros_like(sample.position[0])

    def update(self, accumulated: Array, sample: Sample) -> Array:
        before, after, control = sample.previous, sample.position, sample.control
        assert before is not None and control is not None  # they are there at every step
        profile = self.system.temperature_profile
        assert isinstance(profile, CosineProfile)
        weighted = [
            jnp.cos(at - profile.phase) * self.system.force(at, control) for at in (before, after)
        ]
        return accumulated - ((weighted[0] + weighted[1]) * (after - before))[0] / 2

    def merge(self, first: Array, second: Array) -> Array:
        return first + second

    def join(self, blocks: Array) -> Array:
        return blocks.reshape(-1)

    def estimate(self, accumulated: Array) -> Estimate:
        return Estimate.from_samples(accumulated)


def _amplitudes(system: Overdamped) -> tuple[Any, Any]:
    """The force and the contrast of the temperature."""
    assert isinstance(system.potential, TiltedCosine)
    assert isinstance(system.temperature_profile, CosineProfile)
    return system.potential.force, system.temperature_profile.amplitude


def _four(system: Overdamped, function: Callable[..., Any], states: Any = None) -> Any:
    """`function` of each of the four systems and its state, one after the other."""
    force, contrast = _amplitudes(system)
    none = jnp.zeros_like(force)
    forces = jnp.stack([force, -force, none, none])
    contrasts = jnp.stack([none, none, contrast, -contrast])

    def one(given: tuple[Array, Array, Any]) -> Any:
        return function(eqx.tree_at(_amplitudes, system, given[:2]), given[2])

    return lax.map(one, (forces, contrasts, states))


def _check(owner: str, system: Overdamped) -> None:
    """The ring must be one of the two cosines, with nothing besides."""
    check_parts(owner, system, TiltedCosine, ("protocol", "drive", "friction_profile"))
    profile = system.temperature_profile
    if not isinstance(profile, CosineProfile):
        given = "missing" if profile is None else type(profile).__name__
        raise ValueError(f"{owner}: temperature_profile is {given}. Give a CosineProfile.")
    turn = profile.period / (2 * np.pi)
    if is_concrete(turn) and not np.allclose(np.asarray(turn), 1, rtol=1e-6):
        raise ValueError(
            f"{owner}: the temperature has the period {float(profile.period):g}. Give that of the "
            "potential, 2 pi."
        )
