"""Jump processes: Markov networks and chemical reactions, exact, in time and sampled."""

from ._bistability import Bistability as Bistability
from ._bistability import TwoStates as TwoStates
from ._channel_network import ChannelNetwork as ChannelNetwork
from ._channel_network import State as State
from ._channels import AbstractChannel as AbstractChannel
from ._channels import Channel as Channel
from ._channels import ThermalChannel as ThermalChannel
from ._chemical_langevin import ChemicalLangevin as ChemicalLangevin
from ._gillespie import Gillespie as Gillespie
from ._jump_ensemble import JumpEnsemble as JumpEnsemble
from ._markov_network import MarkovNetwork as MarkovNetwork
from ._master_equation import ChemicalMasterEquation as ChemicalMasterEquation
from ._master_equation import CountDistribution as CountDistribution
from ._network import AbstractJump as AbstractJump
from ._network import Network as Network
from ._network_state import NetworkState as NetworkState
from ._rate_equations import RateEquations as RateEquations
from ._rate_solutions import RateCourse as RateCourse
from ._rate_solutions import SteadyRates as SteadyRates
from ._reaction_network import ReactionNetwork as ReactionNetwork
from ._sbml import from_sbml as from_sbml
from ._stationary_state import StationaryState as StationaryState
from ._tau_leaping import TauLeaping as TauLeaping
