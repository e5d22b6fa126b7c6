r"""Errors of an answer on a grid, each from another solve.

Where an error falls in proportion to h, with another h, r times as large, Richardson estimates

.. math:: |A(h) - A(r h)| \,/\, |A|\,(r - 1) .

Cells are taken to be of first order: edges of voids and what flies past them in straight lines
leave no more. Where all is smooth they are of second order, and their error is a third of that.
Gauss rules for directions, free paths and polar angles converge so fast that the error is the
difference to one twice as long.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxneq._core import Status

from ._frames import angles_in
from ._grid import AbstractGrid
from ._grid_maps import AbstractSteadyMapped


def with_errors(
    method: Any, system: AbstractGrid, found: AbstractSteadyMapped
) -> AbstractSteadyMapped:
    """The answer of `DiscreteOrdinates` with the errors by its cells, angles and paths."""
    system, method = lax.stop_gradient((system, replace(method, errors="none")))
    problem = system.problem(method.cells)
    fewer = halved(problem.cells)
    if fewer == problem.cells:
        raise ValueError(
            f"DiscreteOrdinates: errors of cells = {problem.cells} need half as many. Give more."
        )
    ratio = np.prod(problem.cells) / np.prod(fewer)
    ratio = float(ratio ** (1 / sum(count > 1 for count in problem.cells)))  # the mean of all axes
    coarse = method.on_cells(system, fewer)
    turned = replace(method, angles=2 * (method.angles or angles_in(problem)))
    turned = turned.on_cells(system, method.cells)
    status = jnp.maximum(coarse.status.code, turned.status.code)
    by_paths = jnp.zeros_like(found.answer)  # in three dimensions elastic walls follow all bands
    if problem.dimensions == 2 or not problem.elastic:
        polar = method.polar_angles_for(problem.elastic)
        rich = replace(method, polar_angles=2 * polar, paths=2 * method.paths)
        rich = rich.on_cells(system, method.cells)
        status, by_paths = jnp.maximum(status, rich.status.code), _apart(rich, found)
    return replace(
        found,
        cell_error=_apart(coarse, found) / (ratio - 1),
        angle_error=_apart(turned, found),
        path_error=by_paths,
        status=Status(jnp.maximum(found.status.code, status)),
    )


def halved(cells: tuple[int, ...]) -> tuple[int, ...]:
    """Half as many cells along each axis, at least one."""
    return tuple(-(-count // 2) for count in cells)


def _apart(other: AbstractSteadyMapped, found: AbstractSteadyMapped) -> Any:
    return jnp.abs(other.answer / found.answer - 1)
