"""Transport far from equilibrium: state the physics, choose a method, apply a verb, differentiate.

>>> from jaxneq import phonon, steady
>>> film = phonon.CrossPlaneFilm(material=materials.model("Si"), thickness=100e-9)
>>> steady(film).conductivity
"""

from . import langevin as langevin
from . import materials as materials
from . import phonon as phonon
from ._core import Estimate as Estimate
from ._core import Interrupted as Interrupted
from ._core import SolveError as SolveError
from ._core import Status as Status
from ._core import evolve as evolve
from ._core import run as run
from ._core import simulate as simulate
from ._core import steady as steady
from ._version import __version__ as __version__
