"""Material data: every number with unit and source, evaluated at any temperature.

``phonon("Si", temperature=300.0)`` gives the bands at one temperature; ``model("Si")`` gives the
material itself, which follows the temperature of the system that it is put into.
``measured(name)`` gives published measurements to compare with.
"""

from ._ab_initio import AbInitioMaterial as AbInitioMaterial
from ._branch import FREQUENCY_UNIT as FREQUENCY_UNIT
from ._branch import HBAR_OVER_KB as HBAR_OVER_KB
from ._branch import WAVEVECTOR_UNIT as WAVEVECTOR_UNIT
from ._branch import AbstractDispersionLaw as AbstractDispersionLaw
from ._branch import Branch as Branch
from ._branch import QuadraticDispersion as QuadraticDispersion
from ._branch import Scattering as Scattering
from ._branch import SineDispersion as SineDispersion
from ._callaway import DriftingBands as DriftingBands
from ._data import is_path as is_path
from ._data import model as model
from ._data import names as names
from ._data import numbers as numbers
from ._data import phonon as phonon
from ._data import record as record
from ._dispersion import IsotropicDispersion as IsotropicDispersion
from ._matched import matched as matched
from ._measured import Measured as Measured
from ._measured import measured as measured
from ._measured import measured_names as measured_names
from ._measured import measured_record as measured_record
from ._metals import LatticeBand as LatticeBand
from ._metals import Metal as Metal
from ._metals import metal_names as metal_names
from ._metals import metal_record as metal_record
from ._modes import ANISOTROPIC as ANISOTROPIC
from ._modes import ModeSpectrum as ModeSpectrum
from ._modes import ModeTable as ModeTable
from ._modes import PhononModes as PhononModes
from ._phonon import AbstractPhononMaterial as AbstractPhononMaterial
from ._phonon import GrayMaterial as GrayMaterial
from ._phonon import MatchedBands as MatchedBands
from ._phonon import Number as Number
from ._phonon import PhononBands as PhononBands
from ._point_defects import PointDefects as PointDefects
from ._point_defects import mass_variance as mass_variance
from ._spectrum import MeanFreePathSpectrum as MeanFreePathSpectrum
