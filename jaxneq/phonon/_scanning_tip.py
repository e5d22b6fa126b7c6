"""A tip that scans a device and reads the temperature below it, blurred."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, parameter, quantity, setting

from ._grid import GridProblem
from ._grid_maps import AXES, AbstractSteadyMapped
from ._heaters import SIDES

PLANE = "plane"
IMAGES = 3  # on each side of a periodic axis that a spot reaches
SHARP = 1e-6  # radius of a spot that reads the temperature itself, over the length of its line


class AbstractScanned(AbstractSteadyMapped):
    """A steady solution on cells that a tip may have scanned."""

    tip_position: Float[Array, " tip"] | None = quantity(
        unit="m",
        doc="Where the tip is along its line",
        dims=("tip",),
        coordinate=True,
        default=None,
    )
    tip_temperature: Float[Array, " tip"] | None = quantity(
        unit="K", doc="Temperature that the tip reads along its line", dims=("tip",), default=None
    )
    surface_temperature: Float[Array, " tip"] | None = quantity(
        unit="K",
        doc="Temperature of the surface at these places",
        dims=("tip",),
        reference_for="tip_temperature",
        default=None,
    )
    tip_map: Float[Array, "x y z"] | None = quantity(
        unit="K",
        doc="Temperature that the tip reads above the middle of each cell of the plane",
        dims=AXES,
        map=True,
        where="solid",
        label="read by the tip",
        default=None,
    )


class ScanningTip(AbstractDeclared):
    r"""A thermal probe: it reads the mean temperature of the surface in the spot below it.

    .. math:: T_\text{tip}(\mathbf p) =
              \frac{\int e^{-|\mathbf r - \mathbf p|^2 / 2 R^2}\,T(\mathbf r)\,dA}
                   {\int e^{-|\mathbf r - \mathbf p|^2 / 2 R^2}\,dA}

    over what of the surface is solid and within the device. T is the temperature of the energy
    density, multilinear in each cell, for which the integrals are exact; the tip takes no heat.
    The spot reaches along the third axis, on which a device in two dimensions does not depend. One
    that holds nothing solid reads NaN.
    """

    radius: Scalar = parameter(
        range="(0, inf)", doc="Radius R of the spot, its standard deviation along each axis"
    )
    surface: str = setting(
        doc='What it scans: a side, or "plane" for a device in two dimensions seen from above',
        choices=(PLANE, *SIDES),
        default=PLANE,
    )
    along: str = setting(doc="Axis of its line", choices=AXES, default="x")
    across: Scalar | None = parameter(
        doc="Place of the line along the other axis of the surface; in the middle unless given",
        default=None,
    )
    points: int = setting(
        doc="Places on its line, evenly from end to end", range="[2, inf)", default=101
    )

    def check(self, dimensions: int) -> None:
        """Refuse a surface or a line that a device of so many dimensions does not have."""
        axes = self.axes(dimensions)
        if self.surface == PLANE and dimensions == 3:
            raise ValueError(
                'ScanningTip: surface = "plane" is that of a device in two dimensions. Give one '
                f"of {', '.join(SIDES)}."
            )
        if self.surface not in (PLANE, *SIDES[: 2 * dimensions]) or self.along not in axes:
            raise ValueError(
                f"ScanningTip: a line along {self.along!r} on surface = {self.surface!r} is not on "
                f"a device in {dimensions} dimensions. Give along one of {', '.join(axes)}."
            )

    def axes(self, dimensions: int) -> list[str]:
        """The axes of the surface."""
        side = SIDES.index(self.surface) // 2 if self.surface in SIDES else dimensions
        return [axis for k, axis in enumerate(AXES[:dimensions]) if k != side]


class _Surface:
    """The nodes of a surface, and what a tip reads there."""

    def __init__(
        self, tip: ScanningTip, problem: GridProblem, temperature: Float[Array, "*cells node"]
    ):
        dimensions = problem.dimensions
        self.axes = [AXES.index(name) for name in tip.axes(dimensions)]
        self.repeats = [problem.periodic[k] for k in self.axes]
        # cells, then the ends of each axis: of a node's bits that of the first axis is the last
        nodes = temperature.reshape(*problem.cells, *(2,) * dimensions)
        order = (*range(dimensions), *reversed(range(dimensions, 2 * dimensions)))
        self.rise, self.solid = jnp.transpose(nodes, order), problem.solid
        if tip.surface in SIDES:
            axis, end = divmod(SIDES.index(tip.surface), 2)
            self.rise = jnp.take(jnp.take(self.rise, end, dimensions + axis), -end, axis)
            self.solid = jnp.take(self.solid, -end, axis)
        self.face = [jnp.pad(jnp.cumsum(problem.width[k]), (1, 0)) for k in self.axes]

    def read(self, places: list[Float[Array, " _"]], radius: Array) -> Float[Array, "*places"]:
        """The mean rise in the spot at all combinations of places along the axes."""
        along = zip(self.face, places, self.repeats, strict=True)
        weights = [_weights(face, place, radius, repeats) for face, place, repeats in along]
        solid = self.solid.reshape(*self.solid.shape, *(1,) * len(weights))
        how = "mia,ia->m" if len(weights) == 1 else "mia,njb,ijab->mn"
        felt = jnp.einsum(how, *weights, solid * self.rise)
        met = jnp.einsum(how, *weights, solid * jnp.ones_like(self.rise))
        return jnp.where(met > 0, felt / jnp.where(met > 0, met, 1), jnp.nan)


def _weights(
    face: Float[Array, " face"], place: Float[Array, " place"], radius: Array, repeats: bool
) -> Float[Array, "place cell 2"]:
    """What the nodes at both ends of each cell count in spots at places along an axis."""
    length = face[-1]
    total: Any = 0
    for image in range(-IMAGES, IMAGES + 1) if repeats else (0,):
        away = face[None] + image * length - place[:, None]
        mass = jnp.diff(jax.scipy.special.ndtr(away / radius), axis=1)
        slope = jnp.diff(jnp.exp(-((away / radius) ** 2) / 2), axis=1)
        first = -radius / jnp.sqrt(2 * jnp.pi).astype(face.dtype) * slope
        upper = (first - away[:, :-1] * mass) / jnp.diff(face)[None]
        total = total + jnp.stack([mass - upper, upper], axis=-1)
    return total


def scanned(
    tip: ScanningTip | None,
    problem: GridProblem,
    temperature: Float[Array, "*cells node"],
    middle: Array,
    length: Array,
) -> dict[str, Array]:
    """The fields of an `AbstractScanned`, from rises of nodes above the temperature `middle`."""
    if tip is None:
        return {}
    surface = _Surface(tip, problem, temperature)
    sizes = [face[-1] for face in surface.face]
    line = surface.axes.index(AXES.index(tip.along))
    along = jnp.linspace(0, 1, tip.points, dtype=temperature.dtype) * sizes[line]
    places = [along]
    if len(sizes) == 2:
        across = sizes[1 - line] / 2 if tip.across is None else tip.across
        places.insert(1 - line, jnp.reshape(across, (1,)))

    def reading(radius: Array) -> Float[Array, " tip"]:
        return middle + surface.read(places, radius).ravel()

    found = {
        "tip_position": length * along,
        "tip_temperature": reading(tip.radius),
        "surface_temperature": reading(SHARP * sizes[line]),
    }
    if tip.surface == PLANE:
        middles = [(face[1:] + face[:-1]) / 2 for face in surface.face]
        read = middle + surface.read(middles, tip.radius)
        found["tip_map"] = read.reshape((*problem.cells, 1)[:3])
    return found
