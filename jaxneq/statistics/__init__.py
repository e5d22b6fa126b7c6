"""Accumulators that merge: what a sampled run finds, in constant memory."""

from ._time_average import Mean as Mean
from ._time_average import TimeAverage as TimeAverage
