"""What is known of a network in its stationary state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxneq._core import AbstractSolution, Status, is_concrete, quantity, why_infinite


class NetworkState(AbstractSolution):
    r"""The stationary state of a jump process.

    The entropy production, in units of k_B per time, is that of all edges,
    :math:`\sigma = \sum_e J_e A_e`, and the same of all fundamental cycles, with their affinities
    and the currents along the edges that close them (Schnakenberg, Rev. Mod. Phys. 48, 571, 1976).
    It is infinite where a step has no reverse. What goes to the reservoirs adds up to it.
    """

    primary: ClassVar[str] = "probability"

    state: Int[Array, " state"] = quantity(doc="State", dims=("state",), coordinate=True)
    edge: Int[Array, " edge"] = quantity(doc="Edge", dims=("edge",), coordinate=True)
    probability: Float[Array, " state"] = quantity(doc="Probability", dims=("state",))
    edge_current: Float[Array, " edge"] = quantity(
        unit="1/time", doc="Net jumps per time along each edge", dims=("edge",)
    )
    edge_traffic: Float[Array, " edge"] = quantity(
        unit="1/time", doc="Jumps per time along each edge, both ways", dims=("edge",), panel=False
    )
    edge_affinity: Float[Array, " edge"] = quantity(
        doc="Force of each edge: log ratio of the two fluxes", dims=("edge",), panel=False
    )
    edge_entropy_production: Float[Array, " edge"] = quantity(
        unit="1/time", doc="Entropy production of each edge", dims=("edge",)
    )
    edge_current_variance: Float[Array, " edge"] = quantity(
        unit="1/time",
        doc="Variance per time of the net jumps at late times",
        dims=("edge",),
        panel=False,
    )
    reservoir_entropy_flow: Float[Array, " reservoir"] = quantity(
        unit="1/time",
        doc="Entropy given to each reservoir per time",
        dims=("reservoir",),
        panel=False,
    )
    cycle_affinities: Float[Array, " cycle"] = quantity(
        doc="Affinity of each fundamental cycle", dims=("cycle",), panel=False
    )
    cycle_currents: Float[Array, " cycle"] = quantity(
        unit="1/time", doc="Current around each fundamental cycle", dims=("cycle",), panel=False
    )
    entropy_production: Float[Array, ""] = quantity(unit="1/time", doc="Rate of entropy production")
    cycle_entropy_production: Float[Array, ""] = quantity(
        unit="1/time", doc="Entropy production by cycles: the same"
    )
    conservation_residual: Float[Array, ""] = quantity(
        doc="What enters a state less what leaves it, over what leaves it; the largest"
    )
    status: Status
    stats: dict[str, Any]
    states: tuple[str, ...] = eqx.field(static=True, kw_only=True)
    edges: tuple[str, ...] = eqx.field(static=True, kw_only=True)
    cycles: tuple[str, ...] = eqx.field(static=True, kw_only=True)
    reservoirs: tuple[str, ...] = eqx.field(static=True, kw_only=True)

    @property
    def fluxes(self) -> Mapping[str, Array]:
        return {"edge": self.edge_current}

    @property
    def forces(self) -> Mapping[str, Array]:
        return {"edge": self.edge_affinity}

    @property
    def current_precision(self) -> Float[Array, " edge"]:
        r"""What the uncertainty relation bounds by 2, for each edge: :math:`\sigma D_e/J_e^2`.

        With the variance per time D (Barato and Seifert, Phys. Rev. Lett. 114, 158101, 2015);
        infinite where nothing flows.
        """
        rounding = 256 * jnp.finfo(self.edge_current.dtype).eps * self.edge_traffic
        flows = jnp.abs(self.edge_current) > rounding
        square = jnp.where(flows, self.edge_current, 1) ** 2
        product = self.edge_current_variance * self.entropy_production / square
        return jnp.where(flows, product, jnp.inf)

    def remark(self) -> str:
        return why_infinite(("edge", self.edge_affinity, self.edges))

    def quantities(self) -> dict[str, tuple[Any, dict[str, Any]]]:
        return name_dimensions(super().quantities(), {"state": self.states, "edge": self.edges})


def at_latest(times: Any, values: Any) -> Any:
    """Of values in time those at the latest, where what was empty at the start has filled."""
    if not is_concrete(times):
        return values[..., -1]
    known = np.asarray(times)
    return values[..., np.argmax(known.reshape(-1, known.shape[-1])[0])]  # alike in a sweep


def name_dimensions(
    present: dict[str, tuple[Any, dict[str, Any]]], names: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[Any, dict[str, Any]]]:
    """The declared quantities, with the names behind numbers, and of the last reaction."""
    for dim, known in names.items():
        words = " ".join(name.replace(" ", "_") for name in known)
        flags = {"flag_values": np.arange(len(known), dtype=np.int32), "flag_meanings": words}
        present[dim][1].update(flags)
    for name in ("velocity", "cost"):
        if name in present:
            doc = present[name][1]["doc"]
            present[name][1]["doc"] = doc.replace("the last reaction", names["reaction"][-1])
    return present
