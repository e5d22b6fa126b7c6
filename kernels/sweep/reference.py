"""The slab sweep written plainly: one ray, one cell and one 2 x 2 system at a time."""

from __future__ import annotations

import numpy as np


def distribution(temperature, entering, width, reach):
    """Nodal values of the distribution, shape (direction, cell, node, *rays).

    Node 0 is the left one; direction 0 travels to the right.
    """
    cells = len(width)
    psi = np.zeros((2, cells, 2, *reach.shape))
    ends = temperature[0, 0], temperature[-1, 1]
    for ray in np.ndindex(reach.shape):
        for direction in (0, 1):
            upstream = ends[direction] + entering[(direction, *ray)]
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


def departures(emission, entering, width, reach):
    """As `scan.distribution`."""
    delta = np.zeros((2, *reach.shape[:1], 2, *reach.shape[1:]))
    for band, angle in np.ndindex(*reach.shape[1:]):
        # cells of another reach are cells of another width
        scaled = width * reach[0, band, angle] / reach[:, band, angle]
        local = emission[:, :, band]
        ray = distribution(
            local, entering[:, band, angle][:, None], scaled, reach[:1, band, angle]
        )[..., 0]
        delta[..., band, angle] = ray - local[None]
    return delta


def balance(temperature, entering, width, reach, weight):
    """As `scan.balance`."""
    psi = distribution(temperature, entering, width, reach)
    rays = tuple(range(-reach.ndim, 0))
    local = temperature[(None, ..., *(None for _ in reach.shape))]
    emitted = np.sum(weight / reach * (local - psi), axis=(0, *rays))
    leaving = np.stack([psi[0, -1, 1] - temperature[-1, 1], psi[1, 0, 0] - temperature[0, 0]])
    return width[:, None] / 2 * emitted, leaving


def optical_depth(width, reach):
    """As `scan.optical_depth`, from what leaves of a unit that enters a cold slab."""
    cold = np.zeros((len(width), 2))
    return -np.log(distribution(cold, np.ones((2, *reach.shape)), width, reach)[0, -1, 1])


def lagging_cells(source, transmission, wall, width, reach, weight, lag, behind, memory):
    """Moments and departures as of `cells.through_cells`, of rays that lag."""
    past = lag * (behind[..., None, None] + memory)
    found = _departures(source, transmission, wall, width, reach, (True, True), past=past)
    return np.einsum("...gr,grm->...gm", found, weight), found


def cell_moments(
    source, transmission, wall, width, reach, weight, periodic=(True, True), medium=None
):
    """Moments as of `cells.through_cells`."""
    found = _departures(source, transmission, wall, width, reach, periodic, medium)
    if medium is None:
        return np.einsum("...gr,grm->...gm", found, weight)
    return np.einsum("...nogr,...ogrm->...nogm", found, weight[medium])


def step_moments(source, transmission, wall, width, reach, weight):
    """Moments as of `cells.through_cells` where cells have one node, in a periodic row."""
    *shape, dimensions, _, octants = source.shape
    groups, rays = reach.shape[-2:]
    out = np.zeros((*shape, 1, octants, groups, rays))
    place = np.arange(np.prod(shape)).reshape(shape)
    for octant, group, ray in np.ndindex(octants, groups, rays):
        matrix, right = np.eye(place.size), np.zeros(place.size)
        for cell in np.ndindex(*shape):
            row = place[cell]
            for k in range(dimensions):
                x = reach[k, group, ray] / width[k][cell[k], octant]
                matrix[row, row] += x
                right[row] += x * (
                    source[(*cell, k, 0, octant)] + wall[(*cell, k, 0, octant, group)]
                )
                before = list(cell)
                before[k] -= 1
                if before[k] >= 0 or k == dimensions - 1:
                    matrix[row, place[tuple(before)]] -= x * transmission[(*cell, k, octant)]
        out[..., 0, octant, group, ray] = np.linalg.solve(matrix, right).reshape(shape)
    return np.einsum("...gr,grm->...gm", out, weight)


def cell_squares(source, transmission, wall, width, reach, weight, periodic=(True, True)):
    """Squares as of `cells.through_cells`, with what enters each face written out."""
    found = _departures(source, transmission, wall, width, reach, periodic)
    dimensions = len(width)
    shape, nodes = source.shape[:dimensions], 1 << dimensions
    parts = np.repeat(found[..., None], 1 + dimensions, axis=-1)
    for cell in np.ndindex(*shape):
        for n, k in np.ndindex(nodes, dimensions):
            if n >> k & 1:
                continue
            other, before = n | 1 << k, list(cell)
            before[k] -= 1
            come = (source[(*cell, k, n)] - source[(*cell, k, other)])[:, None] / 2
            come = come + wall[(*cell, k, [m for m in range(nodes) if not m >> k & 1].index(n))]
            come = np.repeat(come[..., None], reach.shape[-1], axis=-1)
            if before[k] >= 0 or periodic[k]:
                passing = transmission[(*cell, k)][:, None, None]
                come = come + passing * found[(*before, other)]
            parts[(*cell, n, ..., 1 + k)] -= come
    return np.einsum("...grm,grm->...gm", parts**2, weight[..., : 1 + dimensions])


def _departures(source, transmission, wall, width, reach, periodic, medium=None, past=None):
    """For each ray, one dense system for the whole box."""
    dimensions = len(width)
    shape, nodes = source.shape[:dimensions], 1 << dimensions
    octants, (groups, rays) = source.shape[-1], reach.shape[-2:]
    if medium is None:
        medium, reach = np.zeros((*shape, octants), int), reach[None]
    kind = reach.dtype if past is None else np.result_type(past, reach)
    out = np.zeros((*shape, nodes, octants, groups, rays), kind)
    place = np.arange(np.prod(shape) * nodes).reshape(*shape, nodes)
    for octant, group, ray in np.ndindex(octants, groups, rays):
        matrix, right = np.zeros((place.size, place.size), kind), np.zeros(place.size, kind)
        for cell in np.ndindex(*shape):
            own = reach[medium[(*cell, octant)], :, group, ray]
            x = [own[k] / width[k][cell[k], octant] for k in range(dimensions)]
            for n in range(nodes):
                row = place[(*cell, n)]
                matrix[row, row] += 1 + sum(x)
                if past is not None:
                    right[row] += past[(*cell, n, octant, group, ray)]
                for k in range(dimensions):
                    at_end = n >> k & 1
                    matrix[row, place[(*cell, n ^ 1 << k)]] += -x[k] if at_end else x[k]
                    right[row] += x[k] * source[(*cell, k, n, octant)]
                    if at_end:
                        continue
                    face_node = [m for m in range(nodes) if not m >> k & 1].index(n)
                    right[row] += 2 * x[k] * wall[(*cell, k, face_node, octant, group)]
                    before = list(cell)
                    before[k] -= 1
                    if before[k] >= 0 or periodic[k]:
                        upstream = place[(*before, n | 1 << k)]  # -1 is the last
                        matrix[row, upstream] -= 2 * x[k] * transmission[(*cell, k, octant)]
        found = np.linalg.solve(matrix, right).reshape(*shape, nodes)
        out[..., octant, group, ray] = found
    return out
