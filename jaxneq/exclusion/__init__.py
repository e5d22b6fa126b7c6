"""Exclusion lattices: particles that hop and cannot pass each other, in and out of reservoirs."""

from ._lattice import AbstractExclusion as AbstractExclusion
from ._lattice import Lattice as Lattice
from ._matrix_product import MatrixProduct as MatrixProduct
from ._max_plus import EntryTimes as EntryTimes
from ._max_plus import MaxPlus as MaxPlus
from ._state import ExclusionState as ExclusionState
from ._systems import OpenASEP as OpenASEP
from ._split_step import LatticeAverages as LatticeAverages
from ._split_step import SplitStep as SplitStep
