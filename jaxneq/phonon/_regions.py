"""Regions of several materials in a structure or device."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxneq._core import AbstractDeclared, is_concrete, named, part
from jaxneq.materials import AbstractPhononMaterial, MatchedBands, PhononBands, matched

from ._conduction import check_solid
from ._interfaces import AbstractDiffuseInterface, GivenTransmission
from ._media import Media
from ._shapes import AbstractShape, Points

Bands = tuple[PhononBands | MatchedBands, ...]


class Region(AbstractDeclared):
    """A shape of some material. Each is a body of its own, with an interface to any other."""

    name: str = named(doc="Name of the region")
    material: AbstractPhononMaterial = part(
        AbstractPhononMaterial, doc="Its material, by name or in full"
    )
    shape: AbstractShape = part(AbstractShape, doc="Where it is")

    def inside(self, points: Points) -> Bool[Array, "*cells"]:
        return self.shape.inside(points)

    def edges(self, axis: int) -> Float[Array, " edges"]:
        """Where the mesh should have faces along an axis."""
        return self.shape.edges(axis)

    @property
    def dimensions(self) -> tuple[int, ...]:
        """The dimensions in which it can be used."""
        return self.shape.dimensions


def bands_of(system: Any) -> Bands:
    """The bands of a system's material and of those of its regions, at common frequencies."""
    if not system.regions:
        return (system.material.bands(system.temperature),)
    others = [region.material for region in system.regions]
    return matched((system.material, *others), system.temperature)


def shares(bands: Bands, length: Array) -> dict[str, Array]:
    """The bands in a `GridProblem`, in units of a length and of the first material."""
    power = jnp.sum(bands[0].heat_capacity * bands[0].group_velocity)
    heat = jnp.sum(bands[0].heat_capacity)
    fields = {
        "mean_free_path": [each.mean_free_path / length for each in bands],
        "flux_share": [each.heat_capacity * each.group_velocity / power for each in bands],
        "heat_share": [each.heat_capacity / heat for each in bands],
    }
    several = len(bands) > 1
    return {name: jnp.stack(each) if several else each[0] for name, each in fields.items()}


def composed(
    system: Any,
    bands: Bands,
    points: Points,
    transmission: Float[Array, "*cells axis side"],
    elastic: bool,
) -> tuple[Float[Array, "*cells axis side"], Media | None]:
    """What passes sides of cells of one medium, and the media; None if there is but one."""
    if not system.regions:
        return transmission, None
    medium = jnp.zeros(points.shape[:-1], int)
    for index, region in enumerate(system.regions):
        medium = jnp.where(region.inside(points), index + 1, medium)
    strength, crossing = _crossing(system.interface, bands, elastic)
    media = Media.of(medium, transmission, crossing, strength, _branches(bands))
    return transmission - media.interface, media


def _branches(bands: Bands) -> int:
    (count,) = {each.branches for each in bands if isinstance(each, MatchedBands)}
    return count


def _crossing(
    interface: AbstractDiffuseInterface, bands: Bands, elastic: bool
) -> tuple[Float[Array, "medium group"], Float[Array, "medium medium group"]]:
    """M of each group in each medium, and the share that crosses from one to another."""
    power = jnp.stack([each.heat_capacity * each.group_velocity for each in bands])
    by_frequency = jnp.sum(jnp.reshape(power, (len(bands), -1, _branches(bands))), axis=-1)
    by_frequency = by_frequency / jnp.sum(power[0])
    exchange = interface.exchange(by_frequency[:, None], by_frequency[None])
    strength = by_frequency
    if not elastic:
        strength, exchange = (
            jnp.sum(part, axis=-1, keepdims=True) for part in (strength, exchange)
        )
    from_first = strength[:, None]
    return strength, jnp.where(
        from_first > 0, exchange / jnp.where(from_first > 0, from_first, 1), 0
    )


def check_regions(system: Any) -> None:
    """Refuse materials that do not meet, and interfaces that send on more than they scatter."""
    name = type(system).__name__
    for region in system.regions:
        region.material.check_temperature(system.temperature)
    if not system.regions:
        return
    for material in (system.material, *(region.material for region in system.regions)):
        check_solid(material, f"{name} with regions")
    jax.eval_shape(lambda: bands_of(system))  # which refuses materials that do not meet
    parts = (system.material, system.regions, system.interface, system.temperature)
    if not isinstance(system.interface, GivenTransmission):
        return
    if not all(map(is_concrete, jax.tree.leaves(parts))):
        return
    with jax.ensure_compile_time_eval():
        _, crossing = _crossing(system.interface, bands_of(system), True)
        kept = np.asarray(1 - crossing - jnp.swapaxes(crossing, 0, 1))
    kept = kept[~np.eye(len(kept), dtype=bool)]
    if kept.min() < -1e-9:
        given = float(system.interface.transmission)
        raise ValueError(
            f"{name}: with transmission = {given:g} of the interface more than all of what arrives "
            "from both sides together would cross. In two and three dimensions give at most "
            f"{given / (1 - kept.min()):.4g}, what diffuse mismatch lets pass."
        )
