"""Langevin dynamics: Brownian particles, with work, heat and entropy along their paths."""

from ._ensemble import LangevinEnsemble as LangevinEnsemble
from ._euler_maruyama import EulerMaruyama as EulerMaruyama
from ._fokker_planck import FokkerPlanck as FokkerPlanck
from ._fokker_planck_solution import FokkerPlanckSolution as FokkerPlanckSolution
from ._potentials import AbstractPotential as AbstractPotential
from ._potentials import BreathingHarmonic as BreathingHarmonic
from ._potentials import DoubleWell as DoubleWell
from ._potentials import Harmonic as Harmonic
from ._potentials import Quadratic as Quadratic
from ._potentials import TiltedCosine as TiltedCosine
from ._protocols import AbstractProtocol as AbstractProtocol
from ._protocols import LinearRamp as LinearRamp
from ._protocols import PiecewiseLinear as PiecewiseLinear
from ._protocols import SmoothRamp as SmoothRamp
from ._protocols import Together as Together
from ._splitting import BAOAB as BAOAB
from ._splitting import OBABO as OBABO
from ._surroundings import AbstractDrive as AbstractDrive
from ._surroundings import AbstractProfile as AbstractProfile
from ._surroundings import CosineProfile as CosineProfile
from ._surroundings import PerCoordinate as PerCoordinate
from ._surroundings import Rotation as Rotation
from ._systems import AbstractLangevin as AbstractLangevin
from ._systems import Overdamped as Overdamped
from ._systems import Underdamped as Underdamped
