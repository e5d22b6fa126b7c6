"""Figures and the page of a result file; figures of materials and structures."""

from ._build import build as build
from ._build import build_geometry as build_geometry
from ._build import build_material as build_material
from ._figure import figure as figure
from ._findings import summary as summary
from ._geometry import geometry_figure as geometry_figure
from ._material import material_figure as material_figure
from ._units import plain as plain
