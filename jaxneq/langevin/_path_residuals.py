"""Observed paths: how far their steps are from what a system expects."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from ._increments import drift, width
from ._systems import Overdamped


def path_residuals(
    system: Overdamped, path: Float[Array, "time *coordinate replica"], dt: Any
) -> Float[Array, "step coordinate replica"]:
    r"""The steps of observed paths less the drift, in units of the noise.

    .. math:: r_n = \frac{x_{n+1} - x_n - a(x_n)\,dt}{\sqrt{2 T dt/\gamma}}, \qquad
              a = F/\gamma + T\,\partial_x \gamma^{-1}

    For the system that made the path they are independent normal numbers, to first order in `dt`.
    Half the sum of their squares is the action of Onsager and Machlup, minus the logarithm of the
    probability of the path: least squares find the force of greatest likelihood where friction and
    temperature are known (they set the unit, and have to be known: the mean square of the steps
    tells their ratio).

    **Arguments:** `path`, positions at equal times, of several replicas in the last axis; in one
    dimension the coordinate may be left out; `dt`, the time between two of them.

    **Raises:** `ValueError` for a path without steps or of other coordinates, and under a protocol.

    Sources: Onsager and Machlup, Phys. Rev. 91, 1505 (1953); for the fit, Kutoyants, Statistical
    Inference for Ergodic Diffusion Processes (2004).
    """
    if path.ndim == 2:
        path = path[:, None]
    if path.ndim != 3 or path.shape[1] != system.dimension or path.shape[0] < 2:
        raise ValueError(
            f"path_residuals: path has shape {path.shape}, and the system has {system.dimension} "
            "coordinates. Give (time, coordinate, replica), two times or more."
        )
    if system.protocol is not None:
        raise ValueError("path_residuals: the system has a protocol. Give one without.")
    steps, _, replicas = path[1:].shape
    at = jnp.moveaxis(path[:-1], 1, 0).reshape(system.dimension, -1)
    moved = jnp.moveaxis(jnp.diff(path, axis=0), 1, 0).reshape(system.dimension, -1)
    control = jnp.zeros(system.controls, system.dtype)
    found = (moved - drift(system, at, control) * dt) / width(system, at, dt)
    return jnp.moveaxis(found.reshape(system.dimension, steps, replicas), 0, 1)
