"""Exclusion lattices: particles that hop and cannot pass each other, in and out of reservoirs."""

from ._current_statistics import ConditionedState as ConditionedState
from ._current_statistics import CurrentStatistics as CurrentStatistics
from ._generator import Generator as Generator
from ._lattice import AbstractExclusion as AbstractExclusion
from ._lattice import Lattice as Lattice
from ._matrix_product import MatrixProduct as MatrixProduct
from ._max_plus import EntryTimes as EntryTimes
from ._max_plus import MaxPlus as MaxPlus
from ._ring import RingASEP as RingASEP
from ._ring import UniformMeasure as UniformMeasure
from ._ring import tagged_diffusion as tagged_diffusion
from ._split_step import LatticeAverages as LatticeAverages
from ._split_step import SplitStep as SplitStep
from ._state import ExclusionState as ExclusionState
from ._systems import OpenASEP as OpenASEP
