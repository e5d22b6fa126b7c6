"""Phonon Boltzmann transport: films, from diffusive to ballistic."""

from jaxneq.materials import GrayMaterial as GrayMaterial
from jaxneq.materials import PhononBands as PhononBands

from ._discrete_ordinates import DiscreteOrdinates as DiscreteOrdinates
from ._films import CrossPlaneFilm as CrossPlaneFilm
from ._films import FilmSolution as FilmSolution
from ._integral_equation import IntegralEquation as IntegralEquation
