r"""Heat of phonons that have not been scattered since they were emitted, told apart from the rest.

What contacts, diffuse walls, interfaces and heaters emit flies on unscattered,

.. math:: v_b\,\mathbf s\cdot\nabla g_b = (T_Q - g_b) / \tau_b,
          \qquad T_Q = Q \Big/ \sum_b \frac{C_b}{\tau_b},

while what collisions emit again makes up the rest: the problem is linear, so both add up exactly.
All are deviations from the temperature of the device, so that a contact at this temperature emits
nothing. Next to an emitter the ballistic flux is larger than the whole one, which what is scattered
back reduces; what arrives far away tells how much has flown through.
Source: G. Chen, Phys. Rev. Lett. 86, 2297 (2001), there with heaters among the collisions.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractSolution, quantity

from ._grid import GridBallistic, GridState
from ._grid_maps import AXES
from ._grid_transport import Transport, Unknown

DOC = (
    "Whether heat of phonons that have not been scattered since a contact, heater, wall or "
    "interface emitted them is told apart from the rest, by one more sweep"
)
CHOICES = ("together", "apart")


def unscattered(
    transport: Transport, unknown: Unknown, *, fall: Array | None, tolerance: Any
) -> GridBallistic:
    """The part of a state that has not been scattered; reservoirs are cold without a `fall`."""
    heated = transport.problem.node_power / (transport.collisions * transport.node_volume)
    wall = unknown.wall + transport.base(unknown.temperature) - transport.base(heated)
    alone = Unknown(heated, wall)  # the walls emit the same
    response = transport.respond(alone, fall=fall, tolerance=tolerance)
    return GridBallistic(
        temperature=transport.temperature_of_energy(alone, response),
        flux=transport.heat_flux(response.moments).sum(axis=-1),
        given=transport.given(response),
    )


class AbstractBallistic(AbstractSolution):
    """A solution in which ballistic heat may be told apart."""

    ballistic_share: Float[Array, " contact"] | None = quantity(
        doc="Share of the heat of each contact that is ballistic: carried by phonons not scattered "
        "since contacts, heaters, walls or interfaces emitted them; of use at those that emit "
        "nothing, at the temperature of the device",
        dims=("contact",),
        default=None,
    )
    ballistic_contact_heat: Float[Array, " contact"] | None = quantity(
        unit="W",
        doc="Ballistic part of the heat that each contact gives: what it emits less what arrives "
        "unscattered",
        dims=("contact",),
        panel=False,
        default=None,
    )
    ballistic_rise: Float[Array, "x y z"] | None = quantity(
        unit="K",
        doc="Part of the rise of temperature that is due to ballistic phonons",
        dims=AXES,
        panel=False,
        default=None,
    )
    ballistic_heat_flux_field: Float[Array, "x y z axis"] | None = quantity(
        unit="W/m2",
        doc="Mean heat flux of ballistic phonons in each cell",
        dims=(*AXES, "axis"),
        panel=False,
        default=None,
    )


def ballistic_parts(
    state: GridState,
    touched: Float[Array, "contact *cells axis side"],
    heat: Float[Array, " contact"],
    watt: Array,
    flux: Array,
) -> dict[str, Array]:
    """The fields of an `AbstractBallistic`, if told apart.

    **Arguments:** the sides that contacts hold, and the heat that they give (W); the units of power
    and flux.
    """
    if state.ballistic is None:
        return {}
    found, shape = (
        jax.tree.map(lambda part: part[0], state.ballistic),
        (*state.problem.cells, 1)[:3],
    )
    own = watt * jnp.tensordot(touched, found.given, axes=found.given.ndim)
    return {
        "ballistic_share": own / jnp.where(heat == 0, 1, heat),
        "ballistic_contact_heat": own,
        "ballistic_rise": found.temperature.mean(axis=-1).reshape(shape),
        "ballistic_heat_flux_field": (flux * found.flux).reshape(*shape, -1),
    }
