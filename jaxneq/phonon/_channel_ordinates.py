"""Discrete ordinates along a channel: cells across every chord, as in a slab."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxneq._core import Status
from jaxneq._kernels import sweep

from ._channel import ChannelProblem, ChannelState
from ._ordinates import graded_mesh


def sweep_channel(problem: ChannelProblem, cells: int) -> ChannelState:
    r"""The distribution on every chord of a film or a round wire, cell by cell.

    A chord is a slab whose collisions relax to 1, and whose two ends send back the share p of
    what arrives: by symmetry the same from both sides, so that what enters follows from the
    attenuation, :math:`\psi_{in} - 1 = -(1 - p) / (1 - p\,e^{-d})`.
    """
    pairs, bands, chords = problem.reach.shape
    if pairs > 1:
        raise ValueError(
            "DiscreteOrdinates follows chords that repeat: films and round wires. Use ClosedForm "
            "or PathMonteCarlo for a rectangular wire."
        )
    dtype = problem.share.dtype
    width = jnp.asarray(np.diff(graded_mesh(cells)), dtype)
    reach, specularity = 1 / problem.reach[0], problem.specularity[0]
    absorbed = -jnp.expm1(-sweep.optical_depth(width, reach))
    diffuse = 1 - specularity
    entering = -diffuse / (diffuse + specularity * absorbed)  # no difference of equals
    delta = sweep.distribution(
        jnp.ones((cells, 2, bands), dtype),
        jnp.stack([entering, entering]),
        width,
        jnp.broadcast_to(reach, (cells, bands, chords)),
    )
    # By symmetry one direction will do: cell, node (near, far), band, chord.
    psi = 1 + delta[0]
    before = jnp.concatenate([1 + entering[None], psi[:-1, 1]])
    jumps = reach / 2 * jnp.sum((psi[:, 0] - before) ** 2, axis=0)
    half = (width / 2)[:, None, None, None]
    inside = jnp.sum(half * psi**2, axis=(0, 1)) + jumps
    outside = reach / 2 * (1 - specularity**2) * psi[-1, 1] ** 2
    suppression, bulk, walls = (
        jnp.sum(problem.share[None] * part, axis=1)
        for part in (jnp.sum(half * psi, axis=(0, 1)), inside, outside)
    )
    both = (psi + psi[::-1, ::-1]) / 2  # the two directions
    return ChannelState(
        suppression=suppression,
        bulk=bulk,
        walls=walls,
        profile=jnp.einsum("cnbr,r->bcn", both, problem.share).reshape(bands, -1),
        status=Status.first_true(not_finite=~jnp.all(jnp.isfinite(suppression))),
        stats={"rays": problem.share.size},
    )
