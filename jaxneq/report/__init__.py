"""Figures and the page, drawn from a result file and nothing else; and the figure of a material."""

from ._build import build as build
from ._build import build_material as build_material
from ._figure import figure as figure
from ._findings import summary as summary
from ._material import material_figure as material_figure
from ._units import plain as plain
