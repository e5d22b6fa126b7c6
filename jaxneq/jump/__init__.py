"""Jump processes: Markov networks and chemical reactions, exact, in time and sampled."""

from ._channel_network import ChannelNetwork as ChannelNetwork
from ._channel_network import State as State
from ._channels import AbstractChannel as AbstractChannel
from ._channels import Channel as Channel
from ._channels import ThermalChannel as ThermalChannel
from ._counting_statistics import CountingState as CountingState
from ._counting_statistics import CountingStatistics as CountingStatistics
from ._first_passage import FirstPassage as FirstPassage
from ._first_passage import PassageState as PassageState
from ._glass_memory import Ageing as Ageing
from ._glass_memory import GlassState as GlassState
from ._glass_memory import Kovacs as Kovacs
from ._markov_network import MarkovNetwork as MarkovNetwork
from ._motor_cycle import MotorCycle as MotorCycle
from ._motor_cycle import MotorState as MotorState
from ._motors import AbstractMotor as AbstractMotor
from ._motors import Kinesin as Kinesin
from ._motors import TwoStateMotor as TwoStateMotor
from ._network import AbstractJump as AbstractJump
from ._network import Network as Network
from ._network_in_time import MasterEquation as MasterEquation
from ._network_in_time import NetworkInTime as NetworkInTime
from ._network_state import NetworkState as NetworkState
from ._stationary_state import StationaryState as StationaryState
from ._trap_model import TrapModel as TrapModel
