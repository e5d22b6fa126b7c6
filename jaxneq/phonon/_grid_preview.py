"""A structure on its grid before it is solved: volumes, and how large the solve will be."""

from __future__ import annotations

import numpy as np

from jaxneq._core import Preview

from ._frames import Rays
from ._grid import AbstractGrid, GridProblem
from ._grid_transport import Transport


def grid_preview(system: AbstractGrid, problem: GridProblem, beams: Rays) -> Preview:
    """The grid, the volumes on it and the sizes of a solve."""
    filled, held = np.asarray(system.filled(problem)), np.asarray(problem.held) > 0
    volume, unit, dimensions = np.asarray(problem.volume), system.length_unit, problem.dimensions
    whole, solid = volume.sum(), np.sum(volume * filled)
    name, measure = ("volume", "m3") if dimensions == 3 else ("area", "m2")
    facts = {
        "cells": f"{' x '.join(map(str, problem.cells))}, {np.sum(filled > 0)} not void",
        name: f"{float(whole * unit**dimensions):.4g} {measure}",
        "porosity": f"{float(1 - solid / whole):.4g}",
        "contacts": f"{np.sum(held)} sides of cells",
        "heated": f"{np.sum(np.asarray(problem.source) != 0)} cells",
        "rays": f"{dimensions * 2**dimensions * _beams(beams):,}, by direction and free path",
        "unknowns": f"{_unknowns(problem, beams):,} temperatures",
        "memory": f"about {_memory(problem, beams) / 1e6:.2g} MB",
    }
    if problem.media is not None:
        medium = np.asarray(problem.media.medium)[filled > 0]
        for index, region in enumerate(getattr(system, "regions", ())):
            facts[region.name] = f"{np.sum(medium == index + 1)} cells"
    faces = tuple(np.pad(np.cumsum(width * unit), (1, 0)) for width in problem.width)
    return Preview(facts, faces, filled, np.asarray(problem.source), held)


def _unknowns(problem: GridProblem, beams: Rays) -> int:
    """Temperatures of the nodes that are not void, and of the diffuse walls, for each group."""
    walls = np.sum(np.asarray(Transport.bare(problem, beams).diffuse) > 0)
    nodes = np.sum(np.asarray(problem.solid) > 0) * 2**problem.dimensions
    return int(nodes + walls * beams.emission.shape[-2])


def _beams(beams: Rays) -> int:
    """Rays of one octant and frame."""
    return int(np.prod(beams.emission.shape[-2:]))


def _memory(problem: GridProblem, beams: Rays) -> int:
    """Bytes of a solve: what rays do in whole rows of cells, and moments of what they carry.

    How often each is held was found from what XLA says of compiled solves.
    """
    dimensions, cells = problem.dimensions, problem.solid.size
    octants, ends = 2**dimensions, 2 ** (dimensions - 1)
    rows = sum(
        cells // count * ends * (ends if periodic else 1)
        for count, periodic in zip(problem.cells, problem.periodic, strict=True)
    )
    moments = cells * octants**2 * beams.emission.shape[-2] * (dimensions + 2)
    return problem.solid.dtype.itemsize * (5 * octants * rows * _beams(beams) + 7 * moments)
