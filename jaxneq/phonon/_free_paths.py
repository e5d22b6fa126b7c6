"""Free paths of many bands and polar angles in few nodes, by a Gauss rule."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float


class FreePaths(NamedTuple):
    """Free paths with the flux (of :math:`C v`) and the heat (of C) that each stands for.

    Those of several media have an axis of media first.
    """

    path: Float[Array, "*medium path"]
    flux: Float[Array, "*medium path"]
    heat: Float[Array, "*medium path"]


def fewer(paths: FreePaths, count: int) -> FreePaths:
    r"""The Gauss rule in :math:`\log\Lambda` with so many nodes.

    It is that of the measure

    .. math:: d\mu = (1 + \Lambda / \bar\Lambda)\,dF, \qquad \bar\Lambda = \int\Lambda\,dF / F .

    What a structure does to free paths is smooth in the logarithm, from proportional to
    :math:`\Lambda` to constant, so the error falls geometrically. All weights of flux are positive;
    then path and flux are scaled such that F and :math:`\int\Lambda\,dF`, the conductivity of the
    bulk, stay exactly the same. The sum of the heat does too. The rule is found from the
    recurrence of the orthogonal polynomials (Golub and Welsch, Math. Comp. 23, 221, 1969), whose
    vectors are made orthogonal anew.
    """
    path, flux, heat = paths
    if path.shape[-1] <= count:
        return paths
    if path.ndim > 1:
        return jax.vmap(lambda own: fewer(own, count))(paths)
    total, carried = flux.sum(), jnp.sum(flux * path)
    middle = carried / total
    mass = flux * (1 + path / middle)
    place = jnp.log(path / middle)
    far = jnp.max(place)
    carries = mass > 0  # of several materials, some have branches without phonons
    root = jnp.where(carries, jnp.sqrt(jnp.where(carries, mass, 1)), 0)
    whole = jnp.linalg.norm(root)
    smallest = 100 * jnp.finfo(mass.dtype).eps ** 2

    def next_polynomial(carry: Any, k: Array) -> Any:
        basis, vector, lost = carry
        basis = basis.at[k].set(vector)
        image = place * vector
        mean = jnp.where(lost, far + k.astype(far.dtype), vector @ image)
        for _ in range(2):
            image = image - basis.T @ (basis @ image)
        square = jnp.sum(image**2)
        ended = square < smallest  # fewer distinct paths than nodes: the rest count nothing
        size = jnp.sqrt(jnp.where(ended, 1, square))
        found = (mean, jnp.where(ended, 0, size))
        return (basis, jnp.where(ended, 0, image / size), ended), found

    start = (jnp.zeros((count, mass.size), mass.dtype), root / whole, jnp.array(False))
    (basis, _, _), (diagonal, beside) = lax.scan(next_polynomial, start, jnp.arange(count))
    matrix = jnp.diag(diagonal) + jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1)
    node, modes = jnp.linalg.eigh(matrix)
    there = middle * jnp.exp(node)
    mass = (whole * modes[0]) ** 2
    new_flux = mass / (1 + there / middle)
    moments = basis @ (heat / jnp.where(carries, root, 1))
    new_heat = whole * modes[0] * (moments @ modes)
    new_flux = new_flux * (total / new_flux.sum())
    there = there * (carried / jnp.sum(new_flux * there))
    return FreePaths(there, new_flux, new_heat)


def film_error(few: FreePaths, all_of_them: FreePaths) -> Float[Array, ""]:
    r"""The largest relative error of the conduction along films, between diffuse walls.

    .. math:: \int \big[1 - K (1 - e^{-1 / K})\big]\, \Lambda\, dF, \qquad K = \Lambda / d

    (Fuchs and Sondheimer, for one direction to the walls), for d from a hundredth of the unit of
    length to ten times it: the channels of a structure, straight and aslant.
    """
    if few.path.ndim > 1:
        return jnp.max(jax.vmap(film_error)(few, all_of_them))
    thickness = jnp.asarray(np.geomspace(1e-2, 10, 61), few.path.dtype)

    def conducted(paths: FreePaths) -> Float[Array, " thickness"]:
        k = jnp.outer(1 / thickness, paths.path)
        return (1 + k * jnp.expm1(-1 / k)) @ (paths.flux * paths.path)

    return jnp.max(jnp.abs(conducted(few) / conducted(all_of_them) - 1))
