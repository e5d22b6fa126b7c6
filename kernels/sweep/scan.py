"""The slab sweep as a scan over cells, both directions and all rays at once."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Nodes = Float[Array, "cell 2"]
Rays = Float[Array, "band angle"]
Ends = Float[Array, "2 band angle"]


class Moments(NamedTuple):
    """What a converged state says, beyond its balance. Dimensionless, as the sweep is.

    `face_flux`: through each face. `band_flux`: mean of each band over each cell; where the state
    is in balance, its sum over the bands is the flux through both faces, to rounding.
    `departure`: mean over the distribution of psi - T at the nodes. `spread`: mean of
    (psi - T)^2. `dissipation`: in each cell, by collisions and by the upwind jumps of its faces.
    """

    face_flux: Float[Array, " face"]
    band_flux: Float[Array, "cell band"]
    departure: Nodes
    spread: Nodes
    dissipation: Float[Array, " cell"]


def balance(
    temperature: Nodes, entering: Ends, width: Float[Array, " cell"], reach: Rays, weight: Rays
) -> tuple[Nodes, Ends]:
    """Net power given off by every node, and what leaves the slab.

    **Arguments:** `temperature` at the two nodes of each cell; `entering` at the left and right
    face and `leaving` at the right and left one, as departures from the temperature of the node
    there; `width` of the cells; `reach` of the rays and `weight`, the flux that a ray carries per
    unit of its distribution.
    """
    rays, flux = jnp.ravel(reach)[None], jnp.ravel(weight)

    def cell(departure, inputs):
        jump, rise, size = (part[:, None] for part in inputs)
        near, far, a = _cross(departure + jump, rise, size, rays)
        return far, (jnp.dot(a * near, flux), jnp.dot(a * far, flux))

    start = jnp.reshape(entering, (2, -1))
    leaving, (near, far) = lax.scan(cell, start, _inputs(temperature, width))
    return -0.5 * _to_nodes(near, far), jnp.reshape(leaving, entering.shape)


def optical_depth(width: Float[Array, " cell"], reach: Rays) -> Rays:
    """D of the cells: the share exp(-d) of an entering departure leaves at the other side."""
    size = width[:, None, None] / reach[None]
    return jnp.sum(jnp.log1p(size + size**2 / 2), axis=0)


def moments(
    temperature: Nodes,
    entering: Ends,
    width: Float[Array, " cell"],
    reach: Rays,
    weight: Rays,
    share: Rays,
    offset: Rays | None = None,
) -> Moments:
    """Fluxes, spreads and dissipation; arguments as in `balance`.

    `share` is the part of each ray in a mean over the distribution of one direction; the shares
    of both directions add up to one. `offset` is added to every psi but to no flux: what a
    uniform source adds to the distribution.
    """
    offset = jnp.zeros_like(reach) if offset is None else offset
    reach, weight, share, offset = (rays[None] for rays in (reach, weight, share, offset))

    def cell(departure, inputs):
        jump, rise, size = (part[:, None, None] for part in inputs)
        entering = departure + jump
        near, far, a = _cross(entering, rise, size, reach)
        here, there = near + offset, far + offset
        lost = 0.5 * weight * (a * (here**2 + there**2) + (near - entering) ** 2)
        mean = jnp.stack([_sum(share * here), _sum(share * there)])
        square = jnp.stack([_sum(share * here**2), _sum(share * there**2)])
        carried = jnp.sum(weight * (near + far) / 2, axis=2)
        return far, (_sum(weight * far), carried, mean, square, _sum(lost))

    inputs = _inputs(temperature, width)
    _, (passed, carried, mean, square, lost) = lax.scan(cell, entering, inputs)

    flat = jnp.ravel(temperature)
    none = jnp.zeros(1, temperature.dtype)
    steps = jnp.concatenate([none, flat[1:-1:2] - flat[2::2], none])  # left minus right
    first = _sum(weight * entering)
    rightward = jnp.concatenate([first[:1], passed[:, 0]])
    leftward = jnp.concatenate([passed[::-1, 1], first[1:]])
    return Moments(
        face_flux=rightward - leftward + steps * jnp.sum(weight),
        band_flux=carried[:, 0] - carried[::-1, 1],
        departure=_to_nodes(mean[:, 0], mean[:, 1]),
        spread=_to_nodes(square[:, 0], square[:, 1]),
        dissipation=lost[:, 0] + lost[::-1, 1],
    )


def _inputs(temperature, width):
    """Per step and direction: the fall of T across the upstream face, its rise, the width."""
    near = jnp.stack([temperature[:, 0], temperature[::-1, 1]], axis=1)
    far = jnp.stack([temperature[:, 1], temperature[::-1, 0]], axis=1)
    jump = jnp.concatenate([jnp.zeros_like(near[:1]), far[:-1] - near[1:]])
    return jump, far - near, jnp.stack([width, width[::-1]], axis=1)


def _cross(entering, rise, size, reach):
    """Departures at the near and far node of a cell, and its thickness in units of the reach.

    `entering` is the departure, at the upstream face, from the temperature of the near node.
    """
    a = size / reach
    b = a + 1
    inverse = 1 / (b * b + 1)
    twice = 2 * entering
    return (b * twice - a * rise) * inverse, (twice - (1 + b) * rise) * inverse, a


def _sum(values):
    return jnp.sum(values, axis=(-2, -1))


def _to_nodes(near, far):
    """Sum over both directions, from (step, direction) to (cell, node)."""
    left, right = near[:, 0] + far[::-1, 1], far[:, 0] + near[::-1, 1]
    return jnp.stack([left, right], axis=1)


def distribution(
    emission: Float[Array, "cell 2 band"],
    entering: Ends,
    width: Float[Array, " cell"],
    reach: Float[Array, "cell band angle"],
) -> Float[Array, "2 cell 2 band angle"]:
    """Departures from the local emission, by direction, cell and node (left, right).

    As `balance`, but every band has its own local state, cells differ in reach, and the whole
    distribution is kept.
    """

    def cell(departure, inputs):
        jump, rise, size, ray = inputs
        near, far, _ = _cross(departure + jump[:, :, None], rise[:, :, None], size, ray)
        return far, (near, far)

    jump, rise, _ = _inputs(emission, width)
    rays = jnp.stack([reach, reach[::-1]], axis=1)
    size = jnp.stack([width, width[::-1]], axis=1)[:, :, None, None]
    _, (near, far) = lax.scan(cell, entering, (jump, rise, size, rays))
    rightward = jnp.stack([near[:, 0], far[:, 0]], axis=1)
    leftward = jnp.stack([far[::-1, 1], near[::-1, 1]], axis=1)
    return jnp.stack([rightward, leftward])
