"""Phonon Boltzmann transport: films and gratings, from diffusive to ballistic."""

from jaxneq.materials import GrayMaterial as GrayMaterial
from jaxneq.materials import PhononBands as PhononBands

from ._bose_einstein import BoseEinsteinNewton as BoseEinsteinNewton
from ._bose_einstein import BoseEinsteinSolution as BoseEinsteinSolution
from ._discrete_ordinates import DiscreteOrdinates as DiscreteOrdinates
from ._films import CrossPlaneFilm as CrossPlaneFilm
from ._films import FilmSolution as FilmSolution
from ._grating import GratingSolution as GratingSolution
from ._grating import GratingTransient as GratingTransient
from ._grating import TransientGrating as TransientGrating
from ._grating_response import ForcedResponse as ForcedResponse
from ._grating_response import LateDecay as LateDecay
from ._grating_response import WeakResponse as WeakResponse
from ._heated_film import HeatedFilm as HeatedFilm
from ._heated_film import HeatedFilmSolution as HeatedFilmSolution
from ._integral_equation import IntegralEquation as IntegralEquation
from ._interfaces import AbstractInterface as AbstractInterface
from ._interfaces import AcousticMismatch as AcousticMismatch
from ._interfaces import DiffuseMismatch as DiffuseMismatch
from ._interfaces import GivenTransmission as GivenTransmission
from ._laplace import LaplaceInversion as LaplaceInversion
from ._layered_film import LayeredFilm as LayeredFilm
from ._layered_film import LayeredFilmSolution as LayeredFilmSolution
from ._walls import AbstractWall as AbstractWall
from ._walls import BlackWall as BlackWall
from ._walls import DiffuseWall as DiffuseWall
from ._walls import SpecularWall as SpecularWall
