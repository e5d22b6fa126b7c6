"""Langevin dynamics: Brownian particles in traps, with work, heat and entropy."""

from ._exact_gaussian import ExactGaussian as ExactGaussian
from ._gaussian_moments import GaussianMoments as GaussianMoments
from ._ornstein_uhlenbeck import OrnsteinUhlenbeck as OrnsteinUhlenbeck
from ._ornstein_uhlenbeck import TrapEnsemble as TrapEnsemble
from ._ornstein_uhlenbeck import TrapSteadyState as TrapSteadyState
from ._ornstein_uhlenbeck import TrapTransient as TrapTransient
