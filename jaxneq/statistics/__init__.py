"""Accumulators that merge: what a sampled run finds, in constant memory."""

from ._ensemble_average import EnsembleAverage as EnsembleAverage
from ._ensemble_average import Moments as Moments
from ._series import Recording as Recording
from ._series import Series as Series
from ._time_average import Mean as Mean
from ._time_average import TimeAverage as TimeAverage
