"""Phonon Boltzmann transport: films and gratings, from diffusive to ballistic."""

from jaxneq.materials import GrayMaterial as GrayMaterial
from jaxneq.materials import PhononBands as PhononBands

from ._discrete_ordinates import DiscreteOrdinates as DiscreteOrdinates
from ._films import CrossPlaneFilm as CrossPlaneFilm
from ._films import FilmSolution as FilmSolution
from ._grating import GratingSolution as GratingSolution
from ._grating import GratingTransient as GratingTransient
from ._grating import TransientGrating as TransientGrating
from ._grating_response import ForcedResponse as ForcedResponse
from ._grating_response import LateDecay as LateDecay
from ._grating_response import WeakResponse as WeakResponse
from ._integral_equation import IntegralEquation as IntegralEquation
from ._laplace import LaplaceInversion as LaplaceInversion
