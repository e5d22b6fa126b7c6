"""The slab sweep written plainly: one ray, one cell and one 2 x 2 system at a time."""

from __future__ import annotations

import numpy as np


def distribution(temperature, inflow, width, reach):
    """Nodal values of the distribution, shape (direction, cell, node, *rays).

    Node 0 is the left one; direction 0 travels to the right.
    """
    cells = len(width)
    psi = np.zeros((2, cells, 2, *reach.shape))
    for ray in np.ndindex(reach.shape):
        for direction in (0, 1):
            upstream = inflow[direction]
            for cell in range(cells) if direction == 0 else reversed(range(cells)):
                first, last = (0, 1) if direction == 0 else (1, 0)
                a = width[cell] / reach[ray]
                matrix = np.array([[1 + a, 1.0], [-1.0, 1 + a]])
                source = a * np.array([temperature[cell, first], temperature[cell, last]])
                source[0] += 2 * upstream
                near, far = np.linalg.solve(matrix, source)
                psi[(direction, cell, first, *ray)] = near
                psi[(direction, cell, last, *ray)] = far
                upstream = far
    return psi


def balance(temperature, inflow, width, reach, weight):
    """As `scan.balance`."""
    psi = distribution(temperature, inflow, width, reach)
    rays = tuple(range(-reach.ndim, 0))
    local = temperature[(None, ..., *(None for _ in reach.shape))]
    emitted = np.sum(weight / reach * (local - psi), axis=(0, *rays))
    leaving = np.stack([psi[1, 0, 0], psi[0, -1, 1]])
    walls = inflow[(slice(None), *(None for _ in reach.shape))]
    return width[:, None] / 2 * emitted, np.sum(weight * (walls - leaving), axis=rays)


def dissipation(temperature, inflow, width, reach, weight):
    """As `scan.dissipation`."""
    nodes, walls = balance(temperature, inflow, width, reach, weight)
    return np.sum(temperature * nodes) + np.sum(np.asarray(inflow) * walls)
