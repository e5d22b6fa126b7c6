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

from jaxtyping import Array

from ._grid import GridBallistic
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
