"""A small engine of its own: heat through a rod. Run as a script it is the command with the toy."""

from typing import Any, ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractDeclared,
    AbstractEvolveMethod,
    AbstractSampler,
    AbstractSolution,
    AbstractSteadyMethod,
    AbstractSystem,
    Case,
    Estimate,
    Schedule,
    Status,
    parameter,
    part,
    quantity,
    setting,
)

NAMED = {"copper": 400.0, "glass": 1.0}


class AbstractMedium(AbstractDeclared):
    @classmethod
    def named(cls, name, **changes):
        if name not in NAMED:
            raise ValueError(f"no medium {name!r}. There are: {', '.join(NAMED)}.")
        return Uniform(**{"conductivity": NAMED[name], **changes})


@final
class Uniform(AbstractMedium):
    """The same everywhere."""

    conductivity: Float[Array, ""] = parameter(
        unit="W/m/K", range="(0, inf)", doc="Thermal conductivity."
    )

    @property
    def resistance(self):
        return 1 / self.conductivity


@final
class Layered(AbstractMedium):
    """Layers of equal thickness, in series."""

    conductivities: Float[Array, " layer"] = parameter(
        unit="W/m/K", range="(0, inf)", dims=("layer",), doc="Thermal conductivity of each"
    )

    @property
    def resistance(self):
        return jnp.mean(1 / self.conductivities)


@final
class Unsayable(AbstractMedium):
    """Needs what a job file cannot say."""

    resistance: Any


@final
class Rod(AbstractSystem):
    """Heat through a rod between two baths.

    Longer than 100 m it fails, to see what becomes of that.
    """

    medium: AbstractMedium = part(AbstractMedium, doc="What the rod is made of")
    length: Float[Array, ""] = parameter(unit="m", range="(0, inf)", doc="Length")
    temperature: Float[Array, ""] = parameter(
        unit="K", range="(0, inf)", doc="Mean temperature", default=300.0
    )
    difference: Float[Array, ""] = parameter(unit="K", doc="Hot minus cold", default=1.0)

    def __check_init__(self):
        if not isinstance(self.difference, jax.core.Tracer) and (
            jnp.abs(self.difference) >= 2 * self.temperature
        ):
            raise ValueError("Rod: difference is so large that the cold bath is below 0 K.")

    def default_method(self, verb):
        return Walk() if verb == "simulate" else Direct()

    @classmethod
    def validation(cls):
        rod = cls(medium=AbstractMedium.named("copper"), length=2.0)
        yield Case("copper: flux", lambda: Direct().steady(rod).flux, 200.0, 1e-12, "Fourier")


@final
class RodSolution(AbstractSolution):
    primary: ClassVar[str] = "flux"
    flux: Float[Array, ""] = quantity(unit="W/m2", doc="Heat flux")
    temperature: Float[Array, " node"] = quantity(unit="K", doc="Temperature", dims=("node",))
    entropy_production: Float[Array, ""] = quantity(unit="W/m2/K", doc="Entropy production")
    conservation_residual: Float[Array, ""] = quantity(doc="Zero")
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self):
        return {"heat": self.flux}

    @property
    def forces(self):
        return {"heat": self.entropy_production / self.flux}


@final
class Cooling(AbstractSolution):
    primary: ClassVar[str] = "flux"
    time: Float[Array, " time"] = quantity(unit="s", doc="Time", dims=("time",))
    flux: Float[Array, " time"] = quantity(unit="W/m2", doc="Heat flux", dims=("time",))
    entropy_production: Float[Array, " time"] = quantity(doc="Not known", dims=("time",))
    conservation_residual: Float[Array, ""] = quantity(doc="Zero")
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self):
        return {"heat": self.flux}

    @property
    def forces(self):
        return {"heat": 0 * self.flux}


@final
class Direct(AbstractSteadyMethod, AbstractEvolveMethod):
    """Fourier's law."""

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (Rod,)

    nodes: int = setting(doc="Nodes", range="[2, 1000]", default=5)
    order: int = setting(doc="Order, without effect", range="[1, 8]", default=2)
    scheme: str = setting(
        doc="Sign of the flux", choices=("forward", "backward"), default="forward"
    )
    factor: Float[Array, ""] = parameter(doc="Multiplies the flux", default=1.0)

    def steady(self, system):
        sign = 1 if self.scheme == "forward" else -1
        flux = sign * self.factor * system.difference / (system.length * system.medium.resistance)
        x = jnp.linspace(0.5, -0.5, self.nodes, dtype=flux.dtype)
        failed = system.length > 100
        return RodSolution(
            flux=jnp.where(failed, jnp.nan, flux),
            temperature=system.temperature + system.difference * x,
            entropy_production=flux * system.difference / system.temperature**2,
            conservation_residual=jnp.zeros_like(flux),
            status=Status.first_true(max_iterations=failed),
            stats={"iterations": 1, "scheme": self.scheme},
        )

    def evolve(self, system, *, times, initial):
        flux = jnp.exp(-times / system.length)
        return Cooling(
            time=times,
            flux=flux,
            entropy_production=0 * flux,
            conservation_residual=jnp.zeros_like(system.length),
            status=Status.of("success"),
            stats={},
        )

    @classmethod
    def validation(cls):
        yield Case("wrong on purpose", lambda: jnp.asarray(1.0), 2.0, 1e-3, "nothing")


@final
class Sampled(AbstractSolution):
    primary: ClassVar[str] = "displacement"
    displacement: Estimate = quantity(unit="m", doc="Mean displacement")
    entropy_production: Float[Array, ""] = quantity(doc="Zero")
    conservation_residual: Float[Array, ""] = quantity(doc="Zero")
    status: Status
    stats: dict[str, Any]

    @property
    def fluxes(self):
        return {}

    @property
    def forces(self):
        return {}


class WalkState(eqx.Module):
    key: Array
    step: Array
    position: Array


@final
class Walk(AbstractSampler):
    """A random walk with steps of variance `length`, one a unit of time."""

    systems: ClassVar[tuple[type[AbstractSystem], ...]] = (Rod,)

    replicas: int = setting(doc="Walkers", range="[2, inf)", default=16)

    def schedule(self, time, burn_in):
        return Schedule(int(burn_in), int(time))

    def init(self, system, *, key, schedule, initial, observables):
        zeros = jnp.zeros(self.replicas, system.length.dtype)
        return WalkState(key, jnp.int32(0), zeros)

    def advance(self, system, state, steps, *, schedule, observables):
        def step(_, state):
            noise = jax.random.normal(
                jax.random.fold_in(state.key, state.step), (self.replicas,), system.length.dtype
            )
            moved = state.position + jnp.sqrt(system.length) * noise
            return WalkState(state.key, state.step + 1, moved)

        return lax.fori_loop(0, steps, step, state)

    def finish(self, system, state, *, schedule, observables):
        return Sampled(
            displacement=Estimate.from_samples(state.position),
            entropy_production=jnp.zeros_like(system.length),
            conservation_residual=jnp.zeros_like(system.length),
            status=Status.first_true(not_finite=~jnp.all(jnp.isfinite(state.position))),
            stats={"steps": state.step},
        )

    @classmethod
    def validation(cls):
        return ()


def register(patch):
    """Make this module the only engine, ``toy``; `patch` is pytest's monkeypatch or like it."""
    import sys

    from jaxneq.config import _catalog

    patch.setattr(_catalog, "ENGINES", ("toy",))
    patch.setattr(_catalog, "LAWS", ())
    patch.setitem(sys.modules, "jaxneq.toy", sys.modules[__name__])
    for cls in list(vars(sys.modules[__name__]).values()):
        if isinstance(cls, type) and cls.__module__ == __name__:
            patch.setattr(cls, "__module__", "jaxneq.toy")


if __name__ == "__main__":
    import sys

    import pytest
    import toy_engine  # by its name: a script has no place among the modules

    from jaxneq.cli import main

    toy_engine.register(pytest.MonkeyPatch())
    sys.exit(main())


# Jobs of this engine, for the tests that read and do them
JOB = """
verb = "steady"
[system]
type = "toy.Rod"
length = 2.0
medium = "copper"
"""
SAMPLE = JOB.replace("steady", "simulate") + "[simulate]\ntime = 50\nburn_in = 10\nseed = 3\n"
EVOLVE = JOB.replace("steady", "evolve") + "[evolve]\ntimes = [0, 1.5]\n"
