r"""Entropy production on a grid, where it happens, from the squares of the departures.

Each ray of a cell, its equation times its temperature g, summed over the nodes, obeys

.. math:: \delta^2 + \sum_k x_k \big[g_{out}^2 - g_{in}^2 + (g - g_{in})^2\big] = -T\,\delta

exactly, with the jump :math:`g - g_{in}` at the face of axis k. What is squared is made: by
collisions and by the mesh. What enters a face is the mean of what passes it and what a wall or
reservoir emits there, so that the flux of squares falls there by a variance.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import quantity

from ._grid import GridEntropy, GridProblem
from ._grid_transport import Response, Transport, Unknown, at_sides, node_bits

MADE = {
    "bulk": "by collisions",
    "walls": "at diffuse walls",
    "mesh": "by jumps between cells; vanishes with their size",
    "contacts": "at contacts",
}


def entropy_part(where: str, unit: str) -> Any:
    """The declaration of the part that is made there."""
    return quantity(unit=unit, doc=f"Entropy made {MADE[where]}", default=None)


def entropy_made(transport: Transport, unknown: Unknown, response: Response) -> GridEntropy:
    """What the rays of a response with `squares` make, for one fall of temperature."""
    assert response.squares is not None
    problem, moments, squares = transport.problem, response.moments, response.squares
    temperature, (wall, _) = unknown.temperature, transport.departures(unknown)
    solid, area = problem.solid[..., None], transport.node_area
    held, passing = transport.closed(problem.held), transport.closed(problem.passing)
    given = transport.closed(problem.reservoir)[..., None] - temperature[..., None, :, None]
    emitted = wall + held[..., None] * (given - wall)
    made = transport.node_volume * jnp.sum(squares[..., 0], axis=(0, -1))
    jumps, met, mixed = [], [], []
    for axis in range(problem.dimensions):

        def spread(about: Array, axis: int = axis) -> Array:
            """The flux toward each side of squares of departures from that, of each node."""
            flux, square = (transport.outward(each, axis) for each in (moments, squares))
            black = transport.emitted[..., 0, :, :]
            return jnp.sum(square - 2 * about * flux + about**2 * black, axis=-1) / 2

        jumps.append(jnp.sum(transport.outward(squares, axis, toward=False), axis=-1) / 2)
        met.append(spread(emitted[..., axis, :, :]))
        if transport.interfaces is not None:  # heat goes on, to the other side
            sent = emitted[..., axis, :, :]
            gone = transport.outward(moments, axis) - sent * transport.emitted[..., 0, :, :]
            gone = transport.interfaces.there[..., axis, :, :] * gone
            met[-1] = met[-1] + jnp.sum((temperature[..., None] + sent) * gone, axis=-1)
        beyond = _beyond(temperature[..., None] + wall[..., axis, :, :], axis, problem)
        mixed.append(spread(beyond - temperature[..., None]))
    shut = (1 - passing) * area * solid[..., None]
    lost = shut * jnp.stack(met, axis=-2)
    return GridEntropy(
        collisions=jnp.sum(made * solid, axis=-1),
        mesh=jnp.sum(area * jnp.stack(jumps, axis=-2), axis=(-2, -1)) * problem.solid,
        walls=at_sides((1 - held) * lost + passing * shut * jnp.stack(mixed, axis=-2)),
        contacts=at_sides(held * lost),
    )


def _beyond(
    values: Float[Array, "*cells node group"], axis: int, problem: GridProblem
) -> Float[Array, "*cells node group"]:
    """The values on the other side of the side across an axis on which each node lies.

    Behind a mirror they are the same.
    """
    bit = node_bits(problem.dimensions)[axis]
    other = values[..., np.arange(bit.size) ^ (1 << axis), :]
    sides = []
    for end, shift in ((0, 1), (1, -1)):
        side = jnp.roll(other, shift, axis)
        if problem.mirrored[axis]:
            place = (*(slice(None),) * axis, -end)
            side = side.at[place].set(values[place])
        sides.append(side)
    return jnp.where(bit[:, None].astype(bool)[(None,) * problem.dimensions], sides[1], sides[0])


def totals(
    entropy: GridEntropy | None, unit: Array, *, contacts: bool = False
) -> dict[str, Float[Array, ""]]:
    """What the first fall makes in all, as fields of a solution; nothing if that is not known."""
    if entropy is None:
        return {}
    found = {
        "entropy_production_bulk": entropy.collisions,
        "entropy_production_walls": entropy.walls,
        "entropy_production_mesh": entropy.mesh,
    }
    if contacts:
        found["entropy_production_contacts"] = entropy.contacts
    return {name: unit * jnp.sum(part[0]) for name, part in found.items()}
