"""Exclusion lattices: particles that hop and cannot pass each other, in and out of reservoirs."""

from ._domain_wall import DomainWall as DomainWall
from ._domain_wall import WallState as WallState
from ._generator import Generator as Generator
from ._gillespie import ExclusionEnsemble as ExclusionEnsemble
from ._gillespie import Gillespie as Gillespie
from ._langmuir import LangmuirASEP as LangmuirASEP
from ._last_passage import LastPassage as LastPassage
from ._last_passage import PassageTime as PassageTime
from ._last_passage import last_passage as last_passage
from ._last_passage import passage_time as passage_time
from ._lattice import AbstractExclusion as AbstractExclusion
from ._lattice import Lattice as Lattice
from ._matrix_product import MatrixProduct as MatrixProduct
from ._mean_field import MeanField as MeanField
from ._ribosomes import CodonControl as CodonControl
from ._ribosomes import RibosomeTraffic as RibosomeTraffic
from ._ribosomes import TranslationState as TranslationState
from ._ring import RingASEP as RingASEP
from ._ring import UniformMeasure as UniformMeasure
from ._ring import tagged_diffusion as tagged_diffusion
from ._state import ExclusionState as ExclusionState
from ._step import StepASEP as StepASEP
from ._step import StepFlux as StepFlux
from ._systems import OpenASEP as OpenASEP
from ._tracy_widom import tracy_widom as tracy_widom
