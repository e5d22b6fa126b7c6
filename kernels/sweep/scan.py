"""The slab sweep as a scan over cells, both directions and all rays at once."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

Nodes = Float[Array, "cell 2"]


class Moments(NamedTuple):
    """What a converged state says, beyond its balance. Dimensionless, as the sweep is.

    `face_flux`: through each face. `band_flux`: mean of each band over each cell; where the state
    is in balance, its sum over the bands is the flux through both faces, to rounding.
    `departure`: mean over the distribution of psi - T at the nodes. `spread`: mean of
    (psi - T)^2. `dissipation`: in each cell, by collisions and by the upwind jumps of its faces.
    `wall_dissipation`: where rays are absorbed by the two walls.
    """

    face_flux: Float[Array, " face"]
    band_flux: Float[Array, "cell band"]
    departure: Nodes
    spread: Nodes
    dissipation: Float[Array, " cell"]
    wall_dissipation: Float[Array, "2"]


def balance(
    temperature: Nodes,
    inflow: Float[Array, "2"],
    width: Float[Array, " cell"],
    reach: Float[Array, "band angle"],
    weight: Float[Array, "band angle"],
) -> tuple[Nodes, Float[Array, "2"]]:
    """Net power given off by every node and by the two walls.

    **Arguments:** `temperature` at the two nodes of each cell; `inflow`, the temperatures of the
    left and right wall; `width` of the cells; `reach` of the rays and `weight`, the flux that a
    ray carries per unit of its distribution. The map from (temperature, inflow) to (power of
    nodes, power of walls) is linear and symmetric.
    """
    rays, flux = jnp.ravel(reach), jnp.ravel(weight)

    def cell(departure, inputs):
        jump, rise, size = inputs
        near, far, a = _cross(departure, jump, rise, size, rays)
        return far, (jnp.dot(a * near, flux), jnp.dot(a * far, flux))

    start = jnp.zeros((2, *rays.shape), temperature.dtype)
    leaving, (near, far) = lax.scan(cell, start, _inputs(temperature, inflow, width))
    nodes = -0.5 * _to_nodes(near, far)
    ends = jnp.stack([temperature[-1, 1], temperature[0, 0]])
    absorbed = jnp.dot(leaving, flux) + ends * jnp.sum(flux)
    return nodes, inflow * jnp.sum(flux) - absorbed[::-1]


@jax.custom_jvp
def dissipation(
    temperature: Nodes,
    inflow: Float[Array, "2"],
    width: Float[Array, " cell"],
    reach: Float[Array, "band angle"],
    weight: Float[Array, "band angle"],
) -> Float[Array, ""]:
    r"""Sum of power times temperature over nodes and walls: a positive quadratic form.

    The ray that runs the other way is the adjoint of a ray, so the derivative with respect to
    the thickness :math:`a` of a cell along a ray is the product of the two departures,
    :math:`w \sum_{nodes} \delta_+ \delta_-`: one sweep gives all of them.
    """
    nodes, walls = balance(temperature, inflow, width, reach, weight)
    return jnp.sum(temperature * nodes) + jnp.sum(inflow * walls)


@partial(dissipation.defjvp, symbolic_zeros=True)
def _dissipation_jvp(primals, tangents):
    temperature, inflow, width, reach, weight = primals
    (near, far), per_ray = _departures(temperature, inflow, width, reach)
    both = near[:, 0] * far[::-1, 1] + far[:, 0] * near[::-1, 1]  # at the left, the right node
    per_size = both * (weight / reach)[None]
    slopes = (
        jnp.sum(per_size, axis=(1, 2)),
        -jnp.sum(per_size * (width[:, None, None] / reach[None]), axis=0),
        per_ray,
    )
    tangent = jnp.zeros((), temperature.dtype)
    for slope, change in zip(slopes, tangents[2:], strict=True):
        if not isinstance(change, SymbolicZero):
            tangent = tangent + jnp.sum(slope * change)
    if not all(isinstance(change, SymbolicZero) for change in tangents[:2]):
        powers = balance(temperature, inflow, width, reach, weight)
        for power, change in zip(powers, tangents[:2], strict=True):
            if not isinstance(change, SymbolicZero):
                tangent = tangent + 2 * jnp.sum(power * change)
    return jnp.sum(weight * per_ray), tangent


def _departures(temperature, inflow, width, reach):
    """Departures at the near and far nodes along every ray, and the dissipation of each ray."""

    def cell(carry, inputs):
        departure, lost = carry
        jump, rise, size = inputs
        near, far, a = _cross(departure, jump, rise, size, reach)
        upwind = near - (departure + _wide(jump, reach))
        return (far, lost + a * (near**2 + far**2) + upwind**2), (near, far)

    start = jnp.zeros((2, *reach.shape), temperature.dtype)
    inputs = _inputs(temperature, inflow, width)
    (leaving, lost), departures = lax.scan(cell, (start, start), inputs)
    ends = jnp.stack([temperature[-1, 1], temperature[0, 0]]) - inflow[::-1]
    lost = lost + (leaving + _wide(ends, reach)) ** 2
    return departures, jnp.sum(lost, axis=0) / 2


def moments(
    temperature: Nodes,
    inflow: Float[Array, "2"],
    width: Float[Array, " cell"],
    reach: Float[Array, "band angle"],
    weight: Float[Array, "band angle"],
    share: Float[Array, "band angle"],
) -> Moments:
    """Fluxes, spreads and dissipation; arguments as in `balance`.

    `share` is the part of each ray in a mean over the distribution of one direction; the shares
    of both directions add up to one.
    """

    def cell(departure, inputs):
        jump, rise, size = inputs
        near, far, a = _cross(departure, jump, rise, size, reach)
        upwind = near - (departure + _wide(jump, reach))
        lost = 0.5 * weight[None] * (a * (near**2 + far**2) + upwind**2)
        mean = jnp.stack([_sum(share[None] * near), _sum(share[None] * far)])
        square = jnp.stack([_sum(share[None] * near**2), _sum(share[None] * far**2)])
        carried = jnp.sum(weight[None] * (near + far) / 2, axis=2)
        return far, (_sum(weight[None] * far), carried, mean, square, _sum(lost))

    start = jnp.zeros((2, *reach.shape), temperature.dtype)
    inputs = _inputs(temperature, inflow, width)
    leaving, (passed, carried, mean, square, lost) = lax.scan(cell, start, inputs)

    padded = jnp.concatenate([inflow[:1], jnp.ravel(temperature), inflow[1:]])
    steps = padded[0::2] - padded[1::2]  # across each face, left minus right
    none = jnp.zeros(1, temperature.dtype)
    rightward = jnp.concatenate([none, passed[:, 0]])
    leftward = jnp.concatenate([passed[::-1, 1], none])

    ends = jnp.stack([temperature[-1, 1], temperature[0, 0]]) - inflow[::-1]
    outgoing = leaving + _wide(ends, reach)
    return Moments(
        face_flux=rightward - leftward + steps * jnp.sum(weight),
        band_flux=carried[:, 0] - carried[::-1, 1],
        departure=_to_nodes(mean[:, 0], mean[:, 1]),
        spread=_to_nodes(square[:, 0], square[:, 1]),
        dissipation=lost[:, 0] + lost[::-1, 1],
        wall_dissipation=0.5 * _sum(weight[None] * outgoing**2)[::-1],
    )


def _inputs(temperature, inflow, width):
    """Per step and direction: the fall of T across the upstream face, its rise, the width."""
    near = jnp.stack([temperature[:, 0], temperature[::-1, 1]], axis=1)
    far = jnp.stack([temperature[:, 1], temperature[::-1, 0]], axis=1)
    before = jnp.concatenate([inflow[None, :], far[:-1]])
    return before - near, far - near, jnp.stack([width, width[::-1]], axis=1)


def _cross(departure, jump, rise, size, reach):
    """Departures at the near and far node of a cell, and its thickness in units of the reach."""
    a = _wide(size, reach) / reach[None]
    b = a + 1
    inverse = 1 / (b * b + 1)
    twice = 2 * (departure + _wide(jump, reach))
    rise = _wide(rise, reach)
    return (b * twice - a * rise) * inverse, (twice - (1 + b) * rise) * inverse, a


def _wide(values, reach):
    """Values of the two directions, broadcast over the rays."""
    return jnp.reshape(values, (2,) + (1,) * reach.ndim)


def _sum(values):
    return jnp.sum(values, axis=(-2, -1))


def _to_nodes(near, far):
    """Sum over both directions, from (step, direction) to (cell, node)."""
    left, right = near[:, 0] + far[::-1, 1], far[:, 0] + near[::-1, 1]
    return jnp.stack([left, right], axis=1)
