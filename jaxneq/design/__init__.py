"""Inverse design: parameters that a gradient makes best, for every engine.

It sees functions of pytrees only and imports no engine.
"""

from ._density_field import DensityField as DensityField
from ._inference import Posterior as Posterior
from ._inference import fit as fit
from ._inference import posterior as posterior
from ._optimize import optimize as optimize
from ._optimizers import LBFGS as LBFGS
from ._optimizers import AbstractOptimizer as AbstractOptimizer
from ._optimizers import Adam as Adam
from ._optimum import Optimum as Optimum
from ._robust import expectation as expectation
from ._robust import front as front
from ._robust import smooth_maximum as smooth_maximum
from ._robust import worst_case as worst_case
from ._sample import sample as sample
from ._selection import Selection as Selection
from ._spaces import AbstractSpace as AbstractSpace
from ._spaces import Bounded as Bounded
from ._spaces import Free as Free
from ._spaces import Positive as Positive
from ._spaces import Simplex as Simplex
from ._spaces import Symmetric as Symmetric
from ._validation import validation as validation
