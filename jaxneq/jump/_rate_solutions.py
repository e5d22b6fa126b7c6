"""What the rate equations have to say: a steady state, or a course in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxneq._core import AbstractSolution, Status, quantity, why_infinite
from jaxneq.thermodynamics import log_ratio

from ._network_state import at_latest, name_dimensions
from ._reaction_network import ReactionNetwork

_SPECIES = ("species",)
_REACTION = ("reaction",)


class AbstractRates(AbstractSolution):
    """What both have: names, and how fluxes and forces make the entropy production."""

    rate: eqx.AbstractVar[Array]
    affinity: eqx.AbstractVar[Array]
    species_names: eqx.AbstractVar[tuple[str, ...]]
    reaction_names: eqx.AbstractVar[tuple[str, ...]]

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"reaction": self.rate}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"reaction": self.affinity}

    def remark(self) -> str:
        return why_infinite(("reaction", self.affinity, self.reaction_names))

    def quantities(self) -> dict[str, tuple[Any, dict[str, Any]]]:
        names = {"species": self.species_names, "reaction": self.reaction_names}
        return name_dimensions(super().quantities(), names)


class SteadyRates(AbstractRates):
    r"""A steady state of the rate equations.

    Rates are events per time in the whole volume; over the `size` of the network they are
    concentrations per time. The affinity of a reaction is :math:`\ln(a_+/a_-)`, and
    the entropy production, in units of k_B per time, that of all reactions; it is infinite where
    one has no reverse. The free energy and what is lost of it follow from the standard chemical
    potentials, of reactions without a reverse as well; of a reaction that lacks one they are 0.
    Where rates obey local detailed balance the affinity is :math:`-\Delta G/RT`
    (`ReactionNetwork.detailed_balance` tells).
    """

    primary: ClassVar[str] = "concentration"

    species_names: tuple[str, ...] = eqx.field(static=True)
    reaction_names: tuple[str, ...] = eqx.field(static=True)
    species: Int[Array, " species"] = quantity(doc="Species", dims=_SPECIES, coordinate=True)
    reaction: Int[Array, " reaction"] = quantity(doc="Reaction", dims=_REACTION, coordinate=True)
    concentration: Float[Array, " species"] = quantity(
        unit="concentration", doc="Concentration", dims=_SPECIES
    )
    mean: Float[Array, " species"] = quantity(doc="Number of molecules", dims=_SPECIES, panel=False)
    rate: Float[Array, " reaction"] = quantity(
        unit="1/time", doc="Net events per time", dims=_REACTION
    )
    velocity: Float[Array, ""] = quantity(
        label="rate of the last reaction",
        unit="1/time",
        doc="Net events per time of the last reaction",
    )
    affinity: Float[Array, " reaction"] = quantity(
        doc="Affinity, the log ratio of the two rates", dims=_REACTION
    )
    free_energy: Float[Array, " reaction"] | None = quantity(
        doc="Free energy of reaction", unit="kJ/mol", dims=_REACTION, default=None
    )
    dissipation: Float[Array, ""] | None = quantity(
        doc="Free energy lost per mole, times net events per time", unit="kJ/mol/time", default=None
    )
    cost: Float[Array, ""] | None = quantity(
        label="free energy lost per event",
        doc="Free energy lost per net event of the last reaction",
        unit="kJ/mol",
        default=None,
    )
    entropy_production: Float[Array, ""] = quantity(unit="1/time", doc="Rate of entropy production")
    conservation_residual: Float[Array, ""] = quantity(
        doc="Largest change of a number per time, over what makes and takes it"
    )
    status: Status
    stats: dict[str, Any]

    def where_it_failed(self) -> str:
        most = int(np.argmax(np.nan_to_num(np.abs(np.asarray(self.mean)), nan=np.inf)))
        name = self.species_names[most]
        return (
            f"The number of {name} was {float(self.mean[most]):.3g} in the end. If it grows "
            "without bound there is no steady state: give a reaction that takes it, hold it by "
            "`fixed`, or `evolve`. Else:"
        )


class RateCourse(AbstractRates):
    """The rate equations in time; rates and entropy production as of `SteadyRates`."""

    primary: ClassVar[str] = "concentration"

    species_names: tuple[str, ...] = eqx.field(static=True)
    reaction_names: tuple[str, ...] = eqx.field(static=True)
    species: Int[Array, " species"] = quantity(doc="Species", dims=_SPECIES, coordinate=True)
    reaction: Int[Array, " reaction"] = quantity(doc="Reaction", dims=_REACTION, coordinate=True)
    time: Float[Array, " time"] = quantity(unit="time", doc="Time", dims=("time",))
    concentration: Float[Array, "species time"] = quantity(
        unit="concentration", doc="Concentration", dims=("species", "time")
    )
    mean: Float[Array, "species time"] = quantity(
        doc="Number of molecules", dims=("species", "time"), panel=False
    )
    rate: Float[Array, "reaction time"] = quantity(
        unit="1/time", doc="Net events per time", dims=("reaction", "time")
    )
    affinity: Float[Array, "reaction time"] = quantity(
        doc="Affinity, the log ratio of the two rates", dims=("reaction", "time"), panel=False
    )
    entropy_production: Float[Array, " time"] = quantity(
        unit="1/time", doc="Rate of entropy production", dims=("time",)
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="Change of what the reactions conserve, relative"
    )
    status: Status
    stats: dict[str, Any]

    def remark(self) -> str:
        latest = at_latest(self.time, self.affinity)
        return why_infinite(("reaction", latest, self.reaction_names))


def both_ways(
    network: ReactionNetwork, numbers: Float[Array, "species *rest"]
) -> tuple[Float[Array, "reaction *rest"], Float[Array, "reaction *rest"]]:
    """Events per time ahead and back, of each reaction."""
    none = jnp.zeros_like(numbers[0])
    ahead, back = ([none] * len(network.reactions) for _ in range(2))
    rates = network.propensities([*numbers], discrete=False)
    for (number, sign), rate in zip(network.directions, rates, strict=True):
        (ahead if sign > 0 else back)[number] = rate
    return jnp.stack(ahead), jnp.stack(back)


def net_and_affinity(ahead: Array, back: Array) -> tuple[Array, Array, Array]:
    """Net rate, affinity, and their product added up over the reactions."""
    affinity = log_ratio(ahead, back)
    flows = ahead != back
    produced = jnp.where(flows, (ahead - back) * jnp.where(flows, affinity, 1), 0)
    return ahead - back, affinity, jnp.sum(produced, axis=0)
