"""Ensembles in blocks, spread over the devices that there are."""

from ._blocks import block_count as block_count
from ._blocks import map_blocks as map_blocks
from ._blocks import members as members
