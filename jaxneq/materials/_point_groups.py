"""Point groups, to unfold modes at irreducible wavevectors."""

from __future__ import annotations

from functools import cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import is_concrete

from ._modes import ModeTable

AGREES = 1e-3  # of the unfolded conductivity tensor with the file's own

_X, _Z, _DIAGONAL = (1, 0, 0), (0, 0, 1), (1, 1, 1)

# Generators of the proper rotations: axis and order. Inversion is added to all, because a phonon
# and its time reversal have opposite velocities and are otherwise alike.
LAUE_CLASSES = {
    "-1": (),
    "mmm": ((_Z, 2), (_X, 2)),
    "4/m": ((_Z, 4),),
    "4/mmm": ((_Z, 4), (_X, 2)),
    "-3": ((_Z, 3),),
    "-3m": ((_Z, 3), (_X, 2)),
    "6/m": ((_Z, 6),),
    "6/mmm": ((_Z, 6), (_X, 2)),
    "m-3": ((_Z, 2), (_DIAGONAL, 3)),
    "m-3m": ((_Z, 4), (_DIAGONAL, 3)),
}


def rotations(file: ModeTable, laue_class: str | None) -> Float[Array, "rotation 3 3"]:
    """The rotations that unfold the velocities in `file`; see `AbInitioMaterial.modes`."""
    path, known = file.origin.path, ", ".join(LAUE_CLASSES)
    if file.velocity.size == 0:
        raise ValueError(f"{path}: the file has no velocity vectors (group_velocity).")
    if not file.origin.irreducible:
        return jnp.eye(3, dtype=file.speed.dtype)[None]
    if laue_class not in LAUE_CLASSES:
        raise ValueError(
            f"{path}: the file has irreducible wavevectors only, and point_group = {laue_class!r}. "
            f"Give the Laue class of the crystal with its axes along x, y and z, one of {known}."
        )
    turned = elements(laue_class)
    _check(file, turned, laue_class)
    return jnp.asarray(turned, file.speed.dtype)


@cache
def elements(laue_class: str) -> Float[np.ndarray, "rotation 3 3"]:
    """The matrices of a Laue class."""
    generators = [-np.eye(3), *(_rotation(*turn) for turn in LAUE_CLASSES[laue_class])]
    group = [np.eye(3)]
    for known in group:  # grows as it is gone through
        for each in generators:
            new = each @ known
            if not any(np.allclose(new, old) for old in group):
                group.append(new)
    return np.array(group)


def _rotation(axis: tuple[int, int, int], order: int) -> np.ndarray:
    """By a full turn over `order` (Rodrigues)."""
    x, y, z = np.asarray(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = 2 * np.pi / order
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _check(file: ModeTable, turned: np.ndarray, laue_class: str) -> None:
    """The unfolded modes must conduct as the file says, in every direction."""
    if not is_concrete(file.velocity):
        return
    isotope = 0.0 if file.isotope_rate is None else np.asarray(file.isotope_rate)
    rate = np.exp(file.log_rate[0]) + isotope + np.asarray(file.other_rate)
    carried = (
        np.asarray(file.heat_capacity(jnp.asarray(file.origin.temperatures[0], file.speed.dtype)))
        / rate
    )
    owner, velocity = np.asarray(file.owner), np.asarray(file.velocity)
    one = np.einsum("v,vi,vj->ij", carried[owner], velocity, velocity)
    found = np.mean(turned @ one @ np.swapaxes(turned, 1, 2), axis=0)
    xx, yy, zz, yz, xz, xy = np.asarray(file.conductivity[0])
    own = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    if (
        np.abs(found - own).max()
        > AGREES * np.abs(own).max() + file.origin.masked_share * own.max()
    ):
        raise ValueError(
            f"{file.origin.path}: unfolded by {laue_class!r} the conductivity tensor has the "
            f"diagonal {np.diag(found).round(4).tolist()} W/m/K, and the file's own "
            f"{np.diag(own).round(4).tolist()}. Give the Laue class of the crystal in the axes of "
            "the file."
        )
