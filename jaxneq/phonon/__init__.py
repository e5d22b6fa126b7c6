"""Phonon Boltzmann transport: films and wires, from diffusive to ballistic."""

from jaxneq.materials import GrayMaterial as GrayMaterial
from jaxneq.materials import PhononBands as PhononBands

from ._channel_solution import ChannelEnsemble as ChannelEnsemble
from ._channel_solution import ChannelSolution as ChannelSolution
from ._channels import InPlaneFilm as InPlaneFilm
from ._channels import Nanowire as Nanowire
from ._channels import RectangularWire as RectangularWire
from ._closed_form import ClosedForm as ClosedForm
from ._discrete_ordinates import DiscreteOrdinates as DiscreteOrdinates
from ._films import CrossPlaneFilm as CrossPlaneFilm
from ._films import FilmSolution as FilmSolution
from ._integral_equation import IntegralEquation as IntegralEquation
from ._limits import BallisticLimit as BallisticLimit
from ._limits import DiffusiveLimit as DiffusiveLimit
from ._path_monte_carlo import PathMonteCarlo as PathMonteCarlo
