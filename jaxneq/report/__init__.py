"""Figures and the page, drawn from a result file and nothing else."""

from ._build import build as build
from ._figure import figure as figure
from ._findings import summary as summary
