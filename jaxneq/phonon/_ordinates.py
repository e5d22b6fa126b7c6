"""A slab in discrete ordinates: its rays, and how walls and interfaces couple them."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._kernels import sweep

from ._slab import SlabDetail, SlabProblem

Rays = Float[Array, "band angle"]


class Ordinates(NamedTuple):
    """The rays of one layer: cells, reach, the flux and the share of heat that each carries."""

    face: Float[Array, " face"]
    width: Float[Array, " cell"]
    cosine: Rays
    reach: Rays
    weight: Rays
    share: Rays


class Coupling(NamedTuple):
    """How rays leaving the layers enter them again, by a few amplitudes in each group of rays.

    With the departures of what enters, e, and of what leaves, l: e = direct + emit amplitudes,
    amplitudes = gather l, and l = (l at e = 0) + attenuation e. `response` solves that for the
    amplitudes. `cross` is the share of what enters from an interface that came through it. Layers
    and ends of a layer are two axes, in the order of `sweep.balance`.
    """

    gather: Float[Array, "group amplitude layer 2 member"]
    emit: Float[Array, "group layer 2 member amplitude"]
    cross: Float[Array, "group 2 member"]
    response: Float[Array, "group amplitude amplitude"]


class Field(NamedTuple):
    """What a field of pseudo-temperatures does.

    `power` is given off by its nodes, `wall_power` by the walls, band by band; what is `entering`
    and `leaving` each layer are departures, as in `sweep.balance`.
    """

    power: Float[Array, "cell 2"]
    wall_power: Float[Array, "2 band"]
    entering: list[Float[Array, "2 band angle"]]
    leaving: list[Float[Array, "2 band angle"]]


def half_range_gauss(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre cosines and weights on (0, 1); exact to degree 2 order - 1 on each half."""
    point, weight = np.polynomial.legendre.leggauss(order)
    return (point + 1) / 2, weight / 2


def graded_mesh(cells: int) -> np.ndarray:
    """Faces from 0 to 1, the cells at the ends up to 20 times finer than the mean.

    Kinetic layers stand at the walls of a thick film; the grading costs a thin film nothing.
    """
    s = np.linspace(0, 1, cells + 1)
    return s - 0.95 * np.sin(2 * np.pi * s) / (2 * np.pi)


def ordinates(problem: SlabProblem, cells: int, angles: int) -> list[Ordinates]:
    """The rays of every layer."""
    dtype = problem.emission.dtype
    cosine, weight = (jnp.asarray(part, dtype) for part in half_range_gauss(angles))
    mesh = jnp.asarray(graded_mesh(cells), dtype)
    size = jnp.asarray(np.diff(graded_mesh(cells)), dtype)
    rules = _directions(problem, cosine, weight)
    layers, start = [], jnp.zeros((), dtype)
    for layer, (mu, w) in zip(problem.layers, rules, strict=True):
        layers.append(
            Ordinates(
                face=start + layer.thickness * mesh,
                width=layer.thickness * size,
                cosine=mu,
                reach=layer.mean_free_path[:, None] * mu,
                weight=layer.flux_share[:, None] * mu * w / 2,
                share=layer.heat_share[:, None] * w / 2,
            )
        )
        start = start + layer.thickness
    return layers


def _directions(problem: SlabProblem, cosine: Array, weight: Array) -> list[tuple[Rays, Rays]]:
    if problem.interface is not None:
        left, right = problem.layers
        return list(problem.interface.directions(left, right, cosine, weight))
    shape = (*problem.layers[0].mean_free_path.shape, *cosine.shape)
    return [(jnp.broadcast_to(cosine, shape), jnp.broadcast_to(weight, shape))]


def coupling(problem: SlabProblem, layers: list[Ordinates]) -> Coupling | None:
    """The coupling of the rays, or None where black walls leave nothing to couple."""
    if problem.plain:
        return None
    bands, angles = layers[0].weight.shape
    groups = _groups(problem, bands, angles)
    weights = [jnp.reshape(layer.weight, (groups, -1)) for layer in layers]
    last = len(layers) - 1
    gather, emit = [], []

    def amplitudes(count: int) -> tuple[Array, Array]:
        members = weights[0].shape[1]
        none = jnp.zeros((groups, count, len(layers), 2, members), weights[0].dtype)
        return none, jnp.moveaxis(none, 1, -1)

    for wall, layer, end in ((problem.walls[0], 0, 0), (problem.walls[1], last, 1)):
        gathered, sent = wall.reflection(weights[layer])
        into, out = amplitudes(gathered.shape[1])
        gather.append(into.at[:, :, layer, 1 - end].set(gathered))
        emit.append(out.at[:, layer, end].set(sent))
    cross = jnp.zeros((groups, 2, weights[0].shape[1]), weights[0].dtype)
    if problem.interface is not None:
        first, second = layers
        left, right = problem.layers
        gathered, sent = problem.interface.crossing(
            left, right, (first.cosine, second.cosine), (weights[0], weights[1])
        )
        half = gathered.shape[1] // 2
        into, out = amplitudes(2 * half)
        for side in (0, 1):  # at the right end of the first layer, the left end of the second
            into = into.at[:, :, side, side].set(gathered[:, :, side])
            out = out.at[:, side, 1 - side].set(sent[:, side])
        gather.append(into)
        emit.append(out)
        cross = jnp.stack(
            [jnp.sum(sent[:, 0, :, half:], axis=-1), jnp.sum(sent[:, 1, :, :half], axis=-1)], axis=1
        )
    through = jnp.stack(
        [
            jnp.reshape(jnp.exp(-sweep.optical_depth(layer.width, layer.reach)), (groups, -1))
            for layer in layers
        ],
        axis=1,
    )
    into, out = jnp.concatenate(gather, axis=1), jnp.concatenate(emit, axis=-1)
    loop = jnp.einsum("galem,glm,glemb->gab", into, through, out)
    identity = jnp.eye(loop.shape[1], dtype=loop.dtype)[None]
    return Coupling(into, out, cross, jnp.linalg.inv(identity - loop))


def _groups(problem: SlabProblem, bands: int, angles: int) -> int:
    """How many groups the rays fall into: all that a diffuse wall or interface mixes are one."""
    if problem.interface is not None and problem.interface.couples_angles:
        return bands // problem.branches
    if any(wall.couples_angles for wall in problem.walls):
        return bands
    return bands * angles


def transport(
    problem: SlabProblem,
    layers: list[Ordinates],
    links: Coupling | None,
    theta: Float[Array, "cell 2"],
    emission: Float[Array, "2 band"],
) -> Field:
    """Follow all rays through all layers."""
    parts = _split(theta, layers)
    entering = _direct(problem, layers, links, parts, emission)
    if links is not None:
        leaving = _sweep(parts, entering, layers)[1]
        stacked = jnp.reshape(jnp.stack(leaving), (len(layers), 2, links.gather.shape[0], -1))
        stacked = jnp.moveaxis(stacked, 2, 0)
        arriving = jnp.einsum("galem,glem->ga", links.gather, stacked)
        amplitude = jnp.einsum("gab,gb->ga", links.response, arriving)
        sent = jnp.einsum("glema,ga->glem", links.emit, amplitude)
        back = jnp.reshape(jnp.moveaxis(sent, 0, 2), (len(layers), 2, *layers[0].reach.shape))
        entering = [own + back[index] for index, own in enumerate(entering)]
    powers, leaving = _sweep(parts, entering, layers)
    ends = ((layers[0].weight, entering[0][0], leaving[0][1]),)
    ends += ((layers[-1].weight, entering[-1][1], leaving[-1][0]),)
    return Field(
        power=jnp.concatenate(powers),
        wall_power=jnp.stack([jnp.sum(w * (into - out), axis=1) for w, into, out in ends]),
        entering=entering,
        leaving=leaving,
    )


def _split(theta, layers):
    counts = np.cumsum([layer.width.shape[0] for layer in layers])[:-1]
    return jnp.split(theta, counts)


def _sweep(parts, entering, layers):
    done = [
        sweep.balance(theta, into, layer.width, layer.reach, layer.weight)
        for theta, into, layer in zip(parts, entering, layers, strict=True)
    ]
    return [power for power, _ in done], [leaving for _, leaving in done]


def _direct(problem, layers, links, parts, emission):
    """What enters but for the departures of what left: from walls, and steps at interfaces."""
    dtype = emission.dtype
    entering = [jnp.zeros((2, *layer.reach.shape), dtype) for layer in layers]
    shares = [wall.emissive_share(dtype) for wall in problem.walls]
    angles = layers[0].reach.shape[1]
    for end, layer, node in ((0, 0, parts[0][0, 0]), (1, -1, parts[-1][-1, 1])):
        step = shares[end] * (emission[end] - node)
        entering[layer] = entering[layer].at[end].set(jnp.repeat(step[:, None], angles, axis=1))
    if links is not None and len(layers) == 2:
        step = parts[0][-1, 1] - parts[1][0, 0]
        for side, sign in ((0, -1), (1, 1)):
            through = jnp.reshape(links.cross[:, side], layers[side].reach.shape)
            entering[side] = entering[side].at[1 - side].set(sign * step * through)
    return entering


def exchange(layers: list[Ordinates], links: Coupling | None) -> Float[Array, ""]:
    """What phonons exchange through the interface that arrive at temperatures one apart."""
    if links is None or len(layers) == 1:
        return jnp.zeros((), layers[0].weight.dtype)
    return jnp.sum(jnp.ravel(layers[1].weight) * jnp.ravel(links.cross[:, 1]))


def resolved(
    problem: SlabProblem,
    layers: list[Ordinates],
    links: Coupling | None,
    theta: Float[Array, "cell 2"],
    field: Field,
) -> dict[str, Any]:
    """The mean flux of each band and the detail of a `SlabState`."""
    found = [
        sweep.moments(part, into, *rays, offset)
        for part, into, rays, offset in zip(
            _split(theta, layers),
            field.entering,
            [(o.width, o.reach, o.weight, o.share) for o in layers],
            [jnp.broadcast_to(problem.offset[:, None], o.reach.shape) for o in layers],
            strict=True,
        )
    ]
    departure, spread, flux, dissipation = (
        jnp.concatenate([getattr(moments, name) for moments in found])
        for name in ("departure", "spread", "face_flux", "dissipation")
    )
    mean_flux = [
        jnp.sum(layer.width[:, None] * moments.band_flux, axis=0) / jnp.sum(layer.width)
        for layer, moments in zip(layers, found, strict=True)
    ]
    return {
        "mean_flux": jnp.stack(mean_flux),
        "detail": SlabDetail(
            temperature=jnp.ravel(theta + departure),
            spread=jnp.ravel(spread - departure**2),
            face=jnp.concatenate([layer.face for layer in layers]),
            flux=flux,
            dissipation=dissipation,
            wall_dissipation=_wall_dissipation(problem, layers, theta, field),
            interface_dissipation=_interface_dissipation(layers, theta, field),
            interface_exchange=exchange(layers, links),
        ),
    }


def _wall_dissipation(problem, layers, theta, field):
    """What becomes of the variance about the wall's emission when rays meet a wall."""
    lost = []
    for end, layer, node in ((0, 0, theta[0, 0]), (1, -1, theta[-1, 1])):
        step = (node - problem.emission[end])[:, None]
        into, out = field.entering[layer][end] + step, field.leaving[layer][1 - end] + step
        lost.append(jnp.sum(layers[layer].weight * (out**2 - into**2)) / 2)
    return jnp.stack(lost)


def _interface_dissipation(layers, theta, field):
    if len(layers) == 1:
        return jnp.zeros((), theta.dtype)
    first, second = _split(theta, layers)
    lost = jnp.zeros((), theta.dtype)
    half = (first[-1, 1] - second[0, 0]) / 2  # about the mean of the two nodes
    for side, step in ((0, half), (1, -half)):
        into = field.entering[side][1 - side] + step
        out = field.leaving[side][side] + step
        lost = lost + jnp.sum(layers[side].weight * (out**2 - into**2)) / 2
    return lost
